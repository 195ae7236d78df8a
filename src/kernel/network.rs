//! Network devices, addresses, routes, named network namespaces, nftables.
//!
//! A call names devices and namespaces as the script did. Indexes and descriptors, which no two
//! runs share, are found out when it is executed; so a plan holds the very calls of a live run.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use serde_json::Value;

use super::{Fact, Lesson, Reply, Request, Shell, journal};
use crate::sys::network::addresses::{self, Cidr};
use crate::sys::network::links::{self, Change, NewLink};
use crate::sys::network::routes::{self, Route};
use crate::sys::network::{self, netns, nftables};
use crate::sys::{self, Errno, Fd, Pid};

mod display;
mod hints;
mod lesson;
mod netem;
mod shell;

pub use netem::Netem;

/// A network namespace as a script names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// That of a process. With a descriptor of the process its number cannot mean another by now.
    Process(Pid, Option<Fd>),
    /// One that a file stands for: `/run/netns/NAME`, `/proc/PID/ns/net`.
    Path(PathBuf),
    /// One that is open.
    Open(Fd),
}

impl Place {
    /// Opens it.
    pub fn open(&self) -> sys::Result<OwnedFd> {
        match self {
            Self::Process(pid, pidfd) => {
                let raw = pid.raw()?;
                let namespace = network::open_namespace(format!("/proc/{raw}/ns/net")).map_err(|errno| match errno {
                    Errno::ENOENT => Errno::ESRCH,
                    other => other,
                })?;
                if let Some(pidfd) = pidfd {
                    // ESRCH where the process is gone, and the number perhaps another's.
                    sys::processes::signal(pidfd.get()?, 0)?;
                }
                Ok(namespace)
            }
            Self::Path(path) => network::open_namespace(path),
            Self::Open(fd) => fd.get()?.try_clone_to_owned().map_err(sys::files::errno),
        }
    }
}

/// The words of a program that failed. They are no part of what was asked for.
#[derive(Clone, Debug, Default)]
pub struct Words(std::rc::Rc<std::cell::RefCell<String>>);

impl PartialEq for Words {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Words {}

/// A change of this topic. `ns` is the network namespace; the caller's own where `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `RTM_NEWLINK`, creating.
    LinkAdd {
        /// Where the device is made.
        ns: Option<Place>,
        /// The device.
        link: NewLink,
        /// Where a veth's other end is made.
        peer_ns: Option<Place>,
    },
    /// `RTM_NEWLINK`, changing.
    LinkSet {
        /// Where the device is.
        ns: Option<Place>,
        /// Its name.
        name: String,
        /// What changes.
        change: Change,
        /// Where it moves to.
        to: Option<Place>,
    },
    /// `RTM_DELLINK`
    LinkDelete {
        /// Where the device is.
        ns: Option<Place>,
        /// Its name.
        name: String,
    },
    /// `RTM_NEWADDR`
    AddressAdd {
        /// Where the device is.
        ns: Option<Place>,
        /// The device.
        link: String,
        /// The address.
        address: Cidr,
        /// Without duplicate address detection (IPv6).
        nodad: bool,
    },
    /// `RTM_DELADDR`
    AddressDelete {
        /// Where the device is.
        ns: Option<Place>,
        /// The device.
        link: String,
        /// The address.
        address: Cidr,
    },
    /// `RTM_NEWROUTE`
    RouteAdd {
        /// Whose table.
        ns: Option<Place>,
        /// The route.
        route: Route,
    },
    /// `RTM_DELROUTE`
    RouteDelete {
        /// Whose table.
        ns: Option<Place>,
        /// What fits this is removed.
        route: Route,
    },
    /// `SIOCSIFFLAGS` on `lo`
    LoopbackUp {
        /// Whose.
        ns: Option<Place>,
    },
    /// A write below `/proc/sys/net` of another namespace.
    Parameter {
        /// Whose.
        ns: Place,
        /// `net.ipv4.ip_forward`
        name: String,
        /// What is written.
        value: String,
    },
    /// `unshare(2)`, and a mount of the new namespace on a file.
    NetnsAdd {
        /// The file's name.
        name: String,
    },
    /// `umount2(2)` and `unlink(2)` of such a file.
    NetnsDelete {
        /// The file's name.
        name: String,
    },
    /// A run of the program `nft`.
    Nft {
        /// Whose tables.
        ns: Option<Place>,
        /// The program; none where it is not installed.
        program: Option<PathBuf>,
        /// Whether the ruleset is JSON.
        json: bool,
        /// What it reads.
        ruleset: String,
        /// What it said when it failed.
        words: Words,
    },
    /// A run of the program `tc`.
    Netem {
        /// Where the device is.
        ns: Option<Place>,
        /// The program; none where it is not installed.
        program: Option<PathBuf>,
        /// The device.
        link: String,
        /// What it does to its packets; nothing any more where there is none.
        settings: Option<Netem>,
        /// What it said when it failed.
        words: Words,
    },
}

/// An open namespace, or the caller's own.
struct Opened(Option<OwnedFd>);

impl Opened {
    fn of(place: Option<&Place>) -> sys::Result<Self> {
        place.map(Place::open).transpose().map(Self)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }
}

impl Call {
    fn ns(&self) -> Option<&Place> {
        match self {
            Self::LinkAdd { ns, .. }
            | Self::LinkSet { ns, .. }
            | Self::LinkDelete { ns, .. }
            | Self::AddressAdd { ns, .. }
            | Self::AddressDelete { ns, .. }
            | Self::RouteAdd { ns, .. }
            | Self::RouteDelete { ns, .. }
            | Self::LoopbackUp { ns }
            | Self::Netem { ns, .. }
            | Self::Nft { ns, .. } => ns.as_ref(),
            Self::Parameter { ns, .. } => Some(ns),
            Self::NetnsAdd { .. } | Self::NetnsDelete { .. } => None,
        }
    }

    /// The device whose state shows the effect.
    fn device(&self) -> Option<&str> {
        match self {
            Self::LinkAdd { link, .. } => Some(&link.name),
            Self::LinkSet { name, .. } | Self::LinkDelete { name, .. } => Some(name),
            Self::AddressAdd { link, .. } | Self::AddressDelete { link, .. } => Some(link),
            Self::LoopbackUp { .. } => Some("lo"),
            _ => None,
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        let opened = Opened::of(self.ns())?;
        let ns = opened.fd();
        match self {
            Self::LinkAdd { link, peer_ns, .. } => links::add(ns, link, Opened::of(peer_ns.as_ref())?.fd())?,
            Self::LinkSet { name, change, to, .. } => links::set(ns, name, change, Opened::of(to.as_ref())?.fd())?,
            Self::LinkDelete { name, .. } => links::delete(ns, name)?,
            Self::AddressAdd { link, address, nodad, .. } => addresses::add(ns, link, *address, *nodad)?,
            Self::AddressDelete { link, address, .. } => addresses::delete(ns, link, *address)?,
            Self::RouteAdd { route, .. } => routes::add(ns, route)?,
            Self::RouteDelete { route, .. } => routes::delete(ns, route)?,
            Self::LoopbackUp { .. } => network::loopback_up(ns)?,
            Self::Parameter { name, value, .. } => network::set_parameter(ns, name, value)?,
            Self::NetnsAdd { name } => netns::add(name)?,
            Self::NetnsDelete { name } => netns::delete(name)?,
            Self::Netem { program, link, settings, words, .. } => {
                let program = program.as_ref().ok_or(Errno::ENOENT)?;
                network::netem::apply(ns, program, &netem::arguments(link, settings.as_ref())).map_err(|(errno, said)| {
                    words.0.replace(said);
                    errno
                })?;
            }
            Self::Nft { program, json, ruleset, words, .. } => {
                let program = program.as_ref().ok_or(Errno::ENOENT)?;
                nftables::apply(ns, program, *json, ruleset).map_err(|(errno, said)| {
                    words.0.replace(said);
                    errno
                })?;
            }
        }
        Ok(Reply::Done)
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn shell(&self) -> Shell {
        shell::command(self)
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::NetnsAdd { .. } | Self::NetnsDelete { .. } => {
                vec![("names in /run/netns".to_owned(), netns::list().unwrap_or_default().join(" "))]
            }
            _ => facts(self).unwrap_or_default(),
        }
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        hints::hint(self, errno)
    }
}

/// The device, its addresses, or the routes, as the namespace has them at this moment.
fn facts(call: &Call) -> sys::Result<Vec<Fact>> {
    let opened = Opened::of(call.ns())?;
    let ns = opened.fd();
    if matches!(call, Call::RouteAdd { .. } | Call::RouteDelete { .. }) {
        let rows = routes::list(ns)?.into_iter().filter(|row| row.table == 254);
        return Ok(rows.map(|row| (format!("route {}", row.to), row.via.map_or_else(String::new, |via| format!("via {via}")))).collect());
    }
    let Some(name) = call.device() else { return Ok(Vec::new()) };
    let Some(row) = links::list(ns)?.into_iter().find(|row| row.name == name) else { return Ok(Vec::new()) };
    let up = if row.up { "up" } else { "down" };
    let state = format!("{up} mtu {} {}", row.mtu, row.mac.unwrap_or_default());
    let mut facts = vec![(format!("link {name}"), state)];
    let addresses = addresses::list(ns)?.into_iter().filter(|row| row.link == name);
    facts.extend(addresses.map(|row| (format!("address {}", row.address), name.to_owned())));
    Ok(facts)
}

/// The calls that remove a device that a dead process has left.
///
/// The index says which device it is, whatever it is called by now; a later device of the same
/// name has another. Only an owner that died while it made the device has not written it down.
pub fn undo_link(what: &Value) -> Vec<super::Call> {
    let ns = journal::path_of(&what["path"]).map(Place::Path);
    if ns.is_none() && what["netns"].as_str() != namespace_name().as_deref() {
        return Vec::new();
    }
    let rows = Opened::of(ns.as_ref()).and_then(|opened| links::list(opened.fd())).unwrap_or_default();
    let row = match what["index"].as_u64() {
        Some(index) => rows.into_iter().find(|row| u64::from(row.index) == index),
        None => rows.into_iter().find(|row| what["name"].as_str() == Some(&row.name)),
    };
    row.map(|row| Call::LinkDelete { ns, name: row.name }.into()).into_iter().collect()
}

/// The calls that remove a named network namespace.
pub fn undo_netns(what: &Value) -> Vec<super::Call> {
    what.as_str().map(|name| Call::NetnsDelete { name: name.to_owned() }.into()).into_iter().collect()
}

/// The calls that remove a table of nftables.
pub fn undo_table(what: &Value) -> Vec<super::Call> {
    let (Some(family), Some(table)) = (what["family"].as_str(), what["table"].as_str()) else { return Vec::new() };
    let ns = journal::path_of(&what["path"]).map(Place::Path);
    if ns.is_none() && what["netns"].as_str() != namespace_name().as_deref() {
        return Vec::new();
    }
    vec![nft(ns, false, format!("delete table {family} {table}\n")).into()]
}

/// A run of `nft`, where the machine has it.
#[must_use]
pub fn nft(ns: Option<Place>, json: bool, ruleset: String) -> Call {
    Call::Nft { ns, program: nftables::program(), json, ruleset, words: Words::default() }
}

/// A run of `tc`, where the machine has it.
#[must_use]
pub fn shape(ns: Option<Place>, link: String, settings: Option<Netem>) -> Call {
    Call::Netem { ns, program: network::netem::program(), link, settings, words: Words::default() }
}

/// `net:[4026531840]`: the caller's network namespace, as the kernel names it.
#[must_use]
pub fn namespace_name() -> Option<String> {
    fs::read_link("/proc/self/ns/net").ok().map(|target| target.to_string_lossy().into_owned())
}
