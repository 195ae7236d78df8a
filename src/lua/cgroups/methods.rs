//! What can be done with a group: read it, freeze, kill, move processes, hand it on.

use mlua::Value;

use super::group::{Cgroup, read_error};
use super::{limits, stats};
use crate::kernel::cgroups::Call;
use crate::lua::args::Args;
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle::Handle;
use crate::lua::processes::Process;
use crate::lua::unknown;
use crate::sys::cgroups::{self as sys_cgroups, Version};
use crate::sys::{Errno, Pid};

/// Whether a plan asks for what only the kernel would know.
pub fn is_unknown(args: &Args, group: &Cgroup) -> bool {
    args.host.kernel().is_plan() && !group.dirs().iter().any(|dir| dir.exists())
}

/// Refuses a read of a group that is gone: its files would read as nothing.
fn there(args: &Args, group: &Cgroup) -> Outcome<()> {
    let gone = |dir: &std::path::PathBuf| !dir.exists();
    match group.dirs().into_iter().find(gone) {
        Some(dir) if !args.host.kernel().is_plan() => Err(read_error(&dir, Errno::ENOENT).hint("the group has been removed")),
        _ => Ok(()),
    }
}

fn read(args: &Args, how: fn(&mlua::Lua, &Cgroup) -> Outcome<mlua::Table>) -> Outcome {
    let group = args.this::<Cgroup>()?;
    if is_unknown(args, &group) {
        return Ok(unknown(args.lua)?);
    }
    there(args, &group)?;
    how(args.lua, &group).map(Value::Table)
}

pub fn get(args: &Args) -> Outcome {
    read(args, stats::limits)
}

pub fn get_stats(args: &Args) -> Outcome {
    read(args, stats::stats)
}

pub fn events(args: &Args) -> Outcome {
    read(args, stats::events)
}

pub fn pids(args: &Args) -> Outcome {
    let group = args.this::<Cgroup>()?;
    if is_unknown(args, &group) {
        return Ok(unknown(args.lua)?);
    }
    there(args, &group)?;
    let nested = args.options("options")?.flag("nested");
    let Some(part) = group.core().or_else(|| group.parts.borrow().first().cloned()) else { return Ok(Value::Nil) };
    let members = sys_cgroups::members(&part.dir, nested).map_err(|errno| read_error(&part.dir.join("cgroup.procs"), errno))?;
    Ok(Value::Table(args.lua.create_sequence_from(members)?))
}

/// The group, after the guard has let a change to it pass.
fn changing(args: &Args, what: &str) -> Outcome<crate::lua::handle::Held<Cgroup>> {
    let group = args.this::<Cgroup>()?;
    group.guard(args.host, args.options("options")?.flag("host"), what)?;
    Ok(group)
}

pub fn freeze(args: &Args) -> Outcome {
    set_frozen(args, true)
}

pub fn thaw(args: &Args) -> Outcome {
    set_frozen(args, false)
}

fn set_frozen(args: &Args, frozen: bool) -> Outcome {
    let group = changing(args, if frozen { "freezing it" } else { "thawing it" })?;
    if frozen && group.is_entered() {
        return Err(Raise::state(format!("cgroup {}: this process is in the group and would freeze itself", group.name())));
    }
    let part = group.core().ok_or_else(|| {
        Raise::state(format!("cgroup {}: the group has no place where it can be frozen", group.name()))
            .hint("freezing needs cgroup v2 (Linux 5.2), or v1's freezer hierarchy")
    })?;
    args.host.run(Call::Freeze { dir: part.dir.clone(), version: part.version, frozen })?;
    args.host.cgroups.froze(&part.dir, part.version, frozen);
    Ok(Value::Nil)
}

pub fn kill(args: &Args) -> Outcome {
    let group = changing(args, "killing its members")?;
    if group.is_entered() {
        return Err(Raise::state(format!("cgroup {}: this process is in the group and would kill itself", group.name())));
    }
    args.host.run(Call::Kill { dirs: group.dirs(), freezer: group.freezer() })?;
    Ok(Value::Nil)
}

pub fn remove(args: &Args) -> Outcome {
    let group = changing(args, "removing it")?;
    group.remove(args.host)?;
    Ok(Value::Nil)
}

pub fn enter(args: &Args) -> Outcome {
    args.this::<Cgroup>()?.enter(args.host)?;
    Ok(Value::Nil)
}

pub fn add(args: &Args) -> Outcome {
    let group = changing(args, "moving a process into it")?;
    let pid = match Handle::from_value(args.value("process")) {
        Some(handle) => handle.open::<Process>()?.pid().clone(),
        None => Pid::foreign(args.integer("process")?.unwrap_or_default()),
    };
    for dir in group.dirs() {
        args.host.run(Call::Add { dir, pid: pid.clone() })?;
    }
    Ok(Value::Nil)
}

pub fn set(args: &Args) -> Outcome {
    let options = args.options("limits")?;
    args.this::<Cgroup>()?.apply(args.host, &limits::limits(&options)?, options.flag("host"))?;
    Ok(Value::Nil)
}

pub fn child(args: &Args) -> Outcome {
    let options = args.options("limits")?;
    let limits = limits::limits(&options)?;
    let group = args.this::<Cgroup>()?.child(&args.required_text("name"))?;
    group.apply(args.host, &limits, options.flag("host"))?;
    args.adopt(group, None)
}

pub fn delegate(args: &Args) -> Outcome {
    let group = changing(args, "giving it away")?;
    let Some(part) = group.core().filter(|part| part.version == Version::V2) else {
        return Err(Raise::state(format!("cgroup {}: only groups of cgroup v2 can be given to a user", group.name()))
            .hint("v1 has no boundary of delegation: who owns a group there can raise its limits"));
    };
    let (uid, gid) = (args.integer("uid")?.unwrap_or_default(), args.integer("gid")?.unwrap_or_default());
    args.host.run(Call::Delegate { dir: part.dir, files: sys_cgroups::delegated_files(), uid, gid })?;
    Ok(Value::Nil)
}
