//! Names and parameters of the kernel: hostname, domainname, `/proc/sys`.

use mlua::Value;

use super::args::Args;
use super::error::{Outcome, Raise};
use super::table::{Primitive, Scope, example, example_with};
use super::types::{INT, Param, Type, may, need};
use crate::kernel::{Kinds, sysctl::Call};
use crate::sys;

const HOST: &[Param] = &[may("host", Type::Boolean, "mean the host's own namespace")];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "sethostname",
        summary: "Sets the name that uname(2) answers in this uts namespace.",
        params: &[need("name", Type::Text, "at most 64 bytes"), may("options", Type::Options(HOST), "")],
        returns: "nothing",
        syscalls: &["sethostname(2)"],
        shell: "= hostname NAME",
        needs: "CAP_SYS_ADMIN over the uts namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["userns"],
            "unshare { \"user\", \"uts\" }\nsethostname(\"box\")\nassert(sysctl_get(\"kernel.hostname\") == \"box\")",
        )],
        see: &["setdomainname", "uts_namespaces(7)"],
        function: set_hostname,
    },
    Primitive {
        name: "setdomainname",
        summary: "Sets the NIS domain name of this uts namespace.",
        params: &[need("name", Type::Text, "at most 64 bytes"), may("options", Type::Options(HOST), "")],
        returns: "nothing",
        syscalls: &["setdomainname(2)"],
        shell: "= domainname NAME",
        needs: "CAP_SYS_ADMIN over the uts namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["userns"],
            "unshare { \"user\", \"uts\" }\nsetdomainname(\"lab\")\nassert(sysctl_get(\"kernel.domainname\") == \"lab\")",
        )],
        see: &["sethostname", "uts_namespaces(7)"],
        function: set_domainname,
    },
    Primitive {
        name: "sysctl",
        summary: "Sets a kernel parameter that belongs to a namespace; the others are the host's and are refused.",
        params: &[
            need("name", Type::Text, "`net.ipv4.ip_forward`; with slashes instead of dots where a part has a dot"),
            need("value", Type::Either(&[INT, Type::Text]), "what is written"),
            may("options", Type::Options(HOST), ""),
        ],
        returns: "nothing",
        syscalls: &["open(2)", "write(2)"],
        shell: "= sysctl -w NAME=VALUE",
        needs: "root over the namespace that the parameter belongs to",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["root"],
            "unshare { \"net\" }\nsysctl(\"net.ipv4.ip_forward\", 1)\nassert(sysctl_get(\"net.ipv4.ip_forward\") == \"1\")",
        )],
        see: &["sysctl_get", "proc_sys(5)"],
        function: set,
    },
    Primitive {
        name: "sysctl_get",
        summary: "Reads a kernel parameter; nil where the kernel has none of that name.",
        params: &[need("name", Type::Text, "`kernel.hostname`")],
        returns: "string or nil",
        syscalls: &["open(2)", "read(2)"],
        shell: "= sysctl -n NAME",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(#sysctl_get(\"kernel.ostype\") > 0)\nassert(sysctl_get(\"kernel.no_such\") == nil)")],
        see: &["sysctl"],
        function: get,
    },
];

fn set_hostname(args: &Args) -> Outcome {
    let name = args.required_text("name");
    args.host.guard(Kinds::UTS, args.options("options")?.flag("host"), "setting the host name")?;
    args.host.run(Call::SetHostname { name })?;
    Ok(Value::Nil)
}

fn set_domainname(args: &Args) -> Outcome {
    let name = args.required_text("name");
    args.host.guard(Kinds::UTS, args.options("options")?.flag("host"), "setting the domain name")?;
    args.host.run(Call::SetDomainname { name })?;
    Ok(Value::Nil)
}

fn set(args: &Args) -> Outcome {
    let name = valid_name(args.required_text("name"))?;
    let value = args.integer::<i64>("value")?.map_or_else(|| args.required_text("value"), |number| number.to_string());
    if value.contains('\n') {
        return Err(Raise::argument("value: one line is expected"));
    }
    let host = args.options("options")?.flag("host");
    match owner(&name) {
        Some(kind) => args.host.guard(kind, host, &format!("setting {name}"))?,
        None if host => {}
        None => {
            return Err(Raise::state(format!("{name} belongs to no namespace: setting it would change the host"))
                .hint("parameters of a namespace are net.*, kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*, kernel.hostname and kernel.domainname"));
        }
    }
    args.host.run(Call::Set { name, value })?;
    Ok(Value::Nil)
}

fn get(args: &Args) -> Outcome {
    let name = valid_name(args.required_text("name"))?;
    match sys::sysctl::get(&name) {
        Ok(text) => Ok(Value::String(args.lua.create_string(text)?)),
        Err(sys::Errno::ENOENT) => Ok(Value::Nil),
        Err(errno) => Err(Raise::read(format!("open(\"{}\", O_RDONLY)", sys::sysctl::path(&name)), errno)),
    }
}

/// A name may not leave `/proc/sys`.
fn valid_name(name: String) -> Outcome<String> {
    let parts: Vec<&str> = if name.contains('/') { name.split('/').collect() } else { name.split('.').collect() };
    let fine = parts.iter().all(|part| !part.is_empty() && *part != "." && *part != "..");
    if fine { Ok(name) } else { Err(Raise::argument(format!("name: {name:?} is not a parameter's name such as \"net.ipv4.ip_forward\""))) }
}

/// The kind of namespace that a parameter belongs to; none for the host's own.
fn owner(name: &str) -> Option<Kinds> {
    let name = name.replace('/', ".");
    let ipc = ["kernel.shm", "kernel.msg", "kernel.sem", "kernel.auto_msgmni", "fs.mqueue."];
    if name.starts_with("net.") {
        Some(Kinds::NET)
    } else if ipc.iter().any(|prefix| name.starts_with(prefix)) {
        Some(Kinds::IPC)
    } else if name == "kernel.hostname" || name == "kernel.domainname" {
        Some(Kinds::UTS)
    } else {
        None
    }
}
