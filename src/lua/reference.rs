//! What the stdlib's module `reference` is given: the table of primitives as plain Lua tables, and
//! the text of the stdlib, whose annotations are its documentation.
//!
//! Help, the pages under `docs/`, manual pages, the editor's definitions and `crun-lua check` are made
//! from these in Lua. Scripts never see the service itself. The text of the modules lies in the
//! program compressed as a whole: nobody needs it for a start, and who asks for help needs most of it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use mlua::{Function, Lua, Table, Value};

use super::modules;
use super::table::{self, Primitive, Scope};
use super::types::{Param, Type, nearest};

/// What the module is handed beside its name.
pub fn service(lua: &Lua, stdlib: Option<&Path>) -> mlua::Result<Table> {
    let service = lua.create_table()?;
    service.raw_set("primitives", lua.create_function(|lua, ()| primitives(lua))?)?;
    let dir = stdlib.map(Path::to_path_buf);
    service.raw_set("modules", lua.create_function(move |_, ()| Ok(modules::names(dir.as_deref())))?)?;
    service.raw_set("source", source(lua, stdlib)?)?;
    service.raw_set(
        "judge",
        lua.create_function(|_, (name, path, value, shown): (String, Vec<usize>, Value, String)| Ok(judge(&name, &path, &value, &shown)))?,
    )?;
    service.raw_set(
        "nearest",
        lua.create_function(|_, (wrong, names): (String, Vec<String>)| {
            Ok(nearest(&wrong, names.iter().map(String::as_str)).map(str::to_owned))
        })?,
    )?;
    Ok(service)
}

/// The function from a module's name to its text.
fn source(lua: &Lua, stdlib: Option<&Path>) -> mlua::Result<Function> {
    let stdlib = stdlib.map(Path::to_path_buf);
    let whole: OnceCell<Vec<u8>> = OnceCell::new();
    lua.create_function(move |lua, name: String| {
        let text = if let Some(dir) = &stdlib {
            modules::find(&name, Some(dir)).map(Cow::into_owned)
        } else {
            if whole.get().is_none() {
                let _ = whole.set(inflate()?);
            }
            modules::place(&name).and_then(|range| whole.get()?.get(range).map(<[u8]>::to_vec))
        };
        text.map(|text| lua.create_string(text)).transpose()
    })
}

fn inflate() -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    flate2::read::DeflateDecoder::new(modules::TEXT).read_to_end(&mut text)?;
    Ok(text)
}

/// Judges one value as a primitive's argument is judged, by the place of its type in the table.
///
/// `path` leads from the primitive's parameters down: numbers are the parameter's or alternative's
/// place, counted from 1, and 0 is what a list or a table has as elements.
fn judge(name: &str, path: &[usize], value: &Value, shown: &str) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let param = table::find(name)?.params.get(first.wrapping_sub(1))?;
    below(param.kind, rest)?.check(value, shown).err()
}

fn below(kind: Type, path: &[usize]) -> Option<Type> {
    let Some((step, rest)) = path.split_first() else { return Some(kind) };
    let index = step.wrapping_sub(1);
    match kind {
        Type::List(item) | Type::Map(item) => below(*item, rest),
        Type::Options(params) | Type::Command(params) => below(params.get(index)?.kind, rest),
        Type::Either(kinds) => below(*kinds.get(index)?, rest),
        _ => None,
    }
}

/// Lists of names that many parameters share, made once.
type Names = HashMap<&'static str, Table>;

fn primitives(lua: &Lua) -> mlua::Result<Table> {
    let list = lua.create_table()?;
    let mut names = Names::new();
    for (topic, primitives) in table::all() {
        for primitive in primitives {
            list.raw_push(entry(lua, topic, primitive, &mut names)?)?;
        }
    }
    Ok(list)
}

fn entry(lua: &Lua, topic: &str, primitive: &Primitive, names: &mut Names) -> mlua::Result<Table> {
    let entry = lua.create_table()?;
    entry.raw_set("name", primitive.name)?;
    entry.raw_set("topic", topic)?;
    entry.raw_set("signature", primitive.signature())?;
    entry.raw_set("summary", primitive.summary)?;
    entry.raw_set("params", params(lua, primitive.params, names)?)?;
    entry.raw_set("returns", primitive.returns)?;
    entry.raw_set("syscalls", lua.create_sequence_from(primitive.syscalls.iter().copied())?)?;
    entry.raw_set("shell", primitive.shell)?;
    entry.raw_set("needs", primitive.needs)?;
    entry.raw_set("scope", scope(primitive.scope))?;
    entry.raw_set("reversible", primitive.reversible)?;
    entry.raw_set("see", lua.create_sequence_from(primitive.see.iter().copied())?)?;
    let examples = lua.create_table()?;
    for example in primitive.examples {
        let row = lua.create_table()?;
        row.raw_set("code", example.code)?;
        row.raw_set("needs", lua.create_sequence_from(example.needs.iter().copied())?)?;
        examples.raw_push(row)?;
    }
    entry.raw_set("examples", examples)?;
    if let Some((kind, method)) = primitive.method() {
        entry.raw_set("kind", kind)?;
        entry.raw_set("method", method)?;
    }
    Ok(entry)
}

const fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Reads => "reads",
        Scope::Caller => "caller",
        Scope::Children => "children",
        Scope::Object => "object",
    }
}

fn params(lua: &Lua, params: &[Param], names: &mut Names) -> mlua::Result<Table> {
    let list = lua.create_table()?;
    for param in params {
        let row = lua.create_table()?;
        row.raw_set("name", param.name)?;
        row.raw_set("type", param.kind.describe())?;
        row.raw_set("required", param.required)?;
        row.raw_set("doc", param.doc)?;
        let shape = shape(lua, &param.kind, names)?;
        row.raw_set("words", found(lua, &shape, "words")?)?;
        row.raw_set("options", found(lua, &shape, "options")?)?;
        row.raw_set("shape", shape)?;
        list.raw_push(row)?;
    }
    Ok(list)
}

/// The words or options that a value may have, also as elements of a list or as one of several kinds.
fn found(lua: &Lua, shape: &Table, what: &str) -> mlua::Result<Option<Table>> {
    if let Some(list) = shape.raw_get::<Option<Table>>(what)? {
        return Ok(Some(list));
    }
    if let Some(item) = shape.raw_get::<Option<Table>>("item")? {
        return found(lua, &item, what);
    }
    let Some(kinds) = shape.raw_get::<Option<Table>>("kinds")? else { return Ok(None) };
    let mut all: Option<Table> = None;
    for kind in kinds.sequence_values::<Table>() {
        let Some(more) = found(lua, &kind?, what)? else { continue };
        // Lists are shared between parameters, so two of them are joined in a new one.
        let Some(first) = all.take() else {
            all = Some(more);
            continue;
        };
        let both = first.sequence_values::<Value>().chain(more.sequence_values()).collect::<mlua::Result<Vec<_>>>()?;
        all = Some(lua.create_sequence_from(both)?);
    }
    Ok(all)
}

/// A type as a table: `kind`, and what belongs to the kind.
fn shape(lua: &Lua, kind: &Type, names: &mut Names) -> mlua::Result<Table> {
    let shape = lua.create_table()?;
    let word = match kind {
        Type::Boolean => "boolean",
        Type::Integer(low, high) => {
            if *low != i64::MIN {
                shape.raw_set("low", *low)?;
            }
            if *high != i64::MAX {
                shape.raw_set("high", *high)?;
            }
            "integer"
        }
        Type::Text => "string",
        Type::Path => "path",
        Type::Bytes => "bytes",
        Type::Size => "size",
        Type::Duration => "duration",
        Type::Percent => "percent",
        Type::Mode => "mode",
        Type::Word(words) => {
            shape.raw_set("words", lua.create_sequence_from(words.iter().copied())?)?;
            "word"
        }
        Type::Name(noun, _, all) => {
            shape.raw_set("noun", *noun)?;
            let list = match names.get(noun) {
                Some(list) => list.clone(),
                None => names.entry(noun).or_insert(lua.create_sequence_from(all())?).clone(),
            };
            shape.raw_set("words", list)?;
            "name"
        }
        Type::List(item) => {
            shape.raw_set("item", self::shape(lua, item, names)?)?;
            "list"
        }
        Type::Map(item) => {
            shape.raw_set("item", self::shape(lua, item, names)?)?;
            "map"
        }
        Type::Options(options) => {
            shape.raw_set("options", params(lua, options, names)?)?;
            "options"
        }
        Type::Command(options) => {
            shape.raw_set("options", params(lua, options, names)?)?;
            "command"
        }
        Type::Function => "function",
        Type::Handle(handle) => {
            shape.raw_set("handle", *handle)?;
            "handle"
        }
        Type::Either(kinds) => {
            let list = kinds.iter().map(|kind| self::shape(lua, kind, names)).collect::<mlua::Result<Vec<_>>>()?;
            shape.raw_set("kinds", lua.create_sequence_from(list)?)?;
            "either"
        }
        Type::Any => "any",
    };
    shape.raw_set("kind", word)?;
    shape.raw_set("text", kind.describe())?;
    Ok(shape)
}
