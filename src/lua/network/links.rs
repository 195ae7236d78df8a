//! Network devices: `veth`, `bridge`, `link_add`, `link_set`, `link_delete`, `links`.

use mlua::Value;

use super::link::Link;
use super::making::{kind, make};
use super::{ADDRESSES, AT, Device, HOST, LINK, NS, device, guard, mac, place, valid_name};
use crate::kernel::network::Call;
use crate::lua::args::{Args, Fields};
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle::Handle;
use crate::lua::table::{Primitive, Scope, example, example_with};
use crate::lua::types::{Param, Type, U32, may, need};
use crate::sys::network::links::{self, Change, Kind};

const MAC: Param = may("mac", Type::Text, "the hardware address, \"02:00:00:00:00:01\"; the kernel chooses");
const MTU: Param = may("mtu", Type::Integer(68, 65_535), "the largest packet, in bytes");
const UP: Param = may("up", Type::Boolean, "set it up (of a veth both ends); false");
const ADDRESS: Param = may("address", ADDRESSES, "\"10.0.0.1/24\", or a list");
const NODAD: Param = may("nodad", Type::Boolean, "IPv6 addresses are usable at once, without asking whether somebody has them");
const MASTER: Param = may("master", LINK, "the bridge that it becomes a port of");
const PEER_NS: Param = may("peer_ns", NS, "the network namespace that the other end is made in");
const PEER_MAC: Param = may("peer_mac", Type::Text, "the other end's hardware address");
const PEER_ADDRESS: Param = may("peer_address", ADDRESSES, "the other end's address, or a list");

const VETH: &[Param] = &[PEER_NS, ADDRESS, PEER_ADDRESS, UP, MAC, PEER_MAC, MTU, MASTER, NODAD, AT, HOST];

const BRIDGE: &[Param] = &[may("ports", Type::List(&LINK), "devices that become its ports"), ADDRESS, UP, MAC, MTU, NODAD, AT, HOST];

const TYPES: Type = Type::Word(&["veth", "bridge", "dummy", "macvlan", "ipvlan", "vlan", "vxlan"]);
const MODES: Type = Type::Word(&["bridge", "private", "vepa", "passthru", "l2", "l3", "l3s"]);

const LINK_ADD: &[Param] = &[
    need("type", TYPES, "the kind of device"),
    may("parent", LINK, "the device below: of macvlan, ipvlan, vlan, and of vxlan if wanted"),
    may("id", U32, "vlan: 1 to 4094; vxlan: 24 bits"),
    may("mode", MODES, "macvlan: bridge, private, vepa, passthru; ipvlan: l2, l3, l3s"),
    may("peer", Type::Text, "veth: the other end's name"),
    PEER_NS,
    PEER_MAC,
    PEER_ADDRESS,
    may("remote", Type::Text, "vxlan: the other tunnel end's address, or a multicast group"),
    may("local_address", Type::Text, "vxlan: this tunnel end's address"),
    may("port", Type::Integer(1, 65_535), "vxlan: the UDP port; 4789"),
    ADDRESS,
    UP,
    MAC,
    MTU,
    MASTER,
    NODAD,
    AT,
    HOST,
];

const LINK_SET: &[Param] = &[
    may("up", Type::Boolean, "up, or with false down"),
    may("name", Type::Text, "a new name"),
    may("to", NS, "the network namespace that it moves to"),
    may(
        "master",
        Type::Either(&[Type::Boolean, Type::Text, Type::Handle("link")]),
        "the bridge that it becomes a port of; false takes it out",
    ),
    MAC,
    MTU,
    may("alias", Type::Text, "a text for people, at most 255 bytes"),
    may("txqlen", U32, "the length of the transmit queue, in packets"),
    AT,
    HOST,
];

const DELETE: &[Param] = &[AT, HOST];

/// The primitives of this file.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "veth",
        summary: "Makes a pair of Ethernet devices: what goes in at one end comes out at the other, in another namespace if wanted.",
        params: &[
            need("name", Type::Text, "this end, 1 to 15 bytes"),
            need("peer", Type::Text, "the other end"),
            may("options", Type::Options(VETH), ""),
        ],
        returns: "link; closing it deletes both ends",
        syscalls: &["rtnetlink(7)", "setns(2)"],
        shell: "= ip link add NAME type veth peer name PEER netns NS",
        needs: "CAP_NET_ADMIN over both network namespaces",
        scope: Scope::Object,
        reversible: true,
        examples: &[
            example_with(
                &["userns"],
                "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  local pair <close> = veth(\"left\", \"right\", { address = \"10.0.0.1/24\", up = true })\n  assert(pair.name == \"left\")\nend)\nassert(box:wait().code == 0)",
            ),
            example_with(
                &["root"],
                "-- One end here, the other straight in the child's namespace, before the child starts.\nlocal function wire(child)\n  veth(\"ex-veth0\", \"eth0\", { peer_ns = child, peer_address = \"10.0.0.2/24\", up = true })\nend\nlocal box <close> = spawn({ unshare = { \"net\" }, parent = wire }, function()\n  link_set(\"eth0\", { mtu = 1400 })\nend)\nassert(box:wait().code == 0)",
            ),
        ],
        see: &["link_add", "address_add", "route_add", "veth(4)"],
        function: veth,
    },
    Primitive {
        name: "bridge",
        summary: "Makes a switch, and makes devices its ports.",
        params: &[need("name", Type::Text, "1 to 15 bytes"), may("options", Type::Options(BRIDGE), "")],
        returns: "link",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip link add NAME type bridge",
        needs: "CAP_NET_ADMIN over the network namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["userns"],
            "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  local pair <close> = veth(\"left\", \"right\")\n  local switch <close> = bridge(\"br0\", { ports = { pair }, address = \"10.0.0.1/24\", up = true })\nend)\nassert(box:wait().code == 0)",
        )],
        see: &["veth", "link_set", "ip-link(8)"],
        function: bridge,
    },
    Primitive {
        name: "link_add",
        summary: "Makes a network device of any kind.",
        params: &[need("name", Type::Text, "1 to 15 bytes"), need("options", Type::Options(LINK_ADD), "")],
        returns: "link; closing it deletes the device",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip link add NAME type TYPE …",
        needs: "CAP_NET_ADMIN over the network namespace; the kernel's module of that type",
        scope: Scope::Object,
        reversible: true,
        examples: &[
            example_with(
                &["userns", "link:macvlan"],
                "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  local pair <close> = veth(\"left\", \"right\")\n  local mac <close> = link_add(\"mac0\", { type = \"macvlan\", parent = \"left\", mode = \"bridge\" })\nend)\nassert(box:wait().code == 0)",
            ),
            example_with(
                &["userns", "link:vxlan"],
                "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  local pair <close> = veth(\"left\", \"right\", { address = \"10.0.0.1/24\", up = true })\n  local vx <close> = link_add(\"vx0\", { type = \"vxlan\", id = 42, parent = \"left\", remote = \"10.0.0.2\" })\nend)\nassert(box:wait().code == 0)",
            ),
        ],
        see: &["veth", "bridge", "link_delete", "ip-link(8)"],
        function: link_add,
    },
    Primitive {
        name: "link_set",
        summary: "Changes a network device: up or down, name, namespace, master, addresses of the hardware, sizes.",
        params: &[need("link", LINK, "the device"), need("changes", Type::Options(LINK_SET), "")],
        returns: "nothing",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip link set NAME …",
        needs: "CAP_NET_ADMIN over the network namespace, and over that it moves to",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["userns"],
            "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  local pair <close> = veth(\"left\", \"right\")\n  link_set(\"left\", { name = \"eth0\", mtu = 1400, mac = \"02:00:00:00:00:01\" })\n  link_set(\"eth0\", { up = true })\nend)\nassert(box:wait().code == 0)",
        )],
        see: &["link:set", "links", "ip-link(8)"],
        function: link_set,
    },
    Primitive {
        name: "link:set",
        summary: "Changes the device of the handle, as link_set does.",
        params: &[need("changes", Type::Options(LINK_SET), "")],
        returns: "nothing",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip link set NAME …",
        needs: "CAP_NET_ADMIN over the network namespace, and over that it moves to",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["userns"],
            "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  local pair <close> = veth(\"left\", \"right\")\n  pair:set { name = \"eth0\", up = true }\n  assert(pair.name == \"eth0\")\nend)\nassert(box:wait().code == 0)",
        )],
        see: &["link_set"],
        function: handle_set,
    },
    Primitive {
        name: "link_delete",
        summary: "Deletes a network device; a veth's other end goes with it.",
        params: &[need("link", LINK, "the device"), may("options", Type::Options(DELETE), "")],
        returns: "nothing",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip link delete NAME",
        needs: "CAP_NET_ADMIN over the network namespace",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["userns"],
            "local box <close> = spawn({ unshare = { \"user\", \"net\" } }, function()\n  veth(\"left\", \"right\"):keep()\n  link_delete(\"left\")\nend)\nassert(box:wait().code == 0)",
        )],
        see: &["link_add", "handle:close"],
        function: link_delete,
    },
    Primitive {
        name: "links",
        summary: "Lists the network devices of a namespace.",
        params: &[may("options", Type::Options(&[AT]), "")],
        returns: "list of { name, index, kind, mac, mtu, up, state, master, link, alias, txqlen }; a device below that is elsewhere is a number",
        syscalls: &["rtnetlink(7)"],
        shell: "= ip -details link",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("for _, link in ipairs(links()) do\n  print(link.index, link.name, link.mac)\nend")],
        see: &["addresses", "routes"],
        function: list,
    },
];

fn veth(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let kind = Kind::Veth { peer: valid_name("peer", &args.required_text("peer"))?, peer_mac: mac(&options, "peer_mac")? };
    make(args, kind, &options)
}

fn bridge(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let here = place(args.host, &options, "ns")?;
    let mut ports = Vec::new();
    for port in options.values("ports") {
        let mut fields = Fields::default();
        fields.put(&need("ports", LINK, ""), port);
        ports.push(device(args.host, &fields, "ports", &options)?);
    }
    for port in &ports {
        guard(args.host, here.as_ref(), port.handle.is_some(), &options, &format!("making {} a port", port.name))?;
    }
    let made = make(args, Kind::Bridge, &options)?;
    let Some(handle) = Handle::from_value(&made) else { return Ok(made) };
    let name = handle.any::<Link>()?.name();
    for port in ports {
        let change = Change { master: Some(Some(name.clone())), ..Change::default() };
        if let Err(failure) = args.host.run(Call::LinkSet { ns: port.place, name: port.name, change, to: None }) {
            handle.close(args.host)?;
            return Err(failure);
        }
    }
    Ok(made)
}

fn link_add(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let kind = kind(args.host, &options)?;
    make(args, kind, &options)
}

fn link_set(args: &Args) -> Outcome {
    let options = args.options("changes")?;
    let device = device(args.host, args, "link", &options)?;
    change(args, device, &options)
}

fn handle_set(args: &Args) -> Outcome {
    let options = args.options("changes")?;
    let link = args.this::<Link>()?;
    let device = Device {
        name: link.name(),
        place: place(args.host, &options, "ns")?.or_else(|| link.place(args.host)),
        handle: Some(args.this_handle()?.clone()),
    };
    change(args, device, &options)
}

fn change(args: &Args, device: Device, options: &Fields) -> Outcome {
    let host = args.host;
    let Device { name, place: ns, handle } = device;
    let master = match options.value("master") {
        Value::Nil => None,
        Value::Boolean(false) => Some(None),
        Value::Boolean(true) => return Err(Raise::argument("changes.master: expected the bridge's name, or false to take the device out")),
        _ => Some(Some(super::device(host, options, "master", options)?)),
    };
    if let Some(Some(master)) = &master {
        guard(host, ns.as_ref(), master.handle.is_some(), options, &format!("giving the bridge {} a port", master.name))?;
    }
    let change = Change {
        up: options.boolean("up"),
        name: options.text("name").map(|name| valid_name("changes.name", &name)).transpose()?,
        mac: mac(options, "mac")?,
        mtu: options.integer("mtu")?,
        master: master.map(|master| master.map(|master| master.name)),
        alias: options.text("alias"),
        txqlen: options.integer("txqlen")?,
    };
    let to = place(host, options, "to")?;
    if change == Change::default() && to.is_none() {
        return Err(Raise::argument("changes: nothing is to be changed"));
    }
    guard(host, ns.as_ref(), handle.is_some(), options, &format!("changing the device {name}"))?;
    let renamed = change.name.clone();
    host.run(Call::LinkSet { ns: ns.clone(), name: name.clone(), change, to: to.clone() })?;
    // The handle goes on meaning the device, under its new name and in its new place.
    if let Some(handle) = handle.filter(|_| renamed.is_some() || to.is_some()) {
        handle.any::<Link>()?.follow(host, &handle, &name, renamed, to)?;
    }
    Ok(Value::Nil)
}

fn link_delete(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let device = device(args.host, args, "link", &options)?;
    guard(args.host, device.place.as_ref(), device.handle.is_some(), &options, &format!("deleting the device {}", device.name))?;
    match device.handle {
        Some(handle) if handle.any::<Link>()?.is_end(&device.name) && !handle.is_kept() => handle.close(args.host)?,
        _ => drop(args.host.run(Call::LinkDelete { ns: device.place, name: device.name })?),
    }
    Ok(Value::Nil)
}

fn list(args: &Args) -> Outcome {
    let rows = super::read(args, "getlink", links::list)?;
    let named = |index: u32| rows.iter().find(|row| row.index == index).map(|row| row.name.clone());
    let out = args.lua.create_table()?;
    for row in &rows {
        let table = args.lua.create_table()?;
        table.raw_set("index", row.index)?;
        table.raw_set("name", row.name.as_str())?;
        table.raw_set("kind", row.kind.as_deref())?;
        table.raw_set("mac", row.mac.as_deref())?;
        table.raw_set("mtu", row.mtu)?;
        table.raw_set("up", row.up)?;
        table.raw_set("state", row.state.as_str())?;
        table.raw_set("master", row.master.and_then(named))?;
        match row.link.map(|link| (link, named(link).filter(|_| !row.link_elsewhere))) {
            Some((_, Some(name))) => table.raw_set("link", name)?,
            Some((index, None)) => table.raw_set("link", index)?,
            None => {}
        }
        table.raw_set("alias", row.alias.as_deref())?;
        table.raw_set("txqlen", row.txqlen)?;
        out.raw_push(table)?;
    }
    Ok(Value::Table(out))
}
