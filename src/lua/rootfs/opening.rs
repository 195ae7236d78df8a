//! Where a root comes from: a directory that is there, or a new tmpfs of its own.

use std::path::PathBuf;

use nix::libc;

use super::Rootfs;
use crate::kernel::Kinds;
use crate::kernel::mounts::{Call as MountCall, Spot};
use crate::kernel::rootfs::{Call, Change};
use crate::lua::args::Args;
use crate::lua::error::{Outcome, Raise};
use crate::lua::mounts::open_place;
use crate::lua::mounts::options::{Asked, joined, propagation};
use crate::lua::mounts::tree::{apply, copy, make};
use crate::sys::Fd;
use crate::sys::mounts::has_new_api;

pub fn rootfs_open(args: &Args) -> Outcome {
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

pub fn subdir(args: &Args) -> Outcome {
    let root = args.this::<Rootfs>()?.root()?;
    let change = Change::Open { flags: libc::O_PATH | libc::O_DIRECTORY, mode: 0, special: false };
    let opened = args.host.run(Call { root, path: args.required_path("path"), change })?;
    args.adopt(Rootfs::new(opened.fd().map_err(|errno| Raise::read("openat2", errno))?, false), None)
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
        let change = Change::Remount { below: place, flags: asked.on, recursive };
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
pub fn rootfs_new(args: &Args) -> Outcome {
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
        let fd = make(args.host, "tmpfs", "tmpfs", &data, asked)?;
        args.host.run(MountCall::MoveMount { from: fd.clone(), to: root() })?;
        fd
    } else {
        let text = joined(&data, Some("tmpfs"))?;
        let (source, fstype) = (Some(Spot::Path("tmpfs".into())), Some("tmpfs".to_owned()));
        args.host.run(MountCall::Mount { source, target: root(), fstype, flags: asked.on, keep: None, data: text })?;
        // At the root, `..` stays and then goes up to what is mounted on it.
        open_place(args.host, "/..".into())?
    };
    args.adopt(Rootfs::new(fd, true), None)
}
