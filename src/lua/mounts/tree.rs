//! Mounts that are attached nowhere: a handle to make, to change, and then to put in its place.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use mlua::{Lua, Value};
use nix::libc;

use super::options::{Asked, DATA, Data, PROPAGATIONS, data, propagation, with_data, with_flags};
use crate::kernel::Kinds;
use crate::kernel::mounts::{Call, Spot, UserNamespace};
use crate::lua::Host;
use crate::lua::args::{Args, Fields};
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle::{Handle, Resource, kind_of};
use crate::lua::namespaces::handles;
use crate::lua::table::{Primitive, Scope, example_with};
use crate::lua::types::{Param, Type, may, need};
use crate::sys::Fd;
use crate::sys::mounts::{attributes::attr, has_new_api};

/// A user namespace: a namespace, a process, or the path of a namespace file.
pub const USER_NAMESPACE: Type = crate::lua::namespaces::TARGET;

const TREE: &[Param] = with_flags![
    may("clone", Type::Boolean, "a detached copy (default); false is the mount itself"),
    may("recursive", Type::Boolean, "with everything that is mounted below"),
    may("id_map", USER_NAMESPACE, "owners are seen through this user namespace"),
];

const NEW: &[Param] = with_data![
    need("type", Type::Text, "the file system: \"tmpfs\""),
    may("source", Type::Text, "a device, or any word; default the type"),
];

const SET: &[Param] = with_flags![
    may("recursive", Type::Boolean, "also everything that is mounted below"),
    may("id_map", USER_NAMESPACE, "owners are seen through this user namespace; the mount must be attached nowhere"),
];

const MOVE: &[Param] = &[may("host", Type::Boolean, "mean the host's own namespace")];

/// The primitives of detached mounts.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "mount_new",
        summary: "Makes a file system and a mount of it that is attached nowhere; nothing of it stays when the handle closes.",
        params: &[need("options", Type::Options(NEW), "")],
        returns: "mount",
        syscalls: &["fsopen(2)", "fsconfig(2)", "fsmount(2)"],
        shell: "≈ mount -t TYPE …",
        needs: "CAP_SYS_ADMIN; Linux 5.12",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["root", "kernel:5.12"],
            "local child <close> = spawn({ unshare = { \"mnt\" } }, function()\n  local tmp <close> = mount_new { type = \"tmpfs\", data = { size = \"1M\" }, nosuid = true }\n  tmp:move(\"/mnt\")\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["mount:move", "open_tree", "fsopen(2)"],
        function: mount_new,
    },
    Primitive {
        name: "open_tree",
        summary: "Copies the mount at a path as one that is attached nowhere: a bind mount that has no place yet.",
        params: &[need("path", Type::Path, "any file or directory"), may("options", Type::Options(TREE), "")],
        returns: "mount",
        syscalls: &["open_tree(2)", "mount_setattr(2)"],
        shell: "≈ mount --bind PATH …",
        needs: "CAP_SYS_ADMIN; Linux 5.12",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["root", "kernel:5.12"],
            "local child <close> = spawn({ unshare = { \"mnt\" } }, function()\n  local usr <close> = open_tree(\"/usr\", { readonly = true, recursive = true })\n  usr:move(\"/mnt\")\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["mount:move", "mount_setattr", "open_tree(2)"],
        function: open_tree,
    },
    Primitive {
        name: "mount:setattr",
        summary: "Changes attributes of this mount.",
        params: &[need("options", Type::Options(SET), "")],
        returns: "nothing",
        syscalls: &["mount_setattr(2)"],
        shell: "≈ mount -o remount,bind,…",
        needs: "CAP_SYS_ADMIN; Linux 5.12",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["root", "kernel:5.12"],
            "local child <close> = spawn({ unshare = { \"mnt\" } }, function()\n  local usr <close> = open_tree(\"/usr\")\n  usr:setattr { readonly = true, nosuid = true }\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["mount_setattr", "mount_setattr(2)"],
        function: setattr,
    },
    Primitive {
        name: "mount:move",
        summary: "Attaches the mount to a path.",
        params: &[
            need("target", Type::Path, "a directory, or a file where the mount's root is one"),
            may("options", Type::Options(MOVE), ""),
        ],
        returns: "nothing",
        syscalls: &["move_mount(2)"],
        shell: "≈ mount --move …",
        needs: "CAP_SYS_ADMIN; Linux 5.12",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["root", "kernel:5.12"],
            "local child <close> = spawn({ unshare = { \"mnt\" } }, function()\n  local tmp <close> = mount_new { type = \"tmpfs\" }\n  tmp:move(\"/mnt\")\n  assert(not io.open(\"/mnt/x\"))\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["rootfs:mount", "move_mount(2)"],
        function: move_to,
    },
];

/// A mount: one that is attached nowhere, or one that was made on the host and is removed again.
pub struct Mount {
    name: String,
    fd: RefCell<Option<Fd>>,
    host: Option<PathBuf>,
}

impl Mount {
    /// A mount by its descriptor.
    #[must_use]
    pub fn detached(fd: Fd) -> Self {
        Self { name: fd.label().to_owned(), fd: RefCell::new(Some(fd)), host: None }
    }

    /// A mount on the host, by its place.
    #[must_use]
    pub fn on_host(target: &Path) -> Self {
        Self { name: target.display().to_string(), fd: RefCell::default(), host: Some(target.to_owned()) }
    }

    /// The descriptor; a mount that was made by path has none.
    pub fn fd(&self) -> Outcome<Fd> {
        self.fd.borrow().clone().ok_or_else(|| {
            Raise::state(format!("the mount {} was made by path and has no descriptor", self.name)).hint("use mount_new or open_tree")
        })
    }
}

impl Resource for Mount {
    fn kind(&self) -> &'static str {
        "mount"
    }

    fn describe(&self) -> String {
        format!("mount {}", self.name)
    }

    fn fields(&self) -> &'static [&'static str] {
        &["name"]
    }

    fn field(&self, lua: &Lua, _name: &str) -> mlua::Result<Value> {
        lua.create_string(&self.name).map(Value::String)
    }

    /// A detached mount ends with its descriptor; one that is attached stays where it is.
    fn close(&self, host: &Host) -> Outcome<()> {
        self.fd.replace(None);
        if let Some(target) = &self.host {
            host.run(Call::Unmount { target: Spot::Path(target.clone()), flags: libc::MNT_DETACH | libc::UMOUNT_NOFOLLOW })?;
        }
        Ok(())
    }

    fn lasting(&self) -> bool {
        self.host.is_some()
    }
}

/// Refuses what has no classic form on an old kernel.
pub fn needs_new_api(what: &str) -> Outcome<()> {
    if has_new_api() {
        return Ok(());
    }
    Err(Raise::state(format!("{what} needs Linux 5.12, or a seccomp filter that lets mount_setattr through")))
}

/// Makes a detached mount of a new file system.
pub fn make(host: &Host, fstype: &str, source: &str, data: &Data, asked: Asked) -> Outcome<Fd> {
    let context = host.run(Call::FsOpen { fstype: fstype.to_owned() })?.fd().map_err(|errno| Raise::read("fsopen", errno))?;
    let set = |key: &str, value: Option<&str>| {
        host.run(Call::FsConfig { context: context.clone(), key: key.to_owned(), value: value.map(str::to_owned) }).map(drop)
    };
    set("source", Some(source))?;
    for (word, flag) in [
        ("sync", libc::MS_SYNCHRONOUS),
        ("dirsync", libc::MS_DIRSYNC),
        ("lazytime", crate::kernel::mounts::flags::LAZYTIME),
        ("mand", libc::MS_MANDLOCK),
    ] {
        if asked.on & flag == flag {
            set(word, None)?;
        }
    }
    for (key, value) in data {
        set(key, value.as_deref())?;
    }
    host.run(Call::FsCreate { context: context.clone() })?;
    let (attributes, _) = asked.attributes();
    let mount = host.run(Call::FsMount { context, name: fstype.to_owned(), attributes })?;
    mount.fd().map_err(|errno| Raise::read("fsmount", errno))
}

/// Copies a mount as a detached one.
pub fn copy(host: &Host, source: Spot, clone: bool, recursive: bool) -> Outcome<Fd> {
    host.run(Call::OpenTree { source, clone, recursive })?.fd().map_err(|errno| Raise::read("open_tree", errno))
}

/// The user namespace that `id_map` names.
pub fn user_namespace(host: &Host, options: &Fields) -> Outcome<Option<UserNamespace>> {
    let value = options.value("id_map");
    if kind_of(value) == Some("namespace") {
        return Ok(Some(UserNamespace::Fd(handles::open(host, value, "options.id_map", Kinds::USER)?.fd)));
    }
    Ok(match handles::process_in(value)? {
        Some(pid) => Some(UserNamespace::Process(pid)),
        None => options.path("id_map").map(UserNamespace::Path),
    })
}

/// Changes the attributes that an option table mentions; nothing where it mentions none.
pub fn apply(host: &Host, target: &Spot, options: &Fields, recursive: bool) -> Outcome<bool> {
    let (mut set, clear) = Asked::of(options)?.attributes();
    let propagation = propagation(options)?;
    let userns = user_namespace(host, options)?;
    if userns.is_some() {
        set |= attr::IDMAP;
    }
    if set == 0 && clear == 0 && propagation == 0 {
        return Ok(false);
    }
    host.run(Call::SetAttributes { target: target.clone(), recursive, set, clear, propagation, userns })?;
    Ok(true)
}

fn mount_new(args: &Args) -> Outcome {
    let options = args.options("options")?;
    needs_new_api("mount_new")?;
    let fstype = options.required_text("type");
    let source = options.text("source").unwrap_or_else(|| fstype.clone());
    let (asked, propagation) = (Asked::of(&options)?, propagation(&options)?);
    let data = data(&options, Some(&fstype))?;
    let fd = make(args.host, &fstype, &source, &data, asked)?;
    if propagation != 0 {
        let target = Spot::Fd(fd.clone());
        args.host.run(Call::SetAttributes { target, recursive: false, set: 0, clear: 0, propagation, userns: None })?;
    }
    args.adopt(Mount::detached(fd), None)
}

fn open_tree(args: &Args) -> Outcome {
    let options = args.options("options")?;
    needs_new_api("open_tree")?;
    Asked::of(&options)?;
    let (clone, recursive) = (options.boolean("clone").unwrap_or(true), options.flag("recursive"));
    if !clone && options.has("id_map") {
        return Err(Raise::argument("options.id_map: only a clone can be id-mapped"));
    }
    if !clone && (Asked::of(&options)? != Asked::default() || propagation(&options)? != 0) {
        args.host.guard(Kinds::MNT, false, "changing a mount")?;
    }
    let fd = copy(args.host, Spot::Path(args.required_path("path")), clone, clone && recursive)?;
    apply(args.host, &Spot::Fd(fd.clone()), &options, recursive)?;
    args.adopt(Mount::detached(fd), None)
}

fn setattr(args: &Args) -> Outcome {
    let mount = args.this::<Mount>()?;
    let options = args.options("options")?;
    if !apply(args.host, &Spot::Fd(mount.fd()?), &options, options.flag("recursive"))? {
        return Err(Raise::argument("options: expected an attribute, a propagation or id_map"));
    }
    Ok(Value::Nil)
}

fn move_to(args: &Args) -> Outcome {
    let mount = args.this::<Mount>()?;
    args.host.guard(Kinds::MNT, args.options("options")?.flag("host"), "mounting")?;
    args.host.run(Call::MoveMount { from: mount.fd()?, to: Spot::Path(args.required_path("target")) })?;
    Ok(Value::Nil)
}

/// The mount in a Lua value, if it is one.
pub fn mount_of(value: &Value) -> Outcome<Option<Fd>> {
    match (kind_of(value), Handle::from_value(value)) {
        (Some("mount"), Some(handle)) => handle.open::<Mount>()?.fd().map(Some),
        _ => Ok(None),
    }
}
