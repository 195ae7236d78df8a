//! What an argument may be, and the check that says on the caller's line what is wrong with it.
//!
//! A primitive describes its arguments once, as data; this file is the only one that judges them.
//! Everything is judged before the first system call.

use mlua::Value;

use super::handle;
use super::units;

/// The type of one argument, option or element.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds.
    Integer(i64, i64),
    /// Text without a NUL byte.
    Text,
    /// A path: text that is not empty.
    Path,
    /// Any bytes.
    Bytes,
    /// Bytes as a number, or text such as `"64M"`; `"max"` for no limit.
    Size,
    /// Text such as `"250ms"`, or seconds as a number.
    Duration,
    /// Text such as `"50%"`.
    Percent,
    /// Permission bits: text such as `"0755"`, or a number.
    Mode,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A name that a function knows: the noun for messages, the test, and all names.
    Name(&'static str, fn(&str) -> bool, fn() -> Vec<String>),
    /// A sequence.
    List(&'static Type),
    /// A table from text to this.
    Map(&'static Type),
    /// A table of named options.
    Options(&'static [Param]),
    /// A sequence of texts that may carry named options: `{ "/bin/sh", "-c", env = { … } }`.
    Command(&'static [Param]),
    /// A Lua function.
    Function,
    /// A handle of this kind.
    Handle(&'static str),
    /// Any of these.
    Either(&'static [Type]),
    /// Anything; the primitive judges it.
    Any,
}

/// Any number that fits the kernel's `unsigned int`.
pub const U32: Type = Type::Integer(0, u32::MAX as i64);
/// Any whole number.
pub const INT: Type = Type::Integer(i64::MIN, i64::MAX);
/// Any whole number that is not negative.
pub const UINT: Type = Type::Integer(0, i64::MAX);
/// A process id.
pub const PID: Type = Type::Integer(1, i32::MAX as i64);

/// One named argument or option.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name in the option table, in help, and in messages.
    pub name: &'static str,
    /// What it may be.
    pub kind: Type,
    /// Whether it must be given.
    pub required: bool,
    /// What it means, its unit and its default.
    pub doc: &'static str,
}

/// A parameter that must be given.
pub const fn need(name: &'static str, kind: Type, doc: &'static str) -> Param {
    Param { name, kind, required: true, doc }
}

/// A parameter that may be left out.
pub const fn may(name: &'static str, kind: Type, doc: &'static str) -> Param {
    Param { name, kind, required: false, doc }
}

/// A whole number, also where Lua has it as a float: `1e6`.
#[must_use]
pub fn whole(value: &Value) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "bounded just before")]
    match value {
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
        other => other.as_i64(),
    }
}

/// How deep tables may nest in an argument.
const DEPTH: usize = 16;

impl Type {
    /// The type in words, for help and for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Boolean => "boolean".into(),
            Self::Integer(i64::MIN, i64::MAX) => "integer".into(),
            Self::Integer(low, i64::MAX) => format!("integer from {low}"),
            Self::Integer(low, high) => format!("integer from {low} to {high}"),
            Self::Text => "string".into(),
            Self::Path => "path".into(),
            Self::Bytes => "bytes".into(),
            Self::Size => "size".into(),
            Self::Duration => "duration".into(),
            Self::Percent => "percent".into(),
            Self::Mode => "mode".into(),
            Self::Word(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" | "),
            Self::Name(noun, ..) => format!("{noun} name"),
            Self::List(item) => format!("list of {}", item.describe()),
            Self::Map(item) => format!("table of {}", item.describe()),
            Self::Options(_) => "options".into(),
            Self::Command(_) => "argument list".into(),
            Self::Function => "function".into(),
            Self::Handle(kind) => (*kind).into(),
            Self::Either(types) => types.iter().map(Self::describe).collect::<Vec<_>>().join(" or "),
            Self::Any => "any value".into(),
        }
    }

    /// The type in a message: what is a table says so.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Options(_) => "a table of options".into(),
            Self::List(Self::Name(noun, ..)) => format!("list of names ({noun})"),
            Self::Percent => "a share such as \"50%\"".into(),
            Self::Size => "a size such as \"64M\"".into(),
            Self::Duration => "a time such as \"250ms\"".into(),
            Self::Mode => "a mode such as \"0755\"".into(),
            Self::Either(types) => types.iter().map(Self::expected).collect::<Vec<_>>().join(" or "),
            other => other.describe(),
        }
    }

    /// Whether the value has this type's shape; its content is judged by [`Type::check`].
    #[must_use]
    pub fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Boolean => value.is_boolean(),
            Self::Integer(..) => value.is_integer() || value.is_number(),
            Self::Text | Self::Path | Self::Bytes | Self::Percent | Self::Word(_) | Self::Name(..) => value.is_string(),
            Self::Size | Self::Duration | Self::Mode => value.is_string() || value.is_integer() || value.is_number(),
            Self::List(_) | Self::Map(_) | Self::Options(_) | Self::Command(_) => value.is_table(),
            Self::Function => value.is_function(),
            Self::Handle(kind) => handle::kind_of(value) == Some(*kind),
            // Asked once for all: lists of handles may be long.
            Self::Either(types) if matches!(value, Value::UserData(_)) => {
                let found = handle::kind_of(value);
                types.iter().any(|kind| match kind {
                    Self::Handle(kind) => found == Some(*kind),
                    other => other.accepts(value),
                })
            }
            Self::Either(types) => types.iter().any(|kind| kind.accepts(value)),
            Self::Any => true,
        }
    }

    /// Judges a value; the error says what is wrong, at which place below `path`.
    pub fn check(&self, value: &Value, path: &str) -> Result<(), String> {
        self.check_at(value, path, 0)
    }

    fn check_at(&self, value: &Value, path: &str, depth: usize) -> Result<(), String> {
        if depth > DEPTH {
            return Err(format!("{path}: tables nest deeper than {DEPTH}"));
        }
        if !self.accepts(value) {
            let example = match self {
                Self::List(_) if value.is_string() => format!("; a list is written {{ {} }}", show(value)),
                Self::Command(_) if value.is_string() => format!("; it is written {{ {}, … }}", show(value)),
                Self::Handle(kind) => {
                    super::table::maker(kind).map_or_else(String::new, |maker| format!("; a {kind} is what {maker} answers"))
                }
                _ => String::new(),
            };
            return Err(format!("{path}: expected {}, got {}{example}", self.expected(), show(value)));
        }
        if matches!(value, Value::UserData(_)) {
            // A handle has nothing more to be judged.
            return Ok(());
        }
        let text = |value: &Value| value.as_string().map(|s| s.to_string_lossy()).unwrap_or_default();
        let at = |result: Result<(), String>| result.map_err(|reason| format!("{path}: {reason}"));
        match self {
            Self::Integer(low, high) => match whole(value) {
                Some(number) if (*low..=*high).contains(&number) => Ok(()),
                _ => Err(format!("{path}: expected {}, got {}", self.describe(), show(value))),
            },
            Self::Text | Self::Path => {
                let text = text(value);
                if text.contains('\0') {
                    return Err(format!("{path}: must not contain a NUL byte"));
                }
                if matches!(self, Self::Path) && text.is_empty() {
                    return Err(format!("{path}: an empty path names nothing"));
                }
                Ok(())
            }
            Self::Size | Self::Duration | Self::Mode if !value.is_string() => match value.as_i64() {
                // What a text may say, no number may pass: the clock has no such time.
                Some(number) if matches!(self, Self::Duration) && number > units::LONGEST => {
                    Err(format!("{path}: {number} seconds are too long"))
                }
                Some(number) if number >= 0 => Ok(()),
                _ => Err(format!("{path}: expected a whole number from 0, got {}", show(value))),
            },
            Self::Size => at(units::size(&text(value)).map(drop)),
            Self::Duration => at(units::duration(&text(value)).map(drop)),
            Self::Percent => at(units::percent(&text(value)).map(drop)),
            Self::Mode => at(units::mode(&text(value)).map(drop)),
            Self::Word(words) => {
                let text = text(value);
                if words.contains(&text.as_str()) {
                    return Ok(());
                }
                Err(format!("{path}: {text:?} is not one of {}{}", words.join(", "), did_you_mean(&text, words.iter().copied())))
            }
            Self::Name(noun, known, all) => {
                let text = text(value);
                if known(&text) {
                    return Ok(());
                }
                let all = all();
                Err(format!("{path}: no {noun} is called {text:?}{}", did_you_mean(&text, all.iter().map(String::as_str))))
            }
            Self::List(item) => check_list(value, item, path, depth),
            Self::Map(item) => check_map(value, item, path, depth),
            Self::Options(params) => check_options(value, params, path, false, depth),
            Self::Command(params) => check_options(value, params, path, true, depth),
            Self::Either(types) => {
                // The first type whose shape fits judges; a later one may still find it right. A
                // table without elements is not judged as a list where it may be options.
                let is_list = value.as_table().is_some_and(|table| table.raw_len() > 0);
                let mut fitting: Vec<&Self> = types.iter().filter(|kind| kind.accepts(value)).collect();
                fitting.sort_by_key(|kind| matches!(kind, Self::List(_) | Self::Command(_)) != is_list);
                let mut first = None;
                for kind in fitting {
                    match kind.check_at(value, path, depth + 1) {
                        Ok(()) => return Ok(()),
                        Err(reason) => first = first.or(Some(reason)),
                    }
                }
                first.map_or(Ok(()), Err)
            }
            Self::Boolean | Self::Bytes | Self::Function | Self::Handle(_) | Self::Any => Ok(()),
        }
    }
}

fn check_list(value: &Value, item: &Type, path: &str, depth: usize) -> Result<(), String> {
    let Some(table) = value.as_table() else { return Ok(()) };
    let length = table.raw_len();
    let mut wrong = Ok(());
    let walked = table.for_each::<Value, Value>(|key, value| {
        if wrong.is_err() {
            return Ok(());
        }
        wrong = match key.as_i64() {
            Some(index) if index >= 1 && usize::try_from(index).is_ok_and(|index| index <= length) => {
                // The place is written only where something is wrong there.
                item.check_at(&value, path, depth + 1).or_else(|_| item.check_at(&value, &format!("{path}[{index}]"), depth + 1))
            }
            _ if key.is_string() => Err(format!("{path}: expected a list, found the key {0}; a list is written {{ {0} }}", show(&key))),
            _ => Err(format!("{path}: expected a list, found the key {}", show(&key))),
        };
        Ok(())
    });
    walked.map_err(|error| format!("{path}: {error}"))?;
    wrong
}

fn check_map(value: &Value, item: &Type, path: &str, depth: usize) -> Result<(), String> {
    let Some(table) = value.as_table() else { return Ok(()) };
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair.map_err(|error| format!("{path}: {error}"))?;
        let Some(key) = key.as_string().map(|s| s.to_string_lossy()) else {
            return Err(format!("{path}: expected names as keys, found {}", show(&key)));
        };
        item.check_at(&value, &format!("{path}.{key}"), depth + 1)?;
    }
    Ok(())
}

fn check_options(value: &Value, params: &[Param], path: &str, command: bool, depth: usize) -> Result<(), String> {
    let Some(table) = value.as_table() else { return Ok(()) };
    let length = table.raw_len();
    if command && length == 0 {
        return Err(format!("{path}: the argument list is empty; its first element is the program"));
    }
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair.map_err(|error| format!("{path}: {error}"))?;
        if let Some(index) = key.as_i64() {
            let inside = index >= 1 && usize::try_from(index).is_ok_and(|index| index <= length);
            if command && inside {
                Type::Text.check_at(&value, &format!("{path}[{index}]"), depth + 1)?;
                continue;
            }
            return Err(format!("{path}: expected named options, found the list element {index}"));
        }
        let name = key.as_string().map_or_else(|| show(&key), |s| s.to_string_lossy());
        let Some(param) = params.iter().find(|param| param.name == name) else {
            let known = params.iter().map(|param| param.name);
            // Who has only misspelt one need not read thirty others.
            let near = did_you_mean(&name, known.clone());
            let list = if near.is_empty() { format!("; known: {}", known.collect::<Vec<_>>().join(", ")) } else { near };
            return Err(format!("{path}: unknown option \"{name}\"{list}"));
        };
        param.kind.check_at(&value, &format!("{path}.{name}"), depth + 1)?;
    }
    for param in params.iter().filter(|param| param.required) {
        if table.raw_get::<Value>(param.name).is_ok_and(|value| value.is_nil()) {
            return Err(format!("{path}: the option \"{}\" ({}) is missing", param.name, param.kind.describe()));
        }
    }
    Ok(())
}

/// A value as a message shows it, short.
fn show(value: &Value) -> String {
    match value {
        Value::Nil => "nothing".into(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Integer(number) => number.to_string(),
        // As Lua writes a float: `1e9` is no integer, and must not look like one.
        Value::Number(number) => format!("{number:?}"),
        Value::String(text) => {
            let text = text.to_string_lossy();
            let short: String = text.chars().take(40).collect();
            if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
        }
        Value::UserData(_) => handle::kind_of(value).map_or_else(|| "userdata".into(), |kind| format!("a {kind}")),
        other => format!("a {}", other.type_name()),
    }
}

/// `; did you mean "x"?`, or nothing where no name is near.
pub fn did_you_mean<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> String {
    nearest(wrong, names).map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"))
}

/// What the kernel's headers write before a name that has none here.
const PREFIXES: [&str; 6] = ["clone_new", "cap_", "rlimit_", "sched_", "ms_", "sig"];

/// The name nearest to a wrong one, if any is near enough to be meant: one of few other letters,
/// the kernel's own spelling of it, or one that is longer or shorter.
pub fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let names: Vec<&str> = names.collect();
    let lower = wrong.to_lowercase();
    let bare = PREFIXES.iter().find_map(|prefix| lower.strip_prefix(prefix)).unwrap_or(&lower);
    let spelled = |word: &str| {
        let length = word.chars().count();
        let limit = (length / 3).clamp(1, 3);
        // A distance is no less than the lengths are apart, and costs their product, in memory as well.
        let close = names.iter().filter(|name| name.chars().count().abs_diff(length) <= limit);
        let distances = close.map(|name| (strsim::damerau_levenshtein(word, name), *name));
        distances.filter(|(distance, _)| *distance <= limit).min().map(|(_, name)| name)
    };
    spelled(wrong).or_else(|| spelled(bare)).or_else(|| longer_or_shorter(bare, &names))
}

/// `net_bind` is `net_bind_service`, `newpid` is `pid`, and `mount` among kinds of namespaces is `mnt`.
fn longer_or_shorter<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let shortest = |fits: &dyn Fn(&str) -> bool| names.iter().copied().filter(|name| fits(name)).min_by_key(|name| name.len());
    let size = word.len();
    let begun = || shortest(&|name| size >= 3 && name.starts_with(word));
    let within = || shortest(&|name| size >= 5 && name.contains(word));
    let around = || shortest(&|name| name.len() >= 3 && (word.starts_with(name) || word.ends_with(name)));
    let first = word.chars().next();
    let consonants = || shortest(&|name| names.len() <= 16 && name.len() >= 3 && name.chars().next() == first && is_within(name, word));
    begun().or_else(within).or_else(|| if names.len() <= 64 { around().or_else(consonants) } else { None })
}

/// Whether the letters of a short word are in a long one, in their order.
fn is_within(short: &str, long: &str) -> bool {
    let mut letters = long.chars();
    short.chars().all(|letter| letters.any(|other| other == letter))
}
