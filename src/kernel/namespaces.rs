//! Namespaces: making, entering and pinning them; id maps and time offsets.

use std::fmt;
use std::path::PathBuf;

use nix::mount::MsFlags;
use serde_json::Value;

use super::{Fact, KINDS, Kinds, Lesson, Reply, Request, Script, Shell, back, journal};
use crate::sys::namespaces::ids::{Range, map_text};
use crate::sys::{self, Errno, Fd, Pid};

pub mod lesson;
mod show;

use show::{map_file, setgroups_word, shown};

/// Which ids a map is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// User ids.
    Uid,
    /// Group ids.
    Gid,
}

impl Ids {
    /// `uid` or `gid`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Uid => "uid",
            Self::Gid => "gid",
        }
    }
}

/// How mounts and unmounts travel between this mount namespace and others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// Neither way.
    Private,
    /// In, and not out.
    Slave,
    /// Both ways.
    Shared,
}

impl Propagation {
    /// The kind of propagation that scripts call `word`; none for `unchanged`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "private" => Some(Self::Private),
            "slave" => Some(Self::Slave),
            "shared" => Some(Self::Shared),
            _ => None,
        }
    }

    fn parts(self) -> (&'static str, &'static str, MsFlags) {
        match self {
            Self::Private => ("private", "MS_PRIVATE", MsFlags::MS_PRIVATE),
            Self::Slave => ("slave", "MS_SLAVE", MsFlags::MS_SLAVE),
            Self::Shared => ("shared", "MS_SHARED", MsFlags::MS_SHARED),
        }
    }
}

/// What a clock of a new time namespace is ahead of the host's, as the kernel takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// 1 is `CLOCK_MONOTONIC`, 7 is `CLOCK_BOOTTIME`: kernels before 5.7 know no names.
    pub clock: i32,
    /// Whole seconds; less than 0 for a clock that is behind.
    pub seconds: i64,
    /// Added to the seconds.
    pub nanoseconds: u32,
}

/// A namespace by the file that shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Any path: below `/proc`, or a pin.
    Path(PathBuf),
    /// `/proc/PID/ns/KIND`; the caller's own where there is no process.
    Process(Option<Pid>, &'static str),
}

/// Where `setns(2)` goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An open namespace.
    Namespace(Fd),
    /// The namespaces of a process.
    Process(Pid, Fd),
}

/// A change of this topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `unshare(2)`
    Unshare {
        /// The kinds of namespaces that the caller gets of its own.
        kinds: Kinds,
    },
    /// `open(2)` of a namespace's file: answers [`Reply::Fd`]. `EINVAL` for any other file.
    Open {
        /// Which.
        source: Source,
    },
    /// `setns(2)`
    SetNs {
        /// Where to.
        target: Target,
        /// The kinds: none stands for any, of a single namespace.
        kinds: Kinds,
    },
    /// `mount(2)` that only sets the propagation of `/` and all below.
    Propagate {
        /// How.
        how: Propagation,
    },
    /// A write to `/proc/PID/uid_map` or `gid_map`, possible once in a user namespace's life.
    WriteMap {
        /// The process; the caller itself where there is none.
        pid: Option<Pid>,
        /// Which of the two.
        ids: Ids,
        /// The lines.
        ranges: Vec<Range>,
    },
    /// The same by `newuidmap` or `newgidmap`, which have the rights and check `/etc/subuid`.
    RunMapper {
        /// The process.
        pid: Pid,
        /// Which of the two.
        ids: Ids,
        /// The lines.
        ranges: Vec<Range>,
    },
    /// A write to `/proc/PID/setgroups`, before the group map.
    SetGroups {
        /// The process; the caller itself where there is none.
        pid: Option<Pid>,
        /// Whether `setgroups(2)` may be called in the namespace.
        allow: bool,
    },
    /// A write to `/proc/self/timens_offsets`, before a process is in the time namespace.
    SetOffsets {
        /// At most one of each clock.
        offsets: Vec<Offset>,
    },
    /// `open(2)` that makes an empty file for a pin.
    MakePinFile {
        /// A path that does not exist.
        path: PathBuf,
    },
    /// `mount(2)` of a namespace on a file.
    Bind {
        /// What is pinned.
        namespace: Fd,
        /// The empty file.
        path: PathBuf,
    },
    /// `umount2(2)` of a pinned namespace, and of nothing else.
    Unbind {
        /// The file.
        path: PathBuf,
    },
    /// `unlink(2)` of an empty file.
    RemovePinFile {
        /// The file.
        path: PathBuf,
    },
}

/// The same file as the kernel knows it.
fn real(pid: Option<&Pid>, file: &str) -> sys::Result<PathBuf> {
    Ok(match pid {
        None => format!("/proc/self/{file}").into(),
        Some(pid) => format!("/proc/{}/{file}", pid.raw()?).into(),
    })
}

impl Source {
    /// Where the file is; `ESRCH` for a process that is only planned.
    pub fn path(&self) -> sys::Result<PathBuf> {
        match self {
            Self::Path(path) => Ok(path.clone()),
            Self::Process(pid, word) => real(pid.as_ref(), &format!("ns/{word}")),
        }
    }

    /// The file's name, with a child's name in it where a plan knows no number.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Process(pid, word) => shown(pid.as_ref(), &format!("ns/{word}")),
        }
    }
}

fn mapper_arguments(pid: &str, ranges: &[Range]) -> Vec<String> {
    let numbers = ranges.iter().flat_map(|range| [range.inside, range.outside, range.count]);
    std::iter::once(pid.to_owned()).chain(numbers.map(|number| number.to_string())).collect()
}

fn offsets_text(offsets: &[Offset]) -> String {
    let line = |offset: &Offset| format!("{} {} {}\n", offset.clock, offset.seconds, offset.nanoseconds);
    offsets.iter().map(line).collect::<Vec<_>>().concat()
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        use sys::namespaces as ns;
        match self {
            Self::Unshare { kinds } => ns::unshare(kinds.bits())?,
            Self::Open { source } => return Ok(Reply::Fd(Fd::new(source.label(), ns::open_namespace(&source.path()?)?))),
            Self::SetNs { target: Target::Namespace(fd), kinds } => ns::setns(fd.get()?, kinds.bits())?,
            Self::SetNs { target: Target::Process(pid, pidfd), kinds } => {
                let parts: Vec<_> =
                    KINDS.iter().filter(|(_, _, kind)| kinds.contains(*kind)).map(|(word, _, kind)| (*word, kind.bits())).collect();
                ns::setns_of(pid.raw()?, pidfd.get()?, &parts)?;
            }
            Self::Propagate { how } => ns::set_propagation(how.parts().2)?,
            Self::WriteMap { pid, ids, ranges } => ns::write_once(&real(pid.as_ref(), &map_file(*ids))?, &map_text(ranges))?,
            Self::RunMapper { pid, ids, ranges } => {
                ns::run_helper(&format!("new{}map", ids.word()), &mapper_arguments(&pid.raw()?.to_string(), ranges))?;
            }
            Self::SetGroups { pid, allow } => ns::write_once(&real(pid.as_ref(), "setgroups")?, setgroups_word(*allow))?,
            Self::SetOffsets { offsets } => ns::write_once(&real(None, "timens_offsets")?, &offsets_text(offsets))?,
            Self::MakePinFile { path } => ns::make_pin_file(path)?,
            Self::Bind { namespace, path } => ns::bind(namespace.get()?, path)?,
            Self::Unbind { path } => ns::unbind(path)?,
            Self::RemovePinFile { path } => ns::remove_pin_file(path)?,
        }
        Ok(Reply::Done)
    }

    fn planned(&self) -> Reply {
        match self {
            Self::Open { source } => Reply::Fd(Fd::planned(source.label())),
            _ => Reply::Done,
        }
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn script(&self) -> Script {
        lesson::script(self)
    }

    fn shell(&self) -> Shell {
        self.command()
    }

    fn facts(&self) -> Vec<Fact> {
        let file = |pid: Option<&Pid>, name: &str| {
            let whose = pid.map_or_else(|| Some("self".to_owned()), |pid| pid.raw().ok().map(|raw| raw.to_string()));
            let text = whose.and_then(|whose| back::text(&format!("{whose}/{name}"))).unwrap_or_default();
            let text = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", ");
            vec![(shown(pid, name), if text.is_empty() { "empty".to_owned() } else { text })]
        };
        match self {
            Self::Unshare { kinds } => links(*kinds),
            // Which kind a single namespace has is not said: all that could change are read.
            Self::SetNs { kinds, .. } => links(if kinds.is_empty() { Kinds::all() } else { *kinds }),
            Self::WriteMap { pid, ids, .. } => file(pid.as_ref(), &map_file(*ids)),
            Self::RunMapper { pid, ids, .. } => file(Some(pid), &map_file(*ids)),
            Self::SetGroups { pid, .. } => file(pid.as_ref(), "setgroups"),
            Self::SetOffsets { .. } => file(None, "timens_offsets"),
            Self::Propagate { .. } => propagation(),
            Self::Bind { path, .. } | Self::Unbind { path } => {
                let id = sys::namespaces::open_namespace(path).and_then(|fd| sys::namespaces::identity(std::os::fd::AsFd::as_fd(&fd)));
                id.map(|(_, inode)| vec![(format!("pin {}", path.display()), inode.to_string())]).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    fn irreversible(&self) -> bool {
        matches!(self, Self::WriteMap { .. } | Self::RunMapper { .. })
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        self.advice(errno).map(str::to_owned)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.notation(f)
    }
}

/// The inodes of the caller's own namespaces of these kinds.
///
/// What only children will be in shows as `pid for children` and `time for children`.
fn links(kinds: Kinds) -> Vec<Fact> {
    let mut facts = Vec::new();
    for word in kinds.words() {
        let (name, file) = match word {
            "pid" | "time" => (format!("{word} for children"), format!("{word}_for_children")),
            _ => (word.to_owned(), word.to_owned()),
        };
        // A pid namespace without its first process cannot be read.
        let inode = back::namespace(&format!("self/ns/{file}"));
        facts.push((name, inode.unwrap_or_else(|| "new, still empty".to_owned())));
    }
    facts
}

/// How many mounts travel in which way.
fn propagation() -> Vec<Fact> {
    let all = back::mounts();
    let count = |word: &str| all.iter().filter(|mount| mount.propagation == word).count();
    let words = ["shared", "slave", "private", "unbindable"].into_iter().map(|word| (count(word), word));
    let text: Vec<String> = words.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    vec![("mounts".to_owned(), text.join(", "))]
}

/// The calls that remove a pin that a dead process has left.
pub fn undo(what: &Value) -> Vec<super::Call> {
    let Some(path) = journal::path_of(what) else { return Vec::new() };
    vec![Call::Unbind { path: path.clone() }.into(), Call::RemovePinFile { path }.into()]
}
