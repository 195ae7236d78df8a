//! Addresses and routes: `address_add`, `address_del`, `route_add`, `route_del`, `loopback_up`.

use std::net::IpAddr;

use mlua::Value;

use super::{AT, HOST, LINK, cidr, device, guard, ip, place};
use crate::kernel::network::Call;
use crate::lua::args::{Args, Fields};
use crate::lua::error::{Outcome, Raise};
use crate::lua::table::{Primitive, Scope, example, example_with};
use crate::lua::types::{Param, Type, U32, may, need};
use crate::sys::network::addresses::{self, Cidr};
use crate::sys::network::routes::{self, Route};

const ADD: &[Param] = &[may("nodad", Type::Boolean, "an IPv6 address is usable at once, without asking whether somebody has it"), AT, HOST];
const ELSEWHERE: &[Param] = &[AT, HOST];
const ADDRESSES: &[Param] = &[may("link", LINK, "only this device's"), AT];
const ROUTE: &[Param] = &[
    may("via", Type::Text, "the next router"),
    may("dev", LINK, "the device that packets leave by"),
    may("metric", U32, "of two routes to the same place the one with the smaller metric wins"),
    may("src", Type::Text, "the source address of packets that have none yet"),
    may("table", Type::Integer(1, u32::MAX as i64), "the table's number; 254, which is main"),
    AT,
    HOST,
];
const ROUTES: &[Param] = &[may("table", Type::Integer(0, u32::MAX as i64), "the table's number, 0 for all; 254, which is main"), AT];

const TO: Param = need("to", Type::Text, "\"default\" (\"::/0\" for IPv6), a network such as \"10.0.0.0/24\", or one address");

/// The primitives of this file.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "address_add",
        summary: "Gives a network device an address; the route to its network comes with it.",
        params: &[
            need("link", LINK, "the device"),
            need("address", Type::Text, "\"10.0.0.2/24\" or \"fd00::2/64\""),
            may("options", Type::Options(ADD), ""),
        ],
        returns: "nothing",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip address add ADDRESS brd + dev NAME",
        needs: "CAP_NET_ADMIN over the network namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["userns"],
            "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  loopback_up()\n  address_add(\"lo\", \"10.0.0.2/24\")\n  address_add(\"lo\", \"fd00::2/64\", { nodad = true })\nend)\nassert(box:wait().code == 0)",
        )],
        see: &["address_del", "addresses", "route_add", "ip-address(8)"],
        function: address_add,
    },
    Primitive {
        name: "address_del",
        summary: "Takes an address from a network device.",
        params: &[
            need("link", LINK, "the device"),
            need("address", Type::Text, "as it was added"),
            may("options", Type::Options(ELSEWHERE), ""),
        ],
        returns: "nothing",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip address delete ADDRESS dev NAME",
        needs: "CAP_NET_ADMIN over the network namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["userns"],
            "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  address_add(\"lo\", \"10.0.0.2/24\")\n  address_del(\"lo\", \"10.0.0.2/24\")\nend)\nassert(box:wait().code == 0)",
        )],
        see: &["address_add"],
        function: address_del,
    },
    Primitive {
        name: "addresses",
        summary: "Lists the addresses of a namespace's devices.",
        params: &[may("options", Type::Options(ADDRESSES), "")],
        returns: "list of { link, address = \"10.0.0.2/24\", peer, scope, flags }",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip address",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("for _, row in ipairs(addresses()) do\n  print(row.link, row.address)\nend")],
        see: &["links", "routes"],
        function: list,
    },
    Primitive {
        name: "route_add",
        summary: "Adds a route.",
        params: &[TO, need("options", Type::Options(ROUTE), "")],
        returns: "nothing",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip route add TO via ROUTER dev NAME",
        needs: "CAP_NET_ADMIN over the network namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["userns"],
            "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  local pair <close> = veth(\"eth0\", \"other\", { address = \"10.0.0.2/24\", up = true })\n  route_add(\"default\", { via = \"10.0.0.1\" })\n  route_add(\"10.9.0.0/16\", { dev = \"eth0\", metric = 50 })\nend)\nassert(box:wait().code == 0)",
        )],
        see: &["route_del", "routes", "ip-route(8)"],
        function: route_add,
    },
    Primitive {
        name: "route_del",
        summary: "Removes the first route that fits what is given.",
        params: &[TO, may("options", Type::Options(ROUTE), "")],
        returns: "nothing",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip route delete TO …",
        needs: "CAP_NET_ADMIN over the network namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["userns"],
            "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  loopback_up()\n  route_add(\"10.9.0.0/16\", { dev = \"lo\" })\n  route_del(\"10.9.0.0/16\")\nend)\nassert(box:wait().code == 0)",
        )],
        see: &["route_add", "routes"],
        function: route_del,
    },
    Primitive {
        name: "routes",
        summary: "Lists a namespace's routes.",
        params: &[may("options", Type::Options(ROUTES), "")],
        returns: "list of { to = \"default\" | network, via, dev, metric, src, table, protocol, scope, kind, family }",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip route; ip -6 route",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("for _, route in ipairs(routes()) do\n  print(route.to, route.via, route.dev)\nend")],
        see: &["route_add", "addresses"],
        function: list_routes,
    },
    Primitive {
        name: "loopback_up",
        summary: "Sets lo up: 127.0.0.1 and ::1 answer from then on. A new network namespace has it down.",
        params: &[may("options", Type::Options(ELSEWHERE), "")],
        returns: "nothing",
        syscalls: &["ioctl(2)"],
        shell: "= ip link set lo up",
        needs: "CAP_NET_ADMIN over the network namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["userns"],
            "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  loopback_up()\nend)\nassert(box:wait().code == 0)",
        )],
        see: &["netdevice(7)"],
        function: loopback_up,
    },
];

fn address_add(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let address = cidr("address", &args.required_text("address"))?;
    let nodad = options.flag("nodad");
    if nodad && !address.is_v6() {
        return Err(Raise::argument("options.nodad: only IPv6 has duplicate address detection"));
    }
    let device = device(args.host, args, "link", &options)?;
    guard(args.host, device.place.as_ref(), device.handle.is_some(), &options, &format!("giving {} an address", device.name))?;
    args.host.run(Call::AddressAdd { ns: device.place, link: device.name, address, nodad })?;
    Ok(Value::Nil)
}

fn address_del(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let address = cidr("address", &args.required_text("address"))?;
    let device = device(args.host, args, "link", &options)?;
    guard(args.host, device.place.as_ref(), device.handle.is_some(), &options, &format!("taking an address from {}", device.name))?;
    args.host.run(Call::AddressDelete { ns: device.place, link: device.name, address })?;
    Ok(Value::Nil)
}

fn list(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let wanted = if options.has("link") { Some(device(args.host, &options, "link", &options)?.name) } else { None };
    let rows = super::read(args, "getaddr", addresses::list)?;
    let out = args.lua.create_table()?;
    for row in rows.iter().filter(|row| wanted.as_ref().is_none_or(|name| *name == row.link)) {
        let table = args.lua.create_table()?;
        table.raw_set("link", row.link.as_str())?;
        table.raw_set("address", row.address.to_string())?;
        table.raw_set("peer", row.peer.map(|peer| peer.to_string()))?;
        table.raw_set("scope", row.scope.as_str())?;
        table.raw_set("flags", args.lua.create_sequence_from(row.flags.iter().map(String::as_str))?)?;
        out.raw_push(table)?;
    }
    Ok(Value::Table(out))
}

/// Where a route leads. A bare address is a network of one; bits behind the prefix are a mistake.
fn destination(text: &str, via: Option<IpAddr>) -> Outcome<Cidr> {
    if text == "default" {
        let v6 = via.is_some_and(|via| via.is_ipv6());
        return cidr("to", if v6 { "::/0" } else { "0.0.0.0/0" });
    }
    let to = match text.parse::<IpAddr>() {
        Ok(address) => Cidr { address, prefix: if address.is_ipv4() { 32 } else { 128 } },
        Err(_) => cidr("to", text)?,
    };
    let network = to.network();
    if network == to { Ok(to) } else { Err(Raise::argument(format!("to: {text:?} has bits behind its prefix; the network is {network}"))) }
}

/// The route, and whether it leads only over a device that this script has made.
fn route(args: &Args, options: &Fields, adding: bool) -> Outcome<(Route, Option<crate::kernel::network::Place>, bool)> {
    let (via, src) = (ip(options, "via")?, ip(options, "src")?);
    let to = destination(&args.required_text("to"), via)?;
    if via.is_some_and(|via| via.is_ipv4() && to.is_v6()) {
        return Err(Raise::argument("options.via: a route to IPv6 addresses needs an IPv6 router"));
    }
    if src.is_some_and(|src| src.is_ipv6() != to.is_v6()) {
        return Err(Raise::argument("options.src: the source and the destination must be of the same family"));
    }
    if adding && via.is_none() && !options.has("dev") {
        return Err(Raise::argument("options: expected via (the next router), dev (the device), or both"));
    }
    let dev = if options.has("dev") { Some(device(args.host, options, "dev", options)?) } else { None };
    let own = dev.as_ref().is_some_and(|dev| dev.handle.is_some()) && to.prefix > 0;
    let place = match &dev {
        Some(dev) => dev.place.clone(),
        None => place(args.host, options, "ns")?,
    };
    let dev = dev.map(|dev| dev.name);
    let (metric, table) = (options.integer("metric")?, options.integer("table")?);
    Ok((Route { to, via, dev, metric, src, table }, place, own))
}

fn route_add(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let (route, ns, own) = route(args, &options, true)?;
    guard(args.host, ns.as_ref(), own, &options, &format!("adding a route to {}", route.to))?;
    args.host.run(Call::RouteAdd { ns, route })?;
    Ok(Value::Nil)
}

fn route_del(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let (route, ns, own) = route(args, &options, false)?;
    guard(args.host, ns.as_ref(), own, &options, &format!("removing a route to {}", route.to))?;
    args.host.run(Call::RouteDelete { ns, route })?;
    Ok(Value::Nil)
}

fn list_routes(args: &Args) -> Outcome {
    let wanted = args.options("options")?.integer::<u32>("table")?.unwrap_or(254);
    let rows = super::read(args, "getroute", routes::list)?;
    let out = args.lua.create_table()?;
    for row in rows.iter().filter(|row| wanted == 0 || row.table == wanted) {
        let table = args.lua.create_table()?;
        table.raw_set("to", if row.to.prefix == 0 { "default".to_owned() } else { row.to.to_string() })?;
        table.raw_set("family", if row.to.is_v6() { "inet6" } else { "inet" })?;
        table.raw_set("via", row.via.map(|via| via.to_string()))?;
        table.raw_set("dev", row.dev.as_deref())?;
        table.raw_set("metric", row.metric)?;
        table.raw_set("src", row.src.map(|src| src.to_string()))?;
        table.raw_set("table", row.table)?;
        table.raw_set("protocol", row.protocol.as_str())?;
        table.raw_set("scope", row.scope.as_str())?;
        table.raw_set("kind", row.kind.as_str())?;
        out.raw_push(table)?;
    }
    Ok(Value::Table(out))
}

fn loopback_up(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let ns = place(args.host, &options, "ns")?;
    guard(args.host, ns.as_ref(), false, &options, "setting lo up")?;
    args.host.run(Call::LoopbackUp { ns })?;
    Ok(Value::Nil)
}
