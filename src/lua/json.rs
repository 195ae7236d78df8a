//! JSON, read and written: what state files, image manifests and OCI's config.json are made of.
//!
//! A table that comes from a JSON list carries a mark, so that an empty list is written as `[]`
//! again and an empty object as `{}`. A field that is null is a field that is not there, as nil is
//! in Lua; in a list null has no such meaning and is refused, because it would shift or cut the list.

use mlua::{Lua, Table};

use super::args::Args;
use super::error::{Outcome, Raise};
use super::table::{Primitive, Scope, example};
use super::types::{Param, Type, may, need};
use super::{is_unknown, unknown};

mod decode;
mod encode;

/// How deep lists and objects may nest: as deep as the parser itself goes.
const DEPTH: usize = 127;
/// How much text is read unless it is told otherwise.
const LIMIT: u64 = 16 << 20;
/// Where the mark of lists is kept.
const MARK: &str = "crun_lua.json_array";

const DECODE: &[Param] = &[may("limit", Type::Size, "a longer text is refused; \"16M\"")];
const ENCODE: &[Param] = &[may("pretty", Type::Boolean, "one field a line, indented by two spaces, a line feed at the end")];

const fn primitive(
    name: &'static str,
    summary: &'static str,
    params: &'static [Param],
    returns: &'static str,
    examples: &'static [super::table::Example],
    see: &'static [&'static str],
    function: fn(&Args) -> Outcome,
) -> Primitive {
    Primitive {
        name,
        summary,
        params,
        returns,
        syscalls: &[],
        shell: "≈ jq .",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples,
        see,
        function,
    }
}

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    primitive(
        "json_decode",
        "Reads a JSON text; whole numbers stay integers, a field that is null is left out, a null in a list and a key given twice are refused.",
        &[need("text", Type::Bytes, "UTF-8, one value"), may("options", Type::Options(DECODE), "")],
        "the value; a number from 2^63 on as a float, lists marked as by `json_array`",
        &[example(
            "local spec = json_decode('{ \"args\": [\"/bin/sh\"], \"env\": [], \"pids\": 64, \"user\": null }')\nassert(spec.args[1] == \"/bin/sh\" and spec.pids == 64 and spec.user == nil)\nassert(json_encode(spec) == '{\"args\":[\"/bin/sh\"],\"env\":[],\"pids\":64}')",
        )],
        &["json_encode", "json_array"],
        |args| {
            let limit = args.options("options")?.size("limit").unwrap_or(LIMIT);
            decode::decode(args.lua, &args.bytes("text").unwrap_or_default(), limit)
        },
    ),
    primitive(
        "json_encode",
        "Writes a value as JSON with sorted keys; what JSON has no word for is refused, with its path.",
        &[need("value", Type::Any, "a table of plain values, or one of these"), may("options", Type::Options(ENCODE), "")],
        "string",
        &[
            example("assert(json_encode({ name = \"box\", env = json_array {} }) == '{\"env\":[],\"name\":\"box\"}')"),
            example(
                "local _, err = try(json_encode, { spec = { run = print } })\nassert(err.message:find(\".spec.run\", 1, true))\nprint(json_encode({ 1, 2 }, { pretty = true }))",
            ),
        ],
        &["json_decode", "json_array"],
        |args| encode::encode(args.lua, args.value("value"), args.options("options")?.flag("pretty")),
    ),
    primitive(
        "json_array",
        "Marks a table as a list, so that it is written as `[]` also while it is empty.",
        &[need("list", Type::Any, "a table without a metatable; it is marked itself")],
        "the same table",
        &[example("local env = json_array {}\nassert(json_encode(env) == \"[]\" and json_encode({}) == \"{}\")")],
        &["json_encode"],
        array,
    ),
];

/// The metatable that marks a list; a script cannot change or take it.
fn mark(lua: &Lua) -> mlua::Result<Table> {
    if let Some(mark) = lua.named_registry_value::<Option<Table>>(MARK)? {
        return Ok(mark);
    }
    let mark = lua.create_table()?;
    mark.raw_set("__metatable", "json array")?;
    lua.set_named_registry_value(MARK, &mark)?;
    Ok(mark)
}

fn array(args: &Args) -> Outcome {
    let value = args.value("list");
    if is_unknown(args.lua, value) {
        return Ok(unknown(args.lua)?);
    }
    let Some(table) = value.as_table() else {
        return Err(Raise::argument(format!("list: expected a table, got {}", value.type_name())));
    };
    let mark = mark(args.lua)?;
    match table.metatable() {
        Some(other) if other != mark => return Err(Raise::argument("list: the table has a metatable already")),
        Some(_) => {}
        None => table.set_metatable(Some(mark))?,
    }
    Ok(value.clone())
}
