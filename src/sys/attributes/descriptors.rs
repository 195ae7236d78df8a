//! How many descriptors this program may have open, and how many the programs that it starts.
//!
//! A script may hold hundreds of processes and pipes. The soft limit is low for the sake of old
//! programs that cannot count further than select(2) can (1024), so this program raises its own to
//! the hard limit, and gives the old one back to every program that it starts, as systemd does.

use std::sync::atomic::{AtomicU64, Ordering};

use nix::libc;

use super::{limit, write_limit};
use crate::sys::Result;

/// The soft limit before it was raised; [`NONE`] where it was not, or the script has set its own.
static BEFORE: AtomicU64 = AtomicU64::new(NONE);

/// Above every limit of descriptors: the kernel has none beyond `fs.nr_open`.
const NONE: u64 = u64::MAX;

/// Raises the soft limit to the hard one. To be called before any script runs.
pub fn raise() -> Result<()> {
    let (soft, hard) = limit(0, libc::RLIMIT_NOFILE)?;
    if soft < hard {
        write_limit(0, libc::RLIMIT_NOFILE, hard, hard)?;
        remember(soft);
    }
    Ok(())
}

/// The limit that [`raise`] has replaced is the script's own business from now on.
pub fn forget() -> Option<u64> {
    Some(BEFORE.swap(NONE, Ordering::Relaxed)).filter(|before| *before != NONE)
}

/// Takes back what [`forget`] has done.
pub fn remember(before: u64) {
    BEFORE.store(before, Ordering::Relaxed);
}

/// Gives a program that is about to be started the limit that this one was started with.
pub fn lower() -> Result<()> {
    match BEFORE.load(Ordering::Relaxed) {
        NONE => Ok(()),
        before => write_limit(0, libc::RLIMIT_NOFILE, before, limit(0, libc::RLIMIT_NOFILE)?.1),
    }
}

/// After an exec that has failed the limit is as before it.
pub fn put_back() -> Result<()> {
    if BEFORE.load(Ordering::Relaxed) == NONE {
        return Ok(());
    }
    let (_, hard) = limit(0, libc::RLIMIT_NOFILE)?;
    write_limit(0, libc::RLIMIT_NOFILE, hard, hard)
}
