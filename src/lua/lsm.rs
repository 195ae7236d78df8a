//! Linux security modules: Landlock, AppArmor, SELinux.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
