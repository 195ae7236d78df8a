--- A stale /proc: the box has process numbers of its own, and the file system that shows them is
--- still the host's. The course's first solution makes this very box.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"

return fault {
  id = "ps",
  title = "ps shows strangers",
  symptom = [[
A box was made for one program; given.pid is its first process. Its `ps` lists every process of the
machine, `kill` finds none of them, and /proc/self leads to somebody else.]],
  cause = "stale-proc",
  choices = {
    { "stale-proc", "the proc file system in there is that of other processes" },
    {
      "no-pid-namespace",
      "it has no pid namespace of its own",
      why = "its pid namespace has another inode than yours, and it is number 1 in it",
    },
    {
      "host-root",
      "it sees the host's files",
      why = "it does, and that would be so with a right /proc as well: ps reads /proc alone",
    },
    {
      "no-process-limit",
      "its control group has no limit of processes",
      why = "a limit says how many it may start, and not whom it sees",
    },
  },
  needs = { "userns" },
  setup = function(t)
    t:give { pid = boxes.sleeper { "user", "pid", "mnt" } }
  end,
  repair = function(t)
    boxes.enter(t.given.pid, { "user", "pid", "mnt" }, function()
      mount("proc", "/proc", { type = "proc" })
    end)
  end,
  observe = {
    "readlink /proc/self/ns/pid /proc/$pid/ns/pid",
    "grep NStgid /proc/$pid/status",
    "grep ' /proc ' /proc/$pid/mountinfo",
    "ls /proc/$pid/root/proc | grep -c '^[0-9]'",
  },
  checks = {
    {
      "the box lives",
      function(t)
        t:ok(proc_stat(t.given.pid), "its first process must go on: repair it, do not replace it")
      end,
    },
    {
      "its /proc shows its own processes",
      function(t)
        local pid = t.given.pid
        local found = require("inspect").process(pid).mounts.proc
        t:eq(
          found == "own" and "its own" or "that of another pid namespace",
          "its own",
          "the proc file system that it sees at /proc",
          ("ls /proc/%d/root/proc | grep -c '^[0-9]'"):format(pid)
        )
      end,
    },
  },
  hints = {
    "Who decides what /proc shows: the process that reads it, or the one that mounted it?",
    "A proc file system belongs to the pid namespace of the process that mounts it.",
    "A process that stands in both of its namespaces, pid and mnt, has to mount a new one over it.",
  },
  decoys = {
    {
      "the course's steps: a new host name and a tmpfs, and nothing at /proc",
      function(t)
        boxes.enter(t.given.pid, { "user", "mnt" }, function()
          mount("tmpfs", "/tmp", { type = "tmpfs" })
        end)
      end,
      says = "that of another pid namespace",
      course = true,
    },
    {
      "proc mounted by somebody who is in its mounts and not in its pid namespace",
      function(t)
        try(boxes.enter, t.given.pid, { "mnt" }, function()
          mount("proc", "/proc", { type = "proc" })
        end)
      end,
      says = "that of another pid namespace",
    },
  },
  lesson = [[
A new pid namespace changes no mount. `unshare --pid --fork` needs --mount-proc, and whoever
repairs it later must be inside of the pid namespace when mounting: nsenter needs -p as well as
-m.]],
}
