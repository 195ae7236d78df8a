//! The words about network devices, addresses, routes and rules.

use super::{Call, Place};
use crate::kernel::Kinds;
use crate::kernel::lesson::{Lesson, Mark};
use crate::sys::network::links::Kind;

const ADMIN: &str = "CAP_NET_ADMIN in the user namespace that owns the net namespace";

/// ` in NAMESPACE`, where it is not the caller's own.
fn at(place: Option<&Place>) -> String {
    place.map_or_else(String::new, |place| format!(" in {place}"))
}

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    let lesson = match call {
        Call::LinkAdd { ns, link, peer_ns } => {
            let (what, note) = match &link.kind {
                Kind::Veth { peer, .. } => (
                    format!("⇄ {peer}{}", at(peer_ns.as_ref())),
                    "a wire with two ends: what goes in at one comes out at the other, which may be in another namespace",
                ),
                Kind::Bridge => ("bridge".to_owned(), "a switch: devices that become its ports see each other"),
                Kind::Dummy => ("dummy".to_owned(), "takes addresses and swallows packets"),
                Kind::Macvlan { parent, .. } => (format!("macvlan on {parent}"), "a second hardware address on the parent's wire"),
                Kind::Ipvlan { parent, .. } => (format!("ipvlan on {parent}"), "a second IP stack behind the parent's hardware address"),
                Kind::Vlan { parent, id } => (format!("vlan {id} on {parent}"), "packets with this tag, as a device of their own"),
                Kind::Vxlan { id, .. } => (format!("vxlan {id}"), "a wire in UDP packets: hosts that are apart share one segment"),
            };
            Lesson::new(Mark::Add, "link", format!("{}{}", link.name, at(ns.as_ref()))).with(what).note(note)
        }
        Call::LinkSet { ns, name, change, to } => {
            let mut parts = Vec::new();
            parts.extend(change.up.map(|up| if up { "up" } else { "down" }.to_owned()));
            parts.extend(change.name.as_ref().map(|name| format!("named {name}")));
            parts.extend(change.mtu.map(|mtu| format!("mtu {mtu}")));
            match &change.master {
                Some(Some(master)) => parts.push(format!("port of {master}")),
                Some(None) => parts.push("port of none".to_owned()),
                None => {}
            }
            parts.extend(to.as_ref().map(|place| format!("moves to {place}")));
            let lesson = Lesson::new(Mark::Change, "link", format!("{name}{}", at(ns.as_ref()))).with(parts.join(", "));
            if to.is_some() { lesson.note("a device is in one namespace; when that goes, a veth goes with it") } else { lesson }
        }
        Call::LinkDelete { ns, name } => {
            Lesson::new(Mark::Remove, "link", format!("{name}{}", at(ns.as_ref()))).note("the other end of a veth goes with it")
        }
        Call::AddressAdd { ns, link, address, .. } => Lesson::new(Mark::Add, "link", format!("{link}{}", at(ns.as_ref())))
            .with(address.to_string())
            .note("the kernel adds a route to the address's network by itself while the device is up"),
        Call::AddressDelete { ns, link, address } => {
            Lesson::new(Mark::Change, "link", format!("{link}{}", at(ns.as_ref()))).with(format!("without {address}"))
        }
        Call::RouteAdd { ns, route } => {
            let via = route.via.map_or_else(String::new, |via| format!("via {via}"));
            Lesson::new(Mark::Add, "route", format!("{}{}", route.to, at(ns.as_ref())))
                .with(via)
                .note("the gateway must be reachable already, by a device's own network")
        }
        Call::RouteDelete { ns, route } => Lesson::new(Mark::Remove, "route", format!("{}{}", route.to, at(ns.as_ref()))),
        Call::LoopbackUp { ns } => Lesson::new(Mark::Change, "link", format!("lo{}", at(ns.as_ref())))
            .with("up")
            .note("in a new net namespace even 127.0.0.1 is out of reach until this is done"),
        Call::Parameter { ns, name, value } => Lesson::new(Mark::Change, "sysctl", format!("{name} in {ns}")).with(value.clone()),
        Call::NetnsAdd { name } => Lesson::new(Mark::Add, "net namespace", name.clone())
            .note("mounted on a file in /run/netns, where ip(8) finds it; it lives without a process in it")
            .needs("CAP_SYS_ADMIN in this user namespace"),
        Call::NetnsDelete { name } => Lesson::new(Mark::Remove, "net namespace", name.clone()).note("it goes with its last process"),
        Call::Nft { ns, ruleset, .. } => {
            let table = ruleset.lines().find_map(|line| line.trim().strip_prefix("table ")).unwrap_or("rules");
            let name = table.trim_end_matches(['{', ' ', '\n']);
            let removes = ruleset.trim_start().starts_with("delete ");
            Lesson::new(if removes { Mark::Remove } else { Mark::Add }, "nftables", format!("{name}{}", at(ns.as_ref())))
                .with(format!("{} lines", ruleset.lines().count()))
                .note("one transaction: all of it is in force, or none")
        }
        Call::Netem { ns, link, settings, .. } => Lesson::new(Mark::Change, "link", format!("{link}{}", at(ns.as_ref())))
            .with(if settings.is_some() { "packets delayed or lost" } else { "packets untouched" })
            .note("of packets that leave by the device: for both ways both ends are told"),
    };
    if lesson.needs.is_some() {
        lesson
    } else {
        lesson.needs(ADMIN).owned_by(if call.ns().is_none() { Kinds::NET } else { Kinds::empty() })
    }
}
