--- Exercise 3, capabilities: one of forty is left, and it is enough for port 80.
---
--- ```lua
--- assert(require("lab.ex3.caps").id == "caps")
--- ```
local boxes = require "lab.ex3.boxes"

local ONE = "net_bind_service"

--- Something that listens; it binds after all rights but one are gone.
local function listen(port)
  exec { "busybox", "nc", "-l", "-p", tostring(port) }
end

--- A box whose process gives rights up and then listens.
local function box(give_up, port)
  return boxes.spawn({ "mnt", "net" }, function()
    loopback_up()
    give_up()
    listen(port or 80)
  end)
end

local function grep(pid)
  return ("grep Cap /proc/%d/status"):format(pid)
end

--- A set has the one capability and no other.
local function only(t, set, name)
  local pid = t:pid "pid"
  local masks = try(caps_get, pid, { sets = { set } })
  local found = masks and masks.masks[set]
  t:eq(found, caps_encode { ONE }, ("%s of the process (%s alone)"):format(name, ONE), grep(pid))
end

--- A set has nothing beside the one.
local function at_most(t, set, name)
  local pid = t:pid "pid"
  for _, other in ipairs(t:caps(pid, set)) do
    t:eq(other, ONE, name .. " has something else", grep(pid))
  end
end

local function listens(pid, port)
  for _, kind in ipairs { "tcp", "tcp6" } do
    for _, row in ipairs(proc_net(pid, kind) or {}) do
      if row.st == "listen" and row.local_port == port then
        return true
      end
    end
  end
  return false
end

return {
  id = "caps",
  title = "Leave one capability: to bind port 80",
  needs = { "namespaces", "program:busybox" },
  text = [[
Start something that listens on port 80, with no capability but net_bind_service, in a network and
a mount namespace of its own. The right must be there when it binds, and every other one must be
gone for good: also for what it starts later. Hand over its process.]],
  answers = { pid = "the process that listens" },
  action = function(t)
    t:answer { pid = box(function()
      drop_caps { keep = { ONE } }
    end) }
  end,
  observe = {
    "grep Cap /proc/$pid/status",
    "capsh --decode=0000000000000400",
    "cat /proc/$pid/net/tcp6",
  },
  checks = {
    {
      "it is in a network and a mount namespace of its own",
      function(t)
        local pid = t:pid "pid"
        t:ns_differs(pid, "net")
        t:ns_differs(pid, "mnt")
      end,
    },
    {
      "nothing else can be had again: the bounding set",
      function(t)
        only(t, "bounding", "CapBnd")
      end,
    },
    {
      "it has this one, and no other: the effective set",
      function(t)
        only(t, "effective", "CapEff")
      end,
    },
    {
      "nothing else is inherited: the inheritable and the ambient set",
      function(t)
        at_most(t, "inheritable", "CapInh")
        at_most(t, "ambient", "CapAmb")
      end,
    },
    {
      "it has bound port 80",
      function(t)
        local pid = t:pid "pid"
        local see = ("nsenter -t %d -n ss -ltn"):format(pid)
        t:ok(listens(pid, 80), "nothing listens on port 80 there", see)
      end,
    },
    {
      "with its rights nobody can mount",
      function(t)
        local pid = t:pid "pid"
        local see = ("nsenter -t %d -m mount -t tmpfs none /mnt"):format(pid)
        -- Made and not attached: nothing changes even where it is allowed.
        t:refused(pid, "EPERM", "a mount with the rights of the process", function()
          return mount_new { type = "tmpfs" }
        end, see)
      end,
    },
  },
  hints = {
    "Five sets: what may be had at all, what one has, what counts now, and two for the next exec.",
    "The bounding set is only narrowed, and each drop needs setpcap: so it comes before the"
      .. " others.",
    "drop_caps { keep = { … } } narrows all five; capsh --drop takes a list, and setpriv has"
      .. " --bounding-set.",
  },
  decoys = {
    {
      "the course's capsh --drop=all: the one that is needed goes as well",
      function(t)
        t:answer {
          pid = boxes.spawn({ "mnt", "net" }, function()
            drop_caps { keep = {} }
            exec { "sleep", "600" }
          end),
        }
      end,
      says = "CapBnd of the process",
      course = true,
    },
    {
      "the effective set alone: the next exec of root has everything again",
      function(t)
        t:answer { pid = box(function()
          caps_set { effective = { ONE } }
        end) }
      end,
      says = "CapBnd of the process",
    },
    {
      "net_admin as well, because it is about the network",
      function(t)
        t:answer {
          pid = box(function()
            drop_caps { keep = { ONE, "net_admin" } }
          end),
        }
      end,
      says = "CapBnd of the process",
    },
    {
      "a port that needs no right",
      function(t)
        t:answer { pid = box(function()
          drop_caps { keep = { ONE } }
        end, 8080) }
      end,
      says = "nothing listens on port 80",
    },
    {
      "in your own network",
      function(t)
        t:answer {
          pid = boxes.spawn({ "mnt" }, function()
            drop_caps { keep = { ONE } }
            exec { "sleep", "600" }
          end),
        }
      end,
      says = "the same net namespace",
    },
  },
  lesson = [[
Only the bounding set is a promise: root gets at exec what it allows, whatever the other sets said
before. The course's --drop=all is simple and too much for a web server; what it needs is one
right, and in a namespace of its own that right does not reach the host's ports.]],
}
