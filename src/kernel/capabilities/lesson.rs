//! The words about capabilities.

use super::{Call, caps, file_text};
use crate::kernel::lesson::{Lesson, Mark, Script};
use crate::kernel::shell_quote;

/// Few by name, many by number.
fn few(mask: u64) -> String {
    let names = caps::names(mask);
    match names.len() {
        0 => "none".to_owned(),
        1..=4 => names.join(", "),
        count => format!("{count} of {}", caps::names(caps::all()).len()),
    }
}

fn kept(drop: u64) -> String {
    few(caps::all() & !drop)
}

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    let own = |detail: String| Lesson::new(Mark::Change, "capabilities", "of this process").with(detail);
    match call {
        Call::BoundingDrop { drop } => own(format!("bounding → {}", kept(*drop)))
            .note("what is not in the bounding set comes back by no exec, not even of a set-user-ID file; it is the set that makes the others final")
            .needs("CAP_SETPCAP in this user namespace"),
        Call::Drop { drop } => own(format!("effective, permitted, inheritable → {}", kept(*drop)))
            .note("from now on the kernel refuses what needs one of those that went; root without capabilities is an ordinary user that owns files"),
        Call::Set { effective, permitted, inheritable } => {
            let sets = [("effective", effective), ("permitted", permitted), ("inheritable", inheritable)];
            let parts: Vec<String> = sets.iter().filter_map(|(name, mask)| mask.map(|mask| format!("{name} → {}", few(mask)))).collect();
            own(parts.join("; ")).note("permitted can only shrink; effective is what is used; inheritable is what exec may pass on")
        }
        Call::AmbientClear => own("ambient → none".to_owned()).note("programs that an ordinary user starts get nothing handed on"),
        Call::Ambient { change, mask } => {
            let sign = if *change == caps::Ambient::Raise { "+" } else { "-" };
            own(format!("ambient {sign}{}", few(*mask)))
                .note("the ambient set survives the exec of a program that has no capabilities of its own")
                .needs("the capability in the permitted and the inheritable set")
        }
        Call::KeepCaps { on } => own(format!("keep_caps {}", if *on { "on" } else { "off" }))
            .note("without it the change from user 0 to another empties the permitted set; exec takes it back"),
        Call::Securebits { .. } => Lesson::new(Mark::Change, "securebits", "of this process")
            .note("they take away what the kernel does for user 0 by itself")
            .needs("CAP_SETPCAP in this user namespace"),
        Call::NoNewPrivs => Lesson::new(Mark::Change, "no_new_privs", "of this process")
            .with("on")
            .note("no exec gives more rights from now on: set-user-ID bits and file capabilities do nothing; seccomp asks for it"),
        Call::FileSet { path, caps } => Lesson::new(Mark::Change, "file capabilities", path.display().to_string())
            .with(file_text(caps))
            .note("whoever executes the file gets them, within the bounding set")
            .needs("CAP_SETFCAP in the user namespace of the file system"),
        Call::FileRemove { path } => {
            Lesson::new(Mark::Remove, "file capabilities", path.display().to_string()).needs("CAP_SETFCAP in the user namespace of the file system")
        }
    }
}

/// `-all,+net_bind_service`: a set as setpriv(1) takes it, whichever way is shorter.
pub fn setpriv(keep: u64) -> String {
    let (keep, gone) = (caps::names(keep), caps::names(caps::all() & !keep));
    let words: Vec<String> = if keep.len() <= gone.len() {
        std::iter::once("-all".to_owned()).chain(keep.iter().map(|name| format!("+{name}"))).collect()
    } else {
        gone.iter().map(|name| format!("-{name}")).collect()
    };
    words.join(",")
}

/// The call in a shell script: for a program that exec starts, the bounding and the inheritable set
/// decide, for user 0 gets all of the rest anew.
pub fn script(call: &Call) -> Script {
    let wrap = |options: String, how| Script::Wrap { command: "setpriv", options, how };
    match call {
        Call::BoundingDrop { drop } => wrap(format!("--bounding-set={}", setpriv(caps::all() & !drop)), None),
        // Nothing is added: what was not inheritable does not become so.
        Call::Drop { drop } => wrap(
            format!("--inh-caps={}", setpriv(caps::get(None).unwrap_or_default().inheritable & !drop)),
            Some("the shell's own sets stay until exec, where the bounding set decides for user 0"),
        ),
        Call::Set { inheritable: Some(mask), .. } => {
            wrap(format!("--inh-caps={}", setpriv(*mask)), Some("effective and permitted follow from exec and the bounding set"))
        }
        Call::Set { .. } => Script::Missing,
        Call::AmbientClear => wrap("--ambient-caps=-all".to_owned(), None),
        Call::Ambient { change, mask } => {
            let sign = if *change == caps::Ambient::Raise { '+' } else { '-' };
            let list = caps::names(*mask).iter().map(|name| format!("{sign}{name}")).collect::<Vec<_>>().join(",");
            wrap(format!("--ambient-caps={list}"), None)
        }
        Call::KeepCaps { .. } => Script::Needless,
        Call::Securebits { bits } => {
            let words: Vec<String> = super::securebit_words(*bits).iter().map(|word| format!("+{word}")).collect();
            wrap(format!("--securebits={}", words.join(",")), None)
        }
        Call::NoNewPrivs => wrap("--no-new-privs".to_owned(), None),
        Call::FileSet { path, caps } => Script::Line(
            format!("setcap {} {}", shell_quote(&file_text(caps)), shell_quote(&path.display().to_string())),
            caps.rootid.map(|_| "without the root id"),
        ),
        Call::FileRemove { path } => Script::Line(format!("setcap -r {}", shell_quote(&path.display().to_string())), None),
    }
}
