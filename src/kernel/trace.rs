//! Writes every call as a line of JSON, whichever kernel it goes to.
//!
//! The first line is `{"format":1}`. The file is opened for appending, so that children write to
//! it as well; `in` is the path of children that a line was written in, and `number` counts the
//! calls of that process, from its parent's number on: what `--fault` means by it.

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use serde_json::{Value, json};

use super::{Call, Failure, Kernel, Locate, Reply, Request, Shell};

/// Records what goes to another kernel.
pub struct Trace {
    inner: Rc<dyn Kernel>,
    file: File,
    locate: Locate,
    inside: RefCell<Vec<String>>,
    number: Cell<u64>,
}

impl Trace {
    /// Starts a new trace in the file `path`.
    pub fn new(inner: Rc<dyn Kernel>, path: &Path, locate: Locate) -> io::Result<Self> {
        File::create(path)?;
        let mut file = OpenOptions::new().append(true).open(path)?;
        writeln!(file, "{}", json!({ "format": 1 }))?;
        Ok(Self { inner, file, locate, inside: RefCell::default(), number: Cell::new(0) })
    }

    /// One line, in one write, so that the lines of several processes do not mix.
    ///
    /// A call with a `kill` action or a closed root may make writing impossible: the trace ends
    /// there, the run does not.
    fn write(&self, line: &Value) {
        let mut text = line.to_string();
        text.push('\n');
        let _ = (&self.file).write_all(text.as_bytes());
    }
}

impl Kernel for Trace {
    fn run(&self, call: &Call) -> Result<Reply, Failure> {
        self.number.set(self.number.get() + 1);
        let at = (self.locate)().unwrap_or_default();
        let (shell, exact) = match call.shell() {
            Shell::Exact(command) => (Some(command), true),
            Shell::Close(command, _) => (Some(command), false),
            Shell::None => (None, false),
        };
        let mut line = json!({
            "number": self.number.get(),
            "in": self.inside.borrow().join("/"),
            "file": at.file,
            "line": at.line,
            "topic": call.topic(),
            "call": call.to_string(),
            "shell": shell,
            "exact": exact,
            "errno": Value::Null,
        });
        // A call that does not return is written before it is made.
        let ahead = !call.returns();
        if ahead {
            self.write(&line);
        }
        let result = self.inner.run(call);
        if matches!(result, Ok(Reply::Child)) {
            return result;
        }
        if let Err(failure) = &result {
            line["errno"] = json!(format!("{:?}", failure.errno));
        }
        if !ahead || result.is_err() {
            self.write(&line);
        }
        result
    }
    fn is_plan(&self) -> bool {
        self.inner.is_plan()
    }
    fn descriptors(&self) -> Vec<std::os::fd::RawFd> {
        use std::os::fd::AsRawFd;
        let mut all = self.inner.descriptors();
        all.push(self.file.as_raw_fd());
        all
    }
    fn enter_child(&self, label: &str, enter: bool) {
        if enter {
            self.inside.borrow_mut().push(label.to_owned());
        } else {
            self.inside.borrow_mut().pop();
        }
        self.inner.enter_child(label, enter);
    }
}
