//! The words about namespaces.

use super::{Call, Ids, Propagation, Source, Target};
use crate::kernel::lesson::{Lesson, Mark, Script};
use crate::kernel::{Kinds, shell_quote};
use crate::sys::Pid;
use crate::sys::namespaces::ids::Range;

const ADMIN: &str = "CAP_SYS_ADMIN in the caller's user namespace; none for \"user\" itself, which gives it";

/// What a new namespace of a kind is good for.
#[must_use]
pub fn purpose(kind: Kinds) -> &'static str {
    match kind {
        Kinds::CGROUP => "cgroup: its group looks like the root of all groups",
        Kinds::IPC => "ipc: its own System V objects and POSIX queues",
        Kinds::MNT => "mnt: a copy of the mount table",
        Kinds::NET => "net: no device but a loopback that is down",
        Kinds::PID => "pid: numbers start at 1 again, and when process 1 ends the kernel kills the rest",
        Kinds::TIME => "time: its own offsets of the monotonic and the boot clock",
        Kinds::USER => "user: ids are mapped, and every capability is held over what belongs to this namespace alone",
        _ => "uts: its own host and domain name",
    }
}

/// The purposes of several, one after the other.
#[must_use]
pub fn purposes(kinds: Kinds) -> String {
    let each: Vec<&str> = kinds.iter().map(purpose).collect();
    each.join("; ")
}

fn whose(pid: Option<&Pid>) -> String {
    pid.map_or_else(|| "this process".to_owned(), |pid| pid.to_string().trim_matches(['<', '>']).to_owned())
}

fn ranges_text(ranges: &[Range]) -> String {
    let one = |range: &Range| format!("{} is {} outside ({})", range.inside, range.outside, range.count);
    ranges.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    match call {
        Call::Unshare { kinds } => {
            let ahead = match (kinds.contains(Kinds::PID), kinds.contains(Kinds::TIME)) {
                (true, _) => "; this process keeps its number: the next child becomes process 1, and when that ends nothing can be started",
                (_, true) => "; only children are in it",
                _ => "",
            };
            Lesson::new(Mark::Add, "namespace", "").with(kinds.words().join(", ")).note(purposes(*kinds) + ahead).needs(ADMIN)
        }
        Call::Open { source } => Lesson::look("namespace", source.label()).note(match source {
            Source::Path(_) => "as long as it is open the namespace lives, with or without a process in it",
            Source::Process(..) => "an open namespace can be entered later, whatever becomes of the process",
        }),
        Call::SetNs { target, kinds } => {
            let name = match target {
                Target::Namespace(fd) => fd.label().to_owned(),
                Target::Process(pid, _) => whose(Some(pid)),
            };
            let note = if kinds.contains(Kinds::PID) {
                "only children that are started from now on are in the pid namespace"
            } else {
                "the process goes over to where others are; what it holds open stays that of before"
            };
            Lesson::new(Mark::Change, "namespace", format!("of {name}"))
                .with(format!("enter {}", kinds.words().join(", ")))
                .note(note)
                .needs("CAP_SYS_ADMIN in this user namespace and in the one that owns the namespace; CAP_SYS_CHROOT too for mnt")
        }
        Call::Propagate { how } => Lesson::new(Mark::Change, "mount", "/ and all below")
            .with(format!("{} propagation", how.parts().0))
            .note(match how {
                Propagation::Private => {
                    "a new mnt namespace still shares mounts with the one it was copied from: without this, what is mounted here appears there"
                }
                Propagation::Slave => "mounts of the host still arrive here; none of here goes back",
                Propagation::Shared => "what is mounted here is seen by all that share it",
            })
            .needs("CAP_SYS_ADMIN in the user namespace that owns the mount namespace")
            .owned_by(Kinds::MNT),
        Call::WriteMap { pid, ids, ranges } => Lesson::new(Mark::Change, "id map", whose(pid.as_ref()))
            .with(format!("{} {}", ids.word(), ranges_text(ranges)))
            .note("written once in a namespace's life; until then every id inside is 65534, and nothing can be owned")
            .needs("CAP_SETUID or CAP_SETGID in the parent user namespace for more than the writer's own id")
            .owned_by(Kinds::USER),
        Call::RunMapper { pid, ids, ranges } => Lesson::new(Mark::Change, "id map", whose(Some(pid)))
            .with(format!("{} {}", ids.word(), ranges_text(ranges)))
            .note("newuidmap and newgidmap have the rights that an ordinary user lacks, and hand out what /etc/subuid and /etc/subgid allow")
            .needs("a line for this user in /etc/subuid and /etc/subgid, and the package uidmap"),
        Call::SetGroups { pid, allow } => Lesson::new(Mark::Change, "id map", whose(pid.as_ref()))
            .with(if *allow { "setgroups allowed" } else { "setgroups denied" })
            .note("without rights the kernel takes a group map only when nobody inside can drop a group: a group may be there to forbid"),
        Call::SetOffsets { offsets } => Lesson::new(Mark::Change, "clocks", "of the new time namespace")
            .with(offsets.iter().map(|offset| format!("{} {:+} s", if offset.clock == 7 { "boot" } else { "monotonic" }, offset.seconds)).collect::<Vec<_>>().join(", "))
            .note("possible only while no process is in the namespace")
            .needs("CAP_SYS_TIME in the user namespace that owns the time namespace"),
        Call::MakePinFile { path } => Lesson::new(Mark::Add, "file", path.display().to_string()).with("empty").note("a mount needs something to lie on"),
        Call::Bind { path, .. } => Lesson::new(Mark::Add, "pin", path.display().to_string())
            .note("a mounted namespace lives on when its last process has ended; `ip netns` does the same")
            .needs("CAP_SYS_ADMIN in the user namespace that owns the mount namespace")
            .owned_by(Kinds::MNT),
        Call::Unbind { path } => Lesson::new(Mark::Remove, "pin", path.display().to_string()).note("the namespace goes with its last process or descriptor"),
        Call::RemovePinFile { path } => Lesson::new(Mark::Remove, "file", path.display().to_string()),
    }
}

/// The options of unshare(1) for a map; util-linux 2.39 and later.
fn map_options(ids: Ids, ranges: &[Range]) -> String {
    let word = match ids {
        Ids::Uid => "users",
        Ids::Gid => "groups",
    };
    let one = |range: &Range| format!("--map-{word}={}:{}:{}", range.inside, range.outside, range.count);
    match ranges {
        [Range { inside: 0, count: 1, .. }] if ids == Ids::Uid => "--map-root-user".to_owned(),
        [Range { inside: 0, count: 1, .. }] => String::new(),
        [Range { inside, count: 1, .. }] => format!("--map-{}={inside}", word.trim_end_matches('s')),
        _ => ranges.iter().map(one).collect::<Vec<_>>().join(" "),
    }
}

/// The call in a shell script.
pub fn script(call: &Call) -> Script {
    let child = |pid: Option<&Pid>| pid.map(|pid| pid.to_string().trim_matches(['<', '>']).to_owned());
    let words = |kinds: &Kinds| super::show::long_options(*kinds);
    match call {
        Call::Unshare { kinds } => Script::Wrap {
            command: "unshare",
            options: format!("{}{}", words(kinds), if kinds.contains(Kinds::PID) { " --fork" } else { "" }),
            how: kinds.contains(Kinds::PID).then_some("unshare(1) forks at once, and what follows is process 1"),
        },
        Call::SetNs { target: Target::Namespace(fd), kinds } => {
            let kind = kinds.words().first().map_or("net", |word| if *word == "mnt" { "mount" } else { word });
            Script::Wrap { command: "nsenter", options: format!("--{kind}={}", shell_quote(fd.label())), how: None }
        }
        Call::SetNs { target: Target::Process(pid, _), kinds } => {
            Script::Wrap { command: "nsenter", options: format!("--target {pid} {}", words(kinds)), how: None }
        }
        Call::WriteMap { pid, ids, ranges } => Script::Map { child: child(pid.as_ref()), options: map_options(*ids, ranges) },
        Call::RunMapper { pid, ids, ranges } => Script::Map { child: child(Some(pid)), options: map_options(*ids, ranges) },
        Call::SetGroups { pid, allow } => {
            Script::Map { child: child(pid.as_ref()), options: format!("--setgroups {}", if *allow { "allow" } else { "deny" }) }
        }
        Call::Open { .. } => Script::Needless,
        Call::MakePinFile { path } => Script::Line(format!("touch {}", shell_quote(&path.display().to_string())), None),
        other => Script::of(other.command()),
    }
}
