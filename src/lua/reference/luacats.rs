//! Definitions for editors: LuaCATS annotations of every primitive, in one file of `---@meta`.
//!
//! The language server reads `stdlib/meta/sys.d.lua` and then knows each name, each option and
//! what it may be. The file is for editors only and is not part of the program.

use std::fmt::Write;

use super::super::table::{self, Primitive};
use super::super::types::{Param, Type};

/// What is not in the table of primitives: the prelude's own.
const HEAD: &str = "\
---@meta
-- Generated from the table of primitives (`crun-lua reference --luacats`); do not edit.

--- What a primitive raises.
---@class error_object
---@field op string the primitive
---@field message string the error in one line
---@field call? string the call in strace's notation
---@field errno? string `EPERM`
---@field code? integer the error's number
---@field hint? string what to do
---@field where? { file: string, line: integer } where the script stood
---@field cause? error_object

--- Calls a function: its results, or nil and the error object.
---@param body function
---@param ... any
---@return any result
---@return error_object? error
function try(body, ...) end

--- The script's arguments; 0 is the script itself.
---@type table<integer, string>
arg = {}

--- What every handle can do. It closes with `<close>`, and at the latest when the script ends.
---@class handle
---@field closed boolean
---@field [string] any

--- Every primitive, by name.
---@class sys
sys = {}
";

/// The whole definition file.
#[must_use]
pub fn luacats() -> String {
    let mut out = String::from(HEAD);
    for kind in handle_kinds() {
        let parent = if kind == "handle" { "" } else { " : handle" };
        let _ = write!(out, "\n---@class {kind}{parent}\nlocal {kind} = {{}}\n");
    }
    for primitive in table::all().into_iter().flat_map(|(_, list)| list) {
        classes(&mut out, primitive.params, &class_name(primitive.name));
        function(&mut out, primitive);
    }
    out
}

/// The kinds of handles that have methods, each once.
fn handle_kinds() -> Vec<&'static str> {
    let mut kinds: Vec<_> =
        table::all().into_iter().flat_map(|(_, list)| list).filter_map(|primitive| primitive.method().map(|(kind, _)| kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn class_name(primitive: &str) -> String {
    primitive.replace(':', ".")
}

/// A class for each table of options among the parameters, the inner ones first.
fn classes(out: &mut String, params: &[Param], path: &str) {
    for param in params {
        class_of(out, &param.kind, &format!("{path}.{}", param.name));
    }
}

fn class_of(out: &mut String, kind: &Type, name: &str) {
    let (options, parent) = match kind {
        Type::Options(options) => (*options, ""),
        Type::Command(options) => (*options, ": { [integer]: string }"),
        Type::List(item) | Type::Map(item) => return class_of(out, item, name),
        Type::Either(kinds) => {
            for kind in *kinds {
                class_of(out, kind, name);
            }
            return;
        }
        _ => return,
    };
    classes(out, options, name);
    let _ = write!(out, "\n---@class {name}{parent}\n");
    for option in options {
        let optional = if option.required { "" } else { "?" };
        let _ = writeln!(
            out,
            "---@field {}{optional} {} {}",
            option.name,
            type_of(&option.kind, &format!("{name}.{}", option.name)),
            option.doc
        );
    }
}

fn function(out: &mut String, primitive: &Primitive) {
    let _ = write!(out, "\n--- {}\n", primitive.summary);
    for example in primitive.examples.iter().take(1) {
        out.push_str("---\n--- ```lua\n");
        for line in example.code.trim_end().lines() {
            let _ = writeln!(out, "{}", format!("--- {line}").trim_end());
        }
        out.push_str("--- ```\n");
    }
    if !primitive.see.is_empty() {
        let _ = write!(out, "---\n--- See {}.\n", primitive.see.join(", "));
    }
    let path = class_name(primitive.name);
    for param in primitive.params {
        let optional = if param.required { "" } else { "?" };
        let kind = type_of(&param.kind, &format!("{path}.{}", param.name));
        let _ = writeln!(out, "{}", format!("---@param {}{optional} {kind} {}", word(param.name), param.doc).trim_end());
    }
    match return_type(primitive.returns).as_str() {
        "" => {}
        kind => {
            let _ = writeln!(out, "---@return {kind} # {}", primitive.returns);
        }
    }
    let names: Vec<_> = primitive.params.iter().map(|param| word(param.name)).collect();
    let _ = writeln!(out, "function {}({}) end", primitive.name, names.join(", "));
    if primitive.method().is_none() {
        let _ = writeln!(out, "sys.{0} = {0}", primitive.name);
    }
}

/// A parameter may be called what Lua has reserved.
fn word(name: &str) -> String {
    let reserved = ["end", "function", "in", "not", "or", "and", "repeat", "until", "local", "goto"];
    if reserved.contains(&name) { format!("{name}_") } else { name.to_owned() }
}

fn type_of(kind: &Type, class: &str) -> String {
    match kind {
        Type::Boolean => "boolean".into(),
        Type::Integer(..) => "integer".into(),
        Type::Text | Type::Path | Type::Bytes | Type::Percent | Type::Name(..) => "string".into(),
        Type::Size | Type::Mode => "string|integer".into(),
        Type::Duration => "string|number".into(),
        Type::Word(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join("|"),
        Type::List(item) => match type_of(item, class) {
            item if item.contains('|') => format!("({item})[]"),
            item => format!("{item}[]"),
        },
        Type::Map(item) => format!("table<string, {}>", type_of(item, class)),
        Type::Options(_) | Type::Command(_) => class.to_owned(),
        Type::Function => "fun(...): any".into(),
        Type::Handle(kind) => (*kind).into(),
        Type::Either(kinds) => kinds.iter().map(|kind| type_of(kind, class)).collect::<Vec<_>>().join("|"),
        Type::Any => "any".into(),
    }
}

/// The type that the words of [`Primitive::returns`] begin with; empty for nothing.
fn return_type(words: &str) -> String {
    if words.starts_with("nothing") || words.starts_with("never") {
        return String::new();
    }
    let may_be_nil = words.contains("nil");
    let first = words.split([' ', ',', ';', ':', '(']).next().unwrap_or_default();
    let kind = match first {
        "boolean" | "true" | "false" => "boolean",
        "string" | "text" | "path" | "bytes" => "string",
        "integer" => "integer",
        "number" => "number",
        "list" if words.starts_with("list of strings") || words.starts_with("list of words") => "string[]",
        "list" => "table[]",
        "table" | "{" => "table",
        kind if handle_kinds().contains(&kind) => kind,
        _ => "any",
    };
    if may_be_nil && kind != "any" { format!("{kind}?") } else { kind.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_has_a_type_where_its_words_tell_one() {
        for (words, kind) in [
            ("nothing", ""),
            ("never", ""),
            ("process", "process"),
            ("string or nil", "string?"),
            ("{ code, signal }: 128+n where a signal ended it; nil after a timeout", "table?"),
            ("list of process ids, or nil", "table[]?"),
            ("the previous mask", "any"),
        ] {
            assert_eq!(return_type(words), kind, "{words}");
        }
    }

    #[test]
    fn types_say_what_an_argument_may_be() {
        assert_eq!(type_of(&Type::List(&Type::Word(&["a", "b"])), ""), "(\"a\"|\"b\")[]");
        assert_eq!(type_of(&Type::Either(&[Type::Text, Type::Integer(0, 5)]), ""), "string|integer");
        assert_eq!(type_of(&Type::Map(&Type::Size), ""), "table<string, string|integer>");
    }
}
