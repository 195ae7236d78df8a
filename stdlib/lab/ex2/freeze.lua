--- Exercise 2, standing still: a group that is frozen as a whole, and one that is to go on again.
---
--- ```lua
--- local steps = require "lab.ex2.freeze"
---
--- assert(steps[1].id == "freeze" and steps[2].id == "thaw")
--- ```
local cgroup = require "cgroup"
local groups = require "lab.ex2.groups"
local needs = require "needs"
local places = require "cgroup.places"

-- `freezer`: v1's hierarchy of that name, or v2, where every group can.
needs.add("freezer", function()
  return places.controllers().freezer.reason
end)

-- What is frozen gets no tick in this time. The load computes all the time.
local LOOK = "400ms"

--- Two processes that compute, in a group of their own. The group is the only way to both at once.
local function computing(t, name)
  local group = cgroup.make(name, { pids = 64 }):keep()
  local list = {}
  for index = 1, 2 do
    list[index] = spawn({ cgroup = group }, function()
      local count = 0
      while true do
        count = count + 1
      end
    end)
  end
  t:give { group = name, first = list[1], second = list[2] }
  return group
end

local function prepared(t)
  return { t.given.first, t.given.second }
end

local function ticks(pid)
  local now = proc_stat(pid)
  return now and now.utime + now.stime
end

local function alive(t)
  for _, pid in ipairs(prepared(t)) do
    local now = proc_stat(pid)
    if not now or now.state == "Z" then
      local what = ("the process %d has ended"):format(pid)
      t:fail { what = what, expected = "both live", see = "ps -p " .. pid }
    end
  end
end

--- Whether each of the two computes now.
local function run(t)
  local before = {}
  for index, pid in ipairs(prepared(t)) do
    before[index] = ticks(pid)
  end
  poll({}, { timeout = LOOK })
  local moved = {}
  for index, pid in ipairs(prepared(t)) do
    moved[index] = (ticks(pid) or 0) > (before[index] or 0)
  end
  return moved
end

local function state_file(group)
  return group.dialect == "v1" and "freezer.state" or "cgroup.events"
end

--- Frozen in v1's freezer or, where there is a v2 hierarchy beside it, in that one.
local function is_frozen(t, group)
  for _, dir in ipairs(group.dirs) do
    local v1, v2 = t:read(dir .. "/freezer.state"), t:read(dir .. "/cgroup.events")
    if v1 == "FROZEN" or (v2 or ""):find("frozen 1", 1, true) then
      return true
    end
  end
  return false
end

local function by_hand(t, signal)
  for _, pid in ipairs(prepared(t)) do
    kill(pid, signal)
  end
end

return {
  {
    id = "freeze",
    title = "Stop a group where it stands, without a signal",
    needs = { "root", "freezer", "cgroup:pids" },
    text = [[
In the group that is named below two processes compute. Freeze the group: both are to stand still
at once, whoever they are and whatever they do about signals, and to live on.]],
    setup = function(t)
      computing(t, t.prefix .. "-busy")
    end,
    action = function(t)
      local group = cgroup_open(t.given.group)
      group:freeze { host = true }
    end,
    observe = {
      "cat /sys/fs/cgroup/freezer/$group/freezer.state",
      "grep State /proc/$first/status",
      "cat /proc/$first/stat",
    },
    checks = {
      { "both processes live", alive },
      {
        "the kernel says that the group is frozen",
        function(t)
          local group <close> = groups.find(t, "freezer")
          local frozen = is_frozen(t, group)
          local see = ("cat %s/%s"):format(group.dir, state_file(group))
          t:eq(frozen, true, "the group is frozen", see)
        end,
      },
      {
        "neither of them gets any processor time",
        function(t)
          local moved = run(t)
          for index, pid in ipairs(prepared(t)) do
            local see = ("cut -d' ' -f14,15 /proc/%d/stat"):format(pid)
            t:ok(not moved[index], ("the process %d still computes"):format(pid), see)
          end
        end,
      },
    },
    hints = {
      "SIGSTOP goes to one process at a time, its parent is told of it, and whoever may can undo"
        .. " it.",
      "On v1 it is a hierarchy of its own, freezer, and a file with a state; on v2 every group"
        .. " can.",
      "cgroup_open(name), and the method freeze with { host = true }: the group is not yours.",
    },
    decoys = {
      {
        "SIGSTOP to both",
        function(t)
          by_hand(t, "stop")
        end,
        says = "the group is frozen",
      },
      {
        "both are killed",
        function(t)
          by_hand(t, "kill")
        end,
        says = "has ended",
      },
      {
        "nobody may run a moment longer: a limit of processor time, and the kernel ends them",
        function(t)
          for _, pid in ipairs(prepared(t)) do
            capture { "prlimit", "--cpu=0", "--pid", tostring(pid) }
          end
          poll({}, { timeout = "1500ms" })
        end,
        needs = { "program:prlimit" },
        says = "has ended",
      },
    },
    lesson = [[
A frozen process is no stopped one: nobody is told, and SIGCONT does not wake it. This is how
docker pause works, and how a group is looked at or snapshot while it does not change.]],
  },
  {
    id = "thaw",
    title = "A container hangs: let it go on",
    needs = { "root", "freezer", "cgroup:pids" },
    text = [[
The two processes of the group that is named below do nothing any more. Neither SIGCONT nor
anything else that is sent to them helps. Find out why, and let them go on; both are to live.]],
    setup = function(t)
      computing(t, t.prefix .. "-stuck"):freeze { host = true }
    end,
    action = function(t)
      local group = cgroup_open(t.given.group)
      group:thaw { host = true }
    end,
    observe = {
      "grep State /proc/$first/status",
      "cat /proc/$first/cgroup",
      "crun-lua inspect $first",
    },
    checks = {
      { "both processes live", alive },
      {
        "the group is frozen no more",
        function(t)
          local group <close> = groups.find(t, "freezer")
          local see = ("cat %s/%s"):format(group.dir, state_file(group))
          t:ok(not is_frozen(t, group), "the group is still frozen", see)
        end,
      },
      {
        "both compute again",
        function(t)
          local moved = run(t)
          for index, pid in ipairs(prepared(t)) do
            local see = ("grep State /proc/%d/status"):format(pid)
            t:ok(moved[index], ("the process %d stands still"):format(pid), see)
          end
        end,
      },
    },
    hints = {
      "The state of the processes says that they wait, and not for a signal.",
      "Who can hold a process besides itself, a debugger and a signal? Look at its line in"
        .. " /proc/PID/cgroup, and at the files of that group.",
      "Write the other state to freezer.state, or 0 to cgroup.freeze; the method is thaw.",
    },
    decoys = {
      {
        "SIGCONT to both",
        function(t)
          by_hand(t, "cont")
        end,
        says = "the group is still frozen",
      },
      {
        "both are moved out, and only one is let go",
        function(t)
          cgroup_open(t.given.group):thaw { host = true }
          kill(t.given.second, "stop")
        end,
        says = "stands still",
      },
    },
    lesson = [[
On v1 not even SIGKILL reaches a frozen process before it is thawed: a container that cannot be
stopped is often a frozen one. `freezer.state` and `cgroup.freeze` say so; ps only says D or S.]],
  },
}
