//! Which controllers this user may set limits of, and why not the others.
//!
//! Everything here is judged from files that are there, before a directory is made.

use std::path::Path;

use super::place::join;
use crate::lua::Host;
use crate::sys::cgroups as sys_cgroups;
use crate::sys::cgroups::Version;
use crate::sys::cgroups::layout::{Hierarchy, Layout, available};

/// The hierarchy that has a controller: also one whose root has it and shares it out on demand.
pub fn find<'a>(layout: &'a Layout, controller: &str) -> Option<&'a Hierarchy> {
    let shares = || layout.unified().filter(|_| !layout.only_tracks());
    let on_demand = || shares().filter(|unified| available(&unified.mount, &unified.mount).iter().any(|name| name == controller));
    let core = || layout.unified().filter(|_| matches!(controller, "devices" | "cgroup"));
    layout.find(controller).or_else(on_demand).or_else(core)
}

/// Whether v1 has a controller, so that v2 cannot.
pub fn has_on_v1(layout: &Layout, controller: &str) -> bool {
    layout.find(controller).is_some_and(|hierarchy| hierarchy.version == Version::V1)
}

/// Whether the caller may make a directory: the nearest that exists above it must be writable.
pub fn may_make(host: &Host, hierarchy: &Hierarchy, dir: &Path) -> bool {
    let mount = hierarchy.mount.as_path();
    let mut at = dir;
    loop {
        if host.cgroups.has_made(at) {
            return true;
        }
        match sys_cgroups::writable_if_there(at) {
            // To set limits in a group that is there is to write its files.
            Some(may) if at == dir => return may && sys_cgroups::writable(&at.join("cgroup.procs")),
            Some(may) => return may,
            None => host.cgroups.note_absent(at),
        }
        if at == dir && !hierarchy.read_only && host.cgroups.has_all_rights() {
            // One that no file's mode stops need not ask about each group above.
            return true;
        }
        match at.parent() {
            Some(parent) if at != mount => at = parent,
            _ => return false,
        }
    }
}

/// Why a controller cannot be used, in words; nothing where it can.
pub fn why_not(host: &Host, layout: &Layout, controller: &str) -> String {
    let Some(hierarchy) = find(layout, controller) else {
        return match layout.unified() {
            Some(_) if layout.only_tracks() => "no hierarchy of v1 has this controller, and v2 only tracks processes here".to_owned(),
            Some(unified) if !unified.controllers.is_empty() => "its group was not given this controller".to_owned(),
            _ => "no hierarchy has this controller".to_owned(),
        };
    };
    let Some(own) = host.cgroups.own(hierarchy) else { return "the mount does not show its own group".to_owned() };
    let dir = join(&hierarchy.mount, &own);
    if !may_make(host, hierarchy, &dir) {
        return format!("{} is not writable for it", dir.display());
    }
    String::new()
}

/// The controllers that the caller may use below its own group, by v2's names.
pub fn usable(host: &Host, layout: &Layout) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for hierarchy in &layout.hierarchies {
        for name in &hierarchy.controllers {
            let name = if name == "blkio" { "io" } else { name };
            if why_not(host, layout, name).is_empty() && !names.iter().any(|other| other == name) {
                names.push(name.to_owned());
            }
        }
    }
    let may_attach = nix::unistd::geteuid().is_root() && layout.unified().is_some();
    if may_attach && !names.iter().any(|name| name == "devices") && why_not(host, layout, "devices").is_empty() {
        names.push("devices".to_owned());
    }
    names.sort();
    names
}
