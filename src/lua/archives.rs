//! Archives unpacked into a rootfs handle, with nothing trusted that they say.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
