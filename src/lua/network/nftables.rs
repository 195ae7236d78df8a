//! nftables: `nft` for any ruleset, `nat` for what a container needs of it.
//!
//! Rulesets go to the program `nft`, by a pipe and an argument list; there is no shell between.

use std::fmt::Write;
use std::net::SocketAddr;

use mlua::{Lua, Value};
use serde_json::json;

use super::link::forget;
use super::{AT, HOST, Home, cidr, guard, place, valid_name};
use crate::kernel::network::{Call, Place, namespace_name, nft};
use crate::kernel::{Kept, Kinds, journal};
use crate::lua::Host;
use crate::lua::args::{Args, Fields};
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle::{self, Resource};
use crate::lua::table::{Primitive, Scope, example_with};
use crate::lua::types::{Param, Type, may, need};
use crate::sys::Errno;
use crate::sys::network::addresses::Cidr;
use crate::sys::network::nftables;

const ELSEWHERE: &[Param] = &[AT, HOST];

const PORT: Type = Type::Integer(1, 65_535);

const PUBLISH: &[Param] = &[
    may("proto", Type::Word(&["tcp", "udp"]), "the protocol; tcp"),
    need("host", PORT, "the port that is published"),
    need("to", Type::Text, "\"10.88.0.2:80\" or \"[fd00::2]:80\": where it leads"),
];

const NAT: &[Param] = &[
    need("source", Type::Text, "the network whose packets leave under the router's own address: \"10.88.0.0/24\""),
    may("out", Type::Text, "only those that leave by this device"),
    may("publish", Type::List(&Type::Options(PUBLISH)), "ports of the router that lead into the network"),
    may("table", Type::Text, "the table's name; made from the network"),
    may("forward", Type::Boolean, "switch forwarding on (the sysctl stays when the table goes); true"),
    AT,
    HOST,
];

/// The primitives of this file.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "nft",
        summary: "Applies a ruleset of nftables, whole or not at all.",
        params: &[
            need(
                "ruleset",
                Type::Either(&[Type::Text, Type::List(&Type::Any)]),
                "text, a list of lines, or a list of commands in nft's JSON schema as Lua tables ({} is null)",
            ),
            may("options", Type::Options(ELSEWHERE), ""),
        ],
        returns: "nothing",
        syscalls: &["execve(2)"],
        shell: "= nft -f -",
        needs: "the program nft; CAP_NET_ADMIN over the network namespace",
        scope: Scope::Object,
        reversible: false,
        examples: &[
            example_with(
                &["root", "program:nft"],
                "local box <close> = spawn({ unshare = { \"net\" } }, function()\n  nft(\"add table ip lab\")\n  nft { \"add chain ip lab input { type filter hook input priority 0; }\", \"add rule ip lab input counter\" }\nend)\nassert(box:wait().code == 0)",
            ),
            example_with(
                &["root", "program:nft"],
                "local box <close> = spawn({ unshare = { \"net\" } }, function()\n  nft { { add = { table = { family = \"ip\", name = \"lab\" } } } }\nend)\nassert(box:wait().code == 0)",
            ),
        ],
        see: &["nat", "nft_list", "nft(8)", "libnftables-json(5)"],
        function: apply,
    },
    Primitive {
        name: "nft_list",
        summary: "Answers the ruleset of a namespace, as nft writes it.",
        params: &[may("options", Type::Options(&[AT]), "")],
        returns: "string",
        syscalls: &["execve(2)"],
        shell: "= nft list ruleset",
        needs: "the program nft; CAP_NET_ADMIN over the network namespace",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(
            &["root", "program:nft"],
            "local box <close> = spawn({ unshare = { \"net\" } }, function()\n  nft(\"add table ip lab\")\n  assert(nft_list():find(\"table ip lab\"))\nend)\nassert(box:wait().code == 0)",
        )],
        see: &["nft"],
        function: list,
    },
    Primitive {
        name: "nat",
        summary: "Makes this namespace the router of a network: packets leave under its own address, published ports lead in.",
        params: &[need("options", Type::Options(NAT), "")],
        returns: "nft_table; closing it deletes the table",
        syscalls: &["execve(2)", "write(2)"],
        shell: "= nft -f -; sysctl -w net.ipv4.ip_forward=1",
        needs: "the program nft; CAP_NET_ADMIN over the network namespace; connection tracking in the kernel",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["root", "program:nft"],
            "local router <close> = spawn({ unshare = { \"net\" } }, function()\n  local table <close> = nat { source = \"10.88.0.0/24\", publish = { { host = 8080, to = \"10.88.0.2:80\" } } }\n  assert(nft_list():find(\"masquerade\"))\nend)\nassert(router:wait().code == 0)",
        )],
        see: &["nft", "veth", "route_add"],
        function: nat,
    },
];

/// A table of nftables that this script has made.
struct Table {
    family: &'static str,
    name: String,
    place: Option<Place>,
    home: Home,
}

impl Resource for Table {
    fn kind(&self) -> &'static str {
        "nft_table"
    }

    fn describe(&self) -> String {
        format!("nft table {} {}", self.family, self.name)
    }

    fn fields(&self) -> &'static [&'static str] {
        &["name", "family"]
    }

    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value> {
        lua.create_string(if name == "name" { &self.name } else { self.family }).map(Value::String)
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        match host.run(nft(self.home.place(host, self.place.clone()), false, format!("delete table {} {}\n", self.family, self.name))) {
            // Gone already, or with its namespace.
            Err(failure) if matches!(failure.errno(), Some(Errno::ENOENT | Errno::ESRCH)) => Ok(()),
            other => other.map(drop),
        }
    }
}

fn apply(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let ns = place(args.host, &options, "ns")?;
    let (json, ruleset) = ruleset(args.value("ruleset"))?;
    guard(args.host, ns.as_ref(), false, &options, "a ruleset")?;
    args.host.run(nft(ns, json, ruleset))?;
    Ok(Value::Nil)
}

/// Text as it is, lines joined, commands as JSON.
fn ruleset(value: &Value) -> Outcome<(bool, String)> {
    let Some(table) = value.as_table() else {
        return Ok((false, value.as_string().map(|text| text.to_string_lossy()).unwrap_or_default()));
    };
    let items: Vec<Value> = table.sequence_values().collect::<mlua::Result<_>>()?;
    if items.iter().all(Value::is_string) {
        let lines: Vec<String> = items.iter().filter_map(|line| line.as_string().map(|line| line.to_string_lossy())).collect();
        return Ok((false, lines.join("\n") + "\n"));
    }
    if !items.iter().all(Value::is_table) {
        return Err(Raise::argument("ruleset: expected a list of lines, or a list of tables such as { add = { table = … } }"));
    }
    let commands: Vec<serde_json::Value> = items.iter().map(|item| to_json(item, 0)).collect::<Outcome<_>>()?;
    Ok((true, json!({ "nftables": commands }).to_string()))
}

/// A Lua value as JSON: a sequence is an array, an empty table is null, names are sorted.
fn to_json(value: &Value, depth: usize) -> Outcome<serde_json::Value> {
    let wrong = |what: &str| Err(Raise::argument(format!("ruleset: {what}")));
    match value {
        Value::Boolean(flag) => Ok(json!(flag)),
        Value::Integer(number) => Ok(json!(number)),
        Value::String(text) => Ok(json!(text.to_string_lossy())),
        Value::Table(_) if depth > 32 => wrong("tables nest deeper than 32"),
        Value::Table(table) if table.raw_len() > 0 => {
            let items: Vec<Value> = table.sequence_values().collect::<mlua::Result<_>>()?;
            items.iter().map(|item| to_json(item, depth + 1)).collect::<Outcome<Vec<_>>>().map(serde_json::Value::Array)
        }
        Value::Table(table) if table.is_empty() => Ok(serde_json::Value::Null),
        Value::Table(table) => {
            let mut pairs: Vec<(String, Value)> = table.pairs().collect::<mlua::Result<_>>()?;
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            let mut object = serde_json::Map::new();
            for (key, value) in pairs {
                object.insert(key, to_json(&value, depth + 1)?);
            }
            Ok(serde_json::Value::Object(object))
        }
        other => wrong(&format!("a {} has no place in it", other.type_name())),
    }
}

fn list(args: &Args) -> Outcome {
    let place = place(args.host, &args.options("options")?, "ns")?;
    let failed = |errno| Raise::read("execve(<nft>, [\"nft\", \"list\", \"ruleset\"])", errno);
    let program = nftables::program().ok_or_else(|| failed(Errno::ENOENT).hint("the program nft is not installed (package nftables)"))?;
    let opened = place.as_ref().map(Place::open).transpose().map_err(failed)?;
    let text = nftables::ask(opened.as_ref().map(std::os::fd::AsFd::as_fd), &program, &["list", "ruleset"]).map_err(failed)?;
    Ok(Value::String(args.lua.create_string(text)?))
}

/// A published port.
struct Port {
    proto: String,
    host: u16,
    to: SocketAddr,
}

fn nat(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let source = network(&options)?;
    let out = options.text("out").map(|out| valid_name("options.out", &out)).transpose()?;
    let ports = ports(&options, source)?;
    let table = table_name(&options, source)?;
    let ns = place(args.host, &options, "ns")?;
    guard(args.host, ns.as_ref(), false, &options, "routing for a network")?;
    let family = if source.is_v6() { "ip6" } else { "ip" };
    let what = match &ns {
        None if args.host.guard.left().contains(Kinds::NET) => None,
        None => Some(json!({ "family": family, "table": table, "netns": namespace_name() })),
        Some(Place::Path(path)) => Some(json!({ "family": family, "table": table, "path": journal::written(path) })),
        Some(_) => None,
    };
    let journal = what.map_or(Ok(None), |what| handle::journal(args.host, Kept::new("nft_table", what)))?;
    if let Err(failure) = args.host.run(nft(ns.clone(), false, rules(family, &table, source, out.as_deref(), &ports))) {
        forget(args.host, journal);
        return Err(match failure.errno() {
            Some(Errno::EEXIST) => failure.hint(format!("the table {table} exists: say {{ table = … }} for another")),
            _ => failure,
        });
    }
    let handle = args.adopt(Table { family, name: table, place: ns.clone(), home: Home::here(args.host) }, journal)?;
    if options.boolean("forward").unwrap_or(true)
        && let Err(failure) = forward(args.host, ns, source.is_v6())
    {
        if let Some(handle) = handle::Handle::from_value(&handle) {
            handle.close(args.host)?;
        }
        return Err(failure);
    }
    Ok(handle)
}

/// Forwarding is a parameter of the namespace, off in a new one.
fn forward(host: &Host, ns: Option<Place>, v6: bool) -> Outcome<()> {
    let name = if v6 { "net.ipv6.conf.all.forwarding" } else { "net.ipv4.ip_forward" }.to_owned();
    let value = "1".to_owned();
    match ns {
        Some(ns) => host.run(Call::Parameter { ns, name, value })?,
        None => host.run(crate::kernel::sysctl::Call::Set { name, value })?,
    };
    Ok(())
}

fn network(options: &Fields) -> Outcome<Cidr> {
    let text = options.required_text("source");
    let source = cidr("options.source", &text)?;
    let network = source.network();
    if network == source {
        return Ok(source);
    }
    Err(Raise::argument(format!("options.source: {text:?} has bits behind its prefix; the network is {network}")))
}

fn ports(options: &Fields, source: Cidr) -> Outcome<Vec<Port>> {
    let mut ports = Vec::new();
    for (index, item) in options.values("publish").iter().enumerate() {
        let Some(table) = item.as_table() else { continue };
        let fields = Fields::from_table(table, PUBLISH)?;
        let text = fields.required_text("to");
        let wrong =
            || Raise::argument(format!("options.publish[{}].to: expected ADDRESS:PORT such as \"10.88.0.2:80\", got {text:?}", index + 1));
        let to: SocketAddr = text.parse().map_err(|_| wrong())?;
        if to.is_ipv6() != source.is_v6() || to.port() == 0 {
            return Err(wrong());
        }
        ports.push(Port {
            proto: fields.text("proto").unwrap_or_else(|| "tcp".to_owned()),
            host: fields.integer("host")?.unwrap_or(0),
            to,
        });
    }
    Ok(ports)
}

/// nft reads a name as one word: a letter, then letters, digits and `_ . -`.
fn table_name(options: &Fields, source: Cidr) -> Outcome<String> {
    let Some(name) = options.text("table") else {
        return Ok(format!("crun-lua-{}", source.to_string().replace(['/', ':'], "-")));
    };
    let fine = name.len() <= 255
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if fine {
        Ok(name)
    } else {
        Err(Raise::argument(format!("options.table: {name:?}: expected a letter, then letters, digits, '_', '.' or '-'")))
    }
}

/// The whole table in nft's own language. `create` fails where the name is taken.
fn rules(family: &str, table: &str, source: Cidr, out: Option<&str>, ports: &[Port]) -> String {
    let at = format!("{family} {table}");
    let leaves = out.map_or_else(String::new, |out| format!("oifname \"{out}\" "));
    let mut text = format!("create table {at}\n");
    let mut line = |rule: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{rule}");
    };
    line(format_args!("add chain {at} postrouting {{ type nat hook postrouting priority 100; policy accept; }}"));
    line(format_args!("add rule {at} postrouting {family} saddr {source} {family} daddr != {source} {leaves}masquerade"));
    line(format_args!("add chain {at} forward {{ type filter hook forward priority 0; policy accept; }}"));
    line(format_args!("add rule {at} forward {family} saddr {source} accept"));
    line(format_args!("add rule {at} forward {family} daddr {source} ct state established,related accept"));
    if !ports.is_empty() {
        // Packets from the network to its own published port must come back through here too.
        line(format_args!("add rule {at} postrouting {family} saddr {source} {family} daddr {source} ct status dnat masquerade"));
        line(format_args!("add rule {at} forward {family} daddr {source} ct status dnat accept"));
        line(format_args!("add chain {at} prerouting {{ type nat hook prerouting priority -100; policy accept; }}"));
        line(format_args!("add chain {at} output {{ type nat hook output priority -100; policy accept; }}"));
    }
    for port in ports {
        // Only what is meant for this machine: the same port of another must stay reachable.
        for chain in ["prerouting", "output"] {
            line(format_args!("add rule {at} {chain} fib daddr type local {} dport {} dnat to {}", port.proto, port.host, port.to));
        }
    }
    text
}
