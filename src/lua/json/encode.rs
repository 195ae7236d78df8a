//! Lua values to JSON. Nothing is guessed: a table is a list or an object, or it is refused.

use mlua::{Lua, LuaString, Table, Value};
use serde_json::{Map, Number, Value as Json};

use super::{DEPTH, mark};
use crate::lua::error::{Outcome, Raise};
use crate::lua::{is_unknown, unknown};

/// Why a value was not written.
enum Stop {
    /// A plan's value that is not known yet: nor is the text.
    Unknown,
    Raise(Raise),
}

impl From<mlua::Error> for Stop {
    fn from(error: mlua::Error) -> Self {
        Self::Raise(Raise::Lua(error))
    }
}

/// Writes a value; in a plan the unknown value where a part of it is not known.
pub fn encode(lua: &Lua, value: &Value, pretty: bool) -> Outcome {
    let mut writer = Writer { lua, mark: mark(lua)?, path: Vec::new(), open: Vec::new() };
    let json = match writer.value(value) {
        Ok(json) => json,
        Err(Stop::Unknown) => return Ok(unknown(lua)?),
        Err(Stop::Raise(raise)) => return Err(raise),
    };
    let text = if pretty { serde_json::to_string_pretty(&json).map(|text| text + "\n") } else { serde_json::to_string(&json) };
    let text = text.map_err(|error| Raise::state(error.to_string()))?;
    Ok(Value::String(lua.create_string(text)?))
}

struct Writer<'a> {
    lua: &'a Lua,
    mark: Table,
    /// The way to the current value, as Lua writes it.
    path: Vec<String>,
    /// The tables on that way: one that is met again contains itself.
    open: Vec<*const std::ffi::c_void>,
}

impl Writer<'_> {
    fn refuse(&self, what: &str) -> Stop {
        let path = self.path.concat();
        Stop::Raise(Raise::argument(format!("{}: {what}", if path.is_empty() { "value" } else { &path })))
    }

    fn value(&mut self, value: &Value) -> Result<Json, Stop> {
        if is_unknown(self.lua, value) {
            return Err(Stop::Unknown);
        }
        match value {
            Value::Boolean(flag) => Ok(Json::Bool(*flag)),
            Value::Integer(number) => Ok(Json::Number((*number).into())),
            Value::Number(number) => self.number(*number),
            Value::String(text) => self.text(text).map(Json::String),
            Value::Table(table) => self.table(table),
            Value::Function(_) => Err(self.refuse("a function; JSON has no word for it")),
            other => Err(self.refuse(&format!("{} cannot be written as JSON", other.type_name()))),
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, and is meant to")]
    fn number(&self, number: f64) -> Result<Json, Stop> {
        // What `json_decode` made of a whole number that Lua's integers do not hold.
        if number.fract() == 0.0 && (9_223_372_036_854_775_808.0..=18_446_744_073_709_551_616.0).contains(&number) {
            return Ok(Json::Number((number as u64).into()));
        }
        Number::from_f64(number).map(Json::Number).ok_or_else(|| self.refuse("JSON has no number that is infinite or none"))
    }

    fn text(&self, text: &LuaString) -> Result<String, Stop> {
        text.to_str().map(|text| text.to_owned()).map_err(|_| self.refuse("a text that is not UTF-8"))
    }

    fn table(&mut self, table: &Table) -> Result<Json, Stop> {
        let is_list = match table.metatable() {
            Some(other) if other != self.mark => return Err(self.refuse("a table with a metatable; only plain tables are written")),
            other => other.is_some(),
        };
        let pointer = table.to_pointer();
        if self.open.contains(&pointer) {
            return Err(self.refuse("a table that contains itself"));
        }
        if self.open.len() >= DEPTH {
            return Err(self.refuse(&format!("tables nest deeper than {DEPTH}")));
        }
        self.open.push(pointer);
        let json = if is_list || table.raw_len() > 0 { self.list(table) } else { self.object(table) };
        self.open.pop();
        json
    }

    fn list(&mut self, table: &Table) -> Result<Json, Stop> {
        let length = table.raw_len();
        for pair in table.pairs::<Value, Value>() {
            let (key, _) = pair?;
            let inside = key.as_i64().and_then(|index| usize::try_from(index).ok()).is_some_and(|index| (1..=length).contains(&index));
            if !inside || !key.is_integer() {
                return Err(self.refuse(&format!("a list of {length} elements that also has the key {}", show(&key))));
            }
        }
        let mut list = Vec::with_capacity(length);
        for index in 1..=length {
            self.path.push(format!("[{index}]"));
            let item: Value = table.raw_get(index)?;
            if item.is_nil() {
                return Err(self.refuse("a hole in a list"));
            }
            list.push(self.value(&item)?);
            self.path.pop();
        }
        Ok(Json::Array(list))
    }

    fn object(&mut self, table: &Table) -> Result<Json, Stop> {
        let mut pairs = Vec::new();
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            let Value::String(text) = &key else {
                return Err(self.refuse(&format!("the key {} is no text", show(&key))));
            };
            self.path.push(step(&text.to_string_lossy()));
            pairs.push((self.text(text)?, value));
            self.path.pop();
        }
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        let mut object = Map::with_capacity(pairs.len());
        for (key, value) in pairs {
            self.path.push(step(&key));
            let json = self.value(&value)?;
            self.path.pop();
            object.insert(key, json);
        }
        Ok(Json::Object(object))
    }
}

/// A key as it is written behind the way to its table: `.env`, `["net.ipv4"]`.
fn step(key: &str) -> String {
    let plain =
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !key.starts_with(|c: char| c.is_ascii_digit());
    if plain { format!(".{key}") } else { format!("[{key:?}]") }
}

fn show(key: &Value) -> String {
    match key {
        Value::String(text) => format!("{:?}", text.to_string_lossy()),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => format!("{number:?}"),
        Value::Boolean(flag) => flag.to_string(),
        other => format!("of the type {}", other.type_name()),
    }
}
