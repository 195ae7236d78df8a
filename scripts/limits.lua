#!/usr/bin/env crun-lua
-- Shows limits that bite, on cgroup v1 and v2: a hog is killed at its memory limit, burners get
-- half a processor and no more, a fork bomb is stopped by a number. Each is drawn from what the
-- kernel has counted; the status is 0 only when all have bitten. It needs root, or a group that was
-- delegated. The loads are written in Lua. Without arguments it shows all three.
local cgroup = require "cgroup"
local grid = require "view.table"
local strain = require "cgroup.strain"

local LIMITS =
  { memory = { memory = "32M", swap = 0 }, cpu = { cpu = "50%" }, pids = { pids = 16 } }
local SHOWS = {}

function SHOWS.memory(group, monitor)
  local ended, taken = strain.memory(group, 128, function()
    monitor:sample()
  end)
  local usage = monitor:sample()[1].usage
  local found = "a hog: ended by SIG%s after %d MiB; oom_kill %d, peak %s of %d bytes"
  local peak, limit = usage.memory.peak, usage.memory.limit
  return ended.signal == "kill" and usage.oom_kills > 0 and (not peak or peak <= limit),
    found:format((ended.signal or "?"):upper(), taken, usage.oom_kills, peak or "?", limit)
end

function SHOWS.cpu(group, monitor)
  local first, last ---@type cgroup.Usage, cgroup.Usage
  strain.cpu(group, 4, function()
    last = monitor:sample()[1].usage
    first = first or last
    monitor:wait()
    return last.at - first.at >= 2 and last.cpu.throttled_periods >= 10 or last.at - first.at > 30
  end)
  local share = (last.cpu.usec - first.cpu.usec) / (last.at - first.at) / 10000
  local found = "four burners: %.1f %% of a processor; held back in %d of %d periods"
  return share <= 60 and last.cpu.throttled_periods > 0,
    found:format(share, last.cpu.throttled_periods, last.cpu.periods)
end

function SHOWS.pids(group, monitor)
  local made = strain.pids(group, 64, function()
    monitor:sample()
  end)
  local refused = monitor:sample()[1].usage.limit_hits.pids
  return made == 15 and refused > 0,
    ("a fork bomb: %d children and itself, then EAGAIN; pids.events max %d"):format(made, refused)
end

local names = #arg > 0 and arg or { "memory", "cpu", "pids" }
for _, name in ipairs(names) do
  if not SHOWS[name] then
    io.stderr:write("limits.lua: ", name, ": not a limit\n\n")
    io.stderr:write("usage: crun-lua scripts/limits.lua [memory] [cpu] [pids]\n")
    os.exit(2)
  end
end

local verdicts, status = {}, 0
local may = " " .. table.concat(cgroup_may(), " ") .. " "
for _, name in ipairs(names) do
  local allowed = may:find(" " .. name .. " ", 1, true)
  local bites, found = false, "missing: the host does not let this user set it (see cgroup_may)"
  if allowed then
    grid.print(cgroup.dialects(LIMITS[name]), { columns = cgroup.COLUMNS })
    local group <close> = cgroup.make(("limits-%s-%d"):format(name, proc_stat().pid), LIMITS[name])
    local monitor <close> = cgroup.monitor { groups = { [name] = group }, interval = "100ms" }
    bites, found = SHOWS[name](group, monitor)
    for _, line in ipairs(monitor:draw { metrics = { name } }) do
      -- On v1 a group lies in one hierarchy: that it has no place in the others is as it must be.
      io.write(line:find("^no %l+: ") and "" or line .. "\n")
    end
    print()
  end
  status = bites and status or 1
  verdicts[#verdicts + 1] = { bites and "✓" or allowed and "✗" or "–", name, found }
end
grid.print(verdicts, { columns = { {}, {}, {} }, header = false })
os.exit(status)
