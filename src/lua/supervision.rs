//! Calls that a seccomp filter hands over: taking them, looking at them, answering them.
//!
//! These are the bare steps of seccomp_unotify(2); `require "supervise"` makes a loop of them.

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
use super::seccomp::{ERRNO, Listener, errno_of};
use super::table::{Primitive, Scope, example_with};
use super::types::{INT, Param, Type, U32, may, need};
use super::{budget, is_unwinding, stop_if_signalled};
use crate::kernel::supervision::Call;
use crate::sys::processes::PollSet;
use crate::sys::seccomp::names;
use crate::sys::supervision::{self, Answer, Waiting};
use crate::sys::{Errno, Fd, interrupt};

const WAIT: &[Param] = &[may("timeout", Type::Duration, "ETIMEDOUT is raised when no call has come by then")];
const SERVE: &[Param] = &[
    may("time", Type::Duration, "processor time for one answer: more ends the function; no limit without it"),
    may("timeout", Type::Duration, "ETIMEDOUT is raised when it is over"),
];
const ADD: &[Param] = &[
    may("number", U32, "its number there; the lowest that is free without it. What stands at a given number is closed"),
    may("cloexec", Type::Boolean, "whether exec closes it there (default false)"),
    may("answer", Type::Boolean, "whether the call has the number as its result (default true)"),
];
const LONGEST: Param = may("longest", Type::Size, "how many bytes at most (default 4096, PATH_MAX); ENAMETOOLONG is raised for more");

/// What every example begins with: a child whose mkdir is judged here.
macro_rules! supervised {
    ($rest:literal) => {
        concat!(
            "local pair = socket_pair()\n",
            "local ours <close>, theirs = pair[1], pair[2]\n",
            "local child <close> = spawn(function()\n",
            "  local listener = seccomp { default = \"allow\", notify = { \"mkdir\", \"mkdirat\" } }\n",
            "  theirs:send(\"x\", { fds = { listener } })\n",
            "  return pcall(mkdir, \"/tmp/crun-lua-example-supervised\") and 0 or 1\n",
            "end)\n",
            "local listener <close> = seccomp_listener(ours:receive().fds[1])\n",
            "local request <close> = listener:receive { timeout = \"5s\" }\n",
            $rest
        )
    };
}

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "seccomp_listener",
        summary: "The listener of a filter from a descriptor that another process has sent.",
        params: &[need("fd", Type::Handle("fd"), "as fd:receive gives it; the listener has it from then on")],
        returns: "seccomp_listener",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(&["live"], supervised!("request:errno(\"EROFS\")\nassert(child:wait().code == 1)"))],
        see: &["seccomp", "seccomp_listener:receive", "fd:receive"],
        function: listener,
    },
    Primitive {
        name: "seccomp_listener:receive",
        summary: "Waits for the next call that the filter hands over. Its caller sleeps until it is answered.",
        params: &[may("options", Type::Options(WAIT), "")],
        returns: "seccomp_request { id, pid, name, number, architecture, pointer, args }, args as the six registers hold them; nil when no process is left under the filter",
        syscalls: &["ioctl(2)", "poll(2)"],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: false,
        examples: &[example_with(&["live"], supervised!("assert(request.name:find(\"mkdir\"))\nrequest:errno(\"EROFS\")\nchild:wait()"))],
        see: &["seccomp_request:allow", "seccomp_request:errno", "seccomp_unotify(2)"],
        function: receive,
    },
    Primitive {
        name: "seccomp_listener:serve",
        summary: "Has a function answer call after call, until no process is left under the filter.",
        params: &[need("judge", Type::Function, "gets each seccomp_request and answers it"), may("options", Type::Options(SERVE), "")],
        returns: "nil at the end; { request, error } where the function has left a request without an answer, or has failed: the loop stops there, and is called again",
        syscalls: &["ioctl(2)", "poll(2)", "clock_gettime(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["live"],
            supervised!("request:errno(\"EROFS\")\nassert(listener:serve(function(next) next:allow() end) == nil)\nchild:wait()"),
        )],
        see: &["seccomp_listener:receive", "budget"],
        function: serve,
    },
    Primitive {
        name: "seccomp_request:allow",
        summary: "Lets the kernel make the call, with what the caller's memory holds by then.",
        params: &[],
        returns: "nothing",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "Linux 5.5. The caller can change its memory after it was looked at: to forbid something, answer an error instead of allowing what looks harmless",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["live"],
            supervised!(
                "request:allow()\nassert(child:wait().code == 0)\nremove(\"/tmp/crun-lua-example-supervised\", { directory = true })"
            ),
        )],
        see: &["seccomp_request:errno", "seccomp_unotify(2)"],
        function: |args| answer(args, Answer::Continue),
    },
    Primitive {
        name: "seccomp_request:errno",
        summary: "Answers the call with an error; it is not made.",
        params: &[need("error", ERRNO, "`\"EPERM\"`")],
        returns: "nothing",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(&["live"], supervised!("request:errno(\"EROFS\")\nassert(child:wait().code == 1)"))],
        see: &["seccomp_request:value"],
        function: |args| answer(args, Answer::Error(Errno::from_raw(errno_of(args.value("error")).into()))),
    },
    Primitive {
        name: "seccomp_request:value",
        summary: "Answers the call with a result; it is not made.",
        params: &[need("value", INT, "what the call answers")],
        returns: "nothing",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["live"],
            supervised!("request:value(0)\nassert(child:wait().code == 0)\nassert(not try(stat, \"/tmp/crun-lua-example-supervised\"))"),
        )],
        see: &["seccomp_request:errno"],
        function: |args| answer(args, Answer::Value(args.integer("value")?.unwrap_or_default())),
    },
    Primitive {
        name: "seccomp_request:add_fd",
        summary: "Gives the caller a copy of a descriptor, most often as the result of its call.",
        params: &[need("fd", Type::Handle("fd"), "what it gets"), may("options", Type::Options(ADD), "")],
        returns: "the number there",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "Linux 5.9; 5.14 for the answer in the same step",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["live", "program:python3"],
            "local pair = socket_pair()\nlocal ours <close>, theirs = pair[1], pair[2]\nlocal child <close> = spawn(function()\n  local listener = seccomp { default = \"allow\", notify = { \"memfd_create\" } }\n  theirs:send(\"x\", { fds = { listener } })\n  exec { \"python3\", \"-c\", \"import os; print(os.read(os.memfd_create('x'), 5) == b'hello')\" }\nend)\nlocal listener <close> = seccomp_listener(ours:receive().fds[1])\nlocal request <close> = listener:receive { timeout = \"5s\" }\nlocal p = pipe()\np.write:write(\"hello\")\nassert(request:add_fd(p.read) >= 3)\nassert(child:wait().code == 0)",
        )],
        see: &["seccomp_request:take_fd"],
        function: add_fd,
    },
    Primitive {
        name: "seccomp_request:take_fd",
        summary: "A copy of a descriptor of the caller's.",
        params: &[need("number", U32, "its number there")],
        returns: "fd",
        syscalls: &["pidfd_open(2)", "pidfd_getfd(2)", "ioctl(2)"],
        shell: "",
        needs: "Linux 5.6, and the right to trace the caller (ptrace(2))",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(
            &["live"],
            supervised!("local output <close> = request:take_fd(2)\nassert(output.number > 2)\nrequest:errno(\"EROFS\")\nchild:wait()"),
        )],
        see: &["seccomp_request:add_fd"],
        function: take_fd,
    },
    Primitive {
        name: "seccomp_request:read",
        summary: "Copies memory of the caller, as far as it is there.",
        params: &[need("address", INT, "as an argument holds it"), need("length", Type::Size, "up to 1M")],
        returns: "string, shorter where memory ends; ENOENT is raised where the call does not wait any more",
        syscalls: &["process_vm_readv(2)", "ioctl(2)"],
        shell: "",
        needs: "the right to trace the caller (ptrace(2))",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(
            &["live"],
            supervised!(
                "local path = request.args[request.name == \"mkdir\" and 1 or 2]\nassert(request:read(path, 4) == \"/tmp\")\nrequest:errno(\"EROFS\")\nchild:wait()"
            ),
        )],
        see: &["seccomp_request:text"],
        function: read,
    },
    Primitive {
        name: "seccomp_request:text",
        summary: "Copies a text that ends with a NUL from the caller's memory: a path.",
        params: &[need("address", INT, "as an argument holds it"), may("options", Type::Options(&[LONGEST]), "")],
        returns: "string",
        syscalls: &["process_vm_readv(2)", "ioctl(2)"],
        shell: "",
        needs: "the right to trace the caller (ptrace(2))",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(
            &["live"],
            supervised!(
                "local path = request.args[request.name == \"mkdir\" and 1 or 2]\nassert(request:text(path) == \"/tmp/crun-lua-example-supervised\")\nrequest:errno(\"EROFS\")\nchild:wait()"
            ),
        )],
        see: &["seccomp_request:read"],
        function: text,
    },
    Primitive {
        name: "seccomp_request:write",
        summary: "Writes into the caller's memory, where the call would have left its result.",
        params: &[need("address", INT, "as an argument holds it"), need("bytes", Type::Bytes, "all of it is written")],
        returns: "nothing",
        syscalls: &["process_vm_writev(2)", "ioctl(2)"],
        shell: "",
        needs: "the right to trace the caller (ptrace(2))",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["live", "program:python3"],
            "local pair = socket_pair()\nlocal child <close> = spawn(function()\n  local listener = seccomp { default = \"allow\", notify = { \"getcwd\" } }\n  pair[2]:send(\"x\", { fds = { listener } })\n  exec { \"python3\", \"-c\", \"import os, sys; sys.exit(os.getcwd() != '/moon')\" }\nend)\nlocal listener <close> = seccomp_listener(pair[1]:receive().fds[1])\npair[2]:close()\nwhile true do\n  local request = listener:receive()\n  if not request then break end\n  request:write(request.args[1], \"/moon\\0\")\n  request:value(6)\nend\nassert(child:wait().code == 0)",
        )],
        see: &["seccomp_request:read", "seccomp_request:value"],
        function: write,
    },
    Primitive {
        name: "seccomp_request:waits",
        summary: "Whether the caller still waits for the answer: it may have been killed, or a signal may have ended its call.",
        params: &[],
        returns: "boolean",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(
            &["live"],
            supervised!("assert(request:waits())\nrequest:errno(\"EROFS\")\nassert(not request:waits())\nchild:wait()"),
        )],
        see: &["seccomp_listener:receive"],
        function: waits,
    },
];

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
