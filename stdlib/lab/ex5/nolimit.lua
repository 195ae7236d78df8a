--- Version 2: a controller that is not handed down. The group is there, and the file of its limit
--- is not; the error speaks of a missing file, and nothing of controllers.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"
local groups = require "lab.ex5.groups"

return fault {
  id = "nolimit",
  title = "No such file",
  symptom = [[
A box (given.pid) runs in the group given.group. It should have a limit of 64 MiB of memory, and
`echo 64M > memory.max` in there is told "No such file or directory", or "Permission denied" when
the shell tries to make the file. Set the limit, without moving the box.]],
  cause = "not-handed-down",
  choices = {
    { "not-handed-down", "the group above hands the memory controller down to nobody" },
    {
      "version-1",
      "the file has another name on this machine",
      why = "/sys/fs/cgroup is version 2 here: stat -fc %T says cgroup2fs",
    },
    {
      "no-right",
      "you may not write there",
      why = "the file is not there at all: ls lists what there is, and no right makes a file "
        .. "appear",
    },
    {
      "kernel",
      "this kernel has no memory controller",
      why = "cgroup.controllers of the group above names it",
    },
  },
  needs = { "root", "cgroup:v2", "cgroup:memory" },
  alternative = "nospace",
  setup = function(t)
    local slice = cgroup_set(t.prefix .. "-slice", { memory = "512M" })
    local box = slice:child("box")
    t:give {
      pid = boxes.sleeper({ "user", "pid" }, nil, { cgroup = box }),
      group = box.paths.unified,
    }
    box:keep()
    slice:keep()
  end,
  repair = function(t)
    write_file(t.given.group:match("^(.*)/") .. "/cgroup.subtree_control", "+memory")
    write_file(t.given.group .. "/memory.max", "64M")
  end,
  observe = {
    "ls $group",
    "cat $group/cgroup.controllers $group/../cgroup.controllers $group/../cgroup.subtree_control",
  },
  checks = {
    {
      "the box is where it was",
      function(t)
        local see = ("cat /proc/%d/cgroup"):format(t.given.pid)
        t:ok(
          groups.has(t.given.group, t.given.pid),
          "its process is not in the group any more",
          see
        )
      end,
    },
    {
      "the group has the limit",
      function(t)
        local found = t:read(t.given.group .. "/memory.max")
        t:eq(
          found or "no such file",
          tostring(64 << 20),
          "memory.max",
          ("cat %s/memory.max"):format(t.given.group)
        )
      end,
    },
  },
  hints = {
    "Which files does the group have, and which does the one above it have?",
    "A group has the files of those controllers that the group above names in "
      .. "cgroup.subtree_control.",
    "Write +memory into cgroup.subtree_control one level up; then the file appears.",
  },
  decoys = {
    {
      "the limit is set one group above",
      function(t)
        write_file(t.given.group:match("^(.*)/") .. "/memory.max", "64M")
      end,
      says = "no such file",
    },
    {
      "the controller is asked for in the group itself",
      function(t)
        try(write_file, t.given.group .. "/cgroup.subtree_control", "+memory")
      end,
      says = "no such file",
    },
  },
  lesson = [[
On version 2 a controller works in a group only when every group above hands it down. The course
enables them in the root group, which reaches one level; a group two levels deep still has
nothing.]],
}
