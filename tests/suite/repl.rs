//! The interactive session on a terminal: lines, keys, programs in the foreground, files, the end.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::program::{PROGRAM, Place, is_root, text};
use crate::pty::{Session, session, settings};

type Outcome = Result<(), String>;
type Test = (&'static str, fn() -> Outcome);

pub fn trials() -> Vec<Trial> {
    let tests: [Test; 29] = [
        ("a name that is not declared is told with its line, and kept as _err", failure),
        ("a key that means nothing in Lua is told with its column", parse_error),
        ("an unknown command is told with the nearest", unknown_command),
        ("a line is evaluated, its value printed and kept", values),
        ("lines that belong together are read together", several_lines),
        ("a character that takes two columns is edited as one", wide),
        ("a name is completed, and an option within a call", completion),
        ("a call's signature stands behind what is typed", hint),
        ("Ctrl-C at the prompt drops the line, and the session goes on", clear),
        ("Ctrl-C stops a loop in a coroutine", || stops("coroutine.wrap(function() while true do end end)()")),
        ("Ctrl-C stops a loop that catches every error", || stops("while true do pcall(function() while true do end end) end")),
        ("Ctrl-C stops a wait", || stops("spawn(function() exec { \"sleep\", \"100\" } end):wait()")),
        ("5,000 lines that are pasted are one line of the session", paste),
        ("lines that are typed ahead of the prompt are all run", typed_ahead),
        ("a program in the foreground has the terminal and gives it back", foreground),
        ("a shell with job control runs in the foreground", job_control),
        ("a program that Ctrl-Z stops is resumed, and ended with the session", stopped),
        ("Ctrl-Z stops a program that has just made a child by vfork, and the child", stopped_in_vfork),
        ("what a box has done is saved there, and the host's script says that it lacks it", save_in_box),
        ("the terminal's settings are put back after a program that has changed them", raw_program),
        ("what has succeeded is saved as a script that makes the same", save_and_load),
        ("the history is kept for its owner alone, whole, and by two sessions at once", history),
        ("the user's own file runs first, unless others may write it", rc_file),
        ("calls are told, planned and counted", faces),
        ("NO_COLOR has no colour, and a dumb terminal no escape at all", without_colour),
        ("from a pipe lines are read plainly, and a script stays a script", plain),
        ("the session has one thread", one_thread),
        ("a terminal that is closed in the middle of a line leaves nothing", hang_up),
        ("SIGTERM at the prompt ends the session and gives the terminal back", terminated),
    ];
    tests.into_iter().map(|(name, run)| Trial::test(format!("repl: {name}"), move || run().map_err(Into::into))).collect()
}

pub fn start() -> Result<Session, String> {
    start_in(Place::new(false), &[])
}

pub fn start_in(place: Place, variables: &[(&str, &str)]) -> Result<Session, String> {
    let mut session = session(place, &[], variables, false)?;
    session.prompt()?;
    Ok(session)
}

pub fn has(text: &str, wanted: &str) -> Outcome {
    if text.contains(wanted) { Ok(()) } else { Err(format!("no {wanted:?} in {text:?}")) }
}

fn has_not(text: &str, wrong: &str) -> Outcome {
    if text.contains(wrong) { Err(format!("{wrong:?} in {text:?}")) } else { Ok(()) }
}

fn failure() -> Outcome {
    let mut session = start()?;
    has(&session.line("mounnt")?, "did you mean 'mount'?")?;
    has(&session.line("_err.where.line")?, "1")?;
    has(&session.line("local function f() error 'deep' end f()")?, "deep")?;
    session.leave(0).map(drop)
}

fn parse_error() -> Outcome {
    let mut session = start()?;
    has(&session.line("x = = 1")?, "^")?;
    has(&session.line("1 + 1")?, "2")?;
    session.leave(0).map(drop)
}

fn unknown_command() -> Outcome {
    let mut session = start()?;
    has(&session.line(":hepl")?, ":help")?;
    has(&session.line(":help")?, ":fork")?;
    has(&session.line("?mount")?, "mount(source?, target, options)")?;
    has(&session.line("??container.new")?, "function M.new")?;
    has(&session.line("?net*")?, "netem")?;
    has(&session.line(":apropos oom")?, "oom_score")?;
    session.leave(0).map(drop)
}

fn values() -> Outcome {
    let mut session = start()?;
    has(&session.line("6 * 7")?, "42\n")?;
    has(&session.line("_ + 1")?, "43\n")?;
    has(&session.line("__, _")?, "42  43\n")?;
    has_not(&session.line("name = 'kept';")?, "kept")?;
    has(&session.line("_G.name")?, "kept")?;
    has_not(&session.line("123456;")?, "123456\n")?;
    has(&session.line("return 7 -- a comment")?, "7\n")?;
    has(&session.line("local gone = 1")?, "a local lives in its own line")?;
    has(&session.line("gone")?, "'gone' is not declared")?;
    // What a script cannot do, a line can: and only for other lines.
    has(&session.line("require('options').nearest('a', { 'ab' })")?, "ab")?;
    has(&session.line("{ { a = 1 }, { a = 2 } }")?, "1  1")?;
    session.leave(0).map(drop)
}

fn several_lines() -> Outcome {
    let mut session = start()?;
    session.send("for index = 1, 2 do\r");
    session.send("  print('number', index)\r");
    session.send("end\r");
    has(&session.until("both numbers", |text| text.contains("number\t2\n") && text.ends_with("> "))?, "number\t1\n")?;
    session.leave(0).map(drop)
}

fn wide() -> Outcome {
    let mut session = start()?;
    // The cursor goes left over the quote and one character; that one is deleted, another typed.
    session.send("#'日本語'");
    session.expect("語'")?;
    session.send("\x1b[D\x1b[D\x7f本x\r");
    has(&session.after_line()?, "10\n")?;
    session.leave(0).map(drop)
}

fn completion() -> Outcome {
    let mut session = start()?;
    session.send("unsh\t");
    session.expect("unshare")?;
    session.send(" { \"us\t");
    session.expect("\"user\"")?;
    session.send("\x03");
    session.prompt()?;
    session.line("completely_mine = { inner = 1 }")?;
    session.send("completely_m\t.in\t");
    session.expect("completely_mine.inner")?;
    session.send("\r");
    has(&session.after_line()?, "1\n")?;
    session.send("cgroup_set(\"x\", { mem\t");
    session.expect("memory")?;
    session.send("\x03");
    session.prompt()?;
    session.send(":expl\t");
    session.expect(":explain")?;
    session.send("\x03");
    session.prompt()?;
    session.leave(0).map(drop)
}

fn hint() -> Outcome {
    let mut session = start()?;
    session.send("sethostname(");
    session.until("the signature", |text| text.contains("name") && text.contains("options"))?;
    session.send("\x03");
    session.prompt()?;
    session.leave(0).map(drop)
}

fn clear() -> Outcome {
    let mut session = start()?;
    session.send("mistyped");
    session.expect("mistyped")?;
    session.send("\x03");
    session.prompt()?;
    has(&session.line("'fine'")?, "fine")?;
    session.leave(0).map(drop)
}

fn stops(line: &str) -> Outcome {
    let mut session = start()?;
    session.send(&format!("print('begun') {line}\r"));
    session.expect("begun\n")?;
    std::thread::sleep(Duration::from_millis(100));
    session.send("\x03");
    has(&session.prompt()?, "interrupted")?;
    has(&session.line("'still here'")?, "still here")?;
    // What was stopped has not succeeded.
    let file = session.place.path().join("saved.lua");
    session.line(&format!(":save {}", file.display()))?;
    has_not(&std::fs::read_to_string(&file).unwrap(), "begun")?;
    session.leave(0).map(drop)
}

fn paste() -> Outcome {
    let mut session = start()?;
    let lines = (0..5000).map(|index| format!("total = (rawget(_G, 'total') or 0) + {index}\r")).collect::<Vec<_>>().concat();
    session.send(&format!("\x1b[200~{lines}\x1b[201~"));
    session.send("\r");
    session.until("the prompt after it", |text| text.ends_with("#2> "))?;
    has(&session.line("total")?, "12497500\n")?;
    session.leave(0).map(drop)
}

fn typed_ahead() -> Outcome {
    let mut session = start()?;
    session.send("first = 1\rsecond = 2\rthird = first + second\rprint('all', third)\r");
    session.until("the last line's answer", |text| text.contains("all\t3\n") && text.ends_with("#5> "))?;
    session.leave(0).map(drop)
}

fn foreground() -> Outcome {
    let mut session = start()?;
    let own = session.pid();
    if session.foreground() != own {
        return Err("the session is not in the foreground".to_owned());
    }
    session.send("exec { \"cat\" }\r");
    session.expect("exec")?;
    wait_for("cat in the foreground", || session.foreground() != own)?;
    session.send("through cat\r");
    session.until("the echo and the copy", |text| text.matches("through cat").count() == 2)?;
    session.send("\x03");
    session.prompt()?;
    if session.foreground() != own {
        return Err("the terminal was not given back".to_owned());
    }
    has(&session.line("!exit 4")?, "exit status 4")?;
    has(&session.line("exec { \"no such program\" }")?, "ENOENT")?;
    has(&session.line("!kill -9 $$")?, "SIGKILL")?;
    has(&session.line("1 + 1")?, "2\n")?;
    session.leave(0).map(drop)
}

fn job_control() -> Outcome {
    let mut session = start()?;
    session.send(
        "exec { \"bash\", \"--norc\", \"--noprofile\", \"-i\", env = { PS1 = \"bash$ \", PATH = os.getenv \"PATH\", TERM = \"dumb\" } }\r",
    );
    session.expect("\nbash$ ")?;
    session.send("sleep 100\r");
    session.expect("sleep 100")?;
    std::thread::sleep(Duration::from_millis(300));
    session.send("\x1a");
    has(&session.expect("bash$ ")?, "Stopped")?;
    session.send("fg\r");
    session.expect("sleep 100")?;
    std::thread::sleep(Duration::from_millis(300));
    session.send("\x03");
    session.expect("bash$ ")?;
    session.send("exit 3\r");
    has(&session.prompt()?, "bash: exit status 3")?;
    if session.foreground() != session.pid() {
        return Err("the terminal was not given back".to_owned());
    }
    session.leave(0).map(drop)
}

/// posix_spawn(3) of the C library is a vfork, and what it opens for the child it opens before the exec:
/// of a pipe that nobody writes to, as long as one likes.
fn stopped_in_vfork() -> Outcome {
    // By its path: a shim of the same name would be a shell that starts it.
    if Command::new("/usr/bin/python3").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Ok(());
    }
    let mut session = start()?;
    let own = session.pid();
    let fifo = session.place.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).map_err(|errno| errno.to_string())?;
    let opens = format!("[(os.POSIX_SPAWN_OPEN, 9, '{}', os.O_RDONLY, 0)]", fifo.display());
    let code = format!("import os; os.posix_spawn('/bin/sleep', ['sleep', '100'], {{}}, file_actions={opens}); input()");
    session.place.file("spawn.py", &code);
    session.send("exec { \"/usr/bin/python3\", \"spawn.py\" }\r");
    let state = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
    };
    wait_for("python3 in the foreground", || session.foreground() != own)?;
    let leader = session.foreground();
    // With a child: a program that waits for the disk while it starts is in that state as well.
    let children = || std::fs::read_to_string(format!("/proc/{leader}/task/{leader}/children")).unwrap_or_default();
    wait_for("the wait for the exec", || state(leader) == Some('D') && !children().is_empty())?;
    session.send("\x1a");
    // The key's signal is there before the child is let go on; that one has it blocked until it sets its mask.
    let pending = || std::fs::read_to_string(format!("/proc/{leader}/status")).unwrap_or_default();
    wait_for("the signal", || pending().lines().any(|line| line.starts_with("ShdPnd:") && !line.ends_with("0000000000000000")))?;
    std::fs::OpenOptions::new().write(true).open(&fifo).map_err(|error| error.to_string())?;
    has(&session.prompt()?, "is stopped")?;
    if state(leader) != Some('T') {
        return Err(format!("the program's state is {:?}", state(leader)));
    }
    session.leave(0).map(drop)
}

fn save_in_box() -> Outcome {
    let mut session = start()?;
    let [inside, outside] = ["inside.lua", "outside.lua"].map(|name| session.place.path().join(name).display().to_string());
    session.line("first = 1")?;
    session.line("unshare { \"uts\" }")?;
    session.line("sethostname(\"web\")")?;
    has_not(&session.line(&format!(":save {inside}"))?, "is not in it")?;
    session.line(":leave")?;
    session.line("second = 2")?;
    has(&session.line(&format!(":save {outside}"))?, "what was typed in box1 is not in it: :enter box1 and :save there")?;
    let place = session.leave(0)?;
    let [inner, outer] = [&inside, &outside].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    has(&inner, "first = 1\nunshare { \"uts\" }\nsethostname(\"web\")\n")?;
    has(&outer, "first = 1\nsecond = 2\n")?;
    // A script is one process: what the box did, it does again.
    let output = place.run(&[&inside], false)?;
    if output.status.success() { Ok(()) } else { Err(text(&output)) }
}

fn stopped() -> Outcome {
    let mut session = start()?;
    let own = session.pid();
    session.send("exec { \"cat\" }\r");
    wait_for("cat in the foreground", || session.foreground() != own)?;
    session.send("\x1a");
    has(&session.prompt()?, "is stopped")?;
    session.send(":fg\r");
    wait_for("cat in the foreground again", || session.foreground() != own)?;
    session.send("again\r");
    session.until("the copy", |text| text.matches("again").count() == 2)?;
    session.send("\x1a");
    session.prompt()?;
    // It is stopped now: it must be gone with the session.
    session.leave(0).map(drop)
}

fn raw_program() -> Outcome {
    let mut session = start()?;
    session.line("1")?;
    let before = settings(session.master());
    session.line("!stty raw -echo; kill -9 $$")?;
    has(&session.line("2 + 2")?, "4\n")?;
    session.line("raw = raw_mode()")?;
    has(&session.line("3 + 3")?, "6\n")?;
    let after = settings(session.master());
    if before != after {
        return Err(format!("{before} became {after}"));
    }
    has(&session.line("!stty -a")?, " echo ")?;
    session.leave(0).map(drop)
}

fn save_and_load() -> Outcome {
    let mut session = start()?;
    let made = session.place.path().join("made");
    let script = session.place.path().join("saved.lua");
    session.line(&format!("dir = '{}'", made.display()))?;
    session.line("nonsense")?;
    session.line("mkdir(dir)")?;
    session.line("local text = 'from a local' write_file(dir .. '/one', text)")?;
    session.line("6 * 7")?;
    session.line("write_file(dir .. '/two', tostring(_))")?;
    session.line("(print)('bracketed')")?;
    session.line("return 5")?;
    session.line(&format!(":save {}", script.display()))?;
    let place = session.leave(0)?;
    let read = |name: &str| std::fs::read_to_string(made.join(name)).unwrap_or_default();
    let state = (read("one"), read("two"));
    if state != ("from a local".to_owned(), "42".to_owned()) {
        return Err(format!("the session has made {state:?}"));
    }
    let again =
        || -> Outcome { if state == (read("one"), read("two")) { Ok(()) } else { Err("the script makes something else".to_owned()) } };
    std::fs::remove_dir_all(&made).unwrap();
    let output = place.run(&[&script.display().to_string()], false)?;
    if !output.status.success() {
        return Err(format!("{}\n{}", text(&output), std::fs::read_to_string(&script).unwrap()));
    }
    again()?;
    std::fs::remove_dir_all(&made).unwrap();
    let mut session = start_in(place, &[])?;
    has(&session.line(&format!(":load {}", script.display()))?, "bracketed")?;
    again()?;
    has(&session.line(":load /nowhere/at/all")?, "No such file")?;
    session.leave(0).map(drop)
}

fn history() -> Outcome {
    let mut session = start()?;
    session.line("first_line = 1")?;
    session.line(" leading = 'space'")?;
    session.send("if true then\rprint 'whole'\rend\r");
    session.until("the answer", |text| text.contains("whole\n") && text.ends_with("> "))?;
    let place = session.leave(0)?;
    let file = place.path().join("home/.local/state/crun-lua/history");
    let mode = std::fs::metadata(&file).map_err(|error| error.to_string())?.permissions().mode() & 0o777;
    if mode != 0o600 {
        return Err(format!("the history has mode {mode:o}"));
    }
    let home = place.path().join("home").display().to_string();
    let mut one = start_in(place, &[])?;
    let mut other = start_in(Place::new(false), &[("XDG_STATE_HOME", &format!("{home}/.local/state"))])?;
    one.line("from_one = 1")?;
    other.line("from_other = 2")?;
    one.line("one_again = 3")?;
    let text = std::fs::read_to_string(&file).unwrap();
    for wanted in ["first_line = 1", "if true then\\nprint 'whole'\\nend", "from_one = 1", "from_other = 2", "one_again = 3"] {
        has(&text, wanted)?;
    }
    has_not(&text, "leading")?;
    // Searched with Ctrl-R, and run.
    one.send("\x12whole");
    one.expect("print 'whole'")?;
    one.send("\r");
    one.until("its answer", |text| text.contains("\nwhole\n") && text.ends_with("> "))?;
    has(&one.line(":history first")?, "first_line = 1")?;
    other.leave(0)?;
    one.leave(0).map(drop)
}

fn rc_file() -> Outcome {
    let place = Place::new(false);
    let dir = place.path().join("home/.config/crun-lua");
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("repl.lua");
    std::fs::write(&file, "mine = 'from the file'\n").unwrap();
    let mut session = start_in(place, &[])?;
    has(&session.line("mine")?, "from the file")?;
    let place = session.leave(0)?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let mut other = session_with_banner(place)?;
    has(&other.1, "others may write it")?;
    has(&other.0.line("mine")?, "not declared")?;
    let place = other.0.leave(0)?;
    // A script never reads it.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let home = place.path().join("home").display().to_string();
    let output = Command::new(PROGRAM).args(["repl"]).env("HOME", home).stdin(Stdio::null()).output().unwrap();
    has_not(&text(&output), "from the file")?;
    Ok(())
}

fn session_with_banner(place: Place) -> Result<(Session, String), String> {
    let mut session = session(place, &[], &[], false)?;
    let banner = session.prompt()?;
    Ok((session, banner))
}

fn faces() -> Outcome {
    let mut session = start()?;
    let dir = session.place.path().join("planned").display().to_string();
    has(&session.line(&format!(":plan mkdir('{dir}')"))?, "Nothing")?;
    if std::path::Path::new(&dir).exists() {
        return Err("a plan has made a directory".to_owned());
    }
    session.line(":explain on")?;
    has(&session.line(&format!("mkdir('{dir}')"))?, "= 0")?;
    session.line(":explain off")?;
    has_not(&session.line(&format!("remove('{dir}', {{ directory = true }})"))?, "syscall")?;
    has(&session.line(":time fork(function() end):wait().code")?, "2 calls")?;
    has(&session.line(":time 1 + 1")?, "0 calls")?;
    session.leave(0).map(drop)
}

fn without_colour() -> Outcome {
    let mut bare = start_in(Place::new(false), &[("NO_COLOR", "1")])?;
    let mut raw = String::new();
    for line in ["nope", "{ a = 'text' }", ":help"] {
        bare.send(&format!("{line}\r"));
        raw += &bare.prompt_raw()?;
    }
    // The editor moves the cursor; what it sets is an attribute only where a sequence ends with m, but
    // for the mark of an unfinished line, which is inverse and goes away.
    if sgr(&raw) {
        return Err(format!("colour in {raw:?}"));
    }
    bare.leave(0)?;
    let mut dumb = session(Place::new(false), &[], &[("TERM", "dumb")], false)?;
    let mut raw = dumb.prompt_raw()?;
    dumb.send("nope\r");
    raw += &dumb.prompt_raw()?;
    dumb.send("{ a = 'text' }\r");
    raw += &dumb.prompt_raw()?;
    has(&raw, "not declared")?;
    has_not(&raw, "\x1b")?;
    dumb.leave(0).map(drop)
}

/// Whether a text sets a colour or an attribute, but for that of the mark of an unfinished line.
fn sgr(raw: &str) -> bool {
    let rest = raw.replace("\x1b[7m", "").replace("\x1b[27m", "");
    rest.split("\x1b[").skip(1).any(|part| part.trim_start_matches(|char: char| char.is_ascii_digit() || char == ';').starts_with('m'))
}

fn plain() -> Outcome {
    let pipe = |words: &[&str], input: &str| {
        use std::io::Write;
        let mut child =
            Command::new(PROGRAM).args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = pipe(&["repl"], "x = 20\nx + 1\nfor i = 1, 2 do\nprint(i)\nend\nprint 'no end'");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() || !out.starts_with("21\n1\n2\n") || !out.ends_with("no end\n") {
        return Err(text(&output));
    }
    has_not(&out, "> ")?;
    has_not(&out, "\x1b")?;
    let output = pipe(&["repl"], "nope\n'goes on'\n");
    has(&String::from_utf8_lossy(&output.stdout), "goes on")?;
    if output.status.code() != Some(1) {
        return Err(format!("a line that failed: {}", output.status));
    }
    // As for lua: what comes from a pipe is a script.
    for words in [&["-"][..], &[][..]] {
        let output = pipe(words, "local kept = 6\nprint(kept * 7)\n");
        if String::from_utf8_lossy(&output.stdout) != "42\n" {
            return Err(text(&output));
        }
    }
    Ok(())
}

fn one_thread() -> Outcome {
    let mut session = start()?;
    session.send("moun\t");
    session.expect("mount")?;
    let status = std::fs::read_to_string(format!("/proc/{}/status", session.pid())).unwrap();
    has(&status, "Threads:\t1\n")?;
    session.send("\x03");
    session.prompt()?;
    session.leave(0).map(drop)
}

fn hang_up() -> Outcome {
    let mut session = start()?;
    session.line("child = spawn(function() exec { \"sleep\", \"100\" } end)")?;
    session.send("print('begun') while true do pcall(error) end\r");
    session.expect("begun\n")?;
    session.hang_up();
    session.ended(None).map(drop)
}

fn terminated() -> Outcome {
    let mut session = start()?;
    let name = if is_root() { "root" } else { "user" };
    session.line(&format!("child = spawn(function() exec {{ \"sleep\", \"100\" }} end) -- {name}"))?;
    session.signal(Signal::SIGTERM);
    let mut left = session;
    left.ended(Some(143))?;
    if left.raw.contains("panicked") {
        return Err(left.raw.clone());
    }
    Ok(())
}

pub fn wait_for(what: &str, holds: impl Fn() -> bool) -> Outcome {
    for _ in 0..500 {
        if holds() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("no {what}"))
}
