//! Archives unpacked below a directory, with nothing trusted that they say.
//!
//! A tar file is a program for the file system: make this, link that, write there. The classic
//! attacks are names that leave the directory (`../`, `/etc/…`), a symlink followed by a file
//! "inside" of it, a hard link to a file of the host, two readers that disagree on where an entry
//! ends, and a few KiB that unpack to a full disk. So the work is split: [`stream`] decompresses
//! and counts, [`reader`] finds the entries and refuses what two readers could read differently,
//! [`names`] judges names, [`extract`] decides, and [`tree`] makes each change relative to a
//! descriptor that was reached without passing a symlink. Whatever is refused, what was made
//! before is removed again.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use super::Errno;
use super::digests::Digest;
use super::namespaces::ids::Range;

pub mod extract;
pub mod members;
pub mod names;
pub mod pax;
pub mod reader;
pub mod stream;
pub mod tree;
pub mod whiteouts;

/// Where an archive comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file of the host.
    Path(PathBuf),
    /// An open descriptor of this process; a pipe will do.
    Number(i32),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{:?}", path.display().to_string()),
            Self::Number(number) => write!(f, "\"/dev/fd/{number}\""),
        }
    }
}

/// What is done with something that gives rights: a set-user-ID bit, a file capability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rights {
    /// The archive is refused.
    #[default]
    Refuse,
    /// The file is unpacked without it.
    Strip,
    /// It is restored.
    Keep,
}

/// Whose files they become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// The numbers in the archive for root; for any other user its own.
    #[default]
    Auto,
    /// The numbers in the archive.
    Keep,
    /// The caller's own.
    Own,
    /// What the numbers in the archive are outside of a user namespace; one that is not mapped is
    /// refused.
    Map {
        /// Of users.
        uid: Vec<Range>,
        /// Of groups.
        gid: Vec<Range>,
    },
}

/// What an archive may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the unpacked stream, and of holes.
    pub size: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes of one name.
    pub path: usize,
    /// Unpacked bytes for each compressed one, judged after the first 16 MiB.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { size: 4 << 30, entries: 1_000_000, path: 4095, ratio: 200 }
    }
}

/// How an archive is unpacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `.wh.NAME` removes NAME, `.wh..wh..opq` empties its directory (OCI image layers).
    pub whiteouts: bool,
    /// Device nodes are made; otherwise they are refused.
    pub devices: bool,
    /// Set-user-ID and set-group-ID bits of files.
    pub setuid: Rights,
    /// The attribute `security.capability`.
    pub file_caps: Rights,
    /// Attributes `user.*` are restored; others never are.
    pub xattrs: bool,
    /// Whose files they become.
    pub owner: Owner,
    /// How many leading parts of every name are left out.
    pub strip: usize,
    /// What it may cost.
    pub limits: Limits,
    /// The archive is this member of the file.
    pub member: Option<Vec<u8>>,
    /// What it must be, byte for byte; all of it is read once.
    pub expected: Expected,
}

/// What an archive must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The digest of its bytes as they are.
    pub digest: Option<Digest>,
    /// The digest of the bytes that it decompresses to.
    pub diff_id: Option<Digest>,
    /// How many bytes it has as it is.
    pub size: Option<u64>,
}

impl Expected {
    /// Compares with what was found; to be asked after the last byte was read.
    fn check(&self, stream: &stream::Stream) -> Judged<()> {
        let wrong = |what: String| Err(Refusal::new(Errno::EBADMSG, what));
        let size = stream.compressed();
        if let Some(wanted) = self.size.filter(|wanted| *wanted != size) {
            return wrong(format!("its size is {size} bytes, and {wanted} were promised"));
        }
        let Some((digest, diff_id)) = stream.digests() else { return Ok(()) };
        if let Some(wanted) = self.digest.filter(|wanted| *wanted != digest) {
            return wrong(format!("its digest is {digest}, and {wanted} was promised"));
        }
        match self.diff_id.filter(|wanted| *wanted != diff_id) {
            Some(wanted) => wrong(format!("the digest of its content is {diff_id}, and {wanted} (diff_id) was promised")),
            None => Ok(()),
        }
    }
}

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Entries, whiteouts among them.
    pub entries: u64,
    /// Bytes of the unpacked stream.
    pub bytes: u64,
    /// Whiteouts that were followed.
    pub whiteouts: u64,
    /// Extended attributes that were not asked for.
    pub dropped_xattrs: u64,
}

/// Why an archive was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The entry's name as the archive has it; none where the archive as a whole is wrong.
    pub entry: Option<Vec<u8>>,
    /// What is wrong, and where known what to do.
    pub reason: String,
    /// The nearest error number.
    pub errno: Errno,
}

impl Refusal {
    /// A refusal that does not know its entry yet.
    pub fn new(errno: Errno, reason: impl Into<String>) -> Self {
        Self { entry: None, reason: reason.into(), errno }
    }

    /// What the kernel answered while `what` was done.
    pub fn kernel(what: &str, errno: Errno) -> Self {
        Self::new(errno, format!("{what}: {}", errno.desc()))
    }

    /// Names the entry, unless an inner one is named.
    #[must_use]
    pub fn at(mut self, name: &[u8]) -> Self {
        self.entry.get_or_insert_with(|| name.to_vec());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(name) => write!(f, "the entry \"{}\": {}", name.escape_ascii(), self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Refusal {}

/// A result of this topic.
pub type Judged<T> = Result<T, Refusal>;

/// Unpacks an archive below the directory `root`. `progress` is told how many compressed bytes
/// have been read, after every entry and every piece of data.
///
/// When it is refused, everything that it made is removed. In a root that was not empty, what was
/// there before and was replaced by the archive does not come back, and a process that is killed
/// removes nothing: unpack into a new file system, or a directory that a journal knows.
pub fn unpack(root: BorrowedFd, source: &Source, options: &Options, progress: &mut dyn FnMut(u64)) -> Judged<Summary> {
    let hashed = options.expected.digest.is_some() || options.expected.diff_id.is_some();
    let stream = match &options.member {
        Some(name) => stream::from_reader(members::open(source, name)?, &options.limits, hashed)?,
        None => stream::open(source, &options.limits, hashed)?,
    };
    let mut reader = reader::Reader::new(stream, options.limits.path);
    let mut extract = extract::Extract::new(root, options);
    let result = extract.all(&mut reader, progress).and_then(|summary| options.expected.check(&reader.stream).map(|()| summary));
    match result {
        Ok(mut summary) => {
            summary.bytes = reader.stream.unpacked();
            Ok(summary)
        }
        Err(refusal) => {
            let left = extract.undo();
            if left == 0 {
                return Err(refusal);
            }
            let reason = format!("{}; {left} of the files that were unpacked could not be removed", refusal.reason);
            Err(Refusal { reason, ..refusal })
        }
    }
}
