//! Files that nobody sees half of: written beside, and put in place in one step.
//!
//! The new file has no name while it is written (`O_TMPFILE`), so that a writer that is killed
//! leaves nothing. Where the file system cannot do that, it has one beside the old file's.

use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, RenameFlags, openat, renameat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, linkat, unlinkat};

use super::stat;
use crate::sys::processes::write_all;
use crate::sys::{Errno, Result};

/// Writes a file as a whole: whoever opens it meanwhile or later finds the old text or the new one.
/// One that is replaced hands on its owner and its permission bits; a new one has `mode`, before
/// the umask. With `exclusive` nothing is replaced (`EEXIST`). `ELOOP` for a symlink, `EINVAL` for
/// what is no regular file.
pub fn replace(path: &Path, content: &[u8], mode: u32, exclusive: bool) -> Result<()> {
    let name = path.file_name().ok_or(Errno::EISDIR)?;
    let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let old = stat(path, false)?;
    match old.map(|old| SFlag::from_bits_truncate(old.st_mode) & SFlag::S_IFMT) {
        Some(_) if exclusive => return Err(Errno::EEXIST),
        None | Some(SFlag::S_IFREG) => {}
        Some(SFlag::S_IFLNK) => return Err(Errno::ELOOP),
        Some(SFlag::S_IFDIR) => return Err(Errno::EISDIR),
        Some(_) => return Err(Errno::EINVAL),
    }
    // Held open, so that all steps are in the same directory.
    let dir = nix::fcntl::open(parent, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mode = Mode::from_bits_truncate(mode);
    let beside = beside(name);
    let nameless = openat(&dir, ".", OFlag::O_WRONLY | OFlag::O_TMPFILE | OFlag::O_CLOEXEC, mode);
    let named = match nameless {
        Ok(file) => {
            fill(&file, content, old.as_ref())?;
            let link = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
            let target = if exclusive { Path::new(name) } else { &beside };
            match linkat(AT_FDCWD, &link, &dir, target, AtFlags::AT_SYMLINK_FOLLOW) {
                Ok(()) if exclusive => return Ok(()),
                Ok(()) => true,
                // Without a /proc a nameless file stays nameless.
                Err(Errno::ENOENT) => false,
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::EINVAL) => false,
        Err(errno) => return Err(errno),
    };
    let placed = || {
        if !named {
            let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            fill(&openat(&dir, &beside, flags, mode)?, content, old.as_ref())?;
        }
        let flags = if exclusive { RenameFlags::RENAME_NOREPLACE } else { RenameFlags::empty() };
        renameat2(&dir, &beside, &dir, name, flags)
    };
    placed().inspect_err(|_| {
        let _ = unlinkat(&dir, &beside, UnlinkatFlags::NoRemoveDir);
    })
}

/// The text, and what the file before it hands on.
fn fill(file: &OwnedFd, content: &[u8], old: Option<&FileStat>) -> Result<()> {
    write_all(file.as_fd(), content)?;
    let Some(old) = old else { return Ok(()) };
    let now = nix::sys::stat::fstat(file)?;
    if (now.st_uid, now.st_gid) != (old.st_uid, old.st_gid) {
        fchown(file, Some(Uid::from_raw(old.st_uid)), Some(Gid::from_raw(old.st_gid)))?;
    }
    // After the owner: chown(2) takes setuid bits away.
    fchmod(file, Mode::from_bits_truncate(old.st_mode & 0o7777))
}

/// A name that no other writer uses at the same time.
fn beside(name: &std::ffi::OsStr) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let start = name.as_bytes().get(..name.len().min(200)).unwrap_or_default();
    let mark = format!(".{}-{now:x}", std::process::id());
    PathBuf::from(OsString::from_vec([b".", start, mark.as_bytes()].concat()))
}
