--- Exercise 2, the end: a whole group is ended, and nobody of the same name outside of it.
---
--- ```lua
--- assert(require("lab.ex2.kill").id == "kill")
--- ```
local cgroup = require "cgroup"
local groups = require "lab.ex2.groups"

local FAMILY = 5

--- Processes that leave each other: each in a session of its own, with no living parent in the
--- group.
local function family()
  for _ = 1, FAMILY do
    local between = spawn(function()
      local orphan = spawn(function()
        setsid()
        exec { "sleep", "600" }
      end)
      orphan:keep()
    end)
    between:wait()
  end
end

return {
  id = "kill",
  title = "End a whole group, and nobody else",
  needs = { "root", "cgroup:pids" },
  text = [[
The group that is named below is full of processes that have nothing in common but the group: each
has a session of its own, and their parents are gone. End all of them. Beside the group runs
another process that looks the same (given as: bystander); it must live.]],
  setup = function(t)
    local name = t.prefix .. "-many"
    local group = cgroup.make(name, { pids = 64 }):keep()
    local bystander = spawn(function()
      exec { "sleep", "600" }
    end)
    local first = spawn({ cgroup = group }, function()
      family()
      exec { "sleep", "600" }
    end)
    -- All are there before anybody counts them.
    for _ = 1, 500 do
      if #group:pids() == FAMILY + 1 then
        break
      end
      poll({}, { timeout = "10ms" })
    end
    t:give { group = name, bystander = bystander, first = first }
  end,
  action = function(t)
    cgroup_open(t.given.group):kill { host = true }
  end,
  observe = { "cat /sys/fs/cgroup/pids/$group/cgroup.procs", "ps -o pid,ppid,sid,cmd -C sleep" },
  checks = {
    {
      "the bystander lives",
      function(t)
        local pid = t.given.bystander
        local now = proc_stat(pid)
        local lives = now and now.state ~= "Z"
        t:ok(lives, ("the bystander (%d) is dead"):format(pid), "ps -p " .. pid)
      end,
    },
    {
      "nobody is left in the group",
      function(t)
        local name, left = t.given.group, {}
        -- Removed with its members is as good as empty.
        if try(cgroup_open, name) then
          local group <close> = groups.find(t, "pids")
          for _, pid in ipairs(group.members()) do
            local now = proc_stat(pid)
            left[#left + 1] = now and now.state ~= "Z" and pid or nil
          end
        end
        local see = ("cat /sys/fs/cgroup/pids/%s/cgroup.procs"):format(name)
        t:eq(#left, 0, "living members of the group", see)
      end,
    },
  },
  hints = {
    "Names, parents and sessions are what they call themselves; membership is what the kernel"
      .. " knows.",
    "The group lists its members. Between reading the list and killing, more can come.",
    "v2 has cgroup.kill; on v1 read cgroup.procs until it is empty. The method kill does both.",
  },
  decoys = {
    {
      "everybody who is called sleep",
      function(t)
        kill(t.given.bystander, "kill")
        for _, pid in ipairs(cgroup_open(t.given.group):pids()) do
          kill(pid, "kill")
        end
      end,
      says = "the bystander",
    },
    {
      "the first process, with its children",
      function(t)
        kill(t.given.first, "kill")
      end,
      says = "living members of the group",
    },
    {
      "a signal that can wait",
      function(t)
        for _, pid in ipairs(cgroup_open(t.given.group):pids()) do
          kill(pid, "stop")
        end
      end,
      says = "living members of the group",
    },
  },
  lesson = [[
A container ends when its group is empty: a child that leaves its session, its parent and its name
cannot leave the group. This is why a runtime kills by the group, and why `killall` is no such
thing.]],
}
