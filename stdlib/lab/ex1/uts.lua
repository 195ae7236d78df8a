--- Task: the proof of a uts namespace, a host name that is another inside.
---
--- ```lua
--- assert(require("lab.ex1.uts").id == "uts")
--- ```
local boxes = require "lab.ex1.boxes"

return {
  id = "uts",
  title = "Proof: a host name",
  needs = { "userns" },
  after = { "kinds" },
  text = [[
Give a process the host name $name; the machine's own stays as it is.]],
  answers = { pid = "the process with the other host name" },
  setup = function(t)
    t:give { name = "box-" .. t.token }
  end,
  action = function(t)
    t:answer {
      pid = boxes.hold({ "uts" }, function()
        sethostname(t.given.name)
      end),
    }
  end,
  observe = {
    "hostname",
    "nsenter -t $pid -U -u hostname   # without -U as root",
    "readlink /proc/$pid/ns/uts",
  },
  checks = {
    {
      "it is in a uts namespace of its own",
      function(t)
        t:ns_differs(t:pid "pid", "uts")
      end,
    },
    {
      "its host name is the one that was asked for",
      function(t)
        local name = boxes.inside(t, t:pid "pid", { "uts" }, function()
          return sysctl_get("kernel.hostname")
        end)
        t:eq(name, t.given.name, "the host name in there", "nsenter -t $pid -u hostname")
      end,
    },
    {
      "yours is another",
      function(t)
        t:ne(sysctl_get("kernel.hostname"), t.given.name, "your host name", "hostname")
      end,
    },
  },
  hints = {
    "The name belongs to the namespace, not to the process: who sets it, sets it for all in there.",
    "sethostname(2) acts on the namespace of the caller, so the process itself calls it, "
      .. "after it has its own.",
    "spawn with the kind uts, and in its function sethostname; an ordinary user adds the kind"
      .. " user.",
  },
  decoys = {
    {
      "a namespace with the old name",
      function(t)
        t:answer { pid = boxes.hold { "uts" } }
      end,
      says = "the host name in there",
    },
    {
      "the name in the environment",
      function(t)
        local process = spawn(function()
          exec { "sleep", "600", env = { PATH = os.getenv("PATH"), HOSTNAME = t.given.name } }
        end)
        process:started()
        t:answer { pid = process }
      end,
      says = "the same uts namespace",
    },
  },
  lesson = [[
A new namespace begins as a copy: until somebody sets the name, nobody can tell it from the old
one but by its inode.]],
}
