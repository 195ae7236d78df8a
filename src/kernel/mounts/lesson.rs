//! The words about mounts.

use nix::libc;

use super::{Call, Spot, flags};
use crate::kernel::Kinds;
use crate::kernel::lesson::{Lesson, Mark, Script};

const ADMIN: &str = "CAP_SYS_ADMIN in the user namespace that owns this mount namespace";

fn mount(source: Option<&Spot>, target: &Spot, fstype: Option<&str>, bits: u64, data: Option<&str>) -> Lesson {
    let target = target.name();
    if let Some((name, _)) = flags::PROPAGATION.iter().find(|(_, flag)| bits & flag != 0) {
        let all = if bits & libc::MS_REC == 0 { "" } else { " and all below" };
        return Lesson::new(Mark::Change, "mount", format!("{target}{all}"))
            .with(format!("{name} propagation"))
            .note("decides whether mounts made here travel to the namespace this one was copied from, and the other way");
    }
    let from = source.map(Spot::name).unwrap_or_default();
    let words: Vec<&str> =
        flags::FLAGS.iter().filter(|flag| flag.word != "readonly" && bits & flag.ms != 0).map(|flag| flag.word).collect();
    let mut options = words.join(",");
    if let Some(data) = data {
        options = if options.is_empty() { data.to_owned() } else { format!("{options},{data}") };
    }
    let options = if options.is_empty() { String::new() } else { format!(" ({options})") };
    if bits & libc::MS_REMOUNT != 0 {
        return Lesson::new(Mark::Change, "mount", target)
            .with(format!("options{options}"))
            .note("flags that are not named are lost in a remount, so those that the mount has are passed again");
    }
    if bits & libc::MS_MOVE != 0 {
        return Lesson::new(Mark::Change, "mount", target).with(format!("moved from {from}"));
    }
    if bits & libc::MS_BIND != 0 {
        return Lesson::new(Mark::Add, "mount", target)
            .with(format!("{from} again{options}"))
            .note("the same files at a second place; a bind mount takes its flags only in a remount afterwards");
    }
    let note = match fstype {
        Some("proc") => "a proc shows the pid namespace of whoever mounted it: without a new one `ps` would show the host's processes",
        Some("sysfs") => "a sysfs shows the devices of the net namespace of whoever mounted it",
        Some("tmpfs") => "empty and in memory; it goes with its last mount",
        Some("devpts") => "its own terminals: those of the host cannot be opened from here",
        Some("overlay") => "changes go to the upper directory, the lower ones stay as they are and can be shared",
        Some("mqueue") => "the POSIX queues of this ipc namespace",
        Some("cgroup" | "cgroup2") => "shows groups from the root of this cgroup namespace on",
        _ => "what was at the mount point before is hidden until this is unmounted",
    };
    let fstype = fstype.unwrap_or("auto");
    let from = if from.is_empty() || from == fstype || from == "none" { String::new() } else { format!(" {from}") };
    Lesson::new(Mark::Add, "mount", target).with(format!("{fstype}{from}{options}")).note(note)
}

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    let lesson = match call {
        Call::Mount { source, target, fstype, flags, data, .. } => {
            mount(source.as_ref(), target, fstype.as_deref(), *flags, data.as_deref())
        }
        Call::Unmount { target, flags } => Lesson::new(Mark::Remove, "mount", target.name()).note(if flags & libc::MNT_DETACH == 0 {
            "fails while anybody uses it"
        } else {
            "gone from the table at once; whoever has a file open there keeps it until it is closed"
        }),
        Call::OpenTree { source, clone: true, .. } => Lesson::look("mount", source.name())
            .with("a detached copy")
            .note("a mount without a place: it can be changed before anybody sees it, and no path is walked twice"),
        Call::OpenTree { source, .. } => Lesson::look("mount", source.name()),
        Call::FsOpen { fstype } => {
            Lesson::look("mount", format!("new {fstype}")).note("first part of a mount: a file system to be configured")
        }
        Call::FsConfig { context, key, value } => {
            let value = value.as_ref().map_or_else(String::new, |value| format!("={value}"));
            Lesson::look("mount", context.label().to_owned()).with(format!("{key}{value}"))
        }
        Call::FsCreate { context } => {
            Lesson::look("mount", context.label().to_owned()).note("the file system is made here; its options are judged now")
        }
        Call::FsMount { name, attributes, .. } => Lesson::look("mount", name.clone())
            .with(flags::attributes(*attributes))
            .note("a mount without a place, until move_mount gives it one"),
        Call::SetAttributes { target, set, clear, propagation, userns, recursive } => {
            let mut parts = Vec::new();
            let lower =
                |bits: u64| flags::attributes(bits).replace("MOUNT_ATTR_", "").replace('|', ",").replace("RDONLY", "ro").to_lowercase();
            if *set != 0 {
                parts.push(lower(*set));
            }
            if *clear != 0 {
                parts.push(format!("no {}", lower(*clear)));
            }
            parts.extend(flags::PROPAGATION.iter().find(|(_, bits)| bits == propagation).map(|(name, _)| format!("{name} propagation")));
            parts.extend(userns.as_ref().map(|_| "ids mapped".to_owned()));
            let all = if *recursive { " and all below" } else { "" };
            Lesson::new(Mark::Change, "mount", format!("{}{all}", target.name())).with(parts.join(", ")).note(if userns.is_some() {
                "owners are shifted while files are looked at; nothing on the disk changes"
            } else {
                "of this mount alone: the same files elsewhere keep theirs"
            })
        }
        Call::MoveMount { from, to } => Lesson::new(Mark::Add, "mount", to.name())
            .with(from.label().to_owned())
            .note("the detached mount gets its place, by descriptor: no link can lead it elsewhere"),
        Call::OpenPlace { path, .. } => Lesson::look("directory", path.display().to_string()),
        Call::PivotRoot { new, .. } => Lesson::new(Mark::Change, "root", "/")
            .with(if new.as_os_str() == "." {
                "the working directory becomes /".to_owned()
            } else {
                format!("{} becomes /", new.display())
            })
            .note("unlike chroot the old root is a mount that can then be taken away, and with it every way back"),
        Call::HideHost { .. } => Lesson::new(Mark::Remove, "mount", "/proc and /sys of the host")
            .note("chroot leaves them mounted, and a process with CAP_SYS_CHROOT finds its way to them"),
        Call::Chroot { path } => Lesson::new(Mark::Change, "root", "/")
            .with(format!("{} becomes /", path.display()))
            .note("changes only where paths begin; open directories and CAP_SYS_CHROOT still lead out")
            .needs("CAP_SYS_CHROOT in this user namespace"),
        Call::Chdir { to } => Lesson::look("directory", to.name()),
    };
    if lesson.needs.is_some() { lesson } else { lesson.needs(ADMIN).owned_by(Kinds::MNT) }
}

/// The call in a shell script.
pub fn script(call: &Call, shell: crate::kernel::Shell) -> Script {
    match call {
        Call::OpenPlace { .. } => Script::Needless,
        Call::Chroot { path } => {
            Script::Wrap { command: "chroot", options: crate::kernel::shell_quote(&path.display().to_string()), how: None }
        }
        Call::SetAttributes { target, set, recursive: false, clear: 0, propagation: 0, userns: None } => {
            let words = flags::attributes(*set).replace("MOUNT_ATTR_", "").replace('|', ",").replace("RDONLY", "ro").to_lowercase();
            let target = crate::kernel::shell_quote(&target.name());
            Script::Line(format!("mount -o remount,bind,{words} {target}"), Some("flags that the mount has and are not named are lost"))
        }
        _ => Script::of(shell),
    }
}
