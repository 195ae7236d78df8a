//! Where a group is: its name, and the directory that the name means in each hierarchy.
//!
//! A name starts at the process's own group, or at the root with a leading `/`, and never leads
//! out of where it starts.

use std::path::{Path, PathBuf};

use crate::lua::Host;
use crate::lua::error::{Outcome, Raise};
use crate::sys::cgroups::Version;
use crate::sys::cgroups::layout::{Hierarchy, Layout};

/// A group's place in one hierarchy.
#[derive(Clone, Debug)]
pub struct Part {
    /// The hierarchy's version.
    pub version: Version,
    /// The hierarchy's controllers, by the kernel's names.
    pub controllers: Vec<String>,
    /// Where the hierarchy is mounted.
    pub mount: PathBuf,
    /// The group's directory.
    pub dir: PathBuf,
}

impl Part {
    /// The place of a group in a hierarchy.
    pub fn of(hierarchy: &Hierarchy, dir: PathBuf) -> Self {
        Self { version: hierarchy.version, controllers: hierarchy.controllers.clone(), mount: hierarchy.mount.clone(), dir }
    }

    /// Whether the hierarchy has a controller, by v2's name.
    pub fn has(&self, controller: &str) -> bool {
        let name = if self.version == Version::V1 && controller == "io" { "blkio" } else { controller };
        self.controllers.iter().any(|other| other == name)
    }

    /// The file through which a process moves itself.
    pub fn entrance(&self) -> PathBuf {
        entrance(self.version, &self.dir)
    }
}

/// The file of a group through which a process moves itself.
pub fn entrance(version: Version, dir: &Path) -> PathBuf {
    dir.join(if version == Version::V1 { "tasks" } else { "cgroup.procs" })
}

/// Where a group is to be: below which group of each hierarchy, under which names.
#[derive(Clone, Debug, Default)]
pub struct Spot {
    /// Each hierarchy's mount, and the group below it that the names start from.
    pub bases: Vec<(PathBuf, PathBuf)>,
    names: Vec<String>,
}

impl Spot {
    /// The place that a name means: below the process's own group, or from the root with `/`.
    pub fn named(host: &Host, layout: &Layout, name: &str) -> Outcome<Self> {
        let absolute = name.starts_with('/');
        let names = names(name.strip_prefix('/').unwrap_or(name))?;
        let base = |hierarchy: &Hierarchy| {
            let own = if absolute { Some(PathBuf::new()) } else { host.cgroups.own(hierarchy) };
            own.map(|own| (hierarchy.mount.clone(), own))
        };
        Ok(Self { bases: layout.hierarchies.iter().filter_map(base).collect(), names })
    }

    /// The place that a name means below this one.
    pub fn below(&self, name: &str) -> Outcome<Self> {
        let mut spot = self.clone();
        spot.names.extend(names(name)?);
        Ok(spot)
    }

    /// The directory in a hierarchy that the names start from.
    pub fn base(&self, mount: &Path) -> Option<PathBuf> {
        self.bases.iter().find(|(other, _)| other == mount).map(|(mount, base)| join(mount, base))
    }

    /// The group's directory in a hierarchy.
    pub fn dir(&self, mount: &Path) -> Option<PathBuf> {
        self.base(mount).map(|base| self.names.iter().fold(base, |dir, name| dir.join(name)))
    }

    /// The directories from the base, which is not among them, to the group itself.
    pub fn way(&self, mount: &Path) -> Vec<PathBuf> {
        let mut at = self.base(mount).unwrap_or_default();
        let step = |name: &String| {
            at.push(name);
            at.clone()
        };
        self.names.iter().map(step).collect()
    }
}

/// A path below a mount; an empty one is the mount itself.
pub fn join(mount: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() { mount.to_owned() } else { mount.join(below) }
}

/// The parts of a name, which may not lead out of where it starts, nor be taken for a file.
fn names(name: &str) -> Outcome<Vec<String>> {
    let parts: Vec<String> = name.split('/').map(str::to_owned).collect();
    for part in &parts {
        let reason = match part.as_str() {
            "" => "is empty, or has an empty part",
            "." | ".." => "must not contain . or ..",
            "tasks" | "notify_on_release" | "release_agent" => "is the name of a file of the kernel's",
            other if other.starts_with("cgroup.") => "must not begin with \"cgroup.\", as the kernel's files do",
            other if other.contains('\n') => "must not contain a line's end",
            other if other.len() > 255 => "is longer than 255 bytes",
            _ => continue,
        };
        return Err(Raise::argument(format!("name: {name:?} {reason}")));
    }
    Ok(parts)
}
