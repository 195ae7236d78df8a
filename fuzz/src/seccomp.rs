//! Profiles in JSON against the filters that they become: the program is run on calls near every condition,
//! and must answer what a naive reading of the profile says.
//!
//! Where two rules of different actions hold for one call, the profile has no single meaning; the answer must
//! be one of theirs. A rule with the default action says nothing, as with runc and crun. Arguments of 32-bit
//! architectures are compared by their low halves, which is libseccomp's way.

use crun_lua::kernel::seccomp::oci::{self, Machine};
use crun_lua::sys::seccomp::compile::compile;
use crun_lua::sys::seccomp::names::{self, ARCHES, Arch};
use crun_lua::sys::seccomp::profile::Action;
use crun_lua::sys::seccomp::program::{self, Asked};
use serde_json::{Value, json};

use super::bytes::Bytes;

const NAMES: [&str; 24] = [
    "read",
    "write",
    "openat",
    "mkdir",
    "personality",
    "clone",
    "clone3",
    "unshare",
    "mount",
    "socket",
    "bind",
    "semget",
    "mseal",
    "uretprobe",
    "exit_group",
    "getpid",
    "fchmodat2",
    "file_setattr",
    "nosuch",
    "socketcall",
    "ipc",
    "open",
    "_llseek",
    "arm_fadvise64_64",
];
const ACTIONS: [&str; 8] = [
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
];
const OPS: [&str; 7] = ["SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_GT", "SCMP_CMP_GE", "SCMP_CMP_MASKED_EQ"];
const ARCH_SETS: [&[&str]; 7] = [
    &[],
    &["SCMP_ARCH_X86_64"],
    &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    &["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    &["SCMP_ARCH_X86"],
    &["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64", "SCMP_ARCH_RISCV64"],
];

/// A condition, as the JSON has it.
#[derive(Clone, Debug)]
struct Condition {
    index: usize,
    op: &'static str,
    value: u64,
    second: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    names: Vec<&'static str>,
    action: Answer,
    conditions: Vec<Condition>,
}

/// An action with its number, if it has one.
#[derive(Clone, Copy, Debug)]
struct Answer {
    name: &'static str,
    number: Option<u16>,
}

struct Profile {
    default: Answer,
    arches: &'static [&'static str],
    entries: Vec<Entry>,
}

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    if bytes.byte() >= 224 {
        return text(bytes.rest());
    }
    let profile = Profile::read(&mut bytes);
    let json = profile.json();
    let Ok(read) = oci::read(&json, &Machine::default()) else { return };
    let Ok(code) = compile(&read.profile) else { return };
    let code = program::decode(&code);
    assert_eq!(code.iter().filter(|one| one.code == program::ANSWER).count().min(1), 1, "a program without an answer");
    let mut others = [NAMES[0]; 2];
    others.fill_with(|| bytes.pick(&NAMES));
    let named = profile.entries.iter().flat_map(|entry| entry.names.iter().copied()).chain(others);
    for name in named.filter(|name| !["socketcall", "ipc"].contains(name)) {
        for arch in &ARCHES[..6] {
            profile.compare(&code, name, arch, &mut bytes, &json);
        }
    }
}

/// Any JSON: no panic, and what is taken compiles or says why not.
fn text(data: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Value>(data) else { return };
    match oci::read(&json, &Machine { caps: 1 << 21, kernel: (6, 1) }) {
        Ok(read) => {
            if let Ok(code) = compile(&read.profile) {
                assert!(program::run(&program::decode(&code), &Asked { arch: 1, ..Asked::default() }).is_some(), "{json}");
            }
        }
        Err(reason) => assert!(!reason.is_empty()),
    }
}

impl Profile {
    fn read(bytes: &mut Bytes) -> Self {
        let answer = |bytes: &mut Bytes| {
            let name = bytes.pick(&ACTIONS);
            let has = ["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"].contains(&name) && !bytes.one_in(4);
            #[allow(clippy::cast_possible_truncation, reason = "any number will do")]
            Answer { name, number: has.then(|| bytes.number() as u16 & 0xfff) }
        };
        let (default, arches) = (answer(bytes), bytes.pick(&ARCH_SETS));
        let mut entries = Vec::new();
        for _ in 0..bytes.below(5) {
            let names = (0..=bytes.below(2)).map(|_| bytes.pick(&NAMES)).collect();
            let action = answer(bytes);
            let conditions = (0..bytes.below(4))
                .map(|_| Condition { index: bytes.below(6), op: bytes.pick(&OPS), value: bytes.number(), second: bytes.number() })
                .collect();
            entries.push(Entry { names, action, conditions });
        }
        Self { default, arches, entries }
    }

    fn json(&self) -> Value {
        let condition = |one: &Condition| json!({ "index": one.index, "op": one.op, "value": one.value, "valueTwo": one.second });
        let entry = |entry: &Entry| {
            let args: Vec<Value> = entry.conditions.iter().map(condition).collect();
            json!({ "names": entry.names, "action": entry.action.name, "errnoRet": entry.action.number, "args": args })
        };
        json!({
            "defaultAction": self.default.name,
            "defaultErrnoRet": self.default.number,
            "architectures": self.arches,
            "syscalls": self.entries.iter().map(entry).collect::<Vec<_>>(),
        })
    }

    fn compare(&self, code: &[program::Instruction], name: &str, arch: &Arch, bytes: &mut Bytes, json: &Value) {
        let Some(number) = names::number(name, arch) else { return };
        let conditions: Vec<&Condition> = self.entries.iter().flat_map(|entry| &entry.conditions).collect();
        for _ in 0..4 {
            let mut args = [0; 6];
            for arg in &mut args {
                *arg = if conditions.is_empty() || bytes.one_in(4) {
                    bytes.number()
                } else {
                    let near = bytes.pick(&conditions);
                    let value = if bytes.one_in(2) { near.second } else { near.value };
                    value.wrapping_add(bytes.pick(&[0, 1, u64::MAX, 1 << 32]))
                };
            }
            let asked = Asked { number, arch: arch.audit, pointer: bytes.number(), args };
            let found = program::run(code, &asked).map(Action::from_value);
            let wanted = self.meaning(name, arch, number, args);
            assert!(
                found.is_some_and(|found| wanted.contains(&found)),
                "{name} on {} {args:x?}: {found:?}, not of {wanted:?}: {json}",
                arch.word
            );
        }
    }

    /// What may be answered to a call.
    fn meaning(&self, name: &str, arch: &Arch, number: u32, args: [u64; 6]) -> Vec<Action> {
        let here = |token: &&str| token.strip_prefix("SCMP_ARCH_").is_some_and(|word| word.to_lowercase() == arch.word);
        let own = self.arches.iter().any(here) || self.arches.is_empty() && arch.word == names::native().word;
        if !own {
            return vec![Action::KillProcess];
        }
        let narrow = matches!(arch.word, "x86" | "x32" | "arm");
        let default = self.default.action();
        let rules = || {
            let entries = self.entries.iter().filter(|entry| entry.names.contains(&name) && entry.action.action() != default);
            entries.flat_map(Entry::rules)
        };
        let whole: Vec<Action> =
            rules().filter(|(_, conditions)| conditions.iter().all(|one| one.says_nothing(narrow))).map(|(action, _)| action).collect();
        if !whole.is_empty() {
            return whole;
        }
        let holding: Vec<Action> =
            rules().filter(|(_, conditions)| conditions.iter().all(|one| one.holds(args, narrow))).map(|(action, _)| action).collect();
        if !holding.is_empty() {
            return holding;
        }
        // Past what the profile names, a refusal says that there is no such call.
        let highest = self.entries.iter().flat_map(|entry| &entry.names).filter_map(|name| names::number(name, arch)).max();
        if matches!(default, Action::Errno(_)) && highest.is_some_and(|highest| number > highest) {
            return vec![Action::Errno(38)];
        }
        vec![default]
    }
}

impl Answer {
    fn action(self) -> Action {
        let number = self.number.unwrap_or(1);
        match self.name {
            "SCMP_ACT_ALLOW" => Action::Allow,
            "SCMP_ACT_ERRNO" => Action::Errno(number),
            "SCMP_ACT_KILL_PROCESS" => Action::KillProcess,
            "SCMP_ACT_KILL" => Action::KillThread,
            "SCMP_ACT_TRAP" => Action::Trap,
            "SCMP_ACT_TRACE" => Action::Trace(number),
            "SCMP_ACT_LOG" => Action::Log,
            _ => Action::Notify,
        }
    }
}

impl Entry {
    /// An entry that compares an argument twice is as many rules as it has conditions (runc).
    fn rules(&self) -> Vec<(Action, &[Condition])> {
        let twice = self.conditions.iter().enumerate().any(|(at, one)| self.conditions[..at].iter().any(|other| other.index == one.index));
        let action = self.action.action();
        if twice { self.conditions.chunks(1).map(|one| (action, one)).collect() } else { vec![(action, &self.conditions)] }
    }
}

impl Condition {
    /// Whether no bit is looked at: libseccomp leaves such a condition out, and a rule without others is
    /// for the whole call.
    fn says_nothing(&self, narrow: bool) -> bool {
        self.op == "SCMP_CMP_MASKED_EQ" && self.value & if narrow { 0xffff_ffff } else { u64::MAX } == 0
    }

    fn holds(&self, args: [u64; 6], narrow: bool) -> bool {
        let half = |value: u64| if narrow { value & 0xffff_ffff } else { value };
        let (argument, value, second) = (half(args[self.index]), half(self.value), half(self.second));
        match self.op {
            "SCMP_CMP_EQ" => argument == value,
            "SCMP_CMP_NE" => argument != value,
            "SCMP_CMP_LT" => argument < value,
            "SCMP_CMP_LE" => argument <= value,
            "SCMP_CMP_GT" => argument > value,
            "SCMP_CMP_GE" => argument >= value,
            _ => argument & value == second & value,
        }
    }
}
