//! Commands that are modules of the stdlib: what they are given, what their answer becomes, and
//! that the program's own options are for them too.

use std::process::Output;

use libtest_mimic::{Failed, Trial};

use crate::program::{Place, succeeded, text};

/// A proof, to be run when it is this test's turn.
type Test = fn() -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let tests: [(&str, Test); 8] = [
        ("a module that is missing, or is no function, is status 1 and says so", no_module),
        ("an error has the module's line and is status 1", failing),
        ("the rest of the line is the command's own, options and --help too", arguments),
        ("what the function answers, or os.exit, is the status", status),
        ("--trace, --dry-run and --fault work as for a script", options),
        ("what a command leaves open is closed", closes),
        ("gc tells and counts what its module has removed, after the journals", collects),
        ("a plan of gc removes nothing", plans),
    ];
    tests.into_iter().map(|(name, run)| Trial::test(format!("commands: {name}"), run)).collect()
}

const NAMES: [&str; 5] = ["inspect", "doctor", "ps", "report", "top"];

/// Runs the program with a stdlib that consists of one module.
fn run(module: &str, source: &str, options: &[&str], line: &[&str]) -> Result<Output, Failed> {
    let place = Place::new(false);
    std::fs::create_dir(place.path().join("commands"))?;
    place.file(&format!("{}.lua", module.replace('.', "/")), source);
    let dir = place.path().display().to_string();
    let arguments = [options, &["--stdlib", &dir], line].concat();
    Ok(place.run(&arguments, false)?)
}

fn no_module() -> Result<(), Failed> {
    for name in NAMES {
        let output = run("other", "return {}", &[], &[name])?;
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output).contains(&format!("no module 'commands.{name}'")), "{}", text(&output));
        let output = run(&format!("commands.{name}"), "return {}", &[], &[name])?;
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output).contains("its value is no function"), "{}", text(&output));
    }
    Ok(())
}

fn failing() -> Result<(), Failed> {
    let output = run("commands.ps", "return function()\n  error(\"boo\")\nend", &[], &["ps"])?;
    assert!(output.status.code() == Some(1) && text(&output).contains("crun-lua: stdlib/commands/ps.lua:2: boo"), "{}", text(&output));
    let output = run("commands.ps", "return function() mkdir(\"/tmp\") end", &[], &["ps"])?;
    assert!(text(&output).contains("-1 EEXIST"), "{}", text(&output));
    let output = run("commands.ps", "return function(", &[], &["ps"])?;
    assert!(output.status.code() == Some(1) && text(&output).contains("stdlib/commands/ps.lua:1:"), "{}", text(&output));
    Ok(())
}

fn arguments() -> Result<(), Failed> {
    for name in NAMES {
        let source = "return function(args) print(arg[0], #args, table.concat(args, \" \")) end";
        let line = [name, "--json", "--help", "-x", "--explain", "--", "-y"];
        let output = succeeded(run(&format!("commands.{name}"), source, &[], &line)?)?;
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{name}\t6\t--json --help -x --explain -- -y\n"));
    }
    Ok(())
}

fn status() -> Result<(), Failed> {
    for (body, status) in [("return 3", 3), ("", 0), ("return true", 0), ("return false", 1), ("pcall(os.exit, 9)", 9)] {
        let output = run("commands.doctor", &format!("return function() {body} end"), &[], &["doctor"])?;
        assert_eq!(output.status.code(), Some(status), "{body}: {}", text(&output));
    }
    Ok(())
}

fn options() -> Result<(), Failed> {
    let source = "return function() local dir <close> = temp_dir() end";
    let output = succeeded(run("commands.top", source, &["--dry-run=calls"], &["top"])?)?;
    assert!(text(&output).contains("Plan: 2 calls"), "{}", text(&output));
    let output = run("commands.top", source, &["--fault", "1:ENOSPC"], &["top"])?;
    assert!(output.status.code() == Some(1) && text(&output).contains("-1 ENOSPC"), "{}", text(&output));
    let output = succeeded(run("commands.top", source, &["--explain"], &["top"])?)?;
    assert!(text(&output).contains("syscall  mkdir("), "{}", text(&output));
    Ok(())
}

/// The leak check of the place says whether the child was ended.
fn closes() -> Result<(), Failed> {
    let source = "local child\nreturn function()\n  child = spawn(function() while true do end end)\n  temp_dir()\n  return 4\nend";
    let output = run("commands.ps", source, &[], &["ps"])?;
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    Ok(())
}

fn collects() -> Result<(), Failed> {
    let output = succeeded(run("gc", "return function() return { \"lease 10.0.0.2\", \"table x\" } end", &[], &["gc"])?)?;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "removed lease 10.0.0.2\nremoved table x\n2 removed\n");
    let output = run("gc", "return function() error(\"boo\") end", &[], &["gc"])?;
    assert!(output.status.code() == Some(1) && text(&output).contains("0 removed"), "{}", text(&output));
    assert!(text(&output).contains("stdlib/gc.lua:1: boo"), "{}", text(&output));
    // Without such a module there are only the journals.
    let output = succeeded(run("other", "return 1", &[], &["gc"])?)?;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0 removed\n");
    Ok(())
}

fn plans() -> Result<(), Failed> {
    let place = Place::new(false);
    let script = place.file("script.lua", "temp_dir()\nwhile true do end").display().to_string();
    let mut child = place.command(std::path::Path::new(crate::program::PROGRAM), &[&script]).spawn()?;
    let journals = place.path().join("state/journal");
    let count = |dir: &std::path::Path| std::fs::read_dir(dir).map_or(0, Iterator::count);
    let made = || count(&place.path().join("tmp"));
    while made() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill()?;
    child.wait()?;
    let gc = |options: &[&str]| -> Result<String, Failed> {
        Ok(text(&succeeded(place.command(std::path::Path::new(crate::program::PROGRAM), options).output()?)?))
    };
    let printed = gc(&["--dry-run=calls", "gc"])?;
    assert!(printed.contains("unlinkat") && !printed.contains("removed"), "{printed}");
    assert_eq!((made(), count(&journals)), (1, 1));
    let printed = gc(&["gc"])?;
    assert!(printed.contains("1 removed"), "{printed}");
    assert_eq!((made(), count(&journals)), (0, 0));
    Ok(())
}
