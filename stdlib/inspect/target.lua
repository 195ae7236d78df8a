--- Which process a word of a command line stands for: a number is a process's, all else the name of
--- a container.
---
--- ```lua
--- local target = require "inspect.target"
---
--- assert(target.find("inspect", "17") == 17)
--- local _, err = try(target.find, "inspect", "no-such-container")
--- assert(err.hint:find("crun-lua ps", 1, true))
--- ```
local options = require "options"
local text = require "view.text"

local M = {}

--- The record of a container; a program without that module has none.
local function record_of(name)
  local state = try(require, "container.state")
  return state and state.get(name) or nil
end

--- The process, and the container's record where it is a name.
---@param op string the command, for errors
---@param word string
---@return integer pid
---@return table? record
function M.find(op, word)
  local pid = math.tointeger(tonumber(word:match("^%d+$")))
  if pid and pid > 0 and pid <= 2147483647 then
    return pid
  end
  local record = record_of(word)
  if not record then
    options.fail(
      op,
      ("no container is called %q"):format(text.clean(word)),
      "crun-lua ps lists them; a number is taken as that of a process"
    )
  elseif not record.pid then
    options.fail(
      op,
      ("the container %q is %s: it has no process"):format(text.clean(word), record.status),
      "start it first"
    )
  end
  return record.pid, record
end

return M
