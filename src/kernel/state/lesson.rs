//! The words about the program's own directories and locks.

use super::Call;
use crate::kernel::lesson::{Lesson, Mark};

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    match call {
        Call::Directory { path, .. } => Lesson::new(Mark::Add, "directory", path.display().to_string())
            .with("for this user alone")
            .note("here stands what outlives the program, so that the next command and `crun-lua gc` find it"),
        Call::OpenLock { path } => Lesson::look("lock", path.display().to_string()),
        Call::Lock { fd, shared, .. } => Lesson::new(Mark::Run, "lock", fd.label().to_owned())
            .with(if *shared { "shared" } else { "alone" })
            .note("two commands for one container wait for each other; the kernel takes the lock back from whoever dies"),
        Call::Unlock { fd } => Lesson::new(Mark::Run, "lock", fd.label().to_owned()).with("given back"),
    }
}
