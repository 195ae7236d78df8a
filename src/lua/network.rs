//! Network devices, addresses, routes, named network namespaces, NAT.

use super::table::Primitive;

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[];
