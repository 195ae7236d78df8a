//! Single members of an archive, read without unpacking it: an image that came as one tar file.
//!
//! A plain tar file is sought through, so that its large members are not read to find the next;
//! in a compressed one everything before a member is decompressed.

use std::io::{self, Read};

use super::reader::{Kind, Reader};
use super::{Judged, Limits, Refusal, Source, names, stream};
use crate::sys::Errno;

/// The names of members are judged as those of files are.
const NAME: usize = 4095;
/// A member of an archive.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name without dots and doubled slashes; empty for `./`.
    pub name: Vec<u8>,
    /// What it is, in a word: "file", "directory", "symbolic link" …
    pub kind: &'static str,
    /// Bytes of its content.
    pub size: u64,
    /// What a symbolic or hard link says.
    pub link: Option<Vec<u8>>,
}

/// The size of the archive is that of the file: what is unpacked of it has limits of its own.
fn limits(ratio: u64) -> Limits {
    Limits { size: u64::MAX, ratio, ..Limits::default() }
}

fn walk(source: &Source, mut visit: impl FnMut(Member, &mut Reader) -> Judged<bool>) -> Judged<Option<Reader>> {
    let mut reader = Reader::new(stream::skim(source, &limits(Limits::default().ratio))?, NAME);
    while let Some(entry) = reader.advance()? {
        let name = names::judge(&entry.name, 0, NAME).map_err(|refusal| refusal.at(&entry.name))?.unwrap_or_default();
        let whole = entry.pieces.iter().map(|(_, length)| length).sum::<u64>() == entry.size;
        let link = match &entry.kind {
            Kind::Symlink(text) | Kind::Link(text) => Some(text.clone()),
            _ => None,
        };
        let kind = if whole { entry.kind.word() } else { "sparse file" };
        if visit(Member { name, kind, size: entry.size, link }, &mut reader)? {
            return Ok(Some(reader));
        }
    }
    Ok(None)
}

/// Every member, in order. A name that comes twice is refused: readers differ on which one counts.
pub fn list(source: &Source, most: usize) -> Judged<Vec<Member>> {
    let mut found = Vec::new();
    let mut seen = std::collections::HashSet::new();
    walk(source, |member, _| {
        if found.len() >= most {
            return Err(Refusal::new(Errno::EFBIG, format!("the archive has more than {most} members (limit)")));
        }
        if !seen.insert(member.name.clone()) && member.kind != "directory" {
            return Err(Refusal::new(Errno::EEXIST, "the name comes twice").at(&member.name));
        }
        found.push(member);
        Ok(false)
    })?;
    Ok(found)
}

/// The content of a member, as a stream of bytes; where the name comes twice, of the first.
pub fn open(source: &Source, name: &[u8]) -> Judged<Box<dyn Read>> {
    let mut left = 0;
    let found = walk(source, |member, _| {
        if member.name != name {
            return Ok(false);
        }
        if member.kind != "file" {
            return Err(Refusal::new(Errno::EINVAL, format!("a {} where a file is expected", member.kind)).at(name));
        }
        left = member.size;
        Ok(true)
    })?;
    match found {
        Some(reader) => Ok(Box::new(Content { reader, left })),
        None => Err(Refusal::new(Errno::ENOENT, format!("the archive has no member \"{}\"", name.escape_ascii()))),
    }
}

/// The content of a member, whole; none where there is no such member.
pub fn read(source: &Source, name: &[u8], limit: u64) -> Judged<Option<Vec<u8>>> {
    let mut content = Vec::new();
    let opened = match open(source, name) {
        Err(refusal) if refusal.errno == Errno::ENOENT && refusal.entry.is_none() => return Ok(None),
        other => other?,
    };
    opened.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(|error| stream::damaged(&error).at(name))?;
    if content.len() as u64 > limit {
        return Err(Refusal::new(Errno::EFBIG, format!("it has more than {limit} bytes (limit)")).at(name));
    }
    Ok(Some(content))
}

struct Content {
    reader: Reader,
    left: u64,
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let count = self.reader.data(buffer).map_err(io::Error::other)?;
        self.left -= count as u64;
        Ok(count)
    }
}
