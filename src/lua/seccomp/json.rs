//! A Lua table as the JSON that it stands for.

use mlua::Value;
use serde_json::{Map, Number};

/// How deep a profile may nest.
const DEPTH: usize = 16;

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// A table with elements is an array, any other an object.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, and is meant to")]
pub fn from_lua(value: &Value, depth: usize) -> Result<serde_json::Value, String> {
    if depth > DEPTH {
        return Err(format!("tables nest deeper than {DEPTH}"));
    }
    Ok(match value {
        Value::Nil => serde_json::Value::Null,
        Value::Boolean(flag) => (*flag).into(),
        Value::Integer(number) => (*number).into(),
        // What `json_decode` makes of whole numbers that Lua's integers do not hold.
        Value::Number(number) if number.fract() == 0.0 && (TWO_63..=2.0 * TWO_63).contains(number) => (*number as u64).into(),
        Value::Number(number) => Number::from_f64(*number).map_or(serde_json::Value::Null, Into::into),
        Value::String(text) => text.to_string_lossy().into(),
        Value::Table(table) if table.raw_len() > 0 => {
            let items = table.sequence_values::<Value>().map(|item| from_lua(&item.map_err(|error| error.to_string())?, depth + 1));
            serde_json::Value::Array(items.collect::<Result<_, String>>()?)
        }
        Value::Table(table) => {
            let mut map = Map::new();
            for pair in table.pairs::<String, Value>() {
                let (key, value) = pair.map_err(|error| error.to_string())?;
                map.insert(key, from_lua(&value, depth + 1)?);
            }
            map.into()
        }
        other => return Err(format!("a {} has no place in a profile", other.type_name())),
    })
}
