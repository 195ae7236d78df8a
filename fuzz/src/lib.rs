//! What is fuzzed: functions of a few bytes that panic where crun-lua breaks a promise.
//!
//! `fuzz_targets/` hands them to libFuzzer (`make fuzz`); the test suite takes the same files as a module
//! and calls them with the kept corpus and with changed copies of it, on stable Rust.

#[path = "../../tests/suite/tar_writer.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "the suite's, which writes more, and has it too")]
mod tar_writer;

mod bytes;
mod config;
pub mod confine;
mod ids;
mod json;
mod machine;
mod mount_options;
pub mod mutate;
mod policy;
mod script;
mod seccomp;
mod state;
mod unpack;

/// One target.
pub struct Target {
    /// The name of its file and of its corpus.
    pub name: &'static str,
    /// Panics where something is wrong.
    pub run: fn(&[u8]),
    /// How often the tests call it with changed copies of its corpus: about a second, unoptimised.
    pub times: usize,
    /// What it does to files is its purpose: every other target changes nothing, by the kernel's word.
    pub writes: bool,
}

const fn target(name: &'static str, times: usize, run: fn(&[u8])) -> Target {
    Target { name, run, times, writes: false }
}

/// Every target.
pub const TARGETS: [Target; 8] = [
    target("config", 30, config::run),
    target("ids", 20_000, ids::run),
    target("mount_options", 200, mount_options::run),
    target("policy", 20, policy::run),
    target("script", 60, script::run),
    target("seccomp", 600, seccomp::run),
    target("state", 60, state::run),
    Target { name: "unpack", run: unpack::run, times: 1500, writes: true },
];

/// The target of this name.
pub fn find(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no target is called {name}"))
}

/// One execution, confined from the first on: what libFuzzer calls.
pub fn run(name: &str, data: &[u8]) {
    let target = find(name);
    confine::once(target.writes);
    (target.run)(data);
}
