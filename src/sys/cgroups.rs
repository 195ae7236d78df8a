//! Control groups as files: reading, writing, members, moving, watching, removing.
//!
//! Everything here takes directories that [`layout`] has found. Functions that wait (for frozen,
//! for empty) do so with a limit, and answer `ETIMEDOUT` or `EBUSY` when it is over.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Errno, Result, files::errno};

pub mod bpf;
mod freezer;
pub mod layout;

use freezer::living;
pub use freezer::{freeze, kill};
pub use layout::Version;

/// How long freezing, killing and removing may take before they are called a failure.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to sleep between two looks where the kernel gives no notice.
const NAP: Duration = Duration::from_millis(1);

/// Reads a file of a group, without the last line's end.
pub fn read(path: &Path) -> Result<String> {
    let mut text = read_short(path)?;
    text.truncate(text.trim_end().len());
    Ok(text)
}

/// Reads a file of the kernel's whose lines are short, in one call where it is small itself: the
/// kernel stops before a line only when that does not fit into the rest of a page.
pub fn read_short(path: &Path) -> Result<String> {
    const SURE: usize = 2048;
    let mut file = File::open(path).map_err(errno)?;
    let mut bytes = vec![0; 8192];
    let first = loop {
        match file.read(&mut bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => break other.map_err(errno)?,
        }
    };
    bytes.truncate(first);
    if first > SURE {
        file.take(MOST).read_to_end(&mut bytes).map_err(errno)?;
    }
    String::from_utf8(bytes).map_err(|_| Errno::EILSEQ)
}

/// The most that is read of a file of the kernel's.
const MOST: u64 = 64 << 20;

/// Reads a file of the kernel's that has no size to tell: with room from the start, and without
/// asking for the size, which would be four times the calls.
pub(super) fn read_whole(path: &Path) -> Result<String> {
    let mut bytes = Vec::with_capacity(16 << 10);
    File::open(path).map_err(errno)?.take(MOST).read_to_end(&mut bytes).map_err(errno)?;
    String::from_utf8(bytes).map_err(|_| Errno::EILSEQ)
}

/// Writes a file of a group, in one `write(2)`: the kernel takes each as one request.
pub fn write(path: &Path, value: &str) -> Result<()> {
    open_file(path)?.write_all(value.as_bytes()).map_err(errno)
}

fn open_file(path: &Path) -> Result<File> {
    OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC).open(path).map_err(errno)
}

/// Makes a group; one that is there already is fine.
pub fn make(dir: &Path) -> Result<()> {
    match super::files::mkdir(dir, 0o755) {
        Err(Errno::EEXIST) if dir.is_dir() => Ok(()),
        other => other,
    }
}

/// The groups directly below one. A group that is gone has none.
pub fn below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// The processes of a group and, with `nested`, of those below it. A group that is gone has none.
pub fn members(dir: &Path, nested: bool) -> Result<Vec<i32>> {
    let text = match read(&dir.join("cgroup.procs")) {
        // A threaded group lists no processes; its domain does (cgroups(7)).
        Err(Errno::ENOENT | Errno::ENODEV | Errno::EOPNOTSUPP) => String::new(),
        other => other?,
    };
    let mut pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    if nested {
        for group in below(dir) {
            pids.extend(members(&group, true)?);
        }
    }
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

/// Moves the calling process in: writes "0" to a `tasks` (v1) or `cgroup.procs` (v2) file.
///
/// On v1 a process of one thread writes `tasks`: a write to `cgroup.procs` would take the lock
/// over every process's threads, and wait for a grace period of RCU.
pub fn enter(file: BorrowedFd) -> Result<()> {
    nix::unistd::write(file, b"0").map(drop)
}

/// Opens a directory of a group, or one of its files for writing.
pub fn open(path: &Path, write: bool) -> Result<OwnedFd> {
    let mut options = OpenOptions::new();
    if write {
        options.write(true);
    } else {
        options.read(true).custom_flags(libc::O_DIRECTORY);
    }
    options.open(path).map(OwnedFd::from).map_err(errno)
}

/// Waits for notice on a descriptor: whether it came before the time was over.
fn notified(fd: BorrowedFd, flags: PollFlags, timeout: Duration) -> Result<bool> {
    let wait = PollTimeout::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX);
    poll(&mut [PollFd::new(fd, flags)], wait).map(|ready| ready > 0)
}

/// Removes a group and those below it, the deepest first. One that is gone is fine.
///
/// A group is busy until the last of its members is out of it, shortly after its death.
pub fn remove(dir: &Path) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        for group in below(dir) {
            remove(&group)?;
        }
        match super::files::rmdir(dir) {
            Err(Errno::ENOENT) => return Ok(()),
            Err(Errno::EBUSY) if Instant::now() < deadline && living(&[dir.to_owned()])?.is_empty() => std::thread::sleep(NAP),
            other => return other,
        }
    }
}

/// Removes a group that nobody uses; one in use, or gone, is left as it is.
pub fn remove_unused(dir: &Path) -> Result<()> {
    match super::files::rmdir(dir) {
        Err(Errno::ENOENT | Errno::EBUSY | Errno::ENOTEMPTY) => Ok(()),
        other => other,
    }
}

/// Writes files that keep each other in bounds: what is refused for now is tried after the rest.
///
/// On v1 `memory.limit_in_bytes` must stay below `memory.memsw.limit_in_bytes`, so the order
/// depends on whether the limits go up or down; a burst must stay below its quota likewise.
pub fn write_together(writes: &[(PathBuf, String)]) -> Result<()> {
    let mut left: Vec<&(PathBuf, String)> = writes.iter().collect();
    while !left.is_empty() {
        let mut refused = Vec::new();
        let mut reason = Errno::EINVAL;
        let mut opened: Option<(&Path, File)> = None;
        for item in &left {
            // A list of rules goes to one file: opened once, and still one request for each.
            if opened.as_ref().is_none_or(|(path, _)| *path != item.0) {
                opened = Some((&item.0, open_file(&item.0)?));
            }
            let result = opened.as_mut().map_or(Err(Errno::EBADF), |(_, file)| file.write_all(item.1.as_bytes()).map_err(errno));
            match result {
                Ok(()) => {}
                Err(errno @ (Errno::EINVAL | Errno::EBUSY)) if writes.len() > 1 => {
                    reason = errno;
                    refused.push(*item);
                }
                Err(other) => return Err(other),
            }
        }
        if refused.len() == left.len() {
            return Err(reason);
        }
        left = refused;
    }
    Ok(())
}

/// Gives a new v1 cpuset what its parent has: tasks cannot join an empty one.
pub fn inherit_cpuset(dir: &Path) -> Result<()> {
    let parent = dir.parent().ok_or(Errno::ENOENT)?;
    ["cpuset.cpus", "cpuset.mems"].iter().try_for_each(|name| write(&dir.join(name), &read(&parent.join(name))?))
}

/// Makes controllers available below a v2 group. Those that are so already are not written. With
/// `lenient` one that cannot be had (a realtime process keeps `cpu` from it) does not keep the others.
pub fn enable(dir: &Path, controllers: &[String], lenient: bool) -> Result<()> {
    let file = dir.join("cgroup.subtree_control");
    let enabled = read(&file)?;
    let missing: Vec<String> =
        controllers.iter().filter(|name| !enabled.split(' ').any(|word| word == *name)).map(|name| format!("+{name}")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if would_become_threaded(dir) {
        return if lenient { Ok(()) } else { Err(Errno::EBUSY) };
    }
    let result = write(&file, &missing.join(" "));
    if lenient && result.is_err() {
        for one in missing {
            let _ = write(&file, &one);
        }
        return Ok(());
    }
    result
}

/// Whether sharing out would turn the group into the domain of a threaded tree.
///
/// That is what the kernel makes, without a word, of a group with processes that shares out controllers
/// of threads alone (`cpu`, `pids`): groups below it are no domains then, and take no process. For all
/// other controllers it answers EBUSY, which is what the caller can do something about.
fn would_become_threaded(dir: &Path) -> bool {
    let is_domain = read(&dir.join("cgroup.type")).is_ok_and(|kind| kind.trim_end() == "domain");
    is_domain && members(dir, false).is_ok_and(|pids| !pids.is_empty())
}

/// Asks for notice of a v1 event: the answer can be read once it has happened.
pub fn watch(file: &Path) -> Result<OwnedFd> {
    let dir = file.parent().ok_or(Errno::ENOENT)?;
    let target = File::open(file).map_err(errno)?;
    // SAFETY: takes no pointers.
    let raw = Errno::result(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
    // SAFETY: the kernel has just made the descriptor, and nobody else owns it.
    let fd = unsafe { std::os::fd::FromRawFd::from_raw_fd(raw) };
    write(&dir.join("cgroup.event_control"), &format!("{raw} {}", target.as_raw_fd()))?;
    Ok(fd)
}

/// Waits for notice: on what [`watch`] answered, or on a v2 events file.
pub fn wait_notice(fd: BorrowedFd, version: Version, timeout: Duration) -> Result<bool> {
    let flags = if version == Version::V1 { PollFlags::POLLIN } else { PollFlags::POLLPRI };
    let came = notified(fd, flags, timeout)?;
    if came {
        rearm(fd);
    }
    Ok(came)
}

/// Takes the notice, so that the next one can come. Reading does it for both kinds.
pub fn rearm(fd: BorrowedFd) {
    let mut buffer = [0; 4096];
    let _ = nix::unistd::lseek(fd, 0, nix::unistd::Whence::SeekSet);
    let _ = nix::unistd::read(fd, &mut buffer);
}

/// Gives a v2 group to a user: its directory, and the files that the kernel says may go along.
pub fn delegate(dir: &Path, names: &[String], uid: u32, gid: u32) -> Result<()> {
    for name in names {
        match std::os::unix::fs::lchown(dir.join(name), Some(uid), Some(gid)).map_err(errno) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(other) => return Err(other),
        }
    }
    std::os::unix::fs::lchown(dir, Some(uid), Some(gid)).map_err(errno)
}

/// The files that a delegated v2 group takes along (`/sys/kernel/cgroup/delegate`).
#[must_use]
pub fn delegated_files() -> Vec<String> {
    let text = fs::read_to_string("/sys/kernel/cgroup/delegate");
    let text = text.unwrap_or_else(|_| "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n".to_owned());
    text.lines().map(str::to_owned).collect()
}

/// Whether the caller may write it; none where it is not there.
#[must_use]
pub fn writable_if_there(path: &Path) -> Option<bool> {
    use nix::unistd::{AccessFlags, access};
    match access(path, AccessFlags::W_OK) {
        Ok(()) => Some(true),
        Err(Errno::ENOENT) => None,
        Err(_) => Some(false),
    }
}

/// Whether the caller may write it.
#[must_use]
pub fn writable(path: &Path) -> bool {
    use nix::unistd::{AccessFlags, access};
    access(path, AccessFlags::W_OK).is_ok()
}

/// The name a device file has in cgroup files: `8:0`.
pub fn device_number(path: &Path) -> Result<String> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let found = fs::metadata(path).map_err(errno)?;
    if !found.file_type().is_block_device() {
        return Err(Errno::ENOTBLK);
    }
    Ok(format!("{}:{}", libc::major(found.rdev()), libc::minor(found.rdev())))
}
