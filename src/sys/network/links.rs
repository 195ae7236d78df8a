//! Network devices: making, changing, removing and listing them.
//!
//! Requests name a device by its name; the index that the kernel wants is looked up in the same
//! conversation, so that nothing above has to hold a number that belongs to one namespace.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use futures_util::TryStreamExt;
use rtnetlink::packet_route::link::{
    InfoData, InfoIpVlan, InfoKind, InfoMacVlan, InfoVeth, InfoVlan, InfoVxlan, IpVlanMode, LinkAttribute, LinkFlags, LinkInfo,
    LinkMessage, MacVlanMode,
};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec};

use super::{errno, session};
use crate::sys::{Errno, Result};

/// A hardware address.
pub type Mac = [u8; 6];

/// What kind of device, with what only that kind has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A pair: what goes in at one end comes out at the other.
    Veth {
        /// The other end's name.
        peer: String,
        /// The other end's hardware address.
        peer_mac: Option<Mac>,
    },
    /// A switch.
    Bridge,
    /// A device that drops everything.
    Dummy,
    /// Several hardware addresses on one device; the modes of `ip-link(8)`.
    Macvlan {
        /// The device below.
        parent: String,
        /// `bridge`, `private`, `vepa` or `passthru`.
        mode: String,
    },
    /// Several network addresses on one device.
    Ipvlan {
        /// The device below.
        parent: String,
        /// `l2`, `l3` or `l3s`.
        mode: String,
    },
    /// One 802.1Q network of a device.
    Vlan {
        /// The device below.
        parent: String,
        /// 1 to 4094.
        id: u16,
    },
    /// Ethernet in UDP.
    Vxlan {
        /// The network's number, 24 bits.
        id: u32,
        /// The device below.
        parent: Option<String>,
        /// The other tunnel end, or a multicast group.
        remote: Option<IpAddr>,
        /// This tunnel end's address.
        local: Option<IpAddr>,
        /// The UDP port.
        port: u16,
    },
}

/// A device to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// 1 to 15 bytes.
    pub name: String,
    /// The kind.
    pub kind: Kind,
    /// The hardware address; the kernel chooses without it.
    pub mac: Option<Mac>,
    /// The largest packet; both ends of a veth get it.
    pub mtu: Option<u32>,
}

/// What changes of a device; nothing where `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Up or down.
    pub up: Option<bool>,
    /// A new name.
    pub name: Option<String>,
    /// The hardware address.
    pub mac: Option<Mac>,
    /// The largest packet.
    pub mtu: Option<u32>,
    /// The bridge that it becomes a port of; `Some(None)` takes it out.
    pub master: Option<Option<String>>,
    /// A text for people.
    pub alias: Option<String>,
    /// The length of the transmit queue, in packets.
    pub txqlen: Option<u32>,
}

/// A device as the kernel lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its number in this namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// `veth`, `bridge` …; none for a physical device and `lo`.
    pub kind: Option<String>,
    /// The hardware address.
    pub mac: Option<String>,
    /// The largest packet.
    pub mtu: u32,
    /// Whether it is set up by the administrator.
    pub up: bool,
    /// The operational state, `up` or `down` or `unknown` …
    pub state: String,
    /// The index of the bridge that it is a port of.
    pub master: Option<u32>,
    /// The index of the device below, or of a veth's other end.
    pub link: Option<u32>,
    /// Whether that index belongs to another namespace.
    pub link_elsewhere: bool,
    /// The text for people.
    pub alias: Option<String>,
    /// The length of the transmit queue.
    pub txqlen: u32,
}

/// The index of a device; `ENODEV` where the namespace has none of that name.
pub(super) async fn index(handle: &Handle, name: &str) -> Result<u32> {
    let mut answer = pin_stream(handle.link().get().match_name(name).execute());
    match answer.try_next().await {
        Ok(Some(message)) => Ok(message.header.index),
        Ok(None) => Err(Errno::ENODEV),
        Err(error) => Err(errno(error)),
    }
}

fn pin_stream<S>(stream: S) -> std::pin::Pin<Box<S>> {
    Box::pin(stream)
}

async fn maybe_index(handle: &Handle, name: Option<&String>) -> Result<Option<u32>> {
    match name {
        Some(name) => index(handle, name).await.map(Some),
        None => Ok(None),
    }
}

/// `RTM_NEWLINK` with `NLM_F_CREATE|NLM_F_EXCL`. A veth's other end is made straight in `peer`.
pub fn add(namespace: Option<BorrowedFd<'_>>, new: &NewLink, peer: Option<BorrowedFd<'_>>) -> Result<()> {
    session(namespace, async |handle| {
        let message = new_message(&handle, new, peer).await?;
        handle.link().add(message).execute().await.map_err(errno)
    })
}

async fn new_message(handle: &Handle, new: &NewLink, peer: Option<BorrowedFd<'_>>) -> Result<LinkMessage> {
    let (kind, data, parent) = match &new.kind {
        Kind::Veth { peer: name, peer_mac } => {
            let end = basics(LinkMessageBuilder::<LinkUnspec>::new().name(name.clone()), *peer_mac, new.mtu);
            let end = match peer {
                Some(peer) => end.setns_by_fd(peer.as_raw_fd()),
                None => end,
            };
            (InfoKind::Veth, Some(InfoData::Veth(InfoVeth::Peer(end.build()))), None)
        }
        Kind::Bridge => (InfoKind::Bridge, None, None),
        Kind::Dummy => (InfoKind::Dummy, None, None),
        Kind::Macvlan { parent, mode } => {
            let mode = match mode.as_str() {
                "private" => MacVlanMode::Private,
                "vepa" => MacVlanMode::Vepa,
                "passthru" => MacVlanMode::Passthrough,
                _ => MacVlanMode::Bridge,
            };
            (InfoKind::MacVlan, Some(InfoData::MacVlan(vec![InfoMacVlan::Mode(mode)])), Some(parent))
        }
        Kind::Ipvlan { parent, mode } => {
            let mode = match mode.as_str() {
                "l3" => IpVlanMode::L3,
                "l3s" => IpVlanMode::L3S,
                _ => IpVlanMode::L2,
            };
            (InfoKind::IpVlan, Some(InfoData::IpVlan(vec![InfoIpVlan::Mode(mode)])), Some(parent))
        }
        Kind::Vlan { parent, id } => (InfoKind::Vlan, Some(InfoData::Vlan(vec![InfoVlan::Id(*id)])), Some(parent)),
        Kind::Vxlan { id, parent, remote, local, port } => {
            let mut data = vec![InfoVxlan::Id(*id), InfoVxlan::Port(*port)];
            data.extend(maybe_index(handle, parent.as_ref()).await?.map(InfoVxlan::Link));
            data.extend(remote.map(|remote| match remote {
                IpAddr::V4(remote) => InfoVxlan::Group(remote),
                IpAddr::V6(remote) => InfoVxlan::Group6(remote),
            }));
            data.extend(local.map(|local| match local {
                IpAddr::V4(local) => InfoVxlan::Local(local),
                IpAddr::V6(local) => InfoVxlan::Local6(local),
            }));
            (InfoKind::Vxlan, Some(InfoData::Vxlan(data)), None)
        }
    };
    let mut builder = LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(kind).name(new.name.clone());
    builder = basics(builder, new.mac, new.mtu);
    if let Some(parent) = maybe_index(handle, parent).await? {
        builder = builder.link(parent);
    }
    if let Some(data) = data {
        builder = builder.set_info_data(data);
    }
    Ok(builder.build())
}

fn basics(mut builder: LinkMessageBuilder<LinkUnspec>, mac: Option<Mac>, mtu: Option<u32>) -> LinkMessageBuilder<LinkUnspec> {
    if let Some(mac) = mac {
        builder = builder.address(mac.to_vec());
    }
    if let Some(mtu) = mtu {
        builder = builder.mtu(mtu);
    }
    builder
}

/// `RTM_NEWLINK` on a device that exists. `target` is the namespace that it moves to.
pub fn set(namespace: Option<BorrowedFd<'_>>, name: &str, change: &Change, target: Option<BorrowedFd<'_>>) -> Result<()> {
    session(namespace, async |handle| {
        let mut builder = LinkUnspec::new_with_index(index(&handle, name).await?);
        builder = basics(builder, change.mac, change.mtu);
        builder = match change.up {
            Some(true) => builder.up(),
            Some(false) => builder.down(),
            None => builder,
        };
        if let Some(name) = &change.name {
            builder = builder.name(name.clone());
        }
        if let Some(master) = &change.master {
            builder = builder.controller(maybe_index(&handle, master.as_ref()).await?.unwrap_or(0));
        }
        if let Some(alias) = &change.alias {
            builder = builder.alias(alias.clone());
        }
        if let Some(txqlen) = change.txqlen {
            builder = builder.txqueuelen(txqlen);
        }
        if let Some(target) = target {
            builder = builder.setns_by_fd(target.as_raw_fd());
        }
        handle.link().change(builder.build()).execute().await.map_err(errno)
    })
}

/// `RTM_DELLINK`: a veth's other end goes with it.
pub fn delete(namespace: Option<BorrowedFd<'_>>, name: &str) -> Result<()> {
    session(namespace, async |handle| {
        let index = index(&handle, name).await?;
        handle.link().del(index).execute().await.map_err(errno)
    })
}

/// Every device of a namespace, by index.
pub fn list(namespace: Option<BorrowedFd<'_>>) -> Result<Vec<Row>> {
    session(namespace, async |handle| rows(&handle).await)
}

pub(super) async fn rows(handle: &Handle) -> Result<Vec<Row>> {
    let messages: Vec<LinkMessage> = handle.link().get().execute().try_collect().await.map_err(errno)?;
    let mut rows: Vec<Row> = messages.iter().map(row).collect();
    rows.sort_by_key(|row| row.index);
    Ok(rows)
}

fn row(message: &LinkMessage) -> Row {
    let mut row = Row { index: message.header.index, up: message.header.flags.contains(LinkFlags::Up), ..Row::default() };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => row.name.clone_from(name),
            LinkAttribute::Address(mac) => row.mac = Some(show_mac(mac)),
            LinkAttribute::Mtu(mtu) => row.mtu = *mtu,
            LinkAttribute::OperState(state) => row.state = format!("{state:?}").to_lowercase(),
            LinkAttribute::Controller(index) => row.master = Some(*index),
            LinkAttribute::Link(index) => row.link = Some(*index),
            LinkAttribute::LinkNetNsId(_) => row.link_elsewhere = true,
            LinkAttribute::IfAlias(alias) => row.alias = Some(alias.clone()),
            LinkAttribute::TxQueueLen(length) => row.txqlen = *length,
            LinkAttribute::LinkInfo(infos) => {
                row.kind = infos.iter().find_map(|info| if let LinkInfo::Kind(kind) = info { Some(kind.to_string()) } else { None });
            }
            _ => {}
        }
    }
    row
}

/// The index of a device in the caller's own namespace, if there is one of that name.
#[must_use]
pub fn index_here(name: &str) -> Option<u32> {
    let name = std::ffi::CString::new(name).ok()?;
    // SAFETY: the string ends in a NUL byte and outlives the call.
    let index = unsafe { nix::libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// `02:00:00:00:00:01`
#[must_use]
pub fn show_mac(mac: &[u8]) -> String {
    mac.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}
