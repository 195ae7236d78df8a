//! The words about answers to calls of another process.

use super::{Answer, Call, names};
use crate::kernel::lesson::{Lesson, Mark};

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    match call {
        Call::Answer { asked: (number, arch), answer, .. } => {
            let name = names::name_of(*number, *arch).unwrap_or_else(|| number.to_string().into());
            let lesson = Lesson::new(Mark::Run, "answer", name.to_string());
            match answer {
                Answer::Continue => lesson
                    .with("the kernel makes the call")
                    .note("it reads the arguments anew: another thread may have changed what they point to"),
                Answer::Value(value) => lesson.with(format!("{value}, and the call is not made")),
                Answer::Error(errno) => lesson.with(format!("{errno:?}, and the call is not made")),
            }
        }
        Call::AddFd { fd, number, .. } => {
            let place = number.map_or_else(|| "the lowest free number".to_owned(), |number| number.to_string());
            Lesson::new(Mark::Add, "descriptor", fd.label().to_owned()).with(format!("at {place} of the caller"))
        }
        Call::Write { thread, bytes, .. } => {
            Lesson::new(Mark::Change, "memory", format!("of {thread}")).with(format!("{} bytes", bytes.len()))
        }
        Call::WakeInPlace { .. } => Lesson::new(Mark::Change, "listener", "woken on the caller's processor")
            .note("one side sleeps while the other runs, so they need no second processor"),
    }
}
