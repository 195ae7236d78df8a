//! One walker through a scenario's calls: a place, a network namespace and a container's name of its
//! own, and the look at all three after each run.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use nix::sched::{CloneFlags, setns, unshare};

use super::{Call, Job, Scenario};
use crate::leaks::{self, Snapshot};
use crate::program::{NOBODY, PROGRAM, Place, deadline, staged};

/// What each container's name begins with: the suite's number and the worker's follow.
pub const NAME: &str = "crash-";

/// How a run has ended.
pub struct Ended {
    pub success: bool,
    pub signal: Option<i32>,
    /// What it has printed.
    pub text: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.signal {
            Some(signal) => write!(f, "(signal {signal}) {}", self.text.trim_end()),
            None => write!(f, "({}) {}", if self.success { "success" } else { "failure" }, self.text.trim_end()),
        }
    }
}

pub struct Worker {
    place: Place,
    name: String,
    script: &'static str,
    user: bool,
    detached: bool,
    /// Held open, so that what stays in it can be looked at.
    network: Option<OwnedFd>,
    before: Snapshot,
    /// The scenario's own directories, the data, and the network, as they are between two runs.
    usual: BTreeSet<String>,
}

impl Worker {
    pub fn new(scenario: &Scenario, number: usize) -> Result<Self, Failed> {
        let place = Place::new(scenario.user);
        std::fs::create_dir(place.path().join("work"))?;
        if scenario.user {
            std::os::unix::fs::chown(place.path().join("work"), Some(NOBODY), Some(NOBODY))?;
            // Where the data go by themselves.
            std::os::unix::fs::chown(place.path(), Some(NOBODY), Some(NOBODY))?;
        }
        let mut worker = Self {
            place,
            name: format!("{NAME}{}-{number}", std::process::id()),
            script: scenario.name,
            user: scenario.user,
            detached: scenario.detached,
            network: if scenario.network { Some(new_network()?) } else { None },
            before: Snapshot::take(),
            usual: BTreeSet::new(),
        };
        // Once for the directories, once whole: what is kept for the next time is there then.
        for script in ["prepare", worker.script] {
            let ended = worker.run(worker.script(script))?;
            if !ended.success {
                return Err(format!("{script}.lua: {ended}").into());
            }
        }
        worker.clear();
        worker.usual = worker.seen();
        worker.nothing_left(&Ended { success: true, signal: None, text: "a whole run".to_owned() })?;
        Ok(worker)
    }

    fn command(&self, program: &Path, arguments: &[String]) -> Command {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.place.command(program, &words);
        command.current_dir(staged(self.user).1);
        let network = self.network.as_ref().and_then(|fd| fd.try_clone().ok());
        let user = self.user;
        if user {
            command.env("HOME", self.place.path().join("tmp"));
        }
        let enter = move || {
            if let Some(network) = &network {
                setns(network.as_fd(), CloneFlags::CLONE_NEWNET)?;
            }
            if user {
                nix::unistd::setgroups(&[])?;
                nix::unistd::setgid(NOBODY.into())?;
                nix::unistd::setuid(NOBODY.into())?;
            }
            Ok(())
        };
        // SAFETY: between fork and exec the closure makes system calls only, and allocates nothing.
        unsafe { command.pre_exec(enter) };
        command
    }

    /// The words of a script's run.
    fn words(&self, script: &str) -> Vec<String> {
        let file = staged(self.user).1.join(format!("tests/fixtures/crash/{script}.lua"));
        vec![file.display().to_string(), self.work().display().to_string(), self.name.clone()]
    }

    fn work(&self) -> PathBuf {
        self.place.path().join("work")
    }

    fn program(&self, options: &[String], words: &[String]) -> Command {
        self.command(&staged(self.user).0, &[options, words].concat())
    }

    pub fn script(&self, script: &str) -> Command {
        self.program(&[], &self.words(script))
    }

    pub fn gc(&self) -> Command {
        self.program(&[], &["gc".to_owned()])
    }

    /// The scenario below strace, killed when it enters a system call for this many times. strace
    /// counts the calls of each name by themselves.
    pub fn traced(&self, (name, times): &(String, usize)) -> Command {
        let (trace, inject) = (format!("trace={name}"), format!("inject={name}:signal=KILL:when={times}"));
        self.strace(&["-o", "/dev/null", "-e", &trace, "-e", &inject])
    }

    fn strace(&self, options: &[&str]) -> Command {
        let mut words: Vec<String> = options.iter().map(|word| (*word).to_owned()).collect();
        words.push(PROGRAM.to_owned());
        words.extend(self.words(self.script));
        self.command(Path::new("strace"), &words)
    }

    /// The system calls of the whole scenario from the one on that opens the script: each by its name,
    /// and how many of the name there have been with it.
    pub fn system_calls(&self) -> Result<Vec<(String, usize)>, Failed> {
        let file = self.place.path().join("work/calls");
        let ended = self.run(self.strace(&["-o", &file.display().to_string()]))?;
        assert!(ended.success, "{ended}");
        let text = std::fs::read_to_string(&file)?;
        std::fs::remove_file(&file)?;
        self.clear();
        let first =
            text.lines().position(|line| line.starts_with("open") && line.contains(".lua\"")).ok_or("the script is never opened")?;
        let mut counts = std::collections::HashMap::<&str, usize>::new();
        let names = text.lines().filter_map(|line| Some(line.split_once('(')?.0)).collect::<Vec<_>>();
        let counted = names.iter().map(|name| {
            let count = counts.entry(name).or_default();
            *count += 1;
            ((*name).to_owned(), *count)
        });
        Ok(counted.skip(first).collect())
    }

    /// The calls of the whole scenario.
    pub fn calls(&self) -> Result<Vec<Call>, Failed> {
        let file = self.work().join("trace");
        let ended = self.run(self.program(&["--trace".to_owned(), file.display().to_string()], &self.words(self.script)))?;
        assert!(ended.success, "{ended}");
        let text = std::fs::read_to_string(&file)?;
        std::fs::remove_file(file)?;
        self.clear();
        let mut calls = Vec::new();
        for line in text.lines().skip(1) {
            let event: serde_json::Value = serde_json::from_str(line)?;
            let field = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            // The last line of a process.
            let Some(number) = event["number"].as_u64() else { continue };
            calls.push(Call { inside: field("in").replace(&self.name, NAME), number, text: field("call") });
        }
        Ok(calls)
    }

    /// The scenario, with something else in place of one of its calls.
    pub fn faulted(&self, job: &Job) -> Result<Ended, String> {
        let fault = format!("{}:{}:{}", job.call.number, job.effect, job.call.inside.replace(NAME, &self.name));
        self.run(self.program(&["--fault".to_owned(), fault], &self.words(self.script)))
    }

    /// Waits for a command's end. What it prints goes into a file: a process that stays behind would
    /// keep a pipe open.
    pub fn run(&self, mut command: Command) -> Result<Ended, String> {
        let told = |error: std::io::Error| error.to_string();
        let file = tempfile::NamedTempFile::new_in(self.place.path()).map_err(told)?;
        let out = || file.reopen().map(Stdio::from);
        let append = |file: File| Stdio::from(file);
        let second = File::options().append(true).open(file.path()).map_err(told)?;
        let mut child = command.stdout(out().map_err(told)?).stderr(append(second)).spawn().map_err(told)?;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(told)? {
                break status;
            }
            if start.elapsed() > deadline(1) / 3 {
                let group = nix::unistd::Pid::from_raw(child.id().cast_signed());
                let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
                let _ = child.wait();
                return Err(format!("it hangs: no end after {:?}", start.elapsed()));
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let text = String::from_utf8_lossy(&std::fs::read(file.path()).map_err(told)?).into_owned();
        Ok(Ended { success: status.success(), signal: status.signal(), text })
    }

    /// Runs `gc`, and looks whether anything is left.
    pub fn collected(&self, ended: &Ended) -> Result<(), String> {
        let gc = self.run(self.gc())?;
        if !gc.success {
            return Err(format!("gc: {gc}\nafter {ended}"));
        }
        if self.detached {
            // One whose monitor lives is well, and one that has ended keeps its log: both can be
            // removed by anybody at any time.
            let deleted = self.run(self.script("delete"))?;
            if !deleted.success {
                return Err(format!("it cannot be deleted: {deleted}\nafter {ended}\ngc: {gc}"));
            }
        }
        self.nothing_left(ended).map_err(|left| format!("{left}\ngc: {gc}"))
    }

    pub fn nothing_left(&self, ended: &Ended) -> Result<(), String> {
        // Other programs make groups, and files in /tmp, at any time; here all files are in the place.
        let mine = |what: &str| !(what.contains("cgroup ") || what.contains("file /tmp/")) || what.contains(&self.name);
        let more = || self.seen().symmetric_difference(&self.usual).map(|what| format!("changed {what}")).collect();
        let mark = self.place.path().display().to_string();
        let left = self.before.left_of(&mark, self.place.path(), &mine, &more);
        if left.is_empty() {
            self.clear();
            return Ok(());
        }
        Err(format!("left behind: {}\nafter {ended}", left.join("; ")))
    }

    /// Ends and removes by force what a failing run has left, so that the next one is told by itself.
    pub fn scrub(&self) {
        let mark = self.place.path().display().to_string();
        for pid in leaks::marked(&mark) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
        let _ = self.run(self.gc());
        if self.network.is_some() {
            let _ = self.command(Path::new("nft"), &["flush".into(), "ruleset".into()]).output();
            let _ = self.command(Path::new("ip"), &["link".into(), "delete".into(), "crun-lua0".into()]).output();
        }
        for left in self.before.left_of(&mark, self.place.path(), &|what| what.contains(&self.name), &Vec::new) {
            if let Some(group) = left.strip_prefix("cgroup ") {
                let _ = std::fs::remove_dir(group);
            }
        }
        self.clear();
    }

    /// Empties the state, so that every run begins the same.
    pub fn clear(&self) {
        let state = self.place.path().join("state");
        for entry in std::fs::read_dir(state).into_iter().flatten().flatten() {
            if entry.file_name() != "seccomp-cache" {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// The files of the scenario and of the data, but for what containers change in a root of their
    /// own; links, routes and tables of the network.
    fn seen(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let own = [self.work().join("upper"), self.work().join("root")];
        for dir in ["work", "data"] {
            tree(&self.place.path().join(dir), &mut found);
        }
        found.retain(|path| !own.iter().any(|dir| Path::new(path).starts_with(dir) && Path::new(path) != dir));
        if self.network.is_some() {
            found.extend(self.in_network());
        }
        found
    }

    fn in_network(&self) -> BTreeSet<String> {
        let read = || {
            if let Some(network) = &self.network {
                setns(network.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
            }
            let text = |name: &str| std::fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap();
            let links = text("dev").lines().filter_map(|line| Some(format!("link {}", line.split_once(':')?.0.trim()))).collect::<Vec<_>>();
            let routes = text("route").lines().skip(1).map(|line| format!("route {line}")).collect::<Vec<_>>();
            [links, routes].concat()
        };
        let mut found: BTreeSet<String> = std::thread::scope(|scope| scope.spawn(read).join()).unwrap().into_iter().collect();
        let nft = self.command(Path::new("nft"), &["list".into(), "ruleset".into()]).output().unwrap();
        found.extend(String::from_utf8_lossy(&nft.stdout).lines().map(|line| format!("nft {line}")));
        found
    }
}

impl Drop for Worker {
    /// What a failing test has left goes as well.
    fn drop(&mut self) {
        let _ = self.run(self.script("delete"));
        self.scrub();
    }
}

/// A network namespace that lives as long as the descriptor: a thread makes it and goes.
fn new_network() -> Result<OwnedFd, Failed> {
    let made = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        Ok::<_, std::io::Error>(OwnedFd::from(File::open("/proc/thread-self/ns/net")?))
    });
    made.join().unwrap().map_err(Failed::from)
}

fn tree(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        found.insert(entry.path().display().to_string());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            tree(&entry.path(), found);
        }
    }
}
