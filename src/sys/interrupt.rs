//! SIGINT, SIGTERM and SIGHUP while a script runs: remembered here, acted on where it is safe.
//!
//! A handler may do next to nothing, so it only counts. The Lua hook looks at the count between
//! instructions and a blocking call comes back with `EINTR`, so that the script unwinds and what
//! it holds is closed. `SA_RESTART` is left out on purpose.

use std::sync::atomic::{AtomicI32, Ordering};

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static LAST: AtomicI32 = AtomicI32::new(0);

const WATCHED: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

extern "C" fn remember(signal: libc::c_int) {
    LAST.store(signal, Ordering::Relaxed);
}

/// Starts remembering. A signal that the caller was told to ignore (`nohup`) stays ignored.
pub fn watch() -> super::Result<()> {
    let action = SigAction::new(SigHandler::Handler(remember), SaFlags::empty(), SigSet::empty());
    for signal in WATCHED {
        // SAFETY: the handler stores to an atomic and does nothing else.
        let before = unsafe { sigaction(signal, &action) }?;
        if matches!(before.handler(), SigHandler::SigIgn) {
            // SAFETY: puts back the disposition that was there before.
            unsafe { sigaction(signal, &before) }?;
        }
    }
    Ok(())
}

/// Gives the watched signals their default action again, as a new program expects them. One that
/// is ignored stays ignored.
pub fn unwatch() -> super::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in WATCHED {
        // SAFETY: the default action runs no code of ours.
        let before = unsafe { sigaction(signal, &default) }?;
        if matches!(before.handler(), SigHandler::SigIgn) {
            // SAFETY: puts back the disposition that was there before.
            unsafe { sigaction(signal, &before) }?;
        }
    }
    Ok(())
}

/// The signal that has arrived since the last [`clear`], if any.
#[must_use]
pub fn pending() -> Option<Signal> {
    Signal::try_from(LAST.load(Ordering::Relaxed)).ok()
}

/// Forgets what has arrived.
pub fn clear() {
    LAST.store(0, Ordering::Relaxed);
}
