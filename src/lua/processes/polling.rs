//! `poll`: one wait for many things, of which each says by itself what happened to it.
//!
//! The list is the caller's, call after call, so a wait makes nothing for a handle but its place
//! in one array: a thousand of them cost some tens of microseconds.

use std::time::{Duration, Instant};

use mlua::{Table, Value};
use nix::sys::signal::{SigSet, Signal};

use super::super::args::{Args, Fields};
use super::super::cgroups::{Cgroup, events};
use super::super::error::{Outcome, Raise};
use super::super::handle::{Handle, Held};
use super::super::table::{Primitive, Scope, example, example_with};
use super::super::terminal::pty::Pty;
use super::super::types::{Param, Type, may, need};
use super::super::{stop_if_signalled, unknown};
use super::streams::Descriptor;
use super::{Process, SIGNAL_NAME, interrupted};
use crate::kernel::processes::{signal_name, signal_number};
use crate::sys::processes::{PollSet, Ready};
use crate::sys::{Errno, interrupt};

const SOURCE: Type =
    Type::Either(&[Type::Handle("process"), Type::Handle("fd"), Type::Handle("pty"), Type::Handle("cgroup"), Type::Integer(0, 1024)]);

const POLL: &[Param] = &[
    may("timeout", Type::Duration, "how long to wait; an empty list is answered when it is over"),
    may(
        "signals",
        Type::List(&SIGNAL_NAME),
        "signals that are answered, as { signal = \"int\" }. From then on they wait for the next poll that names them and end nothing; a second int, term or hup before that ends the script",
    ),
];

/// The primitives of this part.
pub const PRIMITIVES: &[Primitive] = &[Primitive {
    name: "poll",
    summary: "Waits until something has happened to one of many handles, or a signal has come.",
    params: &[
        need("sources", Type::List(&SOURCE), "processes, fds, ptys (their master), cgroups, or 0, 1, 2 for the program's own"),
        may("options", Type::Options(POLL), ""),
    ],
    returns: "list of { source, index } with what happened: exited (a process has ended, be it reaped or not), readable (bytes, or the end), hangup (the other end is closed; of a cgroup: it is removed), event = \"oom_kill\" (of a cgroup, since that was last told); or { signal } alone. Empty after the timeout",
    syscalls: &["ppoll(2)", "eventfd(2)"],
    shell: "",
    needs: "",
    scope: Scope::Reads,
    reversible: true,
    examples: &[
        example(
            "local p = pipe()\nlocal child <close> = spawn({ stdout = p.write }, function() exec { \"echo\", \"hello\" } end)\nlocal first = poll({ child, p.read }, { timeout = \"10s\" })[1]\nassert(first.source == child and first.exited or first.source == p.read and first.readable)\nchild:wait()",
        ),
        example(
            "-- Asked for once, a signal waits for the next poll.\npoll({}, { signals = { \"term\" }, timeout = \"0ms\" })\nkill(0, \"term\")\nassert(poll({}, { signals = { \"term\" } })[1].signal == \"term\")",
        ),
        example_with(
            &["root", "cgroup:memory"],
            "local box <close> = cgroup_set(\"example-poll\", { memory = \"16M\" })\nassert(poll({ box }, { timeout = \"1ms\" })[1] == nil)",
        ),
    ],
    see: &["wait_any", "process:wait", "fd:read", "cgroup:wait_event", "poll(2)"],
    function: poll,
}];

/// How long to sleep between two looks at a group that notice has come of and nothing else.
const NAP: Duration = Duration::from_millis(5);

/// What is waited for, in the order of the list.
struct Waiting {
    set: PollSet,
    /// The groups, each with its place.
    groups: Vec<(usize, Held<Cgroup>)>,
    planned: bool,
}

impl Waiting {
    fn of(args: &Args, list: &Table) -> Outcome<Self> {
        let length = list.raw_len();
        let mut waiting = Self { set: PollSet::with_capacity(length), groups: Vec::new(), planned: args.host.kernel().is_plan() };
        for (index, value) in (1..).zip(list.sequence_values::<Value>()) {
            let value = value?;
            let (number, urgent) = waiting.source(args, index, &value)?;
            match number {
                Some(number) => waiting.set.push(number, urgent),
                None => waiting.planned = true,
            }
        }
        Ok(waiting)
    }

    /// The descriptor behind a source, none where it is planned; and whether it gives notice only.
    fn source(&mut self, args: &Args, index: usize, value: &Value) -> Outcome<(Option<i32>, bool)> {
        let Some(handle) = Handle::from_value(value) else { return Ok((value.as_i32(), false)) };
        Ok(match handle.kind() {
            "process" => (handle.open::<Process>()?.pidfd().raw().ok(), false),
            "fd" => (handle.open::<Descriptor>()?.number()?, false),
            "pty" => (handle.open::<Pty>()?.number()?, false),
            "cgroup" => {
                let group = handle.open::<Cgroup>()?;
                let (fd, urgent) = events::notice_of_kills(args.host, &group)?;
                self.groups.push((index, group));
                (fd.raw().ok(), urgent)
            }
            _ => return Err(Raise::argument(format!("sources[{index}]: expected {}, got {handle:?}", SOURCE.describe()))),
        })
    }

    fn is_restless(&self) -> bool {
        self.groups.iter().any(|(_, group)| events::is_restless(group))
    }

    /// Adds a row for everything that the last wait has found.
    fn tell(&self, args: &Args, list: &Table, rows: &Table) -> Outcome<()> {
        for (place, ready) in self.set.ready() {
            let index = place + 1;
            let value: Value = list.raw_get(index)?;
            match Handle::from_value(&value).map(|handle| handle.kind()) {
                Some("process") => row(args, rows, &value, index)?.raw_set("exited", true)?,
                Some("cgroup") => {}
                _ => tell_stream(&row(args, rows, &value, index)?, ready)?,
            }
        }
        for (index, group) in &self.groups {
            let noticed = self.set.is_ready(index - 1);
            if !noticed && !events::is_restless(group) {
                continue;
            }
            match events::news(group, noticed) {
                events::News::Nothing => {}
                events::News::Killed => row(args, rows, &list.raw_get(*index)?, *index)?.raw_set("event", "oom_kill")?,
                events::News::Gone => row(args, rows, &list.raw_get(*index)?, *index)?.raw_set("hangup", true)?,
            }
        }
        Ok(())
    }
}

fn row(args: &Args, rows: &Table, source: &Value, index: usize) -> Outcome<Table> {
    let row = args.lua.create_table_with_capacity(0, 4)?;
    row.raw_set("source", source)?;
    row.raw_set("index", index)?;
    rows.raw_push(&row)?;
    Ok(row)
}

fn tell_stream(row: &Table, ready: Ready) -> mlua::Result<()> {
    if ready.input {
        row.raw_set("readable", true)?;
    }
    if ready.hangup {
        row.raw_set("hangup", true)?;
    }
    Ok(())
}

fn poll(args: &Args) -> Outcome {
    let Some(list) = args.value("sources").as_table() else { return Ok(Value::Nil) };
    let options = args.options("options")?;
    let signals = signals(&options)?;
    let deadline = options.duration("timeout").map(|timeout| Instant::now() + timeout);
    let mut waiting = Waiting::of(args, list)?;
    if list.raw_len() == 0 && signals.is_empty() && deadline.is_none() {
        return Err(Raise::argument("sources: the list is empty, and neither a signal nor a timeout would end the wait"));
    }
    if waiting.planned {
        return Ok(unknown(args.lua)?);
    }
    let failed = |errno| Raise::read("ppoll(<sources>)", errno);
    interrupt::want(&signals).map_err(failed)?;
    if list.raw_len() == 0 && deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        // Nothing is waited for, so no signal has to be held back for the wait.
        let rows = args.lua.create_table()?;
        tell_signals(args, &rows)?;
        return Ok(Value::Table(rows));
    }
    let held = interrupt::Held::start(&signals).map_err(failed)?;
    let rows = args.lua.create_table()?;
    // What is closed when a signal has ended the script may wait as well; only a further one cuts
    // that off.
    let ending = args.host.stopped.get().is_some();
    loop {
        tell_signals(args, &rows)?;
        if (!ending || interrupt::pending().is_some()) && stop_if_signalled(args.host) {
            args.host.unwound.set(true);
            return Err(interrupted());
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let nap = match (rows.raw_len(), waiting.is_restless()) {
            (0, false) => left,
            (0, true) => Some(left.map_or(NAP, |left| left.min(NAP))),
            _ => Some(Duration::ZERO),
        };
        match waiting.set.wait(nap, &held) {
            Ok(()) => waiting.tell(args, list, &rows)?,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(failed(errno)),
        }
        if rows.raw_len() > 0 || left.is_some_and(|left| left.is_zero()) {
            return Ok(Value::Table(rows));
        }
    }
}

/// Adds a row for every signal that has come.
fn tell_signals(args: &Args, rows: &Table) -> mlua::Result<()> {
    for signal in interrupt::take(&SigSet::all()) {
        let row = args.lua.create_table()?;
        row.raw_set("signal", signal_name(signal as i32))?;
        rows.raw_push(row)?;
    }
    Ok(())
}

/// The signals that are to be answered. Some cannot be caught, and after others nothing can go on.
fn signals(options: &Fields) -> Outcome<Vec<Signal>> {
    let mut signals = Vec::new();
    for name in options.texts("signals") {
        if ["kill", "stop", "segv", "bus", "fpe", "ill", "trap", "sys", "abrt"].contains(&name.as_str()) {
            return Err(Raise::argument(format!("options.signals: \"{name}\" cannot be waited for")));
        }
        signals.extend(signal_number(&name).and_then(|number| Signal::try_from(number).ok()));
    }
    Ok(signals)
}
