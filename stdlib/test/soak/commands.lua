--- Containers by OCI commands, each with a life of create, start, exec, kill and delete, and what
--- may go wrong at one of them.
---
--- A command that fails must leave a container that `delete --force` removes; `gc` helps only where
--- the runtime was killed.
---
--- ```lua
--- local commands = require "test.soak.commands"
---
--- local runner = require "test.soak.runner"
---
--- local places = { oci = "/run/oci", bundle = "/run/bundle", state = "/run/state" }
--- local lives = commands.new(runner.new { own = { "crun-lua" }, work = "/tmp" }, places)
--- local words = table.concat(lives:words("create", "box"), " ")
--- assert(words == "crun-lua --root /run/oci create --bundle /run/bundle box")
--- ```
local faults = require "test.soak.faults"

local M = {}

--- The steps of a life.
M.LIFE = { "create", "start", "exec", "kill", "delete" }

---@class test.soak.Commands
---@field soak test.soak.Runner
---@field places { oci: string, bundle: string, state: string }
---@field calls table<string, test.soak.Calls> by step
---@field count fun(fault: string, what: "injected"|"failed")
local Commands = {}
Commands.__index = Commands

---@param soak test.soak.Runner
---@param places { oci: string, bundle: string, state: string } the runtime's root, a bundle, and
--- the file system that can be full
---@param count? fun(fault: string, what: "injected"|"failed")
---@return test.soak.Commands
function M.new(soak, places, count)
  count = count or function() end
  return setmetatable({ soak = soak, places = places, calls = {}, count = count }, Commands)
end

--- A command of the OCI runtime. `force`: delete --force.
---@param name string
---@param id string
---@param extra? string[]
---@return string[]
function Commands:words(name, id, extra)
  local rest = {
    create = { "create", "--bundle", self.places.bundle, id },
    exec = { "exec", id, "/bin/true" },
    kill = { "kill", id, "KILL" },
    force = { "delete", "--force", id },
  }
  return self.soak:command(extra or {}, { "--root", self.places.oci }, rest[name] or { name, id })
end

--- The container's first process; nil where there is no container.
---@param id string
---@return integer?
function Commands:first_process(id)
  local text = read_file(("%s/%s/state.json"):format(self.places.oci, id))
  return text and json_decode(text).pid
end

--- Ends a process, if it is there.
---@param pid? integer
function M.kill(pid)
  local process <close> = pid and try(process_open, pid)
  if process then
    try(process.kill, process, "kill")
  end
end

--- Waits until a process has ended.
---@param pid? integer
function M.wait(pid)
  local process <close> = pid and try(process_open, pid)
  if process then
    poll({ process }, { timeout = require("test.soak.runner").HANGS })
  end
end

local function pause(milliseconds)
  poll({}, { timeout = ("%dms"):format(milliseconds) })
end

--- One command, with what is to go wrong at it.
local INJECT = {}

function INJECT:errno(name, id, target)
  target = target or { number = math.random(self.calls[name].own) }
  return self.soak:run(self:words(name, id, { "--fault", faults.option(target, id) }))
end

function INJECT:killed(name, id)
  return faults.killed(self.soak, self.calls[name], function(extra)
    return self:words(name, id, extra)
  end)
end

--- The program is killed while the command runs.
function INJECT:payload(name, id)
  local pid = self:first_process(id)
  local child <close> = self.soak:start(self:words(name, id))
  pause(math.random(0, 20))
  M.kill(pid or self:first_process(id))
  return self.soak:finish(child, { name, id })
end

function INJECT:full(name, id)
  faults.fill(self.places.state)
  return self.soak:run(self:words(name, id))
end

--- Held for a while: who wants it waits.
function INJECT:lock(name, id)
  if name == "create" then
    return self.soak:run(self:words(name, id))
  end
  local lock = file_lock(("%s/%s/lock"):format(self.places.oci, id))
  local child <close> = self.soak:start(self:words(name, id))
  pause(math.random(30))
  lock:close()
  local result = self.soak:finish(child, { name, id })
  if result.code ~= 0 then
    self.soak:problem("%s %s did not wait for the lock: %s", name, id, result.text)
  end
  return result
end

--- A container of which a step has failed.
local function give_up(self, id, name, fault)
  if fault == "killed" then
    self.soak:must("gc", self.soak:command "gc")
  elseif name == "create" and stat(("%s/%s"):format(self.places.oci, id)) then
    self.soak:problem("create of %s has failed (%s), and its state is there", id, fault)
  end
  self.soak:must("after " .. fault .. " at " .. name, self:words("force", id))
  faults.empty(self.places.state)
end

--- A whole life. With a fault: at this step or any; where a call fails, this one or any.
---@param id string
---@param fault? string one of `faults.KINDS`
---@param at? string
---@param target? test.soak.Target
function Commands:live(id, fault, at, target)
  at = at or fault and faults.any(M.LIFE)
  local pid
  for _, name in ipairs(M.LIFE) do
    local result
    if name == at then
      self.count(fault, "injected")
      result = INJECT[fault](self, name, id, target)
    else
      result = self.soak:run(self:words(name, id))
    end
    if result.code ~= 0 then
      if not fault or result.signal and fault ~= "killed" then
        self.soak:problem("%s %s: %s%s", name, id, result.signal or "", result.text)
      end
      self.count(fault or "none", "failed")
      self.soak:note("%s, %s at %s: %s", id, fault, name, result.text)
      return give_up(self, id, name, fault or "none")
    end
    pid = pid or self:first_process(id)
    if name == "kill" then
      M.wait(pid)
    end
  end
  faults.empty(self.places.state)
end

--- Brings the first container to where a step is next, so that the step can be run for a look.
local READY = {
  create = function(self)
    self.soak:run(self:words("force", faults.FIRST))
  end,
  start = function(self)
    self.soak:run(self:words("force", faults.FIRST))
    self.soak:must("create", self:words("create", faults.FIRST))
  end,
  delete = function(self)
    self.soak:run(self:words("kill", faults.FIRST))
    if not self:first_process(faults.FIRST) then
      self.soak:must("create", self:words("create", faults.FIRST))
    end
    M.kill(self:first_process(faults.FIRST))
    M.wait(self:first_process(faults.FIRST))
  end,
}

function READY:exec()
  READY.start(self)
  self.soak:must("start", self:words("start", faults.FIRST))
end

READY.kill = READY.exec

--- Looks what calls each step makes.
function Commands:calibrate()
  for _, name in ipairs(M.LIFE) do
    self.calls[name] = faults.calibrate(self.soak, function(extra)
      READY[name](self)
      return self:words(name, faults.FIRST, extra)
    end)
  end
end

return M
