//! A Lua machine whose kernel is a plan, behind which there is none: a call that goes past the plan is a
//! panic.

use std::cell::RefCell;
use std::rc::Rc;

use crun_lua::kernel::{Call, Faces, Failure, Kernel, Plan, Reply};
use crun_lua::lua::{Machine, Settings};

/// What a script answers that has found something.
pub const FOUND: i32 = 99;

/// The functions that scripts judge with.
const JUDGE: &str = include_str!("judge.lua");

struct Nobody;

impl Kernel for Nobody {
    fn run(&self, call: &Call) -> Result<Reply, Failure> {
        panic!("a call has gone past the plan: {call}");
    }
}

/// A machine, and its plan.
pub struct Planner {
    machine: Machine,
    plan: Rc<Plan>,
    used: u32,
}

impl Planner {
    pub fn new() -> Self {
        let plan = Rc::new(Plan::default());
        let remembered = Rc::clone(&plan);
        let machine = Machine::new(Settings::default(), move |locate| {
            let faces = Faces::new(Rc::new(Nobody), locate);
            faces.set_plan(Some(remembered));
            Ok(Rc::new(faces))
        });
        Self { machine: machine.unwrap_or_else(|raise| panic!("{raise}")), plan, used: 0 }
    }

    /// Runs a script behind the judge; panics where it has found something.
    pub fn run(&self, script: &str) {
        let source = format!("{JUDGE}\n{script}");
        let status = self.machine.run(source.as_bytes(), "input.lua");
        assert_ne!(status, FOUND, "see above; the script was:\n{script}");
        // What a plan says of itself must not depend on what was asked for.
        let mut out = Vec::new();
        self.plan.write(true, &mut out).unwrap();
        self.plan.write_calls(&mut out).unwrap();
        out.extend(self.plan.as_shell("fuzz").into_bytes());
    }
}

/// How many inputs one machine sees.
const SHARED: u32 = 200;

thread_local! {
    static PLANNER: RefCell<Option<Planner>> = RefCell::default();
}

/// Runs a script in a machine that has run others.
pub fn shared(script: &str) {
    PLANNER.with_borrow_mut(|slot| {
        let planner = slot.get_or_insert_with(Planner::new);
        planner.used += 1;
        let plan = Rc::new(Plan::default());
        planner.plan = Rc::clone(&plan);
        planner.machine.kernel().faces().unwrap().set_plan(Some(plan));
        planner.run(script);
        if planner.used == SHARED {
            *slot = None;
        }
    });
}

/// Any bytes as a text of Lua.
pub fn literal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for byte in bytes {
        match byte {
            b' ' | b'!' | b'#'..=b'[' | b']'..=b'~' => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\{other:03}")),
        }
    }
    out.push('"');
    out
}
