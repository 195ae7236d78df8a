--- `--regex` of delete and kill: the ID is an extended regular expression, and the command is for
--- each container whose id it fits. grep(1) says which: Lua's patterns are another language.
---
--- ```lua
--- local several = require "oci.several"
---
--- assert(several.matching("^a[12]$", { "a1", "a3", "xa1" })[1] == "a1")
--- ```
local options = require "options"
local state = require "oci.state"

local M = {}

--- The ids that an expression fits.
---@param expression string
---@param ids string[]
---@return string[]
function M.matching(expression, ids)
  local result = capture({ "grep", "-E", "-e", expression }, {
    stdin = table.concat(ids, "\n") .. "\n",
    env = { PATH = os.getenv "PATH", LC_ALL = "C" },
  })
  if result.code > 1 then
    local said = result.stderr:gsub("^grep: ", ""):match "^[^\n]*"
    options.fail("oci", ("--regex %q: %s"):format(expression, said))
  end
  local found = {}
  for id in result.stdout:gmatch "[^\n]+" do
    found[#found + 1] = id
  end
  return found
end

--- Does the same for each container that the first operand fits. One that fails is told, and does
--- not keep the others from it.
---@param call oci.Call
---@param body fun(call: oci.Call, id: string): integer
---@return integer status
function M.each(call, body)
  local ids, status = {}, 0
  for _, record in ipairs(state.list(call.global.root)) do
    ids[#ids + 1] = record.id
  end
  for _, id in ipairs(M.matching(call.operands[1], ids)) do
    local code, err = try(body, call, id)
    if err then
      require("oci.log").error(("%s: %s"):format(id, require("oci.failure").line(err)))
      code = 1
    end
    status = code ~= 0 and code or status
  end
  return status
end

return M
