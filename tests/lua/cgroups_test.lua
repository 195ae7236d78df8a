-- Control groups: layout, limits, counters, freezing, killing, removing, what is refused.

local test = require "test"

local MB = 1 << 20

-- A number of a file of a group's, by controller.
local function file(group, controller, name)
  local path = group.paths[controller] or group.paths.unified
  local handle <close> = assert(io.open(path .. "/" .. name))
  return handle:read("a")
end

-- Runs `body` in a child that is in the group from its start; answers how it ended.
local function run_in(group, body)
  local child <close> = spawn({ cgroup = group }, body)
  return child:wait()
end

-- A member that does nothing.
local function sleeper(group)
  local child = spawn({ cgroup = group }, function()
    exec { "sleep", "300" }
  end)
  child:started()
  return child
end

-- Takes memory and keeps it.
local function hog(bytes)
  local kept = {}
  for index = 1, bytes // MB do
    kept[index] = ("x"):rep(MB - 64) .. index
  end
  return #kept
end

test.case("a name that leads out, or is empty, or is a file's, makes nothing", function(t)
  for _, name in ipairs { "../x", "a/../b", "a//b", "/", ".", "tasks", "cgroup.procs", "a/" } do
    t.fails("name: ", cgroup_set, name, {})
  end
  t.fails("NUL", cgroup_set, "a\0b", {})
  t.fails("line's end", cgroup_set, "a\nb", {})
  t.fails("255", cgroup_set, ("x"):rep(256), {})
end)

test.case("limits are judged before anything is made", function(t)
  local function bad(text, limits)
    t.fails(text, cgroup_set, "never-made", limits)
  end
  bad('did you mean "memory"', { memry = 1 })
  bad("a size such as", { memory = "64 MB" })
  bad("1%", { cpu = "0%" })
  bad("needs its quota", { cpu = { period = "100ms" } })
  bad("burst", { cpu = { quota = "10ms", burst = "20ms" } })
  bad("say one", { cpu_weight = 100, cpu_shares = 1024 })
  bad("from 1 to 10000", { cpu_weight = 0 })
  bad("expected numbers and ranges", { cpuset = "0-" })
  bad("expected numbers and ranges", { cpuset = "3-1" })
  bad("8:0", { io = { { device = "sda", rbps = 1 } } })
  bad("expected one of", { io = { { device = "8:0" } } })
  bad("access", { devices = { { allow = true, access = "x" } } })
  bad("a size such as", { hugetlb = { ["2Q"] = 0 } })
  bad("limit's file", { files = { ["../x"] = "1" } })
  bad("limit's file", { files = { ["cgroup.procs"] = "1" } })
  t.fails("no hierarchy has a control group", cgroup_open, "/never-made")
end)

test.case(
  "a group that another has made is not changed, frozen, killed or removed",
  { "root", "cgroup:pids" },
  function(t)
    local own <close> = cgroup_set("test-guard", { pids = 10 })
    local foreign <close> = cgroup_open("test-guard")
    foreign:set { pids = 11 } -- This script has made it.
    local path = own.paths.pids or own.path
    local program = ([[
    local group <close> = cgroup_open(%q)
    local function refused(f, ...)
      local ok, err = pcall(f, ...)
      assert(not ok and tostring(err):find("has not made", 1, true), tostring(err))
    end
    refused(cgroup_set, %q, { pids = 20 })
    refused(group.set, group, { pids = 20 })
    refused(group.freeze, group)
    refused(group.kill, group)
    refused(group.remove, group)
    refused(group.add, group, 1)
    group:set { pids = 12, host = true }
  ]]):format("test-guard", "test-guard")
    local name = os.getenv("TMPDIR") .. "/guard.lua"
    local script <close> = assert(io.open(name, "w"))
    script:write(program)
    script:close()
    local child <close> = spawn(function()
      exec { "/proc/self/exe", name }
    end)
    t.eq(child:wait().code, 0)
    os.remove(name)
    t.eq(tonumber(t.read(path .. "/pids.max")), 12)
  end
)

test.case(
  "without rights every limit that cannot be set is named, and nothing is made",
  { "user" },
  function(t)
    local may = {}
    for _, name in ipairs(cgroup_may()) do
      may[name] = true
    end
    if may.memory or may.pids then
      return
    end
    local err = t.fails("this user cannot", cgroup_set, "test-user", { memory = "64M", pids = 5 })
    t.match(err.message, "memory")
    t.match(err.message, "pids")
    t.match(err.hint, "cgroup_may()", true)
    t.fails("no hierarchy has a control group", cgroup_open, "test-user")
  end
)

test.case(
  "a limit that the kernel refuses takes the new group with it",
  { "root", "cgroup:pids" },
  function(t)
    t.fails("EINVAL", cgroup_set, "test-refused", { pids = 5, files = { ["pids.max"] = "many" } })
    t.fails("no hierarchy has a control group", cgroup_open, "test-refused")
    local group <close> = cgroup_set("test-refused", { pids = 5 })
    t.fails("EINVAL", group.set, group, { files = { ["pids.max"] = "many" } })
    t.eq(group:get().pids, 5)
  end
)

test.case("a controller that does not exist is named", { "root", "cgroup:pids" }, function(t)
  t.fails("nosuch (", cgroup_set, "test-nosuch", { files = { ["nosuch.max"] = "1" }, pids = 5 })
  t.fails("no hierarchy has a control group", cgroup_open, "test-nosuch")
end)

test.case(
  "this process cannot freeze or kill the group it stands in",
  { "root", "cgroup:pids" },
  function(t)
    local group <close> = cgroup_set("test-self", { pids = 30 })
    group:enter()
    t.fails("would freeze itself", group.freeze, group)
    t.fails("would kill itself", group.kill, group)
  end
)

test.case("the layouts of recorded machines are read from what the kernel wrote", function(t)
  local function recorded(name)
    return cgroup_layout { root = "tests/fixtures/cgroups/" .. name }
  end
  t.eq(recorded("none"), { kind = "none", hierarchies = {} })
  t.eq(recorded("hybrid").kind, "hybrid")
  t.eq(recorded("v1").kind, "v1")
  local systemd = recorded("systemd")
  t.eq(systemd.kind, "v2")
  t.eq(systemd.hierarchies[1].own, "/user.slice/user-1000.slice/user@1000.service/app.slice")
  t.eq(systemd.hierarchies[1].controllers, { "memory", "pids" })
  t.eq(recorded("container").hierarchies[1].own, "/")
  t.fails("ENOENT", cgroup_layout, { root = "/nowhere" })
end)

test.case(
  "limits are read back as they were set",
  { "root", "cgroup:memory", "cgroup:cpu", "cgroup:pids" },
  function(t)
    local group <close> = cgroup_set("test-limits", {
      memory = "64M",
      cpu = "50%",
      cpu_weight = 50,
      pids = 64,
    })
    local limits = group:get()
    t.eq(limits.memory, 64 * MB)
    t.eq({ limits.cpu.quota, limits.cpu.period }, { 50000, 100000 })
    t.ok(math.abs(limits.cpu_weight - 50) <= 1, "weight")
    t.eq(limits.pids, 64)
    group:set { memory = "max", cpu = "max", pids = "max" }
    limits = group:get()
    t.eq({ limits.memory, limits.cpu.quota, limits.pids }, { "max", "max", "max" })
    group:set { cpu = { quota = "20ms", period = "50ms", burst = "5ms" } }
    t.eq(group:get().cpu, { quota = 20000, period = 50000, burst = 5000 })
    group:set { cpu = { quota = "4ms", period = "10ms", burst = 0 } }
    t.eq(group:get().cpu, { quota = 4000, period = 10000, burst = 0 })
    group:set { files = { ["pids.max"] = "7" } }
    t.eq(group:get().pids, 7)
  end
)

test.case(
  "memory and swap go up and down in the order that the kernel wants",
  { "root", "cgroup:memory" },
  function(t)
    local group <close> = cgroup_set("test-swap", { memory = "64M" })
    if group:get().swap == nil then
      return -- The kernel does not account swap.
    end
    local pairs_of_both = { { 64, 0 }, { 128, 64 }, { 256, 0 }, { 32, 16 }, { 32, 512 }, { 16, 0 } }
    for _, pair in ipairs(pairs_of_both) do
      group:set { memory = pair[1] .. "M", swap = pair[2] .. "M" }
      t.eq({ group:get().memory, group:get().swap }, { pair[1] * MB, pair[2] * MB })
    end
    group:set { memory = "64M", swap = "max" }
    t.eq(group:get().swap, "max")
  end
)

test.case("what was not asked is not written", { "root", "cgroup:pids" }, function(t)
  local group <close> = cgroup_set("test-minimal", { pids = 9 })
  t.eq(group.paths.memory == nil or group.version == "v2", true)
  group:set {}
  t.eq(group:get().pids, 9)
end)

test.case("an OOM kill is counted and waited for", { "root", "cgroup:memory" }, function(t)
  local group <close> = cgroup_set("test-oom", { memory = "24M", swap = 0 })
  t.eq(group:events().memory.oom_kill, 0)
  t.eq(group:wait_event("oom", { timeout = "10ms" }), nil)
  local child <close> = spawn({ cgroup = group }, function()
    return hog(200 * MB) > 0 and 1 or 2
  end)
  local events = group:wait_event("oom_kill", { timeout = "60s" })
  t.ok(events and events.memory.oom_kill >= 1, "oom_kill")
  t.eq(child:wait().signal, "kill")
  if group.version == "v2" then -- Some kernels leave v1's failcnt at 0.
    t.ok(group:events().memory.max > 0, "max")
  end
  t.ok(group:stats().memory.peak == nil or group:stats().memory.peak <= 24 * MB, "peak")
end)

test.case("a process beyond its share of time is throttled", { "root", "cgroup:cpu" }, function(t)
  local group <close> = cgroup_set("test-cpu", { cpu = "10%" })
  run_in(group, function()
    local start = os.clock()
    while os.clock() - start < 0.1 do
    end
  end)
  local cpu = group:stats().cpu
  t.ok(cpu.nr_periods > 0, "periods")
  t.ok(cpu.nr_throttled > 0, "throttled periods")
  t.ok(cpu.throttled_usec > 0, "throttled time")
  t.ok(cpu.usage_usec > 0, "usage")
end)

test.case(
  "one process too many is refused with EAGAIN and counted",
  { "root", "cgroup:pids" },
  function(t)
    local group <close> = cgroup_set("test-pids", { pids = 3 })
    local result = run_in(group, function()
      for index = 1, 5 do
        local child, err = try(spawn, function()
          exec { "sleep", "60" }
        end)
        if not child then
          os.exit(err.errno == "EAGAIN" and 40 + index or 1)
        end
      end
    end)
    t.eq(result.code, 43)
    t.ok(group:events().pids.max >= 1, "pids.events max")
    t.eq(group:stats().pids.current, 0)
  end
)

test.case(
  "a frozen group stands still in the kernel's own file",
  { "root", "cgroup:pids" },
  function(t)
    local group <close> = cgroup_set("test-freeze", { pids = 10 })
    local child <close> = sleeper(group)
    group:freeze()
    t.eq(group:events().frozen, true)
    if group.version == "v1" then
      t.eq(file(group, "freezer", "freezer.state"), "FROZEN\n")
    else
      t.match(file(group, "unified", "cgroup.events"), "frozen 1")
    end
    group:wait_event("frozen", { timeout = "10s" })
    group:thaw()
    t.eq(group:events().frozen, false)
    group:freeze() -- What is frozen can be closed: the process first, then its group.
  end
)

test.case("kill takes the members of nested groups too", { "root", "cgroup:pids" }, function(t)
  local group <close> = cgroup_set("test-kill", { pids = 20 })
  local left, right = group:child("left"), group:child("right/deep", { pids = 5 })
  local children <const> = { sleeper(left), sleeper(right) }
  t.eq(#group:pids { nested = true }, 2)
  t.eq(#group:pids(), 0)
  group:kill()
  for _, child in ipairs(children) do
    t.eq(child:wait().signal, "kill")
  end
  t.ok(group:wait_event("empty", { timeout = "60s" }))
end)

test.case(
  "a child's start in a group is seen in each hierarchy of it",
  { "root", "cgroup:memory", "cgroup:pids" },
  function(t)
    local group <close> = cgroup_set("test-start", { memory = "64M", pids = 10 })
    local child <close> = sleeper(group)
    for controller, path in pairs(group.paths) do
      t.match(t.read(path .. "/cgroup.procs"), tostring(child.pid), true)
      t.ok(controller)
    end
    local own <close> = cgroup_of(child)
    t.eq(own.paths.pids or own.path, group.paths.pids or group.path)
    local result = run_in(group, function()
      local inner <close> = cgroup_of(1)
      t.ok(inner)
      local text = t.read("/proc/self/cgroup")
      t.match(text, "test-start", true)
    end)
    t.eq(result.code, 0)
  end
)

test.case(
  "a cgroup namespace of a child in a group shows the group as its root",
  { "root", "cgroup:pids" },
  function(t)
    local group <close> = cgroup_set("test-ns", { pids = 10 })
    local child <close> = spawn({ cgroup = group, unshare = { "cgroup" } }, function()
      local text = t.read("/proc/self/cgroup")
      t.ok(not text:find("test%-ns"), text)
      t.ok(text:find(group.version == "v1" and ":pids:/\n" or "0::/\n", 1, true), text)
    end)
    t.eq(child:wait().code, 0)
  end
)

test.case(
  "a child that enters by itself is a member, and its children are",
  { "root", "cgroup:pids" },
  function(t)
    local group <close> = cgroup_set("test-enter", { pids = 10 })
    local child <close> = spawn(function()
      group:enter()
      local grandchild <close> = spawn(function()
        t.match(t.read("/proc/self/cgroup"), "test-enter", true)
      end)
      return grandchild:wait().code
    end)
    t.eq(child:wait().code, 0)
  end
)

test.case(
  "this process comes back when the group it has entered is closed",
  { "root", "cgroup:pids" },
  function(t)
    local before = t.read("/proc/self/cgroup")
    do
      local group <close> = cgroup_set("test-back", { pids = 30 })
      group:enter()
      t.match(t.read("/proc/self/cgroup"), "test-back", true)
    end
    t.eq(t.read("/proc/self/cgroup"), before)
  end
)

test.case(
  "closing kills members that remain and removes nested groups",
  { "root", "cgroup:pids" },
  function(t)
    local group = cgroup_set("test-close/deep", { pids = 20 })
    local inner = group:child("a/b")
    local child <close> = sleeper(inner)
    local paths = { group.path, inner.path }
    group:close()
    t.eq(child:wait().signal, "kill")
    for _, path in ipairs(paths) do
      t.eq(io.open(path .. "/cgroup.procs"), nil)
    end
    t.fails("no hierarchy has a control group", cgroup_open, "test-close")
    t.fails("is closed", group.get, group)
    inner:close()
  end
)

local SECOND = { "root", "cgroup:pids", "cgroup:cpuset" }

test.case("a second handle of a group removes only what it has added", SECOND, function(t)
  local first <close> = cgroup_set("test-second", { pids = 5 })
  do
    local second <close> = cgroup_set("test-second", { pids = 6, cpuset = "0" })
    t.fails("EINVAL", second.set, second, { files = { ["cpuset.cpus"] = "x" } })
    t.eq(second:get().cpuset, "0")
    t.fails("EINVAL", cgroup_set, "test-second", { pids = 7, files = { ["pids.max"] = "x" } })
  end
  t.eq(first:get().pids, 7)
end)

test.case("a group that is kept stays until it is removed", { "root", "cgroup:pids" }, function(t)
  local group = cgroup_set("test-keep", { pids = 5 }):keep()
  group:close()
  local again <close> = cgroup_open("test-keep")
  t.eq(again:get().pids, 5)
  again:remove()
  t.fails("ENOENT", again.get, again)
end)

test.case(
  "after kill -9 of the script, gc removes its groups and their members",
  { "root", "cgroup:pids" },
  function(t)
    local tmp = os.getenv("TMPDIR")
    local name = tmp .. "/killed.lua"
    local script <close> = assert(io.open(name, "w"))
    script:write([[
    local group = cgroup_set("test-gc/deep", { pids = 5 })
    local child = spawn({ cgroup = group }, function() exec { "sleep", "300" } end)
    child:started()
    local stat <close> = io.open("/proc/self/stat")
    kill(tonumber(stat:read("a"):match("^%d+")), "kill")
  ]])
    script:close()
    local child <close> = spawn(function()
      exec { "/proc/self/exe", name }
    end)
    t.eq(child:wait().signal, "kill")
    local left <close> = cgroup_open("test-gc/deep")
    t.eq(#left:pids(), 1)
    local gc <close> = spawn(function()
      exec { "/proc/self/exe", "gc" }
    end)
    t.eq(gc:wait().code, 0)
    os.remove(name)
    t.fails("no hierarchy has a control group", cgroup_open, "test-gc")
  end
)

test.case(
  "devices are denied but for those that are allowed",
  { "root", "cgroup:pids" },
  function(t)
    local group <close> = cgroup_set("test-devices", {
      devices = {
        { allow = false },
        { allow = true, type = "c", major = 1, minor = 3, access = "rw" },
        { allow = true, type = "c", major = 1, minor = 5, access = "r" },
      },
    })
    local function opens(path, mode)
      local handle = io.open(path, mode)
      if handle then
        handle:close()
      end
      return handle ~= nil
    end
    local function check(expected)
      local child <close> = spawn({ cgroup = group }, function()
        t.eq({
          null = opens("/dev/null", "r+"),
          zero = opens("/dev/zero", "r"),
          zero_write = opens("/dev/zero", "r+"),
          urandom = opens("/dev/urandom", "r"),
        }, expected)
      end)
      t.eq(child:wait().code, 0)
    end
    check { null = true, zero = true, zero_write = false, urandom = false }
    -- New rules take the place of the old.
    local urandom = { allow = false, type = "c", major = 1, minor = 9 }
    group:set { devices = { { allow = true }, urandom } }
    check { null = true, zero = true, zero_write = true, urandom = false }
  end
)

local V2 = { "root", "cgroup:v2", "cgroup:memory" }

test.case(
  "a v2 group with members of its own shares out no memory, and the hint says so",
  V2,
  function(t)
    local group <close> = cgroup_set("test-internal", { pids = 20 })
    local child <close> = sleeper(group)
    local err = t.fails("EBUSY", group.child, group, "inner", { memory = "32M" })
    t.match(err.hint, "processes of its own")
    t.fails("no hierarchy has a control group", cgroup_open, "test-internal/inner")
    t.ok(child.pid)
  end
)

test.case("a delegated v2 group belongs to its user, its limits do not", V2, function(t)
  local group <close> = cgroup_set("test-delegate", { pids = 20 })
  group:delegate(65534, 65534)
  local child <close> = spawn(function()
    setuser("65534:65534")
    t.eq(io.open(group.path .. "/pids.max", "r+"), nil)
    local procs <close> = io.open(group.path .. "/cgroup.procs", "r+")
    t.ok(procs)
    mkdir(group.path .. "/own")
  end)
  t.eq(child:wait().code, 0)
end)

local STRACE = { "root", "cgroup:pids", "program:strace" }

test.case(
  "a start in a group waits for no grace period: nobody writes cgroup.procs",
  STRACE,
  function(t)
    local tmp = os.getenv("TMPDIR")
    local name, log = tmp .. "/start.lua", tmp .. "/strace.log"
    local script <close> = assert(io.open(name, "w"))
    script:write([[
    local group <close> = cgroup_set("test-strace", { pids = 5 })
    local child <close> = spawn({ cgroup = group }, function() exec { "true" } end)
    os.exit(child:wait().code)
  ]])
    script:close()
    local child <close> = spawn(function()
      local command = 'exec strace -f -o "$0" -e trace=openat,open,clone3 /proc/$PPID/exe "$1"'
      exec { "sh", "-c", command, log, name }
    end)
    t.eq(child:wait().code, 0)
    local writes, entrances = 0, 0
    for line in t.read(log):gmatch("[^\n]+") do
      if line:find("cgroup.procs", 1, true) and line:find("O_WRONLY", 1, true) then
        writes = writes + 1
      end
      if line:find("test%-strace/tasks") or line:find("CLONE_INTO_CGROUP", 1, true) then
        entrances = entrances + 1
      end
    end
    os.remove(name)
    os.remove(log)
    t.eq(writes, 0)
    t.ok(entrances > 0, "ways into the group")
  end
)

test.case(
  "the fault of any call on the way leaves no group behind",
  { "root", "cgroup:pids" },
  function(t)
    for number = 1, 3 do
      local child <close> = spawn(function()
        local source = 'cgroup_set("test-fault/deep", { pids = 5 })'
        local name = os.getenv("TMPDIR") .. "/fault.lua"
        local script <close> = assert(io.open(name, "w"))
        script:write(source)
        script:close()
        exec { "/proc/self/exe", "--fault", number .. ":ENOMEM", name }
      end)
      t.eq(child:wait().code, 1)
      t.fails("no hierarchy has a control group", cgroup_open, "test-fault")
    end
    os.remove(os.getenv("TMPDIR") .. "/fault.lua")
  end
)

test.case(
  "a file that is not a limit's is not written by name",
  { "root", "cgroup:pids" },
  function(t)
    local box <close> = cgroup_set("test-writes", { pids = 10 })
    local function bad(name)
      t.fails("is not a limit's file", box.set, box, { writes = { { file = name, value = 1 } } })
    end
    bad "cgroup.procs"
    bad "../pids.max"
    bad "tasks"
    t.fails("writes[1]", box.set, box, { writes = { { file = "pids.max" } } })
    t.fails("ENOENT", box.set, box, { writes = { { file = "pids.nosuch", value = 1 } } })
    box:set { writes = { { file = "pids.max", value = 11 }, { file = "pids.max", value = "12" } } }
    t.eq(box:get().pids, 12)
  end
)

test.case(
  "writes that keep each other in bounds may come in any order",
  { "root", "cgroup:v1", "cgroup:memory" },
  function(t)
    local box <close> = cgroup_set("test-writes", { memory = "32M", swap = 0 })
    local function both(bytes)
      box:set {
        writes = {
          { file = "memory.limit_in_bytes", value = bytes },
          { file = "memory.memsw.limit_in_bytes", value = bytes },
        },
      }
      t.eq({ box:get().memory, box:get().swap }, { bytes, 0 })
    end
    both(64 << 20)
    both(16 << 20)
  end
)

test.case(
  "a group can be in every hierarchy, and is found by its directories",
  { "root", "cgroup:pids" },
  function(t)
    local box <close> = cgroup_set("test-all", { controllers = "all", host = true })
    t.eq(#box.dirs, #cgroup_layout().hierarchies)
    t.eq(box.made, box.dirs)
    t.eq({ box.above, box.layout }, { {}, cgroup_layout().kind })
    local again <close> = cgroup_open(box.dirs)
    t.eq(again.dirs, box.dirs)
    t.eq({ again.made, again:events().populated }, { {}, false })
    t.fails("is in no hierarchy", cgroup_open, { "/tmp" })
    t.fails("is in no hierarchy", cgroup_open, { box.dirs[1] .. "/../../../../../etc" })
    box:remove()
    t.fails("has been removed", cgroup_open, box.dirs)
  end
)

return test.run()
