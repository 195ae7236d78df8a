//! Terminals: pty pairs, raw mode, window size, the foreground group.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::stat::Mode;
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

use super::{Errno, Result};

mod relay;

pub use relay::relay;

/// Rows and columns.
pub type Size = (u16, u16);

/// Opens a multiplexer, `/dev/ptmx` or a devpts mount's own: the master of a new pty.
///
/// `ENOTTY` where the path leads to something else.
pub fn open_master(ptmx: &Path) -> Result<OwnedFd> {
    let master = nix::fcntl::open(ptmx, OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK, Mode::empty())?;
    index(std::os::fd::AsFd::as_fd(&master))?;
    nix::fcntl::fcntl(&master, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_RDWR))?;
    Ok(master)
}

/// `TIOCGPTN`: the number of the pty in its devpts mount.
pub fn index(master: BorrowedFd) -> Result<u32> {
    let mut number: libc::c_uint = 0;
    // SAFETY: the ioctl stores one number in the buffer.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTN as _, &raw mut number) })?;
    Ok(number)
}

/// `TIOCSPTLCK`: lets the other side be opened.
pub fn unlock(master: BorrowedFd) -> Result<()> {
    let locked: libc::c_int = 0;
    // SAFETY: the ioctl reads one number from the buffer.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK as _, &raw const locked) }).map(drop)
}

/// `TIOCGPTPEER`: the other side, without a path that somebody could have put a link at.
pub fn peer(master: BorrowedFd) -> Result<OwnedFd> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: takes flags by value; the answer is a new descriptor that nobody else owns.
    unsafe { Ok(OwnedFd::from_raw_fd(Errno::result(libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER as _, flags))?)) }
}

/// `TIOCSCTTY`: makes it the controlling terminal of the caller, who leads a session without one.
pub fn set_controlling(terminal: BorrowedFd) -> Result<()> {
    // SAFETY: takes a number by value.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY as _, 0) }).map(drop)
}

/// `TIOCNOTTY`: gives up the caller's controlling terminal; `ENOTTY` where it is not that.
pub fn give_up(terminal: BorrowedFd) -> Result<()> {
    // SAFETY: takes no argument.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCNOTTY as _) }).map(drop)
}

/// Does something to a terminal that a background group would be stopped for.
fn without_stop<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    let mut block = SigSet::empty();
    block.add(Signal::SIGTTOU);
    let mut before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&block), Some(&mut before))?;
    let result = body();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
    result
}

/// `tcsetpgrp(3)`: the group that the terminal's keys signal and that may read from it.
pub fn set_foreground(terminal: BorrowedFd, group: i32) -> Result<()> {
    without_stop(|| nix::unistd::tcsetpgrp(terminal, nix::unistd::Pid::from_raw(group)))
}

/// `tcgetpgrp(3)`
pub fn foreground(terminal: BorrowedFd) -> Result<i32> {
    nix::unistd::tcgetpgrp(terminal).map(nix::unistd::Pid::as_raw)
}

/// `TIOCGWINSZ`
pub fn size(terminal: BorrowedFd) -> Result<Size> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the ioctl fills the structure.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ as _, &raw mut size) })?;
    Ok((size.ws_row, size.ws_col))
}

/// `TIOCSWINSZ`: the foreground group gets SIGWINCH where it differs.
pub fn set_size(terminal: BorrowedFd, (rows, columns): Size) -> Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the ioctl reads the structure.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ as _, &raw const size) }).map(drop)
}

/// `tcgetattr(3)`
pub fn attributes(terminal: BorrowedFd) -> Result<Termios> {
    tcgetattr(terminal)
}

/// Raw mode (cfmakeraw(3)): every byte goes through at once, and no key means a signal.
pub fn set_raw(terminal: BorrowedFd) -> Result<()> {
    let mut wanted = tcgetattr(terminal)?;
    cfmakeraw(&mut wanted);
    set_attributes(terminal, &wanted)
}

/// `tcsetattr(3)`, after what was written before has gone out.
pub fn set_attributes(terminal: BorrowedFd, wanted: &Termios) -> Result<()> {
    without_stop(|| tcsetattr(terminal, SetArg::TCSADRAIN, wanted))
}

/// Whether it is a terminal.
#[must_use]
pub fn is_tty(fd: BorrowedFd) -> bool {
    nix::unistd::isatty(fd).unwrap_or(false)
}
