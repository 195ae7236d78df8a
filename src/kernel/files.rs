//! Files by path.

use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

use super::{Reply, Request, Shell, quote, shell_quote};
use crate::sys;

/// A change to a file, by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `mkdir(2)`
    Mkdir {
        /// The new directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// `rmdir(2)`
    Rmdir {
        /// An empty directory.
        path: PathBuf,
    },
}

fn path(path: &std::path::Path) -> String {
    quote(path.as_os_str().as_encoded_bytes(), 4096)
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mkdir { path: dir, mode } => write!(f, "mkdir({}, {mode:04o})", path(dir)),
            Self::Rmdir { path: dir } => write!(f, "rmdir({})", path(dir)),
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Mkdir { path, mode } => sys::files::mkdir(path, *mode)?,
            Self::Rmdir { path } => sys::files::rmdir(path)?,
        }
        Ok(Reply::Done)
    }

    fn shell(&self) -> Shell {
        Shell::Exact(match self {
            Self::Mkdir { path, mode } => format!("mkdir -m {mode:04o} {}", shell_quote(&path.display().to_string())),
            Self::Rmdir { path } => format!("rmdir {}", shell_quote(&path.display().to_string())),
        })
    }
}

/// The calls that remove a directory that a dead process has left.
#[must_use]
pub fn undo(what: &Value) -> Vec<super::Call> {
    what.as_str().map(|path| Call::Rmdir { path: path.into() }.into()).into_iter().collect()
}
