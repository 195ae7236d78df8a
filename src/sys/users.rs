//! Users and groups of a process, and the container's own passwd and group files.
//!
//! Each change is read back: a process that believes it has given up root and has not is the
//! worst outcome there is.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use nix::libc;
use nix::unistd::{Gid, Uid, getresgid, getresuid, setresgid, setresuid};

use super::{Errno, Result};

mod accounts;

pub use accounts::{Id, User, group_id, parse_id, parse_spec, user};

/// `setgroups(2)`: the supplementary groups.
pub fn set_groups(groups: &[u32]) -> Result<()> {
    let wanted: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
    nix::unistd::setgroups(&wanted)?;
    let mut found = self::groups()?;
    let mut expected = groups.to_vec();
    for list in [&mut found, &mut expected] {
        list.sort_unstable();
        list.dedup();
    }
    if found == expected { Ok(()) } else { Err(Errno::EPROTO) }
}

/// The supplementary groups.
pub fn groups() -> Result<Vec<u32>> {
    loop {
        // The crate's function asks for the limit in /proc first, each time.
        // SAFETY: with a size of 0 nothing is written.
        let count = Errno::result(unsafe { libc::getgroups(0, std::ptr::null_mut()) })?;
        let mut found = vec![0; usize::try_from(count).unwrap_or_default()];
        if found.is_empty() {
            return Ok(found);
        }
        // SAFETY: the list has room for as many as are asked for.
        match Errno::result(unsafe { libc::getgroups(count, found.as_mut_ptr()) }) {
            // There are more by now.
            Err(Errno::EINVAL) => {}
            Err(other) => return Err(other),
            Ok(count) => {
                found.truncate(usize::try_from(count).unwrap_or_default());
                return Ok(found);
            }
        }
    }
}

/// `setresgid(2)` of all three.
pub fn set_gid(gid: u32) -> Result<()> {
    let gid = Gid::from_raw(gid);
    setresgid(gid, gid, gid)?;
    let now = getresgid()?;
    if [now.real, now.effective, now.saved] == [gid; 3] { Ok(()) } else { Err(Errno::EPROTO) }
}

/// `setresuid(2)` of all three.
pub fn set_uid(uid: u32) -> Result<()> {
    let uid = Uid::from_raw(uid);
    setresuid(uid, uid, uid)?;
    let now = getresuid()?;
    if [now.real, now.effective, now.saved] == [uid; 3] { Ok(()) } else { Err(Errno::EPROTO) }
}

/// The effective user and group.
#[must_use]
pub fn ids() -> (u32, u32) {
    (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw())
}

/// Opens a directory as a root for [`read_in_root`].
pub fn open_root(path: &Path) -> Result<OwnedFd> {
    use nix::fcntl::OFlag;
    nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())
}

/// Reads a small file below `root`; empty where there is none.
///
/// Its size and type are the container's choice, so both are judged: `EFBIG` past 4 MiB, `ENXIO` for
/// pipes and devices, `EISDIR` for a directory.
pub fn read_in_root(root: BorrowedFd, path: &str) -> Result<String> {
    const MOST: u64 = 4 << 20;
    match super::rootfs::read::read(root, Path::new(path), MOST) {
        Err(Errno::ENOENT) => Ok(String::new()),
        other => other.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    }
}
