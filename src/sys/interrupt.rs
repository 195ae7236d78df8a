//! Signals while a script runs: remembered here, acted on where it is safe.
//!
//! A handler may do next to nothing, so it only counts. The Lua hook looks at the counts between
//! instructions and a blocking call comes back with `EINTR`, so that the script unwinds and what
//! it holds is closed. `SA_RESTART` is left out on purpose.
//!
//! SIGINT, SIGTERM and SIGHUP end a script. Those that it has asked to be told of (`poll`) wait to
//! be told instead, unless a second one comes before that: a script that never asks again can
//! still be stopped.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};

use super::{Errno, Result};

/// How often each signal has come since it was last asked for, by number.
static ARRIVED: [AtomicU32; 65] = [const { AtomicU32::new(0) }; 65];

/// The signals that the script is told of, a bit each.
static WANTED: AtomicU64 = AtomicU64::new(0);

/// The signals beside [`ENDING`] that are counted, a bit each.
static OTHERS: AtomicU64 = AtomicU64::new(0);

/// The signals that end a script. Of several that have come an interrupt counts least: what it ends may go on.
const ENDING: [Signal; 3] = [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT];

/// Whether a line editor waits for a key, which only SIGINT makes it look up from.
static EDITING: AtomicBool = AtomicBool::new(false);

/// Says that a line editor waits for keys: the other signals then interrupt it as SIGINT does.
pub fn set_editing(on: bool) {
    EDITING.store(on, Ordering::Relaxed);
}

/// Lets a line editor that waits for keys look up.
pub fn wake_editor() {
    if EDITING.load(Ordering::Relaxed) {
        // SAFETY: raise(3) may be called from a handler.
        unsafe { libc::raise(libc::SIGINT) };
    }
}

/// Has a signal come again that was taken note of where nobody could act on it.
pub fn again(signal: i32) {
    // SAFETY: takes no pointers.
    unsafe { libc::raise(signal) };
}

extern "C" fn remember(signal: libc::c_int) {
    let errno = Errno::last_raw();
    if signal != libc::SIGINT {
        wake_editor();
    }
    if let Some(count) = usize::try_from(signal).ok().and_then(|signal| ARRIVED.get(signal)) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    if ENDING.iter().any(|ending| *ending as libc::c_int == signal) {
        super::alarm::hasten(signal);
        if pending().is_some() {
            super::knock::start();
        }
    }
    let (door, wall) = (DOOR.load(Ordering::Relaxed), WALL.load(Ordering::Relaxed));
    if door >= 0 {
        // SAFETY: one system call on numbers; what stands in the place of `door` closes with it.
        unsafe { libc::dup3(wall, door, libc::O_CLOEXEC) };
    }
    Errno::set_raw(errno);
}

/// The descriptor that a call waits on, and what a signal puts into its place: see [`Door`].
static DOOR: AtomicI32 = AtomicI32::new(-1);
static WALL: AtomicI32 = AtomicI32::new(-1);

/// A second number of a descriptor, to wait on by a call that takes no mask of signals.
///
/// Between the look at the counts and such a call a signal would come too early to interrupt it. So
/// the handler shuts the door: the call that begins after that meets another file, and fails.
#[derive(Debug)]
pub struct Door {
    fd: OwnedFd,
    _wall: OwnedFd,
    /// The door and the wall of whoever waits meanwhile for this wait's end.
    outer: (RawFd, RawFd),
}

impl Door {
    /// A door to what a descriptor leads to; `ENOTTY` answers an ioctl(2) once it is shut.
    pub fn open(to: BorrowedFd) -> Result<Self> {
        let wall: OwnedFd = std::fs::File::open("/dev/null").map_err(super::files::errno)?.into();
        let fd = to.try_clone_to_owned().map_err(super::files::errno)?;
        let outer = (DOOR.swap(-1, Ordering::Relaxed), WALL.swap(wall.as_raw_fd(), Ordering::Relaxed));
        DOOR.store(fd.as_raw_fd(), Ordering::Relaxed);
        Ok(Self { fd, _wall: wall, outer })
    }

    /// What is behind it, or the wall.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Lets it lead there again, where a signal has shut it.
    pub fn reopen(&self, to: BorrowedFd) -> Result<()> {
        // SAFETY: one system call on numbers; both are this process's and stay open.
        Errno::result(unsafe { libc::dup3(to.as_raw_fd(), self.fd.as_raw_fd(), libc::O_CLOEXEC) }).map(drop)
    }

    /// Its number, of which a forked child has a copy that nobody shuts.
    #[must_use]
    pub fn number(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        DOOR.store(-1, Ordering::Relaxed);
        WALL.store(self.outer.1, Ordering::Relaxed);
        DOOR.store(self.outer.0, Ordering::Relaxed);
    }
}

fn count(signal: Signal) -> u32 {
    ARRIVED.get(signal as usize).map_or(0, |count| count.load(Ordering::Relaxed))
}

fn bit(signal: Signal) -> u64 {
    1 << (signal as u32)
}

fn in_mask(mask: u64) -> impl Iterator<Item = Signal> {
    Signal::iterator().filter(move |signal| mask & bit(*signal) != 0)
}

fn watched() -> impl Iterator<Item = Signal> {
    ENDING.into_iter().chain(in_mask(OTHERS.load(Ordering::Relaxed)))
}

/// Sets a signal's action, unless the caller was told to ignore it (`nohup`): it stays ignored
/// then, and the answer is false.
fn set(signal: Signal, handler: SigHandler) -> Result<bool> {
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler is the default action, or `remember`, which adds to an atomic.
    let before = unsafe { sigaction(signal, &action) }?;
    if matches!(before.handler(), SigHandler::SigIgn) {
        // SAFETY: puts back the disposition that was there before.
        unsafe { sigaction(signal, &before) }?;
        return Ok(false);
    }
    Ok(true)
}

/// Starts remembering.
pub fn watch() -> Result<()> {
    watched().try_for_each(|signal| set(signal, SigHandler::Handler(remember)).map(drop))
}

/// Gives the watched signals their default action again, as a new program expects them. One that
/// is ignored stays ignored.
pub fn unwatch() -> Result<()> {
    watched().try_for_each(|signal| set(signal, SigHandler::SigDfl).map(drop))
}

/// Whether all signals that end a script are in a set.
#[must_use]
pub fn are_in(set: &SigSet) -> bool {
    ENDING.iter().all(|signal| set.contains(*signal))
}

/// The signal that is to end the script, if one has arrived since the last [`clear`].
#[must_use]
pub fn pending() -> Option<Signal> {
    let wanted = WANTED.load(Ordering::Relaxed);
    ENDING.into_iter().find(|signal| count(*signal) > u32::from(wanted & bit(*signal) != 0))
}

/// The ending signal that has arrived, also where it waits to be told.
#[must_use]
pub fn arrived() -> Option<Signal> {
    ENDING.into_iter().find(|signal| count(*signal) > 0)
}

/// Forgets what has arrived to end the script.
pub fn clear() {
    for signal in ENDING {
        if let Some(count) = ARRIVED.get(signal as usize) {
            count.store(0, Ordering::Relaxed);
        }
    }
}

/// Lets these signals, and no others any more, wait to be told instead of ending anything.
pub fn want(signals: &[Signal]) -> Result<()> {
    if signals.contains(&Signal::SIGALRM) && super::alarm::is_set() {
        // It is to end this process.
        return Err(super::Errno::EBUSY);
    }
    for signal in signals.iter().filter(|signal| !watched().any(|other| other == **signal)) {
        if set(*signal, SigHandler::Handler(remember))? {
            OTHERS.fetch_or(bit(*signal), Ordering::Relaxed);
        }
    }
    WANTED.store(signals.iter().map(|signal| bit(*signal)).fold(0, |mask, bit| mask | bit), Ordering::Relaxed);
    Ok(())
}

/// Takes the wanted signals of a set that have come, each once.
pub fn take(set: &SigSet) -> impl Iterator<Item = Signal> {
    let came = |signal: &Signal| ARRIVED.get(*signal as usize).is_some_and(|count| count.swap(0, Ordering::Relaxed) > 0);
    in_mask(WANTED.load(Ordering::Relaxed)).filter(|signal| set.contains(*signal)).filter(came)
}

/// The wanted signals that have come and have not been told: before a fork, for [`forked`].
#[must_use]
pub fn untold() -> u64 {
    in_mask(WANTED.load(Ordering::Relaxed)).filter(|signal| count(*signal) > 0).fold(0, |mask, signal| mask | bit(signal))
}

/// In a forked child: it has asked for nothing, and what its parent was about to be told is not
/// meant for it.
pub fn forked(untold: u64) {
    super::knock::forked();
    DOOR.store(-1, Ordering::Relaxed);
    WANTED.store(0, Ordering::Relaxed);
    for signal in in_mask(untold) {
        if let Some(count) = ARRIVED.get(signal as usize) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
    for signal in in_mask(OTHERS.swap(0, Ordering::Relaxed)) {
        let _ = set(signal, SigHandler::SigDfl);
    }
}

/// Signals that are held back, so that none comes between a look at the counts and the call that
/// waits. They come within that call, which is given [`Held::during`], or when this is dropped.
#[derive(Debug)]
pub struct Held {
    before: SigSet,
    during: SigSet,
}

impl Held {
    /// Holds back the signals that end a script, and these.
    pub fn start(signals: &[Signal]) -> Result<Self> {
        let set: SigSet = ENDING.into_iter().chain(signals.iter().copied()).collect();
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), Some(&mut before))?;
        let mut during = before;
        for signal in signals {
            during.remove(*signal);
        }
        Ok(Self { before, during })
    }

    /// The mask for the call that waits: what was blocked before, without the wanted signals.
    #[must_use]
    pub fn during(&self) -> &SigSet {
        &self.during
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None);
    }
}
