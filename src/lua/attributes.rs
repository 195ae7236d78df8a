//! What a process carries: umask, personality, out-of-memory score, death signal, keyrings; its
//! limits and its scheduling have files of their own.

use mlua::Value;

use super::args::Args;
use super::error::{Outcome, Raise, unexpected};
use super::table::{Primitive, Scope, example, example_with};
use super::types::{PID, Param, Type, may, need};
use crate::kernel::attributes::{Call, PERSONAS, number_in};
use crate::kernel::processes::{signal_names, signal_number};
use crate::sys;

pub mod limits;
pub mod scheduling;

const OOM: &[Param] = &[may("pid", PID, "another process than the caller")];
const PERSONALITY: &[Param] = &[may("addr_no_randomize", Type::Boolean, "turns address space layout randomization off")];
const DEATH: Type = Type::Either(&[Type::Name("signal", |name| signal_number(name).is_some(), signal_names), Type::Integer(0, 64)]);

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "umask",
        summary: "Sets the permission bits that new files do not get.",
        params: &[need("mask", Type::Mode, "\"022\"")],
        returns: "the mask before, as text",
        syscalls: &["umask(2)"],
        shell: "= umask MASK",
        needs: "",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("umask(\"077\")\nassert(umask(\"022\") == \"0077\")")],
        see: &["umask(2)"],
        function: umask,
    },
    Primitive {
        name: "personality",
        summary: "Sets what the machine looks like to the program: \"linux32\" is a 32-bit uname(2).",
        params: &[
            need("domain", Type::Word(&["linux", "linux32"]), "the execution domain"),
            may("options", Type::Options(PERSONALITY), ""),
        ],
        returns: "nothing",
        syscalls: &["personality(2)"],
        shell: "≈ linux32 COMMAND",
        needs: "",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("personality(\"linux\", { addr_no_randomize = true })")],
        see: &["personality(2)", "setarch(8)"],
        function: personality,
    },
    Primitive {
        name: "oom_score",
        summary: "Sets how soon the kernel kills the process when memory runs out.",
        params: &[
            need("score", Type::Integer(-1000, 1000), "-1000 is never, 1000 is first; added to the share of memory in thousandths"),
            may("options", Type::Options(OOM), ""),
        ],
        returns: "nothing",
        syscalls: &["write(2)"],
        shell: "= choom -n SCORE -p PID",
        needs: "CAP_SYS_RESOURCE to go below the lowest that was set with it",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("oom_score(500)")],
        see: &["proc_pid_oom_score_adj(5)"],
        function: oom_score,
    },
    Primitive {
        name: "die_with_parent",
        summary: "Has a signal sent to this process when its parent ends; a change of user takes that back.",
        params: &[may("signal", DEATH, "\"kill\"; 0 for none")],
        returns: "nothing",
        syscalls: &["prctl(2)"],
        shell: "≈ setpriv --pdeathsig SIGNAL COMMAND",
        needs: "",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("local child <close> = fork(function() die_with_parent() end)\nassert(child:wait().code == 0)")],
        see: &["setuser", "PR_SET_PDEATHSIG(2const)"],
        function: die_with_parent,
    },
    Primitive {
        name: "dumpable",
        summary: "Sets whether others of the same user may trace this process, read its memory and its /proc.",
        params: &[need("on", Type::Boolean, "exec sets it again")],
        returns: "nothing",
        syscalls: &["prctl(2)"],
        shell: "",
        needs: "",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("dumpable(false)\ndumpable(true)")],
        see: &["PR_SET_DUMPABLE(2const)", "ptrace(2)"],
        function: dumpable,
    },
    Primitive {
        name: "child_subreaper",
        summary: "Makes orphaned descendants this process's own children, which it has to wait for.",
        params: &[need("on", Type::Boolean, "true: orphaned descendants become this process's children")],
        returns: "nothing",
        syscalls: &["prctl(2)"],
        shell: "",
        needs: "",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("child_subreaper(true)\nchild_subreaper(false)")],
        see: &["PR_SET_CHILD_SUBREAPER(2const)"],
        function: subreaper,
    },
    Primitive {
        name: "session_keyring",
        summary: "Leaves the caller's session keyring for another one, so that its keys are out of reach.",
        params: &[may("name", Type::Text, "joined where the user has one of that name; without it a new one")],
        returns: "the keyring's serial number",
        syscalls: &["keyctl(2)"],
        shell: "≈ keyctl session NAME COMMAND",
        needs: "",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example_with(&["file:/proc/keys"], "assert(session_keyring(\"crun-lua-example\") ~= 0)")],
        see: &["keyring_describe", "session-keyring(7)"],
        function: session_keyring,
    },
    Primitive {
        name: "keyring_describe",
        summary: "Reads what the session keyring is.",
        params: &[],
        returns: "\"keyring;uid;gid;permissions;name\"",
        syscalls: &["keyctl(2)"],
        shell: "= keyctl rdescribe @s",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(&["file:/proc/keys"], "session_keyring(\"crun-lua-example\")\nassert(keyring_describe() ~= \"\")")],
        see: &["session_keyring", "keyctl_describe(3)"],
        function: keyring_describe,
    },
    Primitive {
        name: "keyring_clear",
        summary: "Removes every key from the session keyring.",
        params: &[],
        returns: "nothing",
        syscalls: &["keyctl(2)"],
        shell: "= keyctl clear @s",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(&["file:/proc/keys"], "session_keyring()\nkeyring_clear()")],
        see: &["session_keyring", "keyctl_clear(3)"],
        function: keyring_clear,
    },
];

fn umask(args: &Args) -> Outcome {
    let mask = args.mode("mask").unwrap_or_default();
    if mask > 0o777 {
        return Err(Raise::argument("mask: a mask has the nine permission bits only"));
    }
    let call = Call::Umask { mask };
    let before = args.host.run(call.clone())?.number().map_err(|errno| unexpected(&call.into(), errno))?;
    if args.host.kernel().is_plan() {
        return Ok(super::unknown(args.lua)?);
    }
    Ok(Value::String(args.lua.create_string(format!("{before:04o}"))?))
}

/// `ADDR_NO_RANDOMIZE` of personality(2).
const ADDR_NO_RANDOMIZE: u64 = 0x0004_0000;

fn personality(args: &Args) -> Outcome {
    let domain = number_in(PERSONAS, &args.required_text("domain")).unwrap_or_default();
    let flags = if args.options("options")?.flag("addr_no_randomize") { ADDR_NO_RANDOMIZE } else { 0 };
    args.host.run(Call::Personality { persona: u64::from(domain) | flags })?;
    Ok(Value::Nil)
}

fn oom_score(args: &Args) -> Outcome {
    let pid = args.options("options")?.integer("pid")?;
    args.host.run(Call::OomScore { pid, score: args.integer("score")?.unwrap_or_default() })?;
    Ok(Value::Nil)
}

fn die_with_parent(args: &Args) -> Outcome {
    let signal = match args.value("signal") {
        Value::String(name) => signal_number(&name.to_string_lossy()).unwrap_or(nix::libc::SIGKILL),
        other => other.as_i32().unwrap_or(nix::libc::SIGKILL),
    };
    args.host.run(Call::DeathSignal { signal })?;
    // A parent that has ended before the call sends nothing any more: its channel shows it.
    let orphan = signal != 0 && args.host.report.borrow().as_ref().is_some_and(sys::fork::Channel::is_abandoned);
    if orphan {
        return Err(Raise::state("the parent has ended already"));
    }
    Ok(Value::Nil)
}

fn dumpable(args: &Args) -> Outcome {
    args.host.run(Call::Dumpable { on: args.flag("on") })?;
    Ok(Value::Nil)
}

fn subreaper(args: &Args) -> Outcome {
    args.host.run(Call::Subreaper { on: args.flag("on") })?;
    Ok(Value::Nil)
}

fn session_keyring(args: &Args) -> Outcome {
    let name = args.text("name");
    if name.as_deref().is_some_and(|name| name.is_empty() || name.starts_with('.')) {
        return Err(Raise::argument("name: expected a name that is not empty and does not start with a dot"));
    }
    let call = Call::JoinKeyring { name };
    let serial = args.host.run(call.clone())?.number().map_err(|errno| unexpected(&call.into(), errno))?;
    if args.host.kernel().is_plan() {
        return Ok(super::unknown(args.lua)?);
    }
    Ok(Value::Integer(serial))
}

fn keyring_describe(args: &Args) -> Outcome {
    if args.host.kernel().is_plan() {
        return Ok(super::unknown(args.lua)?);
    }
    let text = sys::attributes::describe_session_keyring()
        .map_err(|errno| Raise::read("keyctl(KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING)", errno))?;
    Ok(Value::String(args.lua.create_string(text)?))
}

fn keyring_clear(args: &Args) -> Outcome {
    args.host.run(Call::ClearKeyring)?;
    Ok(Value::Nil)
}
