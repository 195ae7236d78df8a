//! Changes below a root directory, each relative to a descriptor that no symlink led to.
//!
//! A directory is opened with `openat2(RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_XDEV)`: it
//! lies below the root, on the root's own mount, whatever happens to the tree meanwhile. A kernel
//! without that call gets the same by a walk that opens each part with `O_NOFOLLOW` and compares
//! the mount. The last part of a name is only ever given to calls that do not follow it.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::libc;
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, UtimensatFlags, fchmodat, fstatat, futimens, mkdirat, mknodat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, LinkatFlags, Uid, UnlinkatFlags, fchown, fchownat, linkat, symlinkat, unlinkat};

use crate::sys::mounts::mount_id;
use crate::sys::{Errno, Result, files};

/// How many directories are kept open.
const RECENT: usize = 8;

/// The directory below which everything happens. Names are as [`super::names::judge`] answers them.
pub struct Tree<'a> {
    root: BorrowedFd<'a>,
    /// The directories that were used last, the latest at the end: archives name the files of one
    /// directory in a row, and hard links point back to another.
    recent: Vec<(Vec<u8>, OwnedFd)>,
}

/// What is restored of a file beside its content.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Permission bits.
    pub mode: u32,
    /// Owner and group, where they are to be changed.
    pub owner: Option<(u32, u32)>,
    /// Seconds and nanoseconds since 1970.
    pub mtime: (i64, i64),
    /// Extended attributes.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Metadata {
    /// The owner to change to; none where it is to be left, or is right.
    fn owner_other_than(&self, found: &FileStat) -> Option<(u32, u32)> {
        self.owner.filter(|owner| *owner != (found.st_uid, found.st_gid))
    }

    /// The mode that a new file of `user` can have from the start. One that is to become another's
    /// is its user's alone until then; set-ID bits come last of all.
    pub fn first_mode(&self, user: (u32, u32)) -> u32 {
        if self.owner.is_none_or(|owner| owner == user) { self.mode & 0o777 } else { 0o600 }
    }
}

fn text(bytes: &[u8]) -> &OsStr {
    if bytes.is_empty() { OsStr::new(".") } else { OsStr::from_bytes(bytes) }
}

impl<'a> Tree<'a> {
    /// A tree below this directory.
    pub fn new(root: BorrowedFd<'a>) -> Self {
        Self { root, recent: Vec::with_capacity(RECENT) }
    }

    /// Forgets what is remembered of directories: one may have been removed.
    pub fn forget(&mut self) {
        self.recent.clear();
    }

    /// A directory, for calls that are relative to it.
    pub fn dir(&mut self, name: &[u8]) -> Result<BorrowedFd<'_>> {
        let found = match self.recent.iter().rposition(|(other, _)| other == name) {
            Some(index) => self.recent.remove(index),
            None => (name.to_vec(), self.open(name, OFlag::O_PATH | OFlag::O_DIRECTORY)?),
        };
        if self.recent.len() == RECENT {
            self.recent.remove(0);
        }
        self.recent.push(found);
        self.recent.last().map(|(_, fd)| fd.as_fd()).ok_or(Errno::EBADF)
    }

    /// Opens what exists already.
    pub fn open(&self, name: &[u8], flags: OFlag) -> Result<OwnedFd> {
        let flags = flags | OFlag::O_CLOEXEC;
        let resolve = ResolveFlag::RESOLVE_BENEATH
            | ResolveFlag::RESOLVE_NO_SYMLINKS
            | ResolveFlag::RESOLVE_NO_MAGICLINKS
            | ResolveFlag::RESOLVE_NO_XDEV;
        match openat2(self.root, text(name), OpenHow::new().flags(flags).resolve(resolve)) {
            // Filters older than the call answer EPERM.
            Err(Errno::ENOSYS | Errno::EPERM) => self.walk(name, flags),
            other => other,
        }
    }

    /// The same without `openat2`.
    fn walk(&self, name: &[u8], flags: OFlag) -> Result<OwnedFd> {
        let step = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut here = openat(self.root, ".", step | OFlag::O_DIRECTORY, Mode::empty())?;
        let mount = mount_id(here.as_fd())?;
        for part in name.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            let next = openat(&here, text(part), step, Mode::empty())?;
            if kind(&nix::sys::stat::fstat(&next)?) == SFlag::S_IFLNK {
                return Err(Errno::ELOOP);
            }
            if mount_id(next.as_fd())? != mount {
                return Err(Errno::EXDEV);
            }
            here = next;
        }
        let is_dir = kind(&nix::sys::stat::fstat(&here)?) == SFlag::S_IFDIR;
        if flags.contains(OFlag::O_DIRECTORY) && !is_dir {
            return Err(Errno::ENOTDIR);
        }
        if flags.contains(OFlag::O_PATH) || !is_dir {
            return Ok(here);
        }
        // Only directories are ever opened to be read, and "." is the directory itself.
        openat(&here, ".", flags | OFlag::O_NOFOLLOW, Mode::empty())
    }

    /// What a name is, itself and not what it points to; none where there is nothing.
    pub fn stat(&mut self, dir: &[u8], name: &[u8]) -> Result<Option<FileStat>> {
        match fstatat(self.dir(dir)?, text(name), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Makes a directory that only the caller can enter until its mode is restored.
    pub fn mkdir(&mut self, dir: &[u8], name: &[u8]) -> Result<()> {
        mkdirat(self.dir(dir)?, text(name), Mode::S_IRWXU)
    }

    /// Makes a new file and opens it for writing.
    pub fn create(&mut self, dir: &[u8], name: &[u8], mode: u32) -> Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(self.dir(dir)?, text(name), flags, Mode::from_bits_truncate(mode)).map(File::from)
    }

    /// Makes a symbolic link with any text.
    pub fn symlink(&mut self, target: &[u8], dir: &[u8], name: &[u8]) -> Result<()> {
        symlinkat(text(target), self.dir(dir)?, text(name))
    }

    /// Makes another name for a file; the last part of `target` is not followed.
    pub fn link(&mut self, target: (&[u8], &[u8]), dir: &[u8], name: &[u8]) -> Result<()> {
        let from = self.dir(target.0)?.try_clone_to_owned().map_err(files::errno)?;
        linkat(&from, text(target.1), self.dir(dir)?, text(name), LinkatFlags::empty())
    }

    /// Makes a named pipe or a device.
    pub fn node(&mut self, dir: &[u8], name: &[u8], kind: SFlag, device: (u64, u64)) -> Result<()> {
        let number = nix::sys::stat::makedev(device.0, device.1);
        mknodat(self.dir(dir)?, text(name), kind, Mode::S_IRUSR | Mode::S_IWUSR, number)
    }

    /// Removes anything but a directory.
    pub fn unlink(&mut self, dir: &[u8], name: &[u8]) -> Result<()> {
        unlinkat(self.dir(dir)?, text(name), UnlinkatFlags::NoRemoveDir)
    }

    /// Removes an empty directory.
    pub fn rmdir(&mut self, dir: &[u8], name: &[u8]) -> Result<()> {
        self.forget();
        unlinkat(self.open(dir, OFlag::O_PATH | OFlag::O_DIRECTORY)?, text(name), UnlinkatFlags::RemoveDir)
    }

    /// The names in a directory.
    pub fn list(&self, name: &[u8]) -> Result<Vec<Vec<u8>>> {
        let fd = self.open(name, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        let mut found = Vec::new();
        for entry in nix::dir::Dir::from_fd(fd)?.iter() {
            let entry = entry?.file_name().to_bytes().to_vec();
            if entry != b"." && entry != b".." {
                found.push(entry);
            }
        }
        Ok(found)
    }

    /// Lets the caller into a directory again whose mode may forbid it.
    pub fn reopen(&mut self, dir: &[u8], name: &[u8]) -> Result<()> {
        fchmodat(self.dir(dir)?, text(name), Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink)
    }

    /// Restores what a directory's entry says.
    pub fn restore_dir(&self, name: &[u8], metadata: &Metadata) -> Result<()> {
        restore(&self.open(name, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?, metadata)
    }

    /// Restores what can be restored of something that is not opened: a link, a pipe, a device.
    pub fn restore_node(&mut self, dir: &[u8], name: &[u8], metadata: &Metadata, link: bool) -> Result<()> {
        let dir = self.dir(dir)?;
        let found = fstatat(dir, text(name), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if let Some((uid, gid)) = metadata.owner_other_than(&found) {
            fchownat(dir, text(name), Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        }
        if !link {
            fchmodat(dir, text(name), Mode::from_bits_truncate(metadata.mode), FchmodatFlags::NoFollowSymlink)?;
        }
        utimensat(dir, text(name), &TimeSpec::UTIME_OMIT, &time(metadata), UtimensatFlags::NoFollowSymlink)
    }
}

fn time(metadata: &Metadata) -> TimeSpec {
    TimeSpec::new(metadata.mtime.0, metadata.mtime.1)
}

/// Restores an open file or directory. The order matters: a change of owner clears the set-ID
/// bits and the file capabilities, and each change but the last sets a time.
///
/// What is right already is left alone: to look costs a tenth of a change, which a disk's file
/// system writes into its journal.
pub fn restore(file: &impl AsFd, metadata: &Metadata) -> Result<()> {
    let found = nix::sys::stat::fstat(file.as_fd())?;
    let owner = metadata.owner_other_than(&found);
    if let Some((uid, gid)) = owner {
        fchown(file.as_fd(), Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    if found.st_mode & 0o7777 != metadata.mode || (owner.is_some() && metadata.mode & 0o6000 != 0) {
        nix::sys::stat::fchmod(file.as_fd(), Mode::from_bits_truncate(metadata.mode))?;
    }
    for (name, value) in &metadata.xattrs {
        set_xattr(file.as_fd(), name, value)?;
    }
    futimens(file.as_fd(), &TimeSpec::UTIME_OMIT, &time(metadata))
}

fn set_xattr(file: BorrowedFd, name: &[u8], value: &[u8]) -> Result<()> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    // SAFETY: both buffers outlive the call, and the length is that of the value.
    let rc = unsafe { libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
    Errno::result(rc).map(drop)
}

/// The type bits of a file.
pub fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Where `openat2` is missing, the walk must give the same answers.
    #[test]
    fn the_walk_is_as_strict_as_openat2() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        std::fs::create_dir_all(path.join("a/b")).unwrap();
        std::fs::write(path.join("a/file"), "x").unwrap();
        for (target, link) in [("a", "in"), ("/tmp", "out"), ("none", "dangling"), ("loop", "loop"), ("b", "a/last"), ("file", "a/to-file")]
        {
            std::os::unix::fs::symlink(target, path.join(link)).unwrap();
        }
        let root = File::open(path).unwrap();
        let tree = Tree::new(root.as_fd());
        let names = ["", "a", "a/b", "a/file", "a/none", "a/file/x", "in", "in/b", "out", "out/x", "dangling", "loop", "loop/x", "a/last"];
        for flags in [OFlag::O_PATH | OFlag::O_DIRECTORY, OFlag::O_RDONLY | OFlag::O_DIRECTORY] {
            for name in names.iter().chain(&["a/to-file"]).map(|name| name.as_bytes()) {
                let wanted = tree.open(name, flags).map(|fd| nix::sys::stat::fstat(&fd).unwrap().st_ino);
                let found = tree.walk(name, flags).map(|fd| nix::sys::stat::fstat(&fd).unwrap().st_ino);
                assert_eq!(found, wanted, "{}", name.escape_ascii());
            }
        }
        let proc = File::open("/").unwrap();
        let tree = Tree::new(proc.as_fd());
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        assert_eq!((tree.walk(b"proc", flags).err(), tree.open(b"proc", flags).err()), (Some(Errno::EXDEV), Some(Errno::EXDEV)));
    }
}
