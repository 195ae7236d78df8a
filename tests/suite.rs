//! The one test program: Lua cases, examples of the table of primitives, and the project's own
//! files, one at a time, each with a check that nothing is left behind.
//!
//! `cargo test -- NAME` runs the tests whose name has NAME in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "suite/cases.rs"]
mod cases;
#[path = "suite/examples.rs"]
mod examples;
#[path = "suite/host.rs"]
mod host;
#[path = "suite/leaks.rs"]
mod leaks;
#[path = "suite/program.rs"]
mod program;
#[path = "suite/tree.rs"]
mod tree;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let mut arguments = Arguments::from_args();
    // What a test leaves behind is only its own while no other runs.
    arguments.test_threads = Some(1);
    let mut trials: Vec<Trial> = tree::trials();
    trials.extend(host::trials());
    trials.extend(cases::trials());
    trials.extend(examples::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
