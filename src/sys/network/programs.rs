//! Programs that are the stable interface to a part of the kernel: `nft`, `tc`.

use std::io::Write;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{inside, io_errno};
use crate::sys::Errno;

/// The first of these files that there is.
#[must_use]
pub fn find(paths: &[&str]) -> Option<PathBuf> {
    paths.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// Runs a program in a network namespace, with an input and without an environment.
///
/// Where it fails the answer is its words; where it could not be run, the error number.
pub fn run(
    namespace: Option<BorrowedFd<'_>>,
    program: &Path,
    arguments: &[impl AsRef<std::ffi::OsStr>],
    input: &str,
) -> Result<(), (Option<Errno>, String)> {
    let silent = |error| (Some(io_errno(error)), String::new());
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A child stands in the namespace that its parent stood in when it was started.
    let started = inside(namespace, || command.spawn().map_err(io_errno));
    let mut child = started.map_err(|errno| (Some(errno), String::new()))?;
    // Both programs read all of their input before they say anything, so one pipe after the other
    // is safe.
    if let Some(mut pipe) = child.stdin.take() {
        let _ = pipe.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(silent)?;
    if output.status.success() { Ok(()) } else { Err((None, String::from_utf8_lossy(&output.stderr).into_owned())) }
}

/// The error number behind a program's words: it prints strerror(3). `EINVAL` for other words.
#[must_use]
pub fn meaning_of(words: &str, known: &[Errno]) -> Errno {
    known.iter().copied().find(|errno| words.contains(errno.desc())).unwrap_or(Errno::EINVAL)
}
