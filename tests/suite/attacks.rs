//! `docs/security.md` names, for each known attack, what stands against it and the tests that show it:
//! these exist, and no test that is named after an attack is missing on the page.

use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::program::ROOT;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("attacks: each file and test that docs/security.md names exists", named),
        Trial::test("attacks: docs/security.md names each test that is named after an attack", told),
    ]
}

/// The rows of the page's table, each as its cells.
fn rows() -> Result<Vec<Vec<String>>, Failed> {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/security.md"))?;
    let part = page.split("\n## ").find(|part| part.starts_with("Known attacks")).ok_or("docs/security.md has no known attacks")?;
    let lines = part.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<Vec<String>> = lines.map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()).collect();
    if rows.len() < 10 || rows.iter().any(|row| row.len() != 7) {
        return Err("docs/security.md: the table of known attacks has five columns, and many rows".into());
    }
    Ok(rows)
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The texts of all files with cases.
fn sources() -> Result<String, Failed> {
    let mut text = String::new();
    for dir in ["tests/lua", "tests/suite"] {
        for entry in std::fs::read_dir(Path::new(ROOT).join(dir))? {
            let path = entry?.path();
            if path.is_file() {
                text += &std::fs::read_to_string(path)?;
            }
        }
    }
    Ok(text)
}

fn named() -> Result<(), Failed> {
    let sources = sources()?;
    let mut wrong = Vec::new();
    for row in rows()? {
        let [_, attack, _, here, tests, _, _] = row.as_slice() else { continue };
        wrong.extend(quoted(here).into_iter().filter(|file| !Path::new(ROOT).join(file).exists()).map(str::to_owned));
        wrong.extend(quoted(tests).into_iter().filter(|name| !sources.contains(&format!("\"{name}\""))).map(str::to_owned));
        if attack.contains("CVE") && quoted(tests).is_empty() {
            wrong.push(format!("{attack} has no test"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("docs/security.md: there is no such thing: {}", wrong.join("; ")).into()) }
}

fn told() -> Result<(), Failed> {
    let sources = sources()?;
    let tests: Vec<String> = rows()?.iter().flat_map(|row| quoted(&row[4]).into_iter().map(str::to_owned).collect::<Vec<_>>()).collect();
    let literals = sources.split(concat!('"', "CVE-")).skip(1).filter_map(|rest| rest.split('"').next());
    let names = literals.filter(|rest| rest.contains(": ")).map(|rest| format!("CVE-{rest}"));
    let missing: Vec<String> = names.filter(|name| !tests.contains(name)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("docs/security.md does not name: {}", missing.join("; ")).into()) }
}
