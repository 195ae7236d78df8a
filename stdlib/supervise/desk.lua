--- A process that answers for others: who loads a filter sends its listener here, and the functions
--- that came along are asked.
---
--- It is for a container, whose processes come one after the other: the program, and what is run
--- beside it by `exec`. All are answered by the same functions, one call at a time, so that a
--- function's variables are one for all of them.
---
--- ```lua
--- local desk = require "supervise.desk"
---
--- local dir <close> = temp_dir()
--- local path = dir.path .. "/answers"
--- local answers <close> = desk.open(path, { mkdir = function(req) req:errno("EROFS") end })
--- local line <close> = socket_connect(path)
--- local child <close> = spawn(function()
---   seccomp({ default = "allow", notify = { "mkdir" } }, { listener_to = line })
---   local _, err = try(mkdir, "/tmp/crun-lua-example-desk")
---   return err.errno == "EROFS" and 7
--- end)
--- assert(child:wait().code == 7)
--- ```
---
--- The functions run in a copy of the process that has opened the desk, made at that moment. They
--- see what its variables held, have its rights and namespaces, and write to files that it has
--- open; pipes and sockets are closed, since whoever reads them would never see their end. What
--- they change is not seen by that process. The desk ends with it; calls that wait then, and all
--- later ones, fail with ENOSYS.
local request = require "supervise.request"
local sessions = require "supervise.session"

local M = {}

local Desk = {}
Desk.__index = Desk

-- A handler's failure, and one of the desk's own, are told where the desk's errors go.
local function complain(err)
  io.stderr:write(("supervise: %s\n"):format(tostring(err)))
end

-- What a connection has brought: a listener, or an end. Others may come along: who keeps those
-- would keep them open for whoever has sent them.
local function take(self, connection)
  local message, listener = connection:receive(), nil
  for _, fd in ipairs(message.fds) do
    local got, err = nil, nil
    if not listener then
      got, err = try(seccomp_listener, fd)
      listener = got
    end
    if not got then
      fd:close()
      complain(err or "more than one descriptor was sent")
    end
  end
  connection:close()
  if listener then
    table.insert(
      self.sessions,
      1,
      sessions.new {
        listener = listener,
        handlers = self.handlers,
        -- What follows the filter is the container's already.
        started = true,
        later = self.later,
      }
    )
  end
end

-- What can happen beside the calls of the session that is served.
local function watched(self)
  local list = { self.life, self.listening }
  table.move(self.connections, 1, #self.connections, 3, list)
  for index = 2, #self.sessions do
    list[#list + 1] = self.sessions[index].listener
  end
  return list
end

-- Something has happened there; whether it was the end.
local function heed(self, source)
  if source == self.life then
    return true
  elseif source == self.listening then
    self.connections[#self.connections + 1] = self.listening:accept()
    return false
  end
  for index, connection in ipairs(self.connections) do
    if connection == source then
      table.remove(self.connections, index)
      take(self, connection)
      return false
    end
  end
  for index, session in ipairs(self.sessions) do
    if session.listener == source then
      -- Whoever was served goes to the end: of many that ask at once each has its turn.
      table.remove(self.sessions, index)
      table.insert(self.sessions, table.remove(self.sessions, 1))
      table.insert(self.sessions, 1, session)
      return false
    end
  end
end

-- No process is left under its filter: who waited for an answer that was held back is gone.
local function forget(self, session)
  table.remove(self.sessions, 1)
  for index = #self.later, 1, -1 do
    if self.later[index].listener == session.listener then
      table.remove(self.later, index)
    end
  end
  session.listener:close()
end

local function live(self)
  while true do
    local list, session = watched(self), self.sessions[1]
    local place
    if session then
      place = session:serve(list)
      if not place then
        forget(self, session)
      end
    else
      place = poll(list)[1].index
      if math.type(place) ~= "integer" then
        -- In a plan nobody ever asks.
        return 0
      end
    end
    if place then
      local over, err = try(heed, self, list[place])
      if over then
        return 0
      elseif err then
        complain(err)
      end
    end
  end
end

--- Starts the process. From then on listeners are sent to the socket.
---@param path string the socket's file
---@param handlers table<string, fun(req: supervise.Request)> by call, see `supervise.filter`
---@param how? { name: string?, stderr: any? } of the process; where complaints go, as for `spawn`
---@return supervise.Desk
function M.open(path, handlers, how)
  how = how or {}
  -- What is loaded later than the fork may be out of reach by then.
  assert(request and require "supervise.calls")
  local pair = socket_pair()
  local listening <close> = socket_listen(path)
  local process = spawn({
    name = how.name or "answers",
    die_with_parent = true,
    stdin = "null",
    stderr = how.stderr,
  }, function()
    -- A terminal's signals are for the program; the desk answers it while it ends.
    setsid()
    close_fds({ pair[2], listening }, { files = true })
    -- A program without rights must not get those of who supervises it by tracing it.
    dumpable(false)
    return live {
      life = pair[2],
      listening = listening,
      handlers = handlers,
      connections = {},
      sessions = {},
      later = {},
    }
  end)
  pair[2]:close()
  ---@class supervise.Desk
  ---@field process any
  return setmetatable({ path = path, process = process, life = pair[1] }, Desk)
end

-- How long a function that waits for something may hold up the end.
local PATIENCE = "2s"

--- Ends the process: what still waits for an answer, and what comes later, fails with ENOSYS.
function Desk:close()
  if self.closed then
    return
  end
  self.closed = true
  try(self.life.send, self.life, "end")
  self.life:close()
  local _, err = try(self.process.wait, self.process, { timeout = PATIENCE })
  if err then
    complain(err)
  end
  self.process:close()
  try(remove, self.path)
end

Desk.__close = Desk.close

return M
