//! The ways in which a script ends in the middle of something: a signal while it waits, `os.exit`
//! where errors are handled, and what a plan refuses as the kernel's own machine would.

use libtest_mimic::{Failed, Trial};
use nix::sys::signal::Signal::SIGINT;

use crate::host::{expect, signalled};
use crate::program::{Place, is_root, succeeded, text};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("ends: SIGINT ends every call that waits with status 130", interrupted_while_waiting),
        Trial::test("ends: SIGINT ends a wait for a cgroup's event", interrupted_group).with_ignored_flag(!is_root()),
        Trial::test("ends: no pcall keeps a script that a signal ends", interrupted_in_pcall),
        Trial::test("ends: os.exit within a closing variable is the status", exit_in_close),
        Trial::test("ends: what closes while a script ends catches its own errors", caught_in_close),
        Trial::test("ends: os.exit passes coroutine.close and load", exit_in_disguise),
        Trial::test("ends: os.exit in the parent's callback of spawn is the status", exit_in_parent),
        Trial::test("ends: a guard refuses the same in a plan", guards).with_ignored_flag(!is_root()),
    ]
}

fn interrupted_while_waiting() -> Result<(), Failed> {
    for source in [
        "capture { \"sleep\", \"1000\" }",
        "capture({ \"sh\", \"-c\", \"trap '' INT; exec sleep 1000\" }, { timeout = \"1h\" })",
        "wait_any { spawn(function() exec { \"sleep\", \"1000\" } end), spawn(function() while true do end end) }",
        "spawn(function() while true do end end):wait { timeout = \"1h\" }",
        "spawn(function() while true do end end):started()",
        "spawn({ stdout = \"pipe\" }, function() exec { \"sleep\", \"1000\" } end):output()",
        "local p = pipe()\np.read:read(1)",
        "local p = pipe()\np.write:write((\"x\"):rep(1 << 20))",
        "local p = pty()\nlocal c = fork(function() terminal_attach(p) exec { \"sleep\", \"1000\" } end)\np:relay { process = c }",
    ] {
        let status = signalled(source, SIGINT).map_err(|failed| format!("{source}: {failed:?}"))?;
        assert_eq!(status, 130, "{source}");
    }
    Ok(())
}

fn interrupted_group() -> Result<(), Failed> {
    assert_eq!(signalled("cgroup_set(\"test-interrupt\", { pids = 5 }):wait_event(\"frozen\")", SIGINT)?, 130);
    Ok(())
}

fn interrupted_in_pcall() -> Result<(), Failed> {
    let source = "local child = spawn(function() while true do end end)\npcall(child.started, child)\nos.exit(3)";
    assert_eq!(signalled(source, SIGINT)?, 130);
    Ok(())
}

const CLOSER: &str = "local function closer(f) return setmetatable({}, { __close = f }) end\n\
                      local child = spawn(function() while true do end end)\n";

fn exit_in_close() -> Result<(), Failed> {
    let run = |source: &str, status| expect(&[], &format!("{CLOSER}{source}"), status, "");
    run("do local x <close> = closer(function() os.exit(7) end) end\nerror(\"went on\")", 7)?;
    run("pcall(function() local x <close> = closer(function() os.exit(8) end) error(\"first\") end)\nos.exit(1)", 8)?;
    // The last word counts, as with two errors; the outer variable is closed all the same.
    expect(
        &[],
        "local function closer(f) return setmetatable({}, { __close = f }) end\n\
         local outer <close> = closer(function() print(\"closed\") end)\n\
         local x <close> = closer(function() os.exit(9) end)\nos.exit(10)",
        9,
        "closed",
    )?;
    run("local x <close> = closer(function() error(\"while ending\") end)\nos.exit(6)", 6)
}

fn caught_in_close() -> Result<(), Failed> {
    let closes = "local function closer(f) return setmetatable({}, { __close = f }) end\n\
                  local x <close> = closer(function()\n\
                    local _, err = try(mkdir, \"/\")\n\
                    assert(err.errno == \"EEXIST\" and not pcall(error, \"a text\"))\n\
                    print(\"closed\")\n\
                  end)\n";
    expect(&[], &format!("{closes}pcall(os.exit, 4)"), 4, "closed")?;
    let waits = format!("{closes}local child <close> = spawn(function() while true do end end)\nchild:wait()");
    assert_eq!(signalled(&waits, SIGINT)?, 130);
    expect(&[], &format!("{closes}kill(tonumber(readlink \"/proc/self\"), \"term\")\nwhile true do end"), 143, "closed")
}

fn exit_in_disguise() -> Result<(), Failed> {
    let source = "local function closer(f) return setmetatable({}, { __close = f }) end\n\
         local co = coroutine.create(function() local x <close> = closer(function() os.exit(5) end) coroutine.yield() end)\n\
         coroutine.resume(co)\ncoroutine.close(co)\nprint(\"went on\")\n";
    let output = Place::new(false).run_text(&[], source, false)?;
    assert!(output.status.code() == Some(5) && !text(&output).contains("went on"), "{}", text(&output));
    let output = Place::new(false).run_text(&[], "load(function() os.exit(6) end)\nprint(\"went on\")", false)?;
    assert!(output.status.code() == Some(6) && !text(&output).contains("went on"), "{}", text(&output));
    Ok(())
}

fn exit_in_parent() -> Result<(), Failed> {
    let source = "pcall(spawn, { parent = function() pcall(os.exit, 11) end }, function() print(\"ran\") end)\nprint(\"went on\")";
    let output = Place::new(false).run_text(&[], source, false)?;
    let printed = text(&output);
    assert!(output.status.code() == Some(11) && !printed.contains("ran") && !printed.contains("went on"), "{printed}");
    Ok(())
}

/// Every primitive that has a guard, with arguments that nothing else refuses.
const GUARDED: &str = r#"
for _, call in ipairs {
  { mount, "none", "/mnt", { type = "tmpfs" } },
  { mount, "/usr", "/mnt", { bind = true } },
  { mount, nil, "/", { propagation = "private" } },
  { umount, "/mnt" },
  { mount_setattr, "/mnt", { readonly = true } },
  { pivot_root, "/mnt" },
  { rootfs_open, "/mnt", { bind = true } },
  { sethostname, sysctl_get("kernel.hostname") },
  { setdomainname, "(none)" },
  { sysctl, "net.ipv4.ip_forward", sysctl_get("net.ipv4.ip_forward") },
  { sysctl, "kernel.hostname", sysctl_get("kernel.hostname") },
  { sysctl, "kernel.msgmax", sysctl_get("kernel.msgmax") },
  { sysctl, "vm.swappiness", sysctl_get("vm.swappiness") },
  { netns_delete, "no-such-name" },
  { link_set, "lo", { up = true } },
  { link_delete, "lo" },
  { address_add, "lo", "192.0.2.1/32" },
  { address_del, "lo", "192.0.2.1/32" },
  { route_add, "192.0.2.0/24", { dev = "lo" } },
  { route_del, "192.0.2.0/24", { dev = "lo" } },
  { loopback_up },
  { nft, "add table inet probe" },
} do
  local ok, reason = pcall(table.unpack(call, 1, 4))
  print(_, ok, reason, not ok and type(reason) == "table" and reason.hint)
end
"#;

fn guards() -> Result<(), Failed> {
    let place = Place::new(false);
    let live = text(&place.run_text(&[], GUARDED, false).and_then(succeeded)?);
    let planned = text(&place.run_text(&["--dry-run=calls"], GUARDED, false).and_then(succeeded)?);
    // A hint has a line of its own behind each refusal.
    let odd: Vec<_> = live.lines().filter(|line| line.contains("script.lua:") && !line.contains("would change the host")).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(!live.contains("\ttrue\t"), "{live}");
    assert_eq!(format!("{live}Plan: 0 calls, 0 irreversible. Nothing was run.\n"), planned);
    Ok(())
}
