//! Boxes: forked copies of an interactive session, in which calls that cannot be taken back happen.
//!
//! The process that a user types into never changes itself, or it would be finished after one
//! `chroot`. When a line is about to call a primitive that changes its caller, the process forks at
//! that moment. The child goes on in the middle of the line, with every variable: it is the new box.
//! In the parent the line ends there, like one that a signal has stopped: no `pcall` of it holds
//! that up, no handle is closed by it, and no further primitive runs in it. From then on the parent
//! is the box's front end (`crate::repl`).
//!
//! In a script there is no session, so nothing of this happens.

use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::Host;
use super::args::Fields;
use super::error::{Outcome, Raise, unexpected};
use super::table::{Primitive, Scope};
use crate::kernel::{Kinds, Reply, processes, spawn};
use crate::sys::{self, Errno, fork};

pub mod foreground;

/// A box that has just been made, as its front end sees it.
#[derive(Debug)]
pub struct Fresh {
    /// What the prompt calls it.
    pub name: String,
    /// Its number, in the front end's pid namespace.
    pub pid: i32,
    /// This side of the line to it.
    pub link: OwnedFd,
}

/// Why a line is over before its end.
#[derive(Debug)]
pub enum Turn {
    /// It goes on in a box.
    Moved(Fresh),
    /// A program had the terminal.
    Ran(foreground::Ran),
}

/// What a process knows of its session.
#[derive(Debug, Default)]
pub struct Boxes {
    /// The process that lines run in; 0 where there is no session. Its children are none.
    session: Cell<u32>,
    /// Whether that is a box.
    inside: Cell<bool>,
    /// Why the line that runs is over.
    turn: RefCell<Option<Turn>>,
    /// In a box: its side of the line to the front end.
    link: RefCell<Option<OwnedFd>>,
    /// The coroutine that lines are started in.
    thread: RefCell<Option<mlua::Thread>>,
    /// How many boxes have been named.
    named: Cell<u32>,
    /// The programs that were stopped by a key, the last one at the end.
    jobs: RefCell<Vec<foreground::Job>>,
}

/// Which of the two processes goes on.
pub enum Side {
    /// The one that was there.
    Front(Fresh),
    /// The new box.
    Inside,
}

impl Boxes {
    /// Makes this process the one that a user types into.
    pub fn begin(&self, lua: &mlua::Lua) {
        self.thread.replace(Some(lua.current_thread()));
        self.session.set(fork::own_pid());
    }

    /// Whether lines run in this very process.
    #[must_use]
    pub fn is_session(&self) -> bool {
        self.session.get() != 0 && self.session.get() == fork::own_pid()
    }

    /// Whether this process is a box.
    #[must_use]
    pub fn is_box(&self) -> bool {
        self.inside.get() && self.is_session()
    }

    /// Whether the line is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.turn.borrow().is_some() && self.is_session()
    }

    /// Whether the line goes on elsewhere: nothing of it may happen here any more.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        matches!(*self.turn.borrow(), Some(Turn::Moved(_))) && self.is_session()
    }

    /// Why the line is over, once.
    pub fn take_turn(&self) -> Option<Turn> {
        self.turn.take()
    }

    /// In a box: the line to the front end, once.
    pub fn take_link(&self) -> Option<OwnedFd> {
        self.link.take()
    }

    /// The next box's name.
    #[must_use]
    pub fn next_name(&self) -> String {
        self.named.set(self.named.get() + 1);
        format!("box{}", self.named.get())
    }

    /// Forks. `sibling` in a box: the copy is a child of the front end, as the box itself is.
    pub fn make(&self, host: &Host, name: String, sibling: bool) -> Outcome<Side> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(|error| Raise::state(format!("socketpair: {error}")))?;
        let call: crate::kernel::Call = if sibling {
            spawn::Call::CloneSibling { child: name.clone(), kinds: Kinds::empty(), cgroup: None }.into()
        } else {
            processes::Call::Clone { child: name.clone(), kinds: Kinds::empty(), cgroup: None }.into()
        };
        match host.run(call.clone())? {
            Reply::Child => {
                drop(ours);
                host.in_child(&name);
                self.session.set(fork::own_pid());
                self.inside.set(true);
                // Its parent's: this process cannot wait for them.
                self.jobs.take();
                self.link.replace(Some(theirs.into()));
                self.stay_close();
                Ok(Side::Inside)
            }
            Reply::Process(pid, _) => {
                let pid = pid.raw().map_err(|errno| unexpected(&call, errno))?;
                Ok(Side::Front(Fresh { name, pid, link: ours.into() }))
            }
            _ => Err(unexpected(&call, Errno::EPROTO)),
        }
    }

    /// Has the kernel end this box when its front end dies: in order, so that what it holds is
    /// closed. A change of ids makes the kernel forget it, so this is said again after each line.
    pub fn stay_close(&self) {
        let _ = sys::spawn::end_with_parent();
    }

    /// Ends the programs that are stopped.
    pub fn end_jobs(&self) {
        self.jobs.take().into_iter().for_each(|job| job.end());
    }

    /// Brings a stopped program back: the last one.
    pub fn resume(&self) -> Outcome<foreground::Ran> {
        let job = self.jobs.borrow_mut().pop();
        job.ok_or_else(|| Raise::state("no program is stopped")).map(|job| self.keep(job.resume()))
    }

    fn keep(&self, ran: foreground::Ran) -> foreground::Ran {
        if let foreground::Ran { job: Some(job), .. } = &ran {
            self.jobs.borrow_mut().push(job.clone());
        }
        ran
    }

    /// Called before each primitive, when its arguments have been judged: in a session's own process
    /// what changes the caller goes on in a box.
    pub fn before(&self, primitive: &Primitive, lua: &mlua::Lua, host: &Rc<Host>, fields: &Fields) -> Outcome<()> {
        if self.is_box() || !self.is_session() || host.kernel().is_plan() || !changes_caller(primitive, fields) {
            return Ok(());
        }
        match self.make(host, self.next_name(), false)? {
            Side::Inside => Ok(()),
            Side::Front(fresh) => {
                self.turn.replace(Some(Turn::Moved(fresh)));
                super::hook::halt(lua, host, self.thread.borrow().as_ref())?;
                Err(over())
            }
        }
    }

    /// Runs a program in the foreground instead of becoming it; the line is over then.
    pub fn run(&self, lua: &mlua::Lua, host: &Host, name: &str, exec: impl FnOnce() -> Raise) -> Raise {
        match foreground::run(lua, host, name, exec) {
            Ok(ran) => {
                let ran = self.keep(ran);
                self.turn.replace(Some(Turn::Ran(ran)));
                over()
            }
            Err(failure) => failure,
        }
    }
}

/// What unwinds a line that is over.
fn over() -> Raise {
    Raise::Lua(mlua::Error::runtime("the line is over"))
}

/// Whether the caller is another process after this call. The working directory and the mask of
/// new files are as harmless here as in a shell; `exec` runs as a program in the foreground.
fn changes_caller(primitive: &Primitive, fields: &Fields) -> bool {
    const HARMLESS: [&str; 5] = ["budget", "chdir", "defer", "exec", "umask"];
    let caller = primitive.scope == Scope::Caller || primitive.name == "cgroup:enter";
    let target = |fields: &Fields| fields.has("pid") || fields.has("process");
    let other = target(fields) || fields.options("options").is_ok_and(|options| target(&options));
    caller && !other && !HARMLESS.contains(&primitive.name)
}

impl Host {
    /// In a forked child that goes on in Lua: what belongs to the parent is not its own.
    pub fn in_child(&self, name: &str) {
        self.kernel().enter_child(name, true);
        self.standing.forked();
        self.journal.forget();
        self.ledger.forked();
        self.budget.forked();
    }
}
