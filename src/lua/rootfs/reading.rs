//! What is in a root: reads, which go past the gate of the kernel's calls and change nothing.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use mlua::Value;

use super::Rootfs;
use crate::kernel::rootfs::place;
use crate::lua::args::Args;
use crate::lua::error::{Outcome, Raise};
use crate::lua::files::{READ_LIMIT, stat_table, text};
use crate::lua::unknown;
use crate::sys::rootfs::{Links, read};
use crate::sys::{Errno, Fd, Result as SysResult};

/// The root and the path of a read; `None` where a plan has not really opened the root.
fn reading(args: &Args) -> Outcome<Option<(Fd, PathBuf)>> {
    let root = args.this::<Rootfs>()?.root()?;
    Ok((!root.is_planned()).then(|| (root, args.required_path("path"))))
}

/// A read's answer; `ENOENT` and its like are nil.
fn found<T>(args: &Args, read: impl FnOnce(BorrowedFd, &Path) -> SysResult<T>) -> Outcome<Result<T, Value>> {
    let Some((root, path)) = reading(args)? else { return Ok(Err(unknown(args.lua)?)) };
    match root.get().and_then(|fd| read(fd, &path)) {
        Ok(value) => Ok(Ok(value)),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(Err(Value::Nil)),
        Err(errno) => {
            let name = format!("openat2({root}, {:?}, …)", path.display().to_string());
            Err(Raise::read(name, errno).hint(format!("below {}, symlinks are followed inside the root only", place(&root, &path))))
        }
    }
}

pub fn read_file(args: &Args) -> Outcome {
    let limit = args.options("options")?.size("limit").unwrap_or(READ_LIMIT);
    match found(args, |root, path| read::read(root, path, limit))? {
        Ok(content) => Ok(Value::String(args.lua.create_string(content)?)),
        Err(other) => Ok(other),
    }
}

pub fn readlink(args: &Args) -> Outcome {
    let link = found(args, |root, path| match read::readlink(root, path) {
        Err(Errno::EINVAL | Errno::EEXIST) => Err(Errno::ENOENT),
        other => other,
    })?;
    match link {
        Ok(link) => Ok(text(args.lua, &link)?),
        Err(other) => Ok(other),
    }
}

pub fn stat(args: &Args) -> Outcome {
    let links = if args.options("options")?.flag("nofollow") { Links::NotLast } else { Links::Inside };
    match found(args, |root, path| read::stat(root, path, links))? {
        Ok(Some(found)) => Ok(Value::Table(stat_table(args.lua, &found)?)),
        Ok(None) => Ok(Value::Nil),
        Err(other) => Ok(other),
    }
}

pub fn exists(args: &Args) -> Outcome {
    let root = args.this::<Rootfs>()?.root()?;
    if root.is_planned()
        && let Some(there) = args.host.kernel().made(Path::new(&place(&root, &args.required_path("path"))))
    {
        return Ok(Value::Boolean(there));
    }
    match found(args, |root, path| read::stat(root, path, Links::NotLast))? {
        Ok(found) => Ok(Value::Boolean(found.is_some())),
        Err(Value::Nil) => Ok(Value::Boolean(false)),
        Err(other) => Ok(other),
    }
}

pub fn list(args: &Args) -> Outcome {
    match found(args, read::list)? {
        Ok(names) => {
            let names = names.iter().map(|name| text(args.lua, name)).collect::<mlua::Result<Vec<_>>>()?;
            Ok(Value::Table(args.lua.create_sequence_from(names)?))
        }
        Err(Value::Nil) => Err(Raise::read(format!("openat2(…, {:?}, …)", args.required_text("path")), Errno::ENOENT)),
        Err(_) => Ok(Value::Table(args.lua.create_table()?)),
    }
}
