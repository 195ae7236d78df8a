//! `spawn`: one `clone3`, and Lua in the child.
//!
//! The heart of the language: a container is a Lua function that runs inside its own namespaces
//! until it calls `exec`. It is sound because this program has one thread at every fork.

use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Value};

use super::Host;
use super::args::Args;
use super::error::{self, Outcome, Raise, unexpected};
use super::processes::Process;
use super::processes::streams::{self, Setup};
use super::table::{Primitive, Scope, example, example_with};
use super::types::{Param, Type, may, need};
use crate::kernel::processes::Call;
use crate::kernel::{KINDS, Kinds, Reply};
use crate::sys::{Errno, fork};

/// The words for kinds of namespaces.
pub const KIND_WORDS: &[&str] = &["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

const SPAWN: &[Param] = &[
    may("unshare", Type::List(&Type::Word(KIND_WORDS)), "namespaces that the child gets of its own"),
    may("parent", Type::Function, "called in the parent with the process before the child's function starts"),
    streams::STDIN,
    streams::STDOUT,
    streams::STDERR,
    streams::PROCESS_GROUP,
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[Primitive {
    name: "spawn",
    summary: "Starts a child in new namespaces and runs a Lua function in it, until it ends or calls exec.",
    params: &[
        may("options", Type::Options(SPAWN), ""),
        need("body", Type::Function, "runs in the child; a number that it returns is the exit status"),
    ],
    returns: "process",
    syscalls: &["clone3(2)"],
    shell: "≈ unshare --fork … sh -c …",
    needs: "CAP_SYS_ADMIN for namespaces other than user",
    scope: Scope::Children,
    reversible: true,
    examples: &[
        example("local child <close> = spawn(function() return 7 end)\nassert(child:wait().code == 7)"),
        example_with(
            &["root"],
            "local child <close> = spawn({ unshare = { \"pid\", \"uts\" } }, function()\n  sethostname(\"box\")\nend)\nassert(child:wait().code == 0)",
        ),
    ],
    see: &["exec", "process:wait", "clone(2)", "namespaces(7)"],
    function: spawn,
}];

fn kinds(words: &[String]) -> Kinds {
    words.iter().filter_map(|word| Kinds::from_word(word)).collect()
}

/// Starts a child; `options` may be absent (`fork`).
pub fn spawn(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let Some(body) = args.function("body") else { return Err(Raise::argument("body: expected a function")) };
    let parent = options.function("parent");
    let kinds = kinds(&options.texts("unshare"));
    let (ours, theirs) = fork::Channel::pair().map_err(|errno| Raise::read("socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC)", errno))?;
    let name = args.host.next_child();
    let setup = Setup::prepare(args.host, &name, &options)?;
    let call = Call::Clone { child: name.clone(), kinds, cgroup: None };
    match args.host.run(call.clone())? {
        Reply::Child => {
            drop(ours);
            child(args.lua, args.host, &name, kinds, theirs, parent.is_some(), setup, &body)
        }
        Reply::Process(pid, pidfd) => {
            drop(theirs);
            let planned = pid.is_planned();
            let handle = args.host.ledger.adopt(Process::new(pid, pidfd, ours), None);
            if planned {
                args.host.kernel.enter_child(&name, true);
                setup.enter(args.host)?;
                args.host.kernel.enter_child(&name, false);
            }
            setup.attend(args.host, &*handle.open::<Process>()?)?;
            let value = Value::UserData(args.lua.create_userdata(handle.clone())?);
            if let Some(parent) = parent {
                // A callback that fails takes the waiting child with it.
                if let Err(error) = parent.call::<()>(value.clone()) {
                    handle.close(args.host)?;
                    return Err(error.into());
                }
                if !planned {
                    handle.open::<Process>()?.release()?;
                }
            }
            if planned {
                plan_child(args, &name, kinds, &body)?;
            }
            Ok(value)
        }
        _ => Err(unexpected(&call.into(), Errno::EPROTO)),
    }
}

/// The child's whole life in Lua. The parent's handles are not its own; its end is `_exit`.
fn child(lua: &Lua, host: &Rc<Host>, name: &str, kinds: Kinds, channel: fork::Channel, waits: bool, setup: Setup, body: &Function) -> ! {
    host.kernel.enter_child(name, true);
    host.guard.leave(kinds);
    host.journal.forget();
    if waits && !matches!(channel.receive(), Ok(Some(_))) {
        // The parent has failed or died before it let this child start.
        fork::exit_now(1);
    }
    host.report.replace(Some(channel));
    let entered = setup.enter(host);
    // This side of its own pipes is the parent's.
    drop(setup);
    let status = match entered.and_then(|()| super::protect(lua, host, body, MultiValue::new())) {
        Ok(status) => status,
        Err(failure) => {
            report(lua, host, failure);
            1
        }
    };
    let failures = host.ledger.close_all(host);
    let status = if failures.is_empty() { status } else { status.max(1) };
    for failure in failures {
        report(lua, host, failure);
    }
    fork::exit_now(host.stopped.get().map_or(status, |signal| 128 + signal))
}

/// Sends the error that this child ends with to its parent.
fn report(lua: &Lua, host: &Host, failure: Raise) {
    let Ok(Value::Table(object)) = failure.into_object(lua, "spawn") else { return };
    let json = error::to_json(&object).to_string();
    let sent = host.report.borrow().as_ref().map(|channel| channel.send(json.as_bytes()));
    if !matches!(sent, Some(Ok(()))) {
        eprintln!("crun-lua: {}", Value::Table(object).to_string().unwrap_or_default());
    }
}

/// In a plan the child's function runs here, so that its calls are remembered too.
fn plan_child(args: &Args, name: &str, kinds: Kinds, body: &Function) -> Outcome<()> {
    let left = args.host.guard.left();
    args.host.kernel.enter_child(name, true);
    args.host.guard.leave(kinds);
    let result = super::protect(args.lua, args.host, body, MultiValue::new());
    args.host.guard.restore(left);
    args.host.kernel.enter_child(name, false);
    result.map(drop)
}

const _: () = assert!(KIND_WORDS.len() == KINDS.len());
