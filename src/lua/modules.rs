//! The stdlib, inside the binary: after a pivot there is no file to load it from.
//!
//! `--stdlib DIR` replaces it as a whole, for people who change it. Nothing else is ever searched:
//! not the working directory, not a bundle, no path from the environment.

use std::borrow::Cow;
use std::path::Path;

/// What a module's chunk is called: `stdlib/NAME.lua`.
const PREFIX: &str = "stdlib/";

/// A module of the binary.
struct Module {
    name: &'static str,
    /// Compiled; the text itself where the builder could not compile for this machine.
    code: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/stdlib.rs"));

/// A module to be loaded, text or compiled.
pub fn find(name: &str, replacement: Option<&Path>) -> Option<Cow<'static, [u8]>> {
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    if !plain || name.contains("..") || name.starts_with('.') {
        return None;
    }
    match replacement {
        Some(dir) => std::fs::read(dir.join(format!("{}.lua", name.replace('.', "/")))).ok().map(Cow::Owned),
        // Sorted by the builder.
        None => STDLIB.binary_search_by(|module| module.name.cmp(name)).ok().map(|index| Cow::Borrowed(STDLIB[index].code)),
    }
}

/// The names that there are.
pub fn names() -> Vec<String> {
    STDLIB.iter().map(|module| module.name.to_owned()).collect()
}

/// Whether a chunk's name is that of a module rather than a script's.
pub fn is_module(chunk: &str) -> bool {
    chunk.starts_with(PREFIX)
}
