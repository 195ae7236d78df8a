//! The Lua in README.md: each block runs as the whole script that it is.
//!
//! An HTML comment before a block says what it needs (`<!-- needs: root -->`), or with what words it
//! must fail (`<!-- fails: … -->`). A block of text behind `<!-- output -->` is what the Lua block
//! before it prints, to the letter.

use libtest_mimic::{Failed, Trial};

use crate::examples::unmet;
use crate::program::{Place, ROOT, is_root, succeeded, text};

/// One block of Lua with what is said about it.
#[derive(Clone, Default)]
struct Block {
    line: usize,
    source: String,
    needs: Vec<String>,
    fails: Option<String>,
    output: Option<String>,
}

pub fn trials() -> Vec<Trial> {
    let readme = std::fs::read_to_string(format!("{ROOT}/README.md")).unwrap();
    let blocks = blocks(&readme);
    let reasons = unmet(blocks.iter().flat_map(|block| block.needs.clone()).chain(["userns".to_owned()]).collect());
    let no_userns = reasons.contains_key("userns");
    let hello = [
        Trial::test("readme: scripts/hello.lua starts a container as root", || hello(false)).with_ignored_flag(!is_root()),
        Trial::test("readme: scripts/hello.lua starts a container as an ordinary user", || hello(true)).with_ignored_flag(no_userns),
    ];
    blocks
        .into_iter()
        .map(|block| {
            let reason = block.needs.iter().find_map(|need| reasons.get(need));
            let skipped = reason.map_or_else(String::new, |reason| format!(" (skipped: {reason})"));
            let title = format!("readme: the Lua at line {}{skipped}", block.line);
            let ignored = reason.is_some();
            Trial::test(title, move || run(&block)).with_ignored_flag(ignored)
        })
        .chain(hello)
        .collect()
}

fn hello(unprivileged: bool) -> Result<(), Failed> {
    let output = Place::new(unprivileged).run(&["scripts/hello.lua"], unprivileged)?;
    if output.stdout != b"process 1 of box, user 0\n" {
        return Err(text(&output).into());
    }
    let output = Place::new(unprivileged).run(&["scripts/hello.lua", "sh", "-c", "exit 7"], unprivileged)?;
    if output.status.code() == Some(7) { Ok(()) } else { Err(text(&output).into()) }
}

fn blocks(readme: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut next = Block::default();
    let mut is_output = false;
    let mut lines = readme.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let comment = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->"));
        if let Some(needs) = comment.and_then(|comment| comment.strip_prefix("needs: ")) {
            next.needs = needs.split_whitespace().map(str::to_owned).collect();
        } else if let Some(words) = comment.and_then(|comment| comment.strip_prefix("fails: ")) {
            next.fails = Some(words.to_owned());
        } else if comment == Some("output") {
            is_output = true;
        } else if let Some(language) = line.strip_prefix("```") {
            let inside: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            let body = inside.join("\n") + "\n";
            if language == "lua" {
                found.push(Block { line: number + 1, source: body, ..std::mem::take(&mut next) });
            } else if is_output {
                found.last_mut().unwrap().output = Some(body);
            }
            is_output = false;
        }
    }
    found
}

fn run(block: &Block) -> Result<(), Failed> {
    let unprivileged = block.needs.iter().any(|need| need == "user");
    let place = Place::new(unprivileged);
    // Errors call a script as the command line does.
    let file = place.file("readme.lua", &block.source).display().to_string();
    let output = place.run(&[&file], unprivileged)?;
    if let Some(words) = &block.fails {
        let printed = text(&output);
        return if !output.status.success() && printed.contains(words) { Ok(()) } else { Err(printed.into()) };
    }
    let output = succeeded(output)?;
    let printed = String::from_utf8_lossy(&output.stdout).replace(&file, "readme.lua");
    match &block.output {
        Some(wanted) if *wanted != printed => Err(format!("expected {wanted:?}, found {printed:?}").into()),
        _ => Ok(()),
    }
}
