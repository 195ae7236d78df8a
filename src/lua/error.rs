//! Failures on their way to Lua, where they are tables: `{ op, call, errno, code, hint, cause }`.
//!
//! A Rust error is opaque to Lua, so a primitive never raises one: it answers with the error
//! object, and the prelude raises that and adds where the script stood.

use mlua::{Lua, Table, Value};
use serde_json::json;

use crate::kernel::{Call, Failure};
use crate::sys::{Errno, fork};

/// Why a primitive did not do what it was asked for.
#[derive(Debug)]
pub enum Raise {
    /// The caller's arguments are wrong; nothing was done.
    Argument(String),
    /// The kernel refused a call.
    Kernel(Failure),
    /// The request cannot be met in this state (a closed handle, the host guard).
    State {
        /// What is in the way.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// An error object that only passes through.
    Object(Value),
    /// The Lua machine failed: out of memory, interrupted.
    Lua(mlua::Error),
}

/// What every primitive answers.
pub type Outcome<T = Value> = Result<T, Raise>;

impl Raise {
    /// Something that cannot be done in this state.
    pub fn state(message: impl Into<String>) -> Self {
        Self::State { message: message.into(), hint: None }
    }

    /// The caller's arguments are wrong.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::Argument(message.into())
    }

    /// Adds what to do; keeps a hint that is there already.
    #[must_use]
    pub fn hint(self, text: impl Into<String>) -> Self {
        match self {
            Self::State { message, hint } => Self::State { message, hint: hint.or_else(|| Some(text.into())) },
            Self::Kernel(mut failure) => {
                failure.hint.get_or_insert_with(|| text.into());
                Self::Kernel(failure)
            }
            other => other,
        }
    }

    /// A read that failed: readers are not calls, but their errors look the same.
    pub fn read(what: impl Into<String>, errno: Errno) -> Self {
        Self::Kernel(Failure { call: what.into(), errno, hint: None })
    }

    /// The error number, where the kernel gave one.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        if let Self::Kernel(failure) = self { Some(failure.errno) } else { None }
    }

    /// The error object, without `where` and metatable: the prelude adds these.
    pub fn into_object(self, lua: &Lua, op: &str) -> mlua::Result<Value> {
        let object = lua.create_table()?;
        object.raw_set("op", op)?;
        match self {
            Self::Argument(message) => {
                // What stands at the wrong place is understood from all that is taken.
                let takes = super::table::find(op).filter(|_| is_of_a_parameter(&message)).map(super::table::Primitive::signature);
                object.raw_set("hint", takes.map(|signature| format!("it takes {signature}")))?;
                object.raw_set("message", message)?;
            }
            Self::State { message, hint } => {
                object.raw_set("message", message)?;
                object.raw_set("hint", hint)?;
            }
            Self::Kernel(failure) => {
                object.raw_set("message", failure.to_string())?;
                object.raw_set("call", failure.call)?;
                object.raw_set("errno", format!("{:?}", failure.errno))?;
                object.raw_set("code", failure.errno as i32)?;
                object.raw_set("hint", failure.hint)?;
            }
            Self::Object(value) => return Ok(value),
            Self::Lua(error) => object.raw_set("message", error.to_string())?,
        }
        Ok(Value::Table(object))
    }
}

impl std::fmt::Display for Raise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Argument(message) | Self::State { message, .. } => f.write_str(message),
            Self::Kernel(failure) => failure.fmt(f),
            Self::Object(value) => f.write_str(&value.to_string().unwrap_or_else(|_| bytes_of(value))),
            // The parser's errors come from here as well; its own words are enough.
            Self::Lua(error) => f.write_str(error.to_string().trim_start_matches("syntax error: ")),
        }
    }
}

/// Whether a message is about a parameter as a whole, and not about something within it.
fn is_of_a_parameter(message: &str) -> bool {
    let within = |name: &str| name.contains(['.', '[', ' ']);
    message.split_once(": expected ").is_some_and(|(name, _)| !within(name))
}

/// An error object that is not UTF-8: it has a file's name in it, or what a program has said.
fn bytes_of(value: &Value) -> String {
    let Some(object) = value.as_table() else { return value.as_string().map(mlua::LuaString::to_string_lossy).unwrap_or_default() };
    let text = |name: &str| object.raw_get::<mlua::LuaString>(name).map(|text| text.to_string_lossy()).unwrap_or_default();
    let place = object.raw_get::<Table>("where").ok().and_then(|place| {
        let file = place.raw_get::<mlua::LuaString>("file").ok()?.to_string_lossy();
        Some(format!("{file}:{}: ", place.raw_get::<i64>("line").ok()?))
    });
    format!("{}{}", place.unwrap_or_default(), text("message"))
}

impl From<Failure> for Raise {
    fn from(failure: Failure) -> Self {
        Self::Kernel(failure)
    }
}

impl From<mlua::Error> for Raise {
    fn from(error: mlua::Error) -> Self {
        Self::Lua(error)
    }
}

/// The failure of a call that the gate did not see fail (its reply was not what it must be).
#[must_use]
pub fn unexpected(call: &Call, errno: Errno) -> Raise {
    Raise::Kernel(Failure::new(call, errno))
}

/// The fields that cross from a child to its parent.
const FIELDS: [&str; 6] = ["op", "call", "errno", "message", "hint", "traceback"];

/// How much of an error crosses. A message has an upper size, and half of a JSON text is none.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    /// How many causes, and how deep a value.
    depth: usize,
    /// How many bytes of each text.
    text: usize,
    /// How many elements of each table.
    items: usize,
}

impl Limit {
    /// All of a value, as deep as anybody writes one.
    pub(super) const WHOLE: Self = Self { depth: 16, text: usize::MAX, items: usize::MAX };

    fn below(self) -> Self {
        Self { depth: self.depth - 1, ..self }
    }
}

/// From whole to what fits whatever is in it: eight texts, of which JSON makes six times as much.
const LIMITS: [Limit; 4] = [
    Limit { depth: 4, text: 4096, items: 64 },
    Limit { depth: 4, text: 1024, items: 16 },
    Limit { depth: 2, text: 512, items: 4 },
    Limit { depth: 0, text: 512, items: 0 },
];

/// An error object as JSON, for the way from a child to its parent: as much as one message holds.
pub fn to_json(object: &Table) -> serde_json::Value {
    let mut json = json!({});
    for limit in LIMITS {
        json = object_json(object, limit);
        if json.to_string().len() <= fork::LARGEST {
            break;
        }
    }
    json
}

fn object_json(object: &Table, limit: Limit) -> serde_json::Value {
    let mut out = json!({});
    for field in FIELDS {
        if let Ok(Some(text)) = object.raw_get::<Option<mlua::LuaString>>(field) {
            out[field] = json!(shortened(&text, limit));
        }
    }
    if let Ok(value) = object.raw_get::<Value>("value") {
        out["value"] = value_json(&value, limit);
    }
    if let Ok(Some(code)) = object.raw_get::<Option<i64>>("code") {
        out["code"] = json!(code);
    }
    if let Ok(Some(place)) = object.raw_get::<Option<Table>>("where") {
        out["file"] = json!(place.raw_get::<Option<mlua::LuaString>>("file").ok().flatten().map(|file| shortened(&file, limit)));
        out["line"] = json!(place.raw_get::<Option<i64>>("line").ok().flatten());
    }
    if let Ok(Some(cause)) = object.raw_get::<Option<Table>>("cause")
        && limit.depth > 0
    {
        out["cause"] = object_json(&cause, limit.below());
    }
    out
}

fn shortened(text: &mlua::LuaString, limit: Limit) -> String {
    let text = text.to_string_lossy();
    if text.len() <= limit.text { text } else { format!("{}…", text.chars().take(limit.text / 4).collect::<String>()) }
}

/// What a script has raised that is no error object: plain values, and small tables of them.
pub(super) fn value_json(value: &Value, limit: Limit) -> serde_json::Value {
    match value {
        Value::Boolean(flag) => json!(flag),
        Value::Integer(number) => json!(number),
        Value::Number(number) => json!(number),
        Value::String(text) => json!(shortened(text, limit)),
        Value::Table(table) if limit.depth > 0 && table.raw_len() > 0 => {
            let items = table.sequence_values::<Value>().filter_map(Result::ok).take(limit.items);
            items.map(|item| value_json(&item, limit.below())).collect()
        }
        Value::Table(table) if limit.depth > 0 => {
            let pairs = table.pairs::<mlua::LuaString, Value>().filter_map(Result::ok).take(limit.items);
            let pairs = pairs.map(|(key, item)| (shortened(&key, limit), value_json(&item, limit.below())));
            pairs.collect::<serde_json::Map<_, _>>().into()
        }
        _ => serde_json::Value::Null,
    }
}

pub(super) fn value_from(lua: &Lua, json: &serde_json::Value) -> mlua::Result<Value> {
    Ok(match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(flag) => Value::Boolean(*flag),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Number(number.as_f64().unwrap_or_default()), Value::Integer)
        }
        serde_json::Value::String(text) => Value::String(lua.create_string(text)?),
        serde_json::Value::Array(items) => {
            let items = items.iter().map(|item| value_from(lua, item)).collect::<mlua::Result<Vec<_>>>()?;
            Value::Table(lua.create_sequence_from(items)?)
        }
        serde_json::Value::Object(pairs) => {
            let table = lua.create_table()?;
            for (key, item) in pairs {
                table.raw_set(key.as_str(), value_from(lua, item)?)?;
            }
            Value::Table(table)
        }
    })
}

/// The error object that [`to_json`] wrote, in this Lua state.
pub fn from_json(lua: &Lua, json: &serde_json::Value) -> mlua::Result<Table> {
    let object = lua.create_table()?;
    for field in FIELDS {
        if let Some(text) = json[field].as_str() {
            object.raw_set(field, text)?;
        }
    }
    object.raw_set("code", json["code"].as_i64())?;
    object.raw_set("value", value_from(lua, &json["value"])?)?;
    if let Some(file) = json["file"].as_str() {
        let place = lua.create_table()?;
        place.raw_set("file", file)?;
        place.raw_set("line", json["line"].as_i64())?;
        object.raw_set("where", place)?;
    }
    if json["cause"].is_object() {
        object.raw_set("cause", from_json(lua, &json["cause"])?)?;
    }
    let finish: mlua::Function = lua.named_registry_value("crun_lua.adopt")?;
    finish.call(object)
}
