//! The faces of the gate: what is told, planned, written down and made into a shell script must be what
//! happens; and nothing happens differently because somebody listens.

use std::collections::BTreeMap;
use std::process::Output;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::program::{PROGRAM, Place, is_root, succeeded, text};

type Test = fn() -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let userns = std::fs::read_to_string("/proc/sys/user/max_user_namespaces").is_ok_and(|limit| limit.trim() != "0");
    let tests: [(&str, bool, Test); 19] = [
        ("a failure says what it needs, what there is, what to try, and shows the line", true, failure),
        ("a filter that kills whoever writes kills nobody because of --explain or --trace", false, filter_forbids_write),
        ("a filter that kills whoever reads leaves the rest to be told", false, filter_forbids_read),
        ("what a child captures is the program's own words, not the narrator's", false, captured),
        ("a script that closes its descriptors is told on", false, closed_descriptors),
        ("each primitive has its line once, and its calls the numbers of --trace", true, numbers),
        ("children of children are told under their parents, after the call that starts them", false, children),
        ("the effect is read back in a root without /proc", true, closed_root),
        ("a call that a module makes names the script's line and the module's", true, modules),
        ("nothing is coloured that is no terminal", false, no_colour),
        ("--explain=all tells what only looks as well, and without it the end says how much was left out", false, all),
        ("CRUN_LUA_EXPLAIN and CRUN_LUA_TRACE work for OCI commands, and no program sees them", false, environment),
        ("an environment that asks for nonsense is refused", false, environment_nonsense),
        ("a trace has its version, each call's effect, and the end of each process", true, trace),
        ("a plan groups by kind, marks what cannot be taken back, and counts", true, plan),
        ("a plan that needs a value stops and names it", false, plan_stops),
        ("a planned child closes copies of its own", false, plan_closes_copies),
        ("what the script prints does not stand in the shell script", false, shell_output),
        ("the shell script of a container makes the same container", true, as_shell),
    ];
    let mut trials: Vec<Trial> = tests.into_iter().map(|(name, root, run)| trial(name, root, run)).collect();
    for arguments in PLANNED {
        trials.push(trial(&format!("a live run of {} makes the calls of its plan", arguments.join(" ")), true, move || {
            same_calls(arguments)
        }));
    }
    let title = "a failure in a user namespace names its owner";
    trials.push(Trial::test(format!("faces: {title}"), user_namespace).with_ignored_flag(!userns));
    trials
}

fn trial(name: &str, root: bool, run: impl Fn() -> Result<(), Failed> + Send + 'static) -> Trial {
    let skipped = if root && !is_root() { " (skipped: not run as root)" } else { "" };
    Trial::test(format!("faces: {name}{skipped}"), run).with_ignored_flag(!skipped.is_empty())
}

/// Runs a script; what it has said on standard error, which must be `status`'s.
fn told(options: &[&str], source: &str, status: i32) -> Result<String, Failed> {
    let output = Place::new(false).run_text(options, source, false)?;
    if output.status.code() != Some(status) {
        return Err(text(&output).into());
    }
    Ok(String::from_utf8(output.stderr)?)
}

/// Whether all of this is said, wherever lines break.
fn contains(told: &str, wanted: &[&str]) -> Result<(), Failed> {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let flattened = flat(told);
    match wanted.iter().find(|wanted| !flattened.contains(&flat(wanted))) {
        Some(missing) => Err(format!("{missing:?} is not in\n{told}").into()),
        None => Ok(()),
    }
}

fn failure() -> Result<(), Failed> {
    let source =
        "-- one\nlocal child = spawn(function()\n  drop_caps { keep = {} }\n  sethostname(\"x\", { host = true })\nend)\nchild:wait()";
    let told = told(&["--explain"], source, 1)?;
    let wanted = [
        "✗ sethostname(\"x\", { host = true })",
        "= -1 EPERM (Operation not permitted)",
        "needs    CAP_SYS_ADMIN in the user namespace",
        "have     CapEff 0000000000000000 · user ns ",
        "uts ns owned by",
        "try      CAP_SYS_ADMIN",
        "see      crun-lua help sethostname · man 2 sethostname",
        "   4 │   sethostname(\"x\", { host = true })",
        "     │   ^^^^^^^^^^^",
    ];
    contains(&told, &wanted)
}

fn user_namespace() -> Result<(), Failed> {
    let source = "local child = spawn({ unshare = { \"user\", \"mnt\" } }, function()\n  mount(\"proc\", \"/proc\", { type = \"proc\" })\nend)\nchild:wait()";
    let told = told(&["--explain"], source, 1)?;
    contains(&told, &["✗ mount(", "mnt ns owned by", "   3 │ "])
        .or_else(|_| contains(&told, &["✗ mount(", "mnt ns owned by", "   2 │   mount("]))
}

/// The script ends by itself with status 7, listened to or not.
fn same_status(source: &str, status: i32, options: &[&str]) -> Result<Output, Failed> {
    let plain = Place::new(false).run_text(&[], source, false)?;
    let listened = Place::new(false).run_text(options, source, false)?;
    if plain.status.code() != Some(status) || listened.status.code() != Some(status) {
        return Err(format!("without: {}\nwith {options:?}: {}", text(&plain), text(&listened)).into());
    }
    Ok(listened)
}

fn filter_forbids_write() -> Result<(), Failed> {
    let source = "local child = spawn(function()\n  seccomp { default = \"allow\", kill_process = { \"write\" } }\n  umask(\"077\")\n  return 7\nend)\nos.exit(child:wait().code)";
    let output = same_status(source, 7, &["--explain"])?;
    contains(&text(&output), &["seccomp(SECCOMP_SET_MODE_FILTER", "the filter forbids write(2)", "started → exit 7"])?;
    assert!(!text(&output).contains("umask(077)"), "{}", text(&output));
    let place = Place::new(false);
    let trace = place.path().join("trace").display().to_string();
    same_status(source, 7, &["--trace", &trace])?;
    let lines = events(&std::fs::read_to_string(&trace)?)?;
    assert!(lines.iter().any(|line| line["call"].as_str().unwrap_or_default().starts_with("seccomp(")), "{lines:#?}");
    Ok(())
}

fn filter_forbids_read() -> Result<(), Failed> {
    let source = "local child = spawn(function()\n  seccomp { default = \"allow\", kill_process = { \"openat\", \"readlinkat\" } }\n  umask(\"077\")\n  return 7\nend)\nos.exit(child:wait().code)";
    let output = same_status(source, 7, &["--explain"])?;
    contains(&text(&output), &["effects of this process are not shown from here on", "umask(077)"])
}

fn captured() -> Result<(), Failed> {
    let source = "local out = capture { \"sh\", \"-c\", \"echo words >&2\" }\nassert(out.stderr == \"words\\n\", out.stderr)\n\
        local child = spawn({ stderr = \"pipe\" }, function() umask(\"077\") io.stderr:write(\"mine\") end)\n\
        assert(child.stderr:read() == \"mine\")\nchild:wait()";
    contains(&told(&["--explain"], source, 0)?, &["execve(", "umask(077)"])
}

fn closed_descriptors() -> Result<(), Failed> {
    let source = "local child = spawn(function()\n  close_fds()\n  umask(\"077\")\n  return 7\nend)\nos.exit(child:wait().code)";
    let output = same_status(source, 7, &["--explain"])?;
    contains(&text(&output), &["umask(077)"])
}

fn events(trace: &str) -> Result<Vec<Value>, Failed> {
    Ok(trace.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

const CONTAINER: &str = "local child <close> = spawn({ unshare = { \"uts\", \"mnt\" } }, function()\n  sethostname(\"box\")\n  drop_caps { keep = {} }\nend)\nassert(child:wait().code == 0)";

fn numbers() -> Result<(), Failed> {
    let place = Place::new(false);
    let trace = place.path().join("trace").display().to_string();
    let output = succeeded(place.run_text(&["--explain=all", "--trace", &trace], CONTAINER, false)?)?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(said.matches("drop_caps { keep = {} }").count(), 1, "{said}");
    for event in events(&std::fs::read_to_string(&trace)?)?.iter().filter(|event| event["call"].is_string()) {
        let (number, call) = (event["number"].as_u64().unwrap_or(0), event["call"].as_str().unwrap_or_default());
        let name = call.split('(').next().unwrap_or_default();
        // Its number stands on its own line, or on that of the Lua line before it.
        let lines: Vec<&str> = said.lines().collect();
        let starts = |line: &str| line.trim_start().starts_with(&format!("{number} "));
        let found = lines
            .iter()
            .enumerate()
            .any(|(index, line)| line.contains(&format!("syscall  {name}")) && (starts(line) || index > 0 && starts(lines[index - 1])));
        assert!(found, "{number} {call}\n{said}");
    }
    Ok(())
}

fn children() -> Result<(), Failed> {
    let source = "local one = spawn(function()\n  umask(\"070\")\n  local two = spawn(function() umask(\"007\") end)\n  two:wait()\nend)\none:wait()";
    let told = told(&["--explain"], source, 0)?;
    let column = |what: &str| told.lines().find(|line| line.contains(what)).map(|line| line.len() - line.trim_start().len());
    assert_eq!((column("umask(070) ="), column("umask(007) =")), (Some(9), Some(13)), "{told}");
    let place = |what: &str| told.find(what).unwrap_or(usize::MAX);
    let order = [place("+ child 1  pid"), place("┌ child 1 (pid"), place("umask(070) ="), place("~ child 1  started → exit 0")];
    assert!(order.is_sorted() && order[3] < usize::MAX, "{order:?}\n{told}");
    // The start of the second is told by the first.
    let inner = told.rfind("+ child 2  pid").unwrap_or(0);
    assert!(inner > place("umask(070) =") && inner < place("umask(007) ="), "{told}");
    Ok(())
}

fn closed_root() -> Result<(), Failed> {
    let source = "local child = spawn({ unshare = { \"mnt\", \"pid\" } }, function()\n  local root = rootfs_new()\n  root:pivot()\n  assert(not stat(\"/proc\"))\n  no_new_privs()\n  drop_caps { keep = { \"chown\" } }\nend)\nchild:wait()";
    let told = told(&["--explain"], source, 0)?;
    contains(&told, &["~ NoNewPrivs  0 → 1", "~ CapBnd  ", "→ 0000000000000001 (chown)", "~ mount /  "])
}

fn modules() -> Result<(), Failed> {
    let source = "local rootfs = require \"rootfs\"\nlocal prepared = rootfs.prepare(rootfs.parse(\"host\"), { name = \"box\", root = true })\nlocal child = spawn({ unshare = { \"mnt\" } }, function()\n  rootfs.mount(prepared)\nend)\nchild:wait()\nrootfs.release(prepared)";
    let told = told(&["--explain"], source, 0)?;
    let line = told.lines().find(|line| line.contains("script.lua:4 ← rootfs/")).ok_or_else(|| format!("no line names both\n{told}"))?;
    assert!(line.contains("rootfs_new"), "the primitive of the module is not named: {line}");
    // The script's own line stands over them, once.
    let own: Vec<&str> = told.lines().filter(|line| line.contains("rootfs.mount(prepared)")).collect();
    assert_eq!(own.len(), 1, "{told}");
    assert!(own[0].trim_end().ends_with("script.lua:4"), "{own:?}");
    Ok(())
}

fn no_colour() -> Result<(), Failed> {
    assert!(!told(&["--explain"], "umask(\"077\")", 0)?.contains('\x1b'));
    Ok(())
}

fn all() -> Result<(), Failed> {
    let source = "local p = pipe()\numask(\"077\")";
    let some = told(&["--explain"], source, 0)?;
    assert!(!some.contains("pipe2(") && some.contains("(1 call that only opens or looks is not shown: --explain=all)"), "{some}");
    let all = told(&["--explain=all"], source, 0)?;
    assert!(all.contains("pipe2(") && !all.contains("not shown"), "{all}");
    Ok(())
}

fn environment() -> Result<(), Failed> {
    let place = Place::new(false);
    let (explain, trace) = (place.path().join("told"), place.path().join("trace"));
    let asked = [format!("CRUN_LUA_EXPLAIN={}", explain.display()), format!("CRUN_LUA_TRACE={}", trace.display())];
    let pages = place.path().join("pages").display().to_string();
    for arguments in [vec!["man", &pages], vec!["features"]] {
        let words: Vec<&str> = asked.iter().map(String::as_str).chain([PROGRAM]).chain(arguments).collect();
        succeeded(place.run_program("/usr/bin/env", &words)?)?;
    }
    let said = std::fs::read_to_string(&explain)?;
    assert!(said.contains("oci/") && said.contains("syscall  "), "{said}");
    // Two programs have written into one file.
    let lines = events(&std::fs::read_to_string(&trace)?)?;
    assert_eq!(lines.iter().filter(|line| line["format"] == 2).count(), 2, "{lines:#?}");
    let script = place.file("env.lua", "io.write(capture({ \"env\" }).stdout)").display().to_string();
    let words: Vec<&str> = asked.iter().map(String::as_str).chain([PROGRAM, &script]).collect();
    let output = succeeded(place.run_program("/usr/bin/env", &words)?)?;
    assert!(!String::from_utf8_lossy(&output.stdout).contains("CRUN_LUA_EXPLAIN"), "{}", text(&output));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("CRUN_LUA_TRACE"), "{}", text(&output));
    Ok(())
}

fn environment_nonsense() -> Result<(), Failed> {
    let output = Place::new(false).run_program("/usr/bin/env", &["CRUN_LUA_EXPLAIN=yes", PROGRAM, "features"])?;
    assert!(!output.status.success() && text(&output).contains("expected 1, all, or a file"), "{}", text(&output));
    Ok(())
}

fn trace() -> Result<(), Failed> {
    let place = Place::new(false);
    let trace = place.path().join("trace").display().to_string();
    succeeded(place.run_text(&["--trace", &trace], CONTAINER, false)?)?;
    let lines = events(&std::fs::read_to_string(&trace)?)?;
    let first = &lines[0];
    assert_eq!((&first["format"], &first["program"]), (&Value::from(2), &Value::from("crun-lua")));
    assert!(first["argv"].is_array() && first["start"].is_f64() && first["pid"].is_i64(), "{first}");
    let find = |call: &str| {
        lines.iter().find(|line| line["call"].as_str().is_some_and(|text| text.starts_with(call))).cloned().unwrap_or_default()
    };
    let clone = find("clone3(");
    let child = clone["child"].as_i64().ok_or("the start of the child has no number")?;
    assert_eq!(clone["ret"], Value::from(child.to_string()));
    assert_ne!(clone["before"]["uts of child 1"], clone["after"]["uts of child 1"], "{clone}");
    let name = find("sethostname(");
    assert_eq!((&name["pid"], &name["in"], &name["line"]), (&Value::from(child), &Value::from("child 1"), &Value::from(2)));
    assert_eq!((&name["primitive"], &name["lua"]), (&Value::from("sethostname"), &Value::from("sethostname(\"box\")")));
    assert_eq!(
        (&name["errno"], &name["exact"], &name["after"]["kernel.hostname"]),
        (&Value::Null, &Value::from(true), &Value::from("box"))
    );
    assert!(name["note"].is_string() && name["at_us"].as_u64() > clone["at_us"].as_u64() && name["us"].is_u64(), "{name}");
    assert_eq!(find("prctl(PR_CAPBSET_DROP")["irreversible"], Value::from(true));
    let mut ends: Vec<i64> = lines.iter().filter_map(|line| line["end"].as_i64()).collect();
    ends.sort_unstable();
    let mut both = vec![child, first["pid"].as_i64().unwrap_or(0)];
    both.sort_unstable();
    assert_eq!(ends, both, "{lines:#?}");
    Ok(())
}

fn plan() -> Result<(), Failed> {
    let output = succeeded(Place::new(false).run_text(&["--dry-run"], CONTAINER, false)?)?;
    let printed = String::from_utf8(output.stdout)?;
    contains(
        &printed,
        &[" +  process   child 1  new mnt, uts; pid known after apply", "     ~  hostname", "     !  capabilities", "irreversible"],
    )?;
    contains(&printed, &[" ▸  wait      for child 1", "1 to add (1 process)", "0 to remove", "1 irreversible (1", "Nothing was run."])?;
    let output = succeeded(Place::new(false).run_text(&["--dry-run=calls"], CONTAINER, false)?)?;
    contains(
        &String::from_utf8(output.stdout)?,
        &["    ~ sethostname(\"box\", 3)", "    ! prctl(PR_CAPBSET_DROP", "Plan: 6 calls, 2 irreversible. Nothing was run."],
    )
}

fn plan_stops() -> Result<(), Failed> {
    let source = "local child = spawn(function() end)\nif child:wait().code > 0 then\n  umask(\"077\")\nend";
    let output = Place::new(false).run_text(&["--dry-run"], source, false)?;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    contains(
        &text(&output),
        &["The plan stops here. ", "script.lua:2: the script goes on by what process:wait() answers, which is known after apply"],
    )
}

fn plan_closes_copies() -> Result<(), Failed> {
    let source =
        "local p = pipe()\nlocal child = spawn(function() p.write:close() end)\np.write:write(\"x\")\np.write:close()\nchild:wait()";
    let output = succeeded(Place::new(false).run_text(&["--dry-run"], source, false)?)?;
    contains(&text(&output), &["Nothing was run."])
}

fn shell_output() -> Result<(), Failed> {
    let output = succeeded(Place::new(false).run_text(&["--as-shell"], "print(\"rm -rf x\")\numask(\"077\")", false)?)?;
    let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    assert!(
        out.starts_with("#!/bin/bash\n") && out.contains("\numask 0077\n") && !out.contains("\nrm -rf x") && err.contains("rm -rf x"),
        "{out}{err}"
    );
    Ok(())
}

/// What a program in a container sees of it.
const PROBE: &str = "for kind in uts pid mnt net ipc; do readlink /proc/self/ns/$kind; done; uname -n; grep -e ^Cap -e ^NoNew /proc/self/status; \
    echo pid $$; cat /proc/self/mountinfo; cat /proc/self/cgroup; \
    limit() { file=/sys/fs/cgroup/$1$(sed -n s/.*:$1://p /proc/self/cgroup)/$1.$2; \
    [ -e $file ] || file=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/$1.max; cat $file; }; \
    limit memory limit_in_bytes; limit pids max";

fn as_shell() -> Result<(), Failed> {
    let source = format!(
        "local group = cgroup_set(\"tst-as-shell\", {{ memory = \"64M\", pids = 32 }})\n\
         local child <close> = spawn({{ unshare = {{ \"uts\", \"pid\", \"mnt\", \"net\", \"ipc\" }}, cgroup = group }}, function()\n\
         \x20 sethostname(\"as-shell\")\n\
         \x20 mount(\"proc\", \"/proc\", {{ type = \"proc\" }})\n\
         \x20 drop_caps {{ keep = {{ \"net_bind_service\", \"chown\" }} }}\n\
         \x20 no_new_privs()\n\
         \x20 exec {{ \"sh\", \"-c\", [[{PROBE}]] }}\n\
         end)\n\
         os.exit(child:wait().code)"
    );
    let by_lua = succeeded(Place::new(false).run_text(&[], &source, false)?)?;
    let place = Place::new(false);
    let commands = succeeded(place.run_text(&["--as-shell"], &source, false)?)?;
    let script = place.file("container.sh", &String::from_utf8_lossy(&commands.stdout)).display().to_string();
    let by_shell = succeeded(Place::new(false).run_program("/bin/bash", &[&script])?)?;
    let (lua, shell) = (state(&by_lua), state(&by_shell));
    for kind in ["uts", "pid", "mnt", "net", "ipc"] {
        let host = std::fs::read_link(format!("/proc/self/ns/{kind}"))?.display().to_string();
        for (who, output) in [("lua", &by_lua), ("shell", &by_shell)] {
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(printed.contains(&format!("{kind}:[")) && !printed.contains(&host), "{who}: {kind} is the host's\n{printed}");
        }
    }
    assert!(
        lua.contains(&"CapBnd:\t0000000000000401".to_owned()) && lua.contains(&"67108864".to_owned()) && lua.contains(&"pid 1".to_owned()),
        "{lua:#?}"
    );
    if lua == shell {
        Ok(())
    } else {
        Err(format!("lua: {lua:#?}\nshell: {shell:#?}\n{}", String::from_utf8_lossy(&commands.stdout)).into())
    }
}

/// The lines of the probe, without what no two containers share: inodes, mount ids, devices.
fn state(output: &Output) -> Vec<String> {
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let one = |line: &str| match line.split(' ').collect::<Vec<_>>().as_slice() {
        [_, _, _, root, target, options, rest @ ..] if rest.contains(&"-") => format!("{root} {target} {options} {}", rest.join(" ")),
        _ => line.split_once(":[").map_or_else(|| line.to_owned(), |(kind, _)| kind.to_owned()),
    };
    printed.lines().map(one).collect()
}

/// Scripts whose plan reaches their end.
const PLANNED: [&[&str]; 3] =
    [&["scripts/hello.lua"], &["scripts/container.lua", "--", "ls", "/"], &["scripts/hardened.lua", "--", "true"]];

fn same_calls(arguments: &[&str]) -> Result<(), Failed> {
    let calls = |first: &str| -> Result<BTreeMap<String, Vec<String>>, Failed> {
        let place = Place::new(false);
        let trace = place.path().join("trace").display().to_string();
        let options = ["--trace", &trace, first];
        let options = if first.is_empty() { &options[..2] } else { &options[..] };
        succeeded(place.run(&[options, arguments].concat(), false)?)?;
        let lines = events(&std::fs::read_to_string(&trace)?)?;
        let pid = lines[0]["pid"].to_string();
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in lines.iter().filter(|line| line["call"].is_string()) {
            let call = line["call"].as_str().unwrap_or_default().replace(&pid, "PID");
            found.entry(line["in"].as_str().unwrap_or_default().to_owned()).or_default().push(call);
        }
        Ok(found)
    };
    let (made, foreseen) = (calls("")?, calls("--dry-run")?);
    assert!(made.values().map(Vec::len).sum::<usize>() > 5, "{made:#?}");
    if made == foreseen { Ok(()) } else { Err(format!("live: {made:#?}\nplan: {foreseen:#?}").into()) }
}
