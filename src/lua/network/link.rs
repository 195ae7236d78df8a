//! The handle of a network device, and what the journal knows of it.

use std::cell::RefCell;

use mlua::{Lua, Value};
use serde_json::json;

use super::Home;
use crate::kernel::network::{Call, Place, namespace_name};
use crate::kernel::{Kept, Kinds, journal};
use crate::lua::Host;
use crate::lua::error::Outcome;
use crate::lua::handle::{self, Handle, Resource};
use crate::sys::network::links;
use crate::sys::{self, Errno};

/// A device that this script has made. It knows where the device is now.
pub struct Link {
    /// Its name.
    pub name: RefCell<String>,
    /// Its namespace; the caller's own where `None`.
    pub place: RefCell<Option<Place>>,
    /// A veth's other end: its name, and where it was made.
    pub peer: Option<(String, Option<Place>)>,
    /// What `None` means as a place.
    pub home: Home,
}

impl Link {
    /// The name that the device has now.
    pub fn name(&self) -> String {
        self.name.borrow().clone()
    }

    /// The namespace that the device is in now.
    pub fn place(&self, host: &Host) -> Option<Place> {
        self.home.place(host, self.place.borrow().clone())
    }

    /// Whether this is the device of that name in that namespace, or its other end.
    pub fn is(&self, host: &Host, name: &str, place: Option<&Place>) -> bool {
        let this = *self.name.borrow() == name && self.place(host).as_ref() == place;
        let other = |(peer, there): &(String, Option<Place>)| peer == name && self.home.place(host, there.clone()).as_ref() == place;
        this || self.peer.as_ref().is_some_and(other)
    }

    /// Whether this name is that of the handle's own end.
    pub fn is_end(&self, name: &str) -> bool {
        *self.name.borrow() == name
    }

    /// Takes note of a new name or place, unless it was the other end's.
    pub fn follow(&self, host: &Host, handle: &Handle, old: &str, name: Option<String>, to: Option<Place>) -> Outcome<()> {
        if !self.is_end(old) {
            return Ok(());
        }
        if let Some(name) = name {
            self.name.replace(name);
        }
        if to.is_some() {
            self.place.replace(to);
        }
        let (name, place) = (self.name(), self.place.borrow().clone());
        let index = if place.is_none() { links::index_here(&name) } else { None };
        handle.rejournal(host, journal(host, &name, place.as_ref(), index)?);
        Ok(())
    }
}

impl Resource for Link {
    fn kind(&self) -> &'static str {
        "link"
    }

    fn describe(&self) -> String {
        format!("link {}", self.name.borrow())
    }

    fn fields(&self) -> &'static [&'static str] {
        &["name", "peer"]
    }

    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value> {
        let text = if name == "name" { Some(self.name()) } else { self.peer.as_ref().map(|(peer, _)| peer.clone()) };
        text.map_or(Ok(Value::Nil), |text| lua.create_string(text).map(Value::String))
    }

    /// A device that went with its namespace, or with its other end, is gone as it should be.
    fn close(&self, host: &Host) -> Outcome<()> {
        match host.run(Call::LinkDelete { ns: self.place(host), name: self.name() }) {
            Err(failure) if matches!(failure.errno(), Some(Errno::ENODEV | Errno::ESRCH | Errno::ENOENT)) => Ok(()),
            other => other.map(drop),
        }
    }
}

/// Writes down a device that would outlive this process: one in the host's network namespace, or
/// in one that a file keeps alive. One in a child's namespace goes with the child.
///
/// The index is known only once the device exists; with it, a later device of the same name is
/// not taken for this one.
pub fn journal(host: &Host, name: &str, place: Option<&Place>, index: Option<u32>) -> Outcome<Option<u64>> {
    let what = match place {
        None if host.guard.left().contains(Kinds::NET) => return Ok(None),
        None => json!({ "name": name, "netns": namespace_name(), "index": index }),
        Some(Place::Path(path)) => json!({ "name": name, "path": journal::written(path) }),
        Some(_) => return Ok(None),
    };
    handle::journal(host, Kept::new("link", what))
}

/// Takes back an entry whose object was not made.
pub fn forget(host: &Host, journal: Option<u64>) {
    if let Some(number) = journal
        && let Err(error) = host.journal.gone(number)
    {
        sys::complain(format_args!("the journal cannot be written: {error}"));
    }
}
