//! The calls of this topic in strace's notation: the message's type, and its attributes by the
//! kernel's names.

use std::fmt;

use super::{Call, Place};
use crate::kernel::quote;
use crate::sys::network::links::{Change, Kind, NewLink, show_mac};
use crate::sys::network::netns;
use crate::sys::network::routes::Route;

/// The socket, with the namespace that it is opened in.
struct Socket<'a>(Option<&'a Place>);

impl fmt::Display for Socket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("<NETLINK_ROUTE>"),
            Some(place) => write!(f, "<NETLINK_ROUTE in {place}>"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(pid, _) => write!(f, "/proc/{pid}/ns/net"),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Open(fd) => fd.fmt(f),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket = Socket(self.ns());
        match self {
            Self::LinkAdd { link, peer_ns, .. } => {
                write!(f, "sendto({socket}, {{RTM_NEWLINK, NLM_F_CREATE|NLM_F_EXCL, {}}})", new_link(link, peer_ns.as_ref()))
            }
            Self::LinkSet { name, change, to, .. } => {
                write!(f, "sendto({socket}, {{RTM_NEWLINK, {}}})", change_of(name, change, to.as_ref()))
            }
            Self::LinkDelete { name, .. } => write!(f, "sendto({socket}, {{RTM_DELLINK, {}}})", text(name)),
            Self::AddressAdd { link, address, nodad, .. } => {
                let flags = if *nodad { ", IFA_F_NODAD" } else { "" };
                write!(f, "sendto({socket}, {{RTM_NEWADDR, {}, {address}{flags}}})", text(link))
            }
            Self::AddressDelete { link, address, .. } => write!(f, "sendto({socket}, {{RTM_DELADDR, {}, {address}}})", text(link)),
            Self::RouteAdd { route, .. } => write!(f, "sendto({socket}, {{RTM_NEWROUTE, NLM_F_CREATE|NLM_F_EXCL, {}}})", route_of(route)),
            Self::RouteDelete { route, .. } => write!(f, "sendto({socket}, {{RTM_DELROUTE, {}}})", route_of(route)),
            Self::LoopbackUp { ns } => {
                let at = ns.as_ref().map_or_else(String::new, |place| format!(" in {place}"));
                write!(f, "ioctl(<AF_INET{at}>, SIOCSIFFLAGS, {{ifr_name=\"lo\", ifr_flags=IFF_UP|…}})")
            }
            Self::Parameter { ns, name, value } => {
                write!(f, "write(<{} in {ns}>, {}, {})", crate::sys::sysctl::path(name), text(value), value.len())
            }
            Self::NetnsAdd { name } => {
                let path = netns::path(name);
                write!(f, "unshare(CLONE_NEWNET), mount(\"/proc/self/ns/net\", \"{}\", NULL, MS_BIND, NULL), setns(<own>)", path.display())
            }
            Self::NetnsDelete { name } => {
                let path = netns::path(name).display().to_string();
                write!(f, "umount2(\"{path}\", MNT_DETACH|UMOUNT_NOFOLLOW), unlink(\"{path}\")")
            }
            Self::Netem { ns, program, link, settings, .. } => {
                let at = ns.as_ref().map_or_else(String::new, |place| format!(" in {place}"));
                let program = program.as_ref().map_or_else(|| "tc".to_owned(), |path| path.display().to_string());
                let words: Vec<String> = super::netem::arguments(link, settings.as_ref()).iter().map(|word| text(word)).collect();
                write!(f, "execve(\"{program}\", [\"tc\", {}]{at})", words.join(", "))
            }
            Self::Nft { ns, program, json, ruleset, .. } => {
                let at = ns.as_ref().map_or_else(String::new, |place| format!(" in {place}"));
                let program = program.as_ref().map_or_else(|| "nft".to_owned(), |path| path.display().to_string());
                let json = if *json { "\"-j\", " } else { "" };
                write!(f, "execve(\"{program}\", [\"nft\", {json}\"-f\", \"-\"]{at}) <<< {}", quote(ruleset.as_bytes(), 4096))
            }
        }
    }
}

fn text(text: &str) -> String {
    quote(text.as_bytes(), 256)
}

/// Attributes, of which those that are not given are left out.
fn join(parts: Vec<Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn named<T: fmt::Display>(name: &str, value: Option<T>) -> Option<String> {
    value.map(|value| format!("{name}={value}"))
}

fn new_link(link: &NewLink, peer_ns: Option<&Place>) -> String {
    let mac = link.mac.map(|mac| show_mac(&mac));
    let (kind, data) = match &link.kind {
        Kind::Veth { peer, peer_mac } => {
            let mac = peer_mac.map(|mac| show_mac(&mac));
            let parts = vec![
                named("IFLA_IFNAME", Some(text(peer))),
                named("IFLA_ADDRESS", mac),
                named("IFLA_MTU", link.mtu),
                named("IFLA_NET_NS_FD", peer_ns),
            ];
            ("veth", Some(format!("VETH_INFO_PEER={{{}}}", join(parts))))
        }
        Kind::Bridge => ("bridge", None),
        Kind::Dummy => ("dummy", None),
        Kind::Macvlan { parent, mode } => ("macvlan", Some(format!("IFLA_LINK={}, IFLA_MACVLAN_MODE={mode}", text(parent)))),
        Kind::Ipvlan { parent, mode } => ("ipvlan", Some(format!("IFLA_LINK={}, IFLA_IPVLAN_MODE={mode}", text(parent)))),
        Kind::Vlan { parent, id } => ("vlan", Some(format!("IFLA_LINK={}, IFLA_VLAN_ID={id}", text(parent)))),
        Kind::Vxlan { id, parent, remote, local, port } => {
            let parts = vec![
                named("IFLA_VXLAN_ID", Some(id)),
                named("IFLA_VXLAN_LINK", parent.as_ref().map(|parent| text(parent))),
                named("IFLA_VXLAN_GROUP", *remote),
                named("IFLA_VXLAN_LOCAL", *local),
                named("IFLA_VXLAN_PORT", Some(port)),
            ];
            ("vxlan", Some(join(parts)))
        }
    };
    join(vec![
        named("IFLA_IFNAME", Some(text(&link.name))),
        named("IFLA_ADDRESS", mac),
        named("IFLA_MTU", link.mtu),
        named("IFLA_INFO_KIND", Some(text(kind))),
        data,
    ])
}

fn change_of(name: &str, change: &Change, to: Option<&Place>) -> String {
    let up = change.up.map(|up| if up { "IFF_UP" } else { "~IFF_UP" }.to_owned());
    let master = change.master.as_ref().map(|master| master.as_ref().map_or_else(|| "0".to_owned(), |master| text(master)));
    join(vec![
        Some(text(name)),
        up,
        named("IFLA_IFNAME", change.name.as_ref().map(|name| text(name))),
        named("IFLA_ADDRESS", change.mac.map(|mac| show_mac(&mac))),
        named("IFLA_MTU", change.mtu),
        named("IFLA_MASTER", master),
        named("IFLA_IFALIAS", change.alias.as_ref().map(|alias| text(alias))),
        named("IFLA_TXQLEN", change.txqlen),
        named("IFLA_NET_NS_FD", to),
    ])
}

fn route_of(route: &Route) -> String {
    join(vec![
        named("RTA_DST", Some(route.to)),
        named("RTA_GATEWAY", route.via),
        named("RTA_OIF", route.dev.as_ref().map(|dev| text(dev))),
        named("RTA_PRIORITY", route.metric),
        named("RTA_PREFSRC", route.src),
        named("RTA_TABLE", route.table),
    ])
}
