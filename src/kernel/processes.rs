//! Processes: starting, replacing, signalling and reaping them, and what flows between them.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::{Fact, Kinds, Lesson, Reply, Request, Script, Shell, back, quote};
use crate::sys::processes::{End, Usage};
use crate::sys::{self, Errno, Fd, Pid, fork};

pub mod lesson;
mod words;

pub use words::{signal_name, signal_names, signal_number};

/// A change to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `clone3(2)`: answers [`Reply::Process`] in the parent and [`Reply::Child`] in the child.
    Clone {
        /// The child's name in plans and traces.
        child: String,
        /// Namespaces that the child gets of its own.
        kinds: Kinds,
        /// The cgroup (v2) that it starts in.
        cgroup: Option<Fd>,
    },
    /// `execve(2)`; does not return.
    Exec {
        /// The file, found in the path already.
        program: PathBuf,
        /// With the program's name as the first.
        args: Vec<OsString>,
        /// The whole environment.
        env: Vec<(OsString, OsString)>,
        /// Descriptors that the program finds open from number 3 on.
        preserve: Vec<Fd>,
    },
    /// `waitid(2)` on the first of some children that ends: answers [`Reply::Ended`], or
    /// [`Reply::Done`] when the time is over.
    Wait {
        /// The children, with the descriptors that refer to them.
        children: Vec<(Pid, Fd)>,
        /// How long to wait.
        timeout: Option<Duration>,
        /// Signals that go on to the children meanwhile.
        forward: Vec<i32>,
    },
    /// As [`Call::Wait`] for one child, while every other child that ends is reaped too: answers
    /// [`Reply::Ended`], or [`Reply::Done`] when the time is over.
    Reap {
        /// The child, with the descriptor that refers to it.
        child: (Pid, Fd),
        /// How long to wait.
        timeout: Option<Duration>,
        /// Signals that go on to the child meanwhile.
        forward: Vec<i32>,
        /// How those others have ended that somebody may still ask about.
        others: Others,
    },
    /// `pidfd_open(2)`
    Open {
        /// Any process.
        pid: i32,
    },
    /// `pidfd_send_signal(2)`
    Signal {
        /// The process.
        pid: Pid,
        /// The descriptor that refers to it.
        pidfd: Fd,
        /// The signal's number.
        signal: i32,
    },
    /// `kill(2)`
    Kill {
        /// A process, or a group where negative.
        pid: i32,
        /// The signal's number.
        signal: i32,
    },
    /// `close_range(2)`: marks descriptors as closed by exec.
    CloseOnExec {
        /// The first of them.
        first: u32,
    },
    /// `dup3(2)` of something empty over every descriptor above 2 but some.
    LetGo {
        /// The numbers that stay what they are.
        keep: Vec<RawFd>,
    },
    /// `chdir(2)`, refused where the directory lies outside of the root.
    Chdir {
        /// The directory.
        path: PathBuf,
    },
    /// `setsid(2)`
    SetSid,
    /// `setpgid(2)`
    SetGroup {
        /// The process; the caller where there is none.
        pid: Option<Pid>,
        /// The group to join; a new one of the process's own where there is none.
        group: Option<i32>,
    },
    /// `pipe2(2)`: answers [`Reply::Pair`].
    Pipe {
        /// What flows through it.
        name: String,
    },
    /// `open(2)` of a file that is to be an input or an output.
    OpenStream {
        /// The file; made where it is an output and there is none.
        path: PathBuf,
        /// Whether it is an output.
        write: bool,
    },
    /// `dup2(2)` of several descriptors to numbers where a program expects them.
    Place {
        /// Each descriptor with its number.
        moves: Vec<(Fd, i32)>,
    },
    /// `write(2)` of all of the bytes.
    Write {
        /// Where to.
        fd: Fd,
        /// What.
        bytes: Vec<u8>,
    },
}

/// Children that are reaped beside the one that is waited for: which of them somebody may ask
/// about, and how these have ended. They are no part of what is asked for.
#[derive(Clone, Debug, Default)]
pub struct Others(Rc<RefCell<Ends>>);

#[derive(Debug, Default)]
struct Ends {
    known: HashSet<i32>,
    ended: Vec<(i32, End, Usage)>,
}

impl Others {
    /// The children that have a handle, by number.
    #[must_use]
    pub fn known(pids: impl Iterator<Item = i32>) -> Self {
        Self(Rc::new(RefCell::new(Ends { known: pids.collect(), ended: Vec::new() })))
    }

    /// Takes what has ended since.
    #[must_use]
    pub fn take(&self) -> Vec<(i32, End, Usage)> {
        std::mem::take(&mut self.0.borrow_mut().ended)
    }

    /// An orphan that ends is forgotten: the first process of a container reaps them for years.
    fn tell(&self, pid: i32, end: End, usage: Usage) {
        let mut ends = self.0.borrow_mut();
        if ends.known.remove(&pid) {
            ends.ended.push((pid, end, usage));
        }
    }
}

impl PartialEq for Others {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Others {}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &PathBuf| quote(path.as_os_str().as_encoded_bytes(), 4096);
        match self {
            Self::Clone { kinds, cgroup, .. } => {
                let mut flags = vec!["CLONE_PIDFD".to_owned()];
                if !kinds.is_empty() {
                    flags.push(kinds.flags());
                }
                if cgroup.is_some() {
                    flags.push("CLONE_INTO_CGROUP".to_owned());
                }
                write!(f, "clone3({{flags={}, exit_signal=SIGCHLD", flags.join("|"))?;
                if let Some(cgroup) = cgroup {
                    write!(f, ", cgroup={cgroup}")?;
                }
                f.write_str("})")
            }
            Self::Exec { program, args, env, preserve } => {
                for (fd, number) in preserve.iter().zip(3..) {
                    write!(f, "dup2({fd}, {number}); ")?;
                }
                let args: Vec<_> = args.iter().map(|arg| quote(arg.as_encoded_bytes(), 64)).collect();
                write!(f, "execve({}, [{}], /* {} vars */)", path(program), args.join(", "), env.len())
            }
            Self::Wait { children, .. } => {
                let fds: Vec<_> = children.iter().map(|(_, pidfd)| pidfd.to_string()).collect();
                write!(f, "waitid(P_PIDFD, {}, …, WEXITED)", fds.join(" | "))
            }
            Self::Reap { child: (_, pidfd), .. } => {
                write!(f, "waitid(P_PIDFD, {pidfd}, …, WEXITED) /* and P_ALL, WEXITED|__WALL for the others */")
            }
            Self::Open { pid } => write!(f, "pidfd_open({pid}, 0)"),
            Self::Signal { pidfd, signal, .. } => write!(f, "pidfd_send_signal({pidfd}, {}, NULL, 0)", words::constant(*signal)),
            Self::Kill { pid, signal } => write!(f, "kill({pid}, {})", words::constant(*signal)),
            Self::CloseOnExec { first } => write!(f, "close_range({first}, ~0U, CLOSE_RANGE_CLOEXEC)"),
            Self::LetGo { .. } => f.write_str("dup3(<empty>, …, O_CLOEXEC)"),
            Self::Chdir { path: dir } => write!(f, "chdir({})", path(dir)),
            Self::SetSid => f.write_str("setsid()"),
            Self::SetGroup { pid, group } => {
                let pid = pid.as_ref().map_or_else(|| "0".to_owned(), ToString::to_string);
                write!(f, "setpgid({pid}, {})", group.unwrap_or(0))
            }
            Self::Pipe { name } => write!(f, "pipe2([<{name}>, <{name}>], O_CLOEXEC)"),
            Self::OpenStream { path: file, write: false } => write!(f, "open({}, O_RDONLY|O_NOCTTY|O_CLOEXEC)", path(file)),
            Self::OpenStream { path: file, write: true } => {
                write!(f, "open({}, O_WRONLY|O_CREAT|O_TRUNC|O_NOCTTY|O_CLOEXEC, 0666)", path(file))
            }
            Self::Place { moves } => {
                let moves: Vec<_> = moves.iter().map(|(fd, number)| format!("dup2({fd}, {number})")).collect();
                f.write_str(&moves.join("; "))
            }
            Self::Write { fd, bytes } => write!(f, "write({fd}, {}, {})", quote(bytes, 64), bytes.len()),
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Clone { child, kinds, cgroup } => {
                let cgroup = cgroup.as_ref().map(Fd::raw).transpose()?;
                return Ok(match fork::clone3(kinds.bits(), cgroup)? {
                    fork::Side::Parent(pid, pidfd) => Reply::Process(Pid::child(Some(pid), child), Fd::new(child, pidfd)),
                    fork::Side::Child => Reply::Child,
                });
            }
            Self::Exec { program, args, env, preserve } => {
                let preserve = preserve.iter().map(Fd::get).collect::<sys::Result<Vec<_>>>()?;
                let placed = sys::processes::place_for_exec(&preserve)?;
                let failed = fork::exec(program, args, env);
                placed.put_back()?;
                failed?;
            }
            Self::Wait { children, timeout, forward } => {
                let pidfds = children.iter().map(|(_, pidfd)| pidfd.get()).collect::<sys::Result<Vec<_>>>()?;
                let ended = sys::processes::wait_any(&pidfds, *timeout, forward)?;
                return Ok(ended.map_or(Reply::Done, |(index, end, usage)| Reply::Ended(index, end, usage)));
            }
            Self::Reap { child: (pid, pidfd), timeout, forward, others } => {
                let mut tell = |pid, end, usage| others.tell(pid, end, usage);
                let ended = sys::processes::wait_reaping(pid.raw()?, pidfd.get()?, *timeout, forward, &mut tell)?;
                return Ok(ended.map_or(Reply::Done, |(end, usage)| Reply::Ended(0, end, usage)));
            }
            Self::Open { pid } => return Ok(Reply::Fd(Fd::new(label(*pid), sys::processes::pidfd_open(*pid)?))),
            Self::Signal { pidfd, signal, .. } => sys::processes::signal(pidfd.get()?, *signal)?,
            Self::Kill { pid, signal } => sys::processes::kill(*pid, *signal)?,
            Self::CloseOnExec { first } => fork::close_on_exec_from(*first)?,
            Self::LetGo { keep } => fork::let_go_of_all_but(keep)?,
            Self::Chdir { path } => sys::processes::chdir(path)?,
            Self::SetSid => sys::processes::setsid()?,
            Self::SetGroup { pid, group } => {
                let pid = pid.as_ref().map_or(Ok(0), Pid::raw)?;
                sys::processes::setpgid(pid, group.unwrap_or(0))?;
            }
            Self::Pipe { name } => {
                let (read, write) = sys::processes::pipe()?;
                return Ok(Reply::Pair(Fd::new(name, read), Fd::new(name, write)));
            }
            Self::OpenStream { path, write } => {
                return Ok(Reply::Fd(Fd::new(path.display().to_string(), sys::processes::open_stream(path, *write)?)));
            }
            Self::Place { moves } => {
                let moves = moves.iter().map(|(fd, number)| Ok((fd.get()?, *number))).collect::<sys::Result<Vec<_>>>()?;
                sys::processes::place(&moves)?;
            }
            Self::Write { fd, bytes } => sys::processes::write_all(fd.get()?, bytes)?,
        }
        Ok(Reply::Done)
    }

    fn planned(&self) -> Reply {
        match self {
            Self::Clone { child, .. } => Reply::Process(Pid::child(None, child), Fd::planned(child)),
            Self::Wait { .. } | Self::Reap { .. } => Reply::Ended(0, End::Exited(0), Usage::default()),
            Self::Open { pid } => Reply::Fd(Fd::planned(label(*pid))),
            Self::Pipe { name } => Reply::Pair(Fd::planned(name), Fd::planned(name)),
            Self::OpenStream { path, .. } => Reply::Fd(Fd::planned(path.display().to_string())),
            _ => Reply::Done,
        }
    }

    fn forks(&self) -> bool {
        matches!(self, Self::Clone { .. })
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn script(&self) -> Script {
        lesson::script(self)
    }

    fn shell(&self) -> Shell {
        words::shell(self)
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Clone { child, kinds, .. } => lesson::clone_facts(child, *kinds, None),
            Self::Wait { children, .. } if children.len() == 1 => {
                children.iter().map(|(pid, _)| (lesson::plain(pid), "started".to_owned())).collect()
            }
            Self::Reap { child: (pid, _), .. } => vec![(lesson::plain(pid), "started".to_owned())],
            Self::SetSid | Self::SetGroup { pid: None, .. } => vec![("process group".to_owned(), own_group())],
            Self::Chdir { .. } => back::link("self/cwd").map(|dir| ("cwd".to_owned(), dir)).into_iter().collect(),
            Self::Place { moves } => {
                let target = |(_, number): &(Fd, i32)| Some((format!("descriptor {number}"), back::link(&format!("self/fd/{number}"))?));
                moves.iter().filter_map(target).collect()
            }
            _ => Vec::new(),
        }
    }

    fn facts_after(&self, reply: &Reply) -> Vec<Fact> {
        match (self, reply) {
            (Self::Clone { child, kinds, .. }, _) => lesson::clone_facts(child, *kinds, Some(reply)),
            (Self::Wait { children, .. }, Reply::Ended(index, end, usage)) => {
                let name = children.get(*index).map_or_else(String::new, |(pid, _)| lesson::plain(pid));
                vec![(name, lesson::ended(*end, usage))]
            }
            (Self::Reap { child: (pid, _), .. }, Reply::Ended(_, end, usage)) => {
                vec![(lesson::plain(pid), lesson::ended(*end, usage))]
            }
            _ => self.facts(),
        }
    }

    fn returns(&self) -> bool {
        !matches!(self, Self::Exec { .. })
    }

    fn irreversible(&self) -> bool {
        matches!(self, Self::Exec { .. } | Self::SetSid)
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        words::hint(self, errno)
    }
}

fn own_group() -> String {
    sys::processes::getpgid(0).map_or_else(|errno| errno.to_string(), |group| group.to_string())
}

/// The name of a process that this program has not started.
fn label(pid: i32) -> String {
    format!("pid {pid}")
}
