//! Attributes of mounts: read with `statvfs(3)`, changed with `mount_setattr(2)`.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::libc;
use nix::sys::statvfs::fstatvfs;

use crate::sys::{Errno, Result};

/// `MOUNT_ATTR_*` of `mount_setattr(2)`.
pub mod attr {
    /// Nothing can be written.
    pub const RDONLY: u64 = 0x01;
    /// Set-user-id bits and file capabilities do nothing.
    pub const NOSUID: u64 = 0x02;
    /// Device nodes do nothing.
    pub const NODEV: u64 = 0x04;
    /// Nothing can be executed.
    pub const NOEXEC: u64 = 0x08;
    /// The bits that say when access times are written; all zero is `relatime`.
    pub const ATIME: u64 = 0x70;
    /// Never.
    pub const NOATIME: u64 = 0x10;
    /// Always.
    pub const STRICTATIME: u64 = 0x20;
    /// Not for directories.
    pub const NODIRATIME: u64 = 0x80;
    /// Owners are seen through a user namespace.
    pub const IDMAP: u64 = 0x0010_0000;
    /// Symlinks are not followed.
    pub const NOSYMFOLLOW: u64 = 0x0020_0000;
}

/// The kernel's `struct mount_attr`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Attributes that are turned on.
    pub set: u64,
    /// Attributes that are turned off.
    pub clear: u64,
    /// One of `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED`, `MS_UNBINDABLE`, or 0.
    pub propagation: u64,
    /// A user namespace, for [`attr::IDMAP`].
    pub userns: u64,
}

/// `mount_setattr(2)` on the mount that a descriptor is on.
pub fn set_attributes(target: BorrowedFd, attributes: Attributes, recursive: bool) -> Result<()> {
    let flags = libc::AT_EMPTY_PATH.cast_unsigned() | if recursive { super::RECURSIVE } else { 0 };
    // SAFETY: the structure has the kernel's layout and its size is passed along.
    let rc = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            target.as_raw_fd(),
            c"".as_ptr(),
            flags,
            std::ptr::from_ref(&attributes),
            size_of::<Attributes>(),
        )
    };
    Errno::result(rc).map(drop)
}

/// The flags that a mount has, as `mount(2)` takes them.
///
/// In a user namespace the flags of inherited mounts are locked: a remount that leaves one out is
/// `EPERM` (mount_namespaces(7)). So a remount repeats them.
pub fn kept_flags(target: impl AsFd) -> Result<u64> {
    // ST_NOSYMFOLLOW and ST_RELATIME have other values than MS_NOSYMFOLLOW and MS_RELATIME.
    const ST_RELATIME: libc::c_ulong = 0x1000;
    const ST_NOSYMFOLLOW: libc::c_ulong = 0x2000;
    const SAME: libc::c_ulong =
        libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC | libc::MS_NOATIME | libc::MS_NODIRATIME;
    let found = fstatvfs(target)?.flags().bits();
    let mut flags = found & SAME;
    if found & ST_RELATIME != 0 {
        flags |= libc::MS_RELATIME;
    }
    if found & ST_NOSYMFOLLOW != 0 {
        flags |= NOSYMFOLLOW;
    }
    if flags & (libc::MS_NOATIME | libc::MS_RELATIME) == 0 {
        flags |= libc::MS_STRICTATIME;
    }
    Ok(flags)
}

/// `MS_NOSYMFOLLOW` (Linux 5.10), which libc does not have.
pub const NOSYMFOLLOW: u64 = 256;
