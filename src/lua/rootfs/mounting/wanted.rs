//! One mount that is to be put in a root: its place is found, or made, and then attached to.
//!
//! On old kernels the classic mount(2) does the same, from descriptor to descriptor as well.

use std::path::{Component, PathBuf};

use nix::libc;

use super::super::Rootfs;
use crate::kernel::mounts::{Call as MountCall, Spot};
use crate::kernel::rootfs::{Call, Change, Like};
use crate::kernel::{Kinds, Reply};
use crate::lua::Host;
use crate::lua::args::{Args, Fields};
use crate::lua::error::{Outcome, Raise};
use crate::lua::mounts::options::{Asked, Data, joined, propagation, propagation as propagation_of};
use crate::lua::mounts::replaced;
use crate::lua::mounts::tree::{apply, copy, make, user_namespace};
use crate::sys::Fd;
use crate::sys::mounts::has_new_api;
use crate::sys::rootfs::Links;

/// What `no_symlinks` says.
fn links_of(options: &Fields) -> Links {
    if options.flag("no_symlinks") { Links::Refused } else { Links::Inside }
}

/// One mount to be put in a root.
pub struct Wanted<'a> {
    host: &'a Host,
    /// The root.
    pub root: Fd,
    /// A path in it.
    pub target: PathBuf,
}

impl<'a> Wanted<'a> {
    /// A mount at a path of the method's root, once the guard lets it pass.
    pub fn new(args: &'a Args, target: &str) -> Outcome<Self> {
        args.host.guard(Kinds::MNT, false, "mounting")?;
        Ok(Self { host: args.host, root: args.this::<Rootfs>()?.root()?, target: target.into() })
    }

    /// Has a change made at the target.
    pub fn run(&self, change: Change) -> Outcome<Reply> {
        self.host.run(Call { root: self.root.clone(), path: self.target.clone(), change })
    }

    /// Whether symlinks may lead to the target: an image that brings its own `/proc`, `/sys` or
    /// `/dev` as a link would have the runtime work outside (CVE-2019-19921, CVE-2026-41579).
    fn links(&self, fstype: Option<&str>) -> Links {
        let mut names = self.target.components().filter(|part| !matches!(part, Component::RootDir | Component::CurDir));
        let first = names.next().map(|part| part.as_os_str().to_owned());
        let top = names.next().is_none() && first.is_some_and(|name| name == "proc" || name == "sys" || name == "dev");
        if top || matches!(fstype, Some("proc" | "sysfs")) { Links::Refused } else { Links::Inside }
    }

    fn place(&self, like: Like) -> Outcome<Fd> {
        self.run(Change::MountPoint { like })?.fd().map_err(|errno| Raise::read("openat2", errno))
    }

    /// The target as a descriptor, made like a mount where it is missing: a file for a file.
    pub fn place_like(&self, mount: &Fd, links: Links) -> Outcome<Fd> {
        self.place(match self.links(None) {
            Links::Inside => Like::Mount(mount.clone(), links),
            refused => Like::Directory(refused),
        })
    }

    /// Puts a mount in its place.
    pub fn attach(&self, mount: &Fd, place: Fd) -> Outcome<()> {
        self.host.run(MountCall::MoveMount { from: mount.clone(), to: Spot::Fd(place) }).map(drop)
    }

    /// A new file system: by one mount(2) onto the descriptor, which takes six calls less than
    /// fsopen(2) and its like.
    ///
    /// `MS_RDONLY` would make the file system read-only and not only this mount of it; procfs, sysfs
    /// and their like belong to a namespace, whose next mount would be read-only as well.
    pub fn file_system(&self, fstype: &str, source: &str, data: &Data, asked: Asked, propagation: u64) -> Outcome<()> {
        let text = joined(data, Some(fstype))?;
        let place = self.place(Like::Directory(self.links(Some(fstype))))?;
        if has_new_api() && (asked.on & libc::MS_RDONLY != 0 && fstype != "tmpfs" || !has_proc(&place)) {
            let mount = make(self.host, fstype, source, data, asked)?;
            if propagation != 0 {
                let target = Spot::Fd(mount.clone());
                self.host.run(MountCall::SetAttributes { target, recursive: false, set: 0, clear: 0, propagation, userns: None })?;
            }
            return self.attach(&mount, place);
        }
        let mount = |source: Option<Spot>, target: Fd, fstype: Option<String>, flags: u64, data: Option<String>| {
            self.host.run(MountCall::Mount { source, target: Spot::Fd(target), fstype, flags, keep: None, data }).map(drop)
        };
        mount(Some(Spot::Path(source.into())), place, Some(fstype.to_owned()), asked.on, text)?;
        if propagation != 0 {
            mount(None, self.place(Like::Directory(self.links(Some(fstype))))?, None, propagation, None)?;
        }
        Ok(())
    }

    /// A copy of a mount of the host. With `all`, the attributes beside it are the uppermost mount's
    /// alone, and its own those of everything that is mounted below as well.
    pub fn bind(&self, source: Spot, options: &Fields, recursive: bool) -> Outcome<()> {
        let asked = Asked::of(options)?;
        let propagation = propagation(options)?;
        let all = options.has("all").then(|| options.options("all")).transpose()?;
        if has_new_api() {
            let tree = copy(self.host, source, true, recursive)?;
            apply(self.host, &Spot::Fd(tree.clone()), options, recursive && all.is_none())?;
            if let Some(all) = &all {
                apply(self.host, &Spot::Fd(tree.clone()), all, true)?;
            }
            let place = self.place_like(&tree, links_of(options))?;
            return self.attach(&tree, place);
        }
        let below = all.as_ref().map(Asked::of).transpose()?;
        let mapped = user_namespace(self.host, options)?.is_some() || all.as_ref().is_some_and(|all| all.has("id_map"));
        let taken = below.map_or(asked.off, |below| below.off);
        if mapped || taken != 0 {
            return Err(Raise::state("id_map and taking flags away from all mounts need Linux 5.12"));
        }
        let spread = all.as_ref().map(propagation_of).transpose()?.unwrap_or_default();
        let source = match source {
            Spot::Fd(fd) => fd,
            Spot::Path(path) => {
                let opened = self.host.run(MountCall::OpenPlace { path, directory: false })?;
                opened.fd().map_err(|errno| Raise::read("open", errno))?
            }
        };
        let place = self.place_like(&source, links_of(options))?;
        let flags = libc::MS_BIND | if recursive { libc::MS_REC } else { 0 };
        let (source, target) = (Some(Spot::Fd(source)), Spot::Fd(place.clone()));
        self.host.run(MountCall::Mount { source, target, fstype: None, flags, keep: None, data: None })?;
        if asked.on != 0 && below.is_none() {
            self.run(Change::Remount { below: place.clone(), flags: asked.on, recursive: true })?;
        } else if asked.mentions_mount() {
            self.change(libc::MS_REMOUNT | libc::MS_BIND | asked.on, Some(replaced(asked)))?;
        }
        if let Some(below) = below.filter(|below| below.on != 0) {
            self.run(Change::Remount { below: place, flags: below.on, recursive: true })?;
        }
        let nested = if all.is_none() && recursive { libc::MS_REC } else { 0 };
        for flags in [propagation | nested, spread | libc::MS_REC] {
            if flags & !libc::MS_REC != 0 {
                self.change(flags, None)?;
            }
        }
        Ok(())
    }

    /// Changes what is mounted at the target now, as `mount(2)` does without a source.
    fn change(&self, flags: u64, keep: Option<u64>) -> Outcome<()> {
        let opened = self.run(Change::Open { flags: libc::O_PATH, mode: 0, special: false })?;
        let target = Spot::Fd(opened.fd().map_err(|errno| Raise::read("openat2", errno))?);
        self.host.run(MountCall::Mount { source: None, target, fstype: None, flags, keep, data: None }).map(drop)
    }
}

/// Whether the classic calls can name a descriptor; a plan never looks.
fn has_proc(place: &Fd) -> bool {
    place.is_planned() || place.get().is_ok_and(|fd| crate::sys::rootfs::proc_path(fd).is_ok())
}
