//! A function with a budget of processor time and memory: what runs code of somebody else.
//!
//! Time is looked at by the machine's one hook, every few thousand instructions, in coroutines as
//! well. What is spent unwinds the function as a signal does the script: through every `pcall` of
//! it. A library function that loops without an instruction of Lua (a pattern that backtracks) is
//! not seen by the hook; who runs code that may do that does so in a child with `rlimit`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use mlua::debug::Debug;
use mlua::{Function, Lua, MultiValue, Value};

use super::Host;
use super::args::Args;
use super::error::{Outcome, Raise};
use super::table::{Primitive, Scope, example};
use super::types::{Param, Type, may, need};
use super::{hook, is_unwinding, modules, protected, site, units};
use crate::kernel::Site;
use crate::sys;

const LIMITS: &[Param] = &[
    may("time", Type::Duration, "processor time of this process; no limit without it"),
    may("memory", Type::Size, "what Lua may allocate on top of what it has; no limit but the machine's without it"),
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[Primitive {
    name: "budget",
    summary: "Calls a function that may use only so much processor time and memory; more than that ends it.",
    params: &[need("limits", Type::Options(LIMITS), ""), need("body", Type::Function, "called without arguments")],
    returns: "the first value that the function answers",
    syscalls: &["clock_gettime(2)"],
    shell: "≈ prlimit --cpu=SECONDS --as=BYTES COMMAND",
    needs: "",
    scope: Scope::Caller,
    reversible: true,
    examples: &[
        example("assert(budget({ time = \"100ms\", memory = \"16M\" }, function() return 6 * 7 end) == 42)"),
        example(
            "local _, err = try(budget, { time = \"20ms\" }, function()\n  while true do pcall(error) end\nend)\nassert(err.message:find(\"processor time\", 1, true))",
        ),
    ],
    see: &["rlimit", "clock"],
    function: budget,
}];

/// The budget of time that is being spent, if any.
#[derive(Debug, Default)]
pub struct Clock {
    /// The processor time of this process at which it is over.
    deadline: Cell<Option<Duration>>,
    /// Whether it is over, and the function has not been left yet.
    spent: Cell<bool>,
    /// The line that ran when it was over.
    place: RefCell<Option<Site>>,
}

impl Clock {
    /// Whether a function is being ended because its time is over.
    pub fn is_spent(&self) -> bool {
        self.spent.get()
    }

    /// Ends the function that runs when its time is over; again and again until it is left, since
    /// what it closes on its way out may loop as well.
    pub fn check(&self, lua: &Lua, frame: &Debug) -> mlua::Result<()> {
        let Some(deadline) = self.deadline.get() else { return Ok(()) };
        if now().is_none_or(|now| now < deadline) {
            return Ok(());
        }
        if !self.spent.replace(true) {
            self.place.replace(place(frame).or_else(|| site(lua)));
        }
        Err(mlua::Error::runtime("the processor time is over"))
    }
}

/// The line of a script that a frame stands in; none for a module's.
fn place(frame: &Debug) -> Option<Site> {
    let source = frame.source();
    let file = source.source.as_deref()?.strip_prefix('@').filter(|file| !modules::is_module(file))?;
    Some(Site { file: file.to_owned(), line: frame.current_line()?, ..Site::default() })
}

/// The processor time that this process has used. Without a clock nothing is ever over.
fn now() -> Option<Duration> {
    sys::namespaces::clock(nix::libc::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from_secs_f64).ok()
}

fn budget(args: &Args) -> Outcome {
    let limits = args.options("limits")?;
    let (time, memory) = (limits.duration("time"), limits.size("memory"));
    let Some(body) = args.function("body") else { return Err(Raise::argument("body: expected a function")) };
    within(args.lua, args.host, (time, memory), &body, MultiValue::new())
}

/// Calls a function within a budget of processor time and of memory.
pub fn within(lua: &Lua, host: &Rc<Host>, limits: (Option<Duration>, Option<u64>), body: &Function, arguments: MultiValue) -> Outcome {
    let (time, memory) = limits;
    hook::watch(lua, host)?;
    let clock = &host.budget;
    // One inside of another never has more than that.
    let outer = clock.deadline.get();
    let own = time.and_then(|time| now().map(|now| now + time));
    clock.deadline.set(own.into_iter().chain(outer).min());
    let former = memory.map(|memory| limit_memory(lua, memory)).transpose()?;
    let result = protected(lua, body, arguments);
    if let Some(limit) = former {
        lua.set_memory_limit(limit)?;
    }
    clock.deadline.set(outer);
    let is_own = clock.is_spent() && outer.is_none_or(|outer| now().is_some_and(|now| now < outer));
    if is_own {
        clock.spent.set(false);
        return over(lua, clock.place.take(), time.unwrap_or_default());
    }
    if is_unwinding(host) {
        return Err(Raise::Lua(mlua::Error::runtime("the script is ending")));
    }
    match (result, memory) {
        (Err(mlua::Error::MemoryError(_)), Some(memory)) => Err(starved(memory)),
        (Ok(Err(object)), Some(memory)) if is_starved(&object) => Err(starved(memory)),
        (Ok(Err(object)), _) => Err(Raise::Object(object)),
        (Ok(Ok(value)), _) => Ok(value),
        (Err(error), _) => Err(Raise::Lua(error)),
    }
}

/// Lets Lua allocate so much on top of what it has. Answers the limit before.
fn limit_memory(lua: &Lua, memory: u64) -> mlua::Result<usize> {
    let wanted = lua.used_memory().saturating_add(usize::try_from(memory).unwrap_or(usize::MAX));
    let former = lua.set_memory_limit(wanted)?;
    if former != 0 && former < wanted {
        lua.set_memory_limit(former)?;
    }
    Ok(former)
}

fn starved(memory: u64) -> Raise {
    Raise::state(format!("the function needs more than {} of memory", units::show_size(memory)))
}

/// Lua's own words, which come without a place because no memory is left to say more.
fn is_starved(error: &Value) -> bool {
    let text = match error {
        Value::Table(object) => object.raw_get::<Value>("message").unwrap_or(Value::Nil),
        other => other.clone(),
    };
    text.to_string().is_ok_and(|text| text.contains("not enough memory"))
}

/// The error object, with the line that the function stood in.
fn over(lua: &Lua, place: Option<Site>, time: Duration) -> Outcome {
    let message = format!("the function needs more than {time:?} of processor time");
    let object = Raise::state(message).into_object(lua, "budget")?;
    if let (Some(site), Some(table)) = (place, object.as_table()) {
        let place = lua.create_table()?;
        place.raw_set("file", site.file)?;
        place.raw_set("line", site.line)?;
        table.raw_set("where", place)?;
    }
    Err(Raise::Object(object))
}
