//! `scripts/hardened.lua`: the box proves itself for root and for a user, its table can say no,
//! and a failure at any call leaves nothing.

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::program::{Place, succeeded, text};

const SCRIPT: &str = "scripts/hardened.lua";

pub fn trials() -> Vec<Trial> {
    let root = nix::unistd::geteuid().is_root();
    let userns = std::fs::read_to_string("/proc/sys/user/max_user_namespaces").is_ok_and(|limit| limit.trim() != "0");
    let busybox = Path::new("/bin/busybox").exists();
    vec![
        Trial::test("hardened: every property holds for root", || holds(false)).with_ignored_flag(!root),
        Trial::test("hardened: every property holds for an ordinary user", || holds(true)).with_ignored_flag(!userns),
        Trial::test("hardened: a box without its filter is told from a right one", table_can_say_no).with_ignored_flag(!root),
        Trial::test("hardened: the status of the command is passed on", status_passes),
        Trial::test("hardened: a directory with busybox is a root", directory_root).with_ignored_flag(!busybox),
        Trial::test("hardened: a tar file with busybox is a root", tar_root).with_ignored_flag(!busybox),
        Trial::test("hardened: bad arguments are status 2 and say what was expected", bad_arguments),
        Trial::test("hardened: a failure at any call leaves nothing behind", any_call_may_fail).with_ignored_flag(!root),
        Trial::test("hardened: a plan of it changes nothing", plan_changes_nothing),
    ]
}

fn holds(unprivileged: bool) -> Result<(), Failed> {
    let output = succeeded(Place::new(unprivileged).run(&[SCRIPT], unprivileged)?)?;
    let printed = text(&output);
    if printed.contains(" 0 do not") && printed.contains('✓') && !printed.contains('✗') { Ok(()) } else { Err(printed.into()) }
}

/// The script with one line taken out must fail, and name the property.
fn table_can_say_no() -> Result<(), Failed> {
    let script = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT))?;
    for (line, property) in [("  seccomp {", "✗ seccomp mode"), ("  root:readonly(\"/\")", "✗ root"), ("    setuser(", "✗ user")] {
        let without: Vec<&str> = script.lines().filter(|text| !text.starts_with(line)).collect();
        if without.len() == script.lines().count() {
            return Err(format!("{SCRIPT} has no line that starts with {line:?}").into());
        }
        let output = Place::new(false).run_text(&[], &without.join("\n"), false)?;
        let printed = text(&output);
        if output.status.success() || !printed.contains(property) {
            return Err(format!("without {line:?}: {printed}").into());
        }
    }
    Ok(())
}

fn status_passes() -> Result<(), Failed> {
    for (command, status) in [("exit 7", 7), ("exit 0", 0), ("sh -c 'kill -TERM $$'; exit $?", 143)] {
        let output = Place::new(false).run(&[SCRIPT, "--", "sh", "-c", command], false)?;
        if output.status.code() != Some(status) {
            return Err(format!("{command}: {}", text(&output)).into());
        }
    }
    Ok(())
}

/// A directory with a static busybox in it.
fn busybox_tree(dir: &Path) -> Result<(), Failed> {
    for name in ["bin", "dev", "proc", "tmp", "etc"] {
        std::fs::create_dir_all(dir.join(name))?;
    }
    std::fs::copy("/bin/busybox", dir.join("bin/busybox"))?;
    std::os::unix::fs::symlink("busybox", dir.join("bin/sh"))?;
    Ok(())
}

fn directory_root() -> Result<(), Failed> {
    let place = Place::new(false);
    let dir = place.path().join("root");
    busybox_tree(&dir)?;
    let dir = dir.display().to_string();
    let command = "busybox ls / && busybox touch /bin/x";
    let output = place.run(&[SCRIPT, "--rootfs", &dir, "--", "/bin/sh", "-c", command], false)?;
    let printed = text(&output);
    if printed.contains("bin\ndev\netc\nproc\ntmp\n") && printed.contains("Read-only file system") { Ok(()) } else { Err(printed.into()) }
}

fn tar_root() -> Result<(), Failed> {
    let place = Place::new(false);
    let dir = place.path().join("root");
    busybox_tree(&dir)?;
    let tar = place.path().join("root.tar.gz").display().to_string();
    let packed = Command::new("tar").arg("-C").arg(&dir).args(["-czf", &tar, "."]).status()?;
    assert!(packed.success());
    let output = place.run(&[SCRIPT, "--rootfs", &tar, "--", "/bin/sh", "-c", "busybox ls /bin; exit 5"], false)?;
    let printed = text(&output);
    if output.status.code() == Some(5) && printed.contains("busybox\nsh\n") { Ok(()) } else { Err(printed.into()) }
}

fn bad_arguments() -> Result<(), Failed> {
    for (arguments, wanted) in [
        (&["--colour", "red"][..], "--colour: not an option"),
        (&["--memory"], "its value is missing"),
        (&["--pids", "many"], "not a whole number"),
        (&["--rootfs", "/nowhere"], "/nowhere: no such directory or file"),
        (&["--"], "a command is expected"),
    ] {
        let output = Place::new(false).run(&[&[SCRIPT], arguments].concat(), false)?;
        let printed = text(&output);
        if output.status.code() != Some(2) || !printed.contains(wanted) {
            return Err(format!("{arguments:?}: {printed}").into());
        }
    }
    Ok(())
}

/// Each call of a run fails once. The leak check of every run looks for what stayed.
fn any_call_may_fail() -> Result<(), Failed> {
    let place = Place::new(false);
    let trace = place.path().join("trace").display().to_string();
    let command = [SCRIPT, "--", "true"];
    succeeded(place.run(&[&["--trace", &trace], &command[..]].concat(), false)?)?;
    let calls = std::fs::read_to_string(&trace)?.lines().count() - 1;
    assert!(calls > 50, "{calls} calls are too few to be the whole script");
    for number in 1..=calls {
        let fault = format!("{number}:EIO");
        let place = Place::new(false);
        let output = place.run_then_collect(&[&["--fault", &fault], &command[..]].concat())?;
        // The numbers of a child go on from its parent's, so the last ones may not be reached.
        let printed = text(&output);
        if !output.status.success() && !printed.contains("EIO") {
            return Err(format!("call {number}: {printed}").into());
        }
    }
    Ok(())
}

fn plan_changes_nothing() -> Result<(), Failed> {
    let output = succeeded(Place::new(false).run(&["--dry-run=calls", SCRIPT, "--", "true"], false)?)?;
    let printed = text(&output);
    if printed.contains("execve(") && printed.contains("Nothing was run.") { Ok(()) } else { Err(printed.into()) }
}
