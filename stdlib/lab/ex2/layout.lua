--- Exercise 2, the layout: which version of control groups has the memory controller, and where.
---
--- ```lua
--- assert(require("lab.ex2.layout").id == "layout")
--- ```
local needs = require "needs"
local places = require "cgroup.places"

-- `layout:hybrid`: what the course's one-liner cannot tell.
needs.add("layout", function(kind)
  local found = cgroup_layout().kind
  return found ~= kind and ("the control groups here are %s, not %s"):format(found, kind) or nil
end)

local function memory()
  return places.controllers().memory
end

--- The type of file system that `stat -fc %T /sys/fs/cgroup` names.
local function by_stat()
  for _, row in ipairs(mountinfo()) do
    if row.mount_point == "/sys/fs/cgroup" then
      return row.fs_type == "cgroup2" and "v2" or "v1"
    end
  end
end

return {
  id = "layout",
  title = "Find out which control groups this machine has",
  needs = { "cgroup:memory" },
  text = [[
Say what is mounted here: only version 1 (v1), only version 2 (v2), or both (hybrid); which of the
two has the memory controller; and the directory at which that hierarchy is mounted. The kernel
knows. A rule of thumb may not.]],
  answers = {
    kind = "v1, v2 or hybrid",
    version = "the version that limits memory here: v1 or v2",
    mount = "the directory where that hierarchy is mounted",
  },
  action = function(t)
    local found = memory()
    t:answer { kind = cgroup_layout().kind, version = found.version, mount = found.mount }
  end,
  observe = {
    "grep cgroup /proc/self/mountinfo",
    "cat /proc/cgroups",
    "cat /proc/self/cgroup",
  },
  checks = {
    {
      "the answer says what is mounted",
      function(t)
        local see = "grep cgroup /proc/self/mountinfo"
        t:eq(t.answers.kind, cgroup_layout().kind, "what is mounted here", see)
      end,
    },
    {
      "the answer says which version has the memory controller",
      function(t)
        local see = "grep memory /proc/self/mountinfo /sys/fs/cgroup/cgroup.controllers"
        t:eq(t.answers.version, memory().version, "the version that has the controller", see)
      end,
    },
    {
      "the answer says where it is mounted",
      function(t)
        local mount = tostring(t.answers.mount):gsub("(.)/+$", "%1")
        t:eq(mount, memory().mount, "its mount", "grep cgroup /proc/self/mountinfo")
      end,
    },
  },
  hints = {
    "A hybrid has both: v1 with the controllers, and v2 mounted beside it with few or none.",
    "Each mount has its line in /proc/self/mountinfo: v1's type is cgroup, with its controllers"
      .. " among"
      .. " the last options; v2's is cgroup2, and its controllers are in the file"
      .. " cgroup.controllers.",
    "Count the types cgroup and cgroup2, then look for the word memory; cgroup_layout() does the"
      .. " same.",
  },
  decoys = {
    {
      "the course's rule: the type of /sys/fs/cgroup decides",
      function(t)
        t:answer { kind = by_stat(), version = by_stat(), mount = "/sys/fs/cgroup" }
      end,
      says = "what is mounted here",
      course = true,
      needs = { "layout:hybrid" },
    },
    {
      "the newer version, because it is mounted",
      function(t)
        local other = memory().version == "v1" and "v2" or "v1"
        t:answer { kind = cgroup_layout().kind, version = other, mount = memory().mount }
      end,
      says = "the version that has the controller",
    },
    {
      "the directory of another controller",
      function(t)
        t:answer {
          kind = cgroup_layout().kind,
          version = memory().version,
          mount = "/sys/fs/cgroup/cpu",
        }
      end,
      says = "its mount",
    },
  },
  lesson = [[
`stat -fc %T /sys/fs/cgroup` tells the type of one mount. On a hybrid that is a tmpfs, with both
versions below it; and that cgroup2 is mounted says nothing yet: a controller is in one hierarchy
only, and whoever limits memory has to know in which.]],
}
