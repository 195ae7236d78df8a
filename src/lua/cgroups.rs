//! Control groups: v1, v2, hybrid or none, in one vocabulary.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
