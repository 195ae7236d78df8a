//! What every call can say of itself, whatever its topic: [`Request`], and what the kernel answers.

use std::fmt;

use super::{Lesson, Script};
use crate::sys::processes::{End, Usage};
use crate::sys::{self, Errno, Fd, Pid};

/// What the kernel answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Nothing but success.
    Done,
    /// A number: a count of bytes, a key's serial number, a previous mask.
    Number(i64),
    /// Bytes, such as a link's target.
    Bytes(Vec<u8>),
    /// A descriptor, by its name.
    Fd(Fd),
    /// A process.
    Pid(Pid),
    /// Two descriptors: the end of a pipe to read and the one to write, a terminal's two sides.
    Pair(Fd, Fd),
    /// A process that has ended: its place in the call's list, how, and what it has used.
    Ended(usize, End, Usage),
    /// A process that was started, with the descriptor that refers to it.
    Process(Pid, Fd),
    /// This is the process that was started: the same call answers twice.
    Child,
}

impl Reply {
    /// The descriptor of a call that opens one; `EPROTO` of any other call.
    pub fn fd(self) -> Result<Fd, Errno> {
        if let Self::Fd(fd) = self { Ok(fd) } else { Err(Errno::EPROTO) }
    }

    /// The descriptors of a call that opens two; `EPROTO` of any other call.
    pub fn pair(self) -> Result<(Fd, Fd), Errno> {
        if let Self::Pair(one, other) = self { Ok((one, other)) } else { Err(Errno::EPROTO) }
    }

    /// The number of a call that answers one; `EPROTO` of any other call.
    pub fn number(self) -> Result<i64, Errno> {
        if let Self::Number(number) = self { Ok(number) } else { Err(Errno::EPROTO) }
    }
}

/// The command that does the same from a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shell {
    /// This command makes the same change.
    Exact(String),
    /// This command comes close; the second string says how it differs.
    Close(String, &'static str),
    /// No command does this.
    None,
}

/// Something the kernel shows, read before and after a call: the name, and what it is now.
pub type Fact = (String, String);

/// What a filter forbids its process: a narrator must not be what gets it killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// Nothing can be written.
    pub writes: bool,
    /// Nothing can be read back.
    pub reads: bool,
}

/// One request to the kernel, of any topic. Each topic's enum implements it.
///
/// `Display` writes the call in strace's notation, without the result.
pub trait Request: fmt::Display {
    /// Does it.
    fn execute(&self) -> sys::Result<Reply>;

    /// What a plan answers instead.
    fn planned(&self) -> Reply {
        Reply::Done
    }

    /// The command that does the same.
    fn shell(&self) -> Shell;

    /// What the call is about to change, as the kernel shows it at this moment.
    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }

    /// The same when the call has been made, with what only its answer tells.
    fn facts_after(&self, reply: &Reply) -> Vec<Fact> {
        let _ = reply;
        self.facts()
    }

    /// What the call means to whoever reads of it.
    fn lesson(&self) -> Lesson;

    /// How the call is written in a shell script.
    fn script(&self) -> Script {
        Script::of(self.shell())
    }

    /// What the process cannot tell any more when the call has been made.
    fn silence(&self) -> Silence {
        Silence::default()
    }

    /// Whether it answers twice, once in a new process.
    fn forks(&self) -> bool {
        false
    }

    /// Whether nothing can take it back for the calling process.
    fn irreversible(&self) -> bool {
        false
    }

    /// Whether success is never seen by the caller: `execve(2)`.
    fn returns(&self) -> bool {
        true
    }

    /// What to do about this failure, where more can be said than the error's name.
    fn hint(&self, errno: Errno) -> Option<String> {
        let _ = errno;
        None
    }
}
