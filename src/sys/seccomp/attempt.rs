//! System calls that are only tried: whether one is refused before the kernel has looked at what
//! it is asked for.

use nix::libc;

use super::super::{Errno, Result};

/// Calls that no argument makes harmless, and why.
const NEVER: [(&str, &str); 15] = [
    ("exit", "it does not return"),
    ("exit_group", "it does not return"),
    ("fork", "it starts a process"),
    ("kill", "-1 means every process"),
    ("msgget", "it makes a queue"),
    ("pause", "it does not return"),
    ("rt_sigreturn", "it does not return"),
    ("set_tid_address", "the end of the thread writes to the address"),
    ("sigreturn", "it does not return"),
    ("sigsuspend", "it does not return"),
    ("sync", "it waits for every disk"),
    ("uprobe", "outside of a probe it ends the process"),
    ("uretprobe", "outside of a probe it ends the process"),
    ("vfork", "it starts a process"),
    ("vhangup", "it hangs up the terminal"),
];

/// No descriptor, no address, no size.
const NONE: libc::c_long = -1;

/// Why a call is not to be tried; `None` where it is.
#[must_use]
pub fn reason(name: &str) -> Option<&'static str> {
    NEVER.iter().find(|(never, _)| *never == name).map(|(_, reason)| *reason)
}

/// syscall(2) with -1 for all six arguments: no descriptor, no address, no size, and not one flag that is
/// free. What is not forbidden is an error about its arguments, or asks for nothing.
///
/// A name that [`reason`] gives a reason for is `EINVAL`.
pub fn attempt(name: &str, number: u32) -> Result<i64> {
    if reason(name).is_some() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: -1 is no address that the kernel could write to (it is the last byte of the kernel's own half),
    // and no length that a mapping could have; the calls that give this thread or its memory away
    // whatever they are told are excluded above.
    let answer = unsafe { libc::syscall(libc::c_long::from(number), NONE, NONE, NONE, NONE, NONE, NONE) };
    Errno::result(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::seccomp::names;

    #[test]
    fn an_argument_that_is_none_is_what_the_kernel_complains_of() {
        let tried = |name: &str| names::number(name, names::native()).map(|number| attempt(name, number));
        assert_eq!(tried("close"), Some(Err(Errno::EBADF)));
        assert_eq!(tried("chdir"), Some(Err(Errno::EFAULT)));
        assert!(tried("getpid").is_some_and(|answer| answer.is_ok()));
    }

    #[test]
    fn what_is_never_tried_has_a_reason_and_a_number_somewhere() {
        for (name, _) in NEVER {
            assert!(names::find(name).is_some(), "{name}");
            assert_eq!(attempt(name, 0), Err(Errno::EINVAL), "{name}");
        }
        assert_eq!(reason("mount"), None);
    }
}
