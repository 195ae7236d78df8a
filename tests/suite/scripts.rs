//! The programs in `scripts/`: short enough to be read, each says what it shows, and each refuses
//! what it does not understand. What they do is in `tests/lua/scripts_test.lua`.

use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::program::{Place, ROOT, text};

/// Those that must be read at one sitting: fewer than 80 lines each.
const SHORT: [&str; 7] = ["agent", "container", "debug", "limits", "multi_host", "runtime", "two_boxes"];

const LINES: usize = 80;

pub fn trials() -> Vec<Trial> {
    let root = nix::unistd::geteuid().is_root();
    let mut trials = vec![
        Trial::test("scripts: each opens with what it shows", each_says_what_it_shows),
        Trial::test("scripts: each of the short ones has fewer than 80 lines", short_ones_are_short),
        Trial::test("scripts: a plan of container.lua changes nothing", plan_changes_nothing),
    ];
    for name in SHORT {
        trials.push(Trial::test(format!("scripts: {name}.lua refuses bad arguments with status 2 and its usage"), move || {
            bad_arguments(name, false)
        }));
        let title = format!("scripts: {name}.lua refuses them from an ordinary user as well");
        trials.push(Trial::test(title, move || bad_arguments(name, true)).with_ignored_flag(!root));
    }
    trials
}

fn source(name: &str) -> std::io::Result<String> {
    std::fs::read_to_string(Path::new(ROOT).join("scripts").join(format!("{name}.lua")))
}

fn each_says_what_it_shows() -> Result<(), Failed> {
    for name in SHORT {
        let script = source(name)?;
        let mut lines = script.lines();
        let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        if first != "#!/usr/bin/env crun-lua" || !second.starts_with("-- Shows ") {
            return Err(format!("scripts/{name}.lua begins with {first:?} and {second:?}").into());
        }
    }
    Ok(())
}

fn short_ones_are_short() -> Result<(), Failed> {
    for name in SHORT {
        let lines = source(name)?.lines().count();
        if lines >= LINES {
            return Err(format!("scripts/{name}.lua has {lines} lines").into());
        }
    }
    Ok(())
}

/// Command lines that are wrong, and what is said of each.
fn wrong(name: &str) -> &'static [(&'static [&'static str], &'static str)] {
    match name {
        "agent" => &[
            (&[], "a directory, -- and a command are expected"),
            (&["/tmp"], "a directory, -- and a command are expected"),
            (&["/tmp", "--"], "a directory, -- and a command are expected"),
            (&["--"], "a directory, -- and a command are expected"),
            (&["--shw", "/tmp"], "--shw: not an option"),
            (&["/tmp", "/usr", "--", "true"], "/usr: not an option"),
            (&["/tmp", "--allow"], "--allow: its value is missing"),
            (&["--allow", "10.0.0.0/99:443", "scripts", "--", "true"], "10.0.0.0/99"),
            (&["/no/such/project", "--", "true"], "/no/such/project"),
        ],
        "container" => &[(&["ls"], ""), (&["--"], ""), (&["--help"], "")],
        "debug" => &[(&[], ""), (&["x"], ""), (&["1.5"], ""), (&["1", "2"], "")],
        "limits" => &[(&["disk"], "disk: not a limit"), (&["memory", "--help"], "--help: not a limit")],
        "multi_host" => &[(&["red"], "")],
        "runtime" => &[
            (&[], "a name and an image are expected"),
            (&["box"], "a name and an image are expected"),
            (&["--memory"], "--memory: its value is missing"),
            (&["--colour", "red", "box", "host"], "--colour: not an option"),
            (&["-m", "1G", "box", "host"], "-m: not an option"),
            (&["--profile", "strickt", "box", "host", "true"], "did you mean \"strict\"?"),
            (&["--network", "brigde", "box", "host", "true"], "did you mean \"bridge\"?"),
            (&["a/b", "host", "true"], "\"a/b\" is no container's name"),
            (&["box", "/no/such/image", "true"], "/no/such/image: no such file or directory"),
            (&["box", "/etc/passwd", "true"], "/etc/passwd"),
        ],
        _ => &[(&["0"], "0: not a port"), (&["x"], "x: not a port"), (&["65536"], "not a port"), (&["1", "2"], "not a port")],
    }
}

fn bad_arguments(name: &str, unprivileged: bool) -> Result<(), Failed> {
    let script = format!("scripts/{name}.lua");
    for (arguments, wanted) in wrong(name) {
        let output = Place::new(unprivileged).run(&[&[script.as_str()], *arguments].concat(), unprivileged)?;
        let printed = text(&output);
        let usage = format!("usage: crun-lua {script}");
        if output.status.code() != Some(2) || !printed.contains(wanted) || !printed.contains(&usage) {
            return Err(format!("{arguments:?}: {printed}").into());
        }
    }
    Ok(())
}

fn plan_changes_nothing() -> Result<(), Failed> {
    let printed = text(&Place::new(false).run(&["--dry-run=calls", "scripts/container.lua", "--", "true"], false)?);
    if printed.contains("execve(") && printed.contains("Nothing was run.") { Ok(()) } else { Err(printed.into()) }
}
