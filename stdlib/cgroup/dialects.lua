--- One limit in two dialects: which file it is on cgroup v1 and on v2, and what is written there.
---
--- These are the words that `cgroup_set` writes, worked out without a control group, so that a
--- reader sees both on any machine. Where the two say different things a note tells which.
---
--- ```lua
--- local dialects = require "cgroup.dialects"
---
--- local row = dialects.of({ pids = 64 })[1]
--- assert(row.v1_file == "pids.max" and row.v2_file == "pids.max" and row.v2_text == "64")
---
--- for _, each in ipairs(dialects.of { memory = "64M", cpu = "50%" }) do
---   print(each.limit, each.v1_file, each.v1_text, each.v2_file, each.v2_text)
--- end
--- ```
local devices = require "cgroup.devices"
local options = require "options"
local units = require "view.units"

local M = {}

local OP = "cgroup.dialects"

--- One file of each dialect; a side without a file is nil.
---@class cgroup.Dialect
---@field limit string the limit's name, as `cgroup_set` takes it
---@field v1_file? string
---@field v1_text? string what is written
---@field v2_file? string
---@field v2_text? string
---@field note? string where the two differ, or one has none

--- The columns of `view.table` for such rows.
M.COLUMNS = {
  { key = "limit" },
  { key = "v1_file", title = "CGROUP V1" },
  { key = "v1_text", title = "WRITTEN" },
  { key = "v2_file", title = "CGROUP V2" },
  { key = "v2_text", title = "WRITTEN" },
  { key = "note" },
}

local function refuse(name, value, wanted)
  options.fail(OP, ("%s: expected %s, got %s"):format(name, wanted, tostring(value)))
end

--- Bytes as the two write them: "max" is -1 on v1.
local function amount(name, value)
  local bytes = units.bytes(value)
  if not bytes then
    refuse(name, value, 'a size such as "64M"')
  elseif bytes == math.huge then
    return "-1", "max"
  end
  return tostring(bytes), tostring(bytes)
end

--- Microseconds: a number is the kernel's unit, a text has its own.
local function micros(name, value)
  if value == nil or value == "max" or math.type(value) == "integer" then
    return value
  end
  local seconds = type(value) == "string" and units.seconds(value)
  return seconds and math.floor(seconds * 1000000 + 0.5)
    or refuse(name, value, 'a time such as "50ms"')
end

-- The default shares, 1024, are the default weight, 100, and the ends meet: a parabola through
-- the three points on logarithmic scales, as the OCI runtimes draw it since 2025.

--- The v2 weight for v1's shares.
---@param shares integer
---@return integer
function M.weight(shares)
  if shares <= 2 or shares >= 262144 then
    return shares <= 2 and 1 or 10000
  end
  local log = math.log(shares, 2)
  -- The kernel's own points must not be missed by a rounding error.
  return math.ceil(10 ^ ((log * log + 125 * log) / 612 - 7 / 34) - 1e-9)
end

--- The v1 shares for v2's weight.
---@param weight integer
---@return integer
function M.shares(weight)
  if weight <= 1 or weight >= 10000 then
    return weight <= 1 and 2 or 262144
  end
  local exponent = math.log(weight, 10) + 7 / 34
  return math.floor(2 ^ (((125 ^ 2 + 4 * 612 * exponent) ^ 0.5 - 125) / 2) + 0.5)
end

--- What each limit becomes; `add` takes v1's file and text, v2's, and a note.
local RULES = {}

function RULES.memory(add, value)
  local v1, v2 = amount("memory", value)
  add("memory.limit_in_bytes", v1, "memory.max", v2)
end

function RULES.memory_low(add, value)
  local v1, v2 = amount("memory_low", value)
  local note = "v1: a goal when memory is short; v2: kept back from being reclaimed"
  add("memory.soft_limit_in_bytes", v1, "memory.low", v2, note)
end

function RULES.swap(add, value, limits)
  local v1, v2 = amount("swap", value)
  if not limits.memory then
    add(nil, nil, "memory.swap.max", v2, "v1 limits memory and swap together: say memory as well")
    return
  end
  local memory = amount("memory", limits.memory)
  if v1 ~= "-1" then
    v1 = memory == "-1" and "-1" or tostring(math.tointeger(memory) + math.tointeger(v1))
  end
  local note = "v1 counts memory and swap together"
  add("memory.memsw.limit_in_bytes", v1, "memory.swap.max", v2, note)
end

local function bandwidth(value)
  if type(value) == "string" and value ~= "max" then
    local percent = math.tointeger(value:match("^(%d+)%%$"))
    if not percent or percent == 0 then
      refuse("cpu", value, 'a share such as "50%"')
    end
    return { quota = percent * 1000, period = 100000 }
  elseif value == "max" then
    return { quota = "max" }
  end
  options.check(OP .. ": cpu", value, {
    quota = { "integer", "string" },
    period = { "integer", "string" },
    burst = { "integer", "string" },
  })
  if value.period and not value.quota then
    options.fail(OP, "cpu: a period needs its quota")
  end
  return {
    quota = micros("cpu.quota", value.quota),
    period = micros("cpu.period", value.period),
    burst = micros("cpu.burst", value.burst),
  }
end

function RULES.cpu(add, value)
  local wanted = bandwidth(value)
  local quota, period = wanted.quota, wanted.period
  if quota then
    local v1 = quota == "max" and "-1" or tostring(quota)
    local both = period and ("%s %d"):format(quota, period) or tostring(quota)
    add("cpu.cfs_quota_us", v1, "cpu.max", both, period and "v2: quota and period in one file")
  end
  if period then
    add("cpu.cfs_period_us", tostring(period))
  end
  if wanted.burst then
    add("cpu.cfs_burst_us", tostring(wanted.burst), "cpu.max.burst", tostring(wanted.burst))
  end
end

local function weight(add, value)
  local note = "defaults: 1024 on v1, 100 on v2"
  add("cpu.shares", tostring(M.shares(value)), "cpu.weight", tostring(value), note)
end

function RULES.cpu_weight(add, value)
  weight(add, value)
end

function RULES.cpu_shares(add, value)
  -- Both are told the weight, so that the two mean the same share.
  weight(add, M.weight(value))
end

function RULES.cpu_idle(add, value)
  local text = value and "1" or "0"
  add("cpu.idle", text, "cpu.idle", text, "from Linux 5.15")
end

function RULES.pids(add, value)
  add("pids.max", tostring(value), "pids.max", tostring(value))
end

local THROTTLES = {
  { key = "rbps", file = "blkio.throttle.read_bps_device" },
  { key = "wbps", file = "blkio.throttle.write_bps_device" },
  { key = "riops", file = "blkio.throttle.read_iops_device" },
  { key = "wiops", file = "blkio.throttle.write_iops_device" },
}

--- v1's weight of block devices, 10 to 1000.
local function io_weight_v1(value)
  return 10 + (math.min(math.max(value, 1), 10000) - 1) * 990 // 9999
end

local IO_NOTE = "io.bfq.weight and blkio.bfq.weight where the scheduler is bfq; v1: 10 to 1000"

function RULES.io_weight(add, value)
  add("blkio.weight", tostring(io_weight_v1(value)), "io.weight", "default " .. value, IO_NOTE)
end

--- "8:0" of a device file's path.
local function device_number(name)
  if type(name) ~= "string" then
    refuse("io.device", name, '"8:0" or a path')
  elseif name:sub(1, 1) ~= "/" then
    return name
  end
  local found = stat(name)
  if not found or found.type ~= "block" then
    options.fail(OP, ("io.device: %s is no block device"):format(name))
  end
  return ("%d:%d"):format(found.major, found.minor)
end

function RULES.io(add, list)
  for _, one in ipairs(list) do
    local device, pairs_of, rows = device_number(one.device), {}, {}
    for _, throttle in ipairs(THROTTLES) do
      local value = one[throttle.key]
      if value then
        local v1, v2 = amount("io." .. throttle.key, value)
        pairs_of[#pairs_of + 1] = ("%s=%s"):format(throttle.key, v2)
        -- 0 takes a limit of v1 away.
        rows[#rows + 1] = { throttle.file, ("%s %s"):format(device, v1 == "-1" and "0" or v1) }
      end
    end
    for index, row in ipairs(rows) do
      local v2 = index == 1 and ("%s %s"):format(device, table.concat(pairs_of, " ")) or nil
      local note = index == 1 and #rows > 1 and "v2: one line for all four" or nil
      add(row[1], row[2], v2 and "io.max", v2, note)
    end
    if one.weight then
      local v1 = ("%s %d"):format(device, io_weight_v1(one.weight))
      add("blkio.weight_device", v1, "io.weight", ("%s %d"):format(device, one.weight), IO_NOTE)
    end
  end
end

function RULES.cpuset(add, value)
  add("cpuset.cpus", value, "cpuset.cpus", value, "v1: empty until set; v2: the group above's")
end

function RULES.cpuset_mems(add, value)
  add("cpuset.mems", value, "cpuset.mems", value)
end

function RULES.hugetlb(add, map)
  for _, key in ipairs(options.keys(map)) do
    local page = units.bytes(key) or refuse("hugetlb", key, 'the size of a page such as "2M"')
    local power = page >= 1 << 30 and 3 or page >= 1 << 20 and 2 or 1
    local name = ("hugetlb.%d%sB"):format(page >> (10 * power), ("KMG"):sub(power, power))
    local v1, v2 = amount("hugetlb", map[key])
    add(name .. ".limit_in_bytes", v1, name .. ".max", v2)
  end
end

function RULES.devices(add, list)
  local note = "v2 has no file: a program (BPF_CGROUP_DEVICE) decides over each access"
  local lines, reason = devices.lines(list)
  for index, line in ipairs(lines or {}) do
    add(line.file, line.text, nil, nil, index == 1 and note or nil)
  end
  if not lines then
    add(nil, nil, nil, nil, ("%s; v1 refuses it: %s"):format(note, reason))
  end
end

-- Files that a script may name and that one dialect alone has (cgroups(7), and the kernel's
-- Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst).
local ONLY = {
  v1 = { "memory.swappiness", "memory.kmem", "memory.use_hierarchy", "cpu.rt_", "blkio.", "net_" },
  v2 = { "memory.high", "memory.min", "memory.oom.group", "memory.zswap", "io.", "cpu.uclamp" },
}

local function only(name)
  for version, prefixes in pairs(ONLY) do
    for _, prefix in ipairs(prefixes) do
      if name:sub(1, #prefix) == prefix then
        return version
      end
    end
  end
end

function RULES.files(add, map)
  for _, name in ipairs(options.keys(map)) do
    local text, version = tostring(map[name]), only(name)
    local v1, v2 = version ~= "v2" and name or nil, version ~= "v1" and name or nil
    local note = version and ("only %s has this file"):format(version)
      or "written as it is, whether the kernel has the file or not"
    add(v1, v1 and text, v2, v2 and text, note)
  end
end

-- In the order in which `cgroup_set` writes.
local ORDER = {
  "memory",
  "swap",
  "memory_low",
  "cpu_idle",
  "cpu_weight",
  "cpu_shares",
  "cpu",
  "pids",
  "io_weight",
  "io",
  "cpuset",
  "cpuset_mems",
  "hugetlb",
  "devices",
  "files",
}

local KNOWN = {
  memory = { "string", "integer" },
  swap = { "string", "integer" },
  memory_low = { "string", "integer" },
  cpu_idle = "boolean",
  cpu_weight = "integer",
  cpu_shares = "integer",
  cpu = { "string", "table" },
  pids = { "integer", "=max" },
  io_weight = "integer",
  io = "list",
  cpuset = "string",
  cpuset_mems = "string",
  hugetlb = "table",
  devices = "list",
  files = "table",
}

--- What each limit is called and which value it gets, on v1 and on v2.
---@param limits table as `cgroup_set` takes them
---@return cgroup.Dialect[]
function M.of(limits)
  options.check(OP, limits, KNOWN)
  if limits.cpu_weight and limits.cpu_shares then
    options.fail(OP, "cpu_weight and cpu_shares are the same limit in two units: say one")
  end
  local rows = {}
  for _, name in ipairs(ORDER) do
    local function add(v1_file, v1_text, v2_file, v2_text, note)
      rows[#rows + 1] = {
        limit = name,
        v1_file = v1_file,
        v1_text = v1_text,
        v2_file = v2_file,
        v2_text = v2_text,
        note = note or nil,
      }
    end
    if limits[name] ~= nil then
      RULES[name](add, limits[name], limits)
    end
  end
  return rows
end

return M
