//! What a file is and what is in it: reads, which change nothing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use mlua::{Lua, Table, Value};
use nix::sys::stat::{FileStat, SFlag, major, minor};

use crate::lua::args::Args;
use crate::lua::error::{Outcome, Raise};
use crate::lua::processes::interrupted;
use crate::lua::{stop_if_signalled, unknown};
use crate::sys::{Errno, files};

/// How much a read answers unless it is told otherwise.
pub const READ_LIMIT: u64 = 16 << 20;

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

fn failed(what: &str, path: &Path, errno: Errno) -> Raise {
    let error = Raise::read(format!("{what}({:?})", path.display().to_string()), errno);
    match errno {
        Errno::EACCES => error.hint("this user may not: stat tells the owner and the mode, also of each directory on the way"),
        Errno::EISDIR => error.hint("it is a directory: list_dir reads one"),
        Errno::ENOTDIR => error.hint("something on the way is no directory: stat tells what it is"),
        _ => error,
    }
}

pub fn read_file(args: &Args) -> Outcome {
    let path = args.required_path("path");
    let limit = args.options("options")?.size("limit").unwrap_or(READ_LIMIT);
    match files::read(&path, limit) {
        Ok(content) => Ok(Value::String(args.lua.create_string(content)?)),
        Err(Errno::ENOENT) => Ok(Value::Nil),
        Err(Errno::EINTR) if stop_if_signalled(args.host) => {
            args.host.unwound.set(true);
            Err(interrupted())
        }
        Err(errno) => Err(failed("read", &path, errno)),
    }
}

pub fn readlink(args: &Args) -> Outcome {
    let path = args.required_path("path");
    match files::readlink(&path) {
        Ok(found) => Ok(text(args.lua, &found)?),
        Err(Errno::ENOENT | Errno::EINVAL) => Ok(Value::Nil),
        Err(errno) => Err(failed("readlink", &path, errno)),
    }
}

pub fn stat(args: &Args) -> Outcome {
    let path = args.required_path("path");
    let follow = !args.options("options")?.flag("nofollow");
    match files::stat(&path, follow).map_err(|errno| failed("stat", &path, errno))? {
        Some(found) => Ok(Value::Table(stat_table(args.lua, &found)?)),
        None if args.host.kernel().foresees(&path) => Ok(unknown(args.lua)?),
        None => Ok(Value::Nil),
    }
}

pub fn list_dir(args: &Args) -> Outcome {
    let path = args.required_path("path");
    let names = match files::list(&path) {
        Err(Errno::ENOENT) if args.host.kernel().is_plan() => Vec::new(),
        other => other.map_err(|errno| failed("open", &path, errno))?,
    };
    let names = names.iter().map(|name| text(args.lua, name)).collect::<mlua::Result<Vec<_>>>()?;
    Ok(Value::Table(args.lua.create_sequence_from(names)?))
}
