//! Processes: `exec`, and the process handle. `spawn` has a file of its own.

use std::cell::{Cell, RefCell};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use mlua::{Lua, Value};

use super::args::Args;
use super::error::{self, Outcome, Raise};
use super::handle::Resource;
use super::table::{Primitive, Scope, example};
use super::types::{Param, Type, may, need};
use super::{Host, stop_if_signalled};
use crate::kernel::Reply;
use crate::kernel::processes::{Call, decode, signal_name};
use crate::sys::processes::End;
use crate::sys::{Errno, Fd, Pid, fork};

const EXEC: &[Param] = &[
    may("env", Type::Map(&Type::Text), "the whole environment; without it the caller's is passed on"),
    may("cwd", Type::Path, "the working directory"),
];

const WAIT: &[Param] = &[may("timeout", Type::Duration, "how long to wait; nil is answered when it is over")];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "exec",
        summary: "Replaces the process by a program; Lua ends here. Never a shell string: a list of arguments.",
        params: &[need("command", Type::Command(EXEC), "the program, searched in PATH, and its arguments")],
        returns: "never",
        syscalls: &["close_range(2)", "execve(2)"],
        shell: "= exec PROGRAM ARGS…",
        needs: "",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example("local child <close> = spawn(function() exec { \"true\" } end)\nassert(child:wait().code == 0)")],
        see: &["spawn", "execve(2)"],
        function: exec,
    },
    Primitive {
        name: "process:wait",
        summary: "Waits until the process has ended; an error in the child before its exec is raised here.",
        params: &[may("options", Type::Options(WAIT), "")],
        returns: "{ code, signal }: 128+n and the signal's name where a signal ended it; nil after a timeout",
        syscalls: &["waitid(2)", "poll(2)"],
        shell: "= wait PID",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example("local child <close> = spawn(function() return 3 end)\nassert(child:wait().code == 3)")],
        see: &["spawn", "pidfd_open(2)"],
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

/// A process that this one has started.
pub struct Process {
    pid: Pid,
    pidfd: Fd,
    /// Where the child reports the error that it ends with.
    channel: RefCell<Option<fork::Channel>>,
    /// The error, once it has come; raised by the first wait.
    error: RefCell<Option<serde_json::Value>>,
    end: Cell<Option<End>>,
}

impl Process {
    /// A child that has just been started; it reports through `channel`.
    pub fn new(pid: Pid, pidfd: Fd, channel: fork::Channel) -> Self {
        Self { pid, pidfd, channel: RefCell::new(Some(channel)), error: RefCell::default(), end: Cell::new(None) }
    }

    /// Whether a plan made this process.
    pub fn is_planned(&self) -> bool {
        self.pid.is_planned()
    }

    /// Lets a child start that waits for its parent.
    pub fn release(&self) -> Outcome<()> {
        match &*self.channel.borrow() {
            Some(channel) => channel.send(b"go").map_err(|errno| Raise::read("sendmsg(<child>)", errno)),
            None => Ok(()),
        }
    }

    /// Takes the child's error when there is one; waits for it or for exec when `block` is set.
    fn listen(&self, block: bool) -> Outcome<()> {
        let mut channel = self.channel.borrow_mut();
        let Some(open) = &*channel else { return Ok(()) };
        if !block {
            let ready = crate::sys::processes::readable(&[open.as_fd()], Some(Duration::ZERO));
            if ready.is_ok_and(|ready| ready.is_empty()) {
                return Ok(());
            }
        }
        let message = open.receive().map_err(|errno| Raise::read("recvmsg(<child>)", errno))?;
        *channel = None;
        if let Some(json) = message.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            self.error.replace(Some(json));
        }
        Ok(())
    }

    /// Raises the error that the child ended with: once.
    fn raise_error(&self, lua: &Lua) -> Outcome<()> {
        let Some(json) = self.error.take() else { return Ok(()) };
        Err(Raise::Object(Value::Table(error::from_json(lua, &json)?)))
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
        &["pid"]
    }

    fn field(&self, lua: &Lua, _name: &str) -> mlua::Result<Value> {
        self.pid.raw().map_or_else(|_| super::unknown(lua), |raw| Ok(Value::Integer(raw.into())))
    }

    fn lasting(&self) -> bool {
        self.end.get().is_none()
    }

    /// Kills and reaps a process that still runs. An error that nobody has waited for is printed.
    fn close(&self, host: &Host) -> Outcome<()> {
        self.listen(false)?;
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
        host.run(Call::Wait { pid: self.pid.clone(), pidfd: self.pidfd.clone(), timeout: None })?;
        Ok(())
    }
}

fn exec(args: &Args) -> Outcome {
    let command = args.texts("command");
    let options = args.options("command")?;
    let env = if options.has("env") { options.map("env") } else { std::env::vars().collect() };
    let path = env
        .iter()
        .find(|(name, _)| name == "PATH")
        .map_or("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", |(_, value)| value);
    let program = search(&command[0], path);
    args.host.run(Call::CloseOnExec { first: 3 })?;
    args.host.run(Call::Exec { program, args: command, env })?;
    // Only a plan comes here: what follows an exec never runs.
    args.host.exit.set(Some(0));
    Err(Raise::Lua(mlua::Error::runtime("exec")))
}

/// The file that a name means: as it is where it has a slash, else the first in the path.
///
/// A name that is nowhere comes back with the path's first directory, so that the kernel's own
/// ENOENT names a file.
fn search(name: &str, path: &str) -> PathBuf {
    if name.contains('/') {
        return PathBuf::from(name);
    }
    let candidates = || path.split(':').filter(|dir| dir.starts_with('/')).map(|dir| PathBuf::from(dir).join(name));
    let executable = |file: &PathBuf| nix::unistd::access(file, nix::unistd::AccessFlags::X_OK).is_ok() && !file.is_dir();
    candidates().find(executable).or_else(|| candidates().next()).unwrap_or_else(|| PathBuf::from(name))
}

fn wait(args: &Args) -> Outcome {
    let process = args.this::<Process>()?;
    let timeout = args.options("options")?.duration("timeout");
    if let Some(end) = process.end.get() {
        return result(args.lua, end);
    }
    let call = Call::Wait { pid: process.pid.clone(), pidfd: process.pidfd.clone(), timeout };
    let number = loop {
        match args.host.run(call.clone()) {
            Ok(Reply::Number(number)) => break number,
            Ok(_) => return Ok(Value::Nil),
            Err(failure) if failure.errno() == Some(Errno::EINTR) => {
                if stop_if_signalled(args.host) {
                    return Err(Raise::Lua(mlua::Error::runtime("interrupted")));
                }
            }
            Err(failure) => return Err(failure),
        }
    };
    let end = decode(number);
    process.end.set(Some(end));
    process.listen(false)?;
    process.raise_error(args.lua)?;
    if process.is_planned() {
        let table = args.lua.create_table()?;
        table.raw_set("code", super::unknown(args.lua)?)?;
        return Ok(Value::Table(table));
    }
    result(args.lua, end)
}

fn result(lua: &Lua, end: End) -> Outcome {
    let table = lua.create_table()?;
    match end {
        End::Exited(status) => table.raw_set("code", status)?,
        End::Signalled(signal, _) => {
            table.raw_set("code", 128 + signal)?;
            table.raw_set("signal", signal_name(signal).trim_start_matches("SIG"))?;
        }
    }
    Ok(Value::Table(table))
}

fn started(args: &Args) -> Outcome {
    let process = args.this::<Process>()?;
    if !process.pid.is_planned() {
        process.listen(true)?;
        process.raise_error(args.lua)?;
    }
    Ok(Value::Nil)
}
