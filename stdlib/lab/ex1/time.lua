--- Task: the proof of a time namespace, a box that has been up longer than the machine.
---
--- ```lua
--- assert(require("lab.ex1.time").id == "time")
--- ```
local boxes = require "lab.ex1.boxes"

local DAY = 86400

return {
  id = "time",
  title = "Proof: another uptime",
  needs = { "userns", "kernel:5.6" },
  after = { "kinds" },
  text = [[
Let a process find that the machine has been up for at least a day longer than it has: `cat
/proc/uptime` in there. The wall clock stays as it is, since no namespace has that.]],
  answers = { pid = "the process with the other uptime" },
  action = function(t)
    t:answer { pid = boxes.hold({ "time" }, nil, { time_offsets = { boottime = 2 * DAY } }) }
  end,
  observe = {
    "cat /proc/$pid/timens_offsets",
    "cat /proc/uptime; nsenter -t $pid -U -T cat /proc/uptime",
  },
  checks = {
    {
      "it is in a time namespace of its own",
      function(t)
        t:ns_differs(t:pid "pid", "time")
      end,
    },
    {
      "its boot clock is a day ahead",
      function(t)
        local inside = boxes.inside(t, t:pid "pid", { "time" }, function()
          return math.floor(clock("boottime"))
        end)
        local ahead = inside - math.floor(clock("boottime"))
        t:ge(
          ahead,
          DAY - 5,
          "seconds that its boot clock is ahead",
          "cat /proc/$pid/timens_offsets"
        )
      end,
    },
  },
  hints = {
    "Which clocks can differ, and from when on can they not be changed any more?",
    "Offsets are written before the first process is in the namespace. Like pid, it is for "
      .. "children only.",
    "spawn with the kind time takes time_offsets; unshare(1) has --boottime, and needs --fork.",
  },
  decoys = {
    {
      "a namespace without offsets",
      function(t)
        t:answer { pid = boxes.hold { "time" } }
      end,
      says = "seconds that its boot clock is ahead",
    },
    {
      "the caller of unshare, which stays where it was",
      function(t)
        local process = spawn(function()
          unshare(boxes.kinds { "time" })
          time_offset { boottime = 2 * DAY }
          local ready = spawn(function() end)
          ready:wait()
          poll({}, { timeout = "60s" })
        end)
        t:answer { pid = process }
      end,
      says = "the same time namespace",
    },
    {
      "the course's own kinds: time is none of them",
      function(t)
        t:answer { pid = boxes.hold { "pid", "net", "mnt", "uts", "ipc", "user" } }
      end,
      says = "the same time namespace",
      course = true,
    },
  },
  lesson = [[
It was made for moving containers between machines: a monotonic clock must not jump when CRIU
restores a process elsewhere. date(1) is the same everywhere.]],
}
