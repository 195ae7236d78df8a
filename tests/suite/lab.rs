//! Learners' sessions: each file `tests/lab/NAME.session` is what a learner types from `lab start` on,
//! and what the screen must show, played on a terminal of its own beside a second shell.
//!
//! ```text
//! # a comment
//! start: ex1.kinds              the words behind `lab start`
//! needs: root program:ip        words of a scenario's needs; not met: the session is skipped
//! course: tests/fixtures/lab    another course than the shipped one
//! as: nobody                    played as an ordinary user, also where root runs the tests
//! minutes: 3                    more patience than a minute a line; CRUN_LUA_TEST_SLOW multiplies it
//!
//! > child = spawn(...)          types a line, and waits for the next prompt
//! >> a                          types a line, and waits for nothing: the quiz, a program
//! < ✓ passed                    must come, or have come, since what was typed or run last
//! <! error                      must not have come since then
//! = pid other = {}              takes a value from there: what stands at {}, up to a blank, a comma or
//!                               the end of the line; it is {pid} in the lines below, and $pid in the shell
//! $ unshare --uts sleep 99 & echo "pid=$!"     a line for the second shell, which stays the same all the
//!                               time; it must succeed; `<` and `=` then look into its output
//! $? false                      the same, and must not succeed
//! ```
//!
//! The session is left by Ctrl-D at the end, and nothing may stay behind.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use libtest_mimic::Trial;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use crate::program::{NOBODY, Place, deadline, is_root, staged, text};
use crate::pty::{Session, clean, is_prompt, session};

type Test = (&'static str, fn() -> Result<(), String>);

/// What ends the output of a line of the second shell.
const MARK: &str = "-- the line has ended: ";

pub fn trials() -> Vec<Trial> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "session"));
    files.sort();
    let mut trials: Vec<Trial> = files.iter().map(|path| trial(path)).collect();
    let tests: [Test; 4] = [
        ("a task that is none ends the session that was started for it, and says so", unknown),
        ("a second lab on another terminal is refused, and the first goes on", second),
        ("a terminal that is closed in the middle of a task leaves nothing", || ended_by(Session::hang_up)),
        ("a session that is killed in the middle of a task leaves nothing", || ended_by(|session| session.signal(Signal::SIGKILL))),
    ];
    trials.extend(tests.map(|(name, run)| Trial::test(format!("lab: {name}"), move || run().map_err(Into::into))));
    trials
}

/// The tests' own course.
const COURSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/lab");

fn unknown() -> Result<(), String> {
    let mut session = session(Place::new(false), &["lab", "--course", COURSE, "start", "first.nmae"], &[], false)?;
    let said = session.expect("did you mean 'first.name'?");
    session.ended(Some(1)).map(drop)?;
    said.map(drop)
}

fn second() -> Result<(), String> {
    let words = ["lab", "--course", COURSE, "start", "first.word"];
    let mut first = session(Place::new(false), &words, &[], false)?;
    first.prompt()?;
    let state = first.place.path().join("state").display().to_string();
    // The same learner: the same state directory.
    let mut other = session(Place::new(false), &words, &[("CRUN_LUA_STATE", &state)], false)?;
    let own = format!("end that first: it is process {}", first.pid());
    let said = other.expect(&own);
    let status = other.end();
    first.line(":check").and_then(|text| if text.contains("there is a file") { Ok(()) } else { Err(text) })?;
    first.leave(0).map(drop)?;
    said.map(drop)?;
    status.and_then(|status| if status.code() == Some(1) { Ok(()) } else { Err(status.to_string()) })
}

/// In the middle of a task: what it has prepared runs, and so does what the learner has started.
fn ended_by(end: fn(&mut Session)) -> Result<(), String> {
    let mut session = session(Place::new(false), &["lab", "--course", COURSE, "start", "first.name"], &[], false)?;
    let said = session.prompt()?;
    let other = take(&said, "other = {},").ok_or(said)?;
    session.line("mine = spawn(function() exec { \"sleep\", \"100\" } end)")?;
    if !Path::new("/proc").join(&other).exists() {
        return Err(format!("{other} is not there"));
    }
    end(&mut session);
    session.ended(None).map(drop)?;
    if Path::new("/proc").join(&other).exists() { Err(format!("{other} is still there")) } else { Ok(()) }
}

fn trial(path: &Path) -> Trial {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let title = format!("lab: a learner's session: {name}");
    match Script::read(path) {
        Err(reason) => Trial::test(title, move || Err(reason.into())),
        Ok(script) => match script.unmet() {
            Err(reason) => Trial::test(title, move || Err(reason.into())),
            Ok(reason) if !reason.is_empty() => Trial::test(format!("{title} (skipped: {reason})"), || Ok(())).with_ignored_flag(true),
            Ok(_) => Trial::test(title, move || script.play().map_err(Into::into)),
        },
    }
}

/// One line of a session.
enum Step {
    Type(String),
    Send(String),
    Expect(String),
    Refuse(String),
    Take(String, String),
    Shell(String, bool),
}

struct Script {
    file: String,
    head: BTreeMap<String, String>,
    steps: Vec<(usize, Step)>,
}

impl Script {
    fn read(path: &Path) -> Result<Self, String> {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let whole = std::fs::read_to_string(path).map_err(|error| format!("{file}: {error}"))?;
        let mut script = Self { file, head: BTreeMap::new(), steps: Vec::new() };
        for (index, line) in whole.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(step) = step(line) {
                script.steps.push((index + 1, step));
                continue;
            }
            let known = ["start", "needs", "course", "as", "minutes"];
            let head = line.split_once(':').filter(|(name, _)| known.contains(name) && script.steps.is_empty());
            let (name, value) = head.ok_or_else(|| format!("{}:{}: what is {line:?}?", script.file, index + 1))?;
            script.head.insert(name.to_owned(), value.trim().to_owned());
        }
        Ok(script)
    }

    fn field(&self, name: &str) -> &str {
        self.head.get(name).map_or("", String::as_str)
    }

    fn is_unprivileged(&self) -> bool {
        self.field("as") == "nobody"
    }

    /// Why it cannot be played here; empty where it can.
    fn unmet(&self) -> Result<String, String> {
        let words = self.field("needs");
        if words.is_empty() {
            return Ok(String::new());
        }
        let list: Vec<String> = words.split_whitespace().map(|word| format!("{word:?}")).collect();
        let source = format!("io.write(table.concat(require('needs').all {{ {} }}, '; '))", list.join(", "));
        let output = Place::new(false).run_text(&[], &source, self.is_unprivileged())?;
        if !output.status.success() {
            return Err(format!("{}: needs: {}", self.file, text(&output)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn play(&self) -> Result<(), String> {
        let minutes = self.field("minutes").parse().unwrap_or(1);
        let unprivileged = self.is_unprivileged();
        let course = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.field("course"));
        let course = course.display().to_string();
        let mut words = vec!["lab"];
        if !self.field("course").is_empty() {
            words.extend(["--course", &course]);
        }
        words.push("start");
        words.extend(self.field("start").split_whitespace());
        let place = Place::new(unprivileged).patient(minutes);
        let mut played = Played {
            minutes,
            session: session(place, &words, &[], unprivileged)?,
            shell: None,
            values: BTreeMap::new(),
            seen: String::new(),
            is_early: false,
        };
        played.session.widen(300);
        played.seen = played.session.prompt_within(minutes)?;
        for (number, step) in &self.steps {
            played.step(step, unprivileged).map_err(|reason| format!("{}:{number}: {reason}", self.file))?;
        }
        // What the learner has started elsewhere ends first, as somebody closes a terminal.
        drop(played.shell.take());
        played.settle().map_err(|reason| format!("{}: at the end: {reason}", self.file))?;
        played.session.leave(0).map(drop).map_err(|reason| format!("{}: at the end: {reason}", self.file))
    }
}

fn step(line: &str) -> Option<Step> {
    let rest = |mark: &str| line.strip_prefix(mark).map(|rest| rest.trim_start().to_owned());
    if let Some(text) = rest(">>") {
        return Some(Step::Send(text));
    } else if let Some(text) = rest(">") {
        return Some(Step::Type(text));
    } else if let Some(text) = rest("<!") {
        return Some(Step::Refuse(text));
    } else if let Some(text) = rest("<") {
        return Some(Step::Expect(text));
    } else if let Some(text) = rest("$?") {
        return Some(Step::Shell(text, false));
    } else if let Some(text) = rest("$") {
        return Some(Step::Shell(text, true));
    }
    let taken = rest("= ")?;
    let (name, pattern) = taken.split_once(' ')?;
    Some(Step::Take(name.to_owned(), pattern.to_owned()))
}

/// A session that is being played.
struct Played {
    minutes: u64,
    session: Session,
    shell: Option<Shell>,
    values: BTreeMap<String, String>,
    /// What `<` looks into; what comes on the screen meanwhile is added.
    seen: String,
    /// Whether what was waited for stands before a prompt that is still to come.
    is_early: bool,
}

impl Played {
    /// Waits for the prompt: a Ctrl-D that comes before the line editor has the terminal is lost.
    fn settle(&mut self) -> Result<(), String> {
        let seen = std::mem::take(&mut self.seen);
        if self.is_early {
            self.session.until_within(self.minutes, "a prompt", |text| is_prompt(&format!("{seen}{text}")))?;
        }
        Ok(())
    }

    fn filled(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    fn step(&mut self, step: &Step, unprivileged: bool) -> Result<(), String> {
        match step {
            Step::Type(line) => {
                let line = self.filled(line);
                self.is_early = false;
                self.session.send(&format!("{line}\r"));
                self.seen = self.session.after_line_within(self.minutes)?;
            }
            Step::Send(line) => {
                let line = self.filled(line);
                self.is_early = false;
                self.seen.clear();
                self.session.raw.clear();
                self.session.send(&format!("{line}\r"));
            }
            Step::Expect(wanted) => {
                let wanted = self.filled(wanted);
                if !self.seen.contains(&wanted) {
                    let seen = self.seen.clone();
                    let fits = |text: &str| seen.contains(&wanted) || text.contains(&wanted);
                    self.session
                        .until_within(self.minutes, &format!("{wanted:?}"), fits)
                        .map(|more| self.seen.push_str(&more))
                        .map_err(|reason| format!("{reason}; and before: {seen:?}"))?;
                    self.is_early = !is_prompt(&self.seen);
                }
            }
            Step::Refuse(wrong) => {
                let wrong = self.filled(wrong);
                self.seen.push_str(&clean(&std::mem::take(&mut self.session.raw)));
                if self.seen.contains(&wrong) {
                    return Err(format!("{wrong:?} in {:?}", self.seen));
                }
            }
            Step::Take(name, pattern) => {
                let value = take(&self.seen, &self.filled(pattern)).ok_or_else(|| format!("no {pattern:?} in {:?}", self.seen))?;
                self.values.insert(name.clone(), value);
            }
            Step::Shell(line, succeeds) => {
                if self.shell.is_none() {
                    self.shell = Some(Shell::start(&self.session.place, unprivileged)?);
                }
                let shell = self.shell.as_mut().ok_or("no shell")?;
                let (output, status) = shell.run(line, &self.values, self.minutes)?;
                if (status == "0") != *succeeds {
                    return Err(format!("the shell answers {status}: {output:?}"));
                }
                self.seen = output;
            }
        }
        Ok(())
    }
}

/// What stands at `{}` of a pattern.
fn take(text: &str, pattern: &str) -> Option<String> {
    let (before, after) = pattern.split_once("{}")?;
    let rest = text.split_once(before)?.1;
    let end = if after.is_empty() { rest.find([' ', ',', '\n', '\t']) } else { rest.find(after) };
    Some(rest[..end.unwrap_or(rest.len())].to_owned())
}

/// The second shell: one for a whole session, so that its background jobs live as long.
struct Shell {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Shell {
    fn start(place: &Place, unprivileged: bool) -> Result<Self, String> {
        let mut command = Command::new("/bin/bash");
        place.equip(&mut command);
        command.args(["--noprofile", "--norc"]).current_dir(place.path());
        let home = place.path().join("home");
        let program = staged(unprivileged).0;
        let path = std::env::var("PATH").unwrap_or_default();
        let dir = program.parent().map(|dir| dir.display().to_string()).unwrap_or_default();
        // The same home as the session's: the same progress.
        command.env("HOME", home).env_remove("XDG_STATE_HOME").env_remove("XDG_CONFIG_HOME").env("PATH", format!("{dir}:{path}"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        if unprivileged && is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command.spawn().map_err(|error| format!("bash: {error}"))?;
        let (input, output) = (child.stdin.take().ok_or("no pipe")?, child.stdout.take().ok_or("no pipe")?);
        Ok(Self { child, input, output })
    }

    /// Runs a line; its output and its status.
    fn run(&mut self, line: &str, values: &BTreeMap<String, String>, minutes: u64) -> Result<(String, String), String> {
        let export = |(name, value): (&String, &String)| format!("export {name}='{}'\n", value.replace('\'', "'\\''"));
        let exports = values.iter().map(export).collect::<Vec<_>>().concat();
        // What runs in the background must not hold the line's own input.
        let all = format!("{exports}{{ {line}\n}} 2>&1 </dev/null\necho \"{MARK}$?\"\n");
        self.input.write_all(all.as_bytes()).map_err(|error| format!("bash: {error}"))?;
        let (mut output, end) = (Vec::new(), Instant::now() + deadline(minutes));
        loop {
            let text = String::from_utf8_lossy(&output);
            if let Some((before, status)) = text.split_once(MARK).filter(|(_, status)| status.ends_with('\n')) {
                return Ok((before.to_owned(), status.trim().to_owned()));
            }
            let mut polled = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
            if Instant::now() > end {
                return Err(format!("the line has not ended in time: {text:?}"));
            } else if poll(&mut polled, PollTimeout::from(200_u16)) == Ok(1) {
                let mut some = [0; 4096];
                let length = self.output.read(&mut some).map_err(|error| format!("bash: {error}"))?;
                if length == 0 {
                    return Err(format!("the second shell has ended: {text:?}"));
                }
                output.extend_from_slice(&some[..length]);
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let group = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        let _ = nix::sys::signal::killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}
