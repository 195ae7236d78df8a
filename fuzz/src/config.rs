//! config.json to a plan: `create` and `run` of a bundle whose configuration is the input, or a good one with
//! other values in it. Every refusal must be one that somebody meant.

use std::sync::OnceLock;

use serde_json::Value;

use super::bytes::Bytes;
use super::confine::{place, rewrite};
use super::json;
use super::machine::{literal, shared};

/// The members of the specification's schema.
const MEMBERS: &str = include_str!("members.txt");

const SCRIPT: &str = r#"
local status = require "oci.main"(words, function(module)
  local command = require(module)
  return function(call)
    local status, err = try(command, call)
    if err then
      judge_meant("oci", err)
      error(err, 0)
    end
    return status
  end
end)
-- What a planned program answers is not known.
if type(status) == "number" and status ~= 0 and status ~= 1 and status ~= 255 then found("oci", "status " .. tostring(status)) end
"#;

/// Runs a command of the OCI runtime.
pub fn command(words: &[&str]) {
    let words: Vec<String> = words.iter().map(|word| literal(word.as_bytes())).collect();
    shared(&format!("local words = {{ {} }}\n{SCRIPT}", words.join(", ")));
}

fn good() -> &'static Value {
    static GOOD: OnceLock<Value> = OnceLock::new();
    GOOD.get_or_init(|| serde_json::from_str(include_str!("config.json")).unwrap())
}

fn members() -> &'static [&'static str] {
    static WORDS: OnceLock<Vec<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| MEMBERS.lines().collect())
}

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let verb: &[&str] = match bytes.byte() {
        // What a JSON text begins with: the input as a whole, for a corpus of files.
        b'{' | b'[' | b' ' | b'\n' => {
            rewrite("config", &place().join("bundle/config.json"), data);
            return plan(&["run"]);
        }
        byte if byte.is_multiple_of(3) => &["run", "--detach"],
        byte if byte % 3 == 1 => &["create"],
        _ => &["run"],
    };
    let text = json::patched(good(), members(), &mut bytes).to_string();
    rewrite("config", &place().join("bundle/config.json"), text.as_bytes());
    plan(verb);
}

fn plan(verb: &[&str]) {
    let (root, bundle) = (place().join("root").display().to_string(), place().join("bundle").display().to_string());
    let words: Vec<&str> = [&["--root", root.as_str()], verb, &["--bundle", bundle.as_str(), "fuzz"]].concat();
    command(&words);
}
