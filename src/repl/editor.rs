//! Reading lines: with an editor on a terminal that can, else plainly.
//!
//! The editor asks the session while a line is typed: what could stand here, which signature the
//! cursor is in, whether the line is complete. Its history is a file that several sessions may add
//! to at once.

use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::history::{FileHistory, History, SearchDirection};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Config, Context, Helper};
use serde_json::json;

use super::plain::Plain;
use super::{Session, user_dir, width};
use crate::sys::interrupt;

/// What came.
pub enum Read {
    /// A line, or several that belong together.
    Line(String),
    /// Ctrl-C: what was typed is dropped.
    Cleared,
    /// Ctrl-D, or the end of the file.
    End,
    /// A signal that ends the session.
    Signal(i32),
}

/// A signal that ends the session has come.
fn ending() -> Option<i32> {
    interrupt::pending().map(|signal| signal as i32).filter(|signal| *signal != nix::libc::SIGINT)
}

/// Longer entries are pasted files, which nobody looks for in a history.
const LONGEST_ENTRY: usize = 1 << 16;

/// Longer lines are pasted ones: nobody reads a hint then.
const LONGEST_HINTED: usize = 1 << 12;

/// A hint that is shorter says nothing.
const LEAST_ROOM: usize = 20;

const MOST_ENTRIES: usize = 5000;

type Rich<'a> = rustyline::Editor<Asking<'a>, FileHistory>;

/// Where lines come from.
pub struct Editor<'a> {
    session: Rc<Session<'a>>,
    rich: Option<Rich<'a>>,
    plain: Plain,
    history: Option<PathBuf>,
    /// Whether something else may have been written since the last prompt.
    dirty: bool,
}

impl<'a> Editor<'a> {
    pub fn new(session: &Rc<Session<'a>>) -> Self {
        let able = session.style.interactive && std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let mut editor = Self { session: Rc::clone(session), rich: None, plain: Plain::default(), history: None, dirty: false };
        if able {
            editor.rich = rich(session);
            editor.history = history_file();
            if let (Some(rich), Some(path)) = (&mut editor.rich, &editor.history) {
                // None is there at the first start.
                let _ = rich.load_history(path);
            }
        }
        editor
    }

    /// Reads what comes next.
    pub fn read(&mut self, (plain, styled): &(String, String)) -> Read {
        let Some(rich) = &mut self.rich else {
            let session = &self.session;
            return self.plain.read(if session.style.interactive { plain } else { "" }, &|text| session.is_incomplete(text));
        };
        if std::mem::take(&mut self.dirty) {
            start_of_line(width());
        }
        self.session.prompt_width.set(plain.chars().count());
        if let Some(signal) = ending() {
            return Read::Signal(signal);
        }
        interrupt::clear();
        interrupt::set_editing(true);
        let read = rich.readline(&(plain.as_str(), styled.as_str()));
        interrupt::set_editing(false);
        if let Some(signal) = ending() {
            return Read::Signal(signal);
        }
        interrupt::clear();
        match read {
            Ok(line) => {
                self.dirty = true;
                Read::Line(line)
            }
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_) | ReadlineError::Errno(nix::errno::Errno::EINTR)) => Read::Cleared,
            Err(ReadlineError::Io(error)) if error.kind() == std::io::ErrorKind::Interrupted => Read::Cleared,
            // The terminal is gone, too.
            Err(_) => Read::End,
        }
    }

    /// Puts a line into the history, and into its file.
    pub fn remember(&mut self, line: &str) {
        let Some(rich) = &mut self.rich else { return };
        if line.len() > LONGEST_ENTRY || !rich.add_history_entry(line.trim_end()).unwrap_or(false) {
            return;
        }
        if let Some(path) = &self.history
            && let Err(error) = rich.append_history(path)
        {
            self.session.complain(&format!("{}: {error}; the history is not kept", path.display()));
            self.history = None;
        }
    }

    /// The entries with a text in them, numbered, the newest last.
    pub fn entries(&self, pattern: &str) -> Vec<String> {
        let Some(history) = self.rich.as_ref().map(|rich| rich.history()) else { return Vec::new() };
        let entry = |index| history.get(index, SearchDirection::Forward).ok().flatten().map(|found| found.entry.into_owned());
        let numbered = (0..history.len()).filter_map(|index| Some((index + 1, entry(index)?)));
        numbered.filter(|(_, entry)| entry.contains(pattern)).map(|(number, entry)| format!("{number:5}  {entry}")).collect()
    }
}

fn rich<'a>(session: &Rc<Session<'a>>) -> Option<Rich<'a>> {
    let colour = if session.style.colour { ColorMode::Enabled } else { ColorMode::Disabled };
    let config = Config::builder()
        .auto_add_history(false)
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .color_mode(colour)
        .max_history_size(MOST_ENTRIES)
        .ok()?
        .build();
    let mut rich = Rich::with_config(config).ok()?;
    rich.set_helper(Some(Asking(Rc::clone(session))));
    Some(rich)
}

/// The history's file, in a directory of the user's own.
fn history_file() -> Option<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let dir = user_dir("XDG_STATE_HOME", ".local/state")?;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).ok()?;
    Some(dir.join("history"))
}

/// Output without a line's end would be written over: a mark, so much white that it reaches the next
/// line only if the cursor was not at the start, and back. The mark of a whole line vanishes.
fn start_of_line(width: u16) {
    let mut out = std::io::stdout().lock();
    let white = " ".repeat(usize::from(width).saturating_sub(1));
    let _ = write!(out, "\x1b[7m%\x1b[27m{white}\r\x1b[K");
    let _ = out.flush();
}

/// What the line editor asks.
struct Asking<'a>(Rc<Session<'a>>);

impl Helper for Asking<'_> {}

impl Validator for Asking<'_> {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let incomplete = self.0.is_incomplete(context.input());
        Ok(if incomplete { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Completer for Asking<'_> {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Some(said) = self.0.ask_quietly(&json!({ "op": "complete", "text": line, "pos": pos })) else { return Ok((pos, Vec::new())) };
        let text = |item: &serde_json::Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
        let items = said["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let pairs = items.iter().map(|item| Pair { display: text(item, "display"), replacement: text(item, "text") });
        let start = said["start"].as_u64().and_then(|start| usize::try_from(start).ok()).unwrap_or(pos);
        // Within the line, and at a character.
        let start = (0..=start.min(pos)).rev().find(|start| line.is_char_boundary(*start)).unwrap_or(pos);
        Ok((start, pairs.collect()))
    }
}

/// A hint that is read, and never typed.
struct Told(String);

impl Hint for Told {
    fn display(&self) -> &str {
        &self.0
    }
    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Asking<'_> {
    type Hint = Told;

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<Told> {
        // A hint stands behind the line: only where the cursor is there too.
        if line.is_empty() || line.len() > LONGEST_HINTED || line.contains('\n') || pos < line.len() {
            return None;
        }
        let columns = usize::from(width());
        let typed = self.0.prompt_width.get() + line.chars().count();
        let room = columns.saturating_sub(typed % columns + 3);
        if room < LEAST_ROOM {
            return None;
        }
        let said = self.0.ask_quietly(&json!({ "op": "hint", "text": line, "pos": pos, "room": room }))?;
        said["text"].as_str().filter(|text| !text.is_empty()).map(|text| Told(format!("  {text}")))
    }
}

impl Highlighter for Asking<'_> {
    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        if !self.0.style.colour || line.is_empty() || line.len() > LONGEST_HINTED || line.starts_with([':', '?', '!']) {
            return Cow::Borrowed(line);
        }
        let said = self.0.ask_quietly(&json!({ "op": "highlight", "text": line }));
        match said.as_ref().and_then(|said| said["text"].as_str()) {
            Some(text) => Cow::Owned(text.to_owned()),
            None => Cow::Borrowed(line),
        }
    }

    fn highlight_char(&self, _line: &str, _pos: usize, kind: CmdKind) -> bool {
        kind != CmdKind::MoveCursor
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.0.style.colour { Cow::Owned(format!("\x1b[2m{hint}\x1b[22m")) } else { Cow::Borrowed(hint) }
    }
}
