//! The loop between a user's terminal and the master of a pty.
//!
//! Bytes for the master wait in a buffer, so that a program that writes much and reads nothing
//! cannot stop the loop from reading what it writes.

use std::os::fd::{AsFd, BorrowedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{LocalFlags, SpecialCharacterIndices, tcgetattr};

use super::super::{Errno, Result, interrupt, processes};
use super::{is_tty, set_size, size};

/// What waits for the master at most before the input is left alone.
const FULL: usize = 1 << 16;

/// Copies in both directions until the other side of the pty is closed, or `process` has ended and
/// what it wrote is copied. A change of the input's window size is passed on, and so are the signals
/// in `forward`, to the process.
///
/// `EINTR` when a signal came that this program watches.
pub fn relay(
    master: BorrowedFd,
    input: Option<BorrowedFd>,
    output: BorrowedFd,
    process: Option<BorrowedFd>,
    forward: &[i32],
) -> Result<()> {
    let mut watched = SigSet::empty();
    watched.add(Signal::SIGWINCH);
    for signal in forward {
        watched.add(Signal::try_from(*signal)?);
    }
    let signals = SignalFd::with_flags(&watched, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let mut before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&watched), Some(&mut before))?;
    if let Some(process) = process {
        // None comes between this look and the loop: they are blocked by now.
        interrupt::take(&watched).try_for_each(|early| processes::signal(process, early as i32))?;
    }
    let flags = OFlag::from_bits_truncate(fcntl(master, FcntlArg::F_GETFL)?);
    fcntl(master, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    let result = Relay { master, input, output, process, signals, waiting: Vec::new() }.run();
    fcntl(master, FcntlArg::F_SETFL(flags))?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
    result
}

struct Relay<'a> {
    master: BorrowedFd<'a>,
    input: Option<BorrowedFd<'a>>,
    output: BorrowedFd<'a>,
    process: Option<BorrowedFd<'a>>,
    signals: SignalFd,
    /// Read from the input and not yet taken by the master.
    waiting: Vec<u8>,
}

/// Places in what [`Relay::wait`] answers: what can be done now.
const MASTER: usize = 0;
const RESIZED: usize = 1;
const ENDED: usize = 2;
const INPUT: usize = 3;

impl Relay<'_> {
    fn run(&mut self) -> Result<()> {
        self.pass_size();
        loop {
            let ready = match self.wait() {
                Err(Errno::EINTR) if interrupt::pending().is_none() => continue,
                ready => ready?,
            };
            if ready[RESIZED] {
                self.pass_signals()?;
            }
            if ready[INPUT] {
                self.read_input()?;
            }
            self.feed()?;
            let open = if ready[MASTER] || ready[ENDED] { self.drain()? } else { true };
            if !open || ready[ENDED] {
                return Ok(());
            }
        }
    }

    fn wait(&self) -> Result<[bool; 4]> {
        let master = if self.waiting.is_empty() { PollFlags::POLLIN } else { PollFlags::POLLIN | PollFlags::POLLOUT };
        let mut polled = vec![PollFd::new(self.master, master), PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if let Some(process) = self.process {
            polled.push(PollFd::new(process, PollFlags::POLLIN));
        }
        let input = self.input.filter(|_| self.waiting.len() < FULL);
        if let Some(input) = input {
            polled.push(PollFd::new(input, PollFlags::POLLIN));
        }
        poll(&mut polled, PollTimeout::NONE)?;
        let mut ready = polled.iter().map(|fd| fd.any().unwrap_or(false));
        let mut next = |asked: bool| asked && ready.next().unwrap_or(false);
        Ok([next(true), next(true), next(self.process.is_some()), next(input.is_some())])
    }

    fn pass_signals(&mut self) -> Result<()> {
        while let Some(info) = self.signals.read_signal()? {
            let number = i32::try_from(info.ssi_signo).unwrap_or_default();
            match self.process {
                Some(process) if number != Signal::SIGWINCH as i32 => match processes::signal(process, number) {
                    Err(Errno::ESRCH) => {}
                    sent => sent?,
                },
                _ => self.pass_size(),
            }
        }
        Ok(())
    }

    /// The user's window is the program's window.
    fn pass_size(&self) {
        let from = self.input.into_iter().chain([self.output]).find(|fd| is_tty(*fd));
        if let Some(now) = from.and_then(|fd| size(fd).ok()) {
            let _ = set_size(self.master, now);
        }
    }

    /// The end of an input that is no terminal becomes the key that means the end.
    fn read_input(&mut self) -> Result<()> {
        let Some(input) = self.input else { return Ok(()) };
        if let Some(bytes) = processes::read(input, 4096, false)? {
            self.waiting.extend(bytes);
            return Ok(());
        }
        self.input = None;
        let settings = tcgetattr(self.master)?;
        if settings.local_flags.contains(LocalFlags::ICANON) {
            self.waiting.extend(settings.control_chars.get(SpecialCharacterIndices::VEOF as usize));
        }
        Ok(())
    }

    fn feed(&mut self) -> Result<()> {
        while !self.waiting.is_empty() {
            match nix::unistd::write(self.master, &self.waiting) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                // Nobody is there to read it.
                Err(Errno::EIO) => self.waiting.clear(),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Copies what is there; whether the other side is still open.
    fn drain(&self) -> Result<bool> {
        let mut buffer = [0; 4096];
        loop {
            match nix::unistd::read(self.master, &mut buffer) {
                Ok(0) | Err(Errno::EIO) => return Ok(false),
                Ok(count) => processes::write_all(self.output, buffer.get(..count).unwrap_or_default())?,
                Err(Errno::EAGAIN) => return Ok(true),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}
