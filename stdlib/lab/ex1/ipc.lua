--- Task: the proof of an ipc namespace, a message queue that is there on one side only.
---
--- ```lua
--- assert(require("lab.ex1.ipc").id == "ipc")
--- ```
local boxes = require "lab.ex1.boxes"

--- The System V queues of the reader's namespace.
local function queues()
  local list = {}
  for line in (read_file("/proc/sysvipc/msg") or ""):gmatch("\n%s*(%-?%d+%s+%d+)") do
    list[#list + 1] = line
  end
  return list
end

--- The POSIX queues on the mqueue mounts that a process sees.
local function names(pid)
  local list = {}
  for _, row in ipairs(mountinfo(pid) or {}) do
    local dir = row.fs_type == "mqueue"
      and ("/proc/%s/root%s"):format(pid or "self", row.mount_point)
    for _, name in ipairs(dir and try(list_dir, dir) or {}) do
      list[#list + 1] = name
    end
  end
  return list
end

return {
  id = "ipc",
  title = "Proof: a message queue",
  needs = { "userns" },
  after = { "kinds" },
  text = [[
Let there be a message queue that a process of yours sees and nobody outside. Either kind will
do: one of System V (ipcmk -Q makes it, /proc/sysvipc/msg lists it), or a POSIX queue, which is
a file on a mount of the type mqueue.]],
  answers = { pid = "the process that sees the queue" },
  action = function(t)
    local dir = t.dir .. "/queues"
    mkdir(dir)
    t:answer {
      pid = boxes.hold({ "ipc", "mnt" }, function()
        mount("mqueue", dir, { type = "mqueue" })
        write_file(dir .. "/" .. t.token, "")
      end),
    }
  end,
  observe = {
    "ipcs -q",
    "nsenter -t $pid -U -i ipcs -q   # without -U as root",
    "grep mqueue /proc/$pid/mountinfo",
  },
  checks = {
    {
      "it is in an ipc namespace of its own",
      function(t)
        t:ns_differs(t:pid "pid", "ipc")
      end,
    },
    {
      "a queue is there that you do not see",
      function(t)
        local pid = t:pid "pid"
        local outside = {}
        for _, queue in ipairs(queues()) do
          outside[queue] = true
        end
        for _, name in ipairs(names()) do
          outside[name] = true
        end
        local found = 0
        for _, queue in ipairs(boxes.inside(t, pid, { "ipc" }, queues)) do
          found = found + (outside[queue] and 0 or 1)
        end
        for _, name in ipairs(names(pid)) do
          found = found + (outside[name] and 0 or 1)
        end
        t:ge(
          found,
          1,
          "message queues in there that are not out here",
          "nsenter -t $pid -i ipcs -q"
        )
      end,
    },
  },
  hints = {
    "An empty list proves nothing where the list outside is empty too. What would be seen by "
      .. "everybody without the namespace?",
    "A queue belongs to the ipc namespace of whoever makes it; on a mount of mqueue it is "
      .. "that of whoever has mounted it.",
    "With the kinds ipc and mnt: mount a file system of the type mqueue on a directory, and "
      .. "write a file in it. Or run ipcmk -Q in there, and stay.",
  },
  decoys = {
    {
      "the course's own: an empty list as a proof",
      function(t)
        t:answer { pid = boxes.hold { "ipc" } }
      end,
      says = "message queues in there that are not out here",
      course = true,
    },
    {
      "a file that is no queue",
      function(t)
        write_file(t.dir .. "/queue", "")
        t:answer { pid = boxes.hold { "ipc", "mnt" } }
      end,
      says = "message queues in there that are not out here",
    },
    {
      "a queue on a mount, in the old namespace",
      function(t)
        t:answer { pid = boxes.hold { "mnt" } }
      end,
      says = "the same ipc namespace",
    },
  },
  lesson = [[
The course runs ipcs in the box and finds nothing: so it would outside. A proof needs something
that is there on one side. Shared memory of databases is isolated by the same namespace.]],
}
