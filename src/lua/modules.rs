//! The stdlib, inside the binary: after a pivot there is no file to load it from.
//!
//! `--stdlib DIR` replaces it as a whole, for people who change it. Nothing else is ever searched:
//! not the working directory, not a bundle, no path from the environment.

use std::path::Path;

/// What a module's chunk is called: `stdlib/NAME.lua`.
const PREFIX: &str = "stdlib/";

include!(concat!(env!("OUT_DIR"), "/stdlib.rs"));

/// The source of a module, or the names that there are.
pub fn find(name: &str, replacement: Option<&Path>) -> (Option<Vec<u8>>, Vec<String>) {
    let names: Vec<String> = STDLIB.iter().map(|(name, _)| (*name).to_owned()).collect();
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    if !plain || name.contains("..") || name.starts_with('.') {
        return (None, names);
    }
    let source = match replacement {
        Some(dir) => std::fs::read(dir.join(format!("{}.lua", name.replace('.', "/")))).ok(),
        None => STDLIB.iter().find(|(other, _)| *other == name).map(|(_, source)| source.as_bytes().to_vec()),
    };
    (source, names)
}

/// Whether a chunk's name is that of a module rather than a script's.
pub fn is_module(chunk: &str) -> bool {
    chunk.starts_with(PREFIX)
}
