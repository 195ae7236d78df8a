//! What mount calls say of themselves: hints, facts, shell commands; and the undoing of mounts.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::Mode;
use serde_json::Value;

use super::{Call, Spot, UserNamespace, flags};
use crate::kernel::{Fact, Shell, back, journal, shell_quote};
use crate::sys::{self, Errno, Fd, mounts};

/// Opens the user namespace of an id-mapped mount.
pub fn open_user_namespace(namespace: &UserNamespace) -> sys::Result<OwnedFd> {
    let path = match namespace {
        UserNamespace::Path(path) => path.clone(),
        UserNamespace::Process(pid) => PathBuf::from(format!("/proc/{}/ns/user", pid.raw()?)),
        UserNamespace::Fd(fd) => return fd.get()?.try_clone_to_owned().map_err(sys::files::errno),
    };
    open(&path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Takes the host's procfs and sysfs away from a process that will only `chroot`.
///
/// With CAP_SYS_CHROOT it could leave the root again, and would find them. A mount that is locked
/// in this namespace cannot be unmounted, so it is covered.
pub fn hide_host(root: &Fd) -> sys::Result<()> {
    let path = std::fs::read_link(sys::rootfs::proc_path(root.get()?)?).map_err(sys::files::errno)?;
    let doomed = |mount: &mounts::Mounted| matches!(mount.fstype.as_str(), "proc" | "sysfs") && !mount.target.starts_with(&path);
    for mount in mounts::mounted()?.into_iter().filter(doomed).rev() {
        // Unmounting must not reach the namespace that this one was copied from.
        mounts::mount(None, &mount.target, None, libc::MS_SLAVE | libc::MS_REC, None)?;
        match mounts::unmount(&mount.target, libc::MNT_DETACH) {
            Err(Errno::EINVAL | Errno::EPERM) => {
                let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
                mounts::mount(Some(Path::new("tmpfs")), &mount.target, Some("tmpfs"), flags, Some(b"size=0"))?;
            }
            other => other?,
        }
    }
    Ok(())
}

/// The calls that remove a mount which a dead process has left on the host: none unless the same
/// file system from the same source is still mounted there.
pub fn undo(what: &Value) -> Vec<crate::kernel::Call> {
    let (Some(target), Some(fstype), Some(source)) = (journal::path_of(&what["target"]), what["type"].as_str(), what["source"].as_str())
    else {
        return Vec::new();
    };
    let there = mounts::mounted().unwrap_or_default().into_iter().rfind(|mount| mount.target == target);
    let same = there.is_some_and(|mount| fstype == "bind" || mount.fstype == fstype && mount.source == source);
    if !same {
        return Vec::new();
    }
    vec![Call::Unmount { target: Spot::Path(target), flags: libc::MNT_DETACH | libc::UMOUNT_NOFOLLOW }.into()]
}

/// The command of mount(8).
pub fn shell(source: Option<&Spot>, target: &Spot, fstype: Option<&str>, bits: u64, data: Option<&str>) -> Shell {
    let word = |spot: &Spot| shell_quote(&spot.name());
    let target = word(target);
    let recursive = if bits & libc::MS_REC == 0 { "" } else { "r" };
    if let Some((name, _)) = flags::PROPAGATION.iter().find(|(_, flag)| bits & flag != 0) {
        return Shell::Exact(format!("mount --make-{recursive}{name} {target}"));
    }
    let from = source.map(word).unwrap_or_default();
    if bits & libc::MS_MOVE != 0 {
        return Shell::Exact(format!("mount --move {from} {target}"));
    }
    let mut options: Vec<String> = Vec::new();
    if bits & libc::MS_REMOUNT != 0 {
        options.push(if bits & libc::MS_BIND == 0 { "remount" } else { "remount,bind" }.to_owned());
    }
    // "readonly" is this program's word for mount(8)'s "ro", which stands right behind it.
    let words = flags::FLAGS.iter().filter(|flag| flag.word != "readonly" && bits & flag.ms != 0).map(|flag| flag.word.to_owned());
    options.extend(words);
    options.extend(data.map(str::to_owned));
    let options = if options.is_empty() { String::new() } else { format!(" -o {}", shell_quote(&options.join(","))) };
    if bits & libc::MS_REMOUNT != 0 {
        return Shell::Exact(format!("mount{options} {target}"));
    }
    if bits & libc::MS_BIND != 0 {
        return Shell::Exact(format!("mount --{recursive}bind {from} {target}"));
    }
    Shell::Exact(format!("mount -t {}{options} {from} {target}", fstype.unwrap_or("auto")))
}

/// How many mounts there are, and what is mounted at the target.
pub fn facts(call: &Call) -> Vec<Fact> {
    let path = match call {
        Call::Mount { target, .. } | Call::Unmount { target, .. } | Call::SetAttributes { target, .. } => Some(target),
        Call::MoveMount { to, .. } => Some(to),
        Call::PivotRoot { .. } | Call::HideHost { .. } => None,
        Call::Chroot { .. } => return root(),
        Call::Chdir { .. } => return back::link("self/cwd").map(|path| ("cwd".to_owned(), path)).into_iter().collect(),
        _ => return Vec::new(),
    };
    let all = back::mounts();
    let mut facts = vec![("mounts".to_owned(), all.len().to_string())];
    let place = match path {
        Some(Spot::Path(path)) => back::real(path),
        Some(Spot::Fd(fd)) => fd.raw().ok().and_then(|raw| back::link(&format!("self/fd/{raw}"))),
        None => Some("/".to_owned()),
    };
    if let Some(mount) = place.and_then(|place| all.into_iter().rfind(|mount| mount.target == place)) {
        facts.push((format!("mount {}", mount.target), format!("{}, {}", mount.what, mount.propagation)));
    }
    facts
}

fn root() -> Vec<Fact> {
    back::link("self/root").map(|path| vec![("root".to_owned(), path)]).unwrap_or_default()
}

/// What to do about a failure.
pub fn hint(call: &Call, errno: Errno) -> Option<String> {
    if let Call::FsConfig { context, .. } | Call::FsCreate { context } | Call::FsMount { context, .. } = call {
        let said = context.get().map(|fd| mounts::messages(fd.as_fd())).unwrap_or_default();
        if !said.is_empty() {
            return Some(format!("the file system says: {}", said.join("; ")));
        }
    }
    if let (Call::Mount { fstype: Some(fstype), data: Some(data), .. }, Errno::EINVAL) = (call, errno) {
        let said = mounts::refused(fstype, data);
        if !said.is_empty() {
            return Some(format!("the file system says: {}", said.join("; ")));
        }
    }
    let proc = "a user namespace may mount proc only with a pid namespace of its own, and only while the host's /proc is fully visible";
    let text = match (call, errno) {
        (Call::Mount { fstype: Some(fstype), .. } | Call::FsOpen { fstype }, Errno::ENODEV) => {
            return Some(format!("this kernel has no file system called {fstype:?}; see /proc/filesystems"));
        }
        (Call::Mount { fstype: Some(fstype), .. }, Errno::EPERM) if fstype == "proc" => proc,
        (Call::FsCreate { context } | Call::FsMount { context, .. }, Errno::EPERM) if context.label() == "fscontext:proc" => proc,
        (Call::Mount { fstype: Some(fstype), .. }, Errno::EPERM) if fstype == "sysfs" => {
            "a user namespace may mount sysfs only with a net namespace of its own: unshare { \"user\", \"mnt\", \"net\" }"
        }
        (Call::Mount { flags: bits, .. }, Errno::EPERM) if bits & libc::MS_REMOUNT != 0 => {
            "flags that the mount was inherited with are locked in this user namespace: they can be added, not taken away"
        }
        (Call::SetAttributes { userns: Some(_), .. }, Errno::EPERM) => {
            "id-mapping needs CAP_SYS_ADMIN over the file system, a detached mount, and a user namespace with maps that is not the initial one"
        }
        (Call::SetAttributes { userns: Some(_), .. }, Errno::EINVAL) => {
            "this file system cannot be id-mapped on this kernel, or the mount is attached already: use open_tree with clone"
        }
        (Call::SetAttributes { .. }, Errno::EPERM) => {
            "attributes that the mount was inherited with are locked in this user namespace: they can be added, not taken away"
        }
        (Call::SetAttributes { .. }, Errno::EINVAL) => "the path is not the root of a mount, or the attributes contradict each other",
        (Call::OpenTree { recursive: false, .. }, Errno::EINVAL) => {
            "in a user namespace what is mounted below cannot be left out: say recursive = true"
        }
        (Call::Mount { flags: bits, .. }, Errno::EINVAL) if bits & libc::MS_BIND != 0 && bits & (libc::MS_REMOUNT | libc::MS_REC) == 0 => {
            "in a user namespace what is mounted below cannot be left out: say rbind = true"
        }
        (Call::Mount { flags: bits, .. }, Errno::EINVAL) if bits & libc::MS_REMOUNT != 0 => "the path is not the root of a mount",
        (Call::Mount { .. }, Errno::EINVAL) => "the file system does not take these options, or the source is not what it expects",
        (Call::Mount { .. } | Call::OpenTree { .. } | Call::FsOpen { .. } | Call::MoveMount { .. }, Errno::EPERM) => {
            "CAP_SYS_ADMIN in the user namespace that owns the mount namespace is needed: unshare { \"user\", \"mnt\" }, or run as root"
        }
        (Call::Mount { .. }, Errno::EBUSY) => "the file system is mounted already with other options, or still in use",
        (Call::Mount { .. }, Errno::ENOTBLK) => "the file system needs a block device as its source",
        (Call::Mount { .. } | Call::MoveMount { .. }, Errno::ENOTDIR) => "a directory is mounted on a directory, a file on a file",
        (Call::Unmount { .. }, Errno::EINVAL) => {
            "nothing is mounted there, or the mount is locked together with others that this namespace was copied with"
        }
        (Call::Unmount { .. }, Errno::EBUSY) => "it is in use: end what uses it, or say detach = true",
        (Call::Unmount { .. }, Errno::EAGAIN) => "it was in use until now and is marked: a second umount with expire = true removes it",
        (Call::PivotRoot { .. }, Errno::EINVAL) => {
            "the new root must be a mount point and not shared, and the present root must not be the initial ramfs: no_pivot = true uses MS_MOVE instead"
        }
        (Call::PivotRoot { .. }, Errno::EBUSY) => "the new root is on the mount that is the root already: bind it to itself first",
        (Call::PivotRoot { .. } | Call::Chroot { .. }, Errno::EPERM) => {
            "CAP_SYS_ADMIN (pivot_root) or CAP_SYS_CHROOT (chroot) is needed: unshare { \"user\", \"mnt\" }, or run as root"
        }
        (_, Errno::ENOENT) => "the path does not exist; a mount point is made first, with mkdir",
        _ => return None,
    };
    Some(text.to_owned())
}
