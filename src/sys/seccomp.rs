//! System-call filters: names, meaning, compiling, loading.
//!
//! libseccomp compiles; the load is this program's own seccomp(2), because the library loads with
//! flags of its own choice, cannot load a program that was compiled earlier, and hides the
//! listener in its context.

use std::os::fd::{FromRawFd, OwnedFd};

use nix::libc;

use super::{Errno, Result, files};

pub mod attached;
pub mod attempt;
pub mod compile;
pub mod names;
pub mod profile;
pub mod program;

/// Flags of `SECCOMP_SET_MODE_FILTER`, with the words that profiles use (linux/seccomp.h).
pub const FLAGS: [(&str, u32); 4] = [("tsync", 1), ("log", 2), ("spec_allow", 4), ("wait_killable_recv", 32)];

/// A listener's descriptor is answered.
pub const NEW_LISTENER: u32 = 8;

/// With `tsync` a thread that cannot follow is an error instead of a number of its own, which
/// could not be told from a listener.
pub const TSYNC_ESRCH: u32 = 16;

/// seccomp(2): adds a filter to the calling thread, for good. The listener where one is asked for.
pub fn load(code: &[u8], flags: u32) -> Result<Option<OwnedFd>> {
    #[repr(C)]
    struct Program {
        length: u16,
        code: *const u8,
    }
    const SET_MODE_FILTER: libc::c_uint = 1;
    let length = u16::try_from(code.len() / program::SIZE).map_err(|_| Errno::EINVAL)?;
    let program = Program { length, code: code.as_ptr() };
    // SAFETY: the structure is `struct sock_fprog`, and its length counts whole instructions of
    // the bytes it points to, which the kernel only copies.
    let answer = Errno::result(unsafe { libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, flags, &raw const program) })?;
    if flags & NEW_LISTENER == 0 {
        return Ok(None);
    }
    let fd = i32::try_from(answer).map_err(|_| Errno::EPROTO)?;
    // SAFETY: with this flag the call answers a descriptor that is new and nobody else's.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
}

/// What /proc/PID/status says of filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// 0 for none, 1 for strict, 2 for filters.
    pub mode: u32,
    /// How many are attached; from Linux 5.9.
    pub filters: Option<u32>,
    /// Whether exec can give no rights.
    pub no_new_privs: bool,
}

/// Reads the state of the caller or of another process.
pub fn status(pid: Option<i32>) -> Result<Status> {
    let path = pid.map_or_else(|| "/proc/thread-self/status".to_owned(), |pid| format!("/proc/{pid}/status"));
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound if pid.is_some() => Errno::ESRCH,
        _ => files::errno(error),
    })?;
    let number = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).and_then(|value| value.trim().parse().ok());
    Ok(Status {
        mode: number("Seccomp:").unwrap_or_default(),
        filters: number("Seccomp_filters:"),
        no_new_privs: number("NoNewPrivs:") == Some(1),
    })
}
