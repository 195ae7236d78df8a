//! Reads back what the kernel shows of the calling process: the facts of `--explain` and `--trace`.
//!
//! A process that has gone into a root of its own may have no `/proc`, or one of others. So the `/proc`
//! of the start is held open while somebody listens, and everything here is read below it.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::OnceLock;

use nix::fcntl::{AT_FDCWD, OFlag, openat, readlinkat};
use nix::sys::stat::Mode;

static PROC: OnceLock<OwnedFd> = OnceLock::new();

/// More than this is never shown.
const LONGEST: u64 = 1 << 20;

/// Keeps `/proc` open from now on.
pub fn hold() {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    if PROC.get().is_none()
        && let Ok(fd) = openat(AT_FDCWD, "/proc", flags, Mode::empty())
    {
        let _ = PROC.set(fd);
    }
}

/// The descriptor, which a child must not let go of.
#[must_use]
pub fn descriptor() -> Option<RawFd> {
    PROC.get().map(|fd| fd.as_raw_fd())
}

/// The text of a file below `/proc`: `self/uid_map`.
#[must_use]
pub fn text(file: &str) -> Option<String> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let fd = match PROC.get() {
        Some(proc) => openat(proc, file, flags, Mode::empty()),
        None => openat(AT_FDCWD, &*format!("/proc/{file}"), flags, Mode::empty()),
    };
    let mut bytes = Vec::new();
    File::from(fd.ok()?).take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Where a link below `/proc` points to: `self/cwd`.
#[must_use]
pub fn link(file: &str) -> Option<String> {
    let target = match PROC.get() {
        Some(proc) => readlinkat(proc.as_fd(), file),
        None => readlinkat(AT_FDCWD, &*format!("/proc/{file}")),
    };
    target.ok().map(|target| target.to_string_lossy().into_owned())
}

/// The inode of a process's namespace: `self/ns/uts`.
#[must_use]
pub fn namespace(file: &str) -> Option<String> {
    let link = link(file)?;
    Some(link.split_once('[')?.1.trim_end_matches(']').to_owned())
}

/// A field of `/proc/self/status`.
#[must_use]
pub fn status(name: &str) -> Option<String> {
    let text = text("self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A mount as `mountinfo` shows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Mounted {
    /// Where.
    pub target: String,
    /// Type, device and options, as one text.
    pub what: String,
    /// `shared`, `slave`, `private`
    pub propagation: &'static str,
}

/// The mounts that this process sees.
#[must_use]
pub fn mounts() -> Vec<Mounted> {
    text("self/mountinfo").unwrap_or_default().lines().filter_map(mounted).collect()
}

fn mounted(line: &str) -> Option<Mounted> {
    let (own, rest) = line.split_once(" - ")?;
    let fields: Vec<&str> = own.split(' ').collect();
    let (device, root, target, options) = (fields.get(2)?, fields.get(3)?, fields.get(4)?, fields.get(5)?);
    let tags = fields.get(6..).unwrap_or_default();
    let is = |prefix: &str| tags.iter().any(|tag| tag.starts_with(prefix));
    let propagation = if is("shared:") {
        "shared"
    } else if is("master:") {
        "slave"
    } else if is("unbindable") {
        "unbindable"
    } else {
        "private"
    };
    let mut rest = rest.split(' ');
    let (fstype, source) = (rest.next()?, rest.next().unwrap_or("none"));
    let part = if *root == "/" { String::new() } else { format!(" {root} of") };
    let source = if source == fstype || source == "none" { String::new() } else { format!(" {source}") };
    Some(Mounted { target: (*target).to_owned(), what: format!("{fstype}{part}{source} ({device}) {options}"), propagation })
}

/// A path as the process sees it, without links: what `mountinfo` would call it.
#[must_use]
pub fn real(path: &Path) -> Option<String> {
    std::fs::canonicalize(path).ok().map(|path| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_told_by_type_part_source_device_and_options() {
        let line = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let wanted =
            Mounted { target: "/mnt2".to_owned(), what: "ext3 /mnt1 of /dev/root (98:0) rw,noatime".to_owned(), propagation: "slave" };
        assert_eq!(mounted(line), Some(wanted));
        assert_eq!(mounted("22 1 0:21 / /proc rw - proc proc rw").map(|found| found.what), Some("proc (0:21) rw".to_owned()));
        assert_eq!(mounted("nonsense"), None);
    }
}
