//! Processes: starting, replacing, signalling and reaping them.
//!
//! A process is a handle around a pidfd, so it never turns into another process. The parts: what
//! a program is started with (`exec`), what stands at 0, 1 and 2 (`streams`), a command whose
//! output is wanted (`capture`), sessions and groups (`sessions`).

use std::cell::{Cell, RefCell};
use std::os::fd::AsFd;
use std::time::Duration;

use mlua::{Lua, Table, Value};

use super::args::Args;
use super::error::{self, Outcome, Raise};
use super::handle::{Handle, Resource};
use super::table::{Primitive, Scope, example, example_with};
use super::types::{PID, Param, Type, may, need};
use super::{Host, stop_if_signalled};
use crate::kernel::processes::{Call, signal_name, signal_names, signal_number};
use crate::kernel::{Kinds, Reply};
use crate::sys::processes::{End, Usage};
use crate::sys::{self, Errno, Fd, Pid, fork};

pub mod capture;
pub mod exec;
pub mod sessions;
pub mod streams;

const SIGNAL_NAME: Type = Type::Name("signal", |name| signal_number(name).is_some(), signal_names);
const SIGNAL: Type = Type::Either(&[SIGNAL_NAME, Type::Integer(0, 64)]);

const TIMEOUT: Param = may("timeout", Type::Duration, "how long to wait; nil is answered when it is over");
const FORWARD: Param =
    may("forward", Type::List(&SIGNAL_NAME), "signals that go on to the child when they come meanwhile, instead of ending the script");
const WAIT: &[Param] = &[TIMEOUT, FORWARD];
const KILL: &[Param] = &[may("host", Type::Boolean, "mean every process that can be signalled, with the pid -1")];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "fork",
        summary: "Starts a child in the same namespaces and runs a Lua function in it: spawn without options.",
        params: &[need("body", Type::Function, "runs in the child; a number that it returns is the exit status")],
        returns: "process",
        syscalls: &["clone3(2)"],
        shell: "≈ ( … ) &",
        needs: "",
        scope: Scope::Children,
        reversible: true,
        examples: &[example("local child <close> = fork(function() return 7 end)\nassert(child:wait().code == 7)")],
        see: &["spawn", "fork(2)"],
        function: super::spawn::spawn,
    },
    Primitive {
        name: "process_open",
        summary: "A handle of any process, by number; closing it ends nothing.",
        params: &[need("pid", PID, "the process, as this pid namespace counts")],
        returns: "process",
        syscalls: &["pidfd_open(2)"],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("local init <close> = process_open(1)\nassert(init:alive())")],
        see: &["process:alive", "process:kill"],
        function: open,
    },
    Primitive {
        name: "wait_any",
        summary: "Waits until the first of some processes has ended.",
        params: &[need("processes", Type::List(&Type::Handle("process")), "children"), may("options", Type::Options(WAIT), "")],
        returns: "{ process, result }: result as process:wait answers it; nil after a timeout",
        syscalls: &["waitid(2)", "poll(2)"],
        shell: "= wait -n PID…",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local a <close> = fork(function() return 3 end)\nlocal first = wait_any { a }\nassert(first.process == a and first.result.code == 3)",
        )],
        see: &["process:wait"],
        function: wait_any,
    },
    Primitive {
        name: "kill",
        summary: "Sends a signal by number: to a process, to a group where negative. A handle's kill is safer.",
        params: &[
            need("pid", Type::Integer(-0x7fff_ffff, 0x7fff_ffff), "0 is the caller's group"),
            may("signal", SIGNAL, "\"term\"; 0 only asks whether it could be sent"),
            may("options", Type::Options(KILL), ""),
        ],
        returns: "nothing",
        syscalls: &["kill(2)"],
        shell: "= kill -SIGNAL PID",
        needs: "the same user, or CAP_KILL",
        scope: Scope::Object,
        reversible: false,
        examples: &[example("kill(0, 0)"), example_with(&["root"], "kill(1, 0)")],
        see: &["process:kill", "signal(7)"],
        function: kill,
    },
    Primitive {
        name: "process:kill",
        summary: "Sends a signal to this process and to no other.",
        params: &[may("signal", SIGNAL, "\"term\"")],
        returns: "nothing",
        syscalls: &["pidfd_send_signal(2)"],
        shell: "≈ kill -SIGNAL PID",
        needs: "the same user, or CAP_KILL",
        scope: Scope::Object,
        reversible: false,
        examples: &[example(
            "local child <close> = spawn(function() exec { \"sleep\", \"100\" } end)\nchild:started()\nchild:kill(\"kill\")\nassert(child:wait().signal == \"kill\")",
        )],
        see: &["kill", "process:wait"],
        function: kill_process,
    },
    Primitive {
        name: "process:alive",
        summary: "Whether the process still runs.",
        params: &[],
        returns: "boolean",
        syscalls: &["poll(2)"],
        shell: "≈ kill -0 PID",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("local child <close> = fork(function() return 0 end)\nchild:wait()\nassert(not child:alive())")],
        see: &["process:wait"],
        function: alive,
    },
    Primitive {
        name: "process:wait",
        summary: "Waits until the process has ended; an error in the child before its exec is raised here.",
        params: &[may("options", Type::Options(WAIT), "")],
        returns: "{ code, signal, core, rusage = { max_rss, user, system } }: code is 128+n where a signal ended it, rusage in bytes and seconds; nil after a timeout",
        syscalls: &["waitid(2)", "poll(2)"],
        shell: "= wait PID",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example("local child <close> = spawn(function() return 3 end)\nassert(child:wait().code == 3)")],
        see: &["spawn", "wait_any", "pidfd_open(2)"],
        function: wait,
    },
    Primitive {
        name: "process:started",
        summary: "Waits until the child has called exec, or has ended; an error in the child is raised here.",
        params: &[],
        returns: "nothing",
        syscalls: &["recvmsg(2)"],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("local child <close> = spawn(function() exec { \"true\" } end)\nchild:started()")],
        see: &["process:wait"],
        function: started,
    },
];

/// A process: one that this program has started, or any other.
pub struct Process {
    pid: Pid,
    pidfd: Fd,
    /// Whether it is a child, which is killed and reaped when the handle is closed.
    child: bool,
    /// Where the child reports the error that it ends with.
    channel: RefCell<Option<fork::Channel>>,
    /// The error, once it has come; raised by the first wait.
    error: RefCell<Option<serde_json::Value>>,
    end: Cell<Option<(End, Usage)>>,
    /// This side of the pipes at the child's 0, 1 and 2.
    streams: RefCell<[Option<Handle>; 3]>,
}

impl Process {
    /// A child that has just been started; it reports through `channel`.
    pub fn new(pid: Pid, pidfd: Fd, channel: fork::Channel) -> Self {
        Self {
            pid,
            pidfd,
            child: true,
            channel: RefCell::new(Some(channel)),
            error: RefCell::default(),
            end: Cell::new(None),
            streams: RefCell::default(),
        }
    }

    /// A process that somebody else has started.
    fn foreign(pid: i32, pidfd: Fd) -> Self {
        Self {
            pid: Pid::foreign(pid),
            pidfd,
            child: false,
            channel: RefCell::default(),
            error: RefCell::default(),
            end: Cell::new(None),
            streams: RefCell::default(),
        }
    }

    /// Whether a plan made this process.
    pub fn is_planned(&self) -> bool {
        self.pidfd.is_planned()
    }

    /// The process's number.
    pub fn pid(&self) -> &Pid {
        &self.pid
    }

    /// The descriptor that refers to the process.
    pub fn pidfd(&self) -> &Fd {
        &self.pidfd
    }

    /// Lets a child start that waits for its parent.
    pub fn release(&self) -> Outcome<()> {
        match &*self.channel.borrow() {
            Some(channel) => channel.send(b"go").map_err(|errno| Raise::read("sendmsg(<child>)", errno)),
            None => Ok(()),
        }
    }

    /// Takes the child's error when there is one; waits for it or for exec when `block` is set.
    fn listen(&self, host: &Host, block: bool) -> Outcome<()> {
        let mut channel = self.channel.borrow_mut();
        let Some(open) = &*channel else { return Ok(()) };
        if !block {
            let ready = sys::processes::readable(&[open.as_fd()], Some(Duration::ZERO));
            if ready.is_ok_and(|ready| ready.is_empty()) {
                return Ok(());
            }
        }
        let message = loop {
            match open.receive() {
                Err(Errno::EINTR) => {
                    if stop_if_signalled(host) {
                        return Err(interrupted());
                    }
                }
                other => break other.map_err(|errno| Raise::read("recvmsg(<child>)", errno))?,
            }
        };
        *channel = None;
        if let Some(json) = message.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            self.error.replace(Some(json));
        }
        Ok(())
    }

    /// Raises the error that the child ended with: once.
    fn raise_error(&self, lua: &Lua) -> Outcome<()> {
        let Some(json) = self.error.take() else { return Ok(()) };
        let object = error::from_json(lua, &json)?;
        // What no Lua line in the child has caused is an error of the line that waits.
        if !object.contains_key("where")? {
            object.set_metatable(None)?;
        }
        Err(Raise::Object(Value::Table(object)))
    }

    /// How the child ended, as a table; raises the error that it ended with.
    fn result(&self, lua: &Lua, host: &Host) -> Outcome<Table> {
        self.listen(host, false)?;
        self.raise_error(lua)?;
        let table = lua.create_table()?;
        match self.end.get() {
            Some(_) if self.is_planned() => table.raw_set("code", super::unknown(lua)?)?,
            Some((end, usage)) => {
                describe_end(&table, end)?;
                table.raw_set("rusage", usage_table(lua, usage)?)?;
            }
            None => {}
        }
        Ok(table)
    }
}

impl Resource for Process {
    fn kind(&self) -> &'static str {
        "process"
    }

    fn describe(&self) -> String {
        self.pid.raw().map_or_else(|_| format!("process {}", self.pid), |raw| format!("process {raw}"))
    }

    fn fields(&self) -> &'static [&'static str] {
        &["pid", "stdin", "stdout", "stderr"]
    }

    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value> {
        let place = match name {
            "stdin" => 0,
            "stdout" => 1,
            "stderr" => 2,
            _ => return self.pid.raw().map_or_else(|_| super::unknown(lua), |raw| Ok(Value::Integer(raw.into()))),
        };
        match self.streams.borrow().get(place).cloned().flatten() {
            Some(handle) => Ok(Value::UserData(lua.create_userdata(handle)?)),
            None => Ok(Value::Nil),
        }
    }

    /// Kills and reaps a child that still runs. An error that nobody has waited for is printed.
    fn close(&self, host: &Host) -> Outcome<()> {
        if !self.child {
            return Ok(());
        }
        self.listen(host, false)?;
        if let Some(json) = self.error.take() {
            eprintln!("crun-lua: {} failed: {}", self.describe(), json["message"].as_str().unwrap_or("unknown error"));
        }
        if self.end.get().is_some() {
            return Ok(());
        }
        let killed = host.run(Call::Signal { pid: self.pid.clone(), pidfd: self.pidfd.clone(), signal: nix::libc::SIGKILL });
        if let Err(failure) = killed
            && failure.errno() != Some(Errno::ESRCH)
        {
            return Err(failure);
        }
        let children = vec![(self.pid.clone(), self.pidfd.clone())];
        let call = Call::Wait { children, timeout: None, forward: Vec::new() };
        // A killed child ends at once, so a signal to this program may wait until it has.
        host.cgroups.unfrozen(host, || {
            while let Err(failure) = host.run(call.clone()) {
                if failure.errno() != Some(Errno::EINTR) {
                    return Err(failure);
                }
                stop_if_signalled(host);
            }
            Ok(())
        })
    }

    fn lasting(&self) -> bool {
        self.child && self.end.get().is_none()
    }
}

/// Has a call done that may block; a signal that ends the script ends it too.
pub fn patiently(host: &Host, call: impl Into<crate::kernel::Call>) -> Outcome<Reply> {
    let call = call.into();
    loop {
        match host.run(call.clone()) {
            Err(failure) if failure.errno() == Some(Errno::EINTR) => {
                if stop_if_signalled(host) {
                    return Err(interrupted());
                }
            }
            other => return other,
        }
    }
}

/// What ends a script that a signal has come for.
pub fn interrupted() -> Raise {
    Raise::Lua(mlua::Error::runtime("interrupted"))
}

fn describe_end(table: &Table, end: End) -> Outcome<()> {
    match end {
        End::Exited(status) => table.raw_set("code", status)?,
        End::Signalled(signal, core) => {
            table.raw_set("code", 128 + signal)?;
            table.raw_set("signal", signal_name(signal))?;
            table.raw_set("core", core)?;
        }
    }
    Ok(())
}

fn usage_table(lua: &Lua, usage: Usage) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("max_rss", usage.max_rss)?;
    table.raw_set("user", usage.user.as_secs_f64())?;
    table.raw_set("system", usage.system.as_secs_f64())?;
    Ok(table)
}

/// A signal's number, given as its name or as a number; `term` where it was left out.
fn signal(value: &Value) -> i32 {
    match value {
        Value::String(name) => signal_number(&name.to_string_lossy()).unwrap_or(nix::libc::SIGTERM),
        other => other.as_i32().unwrap_or(nix::libc::SIGTERM),
    }
}

fn open(args: &Args) -> Outcome {
    let pid = args.integer("pid")?.unwrap_or_default();
    let pidfd = args.host.run(Call::Open { pid })?.fd().map_err(|errno| Raise::read("pidfd_open", errno))?;
    args.adopt(Process::foreign(pid, pidfd), None)
}

fn kill(args: &Args) -> Outcome {
    let pid = args.integer("pid")?.unwrap_or_default();
    if pid == -1 {
        args.host.guard(Kinds::PID, args.options("options")?.flag("host"), "signalling every process")?;
    }
    args.host.run(Call::Kill { pid, signal: signal(args.value("signal")) })?;
    Ok(Value::Nil)
}

fn kill_process(args: &Args) -> Outcome {
    let process = args.this::<Process>()?;
    let signal = signal(args.value("signal"));
    args.host.run(Call::Signal { pid: process.pid.clone(), pidfd: process.pidfd.clone(), signal })?;
    Ok(Value::Nil)
}

fn alive(args: &Args) -> Outcome {
    let process = args.this::<Process>()?;
    if process.is_planned() {
        return Ok(super::unknown(args.lua)?);
    }
    let fd = process.pidfd.get().map_err(|errno| Raise::read("poll(<pidfd>)", errno))?;
    let ended = sys::processes::readable(&[fd], Some(Duration::ZERO)).map_err(|errno| Raise::read("poll(<pidfd>)", errno))?;
    Ok(Value::Boolean(ended.is_empty()))
}

fn wait(args: &Args) -> Outcome {
    let process = args.this::<Process>()?;
    let options = args.options("options")?;
    if wait_for(args.host, &[&process], options.duration("timeout"), forwarded(&options)?)?.is_none() {
        return Ok(Value::Nil);
    }
    Ok(Value::Table(process.result(args.lua, args.host)?))
}

fn wait_any(args: &Args) -> Outcome {
    let values = args.values("processes");
    if values.is_empty() {
        return Err(Raise::argument("processes: the list is empty; there is nothing to wait for"));
    }
    let options = args.options("options")?;
    let handles: Vec<Handle> = values.iter().filter_map(Handle::from_value).collect();
    let held = handles.iter().map(Handle::open::<Process>).collect::<Outcome<Vec<_>>>()?;
    let processes: Vec<&Process> = held.iter().map(|process| &**process).collect();
    let Some(index) = wait_for(args.host, &processes, options.duration("timeout"), forwarded(&options)?)? else {
        return Ok(Value::Nil);
    };
    let table = args.lua.create_table()?;
    table.raw_set("process", values.get(index))?;
    table.raw_set("result", processes.get(index).map(|process| process.result(args.lua, args.host)).transpose()?)?;
    Ok(Value::Table(table))
}

/// Waits for the first of some processes: its index; `None` when the time is over.
fn wait_for(host: &Host, processes: &[&Process], timeout: Option<Duration>, forward: Vec<i32>) -> Outcome<Option<usize>> {
    if let Some(index) = processes.iter().position(|process| process.end.get().is_some()) {
        return Ok(Some(index));
    }
    let children = processes.iter().map(|process| (process.pid.clone(), process.pidfd.clone())).collect();
    let Reply::Ended(index, end, usage) = patiently(host, Call::Wait { children, timeout, forward })? else { return Ok(None) };
    if let Some(process) = processes.get(index) {
        process.end.set(Some((end, usage)));
    }
    Ok(Some(index))
}

fn forwarded(options: &super::args::Fields) -> Outcome<Vec<i32>> {
    let mut numbers = Vec::new();
    for name in options.texts("forward") {
        if name == "kill" || name == "stop" {
            return Err(Raise::argument(format!("forward: the signal \"{name}\" cannot be caught, so it cannot be forwarded")));
        }
        numbers.extend(signal_number(&name));
    }
    Ok(numbers)
}

fn started(args: &Args) -> Outcome {
    let process = args.this::<Process>()?;
    if !process.is_planned() {
        process.listen(args.host, true)?;
        process.raise_error(args.lua)?;
    }
    Ok(Value::Nil)
}
