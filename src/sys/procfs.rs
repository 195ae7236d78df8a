//! Files of `/proc` that are written to, made sure of first.
//!
//! An image may bring its own `/proc`, and a neighbour that shares a container's mounts may cover one
//! of its files by another: a label then goes nowhere, a number becomes a parameter of the host's
//! (CVE-2019-16884, CVE-2025-52881). So `/proc` must be the root of a procfs, and no mount may be
//! crossed below it; `EXDEV` where there is one. Only what lies below `/proc/sys` may be mounted over
//! itself, as managers of containers do to make the one part read-only and the other writable.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use super::rootfs::{self, Links};
use super::{Errno, Result, files, mounts};

/// Writes to a file below `/proc`, in one call.
pub fn write(path: &str, text: &[u8]) -> Result<()> {
    let proc = open("/proc", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW, Mode::empty())?;
    is_root(&proc)?;
    let fd = match uncovered(proc.as_fd(), path, OFlag::O_WRONLY) {
        Err(Errno::EXDEV) if path.starts_with("sys/") => over_itself(proc.as_fd(), path)?,
        other => other?,
    };
    File::from(fd).write_all(text).map_err(files::errno)
}

fn is_root(proc: &OwnedFd) -> Result<()> {
    const ROOT_INODE: u64 = 1;
    let magic = fstatfs(proc)?.filesystem_type();
    let root = nix::sys::stat::fstat(proc)?.st_ino == ROOT_INODE;
    if magic == PROC_SUPER_MAGIC && root { Ok(()) } else { Err(Errno::EXDEV) }
}

/// Opens what no mount covers.
fn uncovered(proc: BorrowedFd, path: &str, flags: OFlag) -> Result<OwnedFd> {
    let resolve = ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_MAGICLINKS | ResolveFlag::RESOLVE_BENEATH;
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW).resolve(resolve);
    match openat2(proc, path, how) {
        // A kernel or a filter without the call. What is there is looked at before it is opened: to open
        // a device or a fifo already does something.
        Err(Errno::ENOSYS | Errno::EPERM) => {}
        other => return other,
    }
    let found = rootfs::open(proc, Path::new(path), OFlag::O_PATH, Mode::empty(), Links::NotLast)?;
    if mounts::mount_id(found.as_fd())? != mounts::mount_id(proc)? {
        return Err(Errno::EXDEV);
    }
    again(&found, flags)
}

/// Opens a file that is covered by itself: its mount shows the same part of a procfs as without it.
fn over_itself(proc: BorrowedFd, path: &str) -> Result<OwnedFd> {
    let found = rootfs::open(proc, Path::new(path), OFlag::O_PATH, Mode::empty(), Links::Refused)?;
    if fstatfs(&found)?.filesystem_type() != PROC_SUPER_MAGIC {
        return Err(Errno::EXDEV);
    }
    let mut text = Vec::new();
    let list = uncovered(proc, "thread-self/mountinfo", OFlag::O_RDONLY)?;
    File::from(list).read_to_end(&mut text).map_err(files::errno)?;
    let id = mounts::mount_id(found.as_fd())?.to_string();
    let shown = shown_at(&text, &id, &Path::new("/proc").join(path));
    if shown.as_deref() == Some(&Path::new("/").join(path)) { again(&found, OFlag::O_WRONLY) } else { Err(Errno::EXDEV) }
}

/// Which path of its own file system a mount shows at a path, by the lines of mountinfo (proc(5)).
fn shown_at(mountinfo: &[u8], id: &str, path: &Path) -> Option<PathBuf> {
    let lines = mountinfo.split(|byte| *byte == b'\n');
    let mut found = lines.map(|line| line.split(|byte| *byte == b' ').collect::<Vec<_>>());
    let fields = found.find(|fields| fields.first() == Some(&id.as_bytes()))?;
    let field = |index: usize| fields.get(index).map(|text| Path::new(std::ffi::OsStr::from_bytes(text)));
    Some(field(3)?.join(path.strip_prefix(field(4)?).ok()?).components().collect())
}

fn again(found: &OwnedFd, flags: OFlag) -> Result<OwnedFd> {
    open(&rootfs::proc_path(found.as_fd())?, flags | OFlag::O_CLOEXEC, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_shows_its_part_of_the_file_system() {
        let text = b"1 0 0:4 / /proc rw - proc proc rw\n\
            2 1 0:4 /sys /proc/sys ro - proc proc rw\n\
            3 2 0:4 /sysrq-trigger /proc/sys/kernel/domainname rw - proc proc rw\n";
        let shown = |id, path: &str| shown_at(text, id, Path::new(path));
        assert_eq!(shown("2", "/proc/sys/net/x"), Some(PathBuf::from("/sys/net/x")));
        assert_eq!(shown("3", "/proc/sys/kernel/domainname"), Some(PathBuf::from("/sysrq-trigger")));
        assert_eq!(shown("3", "/proc/sys/net/x"), None);
        assert_eq!(shown("4", "/proc/sys/net/x"), None);
    }
}
