--- A step's process that tells its calls as `--explain` does, while the program itself is silent.
---
--- ```lua
--- local narrate = require "scenario.narrate"
---
--- local child <close> = spawn({ stderr = "null" }, function()
---   narrate.explain(true)
---   mkdir "/tmp/crun-lua-narrated"
---   remove("/tmp/crun-lua-narrated", { directory = true })
--- end)
--- assert(child:wait().code == 0)
--- ```
local _, host = ...

local M = {}

--- Has this process tell its calls from now on, or no more.
---@param on boolean
---@return boolean
function M.explain(on)
  return host.explain(on)
end

--- Runs a function of which nothing is told.
---@param body fun()
function M.aside(body)
  host.aside(true)
  local _, err = try(body)
  host.aside(false)
  if err then
    error(err, 0)
  end
end

--- Keeps the text of a scenario's file: a narration quotes its lines.
---@param file string as the chunk is called
---@param text string
function M.note(file, text)
  host.note(file, text)
end

return M
