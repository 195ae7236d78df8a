//! Named network namespaces, which `ip netns` lists and enters as its own.

use std::path::PathBuf;

use mlua::{Lua, Value};
use serde_json::json;

use super::HOST;
use super::link::forget;
use crate::kernel::network::Call;
use crate::kernel::{Kept, Kinds};
use crate::lua::Host;
use crate::lua::args::Args;
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle::{self, Resource};
use crate::lua::table::{Primitive, Scope, example, example_with};
use crate::lua::types::{Param, Type, may, need};
use crate::sys::Errno;
use crate::sys::network::netns;

const DELETE: &[Param] = &[HOST];
const NAME: Param = need("name", Type::Text, "the file's name in /run/netns");

/// The primitives of this file.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "netns_add",
        summary: "Makes a network namespace with a name; it lives without a process until it is closed.",
        params: &[NAME],
        returns: "netns; closing it removes the name",
        syscalls: &["unshare(2)", "mount(2)", "setns(2)"],
        shell: "= ip netns add NAME",
        needs: "CAP_SYS_ADMIN over the mount namespace and the network namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["root"],
            "local blue <close> = netns_add(\"crun-lua-example\")\nloopback_up { ns = blue }\nassert(links({ ns = \"crun-lua-example\" })[1].up)",
        )],
        see: &["netns_open", "netns_list", "veth", "ip-netns(8)"],
        function: add,
    },
    Primitive {
        name: "netns_open",
        summary: "Answers the handle of a named network namespace that exists; closing it leaves the name.",
        params: &[NAME],
        returns: "netns",
        syscalls: &[],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(
            &["root"],
            "netns_add(\"crun-lua-example\"):keep()\nlocal blue = netns_open(\"crun-lua-example\")\nloopback_up { ns = blue }\nnetns_delete(\"crun-lua-example\", { host = true })",
        )],
        see: &["netns_add"],
        function: open,
    },
    Primitive {
        name: "netns_delete",
        summary: "Removes the name; the namespace goes with the last process or device that is in it.",
        params: &[NAME, may("options", Type::Options(DELETE), "")],
        returns: "nothing",
        syscalls: &["umount2(2)", "unlink(2)"],
        shell: "= ip netns delete NAME",
        needs: "CAP_SYS_ADMIN over the mount namespace",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(&["root"], "netns_add(\"crun-lua-example\"):keep()\nnetns_delete(\"crun-lua-example\", { host = true })")],
        see: &["netns_add"],
        function: delete,
    },
    Primitive {
        name: "netns_list",
        summary: "Lists the names of network namespaces.",
        params: &[],
        returns: "list of names, sorted",
        syscalls: &["getdents64(2)"],
        shell: "= ip netns list",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("for _, name in ipairs(netns_list()) do\n  print(name)\nend")],
        see: &["netns_add"],
        function: list,
    },
];

/// A named network namespace.
pub struct Netns {
    name: String,
    /// Whether this script has made it.
    made: bool,
}

impl Netns {
    /// The file that the namespace is mounted on.
    pub fn path(&self) -> PathBuf {
        netns::path(&self.name)
    }
}

impl Resource for Netns {
    fn kind(&self) -> &'static str {
        "netns"
    }

    fn describe(&self) -> String {
        format!("netns {}", self.name)
    }

    fn fields(&self) -> &'static [&'static str] {
        &["name", "path"]
    }

    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value> {
        let text = if name == "name" { self.name.clone() } else { self.path().display().to_string() };
        lua.create_string(text).map(Value::String)
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        if !self.made {
            return Ok(());
        }
        match host.run(Call::NetnsDelete { name: self.name.clone() }) {
            Err(failure) if failure.errno() == Some(Errno::ENOENT) => Ok(()),
            other => other.map(drop),
        }
    }

    fn lasting(&self) -> bool {
        self.made
    }
}

/// A name is one file name, at most 255 bytes long, that a shell and `ip` read as one word.
pub fn valid(param: &str, name: &str) -> Outcome<String> {
    let fine = !name.is_empty()
        && name.len() <= 255
        && !name.starts_with(['.', '-'])
        && !name.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control() || c == '\u{fffd}');
    if fine {
        return Ok(name.to_owned());
    }
    Err(Raise::argument(format!(
        "{param}: {name:?} cannot name a network namespace: 1 to 255 bytes without slash or blank, not starting with a dot or a dash"
    )))
}

fn add(args: &Args) -> Outcome {
    let name = valid("name", &args.required_text("name"))?;
    let journal = handle::journal(args.host, Kept::new("netns", json!(name)))?;
    if let Err(failure) = args.host.run(Call::NetnsAdd { name: name.clone() }) {
        forget(args.host, journal);
        return Err(failure);
    }
    args.adopt(Netns { name, made: true }, journal)
}

fn open(args: &Args) -> Outcome {
    let name = valid("name", &args.required_text("name"))?;
    let found = netns::list().map_err(|errno| Raise::read(format!("openat(\"{}\", O_DIRECTORY)", netns::DIR), errno))?;
    // In a plan the name may be one that an earlier call would have made.
    if !found.contains(&name) && !args.host.kernel().is_plan() {
        let near = crate::lua::types::did_you_mean(&name, found.iter().map(String::as_str));
        let call = format!("openat(\"{}\", O_RDONLY)", netns::path(&name).display());
        return Err(Raise::read(call, Errno::ENOENT).hint(format!("no network namespace is called {name:?}{near}; netns_list() tells all")));
    }
    args.adopt(Netns { name, made: false }, None)
}

fn delete(args: &Args) -> Outcome {
    let name = valid("name", &args.required_text("name"))?;
    if let Some(handle) = args.host.ledger.find::<Netns>(|netns| netns.made && netns.name == name)
        && !handle.is_kept()
    {
        handle.close(args.host)?;
        return Ok(Value::Nil);
    }
    args.host.guard(Kinds::MNT, args.options("options")?.flag("host"), &format!("deleting the network namespace {name}"))?;
    args.host.run(Call::NetnsDelete { name })?;
    Ok(Value::Nil)
}

fn list(args: &Args) -> Outcome {
    let names = netns::list().map_err(|errno| Raise::read(format!("openat(\"{}\", O_DIRECTORY)", netns::DIR), errno))?;
    Ok(Value::Table(args.lua.create_sequence_from(names)?))
}
