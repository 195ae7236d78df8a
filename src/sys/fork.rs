//! Starting processes: `clone3`, the channel between parent and child, the end of a child.

use std::ffi::{CString, OsString};
use std::io::IoSlice;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, sendmsg, socketpair};

use super::attributes::descriptors;
use super::{Errno, Result, interrupt};

/// Writes out what the C library still holds, so that a fork does not write it twice.
pub fn flush() {
    // SAFETY: a null stream means all streams; no other thread uses them.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// Has the C library merge small free pieces of memory at once. It would else merge all that there
/// are at some large request, most often in a child, which copies each page that it then writes to.
pub fn tidy_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number of the allocator, before anybody else uses it in another thread.
    unsafe {
        libc::mallopt(libc::M_MXFAST, 0);
        // Fewer requests to the kernel, which gives no page before it is written to.
        libc::mallopt(libc::M_TOP_PAD, 1 << 20);
    }
}

/// Asks the kernel what each child would have to ask for itself.
fn ask_once() {
    let _ = super::capabilities::last();
    let _ = super::mounts::has_new_api();
}

/// Which of the two processes `clone3` has returned in.
#[derive(Debug)]
pub enum Side {
    /// The caller: the child's pid and a pidfd.
    Parent(i32, OwnedFd),
    /// The new process.
    Child,
}

/// The crate's constant of this name has the wrong width.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// Where `clone3` has the kernel write a child's number before the child runs: places that both
/// see, because the number is that of the caller's pid namespace, which the child may have left.
///
/// A child may be slow to look, so each has a place of its own, and each parent its own page.
static SLATE: AtomicPtr<libc::c_int> = AtomicPtr::new(std::ptr::null_mut());
static CHILDREN: AtomicUsize = AtomicUsize::new(0);

/// How many children may be started before the first of them has looked.
const PLACES: usize = 1024;

/// The place for the next child; none where there is no memory.
fn next_place() -> Option<*mut libc::c_int> {
    let mut page = SLATE.load(Ordering::Relaxed);
    if page.is_null() {
        let size = PLACES * size_of::<libc::c_int>();
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, which stays for the life of the process.
        let made = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
        if made == libc::MAP_FAILED {
            return None;
        }
        page = made.cast();
        SLATE.store(page, Ordering::Relaxed);
    }
    Some(page.wrapping_add(CHILDREN.fetch_add(1, Ordering::Relaxed) % PLACES))
}

/// This process's number where the program was started; 0 for its own number there, -1 where it
/// is not known.
static OUTER: AtomicI32 = AtomicI32::new(0);

/// The process's number as the pid namespace counts that the program was started in: in a
/// container's own it is another than getpid(2) and the container's /proc say. `None` where that
/// is not known: a child of such a process, or of a kernel without clone3.
#[must_use]
pub fn outer_pid() -> Option<i32> {
    match OUTER.load(Ordering::Relaxed) {
        0 => Some(own_pid().cast_signed()),
        -1 => None,
        pid => Some(pid),
    }
}

/// This process's number, as getpid(2) answers; asked once and in each child, for every handle
/// compares it with its owner's.
#[must_use]
pub fn own_pid() -> u32 {
    match OWN.load(Ordering::Relaxed) {
        0 => {
            let pid = std::process::id();
            OWN.store(pid, Ordering::Relaxed);
            pid
        }
        pid => pid,
    }
}

/// What [`own_pid`] has asked for; 0 in a process that has not.
static OWN: AtomicU32 = AtomicU32::new(0);

/// In a new child: `told` is its number in its parent's pid namespace, which counts outside where
/// the parent stood there.
fn learn_outer_pid(told: Option<i32>, parent_stood_there: bool) {
    SLATE.store(std::ptr::null_mut(), Ordering::Relaxed);
    OUTER.store(told.filter(|_| parent_stood_there).unwrap_or(-1), Ordering::Relaxed);
}

/// `CLONE_PARENT_SETTID`, in the width of clone3's flags.
const SETTID: u64 = 0x0010_0000;

/// `clone3(2)` without a shared address space: a fork with namespaces, a pidfd, and a cgroup.
///
/// With `CLONE_PARENT` in the flags the child is the caller's sibling and its parent is told.
pub fn clone3(flags: u32, cgroup: Option<RawFd>) -> Result<Side> {
    flush();
    ask_once();
    let untold = interrupt::untold();
    let mut pidfd: libc::c_int = -1;
    let outside = outer_pid() == Some(own_pid().cast_signed());
    let mut place = next_place();
    let mut args = libc::clone_args {
        flags: u64::from(flags) | libc::CLONE_PIDFD as u64,
        pidfd: std::ptr::addr_of_mut!(pidfd) as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };
    if flags & libc::CLONE_PARENT.cast_unsigned() != 0 {
        // The kernel takes the caller's own signal then, and refuses another.
        args.exit_signal = 0;
    }
    if let Some(fd) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::try_from(fd).map_err(|_| Errno::EBADF)?;
    }
    if let Some(place) = place {
        args.flags |= SETTID;
        args.parent_tid = place as u64;
    }
    // SAFETY: no stack is given, so this is a fork; the process has one thread, so every lock and
    // the allocator are in a usable state in the child. The structure outlives the call.
    let pid = Errno::result(unsafe { libc::syscall(libc::SYS_clone3, std::ptr::addr_of_mut!(args), size_of::<libc::clone_args>()) });
    let pid = match pid {
        Err(Errno::ENOSYS) => {
            // The older call has one place for the number and the pidfd.
            place = None;
            args.flags &= !SETTID;
            clone(&args, &mut pidfd)?
        }
        other => other?,
    };
    if pid == 0 {
        OWN.store(0, Ordering::Relaxed);
        super::memory::begin_child();
        interrupt::forked(untold);
        // SAFETY: the kernel has written the number before this process ran, and the page stays.
        learn_outer_pid(place.map(|place| unsafe { place.read_volatile() }), outside);
        return Ok(Side::Child);
    }
    // SAFETY: the kernel has stored a new descriptor that nobody else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Side::Parent(i32::try_from(pid).map_err(|_| Errno::EOVERFLOW)?, pidfd))
}

/// Whether the kernel, or a filter, lets this process have `clone3`: one that is too short to be any
/// tells, and starts nothing.
#[must_use]
pub fn has_clone3() -> bool {
    // SAFETY: the kernel looks at the size before it reads anything.
    let answer = Errno::result(unsafe { libc::syscall(libc::SYS_clone3, std::ptr::null_mut::<libc::clone_args>(), 0usize) });
    answer != Err(Errno::ENOSYS)
}

/// The older `clone(2)`: filters such as Docker's refuse `clone3`, whose flags they cannot see.
///
/// What only `clone3` can say is `ENOSYS`, never left out: a cgroup, and a time namespace, whose
/// flag has the place of the exit signal here.
fn clone(args: &libc::clone_args, pidfd: &mut libc::c_int) -> Result<libc::c_long> {
    let low = (CLONE_INTO_CGROUP - 1) & !0xff;
    if args.flags & !low != 0 {
        return Err(Errno::ENOSYS);
    }
    // SAFETY: as for clone3; the pidfd is stored through the third argument.
    Errno::result(unsafe { libc::syscall(libc::SYS_clone, args.flags | args.exit_signal, 0, std::ptr::from_mut(pidfd), 0, 0) })
}

/// Held by a forked child: where something goes wrong in it that nobody has foreseen, it ends there,
/// and never runs on into what is its parent's to do.
#[derive(Debug)]
pub struct NoReturn;

impl Drop for NoReturn {
    fn drop(&mut self) {
        exit_now(70);
    }
}

/// Ends the process at once: no destructor, no exit handler of the parent's runs in a child.
pub fn exit_now(status: i32) -> ! {
    flush();
    // SAFETY: always sound; it does not return.
    unsafe { libc::_exit(status) }
}

/// One end of a pair of message sockets between parent and child, closed by exec.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// The largest message in bytes: an error object with its traceback.
pub const LARGEST: usize = 1 << 16;

impl Channel {
    /// Both ends.
    pub fn pair() -> Result<(Self, Self)> {
        let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        Ok((Self(a), Self(b)))
    }

    /// Sends one message, cut to what fits. A peer that is gone is not an error worth dying of.
    pub fn send(&self, message: &[u8]) -> Result<()> {
        let message = &message[..message.len().min(LARGEST)];
        match sendmsg::<()>(self.0.as_raw_fd(), &[IoSlice::new(message)], &[], MsgFlags::MSG_NOSIGNAL, None) {
            // A filter of the process's own refuses the call (its error is anything but EPIPE); most allow
            // write(2), and this program ignores SIGPIPE.
            Err(errno) if errno != Errno::EPIPE => nix::unistd::write(&self.0, message).map(drop).map_err(|_| errno),
            sent => sent.map(drop),
        }
    }

    /// Waits for one message; `None` when the other side is closed.
    pub fn receive(&self) -> Result<Option<Vec<u8>>> {
        // Most often there is nothing but the end: room is made when it is known for how much.
        let length = self.recv(&mut [], MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC)?;
        if length == 0 {
            return Ok(None);
        }
        let mut buffer = vec![0; length];
        let received = self.recv(&mut buffer, MsgFlags::empty())?;
        buffer.truncate(received);
        Ok(Some(buffer))
    }

    fn recv(&self, buffer: &mut [u8], flags: MsgFlags) -> Result<usize> {
        match recv(self.0.as_raw_fd(), buffer, flags) {
            // Killed before it has read what it was sent.
            Err(Errno::ECONNRESET) => Ok(0),
            received => received,
        }
    }

    /// Whether the other side is gone.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let mut polled = [PollFd::new(std::os::fd::AsFd::as_fd(&self.0), PollFlags::empty())];
        poll(&mut polled, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// The descriptor, to be polled.
    #[must_use]
    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// `execve(2)` with signals as a new program expects them; returns only on failure.
///
/// Rust ignores SIGPIPE and this program may have blocked others; both would be inherited.
pub fn exec(program: &Path, args: &[OsString], env: &[(OsString, OsString)]) -> Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let c = |bytes: &[u8]| CString::new(bytes).map_err(|_| Errno::EINVAL);
    let program = c(program.as_os_str().as_bytes())?;
    let args = args.iter().map(|arg| c(arg.as_bytes())).collect::<Result<Vec<_>>>()?;
    let env = env.iter().map(|(name, value)| c(&[name.as_bytes(), b"=", value.as_bytes()].concat())).collect::<Result<Vec<_>>>()?;
    // SAFETY: the default action runs no code of ours.
    let pipe = unsafe { sigaction(Signal::SIGPIPE, &SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty())) }?;
    let mut mask = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), Some(&mut mask))?;
    // A signal that came a moment ago is only remembered, and exec would forget it: it is sent
    // again now that its action is the default. What comes from here on acts at once.
    interrupt::unwatch()?;
    descriptors::lower()?;
    let failed = match interrupt::arrived() {
        None => nix::unistd::execve(&program, &args, &env).map(|never| match never {}),
        // The first process of a pid namespace survives this, and its script ends instead.
        Some(signal) => nix::sys::signal::raise(signal).and(Err(Errno::EINTR)),
    };
    interrupt::watch()?;
    descriptors::put_back()?;
    // SAFETY: puts back the action that was there before.
    unsafe { sigaction(Signal::SIGPIPE, &pipe) }?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask), None)?;
    failed
}

/// Marks every descriptor from `first` on as closed by exec.
///
/// Where the kernel (before 5.11) or a filter does not let `close_range(2)` do it, each
/// descriptor that `/proc/self/fd` lists is marked; without a real /proc it fails.
pub fn close_on_exec_from(first: u32) -> Result<()> {
    // SAFETY: takes no pointers.
    match Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) }) {
        Err(Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) => close_listed_on_exec(first),
        other => other.map(drop),
    }
}

/// Closes descriptors whose numbers follow each other, and which the caller has owned.
pub(super) fn close_row(row: &[RawFd]) {
    let (Some(first), Some(last)) = (row.first(), row.last()) else { return };
    // SAFETY: takes no pointers; every number from the first to the last is one that the caller gives up.
    if unsafe { libc::syscall(libc::SYS_close_range, *first, *last, 0) } != 0 {
        for number in row {
            // SAFETY: as before. Linux before 5.9 has only this.
            unsafe { libc::close(*number) };
        }
    }
}

/// The descriptors above 2 that are regular files.
#[must_use]
pub fn regular_files() -> Vec<RawFd> {
    let is_regular = |number: &RawFd| {
        // SAFETY: all zeros is a valid structure, which the kernel fills.
        let mut found: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: the structure outlives the call.
        let done = unsafe { libc::fstat(*number, &raw mut found) };
        done == 0 && found.st_mode & libc::S_IFMT == libc::S_IFREG
    };
    let numbers = open_numbers().unwrap_or_else(|_| probed_numbers());
    numbers.into_iter().filter(|number| *number > 2).filter(is_regular).collect()
}

/// Puts something empty in the place of every descriptor above 2 that is not kept: whoever owns
/// the number may still close it.
pub fn let_go_of_all_but(keep: &[RawFd]) -> Result<()> {
    let numbers = match open_numbers() {
        // No /proc here, or none of the kernel's.
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::ENOSYS) => probed_numbers(),
        listed => listed?,
    };
    let empty = nix::sys::eventfd::EventFd::from_flags(nix::sys::eventfd::EfdFlags::EFD_CLOEXEC)?;
    let empty = std::os::fd::AsFd::as_fd(&empty).as_raw_fd();
    for number in numbers.into_iter().filter(|number| *number > 2 && *number != empty && !keep.contains(number)) {
        // SAFETY: takes no pointers; one that is closed by now (the list's own) stays so.
        if unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0 {
            // SAFETY: takes no pointers, and the number stays open for whoever owns it.
            Errno::result(unsafe { libc::dup3(empty, number, libc::O_CLOEXEC) })?;
        }
    }
    Ok(())
}

/// As far as descriptors are looked for one by one.
const PROBED: RawFd = 4096;

/// The descriptors that are open, found by asking for each number.
fn probed_numbers() -> Vec<RawFd> {
    // SAFETY: takes no pointers, and a number that is not open is an answer.
    (0..PROBED).filter(|number| unsafe { libc::fcntl(*number, libc::F_GETFD) } >= 0).collect()
}

/// The descriptors that are open, as the kernel lists them; that of the list itself among them.
fn open_numbers() -> Result<Vec<RawFd>> {
    let dir = std::fs::File::open("/proc/self/fd").map_err(super::files::errno)?;
    // A container's own /proc may be any directory: only the kernel's list is complete.
    if nix::sys::statfs::fstatfs(&dir)?.filesystem_type() != nix::sys::statfs::PROC_SUPER_MAGIC {
        return Err(Errno::ENOSYS);
    }
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").map_err(super::files::errno)? {
        let name = entry.map_err(super::files::errno)?.file_name();
        numbers.push(name.to_str().and_then(|name| name.parse().ok()).ok_or(Errno::EPROTO)?);
    }
    Ok(numbers)
}

fn close_listed_on_exec(first: u32) -> Result<()> {
    for number in open_numbers()? {
        if u32::try_from(number).is_ok_and(|number| number >= first) {
            // SAFETY: takes no pointers; one that is closed by now (the list's own) needs no mark.
            let marked = Errno::result(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) });
            if marked.is_err_and(|errno| errno != Errno::EBADF) {
                return Err(Errno::EPROTO);
            }
        }
    }
    Ok(())
}

impl std::os::fd::AsFd for Channel {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
