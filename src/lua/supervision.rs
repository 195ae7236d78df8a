//! Calls that a seccomp filter hands over: taking them, looking at them, answering them.
//!
//! These are the bare steps of seccomp_unotify(2); `require "supervise"` makes a loop of them. Their
//! arguments and examples are in `table`.

use std::cell::Cell;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::Instant;

use mlua::{Lua, Value};

use super::Host;
use super::args::Args;
use super::error::{Outcome, Raise};
use super::handle::Resource;
use super::processes::interrupted;
use super::processes::streams::Descriptor;
use super::processes::waiting;
use super::seccomp::{Line, Listener, Turn};
use super::stop_if_signalled;
use crate::kernel::supervision::Call;
use crate::sys::processes::PollSet;
use crate::sys::seccomp::names;
use crate::sys::supervision::{self, Answer, Waiting};
use crate::sys::{self, Errno, Fd, interrupt};

mod serve;
mod table;

pub use table::PRIMITIVES;

/// A call that waits for its answer. Closed without one, it is answered EPERM: nobody has allowed it.
pub struct Request {
    line: Line,
    waiting: Waiting,
    answered: Cell<bool>,
}

impl Request {
    fn name(&self) -> Rc<str> {
        name_of(&self.waiting)
    }

    fn new(line: Line, waiting: Waiting) -> Self {
        Self { line, waiting, answered: Cell::new(false) }
    }

    /// Looks at the caller, with its listener.
    fn look<T>(&self, look: impl FnOnce(BorrowedFd) -> sys::Result<T>) -> Outcome<sys::Result<T>> {
        let listener = self.line.fd()?;
        let fd = listener.get().map_err(|errno| Raise::read("ioctl(<seccomp listener>)", errno))?;
        Ok(look(fd))
    }

    /// Answers the call, once.
    fn answer(&self, host: &Host, answer: Answer) -> Outcome<()> {
        if self.answered.get() {
            return Err(Raise::state(format!("{} is answered already", self.describe())));
        }
        host.run(answer_of(self.line.fd()?, &self.waiting, answer))?;
        self.answered.set(true);
        Ok(())
    }
}

impl Resource for Request {
    fn kind(&self) -> &'static str {
        "seccomp_request"
    }

    fn describe(&self) -> String {
        format!("{} of pid {}", self.name(), self.waiting.pid)
    }

    fn fields(&self) -> &'static [&'static str] {
        &["id", "pid", "name", "number", "architecture", "pointer", "args"]
    }

    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value> {
        let number = |number: u64| Value::Integer(number.cast_signed());
        Ok(match name {
            "id" => number(self.waiting.id),
            "pid" => Value::Integer(self.waiting.pid.into()),
            "name" => Value::String(lua.create_string(&*self.name())?),
            "number" => Value::Integer(self.waiting.number.into()),
            "architecture" => match names::ARCHES.iter().find(|arch| arch.audit == self.waiting.arch) {
                Some(arch) => Value::String(lua.create_string(arch.word)?),
                None => Value::Nil,
            },
            "pointer" => number(self.waiting.pointer),
            _ => Value::Table(lua.create_sequence_from(self.waiting.args.map(u64::cast_signed))?),
        })
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        // Without the listener the kernel has answered.
        let (false, Ok(listener)) = (self.answered.replace(true), self.line.fd()) else { return Ok(()) };
        match host.run(answer_of(listener, &self.waiting, Answer::Error(Errno::EPERM))) {
            // The caller is gone, and with it the question.
            Err(failure) if failure.errno() != Some(Errno::ENOENT) => Err(failure),
            _ => Ok(()),
        }
    }
}

/// A call's name; its number where nobody knows one.
fn name_of(waiting: &Waiting) -> Rc<str> {
    names::name_of(waiting.number, waiting.arch).unwrap_or_else(|| waiting.number.to_string().into())
}

fn answer_of(listener: Fd, waiting: &Waiting, answer: Answer) -> Call {
    Call::Answer { listener, id: waiting.id, asked: (waiting.number, waiting.arch), answer }
}

fn listener(args: &Args) -> Outcome {
    let Some(descriptor) = args.handle::<Descriptor>("fd")? else { return Ok(Value::Nil) };
    let fd = descriptor.fd()?;
    if fd.get().is_ok_and(|fd| !supervision::is_listener(fd)) {
        return Err(Raise::argument(format!("fd: {fd} is no listener of a seccomp filter")));
    }
    descriptor.close(args.host)?;
    args.host.run(Call::WakeInPlace { listener: fd.clone() })?;
    args.adopt(Listener::new(fd), None)
}

/// What has come.
enum Next {
    /// A call.
    Call(Waiting),
    /// No process is left under the filter.
    Over,
    /// The one at this place of what is watched beside the listener can be read.
    Other(usize),
}

/// Waits for the next call, or for something else to happen; where both have, it is `turn`'s.
fn next(host: &Host, listener: &Fd, deadline: Option<Instant>, others: &[RawFd], turn: Turn) -> Outcome<Next> {
    let failed = |errno: Errno| Raise::read(format!("ioctl({listener}, SECCOMP_IOCTL_NOTIF_RECV)"), errno);
    let fd = listener.get().map_err(failed)?;
    let held = interrupt::Held::start(&[]).map_err(failed)?;
    loop {
        if stop_if_signalled(host) {
            return Err(interrupted());
        }
        let children = if supervision::lets_go_of_the_dead() { Vec::new() } else { waiting::running(host) };
        let pidfds = children.iter().map(|child| child.pidfd().raw()).collect::<sys::Result<Vec<_>>>().map_err(failed)?;
        let mut set = PollSet::with_capacity(1 + others.len() + pidfds.len());
        [fd.as_raw_fd()].iter().chain(others).chain(&pidfds).for_each(|number| set.push(*number, false));
        match set.wait(deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())), &held) {
            Ok(()) => {}
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(failed(errno)),
        }
        let own = set.ready().find(|(place, _)| *place == 0).map(|(_, ready)| ready);
        let other = set.ready().filter_map(|(place, _)| place.checked_sub(1)).min();
        match (own, other) {
            (None, None) => return Err(failed(Errno::ETIMEDOUT)),
            (None, Some(place)) if place >= others.len() => {
                waiting::reap_ended(host, &children)?;
                continue;
            }
            (None, Some(place)) => return Ok(Next::Other(place)),
            (Some(_), Some(place)) if place < others.len() && turn == Turn::Others => return Ok(Next::Other(place)),
            (Some(ready), _) if !ready.input => return Ok(Next::Over),
            (Some(_), _) => {}
        }
        match supervision::receive(fd) {
            // Killed between the notice and the look.
            Err(Errno::ENOENT | Errno::EINTR) => {}
            received => return received.map(Next::Call).map_err(failed),
        }
    }
}

fn deadline(args: &Args) -> Outcome<Option<Instant>> {
    Ok(args.options("options")?.duration("timeout").map(|timeout| Instant::now() + timeout))
}

fn receive(args: &Args) -> Outcome {
    let line = args.this::<Listener>()?.line();
    let listener = line.fd()?;
    if listener.is_planned() {
        return Ok(super::unknown(args.lua)?);
    }
    match next(args.host, &listener, deadline(args)?, &[], Turn::Own)? {
        Next::Call(waiting) => args.adopt(Request::new(line, waiting), None),
        Next::Over | Next::Other(_) => Ok(Value::Nil),
    }
}

fn answer(args: &Args, answer: Answer) -> Outcome {
    args.this::<Request>()?.answer(args.host, answer)?;
    Ok(Value::Nil)
}

fn add_fd(args: &Args) -> Outcome {
    let request = args.this::<Request>()?;
    let options = args.options("options")?;
    let answers = options.boolean("answer").unwrap_or(true);
    if answers && request.answered.get() {
        return Err(Raise::state(format!("{} is answered already", request.describe())));
    }
    let Some(descriptor) = args.handle::<Descriptor>("fd")? else { return Ok(Value::Nil) };
    let number = args.host.run(Call::AddFd {
        listener: request.line.fd()?,
        id: request.waiting.id,
        fd: descriptor.fd()?,
        number: options.integer("number")?,
        cloexec: options.flag("cloexec"),
        answers,
    })?;
    request.answered.set(request.answered.get() || answers);
    Ok(Value::Integer(number.number().map_err(|errno| Raise::read("ioctl(SECCOMP_IOCTL_NOTIF_ADDFD)", errno))?))
}

fn take_fd(args: &Args) -> Outcome {
    let request = args.this::<Request>()?;
    let number: i32 = args.integer("number")?.unwrap_or_default();
    let fd = request.look(|listener| supervision::take_fd(listener, &request.waiting, number))?;
    let fd = fd.map_err(|errno| looked(&request, format!("pidfd_getfd(<{}>, {number}, 0)", request.waiting.pid), errno))?;
    args.adopt(Descriptor::new(Fd::new(format!("{number} of pid {}", request.waiting.pid), fd)), None)
}

fn fd_of(args: &Args) -> Outcome {
    let process: i32 = args.integer("process")?.unwrap_or_default();
    let number: i32 = args.integer("number")?.unwrap_or_default();
    let fd = supervision::copy_fd(process, number);
    let fd = fd.map_err(|errno| Raise::read(format!("pidfd_getfd(<{process}>, {number}, 0)"), errno))?;
    args.adopt(Descriptor::new(Fd::new(format!("{number} of pid {process}"), fd)), None)
}

const MOST: u64 = 1 << 20;

fn read(args: &Args) -> Outcome {
    let request = args.this::<Request>()?;
    let length = args.size("length").unwrap_or_default();
    if length > MOST {
        return Err(Raise::argument(format!("length: {length} bytes at once are too many; up to 1M")));
    }
    let address = address(args)?;
    let bytes =
        request.look(|listener| supervision::read(listener, &request.waiting, address, usize::try_from(length).unwrap_or_default()))?;
    let bytes = bytes.map_err(|errno| looked(&request, shown(&request, address, length), errno))?;
    Ok(Value::String(args.lua.create_string(bytes)?))
}

fn write(args: &Args) -> Outcome {
    let request = args.this::<Request>()?;
    args.host.run(Call::Write {
        listener: request.line.fd()?,
        id: request.waiting.id,
        thread: request.waiting.pid,
        address: address(args)?,
        bytes: args.bytes("bytes").unwrap_or_default(),
    })?;
    Ok(Value::Nil)
}

fn text(args: &Args) -> Outcome {
    let request = args.this::<Request>()?;
    let longest = args.options("options")?.size("longest").unwrap_or(4096).min(MOST);
    let address = address(args)?;
    let bytes = request
        .look(|listener| supervision::read_text(listener, &request.waiting, address, usize::try_from(longest).unwrap_or_default()))?;
    let bytes = bytes.map_err(|errno| looked(&request, shown(&request, address, longest), errno))?;
    Ok(Value::String(args.lua.create_string(bytes)?))
}

fn waits(args: &Args) -> Outcome {
    let request = args.this::<Request>()?;
    Ok(Value::Boolean(request.look(|listener| Ok(supervision::waits(listener, request.waiting.id)))?.unwrap_or_default()))
}

fn address(args: &Args) -> Outcome<u64> {
    Ok(args.integer::<i64>("address")?.unwrap_or_default().cast_unsigned())
}

fn shown(request: &Request, address: u64, length: u64) -> String {
    format!("process_vm_readv({}, {{{address:#x}, {length}}})", request.waiting.pid)
}

/// A failed look at the caller.
fn looked(request: &Request, call: String, errno: Errno) -> Raise {
    let raise = Raise::read(call, errno);
    match errno {
        Errno::ENOENT => raise.hint(format!("{} does not wait any more: it was killed, or a signal came", request.describe())),
        Errno::EPERM | Errno::EACCES => raise.hint("the kernel lets those look who may trace the process: its parents, or CAP_SYS_PTRACE"),
        Errno::ESRCH => raise.hint("the caller is not seen in this pid namespace"),
        _ => raise,
    }
}
