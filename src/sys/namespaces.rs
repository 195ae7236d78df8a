//! Namespaces: making, entering, looking at and pinning them; id maps and time offsets.
//!
//! A namespace is seen as a file: `/proc/PID/ns/KIND` is a link to an inode of nsfs, and an open
//! descriptor of that inode keeps the namespace alive (namespaces(7), ioctl_nsfs(2)).

use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::CloneFlags;
use nix::sys::stat::{Mode, fstat};
use nix::sys::statfs::{FsType, fstatfs};

use super::{Errno, Result, files};

pub mod ids;

/// The file system that namespaces are files of (`NSFS_MAGIC`).
const NSFS: FsType = FsType(0x6e73_6673);

/// `ioctl_nsfs(2)`: all of this type, without data.
const NS_GET_USERNS: u8 = 1;
const NS_GET_PARENT: u8 = 2;
const NS_GET_NSTYPE: u8 = 3;
const NS_GET_OWNER_UID: u8 = 4;

/// The kernel's flags in the type that nix takes; it has no name for `CLONE_NEWTIME`.
fn flags(kinds: u32) -> CloneFlags {
    CloneFlags::from_bits_retain(kinds.cast_signed())
}

/// `unshare(2)`; `kinds` are `CLONE_NEW*` flags.
pub fn unshare(kinds: u32) -> Result<()> {
    super::rootfs::forget_proc();
    nix::sched::unshare(flags(kinds))
}

/// `setns(2)` into one namespace, or with a pidfd into several of a process at once.
pub fn setns(fd: BorrowedFd, kinds: u32) -> Result<()> {
    super::rootfs::forget_proc();
    nix::sched::setns(fd, flags(kinds))
}

/// Enters namespaces of a process: in one call, all or none, where the kernel can (5.8).
///
/// Before that each is opened first, so that a kind that cannot be had fails before any is
/// entered, and the process must still be alive then, so that none is another process's.
pub fn setns_of(pid: i32, pidfd: BorrowedFd, kinds: &[(&str, u32)]) -> Result<()> {
    super::rootfs::forget_proc();
    let all = kinds.iter().fold(0, |all, (_, flag)| all | flag);
    match setns(pidfd, all) {
        Err(Errno::EINVAL) => {}
        other => return other,
    }
    let mut opened = Vec::new();
    for (word, flag) in kinds {
        opened.push((*flag, open_namespace(Path::new(&format!("/proc/{pid}/ns/{word}")))?));
    }
    super::processes::signal(pidfd, 0)?;
    // The user namespace gives the rights over the others, so it comes first.
    opened.sort_by_key(|(flag, _)| *flag != libc::CLONE_NEWUSER.cast_unsigned());
    opened.iter().try_for_each(|(flag, fd)| setns(fd.as_fd(), *flag))
}

/// `pidfd_open(2)`.
pub fn open_process(pid: i32) -> Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has made the descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Opens a namespace's file; `EINVAL` for a file that is something else.
///
/// The path is looked at before it is opened: to open a device or a pipe has effects of its own.
pub fn open_namespace(path: &Path) -> Result<OwnedFd> {
    let seen = open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    if fstatfs(&seen)?.filesystem_type() != NSFS {
        return Err(Errno::EINVAL);
    }
    let again = format!("/proc/self/fd/{}", seen.as_raw_fd());
    open(again.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
}

fn nsfs_ioctl(fd: BorrowedFd, number: u8, argument: *mut libc::c_void) -> Result<i32> {
    // SAFETY: the requests take no pointer, but for the owner's, and that one is a uid_t of ours.
    Errno::result(unsafe { libc::ioctl(fd.as_raw_fd(), nix::request_code_none!(0xb7, number) as _, argument) })
}

/// The kind of a namespace, as its `CLONE_NEW*` flag.
pub fn kind(fd: BorrowedFd) -> Result<u32> {
    nsfs_ioctl(fd, NS_GET_NSTYPE, std::ptr::null_mut()).map(i32::cast_unsigned)
}

/// The namespace above: of pid and user namespaces only. `EPERM` where it is out of sight.
pub fn parent(fd: BorrowedFd) -> Result<OwnedFd> {
    let raw = nsfs_ioctl(fd, NS_GET_PARENT, std::ptr::null_mut())?;
    // SAFETY: the request answers a new descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// The user namespace whose rights count for this one. `EPERM` where it is out of sight.
pub fn user_namespace(fd: BorrowedFd) -> Result<OwnedFd> {
    let raw = nsfs_ioctl(fd, NS_GET_USERNS, std::ptr::null_mut())?;
    // SAFETY: the request answers a new descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// The user that has made a user namespace.
pub fn owner_uid(fd: BorrowedFd) -> Result<u32> {
    let mut uid: libc::uid_t = 0;
    nsfs_ioctl(fd, NS_GET_OWNER_UID, std::ptr::addr_of_mut!(uid).cast())?;
    Ok(uid)
}

/// What tells a namespace from every other: the device and the inode of its file.
pub type Identity = (u64, u64);

/// The identity of an open namespace.
pub fn identity(fd: BorrowedFd) -> Result<Identity> {
    fstat(fd).map(|stat| (stat.st_dev, stat.st_ino))
}

/// The identity of a namespace by its file, without opening it.
pub fn identity_at(path: &Path) -> Result<Identity> {
    nix::sys::stat::stat(path).map(|stat| (stat.st_dev, stat.st_ino))
}

/// Sets the propagation of `/` and of every mount below it (`mount_namespaces(7)`).
pub fn set_propagation(flag: MsFlags) -> Result<()> {
    mount::<str, _, str, str>(None, "/", None, MsFlags::MS_REC | flag, None)
}

/// Writes a file of `/proc` in one write, as the id maps and the offsets have to be.
pub fn write_once(path: &Path, text: &str) -> Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path).map_err(files::errno)?;
    file.write_all(text.as_bytes()).map_err(files::errno)
}

/// Makes the empty file that a namespace is to be bound to; it must be new.
pub fn make_pin_file(path: &Path) -> Result<()> {
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).map(drop)
}

/// Removes such a file; `EEXIST` where it is not empty any more, and so is somebody else's.
pub fn remove_pin_file(path: &Path) -> Result<()> {
    let found = fs::symlink_metadata(path).map_err(files::errno)?;
    if !found.is_file() || found.len() > 0 {
        return Err(Errno::EEXIST);
    }
    fs::remove_file(path).map_err(files::errno)
}

/// Binds a namespace's file to another, which keeps the namespace alive.
pub fn bind(fd: BorrowedFd, path: &Path) -> Result<()> {
    let source = format!("/proc/self/fd/{}", fd.as_raw_fd());
    mount::<_, _, str, str>(Some(source.as_str()), path, None, MsFlags::MS_BIND, None)
}

/// The reverse of [`bind`]; `EINVAL` where no namespace is mounted at the path.
pub fn unbind(path: &Path) -> Result<()> {
    let seen = open(path, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    if fstatfs(&seen)?.filesystem_type() != NSFS {
        return Err(Errno::EINVAL);
    }
    drop(seen);
    umount2(path, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)
}

/// Runs a program and waits for it; what it prints goes where this process's own errors go.
///
/// `EPERM` when it ends with another status than 0.
pub fn run_helper(program: &str, args: &[String]) -> Result<()> {
    let mut command = std::process::Command::new(program);
    let status = command.args(args).stdin(std::process::Stdio::null()).status().map_err(files::errno)?;
    if status.success() { Ok(()) } else { Err(Errno::EPERM) }
}

/// Seconds on a clock.
pub fn clock(clock: libc::clockid_t) -> Result<f64> {
    let now = nix::time::clock_gettime(nix::time::ClockId::from_raw(clock))?;
    Ok(std::time::Duration::from(now).as_secs_f64())
}
