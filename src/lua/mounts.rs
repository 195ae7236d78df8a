//! Mounts by path, and the descriptors of the new mount API.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
