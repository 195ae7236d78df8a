//! Security modules: `landlock`, `apparmor`, `selinux`, `lsm_status`.

use std::os::unix::ffi::OsStrExt;

use mlua::Value;

use super::args::{Args, Fields};
use super::error::{Outcome, Raise};
use super::table::{Primitive, Scope, example, example_with};
use super::types::{PID, Param, Type, may, need};
use crate::kernel::Reply;
use crate::kernel::lsm::Call;
use crate::sys;
use crate::sys::lsm::landlock::{self, Rules};

const PORTS: Type = Type::List(&Type::Integer(0, 0xffff));

const NET: &[Param] = &[
    may("bind", PORTS, "TCP ports that may be bound; without it all"),
    may("connect", PORTS, "TCP ports that may be connected to; without it all"),
];

const LANDLOCK: &[Param] = &[
    may("list", Type::List(&Type::Path), "directories whose names may be read, with those below; no file in them"),
    may("ro", Type::List(&Type::Path), "files and directories to read"),
    may("rw", Type::List(&Type::Path), "files and directories to read, write, make and remove"),
    may("exec", Type::List(&Type::Path), "files and directories to read and execute"),
    may("net", Type::Options(NET), "TCP; without it, not restricted"),
    may("scope", Type::List(&Type::Word(&["abstract_unix_socket", "signal"])), "what ends at processes outside of the restriction"),
    may("compat", Type::Word(&["best_effort", "hard"]), "enforce what this kernel knows (the default), or all or nothing"),
    may("abi", Type::Integer(1, 10), "the version whose rights over files are handled; 5"),
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "landlock",
        summary: "Restricts this process and its children to these paths and ports, for good and without any rights.",
        params: &[need("rules", Type::Options(LANDLOCK), "what is named is granted; the rest of its kind is refused")],
        returns: "{ enforced = \"fully\" | \"partially\" | \"not\", abi }: what the kernel really enforces",
        syscalls: &["landlock_create_ruleset(2)", "landlock_add_rule(2)", "landlock_restrict_self(2)"],
        shell: "≈ setpriv --landlock-access …",
        needs: "Linux 5.13 with Landlock; no_new_privs, or CAP_SYS_ADMIN",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example_with(
            &["lsm:landlock"],
            "no_new_privs()\nlocal status = landlock { ro = { \"/\" }, exec = { \"/bin\", \"/usr\", \"/lib\" }, rw = { \"/dev/null\" } }\nassert(status.enforced ~= \"not\")\nassert(not io.open(\"/tmp/crun-lua-example-landlock\", \"w\"))",
        )],
        see: &["landlock_abi", "no_new_privs", "landlock(7)"],
        function: restrict,
    },
    Primitive {
        name: "landlock_abi",
        summary: "The version of the kernel's Landlock; 0 where there is none.",
        params: &[],
        returns: "integer",
        syscalls: &["landlock_create_ruleset(2)"],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(landlock_abi() >= 0)")],
        see: &["landlock"],
        function: abi,
    },
    Primitive {
        name: "apparmor",
        summary: "Names the AppArmor profile that the next exec enters.",
        params: &[need("profile", Type::Text, "a loaded profile's name, exactly")],
        returns: "nothing",
        syscalls: &["openat2(2)", "write(2)"],
        shell: "≈ aa-exec -p PROFILE …",
        needs: "AppArmor, and the profile loaded",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example_with(&["root", "lsm:apparmor"], "apparmor(\"unconfined\")")],
        see: &["lsm_status", "apparmor(7)"],
        function: apparmor,
    },
    Primitive {
        name: "selinux",
        summary: "Sets the SELinux label that the next exec gets.",
        params: &[need("label", Type::Text, "`user:role:type:level`")],
        returns: "nothing",
        syscalls: &["openat2(2)", "write(2)"],
        shell: "≈ runcon LABEL …",
        needs: "SELinux, and a policy that allows it",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example_with(&["root", "lsm:selinux"], "selinux(lsm_status().selinux)")],
        see: &["lsm_status", "setexeccon(3)"],
        function: selinux,
    },
    Primitive {
        name: "lsm_status",
        summary: "The active security modules, and the labels of this process or of another.",
        params: &[may("pid", PID, "this process without it")],
        returns: "{ active, apparmor, apparmor_exec, selinux, landlock_abi }; a label is nil where its module is not active",
        syscalls: &["lsm_list_modules(2)", "read(2)"],
        shell: "≈ cat /sys/kernel/security/lsm /proc/PID/attr/current",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(type(lsm_status().active) == \"table\")")],
        see: &["apparmor", "selinux", "landlock"],
        function: status,
    },
];

fn restrict(args: &Args) -> Outcome {
    let options = args.options("rules")?;
    let net = options.options("net")?;
    let scope = options.texts("scope");
    let scoped = |word: &str| scope.iter().any(|other| other == word);
    if options.has("net") && !net.has("bind") && !net.has("connect") {
        return Err(Raise::argument("rules.net: give bind, connect or both; an empty list refuses every port"));
    }
    let files = ["list", "ro", "rw", "exec"].iter().any(|name| options.has(name));
    if !files && !options.has("net") && scope.is_empty() {
        return Err(Raise::argument("rules: nothing would be restricted; give list, ro, rw, exec, net or scope"));
    }
    let rules = Rules {
        files,
        list: paths(&options, "list"),
        ro: paths(&options, "ro"),
        rw: paths(&options, "rw"),
        exec: paths(&options, "exec"),
        bind: ports(&net, "bind"),
        connect: ports(&net, "connect"),
        abstract_sockets: scoped("abstract_unix_socket"),
        signals: scoped("signal"),
        abi: options.integer("abi")?.unwrap_or(5),
        hard: options.text("compat").as_deref() == Some("hard"),
    };
    let reply = args.host.run(Call::Landlock { rules })?;
    let table = args.lua.create_table()?;
    table.raw_set("abi", landlock::abi())?;
    match reply {
        _ if args.host.kernel().is_plan() => table.raw_set("enforced", super::unknown(args.lua)?)?,
        Reply::Number(0) => table.raw_set("enforced", "fully")?,
        Reply::Number(1) => table.raw_set("enforced", "partially")?,
        _ => table.raw_set("enforced", "not")?,
    }
    Ok(Value::Table(table))
}

fn paths(options: &Fields, name: &str) -> Vec<std::path::PathBuf> {
    let bytes = |value: &Value| value.as_string().map(|text| std::ffi::OsStr::from_bytes(&text.as_bytes()).into());
    options.values(name).iter().filter_map(bytes).collect()
}

fn ports(net: &Fields, name: &str) -> Option<Vec<u16>> {
    let number = |value: &Value| value.as_i64().and_then(|number| number.try_into().ok());
    net.has(name).then(|| net.values(name).iter().filter_map(number).collect())
}

#[allow(clippy::unnecessary_wraps)]
fn abi(_args: &Args) -> Outcome {
    Ok(Value::Integer(landlock::abi().into()))
}

/// A label is one line that is not empty.
fn label(args: &Args, name: &str) -> Outcome<String> {
    let text = args.required_text(name);
    if text.is_empty() || text.contains('\n') {
        return Err(Raise::argument(format!("{name}: expected one line that is not empty")));
    }
    Ok(text)
}

fn apparmor(args: &Args) -> Outcome {
    args.host.run(Call::AppArmor { profile: label(args, "profile")? })?;
    Ok(Value::Nil)
}

fn selinux(args: &Args) -> Outcome {
    let label = label(args, "label")?;
    let active = sys::lsm::active();
    // In a container's root an older kernel (before 6.8) tells nothing. Then the write decides.
    if !active.is_empty() && !active.iter().any(|name| name == "selinux") {
        return Err(Raise::state("SELinux is not active in this kernel").hint("lsm_status() lists the active security modules"));
    }
    args.host.run(Call::Selinux { label })?;
    Ok(Value::Nil)
}

fn status(args: &Args) -> Outcome {
    let pid: Option<i32> = args.integer("pid")?;
    let shown = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    let read = |file: &str| {
        sys::lsm::label(pid, file).map_err(|errno| Raise::read(format!("open(\"/proc/{shown}/attr/{file}\", O_RDONLY)"), errno))
    };
    let active = sys::lsm::active();
    let has = |name: &str| active.iter().any(|other| other == name);
    let table = args.lua.create_table()?;
    // Asked first, so that a process that does not exist is an error whatever is active.
    let current = read("current")?;
    if has("apparmor") {
        table.raw_set("apparmor", read("apparmor/current")?.or_else(|| current.clone()))?;
        table.raw_set("apparmor_exec", read("apparmor/exec")?.filter(|label| !label.is_empty()))?;
    }
    if has("selinux") {
        table.raw_set("selinux", current)?;
    }
    table.raw_set("active", active)?;
    table.raw_set("landlock_abi", landlock::abi())?;
    Ok(Value::Table(table))
}
