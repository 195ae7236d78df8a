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
--- `supervise.uname`, `supervise.egress`, `supervise.mounts`.
local filters = require "supervise.filter"
local options = require "options"
local sessions = require "supervise.session"

local M = {}

---@class supervise.Options: supervise.Answering
---@field filter? table more for the filter, as `seccomp` takes it: `errno`, `kill`, `rules` …
---@field spawn? table as `spawn` takes it: namespaces, streams, a cgroup
---@field setup? fun() runs in the child before the filter: mounts, users, capabilities
---@field before? fun(req: supervise.Request) is shown the calls of the start itself, up to the
--- command's execve; what it does not answer is allowed

local KNOWN = sessions.known {
  filter = "table",
  spawn = "table",
  setup = "function",
  before = "function",
}

-- The numbers of this process's descriptors that are listeners, as a text.
local function listeners()
  local numbers = {}
  for _, open in ipairs(proc_fds() or {}) do
    numbers[#numbers + 1] = open.target:find("seccomp notify", 1, true) and open.fd or nil
  end
  return " " .. table.concat(numbers, " ") .. " "
end

-- Takes the listener out of the child, which cannot send it: where every call is notified, that one
-- is, too, and nobody could answer yet. `before` are those that the child had from this process.
local function fetch(process, before)
  while true do
    for _, open in ipairs(proc_fds(process.pid) or {}) do
      local other = before:find((" %d "):format(open.fd), 1, true)
      if not other and open.target:find("seccomp notify", 1, true) then
        return fd_of(process.pid, open.fd)
      end
    end
    local now = proc_stat(process.pid)
    if not now or now.state == "Z" then
      return nil
    end
    poll({}, { timeout = "1ms" })
  end
end

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
  local by_name = filters.handlers(op, given.notify)
  local filter = filters.compile(op, given.filter, by_name)
  local every = by_name["*"] ~= nil
  local pair = socket_pair()
  local ours <close> = pair[1]
  local theirs <close> = pair[2]
  local process = spawn(given.spawn or {}, function()
    ours:close()
    if every then
      theirs:send(listeners())
    end
    if given.setup then
      given.setup()
    end
    local listener = seccomp(filter)
    -- Of every call it is taken from outside, at the latest while the execve waits, which closes it
    -- here. Until then it must be open.
    if not every then
      theirs:send("listener", { fds = { listener } })
      listener:close()
    end
    theirs:close()
    if type(command) == "function" then
      local status = command()
      listener:close()
      return status
    end
    exec(command)
  end)
  theirs:close()
  local message = ours:receive()
  local got = every and fetch(process, message.text) or message.fds[1]
  if not got then
    -- It has failed before: its own error says why.
    process:wait()
    options.fail(op, "the command has ended before its filter was there")
  end
  return sessions.new({
    process = process,
    main = process.pid,
    listener = seccomp_listener(got),
    handlers = by_name,
    before = given.before,
    -- A function has no program of its own to begin.
    started = type(command) == "function",
  }, given)
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

--- Waits at a socket for containers whose calls are to be answered: see `supervise.listen`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local dir <close> = temp_dir()
--- local agent <close> = supervise.listen(dir.path .. "/agent", {
---   notify = { mkdir = function(req) req:errno("EROFS") end },
--- })
--- local _, err = try(agent.accept, agent, { timeout = "1ms" })
--- assert(err.errno == "ETIMEDOUT")
--- ```
---@param path string the socket's file: `linux.seccomp.listenerPath` of config.json
---@param given supervise.AgentOptions
---@return supervise.Agent
function M.listen(path, given)
  return require("supervise.listen").new(path, given)
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

--- Functions that mount for a container without the right to: see `supervise.mounts`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = supervise.mounts { below = { "/mnt" }, kinds = { "tmpfs" }, size = "16M" }
--- assert(supervise.run({ notify = notify }, { "true" }).code == 0)
--- ```
---@param given supervise.MountOptions
---@return table<string, fun(req: supervise.Request)>
function M.mounts(given)
  return require("supervise.mounts").notify(given)
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
