--- Task: the proof of a mount namespace, a tmpfs that nobody else sees.
---
--- ```lua
--- assert(require("lab.ex1.mnt").id == "mnt")
--- ```
local boxes = require "lab.ex1.boxes"

local function mounted(name, after)
  return function()
    mount("tmpfs", "/tmp", { type = "tmpfs" })
    write_file("/tmp/" .. name, "")
    if after then
      after()
    end
  end
end

return {
  id = "mnt",
  title = "Proof: a mount",
  needs = { "userns" },
  after = { "kinds" },
  text = [[
Let a process have a tmpfs on /tmp with a file in it that is called $name. Neither the mount nor
the file is seen by anybody else, and what is mounted in there later must not come out either.]],
  answers = { pid = "the process with the other /tmp" },
  setup = function(t)
    t:give { name = "seen-" .. t.token }
  end,
  action = function(t)
    t:answer { pid = boxes.hold({ "mnt" }, mounted(t.given.name)) }
  end,
  observe = { "grep ' /tmp ' /proc/$pid/mountinfo", "ls /proc/$pid/root/tmp", "ls /tmp" },
  checks = {
    {
      "it is in a mount namespace of its own",
      function(t)
        t:ns_differs(t:pid "pid", "mnt")
      end,
    },
    {
      "a tmpfs is mounted on its /tmp",
      function(t)
        local pid = t:pid "pid"
        local row = t:mount_at(pid, "/tmp")
        local see = ("grep ' /tmp ' /proc/%d/mountinfo"):format(pid)
        t:eq(row and row.fs_type or "no mount", "tmpfs", "what is mounted on /tmp in there", see)
      end,
    },
    {
      "the file is in there, and not out here",
      function(t)
        local pid = t:pid "pid"
        local path = ("/proc/%d/root/tmp/%s"):format(pid, t.given.name)
        t:ok(stat(path), "the file " .. t.given.name .. " is not in its /tmp", "ls " .. path)
        t:ok(not stat("/tmp/" .. t.given.name), "the file is in your /tmp", "ls /tmp")
      end,
    },
    {
      "mounts do not travel out",
      function(t)
        local pid = t:pid "pid"
        local group = t:mount_at(pid, "/tmp").shared
        local see = ("grep ' /tmp ' /proc/%d/mountinfo; findmnt -o TARGET,PROPAGATION"):format(pid)
        t:eq(
          group and "shared:" .. group or "private",
          "private",
          "the propagation of /tmp in there",
          see
        )
      end,
    },
  },
  hints = {
    "A mount namespace is a copy of the list of mounts. What decides whether two copies tell "
      .. "each other of changes?",
    "Propagation: a mount that is `shared` passes on what is mounted below it, also across "
      .. "namespaces. unshare(1) makes all private, unshare(2) alone does not.",
    "spawn with the kind mnt makes them private; in its function mount a tmpfs, then write "
      .. "the file.",
  },
  decoys = {
    {
      "a namespace with the old mounts",
      function(t)
        t:answer { pid = boxes.hold { "mnt" } }
      end,
      says = "what is mounted on /tmp in there",
    },
    {
      "a mount that is shared again",
      function(t)
        t:answer {
          pid = boxes.hold(
            { "mnt" },
            mounted(t.given.name, function()
              mount(nil, "/tmp", { shared = true })
            end)
          ),
        }
      end,
      says = "the propagation of /tmp",
    },
    {
      "an empty tmpfs, as the course makes it",
      function(t)
        t:answer {
          pid = boxes.hold({ "mnt" }, function()
            mount("tmpfs", "/tmp", { type = "tmpfs" })
          end),
        }
      end,
      says = "is not in its /tmp",
      course = true,
    },
  },
  lesson = [[
"ls /tmp is empty" proves little: it may have been empty before. A file that is on one side only
proves it. On hosts with systemd / is shared, and a bare unshare(2) lets mounts out.]],
}
