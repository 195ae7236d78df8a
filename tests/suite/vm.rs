//! What `tests/vm/run.sh` says where it cannot start a guest. It must fail then: a run of the tests
//! that has not taken place would look like one without failures.

use std::os::unix::fs::PermissionsExt;

use libtest_mimic::{Failed, Trial};

use crate::program::{Place, ROOT, is_root, text};

pub fn trials() -> Vec<Trial> {
    let trial = |name: &str, needs_guests: bool, run: fn() -> Result<(), Failed>| {
        let reason = needs_guests.then(unmet).flatten();
        let skipped = reason.map_or_else(String::new, |reason| format!(" (skipped: {reason})"));
        Trial::test(format!("vm: {name}{skipped}"), run).with_ignored_flag(reason.is_some())
    };
    vec![
        trial("options that are none, and no command, are told with the usage", false, usage),
        trial("a machine without QEMU, where nothing can be installed, is an error", true, no_qemu),
        trial("a disk without room for an image is an error that says how much is missing", true, no_room),
        trial("an ordinary user is told who can start a guest", true, not_root),
    ]
}

/// Whether this machine is one for guests.
fn unmet() -> Option<&'static str> {
    if !is_root() {
        return Some("not run as root");
    }
    let there = ["/usr/bin/qemu-system-x86_64", "/usr/bin/apt-get"].iter().all(|path| std::path::Path::new(path).exists());
    if there { None } else { Some("QEMU or apt-get is not installed") }
}

/// Runs it below a command, with programs of ours before others; it must end with 125, and say this.
fn fails(below: &str, words: &str, programs: &[(&str, &str)], wanted: &[&str]) -> Result<(), Failed> {
    let place = Place::new(false);
    for (name, body) in programs {
        let path = place.file(name, &format!("#!/bin/sh\n{body}\n"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    let dir = place.path().display();
    // The image would be made there.
    let source = format!("PATH={dir}:$PATH CARGO_TARGET_DIR={dir}/target exec {below} {ROOT}/tests/vm/run.sh {words}");
    let output = place.run_program("sh", &["-eu", "-c", &source])?;
    let printed = text(&output);
    if output.status.code() == Some(125) && wanted.iter().all(|part| printed.contains(part)) {
        return Ok(());
    }
    Err(format!("expected status 125 and {wanted:?}, found: {printed}").into())
}

fn usage() -> Result<(), Failed> {
    fails("", "--sytemd -- true", &[], &["unknown option '--sytemd'; usage: tests/vm/run.sh"])?;
    fails("", "--seconds", &[], &["--seconds needs a value"])?;
    fails("", "--seconds 5", &[], &["no command"])?;
    fails("", "--kernel 5.4 -- true", &[], &["unknown kernel '5.4': stable or backports"])
}

/// The program is hidden in a mount namespace of its own.
fn no_qemu() -> Result<(), Failed> {
    let hide = "mount --bind /dev/null /usr/bin/qemu-system-x86_64; exec \"$0\" \"$@\"";
    let apt = [("apt-get", "echo 'E: Unable to fetch some archives' >&2; exit 100")];
    let wanted = ["could not install: qemu-system-x86", "vm: QEMU, or what goes with it, is missing"];
    fails(&format!("unshare --mount sh -eu -c '{hide}'"), "-- true", &apt, &wanted)
}

fn no_room() -> Result<(), Failed> {
    fails("", "-- true", &[("df", "echo Avail; echo 512000")], &["has 500 MB left, and an image needs 2048: make room"])
}

fn not_root() -> Result<(), Failed> {
    fails("", "-- true", &[("id", "echo 1000")], &["a guest is started by root"])
}
