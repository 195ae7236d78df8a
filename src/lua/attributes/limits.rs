//! Resource limits: `rlimit` sets, `rlimits` reads.

use mlua::Value;

use super::super::args::{Args, Fields, size_of};
use super::super::error::{Outcome, Raise};
use super::super::table::{Primitive, Scope, example};
use super::super::types::{PID, Param, Type, may, need};
use crate::kernel::attributes::{Call, LIMITS, limit_number};
use crate::sys;
use crate::sys::attributes::UNLIMITED;

const BOUNDS: &[Param] =
    &[may("soft", Type::Size, "what is enforced; \"max\" for no limit"), may("hard", Type::Size, "how far the soft limit may be raised")];
const BOUND: Type = Type::Either(&[Type::Size, Type::Options(BOUNDS)]);
const KINDS: &[Param] = &[
    may("as", BOUND, "address space in bytes"),
    may("core", BOUND, "core file in bytes"),
    may("cpu", BOUND, "processor time in seconds"),
    may("data", BOUND, "data segment in bytes"),
    may("fsize", BOUND, "a file's size in bytes"),
    may("locks", BOUND, "file locks; the kernel ignores it"),
    may("memlock", BOUND, "locked memory in bytes"),
    may("msgqueue", BOUND, "POSIX message queues in bytes"),
    may("nice", BOUND, "20 minus the lowest nice value"),
    may(
        "nofile",
        BOUND,
        "one more than the highest descriptor. This program's own soft limit is the hard one; programs get what it was started with, or what is set here",
    ),
    may("nproc", BOUND, "processes and threads of the user"),
    may("rss", BOUND, "resident memory; the kernel ignores it"),
    may("rtprio", BOUND, "highest real-time priority"),
    may("rttime", BOUND, "real-time run in microseconds without a blocking call"),
    may("sigpending", BOUND, "queued signals of the user"),
    may("stack", BOUND, "main thread's stack in bytes"),
];
const TARGET: &[Param] = &[may("pid", PID, "another process than the caller")];

/// The primitives of this part.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "rlimit",
        summary: "Sets resource limits and reads them back. One value is both the soft and the hard limit.",
        params: &[
            need("limits", Type::Options(KINDS), "{ nofile = 1024, core = { soft = 0 }, stack = \"8M\", memlock = \"max\" }"),
            may("options", Type::Options(TARGET), ""),
        ],
        returns: "nothing",
        syscalls: &["prlimit(2)"],
        shell: "= prlimit --pid PID --KIND=SOFT:HARD",
        needs: "CAP_SYS_RESOURCE to raise a hard limit",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example("rlimit { nofile = { soft = 64 }, core = 0 }\nassert(rlimits().nofile.soft == 64)")],
        see: &["rlimits", "getrlimit(2)"],
        function: set,
    },
    Primitive {
        name: "rlimits",
        summary: "Reads every resource limit of a process.",
        params: &[may("pid", PID, "another process than the caller")],
        returns: "{ nofile = { soft, hard }, … }: numbers, or \"max\" for no limit",
        syscalls: &["prlimit(2)"],
        shell: "= prlimit --pid PID",
        needs: "the same user, or CAP_SYS_RESOURCE, for another process",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(rlimits().nofile.hard)")],
        see: &["rlimit", "getrlimit(2)"],
        function: get,
    },
];

const _: () = assert!(KINDS.len() == LIMITS.len());

/// Both bounds that a value means.
fn bounds(value: &Value) -> Outcome<(Option<u64>, Option<u64>)> {
    let Some(table) = value.as_table() else {
        let both = size_of(value);
        return Ok((both, both));
    };
    let fields = Fields::from_table(table, BOUNDS)?;
    Ok((fields.size("soft"), fields.size("hard")))
}

fn set(args: &Args) -> Outcome {
    let limits = args.options("limits")?;
    let pid: Option<i32> = args.options("options")?.integer("pid")?;
    let mut wanted = Vec::new();
    for (kind, number) in LIMITS {
        if !limits.has(kind) {
            continue;
        }
        let (soft, hard) = bounds(limits.value(kind))?;
        if let (Some(soft), Some(hard)) = (soft, hard)
            && soft > hard
        {
            return Err(Raise::argument(format!("limits.{kind}: the soft limit {soft} is above the hard limit {hard}")));
        }
        wanted.push((Call::Limit { pid, kind, soft, hard }, *number, *kind));
    }
    // All of them or none: one alone needs no way back.
    let before = |number| {
        let read = sys::attributes::limit(pid.unwrap_or(0), number);
        read.map_err(|errno| Raise::read(format!("prlimit64({}, …)", pid.unwrap_or(0)), errno))
    };
    let several = wanted.iter().filter(|_| wanted.len() > 1);
    let befores = several.map(|(_, number, _)| before(*number)).collect::<Outcome<Vec<_>>>()?;
    for (index, (call, ..)) in wanted.iter().enumerate() {
        if let Err(failure) = args.host.run(call.clone()) {
            // A hard limit may be beyond taking back, and then it stays.
            for ((_, _, kind), (soft, hard)) in wanted.iter().zip(&befores).take(index).rev() {
                let _ = args.host.run(Call::Limit { pid, kind, soft: Some(*soft), hard: Some(*hard) });
            }
            return Err(failure);
        }
    }
    Ok(Value::Nil)
}

fn get(args: &Args) -> Outcome {
    let pid: i32 = args.integer("pid")?.unwrap_or(0);
    let all = args.lua.create_table()?;
    let value = |limit: u64| -> Outcome {
        if limit == UNLIMITED {
            return Ok(Value::String(args.lua.create_string("max")?));
        }
        Ok(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)))
    };
    for (kind, _) in LIMITS {
        let number = limit_number(kind).unwrap_or_default();
        let (soft, hard) = sys::attributes::limit(pid, number).map_err(|errno| Raise::read(format!("prlimit64({pid}, …)"), errno))?;
        let pair = args.lua.create_table()?;
        pair.raw_set("soft", value(soft)?)?;
        pair.raw_set("hard", value(hard)?)?;
        all.raw_set(*kind, pair)?;
    }
    Ok(Value::Table(all))
}
