//! Mounts by path, and the descriptors of the new mount API.
//!
//! Linux 5.2 split mount(2) into calls that each do one thing: `fsopen` and `fsconfig` prepare a
//! file system, `fsmount` makes a mount of it that is attached nowhere, `open_tree` clones an
//! existing one, `move_mount` attaches either to a place given by a descriptor. Linux 5.12 added
//! `mount_setattr`, which changes flags of a whole tree. glibc 2.36 wraps them; here they are
//! called by number, as Rust's libc has them on every architecture.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

use nix::fcntl::OFlag;
use nix::libc;
use nix::mount::{MntFlags, MsFlags};
use nix::sys::stat::Mode;

use super::{Errno, Result};

pub mod attributes;

pub use attributes::{Attributes, kept_flags, set_attributes};

fn c(bytes: &[u8]) -> Result<CString> {
    CString::new(bytes).map_err(|_| Errno::EINVAL)
}

/// A new descriptor, or the error that the call left.
fn owned(result: libc::c_long) -> Result<OwnedFd> {
    let fd = i32::try_from(Errno::result(result)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether the kernel has the descriptor calls, all of them: `mount_setattr` is the youngest.
///
/// Asked with no size, which a kernel that has it answers with `EINVAL` before it looks at rights;
/// a seccomp filter that forbids it answers `EPERM`.
pub fn has_new_api() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        // SAFETY: nothing is read or written through the null pointers when the size is 0.
        let rc = unsafe { libc::syscall(libc::SYS_mount_setattr, -1, std::ptr::null::<u8>(), 0, std::ptr::null::<u8>(), 0_usize) };
        Errno::result(rc) == Err(Errno::EINVAL)
    })
}

/// `mount(2)`.
pub fn mount(source: Option<&Path>, target: &Path, fstype: Option<&str>, flags: u64, data: Option<&[u8]>) -> Result<()> {
    if !target.starts_with("/proc/self/fd") {
        super::rootfs::forget_proc();
    }
    nix::mount::mount(source, target, fstype, MsFlags::from_bits_retain(flags), data)
}

/// `umount2(2)`.
pub fn unmount(target: &Path, flags: i32) -> Result<()> {
    super::rootfs::forget_proc();
    nix::mount::umount2(target, MntFlags::from_bits_retain(flags))
}

/// `umount2(2)` of the mount whose root a descriptor is. A directory needs no `/proc` for it: the
/// process goes there and says `.`, then comes back.
pub fn unmount_fd(target: BorrowedFd, flags: i32) -> Result<()> {
    if nix::sys::stat::fstat(target)?.st_mode & libc::S_IFMT != libc::S_IFDIR {
        return unmount(&super::rootfs::proc_path(target)?, flags);
    }
    let here = nix::fcntl::open(".", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    nix::unistd::fchdir(target)?;
    let result = unmount(Path::new("."), flags);
    nix::unistd::fchdir(&here)?;
    result
}

/// `OPEN_TREE_CLONE`: a detached copy instead of the mount itself.
pub const CLONE: u32 = 1;
/// `AT_RECURSIVE`: with everything that is mounted below.
pub const RECURSIVE: u32 = 0x8000;

/// `open_tree(2)` of a path.
pub fn open_tree(path: &Path, flags: u32) -> Result<OwnedFd> {
    open_tree_at(libc::AT_FDCWD, &c(path.as_os_str().as_bytes())?, flags)
}

/// `open_tree(2)` of what a descriptor refers to.
pub fn open_tree_fd(fd: BorrowedFd, flags: u32) -> Result<OwnedFd> {
    open_tree_at(fd.as_raw_fd(), c"", flags | libc::AT_EMPTY_PATH.cast_unsigned())
}

fn open_tree_at(dir: i32, path: &CStr, flags: u32) -> Result<OwnedFd> {
    let flags = flags | libc::O_CLOEXEC.cast_unsigned();
    // SAFETY: the path is a C string that outlives the call.
    owned(unsafe { libc::syscall(libc::SYS_open_tree, dir, path.as_ptr(), flags) })
}

/// `move_mount(2)`: attaches a mount on the place that a descriptor refers to.
pub fn move_mount(from: BorrowedFd, to: BorrowedFd) -> Result<()> {
    const F_EMPTY_PATH: u32 = 0x04;
    const T_EMPTY_PATH: u32 = 0x40;
    // SAFETY: both paths are C strings.
    let rc = unsafe {
        libc::syscall(libc::SYS_move_mount, from.as_raw_fd(), c"".as_ptr(), to.as_raw_fd(), c"".as_ptr(), F_EMPTY_PATH | T_EMPTY_PATH)
    };
    Errno::result(rc).map(drop)
}

/// `move_mount(2)` onto a path.
pub fn move_mount_to(from: BorrowedFd, to: &Path) -> Result<()> {
    super::rootfs::forget_proc();
    let place = nix::fcntl::open(to, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    move_mount(from, place.as_fd())
}

/// `fsopen(2)`: a context in which a file system is configured.
pub fn fsopen(fstype: &str) -> Result<OwnedFd> {
    const FSOPEN_CLOEXEC: u32 = 1;
    let name = c(fstype.as_bytes())?;
    // SAFETY: the name is a C string that outlives the call.
    owned(unsafe { libc::syscall(libc::SYS_fsopen, name.as_ptr(), FSOPEN_CLOEXEC) })
}

/// `fsconfig(2)`: a parameter with a value, or without one, which makes it a flag.
pub fn fsconfig(context: BorrowedFd, key: &str, value: Option<&str>) -> Result<()> {
    const SET_FLAG: u32 = 0;
    const SET_STRING: u32 = 1;
    let key = c(key.as_bytes())?;
    let value = value.map(|value| c(value.as_bytes())).transpose()?;
    let (command, pointer) = value.as_ref().map_or((SET_FLAG, std::ptr::null()), |value| (SET_STRING, value.as_ptr()));
    // SAFETY: key and value are C strings that outlive the call; a flag's value is null.
    let rc = unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), command, key.as_ptr(), pointer, 0) };
    Errno::result(rc).map(drop)
}

/// `fsconfig(2)` with `FSCONFIG_CMD_CREATE`: makes the file system.
pub fn fsconfig_create(context: BorrowedFd) -> Result<()> {
    const CMD_CREATE: u32 = 6;
    let null = std::ptr::null::<libc::c_char>();
    // SAFETY: the command takes neither key nor value.
    let rc = unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), CMD_CREATE, null, null, 0) };
    Errno::result(rc).map(drop)
}

/// `fsmount(2)`: a mount of the file system, attached nowhere.
pub fn fsmount(context: BorrowedFd, attributes: u64) -> Result<OwnedFd> {
    const FSMOUNT_CLOEXEC: u32 = 1;
    // SAFETY: takes no pointers.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, attributes) })
}

/// What the file system said about its parameters, from the context's message log.
#[must_use]
pub fn messages(context: BorrowedFd) -> Vec<String> {
    let mut found = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(length) = nix::unistd::read(context, &mut buffer) {
        let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
        if length == 0 || found.len() > 16 {
            break;
        }
        // "e " for an error, "w " for a warning, "i " for information.
        found.push(text.get(2..).unwrap_or_default().trim().to_owned());
    }
    found
}

/// What a file system says of the options that `mount(2)` has refused without a word: the first that
/// it does not know. Nothing is made.
#[must_use]
pub fn refused(fstype: &str, data: &str) -> Vec<String> {
    let Ok(context) = fsopen(fstype) else { return Vec::new() };
    for word in data.split(',') {
        let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
        if fsconfig(context.as_fd(), key, value).is_err() {
            break;
        }
    }
    messages(context.as_fd())
}

/// `pivot_root(2)`.
pub fn pivot_root(new: &Path, old: &Path) -> Result<()> {
    super::rootfs::forget_proc();
    nix::unistd::pivot_root(new, old)
}

/// `chroot(2)`.
pub fn chroot(path: &Path) -> Result<()> {
    super::rootfs::forget_proc();
    nix::unistd::chroot(path)
}

/// `chdir(2)`.
pub fn chdir(path: &Path) -> Result<()> {
    nix::unistd::chdir(path)
}

/// `fchdir(2)`.
pub fn fchdir(fd: BorrowedFd) -> Result<()> {
    nix::unistd::fchdir(fd)
}

/// A directory, or any file, as a place: opened with `O_PATH`.
pub fn open_place(path: &Path, directory: bool) -> Result<OwnedFd> {
    let kind = if directory { OFlag::O_DIRECTORY } else { OFlag::empty() };
    nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC | kind, Mode::empty())
}

/// The id of the mount that a descriptor is on: statx(2), or before Linux 5.8 `/proc/self/fdinfo`.
pub fn mount_id(fd: BorrowedFd) -> Result<u64> {
    const STATX_MNT_ID: u32 = 0x1000;
    // SAFETY: the structure is made of numbers alone, for which zeros are values.
    let mut found: libc::statx = unsafe { std::mem::zeroed() };
    // SAFETY: the empty path is a C string, and the structure is as large as the kernel's.
    let asked = unsafe { libc::statx(fd.as_raw_fd(), c"".as_ptr(), libc::AT_EMPTY_PATH, STATX_MNT_ID, &raw mut found) };
    if asked == 0 && found.stx_mask & STATX_MNT_ID != 0 {
        return Ok(found.stx_mnt_id);
    }
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).map_err(super::files::errno)?;
    let line = text.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    line.and_then(|id| id.trim().parse().ok()).ok_or(Errno::EIO)
}

/// One line of `/proc/self/mountinfo`, as far as this layer needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// Where, with the kernel's escapes undone.
    pub target: std::path::PathBuf,
    /// `tmpfs`
    pub fstype: String,
    /// What was given as source.
    pub source: String,
}

/// What is mounted in this namespace, below this root, in the kernel's order.
pub fn mounted() -> Result<Vec<Mounted>> {
    let text = std::fs::read("/proc/self/mountinfo").map_err(super::files::errno)?;
    let mut found = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let Some(dash) = fields.iter().position(|field| *field == b"-") else { continue };
        let (Some(target), Some(fstype), Some(source)) = (fields.get(4), fields.get(dash + 1), fields.get(dash + 2)) else { continue };
        let text = |bytes: &[u8]| String::from_utf8_lossy(&unescape(bytes)).into_owned();
        let target = std::path::PathBuf::from(std::ffi::OsStr::from_bytes(&unescape(target)));
        found.push(Mounted { target, fstype: text(fstype), source: text(source) });
    }
    Ok(found)
}

/// Undoes the octal escapes of `/proc/self/mountinfo`: `\040` is a space.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'\\').then(|| after.get(..3)).flatten().and_then(|code| std::str::from_utf8(code).ok());
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            out.push(byte);
            rest = after.get(3..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_mountinfo_are_undone() {
        assert_eq!(unescape(br"/a\040b\134c\"), br"/a b\c\");
    }
}
