//! Calls that a seccomp filter hands over: taking them, looking at them, answering them.
//!
//! These are the bare steps of seccomp_unotify(2); `require "supervise"` makes a loop of them. Their
//! arguments and examples are in `table`.

use std::cell::Cell;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::rc::Rc;
use std::time::Instant;

use mlua::{Lua, MultiValue, Value};

use super::Host;
use super::args::Args;
use super::error::{Outcome, Raise};
use super::handle::Resource;
use super::processes::interrupted;
use super::processes::streams::Descriptor;
use super::seccomp::Listener;
use super::{budget, is_unwinding, stop_if_signalled};
use crate::kernel::supervision::Call;
use crate::sys::processes::PollSet;
use crate::sys::seccomp::names;
use crate::sys::supervision::{self, Answer, Waiting};
use crate::sys::{Errno, Fd, interrupt};

mod table;

pub use table::PRIMITIVES;

/// A call that waits for its answer. Closed without one, it is answered EPERM: nobody has allowed it.
pub struct Request {
    listener: Fd,
    waiting: Waiting,
    answered: Cell<bool>,
}

impl Request {
    fn name(&self) -> Rc<str> {
        names::name_of(self.waiting.number, self.waiting.arch).unwrap_or_else(|| self.waiting.number.to_string().into())
    }

    fn answer(&self, answer: Answer) -> Call {
        let asked = (self.waiting.number, self.waiting.arch);
        Call::Answer { listener: self.listener.clone(), id: self.waiting.id, asked, answer }
    }

    fn listener(&self) -> Outcome<BorrowedFd<'_>> {
        self.listener.get().map_err(|errno| Raise::read("ioctl(<seccomp listener>)", errno))
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
        if self.answered.replace(true) {
            return Ok(());
        }
        match host.run(self.answer(Answer::Error(Errno::EPERM))) {
            // The caller is gone, and with it the question.
            Err(failure) if failure.errno() != Some(Errno::ENOENT) => Err(failure),
            _ => Ok(()),
        }
    }
}

fn listener(args: &Args) -> Outcome {
    let Some(descriptor) = args.handle::<Descriptor>("fd")? else { return Ok(Value::Nil) };
    let fd = descriptor.fd()?;
    descriptor.close(args.host)?;
    args.host.run(Call::WakeInPlace { listener: fd.clone() })?;
    args.adopt(Listener::new(fd), None)
}

/// The next call; none when no process is left under the filter.
fn next(args: &Args, listener: &Fd, deadline: Option<Instant>) -> Outcome<Option<Waiting>> {
    let failed = |errno: Errno| Raise::read(format!("ioctl({listener}, SECCOMP_IOCTL_NOTIF_RECV)"), errno);
    let fd = listener.get().map_err(failed)?;
    let mut set = PollSet::with_capacity(1);
    set.push(fd.as_raw_fd(), false);
    let held = interrupt::Held::start(&[]).map_err(failed)?;
    loop {
        if stop_if_signalled(args.host) {
            return Err(interrupted());
        }
        match set.wait(deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())), &held) {
            Ok(()) => {}
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(failed(errno)),
        }
        match set.ready().next() {
            None => return Err(failed(Errno::ETIMEDOUT)),
            Some((_, ready)) if !ready.input => return Ok(None),
            Some(_) => {}
        }
        match supervision::receive(fd) {
            // Killed between the notice and the look.
            Err(Errno::ENOENT | Errno::EINTR) => {}
            received => return received.map(Some).map_err(failed),
        }
    }
}

fn deadline(args: &Args) -> Outcome<Option<Instant>> {
    Ok(args.options("options")?.duration("timeout").map(|timeout| Instant::now() + timeout))
}

fn receive(args: &Args) -> Outcome {
    let listener = args.this::<Listener>()?.fd()?;
    if listener.is_planned() {
        return Ok(super::unknown(args.lua)?);
    }
    match next(args, &listener, deadline(args)?)? {
        Some(waiting) => args.adopt(Request { listener, waiting, answered: Cell::new(false) }, None),
        None => Ok(Value::Nil),
    }
}

fn serve(args: &Args) -> Outcome {
    let listener = args.this::<Listener>()?.fd()?;
    let Some(judge) = args.function("judge") else { return Err(Raise::argument("judge: expected a function")) };
    let time = args.options("options")?.duration("time");
    let deadline = deadline(args)?;
    if listener.is_planned() {
        return Ok(super::unknown(args.lua)?);
    }
    while let Some(waiting) = next(args, &listener, deadline)? {
        let handle = args.host.ledger.apart(Request { listener: listener.clone(), waiting, answered: Cell::new(false) }, None);
        let value = Value::UserData(args.lua.create_userdata(handle.clone())?);
        let judged = budget::within(args.lua, args.host, (time, None), &judge, MultiValue::from_vec(vec![value.clone()]));
        // Whatever it has left is the script's from here on.
        let error = match judged {
            Ok(_) if handle.any::<Request>()?.answered.get() => {
                handle.close(args.host)?;
                continue;
            }
            Ok(_) => Value::Nil,
            Err(raise) if is_unwinding(args.host) => {
                handle.close(args.host)?;
                return Err(raise);
            }
            Err(raise) => raise.into_object(args.lua, "seccomp_listener:serve")?,
        };
        args.host.ledger.enter(&handle);
        let left = args.lua.create_table()?;
        left.raw_set("request", value)?;
        left.raw_set("error", error)?;
        return Ok(Value::Table(left));
    }
    Ok(Value::Nil)
}

fn answer(args: &Args, answer: Answer) -> Outcome {
    let request = args.this::<Request>()?;
    if request.answered.get() {
        return Err(Raise::state(format!("{} is answered already", request.describe())));
    }
    args.host.run(request.answer(answer))?;
    request.answered.set(true);
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
        listener: request.listener.clone(),
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
    let fd = supervision::take_fd(request.listener()?, &request.waiting, number);
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
    let bytes = supervision::read(request.listener()?, &request.waiting, address, usize::try_from(length).unwrap_or_default());
    let bytes = bytes.map_err(|errno| looked(&request, shown(&request, address, length), errno))?;
    Ok(Value::String(args.lua.create_string(bytes)?))
}

fn write(args: &Args) -> Outcome {
    let request = args.this::<Request>()?;
    args.host.run(Call::Write {
        listener: request.listener.clone(),
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
    let bytes = supervision::read_text(request.listener()?, &request.waiting, address, usize::try_from(longest).unwrap_or_default());
    let bytes = bytes.map_err(|errno| looked(&request, shown(&request, address, longest), errno))?;
    Ok(Value::String(args.lua.create_string(bytes)?))
}

fn waits(args: &Args) -> Outcome {
    let request = args.this::<Request>()?;
    Ok(Value::Boolean(supervision::waits(request.listener()?, request.waiting.id)))
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
