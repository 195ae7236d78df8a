//! Capabilities: the five sets of a process, and those of files; securebits, `no_new_privs`.
//!
//! Names and the list of capabilities come from the crate `caps`. The changes are made here: the
//! crate writes the three sets of capset(2) one after the other, in six system calls, so that an
//! intermediate state may be refused that the wanted one is not, and answers text instead of the
//! kernel's error number.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use nix::libc;

use super::{Errno, Result, files};

pub mod file;

/// The five sets, each a mask with bit `n` for capability `n`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sets {
    /// What execve(2) may ever add again.
    pub bounding: u64,
    /// What the process may make effective.
    pub permitted: u64,
    /// What the kernel's checks look at.
    pub effective: u64,
    /// What survives execve(2) of a file whose own inheritable set has it too.
    pub inheritable: u64,
    /// What survives execve(2) of an ordinary file.
    pub ambient: u64,
}

/// The number of the last capability that this kernel knows.
///
/// From `/proc/sys/kernel/cap_last_cap`; where `/proc` is not mounted, the kernel is asked about
/// one number after the other. The answer is kept: it cannot change while the kernel runs.
#[must_use]
pub fn last() -> u32 {
    static LAST: OnceLock<u32> = OnceLock::new();
    *LAST.get_or_init(|| {
        let read = files::read_proc_piece(Path::new("/proc/sys/kernel/cap_last_cap")).ok();
        let read = read.and_then(|bytes| String::from_utf8(bytes).ok());
        read.and_then(|text| text.trim().parse().ok()).filter(|last| *last < 64).unwrap_or_else(|| {
            let known = |number: &u32| bounding_has(*number).is_ok();
            (0..64).take_while(known).last().unwrap_or_default()
        })
    })
}

/// Every capability of this kernel.
#[must_use]
pub fn all() -> u64 {
    u64::MAX >> (63 - last())
}

/// The sets of the caller, or of another process (`/proc/PID/status`).
pub fn get(pid: Option<i32>) -> Result<Sets> {
    let path = pid.map_or_else(|| "/proc/thread-self/status".to_owned(), |pid| format!("/proc/{pid}/status"));
    match files::read_proc_piece(Path::new(&path)) {
        Ok(status) => Ok(from_status(&String::from_utf8_lossy(&status))),
        // Without /proc, as after a chroot, the caller can still ask the kernel about itself.
        Err(_) if pid.is_none() => own(),
        Err(Errno::ENOENT) => Err(Errno::ESRCH),
        Err(errno) => Err(errno),
    }
}

fn from_status(status: &str) -> Sets {
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|text| u64::from_str_radix(text.trim_start_matches(':').trim(), 16).ok()).unwrap_or_default()
    };
    Sets {
        bounding: mask("CapBnd"),
        permitted: mask("CapPrm"),
        effective: mask("CapEff"),
        inheritable: mask("CapInh"),
        ambient: mask("CapAmb"),
    }
}

fn own() -> Result<Sets> {
    let read = |set| {
        let found = caps::read(None, set).map_err(|_| Errno::last())?;
        Ok(found.iter().fold(0, |mask, capability| mask | capability.bitmask()))
    };
    Ok(Sets {
        bounding: read(caps::CapSet::Bounding)?,
        permitted: read(caps::CapSet::Permitted)?,
        effective: read(caps::CapSet::Effective)?,
        inheritable: read(caps::CapSet::Inheritable)?,
        ambient: read(caps::CapSet::Ambient)?,
    })
}

fn prctl(option: libc::c_int, arg2: libc::c_ulong, arg3: libc::c_ulong) -> Result<i32> {
    // SAFETY: the options used in this file take numbers only; unused arguments must be zero.
    Errno::result(unsafe { libc::prctl(option, arg2, arg3, 0 as libc::c_ulong, 0 as libc::c_ulong) })
}

fn bounding_has(capability: u32) -> Result<bool> {
    prctl(libc::PR_CAPBSET_READ, capability.into(), 0).map(|answer| answer == 1)
}

/// `PR_CAPBSET_DROP` for each capability of the mask that is still in the bounding set.
///
/// What is gone already is passed over: the kernel asks for `CAP_SETPCAP` also to drop nothing.
pub fn bounding_drop(mask: u64) -> Result<()> {
    for capability in bits(mask & all()) {
        match prctl(libc::PR_CAPBSET_DROP, capability.into(), 0) {
            Err(Errno::EPERM) if !bounding_has(capability)? => {}
            other => drop(other?),
        }
    }
    Ok(())
}

/// capset(2): all three sets at once, as the kernel checks them.
pub fn capset(effective: u64, permitted: u64, inheritable: u64) -> Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    #[allow(clippy::cast_possible_truncation)]
    let word = |mask: u64, high: bool| if high { (mask >> 32) as u32 } else { mask as u32 };
    let header = [VERSION_3, 0];
    let data = [false, true].map(|high| [word(effective, high), word(permitted, high), word(inheritable, high)]);
    // SAFETY: the header is two 32-bit words and the data two structures of three, as version 3
    // of the interface has them.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) }).map(drop)
}

/// What happens to one capability of the ambient set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambient {
    /// It must be permitted and inheritable.
    Raise,
    /// Always possible.
    Lower,
}

/// `PR_CAP_AMBIENT` for each capability of the mask.
pub fn ambient(change: Ambient, mask: u64) -> Result<()> {
    let operation = match change {
        Ambient::Raise => libc::PR_CAP_AMBIENT_RAISE,
        Ambient::Lower => libc::PR_CAP_AMBIENT_LOWER,
    };
    bits(mask).try_for_each(|capability| prctl(libc::PR_CAP_AMBIENT, operation.cast_unsigned().into(), capability.into()).map(drop))
}

/// `PR_CAP_AMBIENT_CLEAR_ALL`
pub fn ambient_clear() -> Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL.cast_unsigned().into(), 0).map(drop)
}

/// `PR_SET_KEEPCAPS`: whether the permitted set survives the change from uid 0 to others.
pub fn keep_caps(on: bool) -> Result<()> {
    prctl(libc::PR_SET_KEEPCAPS, on.into(), 0).map(drop)
}

/// `PR_GET_SECUREBITS`
pub fn securebits() -> Result<u32> {
    prctl(libc::PR_GET_SECUREBITS, 0, 0).map(i32::cast_unsigned)
}

/// `PR_SET_SECUREBITS`
pub fn set_securebits(bits: u32) -> Result<()> {
    prctl(libc::PR_SET_SECUREBITS, bits.into(), 0).map(drop)
}

/// `PR_SET_NO_NEW_PRIVS`
pub fn no_new_privs() -> Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(drop)
}

/// `PR_GET_NO_NEW_PRIVS`
#[must_use]
pub fn has_no_new_privs() -> bool {
    prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0) == Ok(1)
}

/// The numbers of the bits in a mask, lowest first.
pub fn bits(mask: u64) -> impl Iterator<Item = u32> {
    (0..64).filter(move |bit| mask & (1 << bit) != 0)
}

/// A capability's name: `net_bind_service`; the number where the name is not known.
///
/// Kept by number: a process's status names some two hundred, and the crate's list is a hash set.
#[must_use]
pub fn name(capability: u32) -> String {
    static NAMES: OnceLock<HashMap<u32, String>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let short = |known: caps::Capability| known.to_string().trim_start_matches("CAP_").to_ascii_lowercase();
        caps::all().into_iter().map(|known| (u32::from(known.index()), short(known))).collect()
    });
    names.get(&capability).cloned().unwrap_or_else(|| capability.to_string())
}

/// The number behind a name: with or without `cap_`, in any case, or a number; only where this
/// kernel knows it.
#[must_use]
pub fn number(name: &str) -> Option<u32> {
    let name = name.to_ascii_uppercase();
    let full = if name.starts_with("CAP_") { name.clone() } else { format!("CAP_{name}") };
    let known = full.parse::<caps::Capability>().ok().map(|capability| capability.index().into());
    known.or_else(|| name.parse().ok()).filter(|number| *number <= last())
}

/// The names of a mask.
#[must_use]
pub fn names(mask: u64) -> Vec<String> {
    bits(mask).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_each_others_reverse() {
        for capability in bits(all()) {
            assert_eq!(number(&name(capability)), Some(capability));
        }
        assert_eq!(number("CAP_SYS_ADMIN"), Some(21));
        assert_eq!(number("cap_sys_admin"), Some(21));
        assert_eq!(number("63"), None);
        assert_eq!(number("sys_admn"), None);
    }

    #[test]
    fn the_two_ways_to_read_the_own_sets_agree() {
        assert_eq!(get(None), own());
    }
}
