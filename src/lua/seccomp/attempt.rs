//! A system call that is only tried: `syscall_try`.

use mlua::Value;

use super::super::args::Args;
use super::super::error::{Outcome, Raise};
use super::super::table::{Primitive, Scope, example};
use super::super::types::need;
use super::spec;
use crate::kernel::Reply;
use crate::kernel::seccomp::Call;
use crate::sys::seccomp::{attempt, names};

/// The primitive of this file.
pub const TRY: Primitive = Primitive {
    name: "syscall_try",
    summary: "Makes a system call with -1 for every argument and answers its errno: a filter's, or the kernel's.",
    params: &[need("name", spec::CALL, "the call; a child should make it, since a few succeed or end the caller")],
    returns: "{ errno } or { value }; { skipped = reason } where a call hangs, ends the caller or starts something whatever it is told, or this architecture does not have it",
    syscalls: &["syscall(2)"],
    shell: "",
    needs: "",
    scope: Scope::Caller,
    reversible: false,
    examples: &[
        example("assert(syscall_try(\"vhangup\").skipped)"),
        example(
            "-- The filter answers before the kernel has looked at the arguments.\nseccomp { default = \"allow\", errno = { \"chdir\" }, errno_ret = \"EXDEV\" }\nlocal answer = syscall_try(\"chdir\")\nassert(answer.skipped or answer.errno == \"EXDEV\")",
        ),
    ],
    see: &["seccomp", "seccomp_filter:decide", "seccomp_map", "syscall(2)"],
    function: run,
};

fn run(args: &Args) -> Outcome {
    let name = args.required_text("name");
    let table = args.lua.create_table()?;
    let number = names::number(&name, names::native());
    let reason = attempt::reason(&name).or_else(|| number.is_none().then_some("this architecture does not have it"));
    if let (None, Some(number)) = (reason, number) {
        match args.host.run(Call::Try { name, number }) {
            Ok(Reply::Number(value)) => table.raw_set("value", value)?,
            Ok(_) => table.raw_set("skipped", "it is only planned")?,
            Err(Raise::Kernel(failure)) => table.raw_set("errno", format!("{:?}", failure.errno))?,
            Err(other) => return Err(other),
        }
    } else {
        table.raw_set("skipped", reason)?;
    }
    Ok(Value::Table(table))
}
