//! Readers of `/proc`: what the kernel says of a process.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
