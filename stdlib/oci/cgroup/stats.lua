--- What a container's group uses, in the shape of runc's `events --stats`: cadvisor, Kata and
--- scripts read it. A field that is zero or unknown is left out, as runc's encoder does; the units
--- are nanoseconds and bytes.
---
--- ```lua
--- local stats = require "oci.cgroup.stats"
---
--- local text = stats.encode { pids = { current = 1, limit = stats.MAX } }
--- assert(text == '{"pids":{"current":1,"limit":18446744073709551615}}')
--- ```
local M = {}

--- "No limit", which in Go is a number that Lua has not.
M.MAX = "\1max\1"

--- The JSON text of statistics.
---@param value table
---@return string
function M.encode(value)
  return (json_encode(value):gsub('"\\u0001max\\u0001"', "18446744073709551615"))
end

--- A reader of one controller's files.
---@class oci.cgroup.Files
---@field dir string
local Files = {}
Files.__index = Files

local function files(dir)
  return dir and setmetatable({ dir = dir }, Files)
end

function Files:text(name)
  return read_file(self.dir .. "/" .. name)
end

--- A number; "max" is `MAX`, and zero is nil where it would be left out.
function Files:number(name, keep_zero)
  local text = self:text(name)
  local number = text and math.tointeger(tonumber(text))
  if text and text:find("^max") then
    return M.MAX
  end
  return (keep_zero or number ~= 0) and number or nil
end

--- A file of lines `key value`.
function Files:flat(name)
  local found = {}
  for key, value in (self:text(name) or ""):gmatch("(%S+) (%d+)\n") do
    found[key] = math.tointeger(tonumber(value))
  end
  return found
end

local function some(value)
  return value ~= 0 and value or nil
end

--- "0-1,4" as a list of numbers.
local function ranges(text)
  local list = {}
  for first, last in (text or ""):gmatch("(%d+)%-?(%d*)") do
    for number = tonumber(first), tonumber(last ~= "" and last or first) do
      list[#list + 1] = math.tointeger(number)
    end
  end
  return #list > 0 and list or nil
end

local function numbers(text)
  local list = {}
  for number in (text or ""):gmatch("%d+") do
    list[#list + 1] = math.tointeger(tonumber(number))
  end
  return #list > 0 and list or nil
end

--- Ticks of the kernel's clock, of which cpuacct.stat counts 100 in a second.
local TICK = 10000000

local function cpu_v1(paths)
  local account, cpu = files(paths.cpuacct), files(paths.cpu)
  local usage, throttling = { kernel = 0, user = 0 }, {}
  if account then
    local split = account:flat("cpuacct.stat")
    usage.total = account:number("cpuacct.usage")
    usage.percpu = numbers(account:text("cpuacct.usage_percpu"))
    usage.percpu_kernel = numbers(account:text("cpuacct.usage_percpu_sys"))
    usage.percpu_user = numbers(account:text("cpuacct.usage_percpu_user"))
    usage.kernel, usage.user = (split.system or 0) * TICK, (split.user or 0) * TICK
  end
  if cpu then
    local flat = cpu:flat("cpu.stat")
    throttling.periods = some(flat.nr_periods)
    throttling.throttledPeriods = some(flat.nr_throttled)
    throttling.throttledTime = some(flat.throttled_time)
  end
  return { usage = usage, throttling = throttling }
end

local CPUSET = {
  "cpu_exclusive",
  "mem_hardwall",
  "mem_exclusive",
  "memory_migrate",
  "memory_spread_page",
  "memory_spread_slab",
  "memory_pressure",
  "sched_load_balance",
  "sched_relax_domain_level",
}

local function cpuset_v1(paths)
  local found, dir = {}, files(paths.cpuset)
  if dir then
    found.cpus, found.mems = ranges(dir:text("cpuset.cpus")), ranges(dir:text("cpuset.mems"))
    for _, name in ipairs(CPUSET) do
      found[name] = dir:number("cpuset." .. name, true)
    end
  end
  return found
end

local function usage_v1(dir, prefix)
  return {
    limit = dir:number(prefix .. "limit_in_bytes", true),
    usage = dir:number(prefix .. "usage_in_bytes"),
    max = dir:number(prefix .. "max_usage_in_bytes"),
    failcnt = dir:number(prefix .. "failcnt", true) or 0,
  }
end

local function memory_v1(paths)
  local dir = files(paths.memory)
  if not dir then
    return {}
  end
  local raw = dir:flat("memory.stat")
  return {
    cache = some(raw.cache),
    usage = usage_v1(dir, "memory."),
    swap = usage_v1(dir, "memory.memsw."),
    kernel = usage_v1(dir, "memory.kmem."),
    kernelTCP = usage_v1(dir, "memory.kmem.tcp."),
    raw = raw,
  }
end

local BLKIO = {
  ioServiceBytesRecursive = {
    "throttle.io_service_bytes_recursive",
    "bfq.io_service_bytes_recursive",
  },
  ioServicedRecursive = { "throttle.io_serviced_recursive", "bfq.io_serviced_recursive" },
  ioQueueRecursive = { "bfq.io_queued_recursive" },
  ioServiceTimeRecursive = { "bfq.io_service_time_recursive" },
  ioWaitTimeRecursive = { "bfq.io_wait_time_recursive" },
  ioMergedRecursive = { "bfq.io_merged_recursive" },
  ioTimeRecursive = { "bfq.time_recursive" },
  sectorsRecursive = { "bfq.sectors_recursive" },
}

local function entry(major, minor, op, value)
  return {
    major = math.tointeger(tonumber(major)),
    minor = math.tointeger(tonumber(minor)),
    op = op,
    value = math.tointeger(tonumber(value)),
  }
end

local function blkio_v1(paths)
  local found, dir = {}, files(paths.blkio)
  for field, names in pairs(dir and BLKIO or {}) do
    local list = {}
    for _, name in ipairs(names) do
      local text = #list == 0 and dir:text("blkio." .. name) or ""
      for major, minor, op, value in text:gmatch("(%d+):(%d+) (%a+) (%d+)") do
        list[#list + 1] = entry(major, minor, op, value)
      end
    end
    found[field] = #list > 0 and list or nil
  end
  return found
end

local function hugetlb(dir, names)
  local found = {}
  for _, file in ipairs(dir and list_dir(dir.dir) or {}) do
    local size = file:match("^hugetlb%.(%d+[KMG]B)%." .. names.limit:gsub("%.", "%%.") .. "$")
    if size then
      local prefix = "hugetlb." .. size .. "."
      local failures = names.failures and dir:number(prefix .. names.failures, true)
      found[size] = {
        usage = dir:number(prefix .. names.usage),
        max = names.max and dir:number(prefix .. names.max),
        failcnt = failures or dir:flat(prefix .. "events").max or 0,
      }
    end
  end
  return found
end

local HUGETLB_V1 = {
  limit = "limit_in_bytes",
  usage = "usage_in_bytes",
  max = "max_usage_in_bytes",
  failures = "failcnt",
}
local HUGETLB_V2 = { limit = "max", usage = "current" }

local function pids(dir)
  if not dir then
    return {}
  end
  local limit = dir:number("pids.max")
  return { current = dir:number("pids.current"), limit = limit ~= M.MAX and limit or nil }
end

--- How long was waited: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
local function pressure(dir, name)
  local found
  for kind, rest in (dir:text(name .. ".pressure") or ""):gmatch("(%a+) ([^\n]+)") do
    found = found or {}
    found[kind] = {}
    for key, value in rest:gmatch("(%w+)=([%d.]+)") do
      found[kind][key] = math.tointeger(tonumber(value)) or tonumber(value)
    end
  end
  return found
end

local function cpu_v2(dir)
  local flat = dir:flat("cpu.stat")
  local function nanoseconds(name)
    return flat[name] and flat[name] * 1000
  end
  return {
    usage = {
      total = some(nanoseconds("usage_usec")),
      kernel = nanoseconds("system_usec") or 0,
      user = nanoseconds("user_usec") or 0,
    },
    throttling = {
      periods = some(flat.nr_periods),
      throttledPeriods = some(flat.nr_throttled),
      throttledTime = some(nanoseconds("throttled_usec")),
    },
    psi = pressure(dir, "cpu"),
  }
end

local function memory_v2(dir)
  local raw, events = dir:flat("memory.stat"), dir:flat("memory.events")
  return {
    cache = some(raw.file),
    usage = {
      limit = dir:number("memory.max", true),
      usage = dir:number("memory.current"),
      max = dir:number("memory.peak"),
      failcnt = events.max or 0,
    },
    swap = {
      limit = dir:number("memory.swap.max", true),
      usage = dir:number("memory.swap.current"),
      max = dir:number("memory.swap.peak"),
      failcnt = dir:flat("memory.swap.events").max or 0,
    },
    kernel = { failcnt = 0 },
    kernelTCP = { failcnt = 0 },
    raw = raw,
    psi = pressure(dir, "memory"),
  }
end

local IO = {
  rbytes = { "ioServiceBytesRecursive", "Read" },
  wbytes = { "ioServiceBytesRecursive", "Write" },
  rios = { "ioServicedRecursive", "Read" },
  wios = { "ioServicedRecursive", "Write" },
}

local function blkio_v2(dir)
  local found = { psi = pressure(dir, "io") }
  for major, minor, rest in (dir:text("io.stat") or ""):gmatch("(%d+):(%d+) ([^\n]+)") do
    for key, value in rest:gmatch("(%w+)=(%d+)") do
      local field = IO[key]
      if field then
        found[field[1]] = found[field[1]] or {}
        table.insert(found[field[1]], entry(major, minor, field[2], value))
      end
    end
  end
  return found
end

--- The statistics of a group that is there.
---@param group oci.cgroup.Group
---@return table
function M.of(group)
  local handle = group:need("watch")
  local paths = handle.paths
  local v2 = files(handle.layout == "v2" and paths.unified or nil)
  local v1_hugetlb = not v2 and files(paths.hugetlb) or nil
  local rdt = group.record.rdt and require("oci.cgroup.rdt").stats(group.record.rdt)
  return {
    cpu = v2 and cpu_v2(v2) or cpu_v1(paths),
    cpuset = v2 and {
      cpus = ranges(v2:text("cpuset.cpus.effective")),
      mems = ranges(v2:text("cpuset.mems.effective")),
    } or cpuset_v1(paths),
    memory = v2 and memory_v2(v2) or memory_v1(paths),
    pids = pids(v2 or files(paths.pids)),
    blkio = v2 and blkio_v2(v2) or blkio_v1(paths),
    hugetlb = v2 and hugetlb(v2, HUGETLB_V2) or hugetlb(v1_hugetlb, HUGETLB_V1),
    intel_rdt = rdt or {},
    network_interfaces = json_array {},
  }
end

return M
