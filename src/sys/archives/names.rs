//! Names in archives: what they may be, and nothing else.
//!
//! Names are bytes; they are kept as they are. A name is refused, never repaired: a reader that
//! strips a leading slash and one that does not are two readers with two ideas of the same file.

use super::{Judged, Refusal};
use crate::sys::Errno;

/// The longest part of a name that a Linux file system has (`NAME_MAX`).
const PART: usize = 255;

/// A name below the root, without dots and doubled slashes; empty for the root itself.
///
/// The first `strip` parts are left out; `None` where nothing is left.
pub fn judge(name: &[u8], strip: usize, limit: usize) -> Judged<Option<Vec<u8>>> {
    if name.is_empty() {
        return Err(Refusal::new(Errno::EINVAL, "an empty name"));
    }
    if name.len() > limit {
        return Err(Refusal::new(Errno::ENAMETOOLONG, format!("a name of {} bytes; limits.path allows {limit}", name.len())));
    }
    if name.contains(&0) {
        return Err(Refusal::new(Errno::EINVAL, "a name with a NUL byte"));
    }
    if name.starts_with(b"/") {
        return Err(Refusal::new(Errno::EXDEV, "an absolute path; names in an archive must be relative to the root"));
    }
    let parts: Vec<&[u8]> = name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    for part in &parts {
        if *part == b".." {
            return Err(Refusal::new(Errno::EXDEV, "a path with \"..\" in it, which could leave the root"));
        }
        if part.len() > PART {
            return Err(Refusal::new(Errno::ENAMETOOLONG, format!("a part of the name has {} bytes; {PART} are the most", part.len())));
        }
    }
    if strip > 0 && parts.len() <= strip {
        return Ok(None);
    }
    Ok(Some(parts.get(strip..).unwrap_or_default().join(&b'/')))
}

/// The directory and the last part of a judged name.
pub fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (name.get(..slash).unwrap_or_default(), name.get(slash + 1..).unwrap_or_default()),
        None => (b"", name),
    }
}

/// The whole name again.
pub fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_root_are_refused() {
        for name in [&b""[..], b"/", b"/etc/passwd", b"..", b"a/..", b"../a", b"a/../b", b"./../a", b"a\0b", &[b'x'; 256], &[b'/'; 5000]] {
            assert!(judge(name, 0, 4095).is_err(), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn other_names_lose_only_dots_and_doubled_slashes() {
        let judged = |name: &[u8], strip| judge(name, strip, 4095).ok().flatten();
        assert_eq!(judged(b"./", 0), Some(b"".to_vec()));
        assert_eq!(judged(b"./a//b/./c/", 0), Some(b"a/b/c".to_vec()));
        assert_eq!(judged(b"a..b/...", 0), Some(b"a..b/...".to_vec()));
        assert_eq!(judged(b"\xff\xfe\n", 0), Some(b"\xff\xfe\n".to_vec()));
        assert_eq!(judged(b"top/a/b", 1), Some(b"a/b".to_vec()));
        assert_eq!(judged(b"top/", 1), None);
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"a"), (&b""[..], &b"a"[..]));
    }
}
