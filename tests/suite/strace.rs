//! What the kernel sees, by strace: how many calls a start makes, and which it never makes.
//!
//! Counts are gates, times are not: a count is the same on every machine.

use libtest_mimic::{Failed, Trial};

use crate::program::{PROGRAM, Place, is_root, succeeded};

/// A proof, to be run when it is this test's turn.
type Test = fn() -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let missing = std::process::Command::new("strace").arg("-V").output().is_err();
    let reason = if missing {
        Some("the program 'strace' is not installed")
    } else if is_root() {
        None
    } else {
        Some("not run as root")
    };
    let tests: [(&str, Test); 6] = [
        ("one child is one clone3: no other fork and no thread", one_clone),
        ("a child makes its mounts private and calls exec within twelve calls", child_is_short),
        ("the program's own file is neither read nor copied", image_is_not_copied),
        ("a container of the host's root starts by one clone3, without a thread, within its number of calls", container_is_short),
        ("run of the default bundle is one clone3, waits for no grace period, and stays within its number of calls", bundle_is_short),
        ("an empty script starts nothing, opens one file and ends within its number of calls", empty_is_short),
    ];
    tests
        .into_iter()
        .map(|(name, run)| {
            let skipped = reason.map_or_else(String::new, |reason| format!(" (skipped: {reason})"));
            Trial::test(format!("strace: {name}{skipped}"), run).with_ignored_flag(reason.is_some())
        })
        .collect()
}

const SPAWN: &str = "local child <close> = spawn({ unshare = { \"uts\", \"mnt\" } }, function()\n  exec { \"/bin/true\" }\nend)\nos.exit(child:wait().code)\n";

/// The calls of a run, in order: who made it, and its line.
pub struct Trace(Vec<(u32, String)>);

impl Trace {
    /// Runs a script, as root, under strace.
    pub fn of(source: &str) -> Result<Self, Failed> {
        let place = Place::new(false);
        let script = place.file("script.lua", source).display().to_string();
        Self::of_program(&place, &[&script])
    }

    /// Runs the program, as root, under strace.
    fn of_program(place: &Place, words: &[&str]) -> Result<Self, Failed> {
        let file = place.path().join("trace");
        let mut arguments = vec!["-f", "-qq", "-s", "256", "-e", "signal=none", "-o"];
        let path = file.display().to_string();
        arguments.extend([path.as_str(), PROGRAM]);
        arguments.extend(words);
        place.run_program("strace", &arguments).and_then(succeeded)?;
        let text = std::fs::read_to_string(file)?;
        let line = |line: &str| line.split_once(' ').map(|(pid, call)| (pid.parse().unwrap(), call.trim_start().to_owned()));
        // The second half of a call that another process cut in two is not a call.
        Ok(Self(text.lines().filter_map(line).filter(|(_, call)| !call.starts_with("<...") && !call.starts_with("+++")).collect()))
    }

    /// The calls with one of these names.
    pub fn named(&self, names: &[&str]) -> Vec<&str> {
        let is = |call: &str| names.iter().any(|name| call.strip_prefix(name).is_some_and(|rest| rest.starts_with('(')));
        self.0.iter().map(|(_, call)| call.as_str()).filter(|call| is(call)).collect()
    }

    /// The calls of everybody but the first process.
    pub fn of_children(&self) -> Vec<&str> {
        let first = self.0[0].0;
        self.0.iter().filter(|(pid, _)| *pid != first).map(|(_, call)| call.as_str()).collect()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn one_clone() -> Result<(), Failed> {
    let trace = Trace::of(SPAWN)?;
    let clones = trace.named(&["clone", "clone3", "fork", "vfork"]);
    if clones.len() == 1 && clones[0].starts_with("clone3(") && !clones[0].contains("CLONE_THREAD") && !clones[0].contains("CLONE_VM") {
        return Ok(());
    }
    Err(format!("expected one clone3, found {clones:#?}").into())
}

fn child_is_short() -> Result<(), Failed> {
    let trace = Trace::of(SPAWN)?;
    let calls = trace.of_children();
    let before: Vec<_> = calls.iter().take_while(|call| !call.starts_with("execve(")).collect();
    if before.len() < calls.len() && before.len() <= 12 { Ok(()) } else { Err(format!("{before:#?}").into()) }
}

fn image_is_not_copied() -> Result<(), Failed> {
    let trace = Trace::of(SPAWN)?;
    let opened = trace.named(&["open", "openat", "openat2"]);
    let own: Vec<_> = opened.iter().filter(|call| call.contains("/proc/self/exe") || call.contains(PROGRAM)).collect();
    let copied = trace.named(&["memfd_create", "sendfile", "copy_file_range", "splice"]);
    if own.is_empty() && copied.is_empty() { Ok(()) } else { Err(format!("{own:#?} {copied:#?}").into()) }
}

/// The calls of a start when all that a script looks up once is known. Files of the host's /etc, and
/// what there is to mask below its /proc, differ from machine to machine; so the bound has room.
const MOST: usize = 620;

const CONTAINERS: &str = r#"
local container = require "container"
for _ = 1, 2 do
  local box <close> = container.new { rootfs = "host" }
  assert(box:run({ "/bin/true" }).code == 0)
  try(stat, "/the-next-container")
end
"#;

fn container_is_short() -> Result<(), Failed> {
    let trace = Trace::of(CONTAINERS)?;
    let first = trace.0.iter().position(|(_, call)| !call.starts_with("read(") && call.contains("/the-next-container")).unwrap_or_default();
    let second = Trace(trace.0[first + 1..].to_vec());
    let clones = second.named(&["clone", "clone3", "fork", "vfork"]);
    let copied = second.named(&["memfd_create", "sendfile", "copy_file_range", "splice"]);
    if clones.len() != 1 || clones[0].contains("CLONE_THREAD") || clones[0].contains("CLONE_VM") || !copied.is_empty() {
        return Err(format!("{clones:#?} {copied:#?}").into());
    }
    // Of a debug build, which makes sure of each descriptor before it closes it.
    let calls = second.0.iter().filter(|(_, call)| !call.contains("F_GETFD")).count();
    if calls <= MOST { Ok(()) } else { Err(format!("{calls} calls").into()) }
}

/// The calls of a run of what `spec` writes, all processes and busybox's own among them, without the
/// hierarchies of control groups; and those of each. Which paths there are to be masked differs.
const MOST_OF_RUN: usize = 395;
const EACH_HIERARCHY: usize = 5;

/// A bundle as `spec` makes it, with busybox, that runs `true` without a terminal; its path.
fn default_bundle(place: &Place) -> Result<String, Failed> {
    let bundle = place.path().join("bundle");
    for name in ["bin", "proc", "dev", "sys"] {
        std::fs::create_dir_all(bundle.join("rootfs").join(name))?;
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let busybox = path.split(':').map(|dir| std::path::Path::new(dir).join("busybox")).find(|file| file.exists());
    std::fs::copy(busybox.ok_or("the program 'busybox' is not installed")?, bundle.join("rootfs/bin/true"))?;
    let shown = bundle.display().to_string();
    place.run_program(PROGRAM, &["spec", "--bundle", &shown]).and_then(succeeded)?;
    let config = bundle.join("config.json");
    let text = std::fs::read_to_string(&config)?;
    let text = text.replace("\"terminal\": true", "\"terminal\": false").replace("\"sh\"", "\"/bin/true\"");
    std::fs::write(config, text)?;
    Ok(shown)
}

/// Who writes into `cgroup.procs` waits for a grace period of the kernel's, 10 ms on a busy machine.
fn is_slow_way(call: &str) -> bool {
    call.contains("cgroup.procs") && (call.contains("O_WRONLY") || call.contains("O_RDWR"))
}

fn bundle_is_short() -> Result<(), Failed> {
    let place = Place::new(false);
    let bundle = default_bundle(&place)?;
    let root = format!("{bundle}/state");
    std::fs::create_dir(&root)?;
    let trace = Trace::of_program(&place, &["--root", &root, "run", "--bundle", &bundle, "counted"])?;
    let clones = trace.named(&["clone", "clone3", "fork", "vfork"]);
    let ended = trace.of_children().last().is_some_and(|call| call.starts_with("exit_group(0"));
    if clones.len() != 1 || !clones[0].starts_with("clone3(") || !ended {
        return Err(format!("{clones:#?}").into());
    }
    let entered: Vec<_> = trace.named(&["open", "openat", "openat2"]).into_iter().filter(|call| is_slow_way(call)).collect();
    let is_v2 = std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    if !entered.is_empty() || is_v2 && !clones[0].contains("CLONE_INTO_CGROUP") {
        return Err(format!("{clones:#?} {entered:#?}").into());
    }
    let hierarchies = std::fs::read_to_string("/proc/self/cgroup")?.lines().count();
    let most = MOST_OF_RUN + EACH_HIERARCHY * hierarchies;
    let calls = trace.0.iter().filter(|(_, call)| !call.contains("F_GETFD")).count();
    if calls <= most { Ok(()) } else { Err(format!("{calls} calls, of {most}").into()) }
}

fn empty_is_short() -> Result<(), Failed> {
    let trace = Trace::of("")?;
    let opened = trace.named(&["open", "openat"]);
    let started = trace.named(&["clone", "clone3", "fork", "vfork"]);
    if opened.len() == 1 && started.is_empty() && trace.len() <= 40 {
        return Ok(());
    }
    Err(format!("{} calls, {opened:#?}, {started:#?}", trace.len()).into())
}
