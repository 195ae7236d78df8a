//! The words about terminals.

use super::Call;
use crate::kernel::lesson::{Lesson, Mark};

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    match call {
        Call::OpenMaster { .. } => {
            Lesson::new(Mark::Add, "terminal", "pty").note("two sides: what is written to the one is typed on the other")
        }
        Call::Unlock { .. } => Lesson::look("terminal", "pty"),
        Call::Peer { .. } => Lesson::look("terminal", "pty").note("by descriptor: a path could be one of the container's making"),
        Call::Control { .. } => Lesson::new(Mark::Change, "terminal", "of this session")
            .with("controlling")
            .note("its Ctrl-C is a signal to the session's foreground group from now on")
            .needs("to lead a session that has no terminal yet"),
        Call::GiveUp { .. } => Lesson::new(Mark::Remove, "terminal", "of this process")
            .with("controlling")
            .note("nothing can be typed on it for the caller any more (TIOCSTI); Ctrl-C still reaches its group"),
        Call::Foreground { .. } => {
            Lesson::new(Mark::Change, "terminal", "foreground group").note("only this group may read, and gets the signals of keys")
        }
        Call::Resize { rows, columns, .. } => Lesson::new(Mark::Change, "terminal", "window")
            .with(format!("{rows}x{columns}"))
            .note("the foreground group is told by SIGWINCH"),
        Call::Raw { .. } => Lesson::new(Mark::Change, "terminal", "mode")
            .with("raw")
            .note("keys arrive one by one and unseen: the program on the other side echoes them"),
        Call::Restore { .. } => Lesson::new(Mark::Change, "terminal", "mode").with("as before"),
        Call::Relay { .. } => Lesson::new(Mark::Run, "terminal", "copies between both sides").note("until the program ends"),
    }
}
