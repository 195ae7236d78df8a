//! Boxes of the interactive session: the host stays as it was, and nothing of a box outlives it.

use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::program::{Place, is_root};
use crate::pty::{Session, namespace, session};
use crate::repl::{has, start, wait_for};

type Outcome = Result<(), String>;
type Test = (&'static str, fn() -> Outcome);

pub fn trials() -> Vec<Trial> {
    let tests: [Test; 14] = [
        ("a line that would change the process goes on in a box, and the host stays", host_stays),
        ("pcall does not hold up a line that goes on in a box, and nothing of it runs twice", once),
        ("a line that fails before it has changed anything leaves no box", unchanged),
        ("a box completes its own names", completion),
        ("a box that its filter kills leaves the session, which names the call", forbidden),
        ("a box that ends itself, by exit or signal, leaves the session, which says how", ends),
        ("a box that does not stop is killed by a second Ctrl-C", hanging),
        ("Ctrl-C stops a loop in a box, and the box goes on", stops),
        ("a box is left, entered again, listed and killed with what it holds", walk),
        ("a copy of a box is come back to", checkpoint),
        ("a box's children are in the pid namespace that it stays out of, which is said", pid),
        ("a program in a box has the terminal and gives it back", program),
        ("a session that is killed leaves no box, no child, no stopped program", killed),
        ("an ordinary user has boxes as well", ordinary),
    ];
    let reason = if is_root() { "" } else { " (skipped: not run as root)" };
    tests
        .into_iter()
        .map(|(name, run)| {
            let alone = name.starts_with("an ordinary");
            let title = format!("repl: {name}{}", if alone { "" } else { reason });
            Trial::test(title, move || run().map_err(Into::into)).with_ignored_flag(!alone && !reason.is_empty())
        })
        .collect()
}

/// The one box that there is.
fn only_box(session: &Session) -> Result<i32, String> {
    match session.boxes().as_slice() {
        [pid] => Ok(*pid),
        other => Err(format!("boxes: {other:?}")),
    }
}

fn host_stays() -> Outcome {
    let mut session = start()?;
    let kinds = ["mnt", "uts", "net", "pid", "user", "ipc"];
    let before = kinds.map(|kind| namespace(session.pid(), kind));
    session.line("kept = 'before'")?;
    let text = session.line("unshare { \"uts\", \"net\" } after = 'the call'")?;
    has(&text, "~ uts ")?;
    has(&text, "box1 net,uts #3> ")?;
    let pid = only_box(&session)?;
    if namespace(pid, "uts")? == namespace(session.pid(), "uts")? || namespace(pid, "net")? == namespace(session.pid(), "net")? {
        return Err("the box is in the host's namespaces".to_owned());
    }
    has(&session.line("kept, after")?, "\"before\"  \"the call\"")?;
    session.line("sethostname \"in-the-box\"")?;
    has(&session.line("drop_caps { keep = { \"net_raw\" } } no_new_privs()")?, "caps=1")?;
    has(&session.line("seccomp { default = \"allow\", errno = { \"ptrace\" } }")?, "seccomp:1")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    has(&status, "CapEff:\t0000000000002000")?;
    has(&status, "Seccomp_filters:\t1")?;
    has(&session.line(":leave")?, "host#")?;
    has(&session.line("rawget(_G, 'after'), kept")?, "nil  \"before\"")?;
    if before != kinds.map(|kind| namespace(session.pid(), kind)) {
        return Err("the host was changed".to_owned());
    }
    session.leave(0).map(drop)
}

fn once() -> Outcome {
    let mut session = start()?;
    let file = session.place.path().join("log");
    session.line(&format!("function note(word) local f = io.open('{}', 'a') f:write(word, ' ') f:close() end", file.display()))?;
    session.line(
        "local first <close> = setmetatable({}, { __close = function() note 'closed' end }) note 'a' \
         pcall(function() unshare { \"uts\" } note 'b' end) note 'c' coroutine.wrap(function() note 'd' end)()",
    )?;
    let text = std::fs::read_to_string(&file).unwrap();
    // What the line closes is closed where it ends: in the box.
    has(&text, "a b c d closed ")?;
    session.line(":leave")?;
    // In a coroutine as well, and the session stops lines as before.
    session.line("local it <close> = setmetatable({}, { __close = function() note 'shut' end }) coroutine.wrap(function() local own <close> = it unshare { \"uts\" } end)()")?;
    let text = std::fs::read_to_string(&file).unwrap();
    if text != "a b c d closed shut shut " {
        return Err(text);
    }
    session.line(":leave")?;
    let again = start_over(&mut session)?;
    has(&again, "group stays")?;
    session.leave(0).map(drop)
}

/// A handle that the line holds is not closed in the host when the line goes on elsewhere.
fn start_over(session: &mut Session) -> Result<String, String> {
    session.line("dir = temp_dir()")?;
    session.line("do local held <close> = dir unshare { \"uts\" } end")?;
    session.line(":kill")?;
    session.line("stat(dir.path) and 'group stays'")
}

fn unchanged() -> Outcome {
    let mut session = start()?;
    let text = session.line("chroot '/nowhere'")?;
    has(&text, "ENOENT")?;
    has(&text, "host#")?;
    if !session.boxes().is_empty() {
        return Err("a box is left".to_owned());
    }
    // Wrong arguments are told before there is a box.
    has(&session.line("unshare { \"nett\" }")?, "host#")?;
    session.leave(0).map(drop)
}

fn completion() -> Outcome {
    let mut session = start()?;
    session.line("unshare { \"uts\" }")?;
    session.line("only_in_the_box = { deeper = 7 }")?;
    session.send("only_in\t.dee\t\r");
    has(&session.after_line()?, "7\n")?;
    session.line(":leave")?;
    session.send("only_in\t");
    std::thread::sleep(Duration::from_millis(200));
    session.send("\x03");
    if session.prompt()?.contains("only_in_the_box") {
        return Err("the host completes a name of the box's".to_owned());
    }
    session.leave(0).map(drop)
}

fn forbidden() -> Outcome {
    let mut session = start()?;
    let text = session.line("seccomp { default = \"allow\", kill_process = { \"write\", \"sendmsg\" } }")?;
    has(&text, "box1 was killed by its seccomp filter: it called")?;
    has(&text, "SIGSYS")?;
    has(&text, "host#")?;
    // Where the kernel's log may be read, it says which.
    if std::fs::read_dir("/proc/sys/kernel/seccomp").is_ok() && std::fs::File::open("/dev/kmsg").is_ok() {
        has(&text, "sendmsg")?;
    }
    let text = session.line("seccomp { default = \"allow\", errno = { \"sendmsg\", \"write\" } }")?;
    has(&text, "does not let it answer")?;
    has(&session.line("'fine'")?, "fine")?;
    session.leave(0).map(drop)
}

fn ends() -> Outcome {
    let mut session = start()?;
    session.line("unshare { \"uts\" }")?;
    has(&session.line("os.exit(3)")?, "box1 has ended: exit status 3")?;
    session.line("unshare { \"uts\" }")?;
    has(&session.line("kill(proc_stat().pid, 'kill')")?, "box2 was killed by SIGKILL")?;
    session.line("unshare { \"uts\" }")?;
    let pid = only_box(&session)?;
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
    has(&session.line("1 + 1")?, "box3 was killed by SIGKILL")?;
    has(&session.line("1 + 1")?, "2\n")?;
    session.leave(0).map(drop)
}

fn hanging() -> Outcome {
    let mut session = start()?;
    session.line("unshare { \"uts\" }")?;
    // Within one call of Lua's library nothing looks up.
    session.send("print('begun'); ('a'):rep(60):find(('a*'):rep(40) .. 'b')\r");
    session.expect("begun\n")?;
    std::thread::sleep(Duration::from_millis(200));
    session.send("\x03");
    session.expect("Ctrl-C once more kills it")?;
    session.send("\x03");
    has(&session.prompt()?, "box1 was killed")?;
    if !session.boxes().is_empty() {
        return Err("the box lives".to_owned());
    }
    has(&session.line("1 + 1")?, "2\n")?;
    session.leave(0).map(drop)
}

fn stops() -> Outcome {
    let mut session = start()?;
    session.line("unshare { \"uts\" } kept = 5")?;
    session.send("print('begun') while true do pcall(error) end\r");
    session.expect("begun\n")?;
    session.send("\x03");
    has(&session.prompt()?, "interrupted")?;
    has(&session.line("kept")?, "5\n")?;
    session.leave(0).map(drop)
}

fn walk() -> Outcome {
    let mut session = start()?;
    session.line(":box web")?;
    has(&session.line("unshare { \"uts\" }")?, "web uts #")?;
    session.line("dir = temp_dir() child = spawn(function() exec { \"sleep\", \"100\" } end)")?;
    let path = session.line("print('at', dir.path)")?;
    let path = path.lines().find_map(|line| line.strip_prefix("at\t")).ok_or("no path")?.trim().to_owned();
    has(&session.line(":box web")?, "there already")?;
    has(&session.line(":leave")?, "host#")?;
    has(&session.line(":boxes")?, "web")?;
    has(&session.line(":enter wbe")?, "there is no box wbe")?;
    has(&session.line(":enter web")?, "web uts #")?;
    if !std::path::Path::new(&path).exists() {
        return Err("the box has not made its directory".to_owned());
    }
    has(&session.line(":kill")?, "host#")?;
    if std::path::Path::new(&path).exists() || !session.boxes().is_empty() {
        return Err("the box has left something".to_owned());
    }
    session.leave(0).map(drop)
}

fn checkpoint() -> Outcome {
    let mut session = start()?;
    session.line("unshare { \"uts\" } value = 'early'")?;
    let first = only_box(&session)?;
    session.line(":fork")?;
    session.line("value = 'late' unshare { \"net\" }")?;
    has(&session.line(":reset")?, "box1 uts #")?;
    has(&session.line("value")?, "early")?;
    if std::path::Path::new(&format!("/proc/{first}")).exists() {
        return Err("the old box lives".to_owned());
    }
    // Again, and a second box from the same copy.
    session.line("value = 'later'")?;
    session.line(":reset")?;
    has(&session.line("value")?, "early")?;
    session.line("value = 'first'")?;
    has(&session.line(":enter box1@1")?, "is a copy of box1@1")?;
    has(&session.line("value")?, "early")?;
    has(&session.line(":boxes")?, "frozen")?;
    session.leave(0).map(drop)
}

fn pid() -> Outcome {
    let mut session = start()?;
    let text = session.line("unshare { \"pid\" }")?;
    has(&text, "stays in its own pid namespace")?;
    has(&session.line("capture { \"sh\", \"-c\", \"echo number $$\" }.stdout")?, "number 1")?;
    has(&session.line(":fork")?, "another pid namespace")?;
    session.leave(0).map(drop)
}

fn program() -> Outcome {
    let mut session = start()?;
    let own = session.pid();
    session.line("unshare { \"uts\" } sethostname \"inside\"")?;
    session.send("exec { \"sh\", \"-c\", \"hostname; exec cat\" }\r");
    session.expect("inside\n")?;
    wait_for("a program in the foreground", || session.foreground() != own)?;
    session.send("\x03");
    has(&session.prompt()?, "box1 uts #")?;
    if session.foreground() != own {
        return Err("the terminal was not given back".to_owned());
    }
    has(&session.line("1 + 1")?, "2\n")?;
    session.leave(0).map(drop)
}

fn killed() -> Outcome {
    let mut session = start()?;
    let own = session.pid();
    session.line("child = spawn(function() exec { \"sleep\", \"100\" } end)")?;
    session.send("exec { \"cat\" }\r");
    wait_for("cat in the foreground", || session.foreground() != own)?;
    session.send("\x1a");
    session.prompt()?;
    session.line("unshare { \"uts\" } inner = spawn(function() exec { \"sleep\", \"100\" } end) dir = temp_dir()")?;
    session.line(":leave")?;
    // Another one is in the middle of a line.
    session.line(":box busy")?;
    session.send("print('begun') while true do pcall(error) end\r");
    session.expect("begun\n")?;
    session.signal(Signal::SIGKILL);
    session.ended(None).map(drop)
}

fn ordinary() -> Outcome {
    let mut session = session(Place::new(true), &[], &[], true)?;
    session.prompt()?;
    let text = session.line("unshare { \"user\", \"uts\" }")?;
    if text.contains("EPERM") || text.contains("ENOSPC") {
        // The machine gives ordinary users no user namespaces.
        return session.leave(0).map(drop);
    }
    has(&text, "user,uts")?;
    session.line("sethostname \"mine\"")?;
    has(&session.line("sysctl_get \"kernel.hostname\"")?, "mine")?;
    session.leave(0).map(drop)
}
