//! What to do about the failures of this topic.

use super::{Call, Place};
use crate::sys::Errno;
use crate::sys::network::links::{Change, Kind, NewLink};
use crate::sys::network::netns;
use crate::sys::network::routes::Route;

/// What to do about this failure.
pub fn hint(call: &Call, errno: Errno) -> Option<String> {
    if let (Some(place), Errno::ESRCH | Errno::EINVAL | Errno::ENOENT) = (call.ns(), errno)
        && let Some(text) = missing(place)
    {
        return Some(text);
    }
    match call {
        Call::LinkAdd { link, peer_ns, .. } => {
            let gone = matches!(errno, Errno::ESRCH | Errno::EINVAL | Errno::ENOENT);
            peer_ns.as_ref().filter(|_| gone).and_then(missing).or_else(|| adding(link, peer_ns.is_some(), errno))
        }
        Call::LinkSet { name, change, to, .. } => setting(name, change, to.is_some(), errno),
        Call::LinkDelete { name, .. } => match errno {
            Errno::ENODEV => Some(unknown(name)),
            Errno::EOPNOTSUPP => Some(format!("{name:?} is no virtual device: it cannot be deleted")),
            _ => rights(errno),
        },
        Call::AddressAdd { link, address, .. } => match errno {
            Errno::ENODEV => Some(unknown(link)),
            Errno::EEXIST => Some(format!("{link:?} has the address {address} already")),
            Errno::EACCES | Errno::EOPNOTSUPP if address.is_v6() => {
                Some("IPv6 is switched off: see net.ipv6.conf.all.disable_ipv6 and net.ipv6.conf.default.disable_ipv6".to_owned())
            }
            Errno::EINVAL if address.is_v6() => Some("an mtu below 1280 switches IPv6 off on the device".to_owned()),
            _ => rights(errno),
        },
        Call::AddressDelete { link, address, .. } => match errno {
            Errno::ENODEV => Some(unknown(link)),
            Errno::EADDRNOTAVAIL => Some(format!("{link:?} does not have the address {address}; addresses() lists them")),
            _ => rights(errno),
        },
        Call::RouteAdd { route, .. } => routing(route, errno),
        Call::RouteDelete { route, .. } => match (errno, &route.dev) {
            (Errno::ENODEV, Some(dev)) => Some(unknown(dev)),
            (Errno::ESRCH, _) => Some(format!("there is no such route to {}; routes() lists them", route.to)),
            _ => rights(errno),
        },
        Call::NetnsAdd { name } | Call::NetnsDelete { name } => Some(match errno {
            Errno::EEXIST => format!("the name {name:?} is taken; netns_list() tells all"),
            Errno::ENOENT => format!("no network namespace is called {name:?}; netns_list() tells all"),
            Errno::EACCES => format!("{} belongs to root", netns::DIR),
            Errno::EPERM => "CAP_SYS_ADMIN over the mount namespace and over the network namespace is needed".to_owned(),
            _ => return None,
        }),
        Call::Netem { program: None, .. } => Some("the program tc is not installed (package iproute2)".to_owned()),
        Call::Netem { link, words, .. } => {
            let words = words.0.borrow();
            Some(match (errno, words.trim()) {
                (Errno::ENODEV, _) => unknown(link),
                (_, said) if said.contains("kind is unknown") => {
                    "this kernel has no sch_netem (the module is missing or cannot be loaded): take links down instead, link_set(NAME, { up = false })".to_owned()
                }
                (_, "") | (Errno::EPERM, _) => return rights(errno),
                (_, said) => format!("tc says: {said}"),
            })
        }
        Call::Nft { program: None, .. } => Some("the program nft is not installed (package nftables)".to_owned()),
        Call::Nft { words, .. } => {
            let words = words.0.borrow();
            let said = words.trim();
            if said.is_empty() { rights(errno) } else { Some(format!("nft says: {said}")) }
        }
        Call::LoopbackUp { .. } | Call::Parameter { .. } => rights(errno),
    }
}

fn adding(link: &NewLink, apart: bool, errno: Errno) -> Option<String> {
    let name = &link.name;
    Some(match (&link.kind, errno) {
        (Kind::Veth { peer, .. }, Errno::EEXIST) if apart => {
            format!("{name:?} exists here or {peer:?} exists there: choose another name, or delete that one with link_delete")
        }
        (Kind::Veth { peer, .. }, Errno::EEXIST) => {
            format!("a device called {name:?} or {peer:?} exists already: choose another name, or delete that one with link_delete")
        }
        (_, Errno::EEXIST) => format!("a device called {name:?} (or one with the same id) exists already; links() lists them"),
        (
            Kind::Macvlan { parent, .. }
            | Kind::Ipvlan { parent, .. }
            | Kind::Vlan { parent, .. }
            | Kind::Vxlan { parent: Some(parent), .. },
            Errno::ENODEV,
        ) => format!("there is no device {parent:?} in this namespace to be the parent; links() lists them"),
        (Kind::Macvlan { parent, .. }, Errno::EBUSY) => format!("{parent:?} already belongs to a bridge or another device"),
        (_, Errno::EOPNOTSUPP) => "this kernel has no devices of that kind (the module is missing or cannot be loaded)".to_owned(),
        (_, Errno::EADDRNOTAVAIL) => NO_MAC.to_owned(),
        (_, Errno::ERANGE) => "a value is out of the range that this kind of device takes".to_owned(),
        (_, Errno::EINVAL) => "the kernel refuses a value: the mtu must be from 68 to 65535".to_owned(),
        _ => return rights(errno),
    })
}

fn setting(name: &str, change: &Change, moving: bool, errno: Errno) -> Option<String> {
    Some(match errno {
        Errno::ENODEV => match &change.master {
            Some(Some(master)) => format!("there is no device {name:?}, or no {master:?}, in this namespace; links() lists them"),
            _ => unknown(name),
        },
        Errno::EEXIST => "a device of that name exists there already".to_owned(),
        Errno::EBUSY if change.name.is_some() => {
            format!("this kernel renames a device only while it is down: link_set({name:?}, {{ up = false }}) first")
        }
        Errno::EBUSY => format!("{name:?} already has a master: {{ master = false }} takes it out first"),
        Errno::EINVAL if moving => "this device cannot leave its network namespace".to_owned(),
        Errno::EINVAL if change.mtu.is_some() => "the mtu is out of the range that the device takes (68 to 65535 for most)".to_owned(),
        Errno::EOPNOTSUPP if change.master.is_some() => "only a bridge (or a bond, a team, a vrf) can be a master".to_owned(),
        Errno::EADDRNOTAVAIL => NO_MAC.to_owned(),
        _ => return rights(errno),
    })
}

fn routing(route: &Route, errno: Errno) -> Option<String> {
    Some(match (errno, &route.dev, route.via) {
        (Errno::ENODEV, Some(dev), _) => unknown(dev),
        (Errno::ENETUNREACH | Errno::EHOSTUNREACH, _, Some(via)) => {
            format!("no device that is up has an address in the network of {via}: add the address and set the device up first")
        }
        (Errno::EINVAL, _, Some(via)) => {
            format!("{via} is not a router that can be reached directly (is it this namespace's own address?)")
        }
        (Errno::ENETDOWN | Errno::EINVAL, Some(dev), None) => format!("set {dev:?} up first: link_set({dev:?}, {{ up = true }})"),
        (Errno::ENETDOWN, ..) => "the device is down: link_set(NAME, { up = true }) first".to_owned(),
        (Errno::EEXIST, ..) => format!("there is a route to {} already; route_del removes it, another metric sets one beside it", route.to),
        _ => return rights(errno),
    })
}

const NO_MAC: &str = "a device's hardware address must be one of a single device: an even first byte, not all zero";

fn unknown(name: &str) -> String {
    format!("there is no device {name:?} in this namespace; links() lists them")
}

fn rights(errno: Errno) -> Option<String> {
    let text = match errno {
        Errno::EPERM | Errno::EACCES => {
            "CAP_NET_ADMIN in the user namespace that owns the network namespace is needed (and CAP_SYS_ADMIN to go to another with `ns`): unshare { \"user\", \"net\" }, or run as root"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// Why a namespace could not be opened, where that is the reason.
fn missing(place: &Place) -> Option<String> {
    let errno = place.open().err()?;
    Some(match (place, errno) {
        (_, Errno::EINVAL) => format!("{place} is not a namespace: name a process, /proc/PID/ns/net, or a file in {}", netns::DIR),
        (Place::Process(pid, _), _) => format!("the process {pid} has ended, and its network namespace may be gone with it"),
        _ => format!("{place} does not exist; netns_list() tells the names"),
    })
}
