//! Names and parameters of the kernel: hostname, domainname, `/proc/sys`.

use std::fs;

use nix::libc;

use super::{Errno, Result, files};

/// `sethostname(2)`.
pub fn set_hostname(name: &str) -> Result<()> {
    nix::unistd::sethostname(name)
}

/// `setdomainname(2)`, which nix does not wrap.
pub fn set_domainname(name: &str) -> Result<()> {
    // SAFETY: the buffer outlives the call and its length is passed along.
    let rc = unsafe { libc::setdomainname(name.as_ptr().cast(), name.len()) };
    Errno::result(rc).map(drop)
}

/// The path of a parameter below `/proc/sys`, with every dot a slash.
///
/// A name that already has slashes keeps its dots, so that an interface called `eth0.10` can be
/// written as `net/ipv4/conf/eth0.10/forwarding` (sysctl(8)).
#[must_use]
pub fn path(name: &str) -> String {
    if name.contains('/') { format!("/proc/sys/{name}") } else { format!("/proc/sys/{}", name.replace('.', "/")) }
}

/// Writes a parameter; see [`super::procfs`].
pub fn set(name: &str, value: &str) -> Result<()> {
    super::procfs::write(path(name).trim_start_matches("/proc/"), value.as_bytes())
}

/// Reads a parameter, without the line's end.
pub fn get(name: &str) -> Result<String> {
    fs::read_to_string(path(name)).map(|text| text.trim_end().to_owned()).map_err(files::errno)
}
