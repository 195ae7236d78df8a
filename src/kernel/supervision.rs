//! Answers to system calls that a filter hands over: what the supervisor's side changes.

use std::fmt;

use super::{Lesson, Reply, Request, Shell, quote};
use crate::sys::seccomp::names;
use crate::sys::supervision::{self, Answer};
use crate::sys::{self, Errno, Fd};

mod lesson;

/// A change of this topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `SECCOMP_IOCTL_NOTIF_SEND`
    Answer {
        /// The filter's listener.
        listener: Fd,
        /// The call that waits, by the kernel's number for it.
        id: u64,
        /// Its number and its architecture's `AUDIT_ARCH_*`, for those who read along.
        asked: (i32, u32),
        /// What is answered.
        answer: Answer,
    },
    /// `SECCOMP_IOCTL_NOTIF_ADDFD`: answers [`Reply::Number`].
    AddFd {
        /// The filter's listener.
        listener: Fd,
        /// The call that waits.
        id: u64,
        /// What the caller gets a copy of.
        fd: Fd,
        /// Where; the lowest free number without it.
        number: Option<u32>,
        /// Whether exec closes it.
        cloexec: bool,
        /// Whether the call has the number as its result.
        answers: bool,
    },
    /// `process_vm_writev(2)`
    Write {
        /// The filter's listener.
        listener: Fd,
        /// The call that waits.
        id: u64,
        /// Who waits.
        thread: u32,
        /// Where in its memory.
        address: u64,
        /// What is written.
        bytes: Vec<u8>,
    },
    /// `SECCOMP_IOCTL_NOTIF_SET_FLAGS`
    WakeInPlace {
        /// The filter's listener.
        listener: Fd,
    },
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { listener, asked: (number, arch), answer, .. } => {
                write!(f, "ioctl({listener}, SECCOMP_IOCTL_NOTIF_SEND, {{")?;
                match answer {
                    Answer::Continue => f.write_str("flags=SECCOMP_USER_NOTIF_FLAG_CONTINUE")?,
                    Answer::Value(value) => write!(f, "val={value}")?,
                    Answer::Error(errno) => write!(f, "error=-{errno:?}")?,
                }
                let name = names::name_of(*number, *arch).unwrap_or_else(|| number.to_string().into());
                write!(f, "}} /* {name} */)")
            }
            Self::AddFd { listener, fd, number, answers, .. } => {
                let number = number.map_or_else(String::new, |number| format!(", newfd={number}"));
                let send = if *answers { ", flags=SECCOMP_ADDFD_FLAG_SEND" } else { "" };
                write!(f, "ioctl({listener}, SECCOMP_IOCTL_NOTIF_ADDFD, {{srcfd={fd}{number}{send}}})")
            }
            Self::Write { thread, address, bytes, .. } => {
                write!(f, "process_vm_writev({thread}, {}, 1, {{{address:#x}, {}}}, 1, 0)", quote(bytes, 32), bytes.len())
            }
            Self::WakeInPlace { listener } => {
                write!(f, "ioctl({listener}, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)")
            }
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Answer { listener, id, answer, .. } => supervision::answer(listener.get()?, *id, *answer)?,
            Self::AddFd { listener, id, fd, number, cloexec, answers } => {
                let number = supervision::add_fd(listener.get()?, *id, fd.get()?, *number, *cloexec, *answers)?;
                return Ok(Reply::Number(number.into()));
            }
            Self::Write { listener, id, thread, address, bytes } => supervision::write(listener.get()?, *id, *thread, *address, bytes)?,
            Self::WakeInPlace { listener } => supervision::wake_in_place(listener.get()?),
        }
        Ok(Reply::Done)
    }

    fn planned(&self) -> Reply {
        if matches!(self, Self::AddFd { .. }) { Reply::Number(-1) } else { Reply::Done }
    }

    fn shell(&self) -> Shell {
        Shell::None
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (_, Errno::ENOENT) => "nobody waits for this answer any more: the caller was killed, or a signal has ended the call",
            (Self::Write { .. }, Errno::EPERM) => "the kernel lets those write who may trace the process: its parents, or CAP_SYS_PTRACE",
            (_, Errno::EINPROGRESS) => "the call has its answer already",
            (Self::AddFd { answers: true, .. }, Errno::EINVAL) => "an answer in the same step needs Linux 5.14: add the fd, then answer",
            _ => return None,
        };
        Some(text.to_owned())
    }
}
