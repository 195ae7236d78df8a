//! The words about names and parameters.

use super::Call;
use crate::kernel::Kinds;
use crate::kernel::lesson::{Lesson, Mark};

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    const UTS: &str = "CAP_SYS_ADMIN in the user namespace that owns this uts namespace";
    match call {
        Call::SetHostname { name } => Lesson::new(Mark::Change, "hostname", "hostname")
            .with(name.clone())
            .note("of this uts namespace: every process in it sees the name, nobody else does")
            .needs(UTS)
            .owned_by(Kinds::UTS),
        Call::SetDomainname { name } => Lesson::new(Mark::Change, "hostname", "NIS domain")
            .with(name.clone())
            .note("of this uts namespace; it is not the domain of DNS")
            .needs(UTS)
            .owned_by(Kinds::UTS),
        Call::Set { name, value } => {
            let (kinds, note) = match name.split('.').next() {
                Some("net") => (Kinds::NET, "of this net namespace alone"),
                _ if name.starts_with("kernel.shm")
                    || name.starts_with("kernel.msg")
                    || name.starts_with("kernel.sem")
                    || name.starts_with("fs.mqueue") =>
                {
                    (Kinds::IPC, "of this ipc namespace alone")
                }
                _ => (Kinds::empty(), "of the whole machine, unless the kernel keeps one for each namespace"),
            };
            Lesson::new(Mark::Change, "sysctl", name.clone())
                .with(value.clone())
                .note(note)
                .needs("the rights of root in the user namespace that owns the namespace of the parameter")
                .owned_by(kinds)
        }
    }
}
