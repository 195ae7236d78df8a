--- A container as an object. What its owner does (`create`, `start`, `run`, `wait`) needs the
--- process that was made; everything else goes by what is written down, so that it works for any
--- process: see `container.other`.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.new { rootfs = "host" }
--- box:start { "sleep", "100" }
--- assert(box:status().status == "running")
--- box:stop { timeout = "0s" }
--- assert(box:wait().signal == "kill")
--- ```
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.new { rootfs = "host" }
--- box:create { "sleep", "100" }
--- box:start()
--- assert(box:exec({ "echo", "hello" }, { capture = true }).stdout == "hello\n")
--- box:delete { force = true }
--- box:close()
---
--- assert(container.new({}):run({ "sh", "-c", "exit 3" }).code == 3)
--- ```
local build = require "container.build"
local inside = require "container.inside"
local once = require "container.once"
local options = require "options"
local other = require "container.other"
local restart = require "container.restart"
local spec = require "container.spec"
local state = require "container.state"

--- A container: what it is to be, and what it is.
---@class container.Box
---@field name string
---@field config table
---@field record? container.Record nil before it is made
local Box = {}
Box.__index = Box

--- How a container ended.
---@class container.Result
---@field code integer the program's status, 128 + N where the signal N ended it
---@field signal? string
---@field oom? boolean the kernel killed for want of memory
---@field stdout? string with `capture`; and stderr
---@field rusage? table

---@class container.RunOptions
---@field capture? boolean answers `stdout` and `stderr` instead of passing them on
---@field stdin? any text with `capture`; else as for `spawn`
---@field stdout? any as for `spawn`
---@field stderr? any as for `spawn`
---@field timeout? string|number the container is killed when it is over, and `timed_out` is set
---@field max? any with `capture`: how much output is kept
---@field forward? string[] with `run`: the signals that go on to the program
---@field session? boolean a session of its own, so that a terminal's signals do not reach it

--- What is entered and forgotten needs no place here.
local function weak()
  return setmetatable({}, { __mode = "v" })
end

function Box.new(config)
  return setmetatable({ name = config.name, config = config, owned = true, entered = weak() }, Box)
end

--- The container that a record tells of, made by another process.
function Box.of(record)
  return setmetatable({ name = record.name, record = record, owned = false, entered = weak() }, Box)
end

function Box.__tostring(self)
  return "container " .. self.name
end

--- The program: what was said, what the options say, what the image says.
---@param command? string[]
---@param op string who asks
---@return string[]
---@package
function Box:command_of(command, op)
  if command then
    return spec.arguments("command", command)
  end
  local image = self.config.image
  local words = {}
  if self.config.command then
    return self.config.command
  end
  for _, list in ipairs { image and image.entrypoint or {}, image and image.command or {} } do
    table.move(list, 1, #list, #words + 1, words)
  end
  if #words == 0 then
    options.fail(op, self.name .. ": no command is given", 'for example run { "/bin/sh" }')
  end
  return words
end

--- Closes the container at the latest when the script ends, also where the script forgets it. What
--- was made last is closed first, so the guard is made anew after each start: it must find the
--- process alive to end it in order.
local function guard(self)
  if self.guard then
    self.guard:keep()
  end
  self.guard = defer(function()
    self:close()
  end)
end

local function reserve(self, how)
  if not self.made then
    self.made = build.reserve(self.config, how)
    self.record = self.made.record
    -- The name is taken: also where nothing more comes of it, somebody has to give it back.
    guard(self)
  end
end

local function need_owner(self, op)
  if not self.owned then
    options.fail(op, self.name .. " was made by another process")
  end
end

local RUN = {
  capture = "boolean",
  stdin = "any",
  stdout = "any",
  stderr = "any",
  timeout = "any",
  max = "any",
  forward = "list",
  session = "boolean",
}

local function launch(self, command, how, parked)
  self.run_state = build.start(self.made, command, {
    parked = parked,
    stdin = how.capture and (how.stdin and "pipe" or "null") or how.stdin,
    stdout = how.capture and "pipe" or how.stdout,
    stderr = how.capture and "pipe" or how.stderr,
    session = how.session,
  })
  guard(self)
end

--- Makes the container: its name, root, network, limits and namespaces. Its program waits.
---@param command? string[]
---@param how? container.RunOptions
---@return container.Box self
function Box:create(command, how)
  need_owner(self, "container.create")
  how = options.check("container.create", how, RUN)
  if self.config.detach then
    return require("container.monitor").create(self, command)
  end
  if self.run_state then
    options.fail("container.create", self.name .. " is made already")
  end
  reserve(self)
  launch(self, self:command_of(command, "container.create"), how, true)
  return self
end

--- Starts the program and does not wait for it. A command may be given where `create` had none.
---@param command? string[]
---@param how? container.RunOptions
---@return container.Box self
function Box:start(command, how)
  how = options.check("container.start", how, RUN)
  if not self.owned then
    other.start(self.name)
    return self
  end
  if self.config.detach then
    return require("container.monitor").start(self, command)
  end
  if not self.run_state then
    reserve(self, { late = true })
    launch(self, self:command_of(command, "container.start"), how, false)
  elseif self.record.status ~= "created" then
    options.fail("container.start", ("%s is %s"):format(self.name, self.record.status))
  else
    build.go(self.name)
  end
  local _, err = try(build.started, self.run_state, self.config)
  if err then
    self:settle { code = 127 }
    error(err, 0)
  end
  self:mark_running()
  return self
end

--- Writes down that the program runs.
---@package
function Box:mark_running()
  if self.record.status == "created" then
    self.record.status, self.record.started = "running", clock("realtime")
    state.save(self.record)
  end
end

--- What is to be done when the program has ended: everything of this run is given back.
---@param result table what process:wait answered
---@return container.Result
---@package
function Box:settle(result)
  local run, record = self.run_state, self.record
  local exit = { code = result.code, signal = result.signal }
  local events = run.group and try(run.group.events, run.group)
  if events and (events.memory or {}).oom_kill and events.memory.oom_kill > 0 then
    exit.oom = true
  end
  self.run_state = nil
  local err = run.undo:run()
  record.status, record.exit, record.finished = "stopped", exit, clock("realtime")
  record.pid, record.starttime = nil, nil
  self.result = {
    code = result.code,
    signal = result.signal,
    oom = exit.oom,
    rusage = result.rusage,
    stdout = result.stdout,
    stderr = result.stderr,
    timed_out = result.timed_out,
    truncated = result.truncated,
  }
  -- Nobody may have asked for it to be forgotten while it ran.
  if stat(state.dir(self.name)) then
    state.save(record)
  end
  if err then
    error(err, 0)
  end
  return self.result
end

--- Waits until the program has ended; nil after a timeout.
---@param given? { timeout: any, forward: string[]? }
---@return container.Result?
function Box:wait(given)
  given = options.check("container.wait", given, { timeout = "any", forward = "list" })
  if not self.owned then
    return other.wait(self.name, given.timeout)
  elseif self.monitored then
    return other.wait(self.name, given.timeout)
  elseif not self.run_state then
    return self.result or options.fail("container.wait", self.name .. " is not running")
  end
  local result = self.run_state.process:wait(given)
  return result and self:settle(result)
end

--- Runs the program to its end, in the foreground: signals to the script go on to it. The restart
--- policy holds.
---@param command? string[]
---@param how? container.RunOptions
---@return container.Result
function Box:run(command, how)
  need_owner(self, "container.run")
  how = options.check("container.run", how, RUN)
  if self.config.detach then
    return self:start(command)
  end
  if self.run_state then
    options.fail("container.run", self.name .. " is running already", "start, then wait")
  end
  reserve(self, { late = true })
  command = self:command_of(command, "container.run")
  while true do
    local result = once(self, command, how, launch)
    local delay = restart.again(self.config.restart, self.record, result)
    if not delay then
      return result
    end
    poll({}, { timeout = delay })
  end
end

--- What is known of the container now.
---@return container.Record
function Box:status()
  if self.owned and not self.monitored then
    return self.record
      or { name = self.name, status = "stopped", restarts = 0, owner = state.self() }
  end
  return state.get(self.name)
    or options.fail("container.status", self.name .. ": no such container")
end

--- Ends the program: a signal, then after a while SIGKILL. One that does not run is fine.
---@param given? { signal: string?, timeout: any } without: as the container's options say
---@return container.Result?
function Box:stop(given)
  given = options.check("container.stop", given, { signal = "string", timeout = "any" })
  if not self.owned or self.monitored then
    return other.stop(self.name, given)
  end
  local run = self.run_state
  if not run then
    return self.result
  end
  if run.process.closed then
    return self:settle { code = 137, signal = "kill" }
  end
  local config = self.config
  local signal = other.stop_signal(given, config)
  if self.record.status == "created" then
    signal = "kill"
  end
  other.end_process(run.process, run.group, signal)
  require("container.enter").collect(self)
  local result = run.process:wait { timeout = given.timeout or config.stop_timeout }
  if not result then
    run.process:kill("kill")
    result = run.process:wait()
  end
  return self:settle(result)
end

-- What any process can do by a container's name, its owner does the same way.
for name, method in pairs(require "container.by_name") do
  Box[name] = method
end

--- Runs another command in the container, to its end.
---@param command string[]
---@param how? table see `container.enter`
---@return container.Result
function Box:exec(command, how)
  return require("container.enter").run(self, spec.arguments("command", command), how)
end

--- Removes the container and what is written of it. A running one only by force.
---@param given? { force: boolean?, timeout: any }
function Box:delete(given)
  given = options.check("container.delete", given, { force = "boolean", timeout = "any" })
  if not self.owned or self.monitored then
    return other.delete(self.name, given)
  end
  if self.run_state and not given.force then
    local hint = "stop it first, or say { force = true }"
    options.fail("container.delete", self.name .. " is " .. self.record.status, hint)
  end
  self:close { timeout = given.timeout or "0s" }
end

--- Stops the container and forgets it. Twice is fine; a detached container goes on.
---@param given? { timeout: any }
function Box:close(given)
  if self.closed or not self.made or self.monitored then
    return
  end
  self.closed = true
  local _, err = try(self.stop, self, { timeout = given and given.timeout })
  local failed = self.made.undo:run()
  build.forget(self.made)
  if self.guard then
    self.guard:keep()
  end
  err = err or failed
  if err then
    error(err, 0)
  end
end

Box.__close = function(self)
  self:close()
end

Box.environment = inside.environment

return Box
