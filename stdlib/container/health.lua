--- Whether a program that runs also works: a command in its container, again and again.
---
--- The check's process is one more source of the loop, so a check that hangs holds nothing up; it
--- is killed when its time is over and counts as failed. During the start period failures do not
--- count.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.new {
---   rootfs = "host",
---   health = { command = { "true" }, interval = "10ms" },
--- }
--- local group <close> = container.group()
--- group:start(box, { "sleep", "100" })
--- assert(group:next({ timeout = "10s" }).health == "healthy")
--- box:stop { timeout = "0s" }
--- ```
local state = require "container.state"
local units = require "view.units"

local M = {}

local Health = {}
Health.__index = Health

---@param box container.Box one that has just been started, with `config.health`
function M.new(box)
  local how = box.config.health
  local now = clock("monotonic")
  local self = setmetatable({
    box = box,
    how = how,
    interval = units.seconds(how.interval),
    timeout = units.seconds(how.timeout),
    grace = now + units.seconds(how.start_period),
    due = now + units.seconds(how.interval),
    failures = 0,
    dirty = false,
  }, Health)
  self:say("starting")
  return self
end

--- Writes a change down; answers it.
function Health:say(word)
  if self.box.record.health == word then
    return nil
  end
  self.box.record.health = word
  state.save(self.box.record)
  return word
end

--- Starts a check whose time has come, and ends one that takes too long.
---@param now number of the monotonic clock
---@return number due when to ask again
---@return string? change
function Health:tick(now)
  if self.process then
    if now >= self.deadline then
      try(self.process.kill, self.process, "kill")
      self.deadline = now + 1
    end
    return self.deadline
  end
  if now < self.due then
    return self.due
  end
  self.due = now + self.interval
  local paused = stat(state.dir(self.box.name) .. "/paused")
  if self.box.record.status ~= "running" or paused then
    return self.due
  end
  local enter = require "container.enter"
  local process = try(enter.start, self.box, self.how.command, { stdio = "null" })
  if not process then
    return self.due, self:judge(false)
  end
  self.process, self.deadline, self.dirty = process, now + self.timeout, true
  return self.deadline
end

--- Counts an answer.
function Health:judge(well)
  if well then
    self.failures = 0
    return self:say("healthy")
  end
  if clock("monotonic") < self.grace then
    return nil
  end
  self.failures = self.failures + 1
  return self.failures >= self.how.retries and self:say("unhealthy") or nil
end

--- To be called when the check's process has ended.
---@return string? change
function Health:ended()
  local result = try(self.process.wait, self.process)
  self.process = nil
  return self:judge(result ~= nil and result.code == 0)
end

--- Whether a process was started since this was last asked.
function Health:take_dirty()
  local dirty = self.dirty
  self.dirty = false
  return dirty
end

function Health:stop()
  if self.process then
    self.process:close()
    self.process = nil
  end
  self.box.record.health = nil
end

return M
