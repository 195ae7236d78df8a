//! Compiled filters on disk: `seccomp-cache/` under the state directory.
//!
//! A file is named by a hash of the profile's meaning and holds that meaning in full before the
//! program, so that a collision is a miss and never another profile's filter. What somebody else
//! could have written is not read: the file must be this user's, regular, with one link, and
//! closed to all others. And nothing is read or written once the process has another root: a
//! container's own files would answer then (compare CVE-2019-12589).

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::super::{root_is_the_first, state};

/// More files than this and the oldest go.
const LIMIT: usize = 128;

/// The most bytes of a file that are read.
const MOST: u64 = 1 << 20;

/// A program that was compiled for this meaning before.
#[must_use]
pub fn get(meaning: &str) -> Option<Vec<u8>> {
    let file =
        OpenOptions::new().read(true).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK).open(path(meaning, false)?).ok()?;
    let found = file.metadata().ok()?;
    let own = found.is_file() && found.uid() == nix::unistd::geteuid().as_raw() && found.mode() & 0o777 == 0o600 && found.nlink() == 1;
    if !own {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    let code = bytes.strip_prefix(meaning.as_bytes())?.strip_prefix(b"\n")?;
    (!code.is_empty() && code.len() % crate::sys::seccomp::program::SIZE == 0).then(|| code.to_vec())
}

/// Keeps a program. A directory that cannot be written costs the next start some time, no more.
pub fn put(meaning: &str, code: &[u8]) {
    if let Some(path) = path(meaning, true) {
        let _ = write(&path, meaning, code);
    }
}

/// Where a meaning's file is; `None` where the cache may not be used. Who only reads makes nothing: a
/// plan does so as well.
fn path(meaning: &str, make: bool) -> Option<PathBuf> {
    if !root_is_the_first() {
        return None;
    }
    let state = state::state_path().ok()?;
    let dir = state.join("seccomp-cache");
    let checked = if make { state::private_dir } else { state::own_dir };
    checked(&state).and_then(|()| checked(&dir)).ok()?;
    let mut hasher = DefaultHasher::new();
    meaning.hash(&mut hasher);
    Some(dir.join(format!("{:016x}", hasher.finish())))
}

/// Written beside and renamed: another process sees a whole file or none.
fn write(path: &Path, meaning: &str, code: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(std::process::id().to_string());
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = file.write_all(&[meaning.as_bytes(), b"\n", code].concat()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    prune(path.parent().unwrap_or(path));
    written
}

fn prune(dir: &Path) {
    let mut files: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    if files.len() <= LIMIT {
        return;
    }
    files.sort_by_key(|path| fs::metadata(path).and_then(|found| found.modified()).ok());
    for path in files.iter().take(files.len() - LIMIT / 2) {
        let _ = fs::remove_file(path);
    }
}
