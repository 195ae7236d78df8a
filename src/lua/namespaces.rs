//! Namespaces: entering, leaving, pinning and listing them; id maps and time offsets.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
