//! What Lua sees of a root: each primitive with its arguments and examples.

use super::{PATH, changing, inside, method, opening, reading};
use crate::lua::mounts::options::{PROPAGATIONS, with_flags};
use crate::lua::mounts::tree::USER_NAMESPACE;
use crate::lua::table::{Primitive, Scope, example_with};
use crate::lua::types::{Param, Type, U32, UINT, may, need};

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

const FILL: &[Param] = &[
    may("dirs", Type::List(&Type::Path), "directories with mode 0755, each after those that it lies in"),
    may("files", Type::Map(&Type::Bytes), "from path to text: regular files with mode 0644"),
    may("links", Type::Map(&Type::Path), "from path to what the symlink says"),
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
    may(
        "special",
        Type::Boolean,
        "also a device, a pipe, a socket, or a file of /proc or /sys to be written: it may wait, or set something to work; else ENXIO",
    ),
    may("path_only", Type::Boolean, "names the file, whatever it is, and opens no device, pipe or socket (O_PATH)"),
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
        function: opening::rootfs_open,
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
        function: opening::rootfs_new,
    },
    method(
        "rootfs:subdir",
        "Opens a directory of the root as a root of its own: what is done there needs no way to it any more.",
        &[PATH],
        "rootfs",
        &["openat2(2)"],
        inside!(
            "root:mkdir(\"/dev\")\n  local dev <close> = root:subdir(\"/dev\")\n  dev:symlink(\"pts/ptmx\", \"ptmx\")\n  assert(root:exists(\"/dev/ptmx\"))"
        ),
        opening::subdir,
    ),
    method(
        "rootfs:mkdir",
        "Makes a directory in the root.",
        &[PATH, may("options", Type::Options(MKDIR), "")],
        "nothing",
        &["openat2(2)", "mkdirat(2)"],
        inside!("root:mkdir(\"/var/log/app\", { parents = true, mode = \"0750\" })"),
        changing::mkdir,
    ),
    method(
        "rootfs:write",
        "Writes a text to a regular file in the root; the last component is never followed.",
        &[PATH, need("text", Type::Bytes, "all of it"), may("options", Type::Options(WRITE), "")],
        "nothing",
        &["openat2(2)", "write(2)"],
        inside!("root:write(\"/hosts\", \"127.0.0.1 localhost\\n\", { mode = \"0600\", exclusive = true })"),
        changing::write,
    ),
    method(
        "rootfs:read",
        "Reads a regular file in the root; nil where there is none.",
        &[PATH, may("options", Type::Options(READ), "")],
        "string or nil",
        &["openat2(2)", "read(2)"],
        inside!("root:write(\"/x\", \"y\")\n  assert(root:read(\"/x\") == \"y\")"),
        reading::read_file,
    ),
    method(
        "rootfs:open",
        "Opens a regular file or a directory in the root.",
        &[PATH, may("options", Type::Options(OPEN), "")],
        "fd",
        &["openat2(2)"],
        inside!("local file <close> = root:open(\"/log\", { write = true, create = true })\n  file:write(\"one\\n\")"),
        changing::open,
    ),
    method(
        "rootfs:symlink",
        "Makes a symlink in the root; what it says is not looked at.",
        &[need("text", Type::Path, "what the link says"), PATH],
        "nothing",
        &["openat2(2)", "symlinkat(2)"],
        inside!("root:symlink(\"usr/bin\", \"/bin\")\n  assert(root:readlink(\"/bin\") == \"usr/bin\")"),
        changing::symlink,
    ),
    method(
        "rootfs:fill",
        "Makes many directories, files and links in the root, in this order.",
        &[need("things", Type::Options(FILL), "")],
        "nothing",
        &["openat2(2)", "mkdirat(2)", "write(2)", "symlinkat(2)"],
        inside!(
            "root:fill { dirs = { \"/etc\" }, files = { [\"/etc/motd\"] = \"hi\\n\" }, links = { [\"/bin\"] = \"usr/bin\" } }\n  assert(root:read(\"/etc/motd\") == \"hi\\n\")"
        ),
        changing::fill,
    ),
    method(
        "rootfs:readlink",
        "What a symlink in the root says; nil where there is no symlink.",
        &[PATH],
        "string or nil",
        &["openat2(2)", "readlinkat(2)"],
        inside!("root:symlink(\"a\", \"/b\")\n  assert(root:readlink(\"/b\") == \"a\")"),
        reading::readlink,
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
        changing::mknod,
    ),
    method(
        "rootfs:unlink",
        "Removes anything but a directory from the root.",
        &[PATH],
        "nothing",
        &["openat2(2)", "unlinkat(2)"],
        inside!("root:write(\"/x\", \"\")\n  root:unlink(\"/x\")"),
        changing::unlink,
    ),
    method(
        "rootfs:rmdir",
        "Removes an empty directory from the root.",
        &[PATH],
        "nothing",
        &["openat2(2)", "unlinkat(2)"],
        inside!("root:mkdir(\"/x\")\n  root:rmdir(\"/x\")"),
        changing::rmdir,
    ),
    method(
        "rootfs:chown",
        "Sets the owner of a file in the root.",
        &[PATH, need("options", Type::Options(CHOWN), "")],
        "nothing",
        &["openat2(2)", "fchownat(2)"],
        inside!("root:write(\"/x\", \"\")\n  root:chown(\"/x\", { uid = 1000, gid = 1000 })"),
        changing::chown,
    ),
    method(
        "rootfs:chmod",
        "Sets permission bits of a file in the root.",
        &[PATH, need("mode", Type::Mode, "\"0755\"")],
        "nothing",
        &["openat2(2)", "fchmodat2(2)"],
        inside!("root:write(\"/x\", \"\")\n  root:chmod(\"/x\", \"4755\")"),
        changing::chmod,
    ),
    method(
        "rootfs:stat",
        "What a file in the root is; nil where there is none.",
        &[PATH, may("options", Type::Options(STAT), "")],
        "{ type, mode, uid, gid, size, ino, dev, nlink, mtime, major, minor } or nil",
        &["openat2(2)", "fstat(2)"],
        inside!("assert(root:stat(\"/\").type == \"directory\")"),
        reading::stat,
    ),
    method(
        "rootfs:exists",
        "Whether there is something at a path in the root, be it a dangling symlink.",
        &[PATH],
        "boolean",
        &["openat2(2)"],
        inside!("assert(root:exists(\"/\") and not root:exists(\"/etc\"))"),
        reading::exists,
    ),
    method(
        "rootfs:list",
        "The names in a directory of the root, sorted.",
        &[PATH],
        "list of strings",
        &["openat2(2)", "getdents64(2)"],
        inside!("root:mkdir(\"/etc\")\n  assert(root:list(\"/\")[1] == \"etc\")"),
        reading::list,
    ),
];
