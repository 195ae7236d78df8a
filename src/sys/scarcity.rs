//! The last word on a script's memory: a limit of the kernel's for the whole process.
//!
//! Lua counts what it allocates itself. What a primitive takes beside it (the bytes of a file, a tree
//! of JSON, a list of processes) is not Lua's, and many small requests of a script can make much of it.
//! `RLIMIT_DATA` counts all private memory that may be written (getrlimit(2), from Linux 4.7 on with
//! what mmap(2) gives); children and programs that are started have the same limit, each for itself.
//! Nothing is closed when it is met: what outlives the process stands in the journal, and `crun-lua gc`
//! removes it.

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::{Result, attributes};

const TEXT: &str = "crun-lua: the script was ended: what it asked of the host needs more memory than --memory allows\n";

/// What the process ends with; the same as where Lua itself has no memory left.
const STATUS: libc::c_int = 1;

extern "C" fn end(_: libc::c_int) {
    // SAFETY: both may be called from a handler; the buffer is a constant.
    unsafe {
        libc::write(2, TEXT.as_ptr().cast(), TEXT.len());
        libc::_exit(STATUS);
    }
}

/// How many bytes of private memory this process has; where nobody tells, as many as it may have.
fn used() -> u64 {
    const UNTOLD: u64 = 64 << 20;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(UNTOLD, |kib| kib << 10)
}

/// Lets this process have so many bytes more than now, for good. A request for more ends it.
pub fn set(more: u64) -> Result<()> {
    let action = SigAction::new(SigHandler::Handler(end), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler makes two system calls that may be made there. Rust aborts where an
    // allocation fails.
    unsafe { sigaction(Signal::SIGABRT, &action) }?;
    let (soft, hard) = attributes::limit(0, DATA)?;
    let wanted = used().saturating_add(more);
    attributes::set_limit(0, DATA, Some(wanted.min(soft)), Some(wanted.min(hard)))
}

const DATA: u32 = libc::RLIMIT_DATA;
