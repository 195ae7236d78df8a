//! Mounts inside a root that decide by what they find: masks, read-only paths, devices.
//!
//! Each looks at what the path is through a descriptor and mounts onto that descriptor, so nothing
//! can be exchanged in between.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::stat::{Mode, SFlag, fstat};

use super::change::{Node, Owner, mknod};
use super::{Links, mount_point, open, proc_path};
use crate::sys::mounts::{self, Attributes, attributes::attr};
use crate::sys::{Errno, Result};

fn kind(fd: BorrowedFd) -> Result<SFlag> {
    Ok(SFlag::from_bits_truncate(fstat(fd)?.st_mode) & SFlag::S_IFMT)
}

/// A device of the host, opened with `O_PATH` and made sure of: `ENXIO` where it is anything else.
///
/// A `/dev/null` that somebody has replaced by a link would be mounted, writable, over whatever is
/// to be masked (CVE-2025-31133).
pub fn host_device(path: &Path, (wanted, device): Node) -> Result<OwnedFd> {
    let fd = nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    let found = fstat(&fd)?;
    let same = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == wanted && found.st_rdev == device;
    if same { Ok(fd) } else { Err(Errno::ENXIO) }
}

/// Mounts what one descriptor refers to onto another: one call where `/proc` names them.
pub fn bind(from: BorrowedFd, to: BorrowedFd, recursive: bool) -> Result<()> {
    match (proc_path(from), proc_path(to)) {
        (Ok(from), Ok(to)) => {
            let flags = libc::MS_BIND | if recursive { libc::MS_REC } else { 0 };
            mounts::mount(Some(&from), &to, None, flags, None)
        }
        (Err(errno), _) | (_, Err(errno)) if !mounts::has_new_api() => Err(errno),
        _ => {
            let flags = mounts::CLONE | if recursive { mounts::RECURSIVE } else { 0 };
            mounts::move_mount(mounts::open_tree_fd(from, flags)?.as_fd(), to)
        }
    }
}

/// Hides a path: a file behind the device `null`, a directory behind the empty file system `empty`.
///
/// What is not hidden by the one is a directory (`ENOTDIR`). The first directory takes `empty`
/// itself, which cannot be copied as long as it is attached nowhere (`EINVAL`); the others take
/// copies. A path that does not exist needs no mask.
pub fn mask(root: BorrowedFd, path: &Path, null: BorrowedFd, empty: Option<BorrowedFd>) -> Result<()> {
    let target = match open(root, path, OFlag::O_PATH, Mode::empty(), Links::Inside) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
        other => other?,
    };
    match bind(null, target.as_fd(), false) {
        Err(Errno::ENOTDIR) => {}
        other => return other,
    }
    let Some(empty) = empty else {
        let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        return mounts::mount(Some(Path::new("tmpfs")), &proc_path(target.as_fd())?, Some("tmpfs"), flags, Some(b"nr_inodes=2,mode=0555"));
    };
    match bind(empty, target.as_fd(), false) {
        Err(Errno::EINVAL) => mounts::move_mount(empty, target.as_fd()),
        other => other,
    }
}

/// Mounts a path onto itself, read-only with all that is below. A path that does not exist needs
/// no protection.
pub fn read_only(root: BorrowedFd, path: &Path) -> Result<()> {
    let target = match open(root, path, OFlag::O_PATH, Mode::empty(), Links::Inside) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
        other => other?,
    };
    if mounts::has_new_api() {
        let tree = mounts::open_tree_fd(target.as_fd(), mounts::CLONE | mounts::RECURSIVE)?;
        mounts::set_attributes(tree.as_fd(), Attributes { set: attr::RDONLY, ..Attributes::default() }, true)?;
        return mounts::move_mount(tree.as_fd(), target.as_fd());
    }
    bind(target.as_fd(), target.as_fd(), true)?;
    remount(root, path, target.as_fd(), libc::MS_RDONLY, true)
}

/// Adds flags to the mount that has just been put on a path, and with `recursive` to all that is
/// mounted below it: the classic calls, for old kernels.
///
/// The path is resolved again to come to the new mount; `EXDEV` where that is still the old one.
pub fn remount(root: BorrowedFd, path: &Path, below: BorrowedFd, flags: u64, recursive: bool) -> Result<()> {
    let target = open(root, path, OFlag::O_PATH, Mode::empty(), Links::Inside)?;
    if mounts::mount_id(target.as_fd())? == mounts::mount_id(below)? {
        return Err(Errno::EXDEV);
    }
    if !recursive {
        return add_flags(target.as_fd(), flags);
    }
    drop(target);
    remount_all(root, path, flags)
}

/// Adds flags to the mount at a path and to all that is mounted below it.
pub fn remount_all(root: BorrowedFd, path: &Path, flags: u64) -> Result<()> {
    let target = open(root, path, OFlag::O_PATH, Mode::empty(), Links::Inside)?;
    add_flags(target.as_fd(), flags)?;
    let name = |fd| std::fs::read_link(proc_path(fd)?).map_err(crate::sys::files::errno);
    let (top, outer) = (name(target.as_fd())?, name(root)?);
    for mount in mounts::mounted()?.iter().filter(|mount| mount.target != top && mount.target.starts_with(&top)) {
        let inside = mount.target.strip_prefix(&outer).map_err(|_| Errno::EXDEV)?;
        add_flags(open(root, inside, OFlag::O_PATH, Mode::empty(), Links::Refused)?.as_fd(), flags)?;
    }
    Ok(())
}

fn add_flags(target: BorrowedFd, flags: u64) -> Result<()> {
    let kept = mounts::kept_flags(target)?;
    mounts::mount(None, &proc_path(target)?, None, libc::MS_REMOUNT | libc::MS_BIND | flags | kept, None)
}

/// Makes a device node or, where that is forbidden (user namespaces, no CAP_MKNOD), mounts the
/// host's node of the same number there.
pub fn device(root: BorrowedFd, path: &Path, node: Node, mode: Mode, owner: Owner, host: &Path) -> Result<()> {
    match mknod(root, path, node, mode, owner) {
        Err(Errno::EPERM) => {}
        other => return other,
    }
    let from = host_device(host, node)?;
    let to = mount_point(root, path, false, Links::NotLast)?;
    if kind(to.as_fd())? != SFlag::S_IFREG {
        return Err(Errno::EEXIST);
    }
    bind(from.as_fd(), to.as_fd(), false)
}

/// Makes a directory in a root that is this program's own, and mounts on it: two calls. `EEXIST` where
/// something has the name.
///
/// Nothing but the caller has ever made names in such a root, so a name stands for what was made.
pub fn mount_new(root: BorrowedFd, name: &Path, source: &Path, fstype: Option<&str>, flags: u64, data: Option<&str>) -> Result<()> {
    let place = proc_path(root)?.join(name);
    super::change::mkdir(root, name, Mode::from_bits_truncate(0o755), false, (None, None))?;
    mounts::mount(Some(source), &place, fstype, flags, data.map(str::as_bytes))
}

/// Opens the place for a mount that is like another: a directory for a directory, else a file.
pub fn place_like(root: BorrowedFd, path: &Path, like: BorrowedFd, links: Links) -> Result<OwnedFd> {
    mount_point(root, path, kind(like)? == SFlag::S_IFDIR, links)
}
