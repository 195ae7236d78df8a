//! Waiting for what happens to a group: a limit that is met, a last member that ends.
//!
//! v2 gives notice of a changed file, v1 of memory only; the rest is looked at now and then.

use std::cell::Cell;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use mlua::Value;

use super::group::Cgroup;
use super::place::Part;
use super::stats;
use crate::kernel::Reply;
use crate::kernel::cgroups::Call;
use crate::lua::Host;
use crate::lua::args::Args;
use crate::lua::error::{Outcome, Raise, unexpected};
use crate::lua::processes::interrupted;
use crate::lua::{stop_if_signalled, unknown};
use crate::sys::cgroups::{self as sys_cgroups, Version};
use crate::sys::{Errno, Fd};

/// The events that can be waited for, and the controller that counts each.
pub const EVENTS: &[&str] = &["oom", "oom_kill", "max", "high", "low", "pids", "populated", "empty", "frozen", "thawed"];

fn controller(event: &str) -> &'static str {
    match event {
        "pids" => "pids",
        "populated" | "empty" | "frozen" | "thawed" => "cgroup",
        _ => "memory",
    }
}

pub fn wait_event(args: &Args) -> Outcome {
    let group = args.this::<Cgroup>()?;
    let event = args.required_text("event");
    let timeout = args.options("options")?.duration("timeout");
    let name = controller(&event);
    let part = if name == "cgroup" { group.core() } else { group.part(name) };
    let part = part.ok_or_else(|| {
        Raise::state(format!("cgroup {}: nothing counts the event \"{event}\" for the group", group.name()))
            .hint(format!("set a limit of the controller {name} first"))
    })?;
    let file = match (name, part.version) {
        ("memory", Version::V1) => Some("memory.oom_control"),
        ("memory", Version::V2) => Some("memory.events"),
        ("cgroup", Version::V2) => Some("cgroup.events"),
        ("pids", _) => Some("pids.events"),
        _ => None,
    };
    if part.version == Version::V1 && matches!(event.as_str(), "high" | "low") {
        return Err(Raise::state(format!("cgroup {}: cgroup v1 has no event \"{event}\"", group.name())));
    }
    // Only memory.oom_control can be asked for notice on v1; the rest is looked at now and then.
    let watched = file.filter(|_| part.version == Version::V2 || event == "oom" || event == "oom_kill");
    let mut notice = None;
    if let Some(file) = watched {
        notice = Some(args.host.run(Call::Watch { file: part.dir.join(file), version: part.version })?);
    }
    // A plan does not wait for what others do.
    if args.host.kernel().is_plan() {
        return Ok(unknown(args.lua)?);
    }
    let notice = notice.and_then(|reply| if let Reply::Fd(fd) = reply { Some(fd) } else { None });
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    loop {
        if happened(&group, &part, &event) {
            return Ok(Value::Table(stats::events(args.lua, &group)?));
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(Value::Nil);
        }
        // Looking now and then as well: a notice that came before the watch is not missed.
        let nap = Duration::from_millis(if notice.is_some() { 200 } else { 10 });
        let nap = left.map_or(nap, |left| left.min(nap));
        let result = if let Some(fd) = &notice {
            fd.get().and_then(|fd| sys_cgroups::wait_notice(fd.as_fd(), part.version, nap)).map(drop)
        } else {
            std::thread::sleep(nap);
            Ok(())
        };
        match result {
            Ok(()) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Raise::read("poll(<cgroup events>)", errno)),
        }
        if stop_if_signalled(args.host) {
            return Err(interrupted());
        }
    }
}

/// Whether an event has happened since it was last told; a state, whether it is so now.
fn happened(group: &Cgroup, part: &Part, event: &str) -> bool {
    match event {
        "populated" | "frozen" => stats::counter(part, event) == Some(1),
        "empty" => stats::counter(part, "populated") == Some(0),
        "thawed" => stats::counter(part, "frozen") == Some(0),
        event => {
            let count = stats::counter(part, event).unwrap_or_default().cast_unsigned();
            let seen = group.seen.borrow_mut().insert(event.to_owned(), count).unwrap_or_default();
            count > seen
        }
    }
}

/// Where a new handle of a group starts to count events: at what has happened before it.
pub fn count_from_now(group: &Cgroup) {
    for event in ["oom", "oom_kill", "max", "high", "low", "pids"] {
        if let Some(count) = group.part(controller(event)).and_then(|part| stats::counter(&part, event)) {
            group.seen.borrow_mut().insert(event.to_owned(), count.cast_unsigned());
        }
    }
}

/// Notice of OOM kills, as [`poll`](crate::lua::processes::polling) waits for it: asked for once,
/// so that a wait costs no more than a place in its list.
pub struct Notice {
    /// The process that has asked: what it has read, another does not see.
    owner: u32,
    fd: Fd,
    part: Part,
    /// Until when to look at the counter without further notice: v1 gives it before the kill.
    restless: Cell<Option<Instant>>,
}

/// How long after a notice the kill may come.
const AFTER_NOTICE: Duration = Duration::from_secs(1);

/// What a look at a group has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    Nothing,
    /// Members were killed since that was last told.
    Killed,
    /// The group has been removed.
    Gone,
}

/// The descriptor that becomes ready when a member is killed for want of memory, and whether its
/// readiness is `POLLPRI`.
pub fn notice_of_kills(host: &Host, group: &Cgroup) -> Outcome<(Fd, bool)> {
    let mut notice = group.notice.borrow_mut();
    if let Some(notice) = notice.as_ref().filter(|notice| notice.owner == crate::sys::fork::own_pid()) {
        return Ok((notice.fd.clone(), notice.part.version == Version::V2));
    }
    let part = group.part("memory").ok_or_else(|| {
        Raise::state(format!("cgroup {}: nothing counts the event \"oom_kill\" for the group", group.name()))
            .hint("set a limit of the controller memory first")
    })?;
    let file = part.dir.join(if part.version == Version::V1 { "memory.oom_control" } else { "memory.events" });
    let call = Call::Watch { file, version: part.version };
    let fd = host.run(call.clone())?.fd().map_err(|errno| unexpected(&call.into(), errno))?;
    let urgent = part.version == Version::V2;
    // What came before the notice was asked for is looked for once.
    let restless = Cell::new(Some(Instant::now()));
    notice.replace(Notice { owner: crate::sys::fork::own_pid(), fd: fd.clone(), part, restless });
    Ok((fd, urgent))
}

/// Whether the next look must not wait for a notice.
pub fn is_restless(group: &Cgroup) -> bool {
    group.notice.borrow().as_ref().is_some_and(|notice| notice.restless.get().is_some())
}

/// Looks at the counter; `noticed` where the descriptor was ready.
pub fn news(group: &Cgroup, noticed: bool) -> News {
    let notice = group.notice.borrow();
    let Some(Notice { fd, part, restless, .. }) = notice.as_ref() else { return News::Nothing };
    if let (true, Ok(fd)) = (noticed, fd.get()) {
        sys_cgroups::rearm(fd);
    }
    if happened(group, part, "oom_kill") {
        restless.set(None);
        return News::Killed;
    }
    if noticed && !part.dir.exists() {
        return News::Gone;
    }
    let until = restless.get().or_else(|| noticed.then(|| Instant::now() + AFTER_NOTICE));
    restless.set(until.filter(|until| *until > Instant::now()));
    News::Nothing
}
