//! Handles: what a script holds of the kernel's objects, and closes.
//!
//! Every handle is one userdata type around a [`Resource`]. It closes with `<close>`, with
//! `close()`, or when the script ends; closing twice is fine; a handle that was inherited through
//! a fork does nothing in the child. `keep()` gives the object up: it stays when the script ends.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::os::fd::RawFd;
use std::rc::{Rc, Weak};

use mlua::{Lua, MetaMethod, UserData, UserDataFields, UserDataMethods, Value};

use super::Host;
use super::error::{Outcome, Raise};
use super::table::Primitive;
use super::types::did_you_mean;
use crate::kernel::Kept;

/// What a handle is around: one object of the kernel's.
pub trait Resource: Any {
    /// The word for it in messages, and the prefix of its methods in the table of primitives.
    fn kind(&self) -> &'static str;

    /// The object's name as the kernel has it: `cgroup /demo`, `pid 4242`.
    fn describe(&self) -> String;

    /// The names that [`Resource::field`] answers.
    fn fields(&self) -> &'static [&'static str];

    /// A plain value of the object.
    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value>;

    /// Removes what was made, in the process that made it. Called once; again where it has
    /// failed and something would stay.
    fn close(&self, host: &Host) -> Outcome<()>;

    /// Told that the script has given the object up: what its kind has journalled is written off.
    fn kept(&self, host: &Host) {
        let _ = host;
    }

    /// Told that a planned child has closed its copy, which leaves this one open.
    fn reopened(&self) {}

    /// The number of a descriptor that a forked child closes, because it is the parent's alone: a
    /// lock. Whoever closes the resource says so to [`Ledger::not_private`].
    fn private(&self) -> Option<RawFd> {
        None
    }

    /// Whether something stays outside of this process unless it is closed: asked again and
    /// again, so that a process that has been reaped says no.
    fn lasting(&self) -> bool {
        true
    }
}

struct Inner {
    resource: Box<dyn Resource>,
    owner: u32,
    closed: Cell<bool>,
    kept: Cell<bool>,
    journal: Cell<Option<u64>>,
}

/// The userdata: shared, so that the ledger can close what a script forgot.
#[derive(Clone)]
pub struct Handle(Rc<Inner>);

/// The kind of a handle in a Lua value, if it is one.
#[must_use]
pub fn kind_of(value: &Value) -> Option<&'static str> {
    let Value::UserData(data) = value else { return None };
    data.borrow::<Handle>().ok().map(|handle| handle.0.resource.kind())
}

impl Handle {
    /// The handle in a Lua value.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        let Value::UserData(data) = value else { return None };
        data.borrow::<Handle>().ok().map(|handle| handle.clone())
    }

    /// The word for the kind of object.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.0.resource.kind()
    }

    /// The names of its plain values.
    #[must_use]
    pub fn fields(&self) -> &'static [&'static str] {
        self.0.resource.fields()
    }

    /// The resource behind the handle, while it is open.
    pub fn open<T: Resource>(&self) -> Outcome<Held<T>> {
        if self.0.closed.get() {
            return Err(Raise::state(format!("{} is closed", self.0.resource.describe())));
        }
        self.any()
    }

    /// The resource behind the handle, closed or not.
    pub fn any<T: Resource>(&self) -> Outcome<Held<T>> {
        let any: &dyn Any = &*self.0.resource;
        if any.is::<T>() {
            return Ok(Held { inner: Rc::clone(&self.0), kind: std::marker::PhantomData });
        }
        Err(Raise::argument(format!("expected another kind of handle, got {}", self.0.resource.describe())))
    }

    /// Whether `close()` has been called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.closed.get()
    }

    /// Whether the object was given up with `keep()`.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.0.kept.get()
    }

    /// Closes the object, and only in the process that made it: once, or until it is gone where it
    /// would outlive the process.
    pub fn close(&self, host: &Host) -> Outcome<()> {
        // A line that goes on in a box closes nothing here.
        if self.0.closed.get() || self.0.owner != crate::sys::fork::own_pid() || host.boxes.has_moved() {
            return Ok(());
        }
        self.0.closed.set(true);
        if self.0.kept.get() {
            return Ok(());
        }
        let closed = self.0.resource.close(host);
        // What would stay outside is still there: a second close is another try.
        let left = closed.is_err() && self.0.resource.lasting();
        self.0.closed.set(!left);
        if closed.is_ok() {
            self.written_off(host);
        }
        closed
    }

    /// After a planned child: what it has closed was a copy of its own.
    pub fn reopen(&self) {
        if self.0.closed.replace(false) {
            self.0.resource.reopened();
        }
    }

    /// Gives the object up: nothing removes it any more.
    pub fn keep(&self, host: &Host) {
        if !self.0.kept.replace(true) && self.0.owner == crate::sys::fork::own_pid() {
            self.0.resource.kept(host);
            self.written_off(host);
        }
    }

    /// Lets another entry of the journal stand for the object: it has been renamed, or moved.
    pub fn rejournal(&self, host: &Host, journal: Option<u64>) {
        self.written_off(host);
        self.0.journal.set(journal);
        if self.0.kept.get() {
            self.written_off(host);
        }
    }

    fn written_off(&self, host: &Host) {
        if let Some(number) = self.0.journal.take()
            && let Err(error) = host.journal.gone(number)
        {
            crate::sys::complain(format_args!("the journal cannot be written: {error}"));
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.resource.describe())
    }
}

/// A resource that is held while it is used.
pub struct Held<T> {
    inner: Rc<Inner>,
    kind: std::marker::PhantomData<T>,
}

impl<T: Resource> Deref for Held<T> {
    type Target = T;
    fn deref(&self) -> &T {
        let any: &dyn Any = &*self.inner.resource;
        match any.downcast_ref() {
            Some(resource) => resource,
            // `Handle::any` is the only maker of a `Held` and has just asked.
            None => unreachable!("the kind was checked when the handle was taken"),
        }
    }
}

/// The open handles of this process, in the order in which they were made.
#[derive(Default)]
pub struct Ledger {
    open: RefCell<Vec<Entry>>,
    /// Descriptors that a forked child closes.
    private: RefCell<Vec<RawFd>>,
    /// In a child: the handles of its parent, which the child never closes. They stay as they are:
    /// to touch each of thousands would copy the memory that they lie in.
    inherited: RefCell<Vec<Vec<Entry>>>,
    /// How long the list may grow before it is swept.
    limit: Cell<usize>,
    crowded: Cell<bool>,
}

/// So many handles are never worth a collection.
const FEW: usize = 64;

/// What lasts is held, so that it is closed at the script's end even when Lua has collected its
/// handle; anything else goes when Lua lets it go.
enum Entry {
    Held(Handle),
    Seen(Weak<Inner>),
}

impl Entry {
    fn handle(self) -> Option<Handle> {
        match self {
            Self::Held(handle) => Some(handle),
            Self::Seen(weak) => weak.upgrade().map(Handle),
        }
    }
}

impl Ledger {
    /// Makes the handle of a resource. `journal` is the number of what the journal was told before.
    pub fn adopt(&self, resource: impl Resource, journal: Option<u64>) -> Handle {
        let handle = self.apart(resource, journal);
        self.enter(&handle);
        handle
    }

    /// The same for whoever closes the handle before anything else is made, thousands of times: it is not
    /// in the list until [`Ledger::enter`].
    pub fn apart(&self, resource: impl Resource, journal: Option<u64>) -> Handle {
        let inner = Inner {
            resource: Box::new(resource),
            owner: crate::sys::fork::own_pid(),
            closed: Cell::new(false),
            kept: Cell::new(false),
            journal: Cell::new(journal),
        };
        Handle(Rc::new(inner))
    }

    /// Puts a handle into the list of those that are closed at the end.
    pub fn enter(&self, handle: &Handle) {
        let lasting = handle.0.resource.lasting();
        self.private.borrow_mut().extend(handle.0.resource.private());
        if self.open.borrow().len() >= self.limit.get().max(FEW) {
            self.crowded.set(true);
        }
        let entry = if lasting { Entry::Held(handle.clone()) } else { Entry::Seen(Rc::downgrade(&handle.0)) };
        self.open.borrow_mut().push(entry);
    }

    /// The open handle of a lasting object that is of this type and passes the test.
    pub fn find<T: Resource>(&self, test: impl Fn(&T) -> bool) -> Option<Handle> {
        let (open, inherited) = (self.open.borrow(), self.inherited.borrow());
        let all = open.iter().chain(inherited.iter().flatten());
        let held = all.filter_map(|entry| if let Entry::Held(handle) = entry { Some(handle) } else { None });
        held.filter(|handle| !handle.is_closed()).find(|handle| handle.any::<T>().is_ok_and(|resource| test(&resource))).cloned()
    }

    /// All lasting objects of this type that are open.
    pub fn all<T: Resource>(&self) -> Vec<Held<T>> {
        let open = self.open.borrow();
        let held = open.iter().filter_map(|entry| if let Entry::Held(handle) = entry { Some(handle) } else { None });
        held.filter(|handle| !handle.is_closed()).filter_map(|handle| handle.any::<T>().ok()).collect()
    }

    /// What is open at this moment, for [`Handle::reopen`].
    pub fn opened(&self) -> Vec<Handle> {
        let one = |entry: &Entry| match entry {
            Entry::Held(handle) => Some(handle.clone()),
            Entry::Seen(weak) => weak.upgrade().map(Handle),
        };
        self.open.borrow().iter().filter_map(one).filter(|handle| !handle.is_closed()).collect()
    }

    /// A descriptor that a forked child closes.
    pub fn private(&self, number: RawFd) {
        self.private.borrow_mut().push(number);
    }

    /// A private descriptor is closed, or kept for good.
    pub fn not_private(&self, number: RawFd) {
        self.private.borrow_mut().retain(|other| *other != number);
    }

    /// In a forked child: lets go of what is the parent's alone.
    pub fn forked(&self) {
        self.private.take().into_iter().for_each(crate::sys::state::close_copy);
        self.inherited.borrow_mut().push(self.open.take());
        self.limit.set(FEW);
    }

    /// Closes everything that is open, last made first, and answers what could not be closed.
    pub fn close_all(&self, host: &Host) -> Vec<Raise> {
        let mut failures = Vec::new();
        // One at a time: closing may make Lua collect, and collecting may look here.
        while let Some(entry) = { self.open.borrow_mut().pop() } {
            if let Some(handle) = entry.handle()
                && let Err(failure) = handle.close(host)
            {
                failures.push(failure);
            }
        }
        failures
    }

    /// Whether so much has been made that it is time to collect and to sweep; asked once.
    ///
    /// To Lua a handle weighs a few bytes, so its collector does not see that descriptors run out.
    pub fn take_crowded(&self) -> bool {
        self.crowded.replace(false)
    }

    /// Lets go of what needs no closing any more: a script that makes many things does not grow.
    pub fn sweep(&self) {
        let open = self.open.take();
        let wanted = |entry: Entry| match entry {
            Entry::Held(handle) if handle.0.closed.get() || handle.0.kept.get() => None,
            Entry::Held(handle) if !handle.0.resource.lasting() => Some(Entry::Seen(Rc::downgrade(&handle.0))),
            Entry::Seen(weak) if weak.strong_count() == 0 => None,
            other => Some(other),
        };
        let mut left: Vec<Entry> = open.into_iter().filter_map(wanted).collect();
        // What was made while the list was out comes after.
        left.append(&mut self.open.borrow_mut());
        self.limit.set(2 * left.len() + FEW);
        self.open.replace(left);
    }
}

impl UserData for Handle {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        fields.add_meta_field("__name", "handle");
        // The prelude's wrapper, so that a failing close raises an error object.
        fields.add_meta_field_with(MetaMethod::Close, |lua| lua.named_registry_value::<mlua::Function>("crun_lua.close"));
    }

    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::Index, |lua, this, key: mlua::LuaString| {
            let key = key.to_string_lossy();
            let resource = &this.0.resource;
            if resource.fields().contains(&key.as_str()) {
                return resource.field(lua, &key);
            }
            if key == "closed" {
                return Ok(Value::Boolean(this.0.closed.get()));
            }
            let methods: mlua::Table = lua.named_registry_value("crun_lua.methods")?;
            let made: Option<mlua::Table> = methods.raw_get(resource.kind())?;
            if let Some(method) = made.map(|made| made.raw_get::<Option<Value>>(key.as_str())).transpose()?.flatten() {
                return Ok(method);
            }
            let method_of: mlua::Function = lua.named_registry_value("crun_lua.method")?;
            let method: Value = method_of.call((resource.kind(), key.as_str()))?;
            if !method.is_nil() {
                return Ok(method);
            }
            let all = super::table::all().into_iter().flat_map(|(_, list)| list).filter_map(Primitive::method);
            let methods = all.filter(|(kind, _)| ["handle", resource.kind()].contains(kind)).map(|(_, name)| name);
            let names: Vec<_> = resource.fields().iter().copied().chain(methods).collect();
            let near = did_you_mean(&key, names.iter().copied());
            let known = if near.is_empty() { format!("; it has {}", names.join(", ")) } else { near };
            Err(mlua::Error::runtime(format!("{} has no field \"{key}\"{known}", resource.describe())))
        });
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| {
            let state = if this.0.closed.get() { " (closed)" } else { "" };
            Ok(format!("{}{state}", this.0.resource.describe()))
        });
        methods.add_meta_method(MetaMethod::Eq, |_, this, other: mlua::UserDataRef<Handle>| Ok(Rc::ptr_eq(&this.0, &other.0)));
    }
}

/// Writes down what is about to be made. A plan makes nothing, so it writes nothing; in a root of
/// a container's the state directory is out of reach, and what is made is its namespaces'.
pub fn journal(host: &Host, kept: Kept) -> Outcome<Option<u64>> {
    if host.kernel().is_plan() || !crate::kernel::root_is_the_first() {
        return Ok(None);
    }
    let written = host.journal.made(kept);
    written.map(Some).map_err(|error| {
        Raise::state(format!("the journal cannot be written: {error}")).hint("set CRUN_LUA_STATE to a directory of your own")
    })
}
