--- Level 1: namespaces, and a command that sees its own processes only.
---
--- ```lua
--- assert(require("lab.ex4.pid1").id == "pid1")
--- ```
local level = require "lab.ex4.level"

local KINDS = { "cgroup", "ipc", "mnt", "net", "pid", "uts" }

--- What the kernel says of the process that runs a box's command; nil where none is found.
local function look(t)
  return level.on_host(t, function(place)
    local own = proc_ns()
    place:run({ "/bin/sh", "-c", "echo ready; sleep 30; :", t.token }):hear("ready", 8)
    local pid, inside = place:find(t.token, 2)
    if not pid then
      return {}
    end
    local spaces, parent = proc_ns(pid), proc_stat(pid).ppid
    local shared = {}
    for _, kind in ipairs(KINDS) do
      shared[#shared + 1] = spaces[kind] == own[kind] and kind or nil
    end
    local above = (proc_status(parent) or {}).ns_pid or {}
    local first = try(readlink, ("/proc/%d/root/proc/1/ns/pid"):format(pid))
    local name = spawn({ join = { uts = pid }, stdout = "pipe" }, function()
      io.stdout:write(sysctl_get("kernel.hostname"))
    end)
    local up = false
    for _, link in ipairs(links { ns = pid }) do
      up = up or link.name == "lo" and link.up
    end
    return {
      found = true,
      shared = #shared == 0 and "none" or table.concat(shared, " "),
      inside = inside,
      above = above[#above],
      same_proc = first == readlink(("/proc/%d/ns/pid"):format(pid)),
      name = name:output().stdout,
      wanted = place.name,
      up = up,
    }
  end)
end

return level.step {
  id = "pid1",
  title = "Process 1",
  text = [[
A container is a process, and its namespaces are what it does not share with you. Let the
runtime start the command in six new ones (cgroup, ipc, mnt, net, pid, uts), call the box NAME,
and give it a /proc that shows the box's processes. It goes into ROOTFS by chroot as yet.]],
  checks = {
    {
      "the command runs in a pid namespace of its own",
      function(t)
        if not look(t).found then
          t:fail {
            what = "no process of the command stands in a pid namespace of its own",
            expected = "readlink /proc/PID/ns/pid differs from yours",
            found = level.complaint(t),
            see = "lsns -t pid",
          }
        end
      end,
    },
    {
      "it shares none of six kinds with the host",
      function(t)
        t:eq(look(t).shared, "none", "namespaces that are still the host's", "ls -l /proc/PID/ns")
      end,
    },
    {
      "it is process 1 in there, or process 1's child",
      function(t)
        local found = look(t)
        local first = found.inside == 1 or found.above == 1
        t:ok(
          first,
          "neither the command nor its parent has the number 1",
          "grep NSpid /proc/PID/status"
        )
      end,
    },
    {
      "its /proc shows the box's processes",
      function(t)
        local what = "process 1 of the box's /proc is process 1 of the box"
        t:eq(
          look(t).same_proc,
          true,
          what,
          "ls /proc/PID/root/proc; readlink /proc/PID/root/proc/1/ns/pid"
        )
      end,
    },
    {
      "its host name is NAME, and its lo is up",
      function(t)
        local found = look(t)
        t:eq(found.name, found.wanted, "the box's host name", "nsenter -t PID -u hostname")
        t:eq(found.up, true, "lo is up in the box", "nsenter -t PID -n ip link show lo")
      end,
    },
  },
  hints = {
    "Which calls make a namespace, and which of the kinds are for the caller's children only?",
    "spawn clones with all the flags at once, and runs your function on the other side.",
    "The list of kinds is spawn's option `unshare`; furnish() already runs in there: set the "
      .. "name there, lo, and mount a proc at ROOTFS/proc before the chroot.",
  },
  decoys = {
    {
      "the course's own: a new pid namespace with the old /proc",
      level.instead("  root:proc()\n", '  root:bind("/proc", "/proc")\n'),
      says = "process 1 of the box's /proc",
      course = true,
    },
    {
      "the course's own kinds: no cgroup namespace",
      level.instead('{ "cgroup", "ipc",', '{ "ipc",'),
      says = "namespaces that are still the host's",
      course = true,
    },
    {
      "nothing is done yet",
      level.without("pid1", "root", "network"),
      says = "pid namespace of its own",
    },
    {
      "the host name is forgotten",
      level.instead("  sethostname(name)\n", ""),
      says = "the box's host name",
    },
  },
  lesson = [[
Everything else of a runtime is furnishing: this is the container. The new pid namespace changes
what fork answers; what /proc shows is a mount, and each proc mount belongs to the pid namespace
it was made in. So the order is: clone, then mount proc in the child.]],
}
