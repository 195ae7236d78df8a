//! Where words stand on the page: numbers on the left, places on the right, nothing past column 80.

use std::time::Duration;

/// Columns of a page.
const WIDTH: usize = 80;
/// Where the text of a call begins.
const MARGIN: usize = 5;
/// A word that is longer loses its middle.
const LONGEST: usize = 44;
/// More lines of one text are shown only on request.
const LINES: usize = 4;

const BOLD: &str = "1";
const DIM: &str = "2";
const BLUE: &str = "34";
const ORANGE: &str = "33";

/// The text about one call.
pub struct Page {
    text: String,
    indent: usize,
    verbose: bool,
    colour: bool,
    /// The number that stands before the next row.
    number: Option<String>,
    effects: usize,
    margin: usize,
}

impl Page {
    /// An empty page for a process that is `depth` children deep.
    pub fn new(depth: usize, verbose: bool, colour: bool) -> Self {
        Self { text: String::new(), indent: 4 * depth.min(8), verbose, colour, number: None, effects: 0, margin: MARGIN }
    }

    /// What has been written.
    pub fn text(self) -> String {
        self.text
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn blank(&self) -> String {
        " ".repeat(self.indent)
    }

    /// A line of its own: which process speaks.
    pub fn rule(&mut self, text: &str) {
        let line = self.paint(DIM, &format!("┌ {text}"));
        self.text.push_str(&format!("{}{line}\n", self.blank()));
    }

    /// The script's line over the calls that modules make for it.
    pub fn section(&mut self, text: &str, place: &str) {
        let left = self.fitted(text, place);
        self.text.push_str(&format!("{}{}{}\n", self.blank(), " ".repeat(MARGIN), self.spread(&left, place)));
    }

    /// The Lua line of a call, and its place.
    pub fn head(&mut self, number: u64, mark: char, text: &str, place: &str) {
        let left = self.fitted(text, place);
        let number = self.paint(BOLD, &format!("{number:>2} {mark} "));
        self.text.push_str(&format!("{}{number}{}\n", self.blank(), self.spread(&left, place)));
    }

    /// The number of a further call of the same primitive; the row comes next.
    pub fn number(&mut self, number: u64, mark: char) {
        self.number = Some(format!("{number:>2} {mark} "));
    }

    fn fitted(&self, text: &str, place: &str) -> String {
        let room = (WIDTH.saturating_sub(self.indent + MARGIN)).saturating_sub(place.chars().count() + 2).max(24);
        if self.verbose || text.chars().count() <= room {
            return text.to_owned();
        }
        format!("{}…", text.chars().take(room - 1).collect::<String>().trim_end())
    }

    fn spread(&self, left: &str, right: &str) -> String {
        let room = WIDTH.saturating_sub(self.indent + MARGIN);
        let gap = room.saturating_sub(left.chars().count() + right.chars().count()).max(2);
        let right = self.paint(DIM, right);
        if right.is_empty() { self.paint(BOLD, left) } else { format!("{}{}{right}", self.paint(BOLD, left), " ".repeat(gap)) }
    }

    /// A thing of a plan: its sign, its kind, what is said of it, and a word at the right edge.
    pub fn item(&mut self, sign: char, kind: &str, text: &str, right: &str) {
        self.number = Some(format!(" {sign}  "));
        self.margin = 4;
        self.row(kind, text, right);
    }

    /// A row of words for people: never shortened.
    pub fn words(&mut self, label: &str, text: &str) {
        let room = WIDTH.saturating_sub(self.indent + self.margin + label.chars().count() + 1).max(32);
        let lines = if self.verbose { vec![text.to_owned()] } else { fold(text, room) };
        self.lines(label, lines, "");
    }

    /// A row: its label, its text, and a word at the right edge of its last line.
    pub fn row(&mut self, label: &str, text: &str, right: &str) {
        let lines = self.folded(text, self.margin + label.chars().count() + 1);
        self.lines(label, lines, right);
    }

    fn lines(&mut self, label: &str, mut lines: Vec<String>, right: &str) {
        let number = self.number.take();
        let before = number.map_or_else(|| " ".repeat(self.margin), |number| self.paint(BOLD, &number));
        let indent = self.margin + label.chars().count() + 1;
        let label = self.paint(DIM, label);
        let room = WIDTH.saturating_sub(self.indent + indent);
        let last = lines.last().map_or(0, |line| line.chars().count());
        if !right.is_empty() && last + 2 + right.chars().count() > room && !self.verbose {
            lines.push(String::new());
        }
        let count = lines.len();
        for (index, line) in lines.into_iter().enumerate() {
            let start = if index == 0 { format!("{before}{label} ") } else { " ".repeat(indent) };
            let gap = room.saturating_sub(line.chars().count() + right.chars().count()).max(2);
            let end = if index + 1 < count || right.is_empty() {
                String::new()
            } else {
                format!("{}{}", " ".repeat(gap), self.paint(DIM, right))
            };
            self.text.push_str(&format!("{}{start}{line}{end}\n", self.blank()));
        }
    }

    /// A row of what has changed; the label stands before the first.
    pub fn effect(&mut self, sign: char, text: &str) {
        let label = if self.effects == 0 { "effect" } else { "      " };
        self.effects += 1;
        let colour = match sign {
            '+' | '~' => BLUE,
            _ => ORANGE,
        };
        let (label, sign) = (self.paint(DIM, label), self.paint(colour, &sign.to_string()));
        let lines = self.folded(text, MARGIN + 9);
        for (index, line) in lines.into_iter().enumerate() {
            let start = if index == 0 { format!("{label} {sign}") } else { " ".repeat(8) };
            self.text.push_str(&format!("{}{}{start} {line}\n", self.blank(), " ".repeat(MARGIN)));
        }
    }

    /// A line as it is: of a source.
    pub fn source(&mut self, line: &str) {
        self.text.push_str(&format!("{}{line}\n", self.blank()));
    }

    fn folded(&self, text: &str, indent: usize) -> Vec<String> {
        let text = text.replace('\n', " ");
        if self.verbose {
            return vec![text.replace(TIED, " ")];
        }
        let room = WIDTH.saturating_sub(self.indent + indent).max(32);
        let mut lines = fold(&shorten(&text), room);
        if lines.len() > LINES {
            lines.truncate(LINES);
            if let Some(last) = lines.last_mut() {
                last.push_str(" …");
            }
        }
        lines
    }
}

/// A blank at which no line breaks.
pub const TIED: char = '\u{a0}';

/// A word without its middle, where it is long: of a path the ends stay whole.
fn shorten(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for letter in text.chars() {
        if " ,\"<>|(){}[]='".contains(letter) {
            out.push_str(&short(&word));
            word.clear();
            out.push(letter);
        } else {
            word.push(letter);
        }
    }
    out.push_str(&short(&word));
    out
}

fn short(word: &str) -> String {
    let length = word.chars().count();
    if length <= LONGEST {
        return word.to_owned();
    }
    let parts: Vec<&str> = word.split('/').collect();
    for kept in [2, 1] {
        let Some(middle) = parts.len().checked_sub(kept + 3) else { continue };
        let tail = parts.get(parts.len() - kept..).unwrap_or_default().join("/");
        // As much of the front as there is room for.
        for gone in 0..=middle {
            let front = parts.get(..3 + middle - gone - 1).unwrap_or_default();
            let short = format!("{}/…/{tail}", front.join("/"));
            if front.len() >= 2 && short.chars().count() <= LONGEST {
                return short;
            }
        }
    }
    let letters: Vec<char> = word.chars().collect();
    let (head, tail) = (&letters[..20], &letters[length - 20..]);
    format!("{}…{}", head.iter().collect::<String>(), tail.iter().collect::<String>())
}

/// Breaks a text behind blanks, commas and bars.
pub fn fold(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for piece in text.split_inclusive([' ', ',', '|']) {
        if length > 0 && length + piece.trim_end().chars().count() > room {
            lines.push(line.trim_end().replace(TIED, " "));
            line.clear();
            length = 0;
        }
        line.push_str(piece);
        length += piece.chars().count();
    }
    if !line.trim_end().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().replace(TIED, " "));
    }
    lines
}

/// A time in the unit that suits it.
pub fn micros(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..10_000 => format!("{micros} µs"),
        10_000..10_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{} s", micros / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_keeps_its_ends() {
        let path = "/sys/fs/cgroup/memory/process_api/bb7e8f31d3a8f5746122b0f2b0914d41/hello-1/tasks";
        assert_eq!(shorten(&format!("open(\"{path}\", O_WRONLY)")), "open(\"/sys/fs/cgroup/memory/…/hello-1/tasks\", O_WRONLY)");
        let long = format!("/sys/fs/cgroup/memory/{}/hello-1", "b".repeat(32));
        assert_eq!(shorten(&long), "/sys/fs/cgroup/memory/…/hello-1");
        assert_eq!(shorten("short words, all of them"), "short words, all of them");
    }

    #[test]
    fn lines_break_behind_blanks_commas_and_bars() {
        assert_eq!(fold("clone3(CLONE_NEWNS|CLONE_NEWPID) = 3", 20), ["clone3(CLONE_NEWNS|", "CLONE_NEWPID) = 3"]);
        assert_eq!(fold(&format!("mkdir(x){TIED}={TIED}0"), 9), ["mkdir(x) = 0"]);
        assert_eq!(fold("", 20), [""]);
    }

    #[test]
    fn nothing_stands_past_the_edge() {
        let mut page = Page::new(2, false, false);
        page.head(7, '!', &"seccomp ".repeat(30), "scripts/hardened.lua:144");
        page.row("syscall ", &"prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN) ".repeat(9), "123 µs");
        page.effect('~', &"hostname  vm → box ".repeat(9));
        let text = page.text();
        assert!(text.lines().all(|line| line.chars().count() <= 82), "{text}");
    }
}
