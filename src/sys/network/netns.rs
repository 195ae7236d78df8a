//! Named network namespaces, as `ip netns` has them: a file in `/run/netns` that the namespace is
//! mounted on, which keeps it alive without a process (ip-netns(8)).

use std::fs;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

use super::{io_errno, own_namespace};
use crate::sys::{Errno, Result};

/// Where the names are.
pub const DIR: &str = "/run/netns";

/// The file of a name.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

/// Makes a network namespace and gives it a name. `EEXIST` where the name is taken.
///
/// The directory is first made a shared mount of its own, so that a name which is added or
/// removed in one mount namespace is added or removed in the others as well.
pub fn add(name: &str) -> Result<()> {
    match fs::create_dir(DIR) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(io_errno(error)),
        _ => {}
    }
    share()?;
    let path = path(name);
    fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path).map_err(io_errno)?;
    let made = mount_new(&path);
    if made.is_err() {
        let _ = fs::remove_file(&path);
        tidy();
    }
    made
}

fn share() -> Result<()> {
    let shared = || mount(None::<&str>, DIR, None::<&str>, MsFlags::MS_SHARED | MsFlags::MS_REC, None::<&str>);
    match shared() {
        // Not a mount point yet.
        Err(Errno::EINVAL) => {
            mount(Some(DIR), DIR, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?;
            shared()
        }
        other => other,
    }
}

/// Steps into a new namespace, mounts it, and steps back into the old one.
fn mount_new(path: &Path) -> Result<()> {
    let own = own_namespace()?;
    unshare(CloneFlags::CLONE_NEWNET)?;
    let mounted = mount(Some("/proc/self/ns/net"), path, None::<&str>, MsFlags::MS_BIND, None::<&str>);
    setns(own, CloneFlags::CLONE_NEWNET)?;
    mounted
}

/// Removes a name; the namespace goes with the last process or device that is in it.
pub fn delete(name: &str) -> Result<()> {
    let path = path(name);
    match umount2(&path, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
        // A file that nothing is mounted on is what a crash in `add` leaves.
        Ok(()) | Err(Errno::EINVAL) => {}
        Err(errno) => return Err(errno),
    }
    fs::remove_file(&path).map_err(io_errno)?;
    tidy();
    Ok(())
}

/// Takes the shared mount away with the last name. It fails where somebody still uses it.
fn tidy() {
    if fs::read_dir(DIR).is_ok_and(|mut names| names.next().is_none()) {
        let _ = umount2(DIR, MntFlags::UMOUNT_NOFOLLOW);
    }
}

/// The names, sorted; none where the directory does not exist.
pub fn list() -> Result<Vec<String>> {
    let entries = match fs::read_dir(DIR) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io_errno)?,
    };
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok().map(|entry| entry.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}
