//! The listener of a filter as a script holds it: by it another process answers notified calls.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::{Lua, Value};

use crate::lua::Host;
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle::{Handle, Resource};
use crate::sys::Fd;
use crate::sys::supervision::Waiting;

/// The descriptor by which another process answers notified calls. Once every copy of it is
/// closed, a notified call answers `ENOSYS`.
///
/// The calls that wait share it, so that it closes with the listener although Lua has not collected
/// them; and a forked child closes its copy: by one that nobody reads callers would wait for ever.
pub struct Listener {
    fd: Rc<RefCell<Option<Fd>>>,
    judged: RefCell<Judged>,
    turn: Cell<Turn>,
}

/// Whose turn it is where a call waits and something else has happened as well. It changes each time, so
/// that neither a caller who asks without end nor two listeners that are served in turns keep the rest
/// waiting.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Turn {
    /// The calls that come by the listener.
    #[default]
    Own,
    /// What is watched beside it.
    Others,
}

/// The call that a function judges at this moment.
#[derive(Default)]
pub struct Judged {
    /// What the kernel says of it.
    pub waiting: Option<Waiting>,
    /// Its handle, once the function has asked for it.
    pub request: Option<Handle>,
}

/// What the calls that wait hold of their listener.
#[derive(Clone)]
pub struct Line(Rc<RefCell<Option<Fd>>>);

impl Line {
    /// The descriptor, while it is open.
    pub fn fd(&self) -> Outcome<Fd> {
        self.0.borrow().clone().ok_or_else(|| Raise::state("the seccomp listener is closed"))
    }
}

impl Listener {
    /// Takes an open descriptor.
    pub fn new(fd: Fd) -> Self {
        Self { fd: Rc::new(Some(fd).into()), judged: RefCell::default(), turn: Cell::default() }
    }

    /// The descriptor, while it is open.
    pub fn fd(&self) -> Outcome<Fd> {
        self.line().fd()
    }

    /// For the calls that come by it.
    pub fn line(&self) -> Line {
        Line(Rc::clone(&self.fd))
    }

    /// Whose turn is next.
    pub const fn turn(&self) -> &Cell<Turn> {
        &self.turn
    }

    /// The call that a function judges at this moment.
    pub const fn judged(&self) -> &RefCell<Judged> {
        &self.judged
    }
}

impl Resource for Listener {
    fn kind(&self) -> &'static str {
        "seccomp_listener"
    }

    fn describe(&self) -> String {
        "seccomp listener".to_owned()
    }

    fn fields(&self) -> &'static [&'static str] {
        &["fd"]
    }

    fn field(&self, lua: &Lua, _name: &str) -> mlua::Result<Value> {
        let number = self.fd.borrow().as_ref().map(Fd::raw);
        match number {
            Some(Ok(number)) => Ok(Value::Integer(number.into())),
            Some(Err(_)) => crate::lua::unknown(lua),
            None => Ok(Value::Nil),
        }
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        if let Some(number) = self.private() {
            host.ledger.not_private(number);
        }
        self.fd.replace(None);
        Ok(())
    }

    fn private(&self) -> Option<std::os::fd::RawFd> {
        self.fd.borrow().as_ref()?.raw().ok()
    }
}
