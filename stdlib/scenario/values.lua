--- Values as checks compare them and as a failure shows them.
---
--- ```lua
--- local values = require "scenario.values"
---
--- assert(values.same({ 1, { a = 2 } }, { 1, { a = 2 } }) and not values.same({}, { 1 }))
--- assert(values.show { "uts", pid = 7 } == "uts, pid = 7" and values.show {} == "nothing")
--- ```
local options = require "options"

local M = {}

--- What a value looks like in a sentence.
---@param value any
---@return string
function M.show(value)
  if type(value) == "string" then
    return value
  elseif type(value) ~= "table" or getmetatable(value) then
    return tostring(value)
  end
  local parts, count = {}, #value
  for _, item in ipairs(value) do
    parts[#parts + 1] = M.show(item)
  end
  for _, key in ipairs(options.keys(value)) do
    if not (tonumber(key) and tonumber(key) <= count) then
      parts[#parts + 1] = ("%s = %s"):format(key, M.show(value[key]))
    end
  end
  return #parts == 0 and "nothing" or table.concat(parts, ", ")
end

--- Whether two values are equal; tables by content.
---@param a any
---@param b any
---@return boolean
function M.same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not M.same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

return M
