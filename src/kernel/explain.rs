//! Tells each call as it happens, on standard error: where the script made it, what it was, the command
//! that does the same, what it has changed, and why it is made.
//!
//! The effect is read back from the kernel before and after: a value shown here is what the kernel
//! says, never what was asked for.

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::Path;

use super::event::{Event, Stage};
use super::layout::{Page, TIED, micros};
use super::lesson::Lesson;
use super::{Fact, Locate, Request, Shell, back};
use crate::sys::fork;
use crate::sys::shared::SharedWord;

mod failure;

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Also calls that only open, look or tidy up.
    pub all: bool,
    /// Nothing is shortened or folded.
    pub verbose: bool,
}

/// The narrator.
pub struct Explain {
    /// Its own, for a child's standard error may be somebody's pipe.
    out: File,
    detail: Detail,
    colour: bool,
    locate: Locate,
    /// Which process has spoken last: several may speak in turns.
    speaker: SharedWord,
    turn_to_speak: SharedWord,
    /// The script's line that was last named, and the run of a primitive.
    line: RefCell<(String, usize)>,
    turn: Cell<Option<(u32, u64)>>,
    /// The children so far, with their numbers.
    children: RefCell<Vec<(String, String)>>,
    /// The last reason that was given.
    note: RefCell<Vec<String>>,
    /// How many calls were not told.
    hidden: SharedWord,
}

impl Explain {
    /// Tells on standard error.
    pub fn new(detail: Detail, locate: Locate) -> io::Result<Self> {
        let stderr = io::stderr();
        let colour = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self::to(File::from(stderr.as_fd().try_clone_to_owned()?), colour, detail, locate)
    }

    /// Tells at the end of a file: several programs may share one.
    pub fn append(path: &Path, detail: Detail, locate: Locate) -> io::Result<Self> {
        Self::to(OpenOptions::new().append(true).create(true).open(path)?, false, detail, locate)
    }

    fn to(out: File, colour: bool, detail: Detail, locate: Locate) -> io::Result<Self> {
        back::hold();
        let speaker = SharedWord::new(u64::from(fork::own_pid()))?;
        Ok(Self {
            out,
            detail,
            colour,
            locate,
            speaker,
            turn_to_speak: SharedWord::new(0)?,
            line: RefCell::default(),
            turn: Cell::new(None),
            children: RefCell::default(),
            note: RefCell::default(),
            hidden: SharedWord::new(0)?,
        })
    }

    /// Descriptors that a child must not let go of.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.out.as_raw_fd()
    }

    /// Whether the call is one that this reader is shown.
    #[must_use]
    pub fn wants(&self, lesson: &Lesson) -> bool {
        self.detail.all || !lesson.is_look()
    }

    /// Tells a call.
    pub fn tell(&self, event: &Event, stage: Stage) {
        let lesson = event.call.lesson();
        let failed = matches!(event.result, Some(Err(_)));
        self.children.borrow_mut().extend(event.child().map(|pid| (lesson.name.clone(), pid.to_string())));
        if !self.wants(&lesson) && !failed {
            self.hidden.add(1);
            return;
        }
        let page = self.page(event, stage, &lesson, failed);
        // What is to be said is ready: whoever speaks keeps the others waiting. One write, so that the
        // lines of several processes do not mix.
        self.turn_to_speak.alone(|| {
            let _ = (&self.out).write_all(format!("{}{page}", self.introduction(event)).as_bytes());
        });
    }

    fn page(&self, event: &Event, stage: Stage, lesson: &Lesson, failed: bool) -> String {
        let mut page = Page::new(event.depth, self.detail.verbose, self.colour);
        let mark = match (failed, event.call.irreversible()) {
            (true, _) => '✗',
            (false, true) => '!',
            _ => ' ',
        };
        self.head(event, mark, &mut page);
        self.body(event, stage, lesson, &mut page);
        page.text()
    }

    /// Says how much was left out: the program ends.
    pub fn end(&self) {
        let hidden = self.hidden.swap(0);
        if hidden > 0 {
            let calls =
                if hidden == 1 { "1 call that only opens or looks is" } else { &format!("{hidden} calls that only open or look are") };
            let _ = (&self.out).write_all(format!("     ({calls} not shown: --explain=all)\n").as_bytes());
        }
    }

    /// Says which process speaks, where another has spoken last.
    fn introduction(&self, event: &Event) -> String {
        let own = u64::from(fork::outer_pid().map_or_else(fork::own_pid, i32::cast_unsigned));
        if self.speaker.swap(own) == own || event.depth == 0 {
            return String::new();
        }
        let inner = fork::own_pid();
        let name = event.inside.rsplit('/').next().unwrap_or_default();
        let numbers = if u64::from(inner) == own { format!("pid {inner}") } else { format!("pid {own}, which is {inner} inside") };
        let mut page = Page::new(event.depth, self.detail.verbose, self.colour);
        page.rule(&format!("{name} ({numbers})"));
        page.text()
    }

    /// The Lua line; once for all calls of one primitive.
    fn head(&self, event: &Event, mark: char, page: &mut Page) {
        let site = &event.site;
        let turn = (fork::own_pid(), site.turn);
        if self.turn.replace(Some(turn)) == Some(turn) {
            page.number(event.number, mark);
            return;
        }
        let said = || site.said.as_deref().filter(|_| !site.primitive.is_empty());
        let module = |(file, line): &(String, usize)| match file.strip_prefix("stdlib/") {
            Some(module) => format!("{module}:{line}"),
            None => format!("{}:{line}", file.rsplit('/').next().unwrap_or_default()),
        };
        let place = format!("{}:{}", site.file.rsplit('/').next().unwrap_or_default(), site.line);
        #[allow(clippy::single_match_else)] // Two ways to name a place: one arm each.
        match &site.via {
            Some(via) => {
                // The script's own line stands once over what a module does for it.
                let line = (site.file.clone(), site.line);
                if self.line.replace(line.clone()) != line {
                    page.section(site.text.as_deref().unwrap_or_default(), &place);
                }
                page.head(event.number, mark, said().unwrap_or(site.primitive), &format!("{place} ← {}", module(via)));
            }
            None => {
                self.line.replace((String::new(), 0));
                let text = site.text.as_deref().or_else(said);
                let text = text.unwrap_or(if site.primitive.is_empty() { "(what was still open is closed)" } else { site.primitive });
                let place = if site.file.is_empty() { String::new() } else { module(&(site.file.clone(), site.line)) };
                page.head(event.number, mark, text, &place);
            }
        }
    }

    /// A command with the numbers of children in place of their names.
    fn numbered(&self, command: &str) -> String {
        let mut out = command.to_owned();
        for (name, pid) in self.children.borrow().iter() {
            out = out.replace(&format!("'<{name}>'"), pid).replace(&format!("<{name}>"), pid);
        }
        out
    }

    fn body(&self, event: &Event, stage: Stage, lesson: &Lesson, page: &mut Page) {
        let call = event.call;
        let time = if stage == Stage::Done { micros(event.took) } else { String::new() };
        let answer = if stage == Stage::Ahead { String::new() } else { format!("{TIED}={TIED}{}", event.answer()) };
        page.row("syscall ", &format!("{call}{answer}"), &time);
        if let Some(Err(failure)) = &event.result {
            failure::tell(event, failure, lesson, &self.locate, page);
            return;
        }
        match call.shell() {
            Shell::Exact(command) => page.row("shell  =", &self.numbered(&command), ""),
            Shell::Close(command, how) => page.row("shell  ≈", &format!("{}   ({how})", self.numbered(&command)), ""),
            Shell::None => page.row("shell  —", "no command does this", ""),
        }
        for (sign, line) in changes(&event.before, &event.after) {
            page.effect(sign, &line);
        }
        if let ([(name, then)], [(_, now)]) = (event.before.as_slice(), event.after.as_slice())
            && then == now
            && stage == Stage::Done
        {
            page.effect('=', &format!("{name}  {now}, as before"));
        }
        let silence = call.silence();
        let mut notes: Vec<String> = Vec::new();
        if call.irreversible() && call.returns() {
            notes.push("irreversible for this process and its children".to_owned());
        }
        notes.extend(lesson.note.as_deref().map(str::to_owned));
        if silence.writes {
            notes.push("the filter forbids write(2): nothing that this process does from here on can be told".to_owned());
        } else if silence.reads {
            notes.push("the filter forbids reading /proc: effects of this process are not shown from here on".to_owned());
        }
        // What was said of the call before this one need not be said again.
        if self.note.replace(notes.clone()) != notes && !notes.is_empty() {
            for (index, note) in notes.iter().enumerate() {
                page.words(if index == 0 { "note    " } else { "        " }, note);
            }
        }
    }
}

/// What differs between two readings of the same facts.
fn changes(before: &[Fact], after: &[Fact]) -> Vec<(char, String)> {
    let mut lines = Vec::new();
    for (name, now) in after {
        match before.iter().find(|(other, _)| other == name) {
            Some((_, then)) if then == now => {}
            Some((_, then)) => lines.push(('~', format!("{name}  {then} → {now}"))),
            None => lines.push(('+', format!("{name}  {now}"))),
        }
    }
    for (name, then) in before {
        if !after.iter().any(|(other, _)| other == name) {
            lines.push(('-', format!("{name}  {then}")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let before = [fact("hostname", "a"), fact("uts", "1"), fact("gone", "x")];
        let after = [fact("hostname", "b"), fact("uts", "1"), fact("new", "y")];
        let wanted = [('~', "hostname  a → b"), ('+', "new  y"), ('-', "gone  x")];
        assert_eq!(changes(&before, &after), wanted.map(|(sign, text)| (sign, text.to_owned())));
    }
}
