-- The life of an OCI container: what each command does to it, what it refuses, and what is left.

local oci = require "test.oci"
local test = require "test"

local NEEDS = { "root", "program:busybox" }

local function has(t, text, part)
  t.ok(text:find(part, 1, true), ("%q is not in %q"):format(part, text))
end

-- Control groups of the bench's that are left anywhere.
local function groups(bench)
  local left = {}
  for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
    for _, base in ipairs { hierarchy.mount, hierarchy.mount .. (hierarchy.own or "") } do
      local path = base .. "/" .. bench.group
      if stat(path) then
        left[#left + 1] = path
      end
    end
  end
  return left
end

local function nothing_left(t, bench, id)
  t.eq(bench:status(id), nil)
  t.eq(stat(bench.state) and list_dir(bench.state) or {}, {})
  t.eq(groups(bench), {})
end

local function created(t, bench, id, spec)
  bench:write(spec or oci.spec { "sleep", "100" })
  local code, said = bench:detached { "create", "--bundle", bench.path, id }
  t.eq(code, 0, said)
end

test.case("an id that could be another path is refused", {}, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "true" })
  for _, id in ipairs { "../x", "a/b", ".", "..", "a b", "-\n" } do
    local result = bench:call { "create", "--bundle", bench.path, "--", id }
    t.eq(result.code, 1, id)
    has(t, result.stderr, "invalid container id")
  end
  t.eq(stat(bench.state), nil)
end)

test.case("what asks for a container that does not exist says so", {}, function(t)
  local bench <close> = oci.bench()
  for _, words in ipairs {
    { "state", "gone" },
    { "start", "gone" },
    { "kill", "gone" },
    { "delete", "gone" },
    { "wait", "gone" },
  } do
    local result = bench:call(words)
    t.eq({ result.code, result.stderr }, { 1, 'crun-lua: container "gone" does not exist\n' })
  end
  t.eq(bench:call({ "exec", "gone", "true" }).code, 255)
  t.eq(bench:call({ "delete", "--force", "gone" }).code, 0)
end)

test.case("a create that fails leaves nothing, whatever fails", NEEDS, function(t)
  local bench <close> = oci.bench()
  local function fails(words, change)
    local spec = oci.spec { "true" }
    change(spec)
    bench:write(spec)
    local result = bench:call { "create", "--bundle", bench.path, "box" }
    t.eq(result.code, 1, words)
    has(t, result.stderr, words)
    nothing_left(t, bench, "box")
  end
  fails('exec: "nosuch": executable file not found in $PATH', function(spec)
    spec.process.args = { "nosuch" }
  end)
  fails('exec: "/no/such": stat /no/such: no such file or directory', function(spec)
    spec.process.args = { "/no/such" }
  end)
  fails("permission denied", function(spec)
    spec.process.args = { "/etc" }
  end)
  fails("no such file or directory", function(spec)
    spec.root.path = "missing"
  end)
  fails("createRuntime hook #0", function(spec)
    spec.hooks = { createRuntime = { { path = "/bin/false" } } }
  end)
  fails("createContainer hook #0", function(spec)
    spec.hooks = { createContainer = { { path = "/bin/false" } } }
  end)
  fails("/no/such/ns", function(spec)
    spec.linux.namespaces[2].path = "/no/such/ns"
  end)
end)

test.case("a created container waits, and start runs its program", NEEDS, function(t)
  local bench <close> = oci.bench()
  created(t, bench, "box")
  local state = bench:status "box"
  t.eq({ state.status, state.bundle, state.ociVersion }, { "created", bench.path, "1.2.0" })
  t.eq(read_file(("/proc/%d/comm"):format(state.pid)), "crun-lua\n")
  t.eq(proc_ns(state.pid).uts ~= proc_ns().uts, true)

  local again = bench:call { "create", "--bundle", bench.path, "box" }
  t.eq(again.code, 1)
  has(t, again.stderr, "container with given ID already exists")

  t.eq(bench:call({ "start", "box" }).code, 0)
  t.eq(bench:status("box").status, "running")
  t.eq(read_file(("/proc/%d/comm"):format(state.pid)), "sleep\n")
  has(t, bench:call({ "start", "box" }).stderr, "cannot start an already running container")
  has(t, bench:call({ "delete", "box" }).stderr, 'container "box" that is not stopped: running')

  t.eq(bench:call({ "kill", "box", "KILL" }).code, 0)
  t.eq(bench:call({ "wait", "box" }).code, 0)
  t.eq({ bench:status("box").status, bench:status("box").pid }, { "stopped", nil })
  t.eq(json_decode(bench:call({ "list", "--format", "json" }).stdout)[1].pid, 0)
  t.eq(bench:call({ "kill", "box" }).stderr, "crun-lua: container not running\n")
  has(t, bench:call({ "start", "box" }).stderr, "cannot start a container that has stopped")
  t.eq(bench:call({ "delete", "box" }).code, 0)
  nothing_left(t, bench, "box")
end)

test.case("a created container that was never started can be deleted", NEEDS, function(t)
  local bench <close> = oci.bench()
  created(t, bench, "box")
  local pid = bench:status("box").pid
  t.eq(bench:call({ "delete", "box" }).code, 0)
  nothing_left(t, bench, "box")
  local left = proc_stat(pid)
  t.ok(not left or left.state == "Z")
end)

test.case("a program that cannot be executed is start's error, and nothing runs", NEEDS, function(t)
  local bench <close> = oci.bench()
  write_file(bench.rootfs .. "/bin/odd", "\1\2\3 no program", { mode = "0755" })
  created(t, bench, "box", oci.spec { "odd" })
  local result = bench:call { "start", "box" }
  t.eq(result.code, 1)
  has(t, result.stderr, 'exec: "odd": exec format error')
  t.eq(bench:status("box").status, "stopped")
end)

test.case("run gives the program's status and leaves nothing", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "sh", "-c", "echo out; echo err >&2; exit 7" })
  local result = bench:call { "run", "--bundle", bench.path, "box" }
  t.eq({ result.code, result.stdout, result.stderr }, { 7, "out\n", "err\n" })
  nothing_left(t, bench, "box")
  bench:write(oci.spec { "sh", "-c", "kill -9 $$" })
  -- The first process of a pid namespace cannot kill itself.
  t.eq(bench:call({ "run", "--bundle", bench.path, "box" }).code, 0)
  bench:write(oci.spec { "nosuch" })
  result = bench:call { "run", "--bundle", bench.path, "box" }
  t.eq(result.code, 1)
  nothing_left(t, bench, "box")
end)

test.case("a signal to run goes on to the program", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(
    oci.spec { "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done" }
  )
  local child <close> = spawn({ stdout = "pipe" }, function()
    exec(bench:words { "run", "--bundle", bench.path, "box" })
  end)
  t.eq(child.stdout:read(6), "ready\n")
  child:kill "term"
  t.eq(child:wait().code, 9)
  nothing_left(t, bench, "box")
end)

test.case("run --detach returns while the program runs", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "sleep", "100" })
  local pid_file = bench.path .. "/pid"
  local code = bench:detached { "run", "-d", "--pid-file", pid_file, "-b", bench.path, "box" }
  t.eq(code, 0)
  local state = bench:status "box"
  t.eq({ state.status, tostring(state.pid) }, { "running", read_file(pid_file) })
  local list = json_decode(bench:call({ "list", "--format", "json" }).stdout)
  t.eq({ #list, list[1].id, list[1].status, list[1].owner }, { 1, "box", "running", "root" })
  t.eq(bench:call({ "list", "--quiet" }).stdout, "box\n")
  t.eq(bench:call({ "delete", "--force", "box" }).code, 0)
  nothing_left(t, bench, "box")
end)

-- Starts a runtime with a fault, as `--fault` takes it.
local function create_with(bench, fault)
  local words = bench:words { "create", "--bundle", bench.path, "box" }
  table.insert(words, 2, fault)
  table.insert(words, 2, "--fault")
  local null = "/dev/null"
  local child <close> = spawn({ stdin = "null", stdout = null, stderr = null }, function()
    exec(words)
  end)
  return child:wait()
end

test.case(
  "a call of the container's that fails takes all of the create back",
  { "root", "program:busybox", "minutes:3" },
  function(t)
    local bench <close> = oci.bench()
    bench:write(oci.spec { "sleep", "100" })
    local failed, at = 0, 1
    repeat
      local result = create_with(bench, ("%d:EIO:box"):format(at))
      if result.code ~= 0 then
        failed = failed + 1
        t.eq(bench:status "box", nil, ("failed at call %d"):format(at))
        t.eq(groups(bench), {}, ("failed at call %d: groups"):format(at))
      else
        bench:call { "delete", "--force", "box" }
      end
      at = at + 4
    until failed > 0 and result.code == 0 or at > 400
    t.ok(failed > 5, "calls fail")
    t.eq(list_dir(bench.state), {})
  end
)

test.case(
  "a runtime that is killed in the middle of create leaves what delete --force removes whole",
  { "root", "program:busybox", "minutes:3" },
  function(t)
    local bench <close> = oci.bench()
    bench:write(oci.spec { "sleep", "100" })
    local at, step = 1, 3
    while true do
      local result = create_with(bench, ("%d:KILL"):format(at))
      t.ok(at < 400, "create makes fewer calls")
      t.eq(bench:call({ "delete", "--force", "box" }).code, 0)
      t.eq(bench:status "box", nil)
      t.eq(groups(bench), {}, ("killed at call %d: groups"):format(at))
      if result.code == 0 then
        break
      end
      at = at + step
    end
    t.ok(at > 20, "calls are counted")
    -- The names of directories that were never given one.
    bench:write(oci.spec { "true" })
    t.eq(bench:call({ "run", "--bundle", bench.path, "box" }).code, 0)
    t.eq(list_dir(bench.state), {})
    t.eq(bench:gc().code, 0)
  end
)

test.case("delete --force ends a create that hangs in a hook, with the hook", NEEDS, function(t)
  for _, kind in ipairs { "createRuntime", "createContainer" } do
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    local script = ("echo $$ > %s/hook; sleep 300 & wait"):format(bench.path)
    spec.hooks = { [kind] = { { path = "/bin/sh", args = { "sh", "-c", script } } } }
    bench:write(spec)
    local line = bench:words { "create", "--bundle", bench.path, "box" }
    local maker <close> = spawn({ stdin = "null", stdout = "null", stderr = "null" }, function()
      exec(line)
    end)
    local waited = 0
    while not read_file(bench.path .. "/hook") and waited < 100 do
      poll({}, { timeout = "100ms" })
      waited = waited + 1
    end
    t.eq(bench:status("box").status, "creating")
    local of_maker = proc_children(maker)
    local started = clock("monotonic")
    local result = bench:call { "delete", "--force", "box" }
    t.eq({ result.code, result.stderr }, { 0, "" }, kind)
    t.ok(clock("monotonic") - started < 5, kind .. ": at once")
    t.ok(maker:wait().code ~= 0)
    nothing_left(t, bench, "box")
    for _, pid in ipairs(of_maker) do
      for _, group in ipairs(pids()) do
        local found = proc_stat(group)
        t.ok(not found or found.pgrp ~= pid or found.state == "Z", kind .. ": something lives on")
      end
    end
  end
end)

test.case("delete --force ends a start that hangs in a hook, with the hook", NEEDS, function(t)
  for _, kind in ipairs { "poststart", "startContainer" } do
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    local where = kind == "poststart" and bench.path or "/tmp"
    local script = ("echo $$ > %s/hook; sleep 300 & wait"):format(where)
    spec.hooks = { [kind] = { { path = "/bin/sh", args = { "sh", "-c", script } } } }
    spec.root.readonly = false
    bench:write(spec)
    local code, said = bench:detached { "create", "--bundle", bench.path, "box" }
    t.eq(code, 0, said)
    local line = bench:words { "start", "box" }
    local starter <close> = spawn({ stdin = "null", stdout = "null", stderr = "null" }, function()
      exec(line)
    end)
    local file = (kind == "poststart" and bench.path or bench.rootfs .. "/tmp") .. "/hook"
    local waited = 0
    while not read_file(file) and waited < 100 do
      poll({}, { timeout = "100ms" })
      waited = waited + 1
    end
    local first = bench:status("box").pid
    local hook = kind == "poststart" and math.tointeger(tonumber(read_file(file)))
    local started = clock("monotonic")
    local result = bench:call { "delete", "--force", "box" }
    t.eq({ result.code, result.stderr }, { 0, "" }, kind)
    t.ok(clock("monotonic") - started < 5, kind .. ": at once")
    t.ok(starter:wait().code ~= 0, kind)
    nothing_left(t, bench, "box")
    for _, pid in ipairs(pids()) do
      local found = proc_stat(pid)
      local ours = found and found.state ~= "Z" and (pid == first or found.pgrp == hook)
      t.ok(not ours, kind .. ": something lives on")
    end
  end
end)

test.case("the next create of an id takes the place of one that was killed", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "sleep", "100" })
  local killed
  for at = 20, 200, 10 do
    create_with(bench, ("%d:KILL"):format(at))
    killed = stat(bench.state .. "/box") ~= nil
    if killed then
      break
    end
  end
  t.ok(killed, "a runtime that was killed has left the id")
  local code, said = bench:detached { "create", "--bundle", bench.path, "box" }
  t.eq(code, 0, said)
  -- What the dead one has written down is not taken from the new one.
  t.eq(bench:gc().code, 0)
  t.eq(bench:status("box").status, "created")
end)

test.case(
  "a container without /proc waits as well, and holds nothing of the host's",
  NEEDS,
  function(t)
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    spec.mounts = json_array {}
    created(t, bench, "box", spec)
    local state = bench:status "box"
    t.eq(state.status, "created")
    for _, fd in ipairs(proc_fds(state.pid)) do
      local ours = fd.target:find(bench.state, 1, true) or fd.target:find "^[a-z_]+:"
      t.ok(fd.fd < 3 or ours, fd.target)
    end
    t.eq(bench:call({ "start", "box" }).code, 0)
    t.eq(bench:status("box").status, "running")
  end
)

test.case("a configuration that is changed after create changes nothing", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "sh", "-c", "hostname > /tmp/name" }
  spec.root.readonly = false
  created(t, bench, "box", spec)
  spec.process.args = { "false" }
  bench:write(spec)
  t.eq(bench:call({ "start", "box" }).code, 0)
  bench:call { "wait", "box" }
  t.eq(read_file(bench.rootfs .. "/tmp/name"), "box\n")
end)

test.case(
  "an ordinary user's container lives the same life",
  { "user", "userns", "program:busybox" },
  function(t)
    local bench <close> = oci.bench()
    local me = stat "/proc/self"
    local spec = oci.spec { "sleep", "100" }
    table.insert(spec.linux.namespaces, { type = "user" })
    spec.linux.uidMappings = { { containerID = 0, hostID = me.uid, size = 1 } }
    spec.linux.gidMappings = { { containerID = 0, hostID = me.gid, size = 1 } }
    spec.linux.resources = nil
    -- One group is there, and the terminals' would be another.
    table.remove(spec.mounts)
    created(t, bench, "box", spec)
    t.eq(bench:status("box").status, "created")
    t.eq(bench:call({ "start", "box" }).code, 0)
    local result = bench:call { "exec", "box", "sh", "-c", "id -u; hostname; exit 4" }
    t.eq({ result.code, result.stdout }, { 4, "0\nbox\n" })
    t.eq(bench:call({ "kill", "box", "KILL" }).code, 0)
    t.eq(bench:call({ "wait", "box" }).code, 0)
    t.eq(bench:call({ "delete", "box" }).code, 0)
    t.eq(list_dir(bench.state), {})
  end
)

test.case(
  "delete --force ends a container that stands still, and one without a pid namespace whole",
  NEEDS,
  function(t)
    local bench <close> = oci.bench()
    local spec = oci.spec { "sh", "-c", "sleep 3131 & sleep 3131" }
    table.remove(spec.linux.namespaces, 1)
    bench:write(spec)
    local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
    t.eq(code, 0, said)
    t.eq(bench:call({ "pause", "box" }).code, 0)
    t.eq(bench:status("box").status, "paused")
    has(t, bench:call({ "exec", "box", "true" }).stderr, "cannot exec in a paused container")
    t.eq(bench:call({ "delete", "--force", "box" }).code, 0)
    nothing_left(t, bench, "box")
    for _, pid in ipairs(pids()) do
      t.ok(read_file(("/proc/%d/cmdline"):format(pid)) ~= "sleep\0003131\0", "a process is left")
    end
  end
)

test.case("delete --force ends a container also where pidfd_open is refused", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "sleep", "3132" })
  for _, errno in ipairs { "ENOSYS", "EPERM" } do
    local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
    t.eq(code, 0, said)
    local child <close> = spawn(function()
      local rule = { names = { "pidfd_open" }, action = "errno", errno = errno }
      seccomp({ default = "allow", rules = { rule } }, { no_new_privs = false })
      exec(bench:words { "delete", "--force", "box" })
    end)
    t.eq(child:wait().code, 0, errno)
    nothing_left(t, bench, "box")
  end
end)

test.case(
  "kill knows signals by number and by name, and --all reaches every process",
  NEEDS,
  function(t)
    local bench <close> = oci.bench()
    local script = "trap 'echo usr1 >> /tmp/log' USR1; trap 'echo rt >> /tmp/log' RTMIN+2; "
      .. "echo ready > /tmp/log; while :; do sleep 0.1; done"
    local spec = oci.spec { "sh", "-c", script }
    spec.root.readonly = false
    bench:write(spec)
    local log = bench.rootfs .. "/tmp/log"
    local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
    t.eq(code, 0, said)
    local function wait_for(text)
      for _ = 1, 100 do
        if (read_file(log) or ""):find(text, 1, true) then
          return true
        end
        poll({}, { timeout = "50ms" })
      end
    end
    t.ok(wait_for "ready")
    for _, signal in ipairs { "USR1", "SIGUSR1", "usr1", "10" } do
      write_file(log, "")
      t.eq(bench:call({ "kill", "box", signal }).code, 0, signal)
      t.ok(wait_for "usr1", signal)
    end
    local result = bench:call { "kill", "box", "NOSUCH" }
    t.eq(result.code, 1)
    has(t, result.stderr, 'unknown signal "NOSUCH"')
    t.eq(bench:call({ "kill", "--all", "box", "KILL" }).code, 0)
    t.eq(bench:call({ "wait", "box" }).code, 0)
    t.eq(bench:status("box").status, "stopped")
  end
)

test.case("a state of which a field is something else is damaged, and deleted as such", function(t)
  local root <close> = temp_dir()
  local dirs = { "/sys/fs/cgroup/x" }
  local fields = {
    { "group_path", { "x" } },
    { "pid", "1" },
    { "pid", 1.5 },
    { "maker", { pid = "1" } },
    { "annotations", "x" },
    { "annotations", { a = 1 } },
    { "cgroup", 5 },
    { "cgroup", { manager = "cgroupfs" } },
    { "cgroup", { manager = "cgroupfs", dirs = { 5 } } },
    { "cgroup", { manager = "cgroupfs", dirs = dirs, kept = "x" } },
    { "cgroup", { manager = "cgroupfs", dirs = dirs, rdt = { dir = {} } } },
    { "join", true },
    { "join", { pid = "x" } },
  }
  for _, field in ipairs(fields) do
    local name, value = field[1], field[2]
    mkdir(root.path .. "/box")
    local record = { id = "box", status = "stopped", bundle = "/b", rootfs = "/b/r", owner = 0 }
    record[name] = value
    write_file(root.path .. "/box/state.json", json_encode(record))
    t.ok(require("oci.state").find(root.path, "box").damaged, name)
    local call = { name = "delete", global = { root = root.path }, operands = { "box" } }
    call.options = { force = true }
    require "oci.command.delete"(call)
    t.eq(stat(root.path .. "/box"), nil, name)
  end
end)

return test.run()
