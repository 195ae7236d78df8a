//! The commands of iproute2 that make the same requests.

use super::{Call, Place};
use crate::kernel::{Shell, shell_quote};
use crate::sys::network::links::{Change, Kind, NewLink, show_mac};
use crate::sys::network::netns;
use crate::sys::network::routes::Route;

/// What a shell would run.
pub fn command(call: &Call) -> Shell {
    let arguments = match call {
        Call::LinkAdd { link, peer_ns, .. } => new_link(link, peer_ns.as_ref()),
        Call::LinkSet { name, change, to, .. } => change_of(name, change, to.as_ref()),
        Call::LinkDelete { name, .. } => format!("ip link delete {}", shell_quote(name)),
        Call::AddressAdd { link, address, nodad, .. } => {
            let broadcast = if address.is_v6() { "" } else { "brd + " };
            format!("ip address add {address} {broadcast}dev {}{}", shell_quote(link), if *nodad { " nodad" } else { "" })
        }
        Call::AddressDelete { link, address, .. } => format!("ip address delete {address} dev {}", shell_quote(link)),
        Call::RouteAdd { route, .. } => format!("ip route add {}", route_of(route)),
        Call::RouteDelete { route, .. } => format!("ip route delete {}", route_of(route)),
        Call::LoopbackUp { .. } => "ip link set lo up".to_owned(),
        Call::Parameter { name, value, .. } => format!("sysctl -w {}", shell_quote(&format!("{name}={value}"))),
        Call::NetnsAdd { name } => format!("ip netns add {}", shell_quote(name)),
        Call::NetnsDelete { name } => format!("ip netns delete {}", shell_quote(name)),
        Call::Netem { link, settings, .. } => {
            let words: Vec<String> = super::netem::arguments(link, settings.as_ref()).iter().map(|word| shell_quote(word)).collect();
            format!("tc {}", words.join(" "))
        }
        Call::Nft { json, ruleset, .. } => format!("nft {}-f - <<< {}", if *json { "-j " } else { "" }, shell_quote(ruleset)),
    };
    Shell::Exact(within(call.ns(), &arguments))
}

/// The command in another namespace: nsenter(1) does what this program does, `ip netns exec` more.
fn within(place: Option<&Place>, command: &str) -> String {
    match place {
        None => command.to_owned(),
        Some(Place::Process(pid, _)) => format!("nsenter -t {} -n {command}", shell_quote(&pid.to_string())),
        Some(Place::Path(path)) => format!("nsenter --net={} {command}", shell_quote(&path.display().to_string())),
        Some(Place::Open(fd)) => format!("nsenter --net={} {command}", shell_quote(fd.label())),
    }
}

/// The namespace as `ip link` takes it: a process's number or a name.
fn target(place: &Place) -> String {
    match place {
        Place::Process(pid, _) => shell_quote(&pid.to_string()),
        Place::Path(path) => {
            let name = path.strip_prefix(netns::DIR).unwrap_or(path);
            shell_quote(&name.display().to_string())
        }
        Place::Open(fd) => shell_quote(fd.label()),
    }
}

fn option<T: ToString>(words: &mut Vec<String>, name: &str, value: Option<T>) {
    if let Some(value) = value {
        words.extend([name.to_owned(), shell_quote(&value.to_string())]);
    }
}

fn new_link(link: &NewLink, peer_ns: Option<&Place>) -> String {
    let mut words = vec!["ip link add".to_owned()];
    match &link.kind {
        Kind::Macvlan { parent, .. } | Kind::Ipvlan { parent, .. } | Kind::Vlan { parent, .. } => {
            option(&mut words, "link", Some(parent));
        }
        _ => {}
    }
    words.extend(["name".to_owned(), shell_quote(&link.name)]);
    option(&mut words, "address", link.mac.map(|mac| show_mac(&mac)));
    option(&mut words, "mtu", link.mtu);
    words.push("type".to_owned());
    match &link.kind {
        Kind::Veth { peer, peer_mac } => {
            words.extend(["veth peer name".to_owned(), shell_quote(peer)]);
            option(&mut words, "address", peer_mac.map(|mac| show_mac(&mac)));
            option(&mut words, "mtu", link.mtu);
            if let Some(place) = peer_ns {
                words.extend(["netns".to_owned(), target(place)]);
            }
        }
        Kind::Bridge => words.push("bridge".to_owned()),
        Kind::Dummy => words.push("dummy".to_owned()),
        Kind::Macvlan { mode, .. } => words.push(format!("macvlan mode {mode}")),
        Kind::Ipvlan { mode, .. } => words.push(format!("ipvlan mode {mode}")),
        Kind::Vlan { id, .. } => words.push(format!("vlan id {id}")),
        Kind::Vxlan { id, parent, remote, local, port } => {
            words.push(format!("vxlan id {id}"));
            option(&mut words, "dev", parent.as_ref());
            let multicast = remote.is_some_and(|remote| remote.is_multicast());
            option(&mut words, if multicast { "group" } else { "remote" }, *remote);
            option(&mut words, "local", *local);
            option(&mut words, "dstport", Some(port));
        }
    }
    words.join(" ")
}

fn change_of(name: &str, change: &Change, to: Option<&Place>) -> String {
    let mut words = vec!["ip link set".to_owned(), shell_quote(name)];
    words.extend(change.up.map(|up| if up { "up" } else { "down" }.to_owned()));
    option(&mut words, "name", change.name.as_ref());
    option(&mut words, "address", change.mac.map(|mac| show_mac(&mac)));
    option(&mut words, "mtu", change.mtu);
    match &change.master {
        Some(Some(master)) => option(&mut words, "master", Some(master)),
        Some(None) => words.push("nomaster".to_owned()),
        None => {}
    }
    option(&mut words, "alias", change.alias.as_ref());
    option(&mut words, "txqueuelen", change.txqlen);
    if let Some(place) = to {
        words.extend(["netns".to_owned(), target(place)]);
    }
    words.join(" ")
}

fn route_of(route: &Route) -> String {
    let to = match (route.to.prefix, route.to.is_v6()) {
        (0, false) => "default".to_owned(),
        _ => route.to.to_string(),
    };
    let mut words = vec![to];
    option(&mut words, "via", route.via);
    option(&mut words, "dev", route.dev.as_ref());
    option(&mut words, "metric", route.metric);
    option(&mut words, "src", route.src);
    option(&mut words, "table", route.table);
    words.join(" ")
}
