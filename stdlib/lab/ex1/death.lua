--- Task: a namespace ends with its last process, and not with its first.
---
--- ```lua
--- assert(require("lab.ex1.death").id == "death")
--- ```
local boxes = require "lab.ex1.boxes"

--- Two processes in a namespace, the second a child of the first.
local function make()
  local said = pipe()
  local box = spawn({ unshare = boxes.kinds { "uts" }, stdout = said.write }, function()
    exec { "sh", "-c", "sleep 600 >/dev/null & echo ready; exec sleep 600 >/dev/null" }
  end)
  said.write:close()
  said.read:read(5, { timeout = "10s" })
  return box
end

local function inode_file(t)
  return t.dir .. "/inode.sha256"
end

local function end_all(inode)
  for _ = 1, 50 do
    local pid = boxes.member("uts", inode)
    if not pid then
      return
    end
    try(kill, pid, "kill")
    poll({}, { timeout = "20ms" })
  end
end

return {
  id = "death",
  title = "Death: the last one out",
  needs = { "userns" },
  after = { "uts" },
  text = [[
The process $box stands in a uts namespace. Note the inode of that, and then see to it that the
namespace is no more. Hand over its number.]],
  answers = { inode = "the inode of the namespace that is no more" },
  setup = function(t)
    local box = make()
    -- The checks have to know it when nobody can read it any more, and the learner is not told.
    write_file(inode_file(t), sha256(("%d"):format(proc_ns(box.pid).uts)))
    t:give { box = box.pid }
  end,
  action = function(t)
    local inode = proc_ns(t.given.box).uts
    end_all(inode)
    t:answer { inode = inode }
  end,
  observe = { "readlink /proc/$box/ns/uts", "lsns -t uts", "ls -l /proc/*/ns/uts | grep INODE" },
  checks = {
    {
      "it is the inode of that namespace",
      function(t)
        local given = tostring(t.answers.inode):match("%d+") or "?"
        local known = sha256(given) == t:read(inode_file(t))
        t:ok(
          known,
          given .. " is not the inode that the box's uts namespace had",
          "readlink /proc/PID/ns/uts"
        )
      end,
    },
    {
      "no process is in it any more",
      function(t)
        local inode = math.tointeger(tonumber(tostring(t.answers.inode):match("%d+")))
        local pid = boxes.member("uts", inode)
        if pid then
          t:fail {
            what = "a process stands in it still",
            expected = "none of all /proc/*/ns/uts",
            found = ("%d (%s)"):format(pid, (try(proc_stat, pid) or {}).comm or "?"),
            see = ("ls -l /proc/*/ns/uts | grep %d"):format(inode),
          }
        end
      end,
    },
    {
      "nothing else holds it",
      function(t)
        local inode = tostring(t.answers.inode):match("%d+")
        for _, row in ipairs(mountinfo()) do
          if row.root == ("uts:[%s]"):format(inode) then
            t:fail {
              what = "a mount holds it",
              found = row.mount_point,
              see = "grep nsfs /proc/self/mountinfo",
            }
          end
        end
      end,
    },
  },
  hints = {
    "What keeps a namespace alive, and who is in this one?",
    "It lives as long as a process, a descriptor or a mount refers to it. A scan of all "
      .. "/proc/*/ns tells the processes.",
    "Read the link first, then end every process with that inode, not only the one that you "
      .. "were told.",
  },
  decoys = {
    {
      "the number, and nothing done",
      function(t)
        t:answer { inode = proc_ns(t.given.box).uts }
      end,
      says = "a process stands in it still",
    },
    {
      "only the first process is ended",
      function(t)
        local inode = proc_ns(t.given.box).uts
        kill(t.given.box, "kill")
        t:answer { inode = inode }
      end,
      says = "a process stands in it still",
    },
    {
      "the inode of another",
      function(t)
        local inode = proc_ns(t.given.box).uts
        end_all(inode)
        t:answer { inode = proc_ns().uts }
      end,
      says = "is not the inode",
    },
  },
  lesson = [[
Nothing destroys a namespace: it is counted, and goes with the last reference. That is why
`docker stop` can seem to leave a network behind: something in it still runs, or holds it open.]],
}
