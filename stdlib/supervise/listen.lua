--- The other end of `linux.seccomp.listenerPath`: a runtime starts a container, and a script
--- answers the calls that the container's profile notifies (SCMP_ACT_NOTIFY).
---
--- ```lua
--- local listen = require "supervise.listen"
---
--- local dir <close> = temp_dir()
--- local agent <close> = listen.new(dir.path .. "/agent", {
---   notify = { mkdir = function(req) req:errno("EROFS") end },
--- })
--- assert(stat(dir.path .. "/agent").type == "socket")
--- agent:close()
--- assert(not try(stat, dir.path .. "/agent"))
--- ```
---
--- Any runtime of the specification may be the sender: this one, crun, runc. It connects once for
--- each container, and for each process that it puts into one; `agent:accept()` answers a session
--- for that one, and `session:serve()` answers its calls. Whoever serves several at once does so in
--- a `spawn` each.
local filters = require "supervise.filter"
local options = require "options"
local sessions = require "supervise.session"

local M = {}

--- What the profile notifies and `notify` does not name is refused.
---@class supervise.AgentOptions: supervise.Answering

local KNOWN = sessions.known {}

--- A socket at which runtimes hand over the listeners of their containers.
---@class supervise.Agent
---@field path string the socket's file
local Agent = {}
Agent.__index = Agent

-- A sender that says nothing holds nobody up; no honest state is longer.
local PATIENCE, LONGEST = 10, 1 << 20

-- What the runtime has sent: the container process state of the specification, and its listener.
local function read(connection)
  local text, fds, deadline = "", {}, clock "monotonic" + PATIENCE
  while #text < LONGEST and clock "monotonic" < deadline do
    local message = #poll({ connection }, { timeout = "1s" }) > 0 and connection:receive()
    if message then
      text = text .. message.text
      table.move(message.fds, 1, #message.fds, #fds + 1, fds)
    end
    local state = try(json_decode, text)
    if type(state) == "table" then
      return state, fds
    elseif message and message.text == "" then
      break
    end
  end
  return nil, fds
end

-- The place of the listener among the descriptors that came.
local function place_of(state)
  for index, name in ipairs(type(state.fds) == "table" and state.fds or {}) do
    if name == "seccompFd" then
      return index
    end
  end
end

--- Waits for the next process whose calls are to be answered.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local dir <close> = temp_dir()
--- local path = dir.path .. "/agent"
--- local agent <close> = supervise.listen(path, {
---   notify = { mkdir = function(req) req:errno("EROFS") end },
--- })
--- local child <close> = spawn(function()
---   local socket = socket_connect(path)
---   local listener = seccomp { default = "allow", notify = { "mkdir" } }
---   local state = { ociVersion = "1.2.0", fds = { "seccompFd" }, state = { id = "box" } }
---   socket:send(json_encode(state), { fds = { listener } })
---   listener:close()
---   socket:close()
---   local _, err = try(mkdir, "/tmp/crun-lua-example-agent")
---   assert(err.errno == "EROFS")
--- end)
--- local session <close> = agent:accept { timeout = "30s" }
--- assert(session.state.state.id == "box")
--- session:serve()
--- assert(child:wait().code == 0)
--- ```
---@param how? { timeout: string|number? } ETIMEDOUT is raised when nobody has come by then
---@return supervise.Session session with `state`, what the runtime says of the process
function Agent:accept(how)
  local connection <close> = self.socket:accept(how or {})
  local state, fds = read(connection)
  local place = state and place_of(state)
  local got = place and fds[place]
  for index, fd in ipairs(fds) do
    -- Others may come along; who keeps them would keep them open for whoever has sent them.
    if not got or index ~= place then
      fd:close()
    end
  end
  if not got then
    options.fail(
      "agent:accept",
      "who connected has sent no container process state with a seccompFd",
      "a runtime sends it for linux.seccomp.listenerPath (OCI runtime specification)"
    )
  end
  local listener, err = try(seccomp_listener, got)
  if not listener then
    got:close()
    options.fail("agent:accept", "what was sent as seccompFd is no listener", nil, err)
  end
  return sessions.new({
    listener = listener,
    handlers = self.handlers,
    -- The runtime's own calls between the filter and the program are the container's already.
    started = true,
    unnamed = "refuse",
    state = state,
  }, self.given)
end

--- Lets nobody connect any more; sessions go on.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local dir <close> = temp_dir()
--- local notify = { mkdir = function(req) req:errno("EROFS") end }
--- local agent = supervise.listen(dir.path .. "/agent", { notify = notify })
--- agent:close()
--- assert(not try(socket_connect, dir.path .. "/agent"))
--- ```
function Agent:close()
  if not self.closed then
    self.closed = true
    self.socket:close()
    try(remove, self.path)
  end
end

Agent.__close = Agent.close

--- Makes the socket.
---@param path string
---@param given supervise.AgentOptions
---@return supervise.Agent
function M.new(path, given)
  local op = "supervise.listen"
  options.expect(op, "path", path, "string")
  given = options.check(op, given, KNOWN)
  options.expect(op, "notify", given.notify, "table")
  local by_name = filters.handlers(op, given.notify)
  local socket = socket_listen(path)
  return setmetatable({ path = path, given = given, handlers = by_name, socket = socket }, Agent)
end

return M
