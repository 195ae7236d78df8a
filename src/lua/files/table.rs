//! What Lua sees of files by path: each primitive with its arguments and examples.

use super::{chmod, chown, copy_file, mkdir, mkfifo, open, reading, remove, rename, symlink, temporary, touch, write_file};
use crate::lua::table::{Primitive, Scope, example};
use crate::lua::types::{Param, Type, U32, may, need};

const MKDIR: &[Param] = &[
    may("mode", Type::Mode, "permission bits before the umask; \"0755\""),
    may("parents", Type::Boolean, "also makes what is missing before it; one that exists is fine"),
];

const WRITE: &[Param] = &[
    may("mode", Type::Mode, "permission bits of a new file before the umask; \"0644\""),
    may("append", Type::Boolean, "puts the text at the end"),
    may("exclusive", Type::Boolean, "EEXIST where there is anything"),
    may(
        "atomic",
        Type::Boolean,
        "writes beside and renames: whoever reads finds the old text or the new one, whenever the writer dies. The owner and mode of a file that is replaced stay; a symlink is ELOOP",
    ),
];

const OPEN: &[Param] = &[
    may("read", Type::Boolean, "for reading; true without write and append"),
    may("write", Type::Boolean, "for writing, from the start"),
    may("append", Type::Boolean, "for writing, each write at the end"),
    may("create", Type::Boolean, "with write or append: makes the file where it is missing"),
    may("exclusive", Type::Boolean, "with create: EEXIST where there is anything"),
    may("truncate", Type::Boolean, "with write: empties the file"),
    may(
        "nonblock",
        Type::Boolean,
        "neither opening nor reading nor writing waits: a pipe without a reader is ENXIO, what would wait EAGAIN",
    ),
    may("nofollow", Type::Boolean, "ELOOP where the last component is a symlink"),
    may("mode", Type::Mode, "with create: permission bits before the umask; \"0644\""),
];

const READ: &[Param] = &[may("limit", Type::Size, "EFBIG where the file is longer; \"16M\"")];

const REMOVE: &[Param] = &[
    may("recursive", Type::Boolean, "a directory with all in it: links are not followed, and EXDEV where something is mounted below"),
    may("directory", Type::Boolean, "an empty directory"),
    may("missing", Type::Boolean, "what does not exist is fine"),
];

const RENAME: &[Param] = &[
    may("exchange", Type::Boolean, "the two names change places at once (RENAME_EXCHANGE)"),
    may("noreplace", Type::Boolean, "EEXIST where something has the new name (RENAME_NOREPLACE)"),
];

const CHOWN: &[Param] =
    &[may("uid", U32, "the new user"), may("gid", U32, "the new group"), may("nofollow", Type::Boolean, "a symlink itself")];

const STAT: &[Param] = &[may("nofollow", Type::Boolean, "a symlink itself")];

const TOUCH: &[Param] = &[may("mode", Type::Mode, "permission bits of a new file before the umask; \"0644\"")];

macro_rules! primitive {
    ($name:literal, $summary:literal, $params:expr, $returns:literal, $calls:expr, $shell:literal, $scope:expr, $example:literal, $function:expr) => {
        Primitive {
            name: $name,
            summary: $summary,
            params: $params,
            returns: $returns,
            syscalls: $calls,
            shell: $shell,
            needs: "",
            scope: $scope,
            reversible: true,
            examples: &[example($example)],
            see: &["rootfs_open"],
            function: $function,
        }
    };
}

const TEMPORARY: &[Param] = &[may("parent", Type::Path, "where it is made; `$TMPDIR`, else `/tmp`")];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    primitive!(
        "mkdir",
        "Makes a directory.",
        &[need("path", Type::Path, "the new directory"), may("options", Type::Options(MKDIR), "")],
        "nothing",
        &["mkdir(2)"],
        "= mkdir -m MODE PATH",
        Scope::Object,
        "local path = \"/tmp/crun-lua-example-mkdir\"\nmkdir(path .. \"/a/b\", { parents = true })\nremove(path, { recursive = true })",
        mkdir
    ),
    primitive!(
        "write_file",
        "Writes a text to a file.",
        &[need("path", Type::Path, "the file"), need("text", Type::Bytes, "all of it"), may("options", Type::Options(WRITE), "")],
        "nothing",
        &["open(2)", "write(2)"],
        "= cat > PATH",
        Scope::Object,
        "local path = \"/tmp/crun-lua-example-write\"\nwrite_file(path, \"one\\n\", { mode = \"0600\", exclusive = true })\nwrite_file(path, \"two\\n\", { append = true })\nassert(read_file(path) == \"one\\ntwo\\n\")\nremove(path)",
        write_file
    ),
    Primitive {
        name: "open",
        summary: "Opens a file by path: for fd:read and fd:write, as a stream of spawn, as a source of poll.",
        params: &[need("path", Type::Path, "the file"), may("options", Type::Options(OPEN), "")],
        returns: "fd",
        syscalls: &["open(2)"],
        shell: "≈ exec 9<PATH",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[
            example(
                "local path = \"/tmp/crun-lua-example-open\"\nlocal log <close> = open(path, { append = true, create = true, mode = \"0600\" })\nlocal child <close> = spawn({ stdout = log, stderr = log }, function() exec { \"echo\", \"hello\" } end)\nchild:wait()\nlog:write(\"bye\\n\")\nassert(read_file(path) == \"hello\\nbye\\n\")\nremove(path)",
            ),
            example(
                "local path = \"/tmp/crun-lua-example-fifo\"\nmkfifo(path)\nlocal reader <close> = open(path, { nonblock = true })\nlocal writer <close> = open(path, { write = true })\nwriter:write(\"hello\")\nassert(reader:read(100) == \"hello\")\nremove(path)",
            ),
        ],
        see: &["mkfifo", "fd:read", "fd:write", "rootfs:open", "open(2)"],
        function: open,
    },
    Primitive {
        name: "mkfifo",
        summary: "Makes a pipe with a name.",
        params: &[need("path", Type::Path, "the new pipe"), may("mode", Type::Mode, "permission bits before the umask; \"0600\"")],
        returns: "nothing",
        syscalls: &["mknod(2)"],
        shell: "= mkfifo -m MODE PATH",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local path = \"/tmp/crun-lua-example-mkfifo\"\nmkfifo(path, \"0600\")\nassert(stat(path).type == \"fifo\")\nremove(path)",
        )],
        see: &["open", "rootfs:mknod", "fifo(7)"],
        function: mkfifo,
    },
    primitive!(
        "read_file",
        "Reads a file; nil where there is none.",
        &[need("path", Type::Path, "the file"), may("options", Type::Options(READ), "")],
        "string or nil",
        &["open(2)", "read(2)"],
        "= cat PATH",
        Scope::Reads,
        "assert(#read_file(\"/proc/self/status\") > 0)\nassert(read_file(\"/no/such/file\") == nil)",
        reading::read_file
    ),
    primitive!(
        "symlink",
        "Makes a symlink.",
        &[need("text", Type::Path, "what the link says"), need("path", Type::Path, "the new link")],
        "nothing",
        &["symlink(2)"],
        "= ln -s TEXT PATH",
        Scope::Object,
        "local path = \"/tmp/crun-lua-example-symlink\"\nsymlink(\"/etc\", path)\nassert(readlink(path) == \"/etc\")\nremove(path)",
        symlink
    ),
    primitive!(
        "readlink",
        "What a symlink says; nil where there is no symlink.",
        &[need("path", Type::Path, "a symlink")],
        "string or nil",
        &["readlink(2)"],
        "= readlink PATH",
        Scope::Reads,
        "assert(tonumber(readlink(\"/proc/self\")))",
        reading::readlink
    ),
    primitive!(
        "remove",
        "Removes a file; a directory only when told so.",
        &[need("path", Type::Path, "what goes"), may("options", Type::Options(REMOVE), "")],
        "nothing",
        &["unlink(2)", "unlinkat(2)"],
        "= rm PATH",
        Scope::Object,
        "local path = \"/tmp/crun-lua-example-remove\"\nmkdir(path)\nwrite_file(path .. \"/file\", \"\")\nremove(path, { recursive = true })\nassert(stat(path) == nil)",
        remove
    ),
    primitive!(
        "copy_file",
        "Copies a regular file with its permission bits; the kernel moves the bytes.",
        &[need("from", Type::Path, "a regular file"), need("to", Type::Path, "replaced where it exists")],
        "nothing",
        &["copy_file_range(2)"],
        "= cp FROM TO",
        Scope::Object,
        "local path = \"/tmp/crun-lua-example-copy\"\ncopy_file(\"/etc/passwd\", path)\nassert(read_file(path) == read_file(\"/etc/passwd\"))\nremove(path)",
        copy_file
    ),
    Primitive {
        name: "rename",
        summary: "Gives a file another name on the same file system, in one step that nobody sees the middle of.",
        params: &[
            need("from", Type::Path, "what there is"),
            need("to", Type::Path, "what it is called from now on"),
            may("options", Type::Options(RENAME), ""),
        ],
        returns: "nothing",
        syscalls: &["renameat2(2)"],
        shell: "= mv FROM TO",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local a, b = \"/tmp/crun-lua-example-rename-a\", \"/tmp/crun-lua-example-rename-b\"\nwrite_file(a, \"a\")\nmkdir(b)\nrename(a, b, { exchange = true })\nassert(read_file(b) == \"a\")\nremove(b)\nremove(a, { directory = true })",
        )],
        see: &["rename(2)"],
        function: rename,
    },
    primitive!(
        "chmod",
        "Sets permission bits; symlinks are followed.",
        &[need("path", Type::Path, "a file"), need("mode", Type::Mode, "\"0755\"")],
        "nothing",
        &["chmod(2)"],
        "= chmod MODE PATH",
        Scope::Object,
        "local path = \"/tmp/crun-lua-example-chmod\"\nwrite_file(path, \"\")\nchmod(path, \"0600\")\nassert(stat(path).mode == 384)\nremove(path)",
        chmod
    ),
    primitive!(
        "chown",
        "Sets the owner.",
        &[need("path", Type::Path, "a file"), need("options", Type::Options(CHOWN), "")],
        "nothing",
        &["fchownat(2)"],
        "= chown UID:GID PATH",
        Scope::Object,
        "local path = \"/tmp/crun-lua-example-chown\"\nwrite_file(path, \"\")\nchown(path, { uid = 0, gid = 0 })\nremove(path)",
        chown
    ),
    primitive!(
        "stat",
        "What a file is; nil where there is none.",
        &[need("path", Type::Path, "a file"), may("options", Type::Options(STAT), "")],
        "{ type, mode, uid, gid, size, ino, dev, nlink, mtime, major, minor } or nil",
        &["stat(2)"],
        "= stat PATH",
        Scope::Reads,
        "assert(stat(\"/etc\").type == \"directory\")\nassert(stat(\"/no/such/file\") == nil)",
        reading::stat
    ),
    primitive!(
        "list_dir",
        "The names in a directory, sorted.",
        &[need("path", Type::Path, "a directory")],
        "list of strings",
        &["getdents64(2)"],
        "= ls -A PATH",
        Scope::Reads,
        "assert(#list_dir(\"/etc\") > 0)",
        reading::list_dir
    ),
    primitive!(
        "touch",
        "Makes an empty file where there is none, and sets its times to now.",
        &[need("path", Type::Path, "a file"), may("options", Type::Options(TOUCH), "")],
        "nothing",
        &["open(2)", "utimensat(2)"],
        "= touch PATH",
        Scope::Object,
        "local path = \"/tmp/crun-lua-example-touch\"\ntouch(path)\nassert(stat(path).size == 0)\nremove(path)",
        touch
    ),
    primitive!(
        "temp_dir",
        "Makes a directory that only this user can enter, and removes it with all in it when the handle closes.",
        &[may("options", Type::Options(TEMPORARY), "")],
        "directory",
        &["mkdir(2)"],
        "= mktemp -d",
        Scope::Object,
        "local dir <close> = temp_dir()\nassert(stat(dir.path).mode == 448)",
        temporary::temp_dir
    ),
];
