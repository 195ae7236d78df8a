//! Starting a child: what `spawn` needs beyond the clone itself.

use std::os::fd::BorrowedFd;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::Pid;

use super::Result;

/// Has the kernel kill the calling process when its parent ends (`PR_SET_PDEATHSIG`).
pub fn die_with_parent() -> Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)
}

/// Has the kernel ask the calling process to end when its parent does: it closes what it holds.
pub fn end_with_parent() -> Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)
}

/// Reaps a child that ends by itself.
pub fn reap(pidfd: BorrowedFd) -> Result<()> {
    loop {
        match waitid(Id::PIDFd(pidfd), WaitPidFlag::WEXITED) {
            Err(nix::errno::Errno::EINTR) => {}
            other => return other.map(drop),
        }
    }
}

/// Ends a child by its number and collects it, whatever signal it would send at its end.
pub fn end(pid: i32) {
    let pid = Pid::from_raw(pid);
    let _ = kill(pid, Signal::SIGKILL);
    while waitpid(pid, Some(WaitPidFlag::__WALL)) == Err(nix::errno::Errno::EINTR) {}
}
