//! The book in docs/: every page is in its table of contents, and every link leads somewhere.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::program::ROOT;

const SUMMARY: &str = "docs/SUMMARY.md";

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("book: every page is in SUMMARY.md, once", every_page_is_listed),
        Trial::test("book: SUMMARY.md lists the generated reference (BLESS=1 writes it)", reference_is_listed),
        Trial::test("book: every link of README.md, CONTRIBUTING.md and the book leads to a file and a heading", links_lead_somewhere),
        Trial::test("book: a page begins with its title, and has only one", pages_have_titles),
        Trial::test("book: every picture that is made is shown where its place is", pictures_are_shown),
    ]
}

/// The pages of the book, by their paths in the project.
pub fn pages() -> Vec<String> {
    let mut found = Vec::new();
    collect("docs", &mut found);
    found.retain(|page| page != SUMMARY);
    found.sort();
    found
}

fn collect(dir: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(Path::new(ROOT).join(dir)).unwrap().flatten() {
        let path = format!("{dir}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&path, found);
        } else if Path::new(&path).extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

fn content(page: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(page)).unwrap()
}

fn fail_with(wrong: &[String]) -> Result<(), Failed> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn every_page_is_listed() -> Result<(), Failed> {
    let mut listed: Vec<String> = links(&content(SUMMARY)).into_iter().map(|target| resolved(SUMMARY, &target)).collect();
    listed.sort();
    let known: BTreeSet<String> = pages().into_iter().collect();
    let mut wrong: Vec<String> = listed.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| format!("twice: {}", pair[0])).collect();
    let listed: BTreeSet<String> = listed.into_iter().collect();
    wrong.extend(known.difference(&listed).map(|page| format!("not in SUMMARY.md: {page}")));
    wrong.extend(listed.difference(&known).map(|page| format!("in SUMMARY.md, and no page: {page}")));
    fail_with(&wrong)
}

/// What stands in SUMMARY.md from here on is made from the files of docs/reference.
const REFERENCE: &str = "# Reference\n\n";

fn reference_is_listed() -> Result<(), Failed> {
    let text = content(SUMMARY);
    let (own, listed) = text.split_once(REFERENCE).ok_or("SUMMARY.md has no heading Reference")?;
    let wanted = reference_list();
    if listed == wanted {
        return Ok(());
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(Path::new(ROOT).join(SUMMARY), format!("{own}{REFERENCE}{wanted}"))?;
        return Ok(());
    }
    Err("docs/SUMMARY.md is stale: run the tests once with BLESS=1".into())
}

/// The index of the reference, and below it its pages, a directory after the other.
fn reference_list() -> String {
    let mut pages: Vec<String> = pages().into_iter().filter(|page| page.starts_with("docs/reference")).collect();
    let depth = |page: &String| page.matches('/').count();
    pages.sort_by_key(|page| (depth(page), page.clone()));
    let least = pages.first().map_or(0, depth);
    let line = |page: &String| {
        let title = content(page).lines().find_map(|line| line.strip_prefix("# ").map(str::to_owned)).unwrap_or_default();
        format!("{}- [{title}]({})\n", "  ".repeat(usize::from(depth(page) > least)), page.trim_start_matches("docs/"))
    };
    pages.iter().map(line).collect()
}

fn links_lead_somewhere() -> Result<(), Failed> {
    let mut wrong = Vec::new();
    for page in pages().into_iter().chain(["README.md".into(), "CONTRIBUTING.md".into()]) {
        for target in links(&content(&page)) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() { page.clone() } else { resolved(&page, file) };
            if !Path::new(ROOT).join(&file).exists() {
                wrong.push(format!("{page}: {target}: there is no {file}"));
            } else if !heading.is_empty() && !headings(&content(&file)).contains(heading) {
                wrong.push(format!("{page}: {target}: {file} has no such heading"));
            }
        }
    }
    fail_with(&wrong)
}

fn pages_have_titles() -> Result<(), Failed> {
    let titles = |page: &String| prose(&content(page)).lines().filter(|line| line.starts_with("# ")).count();
    // A page that is made by a program says so before its title.
    let first =
        |page: &String| prose(&content(page)).lines().find(|line| !line.is_empty() && !line.starts_with("<!-- ")).map(str::to_owned);
    let begins = |page: &String| first(page).is_some_and(|line| line.starts_with("# "));
    let wrong = pages().into_iter().filter(|page| titles(page) != 1 || !begins(page));
    fail_with(&wrong.collect::<Vec<_>>())
}

/// `<!-- picture: PATH -->` is the place of a picture that a program makes: as soon as the file is
/// there, the next line has to show it.
fn pictures_are_shown() -> Result<(), Failed> {
    let mut wrong = Vec::new();
    for page in pages().into_iter().chain(["README.md".into()]) {
        let text = content(&page);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some(picture) = line.strip_prefix("<!-- picture: ").and_then(|rest| rest.strip_suffix(" -->")) else { continue };
            let made = Path::new(ROOT).join(picture).exists();
            let shown = lines.next().unwrap_or_default().starts_with("![");
            if made != shown {
                wrong.push(format!("{page}: {picture}: made: {made}, shown: {shown}"));
            }
        }
    }
    fail_with(&wrong)
}

/// A page without what stands in blocks of code.
fn prose(text: &str) -> String {
    let mut inside = false;
    let kept = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// The targets of a page's links and pictures.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("](") {
        let (target, behind) = after.split_once(')').unwrap_or((after, ""));
        found.push(target.to_owned());
        rest = behind;
    }
    found
}

/// Where a link of a page leads, as a path in the project.
fn resolved(page: &str, target: &str) -> String {
    let mut path = PathBuf::new();
    for part in Path::new(page).parent().unwrap().join(target).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path.display().to_string()
}

/// The anchors of a page's headings, as mdBook and GitHub make them.
fn headings(text: &str) -> BTreeSet<String> {
    let text = prose(text);
    let titles = text.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    titles.map(|title| title.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}
