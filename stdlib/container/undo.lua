--- Steps that are taken back: the last one first, also where another one fails. A step that fails
--- is tried once more: what was in the way may be gone (EBUSY, EINTR, ENOMEM), and each finds done
--- what it has done. A script that goes on for days must not collect what one moment has left.
---
--- ```lua
--- local undo_list = require "container.undo"
---
--- local order = {}
--- local undo = undo_list.new()
--- undo:push("first", function() order[#order + 1] = "first" end)
--- undo:push("last", function() order[#order + 1] = "last" end)
--- undo:run()
--- assert(table.concat(order, " ") == "last first")
--- ```
local M = {}

local Undo = {}
Undo.__index = Undo

--- A list without steps.
function M.new()
  return setmetatable({ steps = {} }, Undo)
end

---@param what string the step, for who reads a list
---@param call function
function Undo:push(what, call)
  self.steps[#self.steps + 1] = { what = what, call = call }
end

--- Takes everything back; answers the first error of a step that has failed twice.
function Undo:run()
  local first
  while #self.steps > 0 do
    local step = table.remove(self.steps)
    local _, err = try(step.call)
    if err then
      _, err = try(step.call)
    end
    first = first or err
  end
  return first
end

--- Does something whole or not at all: where it fails, `take_back` is called and the error goes on.
--- A signal that ends the script unwinds through every `pcall`; what closes at its end does not.
---@param body function
---@param take_back function
function M.attempt(body, take_back)
  local guard = defer(take_back)
  local ok, err = pcall(body)
  if ok then
    guard:keep()
  else
    guard:close()
    error(err, 0)
  end
end

return M
