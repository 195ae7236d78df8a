//! The groups of `groups.txt`, and what a token in it means.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::sys::Errno;
use crate::sys::seccomp::profile::{Compare, Op};

/// One member of a group, with groups within it resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The call's name.
    pub name: String,
    /// The condition under which the list's action applies.
    pub condition: Option<Compare>,
    /// An error that is answered whatever the list says.
    pub errno: Option<u16>,
}

const TEXT: &str = include_str!("groups.txt");

type Groups = BTreeMap<&'static str, Vec<&'static str>>;

/// Each group's tokens, by name with its `@`.
fn tokens() -> &'static Groups {
    static GROUPS: OnceLock<Groups> = OnceLock::new();
    GROUPS.get_or_init(|| {
        let mut groups = Groups::new();
        let mut current = "";
        for line in TEXT.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty()) {
            if line.starts_with('@') {
                current = line.split(':').next().unwrap_or_default();
                groups.insert(current, Vec::new());
            } else if let Some(list) = groups.get_mut(current) {
                list.extend(line.split_whitespace());
            }
        }
        groups
    })
}

/// The names of all groups.
#[must_use]
pub fn names() -> Vec<String> {
    tokens().keys().map(|name| (*name).to_owned()).collect()
}

/// Whether there is a group of this name.
#[must_use]
pub fn exists(name: &str) -> bool {
    tokens().contains_key(name)
}

/// A group's members, each once; empty for a group that there is not.
#[must_use]
pub fn members(group: &str) -> Vec<Member> {
    let mut out = Vec::new();
    collect(group, 0, &mut out);
    out
}

fn collect(group: &str, depth: usize, out: &mut Vec<Member>) {
    for token in tokens().get(group).into_iter().flatten() {
        if token.starts_with('@') {
            if depth < 8 {
                collect(token, depth + 1, out);
            }
        } else if let Some(member) = parse(token)
            && !out.contains(&member)
        {
            out.push(member);
        }
    }
}

fn parse(token: &str) -> Option<Member> {
    if let Some((name, errno)) = token.split_once('!') {
        return Some(Member { name: name.to_owned(), condition: None, errno: Some(errno_number(errno)?) });
    }
    let Some((name, rest)) = token.split_once('[') else {
        return Some(Member { name: token.to_owned(), condition: None, errno: None });
    };
    let condition = rest.strip_suffix(']')?;
    let (index, test) = condition.split_at_checked(1)?;
    let (op, value) = if let Some(value) = test.strip_prefix('<') {
        (Op::Lt, value)
    } else if let Some(masked) = test.strip_prefix('&') {
        let (mask, value) = masked.split_once("==")?;
        (Op::MaskedEq(number(mask)?), value)
    } else {
        (Op::Eq, test.strip_prefix("==")?)
    };
    let condition = Compare { index: index.parse().ok()?, op, value: number(value)? };
    Some(Member { name: name.to_owned(), condition: Some(condition), errno: None })
}

fn number(text: &str) -> Option<u64> {
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |digits| u64::from_str_radix(digits, 16).ok())
}

/// The number of an error's name.
#[must_use]
pub fn errno_number(name: &str) -> Option<u16> {
    (1..=133).find(|number| format!("{:?}", Errno::from_raw((*number).into())) == name)
}

/// The names of all errors.
#[must_use]
pub fn errno_names() -> Vec<String> {
    (1..=133).map(|number| format!("{:?}", Errno::from_raw(number))).filter(|name| name != "UnknownErrno").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::seccomp::names;

    #[test]
    fn every_token_is_a_call_or_a_group_that_exists() {
        for (group, list) in tokens() {
            assert!(!list.is_empty(), "{group}");
            for token in list {
                if token.starts_with('@') {
                    assert!(exists(token), "{group}: {token}");
                } else {
                    let member = parse(token).unwrap_or_else(|| Member { name: String::new(), condition: None, errno: None });
                    assert!(names::find(&member.name).is_some(), "{group}: {token}");
                }
            }
        }
    }

    #[test]
    fn the_default_group_leaves_out_what_administers() {
        let names: Vec<_> = members("@default").into_iter().map(|member| member.name).collect();
        for refused in ["mount", "unshare", "setns", "bpf", "keyctl", "io_uring_setup", "init_module", "reboot", "kexec_load"] {
            assert!(!names.iter().any(|name| name == refused), "{refused}");
        }
        assert!(names.iter().any(|name| name == "openat"));
    }
}
