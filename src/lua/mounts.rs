//! Mounts by path, and the descriptors of the new mount API.
//!
//! Paths are for teaching and for scripts that trust what they mount on. What belongs to a
//! container is mounted through a rootfs handle, which no symlink leads astray.

use mlua::Value;
use nix::libc;
use serde_json::json;

use super::Host;
use super::args::{Args, Fields};
use super::error::{Outcome, Raise};
use super::handle;
use super::table::{Primitive, Scope, example_with};
use super::types::{Param, Type, may, need};
use crate::kernel::mounts::{Call, Spot};
use crate::kernel::{Kept, Kinds, journal};
use crate::sys::Fd;
use crate::sys::mounts::has_new_api;

pub mod options;
pub mod tree;

use options::{Asked, DATA, OF_FILE_SYSTEM, PROPAGATIONS, data, joined, propagation, with_data, with_flags};
use tree::{Mount, USER_NAMESPACE};

const MOUNT: &[Param] = with_data![
    may("type", Type::Text, "the file system: \"tmpfs\", \"proc\", \"sysfs\", \"devpts\", \"mqueue\", \"cgroup2\", \"overlay\" …"),
    may("bind", Type::Boolean, "shows the source, a directory or a file, at the target"),
    may("rbind", Type::Boolean, "the same with everything that is mounted below; attributes then hold for all of it"),
    may("move", Type::Boolean, "takes the mount at the source to the target"),
    may("remount", Type::Boolean, "changes what is mounted at the target; with bind, only this mount of it"),
    may("recursive", Type::Boolean, "for propagation: also everything that is mounted below"),
    may("host", Type::Boolean, "mean the host's own namespace"),
];

const UMOUNT: &[Param] = &[
    may("detach", Type::Boolean, "takes it out of sight now and ends it when it is no longer used"),
    may("force", Type::Boolean, "gives up what is still to be written (network file systems)"),
    may("expire", Type::Boolean, "marks it; a second time removes it unless it was used in between"),
    may("nofollow", Type::Boolean, "does not follow a symlink as the target"),
    may("host", Type::Boolean, "mean the host's own namespace"),
];

const SET: &[Param] = with_flags![
    may("recursive", Type::Boolean, "also everything that is mounted below"),
    may("id_map", USER_NAMESPACE, "owners are seen through this user namespace; the mount must be attached nowhere"),
    may("host", Type::Boolean, "mean the host's own namespace"),
];

const PIVOT: &[Param] = &[
    may("put_old", Type::Path, "a directory in the new root that gets the old one; without it the old one is unmounted"),
    may("no_pivot", Type::Boolean, "where the root is the initial ramfs: MS_MOVE and chroot, which is weaker"),
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "mount",
        summary: "Mounts a file system or a directory, moves a mount, or changes one.",
        params: &[
            may("source", Type::Text, "a device, a path, or any word where the file system has no source"),
            need("target", Type::Path, "where"),
            need("options", Type::Options(MOUNT), "one of type, bind, rbind, move, remount, or a propagation"),
        ],
        returns: "nothing; on the host a mount, which is removed when the script ends",
        syscalls: &["mount(2)", "mount_setattr(2)"],
        shell: "= mount -t TYPE -o OPTIONS SOURCE TARGET",
        needs: "CAP_SYS_ADMIN over the mount namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[
            example_with(
                &["root"],
                "local child <close> = spawn({ unshare = { \"mnt\" } }, function()\n  mount(\"tmpfs\", \"/mnt\", { type = \"tmpfs\", data = \"size=1M\", nosuid = true, nodev = true })\n  mount(\"/usr\", \"/mnt\", { rbind = true, readonly = true })\nend)\nassert(child:wait().code == 0)",
            ),
            example_with(
                &["root"],
                "local child <close> = spawn({ unshare = { \"mnt\", \"pid\" } }, function()\n  mount(nil, \"/\", { propagation = \"private\", recursive = true })\n  mount(\"proc\", \"/proc\", { type = \"proc\" })\nend)\nassert(child:wait().code == 0)",
            ),
        ],
        see: &["umount", "mount_setattr", "rootfs:mount", "mount(2)", "mount_namespaces(7)"],
        function: mount,
    },
    Primitive {
        name: "umount",
        summary: "Removes what is mounted at a path.",
        params: &[need("target", Type::Path, "a mount point"), may("options", Type::Options(UMOUNT), "")],
        returns: "nothing",
        syscalls: &["umount2(2)"],
        shell: "= umount TARGET",
        needs: "CAP_SYS_ADMIN over the mount namespace",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["root"],
            "local child <close> = spawn({ unshare = { \"mnt\" } }, function()\n  mount(\"tmpfs\", \"/mnt\", { type = \"tmpfs\" })\n  umount(\"/mnt\", { detach = true })\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["mount", "umount(2)"],
        function: umount,
    },
    Primitive {
        name: "mount_setattr",
        summary: "Changes attributes of a mount, and with recursive of all that is mounted below it, in one step.",
        params: &[need("target", Type::Path, "a mount point"), need("options", Type::Options(SET), "")],
        returns: "nothing",
        syscalls: &["mount_setattr(2)"],
        shell: "≈ mount -o remount,bind,… TARGET (one mount)",
        needs: "CAP_SYS_ADMIN over the mount namespace; Linux 5.12",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["root", "kernel:5.12"],
            "local child <close> = spawn({ unshare = { \"mnt\" } }, function()\n  mount(\"tmpfs\", \"/mnt\", { type = \"tmpfs\" })\n  mount_setattr(\"/mnt\", { readonly = true, recursive = true, propagation = \"private\" })\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["mount", "open_tree", "mount_setattr(2)"],
        function: setattr,
    },
    Primitive {
        name: "chroot",
        summary: "Makes a directory the root of this process, and goes there; irreversible, and with CAP_SYS_CHROOT no prison.",
        params: &[need("path", Type::Path, "the new root")],
        returns: "nothing",
        syscalls: &["chroot(2)", "chdir(2)"],
        shell: "≈ chroot PATH COMMAND",
        needs: "CAP_SYS_CHROOT",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example_with(
            &["root"],
            "local child <close> = spawn(function()\n  chroot(\"/usr\")\n  assert(not io.open(\"/etc/passwd\"))\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["pivot_root", "chroot(2)"],
        function: chroot,
    },
    Primitive {
        name: "pivot_root",
        summary: "Makes a mount the root of this mount namespace, and unmounts the old root.",
        params: &[need("new_root", Type::Path, "a mount point"), may("options", Type::Options(PIVOT), "")],
        returns: "nothing",
        syscalls: &["pivot_root(2)", "fchdir(2)", "mount(2)", "umount2(2)", "chdir(2)"],
        shell: "≈ pivot_root NEW_ROOT PUT_OLD; umount -l PUT_OLD",
        needs: "CAP_SYS_ADMIN over a mount namespace of the process's own",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example_with(
            &["root"],
            "local child <close> = spawn({ unshare = { \"mnt\" } }, function()\n  mount(nil, \"/\", { propagation = \"private\", recursive = true })\n  mount(\"tmpfs\", \"/mnt\", { type = \"tmpfs\" })\n  pivot_root(\"/mnt\")\n  assert(not io.open(\"/etc/passwd\"))\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["rootfs:pivot", "chroot", "pivot_root(2)"],
        function: pivot_root,
    },
];

/// What a call of `mount` is about.
enum Way {
    New(String),
    Bind(bool),
    Move,
    Remount(bool),
    Propagation(u64),
}

fn way(options: &Fields, propagation: u64) -> Outcome<Way> {
    let remount = options.flag("remount");
    let mut ways: Vec<(&str, Way)> = Vec::new();
    if let Some(fstype) = options.text("type") {
        ways.push(("type", Way::New(fstype)));
    }
    if remount {
        ways.push(("remount", Way::Remount(options.flag("bind"))));
    } else if options.flag("bind") {
        ways.push(("bind", Way::Bind(false)));
    }
    if options.flag("rbind") {
        ways.push(("rbind", Way::Bind(true)));
    }
    if options.flag("move") {
        ways.push(("move", Way::Move));
    }
    if ways.is_empty() && propagation != 0 {
        ways.push(("propagation", Way::Propagation(propagation)));
    }
    let names = ways.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" and ");
    let mut ways = ways.into_iter();
    match (ways.next(), ways.next()) {
        (Some((_, way)), None) => Ok(way),
        (None, _) => Err(Raise::argument("options: expected one of type, bind, rbind, move, remount, or a propagation")),
        _ => Err(Raise::argument(format!("options: {names} exclude each other"))),
    }
}

fn mount(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let target = Spot::Path(args.required_path("target"));
    let (asked, propagation) = (Asked::of(&options)?, propagation(&options)?);
    let way = way(&options, propagation)?;
    let data = data(&options, options.text("type").as_deref())?;
    let text = joined(&data, options.text("type").as_deref())?;
    judge(&options, &way, asked, text.is_some(), args.has("source"))?;
    let host = options.flag("host");
    args.host.guard(Kinds::MNT, host, &format!("mounting at {}", args.required_path("target").display()))?;
    let source = args.path("source").map(Spot::Path);
    let recursive = if options.flag("recursive") || matches!(way, Way::Bind(true)) { libc::MS_REC } else { 0 };
    let call = |source: Option<Spot>, fstype: Option<String>, flags: u64, keep: Option<u64>, data: Option<String>| {
        args.host.run(Call::Mount { source, target: target.clone(), fstype, flags, keep, data }).map(drop)
    };
    match way {
        Way::Move => call(source, None, libc::MS_MOVE, None, None)?,
        Way::Propagation(flag) => call(None, None, flag | recursive, None, None)?,
        Way::Remount(bind) => {
            let flags = libc::MS_REMOUNT | if bind { libc::MS_BIND } else { 0 };
            call(None, None, flags | asked.on, Some(replaced(asked)), text)?;
        }
        Way::New(fstype) => {
            let kept = Keeping::before(args, &fstype)?;
            call(source, Some(fstype), asked.on, None, text).map_err(|failure| kept.not_made(args.host, failure))?;
            return finish(args, &kept, || if propagation == 0 { Ok(()) } else { call(None, None, propagation, None, None) });
        }
        Way::Bind(all) => {
            let kept = Keeping::before(args, "bind")?;
            let bind = libc::MS_BIND | recursive;
            call(source, None, bind, None, None).map_err(|failure| kept.not_made(args.host, failure))?;
            return finish(args, &kept, || {
                if asked.mentions_mount() && all {
                    let (set, clear) = asked.attributes();
                    let target = target.clone();
                    args.host.run(Call::SetAttributes { target, recursive: true, set, clear, propagation: 0, userns: None })?;
                } else if asked.mentions_mount() {
                    call(None, None, libc::MS_REMOUNT | libc::MS_BIND | asked.on, Some(replaced(asked)), None)?;
                }
                if propagation == 0 { Ok(()) } else { call(None, None, propagation | recursive, None, None) }
            });
        }
    }
    Ok(Value::Nil)
}

/// The flags that a remount does not keep: what was said to be false, and the other ways of atime.
pub fn replaced(asked: Asked) -> u64 {
    let atime = libc::MS_NOATIME | libc::MS_RELATIME | libc::MS_STRICTATIME;
    asked.off | if asked.on & atime == 0 { 0 } else { atime }
}

/// Refuses combinations that the kernel would silently ignore.
fn judge(options: &Fields, way: &Way, asked: Asked, has_data: bool, has_source: bool) -> Outcome<()> {
    let wrong = |text: &str| Err(Raise::argument(format!("options: {text}")));
    let of_file_system = (asked.on | asked.off) & OF_FILE_SYSTEM != 0;
    match way {
        Way::New(_) | Way::Bind(_) | Way::Move if !has_source => Err(Raise::argument("source: expected a string, got nothing")),
        Way::Bind(_) | Way::Move | Way::Propagation(_) | Way::Remount(true) if has_data => {
            wrong("data belongs to a file system; a bind mount has none of its own")
        }
        Way::Bind(_) | Way::Move | Way::Propagation(_) | Way::Remount(true) if of_file_system => {
            wrong("sync, dirsync and lazytime belong to the file system, not to one mount of it")
        }
        Way::Move | Way::Propagation(_) if asked.mentions_mount() => {
            wrong("attributes are changed with remount and bind, or with mount_setattr")
        }
        Way::New(_) if asked.off != 0 => wrong("a new file system has no flags yet that could be taken away"),
        Way::Bind(true) if asked.mentions_mount() && !has_new_api() => {
            wrong("rbind with attributes needs Linux 5.12: older kernels change the uppermost mount only")
        }
        Way::Remount(_) | Way::Move if options.flag("recursive") => wrong("recursive belongs to a propagation; see mount_setattr"),
        _ => Ok(()),
    }
}

/// A mount that may have to be written down: on the host it outlives the process.
struct Keeping {
    journal: Option<u64>,
    on_host: Option<std::path::PathBuf>,
}

impl Keeping {
    fn before(args: &Args, fstype: &str) -> Outcome<Self> {
        if args.host.guard.left().contains(Kinds::MNT) {
            return Ok(Self { journal: None, on_host: None });
        }
        let given = args.required_path("target");
        let target = std::fs::canonicalize(&given).unwrap_or(given);
        let what = json!({ "target": journal::written(&target), "type": fstype, "source": args.required_text("source") });
        Ok(Self { journal: handle::journal(args.host, Kept::new("mount", what))?, on_host: Some(target) })
    }

    /// The mount has failed: nothing is there to be removed.
    fn not_made(&self, host: &Host, failure: Raise) -> Raise {
        if let Some(number) = self.journal
            && let Err(error) = host.journal.gone(number)
        {
            return Raise::state(format!("the journal cannot be written: {error}"));
        }
        failure
    }
}

/// Does the rest of a mount's making; takes the mount away again where that fails.
fn finish(args: &Args, kept: &Keeping, rest: impl FnOnce() -> Outcome<()>) -> Outcome {
    if let Err(failure) = rest() {
        let target = Spot::Path(args.required_path("target"));
        args.host.run(Call::Unmount { target, flags: libc::MNT_DETACH })?;
        return Err(kept.not_made(args.host, failure));
    }
    match &kept.on_host {
        Some(target) => args.adopt(Mount::on_host(target), kept.journal),
        None => Ok(Value::Nil),
    }
}

fn umount(args: &Args) -> Outcome {
    let options = args.options("options")?;
    if options.flag("expire") && (options.flag("force") || options.flag("detach")) {
        return Err(Raise::argument("options: expire excludes force and detach (umount(2))"));
    }
    args.host.guard(Kinds::MNT, options.flag("host"), &format!("unmounting {}", args.required_path("target").display()))?;
    let words =
        [("detach", libc::MNT_DETACH), ("force", libc::MNT_FORCE), ("expire", libc::MNT_EXPIRE), ("nofollow", libc::UMOUNT_NOFOLLOW)];
    let flags = words.iter().filter(|(word, _)| options.flag(word)).fold(0, |all, (_, flag)| all | flag);
    args.host.run(Call::Unmount { target: Spot::Path(args.required_path("target")), flags })?;
    Ok(Value::Nil)
}

fn setattr(args: &Args) -> Outcome {
    let options = args.options("options")?;
    tree::needs_new_api("mount_setattr")?;
    args.host.guard(Kinds::MNT, options.flag("host"), "changing a mount")?;
    let target = Spot::Path(args.required_path("target"));
    if !tree::apply(args.host, &target, &options, options.flag("recursive"))? {
        return Err(Raise::argument("options: expected an attribute, a propagation or id_map"));
    }
    Ok(Value::Nil)
}

fn chroot(args: &Args) -> Outcome {
    args.host.run(Call::Chroot { path: args.required_path("path") })?;
    args.host.run(Call::Chdir { to: Spot::Path("/".into()) })?;
    Ok(Value::Nil)
}

fn pivot_root(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let put_old = options.path("put_old");
    if put_old.is_some() && options.flag("no_pivot") {
        return Err(Raise::argument("options: no_pivot leaves no old root that put_old could name"));
    }
    args.host.guard(Kinds::MNT, false, "changing the root")?;
    let new = open_place(args.host, args.required_path("new_root"))?;
    pivot_to(args.host, &new, put_old, options.flag("no_pivot"))?;
    Ok(Value::Nil)
}

/// Opens a directory as a place.
pub fn open_place(host: &Host, path: std::path::PathBuf) -> Outcome<Fd> {
    host.run(Call::OpenPlace { path, directory: true })?.fd().map_err(|errno| Raise::read("open", errno))
}

/// Makes the mount that `new` is the root of the root of this namespace.
///
/// `pivot_root(".", ".")` stacks the old root on the new one, so that no directory is needed for
/// it (pivot_root(2)). It is made a slave before it is unmounted, lest the unmounting reach the
/// namespace that this one was copied from.
pub fn pivot_to(host: &Host, new: &Fd, put_old: Option<std::path::PathBuf>, no_pivot: bool) -> Outcome<()> {
    let dot = || Spot::Path(".".into());
    let above = || Spot::Path("..".into());
    let enter = |fd: &Fd| host.run(Call::Chdir { to: Spot::Fd(fd.clone()) }).map(drop);
    let top = || host.run(Call::Chdir { to: Spot::Path("/".into()) }).map(drop);
    if no_pivot {
        host.run(Call::HideHost { root: new.clone() })?;
        enter(new)?;
        let root = Spot::Path("/".into());
        host.run(Call::Mount { source: Some(dot()), target: root, fstype: None, flags: libc::MS_MOVE, keep: None, data: None })?;
        host.run(Call::Chroot { path: ".".into() })?;
        return top();
    }
    enter(new)?;
    let stacked = put_old.is_none();
    let pivoted = host.run(Call::PivotRoot { new: ".".into(), old: put_old.unwrap_or_else(|| ".".into()) });
    if let Err(failure) = pivoted {
        top()?;
        return Err(failure);
    }
    if stacked {
        // The new root is the working directory now, and the old one is mounted on it: "." is the
        // former, but ".." stays at the root and then goes up to what is mounted there.
        let flags = libc::MS_SLAVE | libc::MS_REC;
        host.run(Call::Mount { source: None, target: above(), fstype: None, flags, keep: None, data: None })?;
        host.run(Call::Unmount { target: above(), flags: libc::MNT_DETACH })?;
    }
    top()
}
