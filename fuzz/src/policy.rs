//! Policies: texts of Lua that a policy's author might write to get out, over one specification. Whatever they
//! do, what comes back is a specification or a refusal, and nothing of the machine's is another afterwards.

use super::bytes::Bytes;
use super::machine::{Planner, literal};

const SCRIPT: &str = r#"
local before = { string.format, string.rep, table.insert, require, pairs, next, getmetatable("").__index }
local spec = json_decode(config)
spec.linux.maskedPaths, spec.linux.readonlyPaths = nil, nil
local text = json_encode(spec)
local ctx = { operation = operation, id = "fuzz", bundle = "/bundle", check = require("oci.config").check }
local answer, changed
local _, err = try(require("oci.policy.run").all, { { path = "/etc/fuzz.lua", source = source } }, spec, ctx, function(message)
  if type(message) ~= "table" then found("policy", "a message that is none") end
  changed = changed or message.spec ~= nil
  answer = message.spec or answer
end)
if err then judge_meant("policy", err) end
if answer then
  local _, wrong = try(ctx.check, answer)
  if wrong then found("policy", "an answer that is no configuration: " .. tostring(wrong)) end
end
if not changed and json_encode(spec) ~= text then found("policy", "the specification was changed by nobody") end
local after = { string.format, string.rep, table.insert, require, pairs, next, getmetatable("").__index }
for index, value in ipairs(before) do
  if after[index] ~= value then found("policy", "a library of the machine's was changed") end
end
"#;

const VALUES: [&str; 30] = [
    "nil",
    "true",
    "0",
    "-1",
    "1e300",
    "math.huge",
    "0/0",
    "\"\"",
    "\"/etc\"",
    "(\"x\"):rep(1e6)",
    "{}",
    "{ {} }",
    "spec",
    "ctx",
    "_G",
    "print",
    "string",
    "function() end",
    "coroutine.create(pairs)",
    "setmetatable({}, { __index = error })",
    "setmetatable({}, { __tostring = function() return 1 end })",
    "setmetatable({}, { __len = function() return 1e9 end })",
    "spec.process",
    "spec.mounts",
    "spec.linux",
    "next(spec)",
    "getmetatable(spec)",
    "getmetatable(\"\")",
    "\"\\255\"",
    "{ 1, nil, 3 }",
];
const PLACES: [&str; 16] = [
    "spec",
    "spec.process",
    "spec.process.args",
    "spec.process.user",
    "spec.process.capabilities",
    "spec.mounts",
    "spec.mounts[1]",
    "spec.linux",
    "spec.linux.namespaces",
    "spec.root",
    "spec.annotations",
    "ctx",
    "ctx.annotations",
    "ctx.process",
    "string",
    "_G",
];
const KEYS: [&str; 16] = [
    "args",
    "uid",
    "bounding",
    "options",
    "destination",
    "path",
    "readonly",
    "hostname",
    "env",
    "[1]",
    "[0]",
    "[#spec.mounts + 1]",
    "[spec]",
    "[0/0]",
    "x",
    "ociVersion",
];
const NEEDS: [&str; 10] = ["read_file", "mount", "write_file", "spawn", "exec", "stat", "nosuch", "env", "state_dir", "json_decode"];
const TOOLS: [&str; 14] = [
    "at",
    "add_env",
    "get_env",
    "find_mount",
    "add_mount",
    "add_hook",
    "drop_capability",
    "has_capability",
    "has_namespace",
    "is_privileged",
    "add_group",
    "add_device",
    "add_cdi",
    "default",
];

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let operation = bytes.pick(&["create", "create", "exec"]);
    let source = if bytes.one_in(6) { bytes.rest().to_vec() } else { policy(&mut bytes).into_bytes() };
    let config = include_str!("config.json");
    let script =
        format!("local operation, source, config = \"{operation}\", {}, {}\n{SCRIPT}", literal(&source), literal(config.as_bytes()));
    Planner::new().run(&script);
}

fn policy(bytes: &mut Bytes) -> String {
    let mut out = String::new();
    if bytes.one_in(8) {
        out.push_str(&statement(bytes, 0).replace("spec", "({})").replace("ctx", "({})"));
    }
    out.push_str("local tools = require \"oci.policy.tools\"\nreturn {\n");
    if bytes.one_in(3) {
        out.push_str(&format!("  needs = {{ \"{}\", \"{}\" }},\n", bytes.pick(&NEEDS), bytes.pick(&NEEDS)));
    }
    for name in ["mutate", "validate"] {
        if bytes.one_in(4) {
            continue;
        }
        let body: Vec<String> = (0..=bytes.below(4)).map(|_| statement(bytes, 0)).collect();
        let end = if bytes.one_in(3) { format!("    do return {}, {} end\n", value(bytes), value(bytes)) } else { String::new() };
        out.push_str(&format!("  {name} = function(spec, ctx)\n{}{end}  end,\n", body.concat()));
    }
    out.push_str("}\n");
    out
}

fn value(bytes: &mut Bytes) -> &'static str {
    bytes.pick(&VALUES)
}

fn statement(bytes: &mut Bytes, depth: usize) -> String {
    let (place, key) = (bytes.pick(&PLACES), bytes.pick(&KEYS));
    let field = if key.starts_with('[') { format!("{place}{key}") } else { format!("{place}.{key}") };
    let value = value(bytes);
    let text = match bytes.below(if depth > 2 { 11 } else { 15 }) {
        0..=2 => format!("{field} = {value}"),
        3 => format!("ctx.refuse({value})"),
        4 => format!("ctx.warn({value})"),
        5 => format!("error({value})"),
        6 => format!("table.insert({place}, {value})"),
        7 => format!("table.sort({place}, function() return {value} end)"),
        8 => format!("setmetatable({place}, {value})"),
        9 => format!("tools.{}({place}, {value})", bytes.pick(&TOOLS)),
        10 => format!("{}({value}, {place})", bytes.pick(&NEEDS)),
        11 => format!("for k, v in pairs({place}) do {} end", statement(bytes, depth + 1)),
        12 => format!("pcall(function() {} end)", statement(bytes, depth + 1)),
        13 => format!("coroutine.wrap(function() {} end)()", statement(bytes, depth + 1)),
        _ => format!("for _ = 1, {} do {} end", bytes.pick(&[1, 3, 100_000]), statement(bytes, depth + 1)),
    };
    format!("    {text}\n")
}
