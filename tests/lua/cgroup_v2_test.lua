-- What only cgroup v2 can show: limits that bite, threaded groups, a group that a user was given.

local test = require "test"

local V2 = { "root", "cgroup:v2" }
local PROGRAM = os.getenv "CRUN_LUA_TEST_PROGRAM" or "/proc/self/exe"
local PAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

-- Runs a script as a program of its own, so that it stands in the group from its first call on.
local function run_in(group, source, user)
  local dir <close> = temp_dir()
  local path = dir.path .. "/inside.lua"
  write_file(path, source)
  local child <close> = spawn({ cgroup = group, stderr = "pipe" }, function()
    local env = { "env" }
    if user then
      mkdir(dir.path .. "/state", { mode = "0700" })
      chown(dir.path .. "/state", { uid = user, gid = user })
      chmod(dir.path, "0755")
      setuser(user .. ":" .. user, { groups = {} })
      env[2] = "CRUN_LUA_STATE=" .. dir.path .. "/state"
    end
    exec(table.move({ PROGRAM, "--stdlib", "stdlib", path }, 1, 4, #env + 1, env))
  end)
  local result = child:output { timeout = "60s" }
  return result.code, result.stderr
end

-- A line of a file of counters.
local function counter(group, name, key)
  return tonumber((read_file(group.path .. "/" .. name) or ""):match(key .. " (%d+)"))
end

test.case(
  "a threaded group has no limit of memory, and its domain lists who starts in it",
  V2,
  function(t)
    local outer <close> = cgroup_set("test-threaded", { pids = 20 })
    local inner <close> = outer:child("threads", { pids = 5 })
    write_file(inner.path .. "/cgroup.type", "threaded", { append = true })
    t.eq(read_file(outer.path .. "/cgroup.type"), "domain threaded\n")
    local refused = t.fails("EOPNOTSUPP", inner.set, inner, { memory = "32M" })
    t.match(refused.hint, "the group is threaded", true)
    t.eq(inner:get().pids, 5)
    local child <close> = spawn({ cgroup = inner }, function()
      exec { "sleep", "300" }
    end)
    t.eq(read_file(inner.path .. "/cgroup.threads"), child.pid .. "\n")
    t.eq(read_file(outer.path .. "/cgroup.procs"), child.pid .. "\n")
  end
)

test.case("nobody starts in a group that shares out to groups below it", V2, function(t)
  local outer <close> = cgroup_set("test-sharing", { pids = 20 })
  local inner <close> = outer:child("inner", { memory = "32M" })
  local err = t.fails("EBUSY", spawn, { cgroup = outer }, function() end)
  t.match(err.hint, "start this one in a child of it", true)
  t.eq(outer:pids(), {})
  local child <close> = spawn({ cgroup = inner }, function() end)
  t.eq(child:wait().code, 0)
end)

test.case(
  "a group with members is not made threaded by sharing out to groups below",
  V2,
  function(t)
    local outer <close> = cgroup_set("test-members", { pids = 20 })
    local child <close> = spawn({ cgroup = outer }, function()
      exec { "sleep", "300" }
    end)
    local err = t.fails("EBUSY", outer.child, outer, "inner", { pids = 5 })
    t.match(err.hint, "processes of its own", true)
    t.eq(read_file(outer.path .. "/cgroup.type"), "domain\n")
    t.eq(stat(outer.path .. "/inner"), nil)
    child:kill "kill"
  end
)

test.case("below a threaded group a group is no domain, and the error says so", V2, function(t)
  local outer <close> = cgroup_set("test-invalid", { pids = 20 })
  local threads <close> = outer:child("threads", {})
  local beside <close> = outer:child("beside", {})
  write_file(threads.path .. "/cgroup.type", "threaded", { append = true })
  t.eq(read_file(beside.path .. "/cgroup.type"), "domain invalid\n")
  local err = t.fails("EOPNOTSUPP", spawn, { cgroup = beside }, function() end)
  t.match(err.hint, "threaded")
end)

test.case(
  "an OOM kill and a throttled period are counted in the group's own files",
  { "root", "cgroup:v2", "cgroup:memory", "cgroup:cpu" },
  function(t)
    local group <close> = cgroup_set("test-bites", { memory = "16M", swap = 0, cpu = "50%" })
    local code = run_in(
      group,
      [[
      local kept = {}
      for index = 1, 32 do kept[index] = ("x"):rep(1 << 20) .. index end
    ]]
    )
    t.ne(code, 0)
    t.ok(counter(group, "memory.events", "oom_kill") >= 1, "oom_kill")
    t.ok(counter(group, "memory.events", "max") >= 1, "how often the limit was hit")
    t.ok(counter(group, "cpu.stat", "nr_throttled") >= 1, "nr_throttled")
  end
)

test.case(
  "more processors than a group has are not to be had",
  { "root", "cgroup:v2", "cgroup:cpuset" },
  function(t)
    local group <close> = cgroup_set("test-cpuset", { cpuset = "0" })
    t.eq(read_file(group.path .. "/cpuset.cpus.effective"), "0\n")
    local source = [[
      local allowed = read_file("/proc/self/status"):match "Cpus_allowed_list:%s*(%S+)"
      os.exit(allowed == "0" and 0 or 1)
    ]]
    t.eq(run_in(group, source), 0)
  end
)

test.case(
  "huge pages beyond a group's limit are not to be had, and are counted",
  { "root", "cgroup:v2", "cgroup:hugetlb", "program:python3", "file:" .. PAGES },
  function(t)
    local before = read_file(PAGES)
    local restore <close> = defer(function()
      sysctl("vm.nr_hugepages", before:match "%d+", { host = true })
    end)
    sysctl("vm.nr_hugepages", 4, { host = true })
    local source = [[
      local code = "import mmap; m = mmap.mmap(-1, 2 << 20, flags=0x40022); m[0] = 1"
      os.exit(capture({ "python3", "-c", code }).code == 0 and 0 or 1)
    ]]
    local group <close> = cgroup_set("test-huge", { hugetlb = { ["2M"] = "2M" } })
    t.eq({ run_in(group, source) }, { 0, "" })
    t.eq(counter(group, "hugetlb.2MB.events", "max"), 0)
    group:set { hugetlb = { ["2M"] = 0 } }
    t.eq(run_in(group, source), 1)
    t.ok(counter(group, "hugetlb.2MB.events", "max") >= 1, "hugetlb.2MB.events")
  end
)

test.case(
  "a user makes groups with limits in a group that it was given, and none beside it",
  { "root", "cgroup:v2", "cgroup:pids" },
  function(t)
    local outer <close> = cgroup_set("test-given", { pids = 30 })
    outer:delegate(65534, 65534)
    local own <close> = outer:child("own", { pids = 25 })
    own:delegate(65534, 65534)
    local source = ([[
      local cgroup = require "cgroup"
      local group <close> = cgroup.make("box", { pids = 4 })
      assert(group.path == %q .. "/box", group.path)
      local child <close> = spawn({ cgroup = group }, function() exec { "sleep", "100" } end)
      assert(group:pids()[1] == child.pid)
      assert(group:get().pids == 4)
      child:kill "kill"
      child:wait()
      local _, err = try(write_file, %q, "99", { append = true })
      assert(err and err.errno == "EACCES", err)
    ]]):format(own.path, outer.path .. "/pids.max")
    local code, said = run_in(own, source, 65534)
    t.eq(code, 0, said)
    t.eq({ stat(own.path .. "/box"), stat(own.path .. "/box-main") }, {})
  end
)

return test.run()
