--- `linux.resources` as writes to the files of cgroup v1 (Documentation/admin-guide/cgroup-v1).
---
--- One function a controller. Each is given what the config says of it and answers a list of
--- writes; what is not said is not written. Files that keep each other in bounds stand in one list:
--- the kernel's refusal of one is tried again after the others.
---
--- ```lua
--- local v1 = require "oci.cgroup.v1"
---
--- local writes = v1.memory { limit = 64 << 20, swap = 64 << 20 }
--- assert(writes[1].file == "memory.limit_in_bytes" and writes[2].value == "67108864")
--- ```
local options = require "options"

local M = {}

local function fail(field, message, hint)
  options.fail("linux.resources." .. field, message, hint)
end

--- A list of writes to which a file is added where there is a value for it.
local function list()
  local writes = {}
  return writes,
    function(file, value)
      if value ~= nil then
        writes[#writes + 1] = { file = file, value = tostring(value) }
      end
    end
end
M.list = list

--- Callers written in Go cannot leave a number out: their 0 is "not set".
local function set(value)
  return value ~= 0 and math.tointeger(value) or nil
end
M.set = set

--- Bytes: below zero is no limit.
local function bytes(value)
  value = set(value)
  return value and value < 0 and -1 or value
end

--- Fails where the group uses more than it is to be given, if the config asks for that check.
---@param given table `memory`
---@param usage fun(): integer
function M.check_usage(given, usage)
  local limit = set(given.limit)
  if given.checkBeforeUpdate and limit and limit > 0 then
    local used = usage()
    if used > limit then
      local message = "%d bytes are in use, and the new limit is %d"
      fail("memory.limit", message:format(used, limit), "checkBeforeUpdate asks to refuse this")
    end
  end
end

--- kernel is not written: Linux has dropped that limit, and the specification has it as ignored.
--- That of TCP buffers is there as long as v1 is compiled in. Groups are always hierarchical.
---@param given table
---@param context? { update: boolean?, read: fun(file: string): string? }
function M.memory(given, context)
  local writes, add = list()
  local limit, swap = bytes(given.limit), bytes(given.swap)
  if limit and limit > 0 and swap and swap > 0 and swap < limit then
    fail(
      "memory.swap",
      ("%d is less than the limit %d"):format(swap, limit),
      "swap counts memory too"
    )
  end
  if limit == -1 and not swap and context and context.read("memory.memsw.limit_in_bytes") then
    -- A memory limit cannot rise above that of both together.
    swap = -1
  end
  add("memory.limit_in_bytes", limit)
  if swap ~= limit or not context or context.read("memory.memsw.limit_in_bytes") then
    add("memory.memsw.limit_in_bytes", swap)
  end
  add("memory.soft_limit_in_bytes", bytes(given.reservation))
  local tcp = bytes(given.kernelTCP)
  if tcp and context and context.read("memory.kmem.tcp.limit_in_bytes") then
    add("memory.kmem.tcp.limit_in_bytes", tcp)
  end
  local swappiness = given.swappiness
  if swappiness and (swappiness < 0 or swappiness > 100) then
    fail("memory.swappiness", ("expected 0 to 100, got %d"):format(swappiness))
  end
  add("memory.swappiness", math.tointeger(swappiness))
  if given.disableOOMKiller or (given.disableOOMKiller == false and context and context.update) then
    add("memory.oom_control", given.disableOOMKiller and 1 or 0)
  end
  return writes
end

--- An idle group takes no shares: leaving that state comes first, entering it last.
function M.cpu(given)
  local writes, add = list()
  local idle = given.idle
  add("cpu.idle", idle == 0 and 0 or nil)
  add("cpu.shares", set(given.shares))
  add("cpu.cfs_period_us", set(given.period))
  local quota = set(given.quota)
  add("cpu.cfs_quota_us", quota and quota < 0 and -1 or quota)
  add("cpu.cfs_burst_us", math.tointeger(given.burst))
  add("cpu.rt_period_us", set(given.realtimePeriod))
  add("cpu.rt_runtime_us", set(given.realtimeRuntime))
  add("cpu.idle", idle ~= 0 and math.tointeger(idle) or nil)
  return writes
end

function M.cpuset(given)
  local writes, add = list()
  add("cpuset.cpus", given.cpus ~= "" and given.cpus or nil)
  add("cpuset.mems", given.mems ~= "" and given.mems or nil)
  return writes
end

function M.pids(given)
  local writes, add = list()
  local limit = math.tointeger(given.limit)
  add("pids.max", limit and (limit < 0 and "max" or limit))
  return writes
end

--- The fields of `blockIO` that limit rates: v1's file and v2's word.
M.THROTTLES = {
  { "throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps" },
  { "throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps" },
  { "throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops" },
  { "throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops" },
}

--- The name of a weight's file: which of the two there is depends on the scheduler.
local function weight_file(context, name)
  local bfq = name:gsub("^blkio%.", "blkio.bfq.")
  if context and not context.read(name) and context.read(bfq) then
    return bfq
  end
  return name
end

function M.blockIO(given, context)
  local writes, add = list()
  add(weight_file(context, "blkio.weight"), set(given.weight))
  add("blkio.leaf_weight", set(given.leafWeight))
  for _, one in ipairs(given.weightDevice or {}) do
    local device = ("%d:%d "):format(one.major, one.minor)
    if set(one.weight) then
      add(weight_file(context, "blkio.weight_device"), device .. set(one.weight))
    end
    if set(one.leafWeight) then
      add("blkio.leaf_weight_device", device .. set(one.leafWeight))
    end
  end
  for _, throttle in ipairs(M.THROTTLES) do
    for _, one in ipairs(given[throttle[1]] or {}) do
      -- 0 takes the limit away, here and there.
      add(throttle[2], ("%d:%d %d"):format(one.major, one.minor, math.tointeger(one.rate)))
    end
  end
  return writes
end

--- Checks the size of a page: it becomes part of a file's name.
function M.page(size, index)
  if type(size) ~= "string" or not size:find("^%d+[KMG]B$") then
    local field = ("hugepageLimits[%d].pageSize"):format(index - 1)
    fail(field, ('expected a size such as "2MB", got %q'):format(tostring(size)))
  end
  return size
end

--- What is used and, where the kernel counts it, what is reserved: a program is killed by the first
--- limit and told by the second. `suffix` is what a limit's file is called in the dialect.
function M.pages(given, context, suffix)
  local writes, add = list()
  for index, one in ipairs(given) do
    local prefix = "hugetlb." .. M.page(one.pageSize, index)
    local limit = math.tointeger(one.limit)
    add(prefix .. suffix, limit)
    if context and context.read(prefix .. ".rsvd" .. suffix) then
      add(prefix .. ".rsvd" .. suffix, limit)
    end
  end
  return writes
end

function M.hugepageLimits(given, context)
  return M.pages(given, context, ".limit_in_bytes")
end

function M.network_class(given)
  local writes, add = list()
  add("net_cls.classid", set(given.classID))
  return writes
end

function M.network_priorities(given)
  local writes, add = list()
  for index, one in ipairs(given.priorities or {}) do
    if type(one.name) ~= "string" or one.name:find("[%s/]") then
      fail(("network.priorities[%d].name"):format(index - 1), "expected an interface's name")
    end
    add("net_prio.ifpriomap", ("%s %d"):format(one.name, one.priority))
  end
  return writes
end

function M.rdma(given)
  local writes, add = list()
  local names = options.keys(given)
  for _, name in ipairs(names) do
    local words, one = { name }, given[name]
    if one.hcaHandles then
      words[#words + 1] = ("hca_handle=%d"):format(one.hcaHandles)
    end
    if one.hcaObjects then
      words[#words + 1] = ("hca_object=%d"):format(one.hcaObjects)
    end
    if #words > 1 then
      add("rdma.max", table.concat(words, " "))
    end
  end
  return writes
end

return M
