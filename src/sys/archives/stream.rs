//! The bytes of an archive, decompressed and counted.
//!
//! gzip and zstd are told by their first bytes. Both may be several streams in a row, and zstd
//! may have frames to skip; checksums are checked. Every byte that comes out is counted against
//! the limits, so that a bomb ends early and not when the disk is full.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Judged, Limits, Refusal, Source};
use crate::sys::digests::{Digest, Hasher};
use crate::sys::{Errno, files, interrupt};

/// The size of everything in a tar file.
pub const BLOCK: usize = 512;
/// The ratio is not judged before this many bytes: a small file of zeros is no bomb.
const RATIO_FROM: u64 = 16 << 20;

/// An archive's bytes, with what they have cost so far.
pub struct Stream {
    inner: Inner,
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
    Seek(BufReader<File>),
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
            let inner = Inner::Seek(BufReader::with_capacity(1 << 13, file));
            let compressed = Rc::default();
            return Ok(Stream { inner, compressed, is_compressed: false, unpacked: 0, holes: 0, limits: limits.clone(), hashers: None });
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
    let whole = BufReader::with_capacity(1 << 16, Cursor::new(head).chain(file));
    let inner: Box<dyn Read> = match kind {
        Compression::Gzip => Box::new(MultiGzDecoder::new(whole)),
        Compression::Zstd => Box::new(Zstd { source: whole, decoder: FrameDecoder::new(), inside: false }),
        Compression::None => Box::new(whole),
    };
    Ok(Stream { inner: Inner::Read(inner), compressed, is_compressed, unpacked: 0, holes: 0, limits: limits.clone(), hashers })
}

/// A zstd frame without content: tools keep tables of contents there.
fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

impl Stream {
    /// Fills the buffer; answers how much there was before the end.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Judged<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let read = match &mut self.inner {
                Inner::Read(inner) => inner.read(rest),
                Inner::Seek(inner) => inner.read(rest),
            };
            match read {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(damaged(&error)),
            }
        }
        if let Some((_, content)) = &mut self.hashers {
            content.update(buffer.get(..done).unwrap_or_default());
        }
        self.charge(done as u64)?;
        self.unpacked += done as u64;
        Ok(done)
    }

    /// Fills the whole buffer, or the archive is truncated.
    pub fn exact(&mut self, buffer: &mut [u8]) -> Judged<()> {
        if self.fill(buffer)? == buffer.len() { Ok(()) } else { Err(truncated()) }
    }

    /// One block; none at the very end. A part of a block is a truncated archive.
    pub fn block(&mut self) -> Judged<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            BLOCK => Ok(Some(block)),
            0 => Ok(None),
            _ => Err(truncated()),
        }
    }

    /// Passes over bytes.
    pub fn skip(&mut self, mut count: u64) -> Judged<()> {
        if let Inner::Seek(file) = &mut self.inner {
            let offset = i64::try_from(count).map_err(|_| truncated())?;
            // Past the end of a truncated archive the next read finds nothing.
            file.seek_relative(offset).map_err(|error| damaged(&error))?;
            self.unpacked = self.unpacked.saturating_add(count);
            return Ok(());
        }
        let mut buffer = [0; 8192];
        while count > 0 {
            let part = usize::try_from(count).unwrap_or(usize::MAX).min(buffer.len());
            self.exact(buffer.get_mut(..part).unwrap_or_default())?;
            count -= part as u64;
        }
        Ok(())
    }

    /// After the end mark there may only be zeros: anything else another reader might unpack.
    pub fn only_zeros_left(&mut self) -> Judged<()> {
        let mut buffer = [0; 8192];
        loop {
            let count = self.fill(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            if buffer.iter().take(count).any(|byte| *byte != 0) {
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

/// Several zstd frames, each with its checksum checked.
struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
    inside: bool,
}

impl<R: BufRead> Zstd<R> {
    /// Starts the next frame that has content; false at the end of the file.
    fn start(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? != length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.inside {
                if !self.start()? {
                    return Ok(0);
                }
                self.inside = true;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let step = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1));
                step.map_err(|error| io::Error::other(error.to_string()))?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            let sums = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
            if sums.0.is_some() && sums.0 != sums.1 {
                return Err(io::Error::other("a checksum is wrong"));
            }
            self.inside = false;
        }
    }
}
