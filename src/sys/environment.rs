//! Variables that are meant for this program alone: taken out, so that nothing it starts sees them.

use std::ffi::OsString;

/// The value of a variable, which is not in the environment any more; none where it is empty.
#[must_use]
pub fn take(name: &str) -> Option<OsString> {
    let value = std::env::var_os(name)?;
    // SAFETY: this program has one thread, so nobody reads the environment meanwhile.
    unsafe { std::env::remove_var(name) };
    Some(value).filter(|value| !value.is_empty())
}
