//! JSON to Lua values, made while the text is read: there is no tree in between.

use std::collections::BTreeSet;
use std::fmt;

use mlua::{Lua, LuaString, Table, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::mark;
use crate::lua::MEMORY_LIMIT;
use crate::lua::error::{Outcome, Raise};

/// A text that may become more than the machine's memory.
const LARGE: usize = 1 << 20;

/// Brief commands have no limit before they read something large: to keep to one makes each string
/// and table dearer by a protected call.
fn limit_memory(lua: &Lua) -> mlua::Result<()> {
    match lua.set_memory_limit(MEMORY_LIMIT)? {
        0 => Ok(()),
        before => lua.set_memory_limit(before).map(drop),
    }
}

/// Reads a text of at most `limit` bytes.
pub fn decode(lua: &Lua, text: &[u8], limit: u64) -> Outcome {
    if text.len() as u64 > limit {
        return Err(Raise::state(format!("the text has {} bytes; options.limit allows {limit}", text.len())));
    }
    if text.len() > LARGE {
        limit_memory(lua)?;
    }
    let mut parser = serde_json::Deserializer::from_slice(text);
    let seed = Seed { lua, mark: &mark(lua)? };
    let value = seed.deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    // serde_json's own words end with "at line 1 column 5".
    value.map_err(|error| Raise::state(format!("not JSON: {error}")))
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    lua: &'a Lua,
    mark: &'a Table,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Boolean(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    #[allow(clippy::cast_precision_loss, reason = "said in the reference; RLIM_INFINITY, which is what occurs, is written back whole")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Number(number as f64), Value::Integer))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.lua.create_string(text).map(Value::String).map_err(E::custom)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let list = self.lua.create_table().map_err(A::Error::custom)?;
        let mut index = 0;
        while let Some(value) = items.next_element_seed(self)? {
            index += 1;
            if value.is_nil() {
                return Err(A::Error::custom(format!("null is the element {index} of a list; Lua's lists have no such element")));
            }
            list.raw_set(index, value).map_err(A::Error::custom)?;
        }
        list.set_metatable(Some(self.mark.clone())).map_err(A::Error::custom)?;
        Ok(Value::Table(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let object = self.lua.create_table().map_err(A::Error::custom)?;
        // The table does not show these; there may be many in a text that means harm.
        let mut nulls = BTreeSet::new();
        while let Some(key) = pairs.next_key_seed(Key(self.lua))? {
            // Two readers take two different ones.
            if !object.raw_get::<Value>(&key).map_err(A::Error::custom)?.is_nil() || nulls.contains(&*key.as_bytes()) {
                return Err(A::Error::custom(format!("the key {:?} comes twice", key.to_string_lossy())));
            }
            let value = pairs.next_value_seed(self)?;
            if value.is_nil() {
                nulls.insert(key.as_bytes().to_vec());
            } else {
                object.raw_set(key, value).map_err(A::Error::custom)?;
            }
        }
        Ok(Value::Table(object))
    }
}

/// A key, made as Lua's own text at once.
struct Key<'a>(&'a Lua);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = LuaString;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<LuaString, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = LuaString;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<LuaString, E> {
        self.0.create_string(text).map_err(E::custom)
    }
}
