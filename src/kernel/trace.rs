//! Writes every call as a line of JSON: `docs/explain.md` tells the fields.
//!
//! The first line says what run it is. The file is opened for appending, so that children write to
//! it as well, each line in one write; the last line of a process says that it has ended.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::event::{Event, Stage};
use super::{Fact, Request, Shell};
use crate::sys::fork;

/// The version of the format. A field that is added does not change it.
const FORMAT: u32 = 2;

/// The file that calls are written to.
pub struct Trace(File);

impl Trace {
    /// Starts a new trace in the file `path`; appends to it where several programs share one.
    pub fn new(path: &Path, append: bool) -> io::Result<Self> {
        if !append {
            File::create(path)?;
        }
        let trace = Self(OpenOptions::new().append(true).create(true).open(path)?);
        let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let argv: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        let first = json!({
            "format": FORMAT,
            "program": "crun-lua",
            "version": env!("CARGO_PKG_VERSION"),
            "argv": argv,
            "start": start,
            "pid": fork::outer_pid(),
        });
        trace.line(&first).map(|()| trace)
    }

    /// The descriptor, which a child must not let go of.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Writes a call down. A closed file system may make that impossible: the trace ends there, the
    /// run does not.
    pub fn write(&self, event: &Event, stage: Stage) {
        let call = event.call;
        let (shell, exact) = match call.shell() {
            Shell::Exact(command) => (Some(command), true),
            Shell::Close(command, _) => (Some(command), false),
            Shell::None => (None, false),
        };
        let errno = match &event.result {
            Some(Err(failure)) => Some(format!("{:?}", failure.errno)),
            _ => None,
        };
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let site = &event.site;
        let mut line = json!({
            "number": event.number,
            "pid": fork::outer_pid(),
            "in": event.inside,
            "file": site.file,
            "line": site.line,
            "lua": site.text.as_deref(),
            "via": site.via.as_ref().map(|(file, line)| format!("{file}:{line}")),
            "primitive": site.primitive,
            "topic": call.topic(),
            "call": call.to_string(),
            "ret": if stage == Stage::Planned { None } else { Some(event.answer()) },
            "errno": errno,
            "at_us": micros(event.at),
            "us": micros(event.took),
            "shell": shell,
            "exact": exact,
            "irreversible": call.irreversible(),
            "before": facts(&event.before),
            "after": facts(&event.after),
            "note": call.lesson().note,
        });
        if let Some(child) = event.child() {
            line["child"] = json!(child);
        }
        let _ = self.line(&line);
    }

    /// The last line of a process.
    pub fn end(&self, at: Duration) {
        let _ = self.line(&json!({ "end": fork::outer_pid(), "at_us": u64::try_from(at.as_micros()).unwrap_or(u64::MAX) }));
    }

    /// In one write, so that the lines of several processes do not mix.
    fn line(&self, line: &Value) -> io::Result<()> {
        let mut text = line.to_string();
        text.push('\n');
        (&self.0).write_all(text.as_bytes())
    }
}

fn facts(facts: &[Fact]) -> Map<String, Value> {
    facts.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
}
