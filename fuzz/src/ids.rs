//! Maps of user and group ids: the judgement against a naive one in wide numbers, what is written against
//! what is read, and the files that allot ids.

use std::path::Path;

use crun_lua::sys::namespaces::ids::{self, Range};

use super::bytes::Bytes;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    if bytes.one_in(8) {
        return files(bytes.rest());
    }
    let mut ranges = Vec::new();
    let many = if bytes.one_in(16) { 400 } else { 8 };
    while !bytes.is_empty() && ranges.len() < many {
        #[allow(clippy::cast_possible_truncation, reason = "any number will do")]
        let mut id = || bytes.number() as u32;
        ranges.push(Range { inside: id(), outside: id(), count: id() });
    }
    let found = ids::judge(&ranges);
    assert_eq!(found.is_ok(), kernel_takes(&ranges), "{found:?} of {ranges:?}");
    let text = ids::map_text(&ranges);
    let same: Vec<Range> = ranges.iter().map(|range| Range { outside: range.inside, ..*range }).collect();
    assert_eq!(ids::one_to_one(&text), same, "{text}");
    let allotted: Vec<(u32, u32)> = ranges.iter().map(|range| (range.outside, range.count)).collect();
    let map = ids::with_allotted(1000, &allotted);
    let ends = map.iter().map(|range| u64::from(range.inside) + u64::from(range.count));
    assert!(ends.max().is_some_and(|end| end <= u64::from(u32::MAX)), "{map:?}");
}

/// What user_namespaces(7) says of a map.
fn kernel_takes(ranges: &[Range]) -> bool {
    let span = |first: u32, count: u32| (u64::from(first), u64::from(first) + u64::from(count));
    let apart = |a: (u64, u64), b: (u64, u64)| a.1 <= b.0 || b.1 <= a.0;
    let sides: [fn(&Range) -> u32; 2] = [|range| range.inside, |range| range.outside];
    let whole = |range: &Range| range.count > 0 && sides.iter().all(|side| span(side(range), range.count).1 <= u64::from(u32::MAX));
    let disjoint = |side: fn(&Range) -> u32| {
        ranges
            .iter()
            .enumerate()
            .all(|(at, one)| ranges.iter().take(at).all(|other| apart(span(side(one), one.count), span(side(other), other.count))))
    };
    (1..=340).contains(&ranges.len()) && ranges.iter().all(whole) && sides.into_iter().all(disjoint)
}

/// The texts of `/etc/passwd` and `/etc/subuid`.
fn files(data: &[u8]) {
    let (passwd, subuid) = data.split_at(data.iter().position(|byte| *byte == 0).unwrap_or(data.len()));
    let place = super::confine::place();
    super::confine::rewrite("passwd", &place.join("etc/passwd"), passwd);
    super::confine::rewrite("subuid", &place.join("etc/subuid"), subuid.get(1..).unwrap_or_default());
    let root: &Path = place;
    for uid in [0, 1000, u32::MAX] {
        for (_, count) in ids::allotted(root, "subuid", uid) {
            assert!(count > 0, "a range without ids");
        }
    }
}
