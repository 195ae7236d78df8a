//! The three `bpf(2)` commands that device rules of cgroup v2 need: load, attach, replace.
//!
//! v2 has no files for devices; a small program decides over each access instead. What the
//! program says is made by the layer above ([`Insn`] is all that the two share).

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::libc;

use super::super::{Errno, Result};

/// One instruction, as the kernel lays it out (`struct bpf_insn`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insn {
    /// Operation.
    pub code: u8,
    /// Destination in the low four bits, source in the high.
    pub registers: u8,
    /// Where to jump, or the offset of a load.
    pub offset: i16,
    /// A constant.
    pub constant: i32,
}

const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;
const PROG_DETACH: libc::c_int = 9;
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const PROG_QUERY: libc::c_int = 16;

const TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;

/// `union bpf_attr` as far as these commands use it, in words of 64 bits.
type Attr = [u64; 16];

/// Two 32-bit fields that lie beside each other.
fn pair(first: u32, second: u32) -> u64 {
    let (a, b) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]])
}

fn number(fd: BorrowedFd) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

fn bpf(command: libc::c_int, attr: &mut Attr) -> Result<libc::c_long> {
    // SAFETY: the structure is larger than any of these commands reads or writes, its rest is
    // zero as the kernel demands, and the buffers that it points to outlive the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), size_of::<Attr>()) })
}

fn opened(raw: libc::c_long) -> Result<OwnedFd> {
    let raw = i32::try_from(raw).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made the descriptor, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// `BPF_PROG_LOAD` of a program of type `BPF_PROG_TYPE_CGROUP_DEVICE`.
fn load(program: &[Insn]) -> Result<OwnedFd> {
    let license = c"GPL";
    let mut attr: Attr = [0; 16];
    attr[0] = pair(TYPE_CGROUP_DEVICE, u32::try_from(program.len()).map_err(|_| Errno::E2BIG)?);
    attr[1] = program.as_ptr() as u64;
    attr[2] = license.as_ptr() as u64;
    opened(bpf(PROG_LOAD, &mut attr)?)
}

/// The programs that are attached to the group itself, by their ids.
fn attached(group: BorrowedFd) -> Result<Vec<u32>> {
    let mut ids = [0_u32; 64];
    let mut attr: Attr = [0; 16];
    attr[0] = pair(number(group), ATTACH_CGROUP_DEVICE);
    attr[2] = ids.as_mut_ptr() as u64;
    attr[3] = pair(64, 0);
    bpf(PROG_QUERY, &mut attr)?;
    let bytes = attr[3].to_ne_bytes();
    let count = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    Ok(ids.iter().take(count).copied().collect())
}

fn attach(group: BorrowedFd, program: BorrowedFd) -> Result<()> {
    let mut attr: Attr = [0; 16];
    attr[0] = pair(number(group), number(program));
    attr[1] = pair(ATTACH_CGROUP_DEVICE, ALLOW_MULTI);
    bpf(PROG_ATTACH, &mut attr).map(drop)
}

fn detach(group: BorrowedFd, id: u32) -> Result<()> {
    let mut attr: Attr = [0; 16];
    attr[0] = pair(id, 0);
    let program = opened(bpf(PROG_GET_FD_BY_ID, &mut attr)?)?;
    let mut attr: Attr = [0; 16];
    attr[0] = pair(number(group), number(std::os::fd::AsFd::as_fd(&program)));
    attr[1] = pair(ATTACH_CGROUP_DEVICE, 0);
    bpf(PROG_DETACH, &mut attr).map(drop)
}

/// Makes this program the group's one and only.
///
/// The new one is attached before the old are taken off: all that are attached must agree, so at
/// no moment is more allowed than by one of the two.
pub fn replace(group: BorrowedFd, program: &[Insn]) -> Result<()> {
    let old = attached(group)?;
    let new = load(program)?;
    attach(group, std::os::fd::AsFd::as_fd(&new))?;
    old.into_iter().try_for_each(|id| detach(group, id))
}

/// How many programs of this kind are attached to the group.
pub fn count(group: BorrowedFd) -> Result<usize> {
    attached(group).map(|ids| ids.len())
}
