//! The last word on a script's time: an alarm whose handler ends the process at once.
//!
//! A library function that does not come back (a pattern that backtracks) is nothing that Lua's hook
//! can interrupt, so neither its budget nor Ctrl-C would end it. Nothing is closed then: what outlives
//! the process stands in the journal, and `crun-lua gc` removes it. A program that the process becomes
//! inherits the alarm, with its default action (execve(2)); a forked child does not inherit it.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};

use super::{Errno, Result};

/// What timeout(1) answers.
pub const STATUS: i32 = 124;

/// How long a script may take to end after a signal that ends it, in seconds.
const PATIENCE: u32 = 2;

/// The status that the process ends with; 0 where no alarm is set.
static ENDS_WITH: AtomicI32 = AtomicI32::new(0);

const TEXT: &str = "crun-lua: the script was ended: it did not come back from one call of the library\n";

extern "C" fn end(_: libc::c_int) {
    // SAFETY: both may be called from a handler; the buffer is a constant.
    unsafe {
        libc::write(2, TEXT.as_ptr().cast(), TEXT.len());
        libc::_exit(ENDS_WITH.load(Ordering::Relaxed));
    }
}

/// Ends this process after so long, with [`STATUS`].
pub fn set(after: Duration) -> Result<()> {
    ENDS_WITH.store(STATUS, Ordering::Relaxed);
    let action = SigAction::new(SigHandler::Handler(end), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler makes two system calls that may be made there.
    unsafe { sigaction(Signal::SIGALRM, &action) }?;
    // Whoever has started this program may have blocked it.
    sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&SigSet::from(Signal::SIGALRM)), None)?;
    let seconds = libc::time_t::try_from(after.as_secs()).unwrap_or(libc::time_t::MAX);
    let value = libc::timeval { tv_sec: seconds, tv_usec: after.subsec_micros().max(1).into() };
    let timer = libc::itimerval { it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 }, it_value: value };
    // SAFETY: the structure lives through the call, and the old value is not asked for.
    Errno::result(unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) }).map(drop)
}

/// Whether an alarm is set.
#[must_use]
pub fn is_set() -> bool {
    ENDS_WITH.load(Ordering::Relaxed) != 0
}

/// A signal that ends the script has come: where an alarm is set it comes soon, with the status of the
/// first such signal, and never later than it would have come. May be called from a handler.
pub fn hasten(signal: libc::c_int) {
    if is_set() {
        let _ = ENDS_WITH.compare_exchange(STATUS, 128 + signal, Ordering::Relaxed, Ordering::Relaxed);
        if left().is_none_or(|left| left > Duration::from_secs(PATIENCE.into())) {
            // SAFETY: takes no pointers; alarm(2) is safe in a handler.
            unsafe { libc::alarm(PATIENCE) };
        }
    }
}

/// The time until the alarm, where its timer runs. May be called from a handler: one system call.
fn left() -> Option<Duration> {
    let none = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let mut timer = libc::itimerval { it_interval: none, it_value: none };
    // SAFETY: the structure lives through the call.
    Errno::result(unsafe { libc::getitimer(libc::ITIMER_REAL, &raw mut timer) }).ok()?;
    let time = |part: i64| u64::try_from(part).unwrap_or_default();
    let left = Duration::from_secs(time(timer.it_value.tv_sec)) + Duration::from_micros(time(timer.it_value.tv_usec));
    (!left.is_zero()).then_some(left)
}
