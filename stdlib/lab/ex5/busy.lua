--- Version 2: a process in an inner group. A group with processes can hand no controller down; the
--- error is EBUSY, and the remedy is to make the process a leaf.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"
local groups = require "lab.ex5.groups"

return fault {
  id = "busy",
  title = "Device or resource busy",
  symptom = [[
The group given.group has a group below it, box, whose process is given.pid. The box needs
memory.max = 64M; handing the memory controller down, `echo +memory > cgroup.subtree_control`, is
answered with "Device or resource busy". All processes that run below the group now shall run
there afterwards.]],
  cause = "inner-process",
  choices = {
    { "inner-process", "a process sits in the group itself, beside the group below" },
    {
      "not-handed-down",
      "the controller does not reach the group",
      why = "cgroup.controllers of the group has memory; without it the error would be ENOENT",
    },
    {
      "locked",
      "another program has the file open",
      why = "files of control groups have no such lock",
    },
    {
      "in-use",
      "the box uses memory already",
      why = "a limit may be set at any time; what is in the way is not below but in the group "
        .. "itself",
    },
  },
  needs = { "root", "cgroup:v2", "cgroup:memory" },
  alternative = "unlimited",
  setup = function(t)
    local slice = cgroup_set(t.prefix .. "-slice", { memory = "512M" })
    local box = slice:child("box")
    local agent = boxes.sleeper({ "user" }, nil, { cgroup = slice })
    local pid = boxes.sleeper({ "user", "pid" }, nil, { cgroup = box })
    t:give { pid = pid, agent = agent, group = slice.paths.unified }
    box:keep()
    slice:keep()
  end,
  repair = function(t)
    local group = t.given.group
    mkdir(group .. "/agent")
    write_file(group .. "/agent/cgroup.procs", tostring(t.given.agent))
    write_file(group .. "/cgroup.subtree_control", "+memory")
    write_file(group .. "/box/memory.max", "64M")
  end,
  observe = {
    "cat $group/cgroup.controllers $group/cgroup.subtree_control $group/cgroup.procs",
    "find $group -name cgroup.procs -exec grep -H . {} +",
  },
  checks = {
    {
      "all processes run, below the group",
      function(t)
        local see = ("cat /proc/%d/cgroup"):format(t.given.agent)
        for _, name in ipairs { "pid", "agent" } do
          local one = proc_stat(t.given[name])
          t:ok(one and one.state ~= "Z", ("process %d has ended"):format(t.given[name]), see)
          local path = t:cgroup(t.given[name], "memory").path
          local is_below = path:sub(1, #t.given.group) == t.given.group
          t:ok(
            is_below,
            ("process %d has left the group: it is in %s"):format(t.given[name], path),
            see
          )
        end
        t:ok(
          groups.has(t.given.group .. "/box", t.given.pid),
          "the box's process is not in box any more",
          see
        )
      end,
    },
    {
      "the controller is handed down",
      function(t)
        local path = t.given.group .. "/cgroup.subtree_control"
        t:has((t:read(path) or ""), "memory", "cgroup.subtree_control of the group", "cat " .. path)
      end,
    },
    {
      "the box has the limit",
      function(t)
        local path = t.given.group .. "/box/memory.max"
        t:eq(
          t:read(path) or "no such file",
          tostring(64 << 20),
          "memory.max of the box",
          "cat " .. path
        )
      end,
    },
  },
  hints = {
    "Which processes does the group itself have, and which the group below?",
    "Version 2 has a rule: only leaves have processes where controllers are handed down "
      .. "(cgroups(7)).",
    "Make a group beside box, write the process's number into its cgroup.procs, then hand the "
      .. "controller down.",
  },
  decoys = {
    {
      "the process is moved out, into the group above",
      function(t)
        local above = t.given.group:match("^(.*)/")
        write_file(above .. "/cgroup.procs", tostring(t.given.agent))
        try(write_file, t.given.group .. "/cgroup.subtree_control", "+memory")
        try(write_file, t.given.group .. "/box/memory.max", "64M")
      end,
      says = "has left the group",
    },
    {
      "the process is killed",
      function(t)
        kill(t.given.agent, "kill")
        poll({}, { timeout = "200ms" })
        try(write_file, t.given.group .. "/cgroup.subtree_control", "+memory")
        try(write_file, t.given.group .. "/box/memory.max", "64M")
      end,
      says = "has ended",
    },
  },
  lesson = [[
"No internal processes": on version 2 a group either has processes or hands controllers down, the
root group excepted. Version 1 has no such rule, and the course's comparison of the two does not
mention it.]],
}
