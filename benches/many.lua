--- Many containers alive at once under one script: what a start costs when there are few and when
--- there are hundreds, and what each costs this script in memory.
---
--- `crun-lua benches/many.lua [COUNT]`, as root; 500 without a number. Each runs `sleep`. Nothing
--- may be left: processes are counted by their parent, state files and control groups by name.
local container = require "container"

local COUNT = tonumber(arg[1]) or 500
local FEW, ROUNDS = 10, 5

local function names(dir)
  return stat(dir) and #list_dir(dir) or 0
end

--- What this script answers for: children, descriptors, the containers' state, cgroups.
local function count()
  return {
    children = #proc_children(),
    descriptors = #list_dir("/proc/self/fd"),
    states = names(state_dir() .. "/containers"),
    groups = names "/sys/fs/cgroup" + names "/sys/fs/cgroup/memory",
  }
end

--- Memory that is this process's alone, in KiB (proc_pid_smaps(5)).
local function private()
  collectgarbage()
  collectgarbage()
  local total = 0
  for size in read_file("/proc/self/smaps_rollup"):gmatch("Private_%a+:%s+(%d+)") do
    total = total + tonumber(size)
  end
  return total
end

local function start(group, index)
  local begun = clock "monotonic"
  local box = container.new { name = "many-" .. index, rootfs = "host" }
  group:start(box, { "sleep", "1000" }, { output = "null" })
  return (clock "monotonic" - begun) * 1000
end

local function middle(times, from, to)
  local list = table.move(times, from, to, 1, {})
  table.sort(list)
  return list[1], list[(#list + 1) // 2]
end

--- Starts of a group of few. The first ones of a script also load modules and look at the host.
local function some()
  local group <close> = container.group()
  local made = {}
  for index = 1, FEW do
    made[index] = start(group, index)
  end
  return made
end

some()
local first = {}
for _ = 1, ROUNDS do
  local made = some()
  table.move(made, 1, #made, #first + 1, first)
end
local before = count()
local group = container.group()
local times, few = {}, nil
for index = 1, COUNT do
  times[index] = start(group, index)
  if index == FEW then
    few = private()
  end
end
local each = (private() - few) / (COUNT - FEW)
local alive = count()
assert(alive.children - before.children == COUNT, "not all are alive")

local least, usual = middle(first, 1, #first)
local from = COUNT - #first + 1
local last_least, last_usual = middle(times, from, COUNT)
local format = "start, %d to %d: min %.2f ms, median %.2f ms   × %.2f, × %.2f%s"
print(format:format(1, FEW, least, usual, 1, 1, ""))
local ratios = { last_least / least, last_usual / usual, " (limit 1.3)" }
print(format:format(from, COUNT, last_least, last_usual, table.unpack(ratios)))
print(("memory of this script for each: %.1f KiB (limit 64)"):format(each))
local open = (alive.descriptors - before.descriptors) / COUNT
print(("descriptors of this script for each: %.1f"):format(open))

local begun = clock "monotonic"
group:stop { timeout = "1s" }
local stopped = clock "monotonic"
group:close()
local closed = clock "monotonic"
local whole = { (stopped - begun) * 1000 / COUNT, (closed - stopped) * 1000 / COUNT }
print(("stopping: %.2f ms each; removing: %.2f ms each"):format(table.unpack(whole)))
local after = count()
for what, number in pairs(before) do
  if what ~= "descriptors" then
    assert(after[what] == number, ("%s: %d before, %d left"):format(what, number, after[what]))
  end
end
print("nothing is left: no process, no state, no control group")
