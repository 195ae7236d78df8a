//! The rootfs handle: every path inside a root directory, resolved so that it cannot leave it.
