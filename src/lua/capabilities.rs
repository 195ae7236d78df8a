//! Capabilities: the five sets of a process, and those of files; securebits, no_new_privs.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
