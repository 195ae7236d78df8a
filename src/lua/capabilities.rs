//! Capabilities: the five sets of a process; securebits and `no_new_privs`.
//!
//! Changes come in the order that works: the bounding set while `CAP_SETPCAP` is still there,
//! then the three sets of capset(2) at once, then the ambient set, which needs the others.

use mlua::{Table, Value};

use super::args::Args;
use super::error::{Outcome, Raise};
use super::table::{Primitive, Scope, example, example_with};
use super::types::{PID, Param, Type, may, need};
use crate::kernel::capabilities::{Call, SECUREBITS, securebit_words};
use crate::sys::capabilities as caps;

pub mod file;

/// A capability by name.
pub const CAPABILITY: Type = Type::Name("capability of this kernel", known, all_names);
/// Capabilities by name.
pub const CAPABILITIES: Type = Type::List(&CAPABILITY);

fn known(name: &str) -> bool {
    caps::number(name).is_some()
}

fn all_names() -> Vec<String> {
    caps::names(caps::all())
}

const DROP: &[Param] = &[need("keep", CAPABILITIES, "all others go; what is not there cannot be kept")];

const SET: &[Param] = &[
    may("bounding", CAPABILITIES, "can only shrink"),
    may("permitted", CAPABILITIES, "can only shrink"),
    may("effective", CAPABILITIES, "within permitted; without it, what stays permitted stays effective"),
    may("inheritable", CAPABILITIES, "within bounding and permitted"),
    may("ambient", CAPABILITIES, "within permitted and inheritable"),
];

const GET: &[Param] = &[may(
    "sets",
    Type::List(&Type::Word(&["bounding", "permitted", "effective", "inheritable", "ambient"])),
    "only these; all without it",
)];

const AMBIENT: &[Param] = &[
    may("clear", Type::Boolean, "lower all, before the others"),
    may("lower", CAPABILITIES, "out of the set"),
    may("raise", CAPABILITIES, "into the set: they must be permitted and inheritable"),
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "drop_caps",
        summary: "Removes capabilities from all five sets, for good: those listed, or all but those to keep.",
        params: &[need(
            "capabilities",
            Type::Either(&[CAPABILITIES, Type::Options(DROP)]),
            "a list of what goes, or `{ keep = … }`; `{ keep = {} }` drops all",
        )],
        returns: "nothing",
        syscalls: &["prctl(2)", "capset(2)"],
        shell: "≈ capsh --drop=…",
        needs: "CAP_SETPCAP, where the bounding set is to shrink",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example_with(
            &["root"],
            "drop_caps { keep = { \"net_bind_service\" } }\nassert(#caps_get().effective == 1 and #caps_get().bounding == 1)",
        )],
        see: &["caps_set", "no_new_privs", "capabilities(7)"],
        function: drop_caps,
    },
    Primitive {
        name: "caps_set",
        summary: "Sets capability sets to exactly these; a set that is left out stays.",
        params: &[need("sets", Type::Options(SET), "")],
        returns: "nothing",
        syscalls: &["prctl(2)", "capset(2)"],
        shell: "≈ capsh --caps=…",
        needs: "CAP_SETPCAP for bounding; every other set is within what the caller has",
        scope: Scope::Caller,
        reversible: false,
        examples: &[
            example("caps_set { effective = {}, permitted = {}, inheritable = {} }\nassert(#caps_get().permitted == 0)"),
            example_with(
                &["root"],
                "local one = { \"net_bind_service\" }\ncaps_set { permitted = one, inheritable = one, ambient = one }\nassert(#caps_get().ambient == 1)",
            ),
        ],
        see: &["caps_get", "drop_caps", "capset(2)"],
        function: set,
    },
    Primitive {
        name: "caps_get",
        summary: "Reads the five sets of this process or of another, and their masks as /proc shows them.",
        params: &[may("pid", PID, "this process without it"), may("options", Type::Options(GET), "")],
        returns: "{ bounding, permitted, effective, inheritable, ambient, masks }: lists of names, and hexadecimal text by set",
        syscalls: &["open(2)", "read(2)"],
        shell: "= getpcaps PID",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example(
            "local sets = caps_get()\nassert(#sets.masks.effective == 16)\nassert(#caps_get(1).bounding > 0)\nassert(caps_get(nil, { sets = { \"bounding\" } }).effective == nil)",
        )],
        see: &["caps_decode", "proc_pid_status(5)"],
        function: get,
    },
    Primitive {
        name: "caps_decode",
        summary: "The names in a hexadecimal mask, such as the Cap lines of /proc/PID/status.",
        params: &[need("mask", Type::Text, "`0000003fffffffff`, with or without 0x")],
        returns: "list of names; a number stands for a capability without a name",
        syscalls: &[],
        shell: "= capsh --decode=MASK",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(caps_decode(\"0000000000000400\")[1] == \"net_bind_service\")")],
        see: &["caps_encode"],
        function: decode,
    },
    Primitive {
        name: "caps_encode",
        summary: "The mask of a list of capabilities, as /proc/PID/status writes it.",
        params: &[need("capabilities", CAPABILITIES, "an empty list is the mask of none")],
        returns: "string of 16 hexadecimal digits",
        syscalls: &[],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(caps_encode { \"net_bind_service\" } == \"0000000000000400\")")],
        see: &["caps_decode"],
        function: encode,
    },
    Primitive {
        name: "caps_ambient",
        summary: "Changes the ambient set: what a program without file capabilities keeps across exec.",
        params: &[need("change", Type::Options(AMBIENT), "clear comes first, then lower, then raise")],
        returns: "nothing",
        syscalls: &["prctl(2)"],
        shell: "≈ setpriv --ambient-caps …",
        needs: "the capability in the permitted and the inheritable set",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("caps_ambient { clear = true }\nassert(#caps_get().ambient == 0)")],
        see: &["caps_set", "capabilities(7)"],
        function: ambient,
    },
    Primitive {
        name: "keep_caps",
        summary: "Says whether the permitted set survives the change from uid 0 to another; exec ends it.",
        params: &[may("on", Type::Boolean, "true without it")],
        returns: "nothing",
        syscalls: &["prctl(2)"],
        shell: "≈ capsh --keep=1",
        needs: "",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("keep_caps()\nkeep_caps(false)")],
        see: &["securebits", "PR_SET_KEEPCAPS(2const)"],
        function: keep,
    },
    Primitive {
        name: "securebits",
        summary: "Sets the bits that take from uid 0 its special treatment; those not listed are cleared.",
        params: &[need("bits", Type::List(&Type::Word(&SECUREBITS)), "a `_locked` bit makes its bit unchangeable")],
        returns: "nothing",
        syscalls: &["prctl(2)"],
        shell: "≈ capsh --secbits=…",
        needs: "CAP_SETPCAP",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example_with(
            &["root"],
            "securebits { \"noroot\", \"noroot_locked\" }\nlocal bits = securebits_get()\nassert(bits[1] == \"noroot\" and #bits == 2)",
        )],
        see: &["securebits_get", "capabilities(7)"],
        function: securebits,
    },
    Primitive {
        name: "securebits_get",
        summary: "The securebits that are set.",
        params: &[],
        returns: "list of words",
        syscalls: &["prctl(2)"],
        shell: "≈ capsh --print",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(#securebits_get() == 0)")],
        see: &["securebits"],
        function: securebits_get,
    },
    Primitive {
        name: "no_new_privs",
        summary: "From now on no exec gives more rights: set-uid bits and file capabilities do nothing. For good.",
        params: &[],
        returns: "nothing",
        syscalls: &["prctl(2)"],
        shell: "≈ setpriv --no-new-privs …",
        needs: "",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example("no_new_privs()")],
        see: &["seccomp", "PR_SET_NO_NEW_PRIVS(2const)"],
        function: no_new_privs,
    },
    file::GET,
    file::SET,
    file::REMOVE,
];

/// The mask of names that the check has known.
pub fn mask(names: &[String]) -> u64 {
    names.iter().filter_map(|name| caps::number(name)).fold(0, |mask, number| mask | 1 << number)
}

fn drop_caps(args: &Args) -> Outcome {
    let options = args.options("capabilities")?;
    let drop = if options.has("keep") { caps::all() & !mask(&options.texts("keep")) } else { mask(&args.texts("capabilities")) };
    if drop == 0 && !options.has("keep") {
        return Err(Raise::argument("capabilities: the list is empty; { keep = {} } drops all"));
    }
    if drop == 0 {
        return Ok(Value::Nil);
    }
    args.host.run(Call::BoundingDrop { drop })?;
    args.host.run(Call::Drop { drop })?;
    Ok(Value::Nil)
}

fn set(args: &Args) -> Outcome {
    let options = args.options("sets")?;
    let wanted = |name: &str| options.has(name).then(|| mask(&options.texts(name)));
    let (permitted, effective) = (wanted("permitted"), wanted("effective"));
    let (inheritable, ambient) = (wanted("inheritable"), wanted("ambient"));
    within("effective", effective, "permitted", permitted)?;
    within("ambient", ambient, "permitted", permitted)?;
    within("ambient", ambient, "inheritable", inheritable)?;
    if let Some(bounding) = wanted("bounding") {
        args.host.run(Call::BoundingDrop { drop: caps::all() & !bounding })?;
    }
    if permitted.is_some() || effective.is_some() || inheritable.is_some() {
        args.host.run(Call::Set { effective, permitted, inheritable })?;
    }
    if let Some(ambient) = ambient {
        // None is ambient that is not inheritable: the kernel has seen to that.
        if ambient != 0 || inheritable != Some(0) {
            args.host.run(Call::AmbientClear)?;
        }
        if ambient != 0 {
            args.host.run(Call::Ambient { change: caps::Ambient::Raise, mask: ambient })?;
        }
    }
    Ok(Value::Nil)
}

/// The kernel would refuse it; here it is said before anything has changed.
fn within(inner: &str, small: Option<u64>, outer: &str, large: Option<u64>) -> Outcome<()> {
    let (Some(small), Some(large)) = (small, large) else { return Ok(()) };
    let beyond = caps::names(small & !large);
    if beyond.is_empty() {
        return Ok(());
    }
    Err(Raise::argument(format!("sets.{inner}: {} is not in sets.{outer}", beyond.join(", "))))
}

fn get(args: &Args) -> Outcome {
    let pid: Option<i32> = args.integer("pid")?;
    let sets = caps::get(pid).map_err(|errno| {
        Raise::read(format!("open(\"/proc/{}/status\", O_RDONLY)", pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string())), errno)
    })?;
    let (table, masks) = (args.lua.create_table()?, args.lua.create_table()?);
    let wanted = args.options("options")?.texts("sets");
    for (name, mask) in [
        ("bounding", sets.bounding),
        ("permitted", sets.permitted),
        ("effective", sets.effective),
        ("inheritable", sets.inheritable),
        ("ambient", sets.ambient),
    ] {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        table.raw_set(name, caps::names(mask))?;
        masks.raw_set(name, format!("{mask:016x}"))?;
    }
    table.raw_set("masks", masks)?;
    Ok(Value::Table(table))
}

fn decode(args: &Args) -> Outcome {
    let text = args.required_text("mask");
    let digits = text.trim().trim_start_matches("0x");
    let mask = u64::from_str_radix(digits, 16)
        .ok()
        .filter(|_| !digits.starts_with('+'))
        .ok_or_else(|| Raise::argument(format!("mask: expected at most 16 hexadecimal digits, got {text:?}")))?;
    Ok(Value::Table(list(args, caps::names(mask))?))
}

fn list(args: &Args, names: Vec<String>) -> mlua::Result<Table> {
    args.lua.create_sequence_from(names)
}

fn encode(args: &Args) -> Outcome {
    let text = format!("{:016x}", mask(&args.texts("capabilities")));
    Ok(Value::String(args.lua.create_string(text)?))
}

fn ambient(args: &Args) -> Outcome {
    let options = args.options("change")?;
    let (raise, lower) = (mask(&options.texts("raise")), mask(&options.texts("lower")));
    if raise & lower != 0 {
        return Err(Raise::argument(format!("change: {} is both raised and lowered", caps::names(raise & lower).join(", "))));
    }
    if options.flag("clear") {
        args.host.run(Call::AmbientClear)?;
    }
    for (change, mask) in [(caps::Ambient::Lower, lower), (caps::Ambient::Raise, raise)] {
        if mask != 0 {
            args.host.run(Call::Ambient { change, mask })?;
        }
    }
    Ok(Value::Nil)
}

fn keep(args: &Args) -> Outcome {
    args.host.run(Call::KeepCaps { on: args.boolean("on").unwrap_or(true) })?;
    Ok(Value::Nil)
}

fn securebits(args: &Args) -> Outcome {
    let words = args.texts("bits");
    let bits = SECUREBITS.iter().enumerate().filter(|(_, word)| words.iter().any(|wanted| wanted == *word));
    args.host.run(Call::Securebits { bits: bits.fold(0, |bits, (bit, _)| bits | 1 << bit) })?;
    Ok(Value::Nil)
}

fn securebits_get(args: &Args) -> Outcome {
    let bits = caps::securebits().map_err(|errno| Raise::read("prctl(PR_GET_SECUREBITS)", errno))?;
    Ok(Value::Table(args.lua.create_sequence_from(securebit_words(bits))?))
}

fn no_new_privs(args: &Args) -> Outcome {
    args.host.run(Call::NoNewPrivs)?;
    Ok(Value::Nil)
}
