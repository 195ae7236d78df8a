//! The kernel with its faces: the same calls are done, told, written down, or only remembered.
//!
//! One value stands between the machine and the kernel, and its faces are turned on and off while a
//! script runs: the REPL does so line by line. With every face off a call costs one comparison more.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use super::event::{Event, Stage};
use super::{Call, Explain, Failure, Kernel, Locate, Plan, Reply, Request, Silence, Trace, back};
use crate::sys::fork::Channel;

/// A kernel whose faces can be switched.
pub struct Faces {
    /// What has calls done.
    live: Rc<dyn Kernel>,
    locate: Locate,
    /// Whether nobody wants to know of a call.
    idle: Cell<bool>,
    plan: RefCell<Option<Rc<Plan>>>,
    explain: RefCell<Option<Rc<Explain>>>,
    trace: Option<Trace>,
    /// The path of children that this process is.
    inside: RefCell<Vec<String>>,
    /// What a filter forbids this process.
    muted: Cell<Silence>,
    /// Calls so far: a child goes on from its parent's number.
    number: Cell<u64>,
    start: Instant,
}

impl Faces {
    /// All faces off; `locate` names the script's line.
    #[must_use]
    pub fn new(live: Rc<dyn Kernel>, locate: Locate) -> Self {
        Self {
            live,
            locate,
            idle: Cell::new(true),
            plan: RefCell::default(),
            explain: RefCell::default(),
            trace: None,
            inside: RefCell::default(),
            muted: Cell::default(),
            number: Cell::new(0),
            start: Instant::now(),
        }
    }

    /// Also writes each call down.
    #[must_use]
    pub fn traced(mut self, trace: Trace) -> Self {
        back::hold();
        self.trace = Some(trace);
        self.look();
        self
    }

    /// Tells each call from now on, or no more.
    pub fn set_explain(&self, explain: Option<Rc<Explain>>) {
        self.explain.replace(explain);
        self.look();
    }

    /// Who tells each call, where somebody does.
    #[must_use]
    pub fn narrator(&self) -> Option<Rc<Explain>> {
        self.explain.borrow().clone()
    }

    /// What names the script's lines: a narrator needs it too.
    #[must_use]
    pub fn locate(&self) -> Locate {
        Rc::clone(&self.locate)
    }

    /// Takes note that the script needs a value that the plan does not know.
    pub fn needs_value(&self, what: &str) {
        if let Some(plan) = &*self.plan.borrow() {
            plan.needs(what);
        }
    }

    /// Takes note that the script has ended with an error: a plan stops there.
    pub fn stopped(&self, error: &str) {
        if let Some(plan) = &*self.plan.borrow() {
            plan.stops(error);
        }
    }

    /// Whether each call is told.
    #[must_use]
    pub fn explains(&self) -> bool {
        self.explain.borrow().is_some()
    }

    /// Remembers calls from now on instead of having them done, or has them done again.
    pub fn set_plan(&self, plan: Option<Rc<Plan>>) {
        self.plan.replace(plan);
        self.look();
    }

    /// What the body asks for, which is not done.
    ///
    /// The machine must know as well: see `Host::plan`.
    pub fn plan<T>(&self, body: impl FnOnce() -> T) -> (T, Rc<Plan>) {
        let plan = Rc::new(Plan::default());
        let before = self.plan.replace(Some(Rc::clone(&plan)));
        self.look();
        let answer = body();
        self.set_plan(before);
        (answer, plan)
    }

    fn look(&self) {
        let busy = self.plan.borrow().is_some() || self.explain.borrow().is_some() || self.trace.is_some();
        self.idle.set(!busy);
    }

    /// Has a call done, or remembered, and tells everyone who wants to know.
    #[cold]
    fn observed(&self, call: &Call) -> Result<Reply, Failure> {
        self.number.set(self.number.get() + 1);
        let (plan, explain) = (self.plan.borrow().clone(), self.explain.borrow().clone());
        if self.muted.get().writes && plan.is_none() {
            return self.live.run(call);
        }
        let mut event = Event {
            number: self.number.get(),
            inside: self.inside.borrow().join("/"),
            depth: self.inside.borrow().len(),
            site: self.locate.site(),
            call,
            at: self.start.elapsed(),
            took: std::time::Duration::ZERO,
            before: Vec::new(),
            after: Vec::new(),
            result: None,
        };
        if let Some(plan) = plan {
            plan.remember(&event);
            event.result = Some(Ok(call.planned()));
            self.tell(&event, Stage::Planned, None);
            return Ok(call.planned());
        }
        self.made(call, event, explain.as_deref())
    }

    /// Has a call done between two looks at what it changes.
    fn made(&self, call: &Call, mut event: Event, explain: Option<&Explain>) -> Result<Reply, Failure> {
        let (silence, blind) = (call.silence(), self.muted.get().reads);
        if !blind {
            event.before = call.facts();
        }
        // What nobody could tell afterwards is told before it is made.
        let ahead = !call.returns() || silence.writes;
        if ahead {
            event.after.clone_from(&event.before);
            self.tell(&event, Stage::Ahead, explain);
        }
        // A child says nothing before its parent has said that it was started.
        let gate = if call.forks() && explain.is_some() { Channel::pair().ok() } else { None };
        let start = Instant::now();
        let result = self.live.run(call);
        event.took = start.elapsed();
        let reply = match &result {
            Ok(Reply::Child) => {
                if let Some((ours, theirs)) = gate {
                    drop(ours);
                    let _ = theirs.receive();
                }
                return result;
            }
            Ok(reply) => Some(reply),
            Err(_) => None,
        };
        if reply.is_some() && silence != Silence::default() {
            let now = self.muted.get();
            self.muted.set(Silence { writes: now.writes || silence.writes, reads: now.reads || silence.reads });
        }
        event.after = match reply {
            Some(reply) if !self.muted.get().reads => call.facts_after(reply),
            _ => event.before.clone(),
        };
        event.result = Some(result.clone());
        if !ahead || result.is_err() {
            self.tell(&event, Stage::Done, explain);
        }
        drop(gate);
        result
    }

    fn tell(&self, event: &Event, stage: Stage, explain: Option<&Explain>) {
        if let Some(trace) = &self.trace {
            trace.write(event, stage);
        }
        if let Some(explain) = explain {
            explain.tell(event, stage);
        }
    }
}

impl Kernel for Faces {
    fn run(&self, call: &Call) -> Result<Reply, Failure> {
        if self.idle.get() {
            return self.live.run(call);
        }
        self.observed(call)
    }
    fn is_plan(&self) -> bool {
        self.plan.borrow().is_some() || self.live.is_plan()
    }
    fn foresees(&self, path: &Path) -> bool {
        self.plan.borrow().as_ref().is_some_and(|plan| plan.foresees(path))
    }
    fn made(&self, place: &Path) -> Option<bool> {
        self.plan.borrow().as_ref()?.made(place)
    }
    fn listens(&self) -> bool {
        !self.idle.get()
    }
    fn faces(&self) -> Option<&Faces> {
        Some(self)
    }
    fn descriptors(&self) -> Vec<std::os::fd::RawFd> {
        let mut all = self.live.descriptors();
        all.extend(self.trace.as_ref().map(Trace::descriptor));
        all.extend(self.explain.borrow().as_ref().map(|explain| explain.descriptor()));
        all.extend(back::descriptor());
        all
    }
    fn enter_child(&self, label: &str, enter: bool) {
        if enter {
            self.inside.borrow_mut().push(label.to_owned());
        } else {
            self.inside.borrow_mut().pop();
        }
        if let Some(plan) = &*self.plan.borrow() {
            plan.enter_child(label, enter);
        }
        self.live.enter_child(label, enter);
    }
    fn end(&self) {
        if let Some(explain) = &*self.explain.borrow()
            && self.inside.borrow().is_empty()
        {
            explain.end();
        }
        if let Some(trace) = &self.trace
            && !self.is_plan()
            && !self.muted.get().writes
        {
            trace.end(self.start.elapsed());
        }
    }
}
