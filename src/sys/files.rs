//! Files by path: what scripts do outside of a rootfs.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::libc;
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, fstat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, unlinkat};

use super::{Errno, Result, interrupt};

mod replace;

pub use replace::replace;

/// The kernel's number in an error of the standard library.
#[must_use]
#[allow(clippy::needless_pass_by_value)]
pub fn errno(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// `mkdir(2)`.
pub fn mkdir(path: &Path, mode: u32) -> Result<()> {
    nix::unistd::mkdir(path, Mode::from_bits_truncate(mode))
}

/// `mkdir(2)` of every directory of the path that is missing; one that exists is fine.
pub fn mkdir_parents(path: &Path, mode: u32) -> Result<()> {
    let mut missing: Vec<&Path> = Vec::new();
    for part in path.ancestors().filter(|part| !part.as_os_str().is_empty()) {
        match std::fs::metadata(part) {
            Ok(found) if found.is_dir() => break,
            Ok(_) => return Err(if missing.is_empty() { Errno::EEXIST } else { Errno::ENOTDIR }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(part),
            Err(error) => return Err(errno(error)),
        }
    }
    for part in missing.into_iter().rev() {
        match mkdir(part, mode) {
            Err(Errno::EEXIST) if part.is_dir() => {}
            other => other?,
        }
    }
    Ok(())
}

/// `rmdir(2)`.
pub fn rmdir(path: &Path) -> Result<()> {
    std::fs::remove_dir(path).map_err(errno)
}

/// `unlink(2)`.
pub fn unlink(path: &Path) -> Result<()> {
    std::fs::remove_file(path).map_err(errno)
}

/// `symlink(2)`.
pub fn symlink(text: &Path, path: &Path) -> Result<()> {
    std::os::unix::fs::symlink(text, path).map_err(errno)
}

/// Writes a file: replaced, appended to, or (`EEXIST`) only made new.
pub fn write(path: &Path, content: &[u8], mode: u32, append: bool, exclusive: bool) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.mode(mode).custom_flags(libc::O_CLOEXEC | libc::O_NOCTTY);
    if exclusive {
        options.write(true).create_new(true);
    } else if append {
        options.append(true).create(true);
    } else {
        options.write(true).create(true).truncate(true);
    }
    options.open(path).map_err(errno)?.write_all(content).map_err(errno)
}

/// Opens a file; it does not become the terminal, and exec closes it.
pub fn open(path: &Path, flags: i32, mode: u32) -> Result<OwnedFd> {
    let flags = OFlag::from_bits_retain(flags) | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    nix::fcntl::open(path, flags, Mode::from_bits_truncate(mode))
}

/// `mkfifo(3)`.
pub fn mkfifo(path: &Path, mode: u32) -> Result<()> {
    nix::unistd::mkfifo(path, Mode::from_bits_truncate(mode))
}

/// `renameat2(2)`: with 1, only where nothing has the new name; with 2, both names change places.
pub fn rename(from: &Path, to: &Path, flags: u32) -> Result<()> {
    let flags = nix::fcntl::RenameFlags::from_bits_retain(flags);
    nix::fcntl::renameat2(nix::fcntl::AT_FDCWD, from, nix::fcntl::AT_FDCWD, to, flags)
}

/// Everything that a reader has; `EFBIG` beyond `limit` bytes. `EINTR` when a signal came that ends
/// the script: the standard library would go on waiting for a pipe.
pub fn read_limited(reader: &mut impl Read, limit: u64) -> Result<Vec<u8>> {
    let most = usize::try_from(limit.saturating_add(1)).unwrap_or(usize::MAX);
    let mut content = Vec::new();
    while content.len() < most {
        let have = content.len();
        content.resize(have + have.max(4096).min(most - have), 0);
        let got = reader.read(content.get_mut(have..).unwrap_or_default()).map_err(errno);
        content.truncate(have + got.unwrap_or_default());
        match got {
            Ok(0) => return Ok(content),
            Err(Errno::EINTR) if interrupt::pending().is_none() => {}
            other => drop(other?),
        }
    }
    Err(Errno::EFBIG)
}

/// The content of a file of `/proc`, whose size nobody knows before: room for nearly all of them at
/// once, as the kernel makes up the text anew for each part that is asked for.
pub fn read_proc(path: &Path) -> Result<Vec<u8>> {
    let mut content = Vec::with_capacity(8192);
    // As a reader without a size: asking for it would be two calls, and the answer is 0.
    std::fs::File::open(path).map_err(errno)?.take(u64::MAX).read_to_end(&mut content).map_err(errno)?;
    Ok(content)
}

/// The same of a file that the kernel writes in one piece, such as `stat` and `status`: what does not
/// fill the buffer is all of it, and the end need not be asked for.
pub fn read_proc_piece(path: &Path) -> Result<Vec<u8>> {
    let mut file = std::fs::File::open(path).map_err(errno)?;
    let mut content = vec![0; 8192];
    let first = loop {
        match file.read(&mut content).map_err(errno) {
            Err(Errno::EINTR) => {}
            other => break other?,
        }
    };
    content.truncate(first);
    if first == 8192 {
        file.read_to_end(&mut content).map_err(errno)?;
    }
    Ok(content)
}

/// The content of a file; `EFBIG` beyond `limit` bytes. A pipe is waited for, until a signal comes
/// that ends the script: `EINTR`.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = loop {
        match nix::fcntl::open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) {
            Err(Errno::EINTR) if interrupt::pending().is_none() => {}
            other => break other?,
        }
    };
    read_limited(&mut std::fs::File::from(file), limit)
}

/// Copies content and permission bits of a regular file; the kernel moves the bytes.
pub fn copy(from: &Path, to: &Path) -> Result<u64> {
    std::fs::copy(from, to).map_err(errno)
}

/// `chmod(2)`.
pub fn chmod(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(errno)
}

/// `chown(2)`, or `lchown(2)` where symlinks are not followed.
pub fn chown(path: &Path, uid: Option<u32>, gid: Option<u32>, follow: bool) -> Result<()> {
    let flags = if follow { AtFlags::empty() } else { AtFlags::AT_SYMLINK_NOFOLLOW };
    fchownat(nix::fcntl::AT_FDCWD, path, uid.map(Uid::from_raw), gid.map(Gid::from_raw), flags)
}

/// Makes an empty file where there is none, and sets its times to now.
pub fn touch(path: &Path, mode: u32) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true).mode(mode).custom_flags(libc::O_CLOEXEC | libc::O_NOCTTY | libc::O_NONBLOCK);
    let file = options.open(path).map_err(errno)?;
    let now = std::time::SystemTime::now();
    file.set_times(std::fs::FileTimes::new().set_accessed(now).set_modified(now)).map_err(errno)
}

/// `stat(2)` or `lstat(2)`; `None` where there is nothing.
pub fn stat(path: &Path, follow: bool) -> Result<Option<FileStat>> {
    let found = if follow { nix::sys::stat::stat(path) } else { nix::sys::stat::lstat(path) };
    match found {
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        other => other.map(Some),
    }
}

/// `readlink(2)`.
pub fn readlink(path: &Path) -> Result<OsString> {
    nix::fcntl::readlink(path)
}

/// The names in a directory, sorted, without `.` and `..`.
pub fn names(directory: OwnedFd) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::from_fd(directory)?.iter() {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    names.sort();
    Ok(names)
}

/// The names in a directory by path, sorted.
pub fn list(path: &Path) -> Result<Vec<OsString>> {
    names(nix::fcntl::open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// Removes a directory with everything in it; a symlink is removed and never followed.
///
/// `EXDEV`, before anything is removed, where something is mounted on or below it: what is mounted
/// there is somebody else's.
pub fn remove_all(path: &Path) -> Result<()> {
    let bytes = path.as_os_str().as_bytes();
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::EINVAL) };
    if bytes.ends_with(b"/..") {
        return Err(Errno::EINVAL);
    }
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let parent = nix::fcntl::open(parent, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let home = super::mounts::mount_id(parent.as_fd())?;
    each(parent.as_fd(), name, home, &mut |_, _, _| Ok(()))?;
    each(parent.as_fd(), name, home, &mut |dir, name, is_dir| {
        unlinkat(dir, name, if is_dir { UnlinkatFlags::RemoveDir } else { UnlinkatFlags::NoRemoveDir })
    })
}

/// Visits what is below a name, contents first, without leaving the mount `home`.
fn each(
    dir: BorrowedFd,
    name: &std::ffi::OsStr,
    home: u64,
    visit: &mut dyn FnMut(BorrowedFd, &std::ffi::OsStr, bool) -> Result<()>,
) -> Result<()> {
    let place = openat(dir, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    if super::mounts::mount_id(place.as_fd())? != home {
        return Err(Errno::EXDEV);
    }
    let found = fstat(&place)?;
    let is_dir = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
    if is_dir {
        // A directory of one's own may forbid what its owner may allow again: an unpacked image has such.
        if found.st_mode & 0o700 != 0o700 && found.st_uid == nix::unistd::geteuid().as_raw() && found.st_uid != 0 {
            fchmodat(dir, name, Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink)?;
        }
        let open = || openat(&place, ".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
        for inner in names(open()?)? {
            each(place.as_fd(), &inner, home, visit)?;
        }
    }
    visit(dir, name, is_dir)
}
