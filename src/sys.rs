//! Safe wrappers over the kernel, one file a topic.
//!
//! This is the only place with `unsafe`. A function here makes the system calls that its name
//! says, checks nothing that the kernel checks, and answers with the kernel's error number; what
//! the call means, and what to do about its failure, is said in the layers above.

use std::fmt;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::rc::Rc;

pub use nix::errno::Errno;

pub mod alarm;
pub mod archives;
pub mod attributes;
pub mod capabilities;
pub mod cgroups;
pub mod digests;
pub mod environment;
pub mod files;
pub mod fork;
pub mod image;
pub mod interrupt;
pub mod knock;
pub mod lsm;
pub mod memory;
pub mod mounts;
pub mod namespaces;
pub mod network;
pub mod processes;
pub mod procfs;
pub mod programs;
pub mod readers;
pub mod rootfs;
pub mod scarcity;
pub mod seccomp;
pub mod shared;
pub mod sockets;
pub mod spawn;
pub mod state;
pub mod supervision;
pub mod sysctl;
pub mod terminal;
pub mod users;

/// Tells the user of a failure that nobody else is told of. Where standard error is gone there is
/// nobody to tell, and that is no failure of its own: `eprintln!` would panic.
pub fn complain(text: impl fmt::Display) {
    let _ = writeln!(std::io::stderr(), "crun-lua: {text}");
}

/// What every function of this layer answers: a value, or the kernel's error number.
pub type Result<T> = std::result::Result<T, Errno>;

/// A descriptor with the name of what it stands for, shared by everyone who holds it.
///
/// A plan has no descriptors, only their names: [`Fd::planned`] makes one that prints and compares
/// like the real thing and answers `EBADF` to whoever tries to use it.
#[derive(Clone, Debug)]
pub struct Fd(Rc<Named>);

#[derive(Debug)]
struct Named {
    label: String,
    fd: Option<OwnedFd>,
}

impl Fd {
    /// Takes ownership of an open descriptor and names it.
    pub fn new(label: impl Into<String>, fd: OwnedFd) -> Self {
        Self(Rc::new(Named { label: label.into(), fd: Some(fd) }))
    }

    /// A descriptor that is known only after the call that opens it has really run.
    pub fn planned(label: impl Into<String>) -> Self {
        Self(Rc::new(Named { label: label.into(), fd: None }))
    }

    /// The descriptor itself; `EBADF` where it was only planned.
    pub fn get(&self) -> Result<BorrowedFd<'_>> {
        self.0.fd.as_ref().map(AsFd::as_fd).ok_or(Errno::EBADF)
    }

    /// The descriptor's number; `EBADF` where it was only planned.
    pub fn raw(&self) -> Result<RawFd> {
        self.get().map(|fd| fd.as_raw_fd())
    }

    /// What the descriptor stands for: a path, or a noun such as `tmpfs`.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// Closes descriptors that nobody else holds: one call for each row of numbers.
    pub fn close_all(fds: impl Iterator<Item = Self>) {
        let owned = fds.filter_map(|fd| Rc::try_unwrap(fd.0).ok()?.fd);
        let mut numbers: Vec<RawFd> = owned.map(IntoRawFd::into_raw_fd).collect();
        numbers.sort_unstable();
        for row in numbers.chunk_by(|one, next| one + 1 == *next) {
            fork::close_row(row);
        }
    }

    /// Whether a plan made this descriptor.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.0.fd.is_none()
    }
}

/// Descriptors are equal when they stand for the same thing: a plan's equals the live one's.
impl PartialEq for Fd {
    fn eq(&self, other: &Self) -> bool {
        self.0.label == other.0.label
    }
}

impl Eq for Fd {}

/// `<label>`, as strace's `-y` shows it, without the number that no two runs share.
impl fmt::Display for Fd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0.label)
    }
}

/// A process: its id, and for one that this program starts, a name that a plan knows as well.
#[derive(Clone, Debug)]
pub struct Pid {
    raw: Option<i32>,
    label: Option<String>,
}

impl Pid {
    /// Any process, by its number.
    #[must_use]
    pub fn foreign(raw: i32) -> Self {
        Self { raw: Some(raw), label: None }
    }

    /// A child of this process. `raw` is `None` in a plan.
    pub fn child(raw: Option<i32>, label: impl Into<String>) -> Self {
        Self { raw, label: Some(label.into()) }
    }

    /// The number; `ESRCH` where the process was only planned.
    pub fn raw(&self) -> Result<i32> {
        self.raw.ok_or(Errno::ESRCH)
    }

    /// Whether a plan made this process.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.raw.is_none()
    }
}

impl PartialEq for Pid {
    fn eq(&self, other: &Self) -> bool {
        match (&self.label, &other.label) {
            (Some(a), Some(b)) => a == b,
            (None, None) => self.raw == other.raw,
            _ => false,
        }
    }
}

impl Eq for Pid {}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.label, self.raw) {
            (Some(label), _) => write!(f, "<{label}>"),
            (None, Some(raw)) => write!(f, "{raw}"),
            (None, None) => write!(f, "<pid>"),
        }
    }
}
