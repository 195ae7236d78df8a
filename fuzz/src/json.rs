//! JSON that is nearly right: a good document in which the input has put other values at a few places.

use serde_json::{Map, Value, json};

use super::bytes::Bytes;

/// A text that may be a name, a path, a number, an id.
const TEXTS: [&str; 30] = [
    "",
    "a",
    "/",
    "..",
    "../..",
    "/proc",
    "/proc/self/fd/1",
    "/etc/passwd",
    "//",
    "a\u{0}b",
    "\u{7f}",
    "a\nb",
    "0",
    "-1",
    "0x10",
    "1e9",
    "true",
    "4294967295",
    "bind",
    "rw",
    "runtime/default",
    "CAP_SYS_ADMIN",
    "SCMP_ACT_ALLOW",
    "RLIMIT_NOFILE",
    "pid",
    "network",
    "\u{fc}\u{4e00}",
    "=",
    "A=B",
    "net.ipv4.ip_forward",
];

/// Puts other values at some places of a document; `words` are names of members that it might have.
pub fn patched(base: &Value, words: &[&str], bytes: &mut Bytes) -> Value {
    let mut out = base.clone();
    for _ in 0..=bytes.below(4) {
        patch(&mut out, words, bytes);
    }
    out
}

fn patch(at: &mut Value, words: &[&str], bytes: &mut Bytes) {
    // Deeper, three times of four.
    if !bytes.one_in(4) {
        match at {
            Value::Object(map) if !map.is_empty() => {
                let index = bytes.below(map.len());
                return map.values_mut().nth(index).into_iter().for_each(|inner| patch(inner, words, bytes));
            }
            Value::Array(list) if !list.is_empty() => {
                let index = bytes.below(list.len());
                return patch(&mut list[index], words, bytes);
            }
            _ => {}
        }
    }
    match at {
        Value::Object(map) if !bytes.one_in(3) => {
            map.insert(bytes.pick(words).to_owned(), value(words, bytes, 0));
        }
        Value::Array(list) if !bytes.one_in(3) => {
            let item = if list.is_empty() || bytes.one_in(2) { value(words, bytes, 0) } else { list[bytes.below(list.len())].clone() };
            list.push(item);
        }
        _ => *at = value(words, bytes, 0),
    }
}

/// Any value.
pub fn value(words: &[&str], bytes: &mut Bytes, depth: usize) -> Value {
    match bytes.below(if depth > 3 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => json!(bytes.one_in(2)),
        2 => json!(bytes.number()),
        3 => json!(bytes.number().cast_signed().wrapping_neg()),
        4 => {
            if bytes.one_in(3) {
                json!(1e300 / bytes.number() as f64)
            } else if bytes.one_in(8) {
                Value::String("x".repeat(bytes.below(9000)))
            } else {
                json!(bytes.pick(words))
            }
        }
        5 => json!(bytes.pick(&TEXTS)),
        6 => (0..bytes.below(4)).map(|_| value(words, bytes, depth + 1)).collect(),
        7 => {
            let mut deep = json!(bytes.pick(&TEXTS));
            let most = if bytes.one_in(8) { 300 } else { 4 };
            for _ in 0..bytes.below(most) {
                deep = if bytes.one_in(2) { json!([deep]) } else { Value::Object(Map::from_iter([(bytes.pick(words).to_owned(), deep)])) };
            }
            deep
        }
        _ => {
            let mut map = Map::new();
            for _ in 0..bytes.below(4) {
                map.insert(bytes.pick(words).to_owned(), value(words, bytes, depth + 1));
            }
            map.into()
        }
    }
}
