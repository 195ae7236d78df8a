//! Addresses of network devices, IPv4 and IPv6.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::BorrowedFd;
use std::str::FromStr;

use futures_util::TryStreamExt;
use rtnetlink::AddressMessageBuilder;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};

use super::{errno, links, session};
use crate::sys::Result;

/// An address with the length of its network's prefix: `10.0.0.2/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The address.
    pub address: IpAddr,
    /// 0 to 32, or to 128.
    pub prefix: u8,
}

impl Cidr {
    /// The address with every bit behind the prefix cleared.
    #[must_use]
    pub fn network(self) -> Self {
        let address = match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() & mask).into()
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
        };
        Self { address, prefix: self.prefix }
    }

    /// Whether it is an IPv6 address.
    #[must_use]
    pub fn is_v6(self) -> bool {
        self.address.is_ipv6()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (address, prefix) =
            text.split_once('/').ok_or_else(|| format!("expected ADDRESS/PREFIX such as \"10.0.0.2/24\", got {text:?}"))?;
        let address: IpAddr = address.parse().map_err(|_| format!("{address:?} is neither an IPv4 nor an IPv6 address"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        match prefix.parse() {
            Ok(prefix) if digits && prefix <= most => Ok(Self { address, prefix }),
            _ => Err(format!("expected a prefix length from 0 to {most} after the slash, got {prefix:?}")),
        }
    }
}

/// An address as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The device's name.
    pub link: String,
    /// The address.
    pub address: Cidr,
    /// The other end's address, on a point-to-point device.
    pub peer: Option<IpAddr>,
    /// `universe`, `link`, `host` …
    pub scope: String,
    /// `permanent`, `tentative`, `dadfailed`, `nodad` …
    pub flags: Vec<String>,
}

async fn message(handle: &rtnetlink::Handle, link: &str, address: Cidr) -> Result<AddressMessage> {
    let index = links::index(handle, link).await?;
    Ok(match address.address {
        IpAddr::V4(v4) => AddressMessageBuilder::<Ipv4Addr>::new().index(index).address(v4, address.prefix).build(),
        IpAddr::V6(v6) => AddressMessageBuilder::<Ipv6Addr>::new().index(index).address(v6, address.prefix).build(),
    })
}

/// `RTM_NEWADDR`. With `nodad` an IPv6 address is usable at once, without asking the network
/// whether somebody has it (duplicate address detection takes a second or two).
pub fn add(namespace: Option<BorrowedFd<'_>>, link: &str, address: Cidr, nodad: bool) -> Result<()> {
    session(namespace, async |handle| {
        let mut message = message(&handle, link, address).await?;
        if nodad {
            message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        let mut request = handle.address().add(0, address.address, address.prefix);
        *request.message_mut() = message;
        request.execute().await.map_err(errno)
    })
}

/// `RTM_DELADDR`
pub fn delete(namespace: Option<BorrowedFd<'_>>, link: &str, address: Cidr) -> Result<()> {
    session(namespace, async |handle| {
        let message = message(&handle, link, address).await?;
        handle.address().del(message).execute().await.map_err(errno)
    })
}

/// Every address of a namespace, as the kernel orders them.
pub fn list(namespace: Option<BorrowedFd<'_>>) -> Result<Vec<Row>> {
    session(namespace, async |handle| {
        let links = links::rows(&handle).await?;
        let messages: Vec<AddressMessage> = handle.address().get().execute().try_collect().await.map_err(errno)?;
        let name = |index| links.iter().find(|link| link.index == index).map_or_else(String::new, |link| link.name.clone());
        Ok(messages.iter().filter_map(|message| row(message, name(message.header.index))).collect())
    })
}

fn row(message: &AddressMessage, link: String) -> Option<Row> {
    let (mut address, mut local) = (None, None);
    let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(ip) => address = Some(*ip),
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Flags(all) => flags = *all,
            _ => {}
        }
    }
    if !matches!(message.header.family, AddressFamily::Inet | AddressFamily::Inet6) {
        return None;
    }
    // IFA_LOCAL is this end where both are given; IFA_ADDRESS is then the other (rtnetlink(7)).
    let own = local.or(address)?;
    Some(Row {
        link,
        address: Cidr { address: own, prefix: message.header.prefix_len },
        peer: address.filter(|address| *address != own),
        scope: message.header.scope.to_string(),
        flags: flags.iter_names().map(|(name, _)| name.to_lowercase()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_addresses_are_refused() {
        for text in
            ["", "10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/+8", "10.0.0/24", "fd00::/129", "fd00:::1/64", "::1/ 8", "1.2.3.4/-1"]
        {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_has_no_host_bits() {
        for (text, network) in
            [("10.1.2.3/8", "10.0.0.0/8"), ("10.1.2.3/0", "0.0.0.0/0"), ("fd00::1:2/64", "fd00::/64"), ("::1/128", "::1/128")]
        {
            assert_eq!(text.parse::<Cidr>().map(|cidr| cidr.network().to_string()), Ok(network.to_owned()));
        }
    }
}
