//! Capabilities: the five sets of a process, and those of files; securebits, `no_new_privs`.
//!
//! A change says what is wanted, not what results from it: a plan does not know which
//! capabilities an earlier `unshare { "user" }` would have given.

use std::fmt;
use std::path::PathBuf;

use super::{Fact, Lesson, Reply, Request, Script, Shell, quote, shell_quote};
use crate::sys::capabilities::file::FileCaps;
use crate::sys::{self, Errno, capabilities as caps};

mod lesson;

/// A change of this topic. Masks have bit `n` for capability `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `PR_CAPBSET_DROP` for each of the mask that is still there.
    BoundingDrop {
        /// What goes.
        drop: u64,
    },
    /// capset(2) without the mask: what else is in the three sets stays.
    Drop {
        /// What goes from effective, permitted and inheritable, and by that from ambient.
        drop: u64,
    },
    /// capset(2) to these sets; a set that is `None` stays as it is.
    Set {
        /// Without it, what stays permitted stays effective.
        effective: Option<u64>,
        /// Can only shrink.
        permitted: Option<u64>,
        /// At most what is permitted or in the bounding set.
        inheritable: Option<u64>,
    },
    /// `PR_CAP_AMBIENT_CLEAR_ALL`
    AmbientClear,
    /// `PR_CAP_AMBIENT_RAISE` or `_LOWER`
    Ambient {
        /// Which of the two.
        change: caps::Ambient,
        /// Which capabilities.
        mask: u64,
    },
    /// `PR_SET_KEEPCAPS`
    KeepCaps {
        /// Whether the permitted set survives the change from uid 0 to others.
        on: bool,
    },
    /// `PR_SET_SECUREBITS`
    Securebits {
        /// Bits of linux/securebits.h.
        bits: u32,
    },
    /// `PR_SET_NO_NEW_PRIVS`
    NoNewPrivs,
    /// setxattr(2) of `security.capability`
    FileSet {
        /// The file.
        path: PathBuf,
        /// What its execution gives.
        caps: FileCaps,
    },
    /// removexattr(2) of `security.capability`
    FileRemove {
        /// The file.
        path: PathBuf,
    },
}

/// The words of linux/securebits.h, in the order of their bits.
pub const SECUREBITS: [&str; 8] = [
    "noroot",
    "noroot_locked",
    "no_setuid_fixup",
    "no_setuid_fixup_locked",
    "keep_caps",
    "keep_caps_locked",
    "no_cap_ambient_raise",
    "no_cap_ambient_raise_locked",
];

/// The words of a number of securebits.
#[must_use]
pub fn securebit_words(bits: u32) -> Vec<&'static str> {
    SECUREBITS.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, word)| *word).collect()
}

/// `CAP_A|CAP_B`, or `~(CAP_A|…)` where only a few are missing; strace writes `0` for none.
fn flags(mask: u64) -> String {
    let list = |mask: u64| caps::names(mask).iter().map(|name| format!("CAP_{}", name.to_ascii_uppercase())).collect::<Vec<_>>().join("|");
    let missing = caps::all() & !mask;
    match (mask.count_ones(), missing.count_ones()) {
        (0, _) => "0".to_owned(),
        (_, 0) => "ALL".to_owned(),
        (has, lacks) if has > lacks => format!("~({})", list(missing)),
        _ => list(mask),
    }
}

/// The names for a command line: `cap_a,cap_b`.
fn command_list(mask: u64) -> String {
    if mask == caps::all() {
        return "all".to_owned();
    }
    caps::names(mask).iter().map(|name| format!("cap_{name}")).collect::<Vec<_>>().join(",")
}

/// The text form of libcap's cap_to_text(3), for a file's sets.
#[must_use]
pub fn file_text(caps: &FileCaps) -> String {
    let effective = if caps.effective { "e" } else { "" };
    let mut clauses = Vec::new();
    for (mask, letters) in
        [(caps.permitted & caps.inheritable, "ip"), (caps.permitted & !caps.inheritable, "p"), (caps.inheritable & !caps.permitted, "i")]
    {
        if mask != 0 {
            clauses.push(format!("{}={effective}{letters}", command_list(mask)));
        }
    }
    clauses.join(" ")
}

/// The three sets in braces, each after its operator.
fn sets(f: &mut fmt::Formatter<'_>, parts: &[(&str, String)]) -> fmt::Result {
    let parts: Vec<_> = parts.iter().map(|(name, text)| format!("{name}{text}")).collect();
    write!(f, "capset({{version=_LINUX_CAPABILITY_VERSION_3, pid=0}}, {{{}}})", parts.join(", "))
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &PathBuf| quote(path.as_os_str().as_encoded_bytes(), 4096);
        match self {
            Self::BoundingDrop { drop } => write!(f, "prctl(PR_CAPBSET_DROP, {})", flags(*drop)),
            Self::Drop { drop } => {
                let without = format!("&={}", flags(caps::all() & !drop));
                sets(f, &[("effective", without.clone()), ("permitted", without.clone()), ("inheritable", without)])
            }
            Self::Set { effective, permitted, inheritable } => {
                let mut parts = Vec::new();
                for (name, mask) in [("effective", effective), ("permitted", permitted), ("inheritable", inheritable)] {
                    parts.extend(mask.map(|mask| (name, format!("={}", flags(mask)))));
                }
                sets(f, &parts)
            }
            Self::AmbientClear => f.write_str("prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)"),
            Self::Ambient { change, mask } => {
                let word = if *change == caps::Ambient::Raise { "RAISE" } else { "LOWER" };
                write!(f, "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_{word}, {}, 0, 0)", flags(*mask))
            }
            Self::KeepCaps { on } => write!(f, "prctl(PR_SET_KEEPCAPS, {})", u8::from(*on)),
            Self::Securebits { bits } => {
                let words: Vec<_> = securebit_words(*bits).iter().map(|word| format!("SECBIT_{}", word.to_ascii_uppercase())).collect();
                write!(f, "prctl(PR_SET_SECUREBITS, {})", if words.is_empty() { "0".to_owned() } else { words.join("|") })
            }
            Self::NoNewPrivs => f.write_str("prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)"),
            Self::FileSet { path: file, caps } => {
                write!(f, "setxattr({}, \"security.capability\", {{{}", path(file), file_text(caps))?;
                if let Some(rootid) = caps.rootid {
                    write!(f, ", rootid={rootid}")?;
                }
                write!(f, "}}, {}, 0)", caps.encode().len())
            }
            Self::FileRemove { path: file } => write!(f, "removexattr({}, \"security.capability\")", path(file)),
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::BoundingDrop { drop } => caps::bounding_drop(*drop)?,
            Self::Drop { drop } => {
                let now = caps::get(None)?;
                caps::capset(now.effective & !drop, now.permitted & !drop, now.inheritable & !drop)?;
            }
            Self::Set { effective, permitted, inheritable } => {
                let whole = effective.is_some() && permitted.is_some() && inheritable.is_some();
                let now = if whole { caps::Sets::default() } else { caps::get(None)? };
                let permitted = permitted.unwrap_or(now.permitted);
                caps::capset(effective.unwrap_or(now.effective & permitted), permitted, inheritable.unwrap_or(now.inheritable))?;
            }
            Self::AmbientClear => caps::ambient_clear()?,
            Self::Ambient { change, mask } => caps::ambient(*change, *mask)?,
            Self::KeepCaps { on } => caps::keep_caps(*on)?,
            Self::Securebits { bits } => caps::set_securebits(*bits)?,
            Self::NoNewPrivs => caps::no_new_privs()?,
            Self::FileSet { path, caps } => caps::file::set(path, caps)?,
            Self::FileRemove { path } => caps::file::remove(path)?,
        }
        Ok(Reply::Done)
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn script(&self) -> Script {
        lesson::script(self)
    }

    fn shell(&self) -> Shell {
        let path = |path: &PathBuf| shell_quote(&path.display().to_string());
        match self {
            Self::BoundingDrop { drop } => {
                Shell::Close(format!("setpriv --bounding-set={} …", lesson::setpriv(caps::all() & !drop)), "for the command that it starts")
            }
            Self::Drop { drop } => Shell::Close(
                format!("setpriv --inh-caps={} …", lesson::setpriv(caps::all() & !drop)),
                "inheritable alone: at exec the others follow from the bounding set",
            ),
            Self::Set { inheritable: Some(mask), .. } => {
                Shell::Close(format!("setpriv --inh-caps={} …", lesson::setpriv(*mask)), "at exec the others follow from the bounding set")
            }
            Self::Set { permitted, .. } => {
                let list = command_list(permitted.unwrap_or_default());
                Shell::Close(format!("capsh --caps={list}=eip -- -c …"), "the same list in each set")
            }
            Self::AmbientClear => Shell::Close("setpriv --ambient-caps -all …".to_owned(), "for the command that it starts"),
            Self::Ambient { change, mask } => {
                let sign = if *change == caps::Ambient::Raise { '+' } else { '-' };
                let list = caps::names(*mask).iter().map(|name| format!("{sign}{name}")).collect::<Vec<_>>().join(",");
                Shell::Close(format!("setpriv --ambient-caps {list} …"), "for the command that it starts")
            }
            Self::KeepCaps { .. } => Shell::Close("capsh --keep=1 …".to_owned(), "for the command that it starts"),
            Self::Securebits { bits } => Shell::Close(format!("capsh --secbits={bits:#x} -- -c …"), "for the command that it starts"),
            Self::NoNewPrivs => Shell::Close("setpriv --no-new-privs …".to_owned(), "for the command that it starts"),
            Self::FileSet { path: file, caps } => {
                let root = caps.rootid.map_or_else(String::new, |id| format!("-n {id} "));
                Shell::Exact(format!("setcap {root}{} {}", shell_quote(&file_text(caps)), path(file)))
            }
            Self::FileRemove { path: file } => Shell::Exact(format!("setcap -r {}", path(file))),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::FileSet { path, .. } | Self::FileRemove { path } => match caps::file::get(path) {
                Ok(Some(found)) => vec![(path.display().to_string(), file_text(&found))],
                _ => Vec::new(),
            },
            Self::NoNewPrivs => vec![("NoNewPrivs".to_owned(), u8::from(caps::has_no_new_privs()).to_string())],
            Self::KeepCaps { .. } | Self::Securebits { .. } => {
                let words = caps::securebits().map(|bits| securebit_words(bits).join(" ")).unwrap_or_default();
                vec![("securebits".to_owned(), if words.is_empty() { "none".to_owned() } else { words })]
            }
            _ => set_facts(),
        }
    }

    fn irreversible(&self) -> bool {
        matches!(self, Self::BoundingDrop { .. } | Self::Drop { .. } | Self::Set { permitted: Some(_), .. } | Self::NoNewPrivs)
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::BoundingDrop { .. }, Errno::EPERM) => {
                "CAP_SETPCAP is needed: drop capabilities before you change the user, or unshare { \"user\" } first; \
                 without it caps_set { permitted = {} } and no_new_privs() leave the bounding set nothing to bound"
            }
            (Self::Set { .. }, Errno::EPERM) => {
                "the permitted set can only shrink, effective must be within it, and inheritable within permitted and bounding: \
                 see caps_get()"
            }
            (Self::Ambient { .. }, Errno::EPERM) => {
                "a capability becomes ambient only when it is permitted and inheritable: caps_set { inheritable = … } first; \
                 the securebit no_cap_ambient_raise forbids it altogether"
            }
            (Self::KeepCaps { .. }, Errno::EPERM) => "the securebit keep_caps_locked is set",
            (Self::Securebits { .. }, Errno::EPERM) => "CAP_SETPCAP is needed, and a bit whose _locked bit is set cannot change any more",
            (Self::FileSet { .. } | Self::FileRemove { .. }, Errno::EPERM) => {
                "CAP_SETFCAP is needed in the user namespace of the file system"
            }
            (Self::FileSet { .. } | Self::FileRemove { .. }, Errno::EOPNOTSUPP) => "this file system keeps no extended attributes",
            (Self::FileSet { .. }, Errno::EINVAL) => "not a regular file, or the root id has no mapping here",
            (Self::FileRemove { .. }, Errno::ENODATA) => "the file has no capabilities",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// The five sets as /proc/self/status has them, few with their names.
fn set_facts() -> Vec<Fact> {
    let Ok(now) = caps::get(None) else { return Vec::new() };
    let show = |mask: u64| {
        let names = caps::names(mask);
        if names.is_empty() || names.len() > 4 { format!("{mask:016x}") } else { format!("{mask:016x} ({})", names.join(" ")) }
    };
    let sets = [
        ("CapInh", now.inheritable),
        ("CapPrm", now.permitted),
        ("CapEff", now.effective),
        ("CapBnd", now.bounding),
        ("CapAmb", now.ambient),
    ];
    sets.iter().map(|(name, mask)| ((*name).to_owned(), show(*mask))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_what_goes_or_what_stays_whichever_is_shorter() {
        assert_eq!(Call::BoundingDrop { drop: 1 << 21 }.to_string(), "prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN)");
        assert_eq!(Call::BoundingDrop { drop: caps::all() & !(1 << 10) }.to_string(), "prctl(PR_CAPBSET_DROP, ~(CAP_NET_BIND_SERVICE))");
        let set = Call::Set { effective: Some(0), permitted: None, inheritable: Some(caps::all()) };
        assert!(set.to_string().ends_with("{effective=0, inheritable=ALL})"));
    }

    #[test]
    fn a_files_text_is_what_getcap_prints() {
        let file = |permitted, inheritable, effective| file_text(&FileCaps { permitted, inheritable, effective, rootid: None });
        assert_eq!(file(1 << 10, 0, true), "cap_net_bind_service=ep");
        assert_eq!(file(1 << 13 | 1 << 12, 1 << 13, true), "cap_net_raw=eip cap_net_admin=ep");
        assert_eq!(file(0, 1 << 13, false), "cap_net_raw=i");
    }
}
