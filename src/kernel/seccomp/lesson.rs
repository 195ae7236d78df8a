//! The words about filters, and what a filter leaves a process to tell.

use super::{Action, Call, Filter, names};
use crate::kernel::Silence;
use crate::kernel::lesson::{Lesson, Mark};

/// How many calls of this architecture a filter allows whatever their arguments, and of how many.
fn allowed(filter: &Filter) -> (usize, usize) {
    let known: Vec<bool> = names::all()
        .iter()
        .filter_map(|name| filter.decide(name, names::native(), [0; 6]))
        .map(|action| matches!(action, Action::Allow | Action::Log))
        .collect();
    (known.iter().filter(|allowed| **allowed).count(), known.len())
}

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    let filter = match call {
        Call::Load { filter, .. } => filter,
        Call::Try { name, .. } => {
            return Lesson::look("system call", name.as_str())
                .note("no argument means anything: its error says who refuses, the filter or the kernel");
        }
    };
    let (count, known) = allowed(filter);
    Lesson::new(Mark::Change, "seccomp filter", format!("of {} instructions", filter.length()))
        .with(format!("{count} of {known} calls allowed, the rest: {}", filter.profile.default.word()))
        .note("each call from now on is judged by this program before the kernel looks at it; a further filter can only forbid more")
        .needs("no_new_privs, or CAP_SYS_ADMIN in this user namespace")
}

/// What this process can still tell when the filter is loaded: a narrator must not be what kills it.
pub fn silence(call: &Call) -> Silence {
    let Call::Load { filter, .. } = call else { return Silence::default() };
    let may =
        |names: &[&str]| names.iter().all(|name| filter.decide(name, names::native(), [0; 6]).is_none_or(|action| action == Action::Allow));
    Silence {
        writes: !may(&["write"]),
        reads: !may(&["openat", "read", "readlinkat", "close", "lseek", "statx", "fstat", "newfstatat", "getdents64", "prctl", "capget"]),
    }
}
