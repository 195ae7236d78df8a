--- Exercise 2, processor time: a quota that holds, measured and counted.
---
--- ```lua
--- assert(require("lab.ex2.cpu").id == "cpu")
--- ```
local cgroup = require "cgroup"
local groups = require "lab.ex2.groups"

-- How long is measured: twenty periods. Ticks of the kernel's clock are 10 ms.
local WINDOW, TICKS = 2, 100

local function burn()
  return spawn(function()
    local count = 0
    while true do
      count = count + 1
    end
  end)
end

--- A process in the group that keeps two others busy.
local function load(group)
  return spawn({ cgroup = group }, function()
    burn()
    burn()
    while true do
      poll({}, { timeout = "10s" })
    end
  end)
end

local function limited(t, limits)
  return cgroup.make(t.given.group, limits):keep()
end

local function used(pids)
  local ticks = 0
  for _, pid in ipairs(pids) do
    local now = proc_stat(pid)
    ticks = ticks + (now and now.utime + now.stime or 0)
  end
  return ticks / TICKS
end

return {
  id = "cpu",
  title = "Give a load half a processor",
  needs = { "root", "cgroup:cpu" },
  text = [[
Make the control group that is named below, so that all its members together get half of one
processor and no more. Let something compute in it that would like more (crun-lua probe burn 600
-n 2), and hand over the number of a process of it. Your own shell is to stay outside.]],
  answers = { pid = "a process of the load" },
  setup = function(t)
    t:give { group = t.prefix .. "-box" }
  end,
  action = function(t)
    -- The weight lets it reach its quota also where others are busy.
    local group = limited(t, { cpu = "50%", cpu_weight = 10000 })
    t:answer { pid = load(group) }
  end,
  observe = {
    "cat /sys/fs/cgroup/cpu/$group/cpu.cfs_quota_us /sys/fs/cgroup/cpu/$group/cpu.cfs_period_us",
    "cat /sys/fs/cgroup/cpu/$group/cpu.stat",
    "crun-lua top $group",
  },
  checks = {
    {
      "the group has a quota of half a period",
      function(t)
        local group <close> = groups.find(t, "cpu")
        local cpu = group.handle:get().cpu
        local v1 = group.dialect == "v1"
        local see = v1
            and ("cat %s/cpu.cfs_quota_us %s/cpu.cfs_period_us"):format(group.dir, group.dir)
          or ("cat %s/cpu.max"):format(group.dir)
        if type(cpu) ~= "table" or type(cpu.quota) ~= "number" then
          local expected = "a quota that is half of the period"
          t:fail { what = "the group has no quota", expected = expected, found = cpu, see = see }
        end
        t:eq(cpu.quota * 100 / cpu.period, 50.0, "the quota, in percent of the period", see)
      end,
    },
    {
      "a process of the load is in the group, and your shell is not",
      function(t)
        local group <close> = groups.find(t, "cpu")
        groups.holds(t, group, t:pid "pid")
      end,
    },
    {
      "the load gets half a processor, and is held back",
      function(t)
        local group <close> = groups.find(t, "cpu")
        local members = group.members()
        local before, since = used(members), clock "monotonic"
        poll({}, { timeout = WINDOW .. "s" })
        local share = (used(members) - before) / (clock "monotonic" - since) * 100
        local see = ("grep throttled %s/cpu.stat"):format(group.dir)
        share = math.floor(share)
        -- Where others are busy too it gets less than its half; then it is seldom held back.
        t:ge(share, 5, "processor time of the load, in percent of one", see)
        -- 55, and one tick more for each process that was looked at.
        t:le(share, 55 + #members, "processor time of the load, in percent of one", see)
        local held = group.handle:stats().cpu.nr_throttled
        t:ge(held, 3, "periods in which it was held back", see)
      end,
      { deadline = "40s" },
    },
  },
  hints = {
    "A share (cpu.shares, cpu.weight) matters only where others want the processor too. What holds"
      .. " always?",
    "A quota is time in each period: on v1 two files, on v2 one file with two numbers.",
    'cgroup_set(name, { cpu = "…" }); in a shell write 50000 where the period is 100000. Then'
      .. " a process in the group has to compute.",
  },
  decoys = {
    {
      "the course's `echo $$`: the shell itself is put into the group",
      function(t)
        limited(t, { cpu = "50%" }):enter()
        t:answer { pid = load() }
      end,
      says = "your shell is in the group as well",
      course = true,
    },
    {
      "a weight instead of a quota",
      function(t)
        t:answer { pid = load(limited(t, { cpu_weight = 50 })) }
      end,
      says = "the group has no quota",
    },
    {
      "half of two processors",
      function(t)
        t:answer { pid = load(limited(t, { cpu = "100%" })) }
      end,
      says = "the quota, in percent of the period",
    },
    {
      "a load that sleeps",
      function(t)
        local group = limited(t, { cpu = "50%" })
        local sleeper = spawn({ cgroup = group }, function()
          exec { "sleep", "600" }
        end)
        t:answer { pid = sleeper }
      end,
      says = "processor time of the load",
    },
    {
      "a load outside of the group",
      function(t)
        limited(t, { cpu = "50%" })
        t:answer { pid = load() }
      end,
      says = "is not in the group",
    },
  },
  lesson = [[
A quota is hard: the group runs until its 50 ms are used, on however many processors, and then
stands still to the end of the period. nr_throttled counts these periods. The course looks for
cpuacct.usage beside the quota: it is there only where both controllers share a mount, and never
on v2.]],
}
