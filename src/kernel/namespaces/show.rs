//! How this topic's calls read: in strace's notation, as commands, and what to do when they fail.

use std::fmt;
use std::path::Path;

use super::{Call, Ids, Target, mapper_arguments, offsets_text};
use crate::kernel::{Kinds, Shell, quote, shell_quote};
use crate::sys::namespaces::ids::map_text;
use crate::sys::{Errno, Pid};

/// A file of a process in `/proc`, with the process's name in plans.
pub fn shown(pid: Option<&Pid>, file: &str) -> String {
    pid.map_or_else(|| format!("/proc/self/{file}"), |pid| format!("/proc/{pid}/{file}"))
}

pub fn map_file(ids: Ids) -> String {
    format!("{}_map", ids.word())
}

pub fn setgroups_word(allow: bool) -> &'static str {
    if allow { "allow" } else { "deny" }
}

/// `--mount --pid`: the options of unshare(1) and nsenter(1).
pub fn long_options(kinds: Kinds) -> String {
    let long = |word: &&str| format!("--{}", if *word == "mnt" { "mount" } else { word });
    kinds.words().iter().map(long).collect::<Vec<_>>().join(" ")
}

fn path(path: &Path) -> String {
    quote(path.as_os_str().as_encoded_bytes(), 4096)
}

fn word(path: &Path) -> String {
    shell_quote(&path.display().to_string())
}

impl Call {
    pub(super) fn notation(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |f: &mut fmt::Formatter<'_>, file: &str, text: &str| {
            write!(f, "write(<{file}>, {}, {})", quote(text.as_bytes(), 64), text.len())
        };
        match self {
            Self::Unshare { kinds } => write!(f, "unshare({})", kinds.flags()),
            Self::Open { source } => write!(f, "open({}, O_RDONLY|O_CLOEXEC)", quote(source.label().as_bytes(), 4096)),
            Self::SetNs { target, kinds } => {
                let (Target::Namespace(fd) | Target::Process(_, fd)) = target;
                write!(f, "setns({fd}, {})", kinds.flags())
            }
            Self::Propagate { how } => write!(f, "mount(NULL, \"/\", NULL, MS_REC|{}, NULL)", how.parts().1),
            Self::WriteMap { pid, ids, ranges } => write(f, &shown(pid.as_ref(), &map_file(*ids)), &map_text(ranges)),
            Self::RunMapper { pid, ids, ranges } => {
                let program = format!("new{}map", ids.word());
                let args: Vec<_> = mapper_arguments(&pid.to_string(), ranges).iter().map(|arg| quote(arg.as_bytes(), 64)).collect();
                write!(f, "execve(\"{program}\", [\"{program}\", {}])", args.join(", "))
            }
            Self::SetGroups { pid, allow } => write(f, &shown(pid.as_ref(), "setgroups"), setgroups_word(*allow)),
            Self::SetOffsets { offsets } => write(f, "/proc/self/timens_offsets", &offsets_text(offsets)),
            Self::MakePinFile { path: file } => write!(f, "open({}, O_RDONLY|O_CREAT|O_EXCL|O_CLOEXEC, 000)", path(file)),
            Self::Bind { namespace, path: file } => write!(f, "mount({namespace}, {}, NULL, MS_BIND, NULL)", path(file)),
            Self::Unbind { path: file } => write!(f, "umount2({}, MNT_DETACH|UMOUNT_NOFOLLOW)", path(file)),
            Self::RemovePinFile { path: file } => write!(f, "unlink({})", path(file)),
        }
    }

    pub(super) fn command(&self) -> Shell {
        let printf = |text: &str, file: &str| Shell::Exact(format!("printf '{}' > {file}", text.replace('\n', "\\n")));
        match self {
            Self::Unshare { kinds } => Shell::Close(
                format!("unshare {} sh", long_options(*kinds)),
                "a shell cannot change its own namespaces: unshare(1) starts another in them",
            ),
            Self::Open { source } => Shell::Exact(format!("exec 3< {}", shell_quote(&source.label()))),
            Self::SetNs { target: Target::Namespace(fd), kinds } => {
                let kind = kinds.words().first().map_or("KIND", |word| if *word == "mnt" { "mount" } else { word });
                Shell::Close(format!("nsenter --{kind}={} sh", shell_quote(fd.label())), "nsenter(1) starts a shell in it")
            }
            Self::SetNs { target: Target::Process(pid, _), kinds } => {
                Shell::Close(format!("nsenter --target {pid} {} sh", long_options(*kinds)), "nsenter(1) starts a shell in them")
            }
            Self::Propagate { how } => Shell::Exact(format!("mount --make-r{} /", how.parts().0)),
            Self::WriteMap { pid, ids, ranges } => printf(&map_text(ranges), &shown(pid.as_ref(), &map_file(*ids))),
            Self::RunMapper { pid, ids, ranges } => {
                Shell::Exact(format!("new{}map {}", ids.word(), mapper_arguments(&pid.to_string(), ranges).join(" ")))
            }
            Self::SetGroups { pid, allow } => printf(setgroups_word(*allow), &shown(pid.as_ref(), "setgroups")),
            Self::SetOffsets { offsets } => printf(&offsets_text(offsets), "/proc/self/timens_offsets"),
            Self::MakePinFile { path } => Shell::Exact(format!("(set -C; : > {})", word(path))),
            Self::Bind { namespace, path } => Shell::Exact(format!("mount --bind {} {}", shell_quote(namespace.label()), word(path))),
            Self::Unbind { path } => Shell::Exact(format!("umount --lazy {}", word(path))),
            Self::RemovePinFile { path } => Shell::Exact(format!("rm {}", word(path))),
        }
    }

    pub(super) fn advice(&self, errno: Errno) -> Option<&'static str> {
        Some(match (self, errno) {
            (Self::Unshare { kinds }, Errno::EPERM) if !kinds.contains(Kinds::USER) => {
                "namespaces other than user need CAP_SYS_ADMIN: add \"user\" to the list, or run as root"
            }
            (Self::Unshare { .. }, Errno::EPERM) => {
                "user namespaces are restricted here (see /proc/sys/kernel/unprivileged_userns_clone and /proc/sys/kernel/apparmor_restrict_unprivileged_userns), or the process is in a chroot, or its own id is not mapped"
            }
            (Self::Unshare { .. }, Errno::ENOSPC | Errno::EUSERS) => {
                "the limit of namespaces, or of their nesting (32), is reached: see /proc/sys/user/max_*_namespaces"
            }
            (Self::Unshare { .. }, Errno::EINVAL) => {
                "this kernel lacks a kind of the list (time: 5.6), or \"pid\" was unshared before and has no child yet"
            }
            (Self::Open { .. }, Errno::EINVAL) => "this file is no namespace: one is /proc/PID/ns/KIND, or a file that one was pinned to",
            (Self::Open { .. }, Errno::ENOENT) => {
                "no such file; a process that has ended has no namespaces, and an unshared pid namespace has none before its first child"
            }
            (Self::Open { .. }, Errno::EACCES) => "the namespaces of a process can be opened by its owner and by CAP_SYS_PTRACE",
            (Self::SetNs { .. }, Errno::EPERM) => {
                "CAP_SYS_ADMIN is needed here and in the user namespace that owns the target: enter that one (\"user\") first"
            }
            (Self::SetNs { kinds, .. }, Errno::EINVAL) if kinds.contains(Kinds::USER) => {
                "the process is in that user namespace already: leave \"user\" out of the list"
            }
            (Self::SetNs { kinds, .. }, Errno::EINVAL) if kinds.contains(Kinds::PID) => {
                "only the caller's own pid namespace and those below it can be entered"
            }
            (Self::SetNs { .. }, Errno::ESRCH) => "the process has ended",
            (Self::Propagate { .. }, Errno::EINVAL) => "/ is not a mount point here (a chroot): use { propagation = \"unchanged\" }",
            (Self::WriteMap { .. }, Errno::EPERM) => {
                "a map is written once; without CAP_SETUID and CAP_SETGID above it is one line with the caller's own id, after setgroups = \"deny\": \"auto\" takes the ranges of /etc/subuid"
            }
            (Self::WriteMap { .. }, Errno::EINVAL) => {
                "an outside id is not mapped in the namespace above, or this kernel takes 5 lines only (before 4.15)"
            }
            (Self::RunMapper { .. }, Errno::ENOENT) => {
                "newuidmap and newgidmap are not installed: their package is called uidmap or shadow-utils"
            }
            (Self::RunMapper { .. }, Errno::EPERM) => {
                "the helper refused, and has said why on standard error: the ranges must be allotted to this user in /etc/subuid and /etc/subgid"
            }
            (Self::SetGroups { .. }, Errno::EPERM) => {
                "setgroups can be denied only before the group map is written, and never allowed again"
            }
            (Self::WriteMap { .. } | Self::SetGroups { .. }, Errno::EACCES) => {
                "the process belongs to another user, or is not dumpable, so its files in /proc are root's"
            }
            (Self::WriteMap { .. } | Self::SetGroups { .. }, Errno::ENOENT) => "the process has ended, or /proc is not mounted",
            (Self::SetOffsets { .. }, Errno::EACCES) => {
                "offsets can be set in a new time namespace until its first process is in it: unshare { \"time\" } first, then set them, then spawn"
            }
            (Self::SetOffsets { .. }, Errno::EPERM) => "CAP_SYS_TIME in the user namespace that owns the time namespace is needed",
            (Self::SetOffsets { .. }, Errno::ERANGE) => "a clock cannot be less than zero, nor past 146 years",
            (Self::SetOffsets { .. }, Errno::ENOENT) => "this kernel has no time namespaces (5.6), or /proc is not mounted",
            (Self::MakePinFile { .. }, Errno::EEXIST) => "a pin is a new file: choose a path that does not exist",
            (Self::Bind { .. }, Errno::EPERM) => {
                "CAP_SYS_ADMIN over the mount namespace is needed: unshare { \"user\", \"mnt\" }, or run as root"
            }
            (Self::Bind { .. }, Errno::EINVAL) => {
                "the mount is refused: a mount namespace can be pinned only from an older one, on a mount that is private"
            }
            _ => return None,
        })
    }
}
