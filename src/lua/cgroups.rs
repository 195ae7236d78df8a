//! Control groups: v1, v2, hybrid or none, in one vocabulary.
//!
//! A group is named relative to the group that the process was started in, which is where a
//! manager such as systemd has given it rights, or from the hierarchy's root with a leading `/`.
//!
//! The parts: what Lua sees (`table`), where a group is (`place`) and which controllers are to be
//! had (`usable`), the handle (`group`), its methods (`methods`, `events`), what it shows (`stats`).

use std::path::{Path, PathBuf};
use std::rc::Rc;

use mlua::Value;

use super::args::Args;
use super::error::{Outcome, Raise};
use super::handle::Handle;
use crate::sys::cgroups::Version;
use crate::sys::cgroups::layout::{Hierarchy, Layout};

pub mod events;
pub mod group;
mod joining;
mod limits;
mod methods;
mod place;
mod state;
mod stats;
mod table;
mod usable;

pub use group::Cgroup;
pub use joining::Joining;
pub use state::State;
pub use table::PRIMITIVES;

fn cgroup_set(args: &Args) -> Outcome {
    let options = args.options("limits")?;
    let limits = limits::limits(&options)?;
    if let Some(handle) = Handle::from_value(args.value("target")) {
        handle.open::<Cgroup>()?.apply(args.host, &limits, options.flag("host"))?;
        return Ok(args.value("target").clone());
    }
    let group = Cgroup::named(args.host, &args.required_text("target"))?;
    group.apply(args.host, &limits, options.flag("host"))?;
    if !group.is_new() {
        // Of a new one nothing has happened.
        events::count_from_now(&group);
    }
    args.adopt(group, None)
}

fn cgroup_open(args: &Args) -> Outcome {
    if let Some(dirs) = args.value("path").as_table() {
        return open_dirs(args, dirs);
    }
    let name = args.required_text("path");
    let layout = args.host.cgroups.layout(args.host)?;
    let mut places = Vec::new();
    for hierarchy in &layout.hierarchies {
        let base = if name.starts_with('/') { Some(PathBuf::new()) } else { args.host.cgroups.own(hierarchy) };
        let Some(below) = base.map(|base| base.join(clean(&name))) else { continue };
        if hierarchy.mount.join(&below).is_dir() {
            places.push((hierarchy.clone(), below));
        }
    }
    if places.is_empty() {
        return Err(Raise::state(format!("no hierarchy has a control group {name}")).hint("cgroup_layout() tells where they are mounted"));
    }
    adopt_existing(args, &layout, &name, places)
}

/// Opens a group by its directories, which need not have the same name in every hierarchy.
fn open_dirs(args: &Args, dirs: &mlua::Table) -> Outcome {
    let layout = args.host.cgroups.layout(args.host)?;
    let mut places = Vec::new();
    for dir in dirs.sequence_values::<String>() {
        let dir = PathBuf::from(dir?);
        let plain = dir.components().all(|part| part != std::path::Component::ParentDir);
        let hierarchy = layout.hierarchies.iter().filter(|_| plain).find(|hierarchy| dir.starts_with(&hierarchy.mount));
        let hierarchy = hierarchy.ok_or_else(|| {
            Raise::state(format!("{} is in no hierarchy of control groups", dir.display()))
                .hint("cgroup_layout() tells where they are mounted")
        })?;
        if dir.is_dir() {
            let below = dir.strip_prefix(&hierarchy.mount).unwrap_or(Path::new("")).to_owned();
            places.push((hierarchy.clone(), below));
        }
    }
    let name = places.iter().map(|(_, below)| format!("/{}", below.display())).max_by_key(String::len);
    let Some(name) = name else { return Err(Raise::state("the control group has been removed")) };
    adopt_existing(args, &layout, &name, places)
}

/// A name as a path below a mount; parts that lead elsewhere lead nowhere.
fn clean(name: &str) -> PathBuf {
    name.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect()
}

fn cgroup_of(args: &Args) -> Outcome {
    let pid = match Handle::from_value(args.value("process")) {
        Some(handle) => {
            let process = handle.open::<super::processes::Process>()?;
            if process.is_planned() {
                return Ok(super::unknown(args.lua)?);
            }
            process.pid().raw().map_err(|errno| Raise::read("open(\"/proc/PID/cgroup\")", errno))?
        }
        None => args.integer("process")?.unwrap_or_default(),
    };
    let read = Layout::read(Path::new("/"), &pid.to_string());
    let layout = Rc::new(read.map_err(|errno| Raise::read(format!("open(\"/proc/{pid}/cgroup\", O_RDONLY)"), errno))?);
    let place = |hierarchy: &Hierarchy| hierarchy.own.clone().map(|own| (hierarchy.clone(), own));
    let places: Vec<_> = layout.hierarchies.iter().filter_map(place).collect();
    let name = places.iter().map(|(_, own)| format!("/{}", own.display())).max_by_key(String::len).unwrap_or_else(|| "/".to_owned());
    adopt_existing(args, &layout, &name, places)
}

fn adopt_existing(args: &Args, layout: &Rc<Layout>, name: &str, places: Vec<(Hierarchy, PathBuf)>) -> Outcome {
    let group = Cgroup::existing(layout, name, places.into_iter());
    events::count_from_now(&group);
    args.adopt(group, None)
}

fn layout_of(args: &Args) -> Outcome {
    let layout = match args.options("options")?.path("root") {
        None => args.host.cgroups.read_layout(args.host)?,
        Some(root) => {
            let call = || format!("open(\"{}\", O_RDONLY)", root.join("proc/self/mountinfo").display());
            Rc::new(Layout::read(&root, "self").map_err(|errno| Raise::read(call(), errno))?)
        }
    };
    let list = args.lua.create_table()?;
    for hierarchy in &layout.hierarchies {
        let entry = args.lua.create_table()?;
        entry.raw_set("version", if hierarchy.version == Version::V1 { "v1" } else { "v2" })?;
        entry.raw_set("controllers", hierarchy.controllers.clone())?;
        entry.raw_set("name", hierarchy.name.clone())?;
        entry.raw_set("mount", hierarchy.mount.display().to_string())?;
        entry.raw_set("own", hierarchy.own.as_ref().map(|own| format!("/{}", own.display())))?;
        list.raw_push(entry)?;
    }
    let out = args.lua.create_table()?;
    out.raw_set("kind", layout.kind())?;
    out.raw_set("hierarchies", list)?;
    Ok(Value::Table(out))
}

fn cgroup_may(args: &Args) -> Outcome {
    let layout = args.host.cgroups.layout(args.host)?;
    Ok(Value::Table(args.lua.create_sequence_from(usable::usable(args.host, &layout))?))
}
