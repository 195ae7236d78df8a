//! The child's part of `spawn`: from the clone to the end of the Lua function.

use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Value};

use super::super::args::Args;
use super::super::error::{self, Outcome, Raise};
use super::super::handle::Handle;
use super::super::namespaces as ns;
use super::super::processes::streams::Setup;
use super::super::{Host, protect, site};
use super::{Start, door};
use crate::kernel::namespaces::{Call, Source, Target};
use crate::kernel::{Kinds, spawn};
use crate::sys::{self, Errno, fork, interrupt};

/// The child's whole life in Lua. The parent's handles are not its own; its end is `_exit`.
pub fn live(lua: &Lua, host: &Rc<Host>, start: &Start, channel: fork::Channel, setup: Setup, body: &Function) -> ! {
    let _here = fork::NoReturn;
    host.kernel.enter_child(&start.name, true);
    host.guard.leave(start.unshare | host.guard.ahead());
    host.standing.forked();
    host.journal.forget();
    host.ledger.forked();
    host.budget.forked();
    if let Some(group) = &start.cgroup {
        host.cgroups.stand_in(&group.parts);
    }
    let begun = begin(host, start, &setup);
    // This side of its own pipes is the parent's.
    drop(setup);
    // A parent that has ended before `begin` was over has closed its side: nothing is read then.
    if start.waits() && !matches!(channel.receive(), Ok(Some(_))) {
        host.kernel.end();
        fork::exit_now(1);
    }
    host.report.replace(Some(channel));
    let run = || begun.and_then(|()| enter(host, start)).and_then(|()| protect(lua, host, body, MultiValue::new()));
    let status = match run() {
        Ok(status) => status,
        Err(failure) => {
            if report(lua, host, failure) {
                1
            } else {
                UNHEARD
            }
        }
    };
    // What ended the function does not stop what closes after it.
    let stopped = host.stopped.take();
    host.unwound.set(false);
    interrupt::clear();
    let failures = host.ledger.close_all(host);
    let status = if failures.is_empty() { status } else { status.max(1) };
    for failure in failures {
        report(lua, host, failure);
    }
    host.kernel.end();
    fork::exit_now(stopped.map_or(status, |signal| 128 + signal))
}

/// What the child does with itself before its parent knows of it.
pub fn begin(host: &Host, start: &Start, setup: &Setup) -> Outcome<()> {
    if let Some(group) = start.cgroup.as_ref().filter(|_| !start.door_enters()) {
        // Before anything else: what the child uses from here on is the group's.
        group.enter(host)?;
    }
    if !start.after_entering().is_empty() {
        host.run(Call::Unshare { kinds: start.after_entering() })?;
    }
    if start.die_with_parent {
        host.run(spawn::Call::DieWithParent)?;
    }
    setup.enter(host)
}

/// What the child does with itself before its function runs.
fn enter(host: &Host, start: &Start) -> Outcome<()> {
    if !start.needs_door() {
        door::join(host, start)?;
    }
    if !start.offsets.is_empty() {
        own_clocks(host, start)?;
    }
    if start.unshare.contains(Kinds::MNT) {
        ns::propagate(host, start.propagation.as_deref())?;
    }
    Ok(())
}

/// Makes a time namespace, sets its clocks, and enters it.
///
/// `unshare(2)` sends only later children into the namespace, which is what leaves time to set
/// the clocks; `setns(2)` then brings the caller itself in, so that no further fork is needed and
/// the first process of a pid namespace stays the first (time_namespaces(7)).
fn own_clocks(host: &Host, start: &Start) -> Outcome<()> {
    host.run(Call::Unshare { kinds: Kinds::TIME })?;
    host.run(Call::SetOffsets { offsets: start.offsets.clone() })?;
    let open = Call::Open { source: Source::Process(None, "time_for_children") };
    let fd = host.run(open.clone())?.fd().map_err(|_| error::unexpected(&open.into(), Errno::EPROTO))?;
    host.run(Call::SetNs { target: Target::Namespace(fd), kinds: Kinds::TIME })?;
    Ok(())
}

/// The error that a child, or the process in between, ends with: for its parent.
pub fn to_message(lua: &Lua, failure: Raise) -> Option<serde_json::Value> {
    to_message_of(lua, "spawn", failure)
}

/// The same for another primitive than `spawn`.
pub fn to_message_of(lua: &Lua, op: &str, failure: Raise) -> Option<serde_json::Value> {
    let Ok(Value::Table(object)) = failure.into_object(lua, op) else { return None };
    // What fails before the function runs has no line of its own: it is the line of the spawn.
    if object.raw_get::<Value>("where").is_ok_and(|place| place.is_nil())
        && let Some(site) = site(lua)
        && let Ok(place) = lua.create_table_from([("file", Value::String(lua.create_string(&site.file).ok()?))])
    {
        let _ = place.raw_set("line", site.line);
        let _ = object.raw_set("where", place);
    }
    Some(error::to_json(&object))
}

/// The status of a child that failed and could tell nobody why.
pub const UNHEARD: i32 = 127;

/// Sends the error that this child ends with to its parent. False where it does not arrive.
fn report(lua: &Lua, host: &Host, failure: Raise) -> bool {
    let Some(json) = to_message(lua, failure) else { return true };
    let sent = host.report.borrow().as_ref().map(|channel| channel.send(json.to_string().as_bytes()));
    let arrived = matches!(sent, Some(Ok(())));
    if !arrived {
        sys::complain(json["message"].as_str().unwrap_or("unknown error"));
    }
    arrived
}

/// In a plan a part of the child's life runs here, so that its calls are remembered too.
pub fn inside(host: &Host, start: &Start, part: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    let (saved, open) = (host.guard.saved(), host.ledger.opened());
    let door = start.needs_door().then(|| door::name(start));
    door.iter().chain([&start.name]).for_each(|name| host.kernel.enter_child(name, true));
    if door.is_some() {
        start.join.iter().for_each(|opened| ns::entered(host, opened.kind, opened.identity));
    }
    host.guard.leave(start.unshare | host.guard.ahead());
    let stood = host.cgroups.step_in(start.cgroup.as_ref().map_or(&[], |group| &group.parts));
    let result = part();
    host.cgroups.step_out(stood);
    host.guard.restore(saved);
    open.iter().for_each(Handle::reopen);
    door.iter().chain([&start.name]).for_each(|name| host.kernel.enter_child(name, false));
    result
}

/// The rest of a planned child's life: its function.
pub fn plan(args: &Args, start: &Start, body: &Function) -> Outcome<()> {
    enter(args.host, start).and_then(|()| protect(args.lua, args.host, body, MultiValue::new())).map(drop)
}
