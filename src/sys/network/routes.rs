//! Routes, IPv4 and IPv6.

use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use futures_util::TryStreamExt;
use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType};

use super::addresses::Cidr;
use super::{errno, links, session};
use crate::sys::{Errno, Result};

/// A route to be added or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it leads; prefix 0 is the default route of that family.
    pub to: Cidr,
    /// The next router.
    pub via: Option<IpAddr>,
    /// The device that packets leave by.
    pub dev: Option<String>,
    /// Of two routes to the same place the one with the smaller metric wins.
    pub metric: Option<u32>,
    /// The source address of packets that have none yet.
    pub src: Option<IpAddr>,
    /// The table; 254 is `main`.
    pub table: Option<u32>,
}

/// A route as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it leads.
    pub to: Cidr,
    /// The next router.
    pub via: Option<IpAddr>,
    /// The device's name.
    pub dev: Option<String>,
    /// The metric.
    pub metric: Option<u32>,
    /// The preferred source address.
    pub src: Option<IpAddr>,
    /// The table; 254 is `main`, 255 `local`.
    pub table: u32,
    /// Who has made it: `kernel`, `boot`, `static` …
    pub protocol: String,
    /// `universe`, `link`, `host` …
    pub scope: String,
    /// `unicast`, `local`, `blackhole` …
    pub kind: String,
}

async fn message(handle: &rtnetlink::Handle, route: &Route) -> Result<RouteMessageBuilder<IpAddr>> {
    let invalid = |_| Errno::EINVAL;
    let mut builder = RouteMessageBuilder::<IpAddr>::new().destination_prefix(route.to.address, route.to.prefix).map_err(invalid)?;
    if let Some(via) = route.via {
        builder = builder.gateway(via).map_err(invalid)?;
    }
    if let Some(dev) = &route.dev {
        builder = builder.output_interface(links::index(handle, dev).await?);
    }
    if let Some(metric) = route.metric {
        builder = builder.priority(metric);
    }
    if let Some(src) = route.src {
        builder = builder.pref_source(src).map_err(invalid)?;
    }
    if let Some(table) = route.table {
        builder = builder.table_id(table);
    }
    Ok(builder)
}

/// `RTM_NEWROUTE` with `NLM_F_CREATE|NLM_F_EXCL`, as `ip route add` fills it in.
pub fn add(namespace: Option<BorrowedFd<'_>>, route: &Route) -> Result<()> {
    session(namespace, async |handle| {
        // Without a router the destination is on the link itself; the kernel wants to be told.
        let scope = if route.via.is_none() && !route.to.is_v6() { RouteScope::Link } else { RouteScope::Universe };
        let message = message(&handle, route).await?.protocol(RouteProtocol::Boot).scope(scope).build();
        handle.route().add(message).execute().await.map_err(errno)
    })
}

/// `RTM_DELROUTE`: removes the first route that fits everything that is given.
pub fn delete(namespace: Option<BorrowedFd<'_>>, route: &Route) -> Result<()> {
    session(namespace, async |handle| {
        let builder = message(&handle, route).await?;
        let message = builder.protocol(RouteProtocol::Unspec).scope(RouteScope::NoWhere).kind(RouteType::Unspec).build();
        handle.route().del(message).execute().await.map_err(errno)
    })
}

/// Every route of every table of a namespace, IPv4 first.
pub fn list(namespace: Option<BorrowedFd<'_>>) -> Result<Vec<Row>> {
    session(namespace, async |handle| {
        let links = links::rows(&handle).await?;
        let name = |index| links.iter().find(|link| link.index == index).map(|link| link.name.clone());
        let mut rows = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut wanted = RouteMessage::default();
            wanted.header.address_family = family;
            let found: Vec<RouteMessage> = match handle.route().get(wanted).execute().try_collect().await.map_err(errno) {
                // A kernel without IPv6 has no routes of it.
                Err(Errno::EAFNOSUPPORT | Errno::EOPNOTSUPP) => Vec::new(),
                found => found?,
            };
            rows.extend(found.iter().map(|message| row(message, name)));
        }
        Ok(rows)
    })
}

fn row(message: &RouteMessage, name: impl Fn(u32) -> Option<String>) -> Row {
    let ip = |address: &RouteAddress| match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    };
    let header = &message.header;
    let any: IpAddr = if header.address_family == AddressFamily::Inet { [0_u8; 4].into() } else { [0_u8; 16].into() };
    let mut row = Row {
        to: Cidr { address: any, prefix: header.destination_prefix_length },
        via: None,
        dev: None,
        metric: None,
        src: None,
        table: u32::from(header.table),
        protocol: format!("{:?}", header.protocol).to_lowercase(),
        scope: format!("{:?}", header.scope).to_lowercase(),
        kind: format!("{:?}", header.kind).to_lowercase(),
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => row.to.address = ip(address).unwrap_or(any),
            RouteAttribute::Gateway(address) => row.via = ip(address),
            RouteAttribute::Oif(index) => row.dev = name(*index),
            RouteAttribute::Priority(metric) => row.metric = Some(*metric),
            RouteAttribute::PrefSource(address) => row.src = ip(address),
            RouteAttribute::Table(table) => row.table = *table,
            _ => {}
        }
    }
    row
}
