//! The words about users and groups.

use super::{Call, list};
use crate::kernel::lesson::{Lesson, Mark, Script};

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    let own = |detail: String| Lesson::new(Mark::Change, "user", "of this process").with(detail);
    match call {
        Call::SetGroups { groups } if groups.is_empty() => own("no supplementary groups".to_owned())
            .note("groups that are left over open files that the new user was not meant to open")
            .needs("CAP_SETGID in this user namespace"),
        Call::SetGroups { groups } => own(format!("groups {}", list(groups, ", "))).needs("CAP_SETGID in this user namespace"),
        Call::SetGid { gid } => {
            own(format!("gid {gid}")).note("before the user, for afterwards the right is gone").needs("CAP_SETGID in this user namespace")
        }
        Call::SetUid { uid: 0 } => own("uid 0".to_owned()).needs("CAP_SETUID in this user namespace"),
        Call::SetUid { uid } => own(format!("uid {uid}"))
            .note("real, effective and saved id at once, so there is no way back; leaving 0 takes the capabilities along")
            .needs("CAP_SETUID in this user namespace"),
    }
}

/// The call in a shell script.
pub fn script(call: &Call) -> Script {
    let options = match call {
        Call::SetGroups { groups } if groups.is_empty() => "--clear-groups".to_owned(),
        Call::SetGroups { groups } => format!("--groups {}", list(groups, ",")),
        Call::SetGid { gid } => format!("--regid {gid}"),
        Call::SetUid { uid } => format!("--reuid {uid}"),
    };
    Script::Wrap { command: "setpriv", options, how: None }
}
