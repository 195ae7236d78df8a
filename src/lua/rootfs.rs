//! The rootfs handle: every path inside a root directory, resolved so that it cannot leave it.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
