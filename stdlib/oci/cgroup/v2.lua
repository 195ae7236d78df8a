--- `linux.resources` as writes to the files of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst).
---
--- The config's vocabulary is v1's. What v2 has under another name or scale is converted as runc
--- and crun do; what it does not have is an error, for a limit that is not kept must not be silent.
---
--- ```lua
--- local v2 = require "oci.cgroup.v2"
---
--- local writes = v2.cpu { shares = 1024, quota = 50000, period = 100000 }
--- assert(writes[1].file == "cpu.weight" and writes[1].value == "100")
--- assert(writes[2].file == "cpu.max" and writes[2].value == "50000 100000")
--- ```
local options = require "options"
local v1 = require "oci.cgroup.v1"

local M = { pids = v1.pids, cpuset = v1.cpuset, rdma = v1.rdma }

local list, set = v1.list, v1.set

local function refuse(field, hint)
  options.fail("linux.resources." .. field, "cgroup v2 has nothing like it", hint)
end

local function limit_of(value)
  value = set(value)
  return value and (value < 0 and "max" or value)
end

--- The config counts memory and swap together, v2 swap alone.
local function swap_alone(given, context)
  local limit, swap = set(given.limit), set(given.swap)
  if swap and not limit and context and context.update then
    limit = math.tointeger(tonumber(context.read("memory.max")))
  end
  if not swap then
    -- No limit of memory means none of swap either.
    return limit and limit < 0 and "max" or nil
  elseif swap < 0 then
    return "max"
  elseif not limit or limit < 0 then
    local hint = "swap counts both; without `limit` it cannot be told how much of it is swap"
    options.fail("linux.resources.memory.swap", "needs a limit of memory as well", hint)
  elseif swap < limit then
    local message = ("%d is less than the limit %d"):format(swap, limit)
    options.fail("linux.resources.memory.swap", message, "swap counts memory too")
  end
  return swap - limit
end

function M.memory(given, context)
  local writes, add = list()
  if given.swappiness then
    refuse("memory.swappiness", 'unified["memory.swap.max"] limits swap')
  elseif given.disableOOMKiller then
    refuse("memory.disableOOMKiller", 'unified["memory.high"] slows a group down before the kill')
  end
  -- Swap first: what the memory limit takes back needs a place to go.
  add("memory.swap.max", swap_alone(given, context))
  add("memory.max", limit_of(given.limit))
  add("memory.low", limit_of(given.reservation))
  return writes
end

--- One file has both: a period alone leaves the quota as it is.
local function quota_now(context)
  return context and context.update and (context.read "cpu.max" or ""):match "^%d+"
end

function M.cpu(given, context)
  local writes, add = list()
  if set(given.realtimeRuntime) or set(given.realtimePeriod) then
    refuse("cpu.realtimeRuntime", "realtime processes are not limited by v2's cpu controller")
  end
  local idle, shares = given.idle, set(given.shares)
  add("cpu.idle", idle == 0 and 0 or nil)
  add("cpu.weight", shares and require("cgroup.dialects").weight(math.max(shares, 2)))
  local quota, period = set(given.quota), set(given.period)
  local burst = math.tointeger(given.burst)
  if quota or period then
    local text = quota and quota > 0 and tostring(quota)
      or not quota and quota_now(context)
      or "max"
    add("cpu.max", period and text .. " " .. period or text)
  end
  add("cpu.max.burst", burst)
  add("cpu.idle", idle ~= 0 and math.tointeger(idle) or nil)
  return writes
end

--- 10 to 1000 on v1 is 1 to 10000 here; bfq's own file keeps v1's scale.
local function io_weight(add, context, device, weight)
  if context and not context.read("io.weight") and context.read("io.bfq.weight") then
    add("io.bfq.weight", device .. weight)
  else
    add("io.weight", device .. (1 + (weight - 10) * 9999 // 990))
  end
end

function M.blockIO(given, context)
  local writes, add = list()
  if set(given.leafWeight) then
    refuse("blockIO.leafWeight", "v2 weighs a group's processes and the groups below it together")
  end
  if set(given.weight) then
    io_weight(add, context, "default ", set(given.weight))
  end
  for _, one in ipairs(given.weightDevice or {}) do
    if set(one.weight) then
      io_weight(add, context, ("%d:%d "):format(one.major, one.minor), set(one.weight))
    end
  end
  for _, throttle in ipairs(v1.THROTTLES) do
    for _, one in ipairs(given[throttle[1]] or {}) do
      local rate = set(one.rate) or "max"
      add("io.max", ("%d:%d %s=%s"):format(one.major, one.minor, throttle[3], rate))
    end
  end
  return writes
end

function M.hugepageLimits(given, context)
  return v1.pages(given, context, ".max")
end

function M.network_class(given)
  if set(given.classID) then
    refuse("network.classID", "match the control group in nftables: `socket cgroupv2 level`")
  end
  return {}
end

function M.network_priorities(given)
  if #(given.priorities or {}) > 0 then
    refuse("network.priorities", "set the priority in nftables: `meta priority set`")
  end
  return {}
end

--- The files of `unified`, by name, as they are; several lines are several writes.
---@param given table<string, string>
---@return { file: string, value: string }[]
function M.unified(given)
  local writes, add = list()
  for _, key in ipairs(options.keys(given)) do
    local field = ("linux.resources.unified[%q]"):format(key)
    if not key:find("^[%w_]+%.[%w_.%-]+$") or key:find("..", 1, true) then
      options.fail(field, "is not the name of a limit's file", 'as in "memory.high"')
    elseif type(given[key]) ~= "string" then
      options.fail(field, "expected string, got " .. type(given[key]))
    end
    for line in given[key]:gmatch("[^\n]+") do
      add(key, line)
    end
  end
  return writes
end

return M
