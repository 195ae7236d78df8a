//! What a process carries: limits, scheduling, umask, personality, keyrings, death signal.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
