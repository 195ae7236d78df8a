//! Users and groups of a process, and the container's own passwd and group files.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
