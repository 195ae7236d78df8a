--- Containers of one long process (`tests/soak/owner.lua`), which is asked by a line for each and
--- answers by a line: what it must not do is to grow. Others of these containers have an owner
--- each, that is killed.
---
--- ```lua
--- local keeper = require "test.soak.keeper"
---
--- local options, planned = keeper.plan(1000, 10, 50)
--- assert(planned > 0 and options[1] == "--fault" and options[2]:find "^%d+:E%u+$")
--- ```
local faults = require "test.soak.faults"
local commands = require "test.soak.commands"

local M = {}

---@class test.soak.Keeper
---@field soak test.soak.Runner
---@field places { state: string, root: string, script: string }
---@field kinds string[] of containers
---@field calls table<string, test.soak.Calls> of an owner that makes one, by kind
---@field count fun(fault: string, what: "injected"|"failed")
---@field process any
local Keeper = {}
Keeper.__index = Keeper

---@param soak test.soak.Runner
---@param places { state: string, root: string, script: string } what can be full, a container's
--- root, and the script of the owner
---@param kinds string[]
---@param count fun(fault: string, what: "injected"|"failed")
---@return test.soak.Keeper
function M.new(soak, places, kinds, count)
  return setmetatable({
    soak = soak,
    places = places,
    kinds = kinds,
    count = count,
    calls = {},
    unread = "",
  }, Keeper)
end

--- An owner of one container.
---@param name string
---@param kind string
---@param extra? string[]
---@return string[]
function Keeper:once(name, kind, extra)
  local rest = { self.places.script, self.places.root, "once", name, kind }
  return self.soak:command(extra or {}, rest)
end

--- Looks what calls an owner of each kind of container makes.
function Keeper:calibrate()
  for _, kind in ipairs(self.kinds) do
    self.calls[kind] = self.calls[kind]
      or faults.calibrate(self.soak, function(extra)
        return self:once(faults.FIRST, kind, extra)
      end)
  end
end

--- The calls of a long process that fail: their numbers lie as far from each other as the share of
--- faults wants it. Children count on from their parent's number, so a number comes up in several.
---@param containers integer
---@param share integer one of so many fails
---@param each number how many calls a container takes
---@return string[] options
---@return integer planned how many of them the process will come to by itself
function M.plan(containers, share, each)
  local options, planned, number = {}, 0, 0
  local gap = each * share * #faults.KINDS / 2
  while number < each * containers do
    number = number + math.random(1, math.ceil(2 * gap))
    options[#options + 1] = "--fault"
    options[#options + 1] = ("%d:%s"):format(number, faults.any(faults.ERRNOS))
    planned = planned + (number < each * containers / 2 and 1 or 0)
  end
  return options, planned
end

--- Starts the long process.
---@param options string[]
function Keeper:hire(options)
  self.process = spawn({ name = "owner", stdin = "pipe", stdout = "pipe" }, function()
    exec(self.soak:command(options, { self.places.script, self.places.root }))
  end)
end

local function answer(self)
  local hangs = require("test.soak.runner").HANGS
  local give_up_at = clock "monotonic" + 60
  while not self.unread:find "\n" do
    local ready = poll({ self.process.stdout }, { timeout = hangs })
    local text = #ready > 0 and self.process.stdout:read(4096)
    if not text or clock "monotonic" > give_up_at then
      error("the owner has ended, or hangs: " .. self.unread, 0)
    end
    self.unread = self.unread .. text
  end
  local line, rest = self.unread:match "^(.-)\n(.*)$"
  self.unread = rest
  return line
end

--- Asks the long process.
---@param ... string the words of a line
---@return string answer
function Keeper:ask(...)
  self.process.stdin:write(table.concat({ ... }, " ") .. "\n")
  return answer(self)
end

--- Lets it end.
---@return integer? code
function Keeper:dismiss()
  self.process.stdin:close()
  local ended = self.process:wait { timeout = require("test.soak.runner").HANGS }
  return ended and ended.code
end

--- A container whose owner is killed; `gc` collects, also while somebody holds the lock.
local function by_another(self, name, kind, fault)
  self.count(fault, "injected")
  local result = faults.killed(self.soak, self.calls[kind], function(extra)
    return self:once(name, kind, extra)
  end)
  if result.code ~= 0 then
    self.count(fault, "failed")
  end
  local path = ("%s/containers/%s/running"):format(self.places.state, name)
  local lock = fault == "lock" and stat(path) and try(file_lock, path, { wait = false })
  self.soak:note("%s (%s), %s", name, kind, fault)
  local gc <close> = self.soak:start(self.soak:command "gc")
  if lock then
    poll({}, { timeout = ("%dms"):format(math.random(100)) })
    lock:close()
  end
  local collected = self.soak:finish(gc, { "gc" })
  local said = self:ask("forget", name)
  if collected.code ~= 0 or said ~= "forgotten" then
    self.soak:problem("gc after %s of %s: %s%s", fault, name, collected.text, said)
  end
end

--- A container of the long process with something that goes wrong between two steps.
local function make_with(self, name, kind, fault)
  self.count(fault, "injected")
  local said = self:ask("make", name, kind, faults.any(commands.LIFE))
  local pid = said:match "^at%s%S+%s(%d+)$"
  if not pid then
    return said
  elseif fault == "full" then
    faults.fill(self.places.state)
  else
    commands.kill(tonumber(pid) > 0 and tonumber(pid) or nil)
  end
  said = self:ask "go"
  faults.empty(self.places.state)
  return said
end

--- A whole life. Calls of the long process fail by themselves, as it was started.
---@param name string
---@param fault? string one of `faults.KINDS`
function Keeper:live(name, fault)
  local kind = faults.any(self.kinds)
  if fault == "killed" or fault == "lock" then
    return by_another(self, name, kind, fault)
  end
  if fault == "errno" then
    fault = nil
  end
  local said = fault and make_with(self, name, kind, fault) or self:ask("make", name, kind)
  if said == "made" then
    return
  end
  if not fault and faults.is_injected(said) then
    fault = "errno"
  end
  self.count(fault or "none", "failed")
  self.soak:note("%s (%s), %s: %s", name, kind, fault, said)
  local again = said:match "then delete: (.*)"
  if again and faults.is_injected(again) then
    -- Two calls have failed, the second while the first was answered: who asks once more has it.
    again = self:ask("forget", name)
    again = again ~= "forgotten" and again or nil
  end
  if not fault or again then
    self.soak:problem("%s (%s, %s): %s%s", name, kind, fault, said, again or "")
  end
end

return M
