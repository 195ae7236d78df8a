//! What a command wants of the front end: boxes, files, the history.
//!
//! What a command means is read in Lua (`stdlib/repl/commands.lua`), by the session that the prompt
//! names; what only this process can do comes back as an action. Files are this process's: a box may
//! stand in another root.

use serde_json::{Value as Json, json};

use super::editor::Editor;
use super::{Session, serve, width};
use crate::lua::boxes::{Fresh, Side};

/// More copies of one box than there is memory for.
const MOST_COPIES: u32 = 10_000;

impl Session<'_> {
    /// Does what an answer asks for.
    pub fn obey(&self, said: &Json, editor: Option<&mut Editor>) {
        let action = &said["action"];
        let text = |field: &str| action[field].as_str().map(str::to_owned);
        match action["kind"].as_str() {
            Some("box") => self.make_box(text("name")),
            Some("leave") => self.leave_box(),
            Some("enter") => self.enter(&text("name").unwrap_or_default()),
            Some("kill") => self.kill_box(text("name")),
            Some("fork") => self.freeze(text("name")),
            Some("reset") => self.reset(),
            Some("boxes") => self.list_boxes(),
            Some("quit") => self.ending.set(Some(0)),
            Some("write") => self.write(&text("path").unwrap_or_default(), &text("text").unwrap_or_default()),
            Some("load") => self.load(&text("path").unwrap_or_default()),
            Some("history") => {
                if let Some(editor) = editor {
                    editor.entries(&text("pattern").unwrap_or_default()).iter().for_each(|line| self.say(line, false));
                }
            }
            Some("time") => self.time(&text("text").unwrap_or_default()),
            // Judged by this process, wherever the line was read.
            Some("lab") => {
                self.lesson(action);
            }
            // The machine's own affairs, in the process that the prompt names.
            Some("request") => {
                if let Some(said) = self.ask_here(&action["request"]) {
                    if let Some(on) = said["on"].as_bool() {
                        self.hint(if on { "calls are told from now on" } else { "calls are not told" });
                    }
                    self.tell(&said);
                }
            }
            _ => {}
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.boxes.borrow().iter().any(|boxed| boxed.name == name)
    }

    fn here(&self) -> Option<String> {
        self.current.borrow().clone()
    }

    /// A name that is free, or the one that was asked for.
    fn name_for(&self, asked: Option<String>) -> Option<String> {
        let Some(name) = asked else {
            return std::iter::repeat_with(|| self.machine.boxes().next_name()).find(|name| !self.knows(name));
        };
        if name == "host" || self.knows(&name) {
            self.failed.set(true);
            self.complain(&format!("{name} is there already; :enter {name} goes there"));
            return None;
        }
        Some(name)
    }

    /// Forks this process: a box with its variables.
    fn copy_self(&self, name: &str) -> bool {
        match self.machine.boxes().make(self.machine.host(), name.to_owned(), false) {
            Ok(Side::Inside) => {
                self.forget();
                let link = self.machine.boxes().take_link();
                link.map_or_else(|| super::end_here(70), |link| serve::serve(self.machine, link, None))
            }
            Ok(Side::Front(fresh)) => self.adopt(fresh).is_some(),
            Err(failure) => {
                self.failed.set(true);
                self.complain(&failure.to_string());
                false
            }
        }
    }

    /// Has a box make a copy of itself.
    fn copy_box(&self, source: &str, name: &str) -> bool {
        let Some(said) = self.ask_box(source, &json!({ "op": "fork", "name": name })) else { return false };
        let pid = said["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        let taken = self.with(source, |boxed| (boxed.take_fd(), boxed.number));
        let (Some(pid), Some((Some(link), number))) = (pid, taken) else { return false };
        let made = self.adopt(Fresh { name: name.to_owned(), pid, link }).is_some();
        self.with(name, |boxed| boxed.number = number);
        made
    }

    fn make_box(&self, asked: Option<String>) {
        let Some(name) = self.name_for(asked) else { return };
        if self.copy_self(&name) {
            self.current.replace(Some(name));
        }
    }

    fn leave_box(&self) {
        match self.current.take() {
            Some(name) => self.hint(&format!("{name} stays; :enter {name} goes back to it, :kill {name} ends it")),
            None => self.hint("this is the host already; :quit leaves the REPL"),
        }
    }

    fn enter(&self, name: &str) {
        if name == "host" {
            self.current.take();
            return;
        }
        match self.with(name, |boxed| boxed.frozen) {
            Some(false) => {
                self.current.replace(Some(name.to_owned()));
            }
            Some(true) => {
                let Some(fresh) = self.name_for(None) else { return };
                if self.copy_box(name, &fresh) {
                    self.with(&fresh, |boxed| boxed.copy = Some(name.to_owned()));
                    self.hint(&format!("{fresh} is a copy of {name}"));
                    self.current.replace(Some(fresh));
                }
            }
            None => {
                self.failed.set(true);
                self.complain(&format!("there is no box {name}; :boxes lists them"));
            }
        }
    }

    fn kill_box(&self, asked: Option<String>) {
        let Some(name) = asked.or_else(|| self.here()) else {
            self.failed.set(true);
            return self.complain("this is the host; :kill NAME ends a box, :quit the REPL");
        };
        let Some(boxed) = self.take(&name) else {
            self.failed.set(true);
            return self.complain(&format!("there is no box {name}; :boxes lists them"));
        };
        let (pid, start) = (boxed.pid, boxed.start);
        boxed.end();
        self.collect(pid, start);
        self.current.replace_with(|current| current.take().filter(|current| *current != name));
        self.hint(&format!("{name} has ended"));
    }

    /// Makes a copy to come back to.
    fn freeze(&self, asked: Option<String>) {
        let here = self.here();
        let base = here.clone().unwrap_or_else(|| "host".to_owned());
        let name = asked.or_else(|| (1..=MOST_COPIES).map(|number| format!("{base}@{number}")).find(|name| !self.knows(name)));
        let Some(name) = self.name_for(name) else { return };
        let made = here.as_ref().map_or_else(|| self.copy_self(&name), |source| self.copy_box(source, &name));
        if !made {
            return;
        }
        self.with(&name, |boxed| boxed.frozen = true);
        if let Some(here) = here {
            self.with(&here, |boxed| boxed.copy = Some(name.clone()));
            self.hint(&format!("{name} keeps this state; :reset comes back to it, :enter {name} starts another box from it"));
        } else {
            self.hint(&format!("{name} keeps this state; :enter {name} starts a box from it"));
        }
    }

    /// Starts a box over: from the last copy of it, or from the host.
    fn reset(&self) {
        let Some(name) = self.here() else {
            if let Some(said) = self.ask_here(&json!({ "op": "reset" })) {
                self.tell(&said);
            }
            return;
        };
        let copy = self.with(&name, |boxed| boxed.copy.clone()).flatten().filter(|copy| self.knows(copy));
        let Some(old) = self.take(&name) else { return };
        let (pid, start) = (old.pid, old.start);
        old.end();
        self.collect(pid, start);
        self.current.take();
        let made = copy.as_ref().map_or_else(|| self.copy_self(&name), |copy| self.copy_box(copy, &name));
        if made {
            self.with(&name, |boxed| boxed.copy.clone_from(&copy));
            self.current.replace(Some(name.clone()));
            let from = copy.unwrap_or_else(|| "the host".to_owned());
            self.hint(&format!("{name} starts over from {from}"));
        }
    }

    fn list_boxes(&self) {
        let boxes: Vec<Json> = self
            .boxes
            .borrow()
            .iter()
            .map(|boxed| json!({ "name": boxed.name, "pid": boxed.pid, "frozen": boxed.frozen, "copy": boxed.copy }))
            .collect();
        if let Some(said) = self.ask_self(&json!({ "op": "boxes", "boxes": boxes, "current": self.here(), "width": width() }), true) {
            self.tell(&said);
        }
    }

    fn write(&self, path: &str, text: &str) {
        use std::os::unix::fs::OpenOptionsExt;
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o755).open(path);
        match file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())) {
            Ok(()) => {
                self.hint(&format!("written: {path}; crun-lua {path} runs it"));
                self.tell_of_boxes_left_out();
            }
            Err(error) => {
                self.failed.set(true);
                self.complain(&format!("{path}: {error}"));
            }
        }
    }

    /// A script is one process: at the host it has none of the lines that a box went on with.
    fn tell_of_boxes_left_out(&self) {
        if self.current.borrow().is_some() {
            return;
        }
        let names: Vec<String> = self.boxes.borrow().iter().filter(|boxed| !boxed.frozen).map(|boxed| boxed.name.clone()).collect();
        if let Some(first) = names.first() {
            let all = names.join(", ");
            self.hint(&format!("what was typed in {all} is not in it: :enter {first} and :save there write that one's whole way"));
        }
    }

    fn load(&self, path: &str) {
        match std::fs::read(path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some(said) = self.ask_here(&json!({ "op": "evaluate", "text": text, "name": path, "width": width() })) {
                    self.tell(&said);
                }
            }
            Err(error) => {
                self.failed.set(true);
                self.complain(&format!("{path}: {error}"));
            }
        }
    }

    /// Has the lesson beside this session answer a verb, as `{ verb, words, answers }`; whether it could.
    pub fn lesson(&self, asked: &Json) -> bool {
        let mut request = asked.clone();
        request["op"] = json!("lab");
        request["width"] = json!(width());
        request["colour"] = json!(self.style.colour);
        request["interactive"] = json!(self.style.interactive);
        let Some(said) = self.ask_self(&request, true) else { return false };
        self.tell(&said);
        said["error"].as_bool() != Some(true)
    }

    /// Evaluates, and tells what that has cost.
    fn time(&self, text: &str) {
        let Some(said) = self.ask_here(&json!({ "op": "evaluate", "text": text, "width": width() })) else { return };
        self.tell(&said);
        let cost = |field: &str| said["cost"][field].as_f64().unwrap_or_default();
        let calls = said["cost"]["calls"].as_u64().unwrap_or_default();
        self.say(&format!("{} wall · {} cpu · {calls} calls", span(cost("wall")), span(cost("cpu"))), true);
    }
}

/// A time in a unit that fits.
fn span(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 1e-3 => format!("{:.0} µs", seconds * 1e6),
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.2} s"),
    }
}
