//! The bytes of an archive, decompressed and counted.
//!
//! gzip and zstd are told by their first bytes. Both may be several streams in a row, and zstd
//! may have frames to skip; checksums are checked. Every byte that comes out is counted against
//! the limits, so that a bomb ends early and not when the disk is full.
//!
//! What comes out waits in one large buffer, and is handed out in place: a file's data goes from
//! there to the disk without another copy, a small file's in one piece.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use super::{Judged, Limits, Refusal, Source};
use crate::sys::digests::{Digest, Hasher};
use crate::sys::{Errno, files, interrupt};

mod zstd;

/// The size of everything in a tar file.
pub const BLOCK: usize = 512;
/// What waits at most to be taken. It fits into a processor's second cache together with what the
/// decoder holds.
const AHEAD: usize = 1 << 18;
/// Data up to this size comes in one piece, even if some bytes must be moved for it.
const WHOLE: usize = 1 << 16;
/// How much is read at least where most of the file is passed over.
const SKIM: usize = 1 << 13;
/// The ratio is not judged before this many bytes: a small file of zeros is no bomb.
const RATIO_FROM: u64 = 16 << 20;

/// An archive's bytes, with what they have cost so far.
pub struct Stream {
    inner: Inner,
    /// What has come out of it: the bytes in `waiting` have not been taken yet.
    buffer: Box<[u8]>,
    waiting: Range<usize>,
    compressed: Rc<Cell<u64>>,
    is_compressed: bool,
    unpacked: u64,
    holes: u64,
    limits: Limits,
    /// The digests of the file's bytes and of those that come out, where they are asked for.
    hashers: Option<(Rc<RefCell<Hasher>>, Hasher)>,
}

/// Where the bytes come from.
enum Inner {
    /// Every byte is read.
    Read(Box<dyn Read>),
    /// A plain tar file, of which parts are passed over without reading them.
    Seek(File),
}

/// Counts what is read from the file itself. A signal that ends the script ends the reading too:
/// the decoders above would ask a pipe again and again.
struct Counted<R>(R, Rc<Cell<u64>>, Option<Rc<RefCell<Hasher>>>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.0.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted && interrupt::pending().is_some() => {
                return Err(io::Error::other("interrupted"));
            }
            other => other?,
        };
        self.1.set(self.1.get() + count as u64);
        if let Some(hasher) = &self.2 {
            hasher.borrow_mut().update(buffer.get(..count).unwrap_or_default());
        }
        Ok(count)
    }
}

fn open_file(source: &Source) -> Judged<File> {
    let failed = |error: io::Error| {
        let errno = files::errno(error);
        Refusal::kernel("the archive cannot be opened", errno)
    };
    let file = match source {
        Source::Path(path) => File::open(path).map_err(failed)?,
        Source::Number(number) => {
            let fd = duplicate(*number).map_err(|errno| Refusal::kernel("the archive's descriptor", errno))?;
            File::from(fd)
        }
    };
    let kind = file.metadata().map_err(failed)?;
    if kind.is_dir() {
        return Err(Refusal::new(Errno::EISDIR, "the archive is a directory"));
    }
    Ok(file)
}

/// Opens an archive and finds out how it is compressed; with `hashed` its digests are computed.
pub fn open(source: &Source, limits: &Limits, hashed: bool) -> Judged<Stream> {
    from_reader(Box::new(open_file(source)?), limits, hashed)
}

/// Opens an archive of which only some bytes are wanted: a plain one is sought through.
pub fn skim(source: &Source, limits: &Limits) -> Judged<Stream> {
    let mut file = open_file(source)?;
    let plain = |error: io::Error| damaged(&error);
    if file.metadata().map_err(plain)?.is_file() {
        let start = file.stream_position().map_err(plain)?;
        let mut head = Vec::new();
        file.by_ref().take(6).read_to_end(&mut head).map_err(plain)?;
        file.seek(SeekFrom::Start(start)).map_err(plain)?;
        if matches!(compression(&head)?, Compression::None) {
            return Ok(Stream::new(Inner::Seek(file), Rc::default(), false, limits, None));
        }
    }
    from_reader(Box::new(file), limits, false)
}

/// Another descriptor for what a number stands for; `EBADF` where that is nothing.
pub fn duplicate(number: i32) -> crate::sys::Result<std::os::fd::OwnedFd> {
    if number < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: the number is only handed to fcntl, which answers EBADF where nothing is open.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    fd.try_clone_to_owned().map_err(files::errno)
}

/// How an archive is compressed.
enum Compression {
    None,
    Gzip,
    Zstd,
}

fn compression(head: &[u8]) -> Judged<Compression> {
    let known: [(&[u8], &str); 5] =
        [(b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"PK\x03\x04", "zip"), (b"]\0\0", "lzma"), (b"\x1f\x9d", "compress")];
    if let Some((_, name)) = known.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(Refusal::new(Errno::ENOEXEC, format!("the archive's format is {name}; tar, plain or with gzip or zstd, is read here")));
    }
    Ok(match head {
        _ if head.starts_with(b"\x1f\x8b") => Compression::Gzip,
        _ if head.starts_with(b"\x28\xb5\x2f\xfd") || is_skippable(head) => Compression::Zstd,
        _ => Compression::None,
    })
}

/// The stream of an open file, or of anything else that can be read.
pub fn from_reader(file: Box<dyn Read>, limits: &Limits, hashed: bool) -> Judged<Stream> {
    let compressed = Rc::new(Cell::new(0));
    let hashers = hashed.then(|| (Rc::default(), Hasher::default()));
    let mut file = Counted(file, Rc::clone(&compressed), hashers.as_ref().map(|(raw, _)| Rc::clone(raw)));
    let mut head = Vec::new();
    file.by_ref().take(6).read_to_end(&mut head).map_err(|error| damaged(&error))?;
    let kind = compression(&head)?;
    let is_compressed = !matches!(kind, Compression::None);
    let whole = Cursor::new(head).chain(file);
    let buffered = |whole| BufReader::with_capacity(1 << 17, whole);
    let inner: Box<dyn Read> = match kind {
        Compression::Gzip => Box::new(MultiGzDecoder::new(buffered(whole))),
        Compression::Zstd => Box::new(zstd::Zstd::new(buffered(whole))),
        Compression::None => Box::new(whole),
    };
    Ok(Stream::new(Inner::Read(inner), compressed, is_compressed, limits, hashers))
}

/// A zstd frame without content: tools keep tables of contents there.
fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

impl Stream {
    fn new(
        inner: Inner,
        compressed: Rc<Cell<u64>>,
        is_compressed: bool,
        limits: &Limits,
        hashers: Option<(Rc<RefCell<Hasher>>, Hasher)>,
    ) -> Self {
        let buffer = vec![0; AHEAD].into_boxed_slice();
        Self { inner, buffer, waiting: 0..0, compressed, is_compressed, unpacked: 0, holes: 0, limits: limits.clone(), hashers }
    }

    /// Has `wanted` bytes wait, fewer where the end comes first.
    fn gather(&mut self, wanted: usize) -> Judged<()> {
        self.buffer.copy_within(self.waiting.clone(), 0);
        self.waiting = 0..self.waiting.len();
        let old = self.waiting.end;
        while self.waiting.end < wanted {
            let read = match &mut self.inner {
                Inner::Read(inner) => inner.read(self.buffer.get_mut(self.waiting.end..).unwrap_or_default()),
                Inner::Seek(file) => file.read(self.buffer.get_mut(self.waiting.end..wanted.max(SKIM)).unwrap_or_default()),
            };
            match read {
                Ok(0) => break,
                Ok(count) => self.waiting.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(damaged(&error)),
            }
        }
        if let Some((_, content)) = &mut self.hashers {
            content.update(self.buffer.get(old..self.waiting.end).unwrap_or_default());
        }
        Ok(())
    }

    /// Takes the next bytes, up to `most`: fewer where `most` is large, none at the very end.
    pub fn take(&mut self, most: u64) -> Judged<&[u8]> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(AHEAD);
        if self.waiting.len() < most && (most <= WHOLE || self.waiting.is_empty()) {
            self.gather(most)?;
        }
        let count = most.min(self.waiting.len());
        self.charge(count as u64)?;
        self.unpacked += count as u64;
        let taken = self.waiting.start..self.waiting.start + count;
        self.waiting.start = taken.end;
        Ok(self.buffer.get(taken).unwrap_or_default())
    }

    /// Fills the buffer; answers how much there was before the end.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Judged<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let bytes = self.take(rest.len() as u64)?;
            if bytes.is_empty() {
                break;
            }
            if let Some(place) = rest.get_mut(..bytes.len()) {
                place.copy_from_slice(bytes);
            }
            done += bytes.len();
        }
        Ok(done)
    }

    /// Fills the whole buffer, or the archive is truncated.
    pub fn exact(&mut self, buffer: &mut [u8]) -> Judged<()> {
        if self.fill(buffer)? == buffer.len() { Ok(()) } else { Err(truncated()) }
    }

    /// One block; none at the very end. A part of a block is a truncated archive.
    pub fn block(&mut self) -> Judged<Option<[u8; BLOCK]>> {
        match self.take(BLOCK as u64)? {
            [] => Ok(None),
            bytes => bytes.try_into().map(Some).map_err(|_| truncated()),
        }
    }

    /// Passes over bytes.
    pub fn skip(&mut self, mut count: u64) -> Judged<()> {
        while count > 0 {
            if let (Inner::Seek(file), true) = (&mut self.inner, self.waiting.is_empty()) {
                let offset = i64::try_from(count).map_err(|_| truncated())?;
                // Past the end of a truncated archive the next read finds nothing.
                file.seek(SeekFrom::Current(offset)).map_err(|error| damaged(&error))?;
                self.unpacked = self.unpacked.saturating_add(count);
                return Ok(());
            }
            let part = if self.waiting.is_empty() { count } else { count.min(self.waiting.len() as u64) };
            let passed = self.take(part)?.len() as u64;
            if passed == 0 {
                return Err(truncated());
            }
            count -= passed;
        }
        Ok(())
    }

    /// After the end mark there may only be zeros: anything else another reader might unpack.
    pub fn only_zeros_left(&mut self) -> Judged<()> {
        loop {
            let bytes = self.take(AHEAD as u64)?;
            if bytes.is_empty() {
                return Ok(());
            }
            if bytes.iter().any(|byte| *byte != 0) {
                return Err(Refusal::new(Errno::EBADMSG, "there is data after the archive's end mark"));
            }
        }
    }

    /// Refuses what would go over a limit: `more` bytes beyond what has come out so far.
    pub fn charge(&self, more: u64) -> Judged<()> {
        let after = self.unpacked.saturating_add(more);
        if after.saturating_add(self.holes) > self.limits.size {
            let reason =
                format!("the archive unpacks to more than {} bytes: raise limits.size where it is to be trusted", self.limits.size);
            return Err(Refusal::new(Errno::EFBIG, reason));
        }
        let read = self.compressed.get().max(1);
        if self.is_compressed && after > RATIO_FROM && self.unpacked / read > self.limits.ratio {
            let reason = format!(
                "the archive unpacks to more than {} times its size: raise limits.ratio where it is to be trusted",
                self.limits.ratio
            );
            return Err(Refusal::new(Errno::EFBIG, reason));
        }
        Ok(())
    }

    /// Counts the holes of a file: they take no space, but copying such a file may.
    pub fn count_holes(&mut self, more: u64) -> Judged<()> {
        self.holes = self.holes.saturating_add(more);
        self.charge(0)
    }

    /// Bytes that have come out.
    pub fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// The digests of all that was read and of all that came out, where they were asked for.
    pub fn digests(&self) -> Option<(Digest, Digest)> {
        self.hashers.as_ref().map(|(raw, content)| (raw.borrow().digest(), content.digest()))
    }

    /// Bytes of the file that have been read.
    pub fn compressed(&self) -> u64 {
        self.compressed.get()
    }
}

/// An archive that ends too early.
pub fn truncated() -> Refusal {
    Refusal::new(Errno::EBADMSG, "the archive is truncated")
}

/// Why the bytes could not be had.
pub fn damaged(error: &io::Error) -> Refusal {
    // An archive inside of another one.
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Refusal>()) {
        return inner.clone();
    }
    if interrupt::pending().is_some() {
        return Refusal::kernel("unpacking", Errno::EINTR);
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return truncated();
    }
    match error.raw_os_error() {
        Some(number) => Refusal::kernel("the archive cannot be read", Errno::from_raw(number)),
        None => Refusal::new(Errno::EBADMSG, format!("the compressed data is damaged: {error}")),
    }
}
