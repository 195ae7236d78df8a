//! Knocks again until a signal has been heard.
//!
//! A signal that comes between a look at the counts ([`super::interrupt`]) and a call that waits is too
//! early to interrupt it. Our own waits hold signals back until they wait; a library's (`io.read`, the
//! line editor's) do not. So the first signal that is to end the script starts a timer, whose signal
//! interrupts whatever waits, every few milliseconds, until somebody has looked.
//!
//! The timer is POSIX's: a forked child has none, and execve(2) deletes it (timer_create(2)). Its signal
//! is a real-time one, which no script can ask for.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::libc;

/// Between two knocks, in nanoseconds.
const PERIOD: libc::c_long = 20_000_000;

/// The last real-time signal of the kernel's; the C library takes the first ones.
const SIGNAL: libc::c_int = 64;

/// The timer's number in this process; -1 where none was made.
static TIMER: AtomicI32 = AtomicI32::new(-1);

static KNOCKS: AtomicBool = AtomicBool::new(false);

/// Interrupts what waits, until [`super::interrupt::pending`] says that there is nothing more to hear.
/// Safe in a handler; where the timer is refused nothing is interrupted.
pub fn start() {
    if KNOCKS.swap(true, Ordering::Relaxed) {
        return;
    }
    if TIMER.load(Ordering::Relaxed) < 0 && !make() {
        KNOCKS.store(false, Ordering::Relaxed);
        return;
    }
    every(PERIOD);
}

/// In a forked child, which has no timer.
pub fn forked() {
    TIMER.store(-1, Ordering::Relaxed);
    KNOCKS.store(false, Ordering::Relaxed);
}

extern "C" fn knock(_: libc::c_int) {
    let errno = nix::errno::Errno::last_raw();
    if super::interrupt::pending().is_some() {
        super::interrupt::wake_editor();
    } else {
        every(0);
        KNOCKS.store(false, Ordering::Relaxed);
        // One may have come since, and have found that there are knocks already.
        if super::interrupt::pending().is_some() {
            start();
        }
    }
    nix::errno::Errno::set_raw(errno);
}

fn make() -> bool {
    let handler: extern "C" fn(libc::c_int) = knock;
    // SAFETY: both structures may be zero, and live through the calls, which may be made in a handler;
    // the system call itself, for the library's function is not said to be safe there.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        let mut event: libc::sigevent = std::mem::zeroed();
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = SIGNAL;
        let mut timer: libc::c_int = -1;
        let made = libc::sigaction(SIGNAL, &raw const action, std::ptr::null_mut()) == 0
            && libc::syscall(libc::SYS_timer_create, libc::CLOCK_MONOTONIC, &raw const event, &raw mut timer) == 0;
        if made {
            TIMER.store(timer, Ordering::Relaxed);
        }
        made
    }
}

/// Sets the timer; 0 stops it.
fn every(nanoseconds: libc::c_long) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: nanoseconds };
    let value = libc::itimerspec { it_interval: time, it_value: time };
    let none: *mut libc::itimerspec = std::ptr::null_mut();
    // SAFETY: the structure lives through the call, which may be made in a handler.
    unsafe { libc::syscall(libc::SYS_timer_settime, TIMER.load(Ordering::Relaxed), 0, &raw const value, none) };
}
