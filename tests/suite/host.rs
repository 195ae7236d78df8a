//! The program as a shell sees it: exit statuses, signals, scripts from standard input, limits,
//! faults, what is left after a kill.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};

use crate::program::{PROGRAM, Place, text};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("host: a script's failure is status 1, with file and line", failure_has_place),
        Trial::test("host: a missing script is status 2 and is named", missing_script),
        Trial::test("host: an unknown option is status 2", unknown_option),
        Trial::test("host: a syntax error names the line", syntax_error),
        Trial::test("host: os.exit passes every pcall and coroutine and closes what is open", exit_closes),
        Trial::test("host: os.exit refuses what is no status", exit_refuses),
        Trial::test("host: SIGINT stops a loop, a coroutine and a pcall loop with status 130", interrupt_stops),
        Trial::test("host: SIGTERM while waiting ends the script and its child", term_closes),
        Trial::test("host: a signal that comes just before the script waits for input ends it too", too_early),
        Trial::test("host: a huge allocation and a deep recursion are errors", exhaustion),
        Trial::test("host: a script comes from standard input", standard_input),
        Trial::test("host: arguments after the script are its own, options too", script_arguments),
        Trial::test("host: a script may start with #!", shebang),
        Trial::test("host: the call that --fault names fails and nothing is left", fault),
        Trial::test("host: --dry-run changes nothing and lists the calls", dry_run),
        Trial::test("host: --explain tells the call, the command and the effect", explain),
        Trial::test("host: --stdlib replaces the modules", stdlib),
        Trial::test("host: --version answers", version),
        Trial::test("host: a setuid program refuses to run", setuid).with_ignored_flag(!nix::unistd::geteuid().is_root()),
        Trial::test("host: a script cannot be written through /proc/PID/exe", sealed).with_ignored_flag(!nix::unistd::geteuid().is_root()),
    ]
}

/// Runs a script and expects this status and this text in what it prints.
pub fn expect(options: &[&str], source: &str, status: i32, wanted: &str) -> Result<(), Failed> {
    let output = Place::new(false).run_text(options, source, false)?;
    let printed = text(&output);
    if output.status.code() == Some(status) && printed.contains(wanted) {
        return Ok(());
    }
    Err(format!("expected status {status} and {wanted:?}, found: {printed}").into())
}

fn failure_has_place() -> Result<(), Failed> {
    expect(&[], "\nmkdir(\"/tmp\")", 1, "script.lua:2: mkdir(\"/tmp\", 0755) = -1 EEXIST (File exists)")?;
    expect(&[], "local x = nil + 1", 1, "script.lua:1: attempt to perform arithmetic")
}

fn missing_script() -> Result<(), Failed> {
    let output = Place::new(false).run(&["/nowhere/script.lua"], false)?;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("/nowhere/script.lua: No such file"), "{}", text(&output));
    Ok(())
}

fn unknown_option() -> Result<(), Failed> {
    let output = Place::new(false).run(&["--explian", "x.lua"], false)?;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("--explain"), "{}", text(&output));
    Ok(())
}

fn syntax_error() -> Result<(), Failed> {
    expect(&[], "local a = 1\nlocal b = = 2", 1, "script.lua:2: unexpected symbol near '='")
}

/// The leak check of the place says whether the child was ended.
fn exit_closes() -> Result<(), Failed> {
    let sleeper = "local child = spawn(function() while true do end end)\n";
    expect(&[], &format!("{sleeper}pcall(function() os.exit(7) end)"), 7, "")?;
    expect(&[], &format!("{sleeper}coroutine.wrap(function() pcall(os.exit, 8) end)()"), 8, "")?;
    expect(&[], &format!("{sleeper}local co = coroutine.create(os.exit)\ncoroutine.resume(co, 9)"), 9, "")?;
    expect(&[], &format!("{sleeper}error(\"boo\")"), 1, "script.lua:2: boo")?;
    expect(
        &[],
        &format!("{sleeper}local x <close> = setmetatable({{}}, {{ __close = function() print(\"closed\") end }})\nos.exit(true)"),
        0,
        "closed",
    )
}

fn exit_refuses() -> Result<(), Failed> {
    expect(&[], "os.exit(256)", 1, "expected a status from 0 to 255")?;
    expect(&[], "os.exit(\"x\")", 1, "expected a status from 0 to 255")
}

/// Sends a signal to a running script once it has printed a line; its status.
pub fn signalled(source: &str, signal: nix::sys::signal::Signal) -> Result<i32, Failed> {
    let place = Place::new(false);
    let file = place.file("script.lua", &format!("print(\"ready\") io.stdout:flush()\n{source}"));
    let before = crate::leaks::Snapshot::take();
    let mark = place.path().display().to_string();
    let mut child = Command::new(PROGRAM).arg(file).env(crate::leaks::MARK, &mark).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut line = [0; 6];
    std::io::Read::read_exact(child.stdout.as_mut().ok_or("no output")?, &mut line)?;
    std::thread::sleep(Duration::from_millis(50));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), signal)?;
    let output = child.wait_with_output()?;
    let left = before.left_behind(&mark, place.path());
    if !left.is_empty() {
        return Err(format!("left behind: {}", left.join("; ")).into());
    }
    output.status.code().ok_or_else(|| format!("killed by {:?}", output.status.signal()).into())
}

fn interrupt_stops() -> Result<(), Failed> {
    use nix::sys::signal::Signal::SIGINT;
    for source in [
        "while true do end",
        "coroutine.wrap(function() while true do end end)()",
        "while true do pcall(function() while true do end end) end",
        "local child = spawn(function() while true do end end)\nchild:wait()",
    ] {
        assert_eq!(signalled(source, SIGINT)?, 130, "{source}");
    }
    Ok(())
}

fn term_closes() -> Result<(), Failed> {
    let source = "local child = spawn(function() exec { \"sleep\", \"1000\" } end)\nchild:started()\nchild:wait()";
    assert_eq!(signalled(source, nix::sys::signal::Signal::SIGTERM)?, 143);
    Ok(())
}

/// The hook does not look between the two calls, and nothing else than the signal ends the second.
fn too_early() -> Result<(), Failed> {
    let place = Place::new(false);
    for source in ["io.read \"l\"", "io.stdin:read \"a\""] {
        let script = format!("kill(tonumber(readlink \"/proc/self\"), \"term\") {source} print \"went on\" while true do end");
        let file = place.file("script.lua", &script);
        let mut child = Command::new(PROGRAM).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let output = child.wait_with_output()?;
        drop(input);
        assert_eq!(output.status.code(), Some(143), "{source}");
        if source.starts_with("io.read") {
            assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        }
    }
    Ok(())
}

fn exhaustion() -> Result<(), Failed> {
    expect(&[], "local t = {}\nfor i = 1, 1e9 do t[i] = (\"x\"):rep(100000) .. i end", 1, "not enough memory")?;
    expect(&[], "string.rep(\"x\", 1 << 40)", 1, "resulting string too large")?;
    expect(&[], "local function f() return 1 + f() end\nf()", 1, "stack overflow")?;
    expect(&[], "local t = {}\nfor i = 1, 100 do t = { t } end\nspawn({ unshare = t }, print)", 1, "expected")
}

fn standard_input() -> Result<(), Failed> {
    let mut child = Command::new(PROGRAM).args(["-", "a"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(b"print(arg[0], arg[1])\nerror(\"x\")")?;
    let output = child.wait_with_output()?;
    let printed = text(&output);
    assert!(printed.contains("-\ta") && printed.contains("stdin:2: x"), "{printed}");
    Ok(())
}

fn script_arguments() -> Result<(), Failed> {
    let place = Place::new(false);
    let file = place.file("script.lua", "print(table.concat(arg, \" \"), ...)").display().to_string();
    let output = place.run(&[&file, "--explain", "-x", "--", "y"], false)?;
    let printed = text(&output);
    assert!(printed.contains("--explain -x -- y\t--explain\t-x\t--\ty"), "{printed}");
    let output = place.run(&[&file, "--", "ls", "-l"], false)?;
    assert!(text(&output).contains("-- ls -l"), "{}", text(&output));
    Ok(())
}

fn shebang() -> Result<(), Failed> {
    expect(&[], "#!/usr/bin/env crun-lua\nerror(\"two\")", 1, "script.lua:2: two")
}

fn fault() -> Result<(), Failed> {
    let source = "local child = spawn(function() end)\nchild:wait()";
    expect(&["--fault", "1:EAGAIN"], source, 1, "-1 EAGAIN")?;
    expect(&["--fault", "2:EIO"], source, 1, "-1 EIO")?;
    expect(&["--fault", "x:EIO"], source, 2, "is not a call's number")?;
    expect(&["--fault", "1:ENOTHING"], source, 2, "no error is called")
}

fn dry_run() -> Result<(), Failed> {
    let source = "mkdir(os.getenv(\"TMPDIR\") .. \"/made\")\nlocal f = io.open(os.getenv(\"TMPDIR\") .. \"/written\", \"w\")\nf:write(\"x\")\nf:close()";
    expect(&["--dry-run"], source, 0, "Plan: 1 to add (1 directory)")?;
    let source = "local child = spawn(function() exec { \"false\" } end)\nos.exit(child:wait().code)";
    expect(&["--dry-run"], source, 0, "Nothing was run.")?;
    expect(&["--dry-run"], "print(spawn(function() end):wait().code + 1)", 1, "known after the calls have been made")
}

fn explain() -> Result<(), Failed> {
    let source = "local child <close> = spawn({ unshare = { \"uts\" } }, function() sethostname(\"box\") end)\nchild:wait()";
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    for wanted in ["script.lua:1", "syscall  sethostname(\"box\", 3) = 0", "shell  = hostname box", "→ box"] {
        expect(&["--explain"], source, 0, wanted)?;
    }
    Ok(())
}

fn stdlib() -> Result<(), Failed> {
    let place = Place::new(false);
    place.file("mine.lua", "return { answer = 42 }");
    let file = place.file("script.lua", "print(require(\"mine\").answer)\nrequire(\"test\")").display().to_string();
    let dir = place.path().display().to_string();
    let output = place.run(&["--stdlib", &dir, &file], false)?;
    let printed = text(&output);
    assert!(printed.contains("42") && printed.contains("no module 'test'"), "{printed}");
    Ok(())
}

fn version() -> Result<(), Failed> {
    let output = Place::new(false).run(&["--version"], false)?;
    assert_eq!(String::from_utf8_lossy(&output.stdout), concat!("crun-lua version ", env!("CARGO_PKG_VERSION"), "\nspec: 1.3.0\n"));
    Ok(())
}

fn setuid() -> Result<(), Failed> {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let place = Place::new(false);
    let copy = place.path().join("crun-lua");
    std::fs::copy(PROGRAM, &copy)?;
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o4755))?;
    let output = Command::new(&copy).arg("--version").uid(65534).gid(65534).output()?;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("refuses to run setuid"), "{}", text(&output));
    Ok(())
}

/// The child's image is the program's own until it calls exec: writing to it must be refused.
fn sealed() -> Result<(), Failed> {
    let source = "local child <close> = spawn(function() while true do end end)\n\
                  local file, reason = io.open((\"/proc/%d/exe\"):format(child.pid), \"r+\")\n\
                  print(file, reason)";
    let output = Place::new(false).run_text(&[], source, false)?;
    let printed = text(&output);
    assert!(printed.contains("Read-only file system") || printed.contains("Text file busy"), "{printed}");
    Ok(())
}
