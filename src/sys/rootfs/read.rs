//! Reads inside a root.

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::fcntl::{OFlag, readlinkat};
use nix::sys::stat::{FileStat, Mode, fstat};

use super::{Links, change, open, parent};
use crate::sys::{Errno, Result, files};

/// The content of a regular file, symlinks followed inside the root; `EFBIG` beyond `limit` bytes.
pub fn read(root: BorrowedFd, path: &Path, limit: u64) -> Result<Vec<u8>> {
    // Judged before it is opened: opening a device or a pipe has effects of its own.
    let place = open(root, path, OFlag::O_PATH, Mode::empty(), Links::Inside)?;
    change::only_regular(&place)?;
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let fd = open(root, path, flags, Mode::empty(), Links::Inside)?;
    change::only_regular(&fd)?;
    files::read_limited(std::fs::File::from(fd).by_ref(), limit)
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
