//! When and where a process runs: nice, scheduler, I/O priority, processors, memory nodes.

use mlua::Value;

use super::super::args::Args;
use super::super::error::{Outcome, Raise};
use super::super::table::{Primitive, Scope, example, example_with};
use super::super::types::{PID, Param, Type, may, need};
use crate::kernel::attributes::{Call, IO_CLASSES, MEM_FLAGS, MEM_MODES, POLICIES, SCHED_FLAGS, number_in, words_in};
use crate::sys;
use crate::sys::attributes::Scheduling;

const SCHEDULER: &[Param] = &[
    need("policy", Type::Word(&["other", "fifo", "rr", "batch", "idle", "deadline"]), "sched(7)"),
    may("priority", Type::Integer(1, 99), "fifo and rr: must be given"),
    may("nice", Type::Integer(-20, 19), "other and batch; 0"),
    may(
        "flags",
        Type::List(&Type::Word(&["reset_on_fork", "reclaim", "dl_overrun", "keep_policy", "keep_params"])),
        "SCHED_FLAG_* of sched_setattr(2)",
    ),
    may("runtime", Type::Duration, "deadline: how long it may run in each period"),
    may("deadline", Type::Duration, "deadline: by when it has to have run; the period"),
    may("period", Type::Duration, "deadline: how long a period is; the deadline"),
];
const IO: &[Param] = &[
    need("class", Type::Word(&["none", "rt", "be", "idle"]), "real-time, best effort, idle"),
    may("level", Type::Integer(0, 7), "rt and be: 0 is first; 4"),
];
const NODES: Type = Type::Either(&[Type::List(&Type::Integer(0, 1023)), Type::Text]);
const MEMORY: &[Param] = &[
    need(
        "mode",
        Type::Word(&["default", "preferred", "bind", "interleave", "local", "preferred_many", "weighted_interleave"]),
        "set_mempolicy(2)",
    ),
    may("nodes", NODES, "{ 0, 1 } or \"0-1\""),
    may("flags", Type::List(&Type::Word(&["static_nodes", "relative_nodes", "numa_balancing"])), "MPOL_F_* of set_mempolicy(2)"),
];

/// The primitives of this part.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "nice",
        summary: "Sets the nice value itself, not a difference.",
        params: &[need("value", Type::Integer(-20, 19), "19 gives way to everybody")],
        returns: "nothing",
        syscalls: &["setpriority(2)"],
        shell: "= renice -n VALUE -p PID",
        needs: "CAP_SYS_NICE to go down",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("nice(10)\nassert(scheduler_get().nice == 10)")],
        see: &["scheduler", "setpriority(2)"],
        function: nice,
    },
    Primitive {
        name: "scheduler",
        summary: "Sets the scheduling policy with all of its attributes.",
        params: &[need("attributes", Type::Options(SCHEDULER), "")],
        returns: "nothing",
        syscalls: &["sched_setattr(2)"],
        shell: "= chrt --POLICY -p PRIORITY PID",
        needs: "CAP_SYS_NICE for fifo, rr and deadline",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("scheduler { policy = \"batch\", nice = 5 }\nassert(scheduler_get().policy == \"batch\")")],
        see: &["scheduler_get", "sched(7)"],
        function: scheduler,
    },
    Primitive {
        name: "scheduler_get",
        summary: "Reads when and where a process runs.",
        params: &[may("pid", PID, "another process than the caller")],
        returns: "{ policy, priority, nice, flags, runtime, deadline, period, cpus, io = { class, level } }; times in nanoseconds",
        syscalls: &["sched_getattr(2)", "sched_getaffinity(2)", "ioprio_get(2)"],
        shell: "≈ chrt -p PID; taskset -cp PID; ionice -p PID",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(#scheduler_get().cpus > 0)")],
        see: &["scheduler", "sched(7)"],
        function: get,
    },
    Primitive {
        name: "io_priority",
        summary: "Sets the class and level of the process's disk I/O.",
        params: &[need("priority", Type::Options(IO), "")],
        returns: "nothing",
        syscalls: &["ioprio_set(2)"],
        shell: "= ionice -c CLASS -n LEVEL -p PID",
        needs: "CAP_SYS_NICE for the class rt",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("io_priority { class = \"be\", level = 7 }\nassert(scheduler_get().io.level == 7)")],
        see: &["ioprio_set(2)"],
        function: io_priority,
    },
    Primitive {
        name: "cpu_affinity",
        summary: "Sets the processors that the process may run on.",
        params: &[need("cpus", NODES, "{ 0, 1 } or \"0-1,4\"")],
        returns: "nothing",
        syscalls: &["sched_setaffinity(2)"],
        shell: "= taskset -cp LIST PID",
        needs: "",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("cpu_affinity(scheduler_get().cpus)")],
        see: &["scheduler_get", "cpuset(7)"],
        function: affinity,
    },
    Primitive {
        name: "mem_policy",
        summary: "Sets from which memory nodes the process gets its pages.",
        params: &[need("policy", Type::Options(MEMORY), "")],
        returns: "nothing",
        syscalls: &["set_mempolicy(2)"],
        shell: "≈ numactl --MODE=NODES COMMAND",
        needs: "a kernel with NUMA",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example_with(&["file:/proc/self/numa_maps"], "mem_policy { mode = \"bind\", nodes = { 0 } }")],
        see: &["set_mempolicy(2)", "numa(7)"],
        function: mem_policy,
    },
];

fn nice(args: &Args) -> Outcome {
    args.host.run(Call::Nice { value: args.integer("value")?.unwrap_or_default() })?;
    Ok(Value::Nil)
}

/// The bits of a list of words.
fn bits(table: &[(&str, u32)], words: &[String]) -> u32 {
    words.iter().filter_map(|word| number_in(table, word)).fold(0, |bits, bit| bits | bit)
}

fn scheduler(args: &Args) -> Outcome {
    let wanted = args.options("attributes")?;
    let policy = wanted.required_text("policy");
    let only = |name: &str, policies: &[&str]| {
        if wanted.has(name) && !policies.contains(&policy.as_str()) {
            return Err(Raise::argument(format!("attributes.{name}: the policy \"{policy}\" has none; it is for {}", policies.join(", "))));
        }
        Ok(())
    };
    let required = |name: &str| {
        if wanted.has(name) { Ok(()) } else { Err(Raise::argument(format!("attributes.{name}: the policy \"{policy}\" needs it"))) }
    };
    only("priority", &["fifo", "rr"])?;
    only("nice", &["other", "batch"])?;
    for name in ["runtime", "deadline", "period"] {
        only(name, &["deadline"])?;
    }
    match policy.as_str() {
        "fifo" | "rr" => required("priority")?,
        "deadline" => {
            required("runtime")?;
            if !wanted.has("period") {
                required("deadline")?;
            }
        }
        _ => {}
    }
    let (deadline, period) = (wanted.duration("deadline"), wanted.duration("period"));
    let attr = Scheduling {
        policy: number_in(POLICIES, &policy).unwrap_or_default(),
        flags: bits(SCHED_FLAGS, &wanted.texts("flags")).into(),
        nice: wanted.integer("nice")?.unwrap_or(0),
        priority: wanted.integer("priority")?.unwrap_or(0),
        runtime: wanted.duration("runtime").unwrap_or_default(),
        deadline: deadline.or(period).unwrap_or_default(),
        period: period.or(deadline).unwrap_or_default(),
    };
    args.host.run(Call::Scheduler { attr })?;
    Ok(Value::Nil)
}

fn get(args: &Args) -> Outcome {
    let pid: i32 = args.integer("pid")?.unwrap_or(0);
    let failed = |errno| Raise::read(format!("sched_getattr({pid}, …)"), errno);
    let now = sys::attributes::scheduling(pid).map_err(failed)?;
    let word = |table: &[(&'static str, u32)], number: u32| {
        table.iter().find(|(_, other)| *other == number).map_or_else(|| number.to_string(), |(name, _)| (*name).to_owned())
    };
    let table = args.lua.create_table()?;
    table.raw_set("policy", word(POLICIES, now.policy))?;
    table.raw_set("priority", now.priority)?;
    table.raw_set("nice", now.nice)?;
    table.raw_set("flags", args.lua.create_sequence_from(words_in(SCHED_FLAGS, now.flags))?)?;
    for (name, time) in [("runtime", now.runtime), ("deadline", now.deadline), ("period", now.period)] {
        table.raw_set(name, i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))?;
    }
    let cpus = sys::attributes::affinity(pid).map_err(|errno| Raise::read(format!("sched_getaffinity({pid}, …)"), errno))?;
    table.raw_set("cpus", args.lua.create_sequence_from(cpus)?)?;
    let (class, level) = sys::attributes::io_priority(pid).map_err(|errno| Raise::read(format!("ioprio_get({pid})"), errno))?;
    let io = args.lua.create_table()?;
    io.raw_set("class", word(IO_CLASSES, class.cast_unsigned()))?;
    io.raw_set("level", level)?;
    table.raw_set("io", io)?;
    Ok(Value::Table(table))
}

fn io_priority(args: &Args) -> Outcome {
    let wanted = args.options("priority")?;
    let class = wanted.required_text("class");
    let leveled = class == "rt" || class == "be";
    if wanted.has("level") && !leveled {
        return Err(Raise::argument(format!("priority.level: the class \"{class}\" has none")));
    }
    let level = wanted.integer("level")?.unwrap_or(if leveled { 4 } else { 0 });
    let class = number_in(IO_CLASSES, &class).unwrap_or_default().cast_signed();
    args.host.run(Call::IoPriority { class, level })?;
    Ok(Value::Nil)
}

/// Numbers given as a list, or as the kernel writes them: `0-3,8`.
fn numbers(name: &str, value: &Value) -> Outcome<Vec<u32>> {
    if let Some(table) = value.as_table() {
        return Ok(table.sequence_values::<u32>().filter_map(Result::ok).collect());
    }
    let text = value.as_string().map(mlua::LuaString::to_string_lossy).unwrap_or_default();
    let wrong = || Raise::argument(format!("{name}: expected a list such as \"0-3,8\", got {text:?}"));
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|number| digits && *number < 1024).ok_or_else(wrong)
    };
    let mut all = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(wrong());
        }
        all.extend(first..=last);
    }
    Ok(all)
}

fn affinity(args: &Args) -> Outcome {
    let mut cpus: Vec<usize> = numbers("cpus", args.value("cpus"))?.into_iter().map(|cpu| cpu as usize).collect();
    cpus.sort_unstable();
    cpus.dedup();
    if cpus.is_empty() {
        return Err(Raise::argument("cpus: the list is empty; a process needs a processor"));
    }
    args.host.run(Call::Affinity { cpus })?;
    Ok(Value::Nil)
}

fn mem_policy(args: &Args) -> Outcome {
    let wanted = args.options("policy")?;
    let mode = wanted.required_text("mode");
    let nodes = if wanted.has("nodes") { numbers("policy.nodes", wanted.value("nodes"))? } else { Vec::new() };
    let without = mode == "default" || mode == "local";
    if without && !nodes.is_empty() {
        return Err(Raise::argument(format!("policy.nodes: the mode \"{mode}\" takes none")));
    }
    if !without && mode != "preferred" && nodes.is_empty() {
        return Err(Raise::argument(format!("policy.nodes: the mode \"{mode}\" needs at least one")));
    }
    let mode = number_in(MEM_MODES, &mode).unwrap_or_default() | bits(MEM_FLAGS, &wanted.texts("flags"));
    args.host.run(Call::MemPolicy { mode, nodes })?;
    Ok(Value::Nil)
}
