--- Starting a container that waits: a byte into its pipe, and the answer from the other.
---
--- The answer comes from the container's first process while that is still the runtime's own code:
--- why the program does not run, or nothing, when the exec has closed the pipe.
---
--- ```lua
--- local start = require "oci.start"
---
--- local root <close> = temp_dir()
--- local _, err = try(start.go, root.path, "nobody")
--- assert(err.message:find("does not exist", 1, true))
--- ```
local delete = require "oci.delete"
local options = require "options"
local planned = require "planned"
local state = require "oci.state"

local M = {}

--- Fails where a container does not wait to be started.
local function check(record)
  if record.status == "running" or record.status == "paused" then
    options.fail("oci", "cannot start an already running container")
  elseif record.status == "stopped" then
    options.fail("oci", "cannot start a container that has stopped")
  elseif record.status ~= "created" then
    options.fail("oci", ("cannot start a container that is %s"):format(record.status))
  end
end

--- Reads until the other side has closed its end, or the process has ended.
local function hear(answer, process)
  local text = ""
  while true do
    local ready, ended = poll { answer, process }, nil
    if planned(ready) then
      return text, ended
    end
    for _, one in ipairs(ready) do
      ended = ended or one.source == process
      if one.source == answer and not one.readable and one.hangup then
        return text
      end
    end
    local bytes, err = try(answer.read, answer, 65536)
    if bytes then
      text = text .. bytes
    elseif ended or not (err and err.errno == "EAGAIN") then
      return text, ended
    end
  end
end

--- Runs the hooks that follow the start. Where one fails the container goes: so says version 1.3 of
--- the specification (its pull request 1262). Before, it was a warning, and the others ran.
---@param root string
---@param record oci.Record
---@param spec? table
function M.poststart(root, record, spec)
  if not record.poststart then
    return
  end
  spec = spec or state.config(root, record.id)
  local told = state.public(record, "running")
  if require("oci.version").before(spec.ociVersion, 3) then
    return require("oci.hooks").run_all(spec, "poststart", told)
  end
  local _, err = try(require("oci.hooks").run, spec, "poststart", told)
  if err then
    -- The state stays, as that of a container that has stopped: delete is the caller's.
    try(delete.kill, record)
    error(err, 0)
  end
end

--- Starts a container.
---@param root string
---@param id string
function M.go(root, id)
  local lock <close> = state.lock(root, id)
  local record = state.get(root, id)
  check(record)
  local dir = state.dir(root, id)
  local process <close> = state.process(record)
  local answer <close> = open(dir .. "/answer", { nonblock = true })
  local go <close> = open(dir .. "/go", { write = true, nonblock = true })
  if not process then
    options.fail("oci", "cannot start a container that has stopped")
  end
  remove(dir .. "/go")
  go:write("g")
  local text, ended = hear(answer, process)
  if text ~= "" then
    poll({ process }, { timeout = "5s" })
    options.fail("oci", text)
  elseif ended and process and not record.poststart then
    return
  end
  M.poststart(root, record)
end

return M
