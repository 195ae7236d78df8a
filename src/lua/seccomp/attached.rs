//! What the filters of a running process answer, call by call: `seccomp_map`.

use std::collections::BTreeSet;

use mlua::{Table, Value};

use super::super::args::Args;
use super::super::error::{Outcome, Raise};
use super::super::table::{Primitive, Scope, example_with};
use super::super::types::{PID, Param, Type, may, need};
use super::super::unknown;
use crate::sys::seccomp::{attached, names, profile::Action, program};
use crate::sys::{self, Errno, digests};

const OPTIONS: &[Param] =
    &[may("known", Type::List(&Type::Text), "digests of filters whose answers are known: for these there are no `calls`")];

/// The primitive of this file.
pub const MAP: Primitive = Primitive {
    name: "seccomp_map",
    summary: "What the filters of a process answer to each system call, read back from the kernel.",
    params: &[
        need("pid", PID, "the process; it stands still for less than a millisecond, and must be no child of the caller's"),
        may("options", Type::Options(OPTIONS), ""),
    ],
    returns: "{ filters, digest, architecture, calls }; a row of calls is { name, answers }, sorted, with the answers { action, errno }; more than one where it depends on the arguments",
    syscalls: &["ptrace(2)"],
    shell: "",
    needs: "CAP_SYS_ADMIN in the first user namespace, and no filter of its own; a kernel with CONFIG_CHECKPOINT_RESTORE",
    scope: Scope::Reads,
    reversible: true,
    examples: &[example_with(
        &["live", "root"],
        "local box <close> = spawn(function()\n  seccomp { default = \"allow\", errno = { \"mkdir\" } }\n  exec { \"sleep\", \"9\" }\nend)\nbox:started()\n-- Asked by another child: a parent's own children are not to be traced by it.\nlocal asked <close> = spawn(function()\n  for _, call in ipairs(seccomp_map(box.pid).calls) do\n    assert(call.name ~= \"mkdir\" or call.answers[1].errno == \"EPERM\")\n  end\nend)\nassert(asked:wait().code == 0)",
    )],
    see: &["seccomp", "seccomp_status", "seccomp_filter:decide", "ptrace(2)"],
    function: map,
};

/// What all filters together may answer: of each combination the strictest counts.
fn together(programs: &[Vec<program::Instruction>], number: u32, arch: u32) -> Vec<Action> {
    let mut all: BTreeSet<u32> = BTreeSet::from([Action::Allow.value()]);
    for program in programs {
        let own = program::answers(program, number, arch);
        let strictest = |one: u32, other: u32| {
            let rank = |value| Action::from_value(value).severity();
            if rank(other) < rank(one) { other } else { one }
        };
        all = own.iter().flat_map(|own| all.iter().map(move |other| strictest(*own, *other))).collect();
    }
    let mut actions: Vec<Action> = all.into_iter().map(Action::from_value).collect();
    actions.sort_by_key(|action| std::cmp::Reverse(action.severity()));
    actions.dedup();
    actions
}

fn row(args: &Args, name: &str, actions: &[Action]) -> mlua::Result<Table> {
    let answers = args.lua.create_table()?;
    for action in actions {
        let answer = args.lua.create_table()?;
        answer.raw_set("action", action.word())?;
        if let Action::Errno(number) = action {
            answer.raw_set("errno", format!("{:?}", sys::Errno::from_raw((*number).into())))?;
        }
        answers.raw_push(answer)?;
    }
    let row = args.lua.create_table()?;
    row.raw_set("name", name)?;
    row.raw_set("answers", answers)?;
    Ok(row)
}

fn map(args: &Args) -> Outcome {
    let pid: i32 = args.integer("pid")?.unwrap_or_default();
    if args.host.kernel().is_plan() {
        // No process is made to stand still for a plan.
        return Ok(unknown(args.lua)?);
    }
    let read = attached::filters(pid).map_err(|errno| {
        let raise = Raise::read(format!("ptrace(PTRACE_SECCOMP_GET_FILTER, {pid}, …)"), errno);
        match errno {
            Errno::EPERM | Errno::EACCES => raise.hint("it needs root without a filter of its own, and a process that nobody else traces"),
            Errno::EIO => raise.hint("this kernel was built without CONFIG_CHECKPOINT_RESTORE"),
            Errno::ETIMEDOUT => raise.hint("the process does not stop; it waits for a device (state D)"),
            _ => raise,
        }
    })?;
    let table = args.lua.create_table()?;
    let digest = digests::of(&read.concat()).hex();
    let known = args.options("options")?.texts("known").contains(&digest);
    table.raw_set("filters", read.len())?;
    table.raw_set("digest", digest)?;
    table.raw_set("architecture", names::native().word)?;
    if known {
        return Ok(Value::Table(table));
    }
    let programs: Vec<_> = read.iter().map(|code| program::decode(code)).collect();
    let arch = names::native();
    let calls = args.lua.create_table()?;
    for name in names::all() {
        let Some(number) = names::number(name, arch) else { continue };
        calls.raw_push(row(args, name, &together(&programs, number, arch.audit))?)?;
    }
    table.raw_set("calls", calls)?;
    Ok(Value::Table(table))
}
