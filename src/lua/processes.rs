//! Processes: starting, replacing, signalling and reaping them.
//!
//! A process is a handle around a pidfd, so it never turns into another process. The parts: that
//! handle (`handle`), waiting for it (`waiting`), for many things at once (`polling`), what a program is started with (`exec`), what
//! stands at 0, 1 and 2 (`streams`), a command whose output is wanted (`capture`), sessions and
//! groups (`sessions`), and what a child lets go of (`inherited`).

use std::time::Duration;

use mlua::Value;

use super::args::Args;
use super::error::{Outcome, Raise};
use super::table::{Primitive, Scope, example, example_with};
use super::types::{PID, Param, Type, may, need};
use crate::kernel::Kinds;
use crate::kernel::processes::{Call, signal_names, signal_number};
use crate::sys;

pub mod capture;
pub mod exec;
mod handle;
pub mod inherited;
pub mod polling;
pub mod sessions;
pub mod streams;
pub mod waiting;

pub use handle::{AHEAD, Process};
pub use waiting::{interrupted, patiently};

/// A signal by its name.
pub const SIGNAL_NAME: Type = Type::Name("signal", |name| signal_number(name).is_some(), signal_names);
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
        function: waiting::wait_any,
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
        function: waiting::wait,
    },
    Primitive {
        name: "process:reap",
        summary: "Waits as process:wait does, and meanwhile reaps every other child that ends: what the first process of a pid namespace owes.",
        params: &[may("options", Type::Options(WAIT), "")],
        returns: "as process:wait; a child with a handle that was reaped meanwhile still answers its own wait",
        syscalls: &["waitid(2)", "poll(2)", "signalfd(2)"],
        shell: "≈ wait PID",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["userns"],
            "-- As process 1: what others leave behind comes to it.\nlocal box <close> = spawn({ unshare = { \"user\", \"pid\" } }, function()\n  local main <close> = spawn(function() exec { \"sh\", \"-c\", \"(sleep 0 & sleep 0.1); exit 3\" } end)\n  return main:reap({ forward = { \"term\" } }).code\nend)\nassert(box:wait().code == 3)",
        )],
        see: &["process:wait", "child_subreaper", "pid_namespaces(7)"],
        function: waiting::reap,
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
        function: waiting::started,
    },
];

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
    args.host.run(Call::Signal { pid: process.pid().clone(), pidfd: process.pidfd(), signal })?;
    Ok(Value::Nil)
}

fn alive(args: &Args) -> Outcome {
    let process = args.this::<Process>()?;
    if process.is_planned() {
        return Ok(super::unknown(args.lua)?);
    }
    let pidfd = process.pidfd();
    let fd = pidfd.get().map_err(|errno| Raise::read("poll(<pidfd>)", errno))?;
    let ended = sys::processes::readable(&[fd], Some(Duration::ZERO)).map_err(|errno| Raise::read("poll(<pidfd>)", errno))?;
    Ok(Value::Boolean(ended.is_empty()))
}
