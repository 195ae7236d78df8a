//! The words about what a process carries.

use super::{Call, bound, words};
use crate::kernel::lesson::{Lesson, Mark, Script};
use crate::kernel::processes::signal_name;

/// What a limit is of, where its name does not say it.
fn limit_note(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "nofile" => "one more than the highest number that a descriptor can have",
        "nproc" => "counts all processes of the user, in all containers: the pids cgroup counts one container's",
        "core" => "0 writes no image of the memory, secrets and all, when a program crashes",
        "as" => "address space, used or not; a cgroup limits what is used",
        "stack" => "also decides how long arguments and environment may be",
        "memlock" => "pages that cannot be swapped out",
        "fsize" => "a longer write is SIGXFSZ",
        "cpu" => "seconds of processor time, then SIGXCPU",
        _ => return None,
    })
}

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    let own = |detail: String| Lesson::new(Mark::Change, "attribute", "of this process").with(detail);
    match call {
        Call::Limit { pid, kind, soft, hard } => {
            let whose = pid.map_or_else(|| "of this process".to_owned(), |pid| format!("of pid {pid}"));
            let lesson = Lesson::new(Mark::Change, "rlimit", whose).with(format!("{kind} {}:{}", bound(*soft), bound(*hard)));
            let lesson = lesson.needs("CAP_SYS_RESOURCE of the first user namespace to raise a hard limit");
            match limit_note(kind) {
                Some(note) => lesson.note(note),
                None => lesson,
            }
        }
        Call::Umask { mask } => own(format!("umask {mask:03o}")).note("bits that new files do not get, whatever they are made with"),
        Call::Nice { value } => own(format!("nice {value}")).note("counts only while others want the processor too"),
        Call::Scheduler { attr } => {
            own(format!("scheduler {}", words::word_in(super::POLICIES, attr.policy))).needs("CAP_SYS_NICE for real-time policies")
        }
        Call::IoPriority { class, level } => own(format!("io {} {level}", words::word_in(super::IO_CLASSES, class.cast_unsigned()))),
        Call::Affinity { cpus } => own(format!("processors {cpus:?}")).note("within the cpuset of its cgroup"),
        Call::Personality { persona } => own(format!("personality {persona:#x}")).note("what uname(2) says, and how memory is laid out"),
        Call::OomScore { score, .. } => {
            own(format!("oom_score_adj {score}")).note("who is killed first when memory runs out; -1000 is never")
        }
        Call::DeathSignal { signal: 0 } => own("no signal when its parent ends".to_owned()),
        Call::DeathSignal { signal } => {
            own(format!("{} when its parent ends", signal_name(*signal))).note("forgotten when the process changes its ids")
        }
        Call::Dumpable { on } => own(format!("dumpable {}", if *on { "on" } else { "off" }))
            .note("off, nobody without rights looks into its memory or its descriptors by /proc (CVE-2016-9962)"),
        Call::Subreaper { on } => own(format!("adopts orphans: {}", if *on { "yes" } else { "no" }))
            .note("processes whose parent ends become its children, as those of process 1 do"),
        Call::JoinKeyring { .. } => {
            own("a session keyring of its own".to_owned()).note("keys of the caller's session (tickets, passwords) are out of reach")
        }
        Call::ClearKeyring => own("an empty session keyring".to_owned()),
        Call::MemPolicy { nodes, .. } => own(format!("memory from nodes {nodes:?}")),
    }
}

/// The call in a shell script.
pub fn script(call: &Call) -> Script {
    let wrap = |command, options: String| Script::Wrap { command, options, how: None };
    match call {
        Call::DeathSignal { signal: 0 } | Call::Dumpable { .. } => Script::Missing,
        Call::DeathSignal { signal } => wrap("setpriv", format!("--pdeathsig {}", signal_name(*signal).to_uppercase())),
        Call::Personality { persona } if persona & 0xff == 8 => wrap("setarch", "linux32".to_owned()),
        other => Script::of(words::shell(other)),
    }
}
