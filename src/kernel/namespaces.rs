//! Namespaces: entering, leaving, pinning and listing them; id maps and time offsets.

use std::fmt;
use std::path::PathBuf;

use nix::mount::MsFlags;

use super::{Fact, Kinds, Reply, Request, Shell, quote};
use crate::sys::namespaces::ids::{Range, map_text};
use crate::sys::{self, Errno, Pid};

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

/// A change of this topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `unshare(2)`
    Unshare {
        /// The kinds of namespaces that the caller gets of its own.
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
    /// A write to `/proc/PID/setgroups`, before the group map.
    SetGroups {
        /// The process; the caller itself where there is none.
        pid: Option<Pid>,
        /// Whether `setgroups(2)` may be called in the namespace.
        allow: bool,
    },
}

/// A file of a process in `/proc`, with the process's name in plans.
fn shown(pid: Option<&Pid>, file: &str) -> String {
    pid.map_or_else(|| format!("/proc/self/{file}"), |pid| format!("/proc/{pid}/{file}"))
}

/// The same file as the kernel knows it.
fn real(pid: Option<&Pid>, file: &str) -> sys::Result<PathBuf> {
    Ok(match pid {
        None => format!("/proc/self/{file}").into(),
        Some(pid) => format!("/proc/{}/{file}", pid.raw()?).into(),
    })
}

fn map_file(ids: Ids) -> String {
    format!("{}_map", ids.word())
}

fn setgroups_word(allow: bool) -> &'static str {
    if allow { "allow" } else { "deny" }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unshare { kinds } => write!(f, "unshare({})", kinds.flags()),
            Self::Propagate { how } => write!(f, "mount(NULL, \"/\", NULL, MS_REC|{}, NULL)", how.parts().1),
            Self::WriteMap { pid, ids, ranges } => {
                let text = map_text(ranges);
                write!(f, "write(<{}>, {}, {})", shown(pid.as_ref(), &map_file(*ids)), quote(text.as_bytes(), 64), text.len())
            }
            Self::SetGroups { pid, allow } => {
                let word = setgroups_word(*allow);
                write!(f, "write(<{}>, \"{word}\", {})", shown(pid.as_ref(), "setgroups"), word.len())
            }
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Unshare { kinds } => sys::namespaces::unshare(kinds.bits())?,
            Self::Propagate { how } => sys::namespaces::set_propagation(how.parts().2)?,
            Self::WriteMap { pid, ids, ranges } => {
                sys::namespaces::write_once(&real(pid.as_ref(), &map_file(*ids))?, &map_text(ranges))?;
            }
            Self::SetGroups { pid, allow } => {
                sys::namespaces::write_once(&real(pid.as_ref(), "setgroups")?, setgroups_word(*allow))?;
            }
        }
        Ok(Reply::Done)
    }

    fn shell(&self) -> Shell {
        match self {
            Self::Unshare { kinds } => Shell::Close(
                format!("unshare {} sh", long_options(*kinds)),
                "a shell cannot change its own namespaces: unshare(1) starts another in them",
            ),
            Self::Propagate { how } => Shell::Exact(format!("mount --make-r{} /", how.parts().0)),
            Self::WriteMap { pid, ids, ranges } => {
                let text = map_text(ranges);
                Shell::Exact(format!("printf '{}' > {}", text.replace('\n', "\\n"), shown(pid.as_ref(), &map_file(*ids))))
            }
            Self::SetGroups { pid, allow } => {
                Shell::Exact(format!("echo {} > {}", setgroups_word(*allow), shown(pid.as_ref(), "setgroups")))
            }
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let file = |pid: &Option<Pid>, name: &str| {
            let text = real(pid.as_ref(), name).ok().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
            let text = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", ");
            vec![(shown(pid.as_ref(), name), if text.is_empty() { "(empty)".to_owned() } else { text })]
        };
        match self {
            Self::Unshare { kinds } => links(*kinds),
            Self::Propagate { .. } => Vec::new(),
            Self::WriteMap { pid, ids, .. } => file(pid, &map_file(*ids)),
            Self::SetGroups { pid, .. } => file(pid, "setgroups"),
        }
    }

    fn irreversible(&self) -> bool {
        matches!(self, Self::WriteMap { .. })
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::Unshare { kinds }, Errno::EPERM) if !kinds.contains(Kinds::USER) => {
                "namespaces other than user need CAP_SYS_ADMIN: add \"user\" to the list, or run as root"
            }
            (Self::Unshare { .. }, Errno::EPERM) => {
                "user namespaces are restricted here (see /proc/sys/kernel/unprivileged_userns_clone and /proc/sys/kernel/apparmor_restrict_unprivileged_userns), or the process is in a chroot"
            }
            (Self::Unshare { .. }, Errno::ENOSPC) => {
                "the limit of namespaces, or of their nesting (32), is reached: see /proc/sys/user/max_*_namespaces"
            }
            (Self::Unshare { .. }, Errno::EUSERS) => "user namespaces nest at most 32 deep",
            (Self::Unshare { .. }, Errno::EINVAL) => {
                "this kernel lacks a kind of the list (time: 5.6, cgroup: 4.6), or \"pid\" or \"time\" was unshared before and has no child yet"
            }
            (Self::Propagate { .. }, Errno::EINVAL) => "/ is not a mount point here (a chroot): use { propagation = \"unchanged\" }",
            (Self::WriteMap { .. }, Errno::EPERM) => {
                "a map is written once; without CAP_SETUID and CAP_SETGID above it is one line with the caller's own id, after setgroups = \"deny\": use \"auto\" for the ranges of /etc/subuid"
            }
            (Self::WriteMap { .. }, Errno::EINVAL) => "the ranges overlap, or an outside id is not mapped in this namespace",
            (Self::SetGroups { .. }, Errno::EPERM) => {
                "setgroups can be denied only before the group map is written, and never allowed again"
            }
            (Self::WriteMap { .. } | Self::SetGroups { .. }, Errno::EACCES) => {
                "the process belongs to another user, or is not dumpable, so its files in /proc are root's"
            }
            (Self::WriteMap { .. } | Self::SetGroups { .. }, Errno::ENOENT) => "the process has ended, or /proc is not mounted",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// `--mount --pid`: the options of unshare(1) and nsenter(1).
fn long_options(kinds: Kinds) -> String {
    let long = |word: &&str| format!("--{}", if *word == "mnt" { "mount" } else { word });
    kinds.words().iter().map(long).collect::<Vec<_>>().join(" ")
}

/// The caller's own namespaces of these kinds, as `/proc/self/ns` shows them.
///
/// What only children will be in shows as `pid_for_children` and `time_for_children`.
fn links(kinds: Kinds) -> Vec<Fact> {
    let mut facts = Vec::new();
    for word in kinds.words() {
        let file = if matches!(word, "pid" | "time") { format!("{word}_for_children") } else { word.to_owned() };
        // A pid namespace without its first process cannot be read.
        let target = std::fs::read_link(format!("/proc/self/ns/{file}"));
        facts.push((format!("ns/{file}"), target.map_or_else(|_| "(new, still empty)".to_owned(), |link| link.display().to_string())));
    }
    facts
}
