//! When and where a process runs: policy and priority, I/O priority, processors, memory nodes.

use std::time::Duration;

use nix::libc;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::super::{Errno, Result};

/// The attributes that `sched_setattr(2)` sets and `sched_getattr(2)` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// `SCHED_OTHER` and so on.
    pub policy: u32,
    /// `SCHED_FLAG_…`
    pub flags: u64,
    /// The nice value, for other and batch.
    pub nice: i32,
    /// 1 to 99, for fifo and rr.
    pub priority: u32,
    /// For deadline: how long it may run in each period.
    pub runtime: Duration,
    /// For deadline: by when it has to have run.
    pub deadline: Duration,
    /// For deadline: how long a period is.
    pub period: Duration,
}

/// The first version of the kernel's structure, which every kernel takes.
#[repr(C)]
#[derive(Default)]
struct Attr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// `sched_setattr(2)` of the caller.
pub fn set_scheduling(wanted: &Scheduling) -> Result<()> {
    let attr = Attr {
        size: u32::try_from(size_of::<Attr>()).map_err(|_| Errno::EINVAL)?,
        policy: wanted.policy,
        flags: wanted.flags,
        nice: wanted.nice,
        priority: wanted.priority,
        runtime: nanos(wanted.runtime),
        deadline: nanos(wanted.deadline),
        period: nanos(wanted.period),
    };
    // SAFETY: the structure has the kernel's layout, says its size, and outlives the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0) }).map(drop)
}

/// `sched_getattr(2)`; 0 is the caller.
pub fn scheduling(pid: i32) -> Result<Scheduling> {
    let mut attr = Attr::default();
    // SAFETY: the buffer has the kernel's layout and its size is passed along.
    Errno::result(unsafe { libc::syscall(libc::SYS_sched_getattr, pid, &raw mut attr, size_of::<Attr>(), 0) })?;
    Ok(Scheduling {
        policy: attr.policy,
        flags: attr.flags,
        nice: attr.nice,
        priority: attr.priority,
        runtime: Duration::from_nanos(attr.runtime),
        deadline: Duration::from_nanos(attr.deadline),
        period: Duration::from_nanos(attr.period),
    })
}

const IOPRIO_WHO_PROCESS: libc::c_int = 1;
const IOPRIO_CLASS_SHIFT: i32 = 13;

/// `ioprio_set(2)` of the caller: a class (0 none, 1 rt, 2 be, 3 idle) and a level from 0 to 7.
pub fn set_io_priority(class: i32, level: i32) -> Result<()> {
    // SAFETY: takes no pointers.
    Errno::result(unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, class << IOPRIO_CLASS_SHIFT | level) }).map(drop)
}

/// `ioprio_get(2)`: class and level; 0 is the caller.
pub fn io_priority(pid: i32) -> Result<(i32, i32)> {
    // SAFETY: takes no pointers.
    let value = Errno::result(unsafe { libc::syscall(libc::SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid) })?;
    let value = i32::try_from(value).map_err(|_| Errno::EOVERFLOW)?;
    Ok((value >> IOPRIO_CLASS_SHIFT, value & 7))
}

/// `sched_setaffinity(2)` of the caller.
pub fn set_affinity(cpus: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu)?;
    }
    sched_setaffinity(Pid::from_raw(0), &set)
}

/// `sched_getaffinity(2)`; 0 is the caller.
pub fn affinity(pid: i32) -> Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(pid))?;
    Ok((0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect())
}

/// `set_mempolicy(2)` of the caller: a mode with its flags, and nodes.
pub fn set_mem_policy(mode: u32, nodes: &[u32]) -> Result<()> {
    const WORDS: usize = 16;
    let mut mask = [0_u64; WORDS];
    for node in nodes {
        let word = mask.get_mut(*node as usize / 64).ok_or(Errno::EINVAL)?;
        *word |= 1 << (node % 64);
    }
    let (pointer, bits) = if nodes.is_empty() { (std::ptr::null(), 0) } else { (mask.as_ptr(), WORDS * 64) };
    // SAFETY: a null mask of no bits is allowed; another has as many bits as it is said to have.
    Errno::result(unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, pointer, bits) }).map(drop)
}
