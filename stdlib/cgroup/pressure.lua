--- Pressure stall information: how long processes have waited for a resource (the kernel's
--- Documentation/accounting/psi.rst), of a group on v2, or of the whole machine.
---
--- `some` is the share of time in which at least one process waited, `full` that in which all did.
---
--- ```lua
--- local pressure = require "cgroup.pressure"
---
--- local machine, reason = pressure.of()
--- print(machine and machine.memory.some.avg10 or reason)
--- ```
local places = require "cgroup.places"

local M = {}

local NAMES = { "cpu", "memory", "io" }

--- Percent of the last 10, 60 and 300 seconds, and microseconds in all.
---@class cgroup.Stall
---@field avg10 number
---@field avg60 number
---@field avg300 number
---@field total integer

--- A file of `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
local function parse(text)
  local out = {}
  for kind, rest in text:gmatch("(%a+) ([^\n]*)") do
    local entry = {}
    for name, value in rest:gmatch("(%w+)=([%d.]+)") do
      entry[name] = tonumber(value)
    end
    out[kind] = entry
  end
  return out
end

local function machine(root)
  local out = {}
  for _, name in ipairs(NAMES) do
    local text = try(read_file, ("%s/%s"):format(root, name))
    out[name] = text and parse(text)
  end
  if next(out) == nil then
    return nil, "the kernel counts no pressure: it was built without PSI, or started with psi=0"
  end
  return out
end

--- What has been waited for.
---@param target? any a group's name, a process id or a handle; the whole machine without it
---@param given? { root: string? } where the machine's files are: "/proc/pressure"
---@return table<string, table<string, cgroup.Stall>>? pressure by cpu, memory, io: some and full
---@return string? reason why there is none
function M.of(target, given)
  if target == nil then
    return machine((given or {}).root or "/proc/pressure")
  end
  local group, opened = places.open(target)
  local closing <close> = opened and group or nil
  local found = group:stats().pressure
  if not found then
    return nil, places.why(group, "pressure")
  end
  return found
end

return M
