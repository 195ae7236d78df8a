//! What a value of a script's is: whoever prints or completes one looks here, and changes nothing.
//!
//! A handle does not tell its kind by itself, and `debug` is absent from scripts.

use mlua::{Lua, Value};

use super::args::Args;
use super::error::Outcome;
use super::handle::Handle;
use super::table::{Primitive, Scope, example};
use super::types::{Type, need};

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "handle_info",
        summary: "Tells what a handle is, without asking the kernel.",
        params: &[need("value", Type::Any, "a handle; anything else is answered with nil")],
        returns: "{ kind, name, fields, closed, kept }: its methods are those of its kind; or nil",
        syscalls: &[],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example(
            "local child <close> = spawn(function() return 0 end)\nlocal info = handle_info(child)\nassert(info.kind == \"process\" and not info.closed)\nassert(handle_info(\"text\") == nil)",
        )],
        see: &["handle:close", "function_info"],
        function: handle_info,
    },
    Primitive {
        name: "function_info",
        summary: "Tells where a function was written.",
        params: &[need("body", Type::Function, "any function")],
        returns: "{ file, line, last_line, params, vararg }; without file where it is no Lua",
        syscalls: &[],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example(
            "local function twice(number)\n  return 2 * number\nend\nlocal info = function_info(twice)\nassert(info.line == 1 and info.last_line == 3 and info.params == 1)",
        )],
        see: &["handle_info"],
        function: function_info,
    },
];

fn handle_info(args: &Args) -> Outcome {
    let Some(handle) = Handle::from_value(args.value("value")) else { return Ok(Value::Nil) };
    let info = args.lua.create_table()?;
    info.raw_set("kind", handle.kind())?;
    info.raw_set("name", format!("{handle:?}"))?;
    info.raw_set("fields", args.lua.create_sequence_from(handle.fields().iter().copied())?)?;
    info.raw_set("closed", handle.is_closed())?;
    info.raw_set("kept", handle.is_kept())?;
    Ok(Value::Table(info))
}

fn function_info(args: &Args) -> Outcome {
    let found = args.lua.create_table()?;
    let Some(body) = args.function("body") else { return Ok(Value::Table(found)) };
    let info = body.info();
    if let Some(file) = info.source.filter(|_| info.what != "C") {
        // Names of chunks begin with what they are the name of: a file, or something else.
        found.raw_set("file", chunk_name(args.lua, &file)?)?;
        found.raw_set("line", info.line_defined)?;
        found.raw_set("last_line", info.last_line_defined)?;
    }
    found.raw_set("params", info.num_params)?;
    found.raw_set("vararg", info.is_vararg)?;
    Ok(Value::Table(found))
}

fn chunk_name(lua: &Lua, source: &str) -> mlua::Result<mlua::LuaString> {
    let name = source.strip_prefix(['@', '=']).unwrap_or(source);
    lua.create_string(name.lines().next().unwrap_or_default())
}
