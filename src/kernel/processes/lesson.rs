//! The words about processes.

use super::{Call, words};
use crate::kernel::lesson::{Lesson, Mark, Script};
use crate::kernel::namespaces::lesson::purposes;
use crate::kernel::{Fact, Kinds, Reply, back, shell_quote};
use crate::sys::processes::{End, Usage};
use crate::sys::{Fd, Pid};

/// A process's name without the marks of a label.
pub fn plain(pid: &Pid) -> String {
    pid.to_string().trim_matches(['<', '>']).to_owned()
}

/// The start of a child, with or without namespaces.
pub fn clone_lesson(child: &str, kinds: Kinds, cgroup: Option<&Fd>) -> Lesson {
    let mut parts = vec!["pid known after apply".to_owned()];
    if !kinds.is_empty() {
        parts.insert(0, format!("new {}", kinds.words().join(", ")));
    }
    parts.extend(cgroup.map(|fd| format!("in cgroup {}", super::super::cgroups::group_name(std::path::Path::new(fd.label())))));
    let note =
        if kinds.is_empty() { "a copy of this process; what it changes of itself does not come back".to_owned() } else { purposes(kinds) };
    let lesson = Lesson::new(Mark::Add, "process", child).with(parts.join("; ")).note(note);
    if kinds.is_empty() || kinds.contains(Kinds::USER) {
        return lesson;
    }
    lesson.needs("CAP_SYS_ADMIN in this user namespace; none together with \"user\"")
}

/// The new process in a script.
pub fn clone_script(child: &str, kinds: Kinds, cgroup: Option<&Fd>) -> Script {
    Script::Child { name: child.to_owned(), kinds, cgroup: cgroup.map(|fd| fd.label().to_owned()) }
}

/// The namespaces in which a new process differs, with the caller's own or with the child's inodes.
pub fn clone_facts(child: &str, kinds: Kinds, reply: Option<&Reply>) -> Vec<Fact> {
    let pid = match reply {
        Some(Reply::Process(pid, _)) => pid.raw().ok(),
        _ => None,
    };
    let whose = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    let inode = |word: &&str| Some((format!("{word} of {child}"), back::namespace(&format!("{whose}/ns/{word}"))?));
    let mut facts: Vec<Fact> = kinds.words().iter().filter_map(inode).collect();
    facts.extend(pid.map(|pid| (child.to_owned(), format!("pid {pid}"))));
    facts
}

/// How a process has ended, in words.
#[must_use]
pub fn ended(end: End, usage: &Usage) -> String {
    let how = match end {
        End::Exited(status) => format!("exit {status}"),
        End::Signalled(signal, core) => format!("killed by {}{}", words::constant(signal), if core { ", with a core" } else { "" }),
    };
    format!("{how}, {} ms of processor time, {} KiB at most", (usage.user + usage.system).as_millis(), usage.max_rss >> 10)
}

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    match call {
        Call::Clone { child, kinds, cgroup } => clone_lesson(child, *kinds, cgroup.as_ref()),
        Call::Exec { program, args, .. } => {
            let words: Vec<String> = args.iter().skip(1).map(|arg| shell_quote(&arg.to_string_lossy())).collect();
            Lesson::new(Mark::Run, "exec", format!("{} {}", program.display(), words.join(" ")).trim().to_owned())
                .note("the program takes this process over, with its number, namespaces and limits; Lua ends here")
        }
        Call::Wait { children, .. } => {
            let names: Vec<String> = children.iter().map(|(pid, _)| plain(pid)).collect();
            Lesson::new(Mark::Run, "wait", format!("for {}", names.join(" or "))).with("how it ends: known after apply").note(
                "by descriptor, so that the number cannot have become another process's; until it is waited for, an ended process is a zombie",
            )
        }
        Call::Reap { child: (pid, _), .. } => Lesson::new(Mark::Run, "wait", format!("for {}", plain(pid)))
            .with("how it ends: known after apply")
            .note("the first process of a pid namespace is the parent of all orphans there, and nobody else would reap them"),
        Call::Open { pid } => {
            Lesson::look("process", format!("pid {pid}")).note("a descriptor stays this process's; a number may be another's tomorrow")
        }
        Call::Signal { pid, signal, .. } => Lesson::new(Mark::Run, "signal", format!("{} to {}", words::constant(*signal), plain(pid)))
            .note("by descriptor: it cannot hit another process"),
        Call::Kill { pid, signal } => {
            let whom = if *pid < 0 { format!("group {}", -pid) } else { pid.to_string() };
            Lesson::new(Mark::Run, "signal", format!("{} to {whom}", words::constant(*signal)))
        }
        .needs("the same user, or CAP_KILL in the process's user namespace"),
        Call::CloseOnExec { .. } => Lesson::look("descriptors", "from 3 on")
            .note("nothing that is open here stays open in the program: a forgotten directory would lead out of its root (CVE-2024-21626)"),
        Call::LetGo { .. } => Lesson::look("descriptors", "of the parent").note("a pipe ends only when the last copy of its end is closed"),
        Call::Chdir { path } => Lesson::new(Mark::Change, "directory", "working directory").with(path.display().to_string()),
        Call::SetSid => {
            Lesson::new(Mark::Add, "session", "of this process").note("without a terminal, and out of reach of the signals of the old one")
        }
        Call::SetGroup { pid, .. } => {
            Lesson::new(Mark::Change, "process group", pid.as_ref().map_or_else(|| "of this process".to_owned(), plain))
                .note("signals of a terminal go to a group")
        }
        Call::Pipe { name } => Lesson::look("pipe", name.clone()),
        Call::OpenStream { path, .. } => Lesson::look("file", path.display().to_string()),
        Call::Place { moves } => {
            let numbers: Vec<String> = moves.iter().map(|(fd, number)| format!("{number} is {fd}")).collect();
            Lesson::new(Mark::Change, "descriptors", "of this process")
                .with(numbers.join(", "))
                .note("programs find their input at 0, their output at 1, their complaints at 2")
        }
        Call::Write { fd, bytes } => Lesson::new(Mark::Run, "write", format!("to {}", fd.label())).with(format!("{} bytes", bytes.len())),
    }
}

/// The call in a shell script.
pub fn script(call: &Call) -> Script {
    match call {
        Call::Clone { child, kinds, cgroup } => clone_script(child, *kinds, cgroup.as_ref()),
        Call::Exec { args, env, .. } => {
            let words: Vec<String> = args.iter().map(|arg| shell_quote(&arg.to_string_lossy())).collect();
            let same = env.iter().eq(std::env::vars_os().collect::<Vec<_>>().iter());
            let env: Vec<String> =
                env.iter().map(|(name, value)| shell_quote(&format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))).collect();
            Script::Exec(if same { words.join(" ") } else { format!("env -i {} {}", env.join(" "), words.join(" ")) })
        }
        Call::Wait { children, .. } => Script::Wait(children.iter().map(|(pid, _)| plain(pid)).collect()),
        Call::Reap { child: (pid, _), .. } => Script::Wait(vec![plain(pid)]),
        Call::SetSid => {
            Script::Wrap { command: "setsid", options: "--wait".to_owned(), how: Some("setsid(1) forks where it leads a group") }
        }
        Call::CloseOnExec { .. } | Call::LetGo { .. } | Call::Open { .. } => Script::Needless,
        other => Script::of(words::shell(other)),
    }
}
