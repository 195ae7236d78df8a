//! Reads inside a root.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::fcntl::{OFlag, readlinkat};
use nix::sys::stat::{FileStat, Mode, fstat};

use super::{Links, open, parent, plain};
use crate::sys::{Errno, Result, files};

/// The content of a regular file, symlinks followed inside the root; `EFBIG` beyond `limit` bytes,
/// before any is read where the file says its size.
pub fn read(root: BorrowedFd, path: &Path, limit: u64) -> Result<Vec<u8>> {
    let place = open(root, path, OFlag::O_PATH, Mode::empty(), Links::Inside)?;
    if u64::try_from(plain::regular(&place)?.st_size).unwrap_or_default() > limit {
        return Err(Errno::EFBIG);
    }
    let fd = plain::reopen(root, path, &place, OFlag::O_RDONLY)?;
    files::read_limited(&mut std::fs::File::from(fd), limit)
}

/// What a symlink says.
pub fn readlink(root: BorrowedFd, path: &Path) -> Result<OsString> {
    let (dir, name) = parent(root, path)?;
    readlinkat(&dir, name.as_os_str())
}

/// `fstat(2)` of what the path leads to; `None` where there is nothing.
pub fn stat(root: BorrowedFd, path: &Path, links: Links) -> Result<Option<FileStat>> {
    match open(root, path, OFlag::O_PATH, Mode::empty(), links) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        other => fstat(other?.as_fd()).map(Some),
    }
}

/// The names in a directory, sorted.
pub fn list(root: BorrowedFd, path: &Path) -> Result<Vec<OsString>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    files::names(open(root, path, flags, Mode::empty(), Links::Inside)?)
}
