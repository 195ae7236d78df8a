-- The faults that `inspect` finds in control groups: limits that bite, on version 1 and 2, and what
-- on version 2 keeps limits from being set. None is found in a group that has room.

local inspect = require "inspect"
local specimen = require "test.specimen"
local test = require "test"

local MB = 1 << 20

local function sleeper(group)
  local child = spawn({ cgroup = group }, function()
    exec { "sleep", "300" }
  end)
  child:started()
  return child
end

--- The findings that are about groups.
local function of_groups(process)
  local known, found = {}, {}
  for _, rule in ipairs(require "inspect.findings.cgroup") do
    known[rule.id] = true
  end
  for _, finding in ipairs(select(2, specimen.findings(process))) do
    found[#found + 1] = known[finding.id] and finding.id or nil
  end
  return found
end

test.case("nothing is found in a group that has room", {
  "root",
  "cgroup:memory",
  "cgroup:pids",
  "cgroup:cpu",
}, function(t)
  -- More than one process can use, however slow its start is.
  local limits = { memory = "64M", pids = 20, cpu = "200%" }
  local group <close> = cgroup_set("inspect-room", limits)
  local child <close> = sleeper(group)
  t.eq(of_groups(child), {})
end)

test.case("processes that were killed for memory are found", {
  "root",
  "cgroup:memory",
}, function(t)
  local group <close> = cgroup_set("inspect-oom", { memory = "16M", swap = 0 })
  local child <close> = sleeper(group)
  local hog <close> = spawn({ cgroup = group }, function()
    oom_score(1000)
    local kept = {}
    for index = 1, 64 do
      kept[index] = ("x"):rep(MB - 64) .. index
    end
    return #kept
  end)
  hog:wait { timeout = "120s" }
  t.ok(group:events().memory.oom_kill >= 1, "the kernel's own count")
  -- The killer may have taken a second one; the group still tells.
  local watcher <close> = sleeper(group)
  local found = specimen.found(t, watcher, "oom-kill")
  t.eq(found.level, "error")
  t.match(found.what, "limit 16M", true)
  local _ = child
end)

test.case("memory that is nearly taken is found", { "root", "cgroup:memory" }, function(t)
  local group <close> = cgroup_set("inspect-memory", { memory = "64M" })
  local ready, hold = pipe(), pipe()
  local child <close> = spawn({ cgroup = group }, function()
    local kept = {}
    for index = 1, 32 do
      kept[index] = ("x"):rep(MB - 64) .. index
    end
    ready.write:write(tostring(#kept))
    hold.read:read(1)
  end)
  t.eq(ready.read:read(2, { timeout = "120s" }), "32")
  t.eq(specimen.findings(child)["memory-limit"], nil)
  -- The limit comes down to what is taken, and not below: nothing is killed.
  local usage = group:stats().memory.usage
  group:set { memory = usage + 2 * MB }
  local found = specimen.found(t, child, "memory-limit")
  t.eq(found.level, "warning")
  t.match(found.what, "are taken", true)
  hold.write:close()
end)

test.case("forks that failed at the limit of processes are found", {
  "root",
  "cgroup:pids",
}, function(t)
  local group <close> = cgroup_set("inspect-pids", { pids = 2 })
  local child <close> = sleeper(group)
  t.eq(specimen.findings(child)["pids-limit"], nil)
  local second <close> = spawn({ cgroup = group }, function()
    local ok = pcall(fork, function() end)
    return ok and 1 or 0
  end)
  t.eq(second:wait().code, 0)
  local found = specimen.found(t, child, "pids-limit")
  t.eq(found.level, "error")
  t.match(found.what, "limit of 2", true)
end)

test.case("a group that is stopped for most of its time is found", {
  "root",
  "cgroup:cpu",
}, function(t)
  local group <close> = cgroup_set("inspect-cpu", { cpu = { quota = "5ms", period = "50ms" } })
  local child <close> = spawn({ cgroup = group }, function()
    while true do
    end
  end)
  local found = specimen.found(t, child, "cpu-throttled")
  t.eq(found.level, "warning")
  t.ok(group:stats().cpu.nr_throttled >= 5)
end)

test.case("a frozen group is found, and one that was thawed is not", {
  "root",
  "cgroup:freezer",
}, function(t)
  local group <close> = cgroup_set("inspect-frozen", {})
  local child <close> = sleeper(group)
  group:freeze()
  t.eq(specimen.found(t, child, "frozen").level, "warning")
  group:thaw()
  t.eq(specimen.findings(child)["frozen"], nil)
end)

test.case("a frozen group of version 2 is found", { "root", "cgroup:v2" }, function(t)
  local group <close> = cgroup_set("inspect-frozen", {})
  local child <close> = sleeper(group)
  group:freeze()
  t.eq(specimen.found(t, child, "frozen").level, "warning")
  group:thaw()
  t.eq(specimen.findings(child)["frozen"], nil)
end)

test.case("a controller that a group above does not hand down is named, with that group", {
  "root",
  "cgroup:v2",
}, function(t)
  local above <close> = cgroup_set("inspect-off", {})
  local below <close> = above:child("below", {})
  local box <close> = specimen.box { cgroup = below }
  local found = specimen.found(t, box, "controller-off")
  t.match(found.what, "memory (not in ", true)
  t.match(found.what, "/inspect-off/cgroup.subtree_control", true)
  local given <close> = cgroup_set("inspect-on", { memory = "64M", pids = 20, cpu = "50%" })
  local right <close> = specimen.box { cgroup = given }
  t.eq(specimen.findings(right)["controller-off"], nil)
end)

test.case("processes beside groups are found: those can be given no limits", {
  "root",
  "cgroup:v2",
}, function(t)
  local inner <close> = cgroup_set("inspect-inner", {})
  local child <close> = sleeper(inner)
  t.eq(specimen.findings(child)["inner-node"], nil)
  local leaf <close> = inner:child("leaf", {})
  local found = specimen.found(t, child, "inner-node")
  t.match(found.what, "leaf", true)
  -- And so it is: the kernel refuses what the finding says it will.
  local _, err = try(write_file, inner.paths.unified .. "/cgroup.subtree_control", "+memory")
  t.eq(err and err.errno, "EBUSY")
  local _ = leaf
end)

test.case("a recorded group of version 2 is judged by its files", function(t)
  local dir <close> = temp_dir()
  local function file(path, text)
    mkdir((dir.path .. "/" .. path):match("^(.*)/"), { parents = true })
    write_file(dir.path .. "/" .. path, text)
  end
  file("cgroup.controllers", "cpu memory pids\n")
  file("cgroup.subtree_control", "memory pids\n")
  file("app/cgroup.controllers", "memory pids\n")
  file("app/cgroup.subtree_control", "\n")
  file("app/cgroup.procs", "7\n9\n")
  file("app/cgroup.type", "domain\n")
  file("app/box/cgroup.controllers", "\n")
  file("app/box/cgroup.subtree_control", "\n")
  file("app/box/cgroup.procs", "")
  local cgroup = require "inspect.cgroup"
  local app, box = dir.path .. "/app", dir.path .. "/app/box"
  local facts = { contained = true, cgroup = { memberships = {}, effective = {} } }
  facts.cgroup.unified = cgroup.unified(app, dir.path)
  t.eq({ facts.cgroup.unified.members, facts.cgroup.unified.children }, { 2, { "box" } })
  local ids = {}
  for _, finding in ipairs(inspect.findings(facts)) do
    ids[finding.id] = finding.what
  end
  t.match(ids["inner-node"], "2 processes", true)
  t.match(ids["controller-off"], "cpu (not in " .. dir.path .. "/cgroup", true)
  facts.cgroup.unified = cgroup.unified(box, dir.path)
  t.eq(facts.cgroup.unified.missing, { cpu = dir.path, memory = app, pids = app })
end)

test.case("what the root group has used is held against nobody", function(t)
  local facts = {
    cgroup = {
      memberships = { { version = "v2", path = "/", controllers = {} } },
      events = { memory = { oom_kill = 7 }, pids = { max = 3 } },
      usage = { cpu = { nr_periods = 10, nr_throttled = 10 } },
      effective = { pids = { limit = 5, at = "/" } },
    },
  }
  t.eq(inspect.findings(facts), {})
  facts.cgroup.memberships[1].path = "/box"
  t.eq(#inspect.findings(facts), 3)
end)

return test.run()
