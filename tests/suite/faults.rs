//! A crash at every call: the script is killed before each of its calls in turn, in each of its
//! processes, and `gc` takes back what it has left.

use libtest_mimic::{Failed, Trial};

use crate::program::{Place, is_root, succeeded, text};

/// A proof, to be run when it is this test's turn.
type Test = fn() -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let tests: [(&str, bool, Test); 4] = [
        ("a script that is killed before any call leaves nothing that gc does not remove", true, any_call),
        ("only the process that is named is killed, and nobody says anything", false, one_process),
        ("the first process of a pid namespace ends too", true, first_process),
        ("a plan kills nobody", false, plan),
    ];
    tests
        .into_iter()
        .map(|(name, root, run)| {
            let skipped = if root && !is_root() { " (skipped: not run as root)" } else { "" };
            Trial::test(format!("faults: {name}{skipped}"), run).with_ignored_flag(!skipped.is_empty())
        })
        .collect()
}

/// The calls of a script by the process that makes them, with their numbers.
fn calls(source: &str) -> Result<Vec<(String, u64, String)>, Failed> {
    let place = Place::new(false);
    let trace = place.path().join("trace").display().to_string();
    succeeded(place.run_text(&["--trace", &trace], source, false)?)?;
    let mut calls = Vec::new();
    for line in std::fs::read_to_string(trace)?.lines().skip(1) {
        let event: serde_json::Value = serde_json::from_str(line)?;
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        // The last line of a process has none.
        calls.extend(event["number"].as_u64().map(|number| (text("in"), number, text("call"))));
    }
    Ok(calls)
}

const SCRIPT: &str = "local dir <close> = temp_dir()\n\
     write_file(dir.path .. \"/x\", \"y\")\n\
     mkdir(dir.path .. \"/m\")\n\
     local tmpfs <close> = mount(\"none\", dir.path .. \"/m\", { type = \"tmpfs\", host = true })\n\
     local pair <close> = veth(\"tst-fault0\", \"tst-fault1\", { up = true })\n\
     local child <close> = spawn({ unshare = { \"uts\", \"net\" }, die_with_parent = true, stdout = \"pipe\" }, function()\n\
       sethostname(\"box\")\n\
       loopback_up()\n\
       exec { \"true\" }\n\
     end)\n\
     link_set(pair, { mtu = 1400 })\n\
     child:wait()";

fn any_call() -> Result<(), Failed> {
    let calls = calls(SCRIPT)?;
    let inside = calls.iter().filter(|(path, ..)| !path.is_empty()).count();
    assert!(inside >= 5 && calls.len() >= inside + 10, "{calls:#?}");
    for (path, number, call) in calls {
        let place = Place::new(false);
        let script = place.file("script.lua", SCRIPT).display().to_string();
        let output = place.run_killed(&["--fault", &format!("{number}:KILL:{path}"), &script]).map_err(|left| format!("{call}: {left}"))?;
        // In the child it is the child that dies, of which the script is only told.
        let killed = std::os::unix::process::ExitStatusExt::signal(&output.status) == Some(9);
        assert_eq!(killed, path.is_empty(), "{call}: {}", text(&output));
    }
    Ok(())
}

const TWO: &str = "local child <close> = spawn({ name = \"box\" }, function()\n\
       setpgid()\n\
       return 3\n\
     end)\n\
     local result = child:wait()\n\
     print(result.signal, result.code)";

fn one_process() -> Result<(), Failed> {
    let in_child = calls(TWO)?.into_iter().find(|(path, ..)| path == "box").ok_or("no call in the child")?;
    assert_eq!((in_child.1, in_child.2.as_str()), (2, "setpgid(0, 0)"));
    let run = |fault: &str| Place::new(false).run_text(&["--fault", fault], TWO, false);
    let output = succeeded(run("2:KILL:box")?)?;
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (b"kill\t137\n".as_slice(), b"".as_slice()), "{}", text(&output));
    let output = succeeded(run("2:KILL:no such child")?)?;
    assert_eq!(output.stdout, b"nil\t3\n", "{}", text(&output));
    // An error may be meant for one process as well: the parent's second call is the wait.
    let output = run("2:EIO:")?;
    assert!(text(&output).contains("waitid(P_PIDFD, <box>, …, WEXITED) = -1 EIO"), "{}", text(&output));
    Ok(())
}

fn first_process() -> Result<(), Failed> {
    let source = TWO.replace("name = \"box\"", "name = \"box\", unshare = { \"pid\" }");
    let output = succeeded(Place::new(false).run_text(&["--fault", "2:KILL:box"], &source, false)?)?;
    assert_eq!(output.stdout, b"nil\t137\n", "{}", text(&output));
    Ok(())
}

fn plan() -> Result<(), Failed> {
    let output = succeeded(Place::new(false).run_text(&["--dry-run=calls", "--fault", "1:KILL"], "mkdir(\"/tmp/never\")", false)?)?;
    assert!(text(&output).contains("Plan: 1 calls"), "{}", text(&output));
    Ok(())
}
