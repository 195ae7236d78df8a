--- Who answers the calls of a container whose profile has functions for them (`seccomp = { notify =
--- … }`): a process of the owner's, beside the container, from each start to its end.
---
--- The owner is the script, or the monitor of a detached container; it is never held up by a
--- function, and whatever ends it ends this process. It is reached by a socket in the container's
--- directory, so what any process runs in the container by `exec` is answered by the same
--- functions.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.new {
---   rootfs = "host",
---   seccomp = { notify = { sethostname = function(req) req:errno("EROFS") end } },
--- }
--- local code = "import socket\ntry: socket.sethostname('x')\nexcept OSError as e: exit(e.errno)"
--- assert(box:run({ "python3", "-c", code }).code == 30)
--- ```
local options = require "options"
local state = require "container.state"

local M = {}

local function path_of(name)
  return state.dir(name) .. "/answers"
end

--- Whether functions answer calls of a container.
---@param config table
---@return boolean
function M.are_wanted(config)
  local seccomp = config.profile.seccomp
  return seccomp and seccomp.notify ~= nil or false
end

--- Fails where nobody could: the container was read from its state.
---@param config table
function M.demand(config)
  if M.are_wanted(config) then
    require("hardening.notify").demand("container.start", config.profile.seccomp.notify)
  end
end

--- Starts the process.
---@param made table see `container.build`
---@param run table what is taken back with it
---@param stderr? any where a function's failures are told, as for `spawn`
function M.open(made, run, stderr)
  local name, notify = made.config.name, made.hardened.notify
  local path = path_of(name)
  -- Of a start whose owner was killed.
  try(remove, path)
  local desk = require("supervise.desk").open(path, notify.handlers, {
    name = "answers of " .. name,
    stderr = stderr,
  })
  run.complaints = desk.process.stderr
  run.undo:push("answers", function()
    desk:close()
  end)
end

--- A line to the process that answers, for one that is about to be filtered.
---@param name string
---@return any socket
function M.connect(name)
  local line, err = try(socket_connect, path_of(name))
  if not line then
    options.fail(
      "container.exec",
      ("%s: nobody answers the calls that its profile notifies"):format(name),
      "the process that did was killed; each such call fails. Stop the container, start it again",
      err
    )
  end
  return line
end

return M
