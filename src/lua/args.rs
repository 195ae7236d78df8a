//! The checked arguments of one call, by name.
//!
//! [`Args`] is made by the dispatcher after every value has been judged against its type, so
//! the accessors convert and do not judge.

use std::ffi::OsString;
use std::ops::Deref;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use mlua::{Function, Lua, Table, Value};

use super::Host;
use super::error::{Outcome, Raise};
use super::handle::{Handle, Held, Resource};
use super::types::{Param, Type, whole};
use super::units;

/// Named values: the positional arguments of a call, or one option table.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(&'static str, Type, Value)>);

/// The arguments of a call, with the machine and the host that it runs in.
pub struct Args<'a> {
    /// The Lua machine.
    pub lua: &'a Lua,
    /// The host program: kernel, guard, ledger.
    pub host: &'a Rc<Host>,
    /// The handle that a method was called on.
    this: Option<Handle>,
    fields: Fields,
}

impl<'a> Args<'a> {
    /// Takes values that were checked against `params`.
    #[must_use]
    pub fn new(lua: &'a Lua, host: &'a Rc<Host>, this: Option<Handle>, fields: Fields) -> Self {
        Self { lua, host, this, fields }
    }

    /// The open resource that a method was called on.
    pub fn this<T: Resource>(&self) -> Outcome<Held<T>> {
        self.this_handle()?.open()
    }

    /// The handle that a method was called on, open or not.
    pub fn this_handle(&self) -> Outcome<&Handle> {
        self.this.as_ref().ok_or_else(|| Raise::argument("call this with a colon: handle:method(…)"))
    }

    /// A new handle as a Lua value.
    pub fn adopt(&self, resource: impl Resource, journal: Option<u64>) -> Outcome {
        let handle = self.host.ledger.adopt(resource, journal);
        Ok(Value::UserData(self.lua.create_userdata(handle)?))
    }
}

impl Deref for Args<'_> {
    type Target = Fields;
    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl Fields {
    /// Takes a value for a parameter.
    pub fn put(&mut self, param: &Param, value: Value) {
        self.0.push((param.name, param.kind, value));
    }

    /// Takes the options that a table has, in the order of `params`.
    pub fn from_table(table: &Table, params: &'static [Param]) -> Outcome<Self> {
        let mut fields = Self::default();
        for param in params {
            fields.put(param, table.raw_get(param.name)?);
        }
        Ok(fields)
    }

    /// The value itself; nil where it was left out.
    #[must_use]
    pub fn value(&self, name: &str) -> &Value {
        const NIL: &Value = &Value::Nil;
        self.0.iter().find(|(other, _, _)| *other == name).map_or(NIL, |(_, _, value)| value)
    }

    /// Whether it was given.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        !self.value(name).is_nil()
    }

    /// A flag; false where it was left out.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.boolean(name).unwrap_or(false)
    }

    /// A flag that may be left out.
    #[must_use]
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.value(name).as_boolean()
    }

    /// A text that may be left out.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name).as_string().map(mlua::LuaString::to_string_lossy)
    }

    /// A text that the check has made sure of; empty where it was left out.
    #[must_use]
    pub fn required_text(&self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }

    /// Bytes that may be left out.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.value(name).as_string().map(|text| text.as_bytes().to_vec())
    }

    /// A path, byte for byte.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.bytes(name).map(|bytes| PathBuf::from(OsString::from_vec(bytes)))
    }

    /// A path that the check has made sure of.
    #[must_use]
    pub fn required_path(&self, name: &str) -> PathBuf {
        self.path(name).unwrap_or_default()
    }

    /// A whole number that may be left out, in the range of the wanted type.
    pub fn integer<T: TryFrom<i64>>(&self, name: &str) -> Outcome<Option<T>> {
        let Some(number) = whole(self.value(name)) else { return Ok(None) };
        T::try_from(number).map(Some).map_err(|_| Raise::argument(format!("{name}: {number} is out of range")))
    }

    /// Bytes; `u64::MAX` for `"max"`.
    #[must_use]
    pub fn size(&self, name: &str) -> Option<u64> {
        size_of(self.value(name))
    }

    /// A span of time; a plain number is seconds.
    #[must_use]
    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.value(name) {
            Value::String(text) => units::duration(&text.to_string_lossy()).ok(),
            other => other.as_u64().map(Duration::from_secs),
        }
    }

    /// Hundredths.
    #[must_use]
    pub fn percent(&self, name: &str) -> Option<u64> {
        self.text(name).and_then(|text| units::percent(&text).ok())
    }

    /// Permission bits.
    #[must_use]
    pub fn mode(&self, name: &str) -> Option<u32> {
        match self.value(name) {
            Value::String(text) => units::mode(&text.to_string_lossy()).ok(),
            other => other.as_u32(),
        }
    }

    /// A list of texts; empty where it was left out.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        let Some(table) = self.value(name).as_table() else { return Vec::new() };
        let texts = table.sequence_values::<Value>().filter_map(Result::ok);
        texts.filter_map(|value| value.as_string().map(mlua::LuaString::to_string_lossy)).collect()
    }

    /// The elements of a list; empty where it was left out.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<Value> {
        let Some(table) = self.value(name).as_table() else { return Vec::new() };
        table.sequence_values::<Value>().filter_map(Result::ok).collect()
    }

    /// A table of texts, sorted by name; empty where it was left out.
    #[must_use]
    pub fn map(&self, name: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (key, value) in self.pairs(name) {
            if let Some(text) = value.as_string() {
                pairs.push((key, text.to_string_lossy()));
            }
        }
        pairs
    }

    /// A table from names to values, sorted by name; empty where it was left out.
    #[must_use]
    pub fn pairs(&self, name: &str) -> Vec<(String, Value)> {
        let Some(table) = self.value(name).as_table() else { return Vec::new() };
        let mut pairs: Vec<(String, Value)> = table.pairs::<String, Value>().filter_map(Result::ok).collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs
    }

    /// The options in a table that is itself an argument; none where it was left out.
    pub fn options(&self, name: &str) -> Outcome<Fields> {
        let Some((_, kind, value)) = self.0.iter().find(|(other, _, _)| *other == name) else { return Ok(Fields::default()) };
        let (Some(table), Some(params)) = (value.as_table(), params_of(kind)) else { return Ok(Fields::default()) };
        Fields::from_table(table, params)
    }

    /// A function that may be left out.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<Function> {
        self.value(name).as_function().cloned()
    }

    /// The open resource of a handle that may be left out.
    pub fn handle<T: Resource>(&self, name: &str) -> Outcome<Option<Held<T>>> {
        Handle::from_value(self.value(name)).map(|handle| handle.open()).transpose()
    }
}

/// The option list of a type that has one.
fn params_of(kind: &Type) -> Option<&'static [Param]> {
    match kind {
        Type::Options(params) | Type::Command(params) => Some(params),
        Type::Either(types) => types.iter().find_map(params_of),
        _ => None,
    }
}

/// A size in a Lua value, as [`Type::Size`] allows it.
#[must_use]
pub fn size_of(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => units::size(&text.to_string_lossy()).ok(),
        other => other.as_u64(),
    }
}
