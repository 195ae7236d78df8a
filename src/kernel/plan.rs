//! Does nothing and remembers what would have been done.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};

use super::{Call, Failure, Kernel, Reply, Request};

/// One remembered call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many children deep the call is made.
    pub depth: usize,
    /// The call.
    pub call: Call,
}

/// Remembers calls and answers each as if it had succeeded.
#[derive(Debug, Default)]
pub struct Plan {
    steps: RefCell<Vec<Step>>,
    depth: Cell<usize>,
}

impl Plan {
    /// What has been asked for, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.steps.borrow().clone()
    }

    /// Writes the plan, one line a call, and its total.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let steps = self.steps.borrow();
        for step in steps.iter() {
            let mark = if step.call.irreversible() { '!' } else { '+' };
            writeln!(out, "{}{mark} {}", "    ".repeat(step.depth), step.call)?;
        }
        let irreversible = steps.iter().filter(|step| step.call.irreversible()).count();
        writeln!(out, "Plan: {} calls, {irreversible} irreversible. Nothing was run.", steps.len())
    }
}

impl Kernel for Plan {
    fn run(&self, call: &Call) -> Result<Reply, Failure> {
        self.steps.borrow_mut().push(Step { depth: self.depth.get(), call: call.clone() });
        Ok(call.planned())
    }
    fn is_plan(&self) -> bool {
        true
    }
    fn enter_child(&self, _label: &str, enter: bool) {
        self.depth.set(if enter { self.depth.get() + 1 } else { self.depth.get().saturating_sub(1) });
    }
}
