//! The rootfs handle: every path inside a root directory, resolved so that it cannot leave it.
//!
//! What is in a root may be hostile, and may change while it is worked on. The handle holds the
//! root as a descriptor; its methods take paths as the container will see them, follow symlinks
//! inside the root only, and never hand such a path to the kernel as text from the host's root.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use mlua::{Lua, Value};
use nix::libc;
use nix::sys::stat::{SFlag, makedev};

use super::Host;
use super::args::{Args, Fields};
use super::error::{Outcome, Raise};
use super::files::{READ_LIMIT, stat_table, text};
use super::handle::Resource;
use super::mounts::options::{Asked, PROPAGATIONS, propagation, with_flags};
use super::mounts::tree::{USER_NAMESPACE, apply, copy};
use super::mounts::{open_place, tree};
use super::processes::streams::Descriptor;
use super::table::{Example, Primitive, Scope, example_with};
use super::types::{Param, Type, U32, UINT, may, need};
use crate::kernel::Kinds;
use crate::kernel::mounts::{Call as MountCall, Spot};
use crate::kernel::rootfs::{Call, Change, place};
use crate::sys::mounts::has_new_api;
use crate::sys::rootfs::change::{Owner, Writing};
use crate::sys::rootfs::{Links, read};
use crate::sys::{Errno, Fd};

pub mod mounting;

const OPEN_ROOT: &[Param] = with_flags![
    may("bind", Type::Boolean, "mounts the directory onto itself first: pivot needs the root to be a mount"),
    may("recursive", Type::Boolean, "with bind: also what is mounted below (default true)"),
    may("id_map", USER_NAMESPACE, "with bind: owners are seen through this user namespace"),
];

const NEW_ROOT: &[Param] = &[
    may("size", Type::Size, "how much it may hold; \"64M\""),
    may("inodes", UINT, "how many files it may hold"),
    may("mode", Type::Mode, "permission bits of the root directory; \"0755\""),
];

const MKDIR: &[Param] = &[
    may("mode", Type::Mode, "permission bits, whatever the umask; \"0755\""),
    may("parents", Type::Boolean, "also makes what is missing before it; one that exists is fine"),
    may("uid", U32, "whose it becomes"),
    may("gid", U32, "whose group's it becomes"),
];

const WRITE: &[Param] = &[
    may("mode", Type::Mode, "permission bits of a new file, whatever the umask; \"0644\""),
    may("append", Type::Boolean, "puts the text at the end"),
    may("exclusive", Type::Boolean, "EEXIST where there is anything"),
    may("uid", U32, "whose it becomes"),
    may("gid", U32, "whose group's it becomes"),
];

const READ: &[Param] = &[may("limit", Type::Size, "EFBIG where the file is longer; \"16M\"")];

const OPEN: &[Param] = &[
    may("write", Type::Boolean, "for writing as well"),
    may("append", Type::Boolean, "writes go to the end"),
    may("create", Type::Boolean, "makes the file where it is missing"),
    may("exclusive", Type::Boolean, "with create: EEXIST where there is anything"),
    may("mode", Type::Mode, "with create: permission bits before the umask; \"0644\""),
    may("directory", Type::Boolean, "ENOTDIR where it is no directory"),
    may("nofollow", Type::Boolean, "ELOOP where the last component is a symlink"),
];

const NODE: &[Param] = &[
    need("type", Type::Word(&["c", "b", "p"]), "a character device, a block device, or a pipe"),
    may("major", U32, "the device's number"),
    may("minor", U32, "the device's number"),
    may("mode", Type::Mode, "permission bits, whatever the umask; \"0666\""),
    may("uid", U32, "whose it becomes"),
    may("gid", U32, "whose group's it becomes"),
    may("host", Type::Path, "the host's node of this number, which is mounted there where nodes cannot be made"),
];

const CHOWN: &[Param] =
    &[may("uid", U32, "the new user"), may("gid", U32, "the new group"), may("nofollow", Type::Boolean, "a symlink itself")];

const STAT: &[Param] = &[may("nofollow", Type::Boolean, "a symlink itself")];

const PATH: Param = need("path", Type::Path, "as the container will see it");

const fn method(
    name: &'static str,
    summary: &'static str,
    params: &'static [Param],
    returns: &'static str,
    syscalls: &'static [&'static str],
    examples: &'static [Example],
    function: fn(&Args) -> Outcome,
) -> Primitive {
    Primitive {
        name,
        summary,
        params,
        returns,
        syscalls,
        shell: "≈ by path, which a symlink in the root may lead out of it",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples,
        see: &["rootfs_open", "openat2(2)"],
        function,
    }
}

/// An example in a new root, as root.
macro_rules! inside {
    ($code:literal) => {
        &[example_with(
            &["root"],
            concat!(
                "local child <close> = spawn({ unshare = { \"mnt\", \"ipc\" } }, function()\n  local root <close> = rootfs_new { size = \"1M\" }\n  ",
                $code,
                "\nend)\nassert(child:wait().code == 0)"
            ),
        )]
    };
}
use inside;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "rootfs_open",
        summary: "Opens a directory as the root of a container; paths given to the handle cannot leave it.",
        params: &[need("dir", Type::Path, "the root directory"), may("options", Type::Options(OPEN_ROOT), "")],
        returns: "rootfs",
        syscalls: &["open(2)", "open_tree(2)", "mount_setattr(2)", "move_mount(2)"],
        shell: "≈ mount --rbind DIR DIR",
        needs: "with bind: CAP_SYS_ADMIN over the mount namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[
            example_with(
                &[],
                "local dir = \"/tmp/crun-lua-example-rootfs-open\"\nmkdir(dir)\nlocal root = rootfs_open(dir)\nroot:mkdir(\"/etc\")\nroot:write(\"/etc/hostname\", \"box\\n\")\nroot:close()\nremove(dir, { recursive = true })",
            ),
            example_with(
                &["root"],
                "local child <close> = spawn({ unshare = { \"mnt\" } }, function()\n  mount(nil, \"/\", { propagation = \"slave\", recursive = true })\n  local root <close> = rootfs_open(\"/usr\", { bind = true, readonly = true })\n  root:pivot()\nend)\nassert(child:wait().code == 0)",
            ),
        ],
        see: &["rootfs_new", "rootfs:pivot", "openat2(2)"],
        function: rootfs_open,
    },
    Primitive {
        name: "rootfs_new",
        summary: "Makes an empty root on a tmpfs of its own, seen by this mount namespace only; nothing of it stays.",
        params: &[may("options", Type::Options(NEW_ROOT), "")],
        returns: "rootfs",
        syscalls: &["mount(2)", "fsopen(2)", "fsconfig(2)", "fsmount(2)", "move_mount(2)"],
        shell: "≈ mount -t tmpfs tmpfs ROOT",
        needs: "CAP_SYS_ADMIN over a mount namespace of the process's own",
        scope: Scope::Object,
        reversible: true,
        examples: inside!("root:mkdir(\"/tmp\", { mode = \"1777\" })"),
        see: &["rootfs:bind", "rootfs:pivot", "tmpfs(5)"],
        function: rootfs_new,
    },
    method(
        "rootfs:mkdir",
        "Makes a directory in the root.",
        &[PATH, may("options", Type::Options(MKDIR), "")],
        "nothing",
        &["openat2(2)", "mkdirat(2)"],
        inside!("root:mkdir(\"/var/log/app\", { parents = true, mode = \"0750\" })"),
        mkdir,
    ),
    method(
        "rootfs:write",
        "Writes a text to a regular file in the root; the last component is never followed.",
        &[PATH, need("text", Type::Bytes, "all of it"), may("options", Type::Options(WRITE), "")],
        "nothing",
        &["openat2(2)", "write(2)"],
        inside!("root:write(\"/hosts\", \"127.0.0.1 localhost\\n\", { mode = \"0600\", exclusive = true })"),
        write,
    ),
    method(
        "rootfs:read",
        "Reads a regular file in the root; nil where there is none.",
        &[PATH, may("options", Type::Options(READ), "")],
        "string or nil",
        &["openat2(2)", "read(2)"],
        inside!("root:write(\"/x\", \"y\")\n  assert(root:read(\"/x\") == \"y\")"),
        read_file,
    ),
    method(
        "rootfs:open",
        "Opens a file in the root.",
        &[PATH, may("options", Type::Options(OPEN), "")],
        "fd",
        &["openat2(2)"],
        inside!("local file <close> = root:open(\"/log\", { write = true, create = true })\n  file:write(\"one\\n\")"),
        open,
    ),
    method(
        "rootfs:symlink",
        "Makes a symlink in the root; what it says is not looked at.",
        &[need("text", Type::Path, "what the link says"), PATH],
        "nothing",
        &["openat2(2)", "symlinkat(2)"],
        inside!("root:symlink(\"usr/bin\", \"/bin\")\n  assert(root:readlink(\"/bin\") == \"usr/bin\")"),
        symlink,
    ),
    method(
        "rootfs:readlink",
        "What a symlink in the root says; nil where there is no symlink.",
        &[PATH],
        "string or nil",
        &["openat2(2)", "readlinkat(2)"],
        inside!("root:symlink(\"a\", \"/b\")\n  assert(root:readlink(\"/b\") == \"a\")"),
        readlink,
    ),
    method(
        "rootfs:mknod",
        "Makes a device node or a pipe in the root; one that is there already must be the same.",
        &[PATH, need("options", Type::Options(NODE), "")],
        "nothing",
        &["openat2(2)", "mknodat(2)"],
        inside!(
            "root:mknod(\"/null\", { type = \"c\", major = 1, minor = 3, host = \"/dev/null\" })\n  root:mknod(\"/pipe\", { type = \"p\" })"
        ),
        mknod,
    ),
    method(
        "rootfs:unlink",
        "Removes anything but a directory from the root.",
        &[PATH],
        "nothing",
        &["openat2(2)", "unlinkat(2)"],
        inside!("root:write(\"/x\", \"\")\n  root:unlink(\"/x\")"),
        unlink,
    ),
    method(
        "rootfs:rmdir",
        "Removes an empty directory from the root.",
        &[PATH],
        "nothing",
        &["openat2(2)", "unlinkat(2)"],
        inside!("root:mkdir(\"/x\")\n  root:rmdir(\"/x\")"),
        rmdir,
    ),
    method(
        "rootfs:chown",
        "Sets the owner of a file in the root.",
        &[PATH, need("options", Type::Options(CHOWN), "")],
        "nothing",
        &["openat2(2)", "fchownat(2)"],
        inside!("root:write(\"/x\", \"\")\n  root:chown(\"/x\", { uid = 1000, gid = 1000 })"),
        chown,
    ),
    method(
        "rootfs:chmod",
        "Sets permission bits of a file in the root.",
        &[PATH, need("mode", Type::Mode, "\"0755\"")],
        "nothing",
        &["openat2(2)", "fchmodat2(2)"],
        inside!("root:write(\"/x\", \"\")\n  root:chmod(\"/x\", \"4755\")"),
        chmod,
    ),
    method(
        "rootfs:stat",
        "What a file in the root is; nil where there is none.",
        &[PATH, may("options", Type::Options(STAT), "")],
        "{ type, mode, uid, gid, size, ino, dev, nlink, mtime, major, minor } or nil",
        &["openat2(2)", "fstat(2)"],
        inside!("assert(root:stat(\"/\").type == \"directory\")"),
        stat,
    ),
    method(
        "rootfs:exists",
        "Whether there is something at a path in the root, be it a dangling symlink.",
        &[PATH],
        "boolean",
        &["openat2(2)"],
        inside!("assert(root:exists(\"/\") and not root:exists(\"/etc\"))"),
        exists,
    ),
    method(
        "rootfs:list",
        "The names in a directory of the root, sorted.",
        &[PATH],
        "list of strings",
        &["openat2(2)", "getdents64(2)"],
        inside!("root:mkdir(\"/etc\")\n  assert(root:list(\"/\")[1] == \"etc\")"),
        list,
    ),
];

/// A root directory, and what the handle has made for it.
pub struct Rootfs {
    fd: RefCell<Option<Fd>>,
    name: String,
    /// The root is a mount that this handle has attached.
    attached: Cell<bool>,
    /// The host's null device, for masks.
    null: RefCell<Option<Fd>>,
    /// An empty file system, for masks.
    empty: RefCell<Option<Fd>>,
}

impl Rootfs {
    fn new(fd: Fd, attached: bool) -> Self {
        let name = fd.label().to_owned();
        Self { fd: RefCell::new(Some(fd)), name, attached: Cell::new(attached), null: RefCell::default(), empty: RefCell::default() }
    }

    /// The root as a descriptor (`O_PATH`).
    pub fn root(&self) -> Outcome<Fd> {
        self.fd.borrow().clone().ok_or_else(|| Raise::state(format!("{} is closed", self.describe())))
    }

    /// The root is now the process's own: closing the handle leaves it alone.
    pub fn entered(&self) {
        self.attached.set(false);
    }
}

impl Resource for Rootfs {
    fn kind(&self) -> &'static str {
        "rootfs"
    }

    fn describe(&self) -> String {
        format!("rootfs {}", self.name)
    }

    fn fields(&self) -> &'static [&'static str] {
        &["name"]
    }

    fn field(&self, lua: &Lua, _name: &str) -> mlua::Result<Value> {
        lua.create_string(&self.name).map(Value::String)
    }

    /// Unmounts a root that the handle has mounted, unless the process has gone into it.
    fn close(&self, host: &Host) -> Outcome<()> {
        self.null.replace(None);
        self.empty.replace(None);
        let Some(fd) = self.fd.take() else { return Ok(()) };
        if self.attached.get() {
            host.run(MountCall::Unmount { target: Spot::Fd(fd), flags: libc::MNT_DETACH })?;
        }
        Ok(())
    }

    fn lasting(&self) -> bool {
        false
    }
}

fn rootfs_open(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let dir = args.required_path("dir");
    let asked = Asked::of(&options)?;
    if !options.flag("bind") {
        if asked != Asked::default()
            || ["id_map", "recursive", "propagation", "private", "slave", "shared", "unbindable"].iter().any(|name| options.has(name))
        {
            return Err(Raise::argument("options: attributes belong to a mount; say bind = true as well"));
        }
        return args.adopt(Rootfs::new(open_place(args.host, dir)?, false), None);
    }
    args.host.guard(Kinds::MNT, false, "mounting")?;
    let recursive = options.boolean("recursive").unwrap_or(true);
    if !has_new_api() {
        return args.adopt(Rootfs::new(bound_classically(args, dir, asked, recursive)?, true), None);
    }
    let place = open_place(args.host, dir)?;
    let tree = copy(args.host, Spot::Fd(place.clone()), true, recursive)?;
    apply(args.host, &Spot::Fd(tree.clone()), &options, recursive)?;
    args.host.run(MountCall::MoveMount { from: tree.clone(), to: Spot::Fd(place) })?;
    args.adopt(Rootfs::new(tree, true), None)
}

/// The directory bound to itself by the calls of old kernels; the host's own path is opened anew to
/// come to the new mount.
fn bound_classically(args: &Args, dir: PathBuf, asked: Asked, recursive: bool) -> Outcome<Fd> {
    let options = args.options("options")?;
    if options.has("id_map") || asked.off != 0 {
        return Err(Raise::state("id_map and taking flags away need Linux 5.12"));
    }
    let mount = |source: Option<Spot>, target: Fd, flags: u64| {
        args.host.run(MountCall::Mount { source, target: Spot::Fd(target), fstype: None, flags, keep: None, data: None }).map(drop)
    };
    let all = if recursive { libc::MS_REC } else { 0 };
    let place = open_place(args.host, dir.clone())?;
    mount(Some(Spot::Fd(place.clone())), place.clone(), libc::MS_BIND | all)?;
    let bound = open_place(args.host, dir)?;
    if asked.on != 0 {
        let change = Change::Remount { below: place, flags: asked.on };
        args.host.run(Call { root: bound.clone(), path: "/".into(), change })?;
    }
    let propagation = propagation(&options)?;
    if propagation != 0 {
        mount(None, bound.clone(), propagation | all)?;
    }
    Ok(bound)
}

/// A tmpfs that is stacked on `/`: lookups of `/` still end at the old root below it, so nothing of
/// the host is covered, and no directory is needed as its place.
fn rootfs_new(args: &Args) -> Outcome {
    let options = args.options("options")?;
    if !args.host.guard.left().contains(Kinds::MNT) {
        return Err(Raise::state("a new root needs a mount namespace of this process's own, whatever --allow-host says")
            .hint("spawn { unshare = { \"mnt\" } }, or call unshare { \"mnt\" } first"));
    }
    let mut data = vec![("mode".to_owned(), Some(format!("{:o}", options.mode("mode").unwrap_or(0o755))))];
    if let Some(size) = options.size("size").filter(|size| *size != u64::MAX) {
        data.push(("size".to_owned(), Some(size.to_string())));
    }
    if let Some(inodes) = options.integer::<u64>("inodes")? {
        data.push(("nr_inodes".to_owned(), Some(inodes.to_string())));
    }
    let asked = Asked { on: libc::MS_NOSUID | libc::MS_NODEV, off: 0 };
    let root = || Spot::Path("/".into());
    // Where / is shared, what is mounted on it would appear on the host.
    let slave = libc::MS_SLAVE | libc::MS_REC;
    args.host.run(MountCall::Mount { source: None, target: root(), fstype: None, flags: slave, keep: None, data: None })?;
    let fd = if has_new_api() {
        let fd = tree::make(args.host, "tmpfs", "tmpfs", &data, asked)?;
        args.host.run(MountCall::MoveMount { from: fd.clone(), to: root() })?;
        fd
    } else {
        let text = super::mounts::options::joined(&data, Some("tmpfs"))?;
        let (source, fstype) = (Some(Spot::Path("tmpfs".into())), Some("tmpfs".to_owned()));
        args.host.run(MountCall::Mount { source, target: root(), fstype, flags: asked.on, keep: None, data: text })?;
        // At the root, `..` stays and then goes up to what is mounted on it.
        open_place(args.host, "/..".into())?
    };
    args.adopt(Rootfs::new(fd, true), None)
}

/// Has a change made at the path of a method's call.
fn change(args: &Args, change: Change) -> Outcome<crate::kernel::Reply> {
    let root = args.this::<Rootfs>()?.root()?;
    args.host.run(Call { root, path: args.required_path("path"), change })
}

fn owner(options: &Fields) -> Outcome<Owner> {
    Ok((options.integer("uid")?, options.integer("gid")?))
}

fn mkdir(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let mode = options.mode("mode").unwrap_or(0o755);
    change(args, Change::Mkdir { mode, parents: options.flag("parents"), owner: owner(&options)? })?;
    Ok(Value::Nil)
}

fn write(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let writing = match (options.flag("append"), options.flag("exclusive")) {
        (true, true) => return Err(Raise::argument("options: append and exclusive exclude each other")),
        (true, false) => Writing::Append,
        (false, true) => Writing::New,
        (false, false) => Writing::Replace,
    };
    let content = args.bytes("text").unwrap_or_default();
    change(args, Change::Write { content, mode: options.mode("mode").unwrap_or(0o644), writing, owner: owner(&options)? })?;
    Ok(Value::Nil)
}

fn open(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let writes = options.flag("write") || options.flag("append");
    if options.flag("create") && !writes {
        return Err(Raise::argument("options.create: expected write or append as well"));
    }
    if options.flag("exclusive") && !options.flag("create") {
        return Err(Raise::argument("options.exclusive: expected create as well"));
    }
    let mut flags = libc::O_NOCTTY | if writes { libc::O_RDWR } else { libc::O_RDONLY };
    for (word, flag) in [
        ("append", libc::O_APPEND),
        ("create", libc::O_CREAT),
        ("exclusive", libc::O_EXCL),
        ("directory", libc::O_DIRECTORY),
        ("nofollow", libc::O_NOFOLLOW),
    ] {
        if options.flag(word) {
            flags |= flag;
        }
    }
    let reply = change(args, Change::Open { flags, mode: options.mode("mode").unwrap_or(0o644) })?;
    args.adopt(Descriptor::new(reply.fd().map_err(|errno| Raise::read("openat2", errno))?), None)
}

fn symlink(args: &Args) -> Outcome {
    change(args, Change::Symlink { text: args.required_path("text") })?;
    Ok(Value::Nil)
}

fn mknod(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let kind = match options.required_text("type").as_str() {
        "c" => SFlag::S_IFCHR,
        "b" => SFlag::S_IFBLK,
        _ => SFlag::S_IFIFO,
    };
    let pipe = kind == SFlag::S_IFIFO;
    if pipe == (options.has("major") || options.has("minor")) || options.has("major") != options.has("minor") {
        return Err(Raise::argument("options: a device has major and minor, a pipe has neither"));
    }
    if pipe && options.has("host") {
        return Err(Raise::argument("options.host: belongs to a device"));
    }
    let number = |name: &str| Ok::<u64, Raise>(options.integer::<u32>(name)?.unwrap_or_default().into());
    let node = (kind, makedev(number("major")?, number("minor")?));
    let mode = options.mode("mode").unwrap_or(0o666);
    change(args, Change::Node { node, mode, owner: owner(&options)?, host: options.path("host") })?;
    Ok(Value::Nil)
}

fn unlink(args: &Args) -> Outcome {
    change(args, Change::Unlink)?;
    Ok(Value::Nil)
}

fn rmdir(args: &Args) -> Outcome {
    change(args, Change::Rmdir)?;
    Ok(Value::Nil)
}

fn chown(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let owner = owner(&options)?;
    if owner == (None, None) {
        return Err(Raise::argument("options: expected uid, gid or both"));
    }
    change(args, Change::Chown { owner, link: options.flag("nofollow") })?;
    Ok(Value::Nil)
}

fn chmod(args: &Args) -> Outcome {
    change(args, Change::Chmod { mode: args.mode("mode").unwrap_or_default() })?;
    Ok(Value::Nil)
}

/// The root and the path of a read; `None` where a plan has not really opened the root.
fn reading(args: &Args) -> Outcome<Option<(Fd, PathBuf)>> {
    let root = args.this::<Rootfs>()?.root()?;
    Ok((!root.is_planned()).then(|| (root, args.required_path("path"))))
}

/// A read's answer; `ENOENT` and its like are nil.
fn found<T>(
    args: &Args,
    read: impl FnOnce(std::os::fd::BorrowedFd, &std::path::Path) -> crate::sys::Result<T>,
) -> Outcome<Result<T, Value>> {
    let Some((root, path)) = reading(args)? else { return Ok(Err(super::unknown(args.lua)?)) };
    match root.get().and_then(|fd| read(fd, &path)) {
        Ok(value) => Ok(Ok(value)),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(Err(Value::Nil)),
        Err(errno) => {
            let name = format!("openat2({root}, {:?}, …)", path.display().to_string());
            Err(Raise::read(name, errno).hint(format!("below {}, symlinks are followed inside the root only", place(&root, &path))))
        }
    }
}

fn read_file(args: &Args) -> Outcome {
    let limit = args.options("options")?.size("limit").unwrap_or(READ_LIMIT);
    match found(args, |root, path| read::read(root, path, limit))? {
        Ok(content) => Ok(Value::String(args.lua.create_string(content)?)),
        Err(other) => Ok(other),
    }
}

fn readlink(args: &Args) -> Outcome {
    let link = found(args, |root, path| match read::readlink(root, path) {
        Err(Errno::EINVAL | Errno::EEXIST) => Err(Errno::ENOENT),
        other => other,
    })?;
    match link {
        Ok(link) => Ok(text(args.lua, &link)?),
        Err(other) => Ok(other),
    }
}

fn stat(args: &Args) -> Outcome {
    let links = if args.options("options")?.flag("nofollow") { Links::NotLast } else { Links::Inside };
    match found(args, |root, path| read::stat(root, path, links))? {
        Ok(Some(found)) => Ok(Value::Table(stat_table(args.lua, &found)?)),
        Ok(None) => Ok(Value::Nil),
        Err(other) => Ok(other),
    }
}

fn exists(args: &Args) -> Outcome {
    match found(args, |root, path| read::stat(root, path, Links::NotLast))? {
        Ok(found) => Ok(Value::Boolean(found.is_some())),
        Err(Value::Nil) => Ok(Value::Boolean(false)),
        Err(other) => Ok(other),
    }
}

fn list(args: &Args) -> Outcome {
    match found(args, read::list)? {
        Ok(names) => {
            let names = names.iter().map(|name| text(args.lua, name)).collect::<mlua::Result<Vec<_>>>()?;
            Ok(Value::Table(args.lua.create_sequence_from(names)?))
        }
        Err(Value::Nil) => Err(Raise::read(format!("openat2(…, {:?}, …)", args.required_text("path")), Errno::ENOENT)),
        Err(_) => Ok(Value::Table(args.lua.create_table()?)),
    }
}
