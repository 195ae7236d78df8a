//! System calls that a seccomp filter hands to another process (seccomp_unotify(2)).
//!
//! The kernel stops the caller and tells whoever holds the filter's listener; the answer lets the
//! call be made, or stands for it. What the caller's memory holds is the caller's to change at any
//! moment, so it is copied once, and after each copy the kernel is asked whether the same call
//! still waits: a process id alone may mean another process by then.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

use super::{Errno, Result};

/// A call that waits: `struct seccomp_notif`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Names this one call, and no other for as long as the listener lives.
    pub id: u64,
    /// The thread that makes it, as the receiver's pid namespace counts; 0 where it is not seen.
    pub pid: u32,
    flags: u32,
    /// The call's number.
    pub number: i32,
    /// `AUDIT_ARCH_*`
    pub arch: u32,
    /// Where in the program.
    pub pointer: u64,
    /// The arguments as registers hold them.
    pub args: [u64; 6],
}

#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

#[repr(C)]
struct AddFd {
    id: u64,
    flags: u32,
    source: u32,
    number: u32,
    new_flags: u32,
}

mod ioctl {
    #![allow(missing_docs, reason = "linux/seccomp.h has them")]

    use super::{AddFd, Response, Waiting};

    nix::ioctl_readwrite!(receive, b'!', 0, Waiting);
    nix::ioctl_readwrite!(send, b'!', 1, Response);
    nix::ioctl_write_ptr!(id_valid, b'!', 2, u64);
    nix::ioctl_write_ptr!(add_fd, b'!', 3, AddFd);
    // The number says a size of 8 bytes, though the flags are given by value.
    nix::ioctl_write_int_bad!(set_flags, nix::request_code_write!(b'!', 4, 8));
}

/// What is answered to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The kernel makes the call.
    Continue,
    /// The call is not made and has this result.
    Value(i64),
    /// The call is not made and has failed so.
    Error(Errno),
}

/// Takes the next call; waits for one. `ENOENT` where the caller was killed meanwhile.
pub fn receive(listener: BorrowedFd) -> Result<Waiting> {
    // The kernel asks for a structure of zeros.
    let mut waiting = Waiting::default();
    // SAFETY: the structure is `struct seccomp_notif`, which has had this size since Linux 5.0.
    unsafe { ioctl::receive(listener.as_raw_fd(), &raw mut waiting) }?;
    Ok(waiting)
}

/// Whether a process is no longer under its filter once it has ended: from Linux 6.11 on, where
/// [`receive`] also ends by itself, with `ENOENT`, when no process is left under it.
///
/// Earlier kernels keep a process there until it has been reaped, and let `receive` wait for ever: only
/// poll(2) tells of the end.
#[must_use]
pub fn lets_go_of_the_dead() -> bool {
    static GOES: OnceLock<bool> = OnceLock::new();
    *GOES.get_or_init(|| {
        let release = nix::sys::utsname::uname().ok().and_then(|name| name.release().to_str().map(str::to_owned));
        let mut numbers = release.iter().flat_map(|release| release.split(|letter: char| !letter.is_ascii_digit()));
        let mut number = || numbers.next().and_then(|word| word.parse::<u32>().ok()).unwrap_or(0);
        (number(), number()) >= (6, 11)
    })
}

/// Whether no process is left under the filter.
#[must_use]
pub fn is_over(listener: BorrowedFd) -> bool {
    let mut polled = [PollFd::new(listener, PollFlags::POLLIN)];
    let ready = poll(&mut polled, PollTimeout::ZERO);
    ready.is_ok() && polled[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}

/// Answers a call; `ENOENT` where nobody waits for it any more.
pub fn answer(listener: BorrowedFd, id: u64, answer: Answer) -> Result<()> {
    const CONTINUE: u32 = 1;
    let (value, error, flags) = match answer {
        Answer::Continue => (0, 0, CONTINUE),
        Answer::Value(value) => (value, 0, 0),
        Answer::Error(errno) => (0, -(errno as i32), 0),
    };
    let mut response = Response { id, value, error, flags };
    // SAFETY: the structure is `struct seccomp_notif_resp`.
    unsafe { ioctl::send(listener.as_raw_fd(), &raw mut response) }.map(drop)
}

/// Whether the call still waits.
#[must_use]
pub fn waits(listener: BorrowedFd, id: u64) -> bool {
    // SAFETY: the kernel reads one number.
    unsafe { ioctl::id_valid(listener.as_raw_fd(), &raw const id) }.is_ok()
}

/// Whether a descriptor is the listener of a filter; whoever sends one may send anything.
#[must_use]
pub fn is_listener(fd: BorrowedFd) -> bool {
    let nobody = 0;
    // SAFETY: the kernel reads one number. No call has this one, so a listener says ENOENT.
    let answer = unsafe { ioctl::id_valid(fd.as_raw_fd(), &raw const nobody) };
    matches!(answer, Ok(_) | Err(Errno::ENOENT))
}

/// Puts a copy of a descriptor into the process that waits: at `number`, or at the lowest that is
/// free. The number there; with `answers` the call has that result in the same step (Linux 5.14).
pub fn add_fd(listener: BorrowedFd, id: u64, fd: BorrowedFd, number: Option<u32>, cloexec: bool, answers: bool) -> Result<i32> {
    const SETFD: u32 = 1;
    const SEND: u32 = 2;
    let source = u32::try_from(fd.as_raw_fd()).map_err(|_| Errno::EBADF)?;
    let flags = if number.is_some() { SETFD } else { 0 } | if answers { SEND } else { 0 };
    let new_flags = if cloexec { libc::O_CLOEXEC.cast_unsigned() } else { 0 };
    let added = AddFd { id, flags, source, number: number.unwrap_or(0), new_flags };
    // SAFETY: the structure is `struct seccomp_ioctl::add_fd`.
    unsafe { ioctl::add_fd(listener.as_raw_fd(), &raw const added) }
}

/// Lets the kernel wake the two sides on the same processor (`SYNC_WAKE_UP`, Linux 6.6): the one
/// sleeps when the other runs. Older kernels do without.
pub fn wake_in_place(listener: BorrowedFd) {
    const SYNC_WAKE_UP: libc::c_int = 1;
    // SAFETY: takes a number.
    let _ = unsafe { ioctl::set_flags(listener.as_raw_fd(), SYNC_WAKE_UP) };
}

/// Copies memory of the process that waits: as much of `length` bytes as is there. `ENOENT` where
/// the call does not wait any more: the bytes may be another process's then.
pub fn read(listener: BorrowedFd, waiting: &Waiting, address: u64, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut copied = 0;
    // Page by page: a copy that ends in a page which is not there answers nothing of it.
    while copied < length {
        let from = address.checked_add(copied as u64).and_then(|from| usize::try_from(from).ok()).ok_or(Errno::EFAULT)?;
        let piece = (length - copied).min(PAGE - from % PAGE);
        let Some(room) = bytes.get_mut(copied..copied + piece) else { break };
        match process_vm_readv(pid(waiting)?, &mut [IoSliceMut::new(room)], &[RemoteIoVec { base: from, len: piece }]) {
            Ok(count) if count > 0 => copied += count,
            Ok(_) | Err(Errno::EFAULT) => break,
            Err(errno) => return Err(errno),
        }
    }
    if !waits(listener, waiting.id) {
        return Err(Errno::ENOENT);
    }
    if copied == 0 && length > 0 {
        return Err(Errno::EFAULT);
    }
    bytes.truncate(copied);
    Ok(bytes)
}

const PAGE: usize = 4096;

/// Copies the text that ends with a NUL; `ENAMETOOLONG` where none comes within `longest` bytes.
pub fn read_text(listener: BorrowedFd, waiting: &Waiting, address: u64, longest: usize) -> Result<Vec<u8>> {
    let mut bytes = read(listener, waiting, address, longest)?;
    match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => bytes.truncate(end),
        None if bytes.len() == longest => return Err(Errno::ENAMETOOLONG),
        None => return Err(Errno::EFAULT),
    }
    Ok(bytes)
}

/// Writes into memory of the process that waits. `ENOENT` where the call did not wait any more
/// before or after: then nobody reads the result, or what was written may be another process's.
pub fn write(listener: BorrowedFd, id: u64, thread: u32, address: u64, bytes: &[u8]) -> Result<()> {
    let base = usize::try_from(address).map_err(|_| Errno::EFAULT)?;
    let pid = i32::try_from(thread).ok().filter(|pid| *pid > 0).ok_or(Errno::ESRCH)?;
    if !waits(listener, id) {
        return Err(Errno::ENOENT);
    }
    let there = RemoteIoVec { base, len: bytes.len() };
    let written = process_vm_writev(Pid::from_raw(pid), &[IoSlice::new(bytes)], &[there])?;
    if !waits(listener, id) {
        return Err(Errno::ENOENT);
    }
    if written == bytes.len() { Ok(()) } else { Err(Errno::EFAULT) }
}

/// A copy of a descriptor of the process that waits (`pidfd_getfd(2)`, Linux 5.6).
pub fn take_fd(listener: BorrowedFd, waiting: &Waiting, number: RawFd) -> Result<OwnedFd> {
    // The descriptor of a thread's process: a thread has no pidfd of its own before Linux 6.9.
    let fd = copy_fd(leader(waiting)?, number)?;
    if waits(listener, waiting.id) { Ok(fd) } else { Err(Errno::ENOENT) }
}

/// A copy of a descriptor of any process that may be traced (`pidfd_getfd(2)`, Linux 5.6).
pub fn copy_fd(process: i32, number: RawFd) -> Result<OwnedFd> {
    let process = super::processes::pidfd_open(process)?;
    // SAFETY: takes no pointers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) })?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).map_err(|_| Errno::EPROTO)?) })
}

fn pid(waiting: &Waiting) -> Result<Pid> {
    match i32::try_from(waiting.pid) {
        Ok(pid) if pid > 0 => Ok(Pid::from_raw(pid)),
        _ => Err(Errno::ESRCH),
    }
}

/// The process of a thread.
fn leader(waiting: &Waiting) -> Result<i32> {
    let path = format!("/proc/{}/status", pid(waiting)?);
    let text = std::fs::read_to_string(path).map_err(super::files::errno)?;
    text.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok()).ok_or(Errno::EPROTO)
}
