//! Podman, containerd and Docker drive the program as their runtime: the cases of
//! `tests/oci_callers/*.sh`, each in a box of its own (`tests/box.sh`).
//!
//! `RUNTIME=crun cargo test --test suite -- podman:` tests another runtime with the same cases.

use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;

use crate::program::{PROGRAM, Place, ROOT, succeeded, text};
use crate::selection::Selection;

pub fn trials(selection: &Selection) -> Vec<Trial> {
    let callers = ["podman", "rootless", "containerd", "docker", "policy", "book"].into_iter();
    callers.filter(|caller| selection.may_have(caller)).flat_map(of_caller).collect()
}

/// The cases of one caller. A file that cannot be listed is a failing test of its own.
fn of_caller(caller: &'static str) -> Vec<Trial> {
    let file = Path::new(ROOT).join(format!("tests/oci_callers/{caller}.sh")).display().to_string();
    let listed = Command::new(&file).arg("--list").output().map_err(|error| error.to_string()).and_then(succeeded);
    let listing = match listed {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(reason) => return vec![Trial::test(format!("{caller}: the file can be listed"), move || Err(reason.into()))],
    };
    listing.lines().filter_map(|line| line.split_once('\t')).map(|(name, skip)| trial(caller, &file, name, skip)).collect()
}

fn trial(caller: &str, file: &str, name: &str, skip: &str) -> Trial {
    let title = if skip.is_empty() { format!("{caller}: {name}") } else { format!("{caller}: {name} (skipped: {skip})") };
    let (file, name) = (file.to_owned(), name.to_owned());
    let run = move || {
        // env(1) sets what the box's inside needs to know: the runtime, unless the caller has named one.
        let runtime = std::env::var("RUNTIME").unwrap_or_else(|_| PROGRAM.to_owned());
        let assignment = format!("RUNTIME={runtime}");
        let output = Place::new(false).patient(2).run_program("env", &[&assignment, &file, "--case", &name])?;
        if output.status.success() { Ok(()) } else { Err(text(&output).into()) }
    };
    Trial::test(title, run).with_ignored_flag(!skip.is_empty())
}
