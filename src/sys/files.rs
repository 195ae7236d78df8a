//! Files by path: what scripts do outside of a rootfs.

use std::io;

use super::{Errno, Result};

/// The kernel's number in an error of the standard library.
#[must_use]
#[allow(clippy::needless_pass_by_value)]
pub fn errno(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// `mkdir(2)`.
pub fn mkdir(path: &std::path::Path, mode: u32) -> Result<()> {
    nix::unistd::mkdir(path, nix::sys::stat::Mode::from_bits_truncate(mode))
}

/// `rmdir(2)`.
pub fn rmdir(path: &std::path::Path) -> Result<()> {
    std::fs::remove_dir(path).map_err(errno)
}
