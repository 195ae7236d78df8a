//! Mounts inside a root, from descriptor to descriptor; and the change into the root.

use std::path::Component;

use mlua::Value;
use nix::libc;
use nix::sys::stat::{SFlag, makedev};

use super::{PATH, Rootfs, inside, method};
use crate::kernel::Kinds;
use crate::kernel::mounts::{Call as MountCall, Spot};
use crate::kernel::rootfs::{Call, Change};
use crate::lua::args::Args;
use crate::lua::error::{Outcome, Raise};
use crate::lua::mounts::options::{Asked, DATA, OF_FILE_SYSTEM, PROPAGATIONS, data, joined, propagation, with_data, with_flags};
use crate::lua::mounts::tree::{USER_NAMESPACE, apply, make, mount_of};
use crate::lua::mounts::{pivot_to, replaced};
use crate::lua::processes::streams::Descriptor;
use crate::lua::table::{Primitive, example_with};
use crate::lua::types::{Param, Type, U32, may, need};
use crate::sys::mounts::has_new_api;
use crate::sys::rootfs::Links;

mod cgroups;
mod system;
mod wanted;

use wanted::Wanted;

const MOUNT: &[Param] = with_data![
    may("type", Type::Text, "the file system: \"tmpfs\", \"proc\", \"sysfs\", \"devpts\", \"mqueue\", \"overlay\" …"),
    may("bind", Type::Boolean, "shows the source at the target; see rootfs:bind"),
    may("recursive", Type::Boolean, "with bind: also what is mounted below (default true)"),
    may("new", Type::Boolean, "the target is a name in a root that only this program changes, and is not there yet: made at once"),
];

const ALL: &[Param] = with_flags![may("id_map", USER_NAMESPACE, "owners are seen through this user namespace")];

const BIND: &[Param] = with_flags![
    may(
        "all",
        Type::Options(ALL),
        "attributes for everything that is mounted below as well; those beside it then hold for the uppermost mount"
    ),
    may("recursive", Type::Boolean, "also what is mounted below, with the same attributes (default true)"),
    may("id_map", USER_NAMESPACE, "owners are seen through this user namespace"),
    may("no_symlinks", Type::Boolean, "ELOOP where a symlink is on the way to the target, or at it"),
];

const PROC: &[Param] =
    &[may("data", DATA, "options of proc: \"hidepid=2,subset=pid\""), may("readonly", Type::Boolean, "nothing can be written")];

const SYS: &[Param] = &[
    may("bind", Type::Boolean, "the host's /sys with all below, where a user namespace without a net namespace forbids a new one"),
    may("readonly", Type::Boolean, "nothing can be written (default true)"),
];

const DEV: &[Param] = &[
    may("size", Type::Size, "how much /dev may hold; \"64K\""),
    may("shm_size", Type::Size, "how much /dev/shm may hold; \"64M\""),
    may("tty_gid", U32, "the group of terminals; the namespace must map it"),
    may("mqueue", Type::Boolean, "message queues (default: where the ipc namespace is the container's own)"),
];

const REMOUNT: &[Param] = with_data![
    may("superblock", Type::Boolean, "the file system itself, with its data, and not only this mount of it"),
    may("recursive", Type::Boolean, "also everything that is mounted below"),
];

const PIVOT: &[Param] = &[may("no_pivot", Type::Boolean, "where the root is the initial ramfs: MS_MOVE and chroot, which is weaker")];

const TARGET: Param = need("target", Type::Path, "a path in the root; made where it is missing");

/// The primitives of mounts inside a root.
pub const PRIMITIVES: &[Primitive] = &[
    method(
        "rootfs:mount",
        "Mounts a file system, or a mount that has no place yet, in the root.",
        &[
            need("source", Type::Either(&[Type::Handle("mount"), Type::Text]), "a mount, or as in mount"),
            TARGET,
            may("options", Type::Options(MOUNT), ""),
        ],
        "nothing",
        &["openat2(2)", "fsopen(2)", "fsmount(2)", "mount_setattr(2)", "move_mount(2)"],
        inside!("root:mount(\"tmpfs\", \"/tmp\", { type = \"tmpfs\", data = { size = \"1M\", mode = \"1777\" }, nosuid = true })"),
        mount,
    ),
    method(
        "rootfs:bind",
        "Shows a directory or a file of the host in the root.",
        &[
            need("source", Type::Either(&[Type::Handle("fd"), Type::Path]), "a path of the host, or an fd"),
            TARGET,
            may("options", Type::Options(BIND), ""),
        ],
        "nothing",
        &["open_tree(2)", "mount_setattr(2)", "openat2(2)", "move_mount(2)"],
        inside!(
            "root:bind(\"/usr\", \"/usr\", { readonly = true, nosuid = true })\n  root:bind(\"/etc/passwd\", \"/etc/passwd\", { readonly = true })"
        ),
        bind,
    ),
    method(
        "rootfs:mask",
        "Hides a path of the root: a file behind /dev/null, a directory behind an empty one. What does not exist is fine.",
        &[PATH],
        "nothing",
        &["openat2(2)", "open_tree(2)", "move_mount(2)"],
        inside!("root:write(\"/secret\", \"x\")\n  root:mkdir(\"/keys\")\n  root:mask(\"/secret\")\n  root:mask(\"/keys\")"),
        mask,
    ),
    method(
        "rootfs:readonly",
        "Makes a path of the root read-only with all below it; \"/\" is the root itself alone. What does not exist is fine.",
        &[PATH],
        "nothing",
        &["openat2(2)", "open_tree(2)", "mount_setattr(2)", "move_mount(2)"],
        inside!("root:mkdir(\"/etc\")\n  root:readonly(\"/etc\")\n  root:readonly(\"/\")"),
        readonly,
    ),
    method(
        "rootfs:remount",
        "Changes the flags or the propagation of what is mounted at a path of the root.",
        &[TARGET, need("options", Type::Options(REMOUNT), "")],
        "nothing",
        &["openat2(2)", "mount_setattr(2)", "mount(2)"],
        inside!(
            "root:mount(\"tmpfs\", \"/tmp\", { type = \"tmpfs\" })\n  root:remount(\"/tmp\", { superblock = true, data = \"size=1M\" })\n  root:remount(\"/tmp\", { readonly = true, propagation = \"slave\" })"
        ),
        remount,
    ),
    Primitive {
        needs: "CAP_SYS_ADMIN over the mount namespace; for `mounts` over the cgroup namespace as well",
        ..method(
            "rootfs:cgroups",
            "Mounts a small tmpfs with a directory for each hierarchy of cgroup v1, and the groups of the container in them.",
            &[TARGET, need("options", Type::Options(cgroups::OPTIONS), "")],
            "nothing",
            &["openat2(2)", "mount(2)", "mkdirat(2)", "symlinkat(2)", "mount_setattr(2)"],
            inside!(
                "root:cgroups(\"/cgroup\", { groups = { all = \"/sys/fs/cgroup\" }, links = { same = \"all\" }, readonly = true, nosuid = true })"
            ),
            cgroups::cgroups,
        )
    },
    method(
        "rootfs:umount",
        "Removes what is mounted at a path of the root.",
        &[PATH],
        "nothing",
        &["openat2(2)", "umount2(2)"],
        inside!("root:mount(\"tmpfs\", \"/tmp\", { type = \"tmpfs\" })\n  root:umount(\"/tmp\")"),
        umount,
    ),
    Primitive {
        needs: "a pid namespace of the caller's own where it is in a user namespace",
        ..method(
            "rootfs:proc",
            "Mounts proc at /proc of the root, which must be a real directory there or be missing.",
            &[may("options", Type::Options(PROC), "")],
            "nothing",
            &["openat2(2)", "fsopen(2)", "fsmount(2)", "move_mount(2)"],
            inside!("root:proc()\n  assert(root:exists(\"/proc/self\"))"),
            system::proc,
        )
    },
    Primitive {
        needs: "a net namespace of the caller's own where it is in a user namespace",
        ..method(
            "rootfs:sys",
            "Mounts sysfs, read-only, at /sys of the root, which must be a real directory there or be missing.",
            &[may("options", Type::Options(SYS), "")],
            "nothing",
            &["openat2(2)", "fsopen(2)", "fsmount(2)", "move_mount(2)"],
            inside!("root:sys()"),
            system::sys,
        )
    },
    method(
        "rootfs:dev",
        "Makes /dev in the root: null zero full random urandom tty, ptmx, pts, shm, mqueue, fd stdin stdout stderr.",
        &[may("options", Type::Options(DEV), "")],
        "nothing",
        &["openat2(2)", "fsopen(2)", "fsmount(2)", "move_mount(2)", "mknodat(2)", "symlinkat(2)"],
        inside!("root:dev { shm_size = \"1M\" }\n  assert(root:stat(\"/dev/null\").minor == 3)"),
        system::dev,
    ),
    Primitive {
        reversible: false,
        ..method(
            "rootfs:pivot",
            "Makes the root that of this mount namespace, and unmounts the old one.",
            &[may("options", Type::Options(PIVOT), "")],
            "nothing",
            &["pivot_root(2)", "fchdir(2)", "mount(2)", "umount2(2)", "chdir(2)"],
            inside!("root:mkdir(\"/only\")\n  root:pivot()\n  assert(list_dir(\"/\")[1] == \"only\")"),
            pivot,
        )
    },
];

fn mount(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let (asked, propagation) = (Asked::of(&options)?, propagation(&options)?);
    let wanted = Wanted::new(args, &args.required_text("target"))?;
    let fstype = options.text("type");
    let wrong = |text: &str| Err(Raise::argument(format!("options: {text}")));
    let no_file_system = ["data", "lower", "upper", "work", "sync", "dirsync", "lazytime", "mand", "iversion", "silent"]
        .iter()
        .find(|name| options.has(name));
    if let Some(mount) = mount_of(args.value("source"))? {
        if fstype.is_some() || options.has("bind") || no_file_system.is_some() {
            return wrong("a mount has its file system already: flags and a propagation are expected");
        }
        apply(args.host, &Spot::Fd(mount.clone()), &options, options.flag("recursive"))?;
        let place = wanted.place_like(&mount, Links::Inside)?;
        wanted.attach(&mount, place)?;
        return Ok(Value::Nil);
    }
    match (fstype, options.flag("bind")) {
        (Some(fstype), false) => {
            if asked.off != 0 || options.has("recursive") {
                return wrong("a new file system has no flags yet that could be taken away, and nothing below it");
            }
            let data = data(&options, Some(&fstype))?;
            if options.flag("new") {
                let simple =
                    matches!(wanted.target.components().next(), Some(Component::Normal(_))) && wanted.target.components().count() == 1;
                if !simple || propagation != 0 || asked.on & libc::MS_RDONLY != 0 {
                    return wrong("new takes a name without a slash, and neither readonly nor a propagation");
                }
                let (source, data) = (args.required_path("source"), joined(&data, Some(&fstype))?);
                wanted.run(Change::MountNew { source, fstype: Some(fstype), flags: asked.on, data })?;
                return Ok(Value::Nil);
            }
            wanted.file_system(&fstype, &args.required_text("source"), &data, asked, propagation)?;
        }
        (None, true) => {
            if let Some(name) = no_file_system {
                return wrong(&format!("{name} belongs to a file system; a bind mount has none of its own"));
            }
            let source = Spot::Path(args.required_path("source"));
            wanted.bind(source, &options, options.boolean("recursive").unwrap_or(true))?;
        }
        _ => return wrong("expected one of type and bind"),
    }
    Ok(Value::Nil)
}

fn bind(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let source = match args.handle::<Descriptor>("source")? {
        Some(fd) => Spot::Fd(fd.fd()?),
        None => Spot::Path(args.required_path("source")),
    };
    let wanted = Wanted::new(args, &args.required_text("target"))?;
    wanted.bind(source, &options, options.boolean("recursive").unwrap_or(true))?;
    Ok(Value::Nil)
}

fn mask(args: &Args) -> Outcome {
    let wanted = Wanted::new(args, &args.required_text("path"))?;
    let rootfs = args.this::<Rootfs>()?;
    let made = rootfs.null.borrow().clone();
    let null = if let Some(null) = made {
        null
    } else {
        let node = (SFlag::S_IFCHR, makedev(1, 3));
        let opened = args.host.run(Call { root: wanted.root.clone(), path: "/dev/null".into(), change: Change::HostDevice { node } })?;
        opened.fd().map_err(|errno| Raise::read("open", errno))?
    };
    rootfs.null.replace(Some(null.clone()));
    let made = rootfs.empty.borrow().clone();
    let empty = match made {
        Some(empty) => Some(empty),
        None if !has_new_api() => None,
        None => {
            let data = vec![("mode".to_owned(), Some("555".to_owned()))];
            let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
            Some(make(args.host, "tmpfs", "tmpfs", &data, Asked { on: flags, off: 0 })?)
        }
    };
    rootfs.empty.replace(empty.clone());
    wanted.run(Change::Mask { null, empty })?;
    Ok(Value::Nil)
}

fn readonly(args: &Args) -> Outcome {
    let wanted = Wanted::new(args, &args.required_text("path"))?;
    if wanted.target.components().all(|part| matches!(part, Component::RootDir | Component::CurDir)) {
        let target = Spot::Fd(wanted.root.clone());
        let set = crate::sys::mounts::attributes::attr::RDONLY;
        let call = if has_new_api() {
            MountCall::SetAttributes { target, recursive: false, set, clear: 0, propagation: 0, userns: None }
        } else {
            let flags = libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY;
            MountCall::Mount { source: None, target, fstype: None, flags, keep: Some(0), data: None }
        };
        args.host.run(call)?;
        return Ok(Value::Nil);
    }
    wanted.run(Change::ReadOnly)?;
    Ok(Value::Nil)
}

fn remount(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let (asked, propagation) = (Asked::of(&options)?, propagation(&options)?);
    let text = joined(&data(&options, None)?, None)?;
    let (superblock, recursive) = (options.flag("superblock"), options.flag("recursive"));
    let wrong = |text: &str| Err(Raise::argument(format!("options: {text}")));
    if !superblock && (text.is_some() || (asked.on | asked.off) & OF_FILE_SYSTEM != 0) {
        return wrong("data, sync, dirsync and lazytime belong to the file system: say superblock = true");
    }
    if superblock && (recursive || propagation != 0) {
        return wrong("recursive and a propagation belong to mounts, superblock to the file system");
    }
    let wanted = Wanted::new(args, &args.required_text("target"))?;
    let opened = wanted.run(Change::Open { flags: libc::O_PATH, mode: 0, special: false })?;
    let target = Spot::Fd(opened.fd().map_err(|errno| Raise::read("openat2", errno))?);
    let change = |flags: u64, keep: Option<u64>, data: Option<String>| {
        let target = target.clone();
        args.host.run(MountCall::Mount { source: None, target, fstype: None, flags, keep, data }).map(drop)
    };
    if superblock {
        change(libc::MS_REMOUNT | asked.on, Some(replaced(asked)), text)?;
        return Ok(Value::Nil);
    }
    if !has_new_api() && (propagation != 0 || asked.mentions_mount()) {
        if asked.mentions_mount() && recursive {
            return Err(Raise::state("changing the flags of all mounts below needs Linux 5.12"));
        }
        if asked.mentions_mount() {
            change(libc::MS_REMOUNT | libc::MS_BIND | asked.on, Some(replaced(asked)), None)?;
        }
        if propagation != 0 {
            change(propagation | if recursive { libc::MS_REC } else { 0 }, None, None)?;
        }
        return Ok(Value::Nil);
    }
    if !apply(args.host, &target, &options, recursive)? {
        return wrong("expected an attribute or a propagation");
    }
    Ok(Value::Nil)
}

fn umount(args: &Args) -> Outcome {
    let wanted = Wanted::new(args, &args.required_text("path"))?;
    let opened = wanted.run(Change::Open { flags: libc::O_PATH, mode: 0, special: false })?;
    let target = Spot::Fd(opened.fd().map_err(|errno| Raise::read("openat2", errno))?);
    args.host.run(MountCall::Unmount { target, flags: libc::MNT_DETACH })?;
    Ok(Value::Nil)
}

fn pivot(args: &Args) -> Outcome {
    args.host.guard(Kinds::MNT, false, "changing the root")?;
    let rootfs = args.this::<Rootfs>()?;
    pivot_to(args.host, &rootfs.root()?, None, args.options("options")?.flag("no_pivot"))?;
    rootfs.entered();
    Ok(Value::Nil)
}
