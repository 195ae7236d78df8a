//! A number that a process shares with its children: no system call reads or writes it, so it works
//! in any root and under any filter.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;

use super::Result;

/// How long a lock is waited for: longer than who has it may have to wait for a processor.
const PATIENCE: Duration = Duration::from_millis(250);

/// The number, in a page of its own that forks do not copy.
#[derive(Debug)]
pub struct SharedWord(NonNull<AtomicU64>);

impl SharedWord {
    /// A new one.
    pub fn new(value: u64) -> Result<Self> {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping that nobody else knows of; it stays for the life of the process.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), size_of::<AtomicU64>(), protection, flags, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let word = Self(NonNull::new(page.cast()).ok_or(Errno::ENOMEM)?);
        let _ = word.swap(value);
        Ok(word)
    }

    /// Puts another number in its place, and answers the one that was there.
    #[must_use = "whoever only sets it may say so"]
    pub fn swap(&self, value: u64) -> u64 {
        // SAFETY: the mapping is aligned to a page, zeroed by the kernel, and never unmapped.
        unsafe { self.0.as_ref() }.swap(value, Ordering::Relaxed)
    }

    /// Runs a body while no other process does the same: as a lock, the number is 0 when it is free.
    ///
    /// A process that dies meanwhile must not stop the others for good, so nobody waits for long.
    pub fn alone<T>(&self, body: impl FnOnce() -> T) -> T {
        // SAFETY: as above.
        let word = unsafe { self.0.as_ref() };
        let start = Instant::now();
        while word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() && start.elapsed() < PATIENCE {
            std::hint::spin_loop();
        }
        let answer = body();
        word.store(0, Ordering::Release);
        answer
    }

    /// Adds to it.
    pub fn add(&self, more: u64) {
        // SAFETY: as above.
        unsafe { self.0.as_ref() }.fetch_add(more, Ordering::Relaxed);
    }
}
