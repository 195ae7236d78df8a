//! Making a network device: which options its kind takes, and the requests it needs, in order.

use std::cell::RefCell;

use super::link::{self, Link};
use super::{Home, cidrs, device, guard, ip, mac, place, valid_name};
use crate::kernel::network::{Call, Place};
use crate::lua::Host;
use crate::lua::args::{Args, Fields};
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle::Handle;
use crate::sys::network::addresses::Cidr;
use crate::sys::network::links::{self, Change, Kind, NewLink};

/// Which options each kind of device takes, besides those of every kind.
const OWN: [(&str, &[&str]); 7] = [
    ("veth", &["peer", "peer_ns", "peer_mac", "peer_address"]),
    ("bridge", &[]),
    ("dummy", &[]),
    ("macvlan", &["parent", "mode"]),
    ("ipvlan", &["parent", "mode"]),
    ("vlan", &["parent", "id"]),
    ("vxlan", &["parent", "id", "remote", "local_address", "port"]),
];

/// The kind that the options of `link_add` describe; an option that it does not have is refused.
pub fn kind(host: &Host, options: &Fields) -> Outcome<Kind> {
    let word = options.required_text("type");
    let own = OWN.iter().find(|(name, _)| *name == word).map_or(&[][..], |(_, own)| own);
    for (_, others) in OWN {
        if let Some(option) = others.iter().find(|option| options.has(option) && !own.contains(option)) {
            return Err(Raise::argument(format!("options.{option}: a {word} has none")));
        }
    }
    let missing = |option: &str| Raise::argument(format!("options: the option \"{option}\" is missing; a {word} needs it"));
    let parent = || -> Outcome<Option<String>> {
        if options.has("parent") { device(host, options, "parent", options).map(|device| Some(device.name)) } else { Ok(None) }
    };
    let below = || parent().and_then(|parent| parent.ok_or_else(|| missing("parent")));
    let mode = |known: &[&str]| -> Outcome<String> {
        let mode = options.text("mode").unwrap_or_else(|| known.first().map_or_else(String::new, |first| (*first).to_owned()));
        if known.contains(&mode.as_str()) {
            return Ok(mode);
        }
        Err(Raise::argument(format!("options.mode: a {word} has the modes {}, not {mode}", known.join(", "))))
    };
    let id = |low: u32, high: u32| -> Outcome<u32> {
        let id = options.integer::<u32>("id")?.ok_or_else(|| missing("id"))?;
        if (low..=high).contains(&id) {
            Ok(id)
        } else {
            Err(Raise::argument(format!("options.id: a {word} takes {low} to {high}, not {id}")))
        }
    };
    Ok(match word.as_str() {
        "veth" => {
            let peer = options.text("peer").ok_or_else(|| missing("peer"))?;
            Kind::Veth { peer: valid_name("options.peer", &peer)?, peer_mac: mac(options, "peer_mac")? }
        }
        "bridge" => Kind::Bridge,
        "macvlan" => Kind::Macvlan { parent: below()?, mode: mode(&["bridge", "private", "vepa", "passthru"])? },
        "ipvlan" => Kind::Ipvlan { parent: below()?, mode: mode(&["l2", "l3", "l3s"])? },
        "vlan" => Kind::Vlan { parent: below()?, id: u16::try_from(id(1, 4094)?).unwrap_or_default() },
        "vxlan" => {
            let (remote, local) = (ip(options, "remote")?, ip(options, "local_address")?);
            if remote.zip(local).is_some_and(|(a, b)| a.is_ipv4() != b.is_ipv4()) {
                return Err(Raise::argument("options: remote and local_address must both be IPv4, or both IPv6"));
            }
            let port = options.integer("port")?.unwrap_or(4789);
            Kind::Vxlan { id: id(0, 0xff_ffff)?, parent: parent()?, remote, local, port }
        }
        _ => Kind::Dummy,
    })
}

/// Makes the device, then gives it what a creating request cannot carry; on failure nothing stays.
pub fn make(args: &Args, kind: Kind, options: &Fields) -> Outcome {
    let host = args.host;
    let name = valid_name("name", &args.required_text("name"))?;
    let (ns, peer_ns) = (place(host, options, "ns")?, place(host, options, "peer_ns")?);
    let new = NewLink { name: name.clone(), kind, mac: mac(options, "mac")?, mtu: options.integer("mtu")? };
    let (addresses, peer_addresses) = (cidrs(options, "address")?, cidrs(options, "peer_address")?);
    let master = if options.has("master") { Some(device(host, options, "master", options)?) } else { None };
    if let Some(master) = &master {
        guard(host, ns.as_ref(), master.handle.is_some(), options, &format!("giving the bridge {} a port", master.name))?;
    }
    let peer = if let Kind::Veth { peer, .. } = &new.kind { Some((peer.clone(), peer_ns.clone().or_else(|| ns.clone()))) } else { None };
    let journal = link::journal(host, &name, ns.as_ref(), None)?;
    if let Err(failure) = host.run(Call::LinkAdd { ns: ns.clone(), link: new, peer_ns }) {
        link::forget(host, journal);
        return Err(failure);
    }
    let link = Link { name: RefCell::new(name.clone()), place: RefCell::new(ns.clone()), peer: peer.clone(), home: Home::here(host) };
    let value = args.adopt(link, journal)?;
    let Some(handle) = Handle::from_value(&value) else { return Ok(value) };
    if journal.is_some() && ns.is_none() {
        handle.rejournal(host, link::journal(host, &name, None, links::index_here(&name))?);
    }
    let nodad = options.flag("nodad");
    let finish = || -> Outcome<()> {
        if let Some(master) = &master {
            let change = Change { master: Some(Some(master.name.clone())), ..Change::default() };
            host.run(Call::LinkSet { ns: ns.clone(), name: name.clone(), change, to: None })?;
        }
        let mut ends = vec![(name.clone(), ns.clone(), addresses)];
        ends.extend(peer.map(|(name, ns)| (name, ns, peer_addresses)));
        for (link, ns, addresses) in ends {
            give(host, &link, ns.as_ref(), &addresses, nodad, options.flag("up"))?;
        }
        Ok(())
    };
    match finish() {
        Ok(()) => Ok(value),
        Err(failure) => {
            handle.close(host)?;
            Err(failure)
        }
    }
}

/// Addresses first, then up: nothing is seen from outside before the device is complete.
fn give(host: &Host, link: &str, ns: Option<&Place>, addresses: &[Cidr], nodad: bool, up: bool) -> Outcome<()> {
    for address in addresses {
        let nodad = nodad && address.is_v6();
        host.run(Call::AddressAdd { ns: ns.cloned(), link: link.to_owned(), address: *address, nodad })?;
    }
    if up {
        let change = Change { up: Some(true), ..Change::default() };
        host.run(Call::LinkSet { ns: ns.cloned(), name: link.to_owned(), change, to: None })?;
    }
    Ok(())
}
