//! The running kernel, and the running kernel with one failure put into it.

use std::cell::Cell;
use std::rc::Rc;

use super::{Call, Failure, Kernel, Reply, Request};
use crate::sys::Errno;

/// Has every call done.
#[derive(Debug, Default)]
pub struct Live;

impl Kernel for Live {
    fn run(&self, call: &Call) -> Result<Reply, Failure> {
        call.execute().map_err(|errno| Failure::new(call, errno))
    }
}

/// Fails one call of a run instead of having it done, so that every error path can be walked.
pub struct Fault {
    inner: Rc<dyn Kernel>,
    at: u64,
    errno: Errno,
    seen: Cell<u64>,
}

impl Fault {
    /// Call number `at`, counted from 1, fails with `errno`.
    #[must_use]
    pub fn new(inner: Rc<dyn Kernel>, at: u64, errno: Errno) -> Self {
        Self { inner, at, errno, seen: Cell::new(0) }
    }
}

impl Kernel for Fault {
    fn run(&self, call: &Call) -> Result<Reply, Failure> {
        self.seen.set(self.seen.get() + 1);
        if self.seen.get() == self.at {
            return Err(Failure::new(call, self.errno));
        }
        self.inner.run(call)
    }
    fn is_plan(&self) -> bool {
        self.inner.is_plan()
    }
    fn enter_child(&self, label: &str, enter: bool) {
        self.inner.enter_child(label, enter);
    }
}
