//! The filters that a running process has, as the kernel gives them to a tracer (ptrace(2),
//! `PTRACE_SECCOMP_GET_FILTER`).
//!
//! The process is stopped for as long as it takes to copy them, and goes on then; were this program
//! killed meanwhile, the kernel would let it go. Whoever calls this should not be the process's
//! parent: a parent that traces its child takes the child's end from whoever waits for it.

use std::time::{Duration, Instant};

use nix::libc;

use super::super::{Errno, Result};
use super::program::SIZE;

const SEIZE: libc::c_uint = 0x4206;
const INTERRUPT: libc::c_uint = 0x4207;
const GET_FILTER: libc::c_uint = 0x420c;
const DETACH: libc::c_uint = 17;

/// How long a process may take to stop; one that waits for a disk or for NFS does not.
const PATIENCE: Duration = Duration::from_millis(500);

fn request(what: libc::c_uint, pid: i32, address: usize, data: *mut u8) -> Result<usize> {
    // SAFETY: the requests used here read their arguments as numbers, except for GET_FILTER, which
    // writes to `data`: its caller has made room for as many bytes as the kernel has said.
    let answer = unsafe { libc::ptrace(what as _, pid, address, data) };
    Errno::result(answer).map(|number| usize::try_from(number).unwrap_or_default())
}

/// A process that stands still while this lives.
struct Stopped(i32);

impl Stopped {
    fn new(pid: i32) -> Result<Self> {
        request(SEIZE, pid, 0, std::ptr::null_mut())?;
        let stopped = Self(pid);
        request(INTERRUPT, pid, 0, std::ptr::null_mut())?;
        let started = Instant::now();
        loop {
            let mut status = 0;
            // SAFETY: `status` is a place for the answer.
            let found = Errno::result(unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL | libc::WNOHANG) })?;
            if found == pid && libc::WIFSTOPPED(status) {
                return Ok(stopped);
            } else if found == pid {
                return Err(Errno::ESRCH);
            } else if started.elapsed() > PATIENCE {
                return Err(Errno::ETIMEDOUT);
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = request(DETACH, self.0, 0, std::ptr::null_mut());
    }
}

/// The programs of all filters of a process, the youngest first. The kernel asks for
/// `CAP_SYS_ADMIN` in the first user namespace, of a caller without a filter of its own.
pub fn filters(pid: i32) -> Result<Vec<Vec<u8>>> {
    let process = Stopped::new(pid)?;
    let mut programs = Vec::new();
    loop {
        let length = match request(GET_FILTER, process.0, programs.len(), std::ptr::null_mut()) {
            Ok(length) => length,
            // There is no filter of that number, or none at all.
            Err(Errno::ENOENT | Errno::EINVAL) => return Ok(programs),
            Err(errno) => return Err(errno),
        };
        let mut code = vec![0; length * SIZE];
        request(GET_FILTER, process.0, programs.len(), code.as_mut_ptr())?;
        programs.push(code);
    }
}
