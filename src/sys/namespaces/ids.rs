//! Ranges of user and group ids: what a user namespace maps, and what `/etc/subuid` allots.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Ids `inside … inside+count-1` of a user namespace are `outside …` in the namespace above it.
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

/// How many ranges the kernel takes (user_namespaces(7)).
const MOST: usize = 340;

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

/// Judges a map as the kernel will, with more to say than its `EINVAL`.
pub fn judge(ranges: &[Range]) -> Result<(), String> {
    if ranges.is_empty() {
        return Err("the list of ranges is empty".to_owned());
    }
    if ranges.len() > MOST {
        return Err(format!("{} ranges; the kernel takes at most {MOST}", ranges.len()));
    }
    for range in ranges {
        let fits = |first: u32| first.checked_add(range.count).is_some();
        if range.count == 0 {
            return Err(format!("the range that starts at {} has no ids", range.inside));
        }
        if !fits(range.inside) || !fits(range.outside) {
            return Err(format!("the range that starts at {} goes past the last id, {}", range.inside, u32::MAX - 1));
        }
    }
    overlap(ranges, "inside", |range| range.inside)?;
    overlap(ranges, "outside", |range| range.outside)
}

fn overlap(ranges: &[Range], side: &str, first: fn(&Range) -> u32) -> Result<(), String> {
    let mut sorted: Vec<(u32, u32)> = ranges.iter().map(|range| (first(range), range.count)).collect();
    sorted.sort_unstable();
    for pair in sorted.windows(2) {
        if let [(a, count), (b, _)] = pair
            && b - a < *count
        {
            return Err(format!("two ranges overlap: {side} {b} is in both"));
        }
    }
    Ok(())
}

/// The ranges of `(first, count)` that `/etc/subuid` (or `subgid`) below `root` allots to a user.
///
/// A line is `NAME:FIRST:COUNT` or `UID:FIRST:COUNT` (subuid(5)); others are passed over. A file
/// that is missing allots nothing.
#[must_use]
pub fn allotted(root: &Path, file: &str, uid: u32) -> Vec<(u32, u32)> {
    let name = user_name(root, uid);
    let text = fs::read_to_string(root.join("etc").join(file)).unwrap_or_default();
    let own = |who: &str| name.as_deref() == Some(who) || who.parse() == Ok(uid);
    let range = |line: &str| {
        let mut fields = line.trim().split(':');
        let (who, first, count) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (own(who) && count > 0 && fields.next().is_none()).then_some((first, count))
    };
    text.lines().filter_map(range).collect()
}

/// The name of a user in `/etc/passwd` below `root`.
fn user_name(root: &Path, uid: u32) -> Option<String> {
    let text = fs::read_to_string(root.join("etc/passwd")).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// The caller as `inside` 0, and after it every id that it was allotted, without a gap.
#[must_use]
pub fn with_allotted(own: u32, allotted: &[(u32, u32)]) -> Vec<Range> {
    let mut ranges = vec![Range::one(0, own)];
    let mut next = 1_u32;
    for (first, count) in allotted {
        let count = (*count).min(u32::MAX - next);
        if count > 0 {
            ranges.push(Range { inside: next, outside: *first, count });
            next += count;
        }
    }
    ranges
}

/// Every id that a namespace has, one to one: from the text of its own map.
#[must_use]
pub fn one_to_one(map: &str) -> Vec<Range> {
    map.lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace().map(str::parse::<u32>);
            let (inside, _, count) = (fields.next()?.ok()?, fields.next()?.ok()?, fields.next()?.ok()?);
            Some(Range { inside, outside: inside, count })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(inside: u32, outside: u32, count: u32) -> Range {
        Range { inside, outside, count }
    }

    #[test]
    fn maps_that_the_kernel_refuses_are_refused_with_the_reason() {
        let reason = |ranges: &[Range]| judge(ranges).err().unwrap_or_default();
        assert!(reason(&[]).contains("empty"));
        assert!(reason(&[range(0, 0, 0)]).contains("no ids"));
        assert!(reason(&[range(1, 0, u32::MAX)]).contains("past the last id"));
        assert!(reason(&[range(0, 100, 10), range(9, 200, 1)]).contains("inside 9"));
        assert!(reason(&[range(0, 100, 10), range(10, 105, 1)]).contains("outside 105"));
        let many: Vec<_> = (0..341).map(|id| Range::one(id, id)).collect();
        assert!(reason(&many).contains("at most 340"));
        assert_eq!(judge(&many[..340]), Ok(()));
        assert_eq!(judge(&[range(0, 0, u32::MAX)]), Ok(()));
    }

    #[test]
    fn subordinate_ids_are_found_by_name_and_by_number() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        fs::create_dir(root.path().join("etc"))?;
        fs::write(root.path().join("etc/passwd"), "root:x:0:0::/:\nann:x:1000:1000::/home/ann:/bin/sh\n")?;
        let text = "bob:100000:65536\nann:165536:65536\n1000:300000:10\nann:x:1\nann:1:0\nann:1:2:3\n\n";
        fs::write(root.path().join("etc/subuid"), text)?;
        assert_eq!(allotted(root.path(), "subuid", 1000), [(165_536, 65536), (300_000, 10)]);
        assert_eq!(allotted(root.path(), "subuid", 1001), []);
        assert_eq!(allotted(root.path(), "subgid", 1000), []);
        Ok(())
    }

    #[test]
    fn the_caller_is_root_and_its_allotted_ids_follow() {
        let ranges = with_allotted(1000, &[(100_000, 65536), (300_000, 10)]);
        assert_eq!(map_text(&ranges), "0 1000 1\n1 100000 65536\n65537 300000 10\n");
        assert_eq!(judge(&ranges), Ok(()));
        assert_eq!(one_to_one("         0     100000      65536\n"), [range(0, 0, 65536)]);
    }
}
