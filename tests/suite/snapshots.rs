//! What `--explain` and `--dry-run` say of every script in `scripts/`, as files that people read and
//! review: `tests/snapshots/NAME.explain` and `NAME.plan`. `BLESS=1` writes them anew.
//!
//! What no two runs share (numbers of processes, inodes, times, temporary names) is put to a word, and
//! the entries of each process stand together, for processes speak when they like. Groups have other
//! files on other machines, so elsewhere than on cgroup v1 as root these cases are skipped; and scripts
//! that take their root from the host are compared where its packages are those of
//! `tests/snapshots/machine`, since each of their files is a row.

use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::program::{Place, ROOT, is_root, text};
use normal::normal;

#[path = "snapshots/normal.rs"]
mod normal;
#[path = "snapshots/policies.rs"]
mod policies;
#[path = "snapshots/processes.rs"]
mod processes;

/// Each script with the arguments that let it come to an end soon.
const SCRIPTS: [(&str, &[&str]); 9] = [
    ("agent", &["--no-home", "PROJECT", "--", "true"]),
    ("container", &["--", "ls", "/"]),
    ("debug", &["OWN"]),
    ("hardened", &["--", "true"]),
    ("hello", &[]),
    ("limits", &["memory", "cpu"]),
    ("multi_host", &[]),
    ("runtime", &["box", "host", "true"]),
    // Another port than the one that other programs have.
    ("two_boxes", &["18080"]),
];

/// Scripts that wait for the clock or for what others do: how many calls they make is another each
/// time, so that calls are numbered without those that only look, and a loop's are shown once. Of
/// limits.lua the fork bomb is left out: whether its processes live to tell what they did is chance.
const TIMED: [&str; 4] = ["container", "limits", "multi_host", "two_boxes"];

/// Scripts whose containers have the host's programs, libraries and files of /etc.
const OF_THE_HOST: [&str; 5] = ["agent", "container", "hardened", "runtime", "two_boxes"];

/// The packages that these files come from.
const PACKAGES: [&str; 14] = [
    "base-files",
    "bash",
    "busybox-static",
    "coreutils",
    "dash",
    "debianutils",
    "libc-bin",
    "libc6",
    "netbase",
    "openssl",
    "passwd",
    "readline-common",
    "tzdata",
    "util-linux",
];

/// What the machine's rows depend on; nothing where that cannot be asked.
fn machine() -> String {
    let asked = std::process::Command::new("dpkg-query").args(["-W", "-f", "${Package} ${Version}\\n"]).args(PACKAGES).output();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split('.').take(2).collect::<Vec<_>>().join(".");
    asked.map(|asked| format!("linux {kernel}\n{}", String::from_utf8_lossy(&asked.stdout))).unwrap_or_default()
}

pub fn trials() -> Vec<Trial> {
    let file = Path::new(ROOT).join("tests/snapshots/machine");
    let machine = machine();
    if std::env::var_os("BLESS").is_some() && is_root() {
        std::fs::write(&file, &machine).unwrap();
    }
    let elsewhere = std::fs::read_to_string(&file).is_ok_and(|known| known != machine);
    let v1 = Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists();
    let reason = match (is_root(), v1, Path::new("/bin/busybox").exists()) {
        (false, ..) => Some("not run as root"),
        (_, false, _) => Some("the snapshots show the files of cgroup v1"),
        (.., false) => Some("busybox is not installed"),
        _ => None,
    };
    let mut trials = Vec::new();
    for (name, arguments) in SCRIPTS {
        for (face, option) in [("explain", "--explain"), ("plan", "--dry-run")] {
            let other = (elsewhere && OF_THE_HOST.contains(&name)).then_some("other packages than tests/snapshots/machine has");
            let reason = reason.or(other);
            let skipped = reason.map_or_else(String::new, |reason| format!(" (skipped: {reason})"));
            let title = format!("snapshots: {option} of {name}.lua is what was reviewed (BLESS=1 writes it){skipped}");
            trials.push(Trial::test(title, move || check(name, arguments, face, option)).with_ignored_flag(reason.is_some()));
        }
    }
    trials.extend(policies::trials(reason));
    trials.push(Trial::test("snapshots: every script has one", every_script));
    trials
}

fn every_script() -> Result<(), Failed> {
    for entry in std::fs::read_dir(Path::new(ROOT).join("scripts"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(std::ffi::OsStr::to_str).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|extension| extension == "lua") && !SCRIPTS.iter().any(|(known, _)| *known == name) {
            return Err(format!("scripts/{name}.lua has no snapshot: name it in tests/suite/snapshots.rs").into());
        }
    }
    Ok(())
}

fn check(name: &str, arguments: &[&str], face: &str, option: &str) -> Result<(), Failed> {
    let place = Place::new(false);
    let project = place.path().join("project");
    std::fs::create_dir(&project)?;
    let script = format!("scripts/{name}.lua");
    // A process that is the same each time.
    let mut sleeper = std::process::Command::new("/bin/busybox").args(["sleep", "60"]).spawn()?;
    let (project, own) = (project.display().to_string(), sleeper.id().to_string());
    // Where lines break depends on how many digits a number has.
    let mut words = vec![option, "--verbose", script.as_str()];
    words.extend(arguments.iter().map(|word| match *word {
        "PROJECT" => project.as_str(),
        "OWN" => own.as_str(),
        other => other,
    }));
    let output = place.output(&words);
    sleeper.kill()?;
    sleeper.wait()?;
    let output = output?;
    let said = if face == "explain" { &output.stderr } else { &output.stdout };
    let said = String::from_utf8_lossy(said).replace(&place.path().display().to_string(), "PLACE");
    let said = without_own_groups(&said);
    // What the script itself prints comes before its plan.
    let is_row = |line: &&str| [" +  ", " ~  ", " -  ", " !  ", " ▸  ", "Plan: "].iter().any(|sign| line.starts_with(sign));
    let said = if face == "plan" { said.lines().skip_while(|line| !is_row(line)).flat_map(|line| [line, "\n"]).collect() } else { said };
    let found = if face == "explain" { processes::in_order(&said, TIMED.contains(&name)) } else { normal(&said) };
    if found.trim().is_empty() && name != "debug" {
        return Err(text(&output).into());
    }
    compare(&Path::new(ROOT).join("tests/snapshots").join(format!("{name}.{face}")), &found)
}

/// Whether a text is the one that was reviewed.
fn compare(file: &Path, found: &str) -> Result<(), Failed> {
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap())?;
        std::fs::write(file, found)?;
        return Ok(());
    }
    let reviewed = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    match reviewed.lines().zip(found.lines()).enumerate().find(|(_, (old, new))| old != new) {
        None if reviewed.lines().count() == found.lines().count() => Ok(()),
        None => Err(format!("{}: {} lines, now {}\n{found}", file.display(), reviewed.lines().count(), found.lines().count()).into()),
        Some((line, (old, new))) => Err(format!("{}:{}\n  was {old}\n  now {new}", file.display(), line + 1).into()),
    }
}

/// The groups that the suite itself is in are this machine's.
fn without_own_groups(said: &str) -> String {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut out = said.to_owned();
    for own in groups.lines().filter_map(|line| line.splitn(3, ':').nth(2)).filter(|own| own.len() > 1) {
        out = out.replace(&format!("{own}/"), "/").replace(own, "/");
    }
    out
}
