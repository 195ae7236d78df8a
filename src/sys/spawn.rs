//! Starting a child: what `spawn` needs beyond the clone itself.

use std::os::fd::BorrowedFd;

use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, waitid};

use super::Result;

/// Has the kernel kill the calling process when its parent ends (`PR_SET_PDEATHSIG`).
pub fn die_with_parent() -> Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)
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
