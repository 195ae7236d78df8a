//! The entries of a tar file (ustar, pax and GNU), and where each begins and ends.
//!
//! The crate `tar` names the fields of a header; the walk from header to header is here, because
//! it is where two readers come to differ, and an archive that shows one file to a scanner and
//! another to the unpacker is an attack (CVE-2025-62518). Whatever could be read in two ways is
//! refused: sizes that contradict each other, a name given twice, data where a type has none, a
//! number with junk in it, an archive without its end mark.

use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

use super::pax::{Records, decimal};
use super::stream::{BLOCK, Stream, truncated};
use super::{Judged, Refusal};
use crate::sys::Errno;

/// The most that an extended header may hold.
const EXTENDED: u64 = 1 << 20;
/// The largest size that eleven octal digits hold.
const OCTAL_MAX: u64 = 0o777_7777_7777;
/// The most pieces of data that a sparse file may have.
const PIECES: usize = 1 << 20;

/// What an entry makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link with this text.
    Symlink(Vec<u8>),
    /// Another name for the file that an earlier entry has made.
    Link(Vec<u8>),
    /// A named pipe.
    Fifo,
    /// A character device: major and minor number.
    Character(u64, u64),
    /// A block device: major and minor number.
    Block(u64, u64),
}

impl Kind {
    /// The kind in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink(_) => "symbolic link",
            Self::Link(_) => "hard link",
            Self::Fifo => "named pipe",
            Self::Character(..) => "character device",
            Self::Block(..) => "block device",
        }
    }
}

/// One entry, as the archive has it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name, not judged.
    pub name: Vec<u8>,
    /// What it makes.
    pub kind: Kind,
    /// Permission bits with set-ID and sticky bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// Seconds and nanoseconds since 1970.
    pub mtime: (i64, i64),
    /// Extended attributes.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The file's size.
    pub size: u64,
    /// Where its data lies: offset and length of each piece. All of it is one where it is not sparse.
    pub pieces: Vec<(u64, u64)>,
}

/// What precedes an entry and belongs to it.
#[derive(Default)]
struct Before {
    records: Option<Records>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

/// Walks through an archive.
pub struct Reader {
    /// The bytes.
    pub stream: Stream,
    global: Records,
    /// Data of the current entry that has not been read.
    left: u64,
    /// What fills its last block.
    padding: u64,
    path_limit: usize,
}

impl Reader {
    /// Starts at the first header.
    pub fn new(stream: Stream, path_limit: usize) -> Self {
        Self { stream, global: Records::default(), left: 0, padding: 0, path_limit }
    }

    /// The next entry; none after the end mark. What was not read of the last one is passed over.
    pub fn advance(&mut self) -> Judged<Option<Entry>> {
        self.stream.skip(self.left + self.padding)?;
        (self.left, self.padding) = (0, 0);
        let mut before = Before::default();
        loop {
            let block = self.stream.block()?.ok_or_else(|| Refusal::new(Errno::EBADMSG, "the archive has no end mark: it is truncated"))?;
            if block == [0; BLOCK] {
                if before.records.is_some() || before.name.is_some() || before.link.is_some() {
                    return Err(Refusal::new(Errno::EBADMSG, "the archive ends between an extended header and its entry"));
                }
                if self.stream.block()?.ok_or_else(truncated)? != [0; BLOCK] {
                    return Err(Refusal::new(Errno::EBADMSG, "there is data after the archive's end mark"));
                }
                self.stream.only_zeros_left()?;
                return Ok(None);
            }
            let header = Header::from_byte_slice(&block);
            let name = header.path_bytes().into_owned();
            if let Some(entry) = self.header(header, &mut before).map_err(|refusal| refusal.at(&name))? {
                return Ok(Some(entry));
            }
        }
    }

    /// Some of the current entry's data; 0 at its end.
    pub fn data(&mut self, buffer: &mut [u8]) -> Judged<usize> {
        let part = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        self.stream.exact(buffer.get_mut(..part).unwrap_or_default())?;
        self.left -= part as u64;
        Ok(part)
    }

    fn header(&mut self, header: &Header, before: &mut Before) -> Judged<Option<Entry>> {
        check_sum(header)?;
        let old = header.as_old();
        let magic = header.as_ustar().is_some() || header.as_gnu().is_some() || old.pad.iter().take(8).all(|byte| *byte == 0);
        if !magic {
            return Err(Refusal::new(Errno::EBADMSG, "a header of an unknown format"));
        }
        let stored = unsigned(&old.size).ok_or_else(|| Refusal::new(Errno::EBADMSG, "its size is not a number"))?;
        match old.linkflag[0] {
            b'g' => {
                let records = Records::parse(&self.content(stored, EXTENDED)?)?;
                let name_or_size = ["path", "linkpath", "size"].iter().find(|key| records.get(key).is_some());
                let sparse = records.with_prefix("GNU.sparse.").next().is_some();
                if name_or_size.is_some() || sparse || has_xattrs(&records) {
                    return Err(Refusal::new(Errno::EBADMSG, "a global header that sets names, sizes or attributes of all files"));
                }
                self.global.merge(records);
                Ok(None)
            }
            b'x' => {
                let records = Records::parse(&self.content(stored, EXTENDED)?)?;
                once(&mut before.records, records, "two extended headers for one entry")
            }
            b'L' => {
                let name = self.long_name(stored)?;
                once(&mut before.name, name, "two long names for one entry")
            }
            b'K' => {
                let name = self.long_name(stored)?;
                once(&mut before.link, name, "two long link names for one entry")
            }
            _ => self.entry(header, std::mem::take(before), stored).map(Some),
        }
    }

    /// The content of an extended header, whole.
    fn content(&mut self, size: u64, limit: u64) -> Judged<Vec<u8>> {
        if size > limit {
            return Err(Refusal::new(Errno::EFBIG, format!("an extended header of {size} bytes; {limit} are the most")));
        }
        let mut content = vec![0; usize::try_from(size).unwrap_or_default()];
        self.stream.exact(&mut content)?;
        self.stream.skip(padding(size))?;
        Ok(content)
    }

    /// A GNU long name: text and then NUL bytes to the end.
    fn long_name(&mut self, size: u64) -> Judged<Vec<u8>> {
        let content = self.content(size, self.path_limit as u64 + 1)?;
        let end = content.iter().position(|byte| *byte == 0).unwrap_or(content.len());
        if content.iter().skip(end).any(|byte| *byte != 0) {
            return Err(Refusal::new(Errno::EBADMSG, "a long name with text after its end"));
        }
        Ok(content.into_iter().take(end).collect())
    }

    fn entry(&mut self, header: &Header, before: Before, stored: u64) -> Judged<Entry> {
        let own = before.records.unwrap_or_default();
        let mut records = self.global.clone();
        records.merge(own.clone());
        let old = header.as_old();
        let name = pick(before.name, own.get("path"), "name")?.unwrap_or_else(|| header.path_bytes().into_owned());
        let link = pick(before.link, own.get("linkpath"), "link name")?
            .unwrap_or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default());
        let bad = |what: &str| Refusal::new(Errno::EBADMSG, format!("its {what} is not a number")).at(&name);
        let stored = agree(stored, own.number("size")?).map_err(|refusal| refusal.at(&name))?;
        let kind = kind(header, link).map_err(|refusal| refusal.at(&name))?;
        let mode = unsigned(&old.mode).and_then(|mode| u32::try_from(mode).ok()).ok_or_else(|| bad("mode"))? & 0o7777;
        let mtime = match records.time("mtime")? {
            Some(time) => time,
            None => (signed(&old.mtime).ok_or_else(|| bad("time"))?, 0),
        };
        let uid = records.number("uid")?.map_or_else(|| unsigned(&old.uid).ok_or_else(|| bad("owner")), Ok)?;
        let gid = records.number("gid")?.map_or_else(|| unsigned(&old.gid).ok_or_else(|| bad("group")), Ok)?;
        let xattrs = own.with_prefix("SCHILY.xattr.").map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        let mut entry = Entry { name, kind, mode, uid, gid, mtime, xattrs, size: stored, pieces: Vec::new() };
        if entry.kind != Kind::File && stored != 0 {
            let reason = format!("a {} with {stored} bytes of data: readers differ on where it ends", entry.kind.word());
            return Err(Refusal::new(Errno::EBADMSG, reason).at(&entry.name));
        }
        (self.left, self.padding) = (stored, padding(stored));
        self.sparse(header, &own, &mut entry).map_err(|refusal| refusal.at(&entry.name))?;
        if entry.kind == Kind::File && entry.name.ends_with(b"/") {
            return Err(Refusal::new(Errno::EBADMSG, "a file whose name ends with a slash").at(&entry.name));
        }
        Ok(entry)
    }

    /// Finds the pieces of a sparse file, in whichever of the four forms they are written.
    fn sparse(&mut self, header: &Header, records: &Records, entry: &mut Entry) -> Judged<()> {
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

fn has_xattrs(records: &Records) -> bool {
    ["SCHILY.xattr.", "LIBARCHIVE.xattr."].iter().any(|prefix| records.with_prefix(prefix).next().is_some())
}

fn kind(header: &Header, link: Vec<u8>) -> Judged<Kind> {
    let device =
        |field: Option<&[u8]>| field.and_then(unsigned).ok_or_else(|| Refusal::new(Errno::EBADMSG, "its device number is not a number"));
    let (major, minor) = match (header.as_ustar(), header.as_gnu()) {
        (Some(ustar), _) => (Some(&ustar.dev_major[..]), Some(&ustar.dev_minor[..])),
        (_, Some(gnu)) => (Some(&gnu.dev_major[..]), Some(&gnu.dev_minor[..])),
        _ => (None, None),
    };
    Ok(match header.as_old().linkflag[0] {
        0 | b'0' | b'7' | b'S' => Kind::File,
        b'1' => Kind::Link(link),
        b'2' => Kind::Symlink(link),
        b'3' => Kind::Character(device(major)?, device(minor)?),
        b'4' => Kind::Block(device(major)?, device(minor)?),
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        other => {
            let reason = format!("an entry of the unknown type '{}'", other.escape_ascii());
            return Err(Refusal::new(Errno::EBADMSG, reason));
        }
    })
}

/// Takes what may be there only once.
fn once<T>(slot: &mut Option<T>, value: T, reason: &str) -> Judged<Option<Entry>> {
    if slot.replace(value).is_some() {
        return Err(Refusal::new(Errno::EBADMSG, reason));
    }
    Ok(None)
}

/// The one name that is given in an extension.
fn pick(long: Option<Vec<u8>>, record: Option<&[u8]>, what: &str) -> Judged<Option<Vec<u8>>> {
    match (long, record) {
        (Some(_), Some(_)) => Err(Refusal::new(Errno::EBADMSG, format!("two extensions that give the entry a {what}"))),
        (Some(name), None) => Ok(Some(name)),
        (None, record) => Ok(record.map(<[u8]>::to_vec)),
    }
}

/// The size in the header and that in the extended header. Only a size that eleven octal digits
/// cannot hold may differ.
fn agree(header: u64, record: Option<u64>) -> Judged<u64> {
    match record {
        Some(size) if size != header && size <= OCTAL_MAX => {
            let reason = format!("two sizes: {header} in its header, {size} in its extended header");
            Err(Refusal::new(Errno::EBADMSG, reason))
        }
        Some(size) => Ok(size),
        None => Ok(header),
    }
}

/// What fills the last block of `size` bytes.
fn padding(size: u64) -> u64 {
    let block = BLOCK as u64;
    (block - size % block) % block
}

/// The sum of a header's bytes, with those of the sum itself as spaces.
fn check_sum(header: &Header) -> Judged<()> {
    let bytes = header.as_bytes().iter().enumerate();
    let sum: u64 = bytes.map(|(index, byte)| if (148..156).contains(&index) { 32 } else { u64::from(*byte) }).sum();
    if unsigned(&header.as_old().cksum) == Some(sum) {
        return Ok(());
    }
    Err(Refusal::new(Errno::EBADMSG, "a header with a wrong checksum: damaged, or no tar file"))
}

/// A number in a header: octal digits, or base 256 where the first bit is set. Empty is 0.
///
/// Unlike in the crate, digits with junk around them and numbers that do not fit are no numbers.
fn unsigned(field: &[u8]) -> Option<u64> {
    let first = *field.first()?;
    if first & 0x80 != 0 {
        let negative = first & 0x40 != 0;
        let start = u64::from(first & 0x3f);
        let rest = field.get(1..)?;
        return rest.iter().try_fold(start, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte))).filter(|_| !negative);
    }
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| !(b'0'..=b'7').contains(byte)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if rest.first().is_some_and(|byte| ![0, b' '].contains(byte)) {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| sum.checked_mul(8)?.checked_add(u64::from(byte - b'0')))
}

/// A time, which may lie before 1970 in base 256.
fn signed(field: &[u8]) -> Option<i64> {
    if field.first() == Some(&0xff) {
        let bytes: [u8; 8] = field.get(field.len().checked_sub(8)?..)?.try_into().ok()?;
        let high = field.get(..field.len() - 8)?.iter().all(|byte| *byte == 0xff);
        return Some(i64::from_be_bytes(bytes)).filter(|value| high && *value < 0);
    }
    unsigned(field).and_then(|value| i64::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_junk_are_no_numbers() {
        for field in [&b"+7"[..], b"-1", b"8", b"0x1", b"7a", b"1\x007a8"] {
            let wanted = if field == b"1\x007a8" { Some(1) } else { None };
            assert_eq!(unsigned(field), wanted, "{}", field.escape_ascii());
        }
        assert_eq!(unsigned(b"\x80\0\0\0\0\0\0\0\0\0\x01\0"), Some(256));
        assert_eq!(unsigned(b"\x80\0\0\x01\0\0\0\0\0\0\0\0"), None);
        assert_eq!(unsigned(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(signed(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), Some(-1));
        assert_eq!(unsigned(b"  0000644\0"), Some(0o644));
    }
}
