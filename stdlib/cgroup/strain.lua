--- Loads that run into limits, in Lua: memory that is taken, processors that are kept busy,
--- processes that are started. To show limits and to test them; no program of the host is needed.
---
--- Each runs in a group that its caller has limited, is bounded, and calls `look` meanwhile, which
--- is where a monitor samples.
---
--- ```lua
--- local cgroup = require "cgroup"
--- local strain = require "cgroup.strain"
---
--- local group <close> = cgroup.make("strain-example", { pids = 4 })
--- local made = strain.pids(group, 16)
--- assert(made < 4 and group:events().pids.max >= 1)
--- ```
local M = {}

local MB = 1 << 20

local function nothing() end

--- Takes memory, a megabyte a step, and keeps it.
---
--- ```lua
--- local cgroup = require "cgroup"
--- local strain = require "cgroup.strain"
---
--- local group <close> = cgroup.make("strain-memory-example", { memory = "32M" })
--- local result = strain.memory(group, 8)
--- assert(result.code == 0)
--- ```
---@param group any a handle
---@param megabytes integer where it ends by itself
---@param look? fun() called after each step, while the process stands still
---@return table result as `process:wait` answers it: `signal` is "kill" where the limit has bitten
---@return integer taken megabytes
function M.memory(group, megabytes, look)
  look = look or nothing
  local step, done = pipe(), pipe()
  local child <close> = spawn({ cgroup = group, die_with_parent = true }, function()
    local kept = {}
    for count = 1, megabytes do
      kept[count] = ("x"):rep(MB - 64) .. count
      done.write:write("x")
      step.read:read(1)
    end
    return #kept == megabytes and 0 or 1
  end)
  -- Its end is the end of the answers.
  done.write:close()
  local taken = 0
  while done.read:read(1) do
    taken = taken + 1
    look()
    step.write:write("x")
  end
  local result = child:wait()
  for _, fd in ipairs { done.read, step.read, step.write } do
    fd:close()
  end
  return result, taken
end

--- Keeps processors busy until `enough` says so.
---
--- ```lua
--- local cgroup = require "cgroup"
--- local strain = require "cgroup.strain"
---
--- local group <close> = cgroup.make("strain-cpu-example", { cpu = "50%" })
--- local rounds = 0
--- strain.cpu(group, 1, function()
---   rounds = rounds + 1
---   poll({}, { timeout = "10ms" })
---   return rounds == 2
--- end)
--- ```
---@param group any a handle
---@param count integer how many processes compute
---@param enough fun(): boolean called again and again; it is what waits
function M.cpu(group, count, enough)
  local burners <close> = setmetatable({}, {
    __close = function(list)
      for _, burner in ipairs(list) do
        burner:close()
      end
    end,
  })
  for index = 1, count do
    burners[index] = spawn({ cgroup = group, die_with_parent = true }, function()
      while true do
        -- A call each time, so that the loop is not empty for any reader or compiler.
        nothing()
      end
    end)
  end
  repeat
  until enough()
end

--- Starts processes that stay, until the limit stops it.
---@param group any a handle
---@param most integer where it stops by itself
---@param look? fun() called while all of them live
---@return integer made besides the process that makes them
function M.pids(group, most, look)
  local made, go_on = pipe(), pipe()
  local bomb <close> = spawn({ cgroup = group, die_with_parent = true }, function()
    local function stay()
      go_on.read:read(1)
    end
    local children = {}
    while #children < most do
      local child, err = try(spawn, { die_with_parent = true }, stay)
      if not child then
        -- EAGAIN is the limit (clone(2)); anything else is a failure of this test.
        children = err.errno == "EAGAIN" and children or error(err, 0)
        break
      end
      children[#children + 1] = child
    end
    made.write:write(("%d\n"):format(#children))
    stay()
  end)
  made.write:close()
  local count = math.tointeger((made.read:read(32) or ""):match("%d+"))
  if not count then
    bomb:wait()
  end
  (look or nothing)()
  bomb:kill("kill")
  bomb:wait()
  for _, fd in ipairs { made.read, go_on.read, go_on.write } do
    fd:close()
  end
  return count or 0
end

return M
