#!/usr/bin/env crun-lua
-- Shows exercise 2: memory and processor time limited, on cgroup v1, on v2 and on a hybrid of both;
-- each limit is met, watched while it is, and judged by what the kernel has counted. Each line that
-- mends the course's solution says what was wrong with it.
--
--   crun-lua scripts/solutions/2_resources.lua             as it should be
--   crun-lua scripts/solutions/2_resources.lua --course    as the course does it, judged the same
--
-- It needs root. The status is 0 only when every row holds.

local cgroup = require "cgroup"
local check = require "hardening.check"
local strain = require "cgroup.strain"

local USAGE = "usage: crun-lua scripts/solutions/2_resources.lua [--course]\n"

local MB = 1 << 20
local LIMIT, HOG, BURNERS = 64, 128, 4

-- How each step is done: as it should be, and as the course does it.
local RIGHT, COURSE = {}, {}

--- Which version is this? Where the controllers are is the question.
function RIGHT.layout()
  return cgroup_layout().kind
end

-- Course: `stat -fc %T /sys/fs/cgroup`, "tmpfs = v1, cgroup2fs = v2". On a hybrid it says tmpfs as
-- well, with cgroup2 mounted a directory below, and it cannot say which of them has a controller.
function COURSE.layout()
  for _, row in ipairs(mountinfo()) do
    if row.mount_point == "/sys/fs/cgroup" then
      return row.fs_type == "cgroup2" and "v2" or "v1"
    end
  end
end

--- The limits, in whichever dialect this machine speaks. Course: no limit of swap. Where there is
-- swap its hog is not killed: it is swapped out, and the whole machine becomes slow.
function RIGHT.limit(group)
  group:set { memory = LIMIT * MB, swap = 0, cpu = "50%" }
end

-- Course: the files of v1, at v1's paths. On v2 the `mkdir -p /sys/fs/cgroup/memory/…` succeeds and
-- makes a group that is called "memory"; it has no file of that name, and nothing is limited.
function COURSE.limit(group)
  group:set {
    writes = {
      { file = "memory.limit_in_bytes", value = LIMIT * MB },
      { file = "cpu.cfs_quota_us", value = 50000 },
      { file = "cpu.cfs_period_us", value = 100000 },
    },
  }
end

--- Who enters the group? The load alone: `spawn` starts it there.
function RIGHT.enter(group)
  return group
end

-- Course: `echo $$ | sudo tee …/cgroup.procs`. $$ is the shell that the learner types into: it
-- stays in the group, the OOM killer may choose it, and the next exercise is slow for no reason.
function COURSE.enter(group)
  group:enter()
end

--- Whether one looks at the group while the load runs.
RIGHT.watches = true
-- Course: `watch cat …` in the next line of the shell, which waits for `stress`: it shows what is
-- left when everything is over, which is nothing.
COURSE.watches = false

--- Where is the processor time counted?
function RIGHT.counter(group)
  return group:stats().cpu.usage_usec
end

-- Course: cpuacct.usage in the group of the hierarchy `cpu`. It is there only where both share a
-- mount; here they may not, and on v2 the number is in cpu.stat.
function COURSE.counter(group)
  for _, dir in ipairs(group.dirs) do
    if dir:find("/cpu/", 1, true) or not dir:find("/cpuacct/", 1, true) then
      local text = try(read_file, dir .. "/cpuacct.usage")
      if text then
        return math.tointeger(text:match("%d+")) // 1000
      end
    end
  end
end

--- What becomes of the group? Its handle removes it.
function RIGHT.tidy(group)
  group:close()
end

-- Course: nothing removes it.
function COURSE.tidy() end

--- The shell that is typed into, played by a child: it starts a load, waits for it, says how it
--- ended, and is still there. `look` is called meanwhile, or afterwards.
local function typed(how, group, load, look)
  local said, go_on = pipe(), pipe()
  local shell = spawn({ die_with_parent = true }, function()
    said.write:write(load(how.enter(group)))
    go_on.read:read(1)
  end)
  said.write:close()
  local answer
  repeat
    local text, err = try(said.read.read, said.read, 64, { timeout = "50ms" })
    answer = text or (err.errno ~= "ETIMEDOUT" and error(err, 0) or nil)
    if how.watches and not answer then
      look()
    end
  until answer
  look()
  return answer, shell
end

local function has(list, value)
  for _, other in ipairs(list) do
    if other == value then
      return true
    end
  end
end

local function memory(how, group, row)
  local seen = 0
  local found, shell = typed(how, group, function(into)
    local ended = strain.memory(into, HOG, function()
      poll({}, { timeout = "5ms" })
    end)
    return (ended.signal or "none"):upper()
  end, function()
    seen = seen + ((group:stats().memory.usage or 0) > MB and 1 or 0)
  end)
  local closing <close> = shell
  row(("a hog of %d MiB is ended by"):format(HOG), "KILL", found)
  local kills = group:events().memory.oom_kill or 0
  row("the group has counted it", "oom_kill ≥ 1", kills, kills >= 1)
  local peak = group:stats().memory.peak or 0
  -- Before Linux 5.19 v2 does not keep the peak: then it is 0.
  row("the peak", "≤ " .. LIMIT * MB, peak, peak <= LIMIT * MB)
  row("it was seen growing", "≥ 3 times", seen, seen >= 3)
  local inside = has(group:pids(), shell.pid)
  row("your shell", "outside", inside and "in the group itself" or "outside")
end

local function cpu(how, group, row)
  local answer, shell = typed(how, group, function(into)
    local first, last
    strain.cpu(into, BURNERS, function()
      poll({}, { timeout = "50ms" })
      local stats = group:stats().cpu
      last = { at = clock("monotonic"), usec = stats.usage_usec, held = stats.nr_throttled }
      first = first or last
      return last.at - first.at >= 2 and last.held >= first.held + 5 or last.at - first.at > 20
    end)
    local share = (last.usec - first.usec) / (last.at - first.at) / 10000
    return ("%.0f %d"):format(share, last.held - first.held)
  end, function() end)
  local closing <close> = shell
  local share, held = answer:match("(%d+) (%d+)")
  local name = ("%d burners have of one processor"):format(BURNERS)
  row(name, "≤ 60 %", share .. " %", tonumber(share) <= 60)
  row("they were held back", "≥ 5 periods", held, tonumber(held) >= 5)
  local inside = has(group:pids(), shell.pid)
  row("your shell, once more", "outside", inside and "in the group itself" or "outside")
end

local function judge(how)
  local rows, row = check.report()
  row("control groups here are", RIGHT.layout(), how.layout())
  local name = ("solution-2-%d"):format(proc_stat().pid)
  local group <close> = cgroup.make(name, { controllers = "all" })
  local dirs = group.dirs
  local _, refused = try(how.limit, group)
  local set = group:get()
  row("the limit of memory", LIMIT * MB, set.memory)
  local quota = type(set.cpu) == "table" and set.cpu or {}
  row("the limit of processor time", "50000/100000", ("%s/%s"):format(quota.quota, quota.period))
  row("setting them", "no error", refused and (refused.errno or refused.message) or "no error")
  memory(how, group, row)
  cpu(how, group, row)
  local used = how.counter(group)
  row("processor time is read", "> 0 µs", used or "no such file", (used or 0) > 0)
  how.tidy(group)
  local left = 0
  for _, dir in ipairs(dirs) do
    left = left + (stat(dir) and 1 or 0)
  end
  row("directories that are left", 0, left)
  return rows
end

if #arg > 1 or arg[1] and arg[1] ~= "--course" then
  io.stderr:write("2_resources.lua: ", arg[2] or arg[1], ": not an option\n\n", USAGE)
  os.exit(2)
end
os.exit(check.print(judge(arg[1] and COURSE or RIGHT)) == 0 and 0 or 1)
