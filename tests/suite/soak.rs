//! A short soak, and the proof that it would notice: `make soak` is the long one (`tests/soak/run.sh`).

use libtest_mimic::{Failed, Trial};

use crate::program::{PROGRAM, Place, ROOT, is_root, succeeded, text};

pub fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn() -> Result<(), Failed>| {
        let skipped = if is_root() { "" } else { " (skipped: not run as root)" };
        Trial::test(format!("soak: {name}{skipped}"), run).with_ignored_flag(!skipped.is_empty())
    };
    vec![
        trial("some containers with a fault in one of two leave nothing, and their makers do not grow", short),
        trial("a lock or a name that cannot be given back at once leaves nothing", stuck),
        trial("what is left behind on purpose is noticed, whatever it is", noticed),
    ]
}

fn soak(settings: &[&str]) -> Result<std::process::Output, String> {
    let script = format!("{ROOT}/tests/soak/run.sh");
    let words: Vec<&str> = std::iter::once(PROGRAM).chain(settings.iter().copied()).collect();
    Place::new(false).patient(5).run_program(&script, &words)
}

fn short() -> Result<(), Failed> {
    let output = succeeded(soak(&["N=30", "EVERY=10", "FAULTS=2", "SEED=7"])?)?;
    let printed = text(&output);
    assert!(printed.contains("4 looks, 0 problems") && printed.contains("fault killed"), "{printed}");
    Ok(())
}

/// Each call that gives back a lock, and each that takes or gives back a name, fails once. The machine
/// is looked at after each: the next container removes what one has left.
fn stuck() -> Result<(), Failed> {
    let output = succeeded(soak(&["ONLY=LOCK_UN,renameat2", "KINDS=network plain", "SEED=7"])?)?;
    let printed = text(&output);
    let tried = |line: &&str| line.starts_with("every call: ") && !line.starts_with("every call: 0 ");
    assert!(printed.contains(" 0 problems") && printed.lines().any(|line| tried(&line)), "{printed}");
    Ok(())
}

fn noticed() -> Result<(), Failed> {
    let kinds = ["fd", "memory", "cgroup", "state", "mount", "link", "process"];
    let output = soak(&["N=40", "EVERY=8", "FAULTS=0", "PATIENCE=0", &format!("LEAK={}", kinds.join(","))])?;
    let printed = text(&output);
    assert!(!output.status.success(), "{printed}");
    let lines = ["grows: descriptors", "grows: memory", "file /run/soak/left-", " /run/root/mnt/soak-", "link left", "(sleep)"];
    for line in lines {
        assert!(printed.contains(line), "{line:?} is not in: {printed}");
    }
    let group = |line: &str| line.contains("cgroup /sys/fs/cgroup/") && line.contains("/left-");
    assert!(printed.lines().any(group), "the control group is not in: {printed}");
    Ok(())
}
