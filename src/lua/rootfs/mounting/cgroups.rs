//! The control groups of a container as cgroup v1 shows them: a directory for each hierarchy.
//!
//! Ten hierarchies are usual, so each takes two calls: the directory, and the mount in it.

use std::path::{Component, Path};

use mlua::Value;
use nix::libc;

use super::wanted::Wanted;
use crate::kernel::mounts::{Call as MountCall, Spot};
use crate::kernel::rootfs::{Call, Change, Like};
use crate::lua::args::Args;
use crate::lua::error::{Outcome, Raise};
use crate::lua::mounts::options::{Asked, DATA, PROPAGATIONS, data, with_flags};
use crate::lua::types::{Param, Type, may};
use crate::sys::Fd;
use crate::sys::mounts::has_new_api;
use crate::sys::rootfs::Links;

pub const OPTIONS: &[Param] = with_flags![
    may("groups", Type::Map(&Type::Path), "by name: a directory of the host, which is shown there"),
    may(
        "mounts",
        Type::Map(&Type::Text),
        "by name: controllers (\"cpu,cpuacct\"), whose hierarchy is mounted as the cgroup namespace shows it"
    ),
    may("links", Type::Map(&Type::Text), "by name: another name, as a symlink says it"),
    may("unified", Type::Text, "the name at which the cgroup namespace's cgroup v2 is mounted"),
    may("data", DATA, "options of the tmpfs"),
];

/// One hierarchy: its name, and what is mounted there.
fn hierarchies(args: &Args) -> Outcome<Vec<(String, Change)>> {
    let options = args.options("options")?;
    let made = |source: &str, fstype: Option<&str>, flags: u64, data: Option<String>| Change::MountNew {
        source: source.into(),
        fstype: fstype.map(str::to_owned),
        flags,
        data,
    };
    let mut all: Vec<_> = Vec::new();
    all.extend(options.map("groups").into_iter().map(|(name, dir)| (name, made(&dir, None, libc::MS_BIND, None))));
    all.extend(options.map("mounts").into_iter().map(|(name, data)| (name, made("cgroup", Some("cgroup"), 0, Some(data)))));
    all.extend(options.text("unified").map(|name| (name, made("cgroup", Some("cgroup2"), 0, None))));
    all.extend(options.map("links").into_iter().map(|(name, text)| (name, Change::Symlink { text: text.into() })));
    for (name, _) in &all {
        let mut parts = Path::new(name).components();
        if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) || name.contains('/') {
            return Err(Raise::argument(format!("options: expected names without a slash, got {name:?}")));
        }
    }
    Ok(all)
}

pub fn cgroups(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let asked = Asked::of(&options)?;
    if asked.off != 0 || crate::lua::mounts::options::propagation(&options)? != 0 {
        return Err(Raise::argument("options: expected flags to be added"));
    }
    let hierarchies = hierarchies(args)?;
    let mut data = data(&options, Some("tmpfs"))?;
    data.push(("mode".to_owned(), Some("755".to_owned())));
    let wanted = Wanted::new(args, &args.required_text("target"))?;
    let quiet = asked.on & !libc::MS_RDONLY;
    wanted.file_system("tmpfs", "cgroup", &data, Asked { on: quiet, off: 0 }, 0)?;
    let top = wanted.run(Change::MountPoint { like: Like::Directory(Links::Inside) })?.fd();
    let top = top.map_err(|errno| Raise::read("openat2", errno))?;
    for (name, change) in hierarchies {
        args.host.run(Call { root: top.clone(), path: name.into(), change })?;
    }
    protect(args, &wanted, top, asked)
}

/// Gives the flags to all of it at once.
fn protect(args: &Args, wanted: &Wanted, top: Fd, asked: Asked) -> Outcome {
    let (set, clear) = asked.attributes();
    if set == 0 {
        return Ok(Value::Nil);
    }
    if has_new_api() {
        let target = Spot::Fd(top);
        args.host.run(MountCall::SetAttributes { target, recursive: true, set, clear, propagation: 0, userns: None })?;
    } else {
        wanted.run(Change::RemountAll { flags: asked.on })?;
    }
    Ok(Value::Nil)
}
