//! Processes: starting, replacing, signalling and reaping them.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::{Kinds, Reply, Request, Shell, quote, shell_quote};
use crate::sys::processes::End;
use crate::sys::{self, Errno, Fd, Pid, fork};

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
        args: Vec<String>,
        /// The whole environment.
        env: Vec<(String, String)>,
    },
    /// `waitid(2)` on a child: answers how it ended, as [`encode`] packs it.
    Wait {
        /// The child.
        pid: Pid,
        /// The descriptor that refers to it.
        pidfd: Fd,
        /// How long to wait; answers [`Reply::Done`] when the time is over.
        timeout: Option<Duration>,
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
}

/// An [`End`] in one number: the status, or the signal with 256 (512 with a core) added.
#[must_use]
pub fn encode(end: End) -> i64 {
    match end {
        End::Exited(status) => i64::from(status),
        End::Signalled(signal, core) => i64::from(signal) + if core { 512 } else { 256 },
    }
}

/// The reverse of [`encode`].
#[must_use]
pub fn decode(number: i64) -> End {
    let low = i32::try_from(number & 0xff).unwrap_or_default();
    if number < 256 { End::Exited(low) } else { End::Signalled(low, number >= 512) }
}

/// `SIGTERM` for 15.
#[must_use]
pub fn signal_name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("SIG{signal}"), |signal| signal.as_str().to_owned())
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
            Self::Exec { program, args, env } => {
                let args: Vec<_> = args.iter().map(|arg| quote(arg.as_bytes(), 64)).collect();
                let program = quote(program.as_os_str().as_encoded_bytes(), 4096);
                write!(f, "execve({program}, [{}], /* {} vars */)", args.join(", "), env.len())
            }
            Self::Wait { pidfd, .. } => write!(f, "waitid(P_PIDFD, {pidfd}, …, WEXITED)"),
            Self::Signal { pidfd, signal, .. } => write!(f, "pidfd_send_signal({pidfd}, {}, NULL, 0)", signal_name(*signal)),
            Self::Kill { pid, signal } => write!(f, "kill({pid}, {})", signal_name(*signal)),
            Self::CloseOnExec { first } => write!(f, "close_range({first}, ~0U, CLOSE_RANGE_CLOEXEC)"),
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Clone { child, kinds, cgroup } => {
                let cgroup = cgroup.as_ref().map(Fd::raw).transpose()?;
                Ok(match fork::clone3(kinds.bits(), cgroup)? {
                    fork::Side::Parent(pid, pidfd) => Reply::Process(Pid::child(Some(pid), child), Fd::new(child, pidfd)),
                    fork::Side::Child => Reply::Child,
                })
            }
            Self::Exec { program, args, env } => fork::exec(program, args, env).map(|()| Reply::Done),
            Self::Wait { pidfd, timeout, .. } => {
                Ok(sys::processes::wait(pidfd.get()?, *timeout)?.map_or(Reply::Done, |end| Reply::Number(encode(end))))
            }
            Self::Signal { pidfd, signal, .. } => sys::processes::signal(pidfd.get()?, *signal).map(|()| Reply::Done),
            Self::Kill { pid, signal } => sys::processes::kill(*pid, *signal).map(|()| Reply::Done),
            Self::CloseOnExec { first } => fork::close_on_exec_from(*first).map(|()| Reply::Done),
        }
    }

    fn planned(&self) -> Reply {
        match self {
            Self::Clone { child, .. } => Reply::Process(Pid::child(None, child), Fd::planned(child)),
            Self::Wait { .. } => Reply::Number(0),
            _ => Reply::Done,
        }
    }

    fn shell(&self) -> Shell {
        match self {
            Self::Clone { kinds, .. } if kinds.is_empty() => Shell::Close("( … ) &".to_owned(), "a subshell"),
            Self::Clone { kinds, .. } => {
                let long = |word: &&str| match *word {
                    "mnt" => "--mount".to_owned(),
                    other => format!("--{other}"),
                };
                let flags: Vec<_> = kinds.words().iter().map(long).collect();
                Shell::Close(
                    format!("unshare {} --fork … &", flags.join(" ")),
                    "unshare(1) forks after it has entered, and makes / private",
                )
            }
            Self::Exec { args, .. } => {
                Shell::Exact(format!("exec {}", args.iter().map(|arg| shell_quote(arg)).collect::<Vec<_>>().join(" ")))
            }
            Self::Wait { pid, .. } => Shell::Exact(format!("wait {pid}")),
            Self::Signal { pid, signal, .. } => {
                Shell::Close(format!("kill -{} {pid}", signal_name(*signal)), "by number, which may be another process's by now")
            }
            Self::Kill { pid, signal } => Shell::Exact(format!("kill -{} {pid}", signal_name(*signal))),
            Self::CloseOnExec { .. } => Shell::None,
        }
    }

    fn irreversible(&self) -> bool {
        matches!(self, Self::Exec { .. })
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::Clone { kinds, .. }, Errno::EPERM) if !kinds.contains(Kinds::USER) => {
                "namespaces other than user need CAP_SYS_ADMIN: add \"user\" to `unshare`, or run as root"
            }
            (Self::Clone { .. }, Errno::EPERM) => {
                "user namespaces are restricted here: see /proc/sys/kernel/unprivileged_userns_clone and /proc/sys/kernel/apparmor_restrict_unprivileged_userns"
            }
            (Self::Clone { .. }, Errno::ENOSPC) => "the limit of namespaces is reached: see /proc/sys/user/max_*_namespaces",
            (Self::Clone { .. }, Errno::EAGAIN) => "the limit of processes is reached: see `rlimit { nproc = … }` and the pids cgroup",
            (Self::Clone { .. }, Errno::ENOMEM) => {
                "the first process of this pid namespace has ended; nothing can be started in it any more"
            }
            (Self::Exec { .. }, Errno::ENOENT) => "the file, or the interpreter that it names, does not exist in this root",
            (Self::Exec { .. }, Errno::EACCES) => "the file is not executable, is no regular file, or is on a noexec mount",
            (Self::Exec { .. }, Errno::ENOEXEC) => "the file is neither ELF nor a script that starts with #!",
            (Self::Exec { .. }, Errno::E2BIG) => "arguments and environment together are too long",
            (Self::Signal { .. } | Self::Kill { .. }, Errno::ESRCH) => "the process has ended",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_survives_its_encoding() {
        for end in [End::Exited(0), End::Exited(255), End::Signalled(9, false), End::Signalled(11, true)] {
            assert_eq!(decode(encode(end)), end);
        }
    }
}
