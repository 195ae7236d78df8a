//! The rootfs handle: every path inside a root directory, resolved so that it cannot leave it.
//!
//! What is inside a root may be hostile: any directory may be a symlink to the host, and may
//! become one between two system calls. So a path is never handed to the kernel as text from the
//! host's root. `openat2(RESOLVE_IN_ROOT)` walks it with the root directory as `/`; where that
//! call is missing or a filter forbids it, [`walk`] does the same by hand, one component at a
//! time. What comes back is a descriptor, and the change is made relative to it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{Mode, SFlag, mkdirat, mknodat};

use super::{Errno, Result};

pub mod change;
pub mod cover;
pub mod plain;
pub mod read;
mod walk;

/// What is done with symlinks on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Followed, with the root as their `/`.
    Inside,
    /// The same, but the last component is not followed: `ELOOP`, or the link with `O_PATH`.
    NotLast,
    /// A link anywhere is `ELOOP`: for destinations that must be what they seem (`/proc`).
    Refused,
}

/// How often `openat2` is asked again when a rename anywhere on the machine disturbed a `..`.
const RETRIES: u32 = 16;

/// Opens a path inside of `root`.
pub fn open(root: BorrowedFd, path: &Path, flags: OFlag, mode: Mode, links: Links) -> Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() || path == Path::new("/") { Path::new(".") } else { path };
    let flags = flags | OFlag::O_CLOEXEC | if links == Links::NotLast { OFlag::O_NOFOLLOW } else { OFlag::empty() };
    let mut resolve = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    if links == Links::Refused {
        resolve |= ResolveFlag::RESOLVE_NO_SYMLINKS;
    }
    let mut how = OpenHow::new().flags(flags).resolve(resolve);
    if flags.contains(OFlag::O_CREAT) {
        how = how.mode(mode);
    }
    for _ in 0..RETRIES {
        match openat2(root, path, how) {
            // EPERM is what seccomp filters older than the call answer. Were it the file's own,
            // the walk would find it again.
            Err(Errno::ENOSYS | Errno::EPERM) => break,
            Err(Errno::EAGAIN) => {}
            other => return other,
        }
    }
    walk::open(root, path, flags, mode, links)
}

/// One `openat2(2)` that makes a file, or the error, whatever its reason. The last component of a
/// path is not followed under `O_EXCL`.
fn open_once(root: BorrowedFd, path: &Path, flags: OFlag, mode: Mode) -> Result<OwnedFd> {
    let resolve = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    openat2(root, path, OpenHow::new().flags(flags | OFlag::O_CLOEXEC).mode(mode).resolve(resolve))
}

/// A directory of a root: often the root itself, which is open already.
pub enum Dir<'a> {
    /// The root.
    Root(BorrowedFd<'a>),
    /// One below it (`O_PATH`).
    Below(OwnedFd),
}

impl AsFd for Dir<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(fd) => *fd,
            Self::Below(fd) => fd.as_fd(),
        }
    }
}

/// Opens the directory that holds the last component of `path`, and answers that component.
///
/// `EEXIST` for the root itself, `EINVAL` for a path that ends in `..`.
pub fn parent<'a>(root: BorrowedFd<'a>, path: &Path) -> Result<(Dir<'a>, OsString)> {
    parent_by(root, path, Links::Inside)
}

fn parent_by<'a>(root: BorrowedFd<'a>, path: &Path, links: Links) -> Result<(Dir<'a>, OsString)> {
    let (dir, name) = split(path)?;
    if dir.components().all(|part| matches!(part, Component::RootDir | Component::CurDir)) {
        return Ok((Dir::Root(root), name));
    }
    let dir = open(root, &dir, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty(), links)?;
    Ok((Dir::Below(dir), name))
}

/// The text before and after the last component.
fn split(path: &Path) -> Result<(PathBuf, OsString)> {
    let bytes = path.as_os_str().as_bytes();
    let mut end = bytes.len();
    while end > 0 && bytes[end - 1] == b'/' {
        end -= 1;
    }
    let bytes = bytes.get(..end).unwrap_or_default();
    let start = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (dir, name) = bytes.split_at(start);
    match name {
        b"" | b"." => Err(Errno::EEXIST),
        b".." => Err(Errno::EINVAL),
        _ => Ok((PathBuf::from(OsStr::from_bytes(dir)), OsStr::from_bytes(name).to_owned())),
    }
}

/// Opens a directory inside of `root` (`O_PATH`), and makes what is missing of it.
///
/// Only components that the caller wrote are made, never those of a symlink: a dangling link is
/// `ENOENT`.
pub fn make_directories(root: BorrowedFd, path: &Path, mode: Mode, links: Links) -> Result<OwnedFd> {
    match open(root, path, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty(), links) {
        Err(Errno::ENOENT) => {}
        other => return other,
    }
    // Mostly only the last is missing. Whatever is in the way, the walk says it, or makes the rest.
    make_last(root, path, mode, links).or_else(|_| change::exactly(|| walk::make_directories(root, path, mode, links)))
}

/// Makes the last directory of a path. A link that dangles there is `EEXIST`.
fn make_last(root: BorrowedFd, path: &Path, mode: Mode, links: Links) -> Result<OwnedFd> {
    let above = if links == Links::Refused { links } else { Links::Inside };
    let (dir, name) = parent_by(root, path, above)?;
    change::exactly(|| mkdirat(&dir, name.as_os_str(), mode))?;
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(&dir, name.as_os_str(), flags, Mode::empty())
}

/// Opens the place that something is to be mounted on (`O_PATH`), and makes it where it is
/// missing: a directory, or else an empty file.
pub fn mount_point(root: BorrowedFd, path: &Path, directory: bool, links: Links) -> Result<OwnedFd> {
    let mode = Mode::from_bits_truncate(0o755);
    if directory {
        return make_directories(root, path, mode, links);
    }
    match open(root, path, OFlag::O_PATH, Mode::empty(), links) {
        Err(Errno::ENOENT) => {}
        other => return other,
    }
    let (dir, name) = split(path)?;
    let dir = make_directories(root, &dir, mode, links)?;
    // A dangling symlink in the last place is EEXIST here, and stays unfollowed.
    mknodat(&dir, name.as_os_str(), SFlag::S_IFREG, Mode::from_bits_truncate(0o644), 0)?;
    openat(&dir, name.as_os_str(), OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
}

/// The path by which `/proc` names a descriptor, once it is sure that `/proc` is procfs.
///
/// The classic calls take paths only. A `/proc` that somebody has replaced would send them
/// anywhere (CVE-2025-52881).
///
/// Asked once: what changes the tree of mounts by a path, the root or the namespace calls
/// [`forget_proc`].
pub fn proc_path(fd: BorrowedFd) -> Result<PathBuf> {
    const PROC_SUPER_MAGIC: nix::libc::c_long = 0x9fa0;
    if !PROC_IS_PROC.get() {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let dir = nix::fcntl::open("/proc/self/fd/", flags, Mode::empty())?;
        if nix::sys::statfs::fstatfs(dir.as_fd())?.filesystem_type().0 != PROC_SUPER_MAGIC {
            return Err(Errno::EXDEV);
        }
        PROC_IS_PROC.set(true);
    }
    Ok(PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd))))
}

thread_local! {
    /// Whether `/proc/self/fd` has been seen to be procfs, and nothing can have changed that since.
    static PROC_IS_PROC: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// `/proc` may be another one from here on.
pub fn forget_proc() {
    PROC_IS_PROC.set(false);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_a_last_component_or_is_refused() {
        for (path, wanted) in [("/", Errno::EEXIST), ("", Errno::EEXIST), ("a/.", Errno::EEXIST), ("a/..", Errno::EINVAL)] {
            assert_eq!(split(Path::new(path)), Err(wanted), "{path}");
        }
        let parts = |dir: &str, name: &str| Ok((PathBuf::from(dir), OsString::from(name)));
        assert_eq!(split(Path::new("a")), parts("", "a"));
        assert_eq!(split(Path::new("/a/b//")), parts("/a/", "b"));
    }
}
