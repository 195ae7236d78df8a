--- Version 1 has a tree for each controller: a process may be in the right group of one of them
--- and in none of the other. The limit is there, and limits nobody.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"
local groups = require "lab.ex5.groups"
local warden = require "scenario.warden"

--- The box: its first process, and all that came from it.
local function all(t)
  local list = t:descendants(t.given.pid)
  table.insert(list, 1, t.given.pid)
  return list
end

return fault {
  id = "unlimited",
  title = "Eight, and it has a dozen",
  symptom = [[
The box of process given.pid may have 8 processes: pids.max in given.group says so. It has a dozen
and makes more. Its limit of memory, in the group of the same name, holds. The limit shall hold
for all processes of the box; none of them is to be ended, and it stays 8.]],
  cause = "other-tree",
  choices = {
    { "other-tree", "its processes are in the group of one hierarchy and not of the other" },
    {
      "limit-late",
      "the limit was set after the processes were made",
      why = "the limit counts whoever is in the group; pids.current says how many that is",
    },
    {
      "threads",
      "the limit counts programs, not processes",
      why = "it counts processes and threads; and pids.current is 0",
    },
    {
      "root",
      "root is not limited",
      why = "root is: only the root group has no limit",
    },
  },
  needs = { "root", "cgroup:v1", "cgroup:memory", "cgroup:pids", "program:sh" },
  setup = function(t)
    local name = t.prefix .. "-box"
    local memory = cgroup_set(name, { memory = "128M" })
    local dir = groups.place("pids") .. "/" .. name
    mkdir(dir)
    write_file(dir .. "/pids.max", "8")
    local box = spawn(
      { cgroup = memory, unshare = { "user", "pid" }, die_with_parent = true, stdin = "null" },
      function()
        exec { "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11; do sleep 86400 & done; wait" }
      end
    )
    box:started()
    memory:keep()
    -- The shell takes a moment to start them all.
    for _ = 1, 500 do
      if #warden.descendants(box.pid) >= 11 then
        break
      end
      poll({}, { timeout = "20ms" })
    end
    t:give { pid = box:keep().pid, group = dir }
  end,
  repair = function(t)
    local list = warden.descendants(t.given.pid)
    table.insert(list, 1, t.given.pid)
    for _, pid in ipairs(list) do
      write_file(t.given.group .. "/cgroup.procs", tostring(pid))
    end
  end,
  observe = {
    "cat /proc/$pid/cgroup",
    "grep . $group/pids.max $group/pids.current $group/cgroup.procs",
    "pstree -p $pid",
  },
  checks = {
    {
      "the box has all its processes",
      function(t)
        t:ge(#all(t), 12, "the number of processes in the box", "pstree -p " .. t.given.pid)
      end,
    },
    {
      "the limit is what it was",
      function(t)
        t:eq(
          t:read(t.given.group .. "/pids.max"),
          "8",
          "pids.max",
          ("cat %s/pids.max"):format(t.given.group)
        )
      end,
    },
    {
      "the limit holds for all of them",
      function(t)
        for _, pid in ipairs(all(t)) do
          local path = t:cgroup(pid, "pids").path
          local what = ("the group of process %d in the hierarchy of pids"):format(pid)
          t:eq(path, t.given.group, what, ("grep pids /proc/%d/cgroup"):format(pid))
        end
      end,
    },
  },
  hints = {
    "Read the process's cgroup file line by line: where is it in each of the trees?",
    "On version 1 each hierarchy has its own members; the same name in two of them means nothing.",
    "Every process of the box has to be written into the other group's cgroup.procs, the first "
      .. "alone is not enough.",
  },
  decoys = {
    {
      "the first process alone is moved",
      function(t)
        write_file(t.given.group .. "/cgroup.procs", tostring(t.given.pid))
      end,
      says = "in the hierarchy of pids",
    },
    {
      "the limit is written once more",
      function(t)
        write_file(t.given.group .. "/pids.max", "8")
      end,
      says = "in the hierarchy of pids",
    },
    {
      "the limit is raised to what there is",
      function(t)
        write_file(t.given.group .. "/pids.max", "16")
      end,
      says = "pids.max",
    },
  },
  lesson = [[
The course's `echo $$ > …/cgroup.procs` is needed once for each hierarchy, and moves one process:
children that exist already stay where they are. Version 2 has one tree, so that a process is in
one group.]],
}
