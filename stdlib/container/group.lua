--- Several containers at once, in one thread: started, listened to, waited for, and stopped in the
--- opposite order, also where a signal ends the script.
---
--- ```lua
--- local container = require "container"
---
--- local group <close> = container.group()
--- for index = 1, 3 do
---   group:start(container.new { name = "one-of-three-" .. index }, { "echo", "hello" }, {
---     output = "capture",
---   })
--- end
--- for event in group:events() do
---   if event.kind == "exit" then
---     print(event.box.name, event.result.code, event.result.stdout)
---   end
--- end
--- ```
---
--- ```lua
--- local container = require "container"
---
--- local group <close> = container.group()
--- group:start(container.new { name = "first-example" }, { "/bin/true" })
--- group:start(container.new { name = "second-example" }, { "sleep", "100" })
--- local first, result = group:wait_any()
--- assert(first.name == "first-example" and result.code == 0)
--- assert(group:next { timeout = "10ms" } == nil and group:wait_all { timeout = "10ms" } == nil)
--- group:stop { timeout = "0s" }
--- group:close()
--- ```
local colour = require "view.colour"
local loop = require "container.loop"
local options = require "options"
local text = require "view.text"
local units = require "view.units"

local M = {}

--- Containers that are watched, and end, together.
---@class container.Group
local Group = {}
Group.__index = Group

--- What happens to a container of a group.
---@class container.Event
---@field kind "output"|"exit"|"oom"|"health"|"restart"
---@field box container.Box
---@field result? container.Result of an exit
---@field error? any why it could not be started
---@field restarting? boolean the restart policy starts it again
---@field stream? string of output: "stdout" or "stderr"
---@field line? string of output
---@field health? string

--- Closes the group at the latest when the script ends. What was made last is closed first, so the
--- guard is made anew after each start: it comes before those of the containers, which would not
--- listen. It goes on where a second signal has cut off the `<close>`.
local function guard(self)
  if self.guard then
    self.guard:keep()
  end
  self.guard = defer(function()
    self:close()
  end)
end

---@param given? { stop_timeout: any } how long each gets to end
---@return container.Group
function M.new(given)
  given = options.check("container.group", given, { stop_timeout = { "string", "integer" } })
  local self = setmetatable({ boxes = {}, sinks = {}, given = given }, Group)
  self.loop = loop.new {
    stopping = function()
      return self.closing
    end,
    relaunch = function(entry)
      self:launch(entry.box)
    end,
  }
  guard(self)
  return self
end

local HUES = { "cyan", "yellow", "green", "magenta", "blue" }

local function prefix(self, box)
  local on = colour.wanted(1)
  local mark = colour.paint(box.name .. " | ", HUES[#self.boxes % #HUES + 1], on)
  return function(line)
    io.stdout:write(mark, text.clean(line), "\n")
    io.stdout:flush()
  end
end

--- The last `max` bytes of each stream, for the result.
local function capture(box, max)
  local kept = { stdout = {}, stderr = {} }
  local size = 0
  box.captured = kept
  return function(line, stream, whole)
    size = size + #line + 1
    if size <= max then
      table.insert(kept[stream], whole and line .. "\n" or line)
    end
  end
end

local CAPTURED = 1 << 20

--- What becomes of a container's output.
local function sink(self, box, output)
  if output == nil or output == "inherit" or output == "null" then
    return nil
  elseif output == "prefix" then
    return prefix(self, box)
  elseif output == "capture" then
    return capture(box, CAPTURED)
  elseif output == "events" then
    return function(line, stream)
      table.insert(self.loop.queue, { kind = "output", box = box, stream = stream, line = line })
    end
  elseif type(output) == "function" then
    return function(line, stream, whole)
      output(line, stream, box, whole)
    end
  end
  options.expect("group:start", "output", output, {
    "=inherit|null|prefix|capture|events",
    "function",
  })
end

--- Starts a container, and the group watches it.
---@param box container.Box one of `container.new`, not started
---@param command? string[]
---@param how? { output: any, stdin: any } output: "inherit" (default), "null", "prefix" (each line
--- with the name before it), "capture" (in the result), "events" (an event a line), or a function
--- that is given line, stream and container
---@return container.Box box
function Group:start(box, command, how)
  how = options.check("group:start", how, { output = "any", stdin = "any" })
  if box.config and box.config.detach then
    options.fail("group:start", box.name .. ": a detached container has a monitor of its own")
  end
  -- Before anything is made: the option may be wrong.
  local feed = sink(self, box, how.output)
  self.boxes[#self.boxes + 1] = box
  self.sinks[box] = { command = command, stdin = how.stdin, output = how.output }
  local ok, err = pcall(self.launch, self, box)
  if not ok then
    self.boxes[#self.boxes] = nil
    error(err, 0)
  end
  self.loop:add(box, feed)
  guard(self)
  return box
end

--- Starts what is written down of a container, anew after a restart.
---@package
function Group:launch(box)
  local how = self.sinks[box]
  local piped = how.output ~= nil and how.output ~= "inherit" and how.output ~= "null"
  local out = piped and "pipe" or how.output
  -- A session of its own: Ctrl-C reaches the script, which stops all in order.
  box:start(how.command, {
    stdin = how.stdin or "null",
    stdout = out,
    stderr = out,
    session = true,
  })
end

local function deadline_of(given)
  local timeout = given and given.timeout
  if timeout == nil then
    return nil
  end
  return clock("monotonic") + units.seconds(timeout)
end

--- What a captured container wrote goes into its result.
local function complete(event)
  local kept = event and event.kind == "exit" and event.box.captured
  if kept then
    event.result.stdout = table.concat(kept.stdout)
    event.result.stderr = table.concat(kept.stderr)
    event.box.captured = { stdout = {}, stderr = {} }
  end
  return event
end

--- Waits for the next event; nil after the timeout, or when all have ended.
---@param given? { timeout: any }
---@return container.Event?
function Group:next(given)
  options.check("group:next", given, { timeout = "any" })
  return complete(self.loop:next(deadline_of(given)))
end

--- Walks over events until all have ended, or the time is over.
---@param given? { timeout: any } for all of them together
---@return fun(): container.Event?
function Group:events(given)
  options.check("group:events", given, { timeout = "any" })
  local deadline = deadline_of(given)
  return function()
    return complete(self.loop:next(deadline))
  end
end

--- Waits for the first container that ends for good.
---@param given? { timeout: any }
---@return container.Box? box nil after the timeout, or where none is left
---@return container.Result? result
function Group:wait_any(given)
  for event in self:events(given) do
    if event.kind == "exit" and not event.restarting then
      return event.box, event.result
    end
  end
end

--- Waits until all have ended.
---@param given? { timeout: any }
---@return table<string, container.Result>? results by name; nil where the time was over first
function Group:wait_all(given)
  local results = {}
  for event in self:events(given) do
    if event.kind == "exit" then
      results[event.box.name] = event.result
    end
  end
  return not self.loop:busy() and results or nil
end

--- Ends all containers, the last one that was started first; each gets its time.
---@param given? { timeout: any }
function Group:stop(given)
  options.check("group:stop", given, { timeout = "any" })
  local first, signal
  for index = #self.boxes, 1, -1 do
    local box = self.boxes[index]
    local timeout = given and given.timeout or self.given.stop_timeout
    timeout = timeout or (box.config or {}).stop_timeout or "10s"
    local came, err = try(self.loop.stop, self.loop, box, timeout)
    signal = signal or came
    if box.run_state then
      -- Not watched, or nobody could tell it to end.
      local _, late = try(box.stop, box, { timeout = timeout })
      err = late
    end
    self.loop:forget(box)
    first = first or err
  end
  if signal and not self.closing then
    -- Whoever pressed Ctrl-C meant the script.
    kill(proc_stat().pid, signal)
  end
  if first then
    error(first, 0)
  end
end

--- Stops and removes all. Twice is fine.
function Group:close()
  if self.closed then
    return
  end
  self.closing = true
  local _, first = try(self.stop, self)
  for index = #self.boxes, 1, -1 do
    local box = self.boxes[index]
    local _, err = try(box.close, box)
    first = first or err
  end
  self.closed = true
  self.boxes, self.sinks = {}, {}
  self.guard:keep()
  if first then
    error(first, 0)
  end
end

Group.__close = function(self)
  self:close()
end

return M
