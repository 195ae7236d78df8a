//! Processes in words: the shell's commands, what to do about a failure, the names of signals.

use nix::sys::signal::Signal;

use super::super::{Kinds, Shell, shell_quote};
use super::Call;
use crate::sys::Errno;

/// `term` for 15; the number where the signal has no name.
#[must_use]
pub fn signal_name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| signal.to_string(), |signal| signal.as_str().trim_start_matches("SIG").to_lowercase())
}

/// `SIGTERM` for 15, as strace writes it.
pub(super) fn constant(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| signal.to_string(), |signal| signal.as_str().to_owned())
}

/// 15 for `term`.
#[must_use]
pub fn signal_number(name: &str) -> Option<i32> {
    // Without a text for each: an engine's command asks for eight signals, twice.
    let is = |signal: &Signal| signal.as_str().trim_start_matches("SIG").eq_ignore_ascii_case(name);
    let lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    Signal::iterator().find(is).filter(|_| lower).map(|signal| signal as i32)
}

/// Every signal's name.
#[must_use]
pub fn signal_names() -> Vec<String> {
    Signal::iterator().map(|signal| signal_name(signal as i32)).collect()
}

pub(super) fn shell(call: &Call) -> Shell {
    let quoted = |path: &std::path::Path| shell_quote(&path.display().to_string());
    match call {
        Call::Clone { kinds, .. } if kinds.is_empty() => Shell::Close("( … ) &".to_owned(), "a subshell"),
        Call::Clone { kinds, .. } => {
            let long = |word: &&str| match *word {
                "mnt" => "--mount".to_owned(),
                other => format!("--{other}"),
            };
            let flags: Vec<_> = kinds.words().iter().map(long).collect();
            Shell::Close(format!("unshare {} --fork … &", flags.join(" ")), "unshare(1) forks after it has entered, and makes / private")
        }
        Call::Exec { args, .. } => {
            Shell::Exact(format!("exec {}", args.iter().map(|arg| shell_quote(&arg.to_string_lossy())).collect::<Vec<_>>().join(" ")))
        }
        Call::Wait { children, .. } => {
            let pids: Vec<_> = children.iter().map(|(pid, _)| pid.to_string()).collect();
            Shell::Exact(format!("wait {}{}", if pids.len() > 1 { "-n " } else { "" }, pids.join(" ")))
        }
        Call::Reap { child: (pid, _), .. } => Shell::Close(format!("wait {pid}"), "a shell reaps what it has not started, too"),
        Call::Signal { pid, signal, .. } => {
            Shell::Close(format!("kill -{} {pid}", constant(*signal)), "by number, which may be another process's by now")
        }
        Call::Kill { pid, signal } => Shell::Exact(format!("kill -{} -- {pid}", constant(*signal))),
        Call::Chdir { path } => Shell::Exact(format!("cd {}", quoted(path))),
        Call::SetSid => Shell::Close("setsid …".to_owned(), "setsid(1) starts a program in the session"),
        Call::SetGroup { .. } => Shell::Close("set -m".to_owned(), "the shell gives each job a group"),
        Call::Pipe { .. } => Shell::Close("… | …".to_owned(), "the shell makes the pipe and places both ends"),
        Call::OpenStream { path, write } => {
            Shell::Close(format!("exec {} {}", if *write { "9>" } else { "9<" }, quoted(path)), "the shell picks the number")
        }
        Call::Place { moves } => {
            let moves: Vec<_> = moves.iter().map(|(_, number)| format!("{number}>&…")).collect();
            Shell::Close(format!("exec {}", moves.join(" ")), "the shell needs the number of the source")
        }
        Call::Write { .. } => Shell::Close("printf … >&9".to_owned(), "the shell needs the number"),
        Call::CloseOnExec { .. } | Call::LetGo { .. } | Call::Open { .. } => Shell::None,
    }
}

pub(super) fn hint(call: &Call, errno: Errno) -> Option<String> {
    if let (Call::Exec { program, args, .. }, Errno::ENOENT) = (call, errno)
        && let Some(name) = args.first().map(|name| name.to_string_lossy()).filter(|name| !name.contains(['/', ' ']))
        && program.as_os_str().as_encoded_bytes().contains(&b'/')
    {
        return Some(format!("no directory of the PATH of `env` has a program {name:?} in this root, or its interpreter is not there"));
    }
    let text = match (call, errno) {
        (Call::Clone { kinds, .. }, Errno::EPERM) if !kinds.contains(Kinds::USER) => {
            "namespaces other than user need CAP_SYS_ADMIN: add \"user\" to `unshare`, or run as root"
        }
        (Call::Clone { .. }, Errno::EPERM) => {
            "user namespaces are restricted here: see /proc/sys/kernel/unprivileged_userns_clone and /proc/sys/kernel/apparmor_restrict_unprivileged_userns"
        }
        (Call::Clone { .. }, Errno::ENOSPC) => "the limit of namespaces is reached: see /proc/sys/user/max_*_namespaces",
        (Call::Clone { .. }, Errno::EAGAIN) => "the limit of processes is reached: see `rlimit { nproc = … }` and the pids cgroup",
        (Call::Clone { .. }, Errno::ENOMEM) => "the first process of this pid namespace has ended; nothing can be started in it any more",
        (Call::Clone { cgroup: Some(_), .. }, Errno::EOPNOTSUPP) => {
            "the control group is no domain: one beside or above it is threaded, so it has to become threaded as well (see its cgroup.type)"
        }
        (Call::Clone { cgroup: Some(_), .. }, Errno::EBUSY) => {
            "the control group shares out controllers, so only groups below it may have processes: start this one in a child of it"
        }
        (Call::Exec { program, .. }, Errno::ENOENT) if program.as_os_str().as_encoded_bytes().contains(&b' ') => {
            "no file has this name, spaces included: the command is a list of arguments, { \"ls\", \"-l\" }; for a shell's line write { \"/bin/sh\", \"-c\", \"…\" }"
        }
        (Call::Exec { .. }, Errno::ENOENT) => {
            "the file, or the interpreter (#! line, dynamic loader) that it names, does not exist in this root; a name without a slash is searched in the PATH of `env`"
        }
        (Call::Exec { .. }, Errno::EACCES) => "the file is not executable, is no regular file, or is on a noexec mount",
        (Call::Exec { .. }, Errno::ENOEXEC) => "the file is neither ELF for this machine nor a script that starts with #!",
        (Call::Exec { .. }, Errno::E2BIG) => "arguments and environment together are too long",
        (Call::Wait { .. } | Call::Reap { .. }, Errno::ECHILD) => {
            "only the parent can wait for a process and learn how it ended; of another's process ask process:alive()"
        }
        (Call::Open { .. }, Errno::ESRCH) => "no process of this pid namespace has this number",
        (Call::Open { .. }, Errno::EINVAL) => "the number is a thread's, not a process's",
        (Call::Signal { .. } | Call::Kill { .. }, Errno::ESRCH) => "the process has ended",
        (Call::Signal { .. } | Call::Kill { .. }, Errno::EPERM) => {
            "the process belongs to another user: CAP_KILL over its user namespace is needed"
        }
        (Call::Chdir { .. }, Errno::EXDEV) => "the path leads outside of this process's root, through a descriptor that was left open",
        (Call::SetSid, Errno::EPERM) => "the process leads a group already: call setsid in a child that spawn has started",
        (Call::SetGroup { .. }, Errno::EPERM) => "the group must be of the same session, and a session's leader cannot change its own",
        (Call::SetGroup { .. }, Errno::EACCES) => "the child has called exec already: give spawn { process_group = true }",
        (Call::Write { .. }, Errno::EPIPE) => "nobody holds the other end any more",
        (Call::CloseOnExec { .. }, Errno::EPERM | Errno::EACCES) => {
            "a seccomp filter of this process refuses it: exec keeps descriptors from the program by it. Allow \"close_range\" beside \"execve\" (the group \"@default\" has both)"
        }
        (Call::Exec { .. }, Errno::EPERM) => {
            "a seccomp filter of this process refuses execve(2), a security module does, or the program has file capabilities that the bounding set lacks"
        }
        (Call::CloseOnExec { .. } | Call::LetGo { .. }, Errno::ENOSYS) => {
            "kernel 5.11 is needed, or a real /proc in which the open descriptors are listed"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_has_one_name_that_leads_back() {
        for name in signal_names() {
            assert_eq!(signal_number(&name).map(signal_name), Some(name));
        }
        assert_eq!(signal_number("SIGTERM"), None);
        assert_eq!(signal_name(15), "term");
    }
}
