//! An interactive session in this machine: one request at a time, answered by Lua.
//!
//! A request is a table with an `op`; `stdlib/repl/session.lua` answers it with a table. Here it is
//! JSON on both sides, because the same request may have to go to a box. A few requests are met
//! before Lua sees them: those that ask for something of the machine itself.

use std::rc::Rc;
use std::time::Instant;

use mlua::{Function, MultiValue, Table, Value};
use serde_json::{Value as Json, json};

use super::boxes::{Boxes, Turn};
use super::error::{Limit, Outcome, Raise, value_from, value_json};
use super::{Machine, protected};
use crate::kernel::{Detail, Explain, Kinds, Reply, processes, spawn};
use crate::sys::{fork, interrupt};

/// The module that answers.
const MODULE: &str = "repl.session";

/// More copies of copies than anybody makes.
const DEEPEST: usize = 64;

/// What became of a request.
#[derive(Debug)]
pub enum Answer {
    /// It was answered.
    Said(Json),
    /// Ctrl-C has stopped it.
    Interrupted,
    /// The session is to end with this status.
    Ending(i32),
    /// The line is over before its end.
    Turned(Turn),
    /// It could not be answered: a defect, or no memory.
    Failed(String),
}

impl Machine {
    /// What this process knows of its session.
    #[must_use]
    pub fn boxes(&self) -> &Boxes {
        &self.host.boxes
    }

    /// Makes this process the one that a user types into.
    pub fn begin_session(&self) {
        self.host.boxes.begin(&self.lua);
    }

    /// The host behind the primitives.
    #[must_use]
    pub fn host(&self) -> &super::Host {
        &self.host
    }

    /// Has one request answered.
    pub fn request(&self, request: &Json) -> Answer {
        let host = &self.host;
        let (begun, cpu, calls) = (Instant::now(), processor_time(), host.calls.get());
        let answer = match request["op"].as_str() {
            Some("explain") => self.explain(request["on"].as_bool()),
            Some("plan") => self.plan(request).map(|()| json!({})),
            Some("resume") => match host.boxes.resume() {
                Ok(ran) => return Answer::Turned(Turn::Ran(ran)),
                Err(failure) => Err(failure),
            },
            _ => self.ask(request),
        };
        fork::flush();
        let moved = host.boxes.has_moved();
        if let Some(turn) = host.boxes.take_turn() {
            if moved && let Err(error) = super::hook::watch(&self.lua, host) {
                return Answer::Failed(error.to_string());
            }
            return Answer::Turned(turn);
        }
        if let Some(status) = host.exit.take() {
            return Answer::Ending(status);
        }
        // Where the key has ended what the line was waiting for, it meant the line all the same.
        if matches!(request["op"].as_str(), Some("evaluate" | "command")) {
            super::stop_if_signalled(host);
        }
        if let Some(signal) = host.stopped.take() {
            host.unwound.set(false);
            interrupt::clear();
            return if signal == nix::libc::SIGINT { Answer::Interrupted } else { Answer::Ending(128 + signal) };
        }
        match answer {
            Ok(mut said) => {
                said["cost"] = json!({
                    "wall": begun.elapsed().as_secs_f64(),
                    "cpu": processor_time() - cpu,
                    "calls": host.calls.get() - calls,
                });
                Answer::Said(said)
            }
            Err(failure) => Answer::Failed(failure.to_string()),
        }
    }

    /// Tells the session that a line was ended from outside; the next one's number.
    pub fn over(&self) -> Option<u64> {
        self.ask(&json!({ "op": "over" })).ok()?["number"].as_u64()
    }

    fn ask(&self, request: &Json) -> Outcome<Json> {
        let environment: Table = self.lua.named_registry_value("crun_lua.environment")?;
        let require: Function = environment.get("require")?;
        let name = Value::String(self.lua.create_string(MODULE)?);
        let module = protected(&self.lua, &require, MultiValue::from_vec(vec![name]))?.map_err(Raise::Object)?;
        let function: Function =
            module.as_table().map(|module| module.raw_get("request")).transpose()?.ok_or_else(|| Raise::state("no session"))?;
        let argument = value_from(&self.lua, request)?;
        let value = protected(&self.lua, &function, MultiValue::from_vec(vec![argument]))?.map_err(Raise::Object)?;
        Ok(match value {
            Value::Table(_) => match value_json(&value, Limit::WHOLE) {
                object @ Json::Object(_) => object,
                list => json!({ "list": list }),
            },
            _ => json!({}),
        })
    }

    /// Tells each call from now on, or no more; without a word, whether it does.
    fn explain(&self, on: Option<bool>) -> Outcome<Json> {
        let Some(faces) = self.host.faces() else { return Err(Raise::state("this machine's kernel tells nothing")) };
        if let Some(on) = on {
            let explain = on.then(|| Explain::new(Detail::default(), faces.locate())).transpose();
            faces.set_explain(explain.map_err(|error| Raise::state(format!("standard error: {error}")))?.map(Rc::new));
        }
        Ok(json!({ "on": faces.explains() }))
    }

    /// Prints what a line would do. In a child, because variables that hold what was never made would
    /// be left behind.
    fn plan(&self, request: &Json) -> Outcome<()> {
        let call = processes::Call::Clone { child: "plan".to_owned(), kinds: Kinds::empty(), cgroup: None };
        match self.host.run(call)? {
            Reply::Child => {
                let _here = fork::NoReturn;
                self.host.in_child("plan");
                self.host.boxes.begin(&self.lua);
                // A plan tells of a first process and its children: this is the first one now.
                (0..DEEPEST).for_each(|_| self.host.kernel().enter_child("", false));
                let evaluate = json!({ "op": "evaluate", "text": request["text"], "planned": true });
                let planned = self.host.plan(&self.lua, || self.ask(&evaluate));
                fork::flush();
                let status = match planned {
                    Ok((said, plan)) => {
                        let _ = plan.write(false, &mut std::io::stdout().lock());
                        match said {
                            Ok(said) => {
                                let text = said["text"].as_str().unwrap_or_default();
                                if !text.is_empty() {
                                    println!("{text}");
                                }
                                0
                            }
                            // A plan ends where the line would become another program.
                            Err(_) if super::is_unwinding(&self.host) => 0,
                            Err(failure) => {
                                println!("{failure}");
                                1
                            }
                        }
                    }
                    Err(failure) => {
                        println!("{failure}");
                        1
                    }
                };
                fork::exit_now(status)
            }
            Reply::Process(_, pidfd) => {
                self.host.run(spawn::Call::Reap { pidfd })?;
                Ok(())
            }
            _ => Err(Raise::state("clone3 has answered something else")),
        }
    }
}

/// The processor time that this process has used, in seconds.
fn processor_time() -> f64 {
    crate::sys::namespaces::clock(nix::libc::CLOCK_PROCESS_CPUTIME_ID).unwrap_or_default()
}
