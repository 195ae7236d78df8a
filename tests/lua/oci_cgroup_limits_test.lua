-- The limits of an OCI container: what of config.json is written into which file of the kernel's.

local cgroup = require "oci.cgroup"
local devices = require "oci.cgroup.devices"
local groups = require "test.groups"
local test = require "test"
local v1 = require "oci.cgroup.v1"
local v2 = require "oci.cgroup.v2"

local MB = 1 << 20

local group_of = groups.of
local file = groups.file
local lines = groups.lines
local opens = groups.opens

local function nothing() end

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

-- The numbers of a disk that the kernel can slow down.
local function disk()
  for _, name in ipairs(stat "/sys/block" and list_dir "/sys/block" or {}) do
    local size = tonumber(read_file(("/sys/block/%s/size"):format(name)) or "0")
    local major, minor = (read_file(("/sys/block/%s/dev"):format(name)) or ""):match "^(%d+):(%d+)"
    if size > 0 and major then
      return math.tointeger(tonumber(major)), math.tointeger(tonumber(minor))
    end
  end
end

test.need("disk", function()
  return not disk() and "there is no block device" or nil
end)

local function throttles(rate)
  local major, minor = disk()
  local one = { { major = major, minor = minor, rate = rate } }
  return {
    throttleReadBpsDevice = one,
    throttleWriteBpsDevice = one,
    throttleReadIOPSDevice = one,
    throttleWriteIOPSDevice = one,
  }
end

test.case(
  "rates of a disk stand in v1's files, and 0 takes them away",
  { "root", "cgroup:v1", "cgroup:blkio", "disk" },
  function(t)
    local group, guard = group_of { blockIO = throttles(1234567) }
    local closing <close> = guard
    local expected = ("%d:%d 1234567"):format(disk())
    for _, row in ipairs(v1.THROTTLES) do
      t.eq(file(group, row[2]), expected)
    end
    group:set { blockIO = throttles(0) }
    for _, row in ipairs(v1.THROTTLES) do
      t.eq(file(group, row[2]), "")
    end
    local nowhere = { { major = 4095, minor = 0, rate = 1 } }
    t.fails("ENODEV", group.set, group, { blockIO = { throttleReadBpsDevice = nowhere } })
  end
)

test.case(
  "a weight of disks that no scheduler knows is an error that says so",
  { "root", "cgroup:v1", "cgroup:blkio" },
  function(t)
    local group, guard = group_of {}
    local closing <close> = guard
    local dir = group.handle.paths.blkio
    if stat(dir .. "/blkio.weight") or stat(dir .. "/blkio.bfq.weight") then
      group:set { blockIO = { weight = 500 } }
      t.eq((file(group, "blkio.weight") or file(group, "blkio.bfq.weight")):match "%d+$", "500")
    else
      local err = t.fails("blkio.weight", group.set, group, { blockIO = { weight = 500 } })
      -- Which file it would be depends on the scheduler; the kernel has neither.
      t.ok(err.hint and #err.hint > 20, "what to do")
    end
  end
)

test.case(
  "rates, huge pages and idleness stand in v2's files",
  { "root", "cgroup:v2", "cgroup:io", "cgroup:hugetlb", "disk" },
  function(t)
    local group, guard = group_of {
      blockIO = throttles(1000000),
      hugepageLimits = { { pageSize = "2MB", limit = 4 * MB } },
      cpu = { idle = 1, quota = 20000, period = 100000, burst = 1000 },
      pids = { limit = -1 },
    }
    local closing <close> = guard
    local format = "%d:%d rbps=1000000 wbps=1000000 riops=1000000 wiops=1000000"
    t.eq(file(group, "io.max"), format:format(disk()))
    t.eq(file(group, "hugetlb.2MB.max"), tostring(4 * MB))
    t.eq(file(group, "hugetlb.2MB.rsvd.max"), tostring(4 * MB))
    t.eq(file(group, "cpu.idle"), "1")
    t.eq(file(group, "cpu.max.burst"), "1000")
    t.eq(file(group, "pids.max"), "max")
    -- What an update does not name stays, also where one file has both.
    group:set { cpu = { period = 50000 } }
    t.eq(file(group, "cpu.max"), "20000 50000")
    group:set { cpu = { quota = 30000 } }
    t.eq(file(group, "cpu.max"), "30000 50000")
    group:set { blockIO = { throttleReadBpsDevice = throttles(0).throttleReadBpsDevice } }
    t.eq(
      file(group, "io.max"),
      ("%d:%d rbps=max wbps=1000000 riops=1000000 wiops=1000000"):format(disk())
    )
  end
)

test.case("a limit of 0 processes is a limit", { "root", "cgroup:pids" }, function(t)
  local group, guard = group_of { pids = { limit = 0 } }
  local closing <close> = guard
  t.eq(file(group, "pids.max"), "0")
  local child, err = try(spawn, { cgroup = group.handle }, function() end)
  -- v2 refuses the clone; on v1 who is in the group already cannot fork.
  t.ok(err and err.errno == "EAGAIN" or child:wait().code == 0)
end)

test.case(
  "RDMA's limits are v2's too, and name the device that is missing",
  { "root", "cgroup:v2", "cgroup:rdma" },
  function(t)
    local group, guard = group_of {}
    local closing <close> = guard
    t.fails("rdma.max", group.set, group, { rdma = { mlx5_9 = { hcaHandles = 3 } } })
    t.eq(file(group, "rdma.max"), "")
  end
)

test.case(
  "an update leaves what others have written meanwhile",
  { "root", "cgroup:v1", "cgroup:memory", "cgroup:cpu" },
  function(t)
    local group, guard = group_of { pids = { limit = 17 }, cpu = { shares = 512 } }
    local closing <close> = guard
    local paths = group.handle.paths
    write_file(paths.cpu .. "/cpu.shares", "777", { append = true })
    write_file(paths.pids .. "/pids.max", "18", { append = true })
    write_file(paths.memory .. "/memory.limit_in_bytes", tostring(96 * MB), { append = true })
    local again = cgroup.open(json_decode(json_encode(group.record)))
    again:set { cpu = { quota = 50000 } }
    t.eq(file(group, "cpu.cfs_quota_us"), "50000")
    t.eq(file(group, "cpu.shares"), "777")
    t.eq(file(group, "pids.max"), "18")
    t.eq(file(group, "memory.limit_in_bytes"), tostring(96 * MB))
  end
)

return test.run()
