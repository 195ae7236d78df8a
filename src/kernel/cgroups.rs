//! Control groups: v1, v2, hybrid or none, in one vocabulary.
//!
//! A call here is a step that people would take in a shell: make a directory, write a file, move
//! a process. Where v1 needs an order that depends on what stands in the files at that moment,
//! the call holds all the writes, and finds the order when it runs.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Fact, Kept, Lesson, Reply, Request, Script, Shell, journal, quote, shell_quote};
use crate::sys::cgroups::{self as sys_cgroups, Version};
use crate::sys::{self, Errno, Fd, Pid};

pub mod devices;
mod lesson;
pub mod limits;

pub use lesson::group_name;

/// A change to a control group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `mkdir(2)` of a group; one that is there already is fine.
    Make {
        /// The group.
        dir: PathBuf,
    },
    /// Makes controllers available below a v2 group.
    Enable {
        /// The group above.
        dir: PathBuf,
        /// `memory`, `pids` …
        controllers: Vec<String>,
        /// Whether one that cannot be had is passed over.
        lenient: bool,
    },
    /// The reverse of [`Call::Enable`].
    Disable {
        /// The group above.
        dir: PathBuf,
        /// `memory`, `pids` …
        controllers: Vec<String>,
    },
    /// Gives a new v1 cpuset what its parent has.
    InheritCpuset {
        /// The new group.
        dir: PathBuf,
    },
    /// Writes files of one group that keep each other in bounds.
    Write {
        /// Files and their values.
        writes: Vec<(PathBuf, String)>,
    },
    /// The weight of a group, or of a device in it, in whichever file this kernel has for it.
    Weight {
        /// The group.
        dir: PathBuf,
        /// Its version.
        version: Version,
        /// `8:0`; the group's default without it.
        device: Option<String>,
        /// 1 to 10000.
        weight: u64,
    },
    /// The program that decides over devices on v2.
    Devices {
        /// The group.
        dir: PathBuf,
        /// In order.
        rules: Vec<devices::Rule>,
    },
    /// `open(2)` of a group's directory, or of one of its files for writing.
    Open {
        /// What is opened.
        path: PathBuf,
        /// Whether it is a file that will be written.
        write: bool,
    },
    /// Moves the caller: writes "0".
    Enter {
        /// A `tasks` (v1) or `cgroup.procs` (v2) file.
        file: Fd,
    },
    /// Moves another process.
    Add {
        /// The group.
        dir: PathBuf,
        /// The process.
        pid: Pid,
    },
    /// Freezes or thaws, and waits until it is so.
    Freeze {
        /// The group: on v1 its place in the freezer hierarchy.
        dir: PathBuf,
        /// Its version.
        version: Version,
        /// Or thaw.
        frozen: bool,
    },
    /// Kills all members, nested ones too.
    Kill {
        /// The group's places.
        dirs: Vec<PathBuf>,
        /// Its place in v1's freezer hierarchy.
        freezer: Option<PathBuf>,
    },
    /// Removes a group and those below it.
    Remove {
        /// The group.
        dir: PathBuf,
    },
    /// Removes a group if nobody uses it.
    RemoveUnused {
        /// The group.
        dir: PathBuf,
    },
    /// Gives a v2 group to a user.
    Delegate {
        /// The group.
        dir: PathBuf,
        /// The files that go along.
        files: Vec<String>,
        /// The new owner.
        uid: u32,
        /// The new group.
        gid: u32,
    },
    /// Asks for notice of events in a file of a group.
    Watch {
        /// `memory.oom_control` (v1), or an events file (v2).
        file: PathBuf,
        /// Which of the two.
        version: Version,
    },
}

/// A write in strace's notation.
fn writing(path: &Path, value: &str) -> String {
    format!("write(<{}>, {}, {})", path.display(), quote(value.as_bytes(), 64), value.len())
}

fn enabling(sign: char, controllers: &[String]) -> String {
    controllers.iter().map(|name| format!("{sign}{name}")).collect::<Vec<_>>().join(" ")
}

/// The files that may have a weight, the first that exists is written, with its value.
fn weights(version: Version, device: Option<&str>, weight: u64) -> Vec<(String, String)> {
    let old = limits::io_weight_v1(weight);
    let bfq = weight.clamp(1, 1000);
    match (version, device) {
        (Version::V2, device) => {
            let target = device.unwrap_or("default");
            vec![("io.weight".into(), format!("{target} {weight}")), ("io.bfq.weight".into(), format!("{target} {bfq}"))]
        }
        (Version::V1, None) => vec![("blkio.weight".into(), old.to_string()), ("blkio.bfq.weight".into(), old.to_string())],
        (Version::V1, Some(device)) => {
            vec![("blkio.weight_device".into(), format!("{device} {old}")), ("blkio.bfq.weight_device".into(), format!("{device} {old}"))]
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &Path| quote(path.as_os_str().as_encoded_bytes(), 4096);
        match self {
            Self::Make { dir } => write!(f, "mkdir({}, 0755)", path(dir)),
            Self::Enable { dir, controllers, .. } => {
                f.write_str(&writing(&dir.join("cgroup.subtree_control"), &enabling('+', controllers)))
            }
            Self::Disable { dir, controllers } => f.write_str(&writing(&dir.join("cgroup.subtree_control"), &enabling('-', controllers))),
            Self::InheritCpuset { dir } => write!(f, "write(<{0}/cpuset.cpus>, …), write(<{0}/cpuset.mems>, …)", dir.display()),
            Self::Write { writes } => {
                let all: Vec<_> = writes.iter().map(|(path, value)| writing(path, value)).collect();
                f.write_str(&all.join(", "))
            }
            Self::Weight { dir, version, device, weight } => {
                let files = weights(*version, device.as_deref(), *weight);
                let all: Vec<_> = files.iter().map(|(file, value)| writing(&dir.join(file), value)).collect();
                f.write_str(&all.join(" or "))
            }
            Self::Devices { dir, rules } => write!(
                f,
                "bpf(BPF_PROG_LOAD, {{prog_type=BPF_PROG_TYPE_CGROUP_DEVICE, insn_cnt={}}}), bpf(BPF_PROG_ATTACH, {{target=<{}>, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI}})",
                devices::program(rules).len(),
                dir.display()
            ),
            Self::Open { path: file, write } => {
                write!(f, "open({}, {}|O_CLOEXEC)", path(file), if *write { "O_WRONLY" } else { "O_RDONLY|O_DIRECTORY" })
            }
            Self::Enter { file } => write!(f, "write({file}, \"0\", 1)"),
            Self::Add { dir, pid } => write!(f, "write(<{}/cgroup.procs>, \"{pid}\")", dir.display()),
            Self::Freeze { dir, version, frozen } => {
                let (file, value) = match (version, frozen) {
                    (Version::V1, true) => ("freezer.state", "FROZEN"),
                    (Version::V1, false) => ("freezer.state", "THAWED"),
                    (Version::V2, true) => ("cgroup.freeze", "1"),
                    (Version::V2, false) => ("cgroup.freeze", "0"),
                };
                f.write_str(&writing(&dir.join(file), value))
            }
            Self::Kill { dirs, freezer } => {
                let at = freezer.as_ref().or(dirs.first()).map_or_else(String::new, |dir| dir.display().to_string());
                write!(f, "kill(<{at}/cgroup.procs>, SIGKILL)")
            }
            Self::Remove { dir } | Self::RemoveUnused { dir } => write!(f, "rmdir({})", path(dir)),
            Self::Delegate { dir, files, uid, gid } => {
                write!(f, "lchown({}, {uid}, {gid}) /* and {} files */", path(dir), files.len())
            }
            Self::Watch { file, version: Version::V1 } => {
                write!(f, "eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK), write(<…/cgroup.event_control>, \"<eventfd> <{}>\")", file.display())
            }
            Self::Watch { file, version: Version::V2 } => write!(f, "open({}, O_RDONLY|O_CLOEXEC)", path(file)),
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Make { dir } => sys_cgroups::make(dir)?,
            Self::Enable { dir, controllers, lenient } => sys_cgroups::enable(dir, controllers, *lenient)?,
            Self::Disable { dir, controllers } => {
                sys_cgroups::write(&dir.join("cgroup.subtree_control"), &enabling('-', controllers))?;
            }
            Self::InheritCpuset { dir } => sys_cgroups::inherit_cpuset(dir)?,
            Self::Write { writes } => sys_cgroups::write_together(writes)?,
            Self::Weight { dir, version, device, weight } => {
                let mut result = Err(Errno::ENOENT);
                for (file, value) in weights(*version, device.as_deref(), *weight) {
                    result = sys_cgroups::write(&dir.join(file), &value);
                    if result != Err(Errno::ENOENT) {
                        break;
                    }
                }
                result?;
            }
            Self::Devices { dir, rules } => {
                let group = sys_cgroups::open(dir, false)?;
                sys_cgroups::bpf::replace(std::os::fd::AsFd::as_fd(&group), &devices::program(rules))?;
            }
            Self::Open { path, write } => {
                return sys_cgroups::open(path, *write).map(|fd| Reply::Fd(Fd::new(path.display().to_string(), fd)));
            }
            Self::Enter { file } => sys_cgroups::enter(file.get()?)?,
            Self::Add { dir, pid } => sys_cgroups::write(&dir.join("cgroup.procs"), &pid.raw()?.to_string())?,
            Self::Freeze { dir, version, frozen } => sys_cgroups::freeze(dir, *version, *frozen)?,
            Self::Kill { dirs, freezer } => sys_cgroups::kill(dirs, freezer.as_deref())?,
            Self::Remove { dir } => sys_cgroups::remove(dir)?,
            Self::RemoveUnused { dir } => sys_cgroups::remove_unused(dir)?,
            Self::Delegate { dir, files, uid, gid } => sys_cgroups::delegate(dir, files, *uid, *gid)?,
            Self::Watch { file, version } => {
                let fd = match version {
                    Version::V1 => sys_cgroups::watch(file)?,
                    Version::V2 => std::fs::File::open(file).map_err(sys::files::errno)?.into(),
                };
                return Ok(Reply::Fd(Fd::new(file.display().to_string(), fd)));
            }
        }
        Ok(Reply::Done)
    }

    fn planned(&self) -> Reply {
        match self {
            Self::Open { path, .. } | Self::Watch { file: path, .. } => Reply::Fd(Fd::planned(path.display().to_string())),
            _ => Reply::Done,
        }
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn script(&self) -> Script {
        lesson::script(self, self.shell())
    }

    fn shell(&self) -> Shell {
        let word = |path: &Path| shell_quote(&path.display().to_string());
        let echo = |value: &str, path: &Path| format!("echo {} > {}", shell_quote(value), word(path));
        match self {
            Self::Make { dir } => Shell::Exact(format!("mkdir -p {}", word(dir))),
            Self::Enable { dir, controllers, .. } => Shell::Exact(echo(&enabling('+', controllers), &dir.join("cgroup.subtree_control"))),
            Self::Disable { dir, controllers } => Shell::Exact(echo(&enabling('-', controllers), &dir.join("cgroup.subtree_control"))),
            Self::InheritCpuset { dir } => {
                let above = dir.parent().unwrap_or(dir);
                let copy = |name: &str| format!("cat {} > {}", word(&above.join(name)), word(&dir.join(name)));
                Shell::Exact(format!("{}; {}", copy("cpuset.cpus"), copy("cpuset.mems")))
            }
            Self::Write { writes } => Shell::Exact(writes.iter().map(|(path, value)| echo(value, path)).collect::<Vec<_>>().join("; ")),
            Self::Weight { dir, version, device, weight } => {
                let files = weights(*version, device.as_deref(), *weight);
                Shell::Exact(files.iter().map(|(file, value)| echo(value, &dir.join(file))).collect::<Vec<_>>().join(" || "))
            }
            // echo is a part of the shell: it is the shell that writes, and that moves.
            Self::Enter { file } => Shell::Exact(format!("echo 0 > {}", shell_quote(file.label()))),
            Self::Add { dir, pid } => Shell::Exact(format!("echo {pid} > {}", word(&dir.join("cgroup.procs")))),
            Self::Freeze { dir, version: Version::V1, frozen } => {
                Shell::Close(echo(if *frozen { "FROZEN" } else { "THAWED" }, &dir.join("freezer.state")), "does not wait until it is so")
            }
            Self::Freeze { dir, version: Version::V2, frozen } => {
                Shell::Close(echo(if *frozen { "1" } else { "0" }, &dir.join("cgroup.freeze")), "does not wait until it is so")
            }
            Self::Kill { dirs, .. } => {
                let dir = dirs.first().map_or_else(String::new, |dir| word(dir));
                Shell::Close(format!("kill -9 $(cat {dir}/cgroup.procs)"), "once, without the groups below")
            }
            Self::Remove { dir } => Shell::Close(format!("rmdir {}", word(dir)), "the groups below come first"),
            Self::RemoveUnused { dir } => Shell::Exact(format!("rmdir {}", word(dir))),
            Self::Delegate { dir, files, uid, gid } => {
                let files: Vec<_> = files.iter().map(|file| word(&dir.join(file))).collect();
                Shell::Exact(format!("chown {uid}:{gid} {} {}", word(dir), files.join(" ")))
            }
            Self::Devices { .. } | Self::Open { .. } | Self::Watch { .. } => Shell::None,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        lesson::facts(self)
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::Enable { .. }, Errno::EBUSY) => {
                "the group has processes of its own, and cgroup v2 lets only groups without any share out controllers: move them down first, for this process with `cgroup_set(\"main\", {}):enter()`"
            }
            (Self::Enable { .. }, Errno::ENOENT | Errno::EINVAL) => {
                "the group was not given these controllers from above: see its cgroup.controllers, and cgroup_may()"
            }
            (Self::Enable { .. }, Errno::EOPNOTSUPP) => "the group is threaded: it can share out only the controllers of threads",
            (Self::Make { .. } | Self::Enable { .. }, Errno::EACCES | Errno::EPERM | Errno::EROFS) => {
                "the group above does not belong to this user: have it delegated (`systemd-run --user --scope -p Delegate=yes`), or run as root"
            }
            (Self::Make { .. }, Errno::EAGAIN) => "a group above limits how many may be below it: see cgroup.max.descendants",
            (Self::Write { .. }, Errno::ENOENT) => {
                "this kernel, or this hierarchy, has no such file: the controller is missing or not enabled"
            }
            (Self::Write { .. }, Errno::EBUSY) => "the group uses more than the new limit, and not enough can be taken back",
            (Self::Write { .. }, Errno::EINVAL) => {
                "the kernel does not take this value: it is out of range, or wider than what the group above has"
            }
            (Self::Weight { .. }, Errno::ENOENT) => "no scheduler of block devices here knows weights: the kernel needs bfq or io.cost",
            (Self::Write { .. } | Self::Weight { .. }, Errno::ENODEV) => "there is no such device, or it is a partition",
            (Self::Devices { .. }, Errno::EPERM) => {
                "device rules need CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, in the first user namespace"
            }
            (Self::Enter { .. } | Self::Add { .. }, Errno::EBUSY) => {
                "the group shares out controllers, so cgroup v2 wants its processes in groups below it"
            }
            (Self::Enter { .. } | Self::Add { .. }, Errno::ENOSPC) => "the cpuset is empty: set `cpuset` and `cpuset_mems`",
            (Self::Enter { .. } | Self::Add { .. } | Self::Open { .. }, Errno::EACCES | Errno::EPERM) => {
                "moving a process needs write rights on both groups and on the nearest that is above both"
            }
            (Self::Add { .. }, Errno::ESRCH) => "the process has ended",
            (Self::Freeze { .. }, Errno::ETIMEDOUT) => "a member stands in the kernel and cannot be stopped (state D)",
            (Self::Freeze { .. }, Errno::ENOENT) => "freezing needs Linux 5.2 on cgroup v2, or v1's freezer hierarchy",
            (Self::Remove { .. } | Self::Kill { .. }, Errno::EBUSY) => "members remain: see cgroup:pids(); a process in state D dies later",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// What the journal is told of a group: where it is, where it is frozen, what was made above it.
#[must_use]
pub fn kept(dirs: &[PathBuf], freezer: Option<&Path>, above: &[PathBuf]) -> Kept {
    let written = |dirs: &[PathBuf]| dirs.iter().map(|dir| journal::written(dir)).collect::<Vec<_>>();
    Kept::new("cgroup", json!({ "dirs": written(dirs), "freezer": freezer.map(journal::written), "above": written(above) }))
}

/// The calls that remove a group that a dead process has left. Groups of a name may be in other
/// hierarchies each time: what is in one of the `living` is that one's.
pub fn undo(what: &Value, living: &[&Value]) -> Vec<super::Call> {
    let paths =
        |of: &Value, name: &str| -> Vec<PathBuf> { of[name].as_array().into_iter().flatten().filter_map(journal::path_of).collect() };
    let taken: Vec<PathBuf> = living.iter().flat_map(|of| paths(of, "dirs")).collect();
    let free = |dir: &PathBuf| !taken.contains(dir);
    let dirs: Vec<PathBuf> = paths(what, "dirs").into_iter().filter(free).collect();
    let freezer = journal::path_of(&what["freezer"]).filter(free);
    removal(&dirs, freezer, &paths(what, "above")).into_iter().map(Into::into).collect()
}

/// Kill what is left, then remove, then what was made on the way there.
#[must_use]
pub fn removal(dirs: &[PathBuf], freezer: Option<PathBuf>, above: &[PathBuf]) -> Vec<Call> {
    let mut calls = vec![Call::Kill { dirs: dirs.to_vec(), freezer }];
    calls.extend(dirs.iter().map(|dir| Call::Remove { dir: dir.clone() }));
    calls.extend(above.iter().rev().map(|dir| Call::RemoveUnused { dir: dir.clone() }));
    calls
}
