//! The Lua form of a profile: lists by action, rules with conditions, architectures, flags.

use mlua::{Table, Value};

use super::super::args::{Args, Fields};
use super::super::error::{Outcome, Raise};
use super::super::types::{INT, Param, Type, may, need};
use crate::kernel::seccomp::lists::{self, Entry};
use crate::kernel::seccomp::{Filter, groups};
use crate::sys::Errno;
use crate::sys::seccomp::FLAGS;
use crate::sys::seccomp::names::{self, ARCH_WORDS};
use crate::sys::seccomp::profile::{Action, Compare, Newer, Op, Profile};

/// A system call by name.
pub const CALL: Type = Type::Name("system call", |name| names::find(name).is_some(), || names::all().to_vec());

/// A system call, or a group with its `@`.
pub const CALL_OR_GROUP: Type = Type::Name("system call or group", known, all_names);
const CALLS: Type = Type::List(&CALL_OR_GROUP);

fn known(name: &str) -> bool {
    if name.starts_with('@') { groups::exists(name) } else { names::find(name).is_some() }
}

fn all_names() -> Vec<String> {
    let mut all = groups::names();
    all.extend(names::all().iter().cloned());
    all
}

const ACTIONS: Type = Type::Word(&["allow", "errno", "kill_process", "kill_thread", "log", "notify", "trace", "trap"]);
/// An error by its name or number.
pub const ERRNO: Type =
    Type::Either(&[Type::Name("error", |name| groups::errno_number(name).is_some(), groups::errno_names), Type::Integer(0, 4095)]);
const TRACE: Type = Type::Integer(0, 0xffff);

const ARG: &[Param] = &[
    need("index", Type::Integer(0, 5), "which argument, from 0"),
    need("op", Type::Word(&["eq", "ne", "lt", "le", "gt", "ge", "masked_eq"]), "how; masked_eq compares argument & mask"),
    need("value", INT, "with what, as an unsigned number of 64 bits"),
    may("mask", INT, "for masked_eq"),
];

const RULE: &[Param] = &[
    need("names", CALLS, "calls and groups"),
    need("action", ACTIONS, "what happens to them"),
    may("errno", ERRNO, "for the action errno; \"EPERM\""),
    may("trace", TRACE, "for the action trace: the number that the tracer is told"),
    may("args", Type::List(&Type::Options(ARG)), "conditions that must all hold, each argument at most once"),
];

/// The options of `seccomp` and `seccomp_compile`.
pub const SPEC: &[Param] = &[
    need(
        "default",
        Type::Either(&[ACTIONS, Type::Options(&[need("errno", ERRNO, "the error that is answered")])]),
        "what happens to calls without a rule; `errno` is `{ errno = \"EPERM\" }`",
    ),
    may("allow", CALLS, "calls that are made"),
    may("log", CALLS, "calls that are made and logged"),
    may("errno", CALLS, "calls that answer `errno_ret` and are not made"),
    may("errno_ret", ERRNO, "for the list `errno`; \"EPERM\""),
    may("kill", CALLS, "the same as `kill_process`"),
    may("kill_process", CALLS, "calls that end the process with SIGSYS"),
    may("kill_thread", CALLS, "calls that end the thread"),
    may("trap", CALLS, "calls that raise SIGSYS"),
    may("trace", CALLS, "calls that a tracer judges"),
    may(
        "notify",
        Type::Either(&[CALLS, Type::Map(&Type::Function)]),
        "calls that whoever holds the listener judges; for `seccomp` itself also functions by call, as supervise.run has them",
    ),
    may("rules", Type::List(&Type::Options(RULE)), "rules with conditions or errors of their own"),
    may("architectures", Type::List(&Type::Word(&ARCH_WORDS)), "calls of any other kill; the native one without it"),
    may("flags", Type::List(&Type::Word(&[FLAGS[0].0, FLAGS[1].0, FLAGS[2].0, FLAGS[3].0])), "of the load"),
];

const LISTS: [&str; 9] = ["allow", "log", "errno", "kill", "kill_process", "kill_thread", "trap", "trace", "notify"];

/// Compiles the options; `place` is the argument's name in messages.
pub fn compile(args: &Args, options: &Fields, place: &str) -> Outcome<Filter> {
    let wrong = |reason: String| Raise::argument(format!("{place}.{reason}"));
    let default = match options.options("default")?.value("errno") {
        Value::Nil => action(&options.required_text("default"), EPERM, 0),
        errno => Action::Errno(errno_of(errno)),
    };
    if options.has("errno_ret") && !options.has("errno") {
        return Err(wrong("errno_ret: there is no list \"errno\" that it could be for".to_owned()));
    }
    let errno = if options.has("errno_ret") { errno_of(options.value("errno_ret")) } else { EPERM };
    if judges(options) {
        return Err(wrong(
            "notify: functions are for `seccomp`, which loads the filter at once; a list of calls is expected here".to_owned(),
        ));
    }
    let mut entries = Vec::new();
    for list in LISTS.into_iter().filter(|list| options.has(list)) {
        entries.push(Entry { place: list.to_owned(), action: action(list, errno, 0), names: options.texts(list), args: Vec::new() });
    }
    for (index, value) in options.values("rules").iter().enumerate() {
        if let Some(table) = value.as_table() {
            entries.push(rule(table, format!("rules[{}]", index + 1)).map_err(wrong)?);
        }
    }
    let rules = lists::rules(&entries).map_err(wrong)?;
    let profile = Profile { default, arches: arches(options), rules, newer: Newer::ThanProgram };
    let flags = options.texts("flags");
    let flags = FLAGS.iter().filter(|(word, _)| flags.iter().any(|flag| flag == word)).fold(0, |flags, (_, bit)| flags | bit);
    check_flags(place, flags, &profile)?;
    Filter::new(profile, flags, !args.host.kernel().is_plan()).map_err(|reason| Raise::argument(format!("{place}: {reason}")))
}

/// Whether functions are to judge calls.
pub fn judges(options: &Fields) -> bool {
    options.value("notify").as_table().is_some_and(|notify| notify.raw_len() == 0 && !notify.is_empty())
}

/// The kernel refuses `wait_killable_recv` where there is nothing to receive.
pub fn check_flags(place: &str, flags: u32, profile: &Profile) -> Outcome<()> {
    if flags & FLAGS[3].1 != 0 && !profile.notifies() {
        return Err(Raise::argument(format!("{place}.flags: wait_killable_recv is for profiles that notify; this one does not")));
    }
    Ok(())
}

const EPERM: u16 = Errno::EPERM as u16;

fn action(word: &str, errno: u16, trace: u16) -> Action {
    match word {
        "allow" => Action::Allow,
        "log" => Action::Log,
        "errno" => Action::Errno(errno),
        "kill_thread" => Action::KillThread,
        "trap" => Action::Trap,
        "trace" => Action::Trace(trace),
        "notify" => Action::Notify,
        // "kill" and "kill_process", and nothing else comes through the check.
        _ => Action::KillProcess,
    }
}

/// The number of such an error.
pub fn errno_of(value: &Value) -> u16 {
    let named = value.as_string().and_then(|name| groups::errno_number(&name.to_string_lossy()));
    named.or_else(|| value.as_i64().and_then(|number| number.try_into().ok())).unwrap_or(EPERM)
}

fn rule(table: &Table, place: String) -> Result<Entry, String> {
    let fields = Fields::from_table(table, RULE).map_err(|_| place.clone())?;
    let word = fields.required_text("action");
    for (key, wanted) in [("errno", "errno"), ("trace", "trace")] {
        if fields.has(key) && word != wanted {
            return Err(format!("{place}.{key}: the action \"{word}\" takes none"));
        }
    }
    let errno = if fields.has("errno") { errno_of(fields.value("errno")) } else { EPERM };
    let trace = fields.value("trace").as_i64().and_then(|number| number.try_into().ok()).unwrap_or_default();
    let mut args: Vec<Compare> = Vec::new();
    for (index, value) in fields.values("args").iter().enumerate() {
        let Some(table) = value.as_table() else { continue };
        let place = format!("{place}.args[{}]", index + 1);
        let compare = compare(table, &place)?;
        if args.iter().any(|other| other.index == compare.index) {
            let index = compare.index;
            return Err(format!("{place}: argument {index} is compared already; two rules say \"either\", none says \"both\""));
        }
        args.push(compare);
    }
    Ok(Entry { place, action: action(&word, errno, trace), names: fields.texts("names"), args })
}

fn compare(table: &Table, place: &str) -> Result<Compare, String> {
    let fields = Fields::from_table(table, ARG).map_err(|_| place.to_owned())?;
    let number = |key: &str| fields.value(key).as_i64().map(i64::cast_unsigned);
    let (value, mask) = (number("value").unwrap_or_default(), number("mask"));
    let word = fields.required_text("op");
    if (word == "masked_eq") != mask.is_some() {
        return Err(format!("{place}.mask: masked_eq needs one, and no other comparison takes one"));
    }
    let op = match (word.as_str(), mask) {
        (_, Some(mask)) => Op::MaskedEq(mask),
        ("ne", _) => Op::Ne,
        ("lt", _) => Op::Lt,
        ("le", _) => Op::Le,
        ("gt", _) => Op::Gt,
        ("ge", _) => Op::Ge,
        _ => Op::Eq,
    };
    if let Op::MaskedEq(mask) = op
        && value & !mask != 0
    {
        return Err(format!("{place}.value: has bits that are not in the mask, so it can never be equal"));
    }
    let index = fields.value("index").as_i64().and_then(|index| index.try_into().ok()).unwrap_or_default();
    Ok(Compare { index, op, value })
}

fn arches(options: &Fields) -> Vec<&'static str> {
    let mut arches: Vec<&'static str> = Vec::new();
    for word in options.texts("architectures") {
        if let Some(arch) = names::arch_of(&word)
            && !arches.contains(&arch.word)
        {
            arches.push(arch.word);
        }
    }
    if arches.is_empty() { vec![names::native().word] } else { arches }
}

/// `seccomp_groups`
pub fn groups(args: &Args) -> Outcome {
    let mut names = match args.text("group") {
        None => groups::names(),
        Some(group) if !group.starts_with('@') => return Err(Raise::argument("group: a group's name starts with @")),
        Some(group) => groups::members(&group).into_iter().map(|member| member.name).collect(),
    };
    names.sort();
    names.dedup();
    Ok(Value::Table(args.lua.create_sequence_from(names)?))
}
