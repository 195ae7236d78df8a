//! Scripts that call every primitive with odd arguments, as a plan: no panic, no call that goes past the plan,
//! no change by the kernel's word, and every error an error object with its fields.
//!
//! The table of primitives says what an argument may be; seven of eight are so, at the edges of what their
//! type has. Other scripts are the table's own examples with other values in them.

use std::collections::HashMap;
use std::sync::OnceLock;

use crun_lua::lua::table::{self, Primitive};
use crun_lua::lua::types::{Param, Type};

use super::bytes::Bytes;
use super::machine::{Planner, literal};

const ODD: [&str; 34] = [
    "nil",
    "true",
    "false",
    "-1",
    "0",
    "1",
    "0.5",
    "1e308",
    "-1e308",
    "0/0",
    "1/0",
    "math.maxinteger",
    "math.mininteger",
    "2^53",
    "4294967296",
    "\"\"",
    "\"\\0\"",
    "\"\\255\\254\"",
    "(\"x\"):rep(5000)",
    "\"%s%n\"",
    "{}",
    "{ {} }",
    "{ 1, nil, 3 }",
    "{ [0] = 1 }",
    "{ [1.5] = 2 }",
    "{ a = {} }",
    "function() end",
    "coroutine.create(print)",
    "setmetatable({}, { __index = error })",
    "setmetatable({}, { __tostring = error, __name = \"error\" })",
    "io.stdout",
    "print",
    "cyclic",
    "deep",
];
const TEXTS: [&str; 24] = [
    "",
    "a",
    "box",
    "..",
    "pid",
    "net",
    "/",
    "a/b",
    "a\nb",
    "-",
    "--help",
    "%d",
    "eth0",
    "lo",
    "10.0.0.1/24",
    "fe80::1/64",
    "999.1.1.1",
    "root",
    "sha256:00",
    "user.a",
    "SIGKILL",
    "kernel.hostname",
    "true",
    "\u{fc}\u{4e00}",
];
const PATHS: [&str; 20] = [
    "/",
    "/tmp",
    "/proc",
    "/proc/self/status",
    "/proc/self/fd/0",
    "/dev/null",
    "/etc/passwd",
    "/nonexistent/x",
    ".",
    "..",
    "../..",
    "a",
    "/tmp/a/../b",
    "//",
    "/proc/1/root",
    "/sys/fs/cgroup",
    "/proc/self/exe",
    "relative/path",
    "/dev/shm",
    "/x\u{1}y",
];
const SIZES: [&str; 12] = [
    "0",
    "1",
    "\"64M\"",
    "\"1k\"",
    "\"max\"",
    "\"0\"",
    "\"1.5G\"",
    "\"99999999999G\"",
    "\"-1\"",
    "\"M\"",
    "2^40",
    "\"18446744073709551615\"",
];
const TIMES: [&str; 9] = ["0", "\"0ms\"", "\"1ms\"", "\"1us\"", "\"ms\"", "\"-1s\"", "\"99999999999999h\"", "1e300", "\"1e3s\""];
const SHARES: [&str; 8] = ["\"50%\"", "\"0%\"", "\"100%\"", "\"1%\"", "\"10000%\"", "\"-5%\"", "\"%\"", "\"0.001%\""];
const MODES: [&str; 8] = ["\"0755\"", "\"0\"", "\"7777\"", "\"8\"", "0", "511", "\"u+x\"", "99999999"];

/// What stands before a script: values that no literal is.
const VALUES: &str =
    "local cyclic = {} cyclic[1] = cyclic cyclic.a = cyclic\nlocal deep = {} for _ = 1, 300 do deep = { deep, a = deep } end\n";

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let script = if bytes.one_in(3) { example(&mut bytes) } else { Writer::default().script(&mut bytes) };
    // A loop, or memory that grows, ends as the budget says.
    let script = format!(
        "{VALUES}local _, err = try(budget, {{ time = \"5s\", memory = \"64M\" }}, function()\n{script}\nend)\nif err then judge(\"script\", err) end\n"
    );
    if std::env::var_os("CRUN_LUA_FUZZ_SHOW").is_some() {
        eprintln!("{script}");
    }
    Planner::new().run(&script);
}

/// Reads the rules by a program of the machine's, with the null device as its streams: no change, but calls
/// that look like one.
const STARTS_A_PROGRAM: &str = "nft_list";

fn primitives() -> &'static [&'static Primitive] {
    static LIST: OnceLock<Vec<&Primitive>> = OnceLock::new();
    LIST.get_or_init(|| {
        let all = table::all().into_iter().flat_map(|(_, list)| list);
        all.filter(|primitive| primitive.name != STARTS_A_PROGRAM).collect()
    })
}

/// The words that names of a type are; asked for once.
fn names(noun: &'static str, all: fn() -> Vec<String>) -> &'static [String] {
    static KNOWN: OnceLock<std::sync::Mutex<HashMap<&str, &'static [String]>>> = OnceLock::new();
    KNOWN.get_or_init(Default::default).lock().unwrap().entry(noun).or_insert_with(|| all().leak())
}

/// An example of the table, some of whose texts and numbers are other ones.
fn example(bytes: &mut Bytes) -> String {
    let primitive = primitives()[bytes.below(primitives().len())];
    let code = primitive.examples[bytes.below(primitive.examples.len())].code;
    if code.contains(STARTS_A_PROGRAM) {
        return String::new();
    }
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
        let (before, found) = rest.split_at(at);
        let text = found.starts_with('"');
        let inner = found.get(1..).unwrap_or_default();
        let length = if text {
            inner.find('"').map(|end| end + 2)
        } else {
            Some(1 + inner.find(|c: char| !c.is_ascii_digit()).unwrap_or(inner.len()))
        };
        let Some(length) = length else { break };
        let (token, after) = found.split_at(length);
        let is_name = !text && before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        let other = !is_name && bytes.one_in(6);
        out.push_str(before);
        out.push_str(if other { bytes.pick(&ODD) } else { token });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Writes scripts, and knows what it has put into variables.
#[derive(Default)]
struct Writer {
    /// The kind of handle that each variable may hold.
    kinds: Vec<String>,
    depth: usize,
}

impl Writer {
    fn script(&mut self, bytes: &mut Bytes) -> String {
        let mut out = String::new();
        for _ in 0..=bytes.below(8) {
            self.statement(bytes, &mut out);
        }
        out
    }

    fn statement(&mut self, bytes: &mut Bytes, out: &mut String) {
        let primitive = primitives()[bytes.below(primitives().len())];
        self.call(primitive, bytes, out);
    }

    fn call(&mut self, primitive: &Primitive, bytes: &mut Bytes, out: &mut String) {
        // More locals than a function of Lua has, and nests deeper than anybody reads.
        if self.kinds.len() > 120 || self.depth > 4 {
            return;
        }
        self.depth += 1;
        let start = match primitive.method() {
            Some((kind, name)) => {
                let this = self.handle(kind, bytes, out);
                format!("invoke({this}, \"{name}\"")
            }
            // The budget is what the script runs in.
            None => format!("check(\"{0}\", sys[\"{0}\"]", primitive.name),
        };
        let mut arguments = Vec::new();
        for param in primitive.params {
            if !param.required && bytes.one_in(3) {
                break;
            }
            arguments.push(self.value(&param.kind, bytes, 0, out));
        }
        if bytes.one_in(16) {
            arguments.push(bytes.pick(&ODD).to_owned());
        }
        let arguments: String = arguments.iter().map(|argument| format!(", {argument}")).collect();
        let kind: String = primitive.returns.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        out.push_str(&format!("local v{} = {start}{arguments})\n", self.kinds.len()));
        self.kinds.push(kind);
        self.depth -= 1;
    }

    /// A variable that may hold such a handle; one is made where there is none.
    fn handle(&mut self, kind: &str, bytes: &mut Bytes, out: &mut String) -> String {
        if bytes.one_in(8) {
            return self.any(bytes);
        }
        let known = self.kinds.iter().rposition(|known| known == kind || kind == "handle");
        let found = known.or_else(|| {
            let before = self.kinds.len();
            self.call(table::find(table::maker(kind)?)?, bytes, out);
            (self.kinds.len() > before).then(|| self.kinds.len() - 1)
        });
        found.map_or_else(|| "nil".to_owned(), |index| format!("v{index}"))
    }

    fn any(&mut self, bytes: &mut Bytes) -> String {
        if !self.kinds.is_empty() && bytes.one_in(3) {
            return format!("v{}", bytes.below(self.kinds.len()));
        }
        bytes.pick(&ODD).to_owned()
    }

    fn value(&mut self, kind: &Type, bytes: &mut Bytes, depth: usize, out: &mut String) -> String {
        if bytes.one_in(8) || depth > 6 {
            return self.any(bytes);
        }
        match *kind {
            Type::Boolean => bytes.pick(&["true", "false"]).to_owned(),
            Type::Integer(low, high) => {
                let number = bytes.number().cast_signed();
                format!(
                    "math.tointeger(\"{}\")",
                    bytes.pick(&[low, high, number.clamp(low, high), 1.clamp(low, high), number, low.wrapping_sub(1)])
                )
            }
            Type::Text | Type::Bytes => literal(bytes.pick(&TEXTS).as_bytes()),
            Type::Path => literal(bytes.pick(&PATHS).as_bytes()),
            Type::Size => bytes.pick(&SIZES).to_owned(),
            Type::Duration => bytes.pick(&TIMES).to_owned(),
            Type::Percent => bytes.pick(&SHARES).to_owned(),
            Type::Mode => bytes.pick(&MODES).to_owned(),
            Type::Word(words) => literal(bytes.pick(words).as_bytes()),
            Type::Name(noun, _, all) => {
                let all = names(noun, all);
                if all.is_empty() { "\"\"".to_owned() } else { literal(all[bytes.below(all.len())].as_bytes()) }
            }
            Type::List(item) => {
                let items: Vec<String> = (0..bytes.below(4)).map(|_| self.value(item, bytes, depth + 1, out)).collect();
                format!("{{ {} }}", items.join(", "))
            }
            Type::Map(item) => {
                let pairs: Vec<String> = (0..bytes.below(3))
                    .map(|_| format!("[{}] = {}", literal(bytes.pick(&TEXTS).as_bytes()), self.value(item, bytes, depth + 1, out)))
                    .collect();
                format!("{{ {} }}", pairs.join(", "))
            }
            Type::Options(params) => format!("{{ {} }}", self.options(params, bytes, depth, out)),
            Type::Command(params) => {
                let words: Vec<String> =
                    (0..bytes.below(4)).map(|_| literal(bytes.pick(&["/bin/true", "sh", "-c", "", "x"]).as_bytes())).collect();
                format!("{{ {}{}{} }}", words.join(", "), if words.is_empty() { "" } else { ", " }, self.options(params, bytes, depth, out))
            }
            Type::Function => self.function(bytes),
            Type::Handle(kind) => self.handle(kind, bytes, out),
            Type::Either(kinds) => {
                let kind = kinds[bytes.below(kinds.len())];
                self.value(&kind, bytes, depth + 1, out)
            }
            Type::Any => self.any(bytes),
        }
    }

    fn options(&mut self, params: &[Param], bytes: &mut Bytes, depth: usize, out: &mut String) -> String {
        let mut fields = Vec::new();
        for param in params {
            let wanted = if param.required { !bytes.one_in(16) } else { bytes.one_in(4) };
            if wanted {
                let value = self.value(&param.kind, bytes, depth + 1, out);
                fields.push(format!("[\"{}\"] = {value}", param.name));
            }
        }
        fields.join(", ")
    }

    /// A function of a few calls. What it makes is its own.
    fn function(&mut self, bytes: &mut Bytes) -> String {
        let mut body = String::new();
        let before = self.kinds.len();
        if self.depth < 4 {
            for _ in 0..bytes.below(3) {
                self.statement(bytes, &mut body);
            }
        }
        self.kinds.truncate(before);
        let end = bytes.pick(&[
            "",
            "return 1",
            "return \"x\"",
            "return {}",
            "error(\"x\")",
            "os.exit(3)",
            "error({})",
            "error(setmetatable({}, { __tostring = error }))",
        ]);
        format!("function(...) {body} {end} end")
    }
}
