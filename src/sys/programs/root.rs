//! Paths below a root directory, followed as chroot(2) would: no link and no `..` leaves it.
//!
//! Only for reading: nothing is opened for writing and nothing is made, so a tree that changes
//! meanwhile can at worst make the answer stale.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use nix::libc;

use super::super::{Errno, Result, files};

/// How many links one path may pass, as in the kernel (`MAXSYMLINKS`, path_resolution(7)).
const LINKS: usize = 40;

/// A directory that stands for `/`.
#[derive(Clone, Debug)]
pub struct Root(PathBuf);

/// Where a path leads.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Absolute below the root, without links and dots.
    pub path: PathBuf,
    /// The links on the way: where each is, and its text.
    pub links: Vec<(PathBuf, PathBuf)>,
}

impl Root {
    /// The root at this directory of the host.
    pub fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// The host's path of a path below the root.
    pub fn host(&self, path: &Path) -> PathBuf {
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Follows every link of an absolute path; the reason where it leads nowhere.
    pub fn resolve(&self, path: &Path) -> std::result::Result<Resolved, String> {
        let mut found = Resolved { path: PathBuf::from("/"), links: Vec::new() };
        let mut left: VecDeque<OsString> = parts(path);
        while let Some(part) = left.pop_front() {
            if part == ".." {
                found.path.pop();
                continue;
            }
            let next = found.path.join(&part);
            let host = self.host(&next);
            let kind = fs::symlink_metadata(&host).map_err(|error| match files::errno(error) {
                Errno::ENOENT if next == path => "does not exist".to_owned(),
                Errno::ENOENT => format!("does not exist ({} is missing)", next.display()),
                errno => errno.desc().to_owned(),
            })?;
            if !kind.is_symlink() {
                found.path = next;
                continue;
            }
            if found.links.len() >= LINKS {
                return Err(format!("more than {LINKS} symbolic links, or links in a loop, at {}", next.display()));
            }
            let target = fs::read_link(&host).map_err(|error| files::errno(error).desc().to_owned())?;
            if target.is_absolute() {
                found.path = PathBuf::from("/");
            }
            for part in parts(&target).into_iter().rev() {
                left.push_front(part);
            }
            found.links.push((next, target));
        }
        Ok(found)
    }

    /// Whether a path leads to a regular file that somebody may execute.
    pub fn is_executable(&self, path: &Path) -> bool {
        self.metadata(path).is_some_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    }

    /// Whether a path leads to a regular file.
    pub fn is_file(&self, path: &Path) -> bool {
        self.metadata(path).is_some_and(|found| found.is_file())
    }

    fn metadata(&self, path: &Path) -> Option<fs::Metadata> {
        let found = self.resolve(path).ok()?;
        fs::symlink_metadata(self.host(&found.path)).ok()
    }

    /// A regular file, by a path without links: in another's root there may be a pipe, or a device.
    fn open(&self, path: &Path) -> Result<File> {
        let host = self.host(path);
        if !fs::symlink_metadata(&host).map_err(files::errno)?.is_file() {
            return Err(Errno::ENXIO);
        }
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        fs::OpenOptions::new().read(true).custom_flags(flags).open(host).map_err(files::errno)
    }

    /// The file's first 256 bytes, which is what the kernel looks at (`BINPRM_BUF_SIZE`).
    pub fn head(&self, path: &Path) -> Result<Vec<u8>> {
        let mut start = Vec::new();
        let file = self.open(path)?;
        file.take(256).read_to_end(&mut start).map_err(files::errno)?;
        Ok(start)
    }

    /// A file below the root, of at most `limit` bytes; `None` where there is none.
    pub fn read(&self, path: &Path, limit: u64) -> Option<Vec<u8>> {
        let found = self.resolve(path).ok()?;
        let mut content = Vec::new();
        self.open(&found.path).ok()?.take(limit).read_to_end(&mut content).ok()?;
        Some(content)
    }
}

/// The parts of a path; `.` says nothing.
fn parts(path: &Path) -> VecDeque<OsString> {
    let part = |part: Component| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    };
    path.components().filter_map(part).collect()
}
