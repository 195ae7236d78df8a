//! The interactive session: lines from a terminal, one after the other, here or in a box.
//!
//! This process reads, prints and looks after boxes; what a line means is decided in Lua
//! (`stdlib/repl/session.lua`), in this process or in the box that the prompt names. The terminal
//! belongs to this process all the time but while a program runs in the foreground, and its
//! settings are put back after every line, whoever has left them how.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;

use serde_json::{Value as Json, json};

use crate::kernel;
use crate::lua::Machine;
use crate::lua::boxes::foreground::take_back;
use crate::sys::{self, fork, interrupt};

mod asking;
mod boxes;
mod commands;
mod editor;
mod ends;
mod plain;
mod rc;
mod serve;

use boxes::Boxed;
use editor::{Editor, Read};

/// How lines are read and answers are printed.
#[derive(Clone, Copy, Debug)]
struct Style {
    /// Whether somebody types: there is a prompt, and a history.
    interactive: bool,
    colour: bool,
}

/// The session: what the line editor asks while it reads, and the loop after it has read.
struct Session<'a> {
    machine: &'a Machine,
    style: Style,
    boxes: RefCell<Vec<Boxed>>,
    /// The box that lines go to; the process itself where there is none.
    current: RefCell<Option<String>>,
    /// Requests so far.
    asked: Cell<u64>,
    /// The number of the next line of the process itself.
    number: Cell<u64>,
    /// The terminal's settings at the start.
    settings: Option<nix::sys::termios::Termios>,
    /// Whether a line has failed.
    failed: Cell<bool>,
    /// The status to end with, once that is decided.
    ending: Cell<Option<i32>>,
    /// How many columns the prompt takes.
    prompt_width: Cell<usize>,
    /// Whether somebody was told what a box is.
    introduced: Cell<bool>,
}

/// Reads lines until there are no more; the exit status.
///
/// `lesson`: the words behind `lab start`, where one is attached from the beginning.
#[must_use]
pub fn run(machine: &Machine, lesson: Option<&[String]>) -> i32 {
    if machine.kernel().is_plan() {
        sys::complain("a session cannot be a plan as a whole: start it without --dry-run, and ask for one line with :plan LINE");
        return 2;
    }
    let stdin = sys::processes::standard_input();
    let interactive = sys::terminal::is_tty(stdin);
    let stdout = std::io::stdout();
    let colour = interactive
        && sys::terminal::is_tty(std::os::fd::AsFd::as_fd(&stdout))
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    let session = Rc::new(Session {
        machine,
        style: Style { interactive, colour },
        boxes: RefCell::default(),
        current: RefCell::default(),
        asked: Cell::new(0),
        number: Cell::new(1),
        settings: sys::terminal::attributes(stdin).ok(),
        failed: Cell::new(false),
        ending: Cell::new(None),
        prompt_width: Cell::new(0),
        introduced: Cell::new(false),
    });
    machine.begin_session();
    let mut editor = Editor::new(&session);
    if interactive {
        session.say(&format!("crun-lua {} · :help, ?mount, ??container.new · Ctrl-D leaves", env!("CARGO_PKG_VERSION")), true);
        session.run_rc_file();
    }
    if let Some(words) = lesson
        && !session.lesson(&json!({ "verb": "start", "words": words }))
    {
        session.ending.set(Some(1));
    }
    session.listen(&mut editor);
    session.leave()
}

impl<'a> Session<'a> {
    fn listen(self: &Rc<Self>, editor: &mut Editor<'a>) {
        while self.ending.get().is_none() {
            let prompt = self.prompt();
            match editor.read(&prompt) {
                Read::Line(line) => {
                    if !line.trim().is_empty() {
                        editor.remember(&line);
                        self.line(&line, Some(editor));
                    }
                }
                Read::Cleared => {}
                Read::End => self.ending.set(Some(0)),
                Read::Signal(signal) => self.ending.set(Some(128 + signal)),
            }
        }
    }

    /// One line, of any kind.
    fn line(&self, line: &str, editor: Option<&mut Editor>) {
        let command = line.trim_start().starts_with([':', '?', '!']);
        let op = if command { "command" } else { "evaluate" };
        if let Some(said) = self.ask_here(&json!({ "op": op, "text": line, "width": width() })) {
            self.tell(&said);
            self.obey(&said, editor);
        }
        self.settle();
    }

    /// Prints an answer.
    fn tell(&self, said: &Json) {
        if said["error"].as_bool() == Some(true) {
            self.failed.set(true);
        }
        if let Some(text) = said["text"].as_str().filter(|text| !text.is_empty()) {
            if said["error"].as_bool() == Some(true) && !self.style.interactive {
                let _ = writeln!(std::io::stderr(), "{text}");
            } else {
                self.say(text, false);
            }
        }
        if let Some(hint) = said["hint"].as_str() {
            self.hint(hint);
        }
    }

    fn tell_end_of(&self, words: &str) {
        if !words.is_empty() {
            self.hint(words);
        }
    }

    /// After a line: the terminal is this process's, as it was.
    fn settle(&self) {
        if self.style.interactive {
            take_back(sys::processes::standard_input(), self.settings.as_ref());
        }
    }

    /// The prompt, and before it what has changed in the box.
    fn prompt(&self) -> (String, String) {
        if !self.style.interactive {
            return Default::default();
        }
        let name = self.current.borrow().clone();
        let (pid, number) = match &name {
            None => (0, self.number.get()),
            Some(name) => self.with(name, |boxed| (boxed.pid, boxed.number)).unwrap_or_default(),
        };
        let request = json!({ "op": "prompt", "name": name, "pid": pid, "number": number, "colour": self.style.colour });
        // A key that came when the line had just ended means nothing any more.
        if interrupt::pending() == Some(nix::sys::signal::Signal::SIGINT) {
            interrupt::clear();
        }
        let Some(said) = self.ask_self(&request, false) else {
            let plain = format!("#{number}> ");
            return (plain.clone(), plain);
        };
        if let Some(text) = said["text"].as_str().filter(|text| !text.is_empty()) {
            self.hint(text);
        }
        let text = |field: &str| said[field].as_str().unwrap_or_default().to_owned();
        (text("plain"), text("styled"))
    }

    /// Prints a text; `dim` where it is not an answer. A reader that is gone is no reason to stop.
    fn say(&self, text: &str, dim: bool) {
        let mut out = std::io::stdout().lock();
        let _ = if dim && self.style.colour { writeln!(out, "\x1b[2m{text}\x1b[22m") } else { writeln!(out, "{text}") };
        let _ = out.flush();
    }

    /// Tells what is not an answer: only to somebody who types.
    fn hint(&self, text: &str) {
        if self.style.interactive {
            self.say(text, true);
        }
    }

    fn complain(&self, text: &str) {
        if self.style.interactive && self.style.colour {
            self.say(&format!("\x1b[31m{text}\x1b[39m"), false);
        } else {
            sys::complain(text);
        }
    }

    /// Ends every box, what they made, and what this process holds.
    fn leave(&self) -> i32 {
        let status = self.ending.get().unwrap_or(0);
        let status = if status == 0 && !self.style.interactive && self.failed.get() { 1 } else { status };
        let names: Vec<String> = self.boxes.borrow().iter().map(|boxed| boxed.name.clone()).collect();
        for name in names {
            if let Some(boxed) = self.take(&name) {
                let (pid, start) = (boxed.pid, boxed.start);
                boxed.end();
                self.collect(pid, start);
            }
        }
        self.machine.boxes().end_jobs();
        self.settle();
        interrupt::clear();
        self.machine.finish(status)
    }

    /// Removes what a box has made and not closed itself.
    fn collect(&self, pid: i32, start: u64) {
        if let Err(error) = kernel::gc_of(self.machine.kernel(), pid, start) {
            self.complain(&format!("what {pid} has left could not be removed: {error}; `crun-lua gc` tries again"));
        }
    }

    /// In a new box: the others are the front end's.
    fn forget(&self) {
        self.boxes.take();
        self.current.take();
    }
}

/// How many columns the terminal has.
fn width() -> u16 {
    let stdout = std::io::stdout();
    let size = sys::terminal::size(std::os::fd::AsFd::as_fd(&stdout));
    size.ok().map(|(_, columns)| columns).filter(|columns| *columns > 0).unwrap_or(80)
}

/// Where the history and the like are kept: `$XDG_STATE_HOME/crun-lua`.
fn user_dir(variable: &str, fallback: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(absolute(variable).or_else(|| Some(absolute("HOME")?.join(fallback)))?.join("crun-lua"))
}

/// Ends a forked child in which nothing of the front end may go on.
fn end_here(status: i32) -> ! {
    fork::exit_now(status)
}
