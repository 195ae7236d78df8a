//! Attributes in words: the names of limits, policies and flags, the shell's commands, the facts
//! that a narration reads back, and what to do about a failure.

use super::super::processes::signal_name;
use super::super::{Fact, Shell, shell_quote};
use super::Call;
use crate::sys::Errno;
use crate::sys::attributes::{self, UNLIMITED};

/// `RLIMIT_…` (getrlimit(2)). The numbers are those of every architecture but MIPS and SPARC.
pub const LIMITS: &[(&str, u32)] = &[
    ("as", 9),
    ("core", 4),
    ("cpu", 0),
    ("data", 2),
    ("fsize", 1),
    ("locks", 10),
    ("memlock", 8),
    ("msgqueue", 12),
    ("nice", 13),
    ("nofile", 7),
    ("nproc", 6),
    ("rss", 5),
    ("rtprio", 14),
    ("rttime", 15),
    ("sigpending", 11),
    ("stack", 3),
];

/// `SCHED_…` (sched(7)).
pub const POLICIES: &[(&str, u32)] = &[("other", 0), ("fifo", 1), ("rr", 2), ("batch", 3), ("idle", 5), ("deadline", 6)];

/// `SCHED_FLAG_…` (sched_setattr(2)).
pub const SCHED_FLAGS: &[(&str, u32)] = &[("reset_on_fork", 1), ("reclaim", 2), ("dl_overrun", 4), ("keep_policy", 8), ("keep_params", 16)];

/// `IOPRIO_CLASS_…` (ioprio_set(2)).
pub const IO_CLASSES: &[(&str, u32)] = &[("none", 0), ("rt", 1), ("be", 2), ("idle", 3)];

/// `PER_…` (personality(2)): what uname(2) and the address space look like.
pub const PERSONAS: &[(&str, u32)] = &[("linux", 0), ("linux32", 8)];

/// `MPOL_…` (set_mempolicy(2)).
pub const MEM_MODES: &[(&str, u32)] =
    &[("default", 0), ("preferred", 1), ("bind", 2), ("interleave", 3), ("local", 4), ("preferred_many", 5), ("weighted_interleave", 6)];

/// `MPOL_F_…`
pub const MEM_FLAGS: &[(&str, u32)] = &[("static_nodes", 1 << 15), ("relative_nodes", 1 << 14), ("numa_balancing", 1 << 13)];

/// The number behind a word of one of these tables.
#[must_use]
pub fn number_in(table: &[(&str, u32)], word: &str) -> Option<u32> {
    table.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

/// The word behind a number; the number itself where there is none.
pub(super) fn word_in(table: &[(&str, u32)], number: u32) -> String {
    table.iter().find(|(_, other)| *other == number).map_or_else(|| number.to_string(), |(name, _)| (*name).to_owned())
}

/// The words of the flags in a number.
#[must_use]
pub fn words_in(table: &[(&'static str, u32)], bits: u64) -> Vec<&'static str> {
    table.iter().filter(|(_, bit)| bits & u64::from(*bit) != 0).map(|(name, _)| *name).collect()
}

/// The number of a limit.
#[must_use]
pub fn limit_number(kind: &str) -> Option<u32> {
    number_in(LIMITS, kind)
}

fn show(limit: u64) -> String {
    if limit == UNLIMITED { "unlimited".to_owned() } else { limit.to_string() }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

pub(super) fn shell(call: &Call) -> Shell {
    match call {
        Call::Limit { pid, kind, soft, hard } => {
            let bound = |limit: &Option<u64>| limit.map_or_else(String::new, show);
            let pid = pid.map_or_else(|| "$$".to_owned(), |pid| pid.to_string());
            Shell::Exact(format!("prlimit --pid {pid} --{kind}={}:{}", bound(soft), bound(hard)))
        }
        Call::Umask { mask } => Shell::Exact(format!("umask {mask:04o}")),
        Call::Nice { value } => Shell::Exact(format!("renice -n {value} -p $$")),
        Call::Scheduler { attr } => {
            let policy = word_in(POLICIES, attr.policy);
            let mut text = format!("chrt --{policy}");
            if !attr.runtime.is_zero() {
                let [runtime, deadline, period] = [attr.runtime, attr.deadline, attr.period].map(|time| time.as_nanos());
                text.push_str(&format!(" -T {runtime} -D {deadline} -P {period}"));
            }
            Shell::Close(format!("{text} -p {} $$", attr.priority), "chrt(1) does not set the nice value")
        }
        Call::IoPriority { class, level } => Shell::Exact(format!("ionice -c {class} -n {level} -p $$")),
        Call::Affinity { cpus } => Shell::Exact(format!("taskset -cp {} $$", list(cpus))),
        Call::Personality { persona } => {
            let program = if persona & 0xff == 8 { "linux32" } else { "linux64" };
            Shell::Close(format!("{program} …"), "setarch(8) starts a program with it")
        }
        Call::OomScore { pid, score } => {
            Shell::Exact(format!("choom -n {score} -p {}", pid.map_or_else(|| "$$".to_owned(), |pid| pid.to_string())))
        }
        Call::DeathSignal { signal } => {
            Shell::Close(format!("setpriv --pdeathsig {} …", signal_name(*signal).to_uppercase()), "setpriv(1) starts a program with it")
        }
        Call::JoinKeyring { name } => {
            let name = name.as_deref().map_or_else(|| "-".to_owned(), shell_quote);
            Shell::Close(format!("keyctl session {name} …"), "keyctl(1) starts a program in the keyring")
        }
        Call::ClearKeyring => Shell::Exact("keyctl clear @s".to_owned()),
        Call::MemPolicy { mode, nodes } => {
            let option = word_in(MEM_MODES, mode & 0xff);
            Shell::Close(format!("numactl --{option}={} …", list(nodes)), "numactl(8) starts a program with it")
        }
        Call::Dumpable { .. } | Call::Subreaper { .. } => Shell::None,
    }
}

pub(super) fn facts(call: &Call) -> Vec<Fact> {
    let own = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).map(|text| text.trim().to_owned());
    let fact = match call {
        Call::Limit { pid, kind, .. } => {
            let limits = limit_number(kind).and_then(|number| attributes::limit(pid.unwrap_or(0), number).ok());
            limits.map(|(soft, hard)| (format!("rlimit {kind}"), format!("{}:{}", show(soft), show(hard))))
        }
        Call::Nice { .. } | Call::Scheduler { .. } => attributes::scheduling(0).ok().map(|now| {
            let policy = word_in(POLICIES, now.policy);
            ("scheduling".to_owned(), format!("{policy}, nice {}, priority {}", now.nice, now.priority))
        }),
        Call::IoPriority { .. } => attributes::io_priority(0)
            .ok()
            .map(|(class, level)| ("io priority".to_owned(), format!("{} {level}", word_in(IO_CLASSES, class.cast_unsigned())))),
        Call::Affinity { .. } => attributes::affinity(0).ok().map(|cpus| ("processors".to_owned(), list(&cpus))),
        Call::Personality { .. } => own("personality").ok().map(|text| ("personality".to_owned(), text)),
        Call::OomScore { pid, .. } => {
            let text = std::fs::read_to_string(attributes::oom_path(*pid)).ok();
            text.map(|text| ("oom_score_adj".to_owned(), text.trim().to_owned()))
        }
        Call::JoinKeyring { .. } => attributes::describe_session_keyring().ok().map(|text| ("session keyring".to_owned(), text)),
        _ => None,
    };
    fact.into_iter().collect()
}

pub(super) fn hint(call: &Call, errno: Errno) -> Option<String> {
    let text = match (call, errno) {
        (Call::Limit { kind: "nofile", .. }, Errno::EPERM) => {
            "a hard limit is raised by CAP_SYS_RESOURCE only, and nofile by nobody past /proc/sys/fs/nr_open"
        }
        (Call::Limit { .. }, Errno::EPERM) => "a hard limit is raised by CAP_SYS_RESOURCE of the first user namespace only",
        (Call::OomScore { .. }, Errno::EXDEV) => "/proc is no procfs, or something is mounted over oom_score_adj",
        (Call::Limit { .. }, Errno::EINVAL) => "the soft limit must not be above the hard one: give { soft = …, hard = … }",
        (Call::Limit { .. }, Errno::ESRCH) => "no process of this pid namespace has this number",
        (Call::Nice { .. }, Errno::EACCES | Errno::EPERM) => {
            "a lower nice value needs CAP_SYS_NICE, or `rlimit { nice = … }` (20 minus the value)"
        }
        (Call::Scheduler { attr }, Errno::EPERM) if attr.policy == 6 => {
            "a deadline needs CAP_SYS_NICE of the first user namespace, and every processor in the affinity"
        }
        (Call::Scheduler { .. }, Errno::EPERM) => {
            "real-time policies need CAP_SYS_NICE, or `rlimit { rtprio = … }`; with cgroup v1, cpu.rt_runtime_us too"
        }
        (Call::Scheduler { .. }, Errno::EBUSY) => "there is not enough processor time left for this deadline",
        (Call::Scheduler { .. }, Errno::EINVAL) => "deadline: 1024 ns ≤ runtime ≤ deadline ≤ period; fifo and rr: priority 1 to 99",
        (Call::IoPriority { .. }, Errno::EPERM) => "the class \"rt\" needs CAP_SYS_NICE or CAP_SYS_ADMIN",
        (Call::Affinity { .. }, Errno::EINVAL) => "none of these processors is online and in this process's cpuset",
        (Call::OomScore { .. }, Errno::EACCES | Errno::EPERM) => {
            "a score below the lowest that was set with CAP_SYS_RESOURCE needs this capability"
        }
        (Call::OomScore { .. }, Errno::ENOENT) => "there is no such process, or no /proc is mounted in this root",
        (Call::JoinKeyring { .. }, Errno::EDQUOT) => "the user's quota of keys is used up: see /proc/sys/kernel/keys",
        (Call::JoinKeyring { .. } | Call::ClearKeyring, Errno::EACCES) => "the keyring of this name belongs to another user",
        (Call::JoinKeyring { .. } | Call::ClearKeyring, Errno::EPERM) => "a seccomp filter forbids keyctl here",
        (Call::MemPolicy { .. }, Errno::EINVAL) => {
            "none of these memory nodes is online and in this process's cpuset, or the mode takes other nodes"
        }
        (Call::MemPolicy { .. }, Errno::ENOSYS) => "this kernel was built without NUMA",
        _ => return None,
    };
    Some(text.to_owned())
}
