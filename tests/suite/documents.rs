//! What README.md and the book in docs/ show is run, so that neither can promise what does not hold.
//!
//! A block of Lua is a whole script. A block of `sh` is run where `<!-- run -->` stands before it, in
//! a directory of its own where `crun-lua` and `scripts/` are found. Comments before a block say more:
//!
//! - `<!-- needs: root cgroup:memory -->`: what the machine must have, in the words of `require "test"`;
//!   `user` runs the block as an ordinary user, `anyone` as the suite's user and again as an ordinary one;
//! - `<!-- fails: WORDS -->`: it must fail, and say so;
//! - `<!-- file: hello.lua -->`: its name, under which the page's later blocks of shell find it;
//! - `<!-- saved: hello.lua -->`: the same, and only such a block runs it;
//! - `<!-- continues -->`: it goes on where the block before it ends;
//! - `<!-- output -->` before a block of text: what the block above prints. `…` stands for any text of
//!   a line, and alone on a line for any lines; how many blanks stand between two words is not compared.
//!   Of a script that must fail it is also what it says.
//!
//! docs/policies.md (tests/lua/oci_policy_docs_test.lua) and the reference (`example:`) have tests of
//! their own.

use std::collections::HashMap;
use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::examples::unmet;
use crate::program::{Place, ROOT, is_root, succeeded, text};

/// One block that is run, with what is said about it.
#[derive(Clone, Default)]
struct Block {
    page: String,
    line: usize,
    is_shell: bool,
    source: String,
    needs: Vec<String>,
    fails: Option<String>,
    output: Option<String>,
    file: Option<String>,
    is_saved: bool,
    continues: bool,
    /// The files that blocks before it have.
    files: Vec<(String, String)>,
}

pub fn trials() -> Vec<Trial> {
    let mut broken = Vec::new();
    let mut blocks = Vec::new();
    for page in pages() {
        match read(&page, &std::fs::read_to_string(Path::new(ROOT).join(&page)).unwrap()) {
            Ok(found) => blocks.extend(found),
            Err(wrong) => broken.push(wrong),
        }
    }
    let needs: Vec<String> = blocks.iter().flat_map(|block| block.needs.clone()).filter(|need| need != "anyone").collect();
    let reasons = [unmet(needs.clone(), false), unmet(needs, true)];
    let mut trials = vec![
        Trial::test("document: what comments say about blocks is understood", move || {
            if broken.is_empty() { Ok(()) } else { Err(broken.join("\n").into()) }
        }),
        Trial::test("document: crun-lua check finds nothing in the Lua of the pages", check_finds_nothing),
        Trial::test("document: an output with … fits what is printed, and nothing else", outputs_are_compared),
        Trial::test("document: the words before a block are read, and what is unknown is refused", comments_are_read),
    ];
    trials.extend(blocks.into_iter().filter(|block| !block.is_saved).flat_map(|block| of_block(&block, &reasons)));
    trials
}

/// README.md and the pages of the book, but for those that have tests of their own.
fn pages() -> Vec<String> {
    let mut found = vec!["README.md".to_owned()];
    found.extend(crate::book::pages().into_iter().filter(|page| page != "docs/policies.md" && !page.starts_with("docs/reference")));
    found
}

/// The trials of a block: one for each user who runs it.
fn of_block(block: &Block, reasons: &[HashMap<String, String>; 2]) -> Vec<Trial> {
    let has = |word: &str| block.needs.iter().any(|need| need == word);
    let users: &[bool] = match (has("anyone") && is_root(), has("user")) {
        (true, _) => &[false, true],
        (_, true) => &[true],
        _ => &[false],
    };
    let what = if block.is_shell { "shell" } else { "Lua" };
    let trial = |user: &bool| {
        let (block, user) = (block.clone(), *user);
        let reason = block.needs.iter().find_map(|need| reasons[usize::from(user)].get(need));
        let skipped = reason.map_or_else(String::new, |reason| format!(" (skipped: {reason})"));
        let who = if user { ", as an ordinary user" } else { "" };
        let title = format!("document: {} line {}, {what}{who}{skipped}", block.page, block.line);
        let ignored = reason.is_some();
        Trial::test(title, move || run(&block, user)).with_ignored_flag(ignored)
    };
    users.iter().map(trial).collect()
}

/// The blocks of a page, or what cannot be understood in it.
fn read(page: &str, text: &str) -> Result<Vec<Block>, String> {
    let mut found: Vec<Block> = Vec::new();
    let mut files: Vec<(String, String)> = Vec::new();
    let mut next = Block::default();
    let (mut is_run, mut is_output) = (false, false);
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let fail = |what: &str| Err(format!("{page}:{}: {what}", number + 1));
        if let Some(comment) = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->")) {
            let (word, rest) = comment.split_once(": ").unwrap_or((comment, ""));
            match (word, rest) {
                ("needs", rest) => next.needs = rest.split_whitespace().map(str::to_owned).collect(),
                ("fails", rest) => next.fails = Some(rest.to_owned()),
                ("file", rest) => next.file = Some(rest.to_owned()),
                ("saved", rest) => (next.file, next.is_saved) = (Some(rest.to_owned()), true),
                ("continues", "") => next.continues = true,
                ("run", "") => is_run = true,
                ("output", "") => is_output = true,
                // Where a picture goes as soon as there is one: see `book`.
                ("picture", _) => {}
                _ => return fail("no comment is called so; known: needs, fails, file, saved, continues, run, output, picture"),
            }
        } else if let Some(language) = line.strip_prefix("```") {
            let body = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect::<Vec<_>>().join("\n") + "\n";
            let is_shell = language == "sh" && is_run;
            if language == "lua" || is_shell {
                let mut block = Block { page: page.to_owned(), line: number + 1, is_shell, ..std::mem::take(&mut next) };
                block.source = if block.continues { before(&found, is_shell) + &body } else { body };
                if let Some(name) = &block.file {
                    files.retain(|(other, _)| other != name);
                    files.push((name.clone(), block.source.clone()));
                }
                block.files.clone_from(&files);
                found.push(block);
            } else if is_output {
                let Some(block) = found.last_mut() else { return fail("an output without a block before it") };
                block.output = Some(body);
            } else if is_run || !next.needs.is_empty() || next.fails.is_some() || next.file.is_some() || next.continues {
                return fail("only sh and lua are run");
            }
            (is_run, is_output) = (false, false);
        } else if line.trim_start().starts_with("```lua") {
            return fail("a block of Lua begins in the first column");
        }
    }
    let is_used = |name: &String| found.iter().any(|block| block.is_shell && block.source.contains(name.as_str()));
    match found.iter().filter(|block| block.is_saved).filter_map(|block| block.file.as_ref()).find(|name| !is_used(name)) {
        Some(name) => Err(format!("{page}: {name} is saved, and no shell block runs it")),
        None => Ok(found),
    }
}

/// The text of the last block of the same language.
fn before(found: &[Block], is_shell: bool) -> String {
    found.iter().rev().find(|block| block.is_shell == is_shell).map_or_else(String::new, |block| block.source.clone())
}

fn run(block: &Block, unprivileged: bool) -> Result<(), Failed> {
    let place = Place::new(unprivileged);
    if block.is_shell {
        return judge(block, &place.run_shell(&block.source, &block.files, unprivileged)?, &|printed| printed);
    }
    // Errors call a script as the command line does.
    let stem = Path::new(&block.page).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().to_lowercase());
    let name = block.file.clone().unwrap_or(format!("{stem}.lua"));
    let file = place.file(&name, &block.source).display().to_string();
    let output = place.run(&[&file], unprivileged)?;
    judge(block, &output, &|printed| printed.replace(&file, &name))
}

/// Whether a block has ended and printed as its page says.
fn judge(block: &Block, output: &std::process::Output, named: &dyn Fn(String) -> String) -> Result<(), Failed> {
    let mut printed = named(String::from_utf8_lossy(&output.stdout).into_owned());
    if let Some(words) = &block.fails {
        printed += &named(String::from_utf8_lossy(&output.stderr).into_owned());
        if output.status.success() || !printed.contains(words) {
            return Err(text(output).into());
        }
    } else {
        succeeded(output.clone())?;
    }
    match &block.output {
        Some(wanted) if !fits(wanted, &printed) => Err(format!("expected:\n{wanted}\nfound:\n{printed}").into()),
        _ => Ok(()),
    }
}

/// Whether a text is what an output shows.
fn fits(wanted: &str, printed: &str) -> bool {
    let [wanted, printed] = [wanted, printed].map(|text| text.lines().map(evenly_spaced).collect::<Vec<_>>());
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let printed: Vec<&str> = printed.iter().map(String::as_str).collect();
    lines_fit(&wanted, &printed)
}

/// A line with one blank between its words: numbers of another width move what stands behind them.
pub fn evenly_spaced(line: &str) -> String {
    let start = line.len() - line.trim_start().len();
    let (indent, rest) = line.split_at(start);
    indent.to_owned() + &rest.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lines_fit(wanted: &[&str], printed: &[&str]) -> bool {
    match (wanted, printed) {
        ([], rest) => rest.is_empty(),
        (["…", others @ ..], _) => (0..=printed.len()).any(|skipped| lines_fit(others, printed.get(skipped..).unwrap_or_default())),
        ([first, others @ ..], [line, rest @ ..]) => line_fits(first, line) && lines_fit(others, rest),
        _ => false,
    }
}

/// Whether a line is what is wanted, where `…` stands for any text.
pub fn line_fits(wanted: &str, line: &str) -> bool {
    let Some((before, after)) = wanted.split_once('…') else { return wanted == line };
    let Some(rest) = line.strip_prefix(before) else { return false };
    let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.any(|at| line_fits(after, rest.get(at..).unwrap_or_default()))
}

/// The book's Lua is held to what it tells others to use; blocks that show a mistake are left out.
fn check_finds_nothing() -> Result<(), Failed> {
    let place = Place::new(false);
    let mut files = vec!["check".to_owned()];
    for page in pages() {
        let blocks = read(&page, &std::fs::read_to_string(Path::new(ROOT).join(&page))?)?;
        for block in blocks.iter().filter(|block| !block.is_shell && !block.is_saved && block.fails.is_none()) {
            let name = format!("{}-{}.lua", page.replace('/', "-"), block.line);
            files.push(place.file(&name, &block.source).display().to_string());
        }
    }
    let arguments: Vec<&str> = files.iter().map(String::as_str).collect();
    succeeded(place.run(&arguments, false)?)?;
    Ok(())
}

fn outputs_are_compared() -> Result<(), Failed> {
    let same = [
        ("a\n", "a\n"),
        ("pid … of …\n", "pid 7 of box\n"),
        ("a\n…\nd\n", "a\nb\nc\nd\n"),
        ("…\nd\n", "d\n"),
        ("a  …\n", "a b\n"),
        ("a… \n", "a \n"),
    ];
    let other = [
        ("a\n", "b\n"),
        ("a\n", "a\nb\n"),
        ("a\nb\n", "a\n"),
        ("pid … of box\n", "pid 7 of vox\n"),
        ("a\n…\nd\n", "a\nd\ne\n"),
        (" a\n", "a\n"),
    ];
    let wrong: Vec<_> = same.iter().filter(|(wanted, printed)| !fits(wanted, printed)).collect();
    let taken: Vec<_> = other.iter().filter(|(wanted, printed)| fits(wanted, printed)).collect();
    if wrong.is_empty() && taken.is_empty() { Ok(()) } else { Err(format!("not taken: {wrong:?}, taken: {taken:?}").into()) }
}

fn comments_are_read() -> Result<(), Failed> {
    let page = "<!-- needs: root user -->\n<!-- file: a.lua -->\n```lua\nlocal a = 1\n```\n\n<!-- output -->\n```text\n1\n```\n\n\
                <!-- continues -->\n```lua\nprint(a)\n```\n\n```sh\nrm -rf /\n```\n\n<!-- run -->\n```sh\ncrun-lua a.lua\n```\n";
    let blocks = read("page.md", page)?;
    let sources: Vec<_> = blocks.iter().map(|block| block.source.as_str()).collect();
    assert_eq!(sources, ["local a = 1\n", "local a = 1\nprint(a)\n", "crun-lua a.lua\n"]);
    let [first, second, third] = blocks.as_slice() else { return Err("three blocks are run".into()) };
    assert_eq!((first.needs.len(), first.output.as_deref(), second.needs.len()), (2, Some("1\n"), 0));
    assert_eq!(third.files, [("a.lua".to_owned(), "local a = 1\n".to_owned())]);
    for wrong in [
        "<!-- neds: root -->\n",
        "<!-- run -->\n```text\n```\n",
        "<!-- output -->\n```text\n```\n",
        "<!-- saved: b.lua -->\n```lua\n```\n",
        "- a\n  ```lua\n  ```\n",
    ] {
        assert!(read("page.md", wrong).is_err(), "{wrong}");
    }
    Ok(())
}
