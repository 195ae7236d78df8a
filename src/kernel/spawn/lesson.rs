//! The words about what `spawn` needs beyond the clone.

use super::Call;
use crate::kernel::lesson::{Lesson, Mark, Script};
use crate::kernel::processes::lesson::{clone_lesson, clone_script};

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    match call {
        Call::CloneSibling { child, kinds, cgroup } => {
            let lesson = clone_lesson(child, *kinds, cgroup.as_ref());
            if kinds.is_empty() {
                lesson.note("started in the namespaces that were joined, as a child of the script: who joined may end")
            } else {
                lesson
            }
        }
        Call::OpenProcess { pid } => Lesson::look("process", pid.to_string()),
        Call::Reap { .. } => Lesson::look("process", "in between"),
        Call::DieWithParent => Lesson::new(Mark::Change, "process", "this process")
            .with("is killed when its parent ends")
            .note("the kernel does it, so nothing stays behind even after a SIGKILL; forgotten when the process changes its ids"),
    }
}

/// The call in a shell script.
pub fn script(call: &Call) -> Script {
    match call {
        Call::CloneSibling { child, kinds, cgroup } => clone_script(child, *kinds, cgroup.as_ref()),
        Call::OpenProcess { .. } | Call::Reap { .. } => Script::Needless,
        Call::DieWithParent => Script::Wrap { command: "setpriv", options: "--pdeathsig KILL".to_owned(), how: None },
    }
}
