//! A command whose output is wanted: started without Lua in the child, read without a deadlock.

use std::rc::Rc;
use std::time::{Duration, Instant};

use mlua::{Lua, Value};

use super::super::Host;
use super::super::args::{Args, Fields};
use super::super::error::{self, Outcome, Raise, unexpected};
use super::super::handle::Handle;
use super::super::table::{Primitive, Scope, example};
use super::super::types::{Param, Type, may, need};
use super::super::{stop_if_signalled, unknown};
use super::exec::{CWD, ENV, Program};
use super::streams::{Descriptor, Setup};
use super::{Process, interrupted, patiently};
use crate::kernel::processes::Call;
use crate::kernel::{Kinds, Reply};
use crate::sys::{self, Errno, Fd, fork};

const INPUT: Param = may("stdin", Type::Bytes, "what the command reads; nothing without it");
const TIMEOUT: Param = may("timeout", Type::Duration, "the command is killed when it is over, and `timed_out` is set");
const MAX: Param = may("max", Type::Size, "\"1M\": a longer output is cut, the command killed, and `truncated` set");
const OUTPUT: &[Param] = &[INPUT, TIMEOUT, MAX];
const CAPTURE: &[Param] = &[INPUT, TIMEOUT, MAX, ENV, CWD];

/// The primitives of this part.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "capture",
        summary: "Runs a command to its end and answers what it has written.",
        params: &[need("command", Type::Command(&[]), "as exec takes it"), may("options", Type::Options(CAPTURE), "")],
        returns: "{ code, signal, stdout, stderr, timed_out, truncated, … }, as process:wait answers it",
        syscalls: &["pipe2(2)", "clone3(2)", "execve(2)", "poll(2)", "waitid(2)"],
        shell: "≈ out=$(COMMAND 2>err)",
        needs: "",
        scope: Scope::Children,
        reversible: true,
        examples: &[example(
            "local result = capture({ \"tr\", \"a-z\", \"A-Z\" }, { stdin = \"hello\" })\nassert(result.stdout == \"HELLO\")",
        )],
        see: &["process:output", "exec"],
        function: capture,
    },
    Primitive {
        name: "process:output",
        summary: "Feeds a child's pipes and reads them until it has ended; for spawn with stdout = \"pipe\".",
        params: &[may("options", Type::Options(OUTPUT), "")],
        returns: "as capture",
        syscalls: &["poll(2)", "read(2)", "write(2)", "waitid(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example(
            "local child <close> = spawn({ stdout = \"pipe\" }, function() exec { \"echo\", \"hello\" } end)\nassert(child:output().stdout == \"hello\\n\")",
        )],
        see: &["capture", "spawn"],
        function: output,
    },
];

fn capture(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let program = Program::take(args.value("command"), &options)?;
    let host = args.host;
    let (ours, theirs) = fork::Channel::pair().map_err(|errno| Raise::read("socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC)", errno))?;
    let name = host.next_child();
    let setup = Setup::captured(host, &name, options.has("stdin"))?;
    let call = Call::Clone { child: name.clone(), kinds: Kinds::empty(), cgroup: None };
    let handle = match host.run(call.clone())? {
        Reply::Child => {
            drop(ours);
            child(args.lua, host, &name, &theirs, &setup, &program)
        }
        Reply::Process(pid, pidfd) => host.ledger.adopt(Process::new(pid, pidfd, ours), None),
        _ => return Err(unexpected(&call.into(), Errno::EPROTO)),
    };
    drop(theirs);
    let process = handle.open::<Process>()?;
    if process.is_planned() {
        host.kernel.enter_child(&name, true);
        setup.enter(host)?;
        program.exec(host);
        host.exit.set(None);
        host.kernel.enter_child(&name, false);
    }
    setup.attend(host, &process)?;
    let result = collect(args, &process, &options);
    // The child is gone, or is taken along by the failure.
    handle.close(host)?;
    host.ledger.sweep();
    result
}

/// The child's whole life: the streams, the program. A failure goes to the parent.
fn child(lua: &Lua, host: &Rc<Host>, name: &str, channel: &fork::Channel, setup: &Setup, program: &Program) -> ! {
    let _here = fork::NoReturn;
    host.kernel.enter_child(name, true);
    host.journal.forget();
    host.ledger.forked();
    let failure = match setup.enter(host) {
        Ok(()) => program.exec(host),
        Err(failure) => failure,
    };
    if let Ok(Value::Table(object)) = failure.into_object(lua, "capture") {
        let _ = channel.send(error::to_json(&object).to_string().as_bytes());
    }
    host.kernel.end();
    fork::exit_now(127)
}

fn output(args: &Args) -> Outcome {
    let process = args.this::<Process>()?;
    let options = args.options("options")?;
    if options.has("stdin") && process.streams.borrow().first().is_none_or(Option::is_none) {
        return Err(Raise::argument("stdin: the process was not started with stdin = \"pipe\""));
    }
    collect(args, &process, &options)
}

/// Reads both outputs to the end of the child, within the limits, and reaps it.
fn collect(args: &Args, process: &Process, options: &Fields) -> Outcome {
    let host = args.host;
    let timeout = options.duration("timeout");
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let limit = options.size("max").map_or(1 << 20, |max| usize::try_from(max).unwrap_or(usize::MAX));
    let text = options.bytes("stdin").unwrap_or_default();
    let [input, stdout, stderr] = process.streams.take().map(|handle| handle.map(|handle| taken(&handle, host)));
    let (input, stdout, stderr) = (input.transpose()?, stdout.transpose()?, stderr.transpose()?);
    let mut exchanged = sys::processes::Exchanged::default();
    if !process.is_planned() {
        let failed = |errno: Errno| {
            if errno == Errno::EINTR && stop_if_signalled(host) { interrupted() } else { Raise::read("poll(<pipes>)", errno) }
        };
        let pidfd = process.pidfd();
        let pidfd = pidfd.get().map_err(failed)?;
        exchanged = sys::processes::exchange(pidfd, input, &text, [stdout, stderr], limit, timeout).map_err(failed)?;
    }
    if exchanged.over || exchanged.late {
        kill(host, process)?;
    }
    let left = |late: bool| if late { None } else { deadline.map(|end| end.saturating_duration_since(Instant::now())) };
    if !reaped(host, process, left(exchanged.over || exchanged.late))? {
        exchanged.late = true;
        kill(host, process)?;
        reaped(host, process, None)?;
    }
    let table = process.result(args.lua, args.host)?;
    if process.is_planned() {
        table.raw_set("stdout", unknown(args.lua)?)?;
        table.raw_set("stderr", unknown(args.lua)?)?;
        return Ok(Value::Table(table));
    }
    let [stdout, stderr] = exchanged.outputs;
    table.raw_set("stdout", args.lua.create_string(stdout)?)?;
    table.raw_set("stderr", args.lua.create_string(stderr)?)?;
    table.raw_set("timed_out", exchanged.late)?;
    table.raw_set("truncated", exchanged.over)?;
    Ok(Value::Table(table))
}

/// The descriptor out of a handle, which is closed by this.
fn taken(handle: &Handle, host: &Host) -> Outcome<Fd> {
    let fd = handle.open::<Descriptor>()?.fd()?;
    handle.close(host)?;
    Ok(fd)
}

fn kill(host: &Host, process: &Process) -> Outcome<()> {
    let call = Call::Signal { pid: process.pid().clone(), pidfd: process.pidfd(), signal: nix::libc::SIGKILL };
    match host.run(call) {
        Err(failure) if failure.errno() != Some(Errno::ESRCH) => Err(failure),
        _ => Ok(()),
    }
}

/// Reaps the child; whether it has ended in time.
fn reaped(host: &Host, process: &Process, timeout: Option<Duration>) -> Outcome<bool> {
    if process.end.get().is_some() {
        return Ok(true);
    }
    let children = vec![(process.pid().clone(), process.pidfd())];
    let Reply::Ended(_, end, usage) = patiently(host, Call::Wait { children, timeout, forward: Vec::new() })? else { return Ok(false) };
    process.end.set(Some((end, usage)));
    Ok(true)
}
