--- Lets some system calls of a program fail or be late: how does it take that?
---
--- ```lua
--- local supervise = require "supervise"
---
--- local result = supervise.run({
---   notify = supervise.faults { mkdir = { every = 2, errno = "ENOSPC" } },
---   filter = { errno = { "mkdirat" } },
--- }, { "python3", "-c", [[
--- import os, tempfile
--- top, failed = tempfile.mkdtemp(), 0
--- for n in range(4):
---     try: os.mkdir(f"{top}/{n}")
---     except OSError as e: failed += e.errno == 28
--- import shutil; shutil.rmtree(top); exit(failed)
--- ]] })
--- assert(result.code == 2)
--- ```
---
--- The calls are counted over all processes of the command, in the order in which the kernel has
--- stopped them.
local options = require "options"

local M = {}

---@class supervise.Fault
---@field errno? string|integer the error; without it the call is only late, or allowed
---@field every? integer each such call of so many: 3 for the third, the sixth …
---@field at? integer|integer[] these calls, counted from 1
---@field chance? number how often, from 0 to 1
---@field seed? integer for `chance`: the same faults in each run
---@field match? fun(req: supervise.Request): boolean only such calls are counted
---@field delay? string|number how late

local KNOWN = {
  errno = { "string", "integer" },
  every = "integer",
  at = { "integer", "list" },
  chance = "number",
  seed = "integer",
  match = "function",
  delay = { "string", "number" },
}

-- A small generator of its own: math.random is the script's.
local function random(seed)
  local state = seed & 0xffffffff
  return function()
    state = (state * 1664525 + 1013904223) & 0xffffffff
    return state / 0x100000000
  end
end

local function chooser(op, fault)
  local ways = (fault.every and 1 or 0) + (fault.at and 1 or 0) + (fault.chance and 1 or 0)
  if ways > 1 then
    options.fail(op, "`every`, `at` and `chance` exclude each other")
  end
  if fault.every then
    if fault.every < 1 then
      options.fail(op, ("every: expected 1 or more, got %d"):format(fault.every))
    end
    return function(count)
      return count % fault.every == 0
    end
  elseif fault.at then
    local wanted = {}
    for _, number in ipairs(type(fault.at) == "table" and fault.at or { fault.at }) do
      wanted[number] = true
    end
    return function(count)
      return wanted[count]
    end
  elseif fault.chance then
    if fault.chance < 0 or fault.chance > 1 then
      options.fail(op, ("chance: expected a number from 0 to 1, got %s"):format(fault.chance))
    end
    local draw = random(fault.seed or 1)
    return function()
      return draw() < fault.chance
    end
  end
  return function()
    return true
  end
end

--- The functions, for `notify`.
---@param faults table<string, supervise.Fault>
---@return table<string, fun(req: supervise.Request)>
function M.notify(faults)
  options.expect("supervise.faults", "faults", faults, "table")
  local notify = {}
  for name, fault in pairs(faults) do
    local op = ("supervise.faults: %s"):format(tostring(name))
    fault = options.check(op, fault, KNOWN)
    if not (fault.errno or fault.delay) then
      options.fail(op, "says neither an `errno` nor a `delay`")
    end
    local chosen, count = chooser(op, fault), 0
    notify[name] = function(req)
      if fault.match and not fault.match(req) then
        return req:allow()
      end
      count = count + 1
      if not chosen(count) then
        return req:allow()
      end
      if fault.delay then
        req:delay(fault.delay)
      end
      if fault.errno then
        req:errno(fault.errno)
      else
        req:allow()
      end
    end
  end
  return notify
end

return M
