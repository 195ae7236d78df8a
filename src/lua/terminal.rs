//! Terminals: pty pairs, raw mode, window size, the foreground group.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
