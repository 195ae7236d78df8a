//! The program `nft`, which is the interface to nftables that its authors keep stable.

use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{inside, io_errno};
use crate::sys::{Errno, Result};

/// Where the program is, in the directories that only an administrator writes to.
#[must_use]
pub fn program() -> Option<PathBuf> {
    ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"].into_iter().map(PathBuf::from).find(|path| path.is_file())
}

/// Runs `nft -f -` (or `nft -j -f -`) with a ruleset, which it applies whole or not at all.
///
/// Answers its words where it fails, with the error number that they mean.
pub fn apply(namespace: Option<BorrowedFd<'_>>, program: &Path, json: bool, ruleset: &str) -> std::result::Result<(), (Errno, String)> {
    let silent = |errno| (errno, String::new());
    let mut command = Command::new(program);
    if json {
        command.arg("-j");
    }
    command.args(["-f", "-"]).env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A child stands in the namespace that its parent stood in when it was started.
    let mut child = inside(namespace, || command.spawn().map_err(io_errno)).map_err(silent)?;
    // nft reads all of its input before it says anything, so one pipe after the other is safe.
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(ruleset.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| silent(io_errno(error)))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Err((meaning(&words), words))
}

/// Answers what `nft ARGUMENTS` prints.
pub fn ask(namespace: Option<BorrowedFd<'_>>, program: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = inside(namespace, || command.spawn().map_err(io_errno))?;
    let mut text = String::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_string(&mut text).map_err(io_errno)?;
    }
    child.wait().map_err(io_errno)?;
    Ok(text)
}

/// The error number behind the program's words: it prints strerror(3) and ends with status 1.
fn meaning(words: &str) -> Errno {
    let known = [Errno::EPERM, Errno::EEXIST, Errno::ENOENT, Errno::EBUSY, Errno::EOPNOTSUPP, Errno::EACCES];
    known.into_iter().find(|errno| words.contains(errno.desc())).unwrap_or(Errno::EINVAL)
}
