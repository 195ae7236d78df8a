//! Lets another process look at certain moments: what `crun-lua report SCRIPT` sees of a run.
//!
//! A container may live for a millisecond. Before a program takes a process over, after a filter
//! was loaded, before something is killed or a group removed, and at its end, a process tells so
//! through the pipe `DIR/ask`, and goes on when its ticket comes back through `DIR/answer`. Both are opened at the
//! start, for a child may have another root by then, and nothing but read(2), write(2) and
//! nanosleep(2) is called: a filter that forbids one of them would turn looking into a change of
//! what is looked at, so there are no moments under such a filter.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::libc;
use serde_json::json;

use super::{Call, Faces, Failure, Kernel, Reply, Request, cgroups, processes, seccomp};
use crate::sys::seccomp::{names, profile::Action};

/// How long a process waits for one that does not look.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells moments before and after calls that go to another kernel.
pub struct Witness {
    inner: Rc<dyn Kernel>,
    ask: File,
    answer: File,
    inside: RefCell<Vec<String>>,
    /// Nobody looks any more, or looking is forbidden.
    mute: Cell<bool>,
}

impl Witness {
    /// Tells the moments through the two pipes of `dir`.
    pub fn new(inner: Rc<dyn Kernel>, dir: &Path) -> io::Result<Self> {
        // For reading and writing, so that opening waits for nobody.
        let open = |name: &str, flags| OpenOptions::new().read(true).write(true).custom_flags(flags).open(dir.join(name));
        Ok(Self {
            inner,
            ask: open("ask", 0)?,
            answer: open("answer", libc::O_NONBLOCK)?,
            inside: RefCell::default(),
            mute: Cell::new(false),
        })
    }

    /// Tells a moment and waits until it was looked at.
    fn tell(&self, moment: &str, call: &dyn Display) {
        if self.mute.get() || self.is_plan() {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ticket = (u64::from(now.subsec_nanos()) << 32) | u64::from(std::process::id());
        let mut text: String = call.to_string().chars().take(400).collect();
        text.retain(|character| !character.is_control());
        let line = json!({ "ticket": ticket.to_string(), "moment": moment, "in": self.inside.borrow().join("/"), "call": text });
        // One write below PIPE_BUF: lines of several processes do not mix.
        if (&self.ask).write_all(format!("{line}\n").as_bytes()).is_err() || !self.wait(ticket) {
            self.mute.set(true);
        }
    }

    /// Whether the ticket has come back. One of another process is put back.
    fn wait(&self, ticket: u64) -> bool {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let mut bytes = [0; 8];
            match (&self.answer).read(&mut bytes) {
                Ok(8) if u64::from_le_bytes(bytes) == ticket => return true,
                Ok(8) => drop((&self.answer).write_all(&bytes)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return false,
            }
            std::thread::sleep(Duration::from_micros(300));
        }
        false
    }

    /// What is about to go with this call. Devices are not among it: they go with their namespace while
    /// somebody looks, and their owner would find them gone.
    fn removes(call: &Call) -> bool {
        match call {
            Call::Processes(processes::Call::Signal { signal, .. } | processes::Call::Kill { signal, .. }) => *signal == libc::SIGKILL,
            Call::Cgroups(cgroups::Call::Kill { .. } | cgroups::Call::Remove { .. }) => true,
            _ => false,
        }
    }

    /// Falls silent under a filter that has something against what looking takes.
    fn heed(&self, call: &Call) {
        let Call::Seccomp(seccomp::Call::Load { filter, .. }) = call else { return };
        let needed = ["read", "write", "clock_gettime", "clock_nanosleep"];
        let allows = |name: &&str| matches!(filter.decide(name, names::native(), [0; 6]), Some(Action::Allow | Action::Log));
        if !needed.iter().all(allows) {
            self.mute.set(true);
        }
    }
}

impl Kernel for Witness {
    fn run(&self, call: &Call) -> Result<Reply, Failure> {
        if !call.returns() {
            self.tell("exec", call);
        } else if Self::removes(call) {
            self.tell("remove", call);
        }
        let result = self.inner.run(call);
        if result.is_ok() && matches!(call, Call::Seccomp(_)) {
            self.heed(call);
            self.tell("confined", call);
        }
        result
    }
    fn is_plan(&self) -> bool {
        self.inner.is_plan()
    }
    fn listens(&self) -> bool {
        self.inner.listens()
    }
    fn faces(&self) -> Option<&Faces> {
        self.inner.faces()
    }
    fn end(&self) {
        self.tell("end", &"exit");
        self.inner.end();
    }
    fn descriptors(&self) -> Vec<RawFd> {
        let mut all = self.inner.descriptors();
        all.extend([self.ask.as_raw_fd(), self.answer.as_raw_fd()]);
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
