//! Changes inside a root: each opens the parent directory safely and acts on one name in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::{AtFlags, OFlag, openat};
use nix::libc;
use nix::sys::stat::{Mode, SFlag, fstatat, mkdirat, mknodat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, symlinkat, unlinkat};

use super::{Dir, Links, make_directories, open, parent, plain};
use crate::sys::{Errno, Result, files};

/// Runs `body` with an empty umask, so that what it makes has exactly the mode it was given.
pub fn exactly<T>(body: impl FnOnce() -> T) -> T {
    crate::sys::attributes::without_umask(body)
}

/// User and group id; each may be left as it is.
pub type Owner = (Option<u32>, Option<u32>);

fn own(fd: &OwnedFd, (uid, gid): Owner) -> Result<()> {
    if uid.is_none() && gid.is_none() {
        return Ok(());
    }
    fchownat(fd, "", uid.map(Uid::from_raw), gid.map(Gid::from_raw), AtFlags::AT_EMPTY_PATH)
}

/// `mkdirat(2)`; with `parents`, what is missing before it, and an existing directory is fine.
pub fn mkdir(root: BorrowedFd, path: &Path, mode: Mode, parents: bool, owner: Owner) -> Result<()> {
    if parents {
        return own(&make_directories(root, path, mode, Links::Inside)?, owner);
    }
    let (dir, name) = parent(root, path)?;
    exactly(|| mkdirat(&dir, name.as_os_str(), mode))?;
    if owner == (None, None) {
        return Ok(());
    }
    own(&openat(&dir, name.as_os_str(), OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?, owner)
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// What was there is replaced.
    Replace,
    /// Put at the end.
    Append,
    /// `EEXIST` where there is anything.
    New,
}

/// Writes a regular file. The last component is never followed, and nothing but a regular file is
/// opened for writing: a device or a pipe in a hostile root is `ENXIO`.
pub fn write(root: BorrowedFd, path: &Path, content: &[u8], mode: Mode, writing: Writing, owner: Owner) -> Result<()> {
    let fd = if let Some(fd) = new_file(root, path, mode) {
        fd
    } else {
        let (dir, name) = parent(root, path)?;
        open_to_write(&dir, &name, mode, writing)?
    };
    own(&fd, owner)?;
    File::from(fd).write_all(content).map_err(files::errno)
}

/// Most files are new, and one call makes such a one. Whatever is in the way is found again, and
/// said, by the two steps that also deal with what is there.
fn new_file(root: BorrowedFd, path: &Path, mode: Mode) -> Option<OwnedFd> {
    // A path that ends in a slash or in dots is judged by `parent`.
    path.as_os_str().as_bytes().last().filter(|byte| !b"/.".contains(byte))?;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
    exactly(|| super::open_once(root, path, flags, mode)).ok()
}

/// Most files are new, so that is tried first; `EEXIST` leads to what is there.
fn open_to_write(dir: &Dir, name: &OsStr, mode: Mode, writing: Writing) -> Result<OwnedFd> {
    let flags = OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
    match exactly(|| openat(dir, name, flags | OFlag::O_CREAT | OFlag::O_EXCL, mode)) {
        Err(Errno::EEXIST) if writing != Writing::New => {}
        other => return other,
    }
    let place = openat(dir, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    plain::written(&place)?;
    let append = if writing == Writing::Append { OFlag::O_APPEND } else { OFlag::empty() };
    let fd = plain::reopen(dir.as_fd(), Path::new(name), &place, flags | append)?;
    if writing == Writing::Replace {
        nix::unistd::ftruncate(&fd, 0)?;
    }
    Ok(fd)
}

/// `symlinkat(2)`: `text` is what the link says, and is not looked at.
pub fn symlink(root: BorrowedFd, path: &Path, text: &Path) -> Result<()> {
    let (dir, name) = parent(root, path)?;
    symlinkat(text, &dir, name.as_os_str())
}

/// A device or a pipe: kind, and device number (0 for a pipe).
pub type Node = (SFlag, libc::dev_t);

/// `mknodat(2)`. A node that is there already is fine when it is the same one, else `EEXIST`.
pub fn mknod(root: BorrowedFd, path: &Path, (kind, device): Node, mode: Mode, owner: Owner) -> Result<()> {
    let (dir, name) = parent(root, path)?;
    match exactly(|| mknodat(&dir, name.as_os_str(), kind, mode, device)) {
        Err(Errno::EEXIST) => {
            let found = fstatat(&dir, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            let same = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == kind && found.st_rdev == device;
            return if same { Ok(()) } else { Err(Errno::EEXIST) };
        }
        other => other?,
    }
    if owner == (None, None) {
        return Ok(());
    }
    own(&openat(&dir, name.as_os_str(), OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?, owner)
}

/// `unlinkat(2)` of anything but a directory.
pub fn unlink(root: BorrowedFd, path: &Path) -> Result<()> {
    let (dir, name) = parent(root, path)?;
    unlinkat(&dir, name.as_os_str(), UnlinkatFlags::NoRemoveDir)
}

/// `unlinkat(2)` of an empty directory.
pub fn rmdir(root: BorrowedFd, path: &Path) -> Result<()> {
    let (dir, name) = parent(root, path)?;
    unlinkat(&dir, name.as_os_str(), UnlinkatFlags::RemoveDir)
}

/// `fchownat(2)` on what the path leads to inside the root.
pub fn chown(root: BorrowedFd, path: &Path, owner: Owner, links: Links) -> Result<()> {
    own(&open(root, path, OFlag::O_PATH, Mode::empty(), links)?, owner)
}

/// Sets permission bits on what the path leads to inside the root: `fchmodat2(2)` (Linux 6.6), or
/// `chmod(2)` through the descriptor's name in `/proc`.
pub fn chmod(root: BorrowedFd, path: &Path, mode: Mode) -> Result<()> {
    const SYS_FCHMODAT2: libc::c_long = 452;
    let fd = open(root, path, OFlag::O_PATH, Mode::empty(), Links::Inside)?;
    // SAFETY: the empty path is a C string; no pointer is kept.
    let done = unsafe { libc::syscall(SYS_FCHMODAT2, fd.as_raw_fd(), c"".as_ptr(), mode.bits(), libc::AT_EMPTY_PATH) };
    match Errno::result(done) {
        Err(Errno::ENOSYS | Errno::EPERM) => nix::sys::stat::fchmodat(
            nix::fcntl::AT_FDCWD,
            &super::proc_path(fd.as_fd())?,
            mode,
            nix::sys::stat::FchmodatFlags::FollowSymlink,
        ),
        other => other.map(drop),
    }
}
