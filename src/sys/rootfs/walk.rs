//! A path walked by hand, for kernels and filters without `openat2`; and the making of directories.
//!
//! Each component is opened with `O_PATH | O_NOFOLLOW` from the directory before it, so nothing is
//! ever followed by the kernel. A symlink's text is read through its own descriptor and its
//! components are put in front of what is left. `..` goes back to the descriptor that the walk came
//! from, and at the root stays there: moving a directory away meanwhile cannot lead out.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstat, mkdirat};

use super::Links;
use crate::sys::{Errno, Result};

/// As many symlinks as the kernel follows (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

const ONE: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Where a walk has ended.
struct End {
    /// The directory of the last component.
    parent: OwnedFd,
    /// The last component; `.` where the walk ended on a directory through `.` or `..`.
    name: OsString,
    /// What is there, opened with `O_PATH`; nothing where the name does not exist.
    found: Option<OwnedFd>,
}

/// One component that is still to be walked.
struct Step {
    name: OsString,
    /// Written by the caller, not by a symlink: such a directory may be made.
    own: bool,
}

fn steps(path: &[u8], own: bool) -> impl DoubleEndedIterator<Item = Step> {
    let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    names.map(move |name| Step { name: OsStr::from_bytes(name).to_owned(), own })
}

fn is(fd: &OwnedFd, kind: SFlag) -> Result<bool> {
    Ok(SFlag::from_bits_truncate(fstat(fd)?.st_mode) & SFlag::S_IFMT == kind)
}

fn walk(root: BorrowedFd, path: &Path, links: Links, make: Option<Mode>) -> Result<End> {
    let mut above = vec![openat(root, ".", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?];
    let mut left: VecDeque<Step> = steps(path.as_os_str().as_bytes(), true).collect();
    let mut budget = MOST_LINKS;
    while let Some(step) = left.pop_front() {
        if step.name == ".." {
            if above.len() > 1 {
                above.pop();
            }
            continue;
        }
        let Some(here) = above.last() else { return Err(Errno::EIO) };
        let last = left.is_empty();
        let found = match openat(here, step.name.as_os_str(), ONE, Mode::empty()) {
            Err(Errno::ENOENT) => match make {
                Some(mode) if step.own => Some(make_directory(here, &step.name, mode)?),
                _ => None,
            },
            other => Some(other?),
        };
        let Some(found) = found else {
            let parent = above.pop().ok_or(Errno::EIO)?;
            return if last { Ok(End { parent, name: step.name, found: None }) } else { Err(Errno::ENOENT) };
        };
        if is(&found, SFlag::S_IFLNK)? && !(last && links == Links::NotLast) {
            if links == Links::Refused || budget == 0 {
                return Err(Errno::ELOOP);
            }
            budget -= 1;
            let text = link_text(&found)?;
            if text.as_bytes().starts_with(b"/") {
                above.truncate(1);
            }
            steps(text.as_bytes(), false).rev().for_each(|step| left.push_front(step));
        } else if last {
            let parent = above.pop().ok_or(Errno::EIO)?;
            return Ok(End { parent, name: step.name, found: Some(found) });
        } else if is(&found, SFlag::S_IFDIR)? {
            above.push(found);
        } else {
            return Err(Errno::ENOTDIR);
        }
    }
    let parent = above.pop().ok_or(Errno::EIO)?;
    let found = Some(parent.try_clone().map_err(crate::sys::files::errno)?);
    Ok(End { parent, name: ".".into(), found })
}

/// Makes a directory, or takes the one that another has just made; never anything else.
fn make_directory(parent: &OwnedFd, name: &OsStr, mode: Mode) -> Result<OwnedFd> {
    match mkdirat(parent, name, mode) {
        Err(Errno::EEXIST) | Ok(()) => {}
        Err(errno) => return Err(errno),
    }
    openat(parent, name, ONE | OFlag::O_DIRECTORY, Mode::empty())
}

/// What a symlink says. The magic links of procfs, which lead to open files instead of a name, are
/// `ELOOP` as under `RESOLVE_NO_MAGICLINKS`; its few plain ones say `self/…` or a process id.
fn link_text(link: &OwnedFd) -> Result<OsString> {
    const PROC_SUPER_MAGIC: nix::libc::c_long = 0x9fa0;
    let text = readlinkat(link, "")?;
    if nix::sys::statfs::fstatfs(link.as_fd())?.filesystem_type().0 == PROC_SUPER_MAGIC {
        let bytes = text.as_bytes();
        let process = bytes.iter().all(|byte| byte.is_ascii_digit() || b"/task".contains(byte)) && !bytes.starts_with(b"/");
        if !process && bytes != b"self/mounts" && bytes != b"self/net" {
            return Err(Errno::ELOOP);
        }
    }
    if text.is_empty() { Err(Errno::ENOENT) } else { Ok(text) }
}

/// [`super::open`] without `openat2`.
pub fn open(root: BorrowedFd, path: &Path, flags: OFlag, mode: Mode, links: Links) -> Result<OwnedFd> {
    let end = walk(root, path, links, None)?;
    let directory = flags.contains(OFlag::O_DIRECTORY) || path.as_os_str().as_bytes().ends_with(b"/");
    let flags = if directory { flags | OFlag::O_DIRECTORY } else { flags };
    match end.found {
        None if !flags.contains(OFlag::O_CREAT) => Err(Errno::ENOENT),
        Some(found) if flags.contains(OFlag::O_PATH) => {
            if directory && !is(&found, SFlag::S_IFDIR)? {
                Err(Errno::ENOTDIR)
            } else {
                Ok(found)
            }
        }
        // A link put here since is ELOOP: the kernel is never let to follow one.
        _ => openat(&end.parent, end.name.as_os_str(), flags | OFlag::O_NOFOLLOW, mode),
    }
}

/// [`super::make_directories`], component by component.
pub fn make_directories(root: BorrowedFd, path: &Path, mode: Mode, links: Links) -> Result<OwnedFd> {
    let found = walk(root, path, links, Some(mode))?.found.ok_or(Errno::ENOENT)?;
    if is(&found, SFlag::S_IFDIR)? { Ok(found) } else { Err(Errno::ENOTDIR) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::FileStat;
    use std::os::unix::fs::symlink;

    const HOW: OFlag = OFlag::O_PATH;

    /// A root with every kind of link in it, beside a canary that no link may reach.
    fn hostile() -> std::io::Result<tempfile::TempDir> {
        let dir = tempfile::tempdir()?;
        let canary = dir.path().join("canary");
        std::fs::create_dir(&canary)?;
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("a/b"))?;
        std::fs::write(root.join("file"), "")?;
        symlink(&canary, root.join("absolute"))?;
        symlink("../canary", root.join("relative"))?;
        symlink("../../../../../../a", root.join("up"))?;
        symlink("/a/b", root.join("inside"))?;
        symlink("nowhere", root.join("dangling"))?;
        symlink("loop", root.join("loop"))?;
        Ok(dir)
    }

    fn same(a: FileStat, b: FileStat) -> bool {
        (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
    }

    #[test]
    fn the_walk_and_openat2_agree_on_a_hostile_root() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let dir = hostile()?;
        let root = std::fs::File::open(dir.path().join("root"))?;
        let paths = [
            "",
            "/",
            ".",
            "..",
            "../..",
            "a",
            "/a/b",
            "a/../a/b/",
            "file",
            "file/",
            "file/x",
            "missing",
            "missing/x",
            "absolute",
            "relative",
            "relative/x",
            "up",
            "up/b",
            "inside",
            "inside/..",
            "dangling",
            "loop",
            "loop/x",
            "a/b/../../../..",
        ];
        for path in paths {
            for links in [Links::Inside, Links::NotLast, Links::Refused] {
                let ours = open(root.as_fd(), Path::new(path), HOW, Mode::empty(), links);
                let kernel = super::super::open(root.as_fd(), Path::new(path), HOW, Mode::empty(), links);
                match (&ours, &kernel) {
                    (Ok(ours), Ok(kernel)) => assert!(same(fstat(ours)?, fstat(kernel)?), "{path} {links:?}"),
                    _ => assert_eq!(ours.as_ref().err(), kernel.as_ref().err(), "{path} {links:?}"),
                }
            }
        }
        Ok(())
    }

    #[test]
    fn magic_links_are_not_followed_and_plain_ones_are() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let proc = std::fs::File::open("/proc")?;
        for path in ["self/root/etc", "self/cwd", "self/exe", "self/ns/net", "self/fd/0"] {
            assert_eq!(open(proc.as_fd(), Path::new(path), HOW, Mode::empty(), Links::Inside).err(), Some(Errno::ELOOP), "{path}");
        }
        for path in ["self/status", "thread-self/status", "net/dev", "mounts"] {
            assert!(open(proc.as_fd(), Path::new(path), HOW, Mode::empty(), Links::Inside).is_ok(), "{path}");
        }
        Ok(())
    }

    #[test]
    fn directories_are_made_inside_and_never_through_a_dangling_link() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let dir = hostile()?;
        let root = std::fs::File::open(dir.path().join("root"))?;
        let make = |path: &str| make_directories(root.as_fd(), Path::new(path), Mode::from_bits_truncate(0o755), Links::Inside);
        assert_eq!(make("dangling").err(), Some(Errno::ENOENT));
        assert_eq!(make("absolute/x").err(), Some(Errno::ENOENT));
        assert_eq!(make("file/x").err(), Some(Errno::ENOTDIR));
        make("inside/c/d")?;
        make("../../e")?;
        assert!(dir.path().join("root/a/b/c/d").is_dir() && dir.path().join("root/e").is_dir());
        assert_eq!(std::fs::read_dir(dir.path().join("canary"))?.count(), 0);
        Ok(())
    }
}
