--- What a container asks for, as properties of a unit of systemd (org.freedesktop.systemd1(5),
--- systemd.resource-control(5)), and annotations that name a property themselves.
---
--- systemd writes the files of a group anew when it is reloaded; what it has not been told would be
--- lost then. So every limit that it has a property for is told to it as well as written.
---
--- ```lua
--- local properties = require "oci.systemd.properties"
---
--- local found = properties.of({ pids = { limit = -1 } }, "v2")
--- assert(found[1][1] == "TasksMax" and found[1][2][2] == -1)
---
--- local name, value = properties.annotation("TimeoutStopUSec", "uint64 90")
--- assert(name == "TimeoutStopUSec" and value[1] == "t" and value[2] == 90)
--- ```
local options = require "options"

local M = {}

local PREFIX = "org.systemd.property."

-- 2^64-1, as the same 64 bits: systemd's "infinity".
local INFINITY = -1

local function list()
  local found = {}
  return found,
    function(name, kind, value)
      if value ~= nil then
        found[#found + 1] = { name, { kind, value } }
      end
    end
end

local function set(value)
  return value ~= 0 and math.tointeger(value) or nil
end

local function bytes(value)
  value = set(value)
  return value and (value < 0 and INFINITY or value)
end

--- Processor time for each second, rounded up to the 10 ms that systemd counts in.
local function quota_of(quota, period)
  if not quota then
    return nil
  elseif quota < 0 then
    return INFINITY
  end
  local each = quota * 1000000 // (period or 100000)
  return (each + 9999) // 10000 * 10000
end

--- "0-1,4" as the bytes of a mask.
local function mask(text, field)
  if not text or text == "" then
    return nil
  end
  local found, most = {}, 0
  for part in text:gmatch("[^,]+") do
    local first, last = part:match("^%s*(%d+)%-?(%d*)%s*$")
    if not first then
      options.fail(
        "linux.resources.cpu." .. field,
        ("expected a list such as 0-1,4, got %q"):format(text)
      )
    end
    local to = math.tointeger(tonumber(last ~= "" and last or first))
    for number = math.tointeger(tonumber(first)), math.min(to, 1 << 16) do
      local byte = number // 8
      most = math.max(most, byte)
      found[byte] = (found[byte] or 0) | 1 << number % 8
    end
  end
  local out = {}
  for byte = 0, most do
    out[byte + 1] = found[byte] or 0
  end
  return out
end

local function memory(add, given, version)
  local limit, swap = bytes(given.limit), set(given.swap)
  add(version == "v2" and "MemoryMax" or "MemoryLimit", "t", limit)
  if version == "v2" then
    add("MemoryLow", "t", bytes(given.reservation))
    if swap then
      add(
        "MemorySwapMax",
        "t",
        swap < 0 and INFINITY or limit and limit > 0 and swap - limit or nil
      )
    end
  end
end

local function cpu(add, given, version)
  local shares = set(given.shares)
  if version == "v2" then
    local weight = shares and require("cgroup.dialects").weight(math.max(shares, 2))
    -- A group that only gets what is left has no weight of its own.
    add("CPUWeight", "t", given.idle ~= 1 and weight or nil)
    add("AllowedCPUs", "ay", mask(given.cpus, "cpus"))
    add("AllowedMemoryNodes", "ay", mask(given.mems, "mems"))
  else
    add("CPUShares", "t", shares)
  end
  add("CPUQuotaPerSecUSec", "t", quota_of(set(given.quota), set(given.period)))
  add("CPUQuotaPeriodUSec", "t", set(given.period))
end

local UNIFIED = {
  ["memory.high"] = "MemoryHigh",
  ["memory.low"] = "MemoryLow",
  ["memory.max"] = "MemoryMax",
  ["memory.min"] = "MemoryMin",
  ["memory.swap.max"] = "MemorySwapMax",
  ["pids.max"] = "TasksMax",
  ["cpu.weight"] = "CPUWeight",
  ["io.weight"] = "IOWeight",
}

--- The properties for limits.
---@param resources table `linux.resources`
---@param version "v1"|"v2"
---@return { [1]: string, [2]: { [1]: string, [2]: any } }[]
function M.of(resources, version)
  local found, add = list()
  memory(add, resources.memory or {}, version)
  cpu(add, resources.cpu or {}, version)
  local limit = resources.pids and math.tointeger(resources.pids.limit)
  add("TasksMax", "t", limit and (limit < 0 and INFINITY or limit))
  local weight = set((resources.blockIO or {}).weight)
  if weight and version == "v1" then
    add("BlockIOWeight", "t", weight)
  elseif weight then
    add("IOWeight", "t", 1 + (weight - 10) * 9999 // 990)
  end
  for _, key in ipairs(version == "v2" and options.keys(resources.unified or {}) or {}) do
    local text = resources.unified[key]
    local number = text == "max" and INFINITY or math.tointeger(tonumber(text))
    if UNIFIED[key] then
      add(UNIFIED[key], "t", number)
    end
  end
  return found
end

local TYPES =
  { uint32 = "u", int32 = "i", uint64 = "t", int64 = "x", byte = "y", double = "d", boolean = "b" }

--- A value in GVariant's text format, as far as properties need it.
local function parse(text)
  text = text:match("^%s*(.-)%s*$")
  local word, rest = text:match("^(%a[%w]*)%s+(.+)$")
  if TYPES[word] then
    local inner = parse(rest)
    return inner and { TYPES[word], inner[2] }
  elseif text == "true" or text == "false" then
    return { "b", text == "true" }
  elseif text:find("^[-+]?%d+$") or text:find("^0x%x+$") then
    return { "i", math.tointeger(tonumber(text)) }
  elseif text:find("^[-+]?%d+%.%d*$") then
    return { "d", tonumber(text) }
  elseif text:find("^'[^'\\]*'$") or text:find('^"[^"\\]*"$') then
    return { "s", text:sub(2, -2) }
  elseif text:find("^@?%a*%s*%[.*%]$") then
    local kind = text:match("^@a(%a)") or nil
    local values = {}
    for item in text:match("%[(.*)%]"):gmatch("[^,]+") do
      local one = parse(item)
      if not one or kind and one[1] ~= kind then
        return nil
      end
      kind, values[#values + 1] = one[1], one[2]
    end
    return { "a" .. (kind or "s"), values }
  end
end

--- One annotation as a property.
---@param name string
---@param text string
---@return string name
---@return { [1]: string, [2]: any } value
function M.annotation(name, text)
  local field = ("annotations[%q]"):format(PREFIX .. name)
  if not name:find("^%a%a%a+$") then
    options.fail(field, "is not the name of a property", "letters only, as in CollectMode")
  end
  local value = parse(text)
  if not value then
    local hint = "GVariant's text format: true, 'text', uint64 5, ['a', 'b']"
    options.fail(field, ("%q is no value"):format(text), hint)
  end
  local seconds = name:match("^(.*[^U])Sec$") or name:match("^(%a?)Sec$")
  if seconds then
    -- Files of units say Sec, the bus has microseconds.
    if type(value[2]) ~= "number" then
      options.fail(field, ("expected seconds, got %q"):format(text))
    end
    return seconds .. "USec", { "t", math.tointeger(value[2] * 1000000 // 1) }
  end
  return name, value
end

--- The properties that annotations name.
---@param annotations? table<string, string>
---@return table[]
function M.annotations(annotations)
  local found, add = list()
  for _, key in ipairs(options.keys(annotations or {})) do
    if key:sub(1, #PREFIX) == PREFIX then
      local name, value = M.annotation(key:sub(#PREFIX + 1), annotations[key])
      add(name, value[1], value[2])
    end
  end
  return found
end

return M
