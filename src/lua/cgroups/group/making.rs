//! Making a group and setting its limits: everything or nothing.
//!
//! On v1 a directory in each hierarchy; on v2 the groups above must share out the controllers
//! first, from the top down. A failure takes back what was made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::place::{Part, join};
use super::super::usable::{find, has_on_v1, may_make, why_not};
use super::{Cgroup, refuse};
use crate::kernel::cgroups::limits::Limits;
use crate::kernel::cgroups::{Call, kept, removal};
use crate::lua::Host;
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle;
use crate::sys::cgroups::layout::{Hierarchy, available};
use crate::sys::cgroups::{self as sys_cgroups, Version};

impl Cgroup {
    /// Makes what is missing of the group and sets the limits.
    pub fn apply(&self, host: &Host, limits: &Limits, lift: bool) -> Outcome<()> {
        host.cgroups.look_again();
        let result = self.make_and_set(host, limits, lift);
        host.cgroups.look_again();
        result
    }

    fn make_and_set(&self, host: &Host, limits: &Limits, lift: bool) -> Outcome<()> {
        let wanted = limits.controllers();
        let mut parts = self.parts.borrow().clone();
        let have = parts.len();
        for hierarchy in self.needed(host, &wanted, limits.everywhere)? {
            if !parts.iter().any(|part| part.mount == hierarchy.mount) {
                let dir = self.spot.dir(&hierarchy.mount).ok_or_else(|| not_shown(hierarchy))?;
                parts.push(Part::of(hierarchy, dir));
            }
        }
        for part in &parts {
            if !host.cgroups.has_made(&part.dir) && host.cgroups.is_there(&part.dir) {
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
            self.make(host, &parts, new, limits, lift).and_then(|()| calls.into_iter().try_for_each(|call| host.run(call).map(drop)));
        if result.is_err() {
            self.take_back(host, new);
            self.parts.replace(before);
        }
        result
    }

    /// The hierarchies that the controllers need, and the one that stops and kills.
    fn needed(&self, host: &Host, controllers: &[String], everywhere: bool) -> Outcome<Vec<&Hierarchy>> {
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
        if everywhere {
            layout.hierarchies.iter().filter(|hierarchy| self.may_use(host, hierarchy)).for_each(&mut add);
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
        may_make(host, hierarchy, &dir)
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
    fn make(&self, host: &Host, parts: &[Part], new: &[Part], limits: &Limits, lift: bool) -> Outcome<()> {
        let there: BTreeSet<PathBuf> =
            new.iter().flat_map(|part| self.spot.way(&part.mount)).filter(|dir| host.cgroups.is_there(dir)).collect();
        let fresh = |dir: &Path| !there.contains(dir) && !host.cgroups.has_made(dir);
        let dirs: Vec<PathBuf> = new.iter().map(|part| part.dir.clone()).filter(|dir| fresh(dir)).collect();
        let mut above: Vec<PathBuf> = new.iter().flat_map(|part| self.spot.way(&part.mount)).filter(|dir| fresh(dir)).collect();
        above.retain(|dir| !dirs.contains(dir));
        above.dedup();
        if !dirs.is_empty() {
            // Of the groups above, the caller does not know which are made here.
            if !limits.noted || !above.is_empty() {
                let entry = handle::journal(host, kept(&dirs, self.freezer().as_deref(), &above))?;
                self.journals.borrow_mut().extend(entry);
            }
            self.mine.borrow_mut().extend(dirs);
        }
        self.above.borrow_mut().extend(above);
        for part in parts {
            let is_new = new.iter().any(|other| other.mount == part.mount);
            match part.version {
                Version::V1 if is_new => {
                    for dir in self.spot.way(&part.mount) {
                        let empty = fresh(&dir);
                        Self::make_one(host, &dir, !empty)?;
                        if empty && part.has("cpuset") {
                            host.run(Call::InheritCpuset { dir })?;
                        }
                    }
                }
                Version::V1 => {}
                Version::V2 => self.make_v2(host, part, limits, lift, (is_new, &there))?,
            }
        }
        Ok(())
    }

    fn make_one(host: &Host, dir: &Path, there: bool) -> Outcome<()> {
        if !there {
            host.cgroups.made.borrow_mut().insert(dir.to_owned());
        }
        host.run(Call::Make { dir: dir.to_owned() }).map(drop)
    }

    /// On v2 every group on the way must share out the controllers to the next.
    fn make_v2(&self, host: &Host, part: &Part, limits: &Limits, lift: bool, known: (bool, &BTreeSet<PathBuf>)) -> Outcome<()> {
        let (is_new, there) = known;
        let controllers: Vec<String> =
            limits.controllers().into_iter().filter(|name| !matches!(name.as_str(), "devices" | "cgroup")).collect();
        let controllers: Vec<String> = controllers.into_iter().filter(|name| !has_on_v1(&self.layout, name)).collect();
        if !is_new && controllers.is_empty() && !limits.everywhere {
            return Ok(());
        }
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
                enable(host, &dir, &controllers, false)?;
            }
        }
        let mut wished = match self.layout.unified() {
            _ if !limits.everywhere || self.layout.only_tracks() => Vec::new(),
            // The layout has asked for those of the process's own group.
            Some(own) if own.own.as_ref().is_some_and(|own| join(&part.mount, own) == base) => own.controllers.clone(),
            _ => available(&part.mount, &base),
        };
        wished.retain(|name| !controllers.contains(name) && !has_on_v1(&self.layout, name));
        let way = self.spot.way(&part.mount);
        let mut from = base.clone();
        for dir in way {
            if !controllers.is_empty() {
                let foreign = from != base && from.exists() && !host.cgroups.has_made(&from);
                if foreign && !contains(&shared(&from), &controllers) {
                    refuse(host, lift, &from, "sharing out controllers from it")?;
                }
                enable(host, &from, &controllers, false)?;
            }
            if !wished.is_empty()
                && !contains(&shared(&from), &wished)
                && refuse_unless_made(host, lift, &from, "sharing out controllers from it").is_ok()
            {
                enable(host, &from, &wished, true)?;
            }
            Self::make_one(host, &dir, there.contains(&dir) || host.cgroups.has_made(&dir))?;
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
}

fn enable(host: &Host, dir: &Path, controllers: &[String], lenient: bool) -> Outcome<()> {
    if !host.cgroups.has_made(dir) {
        let shared = shared(dir);
        let missing = controllers.iter().filter(|name| !shared.contains(name)).cloned();
        host.cgroups.enabled.borrow_mut().entry(dir.to_owned()).or_default().extend(missing);
    }
    host.run(Call::Enable { dir: dir.to_owned(), controllers: controllers.to_vec(), lenient }).map(drop)
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

fn not_shown(hierarchy: &Hierarchy) -> Raise {
    Raise::state(format!("{}: the mount does not show this process's own group", hierarchy.mount.display()))
        .hint("name the group from the root, with a leading /, or mount the hierarchy again in this cgroup namespace")
}
