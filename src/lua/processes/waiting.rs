//! Waiting for processes: with an end to patience, and with signals that come meanwhile.

use std::time::Duration;

use mlua::Value;

use super::Process;
use crate::kernel::Reply;
use crate::kernel::processes::{Call, Others, signal_number};
use crate::lua::args::{Args, Fields};
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle::{Handle, Held};
use crate::lua::{Host, stop_if_signalled};
use crate::sys::Errno;

/// Has a call done that may block; a signal that ends the script ends it too.
pub fn patiently(host: &Host, call: impl Into<crate::kernel::Call>) -> Outcome<Reply> {
    let call = call.into();
    loop {
        match host.run(call.clone()) {
            Err(failure) if failure.errno() == Some(Errno::EINTR) => {
                if stop_if_signalled(host) {
                    host.unwound.set(true);
                    return Err(interrupted());
                }
            }
            other => return other,
        }
    }
}

/// What ends a script that a signal has come for.
pub fn interrupted() -> Raise {
    Raise::Lua(mlua::Error::runtime("interrupted"))
}

pub fn wait(args: &Args) -> Outcome {
    let process = args.this::<Process>()?;
    let options = args.options("options")?;
    if wait_for(args.host, &[&process], options.duration("timeout"), forwarded(&options)?)?.is_none() {
        return Ok(Value::Nil);
    }
    Ok(Value::Table(process.result(args.lua, args.host)?))
}

pub fn wait_any(args: &Args) -> Outcome {
    let values = args.values("processes");
    if values.is_empty() {
        return Err(Raise::argument("processes: the list is empty; there is nothing to wait for"));
    }
    let options = args.options("options")?;
    let handles: Vec<Handle> = values.iter().filter_map(Handle::from_value).collect();
    let held = handles.iter().map(Handle::open::<Process>).collect::<Outcome<Vec<_>>>()?;
    let processes: Vec<&Process> = held.iter().map(|process| &**process).collect();
    let Some(index) = wait_for(args.host, &processes, options.duration("timeout"), forwarded(&options)?)? else {
        return Ok(Value::Nil);
    };
    let table = args.lua.create_table()?;
    table.raw_set("process", values.get(index))?;
    table.raw_set("result", processes.get(index).map(|process| process.result(args.lua, args.host)).transpose()?)?;
    Ok(Value::Table(table))
}

/// Waits for the first of some processes: its index; `None` when the time is over.
fn wait_for(host: &Host, processes: &[&Process], timeout: Option<Duration>, forward: Vec<i32>) -> Outcome<Option<usize>> {
    if let Some(index) = processes.iter().position(|process| process.end.get().is_some()) {
        return Ok(Some(index));
    }
    let children = processes.iter().map(|process| (process.pid().clone(), process.pidfd())).collect();
    let Reply::Ended(index, end, usage) = patiently(host, Call::Wait { children, timeout, forward })? else { return Ok(None) };
    if let Some(process) = processes.get(index) {
        process.end.set(Some((end, usage)));
    }
    Ok(Some(index))
}

/// The children of this process that have not been reaped.
pub fn running(host: &Host) -> Vec<Held<Process>> {
    host.ledger.all::<Process>().into_iter().filter(|child| child.running().is_some()).collect()
}

/// Reaps those of them that have ended; their handles know how from then on.
pub fn reap_ended(host: &Host, children: &[Held<Process>]) -> Outcome<()> {
    children.iter().try_for_each(|child| wait_for(host, &[child], Some(Duration::ZERO), Vec::new()).map(drop))
}

/// Waits as [`wait`] does and reaps every other child meanwhile, as the first process of a pid
/// namespace must: nobody else reaps orphans there (pid_namespaces(7)).
pub fn reap(args: &Args) -> Outcome {
    let process = args.this::<Process>()?;
    let options = args.options("options")?;
    let forward = forwarded(&options)?;
    if forward.contains(&nix::libc::SIGCHLD) {
        return Err(Raise::argument("forward: \"chld\" is what tells of the children that are reaped here"));
    }
    if process.end.get().is_none() {
        let host = args.host;
        let others = Others::known(host.ledger.all::<Process>().iter().filter_map(|child| child.running()));
        let child = (process.pid().clone(), process.pidfd());
        let call = Call::Reap { child, timeout: options.duration("timeout"), forward, others: others.clone() };
        let ended = patiently(host, call);
        // Also where the wait has failed: these children are gone, and their handles must know.
        let told = others.take();
        if !told.is_empty() {
            for child in host.ledger.all::<Process>() {
                let end = told.iter().find(|(pid, ..)| child.running() == Some(*pid));
                child.end.set(end.map(|(_, end, usage)| (*end, *usage)).or(child.end.get()));
            }
        }
        let Reply::Ended(_, end, usage) = ended? else { return Ok(Value::Nil) };
        process.end.set(Some((end, usage)));
    }
    Ok(Value::Table(process.result(args.lua, args.host)?))
}

pub fn forwarded(options: &Fields) -> Outcome<Vec<i32>> {
    let mut numbers = Vec::new();
    for name in options.texts("forward") {
        if name == "kill" || name == "stop" {
            return Err(Raise::argument(format!("forward: the signal \"{name}\" cannot be caught, so it cannot be forwarded")));
        }
        numbers.extend(signal_number(&name));
    }
    Ok(numbers)
}

pub fn started(args: &Args) -> Outcome {
    let process = args.this::<Process>()?;
    if !process.is_planned() {
        process.listen(args.host, true)?;
        process.raise_error(args.lua)?;
    }
    Ok(Value::Nil)
}
