//! The process in between: it joins namespaces and then starts the child in them.
//!
//! Two kinds cannot be joined by the child itself. A pid namespace is entered by the processes
//! that its joiner starts, never by the joiner. And namespaces that the child gets of its own
//! belong to the user namespace in which the clone was made, so a user namespace that is joined
//! has to be joined before. The parent could do both and go back, but without rights it cannot
//! return, and with them a failure in between would leave it elsewhere. So a short-lived child
//! joins, and its clone has `CLONE_PARENT`: the new process is a child of the script all the same,
//! and an ordinary one for `wait`.

use mlua::{Function, Value};

use super::super::args::Args;
use super::super::error::{self, Outcome, Raise, unexpected};
use super::super::processes::streams::Setup;
use super::super::{Host, namespaces as ns};
use super::{Start, child};
use crate::kernel::{Kinds, Reply, attributes, processes, spawn};
use crate::sys::{Errno, Fd, Pid, fork};

/// What the process in between is called in plans and traces.
pub fn name(start: &Start) -> String {
    format!("door of {}", start.name)
}

type Pair = (fork::Channel, fork::Channel);

/// The child, and what the parent goes on with.
type Started = (Pid, Fd, fork::Channel, Setup);

/// Enters the namespaces that are to be joined, in their order.
pub fn join(host: &Host, start: &Start) -> Outcome<()> {
    start.join.iter().try_for_each(|opened| ns::enter(host, opened))
}

/// Starts the child through a process in between; `ours` and `theirs` are the channel between
/// this process, which gets its side back, and the child.
pub fn start(args: &Args, start: &Start, (ours, theirs): Pair, setup: Setup, body: &Function) -> Outcome<Started> {
    let host = args.host;
    let (answers, answer) = ns::channel()?;
    let cgroup = if start.door_enters() { start.group() } else { None };
    #[allow(clippy::single_match_else)] // Two processes go on from here: one arm each.
    match host.run(processes::Call::Clone { child: name(start), kinds: Kinds::empty(), cgroup })? {
        Reply::Process(pid, pidfd) => {
            drop((theirs, answer));
            let received = if pid.is_planned() { plan(host, start).map(|()| None) } else { receive(args, &answers).map(Some) };
            let reaped = host.run(spawn::Call::Reap { pidfd });
            let number = received?;
            let opened = reaped.and_then(|_| open(host, start, number));
            if let (Err(_), Some(number)) = (&opened, number) {
                // Nobody else knows of it. One that is not collected would keep the first process of
                // its pid namespace from ending, and with it whoever waits for that one.
                crate::sys::spawn::end(number);
            }
            opened.map(|(pid, pidfd)| (pid, pidfd, ours, setup))
        }
        _ => {
            let _here = fork::NoReturn;
            drop(answers);
            host.kernel.enter_child(&name(start), true);
            let message = match pass(host, start) {
                Ok(Reply::Child) => {
                    drop((ours, answer));
                    child::live(args.lua, host, start, theirs, setup, body)
                }
                Ok(Reply::Process(pid, _)) => pid.raw().map(serde_json::Value::from).ok(),
                Ok(_) => child::to_message(args.lua, unexpected(&sibling(start).into(), Errno::EPROTO)),
                Err(failure) => child::to_message(args.lua, failure),
            };
            let sent = answer.send(message.unwrap_or_default().to_string().as_bytes());
            host.kernel.end();
            fork::exit_now(i32::from(sent.is_err()))
        }
    }
}

/// A descriptor of the child that has this number.
fn open(host: &Host, start: &Start, number: Option<i32>) -> Outcome<(Pid, Fd)> {
    let pid = Pid::child(number, &start.name);
    let call = spawn::Call::OpenProcess { pid: pid.clone() };
    let pidfd = host.run(call.clone())?.fd().map_err(|errno| unexpected(&call.into(), errno))?;
    Ok((pid, pidfd))
}

/// Nobody in the namespaces that are joined may look into this process or its child before it has
/// called exec, which makes it visible again: its memory and its descriptors are the host's
/// (CVE-2016-9962). A child whose ids the parent still has to write stays as it is: the files for
/// that would be root's.
fn unseen(host: &Host, start: &Start) -> Outcome<()> {
    if start.maps.is_none() {
        host.run(attributes::Call::Dumpable { on: false })?;
    }
    Ok(())
}

fn sibling(start: &Start) -> spawn::Call {
    let cgroup = if start.door_enters() { None } else { start.group() };
    spawn::Call::CloneSibling { child: start.name.clone(), kinds: start.cloned(), cgroup }
}

/// What the process in between does: the cgroup comes first, see [`Start::door_enters`].
fn pass(host: &Host, start: &Start) -> Outcome<Reply> {
    unseen(host, start)?;
    if let Some(group) = start.cgroup.as_ref().filter(|_| start.door_enters()) {
        group.enter(host)?;
    }
    join(host, start)?;
    host.run(sibling(start))
}

/// The child's number, or the error that the process in between ended with.
fn receive(args: &Args, answers: &fork::Channel) -> Outcome<i32> {
    let message = answers.receive().map_err(|errno| Raise::read("recvmsg(<door>)", errno))?.unwrap_or_default();
    match serde_json::from_slice(&message) {
        Ok(serde_json::Value::Number(number)) => {
            number.as_i64().and_then(|number| i32::try_from(number).ok()).ok_or_else(|| Raise::state("the child's number is not one"))
        }
        Ok(json) => Err(Raise::Object(Value::Table(error::from_json(args.lua, &json)?))),
        Err(_) => Err(Raise::state("the process that joins the namespaces was killed")),
    }
}

/// In a plan the calls of the process in between are made here; where it goes, only its child is.
fn plan(host: &Host, start: &Start) -> Outcome<()> {
    let saved = host.guard.saved();
    host.kernel.enter_child(&name(start), true);
    let result = pass(host, start);
    host.kernel.enter_child(&name(start), false);
    host.guard.restore(saved);
    result.map(drop)
}
