//! The Lua machine: one table of primitives, one host behind it.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;

use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, LuaOptions, MultiValue, StdLib, Table, Value};

use crate::kernel::{Call, Faces, Guard, Journal, Kernel, Kinds, Locate, Plan, Reply};
use crate::sys::{self, fork, interrupt};

pub mod args;
pub mod boxes;
pub mod confine;
pub mod error;
pub mod handle;
mod modules;
pub mod reference;
pub mod table;
pub mod types;
pub mod units;

mod archives;
mod attributes;
pub mod budget;
mod capabilities;
mod cgroups;
mod digests;
mod files;
mod handles;
mod hook;
mod json;
mod lsm;
mod mounts;
mod namespaces;
mod narrate;
mod network;
mod prelude;
mod processes;
mod programs;
mod readers;
mod rootfs;
mod seccomp;
pub mod session;
mod site;
mod sockets;
mod spawn;
mod state;
mod supervision;
mod syntax;
mod sysctl;
mod terminal;
mod users;
mod values;

use error::{Outcome, Raise};
pub(crate) use hook::stop_if_signalled;
pub(crate) use prelude::protect;
use prelude::{call_back, is_unknown, protected, unknown};
pub use site::Standing;
use site::site;

/// How a run is set up.
#[derive(Debug, Default)]
pub struct Settings {
    /// A directory that replaces the embedded stdlib.
    pub stdlib: Option<PathBuf>,
    /// Lifts the host guard.
    pub allow_host: bool,
    /// What scripts find in `arg`: index 0 is the script.
    pub arguments: Vec<OsString>,
    /// A command of the binary's own that ends soon: nothing is collected, the machine is not taken
    /// apart, and a signal is looked for at each primitive instead of every so many instructions.
    pub brief: bool,
    /// Nobody trusts the script: it is looked at more often.
    pub distrust: bool,
}

/// What stands behind the primitives: the kernel that calls go to, the guard, the open handles.
pub struct Host {
    kernel: Rc<dyn Kernel>,
    /// Where the script stands, for whoever tells of its calls.
    pub standing: Rc<Standing>,
    /// Which of the host's namespaces the process has left.
    pub guard: Guard,
    /// The open handles.
    pub ledger: handle::Ledger,
    /// What would outlive this process.
    pub journal: Journal,
    /// Where this process stands among control groups, and which of them it has made.
    pub cgroups: cgroups::State,
    /// The status that `os.exit` asked for.
    exit: Cell<Option<i32>>,
    /// A signal that ends the script.
    stopped: Cell<Option<i32>>,
    /// Whether that signal unwinds the script already.
    unwound: Cell<bool>,
    /// Children made so far: their names in plans and traces.
    children: Cell<u32>,
    /// How often `spawn` was called.
    spawned: Cell<u32>,
    /// What the function that runs may still use.
    budget: budget::Clock,
    /// Where a child reports the error that it ends with, until it has called exec.
    report: RefCell<Option<fork::Channel>>,
    /// The interactive session, if this process has one.
    pub boxes: boxes::Boxes,
    /// Calls that were asked for so far.
    calls: Cell<u64>,
    /// Whether the machine's hook is set.
    watched: Cell<bool>,
    settings: Settings,
}

impl Host {
    /// The kernel that calls go to.
    #[must_use]
    pub fn kernel(&self) -> &dyn Kernel {
        &*self.kernel
    }

    /// The faces of the gate that can be switched while a script runs; none with a kernel of a test's.
    #[must_use]
    pub fn faces(&self) -> Option<&Faces> {
        self.kernel.faces()
    }

    /// Runs a body as a plan: its calls are remembered, and nothing is done.
    ///
    /// What the body leaves behind in Lua (handles of what was never made, closed ones) stays, so a
    /// caller that goes on afterwards runs this in a child of its own.
    pub fn plan<T>(&self, lua: &Lua, body: impl FnOnce() -> T) -> Outcome<(T, Rc<Plan>)> {
        let Some(faces) = self.faces() else { return Err(Raise::state("this machine's kernel cannot plan")) };
        let set_planning: Function = lua.named_registry_value("crun_lua.set_planning")?;
        let saved = self.guard.saved();
        let planned = self.kernel.is_plan();
        set_planning.call::<()>(true)?;
        let answer = faces.plan(body);
        set_planning.call::<()>(planned)?;
        self.guard.restore(saved);
        Ok(answer)
    }

    /// Has a call done. The only way from Lua to the kernel.
    pub fn run(&self, call: impl Into<Call>) -> Outcome<Reply> {
        self.calls.set(self.calls.get() + 1);
        Ok(self.kernel.run(&call.into())?)
    }

    /// Refuses what would change the host while the process stands in its namespaces `kinds`.
    ///
    /// `host` is the caller's own `{ host = true }`; `what` completes "… would change the host".
    pub fn guard(&self, kinds: Kinds, host: bool, what: &str) -> Outcome<()> {
        if host || self.guard.allows(kinds) {
            return Ok(());
        }
        let missing = (kinds - self.guard.left()).words();
        let list = missing.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        Err(Raise::state(format!("{what} would change the host"))
            .hint(format!("call unshare {{ {list} }} first, or say {{ host = true }} (or --allow-host) to mean the host")))
    }

    /// The next child's name.
    fn next_child(&self) -> String {
        self.children.set(self.children.get() + 1);
        format!("child {}", self.children.get())
    }
}

/// Whether the script is being ended: by `os.exit`, a signal, or a plan's `exec`; or a function by its budget;
/// or a line of a session, because it goes on in a box.
fn is_unwinding(host: &Host) -> bool {
    host.exit.get().is_some() || host.stopped.get().is_some() || host.budget.is_spent() || host.boxes.is_over()
}

/// What a script may allocate before Lua says "not enough memory".
const MEMORY_LIMIT: usize = 1 << 30;

/// A Lua machine with its host.
pub struct Machine {
    lua: Lua,
    host: Rc<Host>,
}

impl Machine {
    /// Makes the machine. `kernel` is given the means to tell where the script stands.
    pub fn new(settings: Settings, kernel: impl FnOnce(Locate) -> std::io::Result<Rc<dyn Kernel>>) -> Result<Self, Raise> {
        let libs =
            StdLib::COROUTINE | StdLib::TABLE | StdLib::IO | StdLib::OS | StdLib::STRING | StdLib::UTF8 | StdLib::MATH | StdLib::DEBUG;
        let lua = new_lua(libs)?;
        // Without a limit a request that the kernel refuses would be the end of the process.
        lua.set_memory_limit(MEMORY_LIMIT)?;
        if settings.brief {
            lua.gc_stop();
        }
        let weak = lua.weak();
        let standing = Rc::new(Standing::new(settings.stdlib.clone()));
        let known = Rc::clone(&standing);
        let locate: Locate = Rc::new(site::Locator::new(weak, known));
        let kernel = kernel(locate).map_err(|error| Raise::state(error.to_string()))?;
        let host = Rc::new(Host {
            kernel,
            standing,
            guard: Guard::new(settings.allow_host),
            ledger: handle::Ledger::default(),
            journal: Journal::default(),
            cgroups: cgroups::State::default(),
            exit: Cell::new(None),
            stopped: Cell::new(None),
            unwound: Cell::new(false),
            children: Cell::new(0),
            spawned: Cell::new(0),
            budget: budget::Clock::default(),
            report: RefCell::default(),
            boxes: boxes::Boxes::default(),
            calls: Cell::new(0),
            watched: Cell::new(false),
            settings,
        });
        if !host.settings.brief {
            hook::watch(&lua, &host)?;
        }
        crate::kernel::remember_root();
        let machine = Self { lua, host };
        machine.load_prelude()?;
        Ok(machine)
    }

    /// Runs a script to its end, closes what it left open, and answers the exit status.
    #[must_use]
    pub fn run(&self, source: &[u8], name: &str) -> i32 {
        let status = self.ended(self.execute(source, name));
        self.finish(status)
    }

    fn execute(&self, source: &[u8], name: &str) -> Outcome<i32> {
        self.host.standing.note(name, source);
        let environment: Table = self.lua.named_registry_value("crun_lua.environment")?;
        let chunk = self.lua.load(without_shebang(source)).set_name(format!("@{name}")).set_mode(ChunkMode::Text);
        let function = chunk.set_environment(environment).into_function()?;
        protect(&self.lua, &self.host, &function, self.arguments()?.into_iter().collect())
    }

    /// Runs a script that nobody trusts, in a box, within limits that hold to the end of this process:
    /// also for what it leaves to be closed.
    #[must_use]
    pub fn run_restricted(&self, source: &[u8], name: &str, mut limits: budget::Limits, output: u64) -> i32 {
        self.host.standing.note(name, source);
        let result = self.execute_restricted(source, name, &mut limits, output);
        let status = match budget::ended(&self.host, &limits, result) {
            // Its words are its own, and a terminal obeys what it is told.
            Err(failure) if self.host.exit.get().is_none() && self.host.stopped.get().is_none() => {
                sys::complain(confine::harmless(&failure.to_string()));
                if self.host.budget.is_spent() { sys::alarm::STATUS } else { 1 }
            }
            result => self.ended(result),
        };
        self.finish(status)
    }

    fn execute_restricted(&self, source: &[u8], name: &str, limits: &mut budget::Limits, output: u64) -> Outcome<i32> {
        let make = self.module_function("restricted")?;
        let given = self.lua.create_table()?;
        given.raw_set("allow", limits.only.as_ref().map(|only| only.names().to_vec()))?;
        given.raw_set("output", output)?;
        given.raw_set("script", name)?;
        given.raw_set("arguments", self.lua.create_sequence_from(self.arguments()?)?)?;
        let environment = protected(&self.lua, &make, MultiValue::from_vec(vec![Value::Table(given)]))?.map_err(Raise::Object)?;
        let environment = environment.as_table().cloned().ok_or_else(|| Raise::state("no box"))?;
        budget::for_good(&self.lua, &self.host, limits)?;
        let chunk = self.lua.load(without_shebang(source)).set_name(format!("@{name}")).set_mode(ChunkMode::Text);
        let function = chunk.set_environment(environment).into_function()?;
        protect(&self.lua, &self.host, &function, self.arguments()?.into_iter().collect())
    }

    /// What follows the script's name: any bytes but zero.
    fn arguments(&self) -> mlua::Result<Vec<Value>> {
        let words = self.host.settings.arguments.iter().skip(1);
        words.map(|word| self.lua.create_string(word.as_bytes()).map(Value::String)).collect()
    }

    /// Runs a module whose value is a function of a list of texts, the arguments, that answers the
    /// exit status; and closes what it left open.
    #[must_use]
    pub fn run_command(self, module: &str) -> i32 {
        let status = self.ended(self.module_function(module).and_then(|function| {
            let arguments = self.lua.create_sequence_from(self.arguments()?)?;
            protect(&self.lua, &self.host, &function, MultiValue::from_vec(vec![Value::Table(arguments)]))
        }));
        let status = self.finish(status);
        // The kernel takes the memory back as a whole.
        std::mem::forget(self);
        status
    }

    /// Runs a module whose value is a function that answers a list of texts.
    pub fn run_module(&self, module: &str) -> Outcome<Vec<String>> {
        let function = self.module_function(module)?;
        let answer = match protected(&self.lua, &function, MultiValue::new())? {
            Err(_) if is_unwinding(&self.host) => Value::Nil,
            answer => answer.map_err(Raise::Object)?,
        };
        let texts = answer.as_table().map(|list| list.sequence_values::<String>().collect::<mlua::Result<Vec<_>>>());
        texts.unwrap_or_else(|| Ok(Vec::new())).map_err(Raise::Lua)
    }

    /// Whether the stdlib has a module.
    #[must_use]
    pub fn has_module(&self, module: &str) -> bool {
        modules::find(module, self.host.settings.stdlib.as_deref()).is_some()
    }

    /// The function that a module's value is.
    fn module_function(&self, module: &str) -> Outcome<Function> {
        let environment: Table = self.lua.named_registry_value("crun_lua.environment")?;
        let require: Function = environment.get("require")?;
        let name = Value::String(self.lua.create_string(module)?);
        let value = protected(&self.lua, &require, MultiValue::from_vec(vec![name]))?.map_err(Raise::Object)?;
        value.as_function().cloned().ok_or_else(|| Raise::state(format!("the module '{module}' is no command: its value is no function")))
    }

    /// The same, for whoever outlives the machine.
    #[must_use]
    pub fn shared_kernel(&self) -> Rc<dyn Kernel> {
        Rc::clone(&self.host.kernel)
    }

    /// The kernel that calls go to.
    #[must_use]
    pub fn kernel(&self) -> &dyn Kernel {
        self.host.kernel()
    }

    /// The status of a run; its failure is printed.
    fn ended(&self, result: Outcome<i32>) -> i32 {
        let unwinding = self.host.exit.take().or(self.host.stopped.get().map(|signal| 128 + signal));
        match (result, unwinding) {
            (Ok(status), _) | (Err(_), Some(status)) => status,
            (Err(failure), None) => {
                if let Some(faces) = self.host.faces() {
                    faces.stopped(&failure.to_string());
                }
                sys::complain(failure);
                1
            }
        }
    }

    /// Runs a function with this machine, for the tests of this crate.
    #[cfg(test)]
    pub(crate) fn with<T>(&self, body: impl FnOnce(&Lua, &Rc<Host>) -> T) -> T {
        body(&self.lua, &self.host)
    }

    /// Closes what is open. A signal that ended the script decides the status.
    #[must_use]
    pub fn finish(&self, status: i32) -> i32 {
        let status = self.host.stopped.take().map_or(status, |signal| 128 + signal);
        interrupt::clear();
        let mut worst = status;
        for failure in self.host.ledger.close_all(&self.host) {
            sys::complain(format_args!("close: {failure}"));
            worst = if status == 0 { 1 } else { status };
        }
        fork::flush();
        worst
    }
}

/// A machine with the libraries of a script, and `debug`, which the prelude keeps for itself.
fn new_lua(libs: StdLib) -> mlua::Result<Lua> {
    crate::sys::image::lua_with_debug(libs, LuaOptions::new())
}

/// A script's first line may name its interpreter; the line's end stays, so that numbers hold.
fn without_shebang(source: &[u8]) -> &[u8] {
    if !source.starts_with(b"#!") {
        return source;
    }
    let end = source.iter().position(|byte| *byte == b'\n').unwrap_or(source.len());
    &source[end..]
}
