--- Task: the proof of a user namespace, a map that makes you root inside.
---
--- ```lua
--- assert(require("lab.ex1.user").id == "user")
--- ```
local boxes = require "lab.ex1.boxes"

local function shown(rows)
  local parts = {}
  for _, row in ipairs(rows or {}) do
    parts[#parts + 1] = ("%d %d %d"):format(row.inside, row.outside, row.count)
  end
  return #parts == 0 and "nothing" or table.concat(parts, "; ")
end

return {
  id = "user",
  title = "Proof: root that is none",
  needs = { "userns" },
  after = { "kinds" },
  text = [[
Let a process be root in a user namespace in which there is nobody else: its user 0 is you, its
group 0 is yours, and no other id means anything.]],
  answers = { pid = "the process in the user namespace" },
  action = function(t)
    t:answer { pid = boxes.hold { "user" } }
  end,
  observe = {
    "cat /proc/$pid/uid_map /proc/$pid/gid_map",
    "grep -E 'Uid|CapEff' /proc/$pid/status",
  },
  checks = {
    {
      "it is in a user namespace of its own",
      function(t)
        t:ns_differs(t:pid "pid", "user")
      end,
    },
    {
      "user 0 in there is you, and nobody else is there",
      function(t)
        local pid = t:pid "pid"
        local me = proc_status().uid.effective
        local see = ("cat /proc/%d/uid_map"):format(pid)
        t:eq(
          shown(uid_map(pid)),
          ("0 %d 1"):format(me),
          "its map of users (inside, outside, how many)",
          see
        )
      end,
    },
    {
      "and so is group 0",
      function(t)
        local pid = t:pid "pid"
        local me = proc_status().gid.effective
        local see = ("cat /proc/%d/gid_map"):format(pid)
        t:eq(shown(gid_map(pid)), ("0 %d 1"):format(me), "its map of groups", see)
      end,
    },
  },
  hints = {
    "Without a map every id is 65534, the overflow id. Where is the map written?",
    "/proc/PID/uid_map has three numbers a line: the first id inside, the first outside, how "
      .. "many. It is written once.",
    "spawn with the kind user maps you to root by itself; its option is id_map. unshare(1) has an "
      .. "option whose name ends in -root-user.",
  },
  decoys = {
    {
      "no map",
      function(t)
        local process = spawn({ unshare = { "user" }, id_map = "none" }, function()
          exec { "sleep", "600" }
        end)
        process:started()
        t:answer { pid = process }
      end,
      says = "its map of users",
    },
    {
      "every id, one to one",
      function(t)
        local all = { { inside = 0, outside = 0, count = 65536 } }
        t:answer { pid = boxes.hold({ "user" }, nil, { id_map = { uid = all, gid = all } }) }
      end,
      says = "its map of users",
      needs = { "root" },
    },
    {
      "another number inside",
      function(t)
        t:answer { pid = boxes.hold({ "user" }, nil, { id_map = { uid = 7, gid = 7 } }) }
      end,
      says = "its map of users",
    },
  },
  lesson = [[
It has all capabilities, over what belongs to its namespace; files of the host's root it cannot
even chown. This is the one kind that needs no rights, and the key to the others for ordinary
users.]],
}
