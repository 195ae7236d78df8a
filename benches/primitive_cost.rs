//! What Lua costs over the bare system call, and over the shortest program that does the same.
//!
//! A plain binary (`cargo bench --bench primitive_cost`): each pair is run in turns, so that a slow
//! moment of the machine meets both, and is told as minimum and median of rounds, with the ratio.
//! A ratio can be compared between machines; a time cannot.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Instant;

use crun_lua::kernel::{Explain, Faces, Kernel, Live};
use crun_lua::lua::{Machine, Settings};
use crun_lua::sys::fork;

const PROGRAM: &str = env!("CARGO_BIN_EXE_crun-lua");

/// How many calls one round of a cheap call has, and of one that builds an error object.
const CALLS: u32 = 100_000;
const FAILURES: u32 = 2_000;
const ROUNDS: usize = 15;
/// How many starts are measured, one a round.
const STARTS: usize = 200;

fn main() {
    println!("{:<44} {:>10} {:>10} {:>10} {:>10} {:>7} {:>7}", "", "min", "median", "bare min", "median", "ratio", "ratio");
    hook();
    primitives();
    faces();
    starts();
    children();
}

/// What looking for a signal costs a loop: the count hook against none.
fn hook() {
    let turns = |every: Option<u32>| {
        let lua = mlua::Lua::new();
        if let Some(every) = every {
            let triggers = mlua::HookTriggers::new().every_nth_instruction(every);
            lua.set_global_hook(triggers, |_, _| Ok(mlua::VmState::Continue)).unwrap();
        }
        let body = lua.load(format!("local x = 0 for turn = 1, {CALLS} * 20 do x = x + turn end")).into_function().unwrap();
        move || {
            // A function refers to its machine and does not keep it.
            black_box(&lua);
            body.call::<()>(()).unwrap();
        }
    };
    compare("a loop, hook every 10,000 against none", ROUNDS, CALLS * 20, turns(Some(10_000)), turns(None));
    compare("a loop, hook every 100 against none", ROUNDS, CALLS * 20, turns(Some(100)), turns(None));
}

/// One call in a loop: through the table, the gate and the prelude, and without them.
fn primitives() {
    let lua = |source: &str, calls: u32| {
        let machine = machine();
        let source = format!("for _ = 1, {calls} do {source} end");
        move || assert_eq!(machine.run(source.as_bytes(), "bench"), 0)
    };
    compare("an empty loop, a turn", ROUNDS, CALLS, lua("", CALLS), || {
        for turn in 0..CALLS {
            black_box(turn);
        }
    });
    // The directory is there already: the call fails as fast on both sides, error object and all.
    compare("try(mkdir, \"/\") that fails", ROUNDS, FAILURES, lua("try(mkdir, \"/\")", FAILURES), || {
        for _ in 0..FAILURES {
            let _ = black_box(nix::unistd::mkdir("/", nix::sys::stat::Mode::empty()));
        }
    });
    if nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUTS).is_err() {
        println!("sethostname: skipped, not run as root");
        return;
    }
    compare("sethostname(\"bench\")", ROUNDS, CALLS, lua("sethostname(\"bench\")", CALLS), || {
        for _ in 0..CALLS {
            nix::unistd::sethostname("bench").unwrap();
        }
    });
}

/// No script stands anywhere: calls are made from here.
struct Nowhere;

impl crun_lua::kernel::Locator for Nowhere {
    fn site(&self) -> crun_lua::kernel::Site {
        crun_lua::kernel::Site::default()
    }
    fn source(&self, _file: &str) -> Option<Rc<[u8]>> {
        None
    }
}

/// What it costs that calls could be told: the live kernel behind its faces, all off, beside the live
/// kernel alone. For comparison with the narrator at work, whose words go nowhere.
fn faces() {
    let call = |kernel: &dyn Kernel| {
        for turn in 0..CALLS {
            let mask = crun_lua::kernel::attributes::Call::Umask { mask: 0o22 | turn & 1 };
            black_box(kernel.run(&mask.into()).unwrap());
        }
    };
    let behind = Faces::new(Rc::new(Live), Rc::new(Nowhere));
    compare("umask, faces off against no faces", ROUNDS, CALLS, || call(&behind), || call(&Live));
    let lua = |kernel: fn(crun_lua::kernel::Locate) -> Rc<dyn Kernel>| {
        let settings = Settings { allow_host: true, ..Settings::default() };
        let machine = Machine::new(settings, |locate| Ok(kernel(locate))).unwrap();
        let source = format!("for _ = 1, {CALLS} do umask(\"022\") end");
        move || assert_eq!(machine.run(source.as_bytes(), "bench"), 0)
    };
    compare(
        "umask in Lua, faces off against no faces",
        ROUNDS,
        CALLS,
        lua(|locate| Rc::new(Faces::new(Rc::new(Live), locate))),
        lua(|_| Rc::new(Live)),
    );
    let told = |locate: crun_lua::kernel::Locate| -> Rc<dyn Kernel> {
        let faces = Faces::new(Rc::new(Live), Rc::clone(&locate));
        faces.set_explain(Some(Rc::new(Explain::append(Path::new("/dev/null"), crun_lua::kernel::Detail::default(), locate).unwrap())));
        Rc::new(faces)
    };
    let few = |kernel: fn(crun_lua::kernel::Locate) -> Rc<dyn Kernel>| {
        let settings = Settings { allow_host: true, ..Settings::default() };
        let machine = Machine::new(settings, |locate| Ok(kernel(locate))).unwrap();
        let source = format!("for _ = 1, {FAILURES} do umask(\"022\") end");
        move || assert_eq!(machine.run(source.as_bytes(), "bench"), 0)
    };
    compare("umask in Lua, told against not told", ROUNDS, FAILURES, few(told), few(|_| Rc::new(Live)));
}

/// A whole start of the program with nothing to do, beside the plain interpreter's.
fn starts() {
    let run = |program: &'static str, argument: &'static [&'static str]| {
        move || {
            let status = Command::new(program).args(argument).stdin(Stdio::null()).status().unwrap();
            assert!(status.success());
        }
    };
    let ours = run(PROGRAM, &["/dev/null"]);
    match ["/usr/bin/lua5.4", "/usr/bin/lua"].into_iter().find(|path| Path::new(path).exists()) {
        Some(lua) => compare("start: crun-lua /dev/null, lua -e ''", STARTS, 1, ours, run(lua, &["-e", ""])),
        None => compare("start: crun-lua /dev/null, /bin/true (no lua)", STARTS, 1, ours, run("/bin/true", &[])),
    }
}

/// A child that calls exec: in Lua, by the same calls alone, and as the standard library does it.
fn children() {
    let lua = || {
        let machine = machine();
        move || {
            let source = b"local child = spawn(function() exec { \"/bin/true\" } end)\nassert(child:wait().code == 0)";
            assert_eq!(machine.run(source, "bench"), 0);
        }
    };
    compare("spawn and exec /bin/true, clone3 and execve", STARTS, 1, lua(), || {
        let env: Vec<_> = std::env::vars_os().collect();
        match fork::clone3(0, None).unwrap() {
            fork::Side::Child => {
                let _ = fork::exec(Path::new("/bin/true"), &["/bin/true".into()], &env);
                fork::exit_now(127);
            }
            fork::Side::Parent(pid, _) => {
                nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None).unwrap();
            }
        }
    });
    compare("spawn and exec /bin/true, posix_spawn", STARTS, 1, lua(), || {
        assert!(Command::new("/bin/true").status().unwrap().success());
    });
}

fn machine() -> Machine {
    let settings = Settings { allow_host: true, ..Settings::default() };
    Machine::new(settings, |_| Ok(Rc::new(Live))).unwrap()
}

/// Runs both in turns and prints a line: what one of `turns` took, and the ratios.
fn compare(name: &str, rounds: usize, turns: u32, mut lua: impl FnMut(), mut bare: impl FnMut()) {
    let time = |body: &mut dyn FnMut()| {
        let start = Instant::now();
        body();
        start.elapsed().as_secs_f64() / f64::from(turns)
    };
    // The first round of each fills caches and is thrown away.
    lua();
    bare();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(time(&mut lua));
        theirs.push(time(&mut bare));
    }
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    let (a, b, c, d) = (ours[0], ours[rounds / 2], theirs[0], theirs[rounds / 2]);
    println!("{name:<44} {:>10} {:>10} {:>10} {:>10} {:>7.2} {:>7.2}", show(a), show(b), show(c), show(d), a / c, b / d);
}

fn show(seconds: f64) -> String {
    let nanoseconds = seconds * 1e9;
    match nanoseconds {
        ..100.0 => format!("{nanoseconds:.1} ns"),
        ..10_000.0 => format!("{nanoseconds:.0} ns"),
        _ => format!("{:.0} µs", nanoseconds / 1e3),
    }
}
