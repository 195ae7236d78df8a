//! The words about unpacking.

use super::{Call, name, words};
use crate::kernel::lesson::{Lesson, Mark};

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    let Call::Unpack { root, source, options, .. } = call;
    let words = words(options);
    let words = if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
    Lesson::new(Mark::Add, "files", format!("in {}", root.label()))
        .with(format!("unpacked from {}{words}; how many: known after apply", name(source)))
        .note("every name is resolved below the root by descriptor, so no `..` and no link in the archive leads out of it")
}
