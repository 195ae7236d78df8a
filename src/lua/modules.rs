//! The stdlib, inside the binary: after a pivot there is no file to load it from.
//!
//! `--stdlib DIR` replaces it as a whole, for people who change it. Nothing else is ever searched:
//! not the working directory, not a bundle, no path from the environment.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

/// What a module's chunk is called: `stdlib/NAME.lua`.
pub const PREFIX: &str = "stdlib/";

/// A module of the binary.
struct Module {
    name: &'static str,
    /// Compiled; the text itself where the builder could not compile for this machine.
    code: &'static [u8],
    /// Where its text begins and ends in what [`TEXT`] unpacks to.
    text: (usize, usize),
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

/// Where a module's text stands in the text of all.
pub fn place(name: &str) -> Option<Range<usize>> {
    let index = STDLIB.binary_search_by(|module| module.name.cmp(name)).ok()?;
    STDLIB.get(index).map(|module| module.text.0..module.text.1)
}

/// What the chunk of a module is called.
pub fn chunk_name(name: &str) -> String {
    format!("@{PREFIX}{}.lua", name.replace('.', "/"))
}

/// The names that there are.
pub fn names(replacement: Option<&Path>) -> Vec<String> {
    let Some(dir) = replacement else { return STDLIB.iter().map(|module| module.name.to_owned()).collect() };
    let (mut found, mut left) = (Vec::new(), vec![(String::new(), dir.to_path_buf())]);
    while let Some((prefix, dir)) = left.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            match name.strip_suffix(".lua") {
                Some(module) if !module.contains('.') => found.push(format!("{prefix}{module}")),
                None if entry.path().is_dir() => left.push((format!("{prefix}{name}."), entry.path())),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Whether a chunk's name is that of a module rather than a script's.
pub fn is_module(chunk: &str) -> bool {
    chunk.starts_with(PREFIX)
}
