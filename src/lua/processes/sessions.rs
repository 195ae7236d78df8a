//! Sessions and process groups: what a terminal's keys and a shell's job control act on.

use mlua::Value;

use super::super::Host;
use super::super::args::Args;
use super::super::error::Outcome;
use super::super::table::{Primitive, Scope, example};
use super::super::types::{PID, Type, may};
use super::Process;
use crate::kernel::processes::Call;
use crate::sys::Pid;

/// The primitives of this part.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "setsid",
        summary: "Starts a session and a group of the process's own, without a controlling terminal.",
        params: &[],
        returns: "nothing",
        syscalls: &["setsid(2)"],
        shell: "≈ setsid COMMAND",
        needs: "a process that leads no group: a child of fork or spawn",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example("local child <close> = fork(function() setsid() end)\nassert(child:wait().code == 0)")],
        see: &["terminal_attach", "setpgid", "credentials(7)"],
        function: setsid,
    },
    Primitive {
        name: "setpgid",
        summary: "Puts a process into a group: without arguments the caller into one of its own.",
        params: &[
            may("process", Type::Either(&[Type::Handle("process"), PID]), "the caller, or a child that has not called exec"),
            may("group", PID, "a group of the same session; without it a group with the process's number"),
        ],
        returns: "nothing",
        syscalls: &["setpgid(2)"],
        shell: "≈ set -m",
        needs: "",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("local child <close> = fork(function() setpgid() end)\nassert(child:wait().code == 0)")],
        see: &["setsid", "tcsetpgrp", "setpgid(2)"],
        function: setpgid,
    },
];

/// Starts a session of the caller's own.
pub fn start(host: &Host) -> Outcome<()> {
    host.run(Call::SetSid).map(drop)
}

fn setsid(args: &Args) -> Outcome {
    start(args.host)?;
    Ok(Value::Nil)
}

fn setpgid(args: &Args) -> Outcome {
    let pid = match args.value("process") {
        Value::Nil => None,
        Value::UserData(_) => args.handle::<Process>("process")?.map(|process| process.pid().clone()),
        other => other.as_i32().map(Pid::foreign),
    };
    args.host.run(Call::SetGroup { pid, group: args.integer("group")? })?;
    Ok(Value::Nil)
}
