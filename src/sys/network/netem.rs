//! What a device does to its packets on purpose (tc-netem(8)), by the program `tc`.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use super::programs::{find, meaning_of, run};
use crate::sys::Errno;

/// Where the program is, in the directories that only an administrator writes to.
#[must_use]
pub fn program() -> Option<PathBuf> {
    find(&["/usr/sbin/tc", "/sbin/tc", "/usr/bin/tc", "/usr/local/sbin/tc"])
}

/// Runs `tc ARGUMENTS`. Answers its words where it fails, with the error number that they mean.
pub fn apply(namespace: Option<BorrowedFd<'_>>, program: &Path, arguments: &[String]) -> Result<(), (Errno, String)> {
    run(namespace, program, arguments, "").map_err(|(errno, words)| (errno.unwrap_or_else(|| meaning(&words)), words))
}

/// The error number behind the program's words, which are the kernel's own or strerror(3)'s.
fn meaning(words: &str) -> Errno {
    match words {
        words if words.contains("Cannot find device") => Errno::ENODEV,
        words if words.contains("kind is unknown") || words.contains("handle of zero") || words.contains("Invalid qdisc name") => {
            Errno::ENOENT
        }
        words => meaning_of(words, &[Errno::EPERM, Errno::ENOENT, Errno::EACCES, Errno::EOPNOTSUPP, Errno::ENODEV]),
    }
}
