//! Lessons on a terminal: shown with a key a step, tried with other tools, and ended in the middle.

use std::process::{Child, Command};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::program::{NOBODY, Place, ROOT, is_root};
use crate::pty::{Session, session};
use crate::repl::has;

type Outcome = Result<(), String>;
type Test = (&'static str, fn() -> Outcome);

pub fn trials() -> Vec<Trial> {
    let tests: [Test; 7] = [
        ("a lesson is shown with a key a step, and each call is told", shown),
        ("q leaves a lesson in the middle, and nothing stays", left_in_the_middle),
        ("an exercise is passed by what unshare(1) has made", passed),
        ("an ordinary user passes it by what unshare(1) has made", passed_by_a_user),
        ("Ctrl-C at an exercise's prompt ends it, and nothing stays", interrupted),
        ("an exercise whose terminal is closed leaves nothing", hung_up),
        ("an exercise that is killed leaves nothing", killed),
    ];
    let program = std::path::Path::new("/usr/bin/unshare").exists();
    tests
        .into_iter()
        .map(|(name, run)| {
            let reason = match name {
                _ if !name.contains("unshare(1)") => "",
                _ if !program => " (skipped: the program 'unshare' is not installed)",
                _ if !name.contains("ordinary") && !is_root() => " (skipped: not run as root)",
                _ => "",
            };
            Trial::test(format!("scenario: {name}{reason}"), move || run().map_err(Into::into)).with_ignored_flag(!reason.is_empty())
        })
        .collect()
}

/// A session of `crun-lua scenario` with the lesson of the host name.
fn lesson(how: &str, unprivileged: bool) -> Result<Session, String> {
    let place = Place::new(unprivileged);
    let source = std::fs::read_to_string(format!("{ROOT}/scripts/scenarios/hostname.lua")).map_err(|error| error.to_string())?;
    place.file("hostname.lua", &source);
    session(place, &["scenario", how, "hostname.lua"], &[], unprivileged)
}

fn shown() -> Outcome {
    let mut session = lesson("run", false)?;
    has(&session.expect("do it: any key")?, "sethostname(t.given.word)")?;
    session.send("x");
    has(&session.expect("look at it: any key")?, "syscall  clone3(")?;
    session.send("\r");
    has(&session.expect("next step: any key")?, "✓ your own host name is what it was")?;
    session.send(" ");
    session.expect("do it: any key")?;
    session.send(" ");
    session.expect("look at it: any key")?;
    session.send(" ");
    session.expect("✓ neither comes from the other")?;
    session.ended(Some(0)).map(drop)
}

fn left_in_the_middle() -> Outcome {
    let mut session = lesson("run", false)?;
    session.expect("do it: any key")?;
    session.send("x");
    session.expect("look at it: any key")?;
    session.send("q");
    session.ended(Some(0)).map(drop)
}

/// The word behind a label in what was printed.
fn word_after(text: &str, label: &str) -> Result<String, String> {
    let rest = text.split_once(label).ok_or_else(|| format!("no {label:?} in {text:?}"))?.1;
    Ok(rest.split_whitespace().next().unwrap_or_default().to_owned())
}

/// A process that is ended with the test.
struct Made(Child);

impl Drop for Made {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a learner starts in another terminal.
fn by_hand(words: &[&str], unprivileged: bool) -> Result<Made, String> {
    let mut command = Command::new("/usr/bin/unshare");
    command.args(words).current_dir("/");
    if unprivileged && is_root() {
        use std::os::unix::process::CommandExt;
        command.uid(NOBODY).gid(NOBODY);
    }
    command.spawn().map(Made).map_err(|error| error.to_string())
}

fn try_it(unprivileged: bool) -> Outcome {
    let mut session = lesson("try", unprivileged)?;
    let text = session.expect("own> ")?;
    let word = word_after(&text, "given: word = ")?;
    session.send("check\r");
    has(&session.expect("expected answer pid=…")?, "✗ the answers are given")?;
    let set = format!("hostname {word} || exit; exec sleep 600");
    let kinds: &[&str] = if unprivileged { &["--user", "--map-root-user", "--uts"] } else { &["--uts"] };
    let first = by_hand(&[kinds, &["sh", "-c", "exec sleep 600"]].concat(), unprivileged)?;
    session.send(&format!("answer pid={}\rcheck\r", first.0.id()));
    has(&session.expect("see ")?, "the host name in there")?;
    let second = by_hand(&[kinds, &["sh", "-c", &set]].concat(), unprivileged)?;
    session.send(&format!("answer pid={}\rcheck\r", second.0.id()));
    has(&session.expect("passed\n")?, "✓ its host name is the word")?;
    session.send("next\r");
    session.expect("enter> ")?;
    session.send("quit\r");
    session.ended(Some(0)).map(drop)
}

fn passed() -> Outcome {
    try_it(false)
}

fn passed_by_a_user() -> Outcome {
    try_it(true)
}

fn interrupted() -> Outcome {
    let mut session = lesson("try", false)?;
    session.expect("own> ")?;
    session.send("\x03");
    session.ended(Some(130)).map(drop)
}

fn hung_up() -> Outcome {
    let mut session = lesson("try", false)?;
    session.expect("own> ")?;
    session.hang_up();
    session.ended(None).map(drop)
}

fn killed() -> Outcome {
    let mut session = lesson("try", false)?;
    session.expect("own> ")?;
    session.signal(Signal::SIGKILL);
    session.ended(None).map(drop)
}
