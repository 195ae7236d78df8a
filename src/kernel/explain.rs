//! Has every call done and tells, on standard error, what it was and what it changed.
//!
//! The effect is read back from the kernel before and after: a value shown here is what the kernel
//! says, never what was asked for.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::rc::Rc;
use std::time::Instant;

use super::{Call, Fact, Failure, Kernel, Locate, Reply, Request, Shell};

/// The narrator, around the kernel that does the work.
pub struct Explain {
    inner: Rc<dyn Kernel>,
    locate: Locate,
    number: Cell<u64>,
    inside: RefCell<Vec<String>>,
}

impl Explain {
    /// Narrates what `inner` does; `locate` names the script's line.
    #[must_use]
    pub fn new(inner: Rc<dyn Kernel>, locate: Locate) -> Self {
        Self { inner, locate, number: Cell::new(0), inside: RefCell::default() }
    }

    fn tell(&self, call: &Call, result: &Result<Reply, Failure>, micros: u128, before: &[Fact], after: &[Fact]) {
        self.number.set(self.number.get() + 1);
        let indent = "    ".repeat(self.inside.borrow().len());
        let at = (self.locate)().map_or_else(String::new, |site| format!("{}:{}", site.file, site.line));
        let mut told = format!("{indent}{:>3}  {at}\n", self.number.get());
        let answer = match result {
            Ok(Reply::Number(number)) => number.to_string(),
            Ok(Reply::Pid(pid) | Reply::Process(pid, _)) => pid.raw().map_or_else(|_| "?".to_owned(), |raw| raw.to_string()),
            Ok(Reply::Fd(fd)) => fd.raw().map_or_else(|_| fd.to_string(), |raw| format!("{raw}{fd}")),
            Ok(_) => "0".to_owned(),
            Err(failure) => format!("-1 {:?} ({})", failure.errno, failure.errno.desc()),
        };
        told.push_str(&format!("{indent}     syscall  {call} = {answer}  {micros} µs\n"));
        match call.shell() {
            Shell::Exact(command) => told.push_str(&format!("{indent}     shell  = {command}\n")),
            Shell::Close(command, how) => told.push_str(&format!("{indent}     shell  ≈ {command}   ({how})\n")),
            Shell::None => told.push_str(&format!("{indent}     shell  — no command does this\n")),
        }
        for line in changes(before, after) {
            told.push_str(&format!("{indent}     effect {line}\n"));
        }
        if call.irreversible() && result.is_ok() {
            told.push_str(&format!("{indent}     note     irreversible for this process and its children\n"));
        }
        if let Err(Failure { hint: Some(hint), .. }) = result {
            told.push_str(&format!("{indent}     try      {hint}\n"));
        }
        // In one write, so that the lines of several processes do not mix.
        let _ = std::io::stderr().write_all(told.as_bytes());
    }
}

/// What differs between two readings of the same facts.
fn changes(before: &[Fact], after: &[Fact]) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, now) in after {
        match before.iter().find(|(other, _)| other == name) {
            Some((_, then)) if then == now => {}
            Some((_, then)) => lines.push(format!("~ {name} {then} → {now}")),
            None => lines.push(format!("+ {name} {now}")),
        }
    }
    for (name, then) in before {
        if !after.iter().any(|(other, _)| other == name) {
            lines.push(format!("- {name} {then}"));
        }
    }
    lines
}

impl Kernel for Explain {
    fn run(&self, call: &Call) -> Result<Reply, Failure> {
        let before = call.facts();
        if !call.returns() {
            self.tell(call, &Ok(Reply::Done), 0, &[], &[]);
        }
        let start = Instant::now();
        let result = self.inner.run(call);
        if matches!(result, Ok(Reply::Child)) {
            return result;
        }
        let micros = start.elapsed().as_micros();
        let after = call.facts();
        self.tell(call, &result, micros, &before, &after);
        result
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let before = [fact("hostname", "a"), fact("uts", "1"), fact("gone", "x")];
        let after = [fact("hostname", "b"), fact("uts", "1"), fact("new", "y")];
        assert_eq!(changes(&before, &after), ["~ hostname a → b", "+ new y", "- gone x"]);
    }
}
