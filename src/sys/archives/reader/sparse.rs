//! Sparse files: a map says where their data belongs, the holes between are not in the archive.
//!
//! The map has four forms: in GNU's own header, and three of pax, one of which precedes the data.
//! Whichever it is, it must account for every byte of data there is.

use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

use super::super::pax::{Records, decimal};
use super::super::stream::BLOCK;
use super::super::{Judged, Refusal};
use super::fields::unsigned;
use super::{Entry, Kind, Reader};
use crate::sys::Errno;

/// The most pieces of data that a sparse file may have.
const PIECES: usize = 1 << 20;

impl Reader {
    /// Finds the pieces of a sparse file, in whichever of the four forms they are written.
    pub(super) fn sparse(&mut self, header: &Header, records: &Records, entry: &mut Entry) -> Judged<()> {
        let bad = || Refusal::new(Errno::EBADMSG, "its map of holes is malformed");
        let is_pax = records.with_prefix("GNU.sparse.").next().is_some();
        let pieces = if header.as_old().linkflag[0] == b'S' {
            let gnu = header.as_gnu().filter(|_| !is_pax).ok_or_else(bad)?;
            entry.size = unsigned(&gnu.realsize).ok_or_else(bad)?;
            self.gnu_pieces(&gnu.sparse, gnu.is_extended())?
        } else if is_pax {
            if let Some(name) = records.get("GNU.sparse.name") {
                entry.name = name.to_vec();
            }
            let size = records.number("GNU.sparse.realsize")?.or(records.number("GNU.sparse.size")?);
            entry.size = size.filter(|_| entry.kind == Kind::File).ok_or_else(bad)?;
            match (records.get("GNU.sparse.major"), records.get("GNU.sparse.minor"), records.get("GNU.sparse.map")) {
                (Some(b"1"), Some(b"0"), None) => self.pax_pieces()?,
                (None, None, Some(map)) => pairs(map.split(|byte| *byte == b',')).ok_or_else(bad)?,
                (None, None, None) => {
                    let mixed = records.with_prefix("GNU.sparse.").filter(|(key, _)| [&b"offset"[..], b"numbytes"].contains(key));
                    pairs(mixed.map(|(_, value)| value)).ok_or_else(bad)?
                }
                _ => return Err(bad()),
            }
        } else {
            entry.pieces = if entry.size > 0 { vec![(0, entry.size)] } else { Vec::new() };
            return Ok(());
        };
        // Pieces lie in order, do not overlap, end within the file, and are all the data there is.
        let (mut end, mut sum) = (0_u64, 0_u64);
        for (offset, length) in &pieces {
            let fits = *offset >= end;
            end = offset.checked_add(*length).filter(|end| fits && *end <= entry.size).ok_or_else(bad)?;
            sum += length;
        }
        if sum != self.left {
            return Err(bad());
        }
        entry.pieces = pieces.into_iter().filter(|(_, length)| *length > 0).collect();
        self.stream.count_holes(entry.size.saturating_sub(sum))
    }

    /// The map in an old GNU header, and in the blocks that continue it.
    fn gnu_pieces(&mut self, first: &[GnuSparseHeader], mut more: bool) -> Judged<Vec<(u64, u64)>> {
        let bad = || Refusal::new(Errno::EBADMSG, "its map of holes is malformed");
        let mut pieces = Vec::new();
        let mut take = |list: &[GnuSparseHeader]| -> Judged<()> {
            for piece in list.iter().filter(|piece| !piece.is_empty()) {
                pieces.push(unsigned(&piece.offset).zip(unsigned(&piece.numbytes)).ok_or_else(bad)?);
            }
            if pieces.len() > PIECES { Err(bad()) } else { Ok(()) }
        };
        take(first)?;
        while more {
            let mut block = GnuExtSparseHeader::new();
            self.stream.exact(block.as_mut_bytes())?;
            take(block.sparse())?;
            more = block.is_extended();
        }
        Ok(pieces)
    }

    /// The map at the start of the data: lines of decimal numbers, filled up to a whole block.
    fn pax_pieces(&mut self) -> Judged<Vec<(u64, u64)>> {
        let bad = || Refusal::new(Errno::EBADMSG, "its map of holes is malformed");
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut line = Vec::new();
        let mut wanted = 1;
        while lines.len() < wanted {
            let mut block = [0; BLOCK];
            if self.data(&mut block)? != BLOCK {
                return Err(bad());
            }
            for byte in block {
                match byte {
                    b'\n' if lines.len() < wanted => lines.push(std::mem::take(&mut line)),
                    _ if lines.len() >= wanted => break,
                    _ => line.push(byte),
                }
                if line.len() > 20 {
                    return Err(bad());
                }
                if let (1, Some(count)) = (wanted, lines.first()) {
                    let count = decimal(count).and_then(|count| usize::try_from(count).ok()).filter(|count| *count <= PIECES);
                    wanted = 1 + 2 * count.ok_or_else(bad)?;
                }
            }
        }
        pairs(lines.iter().skip(1).map(Vec::as_slice)).ok_or_else(bad)
    }
}

/// Numbers two by two.
fn pairs<'a>(numbers: impl Iterator<Item = &'a [u8]>) -> Option<Vec<(u64, u64)>> {
    let numbers: Vec<u64> = numbers.map(decimal).collect::<Option<_>>()?;
    let fine = numbers.len().is_multiple_of(2) && numbers.len() / 2 <= PIECES;
    fine.then(|| numbers.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect())
}
