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
use crate::lua::boxes::Turn;
use crate::lua::boxes::foreground::{Ran, take_back};
use crate::lua::session::Answer;
use crate::sys::processes::End;
use crate::sys::{self, fork, interrupt};

mod boxes;
mod commands;
mod editor;
mod ends;
mod plain;
mod rc;
mod serve;

/// How long the line editor waits for an answer of a box.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(300);

use boxes::{Boxed, Gone};
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
/// `interactive` says that standard input is a terminal.
#[must_use]
pub fn run(machine: &Machine) -> i32 {
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

    /// Has the session that the prompt names answer, and tells what else became of it.
    fn ask_here(&self, request: &Json) -> Option<Json> {
        let name = self.current.borrow().clone();
        match name {
            None => self.ask_self(request, true),
            Some(name) => self.ask_box(&name, request),
        }
    }

    /// Has this very process answer. `aloud`: what becomes of it is told.
    fn ask_self(&self, request: &Json, aloud: bool) -> Option<Json> {
        let number = self.next_request();
        let answer = self.machine.request(request);
        if let Some(link) = self.machine.boxes().take_link() {
            // This is the new box: the front end waits for the end of the line.
            self.forget();
            serve::serve(self.machine, link, Some((number, answer)));
        }
        if !matches!(answer, Answer::Said(_) | Answer::Ending(_))
            && let Some(next) = self.machine.over()
        {
            self.number.set(next);
        }
        match answer {
            Answer::Said(said) => {
                if let Some(next) = said["number"].as_u64() {
                    self.number.set(next);
                }
                Some(said)
            }
            Answer::Turned(Turn::Moved(fresh)) => {
                let name = fresh.name.clone();
                self.adopt(fresh)?;
                self.current.replace(Some(name.clone()));
                if self.style.interactive && !self.introduced.replace(true) {
                    self.hint(&format!(
                        "this would change the process for good: the line goes on in {name}, a copy (:leave goes back, :help boxes)"
                    ));
                }
                let said = self.hear(&name, number);
                if said.as_ref().is_some_and(|said| said["error"].as_bool() == Some(true)) {
                    self.drop_unchanged(&name);
                }
                said
            }
            Answer::Turned(Turn::Ran(ran)) => {
                self.tell_end_of(&ran_words(&ran));
                None
            }
            Answer::Interrupted => {
                self.failed.set(true);
                if aloud {
                    self.hint("interrupted");
                }
                None
            }
            Answer::Ending(status) => {
                self.ending.set(Some(status));
                None
            }
            Answer::Failed(reason) => {
                self.failed.set(true);
                if aloud {
                    self.complain(&reason);
                }
                None
            }
        }
    }

    /// Has a box answer; its end is told.
    fn ask_box(&self, name: &str, request: &Json) -> Option<Json> {
        let number = self.next_request();
        let sent = self.with(name, |boxed| boxed.link.send(number, request));
        if !matches!(sent, Some(Ok(()))) {
            self.lose(name, None);
            return None;
        }
        self.hear(name, number)
    }

    /// Waits for a box's answer to a request.
    fn hear(&self, name: &str, number: u64) -> Option<Json> {
        let heard = self.with(name, |boxed| boxed.hear(number, &mut |text| self.hint(text)))?;
        match heard {
            Ok(mut frame) => {
                if let Some(next) = frame["said"]["number"].as_u64().or(frame["number"].as_u64()) {
                    self.with(name, |boxed| boxed.number = next);
                }
                if frame["interrupted"].as_bool() == Some(true) {
                    self.failed.set(true);
                    self.hint("interrupted");
                    return None;
                }
                if let Some(reason) = frame["failed"].as_str() {
                    self.failed.set(true);
                    self.complain(reason);
                    return None;
                }
                if let Some(words) = frame["ran"].as_str() {
                    self.tell_end_of(words);
                    return None;
                }
                Some(frame["said"].take())
            }
            Err(Gone::Ended(why)) => {
                self.lose(name, why);
                None
            }
            Err(Gone::Signal(signal)) => {
                self.ending.set(Some(128 + signal));
                None
            }
        }
    }

    /// Has the session that the prompt names answer what the line editor asks, within a moment.
    fn ask_quietly(&self, request: &Json) -> Option<Json> {
        let name = self.current.borrow().clone();
        match name {
            None => match self.machine.request(request) {
                Answer::Said(said) => Some(said),
                _ => None,
            },
            Some(name) => {
                let number = self.next_request();
                self.with(&name, |boxed| {
                    boxed.link.send(number, request).ok()?;
                    boxed.hear_soon(number, PATIENCE).map(|mut frame| frame["said"].take())
                })?
            }
        }
    }

    /// Whether more has to follow before a text means something.
    fn is_incomplete(&self, text: &str) -> bool {
        if text.trim_start().starts_with([':', '?', '!']) || text.trim().is_empty() {
            return false;
        }
        self.ask_quietly(&json!({ "op": "validate", "text": text })).is_some_and(|said| said["state"] == "incomplete")
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

    fn next_request(&self) -> u64 {
        self.asked.set(self.asked.get() + 1);
        self.asked.get()
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

/// How a program has left the foreground, where that needs words.
fn ran_words(ran: &Ran) -> String {
    let name = &ran.name;
    match ran.end {
        None if ran.job.is_some() => format!("{name} is stopped; :fg goes on with it"),
        // A shell has said itself what it has not found, and what a user interrupts needs no words.
        None | Some(End::Exited(0 | 127) | End::Signalled(nix::libc::SIGINT, _)) => String::new(),
        Some(End::Exited(status)) => format!("{name}: exit status {status}"),
        Some(End::Signalled(signal, _)) => format!("{name}: ended by {}", ends::signal_words(signal)),
    }
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
