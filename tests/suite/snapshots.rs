//! What `--explain` and `--dry-run` say of every script in `scripts/`, as files that people read and
//! review: `tests/snapshots/NAME.explain` and `NAME.plan`. `BLESS=1` writes them anew.
//!
//! What no two runs share (numbers of processes, inodes, times, temporary names) is put to a word, and
//! the entries of each process stand together, for processes speak when they like. Groups have other
//! files on other machines, so elsewhere than on cgroup v1 as root these cases are skipped; and scripts
//! that take their root from the host are compared where its packages are those of
//! `tests/snapshots/machine`, since each of their files is a row.

use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::program::{Place, ROOT, is_root, text};

/// Each script with the arguments that let it come to an end soon.
const SCRIPTS: [(&str, &[&str]); 9] = [
    ("agent", &["--no-home", "PROJECT", "--", "true"]),
    ("container", &["--", "ls", "/"]),
    ("debug", &["OWN"]),
    ("hardened", &["--", "true"]),
    ("hello", &[]),
    ("limits", &["pids"]),
    ("multi_host", &[]),
    ("runtime", &["box", "host", "true"]),
    ("two_boxes", &[]),
];

/// Scripts that wait for the clock or for what others do: how many calls they make is another each
/// time, so that only their plans are compared.
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
            if face == "explain" && TIMED.contains(&name) {
                continue;
            }
            let other = (elsewhere && OF_THE_HOST.contains(&name)).then_some("other packages than tests/snapshots/machine has");
            let reason = reason.or(other);
            let skipped = reason.map_or_else(String::new, |reason| format!(" (skipped: {reason})"));
            let title = format!("snapshots: {option} of {name}.lua is what was reviewed (BLESS=1 writes it){skipped}");
            trials.push(Trial::test(title, move || check(name, arguments, face, option)).with_ignored_flag(reason.is_some()));
        }
    }
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
    let said = if face == "explain" { by_process(&said) } else { said };
    let found = normal(&said);
    if found.trim().is_empty() && name != "debug" {
        return Err(text(&output).into());
    }
    let file: PathBuf = Path::new(ROOT).join("tests/snapshots").join(format!("{name}.{face}"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(Path::new(ROOT).join("tests/snapshots"))?;
        std::fs::write(&file, &found)?;
        return Ok(());
    }
    let reviewed = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    match reviewed.lines().zip(found.lines()).enumerate().find(|(_, (old, new))| old != new) {
        None if reviewed.lines().count() == found.lines().count() => Ok(()),
        None => Err(format!("{}: {} lines, now {}\n{found}", file.display(), reviewed.lines().count(), found.lines().count()).into()),
        Some((line, (old, new))) => Err(format!("{}:{}\n  was {old}\n  now {new}", file.display(), line + 1).into()),
    }
}

/// The entries of each process together, in the order in which the processes first spoke.
fn by_process(said: &str) -> String {
    let mut processes: Vec<(String, String)> = vec![(String::new(), String::new())];
    let mut names: Vec<String> = Vec::new();
    for line in said.lines() {
        let depth = (line.len() - line.trim_start().len()) / 4;
        if let Some(rule) = line.trim_start().strip_prefix("┌ ") {
            names.truncate(depth.saturating_sub(1));
            names.push(rule.split(" (").next().unwrap_or_default().to_owned());
            let path = names.join("/");
            if !processes.iter().any(|(known, _)| *known == path) {
                processes.push((path, format!("{line}\n")));
            }
            continue;
        }
        // A head's number stands at its process's margin; the rest of an entry is further right.
        let is_head = line.trim_start().starts_with(|first: char| first.is_ascii_digit()) && line.contains(' ');
        if is_head {
            let margin = (line.len() - line.trim_start().len()) / 4;
            names.truncate(margin);
        }
        let path = names.join("/");
        match processes.iter_mut().find(|(known, _)| *known == path) {
            Some((_, lines)) => lines.push_str(&format!("{line}\n")),
            None => processes.push((path, format!("{line}\n"))),
        }
    }
    processes.into_iter().map(|(_, lines)| lines).collect()
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

/// Puts a word in place of what no two runs share.
fn normal(said: &str) -> String {
    let mut out = String::new();
    for line in said.lines() {
        // A time at the right edge.
        let timed = |unit: &str| {
            let rest = line.strip_suffix(unit)?;
            let bare = rest.trim_end_matches(|letter: char| letter.is_ascii_digit());
            (bare.len() < rest.len() && bare.ends_with("  ")).then(|| bare.trim_end().to_owned())
        };
        let untimed = [" µs", " ms", " s"].into_iter().find_map(timed);
        let mut text = sizes(&without_lines_of_modules(&numbers(untimed.as_deref().unwrap_or(line))));
        for (start, end, word) in [
            ("mount /  ", " → ", "HOST"),
            ("kernel.hostname  ", " → ", "HOST"),
            // Names have process numbers in them, of more digits or fewer.
            ("sethostname(\"box-N-1\", ", ")", "N"),
            ("mounts  ", "", "N"),
            ("fe80::", "/64", "MAC"),
            ("(0:", ")", "N"),
            ("], /* ", " vars */", "N"),
            (">, \"{", "\"...", "…"),
            ("\"..., ", ")", "N"),
            ("started → exit 0, ", " ms of", "T"),
            ("of processor time, ", " KiB", "N"),
            ("owner 0:0, ", " bytes", "N"),
            ("state.json  ", " bytes", "N"),
            // A hash that may have no letter.
            ("attachments/", ".json", "HEX"),
        ] {
            text = between(&text, start, end, word);
        }
        if text.trim().is_empty() {
            continue;
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// A module of the stdlib without the line: that is no other run, but another version.
fn without_lines_of_modules(line: &str) -> String {
    let bare = |text: &str| text.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end_matches(':').to_owned();
    if let Some(rest) = line.strip_prefix("The plan stops here. stdlib/") {
        return rest
            .split_once(": ")
            .map_or_else(|| line.to_owned(), |(place, why)| format!("The plan stops here. stdlib/{}: {why}", bare(place)));
    }
    match line.rsplit_once(" ← ") {
        // The place stands at the right edge.
        Some((before, module)) => match before.rsplit_once("  ") {
            Some((head, script)) => format!("{}  {script} ← {}", head.trim_end(), bare(module)),
            None => format!("{before} ← {}", bare(module)),
        },
        None => line.to_owned(),
    }
}

/// Sizes of texts that hold process numbers: a word for each of two digits or more.
fn sizes(line: &str) -> String {
    let mut parts = line.split(" bytes").map(str::to_owned).collect::<Vec<_>>();
    let last = parts.len() - 1;
    for part in &mut parts[..last] {
        let bare = part.trim_end_matches(|letter: char| letter.is_ascii_digit());
        if part.len() >= bare.len() + 2 {
            *part = format!("{bare}N");
        }
    }
    parts.join(" bytes")
}

/// A word for whatever stands between `start` and `end`; the rest of the line where `end` is nothing.
fn between(line: &str, start: &str, end: &str, word: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(from) = rest.find(start).map(|place| place + start.len()) {
        let length = if end.is_empty() { Some(rest.len() - from) } else { rest[from..].find(end) };
        let Some(length) = length else { break };
        out.push_str(&rest[..from]);
        out.push_str(word);
        rest = &rest[from + length..];
    }
    out + rest
}

/// Long numbers, addresses of hardware, names by chance.
fn numbers(line: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for letter in line.chars().chain([' ']) {
        if letter.is_ascii_alphanumeric()
            || letter == ':' && word.len() % 3 == 2 && word.chars().all(|letter| letter.is_ascii_hexdigit() || letter == ':')
        {
            word.push(letter);
            continue;
        }
        let digits = word.chars().all(|letter| letter.is_ascii_digit());
        let hex = word.chars().all(|letter| letter.is_ascii_hexdigit()) && word.chars().any(|letter| letter.is_ascii_digit());
        let mac = word.matches(':').count() == 5;
        out.push_str(match () {
            () if mac => "MAC",
            // Every capability that this kernel knows.
            () if hex && word.len() == 16 && word.starts_with("000001f") => "ALL",
            () if word.len() == 12 && word.starts_with("cl") && word[2..].chars().all(|letter| letter.is_ascii_hexdigit()) => "clHEX",
            () if digits && word.len() >= 4 && !KEPT.contains(&word.as_str()) => "N",
            () if digits && word.len() >= 2 && PROCESS.iter().any(|before| out.ends_with(before)) => "N",
            () if hex && word.len() >= 10 && !(word.len() == 16 && word.starts_with("0000")) => "HEX",
            () => &word,
        });
        word.clear();
        out.push(letter);
    }
    out.pop();
    out
}

/// What stands before the number of a process, which may be a short one.
const PROCESS: [&str; 6] = ["-", "pid ", ") = ", "wait ", "-t ", "which is "];

/// Numbers that mean something.
const KEPT: [&str; 10] = ["50000", "100000", "0755", "0700", "0644", "0600", "1777", "65534", "67108864", "134217728"];
