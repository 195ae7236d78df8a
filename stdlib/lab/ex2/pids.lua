--- Exercise 2, processes: a fork bomb that is stopped by a number.
---
--- ```lua
--- assert(require("lab.ex2.pids").id == "pids")
--- ```
local cgroup = require "cgroup"
local groups = require "lab.ex2.groups"

-- A number at which the machine does not notice the bomb, and how far the bomb goes by itself.
local MOST, BOUND = 64, 200

--- A bomb that stays: it forks until it is refused, or until it has had enough.
local function bomb(group, bound)
  return spawn({ cgroup = group }, function()
    local children = {}
    while #children < (bound or BOUND) do
      local child = try(spawn, function()
        exec { "sleep", "600" }
      end)
      if not child then
        break
      end
      children[#children + 1] = child
    end
    while true do
      poll({}, { timeout = "10s" })
    end
  end)
end

local function limited(t, limits)
  return cgroup.make(t.given.group, limits):keep()
end

return {
  id = "pids",
  title = "Stop a fork bomb by a number",
  needs = { "root", "cgroup:pids" },
  text = [[
Make the control group that is named below, with room for at most 64 processes, and let something
in it fork without end (crun-lua probe forks 200 --hold 600). The kernel has to refuse it. Hand
over the number of a process of it that still lives.]],
  answers = { pid = "a process of the bomb" },
  setup = function(t)
    t:give { group = t.prefix .. "-bomb" }
  end,
  action = function(t)
    t:answer { pid = bomb(limited(t, { pids = 32 })) }
  end,
  observe = {
    "cat /sys/fs/cgroup/pids/$group/pids.max /sys/fs/cgroup/pids/$group/pids.current",
    "cat /sys/fs/cgroup/pids/$group/pids.events",
  },
  checks = {
    {
      "the group has a limit of processes",
      function(t)
        local group <close> = groups.find(t, "pids")
        local most = group.handle:get().pids
        local see = ("cat %s/pids.max"):format(group.dir)
        t:le(most == "max" and math.huge or most, MOST, "the limit of processes", see)
      end,
    },
    {
      "the bomb is in the group, and your shell is not",
      function(t)
        local group <close> = groups.find(t, "pids")
        groups.holds(t, group, t:pid "pid", { nested = true })
      end,
    },
    {
      "the kernel has refused a fork",
      function(t)
        local group <close> = groups.find(t, "pids")
        local refused = group.handle:events().pids.max or 0
        t:ge(refused, 1, "forks that were refused", ("cat %s/pids.events"):format(group.dir))
      end,
    },
    {
      "the group is not fuller than it may be",
      function(t)
        local group <close> = groups.find(t, "pids")
        local now = group.handle:stats().pids.current
        local most = group.handle:get().pids
        t:le(now, most, "processes in the group", ("cat %s/pids.current"):format(group.dir))
      end,
    },
  },
  hints = {
    "What a bomb uses up first is neither memory nor time: it is process numbers.",
    "A controller counts the processes of a group and of those below it, and fork answers EAGAIN.",
    "cgroup_set(name, { pids = … }) first; then spawn({ cgroup = … }, …) something that forks.",
  },
  decoys = {
    {
      "the limit of a user (ulimit -u) instead of the group's",
      function(t)
        local group = limited(t, { controllers = "all" })
        local load = spawn({ cgroup = group }, function()
          rlimit { nproc = 32 }
          exec { "sleep", "600" }
        end)
        t:answer { pid = load }
      end,
      says = "the limit of processes",
    },
    {
      "a limit, and nothing that meets it",
      function(t)
        t:answer { pid = bomb(limited(t, { pids = 32 }), 3) }
      end,
      says = "forks that were refused",
    },
    {
      "a limit that comes after the bomb",
      function(t)
        local group = limited(t, { pids = 200 })
        local first = bomb(group, 60)
        for _ = 1, 500 do
          if #group:pids() > 60 then
            break
          end
          poll({}, { timeout = "10ms" })
        end
        group:set { pids = 10 }
        t:answer { pid = first }
      end,
      says = "forks that were refused",
    },
    {
      "a bomb beside the group",
      function(t)
        limited(t, { pids = 32 })
        t:answer { pid = bomb(nil, 3) }
      end,
      says = "is not in the group",
    },
  },
  lesson = [[
The limit counts processes and threads of the group and of all below it, whoever they belong to;
ulimit -u counts those of a user on the whole machine, and not at all for root. The course's
solution sets neither: its container can take every process number that the host has.]],
}
