//! Programs of the host: their ELF interpreter and libraries, found without running them.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
