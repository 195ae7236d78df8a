//! Starting a child: what `spawn` needs beyond the clone itself.

use std::fmt;

use super::processes::lesson::clone_facts;
use super::{Fact, Kinds, Lesson, Reply, Request, Script, Shell};
use crate::sys::{self, Errno, Fd, Pid, fork};

mod lesson;

/// A change of this topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `clone3(2)` with `CLONE_PARENT`: the child is the caller's sibling, so that the caller may
    /// end. Answers [`Reply::Process`] in the caller and [`Reply::Child`] in the child.
    CloneSibling {
        /// The child's name in plans and traces.
        child: String,
        /// Namespaces that the child gets of its own.
        kinds: Kinds,
        /// The cgroup (v2) that it starts in.
        cgroup: Option<Fd>,
    },
    /// `pidfd_open(2)`: answers [`Reply::Fd`].
    OpenProcess {
        /// A process.
        pid: Pid,
    },
    /// `waitid(2)` for a child that ends by itself.
    Reap {
        /// The descriptor that refers to it.
        pidfd: Fd,
    },
    /// `prctl(2)`: the kernel kills the caller when its parent ends.
    DieWithParent,
}

/// The bit of clone(2), which nix does not have among its flags.
const CLONE_PARENT: u32 = 0x8000;

/// A process's descriptor is named after the process.
fn label(pid: &Pid) -> String {
    let name = pid.to_string();
    match name.strip_prefix('<').and_then(|name| name.strip_suffix('>')) {
        Some(name) => name.to_owned(),
        None => format!("pid {name}"),
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CloneSibling { kinds, cgroup, .. } => {
                let kinds = if kinds.is_empty() { String::new() } else { format!("|{}", kinds.flags()) };
                let (flag, fd) = cgroup.as_ref().map_or_else(Default::default, |fd| ("|CLONE_INTO_CGROUP", format!(", cgroup={fd}")));
                write!(f, "clone3({{flags=CLONE_PIDFD|CLONE_PARENT{kinds}{flag}, exit_signal=0{fd}}})")
            }
            Self::OpenProcess { pid } => write!(f, "pidfd_open({pid}, 0)"),
            Self::Reap { pidfd } => write!(f, "waitid(P_PIDFD, {pidfd}, …, WEXITED)"),
            Self::DieWithParent => f.write_str("prctl(PR_SET_PDEATHSIG, SIGKILL)"),
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::CloneSibling { child, kinds, cgroup } => {
                let cgroup = cgroup.as_ref().map(Fd::raw).transpose()?;
                return Ok(match fork::clone3(kinds.bits() | CLONE_PARENT, cgroup)? {
                    fork::Side::Parent(pid, pidfd) => Reply::Process(Pid::child(Some(pid), child), Fd::new(child, pidfd)),
                    fork::Side::Child => Reply::Child,
                });
            }
            Self::OpenProcess { pid } => return Ok(Reply::Fd(Fd::new(label(pid), sys::namespaces::open_process(pid.raw()?)?))),
            Self::Reap { pidfd } => sys::spawn::reap(pidfd.get()?)?,
            Self::DieWithParent => sys::spawn::die_with_parent()?,
        }
        Ok(Reply::Done)
    }

    fn planned(&self) -> Reply {
        match self {
            Self::CloneSibling { child, .. } => Reply::Process(Pid::child(None, child), Fd::planned(child)),
            Self::OpenProcess { pid } => Reply::Fd(Fd::planned(label(pid))),
            _ => Reply::Done,
        }
    }

    fn forks(&self) -> bool {
        matches!(self, Self::CloneSibling { .. })
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn script(&self) -> Script {
        lesson::script(self)
    }

    fn shell(&self) -> Shell {
        match self {
            Self::DieWithParent => Shell::Close("setpriv --pdeathsig KILL …".to_owned(), "setpriv(1) starts a program with it"),
            Self::Reap { .. } => Shell::Exact("wait".to_owned()),
            _ => Shell::None,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::CloneSibling { child, kinds, .. } => clone_facts(child, *kinds, None),
            Self::DieWithParent => {
                sys::attributes::death_signal().map(|signal| ("death signal".to_owned(), signal.to_string())).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn facts_after(&self, reply: &Reply) -> Vec<Fact> {
        match self {
            Self::CloneSibling { child, kinds, .. } => clone_facts(child, *kinds, Some(reply)),
            _ => self.facts(),
        }
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::CloneSibling { .. }, Errno::EINVAL) => {
                "the first process of a pid namespace cannot make a sibling: join from one of its children"
            }
            (Self::CloneSibling { .. }, Errno::ENOMEM) => {
                "the pid namespace that is joined has lost its first process; nothing can be started in it any more"
            }
            (Self::CloneSibling { .. }, Errno::EPERM) => {
                "namespaces other than user need CAP_SYS_ADMIN: add \"user\" to `unshare`, or run as root"
            }
            (Self::OpenProcess { .. }, Errno::ESRCH) => "the process has ended",
            _ => return None,
        };
        Some(text.to_owned())
    }
}
