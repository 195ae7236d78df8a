//! The running kernel, and the running kernel with failures put into it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{Call, Failure, Kernel, Reply, Request};
use crate::sys::{self, Errno};

/// Has every call done.
#[derive(Debug, Default)]
pub struct Live;

impl Kernel for Live {
    fn run(&self, call: &Call) -> Result<Reply, Failure> {
        call.execute().map_err(|errno| Failure::new(call, errno))
    }
}

/// What happens instead of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It fails.
    Fail(Errno),
    /// The process is killed before it.
    Kill,
}

/// Which call of a run does not happen, and what happens instead.
///
/// A child goes on counting from its parent's number, and both count on by themselves. So the same
/// number may come up in several processes: `inside` says in which of them it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The call's number, counted from 1: as `--trace` writes it.
    pub at: u64,
    /// What happens instead.
    pub effect: Effect,
    /// The path of children, as `--trace` writes it: `""` for the first process, `child 1`. Any
    /// process where there is none.
    pub inside: Option<String>,
}

/// Fails calls of a run instead of having them done, so that every error path can be walked; or
/// kills the process before one, so that every state that a crash leaves can be looked at.
pub struct Fault {
    inner: Rc<dyn Kernel>,
    targets: Vec<Target>,
    seen: Cell<u64>,
    inside: RefCell<Vec<String>>,
}

impl Fault {
    /// The calls that `targets` name do not happen.
    #[must_use]
    pub fn new(inner: Rc<dyn Kernel>, targets: Vec<Target>) -> Self {
        Self { inner, targets, seen: Cell::new(0), inside: RefCell::default() }
    }

    /// What happens instead of the call that has just been counted.
    fn instead(&self) -> Option<Effect> {
        let is_here = |inside: &String| *inside == self.inside.borrow().join("/");
        let mut meant = self.targets.iter().filter(|target| target.at == self.seen.get());
        meant.find(|target| target.inside.as_ref().is_none_or(is_here)).map(|target| target.effect)
    }
}

impl Kernel for Fault {
    fn run(&self, call: &Call) -> Result<Reply, Failure> {
        self.seen.set(self.seen.get() + 1);
        match self.instead() {
            Some(Effect::Fail(errno)) => Err(Failure::new(call, errno)),
            Some(Effect::Kill) if !self.is_plan() => sys::processes::die(),
            _ => self.inner.run(call),
        }
    }
    fn is_plan(&self) -> bool {
        self.inner.is_plan()
    }
    fn descriptors(&self) -> Vec<std::os::fd::RawFd> {
        self.inner.descriptors()
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
