//! Which hierarchies of control groups there are, where, and where this process stands in them.
//!
//! Everything comes from the kernel, nothing from habit: mounts from `/proc/self/mountinfo`, the
//! process's own groups from `/proc/self/cgroup`, controllers of v2 from `cgroup.controllers`
//! (cgroups(7)). The files are read below a directory that can be given, so that recorded
//! machines can be looked at like this one.

use std::path::{Path, PathBuf};

use super::super::{Errno, Result};

/// The two generations of control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// A hierarchy for each controller, or a few.
    V1,
    /// One hierarchy for all.
    V2,
}

/// One mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Its generation.
    pub version: Version,
    /// Controllers, by the kernel's names; on v2 those that the process's own group can use, and
    /// none where it only tracks processes.
    pub controllers: Vec<String>,
    /// The name of a v1 hierarchy without controllers (`systemd`).
    pub name: Option<String>,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// Whether the mount, or its file system, is read-only.
    pub read_only: bool,
    /// The process's own group, below the mount; none where the mount does not show it.
    pub own: Option<PathBuf>,
}

/// The hierarchies of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// In the order in which they were mounted.
    pub hierarchies: Vec<Hierarchy>,
}

impl Layout {
    /// Reads the layout as the process `pid` (`self` for the caller) has it, below `root`.
    pub fn read(root: &Path, pid: &str) -> Result<Self> {
        let proc = root.join("proc").join(pid);
        let mounts = super::read_whole(&root.join("proc/self/mountinfo"))?;
        let groups = match super::read_short(&proc.join("cgroup")) {
            // A kernel without control groups has no such file, but the process must be there.
            Err(_) if proc.exists() => String::new(),
            Err(_) => return Err(Errno::ESRCH),
            Ok(text) => text,
        };
        Ok(Self::parse(root, &mounts, &groups))
    }

    fn parse(root: &Path, mounts: &str, groups: &str) -> Self {
        let groups: Vec<Group> = groups.lines().filter_map(Group::parse).collect();
        let mut found = Self::default();
        for mount in mounts.lines().filter_map(Mount::parse) {
            let Some(group) = groups.iter().find(|group| group.is_of(&mount)) else { continue };
            let own = group.below(&mount.root);
            let at = root.join(mount.point.trim_start_matches('/'));
            let version = if mount.v2 { Version::V2 } else { Version::V1 };
            let controllers = if mount.v2 {
                let dir = own.as_ref().map_or_else(|| at.clone(), |own| at.join(own));
                available(&at, &dir)
            } else {
                group.controllers.iter().filter(|name| !name.starts_with("name=")).cloned().collect()
            };
            let name = group.controllers.iter().find_map(|name| name.strip_prefix("name=")).map(str::to_owned);
            let next = Hierarchy { version, controllers, name, mount: at, read_only: mount.read_only, own };
            // A hierarchy that is mounted twice counts once: where the process's own group shows.
            let same = |other: &&mut Hierarchy| {
                other.version == version && (mount.v2 || (other.controllers == next.controllers && other.name == next.name))
            };
            match found.hierarchies.iter_mut().find(same) {
                Some(first) if first.own.is_none() && next.own.is_some() => *first = next,
                Some(_) => {}
                None => found.hierarchies.push(next),
            }
        }
        if found.only_tracks() {
            let unified = found.hierarchies.iter_mut().find(|hierarchy| hierarchy.version == Version::V2);
            if let Some(unified) = unified {
                unified.controllers.clear();
            }
        }
        found
    }

    /// Whether the v2 hierarchy is there to tell processes apart and for nothing else: v1 has the
    /// machine's limits (systemd calls this layout hybrid). A controller that v1 happens not to mount
    /// is not taken from it: shared out by its root, it could not be mounted as v1 by anyone.
    #[must_use]
    pub fn only_tracks(&self) -> bool {
        let v1 = || self.hierarchies.iter().filter(|hierarchy| hierarchy.version == Version::V1);
        self.unified().is_some() && v1().any(|hierarchy| ["memory", "cpu", "pids"].iter().any(|name| hierarchy.has(name)))
    }

    /// `v1`, `v2`, `hybrid` (both are mounted) or `none`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        let has = |version| self.hierarchies.iter().any(|hierarchy| hierarchy.version == version);
        match (has(Version::V1), has(Version::V2)) {
            (true, true) => "hybrid",
            (true, false) => "v1",
            (false, true) => "v2",
            (false, false) => "none",
        }
    }

    /// The hierarchy that has a controller; v2 calls `io` what v1 calls `blkio`.
    #[must_use]
    pub fn find(&self, controller: &str) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| hierarchy.has(controller))
    }

    /// The v2 hierarchy.
    #[must_use]
    pub fn unified(&self) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| hierarchy.version == Version::V2)
    }
}

impl Hierarchy {
    /// Whether it has a controller, by the name that v2 has for it.
    #[must_use]
    pub fn has(&self, controller: &str) -> bool {
        let name = if self.version == Version::V1 && controller == "io" { "blkio" } else { controller };
        self.controllers.iter().any(|other| other == name)
    }
}

/// The controllers that a v2 group can use; of its nearest ancestor where it does not exist yet.
#[must_use]
pub fn available(mount: &Path, dir: &Path) -> Vec<String> {
    let mut at = dir;
    loop {
        if let Ok(text) = super::read_short(&at.join("cgroup.controllers")) {
            return text.split_whitespace().map(str::to_owned).collect();
        }
        match at.parent() {
            Some(parent) if at != mount => at = parent,
            _ => return Vec::new(),
        }
    }
}

/// One line of `/proc/PID/cgroup`: `4:memory:/user`, `9:name=systemd:/`, `0::/user`.
struct Group {
    controllers: Vec<String>,
    path: String,
}

impl Group {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(3, ':');
        let (_, names, path) = (fields.next()?, fields.next()?, fields.next()?);
        let controllers = names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        // A group that was removed under its last, dead member.
        Some(Self { controllers, path: path.trim_end_matches(" (deleted)").to_owned() })
    }

    fn is_of(&self, mount: &Mount) -> bool {
        if mount.v2 {
            return self.controllers.is_empty();
        }
        !self.controllers.is_empty() && self.controllers.iter().all(|name| mount.options.iter().any(|option| option == name))
    }

    /// The group's place below a mount that shows the tree from `root` on.
    ///
    /// Both are seen from the process's cgroup namespace. A root such as `/../..` is above it: how
    /// the way down is called cannot be known from here.
    fn below(&self, root: &str) -> Option<PathBuf> {
        let rest = if root == "/" { &self.path } else { self.path.strip_prefix(root)? };
        if !rest.is_empty() && !rest.starts_with('/') || rest.split('/').any(|part| part == "..") {
            return None;
        }
        Some(PathBuf::from(rest.trim_start_matches('/')))
    }
}

/// One line of mountinfo that mounts control groups (proc_pid_mountinfo(5)).
struct Mount {
    root: String,
    point: String,
    v2: bool,
    read_only: bool,
    options: Vec<String>,
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let v2 = match right.next()? {
            "cgroup" => false,
            "cgroup2" => true,
            _ => return None,
        };
        let options: Vec<String> = right.nth(1).unwrap_or_default().split(',').map(str::to_owned).collect();
        let mut left = left.split(' ').skip(3);
        let (root, point) = (unescape(left.next()?), unescape(left.next()?));
        let read_only = left.next()?.split(',').chain(options.iter().map(String::as_str)).any(|option| option == "ro");
        Some(Self { root, point, v2, read_only, options })
    }
}

/// Mountinfo writes blanks and backslashes as three octal digits.
fn unescape(field: &str) -> String {
    let mut out = String::new();
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        if let Some(byte) = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            out.push(char::from(byte));
            rest = &after[3..];
        } else {
            out.push('\\');
            rest = after;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(name: &str) -> Result<Layout> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cgroups").join(name);
        Layout::read(&root, "self")
    }

    #[test]
    fn a_machine_without_control_groups_has_no_hierarchies() -> Result<()> {
        let layout = recorded("none")?;
        assert_eq!((layout.kind(), layout.hierarchies.len()), ("none", 0));
        assert_eq!(Layout::read(Path::new("/nowhere"), "self").err(), Some(Errno::ENOENT));
        Ok(())
    }

    #[test]
    fn a_hybrid_machine_has_its_controllers_on_v1() -> Result<()> {
        let layout = recorded("hybrid")?;
        assert_eq!(layout.kind(), "hybrid");
        let memory = layout.find("memory").ok_or(Errno::ENOENT)?;
        assert_eq!(memory.version, Version::V1);
        assert!(memory.mount.ends_with("sys/fs/cgroup/memory"));
        assert_eq!(memory.own, Some("sandbox/a1".into()));
        assert_eq!(layout.unified().map(|unified| unified.controllers.len()), Some(0));
        assert!(layout.hierarchies.iter().any(|hierarchy| hierarchy.name.as_deref() == Some("systemd")));
        Ok(())
    }

    #[test]
    fn beside_the_limits_of_v1_the_v2_hierarchy_only_tracks() {
        let mount = |at: &str, kind: &str, of: &str| format!("1 1 0:1 / {at} rw - {kind} {kind} rw{of}\n");
        let v2 = mount("/sys/fs/cgroup/unified", "cgroup2", "");
        let layout = |controller: &str| {
            let mounts = format!("{v2}{}", mount("/sys/fs/cgroup/v1", "cgroup", &format!(",{controller}")));
            Layout::parse(Path::new("/"), &mounts, &format!("1:{controller}:/\n0::/\n"))
        };
        assert!(layout("memory").only_tracks());
        // What a program adds to a machine of v2 for itself.
        assert!(!layout("net_cls").only_tracks());
        assert!(!Layout::parse(Path::new("/"), &v2, "0::/\n").only_tracks());
    }

    #[test]
    fn a_systemd_machine_has_the_controllers_of_the_own_group() -> Result<()> {
        let layout = recorded("systemd")?;
        assert_eq!(layout.kind(), "v2");
        let memory = layout.find("memory").ok_or(Errno::ENOENT)?;
        assert_eq!(memory.own, Some("user.slice/user-1000.slice/user@1000.service/app.slice".into()));
        // The user's manager has been given these and no more.
        assert_eq!(memory.controllers, ["memory", "pids"]);
        assert!(layout.find("cpuset").is_none());
        Ok(())
    }

    #[test]
    fn controllers_that_are_mounted_together_are_one_hierarchy() -> Result<()> {
        let layout = recorded("v1")?;
        assert_eq!(layout.kind(), "v1");
        let cpu = layout.find("cpu").ok_or(Errno::ENOENT)?;
        assert_eq!(cpu.controllers, ["cpu", "cpuacct"]);
        assert!(cpu.mount.ends_with("sys/fs/cgroup/cpu,cpuacct"));
        // A container of Docker's: the mount shows its own part of the tree.
        assert_eq!(cpu.own, Some("".into()));
        assert_eq!(layout.find("io").map(|io| io.mount.ends_with("sys/fs/cgroup/blkio")), Some(true));
        Ok(())
    }

    #[test]
    fn in_a_cgroup_namespace_the_own_group_is_the_mount_itself() -> Result<()> {
        let layout = recorded("container")?;
        assert_eq!(layout.kind(), "v2");
        let own = layout.unified().ok_or(Errno::ENOENT)?;
        assert_eq!(own.own, Some("".into()));
        assert_eq!(own.controllers, ["cpu", "memory", "pids"]);
        Ok(())
    }

    #[test]
    fn a_mount_from_above_the_namespace_does_not_show_the_own_group() {
        let group = Group { controllers: Vec::new(), path: "/".to_owned() };
        assert_eq!(group.below("/../.."), None);
        let outside = Group { controllers: Vec::new(), path: "/../other".to_owned() };
        assert_eq!(outside.below("/"), None);
        let near = Group { controllers: Vec::new(), path: "/docker2/x".to_owned() };
        assert_eq!(near.below("/docker"), None);
        assert_eq!(unescape(r"/a\040b\134c"), r"/a b\c");
    }
}
