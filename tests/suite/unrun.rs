//! Every shell block of the README and of the book is run, or it stands here with the reason why not.

use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::program::ROOT;

/// The page, how the block begins, and why nobody runs it.
const NOT_RUN: [(&str, &str, &str); 17] = [
    ("README.md", "make run ", "builds the program and runs this suite"),
    ("README.md", "crun-lua --explain hello.lua", "docs/tour.md has the same lines, and they are run there"),
    ("README.md", "crun-lua scripts/hardened.lua", "tests/suite/hardened.rs runs it, with its options"),
    ("README.md", "crun-lua ps ", "shows what runs on the reader's machine; tests/suite/commands.rs runs each command"),
    ("README.md", "crun-lua lab ", "starts a course on the reader's terminal; tests/suite/lab.rs plays it"),
    ("README.md", "podman --runtime ", "an engine with an image of the reader's; tests/oci_callers runs it"),
    ("CONTRIBUTING.md", "cargo test --test suite -- sysctl:", "runs this suite"),
    ("CONTRIBUTING.md", "cargo test --test suite -- podman:", "runs this suite"),
    ("CONTRIBUTING.md", "BLESS=1 ", "runs this suite, and writes into the tree"),
    ("CONTRIBUTING.md", "make test-vm ", "starts virtual machines that run this suite"),
    ("docs/audit.md", "crun-lua audit 4242 ", "judges what runs on the reader's machine; tests/lua/audit_process_test.lua has each form"),
    ("docs/learn.md", "crun-lua learn -o help.lua ", "the program is the reader's; tests/lua/learn_record_test.lua records others"),
    ("docs/contributing.md", "git clone ", "fetches the repository"),
    (
        "docs/explain.md",
        "CRUN_LUA_EXPLAIN=",
        "an engine with an image from a registry; tests/suite/faces.rs sets both for the OCI commands",
    ),
    ("docs/images.md", "skopeo copy ", "fetches an image from a registry"),
    ("docs/oci.md", "crun-lua --explain run box", "the bundle is the reader's; tests/suite/commands.rs and the snapshots run each option"),
    ("docs/tour.md", "make run ", "builds the program"),
];

pub fn trials() -> Vec<Trial> {
    vec![Trial::test("document: a shell block that is not run says why", each_is_run_or_known)]
}

fn each_is_run_or_known() -> Result<(), Failed> {
    let mut pages = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    pages.extend(crate::book::pages());
    let (mut wrong, mut seen) = (Vec::new(), Vec::new());
    for page in pages {
        let text = std::fs::read_to_string(Path::new(ROOT).join(&page))?;
        let lines: Vec<&str> = text.lines().collect();
        for (index, _) in lines.iter().enumerate().filter(|(_, line)| line.trim_start() == "```sh") {
            // The comments stand directly above.
            let above = lines[..index].iter().rev().take_while(|line| line.starts_with("<!-- "));
            let first = lines.get(index + 1).copied().unwrap_or_default();
            let known = NOT_RUN.iter().position(|(where_, start, _)| *where_ == page && first.starts_with(start));
            match (above.into_iter().any(|line| *line == "<!-- run -->"), known) {
                (true, Some(_)) => wrong.push(format!("{page}:{}: is run, and named in NOT_RUN", index + 1)),
                (false, None) => wrong.push(format!("{page}:{}: neither `<!-- run -->` nor in NOT_RUN: {first}", index + 1)),
                (_, known) => seen.extend(known),
            }
        }
    }
    let gone = NOT_RUN.iter().enumerate().filter(|(index, _)| !seen.contains(index));
    wrong.extend(gone.map(|(_, (page, start, _))| format!("{page}: NOT_RUN names a block that is not there: {start}")));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
