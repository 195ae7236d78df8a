--- Task: the proof of a pid namespace, a process that is number 1 and whose /proc knows it.
---
--- ```lua
--- assert(require("lab.ex1.pid").id == "pid")
--- ```
local boxes = require "lab.ex1.boxes"

local function first_of(pid)
  -- Process 1 of the host has rights that not even root has to have: what is refused is that one.
  return try(readlink, ("/proc/%d/root/proc/1/ns/pid"):format(pid)) or "closed to you: the host's"
end

return {
  id = "pid",
  title = "Proof: process 1",
  needs = { "userns" },
  after = { "kinds" },
  text = [[
Let a process be number 1, and let its /proc show its own namespace: `ps` in there must not list
the host's processes.]],
  answers = { pid = "process 1 of the new namespace, as you number it" },
  action = function(t)
    t:answer {
      pid = boxes.hold({ "pid", "mnt" }, function()
        mount("proc", "/proc", { type = "proc" })
      end),
    }
  end,
  observe = {
    "grep NSpid /proc/$pid/status",
    "ls /proc/$pid/root/proc",
    "grep ' /proc ' /proc/$pid/mountinfo",
  },
  checks = {
    {
      "it is in a pid namespace of its own",
      function(t)
        t:ns_differs(t:pid "pid", "pid")
      end,
    },
    {
      "its number in there is 1",
      function(t)
        local pid = t:pid "pid"
        local numbers = t:status(pid).ns_pid
        t:eq(
          numbers[#numbers],
          1,
          "its number in there",
          ("grep NSpid /proc/%d/status"):format(pid)
        )
      end,
    },
    {
      "its /proc shows that namespace",
      function(t)
        local pid = t:pid "pid"
        local own = readlink(("/proc/%d/ns/pid"):format(pid))
        local see = ("ls /proc/%d/root/proc; readlink /proc/%d/root/proc/1/ns/pid"):format(pid, pid)
        t:eq(first_of(pid), own, "the namespace of process 1 in its /proc", see)
      end,
    },
  },
  hints = {
    "unshare moves children, not the caller. Who becomes process 1?",
    "A new pid namespace does not change what is mounted on /proc: that mount shows the one "
      .. "it was made in.",
    "spawn with the kinds pid and mnt, and in its function mount a new proc over the old one.",
  },
  decoys = {
    {
      "the course's own: unshare --pid --fork, and the old /proc",
      function(t)
        t:answer { pid = boxes.hold { "pid", "mnt" } }
      end,
      says = "the namespace of process 1 in its /proc",
      course = true,
    },
    {
      "a child of process 1",
      function(t)
        local said = pipe()
        spawn({ unshare = boxes.kinds { "pid", "mnt" } }, function()
          mount("proc", "/proc", { type = "proc" })
          local child = spawn(function()
            exec { "sleep", "600" }
          end)
          said.write:write("ready")
          child:wait()
        end)
        said.write:close()
        said.read:read(5)
        for _, other in ipairs(pids()) do
          local numbers = (try(proc_status, other) or {}).ns_pid
          local mine = try(proc_stat, proc_stat(other) and proc_stat(other).ppid or 0)
          if numbers and numbers[#numbers] == 2 and mine and mine.ppid == proc_stat().pid then
            t:answer { pid = other }
          end
        end
      end,
      says = "its number in there",
    },
  },
  lesson = [[
After `unshare --pid --fork` the course's `ps aux` lists every process of the host: a hundred
where it promises "minimal". It needs --mount-proc, which is one mount(2).]],
}
