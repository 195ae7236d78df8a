--- Amounts as people read and write them.
---
--- ```lua
--- local units = require "view.units"
---
--- assert(units.size(134217728) == "128M" and units.size(1536) == "1.5K")
--- assert(units.bytes("64M") == 64 << 20)
--- assert(units.percent(0.5) == "50%")
--- assert(units.time(90) == "1m30s")
--- ```
local M = {}

local SUFFIXES = { "", "K", "M", "G", "T", "P" }

--- Bytes in four or five characters: `12.5M`; powers of 1024. "max" and nil stay what they are.
---@param bytes number|string|nil
---@return string?
function M.size(bytes)
  if type(bytes) ~= "number" then
    return bytes
  end
  local power, value = 1, bytes
  while math.abs(value) >= 1024 and power < #SUFFIXES do
    power, value = power + 1, value / 1024
  end
  if value == math.floor(value) then
    return ("%d%s"):format(value, SUFFIXES[power])
  end
  return (math.abs(value) < 100 and "%.1f%s" or "%.0f%s"):format(value, SUFFIXES[power])
end

--- The bytes that a text such as "64M" says, as the primitives read it; "max" is `math.huge`.
---@param value string|integer
---@return number? bytes nil where it is no size
function M.bytes(value)
  if type(value) == "number" then
    return value
  elseif value == "max" then
    return math.huge
  end
  local digits, suffix = tostring(value):match("^(%d+)(%a*)$")
  suffix = suffix and suffix:upper():gsub("I?B$", "")
  for power, known in ipairs(SUFFIXES) do
    if known == suffix then
      return math.tointeger(digits) * (1 << (10 * (power - 1)))
    end
  end
end

--- A share as a percentage: 0.5 is 50%.
---@param share number?
---@param digits? integer after the point; 0
---@return string?
function M.percent(share, digits)
  return share and ("%." .. (digits or 0) .. "f%%"):format(share * 100)
end

--- Seconds: `250ms`, `4.2s`, `1m30s`, `3h05m`, `2d4h`.
---@param seconds number?
---@return string?
function M.time(seconds)
  if not seconds then
    return nil
  elseif seconds < 1 then
    return ("%.0fms"):format(seconds * 1000)
  elseif seconds < 60 then
    return (seconds == math.floor(seconds) and "%.0fs" or "%.1fs"):format(seconds)
  elseif seconds < 3600 then
    return ("%dm%02ds"):format(seconds // 60, seconds % 60 // 1)
  elseif seconds < 86400 then
    return ("%dh%02dm"):format(seconds // 3600, seconds % 3600 // 60)
  end
  return ("%dd%dh"):format(seconds // 86400, seconds % 86400 // 3600)
end

--- The seconds that a text such as "250ms" says, as the primitives read it; a number is seconds.
---
--- ```lua
--- local units = require "view.units"
---
--- assert(units.seconds("250ms") == 0.25 and units.seconds("soon") == nil)
--- ```
---@param value string|number
---@return number? seconds nil where it is no time
function M.seconds(value)
  if type(value) == "number" then
    return value
  end
  local scale = { ns = 1e-9, us = 1e-6, ["µs"] = 1e-6, ms = 1e-3, s = 1, m = 60, h = 3600 }
  local digits, unit = tostring(value):match("^(%d+)(%D+)$")
  return digits and scale[unit] and tonumber(digits) * scale[unit] or nil
end

return M
