//! Programs of the host: their ELF interpreter and libraries, found without running them.

use std::fmt;

use super::{Lesson, Reply, Request, Shell};
use crate::sys;

/// A change of this topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {}

impl fmt::Display for Call {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match *self {}
    }

    fn lesson(&self) -> Lesson {
        match *self {}
    }

    fn shell(&self) -> Shell {
        match *self {}
    }
}
