//! Files by path: what scripts do outside of a rootfs.
//!
//! Here is what changes a file; what only reads is in `reading`, directories that do not stay are
//! in `temporary`, the arguments and examples of each in `table`.

use mlua::Value;
use nix::libc;

use super::args::Args;
use super::error::{Outcome, Raise, unexpected};
use super::processes::patiently;
use super::processes::streams::Descriptor;
use crate::kernel::files::Call;
use crate::sys::Errno;

mod reading;
mod table;
mod temporary;

pub use reading::{READ_LIMIT, stat_table, text};
pub use table::PRIMITIVES;

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
    if options.flag("atomic") {
        if append {
            return Err(Raise::argument("options: append and atomic exclude each other: a whole file is put in place"));
        }
        patiently(args.host, Call::Replace { path: args.required_path("path"), content, mode, exclusive })?;
        return Ok(Value::Nil);
    }
    args.host.run(Call::Write { path: args.required_path("path"), content, mode, append, exclusive })?;
    Ok(Value::Nil)
}

fn open(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let (write, append) = (options.flag("write"), options.flag("append"));
    for (word, needed, there) in
        [("create", "write or append", write || append), ("exclusive", "create", options.flag("create")), ("truncate", "write", write)]
    {
        if options.flag(word) && !there {
            return Err(Raise::argument(format!("options.{word}: expected {needed} as well")));
        }
    }
    let mut flags = match (options.boolean("read").unwrap_or(!write && !append), write || append) {
        (true, true) => libc::O_RDWR,
        (false, true) => libc::O_WRONLY,
        (true, false) => libc::O_RDONLY,
        (false, false) => return Err(Raise::argument("options: expected read, write or append")),
    };
    for (word, flag) in [
        ("append", libc::O_APPEND),
        ("create", libc::O_CREAT),
        ("exclusive", libc::O_EXCL),
        ("truncate", libc::O_TRUNC),
        ("nonblock", libc::O_NONBLOCK),
        ("nofollow", libc::O_NOFOLLOW),
    ] {
        if options.flag(word) {
            flags |= flag;
        }
    }
    let call = Call::Open { path: args.required_path("path"), flags, mode: options.mode("mode").unwrap_or(0o644) };
    // A pipe without nonblock waits for its other end.
    let fd = patiently(args.host, call.clone())?.fd().map_err(|errno| unexpected(&call.into(), errno))?;
    args.adopt(Descriptor::new(fd), None)
}

fn mkfifo(args: &Args) -> Outcome {
    args.host.run(Call::Fifo { path: args.required_path("path"), mode: args.mode("mode").unwrap_or(0o600) })?;
    Ok(Value::Nil)
}

fn symlink(args: &Args) -> Outcome {
    args.host.run(Call::Symlink { text: args.required_path("text"), path: args.required_path("path") })?;
    Ok(Value::Nil)
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

fn touch(args: &Args) -> Outcome {
    let mode = args.options("options")?.mode("mode").unwrap_or(0o644);
    args.host.run(Call::Touch { path: args.required_path("path"), mode })?;
    Ok(Value::Nil)
}
