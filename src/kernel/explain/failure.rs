//! A call that failed: what it needs, what the process has, what to try, and the line with a caret.

use crate::kernel::event::Event;
use crate::kernel::layout::Page;
use crate::kernel::lesson::Lesson;
use crate::kernel::{Failure, KINDS, Kinds, Locate, Site, back};
use crate::sys;

/// Tells why, as far as it is known.
pub fn tell(event: &Event, failure: &Failure, lesson: &Lesson, locate: &Locate, page: &mut Page) {
    if let Some(needs) = lesson.needs {
        page.words("needs   ", needs);
        page.words("have    ", &have(lesson.owners));
    }
    if let Some(hint) = &failure.hint {
        page.words("try     ", hint);
    }
    page.words("see     ", &see(event));
    for line in excerpt(&event.site, locate) {
        page.source(&line);
    }
}

/// What the process has of the rights that are asked for.
fn have(owners: Kinds) -> String {
    let mut parts = vec![format!("CapEff {}", back::status("CapEff").unwrap_or_else(|| "unreadable".to_owned()))];
    parts.extend(back::namespace("self/ns/user").map(|inode| format!("user ns {inode}")));
    for (word, _, _) in KINDS.iter().filter(|(_, _, kind)| owners.contains(*kind) && *kind != Kinds::USER) {
        parts.extend(owner(word).map(|inode| format!("{word} ns owned by {inode}")));
    }
    parts.extend(back::status("Seccomp").filter(|mode| mode != "0").map(|_| "a seccomp filter".to_owned()));
    parts.join(" · ")
}

/// The user namespace that owns the caller's namespace of a kind.
fn owner(word: &str) -> Option<u64> {
    use std::os::fd::AsFd;
    let namespace = sys::namespaces::open_namespace(std::path::Path::new(&format!("/proc/self/ns/{word}"))).ok()?;
    let owner = sys::namespaces::user_namespace(namespace.as_fd()).ok()?;
    sys::namespaces::identity(owner.as_fd()).ok().map(|(_, inode)| inode)
}

/// Where more is said: the primitive's page and the call's.
fn see(event: &Event) -> String {
    let call = event.call.to_string();
    let name = call.split('(').next().unwrap_or_default();
    let page = match (name, event.call.topic()) {
        ("write" | "open" | "mkdir" | "rmdir", "cgroups") => "man 7 cgroups".to_owned(),
        ("write", "namespaces") => "man 7 user_namespaces".to_owned(),
        ("write", "sysctl") => "man 5 proc".to_owned(),
        ("sendto", _) => "man 7 rtnetlink".to_owned(),
        ("unpack", _) => "man 1 tar".to_owned(),
        (name, _) => format!("man 2 {}", name.trim_end_matches("64")),
    };
    if event.site.primitive.is_empty() { page } else { format!("crun-lua help {} · {page}", event.site.primitive) }
}

/// The script's line with the one before it, and a caret under the primitive.
fn excerpt(site: &Site, locate: &Locate) -> Vec<String> {
    let Some(source) = locate.source(&site.file) else { return Vec::new() };
    let text = String::from_utf8_lossy(&source).into_owned();
    let first = site.line.saturating_sub(1).max(1);
    let width = site.line.to_string().len().max(4);
    let mut lines: Vec<String> = Vec::new();
    for (number, line) in
        text.lines().enumerate().map(|(index, line)| (index + 1, line)).filter(|(number, _)| (first..=site.line).contains(number))
    {
        lines.push(format!("{number:>width$} │ {line}"));
        if number == site.line {
            let word = site.primitive.rsplit(':').next().unwrap_or_default();
            let column = line.find(word).filter(|_| !word.is_empty()).unwrap_or(line.len() - line.trim_start().len());
            let before: String =
                line.chars().take(line[..column].chars().count()).map(|letter| if letter == '\t' { '\t' } else { ' ' }).collect();
            lines.push(format!("{:>width$} │ {before}{}", "", "^".repeat(word.chars().count().max(1))));
        }
    }
    lines
}
