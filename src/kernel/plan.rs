//! Does nothing and remembers what would have been done; writes it as a table, as a list of calls, or
//! as a shell script.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;

use super::layout::{Page, TIED, fold};
use super::lesson::{Lesson, Mark};
use super::{Call, Event, Failure, Kernel, Reply, Request, Site, files};

/// One remembered call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The path of children that the call is made in, as [`Event::inside`].
    pub inside: String,
    /// How many children deep that is.
    pub depth: usize,
    /// The call.
    pub call: Call,
    /// The script's line.
    pub site: Site,
}

/// Remembers calls and answers each as if it had succeeded.
#[derive(Debug, Default)]
pub struct Plan {
    steps: RefCell<Vec<Step>>,
    inside: RefCell<Vec<String>>,
    needed: RefCell<Option<String>>,
    stopped: RefCell<Option<String>>,
}

impl Plan {
    /// Remembers a call.
    pub fn remember(&self, event: &Event) {
        self.push(event.inside.clone(), event.depth, event.call.clone(), event.site.clone());
    }

    fn push(&self, inside: String, depth: usize, call: Call, site: Site) {
        self.steps.borrow_mut().push(Step { inside, depth, call, site });
    }

    /// The script needs a value that no plan has.
    pub fn needs(&self, what: &str) {
        self.needed.replace(Some(what.to_owned()));
    }

    /// The script has ended with an error.
    pub fn stops(&self, error: &str) {
        self.stopped.replace(Some(error.to_owned()));
    }

    /// Why the script did not come to its end, where it did not: most often it needed a value that
    /// only the kernel has.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        let error = self.stopped.borrow().clone()?;
        let (place, needed) = (error.split(": ").next().unwrap_or_default().to_owned(), self.needed.borrow().clone());
        Some(match needed.filter(|needed| error.contains(needed.as_str())) {
            Some(needed) => format!("{place}: the script goes on by what {needed} answers, which is known after apply"),
            None => error,
        })
    }

    /// Whether something that is planned may have made this path by then.
    #[must_use]
    pub fn foresees(&self, path: &Path) -> bool {
        let steps = self.steps.borrow();
        let moved = |inside: &str| steps.iter().any(|step| step.inside == inside && step.call.lesson().kind == "root");
        steps.iter().any(|step| {
            let lesson = step.call.lesson();
            match (&step.call, lesson.mark, lesson.kind) {
                (Call::Files(files::Call::Temporary { path: made }), ..) => path.starts_with(made),
                // What a program makes nobody knows; in a root of its own it makes nothing here.
                (_, Mark::Run, "exec") => !moved(&step.inside),
                (_, Mark::Add | Mark::Change, "root") => true,
                (_, Mark::Add | Mark::Change, _) => lesson.name.starts_with('/') && path.starts_with(&lesson.name),
                _ => false,
            }
        })
    }

    /// What has been asked for, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.steps.borrow().clone()
    }

    /// Whether this place in a planned root is made by something planned: a file or a mount there or
    /// below. What a whole file system brings along (below a mount, in an archive) is not known.
    #[must_use]
    pub fn made(&self, place: &Path) -> Option<bool> {
        let steps = self.steps.borrow();
        let mut there = false;
        for lesson in steps.iter().map(|step| step.call.lesson()).filter(|lesson| lesson.mark == Mark::Add) {
            let name = Path::new(&lesson.name);
            let root = place.components().next();
            let brings = match lesson.kind {
                "files" => lesson.name.strip_prefix("in ").is_some_and(|dir| place.starts_with(dir)),
                "mount" => place != name && place.starts_with(name) && name.components().next() == root && name.components().count() > 1,
                _ => false,
            };
            if brings {
                return None;
            }
            there |= name.starts_with(place);
        }
        Some(there)
    }

    /// Writes a shell script that does the same; `what` is the command line that it stands for.
    #[must_use]
    pub fn as_shell(&self, what: &str) -> String {
        super::script::write(self, what)
    }

    /// Writes each call on a line, and the total.
    pub fn write_calls(&self, out: &mut dyn Write) -> io::Result<()> {
        let steps = self.steps.borrow();
        for step in steps.iter() {
            let mark = if step.call.irreversible() && step.call.returns() { '!' } else { step.call.lesson().mark.sign() };
            writeln!(out, "{}{mark} {}", "    ".repeat(step.depth), step.call)?;
        }
        let irreversible = steps.iter().filter(|step| step.call.irreversible()).count();
        writeln!(out, "Plan: {} calls, {irreversible} irreversible. Nothing was run.", steps.len())
    }

    /// Writes what is made, changed and removed, by process and kind; and the total.
    pub fn write(&self, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
        let steps = self.steps.borrow();
        let mut total = Total::default();
        write_process("", &steps, verbose, &mut total, out)?;
        if let Some(why) = self.stopped() {
            writeln!(out, "The plan stops here. {why}")?;
        }
        for line in fold(&total.text(), 80) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

/// One thing of a plan.
struct Row {
    sign: char,
    lesson: Lesson,
    details: Vec<String>,
    /// The path of the process that starts here.
    child: Option<String>,
    /// How often it is done.
    times: usize,
}

impl Row {
    fn of(step: &Step) -> Option<Self> {
        let lesson = step.call.lesson();
        if lesson.is_look() {
            return None;
        }
        let sign = if step.call.irreversible() && lesson.mark != Mark::Run { '!' } else { lesson.mark.sign() };
        let child = step.call.forks().then(|| join(&step.inside, &lesson.name));
        let details = Some(lesson.detail.clone()).filter(|detail| !detail.is_empty()).into_iter().collect();
        Some(Self { sign, lesson, details, child, times: 1 })
    }

    /// Whether another step only says more of the same thing.
    fn takes(&mut self, other: &Self) -> bool {
        let remove = |row: &Self| row.sign == '-';
        let same = self.lesson.kind == other.lesson.kind && self.lesson.name == other.lesson.name && remove(self) == remove(other);
        if !same || self.child.is_some() || self.sign == '▸' {
            return false;
        }
        if other.sign == '!' {
            self.sign = '!';
        }
        for detail in &other.details {
            if !self.details.contains(detail) {
                self.details.push(detail.clone());
            }
        }
        true
    }
}

fn join(inside: &str, name: &str) -> String {
    if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") }
}

/// The rows of one process, things of a kind together; what a child does stands below its row.
fn write_process(inside: &str, steps: &[Step], verbose: bool, total: &mut Total, out: &mut dyn Write) -> io::Result<()> {
    let mut rows: Vec<Row> = Vec::new();
    for row in steps.iter().filter(|step| step.inside == inside).filter_map(Row::of) {
        // The same again, such as one byte after the other into a pipe.
        if row.sign == '▸' && row.child.is_none() && rows.last().is_some_and(|last| last.lesson == row.lesson) {
            if let Some(last) = rows.last_mut() {
                last.times += 1;
            }
            continue;
        }
        if !rows.iter_mut().any(|other| other.takes(&row)) {
            // Behind the last of its kind: what runs stays where it is.
            let kind = row.lesson.kind;
            let place = if row.sign == '▸' || row.sign == '-' {
                None
            } else {
                rows.iter().rposition(|other| other.lesson.kind == kind && other.sign != '-')
            };
            rows.insert(place.map_or(rows.len(), |place| place + 1), row);
        }
    }
    let depth = if inside.is_empty() { 0 } else { inside.split('/').count() };
    let kinds = rows.iter().map(|row| row.lesson.kind.len()).max().unwrap_or(0) + 2;
    for row in &rows {
        total.count(row);
        let mut page = Page::new(depth, verbose, false);
        let end = if row.sign == '!' { "irreversible" } else { "" };
        let mut details = row.details.join("; ");
        if row.times > 1 {
            details.push_str(&format!(" ({} times)", row.times));
        }
        let gap = if row.lesson.name.is_empty() || details.is_empty() { "" } else { "  " };
        page.item(row.sign, &format!("{:<kinds$}", row.lesson.kind), &format!("{}{gap}{details}", row.lesson.name), end);
        out.write_all(page.text().as_bytes())?;
        if let Some(child) = &row.child {
            write_process(child, steps, verbose, total, out)?;
        }
    }
    Ok(())
}

/// How many of what.
#[derive(Default)]
struct Total {
    counts: Vec<(char, &'static str, usize)>,
}

impl Total {
    fn count(&mut self, row: &Row) {
        let kind = row.lesson.kind;
        match self.counts.iter_mut().find(|(sign, other, _)| *sign == row.sign && *other == kind) {
            Some((_, _, count)) => *count += 1,
            None => self.counts.push((row.sign, kind, 1)),
        }
    }

    fn text(&self) -> String {
        let part = |sign: char, what: &str| {
            let of: Vec<_> = self.counts.iter().filter(|(other, ..)| *other == sign).collect();
            let sum: usize = of.iter().map(|(_, _, count)| count).sum();
            let kinds: Vec<String> = of.iter().map(|(_, kind, count)| format!("{count} {}", plural(kind, *count))).collect();
            if sum == 0 { format!("0 {what}") } else { format!("{sum} {what} ({})", kinds.join(", ")) }
        };
        let parts = [part('+', "to add"), part('~', "to change"), part('-', "to remove"), part('!', "irreversible")];
        // Not broken over two lines: it is what is looked for.
        format!("Plan: {}. Nothing{TIED}was{TIED}run.", parts.join(", "))
    }
}

/// `directories`, `processes`, `links to a path`.
fn plural(kind: &str, count: usize) -> String {
    let (word, rest) = kind.split_once(" to ").map_or((kind, String::new()), |(word, rest)| (word, format!(" to {rest}")));
    match (count, word) {
        (1, _) => kind.to_owned(),
        _ if word.ends_with("ss") => format!("{word}es{rest}"),
        _ if word.ends_with('s') => kind.to_owned(),
        _ if word.ends_with('y') => format!("{}ies{rest}", word.trim_end_matches('y')),
        _ => format!("{word}s{rest}"),
    }
}

impl Kernel for Plan {
    fn run(&self, call: &Call) -> Result<Reply, Failure> {
        let (inside, depth) = (self.inside.borrow().join("/"), self.inside.borrow().len());
        self.push(inside, depth, call.clone(), Site::default());
        Ok(call.planned())
    }
    fn is_plan(&self) -> bool {
        true
    }
    fn foresees(&self, path: &Path) -> bool {
        Self::foresees(self, path)
    }
    fn made(&self, place: &Path) -> Option<bool> {
        Self::made(self, place)
    }
    fn enter_child(&self, label: &str, enter: bool) {
        if enter {
            self.inside.borrow_mut().push(label.to_owned());
        } else {
            self.inside.borrow_mut().pop();
        }
    }
}
