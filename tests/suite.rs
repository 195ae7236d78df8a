//! The one test program: Lua cases, examples of the table of primitives, and the project's own
//! files, one at a time, each with a check that nothing is left behind.
//!
//! `cargo test -- NAME` runs the tests whose name has NAME in it. `selection.rs` says how a run is split.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "suite/attacks.rs"]
mod attacks;
#[path = "suite/book.rs"]
mod book;
#[path = "suite/cases.rs"]
mod cases;
#[path = "suite/commands.rs"]
mod commands;
#[path = "suite/crash.rs"]
mod crash;
#[path = "suite/definitions.rs"]
mod definitions;
#[path = "suite/documents.rs"]
mod documents;
#[path = "suite/ends.rs"]
mod ends;
#[path = "suite/errnos.rs"]
mod errnos;
#[path = "suite/examples.rs"]
mod examples;
#[path = "suite/faces.rs"]
mod faces;
#[path = "suite/faults.rs"]
mod faults;
#[path = "suite/fuzz.rs"]
mod fuzz;
#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code, missing_docs, clippy::pedantic, reason = "a crate of its own, of which the tests need a part")]
mod fuzz_targets;
#[path = "suite/gc.rs"]
mod gc;
#[path = "suite/hardened.rs"]
mod hardened;
#[path = "suite/host.rs"]
mod host;
#[path = "suite/hostile_tar.rs"]
mod hostile_tar;
#[path = "suite/lab.rs"]
mod lab;
#[path = "suite/leaks.rs"]
mod leaks;
#[path = "suite/oci_callers.rs"]
mod oci_callers;
#[path = "suite/program.rs"]
mod program;
#[path = "suite/pty.rs"]
mod pty;
#[path = "suite/repl.rs"]
mod repl;
#[path = "suite/repl_boxes.rs"]
mod repl_boxes;
#[path = "suite/scenario.rs"]
mod scenario;
#[path = "suite/scripts.rs"]
mod scripts;
#[path = "suite/selection.rs"]
mod selection;
#[path = "suite/snapshots.rs"]
mod snapshots;
#[path = "suite/soak.rs"]
mod soak;
#[path = "suite/strace.rs"]
mod strace;
#[path = "suite/tar_writer.rs"]
mod tar_writer;
#[path = "suite/transcripts.rs"]
mod transcripts;
#[path = "suite/tree.rs"]
mod tree;
#[path = "suite/unpacking.rs"]
mod unpacking;
#[path = "suite/unrun.rs"]
mod unrun;
#[path = "suite/vm.rs"]
mod vm;

use std::collections::BTreeMap;

use libtest_mimic::{Arguments, Trial};

fn main() {
    default_signals();
    let mut arguments = Arguments::from_args();
    // What a test leaves behind is only its own while no other runs.
    arguments.test_threads = Some(1);
    let selection = selection::Selection::new(&arguments, &cases::topics());
    let mut trials: Vec<Trial> = tree::trials();
    trials.extend(attacks::trials());
    trials.extend(definitions::trials());
    trials.extend(host::trials());
    trials.extend(commands::trials());
    trials.extend(ends::trials());
    trials.extend(fuzz::trials());
    trials.extend(gc::trials());
    trials.extend(repl::trials());
    trials.extend(repl_boxes::trials());
    trials.extend(lab::trials());
    trials.extend(faces::trials());
    trials.extend(faults::trials());
    trials.extend(hardened::trials());
    trials.extend(scenario::trials());
    trials.extend(scripts::trials());
    trials.extend(crash::trials());
    trials.extend(snapshots::trials());
    trials.extend(strace::trials());
    trials.extend(soak::trials());
    trials.extend(cases::trials(&selection));
    trials.extend(hostile_tar::trials());
    trials.extend(unpacking::trials());
    trials.extend(vm::trials());
    if selection.may_have("example") || selection.may_have("stdlib example") {
        trials.extend(examples::trials());
    }
    if selection.may_have("document") {
        trials.extend(documents::trials());
    }
    trials.extend(transcripts::trials());
    trials.extend(unrun::trials());
    trials.extend(book::trials());
    trials.extend(oci_callers::trials(&selection));
    selection.keep(&mut trials);
    let skipped = skipped(&arguments, &trials);
    let stage = program::stage();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        print!("{skipped}");
    }
    drop(stage);
    std::process::exit(if conclusion.has_failed() { 101 } else { 0 });
}

/// Why tests are skipped here: a line a reason, with how many it stops.
fn skipped(arguments: &Arguments, trials: &[Trial]) -> String {
    let filter = arguments.filter.as_deref().unwrap_or_default();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for trial in trials.iter().filter(|trial| trial.has_ignored_flag() && trial.name().contains(filter)) {
        let reason = trial
            .name()
            .rsplit_once("(skipped: ")
            .map_or("this user or this machine lacks what they need", |(_, reason)| reason.trim_end_matches(')'));
        *reasons.entry(reason).or_default() += 1;
    }
    let lines: Vec<String> = reasons.iter().map(|(reason, number)| format!("skipped: {number} because {reason}\n")).collect();
    lines.concat()
}

/// Gives the signals that end a program their default action: a suite that was started in the
/// background (`… &`, `nohup`) ignores them, and so would every program that it starts.
fn default_signals() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    for number in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGTERM] {
        // SAFETY: the default action runs no code of ours.
        unsafe { signal(number, SigHandler::SigDfl) }.unwrap();
    }
}
