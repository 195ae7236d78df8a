//! Mounts by path, and the descriptors of the new mount API.
//!
//! Each call here is one system call, so that `--explain` shows a mount as the kernel sees it. What
//! is mounted *inside* of a root goes through descriptors only; see [`super::rootfs`].

use std::fmt;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use nix::libc;

use super::{Fact, Lesson, Reply, Request, Script, Shell, quote, shell_quote};
use crate::sys::{self, Errno, Fd, Pid, mounts};

pub mod flags;
mod host;
mod lesson;

pub use host::{hide_host, undo};

/// A place or a mount: by path, or by a descriptor that cannot be exchanged for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    /// Resolved by the kernel when the call is made.
    Path(PathBuf),
    /// Resolved already.
    Fd(Fd),
}

impl Spot {
    /// The path that the classic calls take for it.
    fn path(&self) -> sys::Result<PathBuf> {
        match self {
            Self::Path(path) => Ok(path.clone()),
            Self::Fd(fd) => sys::rootfs::proc_path(fd.get()?),
        }
    }

    /// The name for labels and shell commands.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Fd(fd) => fd.label().to_owned(),
        }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(&quote_path(path)),
            Self::Fd(fd) => fd.fmt(f),
        }
    }
}

fn quote_path(path: &Path) -> String {
    quote(path.as_os_str().as_encoded_bytes(), 4096)
}

/// Whose ids an id-mapped mount shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserNamespace {
    /// A namespace file, such as `/proc/PID/ns/user`.
    Path(PathBuf),
    /// That of a process.
    Process(Pid),
    /// An open namespace.
    Fd(Fd),
}

/// A change to mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `mount(2)`. With `keep`, flags that the mount has stay, except those in it.
    Mount {
        /// A device, a path, or any word.
        source: Option<Spot>,
        /// Where.
        target: Spot,
        /// `tmpfs`
        fstype: Option<String>,
        /// `MS_*`
        flags: u64,
        /// For a remount: the flags that may go.
        keep: Option<u64>,
        /// The file system's own options.
        data: Option<String>,
    },
    /// `umount2(2)`
    Unmount {
        /// A mount point, or a descriptor of a mount's root.
        target: Spot,
        /// `MNT_*`
        flags: i32,
    },
    /// `open_tree(2)`: answers a mount.
    OpenTree {
        /// Any path, or a descriptor.
        source: Spot,
        /// A detached copy instead of the mount itself.
        clone: bool,
        /// With everything that is mounted below.
        recursive: bool,
    },
    /// `fsopen(2)`: answers a context.
    FsOpen {
        /// `tmpfs`
        fstype: String,
    },
    /// `fsconfig(2)` with a parameter.
    FsConfig {
        /// The context.
        context: Fd,
        /// The parameter's name.
        key: String,
        /// Its value; without one it is a flag.
        value: Option<String>,
    },
    /// `fsconfig(2)` with `FSCONFIG_CMD_CREATE`.
    FsCreate {
        /// The context.
        context: Fd,
    },
    /// `fsmount(2)`: answers a detached mount.
    FsMount {
        /// The context.
        context: Fd,
        /// What the mount is called from now on.
        name: String,
        /// `MOUNT_ATTR_*`
        attributes: u64,
    },
    /// `mount_setattr(2)`
    SetAttributes {
        /// The mount, or a path on it.
        target: Spot,
        /// Also everything that is mounted below.
        recursive: bool,
        /// Attributes turned on.
        set: u64,
        /// Attributes turned off.
        clear: u64,
        /// `MS_PRIVATE` and its like; 0 leaves it.
        propagation: u64,
        /// Whose ids the mount shows.
        userns: Option<UserNamespace>,
    },
    /// `move_mount(2)`
    MoveMount {
        /// The mount.
        from: Fd,
        /// The place.
        to: Spot,
    },
    /// `open(2)` of a place, with `O_PATH`: answers a descriptor.
    OpenPlace {
        /// Any file.
        path: PathBuf,
        /// `ENOTDIR` where it is no directory.
        directory: bool,
    },
    /// `pivot_root(2)`
    PivotRoot {
        /// The new root.
        new: PathBuf,
        /// Where the old root goes, at or below the new one.
        old: PathBuf,
    },
    /// Unmounts every procfs and sysfs that does not lie below a directory, or covers it with an
    /// empty tmpfs: before a root is left by `chroot`, which does not take them away.
    HideHost {
        /// The new root.
        root: Fd,
    },
    /// `chroot(2)`
    Chroot {
        /// The new root.
        path: PathBuf,
    },
    /// `chdir(2)` or `fchdir(2)`
    Chdir {
        /// The new working directory.
        to: Spot,
    },
}

impl Call {
    /// The label of what the call opens.
    fn label(&self) -> String {
        match self {
            Self::OpenTree { source, .. } => source.name(),
            Self::FsOpen { fstype } => format!("fscontext:{fstype}"),
            Self::FsMount { name, .. } => name.clone(),
            Self::OpenPlace { path, .. } => path.display().to_string(),
            _ => String::new(),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mount { source, target, fstype, flags, keep, data } => {
                let null = || "NULL".to_owned();
                let source = source.as_ref().map_or_else(null, ToString::to_string);
                let fstype = fstype.as_ref().map_or_else(null, |text| quote(text.as_bytes(), 64));
                let data = data.as_ref().map_or_else(null, |text| quote(text.as_bytes(), 4096));
                let kept = if keep.is_some() { " /* and the flags it has */" } else { "" };
                write!(f, "mount({source}, {target}, {fstype}, {}{kept}, {data})", flags::mount_flags(*flags))
            }
            Self::Unmount { target, flags } => write!(f, "umount2({target}, {})", flags::unmount_flags(*flags)),
            Self::OpenTree { source, clone, recursive } => {
                let mut words = vec!["OPEN_TREE_CLOEXEC"];
                if *clone {
                    words.insert(0, "OPEN_TREE_CLONE");
                }
                if *recursive {
                    words.push("AT_RECURSIVE");
                }
                match source {
                    Spot::Path(path) => write!(f, "open_tree(AT_FDCWD, {}, {})", quote_path(path), words.join("|")),
                    Spot::Fd(fd) => write!(f, "open_tree({fd}, \"\", {}|AT_EMPTY_PATH)", words.join("|")),
                }
            }
            Self::FsOpen { fstype } => write!(f, "fsopen({}, FSOPEN_CLOEXEC)", quote(fstype.as_bytes(), 64)),
            Self::FsConfig { context, key, value: Some(value) } => {
                write!(f, "fsconfig({context}, FSCONFIG_SET_STRING, {}, {}, 0)", quote(key.as_bytes(), 64), quote(value.as_bytes(), 256))
            }
            Self::FsConfig { context, key, value: None } => {
                write!(f, "fsconfig({context}, FSCONFIG_SET_FLAG, {}, NULL, 0)", quote(key.as_bytes(), 64))
            }
            Self::FsCreate { context } => write!(f, "fsconfig({context}, FSCONFIG_CMD_CREATE, NULL, NULL, 0)"),
            Self::FsMount { context, attributes, .. } => {
                write!(f, "fsmount({context}, FSMOUNT_CLOEXEC, {})", flags::attributes(*attributes))
            }
            Self::SetAttributes { target, recursive, set, clear, propagation, userns } => {
                let at = if *recursive { "|AT_RECURSIVE" } else { "" };
                write!(f, "mount_setattr({target}, \"\", AT_EMPTY_PATH{at}, {{attr_set={}", flags::attributes(*set))?;
                write!(f, ", attr_clr={}, propagation={}", flags::attributes(*clear), flags::mount_flags(*propagation))?;
                match userns {
                    Some(UserNamespace::Path(path)) => write!(f, ", userns_fd={}}})", quote_path(path)),
                    Some(UserNamespace::Process(pid)) => write!(f, ", userns_fd=</proc/{pid}/ns/user>}})"),
                    Some(UserNamespace::Fd(fd)) => write!(f, ", userns_fd={fd}}})"),
                    None => f.write_str("})"),
                }
            }
            Self::MoveMount { from, to: Spot::Fd(to) } => {
                write!(f, "move_mount({from}, \"\", {to}, \"\", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)")
            }
            Self::MoveMount { from, to: Spot::Path(to) } => {
                write!(f, "move_mount({from}, \"\", AT_FDCWD, {}, MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_SYMLINKS)", quote_path(to))
            }
            Self::OpenPlace { path, directory } => {
                write!(f, "open({}, O_PATH|O_CLOEXEC{})", quote_path(path), if *directory { "|O_DIRECTORY" } else { "" })
            }
            Self::PivotRoot { new, old } => write!(f, "pivot_root({}, {})", quote_path(new), quote_path(old)),
            Self::HideHost { root } => write!(f, "umount2(</proc and /sys outside of {root}>, MNT_DETACH)"),
            Self::Chroot { path } => write!(f, "chroot({})", quote_path(path)),
            Self::Chdir { to: Spot::Path(path) } => write!(f, "chdir({})", quote_path(path)),
            Self::Chdir { to: Spot::Fd(fd) } => write!(f, "fchdir({fd})"),
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Mount { source, target, fstype, flags, keep, data } => {
                let source = source.as_ref().map(Spot::path).transpose()?;
                let target = target.path()?;
                let kept = keep.map_or(Ok(0), |gone| Ok(mounts::kept_flags(mounts::open_place(&target, false)?)? & !gone))?;
                mounts::mount(source.as_deref(), &target, fstype.as_deref(), flags | kept, data.as_deref().map(str::as_bytes))?;
            }
            Self::Unmount { target: Spot::Path(path), flags } => mounts::unmount(path, *flags)?,
            Self::Unmount { target: Spot::Fd(fd), flags } => mounts::unmount_fd(fd.get()?, *flags)?,
            Self::OpenTree { source, clone, recursive } => {
                let flags = (u32::from(*clone) * mounts::CLONE) | (u32::from(*recursive) * mounts::RECURSIVE);
                let fd = match source {
                    Spot::Path(path) => mounts::open_tree(path, flags)?,
                    Spot::Fd(fd) => mounts::open_tree_fd(fd.get()?, flags)?,
                };
                return Ok(Reply::Fd(Fd::new(self.label(), fd)));
            }
            Self::FsOpen { fstype } => return Ok(Reply::Fd(Fd::new(self.label(), mounts::fsopen(fstype)?))),
            Self::FsConfig { context, key, value } => mounts::fsconfig(context.get()?, key, value.as_deref())?,
            Self::FsCreate { context } => mounts::fsconfig_create(context.get()?)?,
            Self::FsMount { context, attributes, .. } => {
                return Ok(Reply::Fd(Fd::new(self.label(), mounts::fsmount(context.get()?, *attributes)?)));
            }
            Self::SetAttributes { target, recursive, set, clear, propagation, userns } => {
                let userns = userns.as_ref().map(host::open_user_namespace).transpose()?;
                let raw = match &userns {
                    Some(fd) => u64::try_from(fd.as_raw_fd()).map_err(|_| Errno::EBADF)?,
                    None => 0,
                };
                let wanted = mounts::Attributes { set: *set, clear: *clear, propagation: *propagation, userns: raw };
                match target {
                    Spot::Path(path) => mounts::set_attributes(mounts::open_place(path, false)?.as_fd(), wanted, *recursive)?,
                    Spot::Fd(fd) => mounts::set_attributes(fd.get()?, wanted, *recursive)?,
                }
            }
            Self::MoveMount { from, to: Spot::Fd(to) } => mounts::move_mount(from.get()?, to.get()?)?,
            Self::MoveMount { from, to: Spot::Path(to) } => mounts::move_mount_to(from.get()?, to)?,
            Self::OpenPlace { path, directory } => return Ok(Reply::Fd(Fd::new(self.label(), mounts::open_place(path, *directory)?))),
            Self::PivotRoot { new, old } => mounts::pivot_root(new, old)?,
            Self::HideHost { root } => hide_host(root)?,
            Self::Chroot { path } => mounts::chroot(path)?,
            Self::Chdir { to: Spot::Path(path) } => mounts::chdir(path)?,
            Self::Chdir { to: Spot::Fd(fd) } => mounts::fchdir(fd.get()?)?,
        }
        Ok(Reply::Done)
    }

    fn planned(&self) -> Reply {
        match self {
            Self::OpenTree { .. } | Self::FsOpen { .. } | Self::FsMount { .. } | Self::OpenPlace { .. } => {
                Reply::Fd(Fd::planned(self.label()))
            }
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
        let word = |spot: &Spot| shell_quote(&spot.name());
        match self {
            Self::Mount { source, target, fstype, flags, data, .. } => {
                host::shell(source.as_ref(), target, fstype.as_deref(), *flags, data.as_deref())
            }
            Self::Unmount { target, flags } => {
                let lazy = if flags & libc::MNT_DETACH == 0 { "" } else { "-l " };
                Shell::Exact(format!("umount {lazy}{}", word(target)))
            }
            Self::OpenTree { source, recursive, .. } => {
                let bind = if *recursive { "--rbind" } else { "--bind" };
                Shell::Close(format!("mount {bind} {} …", word(source)), "attached at once instead of by move_mount")
            }
            Self::FsMount { name, .. } => Shell::Close(format!("mount -t {name} …"), "attached at once instead of by move_mount"),
            Self::SetAttributes { target, propagation, .. } => {
                let known = flags::PROPAGATION.iter().find(|(_, bits)| bits == propagation);
                match known {
                    Some((name, _)) => Shell::Close(format!("mount --make-{name} {}", word(target)), "by path"),
                    None => Shell::Close(format!("mount -o remount,bind,… {}", word(target)), "one mount, by path"),
                }
            }
            Self::PivotRoot { new, old } => {
                Shell::Exact(format!("pivot_root {} {}", shell_quote(&new.display().to_string()), shell_quote(&old.display().to_string())))
            }
            Self::Chroot { path } => {
                Shell::Close(format!("chroot {}", shell_quote(&path.display().to_string())), "starts a program as well")
            }
            Self::Chdir { to } => Shell::Exact(format!("cd {}", word(to))),
            _ => Shell::None,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        host::facts(self)
    }

    fn irreversible(&self) -> bool {
        matches!(self, Self::PivotRoot { .. } | Self::Chroot { .. })
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        host::hint(self, errno)
    }
}
