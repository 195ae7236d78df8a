//! One `ppoll(2)` over many descriptors.
//!
//! Descriptors are taken by number, because the program's own 0, 1 and 2 belong to no object; who
//! calls keeps the others open meanwhile.

use std::os::fd::RawFd;
use std::time::Duration;

use nix::libc;

use super::super::interrupt::Held;
use super::super::{Errno, Result};

/// The descriptors, in order.
#[derive(Debug, Default)]
pub struct PollSet(Vec<libc::pollfd>);

/// What a descriptor is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Something can be read: bytes, an end, an event.
    pub input: bool,
    /// Nobody has the other end open any more, or it failed.
    pub hangup: bool,
}

impl PollSet {
    /// Room for so many.
    #[must_use]
    pub fn with_capacity(number: usize) -> Self {
        Self(Vec::with_capacity(number))
    }

    /// Adds a descriptor. `urgent` ones have no bytes to be read but notice of a change to a file
    /// of the kernel's (`POLLPRI`).
    pub fn push(&mut self, fd: RawFd, urgent: bool) {
        self.0.push(libc::pollfd { fd, events: if urgent { libc::POLLPRI } else { libc::POLLIN }, revents: 0 });
    }

    /// Waits until one is ready, the time is over, or a signal comes (`EINTR`). `EBADF` for a number
    /// that is not open.
    pub fn wait(&mut self, timeout: Option<Duration>, signals: &Held) -> Result<()> {
        let time = timeout.map(|time| libc::timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let mask: &libc::sigset_t = signals.during().as_ref();
        let number = self.0.len().try_into().map_err(|_| Errno::EINVAL)?;
        // SAFETY: the list's own length is passed along; time and mask outlive the call.
        Errno::result(unsafe { libc::ppoll(self.0.as_mut_ptr(), number, time, mask) })?;
        if self.0.iter().any(|polled| polled.revents & libc::POLLNVAL != 0) { Err(Errno::EBADF) } else { Ok(()) }
    }

    /// Whether the last wait has found the one at this place ready.
    #[must_use]
    pub fn is_ready(&self, place: usize) -> bool {
        self.0.get(place).is_some_and(|polled| polled.revents != 0)
    }

    /// Those that the last wait has found ready, by their place.
    pub fn ready(&self) -> impl Iterator<Item = (usize, Ready)> {
        let ready = |bits: libc::c_short| Ready {
            input: bits & (libc::POLLIN | libc::POLLPRI) != 0,
            hangup: bits & (libc::POLLHUP | libc::POLLERR) != 0,
        };
        self.0.iter().enumerate().filter(|(_, polled)| polled.revents != 0).map(move |(index, polled)| (index, ready(polled.revents)))
    }
}
