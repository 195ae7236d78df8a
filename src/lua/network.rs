//! Network devices, addresses, routes, named network namespaces, NAT: what they have in common.
//!
//! Every primitive of this topic has the option `ns`: another network namespace to work in, given
//! as a process, a number, a name or a path. What would change a device that the script has not
//! made is refused while the process stands in the host's network namespace.

use std::os::fd::AsFd;
use std::path::PathBuf;

use mlua::{ObjectLike, Value};

use super::Host;
use super::args::{Args, Fields};
use super::error::{Outcome, Raise};
use super::handle::{Handle, kind_of};
use super::processes::Process;
use super::types::{PID, Param, Type, may};
use crate::kernel::Kinds;
use crate::kernel::network::Place;
use crate::sys::network::addresses::Cidr;
use crate::sys::network::links::Mac;
use crate::sys::{self, Fd, Pid};

pub mod addresses;
mod link;
pub mod links;
mod making;
pub mod netem;
pub mod netns;
pub mod nftables;

use link::Link;
use netns::Netns;

/// A network namespace: a process, its number, a name in `/run/netns`, a path, or a handle of one.
pub const NS: Type =
    Type::Either(&[PID, Type::Path, Type::Handle("process"), Type::Handle("netns"), Type::Handle("namespace"), Type::Handle("pin")]);
/// A device: its name, or its handle.
pub const LINK: Type = Type::Either(&[Type::Text, Type::Handle("link")]);
/// One address, or several.
pub const ADDRESSES: Type = Type::Either(&[Type::Text, Type::List(&Type::Text)]);

/// The option that every primitive of this topic has.
pub const AT: Param = may("ns", NS, "the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own");
/// The option that lifts the host guard.
pub const HOST: Param = may("host", Type::Boolean, "mean the host's own namespace");

/// The network namespace that an option names.
pub fn place(host: &Host, fields: &Fields, name: &str) -> Outcome<Option<Place>> {
    let value = fields.value(name);
    Ok(Some(match (kind_of(value), value) {
        (Some("process"), _) => match fields.handle::<Process>(name)? {
            Some(process) => Place::Process(process.pid().clone(), Some(process.pidfd())),
            None => return Ok(None),
        },
        (Some("netns"), _) => match fields.handle::<Netns>(name)? {
            Some(netns) => Place::Path(netns.path()),
            None => return Ok(None),
        },
        (Some("namespace"), value) => Place::Open(super::namespaces::open(host, value, name, Kinds::NET)?.fd),
        (Some("pin"), Value::UserData(pin)) => Place::Path(PathBuf::from(pin.get::<String>("path")?)),
        (_, Value::String(text)) => {
            let text = text.to_string_lossy();
            Place::Path(if text.contains('/') { PathBuf::from(text) } else { sys::network::netns::path(&netns::valid(name, &text)?) })
        }
        (_, number) => match number.as_i32() {
            Some(pid) => Place::Process(Pid::foreign(pid), None),
            None => return Ok(None),
        },
    }))
}

/// The namespace that something was made in when no other was named. A script may leave it later,
/// and must still find there what it has made.
pub struct Home(Option<Fd>);

impl Home {
    /// Where this process stands. Only the host's namespace is held open: one that the process has
    /// made itself goes with it.
    pub fn here(host: &Host) -> Self {
        const LABEL: &str = "the host's net";
        if host.guard.left().contains(Kinds::NET) {
            return Self(None);
        }
        if host.kernel().is_plan() {
            return Self(Some(Fd::planned(LABEL)));
        }
        Self(sys::network::own_namespace().ok().map(|fd| Fd::new(LABEL, fd)))
    }

    /// How to name `place` now: the caller's own namespace may be another by now.
    pub fn place(&self, host: &Host, place: Option<Place>) -> Option<Place> {
        let left = host.guard.left().contains(Kinds::NET);
        place.or_else(|| self.0.clone().filter(|_| left).map(Place::Open))
    }
}

/// Refuses to change, in the host's network namespace, what this script has not made.
pub fn guard(host: &Host, place: Option<&Place>, own: bool, options: &Fields, what: &str) -> Outcome<()> {
    if own || place.is_some_and(|place| !is_here(place)) {
        return Ok(());
    }
    host.guard(Kinds::NET, options.flag("host"), what)
}

/// Whether a place is the namespace that this process stands in, under another name.
fn is_here(place: &Place) -> bool {
    let same = || -> sys::Result<bool> {
        let (there, here) = (place.open()?, sys::network::own_namespace()?);
        Ok(sys::network::identity(there.as_fd())? == sys::network::identity(here.as_fd())?)
    };
    same().unwrap_or(false)
}

/// A device that an argument names: its name, where it is, and whether this script has made it.
pub struct Device {
    /// Its name.
    pub name: String,
    /// Its namespace; the caller's own where `None`.
    pub place: Option<Place>,
    /// The handle, where this script has made it.
    pub handle: Option<Handle>,
}

/// The device in `fields[name]`, in the namespace that `options.ns` names.
pub fn device(host: &Host, fields: &Fields, name: &str, options: &Fields) -> Outcome<Device> {
    let given = place(host, options, "ns")?;
    if let Some(link) = fields.handle::<Link>(name)? {
        return Ok(Device { name: link.name(), place: given.or_else(|| link.place(host)), handle: Handle::from_value(fields.value(name)) });
    }
    let text = valid_name(name, &fields.required_text(name))?;
    let handle = host.ledger.find::<Link>(|link| link.is(host, &text, given.as_ref()));
    Ok(Device { name: text, place: given, handle })
}

/// A device's name: 1 to 15 bytes, as the kernel takes it (`dev_valid_name`), and no pattern.
pub fn valid_name(param: &str, name: &str) -> Outcome<String> {
    let wrong = |why: String| Err(Raise::argument(format!("{param}: {name:?} {why}")));
    if name.is_empty() {
        return wrong("names no device".to_owned());
    }
    if name.len() > 15 {
        return wrong(format!("has {} bytes; a device's name has at most 15 (IFNAMSIZ)", name.len()));
    }
    if name == "." || name == ".." {
        return wrong("is not a device's name".to_owned());
    }
    match name.chars().find(|c| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':' | '%' | '\u{fffd}')) {
        Some(c) => wrong(format!("is not a device's name: it must not contain {c:?}")),
        None => Ok(name.to_owned()),
    }
}

/// An address with its prefix.
pub fn cidr(param: &str, text: &str) -> Outcome<Cidr> {
    text.parse().map_err(|reason: String| Raise::argument(format!("{param}: {reason}")))
}

/// An address without prefix.
pub fn ip(fields: &Fields, name: &str) -> Outcome<Option<std::net::IpAddr>> {
    let Some(text) = fields.text(name) else { return Ok(None) };
    let wrong = |_| Raise::argument(format!("{name}: expected an IPv4 or IPv6 address without prefix, got {text:?}"));
    text.parse().map(Some).map_err(wrong)
}

/// One address or several, each with its prefix.
pub fn cidrs(fields: &Fields, name: &str) -> Outcome<Vec<Cidr>> {
    match fields.text(name) {
        Some(text) => Ok(vec![cidr(name, &text)?]),
        None => fields.texts(name).iter().map(|text| cidr(name, text)).collect(),
    }
}

/// A hardware address: `02:00:00:00:00:01`.
pub fn mac(fields: &Fields, name: &str) -> Outcome<Option<Mac>> {
    let Some(text) = fields.text(name) else { return Ok(None) };
    let byte = |part: &str| if part.len() == 2 { u8::from_str_radix(part, 16).ok() } else { None };
    let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
    let wrong = || Raise::argument(format!("{name}: expected a hardware address such as \"02:00:00:00:00:01\", got {text:?}"));
    let mac: Mac = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)?;
    if mac[0] & 1 == 1 {
        return Err(Raise::argument(format!("{name}: {text:?} is a multicast address; the first byte of a device's own is even")));
    }
    Ok(Some(mac))
}

/// Reads a list from the namespace that the option `ns` names.
fn read<T>(args: &Args, what: &str, list: impl FnOnce(Option<std::os::fd::BorrowedFd<'_>>) -> sys::Result<T>) -> Outcome<T> {
    let place = place(args.host, &args.options("options")?, "ns")?;
    let failed = |errno| {
        let at = place.as_ref().map_or_else(String::new, |place| format!(" in {place}"));
        Raise::read(format!("sendto(<NETLINK_ROUTE{at}>, {{RTM_{}, NLM_F_DUMP}})", what.to_uppercase()), errno)
    };
    let opened = place.as_ref().map(Place::open).transpose().map_err(failed)?;
    list(opened.as_ref().map(AsFd::as_fd)).map_err(failed)
}
