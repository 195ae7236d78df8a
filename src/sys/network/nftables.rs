//! The program `nft`, which is the interface to nftables that its authors keep stable.

use std::io::Read;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{inside, io_errno, programs};
use crate::sys::{Errno, Result};

/// Where the program is, in the directories that only an administrator writes to.
#[must_use]
pub fn program() -> Option<PathBuf> {
    programs::find(&["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"])
}

/// Runs `nft -f -` (or `nft -j -f -`) with a ruleset, which it applies whole or not at all.
///
/// Answers its words where it fails, with the error number that they mean.
pub fn apply(namespace: Option<BorrowedFd<'_>>, program: &Path, json: bool, ruleset: &str) -> std::result::Result<(), (Errno, String)> {
    let arguments: &[&str] = if json { &["-j", "-f", "-"] } else { &["-f", "-"] };
    programs::run(namespace, program, arguments, ruleset).map_err(|(errno, words)| (errno.unwrap_or_else(|| meaning(&words)), words))
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
    programs::meaning_of(words, &[Errno::EPERM, Errno::EEXIST, Errno::ENOENT, Errno::EBUSY, Errno::EOPNOTSUPP, Errno::EACCES])
}
