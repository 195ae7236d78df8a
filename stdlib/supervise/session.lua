--- The loop that answers: one call after the other, at once or when its time has come, until no
--- process is left under the filter.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local asked = 0
--- local session <close> = supervise.start({
---   notify = {
---     uname = function(req)
---       asked = asked + 1
---       req:delay("10ms")
---     end,
---   },
--- }, { "uname", "-r" })
--- session:serve()
--- assert(asked == 1 and session.answered >= 1 and session.failures == 0)
--- ```
local request = require "supervise.request"

local M = {}

--- Which functions answer, and how they are held to it.
---@class supervise.Answering
---@field notify table<string, fun(req: supervise.Request)> by call, by group (`@mount`), or `"*"`
--- for every call that the filter does not settle
---@field time? string|number processor time of one answer (default `"1s"`)
---@field failure? string|integer what a function's failure answers (default `"EPERM"`)
---@field on_error? fun(err: any, req: supervise.Request) told of failures; else standard error

---@package
--- The types of these options, for `options.check`.
---@param more table<string, any> further ones
---@return table<string, any>
function M.known(more)
  more.notify = "table"
  more.time = { "string", "number" }
  more.failure = { "string", "integer" }
  more.on_error = "function"
  return more
end

--- What answers the calls of one filter: those of a command and of all that it starts.
---@class supervise.Session
---@field process? any the command's process; none where another program has started it
---@field state? table what a runtime has said of the process: see `supervise.listen`
---@field listener any its filter's listener
---@field answered integer how many calls have been answered
---@field failures integer how many functions have failed
local Session = {}
Session.__index = Session

local function complain(err, req)
  io.stderr:write(("supervise: %s of pid %d: %s\n"):format(req.name, req.pid, tostring(err)))
end

-- An answer that comes too late hurts nobody: the caller was killed, or a signal came.
local function is_late(err, req)
  return type(err) == "table" and err.errno == "ENOENT" and not req.bare:waits()
end

-- What the child does between its filter and its command is this program's, not the command's.
local function is_ours(self, req)
  if req.pid ~= self.main then
    return false
  end
  if self.before then
    self.before(req)
  end
  -- An execve that was refused is followed by the start's own way out.
  self.started = req.name == "execve" and not req.answered
  return true
end

-- Answers what was held back until now; how long it is until the next.
local function answer_due(self)
  while self.later[1] do
    local req = self.later[1]
    local left = req.due - clock "monotonic"
    if left > 0 then
      return ("%dms"):format(math.ceil(left * 1000))
    end
    table.remove(self.later, 1)
    local _, err = try(req.release, req)
    if err and not is_late(err, req) then
      (self.on_error or complain)(err, req)
    end
    req.bare:close()
  end
end

-- What a function has left: a call that is answered later, or one that it has failed to answer.
local function settle(self, req, err)
  if not err and req.due then
    self.later[#self.later + 1] = req
    table.sort(self.later, function(a, b)
      return a.due < b.due
    end)
    return
  end
  local bare = req.bare
  if not (err and is_late(err, req)) then
    self.failures = self.failures + 1
    if req.answered and req.answered ~= "add_fd" then
      -- It has answered before it failed.
      try(req.release, req)
    elseif bare:waits() then
      bare:errno(self.failure)
    end
    (self.on_error or complain)(err or "the function has answered nothing", req)
  end
  bare:close()
end

--- Answers until no process is left under the filter, or until something else has happened.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = { uname = function(req) req:errno("EIO") end }
--- local session <close> = supervise.start({ notify = notify }, { "uname", "-r" })
--- session:serve()
--- assert(session.process:wait().code == 1)
--- ```
---@param others? any[] descriptors and listeners that are watched as well
---@return integer? place of the one of them that can be read; nil at the end
function Session:serve(others)
  local by_name, listener, current = self.handlers, self.listener, nil
  local otherwise, new = by_name["*"], request.new
  local function judge(name, pid)
    self.answered = self.answered + 1
    local req = new(listener, name, pid)
    current = req
    local handler = by_name[name] or otherwise
    if not self.started and is_ours(self, req) or not handler then
      if not req.answered then
        if self.unnamed == "refuse" then
          return "errno", self.failure
        end
        return "allow"
      end
    else
      handler(req)
    end
    -- What comes later, and what was answered with a descriptor, is no answer of now.
    if not req.due and req.answered ~= "add_fd" then
      return req.answered, req.with
    end
  end
  while true do
    local how = { time = self.time, timeout = answer_due(self), others = others }
    local left, err = try(listener.serve, listener, judge, how)
    if left and left.ready then
      return left.ready
    elseif left then
      current.bare = left.request
      settle(self, current, left.error)
    elseif err == nil then
      return
    elseif err.errno ~= "ETIMEDOUT" then
      error(err, 0)
    end
  end
end

--- Lets go: calls that wait fail with `EPERM`, later ones with `ENOSYS`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = { pause = function(req) req:delay("1h") end }
--- local code = "import signal; signal.pause()"
--- local session = supervise.start({ notify = notify }, { "python3", "-c", code })
--- session:close()
--- assert(session.process.closed)
--- ```
function Session:close()
  for _, req in ipairs(self.later) do
    req.bare:close()
  end
  self.later = {}
  self.listener:close()
  if self.process then
    self.process:close()
  end
end

Session.__close = Session.close

--- A session of a process whose filter's listener is here.
---@param given table the fields of a session: `handlers` by call, `started` where the command is a
--- function, `unnamed = "refuse"` where the filter is another's and may notify more, `later` where
--- sessions that are served in turns share what they hold back
---@param how? supervise.Answering without it: the defaults
---@return supervise.Session
function M.new(given, how)
  how = how or {}
  given.time, given.failure = how.time or "1s", how.failure or "EPERM"
  given.on_error = how.on_error
  given.later, given.answered, given.failures = given.later or {}, 0, 0
  return setmetatable(given, Session)
end

return M
