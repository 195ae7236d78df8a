//! Id maps: which ids of the namespace above are which in a new user namespace.
//!
//! The kernel takes a map of many ids only from a process with rights above the namespace. Who
//! has none is given a range in `/etc/subuid` and asks `newuidmap`, a setuid program, to write
//! it. The map of a single id, the caller's own, everyone may write, but only after giving up
//! `setgroups(2)`: dropping a group could otherwise open files that deny it (user_namespaces(7)).

use std::path::Path;

use mlua::Value;

use super::super::Host;
use super::super::args::{Args, Fields};
use super::super::error::{Outcome, Raise};
use super::super::processes::Process;
use super::super::types::{Param, Type, U32, may, need};
use crate::kernel::Kinds;
use crate::kernel::namespaces::{Call, Ids};
use crate::sys::Pid;
use crate::sys::namespaces::ids::{self, Range};

const RANGE: &[Param] = &[
    need("inside", U32, "the first id in the new namespace"),
    need("outside", U32, "the first id in the caller's namespace"),
    need("count", U32, "how many"),
];

const RANGES: Type = Type::Either(&[U32, Type::List(&Type::Options(RANGE))]);

const MAP: &[Param] = &[
    may("uid", RANGES, "ranges; or the number that the caller's own user id has inside: 0"),
    may("gid", RANGES, "ranges; or the number that the caller's own group id has inside: 0"),
    may("setgroups", Type::Word(&["allow", "deny"]), "whether setgroups(2) works inside; \"deny\" where the kernel asks for it"),
];

/// What `id_map` may be.
pub const ID_MAP: Type = Type::Either(&[Type::Word(&["root", "auto", "none"]), Type::Options(MAP)]);

/// Both maps of a namespace, judged.
#[derive(Debug)]
pub struct Maps {
    uid: Vec<Range>,
    gid: Vec<Range>,
    setgroups: Option<bool>,
    /// The caller's ids, from before it has gone anywhere.
    own: (u32, u32),
    privileged: bool,
}

impl Maps {
    /// The maps that an option says; the caller is root inside where it was left out, and there
    /// are none for `"none"`.
    pub fn read(host: &Host, value: &Value, path: &str) -> Outcome<Option<Self>> {
        let own = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        let root =
            Self { uid: vec![Range::one(0, own.0)], gid: vec![Range::one(0, own.1)], setgroups: None, own, privileged: privileged(host) };
        let maps = match value {
            Value::Table(table) => {
                let fields = Fields::from_table(table, MAP)?;
                Self {
                    uid: ranges(&fields, "uid", own.0)?,
                    gid: ranges(&fields, "gid", own.1)?,
                    setgroups: fields.text("setgroups").map(|word| word == "allow"),
                    ..root
                }
            }
            Value::String(word) if *word == "none" => return Ok(None),
            Value::String(word) if *word == "auto" => root.with_allotted(path)?,
            _ => root,
        };
        for (word, ranges) in [("uid", &maps.uid), ("gid", &maps.gid)] {
            ids::judge(ranges).map_err(|reason| Raise::argument(format!("{path}.{word}: {reason}")))?;
        }
        Ok(Some(maps))
    }

    fn with_allotted(self, path: &str) -> Outcome<Self> {
        let allotted = |file: &str| ids::allotted(Path::new("/"), file, self.own.0);
        let (uids, gids) = (allotted("subuid"), allotted("subgid"));
        if !uids.is_empty() && !gids.is_empty() {
            return Ok(Self { uid: ids::with_allotted(self.own.0, &uids), gid: ids::with_allotted(self.own.1, &gids), ..self });
        }
        if self.privileged {
            let all = |file: &str| ids::one_to_one(&std::fs::read_to_string(file).unwrap_or_default());
            return Ok(Self { uid: all("/proc/self/uid_map"), gid: all("/proc/self/gid_map"), ..self });
        }
        let file = if uids.is_empty() { "/etc/subuid" } else { "/etc/subgid" };
        Err(Raise::state(format!("{path}: {file} allots no ids to uid {}", self.own.0)).hint(
            "`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER` (as root) does; or use \"root\", which needs none",
        ))
    }

    fn is_own(ranges: &[Range], own: u32) -> bool {
        matches!(ranges, [Range { outside, count: 1, .. }] if *outside == own)
    }

    /// Whether a process inside the namespace may write the maps itself, without rights above it.
    pub fn written_inside(&self) -> bool {
        Self::is_own(&self.uid, self.own.0) && Self::is_own(&self.gid, self.own.1) && self.setgroups != Some(true)
    }

    /// Writes both maps of the namespace that `pid` is in: of the caller's own, from inside, where
    /// there is none.
    pub fn write(&self, host: &Host, pid: Option<&Pid>) -> Outcome<()> {
        let rights = self.privileged && pid.is_some();
        let direct = |ranges: &[Range], own: u32| rights || Self::is_own(ranges, own);
        let deny = self.setgroups.map_or(!rights && Self::is_own(&self.gid, self.own.1), |allow| !allow);
        if deny {
            host.run(Call::SetGroups { pid: pid.cloned(), allow: false })?;
        }
        for (ids, ranges, own) in [(Ids::Uid, &self.uid, self.own.0), (Ids::Gid, &self.gid, self.own.1)] {
            let ranges = ranges.clone();
            match pid {
                Some(pid) if !direct(&ranges, own) => host.run(Call::RunMapper { pid: pid.clone(), ids, ranges })?,
                _ => host.run(Call::WriteMap { pid: pid.cloned(), ids, ranges })?,
            };
        }
        Ok(())
    }
}

/// Whether the caller may write any map below its own namespace.
///
/// In a user namespace of its own it can; a plan has not entered it, so the guard is asked too.
pub fn privileged(host: &Host) -> bool {
    use caps::{CapSet, Capability};
    let needed = [Capability::CAP_SETUID, Capability::CAP_SETGID];
    host.guard.left().contains(Kinds::USER)
        || caps::read(None, CapSet::Effective).is_ok_and(|has| needed.iter().all(|capability| has.contains(capability)))
}

fn ranges(fields: &Fields, name: &str, own: u32) -> Outcome<Vec<Range>> {
    if !fields.value(name).is_table() {
        return Ok(vec![Range::one(fields.integer(name)?.unwrap_or(0), own)]);
    }
    let mut ranges = Vec::new();
    for value in fields.values(name) {
        let Some(table) = value.as_table() else { continue };
        let range = Fields::from_table(table, RANGE)?;
        let number = |name| Ok::<u32, Raise>(range.integer(name)?.unwrap_or_default());
        ranges.push(Range { inside: number("inside")?, outside: number("outside")?, count: number("count")? });
    }
    Ok(ranges)
}

pub fn primitive(args: &Args) -> Outcome {
    let Some(maps) = Maps::read(args.host, args.value("map"), "map")? else {
        return Err(Raise::argument("map: \"none\" is what spawn takes, to leave the map to its `parent`"));
    };
    let pid = match args.integer("process")? {
        Some(number) => Pid::foreign(number),
        None => match args.handle::<Process>("process")? {
            Some(process) => process.pid().clone(),
            None => return Err(Raise::argument("process: expected a pid or a process")),
        },
    };
    maps.write(args.host, Some(&pid))?;
    Ok(Value::Nil)
}
