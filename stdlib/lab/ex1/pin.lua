--- Task: a namespace that lives without a process, because a mount holds it.
---
--- ```lua
--- assert(require("lab.ex1.pin").id == "pin")
--- ```
local boxes = require "lab.ex1.boxes"

--- A process whose mounts have a pin, if one is made; what it does before it sleeps is `body`'s
--- affair.
local function keeper(t, body)
  return boxes.hold({ "mnt" }, function()
    body(t.given.path)
  end)
end

--- A new uts namespace with a name, pinned at a path.
local function pinned(path, name)
  local child <close> = spawn({
    unshare = { "uts" },
    parent = function(process)
      local namespace <close> = ns_open(process, "uts")
      namespace:pin(path):keep()
    end,
  }, function()
    sethostname(name)
  end)
  child:wait()
end

local function row_of(t)
  return t:mount_at(t:pid "pid", t.given.path)
end

local function inode_of(row)
  return row
    and row.fs_type == "nsfs"
    and math.tointeger(tonumber(row.root:match("^uts:%[(%d+)%]$")))
end

return {
  id = "pin",
  title = "Life without a process",
  needs = { "userns" },
  after = { "death" },
  text = [[
Keep a uts namespace with the host name $name alive, with no process in it, under the path
$path. Hand over a process that sees the path so: it may be your shell.]],
  answers = { pid = "a process that sees the pinned namespace at the path" },
  setup = function(t)
    t:give { name = "kept-" .. t.token, path = t.dir .. "/pin" }
  end,
  action = function(t)
    t:answer {
      pid = keeper(t, function(path)
        pinned(path, t.given.name)
      end),
    }
  end,
  observe = { "grep nsfs /proc/$pid/mountinfo", "lsns -t uts", "nsenter --uts=$path hostname" },
  checks = {
    {
      "a uts namespace is mounted at the path",
      function(t)
        local row = row_of(t)
        local see = ("grep nsfs /proc/%d/mountinfo"):format(t:pid "pid")
        local found = row and row.fs_type .. " " .. row.root or "no mount"
        t:ok(
          inode_of(row),
          ("what is mounted at %s is no uts namespace: %s"):format(t.given.path, found),
          see
        )
      end,
    },
    {
      "no process is in it",
      function(t)
        local inode = inode_of(row_of(t)) or 0
        local pid = boxes.member("uts", inode)
        t:eq(
          pid or "none",
          "none",
          "a process in the namespace",
          ("ls -l /proc/*/ns/uts | grep %d"):format(inode)
        )
      end,
    },
    {
      "it has the host name",
      function(t)
        local pid = t:pid "pid"
        -- The mount is seen in the process's mount namespace only.
        local name = boxes.inside(t, pid, { "mnt" }, function()
          local child <close> = spawn({ join = { uts = t.given.path }, stdout = "pipe" }, function()
            io.stdout:write(sysctl_get("kernel.hostname"))
          end)
          return child:output().stdout
        end)
        t:eq(
          name,
          t.given.name,
          "the host name in there",
          "nsenter --uts=" .. t.given.path .. " hostname"
        )
      end,
    },
  },
  hints = {
    "What refers to a namespace, besides a process? How does `ip netns add` do it?",
    "A bind mount of /proc/PID/ns/KIND onto a file: mountinfo shows it with the type nsfs.",
    "ns_open and its method pin, while a process is still in there; or unshare(1) with "
      .. "--uts=PATH, for a file that exists.",
  },
  decoys = {
    {
      "a file of that name",
      function(t)
        write_file(t.given.path, "")
        t:answer { pid = boxes.hold { "mnt" } }
      end,
      says = "is no uts namespace",
    },
    {
      "a process keeps it, and not the mount",
      function(t)
        t:answer {
          pid = keeper(t, function(path)
            unshare { "uts" }
            sethostname(t.given.name)
            ns_pin("uts", path):keep()
          end),
        }
      end,
      says = "a process in the namespace",
    },
    {
      "another name",
      function(t)
        t:answer {
          pid = keeper(t, function(path)
            pinned(path, "another")
          end),
        }
      end,
      says = "the host name in there",
    },
  },
  lesson = [[
`ip netns add` does this and nothing else: a file in /run/netns with a namespace mounted on it.
It lives until it is unmounted, also when everybody has forgotten it; the course never removes
those it makes.]],
}
