//! Opens of what somebody means to read or write in a root: a regular file, or a directory.
//!
//! Where an image has a pipe instead, open(2) waits until somebody opens its other end; where it has
//! a device, opening alone can set that to work; where a container holds a lease on a file, open(2)
//! waits until it is given up (fcntl(2)); where it leads into /proc, writing changes the machine. So a
//! file is first named (`O_PATH`) and judged, and then that very file is opened, by its descriptor:
//! nothing can be exchanged in between.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, PROC_SUPER_MAGIC, SYSFS_MAGIC, fstatfs};

use super::{Links, open, proc_path};
use crate::sys::{Errno, Result};

/// How often a file is looked for again that appears, or goes, while it is made.
const RETRIES: u32 = 16;

/// Opens a regular file or a directory; `ELOOP` for a link, `ENXIO` for devices, pipes and sockets.
///
/// With `O_CREAT` a file that is missing is made; a link that dangles in its place is `ENOENT`.
pub fn file(root: BorrowedFd, path: &Path, flags: OFlag, mode: Mode) -> Result<OwnedFd> {
    let links = if flags.contains(OFlag::O_NOFOLLOW) { Links::NotLast } else { Links::Inside };
    // Neither sets anything to work: the kernel judges a directory before it opens it.
    if flags.intersects(OFlag::O_PATH | OFlag::O_DIRECTORY) {
        return open(root, path, flags, mode, links);
    }
    let fresh = flags | OFlag::O_EXCL | OFlag::O_NONBLOCK;
    for _ in 0..RETRIES {
        if flags.contains(OFlag::O_CREAT) {
            match open(root, path, fresh, mode, Links::NotLast) {
                Err(Errno::EEXIST) if !flags.contains(OFlag::O_EXCL) => {}
                other => return patient(other?, flags),
            }
        }
        match open(root, path, OFlag::O_PATH, Mode::empty(), links) {
            Ok(place) => {
                let writes = flags.intersects(OFlag::O_WRONLY | OFlag::O_RDWR);
                match if writes { written(&place) } else { regular(&place) } {
                    Ok(_) | Err(Errno::EISDIR) => {}
                    Err(errno) => return Err(errno),
                }
                return patient(reopen(root, path, &place, flags)?, flags);
            }
            Err(Errno::ENOENT) if flags.contains(OFlag::O_CREAT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::ENOENT)
}

/// What a regular file is; `ELOOP` for a link, `EISDIR` for a directory, `ENXIO` for devices, pipes
/// and sockets.
pub fn regular(fd: &OwnedFd) -> Result<FileStat> {
    let found = fstat(fd)?;
    match SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFREG => Ok(found),
        SFlag::S_IFLNK => Err(Errno::ELOOP),
        SFlag::S_IFDIR => Err(Errno::EISDIR),
        _ => Err(Errno::ENXIO),
    }
}

/// The same of a file that is to be written: `ENXIO` too where it is the kernel's own. A file of procfs,
/// sysfs or a control group is no place for bytes but a setting, often of the whole machine, and where
/// such a file system is mounted in a root, a link of the image's leads there (CVE-2025-52881).
pub fn written(fd: &OwnedFd) -> Result<FileStat> {
    let found = regular(fd)?;
    let settings = [PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC];
    if settings.contains(&fstatfs(fd)?.filesystem_type()) { Err(Errno::ENXIO) } else { Ok(found) }
}

/// Opens what a descriptor names, by `/proc`: `EAGAIN` where somebody has a lease on it.
///
/// Where there is no procfs the path is walked again, and what it leads to must be the same.
pub fn reopen(root: BorrowedFd, path: &Path, place: &OwnedFd, flags: OFlag) -> Result<OwnedFd> {
    let flags = flags.difference(OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW);
    let flags = flags | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    if let Ok(name) = proc_path(place.as_fd()) {
        return nix::fcntl::open(&name, flags, Mode::empty());
    }
    let fd = open(root, path, flags, Mode::empty(), Links::Inside)?;
    let (wanted, found) = (fstat(place)?, fstat(&fd)?);
    if (wanted.st_dev, wanted.st_ino) == (found.st_dev, found.st_ino) { Ok(fd) } else { Err(Errno::ESTALE) }
}

/// A descriptor as the caller has asked for it: it is a program's soon, perhaps.
fn patient(fd: OwnedFd, flags: OFlag) -> Result<OwnedFd> {
    fcntl(&fd, FcntlArg::F_SETFL(flags & (OFlag::O_ACCMODE | OFlag::O_APPEND)))?;
    Ok(fd)
}
