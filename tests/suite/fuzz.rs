//! The fuzz targets on stable Rust: each with its kept corpus, and with changed copies of it that are the same
//! in every run. `make fuzz` is the long form; `CRUN_LUA_FUZZ_TIMES=1000` has more copies made, without
//! coverage to guide them.
//!
//! A target runs in a process of its own, since it gives up its rights, and its end is what it finds.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::fuzz_targets::{TARGETS, Target, confine, mutate};
use crate::program::{ROOT, deadline};

/// How much memory a target may have: an input that takes more is a finding.
const MEMORY: u64 = 3 << 30;

pub fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = TARGETS
        .iter()
        .map(|target| {
            Trial::test(format!("fuzz: {} finds nothing in its corpus and in changed copies of it", target.name), || replay(target))
        })
        .collect();
    trials.push(Trial::test("fuzz: a target that makes a directory, panics or panics in a primitive is found out", each_is_found));
    trials
}

/// Inputs in the order of their names.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let mut dirs = vec![Path::new(ROOT).join("fuzz/corpus").join(target.name)];
    if target.name == "config" {
        dirs.extend(["good", "bad"].map(|name| Path::new(ROOT).join("tests/fixtures/oci/config").join(name)));
    }
    let mut files: Vec<PathBuf> = dirs.iter().flat_map(|dir| fs::read_dir(dir).unwrap()).map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

fn replay(target: &'static Target) -> Result<(), Failed> {
    let inputs = corpus(target);
    let factor: usize = std::env::var("CRUN_LUA_FUZZ_TIMES").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    in_a_child(target.writes, move |each| {
        for input in &inputs {
            each(target.run, input);
        }
        let seed = std::env::var("CRUN_LUA_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
        let mut random = mutate::Random::new(seed.unwrap_or(7));
        for _ in 0..target.times * factor {
            each(target.run, &mutate::changed(&inputs, &mut random));
        }
    })
}

/// Whether something has panicked, also where the panic was caught.
static PANICKED: AtomicBool = AtomicBool::new(false);

type Each<'a> = dyn Fn(fn(&[u8]), &[u8]) + 'a;

/// Runs a body in a child that has given up what it can. The body calls targets by the function that it is given.
fn in_a_child(writes: bool, body: impl FnOnce(&Each)) -> Result<(), Failed> {
    let memory = Path::new("/dev/shm");
    let builder = || tempfile::Builder::new().prefix("crun-lua-fuzz").to_owned();
    let place = if memory.is_dir() { builder().tempdir_in(memory)? } else { builder().tempdir()? };
    let (said, input) = (place.path().join("said"), place.path().join("input"));
    let (out, last) = (File::create(&said)?, File::create(&input)?);
    // SAFETY: the suite has one thread, and the child does not come back.
    match unsafe { fork() }? {
        ForkResult::Child => {
            nix::unistd::dup2_stdout(out.as_fd()).unwrap();
            nix::unistd::dup2_stderr(out.as_fd()).unwrap();
            nix::unistd::dup2_stdin(File::open("/dev/null").unwrap().as_fd()).unwrap();
            setrlimit(Resource::RLIMIT_AS, MEMORY, MEMORY).unwrap();
            setrlimit(Resource::RLIMIT_CORE, 0, 0).unwrap();
            // SAFETY: this process has one thread.
            unsafe { std::env::set_var(confine::PLACE, place.path()) };
            let tell = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                PANICKED.store(true, Ordering::Relaxed);
                tell(panic);
            }));
            confine::once(writes);
            let each = |run: fn(&[u8]), data: &[u8]| {
                use std::os::unix::fs::FileExt;
                last.set_len(0).unwrap();
                last.write_all_at(data, 0).unwrap();
                let fine = std::panic::catch_unwind(|| run(data)).is_ok();
                if !fine || PANICKED.load(Ordering::Relaxed) {
                    end(1);
                }
            };
            body(&each);
            end(0)
        }
        ForkResult::Parent { child } => judge(child, &said, &input),
    }
}

/// Ends the child without what stands in the parent's `atexit`.
fn end(status: i32) -> ! {
    // SAFETY: it does not return.
    unsafe { libc::_exit(status) }
}

fn judge(child: Pid, said: &Path, input: &Path) -> Result<(), Failed> {
    let until = Instant::now() + deadline(if std::env::var_os("CRUN_LUA_FUZZ_TIMES").is_some() { 600 } else { 5 });
    let status = loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG))? {
            WaitStatus::StillAlive if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            WaitStatus::StillAlive => {
                nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL)?;
                waitpid(child, None)?;
                return Err(format!("it hangs at the input {}", shown(input)).into());
            }
            status => break status,
        }
    };
    if status == WaitStatus::Exited(child, 0) {
        return Ok(());
    }
    let mut text = Vec::new();
    File::open(said)?.read_to_end(&mut text)?;
    let tail = String::from_utf8_lossy(&text[text.len().saturating_sub(6000)..]).into_owned();
    Err(format!("{status:?} at the input {}:\n{tail}", shown(input)).into())
}

/// The input, in a form that a test can hold.
fn shown(input: &Path) -> String {
    format!("b\"{}\"", fs::read(input).unwrap_or_default().escape_ascii())
}

fn each_is_found() -> Result<(), Failed> {
    /// A target that must fail, and what it has to say.
    type Broken = (&'static str, fn(&[u8]), &'static str);
    let broken: [Broken; 3] = [
        ("a directory", |_| drop(fs::create_dir("made")), "changes something"),
        ("a file", |_| drop(File::create("made")), "changes something"),
        ("a panic that is caught", |_| drop(std::panic::catch_unwind(|| panic!("on purpose"))), "on purpose"),
    ];
    for (what, run, reason) in broken {
        let failure = in_a_child(false, |each| each(run, b"input")).err();
        let text = failure.as_ref().and_then(|failure| failure.message()).unwrap_or_default().to_owned();
        if !text.contains(reason) || !text.contains("b\"input\"") {
            return Err(format!("{what} is not found: {text}").into());
        }
    }
    Ok(())
}
