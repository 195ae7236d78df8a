//! The words about control groups: what a file limits, what it is called in the other version, and
//! how its number reads.

use std::path::Path;
use std::time::Duration;

use super::{Call, Version};
use crate::kernel::lesson::{Lesson, Mark, Script};
use crate::kernel::{Fact, Shell, back, shell_quote};
use crate::sys::cgroups as sys_cgroups;

const WRITE: &str = "write rights on the group's directory: root's, or those of whom it was delegated to";

/// A file of one version, what the other calls it, and what is behind it.
const FILES: &[(&str, &str, &str)] = &[
    ("memory.limit_in_bytes", "memory.max", "above it the kernel takes pages back, and when that is not enough kills a member"),
    ("memory.memsw.limit_in_bytes", "memory.swap.max", "v1 counts memory and swap together, v2 the swap alone"),
    ("memory.soft_limit_in_bytes", "memory.low", "what is taken only when nothing else is left to take"),
    ("cpu.cfs_quota_us", "cpu.max", "so much time in each period; who has used it up waits for the next"),
    ("cpu.cfs_period_us", "cpu.max", "so much time in each period; who has used it up waits for the next"),
    ("cpu.cfs_burst_us", "cpu.max.burst", "unused time that may be saved up"),
    ("cpu.shares", "cpu.weight", "counts only while others want the processor too"),
    ("blkio.weight", "io.weight", "counts only while others want the device too"),
    ("blkio.throttle.read_bps_device", "io.max", "reads above it wait"),
    ("blkio.throttle.write_bps_device", "io.max", "writes above it wait"),
    ("blkio.throttle.read_iops_device", "io.max", "reads above it wait"),
    ("blkio.throttle.write_iops_device", "io.max", "writes above it wait"),
    ("freezer.state", "cgroup.freeze", "members stop where they are and use no time"),
    ("devices.allow", "a BPF program", "opening any other device is refused"),
    ("devices.deny", "a BPF program", "opening any of these devices is refused"),
];

/// Files that have one name in both versions.
const SAME: &[(&str, &str)] = &[
    ("pids.max", "processes and threads; fork is refused above it, so a fork bomb ends here"),
    ("cpuset.cpus", "the processors that members may run on"),
    ("cpuset.mems", "the memory nodes that members may use"),
    ("cpu.idle", "members get only time that nobody else wants"),
];

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default()
}

/// The file's name, with that of the other version.
fn both_names(path: &Path) -> String {
    let name = file_name(path);
    let found = FILES.iter().find_map(|(v1, v2, _)| match name {
        name if name == *v1 => Some(format!("{v1} (v2: {v2})")),
        name if name == *v2 => Some(format!("{v2} (v1: {v1})")),
        _ => None,
    });
    found.unwrap_or_else(|| name.to_owned())
}

fn meaning(path: &Path) -> Option<&'static str> {
    let name = file_name(path);
    let both = FILES.iter().find(|(v1, v2, _)| name == *v1 || name == *v2).map(|(_, _, text)| *text);
    both.or_else(|| SAME.iter().find(|(file, _)| *file == name).map(|(_, text)| *text))
}

/// 134217728 is 128 MiB, 9223372036854771712 and -1 are none.
fn readable(path: &Path, text: &str) -> String {
    let name = file_name(path);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text == "max" || text == "-1" {
        return "none".to_owned();
    }
    let bytes = name.starts_with("memory.");
    match text.parse::<u64>() {
        Ok(number) if bytes && number >= 1 << 60 => "none".to_owned(),
        Ok(number) if bytes => size(number),
        Ok(number) if name.ends_with("_us") => format!("{} ms", Duration::from_micros(number).as_secs_f64() * 1000.0),
        _ => text,
    }
}

fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(unit, _)| bytes != 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{bytes} B"), |(unit, name)| format!("{} {name}", bytes / unit))
}

/// The group's name in its hierarchy: what comes behind the mount point.
pub fn group_name(dir: &Path) -> String {
    dir.file_name().map_or_else(|| dir.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    let lesson = match call {
        Call::Make { dir } => Lesson::new(Mark::Add, "cgroup", group_name(dir))
            .note("a directory is a group; on v1 there is one in each hierarchy, on v2 one for all controllers"),
        Call::Enable { dir, controllers, .. } => Lesson::new(Mark::Change, "cgroup", group_name(dir))
            .with(format!("shares out {}", controllers.join(", ")))
            .note("on v2 a group below has a controller's files only when the group above shares it out"),
        Call::Disable { dir, controllers } => {
            Lesson::new(Mark::Change, "cgroup", group_name(dir)).with(format!("shares out no {}", controllers.join(", ")))
        }
        Call::InheritCpuset { dir } => Lesson::new(Mark::Change, "cgroup", group_name(dir))
            .with("cpuset as above")
            .note("a new cpuset of v1 is empty, and nobody can enter it before it has processors and memory"),
        Call::Write { writes } => {
            let name = writes.first().and_then(|(path, _)| path.parent()).map(group_name).unwrap_or_default();
            let values: Vec<String> = writes.iter().map(|(path, value)| format!("{} {}", file_name(path), readable(path, value))).collect();
            let lesson = Lesson::new(Mark::Change, "cgroup", name).with(values.join(", "));
            match writes.last().and_then(|(path, _)| meaning(path)) {
                Some(text) => lesson.note(text),
                None => lesson,
            }
        }
        Call::Weight { dir, weight, .. } => Lesson::new(Mark::Change, "cgroup", group_name(dir))
            .with(format!("io weight {weight}"))
            .note("counts only while others want the device too; the file depends on the scheduler of the device"),
        Call::Devices { dir, rules } => Lesson::new(Mark::Change, "cgroup", group_name(dir))
            .with(format!("{} device rules", rules.len()))
            .note("v2 has no file for this: a BPF program is asked at each open of a device")
            .needs("CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, in the first user namespace"),
        Call::Open { path, .. } => Lesson::look("cgroup", path.display().to_string()),
        Call::Enter { file } => {
            let dir = Path::new(file.label()).parent().map(group_name).unwrap_or_default();
            Lesson::new(Mark::Change, "process", "this process")
                .with(format!("enters cgroup {dir}"))
                .note("0 means the writer; writing to `tasks` while there is one thread spares the wait that cgroup.procs has on v1")
        }
        Call::Add { dir, pid } => Lesson::new(Mark::Change, "process", pid.to_string().trim_matches(['<', '>']))
            .with(format!("enters cgroup {}", group_name(dir)))
            .note("children that it starts from now on are in the group too; those it has stay where they are"),
        Call::Freeze { dir, frozen, .. } => Lesson::new(Mark::Change, "cgroup", group_name(dir))
            .with(if *frozen { "frozen" } else { "thawed" })
            .note("no member can notice or prevent it, unlike a SIGSTOP"),
        Call::Kill { dirs, .. } => {
            Lesson::new(Mark::Run, "kill", format!("all in cgroup {}", dirs.first().map(|dir| group_name(dir)).unwrap_or_default()))
                .note("frozen first where there is a freezer, so that nobody forks away meanwhile")
        }
        Call::Remove { dir } | Call::RemoveUnused { dir } => {
            Lesson::new(Mark::Remove, "cgroup", group_name(dir)).note("possible only when nobody is in it")
        }
        Call::Delegate { dir, uid, .. } => Lesson::new(Mark::Change, "cgroup", group_name(dir))
            .with(format!("owned by user {uid}"))
            .note("the owner makes groups below it; the limits of this one stay out of reach")
            .needs("CAP_CHOWN"),
        Call::Watch { file, .. } => {
            Lesson::look("cgroup", file.display().to_string()).note("the kernel makes it readable when something happens")
        }
    };
    if lesson.needs.is_some() { lesson } else { lesson.needs(WRITE) }
}

/// The call in a shell script.
pub fn script(call: &Call, shell: Shell) -> Script {
    match call {
        Call::Open { .. } | Call::Watch { .. } => Script::Needless,
        Call::Enter { file } => Script::Line(format!("echo 0 > {}", shell_quote(file.label())), None),
        Call::Kill { dirs, .. } => {
            let kill = |dir: &std::path::PathBuf| {
                let procs = shell_quote(&dir.join("cgroup.procs").display().to_string());
                format!("xargs -r kill -9 < {procs}")
            };
            Script::Line(dirs.first().map(kill).unwrap_or_default(), Some("once, without the groups below"))
        }
        Call::Remove { dir } | Call::RemoveUnused { dir } => {
            Script::Line(format!("rmdir {}", shell_quote(&dir.display().to_string())), None)
        }
        _ => Script::of(shell),
    }
}

/// What the kernel shows of a group at this moment.
pub fn facts(call: &Call) -> Vec<Fact> {
    let file = |path: &Path| sys_cgroups::read(path).ok().map(|text| (both_names(path), readable(path, &text)));
    match call {
        Call::Make { dir } | Call::Remove { dir } | Call::RemoveUnused { dir } if dir.is_dir() => {
            vec![("cgroup".to_owned(), dir.display().to_string())]
        }
        Call::Enable { dir, .. } | Call::Disable { dir, .. } => file(&dir.join("cgroup.subtree_control")).into_iter().collect(),
        Call::InheritCpuset { dir } => file(&dir.join("cpuset.cpus")).into_iter().chain(file(&dir.join("cpuset.mems"))).collect(),
        Call::Write { writes } => writes.iter().filter_map(|(path, _)| file(path)).collect(),
        Call::Weight { dir, .. } => {
            let names = ["io.weight", "io.bfq.weight", "blkio.weight", "blkio.bfq.weight"];
            names.iter().filter_map(|name| file(&dir.join(name))).collect()
        }
        Call::Freeze { dir, version: Version::V1, .. } => file(&dir.join("freezer.state")).into_iter().collect(),
        Call::Freeze { dir, version: Version::V2, .. } => file(&dir.join("cgroup.events")).into_iter().collect(),
        Call::Enter { .. } => membership("self"),
        Call::Add { pid, .. } => pid.raw().map(|raw| membership(&raw.to_string())).unwrap_or_default(),
        Call::Devices { dir, .. } => {
            let group = sys_cgroups::open(dir, false);
            let count = group.and_then(|group| sys_cgroups::bpf::count(std::os::fd::AsFd::as_fd(&group)));
            count.map(|count| vec![("device programs".to_owned(), count.to_string())]).unwrap_or_default()
        }
        Call::Kill { dirs, .. } => {
            // On v1 the same process is in each of them.
            let count = dirs.iter().filter_map(|dir| sys_cgroups::members(dir, true).ok()).map(|pids| pids.len()).max();
            vec![("members".to_owned(), count.unwrap_or(0).to_string())]
        }
        Call::Delegate { dir, .. } => {
            use std::os::unix::fs::MetadataExt;
            dir.metadata().map(|found| vec![("owner".to_owned(), format!("{}:{}", found.uid(), found.gid()))]).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// The groups of a process, by hierarchy.
fn membership(process: &str) -> Vec<Fact> {
    let text = back::text(&format!("{process}/cgroup")).unwrap_or_default();
    let row = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let name = if controllers.is_empty() { "cgroup v2" } else { controllers.trim_start_matches("name=") };
        let name = if controllers.is_empty() { name.to_owned() } else { format!("cgroup {name}") };
        Some((name, path.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_say_them() {
        let read = |name: &str, text: &str| readable(Path::new(name), text);
        assert_eq!(read("memory.limit_in_bytes", "134217728"), "128 MiB");
        assert_eq!(read("memory.limit_in_bytes", "9223372036854771712"), "none");
        assert_eq!((read("cpu.cfs_quota_us", "-1"), read("cpu.cfs_quota_us", "50000")), ("none".to_owned(), "50 ms".to_owned()));
        assert_eq!((read("pids.max", "max"), read("pids.max", "64")), ("none".to_owned(), "64".to_owned()));
        assert_eq!(both_names(Path::new("/x/memory.max")), "memory.max (v1: memory.limit_in_bytes)");
    }
}
