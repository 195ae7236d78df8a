//! The entries of a tar file (ustar, pax and GNU), and where each begins and ends.
//!
//! The crate `tar` names the fields of a header; the walk from header to header is here, because
//! it is where two readers come to differ, and an archive that shows one file to a scanner and
//! another to the unpacker is an attack (CVE-2025-62518). Whatever could be read in two ways is
//! refused: sizes that contradict each other, a name given twice, data where a type has none, a
//! number with junk in it, an archive without its end mark.

use tar::Header;

use super::pax::Records;
use super::stream::{BLOCK, Stream, truncated};
use super::{Judged, Refusal};
use crate::sys::Errno;

mod fields;
mod sparse;

use fields::{check_sum, padding, signed, unsigned};

/// The most that an extended header may hold.
const EXTENDED: u64 = 1 << 20;
/// The largest size that eleven octal digits hold.
const OCTAL_MAX: u64 = 0o777_7777_7777;

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

    /// The next part of the current entry's data, where it lies: all of a small file's.
    pub fn part(&mut self, most: u64) -> Judged<&[u8]> {
        let bytes = self.stream.take(self.left.min(most))?;
        if bytes.is_empty() {
            return Err(truncated());
        }
        self.left -= bytes.len() as u64;
        Ok(bytes)
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
