//! A control group as a handle: what it consists of, entering it, removing it.
//!
//! A group is one name and a directory in each hierarchy that it needs. On v2 that is one; on v1
//! one for each controller that was asked for, and the freezer, which is where a group is stopped
//! and killed. Everything that can be known is judged before the first directory is made, and
//! what was made is removed again when a later step fails.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use mlua::{Lua, Value};

use super::events::Notice;
use super::place::{Part, Spot, entrance, join};
use crate::kernel::cgroups::{Call, removal};
use crate::kernel::{Kinds, Reply};
use crate::lua::Host;
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle::Resource;
use crate::sys::cgroups::Version;
use crate::sys::cgroups::layout::{Hierarchy, Layout, available};
use crate::sys::{Errno, Fd};

mod making;

/// A control group.
pub struct Cgroup {
    layout: Rc<Layout>,
    spot: Spot,
    name: String,
    /// Its places.
    pub parts: RefCell<Vec<Part>>,
    /// Directories on the way there that this handle has made.
    above: RefCell<Vec<PathBuf>>,
    /// Its directories that this handle has made, and removes.
    mine: RefCell<Vec<PathBuf>>,
    journals: RefCell<Vec<u64>>,
    /// The files through which the process goes back to where it was before it entered.
    origin: RefCell<Vec<PathBuf>>,
    /// Counters of events that were told already.
    pub seen: RefCell<BTreeMap<String, u64>>,
    /// Notice of OOM kills, once it was asked for.
    pub(super) notice: RefCell<Option<Notice>>,
}

impl Cgroup {
    /// A group of this name that is to be made.
    pub fn named(host: &Host, name: &str) -> Outcome<Self> {
        let layout = host.cgroups.layout(host)?;
        let spot = Spot::named(host, &layout, name)?;
        Ok(Self::at(layout, spot, name.to_owned()))
    }

    fn at(layout: Rc<Layout>, spot: Spot, name: String) -> Self {
        Self {
            layout,
            spot,
            name,
            parts: RefCell::default(),
            above: RefCell::default(),
            mine: RefCell::default(),
            journals: RefCell::default(),
            origin: RefCell::default(),
            seen: RefCell::default(),
            notice: RefCell::default(),
        }
    }

    /// A group below this one that is to be made.
    pub fn child(&self, name: &str) -> Outcome<Self> {
        let name = name.trim_start_matches('/');
        let full = format!("{}/{name}", self.name.trim_end_matches('/'));
        Ok(Self::at(Rc::clone(&self.layout), self.spot.below(name)?, full))
    }

    /// A group that is there, at these places.
    pub fn existing(layout: &Rc<Layout>, name: &str, places: impl Iterator<Item = (Hierarchy, PathBuf)>) -> Self {
        let mut spot = Spot::default();
        let mut parts = Vec::new();
        for (hierarchy, below) in places {
            let mut part = Part::of(&hierarchy, join(&hierarchy.mount, &below));
            if part.version == Version::V2 && !layout.only_tracks() {
                // The hierarchy tells of this process's own group; another one may have more.
                part.controllers = available(&part.mount, &part.dir);
            }
            parts.push(part);
            spot.bases.push((hierarchy.mount, below));
        }
        let group = Self::at(Rc::clone(layout), spot, name.to_owned());
        group.parts.replace(parts);
        group
    }

    /// The group's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The part that has a controller, by v2's name.
    pub fn part(&self, controller: &str) -> Option<Part> {
        let parts = self.parts.borrow();
        let found = parts.iter().find(|part| part.has(controller));
        // v2 has no controller of devices: every group has them. Files of the core are there too.
        let core = || parts.iter().find(|part| part.version == Version::V2 && matches!(controller, "devices" | "cgroup"));
        found.or_else(core).cloned()
    }

    /// The part where the group is frozen and killed.
    pub fn core(&self) -> Option<Part> {
        let parts = self.parts.borrow();
        parts.iter().find(|part| part.version == Version::V2).or_else(|| parts.iter().find(|part| part.has("freezer"))).cloned()
    }

    /// Whether this handle has made all of its directories.
    pub fn is_new(&self) -> bool {
        self.mine.borrow().len() == self.parts.borrow().len()
    }

    /// All directories.
    pub fn dirs(&self) -> Vec<PathBuf> {
        self.parts.borrow().iter().map(|part| part.dir.clone()).collect()
    }

    /// The group's place in v1's freezer hierarchy.
    pub fn freezer(&self) -> Option<PathBuf> {
        self.parts.borrow().iter().find(|part| part.version == Version::V1 && part.has("freezer")).map(|part| part.dir.clone())
    }

    /// Refuses to change what this script has not made.
    pub fn guard(&self, host: &Host, lift: bool, what: &str) -> Outcome<()> {
        let foreign = self.dirs().into_iter().find(|dir| !host.cgroups.has_made(dir));
        foreign.map_or(Ok(()), |dir| refuse(host, lift, &dir, what))
    }

    fn write_off(&self, host: &Host) {
        for number in self.journals.take() {
            // A line too many in the journal makes gc look for what is gone: harmless.
            let _ = host.journal.gone(number);
        }
    }

    /// Opens what a child needs to start in the group: a directory for `clone3` (v2), files to
    /// write to (v1).
    pub fn open(&self, host: &Host) -> Outcome<(Option<Fd>, Vec<Fd>)> {
        let (mut into, mut files) = (None, Vec::new());
        for part in self.parts.borrow().iter() {
            match part.version {
                Version::V2 => into = Some(host.run(Call::Open { path: part.dir.clone(), write: false })?.into_fd()?),
                Version::V1 => files.push(host.run(Call::Open { path: part.entrance(), write: true })?.into_fd()?),
            }
        }
        Ok((into, files))
    }

    /// Moves the calling process in, and remembers where it was.
    pub fn enter(&self, host: &Host) -> Outcome<()> {
        let mut origin = Vec::new();
        for part in self.parts.borrow().iter() {
            let hierarchy = self.layout.hierarchies.iter().find(|hierarchy| hierarchy.mount == part.mount);
            let own = hierarchy.and_then(|hierarchy| host.cgroups.own(hierarchy));
            let result = move_self(host, part.entrance());
            if let Err(error) = result {
                for file in origin.into_iter().rev() {
                    let _ = move_self(host, file);
                }
                return Err(error);
            }
            origin.extend(own.map(|own| entrance(part.version, &join(&part.mount, &own))));
        }
        if host.cgroups.planned.get() == 0 {
            self.origin.replace(origin);
        }
        Ok(())
    }

    /// Moves the calling process back to where it was before it entered.
    fn leave(&self, host: &Host) -> Outcome<()> {
        for file in self.origin.take() {
            if let Some(dir) = file.parent()
                && let Some(controllers) = host.cgroups.enabled.borrow_mut().remove(dir)
                && dir.file_name().is_some()
                && !self.layout.hierarchies.iter().any(|hierarchy| hierarchy.mount == dir)
            {
                // A v2 group that shares out controllers takes no processes back.
                host.run(Call::Disable { dir: dir.to_owned(), controllers: controllers.into_iter().collect() })?;
            }
            move_self(host, file)?;
        }
        Ok(())
    }

    /// Whether the calling process has entered by this handle.
    pub fn is_entered(&self) -> bool {
        !self.origin.borrow().is_empty()
    }

    /// Kills the members and removes the group, with those below it.
    pub fn remove(&self, host: &Host) -> Outcome<()> {
        self.mine.take();
        self.remove_dirs(host, &self.dirs())
    }

    fn remove_dirs(&self, host: &Host, dirs: &[PathBuf]) -> Outcome<()> {
        self.leave(host)?;
        let above = self.above.borrow().clone();
        for call in removal(dirs, self.freezer().filter(|dir| dirs.contains(dir)), &above) {
            host.run(call)?;
        }
        host.cgroups.frozen.borrow_mut().retain(|frozen| !dirs.iter().any(|dir| frozen.starts_with(dir)));
        host.cgroups.made.borrow_mut().retain(|made| !above.contains(made) && !dirs.iter().any(|dir| made.starts_with(dir)));
        self.above.take();
        self.write_off(host);
        Ok(())
    }
}

impl Resource for Cgroup {
    fn kind(&self) -> &'static str {
        "cgroup"
    }

    fn describe(&self) -> String {
        format!("cgroup {}", self.name)
    }

    fn fields(&self) -> &'static [&'static str] {
        &["name", "version", "path", "paths", "dirs", "made", "above", "layout"]
    }

    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value> {
        let text = |text: &str| lua.create_string(text).map(Value::String);
        let path = |part: &Part| part.dir.display().to_string();
        match name {
            "name" => text(&self.name),
            "version" => text(if self.core().is_some_and(|part| part.version == Version::V2) { "v2" } else { "v1" }),
            "path" => self.core().or_else(|| self.parts.borrow().first().cloned()).map_or(Ok(Value::Nil), |part| text(&path(&part))),
            "layout" => text(self.layout.kind()),
            "dirs" => list(lua, &self.dirs()),
            "made" => list(lua, &self.mine.borrow()),
            "above" => list(lua, &self.above.borrow()),
            _ => {
                let table = lua.create_table()?;
                for part in self.parts.borrow().iter() {
                    if part.version == Version::V2 {
                        table.raw_set("unified", path(part))?;
                    }
                    for controller in &part.controllers {
                        table.raw_set(controller.as_str(), path(part))?;
                    }
                }
                Ok(Value::Table(table))
            }
        }
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        let mine = self.mine.take();
        if mine.is_empty() {
            return self.leave(host);
        }
        let removed = self.remove_dirs(host, &mine);
        if removed.is_err() {
            self.mine.replace(mine);
        }
        removed
    }

    fn kept(&self, host: &Host) {
        self.write_off(host);
    }

    fn lasting(&self) -> bool {
        !self.mine.borrow().is_empty() || self.is_entered()
    }
}

fn list(lua: &Lua, dirs: &[PathBuf]) -> mlua::Result<Value> {
    lua.create_sequence_from(dirs.iter().map(|dir| dir.display().to_string())).map(Value::Table)
}

/// The descriptor of a call that opens.
pub(super) trait IntoFd {
    fn into_fd(self) -> Outcome<Fd>;
}

impl IntoFd for Reply {
    fn into_fd(self) -> Outcome<Fd> {
        self.fd().map_err(|errno| Raise::read("open", errno))
    }
}

fn move_self(host: &Host, file: PathBuf) -> Outcome<()> {
    let file = host.run(Call::Open { path: file, write: true })?.into_fd()?;
    host.run(Call::Enter { file }).map(drop)
}

/// The host guard of this topic: groups of others.
fn refuse(host: &Host, lift: bool, dir: &Path, what: &str) -> Outcome<()> {
    if lift || host.guard.allows(Kinds::CGROUP | Kinds::MNT) {
        return Ok(());
    }
    Err(Raise::state(format!("{}: this process has not made the group; {what} would change the host", dir.display()))
        .hint("choose another name, or say { host = true } (or --allow-host) to mean it"))
}

/// What a failed read of a group's file means here.
pub fn read_error(path: &Path, errno: Errno) -> Raise {
    Raise::read(format!("open(\"{}\", O_RDONLY)", path.display()), errno)
}
