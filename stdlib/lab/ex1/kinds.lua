--- Task: a process that shares seven kinds of namespaces with nobody.
---
--- ```lua
--- assert(require("lab.ex1.kinds").id == "kinds")
--- ```
local boxes = require "lab.ex1.boxes"

local SEVEN = { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" }

local function differs(...)
  local kinds = { ... }
  return function(t)
    local pid = t:pid "pid"
    for _, kind in ipairs(kinds) do
      t:ns_differs(pid, kind)
    end
  end
end

return {
  id = "kinds",
  title = "A namespace of every kind",
  needs = { "userns" },
  text = [[
Start a process that stays and that shares none of these with you: cgroup, ipc, mnt, net, pid,
user and uts. Hand over its number, as you see it. (There is an eighth kind, time: it has a task
of its own.)]],
  answers = { pid = "the process in the new namespaces" },
  action = function(t)
    t:answer { pid = boxes.hold(SEVEN) }
  end,
  observe = { "readlink /proc/self/ns/*", "readlink /proc/$pid/ns/*", "lsns -p $pid" },
  checks = {
    {
      "it has a host name, IPC, mounts and a network of its own",
      differs("uts", "ipc", "mnt", "net"),
    },
    { "it is in a pid namespace of its own", differs "pid" },
    { "it is in a user namespace of its own", differs "user" },
    { "it is in a cgroup namespace of its own", differs "cgroup" },
  },
  hints = {
    "A namespace is a link in /proc/PID/ns, and its inode is its identity: which are still equal?",
    "Two system calls make them: clone(2) for a child, unshare(2) for the caller; a new pid "
      .. "namespace is for children only.",
    "spawn takes the list of kinds as `unshare`; with unshare(1) each kind is an option, and "
      .. "--fork is one as well.",
  },
  decoys = {
    {
      "the course's own six: cgroup is left out",
      function(t)
        t:answer { pid = boxes.hold { "pid", "net", "mnt", "uts", "ipc", "user" } }
      end,
      says = "cgroup",
      course = true,
    },
    {
      "unshare without a fork",
      function(t)
        local process = spawn(function()
          unshare(SEVEN)
          exec { "sleep", "600" }
        end)
        process:started()
        t:answer { pid = process }
      end,
      says = "pid namespace",
    },
    {
      "a child without any",
      function(t)
        t:answer { pid = boxes.hold {} }
      end,
      says = "a host name, IPC, mounts and a network of its own",
    },
  },
  lesson = [[
The course's "six types" are what Linux had in 2013. cgroup came with 4.6, time with 5.6: ask
the kernel, by ls /proc/self/ns.]],
}
