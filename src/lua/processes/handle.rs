//! A process as a handle: a pidfd, the channel that a child reports its error through, its end.

use std::cell::{Cell, RefCell};
use std::os::fd::AsFd;
use std::time::Duration;

use mlua::{Lua, Table, Value};

use super::waiting::interrupted;
use crate::kernel::processes::{Call, signal_name};
use crate::lua::error::{self, Outcome, Raise};
use crate::lua::handle::{Handle, Resource};
use crate::lua::spawn::UNHEARD;
use crate::lua::{Host, stop_if_signalled, unknown};
use crate::sys::processes::{End, Usage};
use crate::sys::{self, Errno, Fd, Pid, fork};

/// The key of a message that is sent ahead: see [`Process::ahead`].
pub const AHEAD: &str = "ahead";

/// A process: one that this program has started, or any other.
pub struct Process {
    pid: Pid,
    /// A planned one after `close`: a script may have many that Lua has not collected yet.
    pidfd: RefCell<Fd>,
    planned: bool,
    /// Whether it is a child, which is killed and reaped when the handle is closed.
    child: bool,
    /// Where the child reports the error that it ends with.
    channel: RefCell<Option<fork::Channel>>,
    /// The error, once it has come; raised by the first wait.
    error: RefCell<Option<serde_json::Value>>,
    /// What the child has said ahead, for the case that it fails and can say no more.
    ahead: RefCell<Option<serde_json::Value>>,
    /// How it has ended, and what it used; nothing while it runs.
    pub(super) end: Cell<Option<(End, Usage)>>,
    /// This side of the pipes at the child's 0, 1 and 2.
    pub(super) streams: RefCell<[Option<Handle>; 3]>,
}

impl Process {
    /// A child that has just been started; it reports through `channel`.
    pub fn new(pid: Pid, pidfd: Fd, channel: fork::Channel) -> Self {
        Self {
            pid,
            planned: pidfd.is_planned(),
            pidfd: RefCell::new(pidfd),
            child: true,
            channel: RefCell::new(Some(channel)),
            error: RefCell::default(),
            ahead: RefCell::default(),
            end: Cell::new(None),
            streams: RefCell::default(),
        }
    }

    /// A process that somebody else has started.
    pub(super) fn foreign(pid: i32, pidfd: Fd) -> Self {
        Self {
            pid: Pid::foreign(pid),
            planned: pidfd.is_planned(),
            pidfd: RefCell::new(pidfd),
            child: false,
            channel: RefCell::default(),
            error: RefCell::default(),
            ahead: RefCell::default(),
            end: Cell::new(None),
            streams: RefCell::default(),
        }
    }

    /// Whether a plan made this process.
    pub fn is_planned(&self) -> bool {
        self.planned
    }

    /// The process's number.
    pub fn pid(&self) -> &Pid {
        &self.pid
    }

    /// The descriptor that refers to the process.
    pub fn pidfd(&self) -> Fd {
        self.pidfd.borrow().clone()
    }

    /// Lets go of it. What still holds a copy may use it.
    fn let_go(&self) {
        let label = self.pidfd.borrow().label().to_owned();
        self.pidfd.replace(Fd::planned(label));
    }

    /// The number of a child that has not been reaped.
    pub(super) fn running(&self) -> Option<i32> {
        if self.child && self.end.get().is_none() { self.pid.raw().ok() } else { None }
    }

    /// Lets a child start that waits for its parent.
    pub fn release(&self) -> Outcome<()> {
        match &*self.channel.borrow() {
            Some(channel) => channel.send(b"go").map_err(|errno| Raise::read("sendmsg(<child>)", errno)),
            None => Ok(()),
        }
    }

    /// Takes the child's error when there is one; waits for it or for exec when `block` is set.
    pub(super) fn listen(&self, host: &Host, block: bool) -> Outcome<()> {
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
        let json: Option<serde_json::Value> = message.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(words) = json.as_ref().and_then(|json| json.get(AHEAD)) {
            self.ahead.replace(Some(words.clone()));
            drop(channel);
            return self.listen(host, block);
        }
        *channel = None;
        if json.is_some() {
            self.error.replace(json);
        }
        Ok(())
    }

    /// Raises the error that the child ended with: once.
    pub(super) fn raise_error(&self, lua: &Lua) -> Outcome<()> {
        let Some(json) = self.error.take() else { return Ok(()) };
        let object = error::from_json(lua, &json)?;
        // What no Lua line in the child has caused is an error of the line that waits.
        if !object.contains_key("where")? {
            object.set_metatable(None)?;
        }
        Err(Raise::Object(Value::Table(object)))
    }

    /// How the child ended, as a table; raises the error that it ended with.
    pub(super) fn result(&self, lua: &Lua, host: &Host) -> Outcome<Table> {
        self.listen(host, false)?;
        if let (Some((End::Exited(UNHEARD), _)), Some(words)) = (self.end.get(), self.ahead.take()) {
            self.error.replace(Some(words));
        }
        self.raise_error(lua)?;
        let table = lua.create_table()?;
        match self.end.get() {
            Some(_) if self.is_planned() => table.raw_set("code", unknown(lua)?)?,
            Some((end, usage)) => {
                describe_end(&table, end)?;
                table.raw_set("rusage", usage_table(lua, usage)?)?;
            }
            None => {}
        }
        Ok(table)
    }

    /// Kills and reaps a child that still runs. An error that nobody has waited for is printed.
    fn end_child(&self, host: &Host) -> Outcome<()> {
        self.listen(host, false)?;
        if let Some(json) = self.error.take() {
            let reason = json["message"].as_str().unwrap_or("unknown error");
            sys::complain(format_args!("{} failed: {reason}", self.describe()));
        }
        if self.end.get().is_some() {
            return Ok(());
        }
        let killed = host.run(Call::Signal { pid: self.pid.clone(), pidfd: self.pidfd(), signal: nix::libc::SIGKILL });
        if let Err(failure) = killed
            && failure.errno() != Some(Errno::ESRCH)
        {
            return Err(failure);
        }
        let children = vec![(self.pid.clone(), self.pidfd())];
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
            _ => return self.pid.raw().map_or_else(|_| unknown(lua), |raw| Ok(Value::Integer(raw.into()))),
        };
        match self.streams.borrow().get(place).cloned().flatten() {
            Some(handle) => Ok(Value::UserData(lua.create_userdata(handle)?)),
            None => Ok(Value::Nil),
        }
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        if self.child {
            self.end_child(host)?;
        }
        self.let_go();
        Ok(())
    }

    fn lasting(&self) -> bool {
        self.child && self.end.get().is_none()
    }
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
