--- Lets functions answer the system calls of a command, and of all that it starts.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local result = supervise.run({
---   notify = {
---     mkdirat = function(req) req:errno("EROFS") end,
---     mkdir = function(req) req:errno("EROFS") end,
---   },
--- }, { "mkdir", "/tmp/supervised" })
--- assert(result.code == 1 and not try(stat, "/tmp/supervised"))
--- ```
---
--- The command runs under a seccomp filter; the functions run here, in the script, one at a time
--- (seccomp_unotify(2)). What goes wrong is never let through: a function that raises, answers
--- nothing or uses more than its processor time answers `EPERM`, and when the script is gone the
--- kernel answers `ENOSYS`. Ready-made functions: `supervise.audit`, `supervise.faults`,
--- `supervise.uname`, `supervise.egress`.
local options = require "options"
local request = require "supervise.request"

local M = {}

---@class supervise.Options
---@field notify table<string, fun(req: supervise.Request)> by call, or by group (`@mount`)
---@field time? string|number processor time of one answer (default `"1s"`)
---@field failure? string|integer what a function's failure answers (default `"EPERM"`)
---@field on_error? fun(err: any, req: supervise.Request) told of failures; else standard error
---@field filter? table more for the filter, as `seccomp` takes it: `errno`, `kill`, `rules` …
---@field spawn? table as `spawn` takes it: namespaces, streams, a cgroup
---@field setup? fun() runs in the child before the filter: mounts, users, capabilities

local KNOWN = {
  notify = "table",
  time = { "string", "number" },
  failure = { "string", "integer" },
  on_error = "function",
  filter = "table",
  spawn = "table",
  setup = "function",
}

-- Every call by its name: a name wins over the groups that hold it.
local function handlers(op, notify)
  local by_name, named = {}, {}
  for key, handler in pairs(notify) do
    options.expect(op, "notify." .. tostring(key), handler, "function")
    if type(key) == "string" and key:sub(1, 1) == "@" then
      for _, name in ipairs(seccomp_groups(key)) do
        by_name[name] = named[name] and by_name[name] or handler
      end
    else
      by_name[key], named[key] = handler, true
    end
  end
  if next(by_name) == nil then
    options.fail(op, "notify names no call", "give a function by call: notify = { mkdir = … }")
  end
  if named.sendmsg then
    options.fail(
      op,
      "notify.sendmsg: this call hands over the filter's listener, before anybody could answer",
      "supervise connect, sendto or socket instead"
    )
  end
  by_name.sendmsg = nil
  return by_name
end

-- The filter: what is to be judged is notified, all else is as `filter` says, or allowed.
local function filter_of(op, given, by_name)
  local filter = { default = "allow" }
  for key, value in pairs(given or {}) do
    filter[key] = value
  end
  if filter.notify then
    options.fail(op, "filter.notify: the calls come from `notify`")
  end
  filter.notify = options.keys(by_name)
  -- Where the command begins.
  if not by_name.execve then
    filter.notify[#filter.notify + 1] = "execve"
  end
  return seccomp_compile(filter)
end

---@class supervise.Session
---@field process any the command's process
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
  return type(err) == "table" and err.errno == "ENOENT" and not req:waits()
end

-- What the child does between its filter and its command is this program's, not the command's.
local function is_ours(self, req)
  if self.started or req.pid ~= self.main then
    return false
  end
  self.started = req.name == "execve"
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
  if not (err and is_late(err, req)) then
    self.failures = self.failures + 1
    if req:waits() then
      req.bare:errno(self.failure)
    end
    (self.on_error or complain)(err or "the function has answered nothing", req)
  end
  req.bare:close()
end

--- Answers until no process is left under the filter.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = { uname = function(req) req:errno("EIO") end }
--- local session <close> = supervise.start({ notify = notify }, { "uname", "-r" })
--- session:serve()
--- assert(session.process:wait().code == 1)
--- ```
function Session:serve()
  local by_name, current = self.handlers, nil
  local function judge(bare)
    self.answered = self.answered + 1
    local req = request.new(bare)
    current = req
    local handler = by_name[req.name]
    if is_ours(self, req) or not handler then
      return req:allow()
    end
    handler(req)
  end
  while true do
    local how = { time = self.time, timeout = answer_due(self) }
    local left, err = try(self.listener.serve, self.listener, judge, how)
    if left then
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
  self.process:close()
end

Session.__close = Session.close

--- Starts a command, or a function, whose calls are answered by `session:serve()`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local session <close> = supervise.start({
---   notify = { mkdir = function(req) req:value(0) end },
--- }, { "python3", "-c", "import os; os.mkdir('/nowhere/at/all')" })
--- session:serve()
--- assert(session.process:wait().code == 0)
--- session:close()
--- ```
---@param given supervise.Options
---@param command string[]|fun(): integer?
---@return supervise.Session
function M.start(given, command)
  local op = "supervise.start"
  given = options.check(op, given, KNOWN)
  options.expect(op, "notify", given.notify, "table")
  options.expect(op, "command", command, { "table", "function" })
  local by_name = handlers(op, given.notify)
  local filter = filter_of(op, given.filter, by_name)
  local pair = socket_pair()
  local ours <close> = pair[1]
  local theirs <close> = pair[2]
  local process = spawn(given.spawn or {}, function()
    ours:close()
    if given.setup then
      given.setup()
    end
    local listener = seccomp(filter)
    theirs:send("listener", { fds = { listener } })
    listener:close()
    theirs:close()
    if type(command) == "function" then
      return command()
    end
    exec(command)
  end)
  theirs:close()
  local got = ours:receive().fds[1]
  if not got then
    -- It has failed before: its own error says why.
    process:wait()
    options.fail(op, "the command has ended before its filter was there")
  end
  return setmetatable({
    process = process,
    main = process.pid,
    listener = seccomp_listener(got),
    handlers = by_name,
    time = given.time or "1s",
    failure = given.failure or "EPERM",
    on_error = given.on_error,
    -- A function has no program of its own to begin.
    started = type(command) == "function",
    later = {},
    answered = 0,
    failures = 0,
  }, Session)
end

--- Runs a command and answers its calls, and those of all that it starts, until none is left.
---@param given supervise.Options
---@param command string[]|fun(): integer?
---@return { code: integer, signal: string?, answered: integer, failures: integer }
function M.run(given, command)
  local session <close> = M.start(given, command)
  session:serve()
  local result = session.process:wait()
  result.answered, result.failures = session.answered, session.failures
  return result
end

--- Functions that write every call down and allow it: see `supervise.audit`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local names = {}
--- local notify = supervise.audit {
---   calls = { "uname" },
---   to = function(entry) names[#names + 1] = entry.call end,
--- }
--- supervise.run({ notify = notify }, { "uname", "-r" })
--- assert(names[1] == "uname")
--- ```
---@param given supervise.AuditOptions
---@return table<string, fun(req: supervise.Request)>
function M.audit(given)
  return require("supervise.audit").notify(given)
end

--- Functions that let some calls fail or be late: see `supervise.faults`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = supervise.faults { uname = { every = 1, errno = "EIO" } }
--- assert(supervise.run({ notify = notify }, { "uname", "-r" }).code == 1)
--- ```
---@param faults table<string, supervise.Fault>
---@return table<string, fun(req: supervise.Request)>
function M.faults(faults)
  return require("supervise.faults").notify(faults)
end

--- A function that answers uname(2) with other words: see `supervise.uname`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = supervise.uname { release = "3.10.0" }
--- local command = { "sh", "-c", 'test "$(uname -r)" = 3.10.0' }
--- assert(supervise.run({ notify = notify }, command).code == 0)
--- ```
---@param words supervise.Words
---@return table<string, fun(req: supervise.Request)>
function M.uname(words)
  return require("supervise.uname").notify(words)
end

--- Functions and a filter by which a program without a network reaches a few addresses: see
--- `supervise.egress`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local egress = supervise.egress { allow = { "192.0.2.1:443" } }
--- local given = {
---   notify = egress.notify,
---   filter = egress.filter,
---   spawn = { unshare = { "net" } },
--- }
--- local command = { "python3", "-c", [[
--- import errno, socket
--- exit(socket.socket().connect_ex(("192.0.2.2", 443)) != errno.EACCES)
--- ]] }
--- assert(supervise.run(given, command).code == 0)
--- ```
---@param given supervise.EgressOptions
---@return { notify: table<string, fun(req: supervise.Request)>, filter: table }
function M.egress(given)
  return require("supervise.egress").new(given)
end

--- Several sets of functions as one. Where two judge the same call, the first that answers decides.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local asked = 0
--- local count = { uname = function() asked = asked + 1 end }
--- local notify = supervise.all(count, supervise.uname { release = "3.10.0" })
--- supervise.run({ notify = notify }, { "uname", "-r" })
--- assert(asked == 1)
--- ```
---@param ... table<string, fun(req: supervise.Request)>
---@return table<string, fun(req: supervise.Request)>
function M.all(...)
  local joined = {}
  for _, notify in ipairs { ... } do
    for name, handler in pairs(notify) do
      local before = joined[name]
      joined[name] = before
          and function(req)
            before(req)
            if not req.answered then
              handler(req)
            end
          end
        or handler
    end
  end
  return joined
end

return M
