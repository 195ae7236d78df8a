//! Where the script stands, for whoever tells of its calls: the line, its text, the primitive.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use mlua::{Lua, MultiValue, Value};

use super::modules;
use crate::kernel::Site;

/// What is known of the script beside its stack.
#[derive(Debug, Default)]
pub struct Standing {
    /// The text of each chunk that a user has written, by the name that errors call it.
    sources: RefCell<HashMap<String, Rc<[u8]>>>,
    /// The primitive that runs, and which run of a primitive it is.
    primitive: Cell<(&'static str, u64)>,
    said: RefCell<Option<Rc<str>>>,
    turns: Cell<u64>,
    stdlib: Option<PathBuf>,
}

impl Standing {
    /// Nothing is known; `stdlib` is the directory that replaces the modules of the program.
    pub fn new(stdlib: Option<PathBuf>) -> Self {
        Self { stdlib, ..Self::default() }
    }

    /// Keeps the text of a chunk.
    pub fn note(&self, name: &str, source: &[u8]) {
        self.sources.borrow_mut().insert(name.to_owned(), source.into());
    }

    /// The text of a chunk that was noted, or of a module that lies in a directory.
    pub fn source(&self, name: &str) -> Option<Rc<[u8]>> {
        if let Some(source) = self.sources.borrow().get(name) {
            return Some(Rc::clone(source));
        }
        let file = self.stdlib.as_ref()?.join(name.strip_prefix(modules::PREFIX)?);
        std::fs::read(file).ok().map(Rc::from)
    }

    /// Runs a primitive: the calls that it makes belong together.
    pub fn within<T>(&self, name: &'static str, said: Option<Rc<str>>, body: impl FnOnce() -> T) -> T {
        self.turns.set(self.turns.get() + 1);
        let outer = self.primitive.replace((name, self.turns.get()));
        let said = if said.is_some() { Some(self.said.replace(said)) } else { None };
        let answer = body();
        self.primitive.set(outer);
        if let Some(said) = said {
            self.said.replace(said);
        }
        answer
    }

    /// A child has no primitive but those that it runs itself.
    pub fn forked(&self) {
        self.said.replace(None);
    }

    /// The primitive that runs, with its arguments where somebody listens.
    pub fn saying(&self) -> String {
        let name = self.primitive.get().0;
        let said = self.said.borrow().as_deref().map(str::to_owned);
        said.filter(|said| said.chars().count() <= LONGEST / 2)
            .unwrap_or_else(|| if name.is_empty() { String::new() } else { format!("{name}(…)") })
    }

    /// Everything that is known of where the script stands.
    pub fn locate(&self, lua: &Lua) -> Site {
        let mut site = site(lua).unwrap_or_default();
        let (primitive, turn) = self.primitive.get();
        (site.primitive, site.turn) = (primitive, turn);
        site.said.clone_from(&self.said.borrow());
        let source = self.source(&site.file);
        site.text = source.and_then(|source| line_of(&source, site.line));
        site
    }
}

/// The script and its machine, for the kernel's side.
pub struct Locator {
    lua: mlua::WeakLua,
    standing: Rc<Standing>,
}

impl Locator {
    /// The machine is not kept by it.
    pub fn new(lua: mlua::WeakLua, standing: Rc<Standing>) -> Self {
        Self { lua, standing }
    }
}

impl crate::kernel::Locator for Locator {
    fn site(&self) -> Site {
        self.lua.try_upgrade().map(|lua| self.standing.locate(&lua)).unwrap_or_default()
    }
    fn source(&self, file: &str) -> Option<Rc<[u8]>> {
        self.standing.source(file)
    }
}

/// A line of a text without the blanks around it.
fn line_of(source: &[u8], line: usize) -> Option<Rc<str>> {
    let text = source.split(|byte| *byte == b'\n').nth(line.checked_sub(1)?)?;
    Some(String::from_utf8_lossy(text).trim().into())
}

/// The innermost line of the user's script; a module's line where no script is on the stack.
pub fn site(lua: &Lua) -> Option<Site> {
    let mut module: Option<Site> = None;
    for level in 0..64 {
        let found = lua.inspect_stack(level, |frame| {
            let source = frame.source();
            let file = source.source.as_deref().and_then(|name| name.strip_prefix('@')).map(str::to_owned);
            file.map(|file| Site { file, line: frame.current_line().unwrap_or(0), ..Site::default() })
        });
        match found {
            None => break,
            Some(Some(site)) if modules::is_module(&site.file) => module = module.or(Some(site)),
            Some(Some(site)) => {
                let via = module.map(|module| (module.file, module.line));
                return Some(Site { via, ..site });
            }
            Some(None) => {}
        }
    }
    module
}

/// A primitive and its arguments as Lua.
pub fn say(name: &str, values: &MultiValue) -> Rc<str> {
    let (mut head, mut values): (String, Vec<&Value>) = (name.to_owned(), values.iter().collect());
    if let Some((kind, method)) = name.split_once(':') {
        head = format!("{kind}:{method}");
        values.drain(..1.min(values.len()));
    }
    let shown: Vec<String> = values.iter().map(|value| literal(value, 3)).collect();
    match shown.as_slice() {
        [only] if only.starts_with('{') => format!("{head} {only}").into(),
        _ => format!("{head}({})", shown.join(", ")).into(),
    }
}

/// How much of a text or a table is shown.
const LONGEST: usize = 120;
const WIDEST: usize = 8;

fn literal(value: &Value, depth: usize) -> String {
    match value {
        Value::Nil => "nil".to_owned(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => {
            let text = text.to_string_lossy();
            // Of a path all is worth reading, of a text its beginning.
            let length = if text.chars().count() > LONGEST { LONGEST / 5 } else { LONGEST };
            let short: String = text.chars().take(length).collect();
            format!("{short:?}{}", if short.len() < text.len() { "…" } else { "" })
        }
        Value::Table(table) if depth > 0 => {
            let listed = table.raw_len();
            let mut parts: Vec<String> =
                table.sequence_values::<Value>().filter_map(Result::ok).take(WIDEST).map(|value| literal(&value, depth - 1)).collect();
            let mut named: Vec<(String, String)> = Vec::new();
            for (key, value) in table.pairs::<Value, Value>().filter_map(Result::ok) {
                match key {
                    Value::Integer(index) if index >= 1 && usize::try_from(index).is_ok_and(|index| index <= listed) => {}
                    Value::String(key) => {
                        let key = key.to_string_lossy();
                        let plain = !key.is_empty()
                            && !key.starts_with(|first: char| first.is_ascii_digit())
                            && key.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
                        named.push((if plain { key } else { format!("[{key:?}]") }, literal(&value, depth - 1)));
                    }
                    other => named.push((format!("[{}]", literal(&other, 0)), literal(&value, depth - 1))),
                }
            }
            named.sort();
            let more = listed > WIDEST || named.len() > WIDEST;
            parts.extend(named.into_iter().take(WIDEST).map(|(key, value)| format!("{key} = {value}")));
            if more {
                parts.push("…".to_owned());
            }
            if parts.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", parts.join(", ")) }
        }
        Value::Table(_) => "{ … }".to_owned(),
        Value::Function(_) => "function … end".to_owned(),
        Value::UserData(_) => {
            super::handle::Handle::from_value(value).map_or_else(|| "userdata".to_owned(), |handle| format!("<{handle:?}>"))
        }
        _ => "…".to_owned(),
    }
}
