//! A control group as a handle: making it, what it consists of, removing it.
//!
//! A group is one name and a directory in each hierarchy that it needs. On v2 that is one; on v1
//! one for each controller that was asked for, and the freezer, which is where a group is stopped
//! and killed. Everything that can be known is judged before the first directory is made, and
//! what was made is removed again when a later step fails.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use mlua::{Lua, Value};

use crate::kernel::cgroups::limits::Limits;
use crate::kernel::cgroups::{Call, kept, removal};
use crate::kernel::{Kinds, Reply};
use crate::lua::Host;
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle::{self, Resource};
use crate::sys::cgroups::layout::{Hierarchy, Layout, available};
use crate::sys::cgroups::{self as sys_cgroups, Version};
use crate::sys::{Errno, Fd};

/// What the host program remembers of control groups.
#[derive(Default)]
pub struct State {
    /// The layout, with the process and the namespaces that it was read in.
    layout: RefCell<Option<(u32, Kinds, Rc<Layout>)>>,
    /// Where this process was started, by the hierarchy's mount, where that is known better than
    /// from `/proc/self/cgroup`: a child that starts in a group.
    stand: RefCell<BTreeMap<PathBuf, PathBuf>>,
    /// The directories that this script has made.
    made: RefCell<BTreeSet<PathBuf>>,
    /// The controllers that this script has enabled in groups that it has not made.
    enabled: RefCell<BTreeMap<PathBuf, BTreeSet<String>>>,
    /// The places in v1's freezer that this script has frozen.
    frozen: RefCell<Vec<PathBuf>>,
    /// How many planned children deep the script stands.
    planned: Cell<u32>,
}

impl State {
    /// The layout, read once in each process and mount namespace.
    pub fn layout(&self, host: &Host) -> Outcome<Rc<Layout>> {
        let key = (std::process::id(), host.guard.left() & Kinds::MNT);
        let mut cache = self.layout.borrow_mut();
        if let Some((pid, kinds, layout)) = &*cache
            && (*pid, *kinds) == key
        {
            return Ok(Rc::clone(layout));
        }
        let mut layout =
            Layout::read(Path::new("/"), "self").map_err(|errno| Raise::read("open(\"/proc/self/cgroup\", O_RDONLY)", errno))?;
        if let Some((_, _, old)) = &*cache {
            // In a cgroup namespace the mounts from before it do not show the own group any more.
            for hierarchy in layout.hierarchies.iter_mut().filter(|hierarchy| hierarchy.own.is_none()) {
                let before = old.hierarchies.iter().find(|other| other.mount == hierarchy.mount);
                hierarchy.own = before.and_then(|other| other.own.clone());
            }
        }
        let layout = Rc::new(layout);
        cache.replace((key.0, key.1, Rc::clone(&layout)));
        Ok(layout)
    }

    /// Where this process was started in a hierarchy, below its mount.
    pub fn own(&self, hierarchy: &Hierarchy) -> Option<PathBuf> {
        self.stand.borrow().get(&hierarchy.mount).cloned().or_else(|| hierarchy.own.clone())
    }

    /// Takes note that this process now starts from a group.
    pub fn stand_in(&self, parts: &[Part]) {
        for part in parts {
            if let Ok(below) = part.dir.strip_prefix(&part.mount) {
                self.stand.borrow_mut().insert(part.mount.clone(), below.to_owned());
            }
        }
    }

    /// A plan steps into a child, which may stand in a group: answers what was so before.
    pub fn step_in(&self, parts: &[Part]) -> BTreeMap<PathBuf, PathBuf> {
        let before = self.stand.borrow().clone();
        self.planned.set(self.planned.get() + 1);
        self.stand_in(parts);
        before
    }

    /// A plan is back from a child: puts back what [`State::step_in`] has answered.
    pub fn step_out(&self, before: BTreeMap<PathBuf, PathBuf>) {
        self.planned.set(self.planned.get().saturating_sub(1));
        self.stand.replace(before);
    }

    /// Takes note that a group was frozen or thawed.
    pub fn froze(&self, dir: &Path, version: Version, frozen: bool) {
        self.frozen.borrow_mut().retain(|other| other != dir);
        if frozen && version == Version::V1 {
            self.frozen.borrow_mut().push(dir.to_owned());
        }
    }

    /// Runs `wait` for the end of a process that was killed. A signal does not reach what v1 has
    /// frozen, so what this script has frozen goes on meanwhile, and is frozen again.
    pub fn unfrozen<T>(&self, host: &Host, wait: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let frozen = self.frozen.borrow().clone();
        let each = |frozen: &[PathBuf], state: bool| {
            let call = |dir: &PathBuf| Call::Freeze { dir: dir.clone(), version: Version::V1, frozen: state };
            frozen.iter().map(call).try_for_each(|call| host.run(call).map(drop))
        };
        each(&frozen, false)?;
        let result = wait();
        each(&frozen, true)?;
        result
    }

    fn has_made(&self, dir: &Path) -> bool {
        self.made.borrow().contains(dir)
    }
}

/// A group's place in one hierarchy.
#[derive(Clone, Debug)]
pub struct Part {
    /// The hierarchy's version.
    pub version: Version,
    /// The hierarchy's controllers, by the kernel's names.
    pub controllers: Vec<String>,
    /// Where the hierarchy is mounted.
    pub mount: PathBuf,
    /// The group's directory.
    pub dir: PathBuf,
}

impl Part {
    fn of(hierarchy: &Hierarchy, dir: PathBuf) -> Self {
        Self { version: hierarchy.version, controllers: hierarchy.controllers.clone(), mount: hierarchy.mount.clone(), dir }
    }

    fn has(&self, controller: &str) -> bool {
        let name = if self.version == Version::V1 && controller == "io" { "blkio" } else { controller };
        self.controllers.iter().any(|other| other == name)
    }

    /// The file through which a process moves itself.
    pub fn entrance(&self) -> PathBuf {
        entrance(self.version, &self.dir)
    }
}

fn entrance(version: Version, dir: &Path) -> PathBuf {
    dir.join(if version == Version::V1 { "tasks" } else { "cgroup.procs" })
}

/// Where a group is to be: below which group of each hierarchy, under which names.
#[derive(Clone, Debug, Default)]
pub struct Spot {
    bases: Vec<(PathBuf, PathBuf)>,
    names: Vec<String>,
}

impl Spot {
    /// The place that a name means: below the process's own group, or from the root with `/`.
    pub fn named(host: &Host, layout: &Layout, name: &str) -> Outcome<Self> {
        let absolute = name.starts_with('/');
        let names = names(name.strip_prefix('/').unwrap_or(name))?;
        let base = |hierarchy: &Hierarchy| {
            let own = if absolute { Some(PathBuf::new()) } else { host.cgroups.own(hierarchy) };
            own.map(|own| (hierarchy.mount.clone(), own))
        };
        Ok(Self { bases: layout.hierarchies.iter().filter_map(base).collect(), names })
    }

    fn below(&self, name: &str) -> Outcome<Self> {
        let mut spot = self.clone();
        spot.names.extend(names(name)?);
        Ok(spot)
    }

    fn base(&self, mount: &Path) -> Option<PathBuf> {
        self.bases.iter().find(|(other, _)| other == mount).map(|(mount, base)| join(mount, base))
    }

    fn dir(&self, mount: &Path) -> Option<PathBuf> {
        self.base(mount).map(|base| self.names.iter().fold(base, |dir, name| dir.join(name)))
    }

    /// The directories from the base, which is not among them, to the group itself.
    fn way(&self, mount: &Path) -> Vec<PathBuf> {
        let mut at = self.base(mount).unwrap_or_default();
        let step = |name: &String| {
            at.push(name);
            at.clone()
        };
        self.names.iter().map(step).collect()
    }
}

fn join(mount: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() { mount.to_owned() } else { mount.join(below) }
}

/// The parts of a name, which may not lead out of where it starts, nor be taken for a file.
fn names(name: &str) -> Outcome<Vec<String>> {
    let parts: Vec<String> = name.split('/').map(str::to_owned).collect();
    for part in &parts {
        let reason = match part.as_str() {
            "" => "is empty, or has an empty part",
            "." | ".." => "must not contain . or ..",
            "tasks" | "notify_on_release" | "release_agent" => "is the name of a file of the kernel's",
            other if other.starts_with("cgroup.") => "must not begin with \"cgroup.\", as the kernel's files do",
            other if other.contains('\n') => "must not contain a line's end",
            other if other.len() > 255 => "is longer than 255 bytes",
            _ => continue,
        };
        return Err(Raise::argument(format!("name: {name:?} {reason}")));
    }
    Ok(parts)
}

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
            parts.push(Part::of(&hierarchy, join(&hierarchy.mount, &below)));
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

    /// Makes what is missing of the group and sets the limits.
    pub fn apply(&self, host: &Host, limits: &Limits, lift: bool) -> Outcome<()> {
        let wanted = limits.controllers();
        let mut parts = self.parts.borrow().clone();
        let have = parts.len();
        for hierarchy in self.needed(host, &wanted)? {
            if !parts.iter().any(|part| part.mount == hierarchy.mount) {
                let dir = self.spot.dir(&hierarchy.mount).ok_or_else(|| not_shown(hierarchy))?;
                parts.push(Part::of(hierarchy, dir));
            }
        }
        for part in &parts {
            if part.dir.exists() && !host.cgroups.has_made(&part.dir) {
                refuse(host, lift, &part.dir, "changing it")?;
            }
        }
        let place = |name: &str| {
            let found = parts.iter().find(|part| part.has(name));
            let v2 = || parts.iter().find(|part| part.version == Version::V2);
            found.or_else(v2).map(|part| (part.version, part.dir.clone()))
        };
        let calls = limits.calls(&place).map_err(|reason| Raise::argument(format!("limits: {reason}")))?;
        let before = self.parts.replace(parts.clone());
        let new = parts.get(have..).unwrap_or_default();
        let result =
            self.make(host, &parts, new, &wanted, lift).and_then(|()| calls.into_iter().try_for_each(|call| host.run(call).map(drop)));
        if result.is_err() {
            self.take_back(host, new);
            self.parts.replace(before);
        }
        result
    }

    /// The hierarchies that the controllers need, and the one that stops and kills.
    fn needed(&self, host: &Host, controllers: &[String]) -> Outcome<Vec<&Hierarchy>> {
        let layout = &*self.layout;
        let mut found: Vec<&Hierarchy> = Vec::new();
        let mut missing = Vec::new();
        let mut add = |hierarchy| {
            if !found.contains(&hierarchy) {
                found.push(hierarchy);
            }
        };
        for name in controllers {
            let hierarchy = find(layout, name).filter(|hierarchy| self.may_use(host, hierarchy));
            match hierarchy {
                Some(hierarchy) => add(hierarchy),
                None => missing.push(name.as_str()),
            }
            if name == "cpu" {
                // Its statistics are a controller of their own on v1.
                layout.find("cpuacct").into_iter().filter(|hierarchy| self.may_use(host, hierarchy)).for_each(&mut add);
            }
        }
        if !missing.is_empty() {
            return Err(self.cannot(host, &missing));
        }
        if !found.iter().any(|hierarchy| hierarchy.version == Version::V2) {
            let core = layout.find("freezer").or(layout.unified()).or(layout.hierarchies.first());
            match core.filter(|hierarchy| self.may_use(host, hierarchy)) {
                Some(core) if !found.contains(&core) => found.push(core),
                Some(_) => {}
                None => return Err(self.cannot(host, &[])),
            }
        }
        Ok(found)
    }

    /// Whether this user may make the group in a hierarchy, or it is there already.
    fn may_use(&self, host: &Host, hierarchy: &Hierarchy) -> bool {
        if self.parts.borrow().iter().any(|part| part.mount == hierarchy.mount) {
            return true;
        }
        let Some(dir) = self.spot.dir(&hierarchy.mount) else { return false };
        may_make(host, &hierarchy.mount, &dir)
    }

    fn cannot(&self, host: &Host, missing: &[&str]) -> Raise {
        if self.layout.hierarchies.is_empty() {
            return Raise::state("no hierarchy of control groups is mounted here")
                .hint("mount(\"cgroup2\", \"/sys/fs/cgroup\", { type = \"cgroup2\" })");
        }
        let reasons: Vec<String> = missing.iter().map(|name| format!("{name} ({})", why_not(host, &self.layout, name))).collect();
        let what = if reasons.is_empty() { "make a group".to_owned() } else { format!("set the limits of {}", reasons.join(", ")) };
        Raise::state(format!("cgroup {}: this user cannot {what} here", self.name)).hint(
            "cgroup_may() lists what may be set; root may set all, and systemd delegates: `systemd-run --user --scope -p Delegate=yes`",
        )
    }

    /// Makes the directories of new parts, and enables on v2 what the limits need.
    fn make(&self, host: &Host, parts: &[Part], new: &[Part], wanted: &[String], lift: bool) -> Outcome<()> {
        let fresh = |dir: &Path| !dir.exists() && !host.cgroups.has_made(dir);
        let dirs: Vec<PathBuf> = new.iter().map(|part| part.dir.clone()).filter(|dir| fresh(dir)).collect();
        let mut above: Vec<PathBuf> = new.iter().flat_map(|part| self.spot.way(&part.mount)).filter(|dir| fresh(dir)).collect();
        above.retain(|dir| !dirs.contains(dir));
        above.dedup();
        if !dirs.is_empty() {
            let entry = handle::journal(host, kept(&dirs, self.freezer().as_deref(), &above))?;
            self.journals.borrow_mut().extend(entry);
            self.mine.borrow_mut().extend(dirs);
        }
        self.above.borrow_mut().extend(above);
        for part in parts {
            let is_new = new.iter().any(|other| other.mount == part.mount);
            match part.version {
                Version::V1 if is_new => {
                    for dir in self.spot.way(&part.mount) {
                        let own = fresh(&dir) || host.cgroups.has_made(&dir);
                        Self::make_one(host, &dir)?;
                        if own && part.has("cpuset") {
                            host.run(Call::InheritCpuset { dir })?;
                        }
                    }
                }
                Version::V1 => {}
                Version::V2 => self.make_v2(host, part, wanted, lift)?,
            }
        }
        Ok(())
    }

    fn make_one(host: &Host, dir: &Path) -> Outcome<()> {
        if !dir.exists() {
            host.cgroups.made.borrow_mut().insert(dir.to_owned());
        }
        host.run(Call::Make { dir: dir.to_owned() }).map(drop)
    }

    /// On v2 every group on the way must share out the controllers to the next.
    fn make_v2(&self, host: &Host, part: &Part, wanted: &[String], lift: bool) -> Outcome<()> {
        let controllers: Vec<String> = wanted.iter().filter(|name| !matches!(name.as_str(), "devices" | "cgroup")).cloned().collect();
        let controllers: Vec<String> = controllers.into_iter().filter(|name| !has_on_v1(&self.layout, name)).collect();
        let base = self.spot.base(&part.mount).ok_or_else(|| Raise::state("the group's place is not known"))?;
        if !controllers.is_empty() {
            let mut above = Vec::new();
            let mut at = base.clone();
            while at != part.mount && !contains(&available(&part.mount, &at), &controllers) {
                let Some(parent) = at.parent().map(Path::to_owned) else { break };
                above.push(parent.clone());
                at = parent;
            }
            for dir in above.into_iter().rev() {
                refuse_unless_made(host, lift, &dir, "sharing out controllers from it")?;
                enable(host, &dir, &controllers)?;
            }
        }
        let way = self.spot.way(&part.mount);
        let mut from = base.clone();
        for dir in way {
            if !controllers.is_empty() {
                let foreign = from != base && from.exists() && !host.cgroups.has_made(&from);
                if foreign && !contains(&shared(&from), &controllers) {
                    refuse(host, lift, &from, "sharing out controllers from it")?;
                }
                enable(host, &from, &controllers)?;
            }
            Self::make_one(host, &dir)?;
            from = dir;
        }
        Ok(())
    }

    /// Removes what a failed [`Cgroup::apply`] has made.
    fn take_back(&self, host: &Host, new: &[Part]) {
        let is_new = |dir: &PathBuf| new.iter().any(|part| part.dir == *dir);
        let (made, kept): (Vec<PathBuf>, _) = self.mine.take().into_iter().partition(is_new);
        let first = kept.is_empty();
        self.mine.replace(kept);
        let above = if first { self.above.take() } else { Vec::new() };
        if made.iter().chain(&above).any(|dir| host.cgroups.has_made(dir)) {
            for call in removal(&made, self.freezer().filter(is_new), &above) {
                // The first failure is the one to tell; this is the way back from it.
                let _ = host.run(call);
            }
        }
        host.cgroups.made.borrow_mut().retain(|dir| !made.contains(dir) && !above.contains(dir));
        if first {
            self.write_off(host);
        }
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
        let above = self.above.take();
        for call in removal(dirs, self.freezer().filter(|dir| dirs.contains(dir)), &above) {
            host.run(call)?;
        }
        host.cgroups.frozen.borrow_mut().retain(|frozen| !dirs.iter().any(|dir| frozen.starts_with(dir)));
        host.cgroups.made.borrow_mut().retain(|made| !above.contains(made) && !dirs.iter().any(|dir| made.starts_with(dir)));
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
        &["name", "version", "path", "paths"]
    }

    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value> {
        let text = |text: &str| lua.create_string(text).map(Value::String);
        let path = |part: &Part| part.dir.display().to_string();
        match name {
            "name" => text(&self.name),
            "version" => text(if self.core().is_some_and(|part| part.version == Version::V2) { "v2" } else { "v1" }),
            "path" => self.core().or_else(|| self.parts.borrow().first().cloned()).map_or(Ok(Value::Nil), |part| text(&path(&part))),
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
        if mine.is_empty() { self.leave(host) } else { self.remove_dirs(host, &mine) }
    }

    fn kept(&self, host: &Host) {
        self.write_off(host);
    }

    fn lasting(&self) -> bool {
        !self.mine.borrow().is_empty() || self.is_entered()
    }
}

/// The descriptor of a call that opens.
trait IntoFd {
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

fn enable(host: &Host, dir: &Path, controllers: &[String]) -> Outcome<()> {
    if !host.cgroups.has_made(dir) {
        let shared = shared(dir);
        let missing = controllers.iter().filter(|name| !shared.contains(name)).cloned();
        host.cgroups.enabled.borrow_mut().entry(dir.to_owned()).or_default().extend(missing);
    }
    host.run(Call::Enable { dir: dir.to_owned(), controllers: controllers.to_vec() }).map(drop)
}

fn shared(dir: &Path) -> Vec<String> {
    let text = sys_cgroups::read(&dir.join("cgroup.subtree_control")).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

fn contains(all: &[String], some: &[String]) -> bool {
    some.iter().all(|name| all.contains(name))
}

fn refuse_unless_made(host: &Host, lift: bool, dir: &Path, what: &str) -> Outcome<()> {
    if host.cgroups.has_made(dir) { Ok(()) } else { refuse(host, lift, dir, what) }
}

/// The host guard of this topic: groups of others.
fn refuse(host: &Host, lift: bool, dir: &Path, what: &str) -> Outcome<()> {
    if lift || host.guard.allows(Kinds::CGROUP | Kinds::MNT) {
        return Ok(());
    }
    Err(Raise::state(format!("{}: this process has not made the group; {what} would change the host", dir.display()))
        .hint("choose another name, or say { host = true } (or --allow-host) to mean it"))
}

fn not_shown(hierarchy: &Hierarchy) -> Raise {
    Raise::state(format!("{}: the mount does not show this process's own group", hierarchy.mount.display()))
        .hint("name the group from the root, with a leading /, or mount the hierarchy again in this cgroup namespace")
}

/// The hierarchy that has a controller: also one whose root has it and shares it out on demand.
fn find<'a>(layout: &'a Layout, controller: &str) -> Option<&'a Hierarchy> {
    let on_demand = || layout.unified().filter(|unified| available(&unified.mount, &unified.mount).iter().any(|name| name == controller));
    let core = || layout.unified().filter(|_| matches!(controller, "devices" | "cgroup"));
    layout.find(controller).or_else(on_demand).or_else(core)
}

fn has_on_v1(layout: &Layout, controller: &str) -> bool {
    layout.find(controller).is_some_and(|hierarchy| hierarchy.version == Version::V1)
}

/// Whether the caller may make a directory: the nearest that exists above it must be writable.
fn may_make(host: &Host, mount: &Path, dir: &Path) -> bool {
    let mut at = dir;
    loop {
        if host.cgroups.has_made(at) || at.exists() {
            // To set limits in a group that is there is to write its files.
            return host.cgroups.has_made(at) || sys_cgroups::writable(at) && sys_cgroups::writable(&at.join("cgroup.procs"));
        }
        match at.parent() {
            Some(parent) if at != mount => at = parent,
            _ => return false,
        }
    }
}

/// Why a controller cannot be used, in words; nothing where it can.
pub fn why_not(host: &Host, layout: &Layout, controller: &str) -> String {
    let Some(hierarchy) = find(layout, controller) else {
        return match layout.unified() {
            Some(unified) if !unified.controllers.is_empty() => "its group was not given this controller".to_owned(),
            _ => "no hierarchy has this controller".to_owned(),
        };
    };
    let Some(own) = host.cgroups.own(hierarchy) else { return "the mount does not show its own group".to_owned() };
    let dir = join(&hierarchy.mount, &own);
    if !may_make(host, &hierarchy.mount, &dir) {
        return format!("{} is not writable for it", dir.display());
    }
    String::new()
}

/// The controllers that the caller may use below its own group, by v2's names.
pub fn usable(host: &Host, layout: &Layout) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for hierarchy in &layout.hierarchies {
        for name in &hierarchy.controllers {
            let name = if name == "blkio" { "io" } else { name };
            if why_not(host, layout, name).is_empty() && !names.iter().any(|other| other == name) {
                names.push(name.to_owned());
            }
        }
    }
    let may_attach = nix::unistd::geteuid().is_root() && layout.unified().is_some();
    if may_attach && !names.iter().any(|name| name == "devices") && why_not(host, layout, "devices").is_empty() {
        names.push("devices".to_owned());
    }
    names.sort();
    names
}

/// What a failed read of a group's file means here.
pub fn read_error(path: &Path, errno: Errno) -> Raise {
    Raise::read(format!("open(\"{}\", O_RDONLY)", path.display()), errno)
}
