//! Locks on files: `flock(2)`, which the kernel takes back when the last copy is closed.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::libc;

use super::{Errno, Result, files, interrupt};

/// Opens the file of a lock, made with mode 0600 where there is none; symlinks are `ELOOP`.
///
/// `EINVAL` for anything but a regular file: a device or a pipe may do things when it is opened
/// or closed, which is why opening never waits.
pub fn open_lock(path: &Path) -> Result<OwnedFd> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path).map_err(files::errno)?;
    let found = file.metadata().map_err(|error| if error.kind() == ErrorKind::NotFound { Errno::ENOENT } else { files::errno(error) })?;
    if found.is_file() { Ok(file.into()) } else { Err(Errno::EINVAL) }
}

/// Closes the copy of a descriptor that a fork has made, by its number alone: whoever has the number
/// in this process must neither use nor close it again.
pub fn close_copy(number: RawFd) {
    // SAFETY: takes no pointers; an unknown number is an error that changes nothing.
    unsafe { libc::close(number) };
}

/// How often a lock is asked for when there is an end to patience: `flock(2)` has no timeout.
const LONGEST_NAP: Duration = Duration::from_millis(20);

/// Takes the lock: whether it was had before the time was over. `EINTR` when a signal came that
/// this program watches.
pub fn lock(fd: BorrowedFd, shared: bool, patience: Option<Duration>) -> Result<bool> {
    let operation = if shared { libc::LOCK_SH } else { libc::LOCK_EX };
    let Some(patience) = patience else { return flock(fd, operation).map(|()| true) };
    let deadline = Instant::now() + patience;
    let mut nap = Duration::from_millis(1);
    loop {
        match flock(fd, operation | libc::LOCK_NB) {
            Err(Errno::EWOULDBLOCK) => {}
            other => return other.map(|()| true),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        if interrupt::pending().is_some() {
            return Err(Errno::EINTR);
        }
        std::thread::sleep(nap.min(left));
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

/// Gives the lock back, for every copy of the descriptor there is.
pub fn unlock(fd: BorrowedFd) -> Result<()> {
    flock(fd, libc::LOCK_UN)
}

fn flock(fd: BorrowedFd, operation: i32) -> Result<()> {
    // SAFETY: takes no pointers; the descriptor stays open for the call.
    Errno::result(unsafe { libc::flock(fd.as_raw_fd(), operation) }).map(drop)
}
