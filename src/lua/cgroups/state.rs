//! What the host program remembers of control groups: where they are, and what it has changed.
//!
//! The guard asks here whether a group is the script's own. The place that a process starts from
//! is remembered as well, because `/proc/self/cgroup` tells it only until the process has moved.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::place::Part;
use crate::kernel::Kinds;
use crate::kernel::cgroups::Call;
use crate::lua::Host;
use crate::lua::error::{Outcome, Raise};
use crate::sys::cgroups::Version;
use crate::sys::cgroups::layout::{Hierarchy, Layout};
use crate::sys::fork;

#[derive(Default)]
pub struct State {
    /// The layout, with the process and the namespaces that it was read in.
    layout: RefCell<Option<(u32, Kinds, Rc<Layout>)>>,
    /// Where this process was started, by the hierarchy's mount, where that is known better than
    /// from `/proc/self/cgroup`: a child that starts in a group.
    stand: RefCell<BTreeMap<PathBuf, PathBuf>>,
    /// The directories that this script has made.
    pub(super) made: RefCell<BTreeSet<PathBuf>>,
    /// The controllers that this script has enabled in groups that it has not made.
    pub(super) enabled: RefCell<BTreeMap<PathBuf, BTreeSet<String>>>,
    /// The places in v1's freezer that this script has frozen.
    pub(super) frozen: RefCell<Vec<PathBuf>>,
    /// Directories that were seen not to be there, until the group is made.
    absent: RefCell<BTreeSet<PathBuf>>,
    /// What [`State::has_all_rights`] has found, and in which process.
    rights: Cell<Option<(u32, bool)>>,
    /// How many planned children deep the script stands.
    pub(super) planned: Cell<u32>,
}

impl State {
    /// The layout, read once in each process and mount namespace.
    pub fn layout(&self, host: &Host) -> Outcome<Rc<Layout>> {
        let key = (fork::own_pid(), host.guard.left() & Kinds::MNT);
        if let Some((pid, kinds, layout)) = &*self.layout.borrow()
            && (*pid, *kinds) == key
        {
            return Ok(Rc::clone(layout));
        }
        self.read_layout(host)
    }

    /// The layout as it is now, which is then the one that [`State::layout`] answers.
    pub fn read_layout(&self, host: &Host) -> Outcome<Rc<Layout>> {
        let key = (fork::own_pid(), host.guard.left() & Kinds::MNT);
        let mut cache = self.layout.borrow_mut();
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

    /// Whether this process is root with all rights over files, in the first user namespace.
    pub fn has_all_rights(&self) -> bool {
        let pid = fork::own_pid();
        if let Some((asked, answer)) = self.rights.get()
            && asked == pid
        {
            return answer;
        }
        // The kernel's number of that namespace (PROC_USER_INIT_INO), the same since Linux 3.8.
        let first = || std::fs::metadata("/proc/self/ns/user").is_ok_and(|found| found.ino() == 0xefff_fffd);
        let answer = caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_DAC_OVERRIDE).unwrap_or(false) && first();
        self.rights.set(Some((pid, answer)));
        answer
    }

    /// Takes note that a directory is not there, so that it need not be looked for again.
    pub fn note_absent(&self, dir: &Path) {
        self.absent.borrow_mut().insert(dir.to_owned());
    }

    /// Whether a directory is there.
    pub fn is_there(&self, dir: &Path) -> bool {
        !self.absent.borrow().contains(dir) && dir.exists()
    }

    /// Forgets what [`State::note_absent`] was told.
    pub fn look_again(&self) {
        self.absent.borrow_mut().clear();
    }

    /// Whether this script has made a directory.
    pub fn has_made(&self, dir: &Path) -> bool {
        self.made.borrow().contains(dir)
    }
}
