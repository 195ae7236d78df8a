//! JSON to Lua values, made while the text is read: there is no tree in between.

use std::collections::HashSet;
use std::fmt;

use mlua::{Lua, Table, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::mark;
use crate::lua::error::{Outcome, Raise};

/// Reads a text of at most `limit` bytes.
pub fn decode(lua: &Lua, text: &[u8], limit: u64) -> Outcome {
    if text.len() as u64 > limit {
        return Err(Raise::state(format!("the text has {} bytes; options.limit allows {limit}", text.len())));
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
        let mut seen = HashSet::new();
        while let Some(key) = pairs.next_key::<String>()? {
            // Two readers take two different ones.
            if seen.contains(&key) {
                return Err(A::Error::custom(format!("the key {key:?} comes twice")));
            }
            let value = pairs.next_value_seed(self)?;
            object.raw_set(key.as_str(), value).map_err(A::Error::custom)?;
            seen.insert(key);
        }
        Ok(Value::Table(object))
    }
}
