//! Requests to a session, this process's own or a box's, and what becomes of them.
//!
//! An answer is not all that can come back: the line may go on in a new box, a program may have had
//! the foreground, a signal may have come, or the box may be gone. That is told here; what was
//! answered is for whoever has asked.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::boxes::Gone;
use super::{Session, ends, serve};
use crate::lua::boxes::Turn;
use crate::lua::boxes::foreground::Ran;
use crate::lua::session::Answer;
use crate::sys::interrupt;
use crate::sys::processes::End;

/// How long the line editor waits for an answer of a box.
const PATIENCE: Duration = Duration::from_millis(300);

impl Session<'_> {
    /// Has the session that the prompt names answer, and tells what else became of it.
    pub(super) fn ask_here(&self, request: &Json) -> Option<Json> {
        let name = self.current.borrow().clone();
        match name {
            None => self.ask_self(request, true),
            Some(name) => self.ask_box(&name, request),
        }
    }

    /// Has this very process answer. `aloud`: what becomes of it is told.
    pub(super) fn ask_self(&self, request: &Json, aloud: bool) -> Option<Json> {
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
    pub(super) fn ask_box(&self, name: &str, request: &Json) -> Option<Json> {
        let number = self.next_request();
        let sent = self.with(name, |boxed| boxed.link.send(number, request));
        if !matches!(sent, Some(Ok(()))) {
            self.lose(name, None);
            return None;
        }
        self.hear(name, number)
    }

    /// Waits for a box's answer to a request.
    pub(super) fn hear(&self, name: &str, number: u64) -> Option<Json> {
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
    pub(super) fn ask_quietly(&self, request: &Json) -> Option<Json> {
        let name = self.current.borrow().clone();
        match name {
            None => match self.machine.request(request) {
                Answer::Said(said) => Some(said),
                // The signal was meant for the session, which hears of it from the editor.
                Answer::Ending(status) => {
                    interrupt::again(status - 128);
                    None
                }
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
    pub(super) fn is_incomplete(&self, text: &str) -> bool {
        if text.trim_start().starts_with([':', '?', '!']) || text.trim().is_empty() {
            return false;
        }
        self.ask_quietly(&json!({ "op": "validate", "text": text })).is_some_and(|said| said["state"] == "incomplete")
    }

    fn next_request(&self) -> u64 {
        self.asked.set(self.asked.get() + 1);
        self.asked.get()
    }
}

/// How a program has left the foreground, where that needs words.
pub fn ran_words(ran: &Ran) -> String {
    let name = &ran.name;
    match ran.end {
        None if ran.job.is_some() => format!("{name} is stopped; :fg goes on with it"),
        // A shell has said itself what it has not found, and what a user interrupts needs no words.
        None | Some(End::Exited(0 | 127) | End::Signalled(nix::libc::SIGINT, _)) => String::new(),
        Some(End::Exited(status)) => format!("{name}: exit status {status}"),
        Some(End::Signalled(signal, _)) => format!("{name}: ended by {}", ends::signal_words(signal)),
    }
}
