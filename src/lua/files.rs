//! Files by path: what scripts do outside of a rootfs.

use mlua::{Lua, Table, Value};
use nix::sys::stat::{FileStat, SFlag, major, minor};
use serde_json::json;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Host;
use super::args::Args;
use super::error::{Outcome, Raise};
use super::handle::{self, Resource};
use super::table::{Primitive, Scope, example};
use super::types::{Param, Type, U32, may, need};
use crate::kernel::Kept;
use crate::kernel::files::Call;
use crate::sys::{Errno, files};

const MKDIR: &[Param] = &[
    may("mode", Type::Mode, "permission bits before the umask; \"0755\""),
    may("parents", Type::Boolean, "also makes what is missing before it; one that exists is fine"),
];

const WRITE: &[Param] = &[
    may("mode", Type::Mode, "permission bits of a new file before the umask; \"0644\""),
    may("append", Type::Boolean, "puts the text at the end"),
    may("exclusive", Type::Boolean, "EEXIST where there is anything"),
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

/// How much a read answers unless it is told otherwise.
pub const READ_LIMIT: u64 = 16 << 20;

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
    primitive!(
        "read_file",
        "Reads a file; nil where there is none.",
        &[need("path", Type::Path, "the file"), may("options", Type::Options(READ), "")],
        "string or nil",
        &["open(2)", "read(2)"],
        "= cat PATH",
        Scope::Reads,
        "assert(#read_file(\"/proc/self/status\") > 0)\nassert(read_file(\"/no/such/file\") == nil)",
        read_file
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
        readlink
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
        stat
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
        list_dir
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
        &[],
        "directory",
        &["mkdir(2)"],
        "= mktemp -d",
        Scope::Object,
        "local dir <close> = temp_dir()\nassert(stat(dir.path).mode == 448)",
        temp_dir
    ),
];

/// A directory that goes when its handle closes.
pub struct Directory(PathBuf);

impl Resource for Directory {
    fn kind(&self) -> &'static str {
        "directory"
    }

    fn describe(&self) -> String {
        format!("directory {}", self.0.display())
    }

    fn fields(&self) -> &'static [&'static str] {
        &["path"]
    }

    fn field(&self, lua: &Lua, _name: &str) -> mlua::Result<Value> {
        text(lua, self.0.as_os_str())
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        match host.run(Call::RemoveTemporary { path: self.0.clone() }) {
            Err(failure) if failure.errno() == Some(Errno::ENOENT) => Ok(()),
            other => other.map(drop),
        }
    }
}

/// Bytes of a path as a Lua string.
pub fn text(lua: &Lua, bytes: &OsStr) -> mlua::Result<Value> {
    lua.create_string(bytes.as_bytes()).map(Value::String)
}

/// What `stat` answers.
pub fn stat_table(lua: &Lua, found: &FileStat) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let kind = match SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFREG => "file",
        SFlag::S_IFDIR => "directory",
        SFlag::S_IFLNK => "symlink",
        SFlag::S_IFCHR => "char",
        SFlag::S_IFBLK => "block",
        SFlag::S_IFIFO => "fifo",
        _ => "socket",
    };
    table.raw_set("type", kind)?;
    table.raw_set("mode", found.st_mode & 0o7777)?;
    table.raw_set("uid", found.st_uid)?;
    table.raw_set("gid", found.st_gid)?;
    table.raw_set("size", found.st_size)?;
    table.raw_set("ino", found.st_ino)?;
    table.raw_set("dev", found.st_dev)?;
    table.raw_set("nlink", found.st_nlink)?;
    table.raw_set("mtime", found.st_mtime)?;
    if matches!(kind, "char" | "block") {
        table.raw_set("major", major(found.st_rdev))?;
        table.raw_set("minor", minor(found.st_rdev))?;
    }
    Ok(table)
}

fn mkdir(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let mode = options.mode("mode").unwrap_or(0o755);
    args.host.run(Call::Mkdir { path: args.required_path("path"), mode, parents: options.flag("parents") })?;
    Ok(Value::Nil)
}

fn write_file(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let (append, exclusive) = (options.flag("append"), options.flag("exclusive"));
    if append && exclusive {
        return Err(Raise::argument("options: append and exclusive exclude each other"));
    }
    let content = args.bytes("text").unwrap_or_default();
    let mode = options.mode("mode").unwrap_or(0o644);
    args.host.run(Call::Write { path: args.required_path("path"), content, mode, append, exclusive })?;
    Ok(Value::Nil)
}

fn failed(what: &str, path: &Path, errno: Errno) -> Raise {
    Raise::read(format!("{what}({:?})", path.display().to_string()), errno)
}

fn read_file(args: &Args) -> Outcome {
    let path = args.required_path("path");
    let limit = args.options("options")?.size("limit").unwrap_or(READ_LIMIT);
    match files::read(&path, limit) {
        Ok(content) => Ok(Value::String(args.lua.create_string(content)?)),
        Err(Errno::ENOENT) => Ok(Value::Nil),
        Err(errno) => Err(failed("read", &path, errno)),
    }
}

fn symlink(args: &Args) -> Outcome {
    args.host.run(Call::Symlink { text: args.required_path("text"), path: args.required_path("path") })?;
    Ok(Value::Nil)
}

fn readlink(args: &Args) -> Outcome {
    let path = args.required_path("path");
    match files::readlink(&path) {
        Ok(found) => Ok(text(args.lua, &found)?),
        Err(Errno::ENOENT | Errno::EINVAL) => Ok(Value::Nil),
        Err(errno) => Err(failed("readlink", &path, errno)),
    }
}

fn remove(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let path = args.required_path("path");
    let call = match (options.flag("recursive"), options.flag("directory")) {
        (true, _) => Call::RemoveAll { path },
        (false, true) => Call::Rmdir { path },
        (false, false) => Call::Unlink { path },
    };
    match args.host.run(call) {
        Err(failure) if failure.errno() == Some(Errno::ENOENT) && options.flag("missing") => Ok(Value::Nil),
        other => other.map(|_| Value::Nil),
    }
}

fn copy_file(args: &Args) -> Outcome {
    args.host.run(Call::Copy { from: args.required_path("from"), to: args.required_path("to") })?;
    Ok(Value::Nil)
}

fn rename(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let flags = match (options.flag("noreplace"), options.flag("exchange")) {
        (true, true) => return Err(Raise::argument("options: exchange and noreplace exclude each other")),
        (noreplace, exchange) => u32::from(noreplace) | u32::from(exchange) << 1,
    };
    args.host.run(Call::Rename { from: args.required_path("from"), to: args.required_path("to"), flags })?;
    Ok(Value::Nil)
}

fn chmod(args: &Args) -> Outcome {
    args.host.run(Call::Chmod { path: args.required_path("path"), mode: args.mode("mode").unwrap_or_default() })?;
    Ok(Value::Nil)
}

fn chown(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let (uid, gid) = (options.integer("uid")?, options.integer("gid")?);
    if uid.is_none() && gid.is_none() {
        return Err(Raise::argument("options: expected uid, gid or both"));
    }
    args.host.run(Call::Chown { path: args.required_path("path"), uid, gid, follow: !options.flag("nofollow") })?;
    Ok(Value::Nil)
}

fn stat(args: &Args) -> Outcome {
    let path = args.required_path("path");
    let follow = !args.options("options")?.flag("nofollow");
    match files::stat(&path, follow).map_err(|errno| failed("stat", &path, errno))? {
        Some(found) => Ok(Value::Table(stat_table(args.lua, &found)?)),
        None if args.host.kernel().is_plan() => Ok(super::unknown(args.lua)?),
        None => Ok(Value::Nil),
    }
}

fn list_dir(args: &Args) -> Outcome {
    let path = args.required_path("path");
    let names = match files::list(&path) {
        Err(Errno::ENOENT) if args.host.kernel().is_plan() => Vec::new(),
        other => other.map_err(|errno| failed("open", &path, errno))?,
    };
    let names = names.iter().map(|name| text(args.lua, name)).collect::<mlua::Result<Vec<_>>>()?;
    Ok(Value::Table(args.lua.create_sequence_from(names)?))
}

fn touch(args: &Args) -> Outcome {
    let mode = args.options("options")?.mode("mode").unwrap_or(0o644);
    args.host.run(Call::Touch { path: args.required_path("path"), mode })?;
    Ok(Value::Nil)
}

fn temp_dir(args: &Args) -> Outcome {
    let parent = std::env::var_os("TMPDIR").filter(|dir| dir.as_bytes().starts_with(b"/")).unwrap_or_else(|| "/tmp".into());
    let path = Path::new(&parent).join(format!("crun-lua-{}", random_name()?));
    let journal = handle::journal(args.host, Kept::new("directory", json!(path.to_string_lossy())))?;
    if let Err(failure) = args.host.run(Call::Temporary { path: path.clone() }) {
        if let Some(number) = journal {
            args.host.journal.gone(number).map_err(|error| Raise::state(error.to_string()))?;
        }
        return Err(failure);
    }
    args.adopt(Directory(path), journal)
}

/// Sixteen hexadecimal digits that nobody can foresee.
fn random_name() -> Outcome<String> {
    let mut bytes = [0_u8; 8];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    read.map_err(|error| Raise::read("read(\"/dev/urandom\")", files::errno(error)))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
