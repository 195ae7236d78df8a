//! What every handle can do.

use mlua::Value;

use super::args::Args;
use super::error::Outcome;
use super::table::{Primitive, Scope, example};

/// The methods of handles of every kind.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "handle:close",
        summary: "Removes what the handle stands for; the second time it does nothing.",
        params: &[],
        returns: "nothing",
        syscalls: &[],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example("local child <close> = spawn(function() return 0 end)\nchild:close()\nchild:close()")],
        see: &["handle:keep"],
        function: close,
    },
    Primitive {
        name: "handle:keep",
        summary: "Gives up what the handle stands for: it stays when the script ends. Answers the handle.",
        params: &[],
        returns: "handle",
        syscalls: &[],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example("local child = spawn(function() return 0 end)\nchild:wait()\nchild:keep()")],
        see: &["handle:close"],
        function: keep,
    },
];

fn close(args: &Args) -> Outcome {
    args.this_handle()?.close(args.host)?;
    args.host.ledger.sweep();
    Ok(Value::Nil)
}

fn keep(args: &Args) -> Outcome {
    let handle = args.this_handle()?;
    handle.keep(args.host);
    Ok(Value::UserData(args.lua.create_userdata(handle.clone())?))
}
