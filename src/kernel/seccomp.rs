//! System call filters: from a profile to a program, and the load.

use std::fmt;
use std::os::fd::AsFd;
use std::rc::Rc;

use super::{Fact, Lesson, Reply, Request, Shell, Silence};
use crate::sys::seccomp::compile;
use crate::sys::seccomp::profile::{Action, Profile};
use crate::sys::seccomp::{self as sys_seccomp, FLAGS, NEW_LISTENER, TSYNC_ESRCH, names, program};
use crate::sys::{self, Errno, Fd};

pub mod cache;
pub mod groups;
mod lesson;
pub mod lists;
pub mod oci;

/// A compiled filter with what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The meaning.
    pub profile: Profile,
    /// The program.
    pub code: Vec<u8>,
    /// `SECCOMP_FILTER_FLAG_*` of the load.
    pub flags: u32,
}

impl Filter {
    /// Compiles a profile, or takes the program from the cache.
    ///
    /// `keep` says whether the cache may be written.
    pub fn new(profile: Profile, flags: u32, keep: bool) -> Result<Self, String> {
        let version = libseccomp::ScmpVersion::current().map(|version| version.to_string()).unwrap_or_default();
        let meaning = format!("{} {} {version} {} {profile:?}", env!("CARGO_PKG_VERSION"), compile::REVISION, names::native().word);
        let code = if let Some(code) = cache::get(&meaning) {
            code
        } else {
            let code = compile::compile(&profile)?;
            if keep {
                cache::put(&meaning, &code);
            }
            code
        };
        let flags = if profile.notifies() { flags | NEW_LISTENER } else { flags };
        let both = flags & NEW_LISTENER != 0 && flags & 1 != 0;
        Ok(Self { profile, code, flags: if both { flags | TSYNC_ESRCH } else { flags } })
    }

    /// How many instructions the program has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.code.len() / program::SIZE
    }

    /// What the program answers to a call of an architecture; `None` where that has no such call.
    #[must_use]
    pub fn decide(&self, name: &str, arch: &names::Arch, args: [u64; 6]) -> Option<Action> {
        let asked = program::Asked { number: names::number(name, arch)?, arch: arch.audit, pointer: 0, args };
        program::run(&program::decode(&self.code), &asked).map(Action::from_value)
    }
}

/// A change of this topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `SECCOMP_SET_MODE_FILTER`: answers [`Reply::Fd`] where the filter has a listener that stays here.
    Load {
        /// The filter.
        filter: Rc<Filter>,
        /// Where the listener goes at once. Any call in between may be one that is notified, and nobody
        /// could answer it yet.
        to: Option<Fd>,
    },
    /// syscall(2) without arguments that mean anything: answers [`Reply::Number`].
    Try {
        /// The call.
        name: String,
        /// Its number here.
        number: u32,
    },
}

/// What the listener is called in plans and traces.
const LISTENER: &str = "seccomp listener";

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filter = match self {
            Self::Load { filter, .. } => filter,
            Self::Try { name, .. } => return write!(f, "{name}(-1, -1, -1, -1, -1, -1)"),
        };
        let mut flags: Vec<String> = Vec::new();
        let named = [("new_listener", NEW_LISTENER), ("tsync_esrch", TSYNC_ESRCH)];
        for (word, _) in FLAGS.iter().chain(&named).filter(|(_, bit)| filter.flags & bit != 0) {
            flags.push(format!("SECCOMP_FILTER_FLAG_{}", word.to_ascii_uppercase()));
        }
        let flags = if flags.is_empty() { "0".to_owned() } else { flags.join("|") };
        let (default, rules) = (filter.profile.default.word(), filter.profile.rules.len());
        let length = filter.length();
        write!(f, "seccomp(SECCOMP_SET_MODE_FILTER, {flags}, {{len={length}, filter=<default {default}, {rules} rules>}})")?;
        match self {
            Self::Load { to: Some(socket), .. } => write!(f, "; sendmsg({socket}, <{LISTENER}>, MSG_NOSIGNAL)"),
            _ => Ok(()),
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Load { filter, to } => {
                let socket = to.as_ref().map(Fd::get).transpose()?;
                match (sys_seccomp::load(&filter.code, filter.flags)?, socket) {
                    (Some(listener), Some(socket)) => {
                        crate::sys::sockets::send(socket, b"listener", &[listener.as_fd()])?;
                        Ok(Reply::Done)
                    }
                    (listener, _) => Ok(listener.map_or(Reply::Done, |fd| Reply::Fd(Fd::new(LISTENER, fd)))),
                }
            }
            Self::Try { name, number } => sys_seccomp::attempt::attempt(name, *number).map(Reply::Number),
        }
    }

    fn planned(&self) -> Reply {
        match self {
            Self::Load { filter, to: None } if filter.flags & NEW_LISTENER != 0 => Reply::Fd(Fd::planned(LISTENER)),
            Self::Load { .. } | Self::Try { .. } => Reply::Done,
        }
    }

    fn silence(&self) -> Silence {
        lesson::silence(self)
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn shell(&self) -> Shell {
        match self {
            Self::Load { .. } => Shell::Close(
                "systemd-run -p SystemCallFilter=… …".to_owned(),
                "for the command that it starts; no command filters its own shell",
            ),
            Self::Try { .. } => Shell::None,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        if matches!(self, Self::Try { .. }) {
            return Vec::new();
        }
        let Ok(now) = sys_seccomp::status(None) else { return Vec::new() };
        let mut facts = vec![("Seccomp".to_owned(), now.mode.to_string())];
        facts.extend(now.filters.map(|filters| ("Seccomp_filters".to_owned(), filters.to_string())));
        facts
    }

    fn irreversible(&self) -> bool {
        matches!(self, Self::Load { .. })
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        if matches!(self, Self::Try { .. }) {
            return None;
        }
        let text = match errno {
            Errno::EACCES => "leave { no_new_privs = false } out, or load the filter while CAP_SYS_ADMIN is still there (before drop_caps)",
            Errno::EBUSY => "a filter of this process has a listener already; there can be one",
            Errno::EINVAL => {
                "this kernel does not know one of the flags: log needs 4.14, spec_allow 4.17, notify 5.0, wait_killable_recv 5.19"
            }
            Errno::ENOMEM => "the filters of this process together are too long",
            Errno::ESRCH => "another thread of this process has a filter of its own that tsync cannot follow",
            _ => return None,
        };
        Some(text.to_owned())
    }
}
