//! Puts what the narrator says into an order that no two runs differ in. Processes speak when they
//! like, so the entries of each stand together: first the parent's, then its children's in the order
//! of their birth, which is that of the parent's calls.

use super::normal::normal;

/// A process and what it has said.
#[derive(Default)]
struct Process {
    /// The line that introduces it; nothing for the first.
    rule: String,
    parent: usize,
    /// Its number as its parent sees it, or where it cannot know that, as it sees it itself.
    pid: String,
    entries: Vec<String>,
}

/// The text by processes, with words in place of what no two runs share. Where a script is `timed`,
/// calls are numbered anew in each process, for how often it looks before is another each time; and
/// what is said again and again stands there once.
pub fn in_order(said: &str, timed: bool) -> String {
    let processes = read(said);
    let mut out = String::new();
    write(&processes, 0, timed, &mut out);
    out
}

fn read(said: &str) -> Vec<Process> {
    let mut processes = vec![Process::default()];
    // Who speaks, and whose child that is.
    let mut stack = vec![0];
    // The script's line stands over the first of the calls that modules make for it.
    let mut above = String::new();
    let mut hidden = None;
    for line in said.lines() {
        let text = line.trim_start();
        let depth = (line.len() - text.len()) / 4;
        if text.ends_with("not shown: --explain=all)") {
            hidden = Some(line);
            continue;
        }
        if let Some(rule) = text.strip_prefix("┌ ") {
            stack.truncate(depth.max(1));
            let parent = *stack.last().unwrap();
            let known = processes.iter().position(|process| process.rule.trim_start() == text && process.parent == parent);
            stack.push(known.unwrap_or(processes.len()));
            if known.is_none() {
                let pid = rule.split_once("(pid ").map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect());
                processes.push(Process { rule: line.to_owned(), parent, pid: pid.unwrap_or_default(), entries: Vec::new() });
            }
            continue;
        }
        // A head's number stands at its process's margin; the rest of an entry is further right.
        let is_head = is_head(text);
        if is_head {
            stack.truncate(depth + 1);
        }
        let speaker = &mut processes[*stack.last().unwrap()];
        let is_section = !is_head && depth < stack.len() && !LABELS.iter().any(|label| text.starts_with(label)) && line.contains(".lua:");
        match speaker.entries.last_mut() {
            _ if is_section => above = format!("{line}\n"),
            Some(entry) if !is_head && above.is_empty() => entry.push_str(&format!("{line}\n")),
            _ => speaker.entries.push(format!("{}{line}\n", std::mem::take(&mut above))),
        }
    }
    // All processes' calls are counted there.
    processes[0].entries.extend(hidden.map(|line| format!("{line}\n")));
    processes
}

/// Whether a line begins with a call's number; a line of a source has one too.
fn is_head(text: &str) -> bool {
    let rest = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    rest.len() < text.len() && rest.starts_with(' ') && !rest.starts_with(" │")
}

/// What rows begin with.
const LABELS: [&str; 8] = ["syscall ", "shell  ", "effect ", "note  ", "~ ", "+ ", "- ", "= "];

fn write(processes: &[Process], own: usize, timed: bool, out: &mut String) {
    let process = &processes[own];
    if !process.rule.is_empty() {
        out.push_str(&normal(&process.rule));
    }
    let entries: Vec<String> = process.entries.iter().map(|entry| normal(entry)).collect();
    if timed {
        let entries: Vec<String> = entries.into_iter().map(|entry| either_end(uncounted(entry))).collect();
        told_once(&entries, out);
    } else {
        out.extend(entries);
    }
    let mut children: Vec<usize> = (1..processes.len()).filter(|child| processes[*child].parent == own).collect();
    let birth = |child: &usize| {
        let started = format!(") = {}", processes[*child].pid);
        let starts = |line: &str| line.contains("clone3(") && line.split("  ").any(|part| part.ends_with(&started));
        process.entries.iter().position(|entry| entry.lines().any(starts)).unwrap_or(usize::MAX)
    };
    children.sort_by_key(birth);
    for child in children {
        write(processes, child, timed, out);
    }
}

/// How many calls are not told: a word.
fn uncounted(entry: String) -> String {
    match entry.split_once('(') {
        Some((indent, _)) if indent.trim().is_empty() && entry.ends_with("--explain=all)\n") => {
            format!("{indent}(N calls that only open or look are not shown: --explain=all)\n")
        }
        _ => entry,
    }
}

/// A wire ends with the first of its two: whether the kernel has taken a container's namespace down
/// before the other end is deleted is chance, so both are told as one.
fn either_end(entry: String) -> String {
    let Some((call, _)) = entry.split_once("{RTM_DELLINK, ") else { return entry };
    let (_, rest) = entry.split_at(call.len());
    let link = rest.split('}').next().unwrap_or_default();
    format!("{}{link}}}) = 0, or ENODEV where the other end has taken it along\n", call.replacen('✗', " ", 1))
}

/// Entries with numbers of their own; one that is repeated more than twice stands there once.
fn told_once(entries: &[String], out: &mut String) {
    let mut number = 0;
    for same in entries.chunk_by(|one, other| numbered(one, 0) == numbered(other, 0)) {
        let told = if same.len() > REPEATED { 1 } else { same.len() };
        for entry in &same[..told] {
            // A line about calls that are not told has no number, for it has none of its own.
            number += usize::from(numbered(entry, 0) != *entry);
            out.push_str(&numbered(entry, number));
        }
        if told < same.len() {
            let indent = entries[0].len() - entries[0].trim_start().len();
            out.push_str(&format!("{}     (and the same again, ×N)\n", " ".repeat(indent / 4 * 4)));
        }
    }
}

/// How often the same may be told; more is a loop, which takes as many turns as there is time for.
const REPEATED: usize = 2;

/// An entry with another number at its head.
fn numbered(entry: &str, number: usize) -> String {
    let mut out = String::new();
    for line in entry.lines() {
        let text = line.trim_start();
        let rest = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let is_head = is_head(text);
        let indent = (line.len() - text.len()) / 4 * 4;
        let line = if is_head { format!("{}{number:>2}{rest}", " ".repeat(indent)) } else { line.to_owned() };
        out.push_str(&format!("{line}\n"));
    }
    out
}
