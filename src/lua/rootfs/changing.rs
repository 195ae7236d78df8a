//! Changes to files in a root: each is one call that resolves the path and changes what is there.

use mlua::Value;
use nix::libc;
use nix::sys::stat::{SFlag, makedev};

use super::Rootfs;
use crate::kernel::Reply;
use crate::kernel::rootfs::{Call, Change};
use crate::lua::args::{Args, Fields};
use crate::lua::error::{Outcome, Raise};
use crate::lua::processes::streams::Descriptor;
use crate::sys::rootfs::change::{Owner, Writing};

/// Has a change made at the path of a method's call.
fn change(args: &Args, change: Change) -> Outcome<Reply> {
    let root = args.this::<Rootfs>()?.root()?;
    args.host.run(Call { root, path: args.required_path("path"), change })
}

fn owner(options: &Fields) -> Outcome<Owner> {
    Ok((options.integer("uid")?, options.integer("gid")?))
}

pub fn mkdir(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let mode = options.mode("mode").unwrap_or(0o755);
    change(args, Change::Mkdir { mode, parents: options.flag("parents"), owner: owner(&options)? })?;
    Ok(Value::Nil)
}

pub fn write(args: &Args) -> Outcome {
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

pub fn open(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let writes = options.flag("write") || options.flag("append");
    if options.flag("create") && !writes {
        return Err(Raise::argument("options.create: expected write or append as well"));
    }
    if options.flag("exclusive") && !options.flag("create") {
        return Err(Raise::argument("options.exclusive: expected create as well"));
    }
    let path_only = options.flag("path_only");
    if path_only && writes {
        return Err(Raise::argument("options.path_only: what only names a file does not write to it"));
    }
    let mut flags = match (path_only, writes) {
        (true, _) => libc::O_PATH,
        (_, true) => libc::O_NOCTTY | libc::O_RDWR,
        _ => libc::O_NOCTTY | libc::O_RDONLY,
    };
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
    let reply = change(args, Change::Open { flags, mode: options.mode("mode").unwrap_or(0o644), special: options.flag("special") })?;
    args.adopt(Descriptor::new(reply.fd().map_err(|errno| Raise::read("openat2", errno))?), None)
}

pub fn symlink(args: &Args) -> Outcome {
    change(args, Change::Symlink { text: args.required_path("text") })?;
    Ok(Value::Nil)
}

/// What a root is filled with, by one method: to pass through Lua for each of dozens of files costs
/// more than to make them.
pub fn fill(args: &Args) -> Outcome {
    let root = args.this::<Rootfs>()?.root()?;
    let run = |path: &str, change| args.host.run(Call { root: root.clone(), path: path.into(), change });
    let things = args.options("things")?;
    for path in things.texts("dirs") {
        run(&path, Change::Mkdir { mode: 0o755, parents: false, owner: Owner::default() })?;
    }
    for (path, text) in things.pairs("files") {
        let content = text.as_string().map(|text| text.as_bytes().to_vec()).unwrap_or_default();
        run(&path, Change::Write { content, mode: 0o644, writing: Writing::Replace, owner: Owner::default() })?;
    }
    for (path, text) in things.map("links") {
        run(&path, Change::Symlink { text: text.into() })?;
    }
    Ok(Value::Nil)
}

pub fn mknod(args: &Args) -> Outcome {
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

pub fn unlink(args: &Args) -> Outcome {
    change(args, Change::Unlink)?;
    Ok(Value::Nil)
}

pub fn rmdir(args: &Args) -> Outcome {
    change(args, Change::Rmdir)?;
    Ok(Value::Nil)
}

pub fn chown(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let owner = owner(&options)?;
    if owner == (None, None) {
        return Err(Raise::argument("options: expected uid, gid or both"));
    }
    change(args, Change::Chown { owner, link: options.flag("nofollow") })?;
    Ok(Value::Nil)
}

pub fn chmod(args: &Args) -> Outcome {
    change(args, Change::Chmod { mode: args.mode("mode").unwrap_or_default() })?;
    Ok(Value::Nil)
}
