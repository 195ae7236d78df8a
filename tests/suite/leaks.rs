//! What a test may leave behind: nothing. Compares the machine before and after.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The environment variable by which a test's processes are known.
pub const MARK: &str = "CRUN_LUA_TEST_MARK";

/// What the name of a test's own directory starts with.
pub const PLACE: &str = "crun-lua-test";

/// What the groups of another half of the suite are called, which `tests/aside.sh` runs at the same
/// time: what is in them is its own to find.
const ASIDE: &str = "crun-lua-aside.";

/// What the groups of a box are called (`tests/box.sh`), of this suite or of somebody else's run: it is
/// removed with all that is in it, or it is what is left.
const BOX: &str = "crun-lua-box-";

/// What a program could leave: mounts, cgroups, links, named namespaces, temporary files.
#[derive(Debug)]
pub struct Snapshot {
    found: BTreeSet<String>,
    /// The processes that were there before: none of them can be the test's. To read the environment
    /// of each of them after every test is what a run of the suite would spend most on.
    elders: HashSet<i32>,
}

impl Snapshot {
    pub fn take() -> Self {
        let mut found = BTreeSet::new();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        found.extend(mounts.lines().filter(|line| !is_netns_dir(line)).map(|line| format!("mount {line}")));
        for own in own_cgroups() {
            cgroups(&own, 0, &mut found);
        }
        for (what, dir) in [("link", "/sys/class/net"), ("namespace", "/run/netns"), ("file", "/tmp"), ("file", "/run/crun-lua")] {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                // /tmp has other users: only what carries this program's name counts, and of that
                // not the places of this harness, which another run may be making and removing.
                let name = entry.file_name().to_string_lossy().into_owned();
                let counts = if dir == "/tmp" { name.contains("crun-lua") } else { !is_bare(&entry.path()) };
                if !name.starts_with(PLACE) && counts {
                    found.insert(format!("{what} {}", entry.path().display()));
                }
            }
        }
        Self { found, elders: pids().into_iter().collect() }
    }

    /// What is there now and was not before, and the processes that carry `mark`.
    ///
    /// A cgroup or a network namespace may take the kernel a moment to remove.
    pub fn left_behind(&self, mark: &str, place: &Path) -> Vec<String> {
        self.left_of(mark, place, &|_| true, &Vec::new)
    }

    /// The same where others make things of their own meanwhile: only what is `mine` counts, and
    /// `more` tells what else there is to look at.
    pub fn left_of(&self, mark: &str, place: &Path, mine: &dyn Fn(&str) -> bool, more: &dyn Fn() -> Vec<String>) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let now = Self::take();
            let mut left: Vec<String> = now.found.difference(&self.found).cloned().collect();
            left.extend(self.found.difference(&now.found).map(|what| format!("(gone) {what}")));
            left.retain(|what| mine(what));
            left.extend(processes(mark, &self.elders));
            left.extend(files(place));
            left.extend(more());
            if left.is_empty() || Instant::now() > deadline {
                return left;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether a line of mountinfo is the directory of named network namespaces, mounted on itself. Whoever
/// makes the first name on a machine, `ip netns add` too, makes this mount, and it stays for good, as
/// `ip` has it: it belongs to the machine, and no test's end can be told by it. The names in there are
/// looked at one by one.
fn is_netns_dir(line: &str) -> bool {
    let mut fields = line.split(' ').skip(3);
    let (root, place) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    ["/run/netns", "/var/run/netns"].contains(&place) && root.ends_with("/netns")
}

/// What is in a place's directories, but for compiled filters: these are kept, for the next start.
fn files(place: &Path) -> Vec<String> {
    let entries = ["tmp", "state"].into_iter().flat_map(|dir| fs::read_dir(place.join(dir)).into_iter().flatten().flatten());
    let left = entries.filter(|entry| entry.file_name() != "seccomp-cache" && !is_bare(&entry.path()));
    left.map(|entry| format!("file {}", entry.path().display())).collect()
}

/// Whether a directory of the state is empty but for the file of a lock, which has to stay: whoever
/// removed it could hold the lock together with one who has opened it before.
fn is_bare(path: &Path) -> bool {
    let shared = ["journal", "containers", "network"].iter().any(|name| path.ends_with(name));
    let mut entries = fs::read_dir(path).into_iter().flatten().flatten();
    shared && path.is_dir() && entries.all(|entry| entry.file_name() == "lock")
}

/// Where this process stands in each hierarchy: groups elsewhere are made by others at any time.
fn own_cgroups() -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mount = Path::new("/sys/fs/cgroup");
    let unified = if mount.join("cgroup.controllers").exists() { mount.to_owned() } else { mount.join("unified") };
    let place = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let name = controllers.strip_prefix("name=").unwrap_or(controllers);
        let root = if name.is_empty() { unified.clone() } else { mount.join(name) };
        Some(root.join(path.trim_start_matches('/')))
    };
    text.lines().filter_map(place).collect()
}

fn cgroups(dir: &Path, depth: usize, found: &mut BTreeSet<String>) {
    if depth > 4 {
        return;
    }
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(ASIDE) && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.insert(format!("cgroup {}", entry.path().display()));
            if !name.starts_with(BOX) {
                cgroups(&entry.path(), depth + 1, found);
            }
        }
    }
}

/// Processes whose environment has the mark; zombies have none and belong to their parents.
fn processes(mark: &str, elders: &HashSet<i32>) -> Vec<String> {
    let name = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let young = pids().into_iter().filter(|pid| !elders.contains(pid) && has_mark(*pid, mark));
    young.map(|pid| format!("process {pid} ({})", name(&pid).trim())).collect()
}

/// Their numbers.
pub fn marked(mark: &str) -> Vec<i32> {
    pids().into_iter().filter(|pid| has_mark(*pid, mark)).collect()
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn has_mark(pid: i32, mark: &str) -> bool {
    let wanted = format!("{MARK}={mark}");
    let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environ.split(|byte| *byte == 0).any(|item| item == wanted.as_bytes())
}
