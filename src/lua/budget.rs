//! A function with a budget: of processor time, of instructions, of memory, of primitives. This runs
//! code of somebody else: policies, scripts under `--restricted`, handlers of system calls.
//!
//! Time is looked at by the machine's one hook, every so many instructions, in coroutines as well.
//! What is spent unwinds the function as a signal does the script: through every `pcall` of it.
//! Three things the hook does not see, and what stands against them: a coroutine that ends before its
//! first look (each costs one as it begins, [`step`]); functions that have each other closed without end
//! (each is ended, and the next begins); and a library function that loops without an instruction of
//! Lua (a pattern that backtracks). For the last two, who runs code that may do that does so in a child
//! with `rlimit`, or with the alarm of [`for_good`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use mlua::debug::Debug;
use mlua::{Function, Lua, MultiValue, Value};

use super::Host;
use super::args::Args;
use super::confine::Only;
use super::error::{Outcome, Raise};
use super::table::{Primitive, Scope, example};
use super::types::{Param, Type, may, need};
use super::{hook, is_unwinding, modules, protected, site, units};
use crate::kernel::Site;
use crate::sys::{self, alarm};

const LIMITS: &[Param] = &[
    may("time", Type::Duration, "processor time of this process; no limit without it"),
    may("memory", Type::Size, "what Lua may allocate on top of what it has; no limit but the machine's without it"),
    may("instructions", Type::Integer(1, i64::MAX), "of the Lua machine, counted in steps of 10000; a coroutine costs one step"),
    may(
        "only",
        Type::List(&Type::Text),
        "primitives that it may call, and no others: names; `process:*` for the methods of a kind of handle, `*:*` for all",
    ),
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[Primitive {
    name: "budget",
    summary: "Calls a function that may use only so much time and memory, and only some primitives; more than that ends it.",
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
        example(
            "local _, err = try(budget, { only = { \"stat\" } }, function()\n  assert(stat(\"/\"))\n  mkdir(\"/tmp/x\")\nend)\nassert(err.op == \"mkdir\" and err.message:find(\"not allowed\", 1, true))",
        ),
    ],
    see: &["rlimit", "clock"],
    function: budget,
}];

/// How a budget is set up. What is left out has no limit.
#[derive(Debug, Default)]
pub struct Limits {
    /// Processor time of this process.
    pub processor: Option<Duration>,
    /// Time on the clock.
    pub elapsed: Option<Duration>,
    /// Instructions of the Lua machine.
    pub instructions: Option<u64>,
    /// What Lua may allocate.
    pub memory: Option<u64>,
    /// The primitives that may be called.
    pub only: Option<Only>,
}

/// What of a budget is over.
#[derive(Clone, Copy, Debug)]
enum Over {
    Processor,
    Elapsed,
    Instructions,
}

/// Where the budgets that run end.
#[derive(Clone, Debug, Default)]
struct Ends {
    /// The processor time of this process.
    processor: Option<Duration>,
    /// The moment.
    elapsed: Option<Instant>,
    /// How many instructions are left.
    instructions: Option<u64>,
    only: Option<Rc<Only>>,
}

impl Ends {
    fn over(&self) -> Option<Over> {
        let is_used = |end| now().is_some_and(|now| now >= end);
        if self.instructions == Some(0) {
            Some(Over::Instructions)
        } else if self.elapsed.is_some_and(|end| Instant::now() >= end) {
            Some(Over::Elapsed)
        } else {
            self.processor.is_some_and(is_used).then_some(Over::Processor)
        }
    }

    /// One inside of another never has more than that.
    fn tightened(&self, limits: &mut Limits) -> Self {
        let least = |own: Option<u64>, outer: Option<u64>| own.into_iter().chain(outer).min();
        Self {
            processor: limits.processor.and_then(|time| now().map(|now| now + time)).into_iter().chain(self.processor).min(),
            elapsed: limits.elapsed.and_then(|time| Instant::now().checked_add(time)).into_iter().chain(self.elapsed).min(),
            instructions: least(limits.instructions, self.instructions),
            only: limits.only.take().map(|only| Rc::new(only.within(self.only.clone()))).or_else(|| self.only.clone()),
        }
    }

    /// Whether something has to be counted.
    fn counts(&self) -> bool {
        self.processor.is_some() || self.elapsed.is_some() || self.instructions.is_some()
    }
}

/// The budget that is being spent, if any.
#[derive(Debug, Default)]
pub struct Clock {
    ends: RefCell<Ends>,
    /// What is granted from the next look on: see [`Turns`].
    granted: Cell<Option<Duration>>,
    /// What is over, where the function has not been left yet.
    spent: Cell<Option<Over>>,
    /// The line that ran when it was over.
    place: RefCell<Option<Site>>,
}

impl Clock {
    /// Whether a function is being ended because its budget is over.
    pub fn is_spent(&self) -> bool {
        self.spent.get().is_some()
    }

    /// Refuses a primitive that the function may not call.
    pub fn permit(&self, primitive: &Primitive) -> Outcome<()> {
        let only = self.ends.borrow().only.clone();
        only.map_or(Ok(()), |only| only.check(primitive))
    }

    /// Whether the function that runs has to end because its budget is over; again and again until it is
    /// left, since what it closes on its way out may loop as well.
    pub fn is_over(&self, lua: &Lua, frame: Option<&Debug>, instructions: u32) -> bool {
        self.begin();
        let over = {
            let mut ends = self.ends.borrow_mut();
            if !ends.counts() {
                return false;
            }
            ends.instructions = ends.instructions.map(|left| left.saturating_sub(instructions.into()));
            ends.over()
        };
        let Some(over) = over.or(self.spent.get()) else { return false };
        if self.spent.replace(self.spent.get().or(Some(over))).is_none() {
            self.place.replace(frame.and_then(place).or_else(|| site(lua)));
        }
        true
    }

    /// In a forked child: the alarm is not inherited.
    pub fn forked(&self) {
        if let Some(end) = self.ends.borrow().elapsed {
            let _ = alarm::set(end.saturating_duration_since(Instant::now()) + GRACE);
        }
    }

    /// Fails where what a function was given itself is over, and not the budget that it runs in.
    fn judge(&self, lua: &Lua, limits: &Limits) -> Outcome<()> {
        let Some(over) = self.spent.get() else { return Ok(()) };
        if self.ends.borrow().over().is_some() {
            return Ok(());
        }
        self.spent.set(None);
        Err(Raise::Object(told(lua, self.place.take(), over, limits)?))
    }

    /// Lets the time that was granted begin.
    fn begin(&self) {
        if let Some(own) = self.granted.take().and_then(|time| Some(now()? + time)) {
            let mut ends = self.ends.borrow_mut();
            ends.processor = Some(ends.processor.map_or(own, |outer| outer.min(own)));
        }
    }
}

/// A budget of time for each of many short calls. It begins when the hook looks up for the first time,
/// some thousand instructions late, so that a call that is over before that asks for no time at all.
#[derive(Debug)]
pub struct Turns<'a> {
    lua: &'a Lua,
    clock: &'a Clock,
    each: Limits,
    outer: Ends,
}

impl<'a> Turns<'a> {
    /// Each call gets so much, and none more than what runs already has.
    pub fn new(lua: &'a Lua, host: &'a Rc<Host>, time: Option<Duration>) -> mlua::Result<Self> {
        hook::watch(lua, host)?;
        let clock = &host.budget;
        clock.begin();
        let outer = clock.ends.borrow().clone();
        set_counted(lua, outer.counts() || time.is_some())?;
        Ok(Self { lua, clock, each: Limits { processor: time, ..Limits::default() }, outer })
    }

    /// Runs one of the calls. The error is there where it has used more.
    pub fn run<T>(&self, body: impl FnOnce() -> T) -> (T, Outcome<()>) {
        self.clock.granted.set(self.each.processor);
        let answer = body();
        self.clock.granted.set(None);
        self.clock.ends.borrow_mut().processor = self.outer.processor;
        (answer, self.clock.judge(self.lua, &self.each))
    }
}

impl Drop for Turns<'_> {
    fn drop(&mut self) {
        // The machine is at its end where this fails.
        let _ = set_counted(self.lua, self.outer.counts());
    }
}

/// What a process that Lua runs in may need of memory beside what the script makes.
const SPARE: u64 = 16 << 20;

/// How much longer than its time a script may take to end.
const GRACE: Duration = Duration::from_secs(2);

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
    let given = args.options("limits")?;
    let only = given.has("only").then(|| Only::new(given.texts("only"), "only =")).transpose();
    let limits = Limits {
        processor: given.duration("time"),
        elapsed: None,
        instructions: given.integer("instructions")?,
        memory: given.size("memory"),
        only: only.map_err(|text| Raise::argument(format!("limits.only: {text}")))?,
    };
    let Some(body) = args.function("body") else { return Err(Raise::argument("body: expected a function")) };
    within(args.lua, args.host, limits, &body, MultiValue::new())
}

/// Calls a function within a budget.
pub fn within(lua: &Lua, host: &Rc<Host>, mut limits: Limits, body: &Function, arguments: MultiValue) -> Outcome {
    hook::watch(lua, host)?;
    let clock = &host.budget;
    clock.begin();
    let outer = clock.ends.borrow().clone();
    let inner = outer.tightened(&mut limits);
    let begun = inner.instructions;
    set_counted(lua, inner.counts())?;
    clock.ends.replace(inner);
    let former = limits.memory.map(|memory| limit_memory(lua, memory)).transpose()?;
    let result = protected(lua, body, arguments);
    if let Some(limit) = former {
        lua.set_memory_limit(limit)?;
    }
    let left = clock.ends.borrow().instructions;
    let used = begun.unwrap_or_default() - left.unwrap_or_default().min(begun.unwrap_or_default());
    let outer = Ends { instructions: outer.instructions.map(|outer| outer.saturating_sub(used)), ..outer };
    set_counted(lua, outer.counts())?;
    clock.ends.replace(outer);
    clock.judge(lua, &limits)?;
    if is_unwinding(host) {
        return Err(Raise::Lua(mlua::Error::runtime("the script is ending")));
    }
    match (result, limits.memory) {
        (Err(mlua::Error::MemoryError(_)), Some(memory)) => Err(starved("the function", memory)),
        (Ok(Err(object)), Some(memory)) if is_starved(&object) => Err(starved("the function", memory)),
        (Ok(Err(object)), _) => Err(Raise::Object(object)),
        (Ok(Ok(value)), _) => Ok(value),
        (Err(error), _) => Err(Raise::Lua(error)),
    }
}

/// Puts the rest of this process's life, and those of its children, under a budget. What runs past
/// its time in one call of a library is ended by an alarm; and what primitives take outside of Lua, a
/// buffer or a list that is read, is bounded by the kernel: to as much again as Lua may have, and a little.
pub fn for_good(lua: &Lua, host: &Rc<Host>, limits: &mut Limits) -> Outcome<()> {
    if let Some(memory) = limits.memory {
        limit_memory(lua, memory)?;
        let whole = memory.saturating_mul(2).saturating_add(SPARE);
        sys::scarcity::set(whole).map_err(|errno| Raise::read("prlimit64(0, RLIMIT_DATA)", errno))?;
    }
    let clock = &host.budget;
    let ends = clock.ends.borrow().tightened(limits);
    set_counted(lua, ends.counts())?;
    clock.ends.replace(ends);
    if let Some(time) = limits.elapsed {
        alarm::set(time.saturating_add(GRACE)).map_err(|errno| Raise::read("setitimer(ITIMER_REAL)", errno))?;
    }
    Ok(())
}

/// How a run under [`for_good`] has ended: its failure in the words of the budget.
pub fn ended(host: &Host, limits: &Limits, result: Outcome<i32>) -> Outcome<i32> {
    if let Some(over) = host.budget.spent.get() {
        // Without Lua, which the hook would end again.
        let place = host.budget.place.take().map_or_else(String::new, |site| format!("{}:{}: ", site.file, site.line));
        return Err(Raise::state(format!("{place}{}", words("the script", over, limits))));
    }
    match (result, limits.memory) {
        (Err(Raise::Lua(mlua::Error::MemoryError(_))), Some(memory)) => Err(starved("the script", memory)),
        (Err(Raise::Object(object)), Some(memory)) if is_starved(&object) => Err(starved("the script", memory)),
        (result, _) => result,
    }
}

/// A coroutine begins: it may end before the hook looks at it.
pub fn step(lua: &Lua, host: &Host) -> mlua::Result<()> {
    if host.budget.is_over(lua, None, hook::every(host)) {
        return Err(mlua::Error::runtime("the budget is over"));
    }
    Ok(())
}

/// Has the prelude say when a coroutine begins, or no more.
fn set_counted(lua: &Lua, on: bool) -> mlua::Result<()> {
    lua.named_registry_value::<Function>("crun_lua.set_counted")?.call(on)
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

fn starved(who: &str, memory: u64) -> Raise {
    Raise::state(format!("{who} needs more than {} of memory", units::show_size(memory)))
}

/// Lua's own words, which come without a place because no memory is left to say more.
fn is_starved(error: &Value) -> bool {
    let text = match error {
        Value::Table(object) => object.raw_get::<Value>("message").unwrap_or(Value::Nil),
        other => other.clone(),
    };
    text.as_string().is_some_and(|text| text.to_string_lossy().contains("not enough memory"))
}

fn words(who: &str, over: Over, limits: &Limits) -> String {
    let time = |time: Option<Duration>| time.unwrap_or_default();
    match over {
        Over::Processor => format!("{who} needs more than {:?} of processor time", time(limits.processor)),
        Over::Elapsed => format!("{who} needs more than {:?}", time(limits.elapsed)),
        Over::Instructions => format!("{who} needs more than {} instructions", limits.instructions.unwrap_or_default()),
    }
}

/// The error object, with the line that the function stood in.
fn told(lua: &Lua, place: Option<Site>, over: Over, limits: &Limits) -> Outcome {
    let object = Raise::state(words("the function", over, limits)).into_object(lua, "budget")?;
    if let (Some(site), Some(table)) = (place, object.as_table()) {
        let place = lua.create_table()?;
        place.raw_set("file", site.file)?;
        place.raw_set("line", site.line)?;
        table.raw_set("where", place)?;
    }
    Ok(object)
}
