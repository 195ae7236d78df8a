//! What flows between processes: pipes, the places 0, 1 and 2, and the loop that reads both
//! outputs of a child while it feeds the input, so that none of the three pipes can block the rest.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags};
use nix::sys::stat::Mode;

use super::super::{Errno, Fd, Result, interrupt};
use super::wait;

/// `pipe2(2)`: the end to read and the end to write, closed by exec.
pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC)
}

/// Opens a file as the input or an output of a process. It does not become the terminal.
pub fn open_stream(path: &Path, write: bool) -> Result<OwnedFd> {
    let flags = if write { OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC } else { OFlag::O_RDONLY };
    nix::fcntl::open(path, flags | OFlag::O_CLOEXEC | OFlag::O_NOCTTY, Mode::from_bits_truncate(0o666))
}

/// Copies descriptors to numbers of their own, where exec leaves them open.
///
/// Each is first copied out of the way, so that no target overwrites a source.
pub fn place(moves: &[(BorrowedFd, RawFd)]) -> Result<()> {
    let above = moves.iter().map(|(_, target)| target + 1).max().unwrap_or(0);
    let mut copies = Vec::new();
    for (fd, target) in moves {
        copies.push((above_number(*fd, above)?, *target));
    }
    for (copy, target) in &copies {
        // SAFETY: takes no pointers. What stood at the target was given up by the caller.
        Errno::result(unsafe { libc::dup2(copy.as_raw_fd(), *target) })?;
    }
    Ok(())
}

/// What stood at the numbers that [`place_for_exec`] has taken.
#[must_use]
#[derive(Debug)]
pub struct Displaced(Vec<(RawFd, Option<OwnedFd>)>);

/// Copies descriptors to the numbers from 3 on, for the program that exec is about to start.
///
/// Descriptors of this program's own stand there (a trace, a channel), so they are saved for the
/// case that exec fails.
pub fn place_for_exec(fds: &[BorrowedFd]) -> Result<Displaced> {
    let moves: Vec<_> = fds.iter().copied().zip(3..).collect();
    let above = 3 + i32::try_from(fds.len()).map_err(|_| Errno::EMFILE)?;
    let mut displaced = Displaced(Vec::new());
    for (_, target) in &moves {
        // SAFETY: takes no pointers; whether the number is open is what the answer says.
        let copy = unsafe { libc::fcntl(*target, libc::F_DUPFD_CLOEXEC, above) };
        // SAFETY: where it is one, it is a new descriptor that nobody else owns.
        displaced.0.push((*target, (copy >= 0).then(|| unsafe { std::os::fd::FromRawFd::from_raw_fd(copy) })));
    }
    place(&moves)?;
    Ok(displaced)
}

impl Displaced {
    /// Puts everything back where it was.
    pub fn put_back(self) -> Result<()> {
        for (number, saved) in self.0 {
            // SAFETY: take no pointers. The numbers belong to whoever held them before.
            Errno::result(unsafe {
                match &saved {
                    Some(fd) => libc::dup3(fd.as_raw_fd(), number, libc::O_CLOEXEC),
                    None => libc::close(number),
                }
            })?;
        }
        Ok(())
    }
}

fn above_number(fd: BorrowedFd, above: RawFd) -> Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    let number = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(above))?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// A copy of a descriptor, closed by exec.
pub fn duplicate(number: RawFd) -> Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    // SAFETY: takes no pointers; the copy is a new descriptor that nobody else owns.
    unsafe { Ok(OwnedFd::from_raw_fd(Errno::result(libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3))?)) }
}

/// Whether this number was inherited open across exec: this program opens everything with
/// close-on-exec, so a descriptor without it came from the caller.
#[must_use]
pub fn preserved(number: RawFd) -> bool {
    // SAFETY: takes no pointers, and a number that is not open is an answer.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    flags >= 0 && !FdFlag::from_bits_truncate(flags).contains(FdFlag::FD_CLOEXEC)
}

/// One read(2) of at most `max` bytes; `None` at the end. A terminal's hang-up is its end.
///
/// `waits` says that a read of it is known to wait, which is asked for else.
pub fn read(fd: BorrowedFd, max: usize, waits: bool) -> Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; max];
    loop {
        if waits || !is_nonblocking(fd)? {
            wait_readable(fd)?;
        }
        match nix::unistd::read(fd, &mut buffer) {
            Ok(0) => return Ok(None),
            Ok(count) => {
                buffer.truncate(count);
                return Ok(Some(buffer));
            }
            Err(Errno::EINTR) if interrupt::pending().is_none() => {}
            Err(Errno::EIO) if nix::unistd::isatty(fd).unwrap_or(false) => return Ok(None),
            Err(errno) => return Err(errno),
        }
    }
}

/// Whether a read never waits: then there may be nothing to wait for, a pipe that nobody has opened
/// for writing yet.
fn is_nonblocking(fd: BorrowedFd) -> Result<bool> {
    Ok(OFlag::from_bits_truncate(fcntl(fd, FcntlArg::F_GETFL)?).contains(OFlag::O_NONBLOCK))
}

/// Waits until a read would not block; `EINTR` when a signal that ends the script has come. One
/// that comes between a look at it and read(2) itself would be remembered and never acted on.
fn wait_readable(fd: BorrowedFd) -> Result<()> {
    let held = interrupt::Held::start(&[])?;
    if interrupt::pending().is_some() {
        return Err(Errno::EINTR);
    }
    let mut set = super::polling::PollSet::with_capacity(1);
    set.push(fd.as_raw_fd(), false);
    match set.wait(None, &held) {
        Err(Errno::EINTR) if interrupt::pending().is_none() => Ok(()),
        waited => waited,
    }
}

/// Reads to the end; `EFBIG` where that is more than `max` bytes.
pub fn read_all(fd: BorrowedFd, max: usize) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(part) = read(fd, CHUNK, false)? {
        all.extend_from_slice(&part);
        if all.len() > max {
            return Err(Errno::EFBIG);
        }
    }
    Ok(all)
}

/// Writes all of the bytes; `EINTR` when a signal came that this program watches.
///
/// A signal in the middle of a write(2) is no error of that call, which answers how much went
/// through: the rest of the bytes must not be waited for then.
pub fn write_all(fd: BorrowedFd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match nix::unistd::write(fd, bytes) {
            Ok(count) => {
                bytes = bytes.get(count..).unwrap_or_default();
                if !bytes.is_empty() && interrupt::pending().is_some() {
                    return Err(Errno::EINTR);
                }
            }
            Err(Errno::EINTR) if interrupt::pending().is_none() => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// How much is read at once: a pipe holds as much.
const CHUNK: usize = 1 << 16;

/// What came of [`exchange`].
#[derive(Debug, Default)]
pub struct Exchanged {
    /// What the child has written to the one and to the other output.
    pub outputs: [Vec<u8>; 2],
    /// One output has passed the limit; the rest was not read.
    pub over: bool,
    /// The time was over before the child's end.
    pub late: bool,
    /// The pipes that are open still: a child that is to be killed must not die of SIGPIPE first.
    pub open: Vec<Fd>,
}

/// Feeds a child's input and reads its outputs, until both are closed or the child has ended.
///
/// A grandchild that keeps an output open past the child's end is not waited for: what it has
/// written by then is read.
pub fn exchange(
    child: BorrowedFd,
    input: Option<Fd>,
    text: &[u8],
    outputs: [Option<Fd>; 2],
    limit: usize,
    timeout: Option<Duration>,
) -> Result<Exchanged> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    for fd in outputs.iter().chain([&input]).flatten() {
        let flags = OFlag::from_bits_truncate(fcntl(fd.get()?, FcntlArg::F_GETFL)?);
        fcntl(fd.get()?, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    }
    let mut state = Loop { input, text, outputs, limit, done: Exchanged::default() };
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let ended = match state.wait(child, left) {
            Err(Errno::EINTR) if interrupt::pending().is_none() => continue,
            ended => ended?,
        };
        state.feed()?;
        let open = state.drain()?;
        state.done.late = !ended && left.is_some_and(|left| left.is_zero());
        if state.done.over || state.done.late || ended || !open && state.input.is_none() {
            state.done.open.extend(state.outputs.into_iter().flatten());
            return Ok(state.done);
        }
    }
}

struct Loop<'a> {
    input: Option<Fd>,
    text: &'a [u8],
    outputs: [Option<Fd>; 2],
    limit: usize,
    done: Exchanged,
}

impl Loop<'_> {
    /// Waits until something can be done; whether the child has ended.
    fn wait(&self, child: BorrowedFd, left: Option<Duration>) -> Result<bool> {
        let mut polled = vec![PollFd::new(child, PollFlags::POLLIN)];
        if let Some(input) = &self.input {
            polled.push(PollFd::new(input.get()?, PollFlags::POLLOUT));
        }
        for output in self.outputs.iter().flatten() {
            polled.push(PollFd::new(output.get()?, PollFlags::POLLIN));
        }
        wait(&mut polled, left)?;
        Ok(polled.first().and_then(PollFd::any).unwrap_or(false))
    }

    /// Writes what fits; closes the input with the last byte, or when nobody reads it.
    fn feed(&mut self) -> Result<()> {
        while let Some(input) = &self.input {
            if self.text.is_empty() {
                self.input = None;
                break;
            }
            match nix::unistd::write(input.get()?, self.text) {
                Ok(count) => self.text = self.text.get(count..).unwrap_or_default(),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(Errno::EPIPE) => self.input = None,
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Reads what is there; whether an output is still open.
    fn drain(&mut self) -> Result<bool> {
        for (output, text) in self.outputs.iter_mut().zip(&mut self.done.outputs) {
            while let Some(open) = output {
                let mut buffer = [0; 4096];
                match nix::unistd::read(open.get()?.as_fd(), &mut buffer) {
                    Ok(0) => *output = None,
                    Ok(count) => text.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                    Err(Errno::EAGAIN) => break,
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno),
                }
                if text.len() > self.limit {
                    text.truncate(self.limit);
                    self.done.over = true;
                    return Ok(false);
                }
            }
        }
        Ok(self.outputs.iter().any(Option::is_some))
    }
}
