--- What a policy sees of a spec: tables that stand for the real ones.
---
--- A validator's view refuses every write. A mutator's lets it through and keeps the line that
--- wrote, so that a value which is wrong can be traced to its author. `pairs`, `ipairs`, `#` and
--- the functions of `table` work on a view as on a table.
---
--- ```lua
--- local view = require "oci.policy.view"
---
--- local spec = { process = { args = { "sh" } } }
--- local seen = view.new(spec, function() error "read-only" end)
--- assert(#seen.process.args == 1 and seen.process == seen.process)
--- assert(not pcall(table.insert, seen.process.args, "-c"))
--- assert(view.plain(seen).process.args[1] == "sh" and #spec.process.args == 1)
--- ```
local M = {}

-- From a view to the table that it stands for. A view that a policy keeps does not keep the spec.
local raws = setmetatable({}, { __mode = "k" })

--- The table that a view stands for; any other value itself.
function M.raw(value)
  return type(value) == "table" and raws[value] or value
end

--- `next`, for views as well.
function M.next(map, key)
  local raw = raws[map]
  if not raw then
    return next(map, key)
  end
  local name = next(raw, key)
  if name == nil then
    return nil
  end
  -- Through the view, so that what is below is a view too.
  return name, map[name]
end

local function each(map)
  return M.next, map, nil
end

--- Makes a view.
---@param root table
---@param on_write fun(raw: table, key: any) called before each write; what it raises prevents it
---@return table
function M.new(root, on_write)
  local views = setmetatable({}, { __mode = "k" })
  local metatables = {}

  local function wrap(value)
    if type(value) ~= "table" or raws[value] then
      return value
    end
    if not views[value] then
      local made = setmetatable({}, metatables[getmetatable(value) == "json array"])
      raws[made] = value
      views[value] = made
    end
    return views[value]
  end

  for is_list, name in pairs { [true] = "json array", [false] = "a view of the spec" } do
    metatables[is_list] = {
      __index = function(map, key)
        return wrap(raws[map][key])
      end,
      __newindex = function(map, key, value)
        on_write(raws[map], key)
        raws[map][key] = M.raw(value)
      end,
      __len = function(map)
        return #raws[map]
      end,
      __pairs = each,
      __metatable = name,
    }
  end
  return wrap(root)
end

local function copy(value, open)
  local raw = M.raw(value)
  local kind = type(raw) == "table" and getmetatable(raw)
  -- What contains itself, and tables with a life of their own, are left to those who refuse them.
  if kind == false or open[raw] or kind ~= nil and kind ~= "json array" then
    return raw
  end
  local out = kind and json_array {} or {}
  open[raw] = true
  for key, item in next, raw do
    out[key] = copy(item, open)
  end
  open[raw] = nil
  return out
end

--- A copy of a value in which no view is left.
function M.plain(value)
  return copy(value, {})
end

return M
