//! What a process carries: limits, scheduling, umask, personality, keyrings, death signal.

use std::cell::Cell;

use nix::libc;
use nix::sys::stat::Mode;

use super::{Errno, Result};

pub mod descriptors;
mod scheduling;

pub use scheduling::{Scheduling, affinity, io_priority, scheduling, set_affinity, set_io_priority, set_mem_policy, set_scheduling};

/// No limit.
pub const UNLIMITED: u64 = u64::MAX;

/// A soft and a hard limit of one kind; `pid` 0 is the caller (prlimit(2)).
pub fn limit(pid: i32, kind: u32) -> Result<(u64, u64)> {
    let mut old = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a null new limit only reads; the buffer has the kernel's layout and outlives the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_prlimit64, pid, kind, std::ptr::null::<libc::rlimit64>(), &raw mut old) })?;
    Ok((old.rlim_cur, old.rlim_max))
}

/// Sets what is given of one kind, keeps the rest, and reads it back (`EPROTO` where it differs).
pub fn set_limit(pid: i32, kind: u32, soft: Option<u64>, hard: Option<u64>) -> Result<()> {
    let own = kind == libc::RLIMIT_NOFILE && (pid == 0 || pid.cast_unsigned() == std::process::id());
    let raised = if own { descriptors::forget() } else { None };
    let mut now = match (soft, hard) {
        (Some(soft), Some(hard)) => (soft, hard),
        _ => limit(pid, kind)?,
    };
    if let Some(before) = raised {
        // The soft limit that the script has not named is the one that it knows.
        now.0 = before.min(hard.unwrap_or(now.1));
    }
    let set = write_limit(pid, kind, soft.unwrap_or(now.0), hard.unwrap_or(now.1));
    if let (Err(_), Some(before)) = (set, raised) {
        descriptors::remember(before);
    }
    set
}

fn write_limit(pid: i32, kind: u32, soft: u64, hard: u64) -> Result<()> {
    let new = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    // SAFETY: a null old limit is allowed; the new one has the kernel's layout and outlives the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_prlimit64, pid, kind, &raw const new, std::ptr::null_mut::<libc::rlimit64>()) })?;
    if limit(pid, kind)? == (new.rlim_cur, new.rlim_max) { Ok(()) } else { Err(Errno::EPROTO) }
}

thread_local! {
    /// The umask where this program has set it: the kernel tells it only by changing it.
    static UMASK: Cell<Option<Mode>> = const { Cell::new(None) };
}

/// `umask(2)`: the mask before.
pub fn umask(mask: u32) -> u32 {
    set_umask(Mode::from_bits_truncate(mask)).bits()
}

fn set_umask(mask: Mode) -> Mode {
    UMASK.set(Some(mask));
    nix::sys::stat::umask(mask)
}

/// Runs `body` with an empty umask, so that what it makes has exactly the mode it was given.
///
/// The umask belongs to the process; the program has one thread, so nobody else sees it change. A
/// script that has emptied it (`umask("0")`) spares both calls.
pub fn without_umask<T>(body: impl FnOnce() -> T) -> T {
    if UMASK.get().is_some_and(|mask| mask.is_empty()) {
        return body();
    }
    let before = set_umask(Mode::empty());
    let result = body();
    set_umask(before);
    result
}

/// `setpriority(2)` of the caller: the nice value itself, not a difference.
pub fn set_nice(value: i32) -> Result<()> {
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) }).map(drop)
}

/// `personality(2)`: the persona before.
pub fn personality(persona: u64) -> Result<u64> {
    // SAFETY: takes no pointers.
    let before = Errno::result(unsafe { libc::personality(persona) })?;
    Ok(u64::from(before.cast_unsigned()))
}

/// Writes `/proc/PID/oom_score_adj`; see [`super::procfs`].
pub fn set_oom_score(pid: Option<i32>, score: i32) -> Result<()> {
    super::procfs::write(oom_path(pid).trim_start_matches("/proc/"), score.to_string().as_bytes())
}

/// The file that [`set_oom_score`] writes.
#[must_use]
pub fn oom_path(pid: Option<i32>) -> String {
    pid.map_or_else(|| "/proc/self/oom_score_adj".to_owned(), |pid| format!("/proc/{pid}/oom_score_adj"))
}

fn prctl(option: libc::c_int, value: libc::c_ulong) -> Result<()> {
    // SAFETY: the options of this file take a number and no pointer.
    Errno::result(unsafe { libc::prctl(option, value, 0, 0, 0) }).map(drop)
}

/// `PR_SET_PDEATHSIG`: the signal that comes when the parent's thread ends; 0 for none.
pub fn set_death_signal(signal: i32) -> Result<()> {
    prctl(libc::PR_SET_PDEATHSIG, libc::c_ulong::try_from(signal).map_err(|_| Errno::EINVAL)?)
}

/// `PR_GET_PDEATHSIG`; 0 for none.
pub fn death_signal() -> Result<i32> {
    nix::sys::prctl::get_pdeathsig().map(|signal| signal.map_or(0, |signal| signal as i32))
}

/// `PR_SET_DUMPABLE`: whether others of the same user may trace this process and read its /proc.
pub fn set_dumpable(on: bool) -> Result<()> {
    prctl(libc::PR_SET_DUMPABLE, on.into())
}

/// `PR_GET_DUMPABLE`
pub fn dumpable() -> Result<bool> {
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0) }).map(|value| value == 1)
}

/// `PR_SET_CHILD_SUBREAPER`: whether orphaned descendants become this process's children.
pub fn set_subreaper(on: bool) -> Result<()> {
    prctl(libc::PR_SET_CHILD_SUBREAPER, on.into())
}

/// The special id of the caller's session keyring.
const SESSION_KEYRING: libc::c_long = -3;
const KEYCTL_JOIN_SESSION_KEYRING: libc::c_long = 1;
const KEYCTL_DESCRIBE: libc::c_long = 6;
const KEYCTL_CLEAR: libc::c_long = 7;

/// Joins the session keyring of that name, or makes it; without a name always a new one. Its
/// serial number.
pub fn join_session_keyring(name: Option<&str>) -> Result<i64> {
    let name = name.map(std::ffi::CString::new).transpose().map_err(|_| Errno::EINVAL)?;
    let pointer = name.as_ref().map_or(std::ptr::null(), |name| name.as_ptr());
    // SAFETY: a null name is allowed; another is a C string that outlives the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, pointer) })
}

/// Removes every key from the session keyring.
pub fn clear_session_keyring() -> Result<()> {
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_CLEAR, SESSION_KEYRING) }).map(drop)
}

/// `type;uid;gid;permissions;name` of the session keyring.
pub fn describe_session_keyring() -> Result<String> {
    let mut buffer = vec![0_u8; 4096];
    // SAFETY: the buffer's own length is passed along.
    let length =
        Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_DESCRIBE, SESSION_KEYRING, buffer.as_mut_ptr(), buffer.len()) })?;
    buffer.truncate(usize::try_from(length).unwrap_or(0));
    Ok(String::from_utf8_lossy(&buffer).trim_end_matches('\0').to_owned())
}
