//! Ranges of user and group ids: what a user namespace maps, and what `/etc/subuid` allots.

use std::fmt::Write;

/// Ids `inside … inside+count-1` of a user namespace are `outside …` in its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first id in the new namespace.
    pub inside: u32,
    /// The first id in the namespace above.
    pub outside: u32,
    /// How many ids.
    pub count: u32,
}

impl Range {
    /// One id.
    #[must_use]
    pub fn one(inside: u32, outside: u32) -> Self {
        Self { inside, outside, count: 1 }
    }
}

/// The text that `uid_map` and `gid_map` take, a range a line.
#[must_use]
pub fn map_text(ranges: &[Range]) -> String {
    let mut text = String::new();
    for range in ranges {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} {} {}", range.inside, range.outside, range.count);
    }
    text
}
