//! Processes that run: waiting for them and sending them signals, by descriptor.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Errno, Result};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It called exit with this status.
    Exited(i32),
    /// A signal ended it; the flag says whether it left a core.
    Signalled(i32, bool),
}

/// Waits until a child has ended and reaps it. `None` when the time is over.
///
/// `EINTR` when a signal came first.
pub fn wait(pidfd: BorrowedFd, timeout: Option<Duration>) -> Result<Option<End>> {
    if let Some(timeout) = timeout
        && !readable(&[pidfd], Some(timeout))?.contains(&0)
    {
        return Ok(None);
    }
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let id = libc::id_t::try_from(std::os::fd::AsRawFd::as_raw_fd(&pidfd)).map_err(|_| Errno::EBADF)?;
    // SAFETY: the buffer is a siginfo_t, and the descriptor stays open for the call.
    Errno::result(unsafe { libc::waitid(libc::P_PIDFD, id, info.as_mut_ptr(), libc::WEXITED) })?;
    // SAFETY: the call succeeded and has filled the buffer; si_status is valid for a child's end.
    let (code, status) = unsafe {
        let info = info.assume_init();
        (info.si_code, info.si_status())
    };
    Ok(Some(match code {
        libc::CLD_EXITED => End::Exited(status),
        other => End::Signalled(status, other == libc::CLD_DUMPED),
    }))
}

/// Waits until one of the descriptors can be read; the indices of those that can.
pub fn readable(fds: &[BorrowedFd], timeout: Option<Duration>) -> Result<Vec<usize>> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut polled: Vec<PollFd> = fds.iter().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)).collect();
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let wait = left.map_or(PollTimeout::NONE, |left| {
            // Rounded up: to wait a little less than a millisecond is to spin.
            PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
        });
        let ready = poll(&mut polled, wait)?;
        if ready > 0 {
            return Ok(polled.iter().enumerate().filter(|(_, fd)| fd.any() == Some(true)).map(|(index, _)| index).collect());
        }
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(Vec::new());
        }
    }
}

/// `pidfd_send_signal(2)`.
pub fn signal(pidfd: BorrowedFd, signal: i32) -> Result<()> {
    let fd = std::os::fd::AsRawFd::as_raw_fd(&pidfd);
    // SAFETY: a null siginfo is allowed and means the same as kill(2).
    Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, std::ptr::null::<libc::siginfo_t>(), 0) }).map(drop)
}

/// `kill(2)`: also for a process group (negative) or every process (-1).
pub fn kill(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop)
}
