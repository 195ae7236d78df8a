//! What every handle can do, and a handle for what only Lua knows how to undo.

use std::cell::RefCell;

use mlua::{Function, Lua, Value, WeakLua};

use super::args::Args;
use super::error::{Outcome, Raise};
use super::handle::Resource;
use super::table::{Primitive, Scope, example};
use super::types::{Type, need};
use super::{Host, call_back};

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
    Primitive {
        name: "defer",
        summary: "Calls a function when the handle closes: at the latest when the script ends, well or not.",
        params: &[need("call", Type::Function, "called once, in this process only; after `keep` never")],
        returns: "handle",
        syscalls: &[],
        shell: "≈ trap CALL EXIT",
        needs: "",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example(
            "local order = {}\ndo\n  local first <close> = defer(function() table.insert(order, \"first\") end)\n  local last <close> = defer(function() table.insert(order, \"last\") end)\nend\nassert(table.concat(order, \" \") == \"last first\")",
        )],
        see: &["handle:close", "handle:keep"],
        function: defer,
    },
];

/// A function of the script's, to be called when its time has come.
///
/// It is let go of then: most such functions know what holds their handle, and no collector sees a
/// circle through here, so each would stay for as long as the script runs.
struct Deferred {
    lua: WeakLua,
    call: RefCell<Option<Function>>,
}

impl Resource for Deferred {
    fn kind(&self) -> &'static str {
        "deferred"
    }

    fn describe(&self) -> String {
        let info = self.call.borrow().as_ref().map(Function::info);
        match info.map(|info| (info.short_src, info.line_defined)) {
            Some((Some(file), Some(line))) => format!("deferred function of {file}:{line}"),
            _ => "deferred function".to_owned(),
        }
    }

    fn fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn field(&self, _lua: &Lua, _name: &str) -> mlua::Result<Value> {
        Ok(Value::Nil)
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        let Some(lua) = self.lua.try_upgrade() else { return Err(Raise::state("the Lua machine is gone")) };
        // What a planned child has closed is open again after it.
        let call = if host.kernel().is_plan() { self.call.borrow().clone() } else { self.call.take() };
        call.map_or(Ok(()), |call| call_back(&lua, host, &call, Value::Nil).map(drop))
    }

    fn lasting(&self) -> bool {
        self.call.borrow().is_some()
    }

    fn kept(&self, host: &Host) {
        if !host.kernel().is_plan() {
            self.call.take();
        }
    }
}

fn defer(args: &Args) -> Outcome {
    let Some(call) = args.function("call") else { return Err(Raise::argument("call: expected a function")) };
    args.adopt(Deferred { lua: args.lua.weak(), call: RefCell::new(Some(call)) }, None)
}

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
