-- The faults that `inspect` finds in processes, namespaces, mounts and rights: each is made for
-- real, and is not found in a box in which nothing is wrong.

local inspect = require "inspect"
local specimen = require "test.specimen"
local test = require "test"

local TREES = "tests/fixtures/proc/"

--- The fault is found in this process, with this level, and tells what to do.
local function expect(t, process, id, level, given)
  local found, list = specimen.findings(process, given)
  local ids = {}
  for index, finding in ipairs(list) do
    ids[index] = finding.id
  end
  t.ok(found[id], ("%s among %s"):format(id, table.concat(ids, " ")))
  t.eq(found[id].level, level, id)
  for _, field in ipairs { "what", "why", "remedy", "see" } do
    t.ok(#found[id][field] > 3, field)
  end
  return found[id], found
end

test.case("nothing is found in a box in which nothing is wrong", {
  "root",
  "cgroup:memory",
  "cgroup:pids",
  "cgroup:cpu",
}, function(t)
  local limits = { memory = "64M", pids = 20, cpu = "200%" }
  local group <close> = cgroup_set("inspect-healthy", limits)
  local box <close> = specimen.box { cgroup = group }
  local ids = {}
  for _, finding in ipairs(select(2, specimen.findings(box))) do
    -- No profile is loaded here that the box could have.
    ids[#ids + 1] = finding.id ~= "unconfined" and finding.id or nil
  end
  t.eq(ids, {})
end)

test.case("of an ordinary user's box only the missing limits are told", {
  "user",
  "userns",
}, function(t)
  local box <close> = specimen.box()
  for _, finding in ipairs(select(2, specimen.findings(box))) do
    local is_expected = finding.id == "no-limits" or finding.id == "unconfined"
    t.ok(is_expected or finding.id == "controller-off", finding.id)
  end
end)

--- One fault in a box of root's: its id, its level, and the box.
local function fault(sentence, id, level, made)
  test.case(sentence, { "root" }, function(t)
    local box <close> = specimen.box(made)
    expect(t, box, id, level)
  end)
end

fault("a first process without a handler for SIGTERM is found", "pid1-ignores-term", "warning", {
  script = "echo ready; sleep 300 & wait",
})
fault("a first process that ignores SIGTERM is found", "pid1-ignores-term", "warning", {
  script = "trap '' TERM; echo ready; sleep 300 & wait",
})
fault("few descriptors are found", "low-nofile", "warning", {
  rights = function()
    rlimit { nofile = 64 }
  end,
})
fault("a directory of the host that stayed open is found", "host-directory-fd", "error", {
  preserve = function()
    return rootfs_open("/"):open("/usr", { directory = true })
  end,
})
fault("the host's namespaces are found", "host-namespaces", "warning", {
  without = { "ipc", "uts", "net" },
})
fault("the host's cgroup namespace is found", "host-cgroup-namespace", "note", {
  without = { "cgroup" },
})
fault("a root without a proc file system is found", "no-proc", "warning", { proc = false })
fault("the host's root file system is found", "host-root", "error", {
  host_root = true,
  user = false,
})
fault("the proc file system of the host in a new pid namespace is found", "stale-proc", "error", {
  host_root = true,
})
fault("the socket of an engine is found", "runtime-socket", "error", {
  root = function(root)
    root:write("/tmp/docker.sock", "")
    root:bind("/etc/hostname", "/tmp/docker.sock")
  end,
})
fault("nodes of disks are found", "disk-devices", "error", {
  user = false,
  root = function(root)
    root:mknod("/dev/sda", { type = "b", major = 8, minor = 0 })
  end,
})
fault("nodes of disks weigh less for who is not root", "disk-devices", "warning", {
  root = function(root)
    root:mknod("/dev/sda", { type = "b", major = 8, minor = 0 })
  end,
})
fault("a root that is mounted noexec is found", "noexec-root", "error", {
  stay = true,
  late = function()
    mount_setattr("/", { noexec = true })
  end,
})
fault("a writable /proc/sys is found", "writable-proc-sys", "error", {
  readonly = false,
  user = false,
})
fault("a /proc/sys that is writable for root weighs less", "writable-proc-sys", "warning", {
  readonly = false,
})
fault("files of /proc that lie open are found", "proc-unmasked", "warning", { mask = false })
fault("writable control groups are found", "writable-cgroupfs", "warning", {
  root = function(root)
    local hierarchies = cgroup_layout().hierarchies
    root:mkdir("/cgroup")
    root:bind(hierarchies[#hierarchies].mount, "/cgroup")
  end,
})
fault("a full bounding set is found", "full-capabilities", "error", { bounding = false })
fault("a capability that is enough to leave is found", "dangerous-capabilities", "warning", {
  keep = { "sys_admin" },
  user = false,
})
fault("ambient capabilities are found", "ambient-capabilities", "warning", {
  keep = { "net_bind_service" },
  user = false,
  rights = function()
    caps_set { inheritable = { "net_bind_service" } }
    caps_ambient { raise = { "net_bind_service" } }
  end,
})
fault("the host's root is found", "root-is-root", "note", { user = false })
fault("a missing filter is found", "no-seccomp", "warning", { seccomp = false })
fault("missing no_new_privs is found", "no-new-privs-off", "warning", {
  seccomp = false,
  no_new_privs = false,
})
fault("a box without limits is found", "no-limits", "note", {})

test.case("the socket of an engine is found in a directory of the host's, too", {
  "root",
  "program:python3",
}, function(t)
  local dir <close> = temp_dir()
  local code = "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])"
  t.eq(capture({ "python3", "-c", code, dir.path .. "/docker.sock" }).code, 0)
  local box <close> = specimen.box {
    root = function(root)
      root:mkdir("/run")
      root:bind(dir.path, "/run")
    end,
  }
  local found = expect(t, box, "runtime-socket", "error")
  t.match(found.what, "/run/docker.sock", true)
end)

test.case("an inner signal handler of a small init, which fetches signals, is no fault", function(t)
  local facts = {
    namespaces = { pid = { shared = false } },
    processes = { list = {}, init = 5, init_signals = { ignored = {}, caught = {}, blocked = {} } },
  }
  t.eq(inspect.findings(facts)[1].id, "pid1-ignores-term")
  facts.processes.init_signals.blocked = { "term" }
  t.eq(inspect.findings(facts), {})
end)

test.case("children that nobody collects are found, with who should have", { "root" }, function(t)
  local box <close> = specimen.box {
    script = "trap 'exit 0' TERM; (true & exec sleep 300) & echo ready; wait",
  }
  local found = specimen.found(t, box, "zombies")
  t.match(found.what, "1 ended and not collected", true)
  t.match(found.what, "the parent is %d+ %(sleep%)")
end)

test.case("a child that its filter has killed is found", function(t)
  local done = pipe()
  local box <close> = spawn({ name = "parent" }, function()
    local _child = fork(function()
      seccomp { default = "allow", kill_process = { "mkdir", "mkdirat" } }
      mkdir("/nowhere")
    end)
    done.read:read(1)
  end)
  local found = specimen.found(t, box, "seccomp-killed")
  t.eq(found.level, "error")
  t.match(found.remedy, "type=1326", true)
  done.write:close()
end)

test.case("a stopped process is found", function(t)
  local box <close> = spawn(function()
    exec { "sleep", "60" }
  end)
  box:started()
  t.eq(specimen.findings(box)["stopped"], nil)
  box:kill("stop")
  t.eq(specimen.found(t, box, "stopped").level, "warning")
end)

test.case("a container that is restarted again and again is found by its record", function(t)
  local record = { name = "web", status = "running", restarts = 5, exit = { oom = true } }
  local found = expect(t, proc_stat().pid, "restart-loop", "error", { container = record })
  t.match(found.what, "killed for memory", true)
  record.restarts = 0
  t.eq(specimen.findings(proc_stat().pid, { container = record })["restart-loop"], nil)
  record.exit = { signal = "sys" }
  t.ok(specimen.findings(proc_stat().pid, { container = record })["seccomp-killed"])
end)

test.case("a user namespace without a map is found, and one with a map is not", {
  "userns",
}, function(t)
  local function box(map)
    local child = spawn({ unshare = { "user" }, id_map = map }, function()
      local silent = pipe()
      silent.read:read(1)
      silent.write:close()
    end)
    return child
  end
  local bare <close> = box("none")
  local mapped <close> = box("root")
  local found = expect(t, bare, "no-uid-map", "error")
  t.match(found.why, "65534", true)
  t.eq(#uid_map(bare), 0)
  t.eq(specimen.findings(mapped)["no-uid-map"], nil)
end)

test.case("a process in no container is told so, and nothing else is held against it", function(t)
  local child <close> = spawn(function()
    exec { "sleep", "60" }
  end)
  child:started()
  local found = expect(t, child, "not-contained", "note")
  t.ok(found)
  local _, list = specimen.findings(child)
  t.eq(#list, 1)
end)

test.case("children that will be in another namespace than their parent are found", {
  "userns",
}, function(t)
  local ready, hold = pipe(), pipe()
  local child <close> = spawn(function()
    unshare { "user", "pid" }
    ready.write:write("x")
    hold.read:read(1)
  end)
  ready.read:read(1, { timeout = "60s" })
  expect(t, child, "children-elsewhere", "note")
  hold.write:close()
end)

test.case("a /proc that is stale is found by an ordinary user too, and one that is not is not", {
  "userns",
}, function(t)
  local function box(mounts)
    local ready = pipe()
    local child = spawn({ unshare = { "user", "pid", "mnt" }, stdout = ready.write }, function()
      if mounts then
        mount("proc", "/proc", { type = "proc" })
      end
      exec { "sh", "-c", "echo ready; exec sleep 60" }
    end)
    ready.write:close()
    ready.read:read(6, { timeout = "60s" })
    return child
  end
  local stale <close> = box(false)
  expect(t, stale, "stale-proc", "error")
  if not test.unmet("root") then
    local fresh <close> = box(true)
    t.eq(specimen.findings(fresh)["stale-proc"], nil)
    t.eq(inspect.process(fresh).mounts.proc, "own")
  end
end)

test.case("mounts that are shared with the host are found, and private ones are not", {
  "root",
}, function(t)
  t.inside({ "mnt" }, function()
    mount(nil, "/", { propagation = "shared", recursive = true })
    local function box(propagation)
      local child = spawn({ unshare = { "mnt" }, propagation = propagation }, function()
        exec { "sleep", "60" }
      end)
      child:started()
      return child
    end
    local open <close> = box("unchanged")
    local closed <close> = box("private")
    local slave <close> = box("slave")
    local found = expect(t, open, "shared-propagation", "error")
    t.match(found.what, "/proc", true)
    t.eq(specimen.findings(closed)["shared-propagation"], nil)
    t.eq(specimen.findings(slave)["shared-propagation"], nil)
  end)
end)

test.case("seccomp's strict mode is found in a recorded process", function(t)
  local pid = pids({ root = TREES .. "strict" })[1]
  local given = { root = TREES .. "strict" }
  t.eq(proc_status(pid, given).seccomp, 1)
  expect(t, pid, "seccomp-strict", "warning", given)
end)

test.case("a process without a profile is found where AppArmor is active", {
  "root",
  "lsm:apparmor",
}, function(t)
  local box <close> = specimen.box()
  expect(t, box, "unconfined", "warning")
end)

test.case("a working directory of another mount namespace is told", function(t)
  local facts = { fds = { count = 1, outside = { { fd = "cwd", target = "/home" } } } }
  local list = inspect.findings(facts)
  t.eq({ list[1].id, list[1].level }, { "host-directory-fd", "error" })
  t.match(list[1].what, "the working directory is the directory /home", true)
end)

test.case("findings are in the order of their weight, and have no two ids for one fault", {
  "root",
}, function(t)
  local box <close> = specimen.box { host_root = true, bounding = false, seccomp = false }
  local _, list = specimen.findings(box)
  local order, last, seen = { error = 1, warning = 2, note = 3 }, 1, {}
  for _, finding in ipairs(list) do
    t.ok(order[finding.level] >= last, finding.id)
    last = order[finding.level]
    t.ok(not seen[finding.id .. finding.what], finding.id)
    seen[finding.id .. finding.what] = true
  end
  t.ok(#list > 5)
  t.eq(json_decode(json_encode(list))[1].id, list[1].id)
end)

return test.run()
