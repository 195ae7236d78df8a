--- Task: the proof of a cgroup namespace, a group that is / to its members.
---
--- ```lua
--- assert(require("lab.ex1.cgroup").id == "cgroup")
--- ```
local boxes = require "lab.ex1.boxes"

return {
  id = "cgroup",
  title = "Proof: a group that is the root",
  needs = { "userns" },
  after = { "kinds" },
  text = [[
Let a process see its own control group as /, in every hierarchy: it must not learn where on the
machine it stands.]],
  answers = { pid = "the process in the cgroup namespace" },
  action = function(t)
    t:answer { pid = boxes.hold { "cgroup" } }
  end,
  observe = {
    "cat /proc/$pid/cgroup",
    "nsenter -t $pid -U -C cat /proc/$pid/cgroup   # without -U as root",
  },
  checks = {
    {
      "it is in a cgroup namespace of its own",
      function(t)
        t:ns_differs(t:pid "pid", "cgroup")
      end,
    },
    {
      "seen from in there its group is /",
      function(t)
        local pid = t:pid "pid"
        local paths = boxes.inside(t, pid, { "cgroup" }, function()
          local other = {}
          for _, row in ipairs(proc_cgroup(pid)) do
            other[#other + 1] = row.path ~= "/" and row.path or nil
          end
          return table.concat(other, " ")
        end)
        local found = paths == "" and "/" or paths
        t:eq(
          found,
          "/",
          "its groups, as its namespace shows them",
          "nsenter -t $pid -C cat /proc/$pid/cgroup"
        )
      end,
    },
  },
  hints = {
    "What a process reads in /proc/self/cgroup depends on a namespace; which one, and what is"
      .. " its root?",
    "The root of a cgroup namespace is the group that its maker stood in at that moment: "
      .. "first in, then unshare.",
    "spawn with the kind cgroup, and the option `cgroup` where there is to be a group of its "
      .. "own. With unshare(1): -C.",
  },
  decoys = {
    {
      "the course's own kinds: cgroup is none of them",
      function(t)
        t:answer { pid = boxes.hold { "pid", "net", "mnt", "uts", "ipc", "user" } }
      end,
      says = "the same cgroup namespace",
      course = true,
    },
    {
      "the namespace first, and then into a group",
      function(t)
        t:answer {
          pid = boxes.hold({ "cgroup" }, function()
            cgroup_set(t.prefix .. "late", { pids = 32 }):enter()
          end),
        }
      end,
      says = "its groups, as its namespace shows them",
      needs = { "root", "cgroup:pids" },
    },
  },
  lesson = [[
Without it a box reads the path of its group, with the engine's name and its own number, and a
cgroup2 mount in there is the machine's whole tree.]],
}
