--- Task: a trap to get out of, a /proc of the wrong namespace, mended from outside.
---
--- ```lua
--- assert(require("lab.ex1.proc").id == "proc")
--- ```
local boxes = require "lab.ex1.boxes"

--- Mounts a proc on the box's /proc, out of these of its namespaces.
local function mend(t, kinds)
  local join = {}
  for _, kind in ipairs(kinds) do
    join[kind] = t.given.box
  end
  if proc_ns(t.given.box).user ~= proc_ns().user then
    join.user = t.given.box
  end
  local child <close> = spawn({ join = join }, function()
    mount("proc", "/proc", { type = "proc" })
  end)
  child:wait()
end

return {
  id = "proc",
  title = "Trap: whose /proc is it?",
  needs = { "userns" },
  after = { "pid" },
  text = [[
The process $box was made as the course makes one: it is process 1 of its pid namespace, and its
`ps` lists the host's processes. Mend that from outside, without ending it.]],
  setup = function(t)
    t:give { box = boxes.hold({ "pid", "mnt" }).pid }
  end,
  action = function(t)
    mend(t, { "pid", "mnt" })
  end,
  observe = { "ls /proc/$box/root/proc", "nsenter -t $box -U -m -p ps ax   # without -U as root" },
  checks = {
    {
      "the box still runs",
      function(t)
        local stat = try(proc_stat, t.given.box)
        t:ok(stat and stat.state ~= "Z", "the process has ended", "ps -p " .. t.given.box)
      end,
    },
    {
      "its /proc shows its own processes",
      function(t)
        local pid = t.given.box
        local first = try(readlink, ("/proc/%d/root/proc/1/ns/pid"):format(pid))
        local see = ("ls /proc/%d/root/proc; readlink /proc/%d/root/proc/1/ns/pid"):format(pid, pid)
        local own = readlink(("/proc/%d/ns/pid"):format(pid))
        t:eq(
          first or "closed to you: the host's",
          own,
          "the namespace of process 1 in its /proc",
          see
        )
      end,
    },
  },
  hints = {
    "A proc mount shows one pid namespace. Which one: the reader's, the box's, or that of "
      .. "whoever mounted it?",
    "Of whoever mounted it: so who mounts has to be in the box's pid namespace and in its "
      .. "mount namespace.",
    "nsenter with -m and -p forks, and its command is in both; spawn has `join` for the same."
      .. " There, mount a proc on /proc.",
  },
  decoys = {
    {
      "a new proc, mounted by somebody outside of the pid namespace",
      function(t)
        mend(t, { "mnt" })
      end,
      says = "the namespace of process 1 in its /proc",
      -- In a user namespace the kernel refuses that mount.
      needs = { "root" },
    },
    {
      "the box is ended and made anew",
      function(t)
        kill(t.given.box, "kill")
        for _ = 1, 100 do
          local state = (try(proc_stat, t.given.box) or { state = "Z" }).state
          if state == "Z" then
            break
          end
          poll({}, { timeout = "20ms" })
        end
      end,
      says = "the process has ended",
    },
  },
  lesson = [[
Entering the mount namespace alone is not enough, and mounts the wrong one once more, over the
first. The pid namespace of a proc mount is fixed for its life.]],
}
