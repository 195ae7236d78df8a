//! Processes that run: waiting for them and sending them signals, by descriptor.
//!
//! A pid may be another process's by the time it is used; a pidfd stays with the one process that
//! it was opened for (`pidfd_open(2)`), and can be polled.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::{Errno, Result, interrupt};

mod polling;
mod streams;

pub use polling::{PollSet, Ready};
pub use streams::{
    Displaced, Exchanged, duplicate, exchange, open_stream, pipe, place, place_for_exec, preserved, read, read_all, write_all,
};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It called exit with this status.
    Exited(i32),
    /// A signal ended it; the flag says whether it left a core.
    Signalled(i32, bool),
}

/// What a process and the children that it waited for have used (getrusage(2)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The most memory that was resident at once, in bytes.
    pub max_rss: u64,
    /// Processor time in user mode.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
}

/// Waits until one of the children has ended and reaps it: its index, end and usage. `None` when
/// the time is over. Signals in `forward` go on to the children meanwhile, and with them those that
/// the script has asked to be told of and that came before.
///
/// `EINTR` when another signal came that this program watches; `ECHILD` for a process that is
/// not a child.
pub fn wait_any(children: &[BorrowedFd], timeout: Option<Duration>, forward: &[i32]) -> Result<Option<(usize, End, Usage)>> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let forwarding = Forwarding::start(forward)?;
    // Before the first poll, so that a process that is not a child is not waited for in vain.
    for (index, child) in children.iter().enumerate() {
        if let Some((end, usage)) = reap(*child)? {
            return Ok(Some((index, end, usage)));
        }
    }
    let mut fds = children.to_vec();
    if let Some(forwarding) = &forwarding {
        forwarding.pass_early(children)?;
        fds.push(forwarding.signals.as_fd());
    }
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // Who has them forwarded holds them back already.
        let held = forwarding.as_ref().is_some_and(|forwarding| forwarding.all_ending);
        let ready = match readable_while(&fds, left, held) {
            Err(Errno::EINTR) if interrupt::pending().is_none() => continue,
            ready => ready?,
        };
        if ready.is_empty() {
            return Ok(None);
        }
        for index in ready {
            let Some(child) = children.get(index) else { continue };
            if let Some((end, usage)) = reap(*child)? {
                return Ok(Some((index, end, usage)));
            }
        }
        if let Some(forwarding) = &forwarding {
            forwarding.pass_on(children)?;
        }
    }
}

/// Whether a child has ended, or is stopped (`Some(None)`): job control. `None` while it runs.
pub fn ended_or_stopped(pidfd: BorrowedFd) -> Result<Option<Option<End>>> {
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG;
    Ok(match waitid(Id::PIDFd(pidfd), flags)? {
        WaitStatus::StillAlive => None,
        WaitStatus::Exited(_, status) => Some(Some(End::Exited(status))),
        WaitStatus::Signaled(_, signal, core) => Some(Some(End::Signalled(signal as i32, core))),
        _ => Some(None),
    })
}

/// The letter of a process's state (proc_pid_stat(5)); nothing where it is gone or /proc is not there.
pub fn state_of(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may have brackets itself.
    stat.rsplit_once(") ")?.1.chars().next()
}

/// A process's children; none where that cannot be read.
pub fn children_of(pid: i32) -> Vec<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// This process's standard input, which is open from the start to the end: see `image::prepare_process`.
pub fn standard_input() -> BorrowedFd<'static> {
    // SAFETY: the number is valid, and stays so: nothing in this program closes it.
    unsafe { BorrowedFd::borrow_raw(0) }
}

/// Reaps a child that has ended; `None` while it runs.
fn reap(pidfd: BorrowedFd) -> Result<Option<(End, Usage)>> {
    Ok(wait_for(libc::P_PIDFD, pidfd.as_raw_fd().cast_unsigned(), 0)?.map(|(_, end, usage)| (end, usage)))
}

/// Reaps whatever child has ended, clones without a signal too; `None` where there is none.
fn reap_any() -> Result<Option<(i32, End, Usage)>> {
    match wait_for(libc::P_ALL, 0, libc::__WALL) {
        Err(Errno::ECHILD) => Ok(None),
        other => other,
    }
}

/// `waitid(2)`, which the C library has without its fifth argument: who has ended, how, and what
/// it has used.
fn wait_for(kind: libc::idtype_t, id: libc::id_t, flags: i32) -> Result<Option<(i32, End, Usage)>> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | flags;
    // SAFETY: both buffers have the kernel's layout and outlive the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_waitid, kind, id, info.as_mut_ptr(), options, usage.as_mut_ptr()) })?;
    // SAFETY: the call succeeded; zeroed buffers are valid even where it has not written. The pid
    // is 0 where nothing had ended, and si_status is valid for a child's end.
    let (pid, code, status, usage) = unsafe {
        let info = info.assume_init();
        (info.si_pid(), info.si_code, info.si_status(), usage.assume_init())
    };
    if pid == 0 {
        return Ok(None);
    }
    let time = |time: libc::timeval| {
        let micros = u32::try_from(time.tv_usec).unwrap_or_default();
        Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), micros * 1000)
    };
    let usage = Usage {
        // The kernel counts in KiB.
        max_rss: u64::try_from(usage.ru_maxrss).unwrap_or_default() * 1024,
        user: time(usage.ru_utime),
        system: time(usage.ru_stime),
    };
    let end = match code {
        libc::CLD_EXITED => End::Exited(status),
        other => End::Signalled(status, other == libc::CLD_DUMPED),
    };
    Ok(Some((pid, end, usage)))
}

/// Waits for a child as [`wait_any`] does, and meanwhile reaps every other child that ends; each
/// is told to `other`. What has ended before the child has is reaped too.
pub fn wait_reaping(
    pid: i32,
    child: BorrowedFd,
    timeout: Option<Duration>,
    forward: &[i32],
    other: &mut dyn FnMut(i32, End, Usage),
) -> Result<Option<(End, Usage)>> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let forwarding = Forwarding::start(forward)?;
    // Before the first look, so that no end falls between a look and a wait.
    let ends = Forwarding::start(&[libc::SIGCHLD])?;
    let mut fds = vec![child];
    fds.extend(ends.iter().chain(&forwarding).map(|signals| signals.signals.as_fd()));
    // A process that is no child is not waited for in vain.
    let mut own = reap(child)?;
    forwarding.iter().try_for_each(|forwarding| forwarding.pass_early(&[child]))?;
    loop {
        while let Some((ended, end, usage)) = reap_any()? {
            if ended == pid { own = Some((end, usage)) } else { other(ended, end, usage) }
        }
        if own.is_some() {
            return Ok(own);
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let ready = match readable(&fds, left) {
            Err(Errno::EINTR) if interrupt::pending().is_none() => continue,
            ready => ready?,
        };
        if ready.is_empty() {
            return Ok(None);
        }
        if let Some(ends) = &ends {
            while ends.signals.read_signal()?.is_some() {}
        }
        if let Some(forwarding) = &forwarding {
            forwarding.pass_on(&[child])?;
        }
    }
}

/// Signals that are blocked and read from a descriptor while somebody waits; put back when dropped.
struct Forwarding {
    signals: SignalFd,
    before: SigSet,
    /// Those that the script had asked to be told of, and that came before the wait.
    early: Vec<Signal>,
    /// Whether the signals that end a script are all among them.
    all_ending: bool,
}

impl Forwarding {
    fn start(signals: &[i32]) -> Result<Option<Self>> {
        if signals.is_empty() {
            return Ok(None);
        }
        let mut set = SigSet::empty();
        for signal in signals {
            set.add(Signal::try_from(*signal)?);
        }
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), Some(&mut before))?;
        // None comes between this look and the wait: they are blocked by now.
        Ok(Some(Self { signals: fd, before, early: interrupt::take(&set).collect(), all_ending: interrupt::are_in(&set) }))
    }

    /// Passes on what came before the wait.
    fn pass_early(&self, children: &[BorrowedFd]) -> Result<()> {
        self.early.iter().try_for_each(|early| pass(*early as i32, children))
    }

    fn pass_on(&self, children: &[BorrowedFd]) -> Result<()> {
        while let Some(info) = self.signals.read_signal()? {
            pass(i32::try_from(info.ssi_signo).unwrap_or_default(), children)?;
        }
        Ok(())
    }
}

fn pass(number: i32, children: &[BorrowedFd]) -> Result<()> {
    children.iter().try_for_each(|child| match signal(*child, number) {
        // It has just ended: the next look reaps it.
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno),
    })
}

impl Drop for Forwarding {
    /// A signal that came after the child's end is delivered now and means this program.
    fn drop(&mut self) {
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None);
    }
}

/// Waits until one of the descriptors can be read; the indices of those that can. `EINTR` also for
/// a signal that came just before.
pub fn readable(fds: &[BorrowedFd], timeout: Option<Duration>) -> Result<Vec<usize>> {
    readable_while(fds, timeout, false)
}

/// The same; `held` says that the signals which end a script are held back by the caller.
fn readable_while(fds: &[BorrowedFd], timeout: Option<Duration>, held: bool) -> Result<Vec<usize>> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut polled: Vec<PollFd> = fds.iter().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)).collect();
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let ready = if held { ppoll(&mut polled, left.map(Into::into), None)? } else { wait(&mut polled, left)? };
        if ready > 0 {
            return Ok(polled.iter().enumerate().filter(|(_, fd)| fd.any() == Some(true)).map(|(index, _)| index).collect());
        }
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(Vec::new());
        }
    }
}

/// `ppoll(2)`, in which a signal that is to end the script is never missed: one that came before
/// it is `EINTR` as well.
fn wait(polled: &mut [PollFd], left: Option<Duration>) -> Result<i32> {
    if left.is_some_and(|left| left.is_zero()) {
        return poll(polled, PollTimeout::ZERO);
    }
    let held = interrupt::Held::start(&[])?;
    if interrupt::pending().is_some() {
        return Err(Errno::EINTR);
    }
    ppoll(polled, left.map(Into::into), Some(*held.during()))
}

/// `pidfd_open(2)`: a descriptor that refers to any process.
pub fn pidfd_open(pid: i32) -> Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `pidfd_send_signal(2)`.
pub fn signal(pidfd: BorrowedFd, signal: i32) -> Result<()> {
    let fd = pidfd.as_raw_fd();
    // SAFETY: a null siginfo is allowed and means the same as kill(2).
    Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, std::ptr::null::<libc::siginfo_t>(), 0) }).map(drop)
}

/// `kill(2)`: also for a process group (negative) or every process (-1).
pub fn kill(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Ends the process as SIGKILL does: nothing that it holds is closed or flushed.
///
/// The first process of a pid namespace is out of reach of its own signals, SIGKILL too; it ends
/// with the status that a shell would show.
pub fn die() -> ! {
    let _ = kill(std::process::id().cast_signed(), libc::SIGKILL);
    // SAFETY: always sound; it does not return.
    unsafe { libc::_exit(128 + libc::SIGKILL) }
}

/// `setsid(2)`: a new session and group, without a terminal.
pub fn setsid() -> Result<()> {
    nix::unistd::setsid().map(drop)
}

/// `setpgid(2)`; 0 means the caller, and a group of the process's own.
pub fn setpgid(pid: i32, group: i32) -> Result<()> {
    nix::unistd::setpgid(nix::unistd::Pid::from_raw(pid), nix::unistd::Pid::from_raw(group))
}

/// The process group of a process, 0 for the caller.
pub fn getpgid(pid: i32) -> Result<i32> {
    nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(pid))).map(nix::unistd::Pid::as_raw)
}

/// `chdir(2)`, and the proof that the directory lies inside of this process's root.
///
/// A path such as `/proc/self/fd/7` can lead to a directory of the host's that somebody has left
/// open (CVE-2024-21626); the kernel then answers getcwd(2) with `(unreachable)`. `EXDEV`, and the
/// working directory is the root afterwards.
pub fn chdir(path: &Path) -> Result<()> {
    nix::unistd::chdir(path)?;
    let mut buffer = [0_u8; 8192];
    // SAFETY: the buffer's own length is passed along. The C library's getcwd hides the marker.
    let got = Errno::result(unsafe { libc::syscall(libc::SYS_getcwd, buffer.as_mut_ptr(), buffer.len()) });
    if got.is_ok() && buffer.first() == Some(&b'/') {
        return Ok(());
    }
    nix::unistd::chdir("/")?;
    Err(Errno::EXDEV)
}
