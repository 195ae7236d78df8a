//! Users and groups of the calling process.

use std::fmt;

use super::{Fact, Lesson, Reply, Request, Script, Shell};
use crate::sys::{self, Errno};

mod lesson;

/// A change of the caller's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `setgroups(2)`
    SetGroups {
        /// The supplementary groups.
        groups: Vec<u32>,
    },
    /// `setresgid(2)` of the real, the effective and the saved id.
    SetGid {
        /// The group.
        gid: u32,
    },
    /// `setresuid(2)` of the real, the effective and the saved id.
    SetUid {
        /// The user.
        uid: u32,
    },
}

fn list(groups: &[u32], separator: &str) -> String {
    groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetGroups { groups } => write!(f, "setgroups({}, [{}])", groups.len(), list(groups, ", ")),
            Self::SetGid { gid } => write!(f, "setresgid({gid}, {gid}, {gid})"),
            Self::SetUid { uid } => write!(f, "setresuid({uid}, {uid}, {uid})"),
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::SetGroups { groups } => sys::users::set_groups(groups)?,
            Self::SetGid { gid } => sys::users::set_gid(*gid)?,
            Self::SetUid { uid } => sys::users::set_uid(*uid)?,
        }
        Ok(Reply::Done)
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn script(&self) -> Script {
        lesson::script(self)
    }

    fn shell(&self) -> Shell {
        let how = "setpriv(1) starts a program with them";
        match self {
            Self::SetGroups { groups } if groups.is_empty() => Shell::Close("setpriv --clear-groups …".to_owned(), how),
            Self::SetGroups { groups } => Shell::Close(format!("setpriv --groups {} …", list(groups, ",")), how),
            Self::SetGid { gid } => Shell::Close(format!("setpriv --regid {gid} …"), how),
            Self::SetUid { uid } => Shell::Close(format!("setpriv --reuid {uid} …"), how),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let (uid, gid) = sys::users::ids();
        let groups = sys::users::groups().unwrap_or_default();
        vec![("uid".to_owned(), uid.to_string()), ("gid".to_owned(), gid.to_string()), ("groups".to_owned(), list(&groups, " "))]
    }

    /// Without CAP_SETUID there is no way back, and leaving 0 takes the capabilities along.
    fn irreversible(&self) -> bool {
        matches!(self, Self::SetUid { uid } if *uid != 0)
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (_, Errno::EINVAL) => "the id has no mapping in this user namespace: see /proc/self/uid_map and gid_map",
            (Self::SetGroups { .. }, Errno::EPERM) => {
                "CAP_SETGID is needed, and a user namespace that an unprivileged user has mapped forbids it (/proc/self/setgroups): pass { groups = \"keep\" }"
            }
            (Self::SetGid { .. }, Errno::EPERM) => {
                "CAP_SETGID over this user namespace is needed: change ids before capabilities are dropped"
            }
            (Self::SetUid { .. }, Errno::EPERM) => {
                "CAP_SETUID over this user namespace is needed: change ids before capabilities are dropped"
            }
            (Self::SetUid { .. }, Errno::EAGAIN) => "the user has reached its limit of processes: see `rlimit { nproc = … }`",
            (_, Errno::EPROTO) => "the kernel said yes and the ids read back are others: a filter answers in its place",
            _ => return None,
        };
        Some(text.to_owned())
    }
}
