--- Version 1: a new cpuset has no processor and no memory node, and takes nobody in until it has.
--- The error, ENOSPC, speaks of space on a device.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"
local groups = require "lab.ex5.groups"

return fault {
  id = "nospace",
  title = "No space left on device",
  symptom = [[
A group was made for the box of process given.pid, to hold it to one processor: given.group.
Writing the process into its cgroup.procs is told "No space left on device". The disk is not full.
Put the process in.]],
  cause = "empty-cpuset",
  choices = {
    { "empty-cpuset", "the group has no processor and no memory node yet" },
    {
      "disk-full",
      "the disk is full",
      why = "the group lies on no disk: it is a file system of the kernel's, in memory",
    },
    {
      "pids-limit",
      "the group may have no more processes",
      why = "that is the pids controller, its error is EAGAIN, and it counts forks, not moves",
    },
    {
      "inner-process",
      "there is a process in the group above",
      why = "that is a rule of version 2; here, on version 1, groups at all levels have processes",
    },
  },
  needs = { "root", "cgroup:v1", "cgroup:cpuset" },
  setup = function(t)
    local dir = groups.place("cpuset") .. "/" .. t.prefix .. "-cpus"
    mkdir(dir)
    t:give { pid = boxes.sleeper { "user", "pid" }, group = dir }
  end,
  repair = function(t)
    local above = t.given.group:match("^(.*)/")
    write_file(t.given.group .. "/cpuset.cpus", "0")
    write_file(t.given.group .. "/cpuset.mems", (read_file(above .. "/cpuset.mems")))
    write_file(t.given.group .. "/cgroup.procs", tostring(t.given.pid))
  end,
  observe = {
    "echo $pid > $group/cgroup.procs",
    "ls $group",
    "grep . $group/cpuset.cpus $group/cpuset.mems $group/../cpuset.cpus $group/../cpuset.mems",
  },
  checks = {
    {
      "the group has one processor",
      function(t)
        local path = t.given.group .. "/cpuset.cpus"
        local found = t:read(path) or ""
        t:ok(
          found:find("^%d+$"),
          ("cpuset.cpus of the group is %q: one processor is meant"):format(found),
          "cat " .. path
        )
      end,
    },
    {
      "the process is in the group",
      function(t)
        local path = t:cgroup(t.given.pid, "cpuset").path
        t:eq(
          path,
          t.given.group,
          "the cpuset that it is in",
          ("cat /proc/%d/cgroup"):format(t.given.pid)
        )
      end,
    },
    {
      "it runs on that processor alone",
      function(t)
        local found = t:status(t.given.pid).cpus_allowed_list
        local wanted = t:read(t.given.group .. "/cpuset.cpus")
        t:eq(found, wanted, "Cpus_allowed_list", ("grep Cpus /proc/%d/status"):format(t.given.pid))
      end,
    },
  },
  hints = {
    "Which controller's hierarchy is it, and what do the group's own files say?",
    "A cpuset starts with nothing: a process in it could run nowhere, so nobody is let in.",
    "Both must be filled before anybody enters: which processors, and which memory nodes.",
  },
  decoys = {
    {
      "only the processors are filled in",
      function(t)
        write_file(t.given.group .. "/cpuset.cpus", "0")
        try(write_file, t.given.group .. "/cgroup.procs", tostring(t.given.pid))
      end,
      says = "the cpuset that it is in",
    },
    {
      "all is filled in, and nobody moved",
      function(t)
        write_file(t.given.group .. "/cpuset.cpus", "0")
        write_file(t.given.group .. "/cpuset.mems", "0")
      end,
      says = "the cpuset that it is in",
    },
  },
  lesson = [[
A version 1 cpuset does not inherit; version 2's does, and has no such error. ENOSPC from a
control group means "no place to run", as ENOSPC from inotify or from the block layer's quotas
means no disk either.]],
}
