//! The cases in `tests/lua/*_test.lua` and `tests/hostile/*_test.lua`, each in a process of its own.

use libtest_mimic::Trial;

use crate::program::{Place, succeeded, text};
use crate::selection::Selection;

/// Where the files are, and what their topics begin with.
const DIRECTORIES: [(&str, &str); 2] = [("tests/lua", ""), ("tests/hostile", "hostile_")];

/// The topics of the files, in order.
pub fn topics() -> Vec<String> {
    files().into_iter().map(|(topic, _)| topic).collect()
}

/// Topics with their files.
fn files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (dir, prefix) in DIRECTORIES {
        let entries = std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        found.extend(names.filter_map(|name| Some((format!("{prefix}{}", name.strip_suffix("_test.lua")?), format!("{dir}/{name}")))));
    }
    found.sort();
    found
}

pub fn trials(selection: &Selection) -> Vec<Trial> {
    files().into_iter().filter(|(topic, _)| selection.may_have(topic)).flat_map(|(topic, path)| in_file(&topic, &path)).collect()
}

/// The cases of one file. A file that cannot be listed is a failing test of its own.
fn in_file(topic: &str, path: &str) -> Vec<Trial> {
    let listed = Place::new(false).ask(&[path, "--list"], false).and_then(succeeded);
    let listing = match listed {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(reason) => return vec![Trial::test(format!("{topic}: the file can be listed"), move || Err(reason.into()))],
    };
    let mut trials = Vec::new();
    for line in listing.lines() {
        let mut columns = line.split('\t');
        let (name, skip, user) = (columns.next().unwrap().to_owned(), columns.next().unwrap_or_default(), columns.next());
        let unprivileged = user == Some("user");
        let minutes = columns.next().and_then(|text| text.parse().ok()).unwrap_or(1);
        let title = if skip.is_empty() { format!("{topic}: {name}") } else { format!("{topic}: {name} (skipped: {skip})") };
        let path = path.to_owned();
        let run = move || {
            let output = Place::new(unprivileged).patient(minutes).run(&[&path, "--case", &name], unprivileged)?;
            if output.status.success() { Ok(()) } else { Err(text(&output).into()) }
        };
        trials.push(Trial::test(title, run).with_ignored_flag(!skip.is_empty()));
    }
    trials
}
