//! The loop that has a function judge call after call.
//!
//! A supervised program waits for it each time, so a turn of it is two system calls and one call into
//! Lua: the next notice is waited for in the ioctl itself where the kernel ends that wait, the budget
//! of time asks no clock of what is short, and a handle of the request is made for whoever asks.

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::time::Instant;

use mlua::{Function, LuaString, Value};

use super::super::args::Args;
use super::super::budget::Turns;
use super::super::error::{Outcome, Raise};
use super::super::handle::Handle;
use super::super::processes::interrupted;
use super::super::processes::streams::Descriptor;
use super::super::seccomp::{ERRNO, Judged, Listener, Turn, errno_of};
use super::super::{Host, is_unwinding, stop_if_signalled, unknown};
use super::{Next, Request, answer_of, deadline, next};
use crate::sys::interrupt::Door;
use crate::sys::supervision::{self, Answer, Waiting};
use crate::sys::{Errno, Fd};

/// `seccomp_listener:serve`
pub fn serve(args: &Args) -> Outcome {
    let listener = args.this::<Listener>()?;
    let fd = listener.fd()?;
    let Some(judge) = args.function("judge") else { return Err(Raise::argument("judge: expected a function")) };
    if fd.is_planned() {
        return Ok(unknown(args.lua)?);
    }
    let shield: Function = args.lua.named_registry_value("crun_lua.shield")?;
    let judge: Function = shield.call(judge)?;
    let options = args.options("options")?;
    let turns = Turns::new(args.lua, args.host, options.duration("time"))?;
    let others: Vec<Handle> = options.values("others").iter().filter_map(Handle::from_value).collect();
    let numbers = others.iter().map(number_of).collect::<Outcome<_>>()?;
    let queue = Queue::new(args.host, fd, deadline(args)?, numbers)?;
    let mut names = Names::default();
    loop {
        let waiting = match queue.next(listener.turn().get())? {
            Next::Call(waiting) => waiting,
            Next::Over => return Ok(Value::Nil),
            Next::Other(place) => {
                listener.turn().set(Turn::Own);
                return Ok(Value::Table(args.lua.create_table_from([("ready", place + 1)])?));
            }
        };
        listener.turn().set(Turn::Others);
        let asked = Asked { args, listener: &listener, waiting };
        listener.judged().replace(Judged { waiting: Some(waiting), request: None });
        let name = names.of(args, &waiting)?;
        let (said, spent) = turns.run(|| judge.call::<(bool, Value, Value)>((name, waiting.pid)));
        let answered = match (spent, said) {
            (Err(raise), _) => Err(raise),
            (Ok(()), _) if is_unwinding(args.host) => {
                request_of(args.host, &listener, waiting).close(args.host)?;
                return Err(Raise::Lua(mlua::Error::runtime("the script is ending")));
            }
            (Ok(()), Ok((true, word, value))) => asked.answer(&word, &value),
            (Ok(()), Ok((false, error, _))) => Err(Raise::Object(error)),
            (Ok(()), Err(error)) => Err(Raise::Lua(error)),
        };
        // Whatever it has left is the script's from here on.
        let left = match answered {
            Ok(true) => None,
            Ok(false) => Some(asked.left(Value::Nil)?),
            Err(raise) => Some(asked.left(raise.into_object(args.lua, "seccomp_listener:serve")?)?),
        };
        listener.judged().take();
        if let Some(left) = left {
            return Ok(left);
        }
    }
}

/// The descriptor behind a handle that is watched beside the listener.
fn number_of(handle: &Handle) -> Outcome<RawFd> {
    let planned = || Raise::state(format!("{handle:?} is only planned"));
    match handle.kind() {
        "seccomp_listener" => handle.open::<Listener>()?.fd()?.raw().map_err(|_| planned()),
        _ => handle.open::<Descriptor>()?.number()?.ok_or_else(planned),
    }
}

/// `seccomp_listener:request`
pub fn request(args: &Args) -> Outcome {
    let listener = args.this::<Listener>()?;
    let Some(waiting) = listener.judged().borrow().waiting else {
        return Err(Raise::state("no call is judged at this moment").hint("ask for it in the function that serve calls"));
    };
    let request = request_of(args.host, &listener, waiting);
    Ok(Value::UserData(args.lua.create_userdata(request)?))
}

/// The handle of the call that is judged: one, however often it is asked for.
fn request_of(host: &Host, listener: &Listener, waiting: Waiting) -> Handle {
    let mut judged = listener.judged().borrow_mut();
    if let Judged { waiting: Some(other), request: Some(request) } = &*judged
        && *other == waiting
    {
        return request.clone();
    }
    // While it is judged it is not in the list of what is open: thousands would be.
    let request = host.ledger.apart(Request::new(listener.line(), waiting), None);
    *judged = Judged { waiting: Some(waiting), request: Some(request.clone()) };
    request
}

/// One call that is judged.
struct Asked<'a> {
    args: &'a Args<'a>,
    listener: &'a Listener,
    waiting: Waiting,
}

impl Asked<'_> {
    /// Its handle, if somebody has asked for it.
    fn asked_for(&self) -> Option<Handle> {
        let judged = self.listener.judged().borrow();
        judged.request.clone().filter(|_| judged.waiting == Some(self.waiting))
    }

    /// Gives the answer that the function has returned. False where there is none, and it has given
    /// none itself.
    fn answer(&self, word: &Value, value: &Value) -> Outcome<bool> {
        let request = self.asked_for();
        if word.is_nil() {
            let Some(request) = request.filter(|request| request.any::<Request>().is_ok_and(|request| request.answered.get())) else {
                return Ok(false);
            };
            request.close(self.args.host)?;
            return Ok(true);
        }
        let answer = read(word, value)?;
        match request {
            None => drop(self.args.host.run(answer_of(self.listener.fd()?, &self.waiting, answer))?),
            Some(request) => {
                request.any::<Request>()?.answer(self.args.host, answer)?;
                request.close(self.args.host)?;
            }
        }
        Ok(true)
    }

    /// What is left of it to the script.
    fn left(&self, error: Value) -> Outcome {
        let request = request_of(self.args.host, self.listener, self.waiting);
        self.args.host.ledger.enter(&request);
        let left = self.args.lua.create_table()?;
        left.raw_set("request", self.args.lua.create_userdata(request)?)?;
        left.raw_set("error", error)?;
        Ok(Value::Table(left))
    }
}

/// `"allow"`, `"errno", "EPERM"`, `"value", 0`
fn read(word: &Value, value: &Value) -> Outcome<Answer> {
    let wrong = |expected: &str| Raise::argument(format!("judge: expected it to answer {expected}"));
    let known = word.as_string().map(|word| word.as_bytes());
    match known.as_deref() {
        Some(b"allow") => Ok(Answer::Continue),
        Some(b"errno") => {
            ERRNO.check(value, "judge: errno").map_err(Raise::Argument)?;
            Ok(Answer::Error(Errno::from_raw(errno_of(value).into())))
        }
        Some(b"value") => value.as_i64().map(Answer::Value).ok_or_else(|| wrong("\"value\" and a whole number")),
        _ => Err(wrong("\"allow\", \"errno\" or \"value\"; or nothing")),
    }
}

/// The names of calls as Lua has them, each made once.
#[derive(Default)]
struct Names(HashMap<(i32, u32), LuaString>);

impl Names {
    fn of(&mut self, args: &Args, waiting: &Waiting) -> Outcome<LuaString> {
        let key = (waiting.number, waiting.arch);
        if let Some(name) = self.0.get(&key) {
            return Ok(name.clone());
        }
        let name = args.lua.create_string(&*super::name_of(waiting))?;
        self.0.insert(key, name.clone());
        Ok(name)
    }
}

/// The calls that come.
struct Queue<'a> {
    host: &'a Host,
    listener: Fd,
    deadline: Option<Instant>,
    /// What is watched as well.
    others: Vec<RawFd>,
    /// Where the wait for a call ends by itself, and neither a time is set to it nor anything else watched.
    door: Option<Door>,
}

impl<'a> Queue<'a> {
    fn new(host: &'a Host, listener: Fd, deadline: Option<Instant>, others: Vec<RawFd>) -> Outcome<Self> {
        let mut queue = Self { host, listener, deadline, others, door: None };
        if deadline.is_none() && queue.others.is_empty() && supervision::lets_go_of_the_dead() {
            let door = queue.listener.get().and_then(Door::open).map_err(|errno| queue.failed(errno))?;
            host.ledger.private(door.number());
            queue.door = Some(door);
        }
        Ok(queue)
    }

    fn failed(&self, errno: Errno) -> Raise {
        Raise::read(format!("ioctl({}, SECCOMP_IOCTL_NOTIF_RECV)", self.listener), errno)
    }

    fn next(&self, turn: Turn) -> Outcome<Next> {
        let Some(door) = &self.door else { return next(self.host, &self.listener, self.deadline, &self.others, turn) };
        let listener = self.listener.get().map_err(|errno| self.failed(errno))?;
        loop {
            if stop_if_signalled(self.host) {
                return Err(interrupted());
            }
            match supervision::receive(door.fd()) {
                Ok(waiting) => return Ok(Next::Call(waiting)),
                Err(Errno::ENOENT) if supervision::is_over(listener) => return Ok(Next::Over),
                // Killed between the notice and the look.
                Err(Errno::ENOENT) => {}
                // A signal has come, just now or since the last look.
                Err(Errno::EINTR | Errno::ENOTTY) => door.reopen(listener).map_err(|errno| self.failed(errno))?,
                Err(errno) => return Err(self.failed(errno)),
            }
        }
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        if let Some(door) = &self.door {
            self.host.ledger.not_private(door.number());
        }
    }
}
