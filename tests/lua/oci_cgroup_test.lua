-- The control group of an OCI container: where it is, what is written, who may be in it.

local cgroup = require "oci.cgroup"
local devices = require "oci.cgroup.devices"
local options = require "options"
local place = require "oci.cgroup.place"
local test = require "test"
local v1 = require "oci.cgroup.v1"
local v2 = require "oci.cgroup.v2"

local MB = 1 << 20

-- A group for one case; closed at its end.
local function group_of(resources, spec, ctx)
  ctx = ctx or {}
  ctx.id = ctx.id or "test-" .. proc_stat().pid
  local group = cgroup.make(spec or {}, ctx)
  local guard = defer(function()
    group:remove()
  end)
  group:apply(resources)
  return group, guard
end

-- A file of the group's, without its line's end: "cpu.shares".
local function file(group, name)
  local paths = group.handle.paths
  local controller = name:match("^[^.]+")
  local text = read_file((paths[controller] or paths.unified) .. "/" .. name)
  return text and text:match("^(.-)%s*$")
end

-- Writes as a list of texts.
local function lines(writes)
  local out = {}
  for index, write in ipairs(writes) do
    out[index] = write.file .. " " .. write.value
  end
  return out
end

local function nothing() end

local function sleeper(group)
  local child = spawn({ cgroup = group.handle }, function()
    exec { "sleep", "600" }
  end)
  child:started()
  return child
end

test.case("a path that leads out, or names nothing, is refused", function(t)
  t.fails("leads out of where it starts", place.name, "/a/../../b", "x")
  t.fails("is the root of the hierarchy", place.name, "/", "x")
  t.fails("slice:prefix:name", place.unit, "/kubepods/web", "x")
  t.fails("slice:prefix:name", place.unit, "a.slice:b", "x")
  t.fails("is no slice", place.unit, "nothing:a:b", "x")
  t.fails("is no slice", place.unit, "a--b.slice:a:b", "x")
  t.fails("names no unit", place.unit, "a.slice:b:", "x")
end)

test.case("a path means the same place each time, a default has the container's id", function(t)
  local v2_layout =
    { kind = "v2", hierarchies = { { version = "v2", own = "/user.slice/session" } } }
  local root = { kind = "v2", hierarchies = { { version = "v2", own = "/" } } }
  local v1_layout = { kind = "v1", hierarchies = {} }
  t.eq(place.name("/a//b/./c/", "x", v2_layout), "/a/b/c")
  t.eq(place.name("a/b", "x", v2_layout), "/user.slice/a/b")
  t.eq(place.name("a/b", "x", root), "/a/b")
  t.eq(place.name("a/b", "x", v1_layout), "a/b")
  t.eq(place.name(nil, "x", v1_layout), "crun-lua-oci-x")
  t.eq(place.unit("", "x"), { slice = "system.slice", unit = "crun-lua-x.scope" })
  t.eq(place.unit(nil, "x", true), { slice = "user.slice", unit = "crun-lua-x.scope" })
  t.eq(place.unit("machine.slice:libpod:1f", "x").unit, "libpod-1f.scope")
  t.eq(place.unit(":pre:pods.slice", "x"), { slice = "system.slice", unit = "pods.slice" })
  t.eq(place.unit("-:a:b", "x").slice, "-.slice")
end)

test.case("what a version has not is refused, not passed over", function(t)
  t.fails("swappiness", v2.memory, { swappiness = 10 })
  t.fails("disableOOMKiller", v2.memory, { disableOOMKiller = true })
  t.fails("needs a limit of memory", v2.memory, { swap = MB })
  t.fails("less than the limit", v2.memory, { limit = 2 * MB, swap = MB })
  t.fails("less than the limit", v1.memory, { limit = 2 * MB, swap = MB })
  t.fails("swappiness: expected 0 to 100", v1.memory, { swappiness = 101 })
  t.fails("realtimeRuntime", v2.cpu, { realtimeRuntime = 1000 })
  t.fails("leafWeight", v2.blockIO, { leafWeight = 100 })
  t.fails("classID", v2.network_class, { classID = 1 })
  t.fails("priorities", v2.network_priorities, { priorities = { { name = "lo", priority = 1 } } })
  t.fails("hugepageLimits[0].pageSize", v1.hugepageLimits, { { pageSize = "../x", limit = 1 } })
  t.fails("is not the name of a limit's file", v2.unified, { ["../memory.max"] = "1" })
  t.fails("expected string", v2.unified, { ["memory.high"] = 1 })
  t.fails("devices[1].type", devices.rules, { { allow = true }, { allow = true, type = "x" } })
end)

test.case("limits become v1's files as runc and crun write them", function(t)
  local memory = { limit = 64 * MB, swap = 96 * MB, reservation = 32 * MB, swappiness = 0 }
  memory.kernel, memory.kernelTCP, memory.useHierarchy = MB, MB, true
  t.eq(lines(v1.memory(memory)), {
    "memory.limit_in_bytes 67108864",
    "memory.memsw.limit_in_bytes 100663296",
    "memory.soft_limit_in_bytes 33554432",
    "memory.swappiness 0",
  })
  t.eq(lines(v1.memory { limit = 0, swap = 0 }), {})
  t.eq(lines(v1.memory { disableOOMKiller = true }), { "memory.oom_control 1" })
  t.eq(lines(v1.memory { disableOOMKiller = false }), {})
  t.eq(lines(v1.cpu { idle = 1, shares = 512, quota = -1, period = 50000, burst = 10 }), {
    "cpu.shares 512",
    "cpu.cfs_period_us 50000",
    "cpu.cfs_quota_us -1",
    "cpu.cfs_burst_us 10",
    "cpu.idle 1",
  })
  t.eq(lines(v1.pids { limit = 0 }), { "pids.max 0" })
  t.eq(lines(v1.pids { limit = -1 }), { "pids.max max" })
  t.eq(lines(v1.rdma { mlx5_1 = { hcaHandles = 3, hcaObjects = 10000 } }), {
    "rdma.max mlx5_1 hca_handle=3 hca_object=10000",
  })
  t.eq(lines(v1.network_class { classID = 1048577 }), { "net_cls.classid 1048577" })
  t.eq(lines(v1.network_priorities { priorities = { { name = "lo", priority = 2 } } }), {
    "net_prio.ifpriomap lo 2",
  })
end)

test.case("limits become v2's files as runc and crun write them", function(t)
  t.eq(lines(v2.memory { limit = 64 * MB, swap = 96 * MB, reservation = 32 * MB }), {
    "memory.swap.max 33554432",
    "memory.max 67108864",
    "memory.low 33554432",
  })
  t.eq(lines(v2.memory { limit = -1 }), { "memory.swap.max max", "memory.max max" })
  t.eq(lines(v2.cpu { shares = 1024, quota = 20000, period = 100000, burst = 5 }), {
    "cpu.weight 100",
    "cpu.max 20000 100000",
    "cpu.max.burst 5",
  })
  t.eq(lines(v2.cpu { period = 50000, idle = 0 }), { "cpu.idle 0", "cpu.max max 50000" })
  local io = {
    weight = 10,
    weightDevice = { { major = 8, minor = 0, weight = 1000 } },
    throttleReadBpsDevice = { { major = 8, minor = 0, rate = 600 } },
    throttleWriteIOPSDevice = { { major = 8, minor = 16, rate = 0 } },
  }
  t.eq(lines(v2.blockIO(io)), {
    "io.weight default 1",
    "io.weight 8:0 10000",
    "io.max 8:0 rbps=600",
    "io.max 8:16 wiops=max",
  })
  local bfq = {
    read = function(name)
      return name == "io.bfq.weight" and "" or nil
    end,
  }
  t.eq(lines(v2.blockIO({ weight = 300 }, bfq)), { "io.bfq.weight default 300" })
  t.eq(lines(v2.unified { ["memory.high"] = "max", ["io.max"] = "8:0 rbps=1\n8:16 rbps=2\n" }), {
    "io.max 8:0 rbps=1",
    "io.max 8:16 rbps=2",
    "memory.high max",
  })
end)

test.case("reserved huge pages are limited where the kernel counts them", function(t)
  local function reads(found)
    return {
      read = function(name)
        return name == found and "0" or nil
      end,
    }
  end
  local given = { { pageSize = "2MB", limit = 4 * MB } }
  t.eq(#v1.hugepageLimits(given, { read = nothing }), 1)
  t.eq(
    lines(v1.hugepageLimits(given, reads "hugetlb.2MB.rsvd.limit_in_bytes"))[2],
    "hugetlb.2MB.rsvd.limit_in_bytes 4194304"
  )
  t.eq(lines(v2.hugepageLimits(given, reads "hugetlb.2MB.rsvd.max")), {
    "hugetlb.2MB.max 4194304",
    "hugetlb.2MB.rsvd.max 4194304",
  })
end)

test.case("an unknown manager names the one that was meant", function(t)
  local err = t.fails("is no manager", cgroup.make, {}, { id = "x", manager = "systemdd" })
  t.match(err.hint, "systemd")
end)

test.case("without a manager no group is made, and what needs one says so", function(t)
  local group, guard = group_of({ pids = { limit = 5 } }, {}, { manager = "disabled" })
  local closing <close> = guard
  t.eq(group.handle, nil)
  t.eq({ group:pids(), group:frozen() }, { {}, false })
  t.fails("the cgroup manager is disabled", group.freeze, group)
  t.fails("the cgroup manager is disabled", group.set, group, {})
  local again = cgroup.open(json_decode(json_encode(group.record)))
  t.fails("cannot resume the container", again.thaw, again)
end)

test.case("who may make no group goes without where that is allowed", { "user" }, function(t)
  local name = { linux = { cgroupsPath = "/crun-lua-not-mine" } }
  local ctx = { id = "x", rootless = true }
  t.eq(cgroup.make(name, ctx).record.manager, "none")
  t.fails("this user cannot", cgroup.make, name, { id = "x" })
  name.linux.resources = { pids = { limit = 5 }, devices = {} }
  t.fails("this user cannot", cgroup.make, name, ctx)
end)

test.case(
  "a group that has members, or is frozen, is not a container's",
  { "root", "cgroup:pids" },
  function(t)
    local first, guard = group_of {}
    local closing <close> = guard
    local spec = { linux = { cgroupsPath = first.record.path } }
    local child <close> = sleeper(first)
    t.fails("container's cgroup is not empty: 1 process(es)", cgroup.make, spec, { id = "y" })
    t.eq(first:pids(), { child.pid })
    first:kill()
    t.eq(child:wait().signal, "kill")
    first:freeze()
    t.fails("is frozen", cgroup.make, spec, { id = "y" })
    first:thaw()
    local second = cgroup.make(spec, { id = "y" })
    t.eq(second.record.dirs, first.record.dirs)
  end
)

test.case(
  "a group that was there before stays, without the container's processes",
  { "root", "cgroup:pids" },
  function(t)
    local name = "/crun-lua-test-before-" .. proc_stat().pid
    local before <close> = cgroup_set(name, { pids = 10 })
    local there = before.paths.pids or before.paths.unified
    local group = cgroup.make({ linux = { cgroupsPath = name } }, { id = "x" })
    local child <close> = sleeper(group)
    local made = #group.record.dirs - #group.record.kept
    group:keep()
    cgroup.open(json_decode(json_encode(group.record))):remove()
    t.eq(child:wait().signal, "kill")
    t.ok(stat(there), "the group that was there")
    local left = 0
    for _, dir in ipairs(group.record.dirs) do
      left = left + (stat(dir) and 1 or 0)
    end
    t.eq(left, #group.record.dirs - made)
  end
)

test.case(
  "a limit that the kernel refuses leaves no group behind",
  { "root", "cgroup:pids" },
  function(t)
    local undo = require("container.undo").new()
    local group = cgroup.make({}, { id = "refused", undo = undo })
    local dirs = group.record.dirs
    t.ok(stat(dirs[1]))
    t.fails("EINVAL", group.apply, group, { cpu = { quota = 1 } })
    undo:run()
    for _, dir in ipairs(dirs) do
      t.eq(stat(dir), nil, dir)
    end
  end
)

test.case(
  "a container stands in its group in every hierarchy",
  { "root", "cgroup:pids" },
  function(t)
    local group, guard = group_of {}
    local closing <close> = guard
    local child <close> = sleeper(group)
    local layout = cgroup_layout()
    t.eq(#group.record.dirs, #layout.hierarchies)
    local found = 0
    for _, one in ipairs(proc_cgroup(child.pid)) do
      local name = one.path:match("[^/]*$")
      for _, hierarchy in ipairs(layout.hierarchies) do
        local of = hierarchy.name and "name=" .. hierarchy.name or hierarchy.controllers[1]
        local unified = hierarchy.version == "v2" and one.hierarchy_id == 0
        if
          unified
          or hierarchy.version == "v1" and table.concat(one.controllers, ","):find(of, 1, true)
        then
          t.match(name, "^crun%-lua%-oci%-test")
          found = found + 1
          break
        end
      end
    end
    t.eq(found, #layout.hierarchies)
  end
)

test.case(
  "limits stand in the kernel's files of v1",
  { "root", "cgroup:v1", "cgroup:memory" },
  function(t)
    local group, guard = group_of {
      memory = { limit = 64 * MB, swap = 128 * MB, reservation = 32 * MB, swappiness = 7 },
      cpu = { shares = 333, quota = 20000, period = 50000, burst = 1000, cpus = "0", mems = "0" },
      pids = { limit = 17 },
      blockIO = { throttleReadBpsDevice = {} },
    }
    local closing <close> = guard
    t.eq(file(group, "memory.limit_in_bytes"), tostring(64 * MB))
    t.eq(file(group, "memory.memsw.limit_in_bytes"), tostring(128 * MB))
    t.eq(file(group, "memory.soft_limit_in_bytes"), tostring(32 * MB))
    t.eq(file(group, "memory.swappiness"), "7")
    t.eq(file(group, "cpu.shares"), "333")
    t.eq(file(group, "cpu.cfs_quota_us"), "20000")
    t.eq(file(group, "cpu.cfs_period_us"), "50000")
    t.eq(file(group, "cpu.cfs_burst_us"), "1000")
    t.eq(file(group, "cpuset.cpus"), "0")
    t.eq(file(group, "pids.max"), "17")
  end
)

test.case("limits stand in the kernel's files of v2", { "root", "cgroup:v2" }, function(t)
  local group, guard = group_of {
    memory = { limit = 64 * MB, swap = 64 * MB, reservation = 32 * MB },
    cpu = { shares = 2048, quota = 20000, period = 50000, cpus = "0", mems = "0" },
    pids = { limit = 17 },
    unified = { ["memory.high"] = "50331648" },
  }
  local closing <close> = guard
  t.eq(file(group, "memory.max"), tostring(64 * MB))
  t.eq(file(group, "memory.low"), tostring(32 * MB))
  t.eq(file(group, "memory.high"), "50331648")
  t.eq(file(group, "cpu.weight"), "174")
  t.eq(file(group, "cpu.max"), "20000 50000")
  t.eq(file(group, "cpuset.cpus"), "0")
  t.eq(file(group, "pids.max"), "17")
  t.fails("nosuch", group.set, group, { unified = { ["nosuch.max"] = "1" } })
  t.fails("ENOENT", group.set, group, { unified = { ["memory.nosuch"] = "1" } })
end)

test.case("the kernel's limit of TCP buffers is v1's own", { "root", "cgroup:v1" }, function(t)
  t.eq(#v1.memory({ kernelTCP = MB }, { read = nothing }), 0)
  local group, guard = group_of { memory = { kernelTCP = 8 * MB } }
  local closing <close> = guard
  local there = file(group, "memory.kmem.tcp.limit_in_bytes")
  if there then
    t.eq(there, tostring(8 * MB))
    group:set { memory = { kernelTCP = -1 } }
    t.ok(tonumber(file(group, "memory.kmem.tcp.limit_in_bytes")) > 1 << 60)
  end
end)

test.case(
  "beside v1 nothing is shared out by v2's root, which would take a controller from v1",
  { "root", "cgroup:v1" },
  function(t)
    local unified, hugetlb
    for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
      unified = hierarchy.version == "v2" and hierarchy or unified
      for _, controller in ipairs(hierarchy.version == "v1" and hierarchy.controllers or {}) do
        hugetlb = hugetlb or controller == "hugetlb"
      end
    end
    if not unified then
      return
    end
    local function shared()
      return read_file(unified.mount .. "/cgroup.subtree_control")
    end
    t.eq(unified.controllers, {})
    local before = shared()
    local group, guard = group_of {}
    local closing <close> = guard
    t.eq(shared(), before)
    if not hugetlb then
      local limits = { hugepageLimits = { { pageSize = "2MB", limit = 4 * MB } } }
      t.fails("no hierarchy with the controller hugetlb is mounted", group.set, group, limits)
      local again = cgroup.open(group.record)
      t.fails("no hierarchy with the controller hugetlb is mounted", again.set, again, limits)
      local name = "/crun-lua-test-huge-" .. proc_stat().pid
      t.fails("v2 only tracks processes here", cgroup_set, name, { hugetlb = { ["2M"] = "4M" } })
    end
    t.eq(shared(), before)
  end
)

test.case("unified keys need cgroup v2", { "root", "cgroup:v1" }, function(t)
  local group, guard = group_of {}
  local closing <close> = guard
  t.fails("this machine has cgroup v1", group.set, group, { unified = { ["memory.high"] = "1" } })
end)

test.case(
  "a controller that the machine does not have is an error",
  { "root", "cgroup:pids" },
  function(t)
    local group, guard = group_of {}
    local closing <close> = guard
    local asked = {
      net_cls = { network = { classID = 1 } },
      net_prio = { network = { priorities = { { name = "lo", priority = 1 } } } },
      rdma = { rdma = { mlx5_1 = { hcaHandles = 1 } } },
    }
    for controller, resources in pairs(asked) do
      if test.unmet("cgroup:" .. controller) then
        local hierarchy = cgroup_layout().kind == "v2" and controller ~= "rdma"
        t.fails(hierarchy and "cgroup v2 has nothing" or controller, group.set, group, resources)
      end
    end
  end
)

-- Whether a process of the group may open a device: 0 if so, 1 if it is denied.
local function opens(group, path, how)
  local child <close> = spawn({ cgroup = group.handle }, function()
    local fd, err = try(open, path, how)
    return fd and 0 or err.errno == "EPERM" and 1 or 2
  end)
  return child:wait().code
end

test.case(
  "rules decide in order, and what every container needs stays open",
  { "root", "cgroup:pids" },
  function(t)
    local deny = { { allow = false, access = "rwm" } }
    local group, guard = group_of { devices = deny }
    local closing <close> = guard
    t.eq(opens(group, "/dev/null", { read = true, write = true }), 0)
    t.eq(opens(group, "/dev/urandom", { read = true }), 0)
    t.eq(opens(group, "/dev/kmsg", { read = true }), 1)
    group:set {
      devices = { deny[1], { allow = true, type = "c", major = 1, minor = 11, access = "r" } },
    }
    t.eq(opens(group, "/dev/kmsg", { read = true }), 0)
    t.eq(opens(group, "/dev/kmsg", { write = true }), 1)
    group:set {
      devices = {
        { allow = true, access = "rwm" },
        { allow = false, type = "c", major = 1, minor = 3 },
      },
    }
    t.eq(opens(group, "/dev/kmsg", { write = true }), 0)
    t.eq(opens(group, "/dev/null", { read = true }), 1)
  end
)

test.case(
  "a limit that is less than what is in use is refused where the config asks",
  { "root", "cgroup:memory" },
  function(t)
    local group, guard = group_of { memory = { limit = 512 * MB } }
    local closing <close> = guard
    local child <close> = spawn({ cgroup = group.handle }, function()
      local text = ("x"):rep(32 * MB)
      poll({}, { timeout = "600s" })
      return #text
    end)
    local used = 0
    for _ = 1, 2000 do
      local memory = group:stats().memory.usage
      used = memory.usage or 0
      if used > 32 * MB then
        break
      end
      poll({}, { timeout = "10ms" })
    end
    t.ok(used > 32 * MB, "memory in use")
    local small = { limit = MB, checkBeforeUpdate = true }
    t.fails("bytes are in use", group.set, group, { memory = small })
    child:kill("kill")
    child:wait()
  end
)

test.case(
  "a limit can be raised and lowered past the one of swap",
  { "root", "cgroup:v1", "cgroup:memory" },
  function(t)
    local group, guard = group_of { memory = { limit = 64 * MB, swap = 64 * MB } }
    local closing <close> = guard
    for _, size in ipairs { 256, 32, 128 } do
      group:set { memory = { limit = size * MB, swap = size * MB } }
      t.eq(file(group, "memory.memsw.limit_in_bytes"), tostring(size * MB))
      t.eq(file(group, "memory.limit_in_bytes"), tostring(size * MB))
    end
    group:set { memory = { limit = -1 } }
    t.ok(tonumber(file(group, "memory.memsw.limit_in_bytes")) > 1 << 60)
  end
)

test.case(
  "an update writes what was asked for and nothing else",
  { "root", "cgroup:pids" },
  function(t)
    local group, guard =
      group_of { pids = { limit = 17 }, cpu = { quota = 20000, period = 100000 } }
    local closing <close> = guard
    local again = cgroup.open(json_decode(json_encode(group.record)))
    again:set { cpu = { quota = 30000 } }
    local limits = group.handle:get()
    t.eq({ limits.pids, limits.cpu.quota, limits.cpu.period }, { 17, 30000, 100000 })
    t.eq(opens(again, "/dev/null", { read = true }), 0)
  end
)

test.case(
  "what is frozen is seen, and dies when the group is removed",
  { "root", "cgroup:pids" },
  function(t)
    local group, guard = group_of {}
    local closing <close> = guard
    local child <close> = sleeper(group)
    local again = cgroup.open(group.record)
    again:freeze()
    t.ok(group:frozen())
    again:remove()
    t.eq(child:wait().signal, "kill")
    for _, dir in ipairs(group.record.dirs) do
      t.eq(stat(dir), nil, dir)
    end
    t.eq(cgroup.open(group.record).handle, nil)
    t.fails("has been removed", again.freeze, again)
  end
)

test.case(
  "a signal reaches every member, also in groups below",
  { "root", "cgroup:pids" },
  function(t)
    local group, guard = group_of {}
    local closing <close> = guard
    local dirs = {}
    for index, dir in ipairs(group.record.dirs) do
      dirs[index] = dir .. "/below"
      mkdir(dirs[index])
      local cpus = dir:find("/cpuset/") and read_file(dir .. "/cpuset.cpus")
      if cpus and cpus:find("%d") then
        write_file(dirs[index] .. "/cpuset.cpus", cpus, { append = true })
        write_file(
          dirs[index] .. "/cpuset.mems",
          read_file(dir .. "/cpuset.mems"),
          { append = true }
        )
      end
    end
    t.fails("leads out", group.exec_handle, group, "below/../..")
    t.fails("has no control group", group.exec_handle, group, "nowhere")
    local below = group:exec_handle("/below/")
    t.eq(below.dirs, dirs)
    local inner <close> = sleeper { handle = below }
    t.eq(group:pids(), { inner.pid })
    group:kill("term")
    t.eq(inner:wait().signal, "term")
  end
)

test.case(
  "groups above that were made for it go with it, others stay",
  { "root", "cgroup:pids" },
  function(t)
    local name = "/crun-lua-test-above-" .. proc_stat().pid
    local one = cgroup.make({ linux = { cgroupsPath = name .. "/one" } }, { id = "one" })
    local two = cgroup.make({ linux = { cgroupsPath = name .. "/two" } }, { id = "two" })
    local above = one.record.above
    t.ok(#above > 0 and stat(above[1]))
    t.eq(two.record.above, {})
    one:remove()
    t.ok(stat(above[1]), "the group above another container")
    two:remove()
    cgroup.open(one.record):remove()
    t.eq(stat(above[1]), nil)
  end
)

test.case(
  "on v2 a container's root owns what the kernel says may be given away",
  { "root", "cgroup:v2" },
  function(t)
    local spec = {
      process = { user = { uid = 0 } },
      mounts = { { type = "cgroup", destination = "/sys/fs/cgroup", options = { "rw" } } },
      linux = {
        namespaces = { { type = "cgroup" }, { type = "user" } },
        uidMappings = { { containerID = 0, hostID = 100000, size = 10 } },
      },
    }
    local group, guard = group_of({}, spec)
    local closing <close> = guard
    local dir = group.handle.paths.unified
    t.eq({ stat(dir).uid, stat(dir).gid }, { 100000, 0 })
    t.eq(stat(dir .. "/cgroup.procs").uid, 100000)
    t.eq(stat(dir .. "/memory.max").uid, 0)
    spec.mounts[1].options[1] = "ro"
    local other, other_guard = group_of({}, spec, { id = "readonly-mount" })
    local also <close> = other_guard
    t.eq(stat(other.handle.paths.unified).uid, 0)
  end
)

test.case("statistics have the shape of runc's", { "root", "cgroup:memory" }, function(t)
  local group, guard = group_of { memory = { limit = 64 * MB }, pids = { limit = 9 } }
  local closing <close> = guard
  local child <close> = sleeper(group)
  local stats = group:stats()
  for _ = 1, 100 do
    -- What has just begun to run is counted a moment later; 0 is left out.
    if stats.cpu.usage.total then
      break
    end
    poll({}, { timeout = "20ms" })
    stats = group:stats()
  end
  t.eq(options.keys(stats), {
    "blkio",
    "cpu",
    "cpuset",
    "hugetlb",
    "intel_rdt",
    "memory",
    "network_interfaces",
    "pids",
  })
  t.eq(stats.pids, { current = 1, limit = 9 })
  t.eq(stats.memory.usage.limit, 64 * MB)
  t.ok(stats.memory.usage.usage > 0)
  t.eq(stats.memory.usage.failcnt, 0)
  t.ok(stats.cpu.usage.total > 0)
  t.ok(math.type(stats.memory.raw.pgfault))
  t.eq(stats.cpuset.mems, { 0 })
  child:kill("kill")
  child:wait()
end)

test.case("intelRdt is a clear error where the kernel has none", function(t)
  local known = (read_file("/proc/filesystems") or ""):find("resctrl")
  if not known then
    local spec = { linux = { intelRdt = { closID = "gold" }, cgroupsPath = "crun-lua-rdt" } }
    t.fails("no resctrl file system", cgroup.make, spec, { id = "x", manager = "disabled" })
  end
end)

test.case("classes of service follow the eight rules", { "root" }, function(t)
  local rdt = require "oci.cgroup.rdt"
  local mount <close> = temp_dir()
  local dir = mount.path
  t.fails("is not the name of a class", rdt.make, { closID = "a/b" }, "x", dir)
  t.fails("there is no class of service", rdt.make, { closID = "gold" }, "x", dir)
  mkdir(dir .. "/gold")
  write_file(dir .. "/gold/schemata", "L3:0=0f\n")
  local there = rdt.make({ closID = "gold", l3CacheSchema = "L3:0=f" }, "x", dir)
  t.eq(there, { dir = dir .. "/gold", made = false })
  t.fails("another schema", rdt.make, { closID = "gold", l3CacheSchema = "L3:0=1" }, "x", dir)
  local root = rdt.make({ closID = "/" }, "x", dir)
  t.eq(root.dir, dir)
  local own = rdt.make({ schemata = { "L3:0=3", "MB:0=50" } }, "x", dir)
  t.eq(own, { dir = dir .. "/x", made = true })
  t.eq(read_file(dir .. "/x/schemata"), "L3:0=3\nMB:0=50\n")
  rdt.join(own, 42)
  t.eq(read_file(dir .. "/x/tasks"), "42")
end)

return test.run()
