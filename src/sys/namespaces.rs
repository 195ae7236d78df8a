//! Namespaces: making, entering, looking at and pinning them; id maps and time offsets.
//!
//! A namespace is seen as a file: `/proc/PID/ns/KIND` is a link to an inode of nsfs, and an open
//! descriptor of that inode keeps the namespace alive (namespaces(7), ioctl_nsfs(2)).

use std::fs;
use std::io::Write;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;

use super::{Result, files};

pub mod ids;

/// The kernel's flags in the type that nix takes; it has no name for `CLONE_NEWTIME`.
fn flags(kinds: u32) -> CloneFlags {
    CloneFlags::from_bits_retain(kinds.cast_signed())
}

/// `unshare(2)`; `kinds` are `CLONE_NEW*` flags.
pub fn unshare(kinds: u32) -> Result<()> {
    nix::sched::unshare(flags(kinds))
}

/// Sets the propagation of `/` and of every mount below it (`mount_namespaces(7)`).
pub fn set_propagation(flag: MsFlags) -> Result<()> {
    mount::<str, _, str, str>(None, "/", None, MsFlags::MS_REC | flag, None)
}

/// Writes a file of `/proc` in one write, as the id maps and the offsets have to be.
pub fn write_once(path: &Path, text: &str) -> Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path).map_err(files::errno)?;
    file.write_all(text.as_bytes()).map_err(files::errno)
}
