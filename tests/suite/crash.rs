//! Crashes while a container is made, watched and removed: the process is killed at each of its
//! calls, and each of its calls fails in each way that its man page lists. After `crun-lua gc`
//! nothing may be left: no process, mount, group, link, table, namespace or file.
//!
//! A scenario is a script in `tests/fixtures/crash`. Several workers walk through its calls at once,
//! each with directories, a network namespace and a container's name of its own. After each run they
//! look for everything that bears one of these. Each test prints a table of what it has injected.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use libtest_mimic::{Failed, Trial};

use crate::errnos;
use crate::program::is_root;
use worker::Worker;

#[path = "crash/worker.rs"]
mod worker;

/// A script, and what it takes.
pub struct Scenario {
    /// Its name, and that of its file.
    name: &'static str,
    /// Whether an ordinary user runs it.
    user: bool,
    /// Whether it changes the network that it stands in.
    network: bool,
    /// Whether its container may live on without the script, under a monitor.
    detached: bool,
}

const ATTACHED: Scenario = Scenario { name: "attached", user: false, network: true, detached: false };
const DETACHED: Scenario = Scenario { name: "detached", user: false, network: false, detached: true };
const ANSWERED: Scenario = Scenario { name: "answered", user: false, network: false, detached: false };
const IMAGE: Scenario = Scenario { name: "image", user: false, network: false, detached: false };
const ROOTLESS: Scenario = Scenario { name: "rootless", user: true, network: false, detached: false };
const PLAIN: Scenario = Scenario { name: "plain", user: false, network: false, detached: false };
const SMALLEST: Scenario = Scenario { name: "smallest", user: false, network: false, detached: false };

type Test = fn() -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let tests: [(&str, &str, Test); 14] = [
        ("an attached container is killed before any call, in any of its processes", "nft", || killed(&ATTACHED)),
        ("a detached container, its monitor or its maker is killed before any call", "", || killed(&DETACHED)),
        ("a container whose calls a function answers is killed before any call", "", || killed(&ANSWERED)),
        ("a container of an image, and of an upper directory, is killed before any call", "", || killed(&IMAGE)),
        ("a container that leaves nothing behind is killed before any call", "", || killed(&PLAIN)),
        ("a user's container is killed before any call", "", || killed(&ROOTLESS)),
        ("the builder is killed at each of its system calls, by strace", "strace", at_any_system_call),
        ("each call of an attached container fails as its man page says", "nft", || failing(&ATTACHED)),
        ("each call of a detached container fails as its man page says", "", || failing(&DETACHED)),
        ("each call of a container whose calls a function answers fails as its man page says", "", || failing(&ANSWERED)),
        ("the name of a container whose owner was killed can be used at once", "nft", || again(&ATTACHED)),
        ("the name of a container whose monitor was killed can be used at once", "", || again(&DETACHED)),
        ("two gc at once remove the same as one", "nft", two_at_once),
        ("gc leaves a container alone that is well", "nft", healthy),
    ];
    let trial = |(name, program, run): (&str, &'static str, Test)| {
        let skipped = if !is_root() {
            " (skipped: not run as root)".to_owned()
        } else if program.is_empty() || has(program) {
            String::new()
        } else {
            format!(" (skipped: the program '{program}' is not installed)")
        };
        Trial::test(format!("crash: {name}{skipped}"), run).with_ignored_flag(!skipped.is_empty())
    };
    tests.into_iter().map(trial).collect()
}

fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/sbin".into()]).any(|dir| dir.join(program).exists())
}

/// A call of a scenario: which process makes it, its number there, and its text.
#[derive(Clone, Debug)]
pub struct Call {
    inside: String,
    number: u64,
    text: String,
}

impl Call {
    /// The system call's name.
    fn name(&self) -> &str {
        self.text.split('(').next().unwrap_or_default()
    }

    /// Whether the process is the container's own: whatever it does, its owner answers for it.
    fn is_owned(&self) -> bool {
        self.inside.split('/').any(|part| part.contains(worker::NAME))
    }
}

/// What is injected into one run.
#[derive(Clone, Debug)]
struct Job {
    call: Call,
    /// `KILL` or the name of an error.
    effect: &'static str,
}

/// What came of all the runs of a test.
#[derive(Default)]
struct Count {
    injected: usize,
    /// Runs that did not come to their call: a child counts on from where its parent happened to be.
    passed_by: usize,
    /// Runs that succeeded in spite of it.
    tolerated: usize,
    left: Vec<String>,
}

/// Does every job once, on as many workers as there are processors.
fn walk<J: Sync + std::fmt::Debug>(
    scenario: &Scenario,
    jobs: &[J],
    run: impl Fn(&Worker, &J, &mut Count) -> Result<(), String> + Sync,
) -> Result<Count, Failed> {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Count::default());
    let workers = std::thread::available_parallelism().map_or(2, |number| number.get().clamp(2, 8));
    let made: Result<Vec<Worker>, Failed> = (0..workers).map(|number| Worker::new(scenario, number)).collect();
    std::thread::scope(|scope| {
        for worker in made? {
            let (next, total, run) = (&next, &total, &run);
            scope.spawn(move || {
                let mut count = Count::default();
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    count.injected += 1;
                    if let Err(reason) = run(&worker, job, &mut count) {
                        let left = format!("{job:?}: {reason}");
                        eprintln!("{left}");
                        count.left.push(left);
                        worker.scrub();
                    }
                }
                let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                total.injected += count.injected;
                total.passed_by += count.passed_by;
                total.tolerated += count.tolerated;
                total.left.extend(count.left);
            });
        }
        Ok(())
    })
    .map_err(|failed: Failed| failed)?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Prints a line of the table; fails where anything was left.
fn tell(scenario: &Scenario, fault: &str, count: &Count) -> Result<(), Failed> {
    println!(
        "  {:<9} {fault:<24} injected {:>5}, tolerated {:>4}, passed by {:>3}, leftovers {}",
        scenario.name,
        count.injected,
        count.tolerated,
        count.passed_by,
        count.left.len()
    );
    assert!(count.injected > 20, "{} faults are too few to be a whole scenario", count.injected);
    // A number that comes up in no run would be a proof of nothing.
    assert!(count.passed_by * 20 <= count.injected, "{} of {} faults did not happen", count.passed_by, count.injected);
    if count.left.is_empty() { Ok(()) } else { Err(count.left.join("\n").into()) }
}

fn killed(scenario: &Scenario) -> Result<(), Failed> {
    let jobs: Vec<Job> = Worker::new(scenario, 0)?.calls()?.into_iter().map(|call| Job { call, effect: "KILL" }).collect();
    let count = walk(scenario, &jobs, |worker, job, count| {
        let ended = worker.faulted(job)?;
        if job.call.inside.is_empty() && ended.signal != Some(9) {
            count.passed_by += 1;
        }
        worker.collected(&ended)
    })?;
    tell(scenario, "SIGKILL before a call", &count)
}

/// At the calls of those who answer for a container; the container's own processes are theirs.
fn again(scenario: &Scenario) -> Result<(), Failed> {
    let calls = Worker::new(scenario, 0)?.calls()?.into_iter().filter(|call| !call.is_owned());
    let jobs: Vec<Job> = calls.map(|call| Job { call, effect: "KILL" }).collect();
    let count = walk(scenario, &jobs, |worker, job, count| {
        let ended = worker.faulted(job)?;
        if job.call.inside.is_empty() && ended.signal != Some(9) {
            count.passed_by += 1;
        }
        let next = worker.run(worker.script("again"))?;
        if !next.success {
            return Err(format!("the name cannot be used: {next}\nafter {ended}"));
        }
        worker.collected(&ended)
    })?;
    tell(scenario, "SIGKILL, then the name", &count)
}

/// Every call of the process that builds, from the moment on that it reads the script: what comes
/// before is the program's own start, which knows of no container yet.
fn at_any_system_call() -> Result<(), Failed> {
    let jobs = Worker::new(&SMALLEST, 0)?.system_calls()?;
    assert!(jobs.len() > 300, "{} calls are not the whole script", jobs.len());
    let count = walk(&SMALLEST, &jobs, |worker, call, count| {
        let ended = worker.run(worker.traced(call))?;
        if ended.signal != Some(9) {
            count.passed_by += 1;
        }
        worker.collected(&ended)
    })?;
    tell(&SMALLEST, "SIGKILL at a system call", &count)
}

/// Which errors each call gets.
///
/// A call of somebody who answers for a container fails with each error that the program tells apart,
/// and with some of the others, so that the calls of one name have had all of them between them. The
/// container's own processes end at any error, whatever it is: there each call fails at least once.
fn failures(calls: &[Call]) -> Result<Vec<Job>, Failed> {
    let mut dealt = std::collections::BTreeMap::<(bool, String), usize>::new();
    let mut jobs = Vec::new();
    let number_of =
        |wanted: &Call| calls.iter().filter(|call| call.name() == wanted.name() && call.is_owned() == wanted.is_owned()).count();
    for call in calls {
        let Some(all) = errnos::of(call.name()) else {
            return Err(format!("tests/suite/errnos.rs has no row for {:?}", call.text).into());
        };
        let (apart, rest): (Vec<&str>, Vec<&str>) = all.iter().partition(|errno| !call.is_owned() && errnos::TOLD_APART.contains(errno));
        let mut chosen: BTreeSet<&'static str> = apart.into_iter().collect();
        let share = rest.len().div_ceil(number_of(call)).max(1);
        let next = dealt.entry((call.is_owned(), call.name().to_owned())).or_default();
        for _ in 0..share.min(rest.len()) {
            chosen.insert(rest[*next % rest.len()]);
            *next += 1;
        }
        jobs.extend(chosen.into_iter().map(|effect| Job { call: call.clone(), effect }));
    }
    Ok(jobs)
}

fn failing(scenario: &Scenario) -> Result<(), Failed> {
    let jobs = failures(&Worker::new(scenario, 0)?.calls()?)?;
    let count = walk(scenario, &jobs, |worker, job, count| {
        let ended = worker.faulted(job)?;
        if ended.success {
            count.tolerated += 1;
        } else if ![Some(job.effect), Some(job.call.name()), errnos::meaning(job.effect)].into_iter().flatten().any(|word| ended.text.contains(word))
            // The monitor's only way to say anything.
            && !job.call.text.starts_with("write(<pipe>, \"{")
        {
            return Err(format!("the error names neither the call nor its reason: {ended}"));
        }
        worker.collected(&ended)
    })?;
    tell(scenario, "errors of man pages", &count)
}

/// Two of them on what every tenth call has left.
fn two_at_once() -> Result<(), Failed> {
    let calls = Worker::new(&ATTACHED, 0)?.calls()?.into_iter().filter(|call| call.inside.is_empty());
    let jobs: Vec<Job> = calls.step_by(3).map(|call| Job { call, effect: "KILL" }).collect();
    let count = walk(&ATTACHED, &jobs, |worker, job, count| {
        let ended = worker.faulted(job)?;
        if ended.signal != Some(9) {
            count.passed_by += 1;
        }
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(|| worker.run(worker.gc()));
            (worker.run(worker.gc()), other.join().unwrap_or_else(|_| Err("no answer".to_owned())))
        });
        for gc in [one?, other?] {
            if !gc.success {
                return Err(format!("gc: {gc}\nafter {ended}"));
            }
        }
        worker.nothing_left(&ended)
    })?;
    tell(&ATTACHED, "SIGKILL, then gc twice", &count)
}

fn healthy() -> Result<(), Failed> {
    let worker = Worker::new(&ATTACHED, 0)?;
    let ended = worker.run(worker.script("healthy"))?;
    if !ended.success {
        return Err(ended.to_string().into());
    }
    worker.nothing_left(&ended).map_err(Failed::from)
}
