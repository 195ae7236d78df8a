--- Exercise 2, both dialects: one limit, and what it is called on v1 and on v2.
---
--- ```lua
--- local steps = require "lab.ex2.dialects"
---
--- assert(steps[1].id == "dialects" and steps[2].id == "names")
--- ```
local cgroup = require "cgroup"
local groups = require "lab.ex2.groups"
local places = require "cgroup.places"

local MEMORY, CPU = "64M", "50%"

--- The files of the two limits, by version.
local function files()
  local found = { v1 = {}, v2 = {} }
  for _, limit in ipairs { { memory = MEMORY }, { cpu = CPU } } do
    local row = cgroup.dialects(limit)[1]
    table.insert(found.v1, row.v1_file)
    table.insert(found.v2, row.v2_file)
  end
  return found
end

--- The version that cannot limit memory here: a controller is in one hierarchy, never in both.
local function missing()
  return places.controllers().memory.version == "v1" and "v2" or "v1"
end

local ANSWERS = {
  memory_v1 = "the file for the limit of memory, on v1",
  memory_v2 = "the file for the limit of memory, on v2",
  cpu_v1 = "the file for the quota of processor time, on v1",
  cpu_v2 = "the file for the quota of processor time, on v2",
}

local function named(t)
  local known = files()
  for _, version in ipairs { "v1", "v2" } do
    for index, what in ipairs { "memory", "cpu" } do
      local name = what .. "_" .. version
      local see = "crun-lua help cgroup_set; man 7 cgroups"
      local said = tostring(t.answers[name]):match("([^/]*)$")
      t:eq(said, known[version][index], ("the file for %s on %s"):format(what, version), see)
    end
  end
end

local function right()
  local known = files()
  return {
    memory_v1 = known.v1[1],
    memory_v2 = known.v2[1],
    cpu_v1 = known.v1[2],
    cpu_v2 = known.v2[2],
  }
end

local function with(changes)
  local answers = right()
  for key, value in pairs(changes) do
    answers[key] = value
  end
  return answers
end

local HINTS = {
  "v1 has a directory tree for each controller, v2 one for all; the names of the files tell which.",
  "v1 says what it limits and in which unit (…_in_bytes, …_us); v2 says min, low, high or max.",
  "cgroup.dialects { memory = …, cpu = … } answers both side by side; view.table draws it.",
}

local function copy(list, more)
  local made = {}
  for key, value in pairs(list) do
    made[key] = value
  end
  for key, value in pairs(more) do
    made[key] = value
  end
  return made
end

return {
  {
    id = "dialects",
    title = "The same limit in both dialects",
    needs = { "root", "cgroup:memory", "cgroup:cpu" },
    alternative = "names",
    text = [[
Say in which files a limit of memory and a quota of processor time are written, on v1 and on v2.
Say which of the two versions cannot limit memory on this machine. With the other one make the
group that is named below, with 64 MiB and half a processor.]],
    answers = copy(ANSWERS, { missing = "the version that cannot limit memory here: v1 or v2" }),
    setup = function(t)
      t:give { group = t.prefix .. "-both" }
    end,
    action = function(t)
      cgroup.make(t.given.group, { memory = MEMORY, cpu = CPU }):keep()
      t:answer(with { missing = missing() })
    end,
    observe = {
      "cat /sys/fs/cgroup/cgroup.controllers /sys/fs/cgroup/unified/cgroup.controllers",
      "ls /sys/fs/cgroup/memory",
    },
    checks = {
      { "the four files are named", named },
      {
        "the version that cannot is named",
        function(t)
          local see = "grep memory /proc/self/mountinfo /sys/fs/cgroup/cgroup.controllers"
          t:eq(t.answers.missing, missing(), "the version that cannot limit memory here", see)
        end,
      },
      {
        "the other one holds the limit of memory",
        function(t)
          local group <close> = groups.find(t, "memory")
          local file = files()[group.dialect][1]
          local see = ("cat %s/%s"):format(group.dir, file)
          t:eq(group.handle:get().memory, 64 << 20, "the limit of memory, in bytes", see)
        end,
      },
      {
        "it holds the quota as well",
        function(t)
          local group <close> = groups.find(t, "cpu")
          local cpu = group.handle:get().cpu
          local share = type(cpu) == "table"
            and type(cpu.quota) == "number"
            and cpu.quota / cpu.period
          local see = ("cat %s/%s"):format(group.dir, files()[group.dialect][2])
          t:eq(share, 0.5, "the quota, as a part of the period", see)
        end,
      },
    },
    hints = HINTS,
    decoys = {
      {
        'the course\'s "enable the controllers" as the answer: both can',
        function(t)
          cgroup.make(t.given.group, { memory = MEMORY, cpu = CPU }):keep()
          t:answer(with { missing = missing() == "v1" and "v2" or "v1" })
        end,
        says = "the version that cannot limit memory here",
        course = true,
      },
      {
        "v1's words for both",
        function(t)
          t:answer(with { memory_v2 = "memory.limit_in_bytes", missing = missing() })
        end,
        says = "the file for memory on v2",
      },
      {
        "v2 has its quota in two files",
        function(t)
          t:answer(with { cpu_v2 = "cpu.cfs_quota_us", missing = missing() })
        end,
        says = "the file for cpu on v2",
      },
      {
        "the names, and no group",
        function(t)
          t:answer(with { missing = missing() })
        end,
        says = "there is no group",
      },
      {
        "memory alone",
        function(t)
          cgroup.make(t.given.group, { memory = MEMORY, controllers = "all" }):keep()
          t:answer(with { missing = missing() })
        end,
        says = "the quota, as a part of the period",
      },
    },
    lesson = [[
The course's `echo "+memory +cpu" > cgroup.subtree_control` is refused where the controllers are
on v1: a controller belongs to one hierarchy until nobody uses it there. And "128M" can be written
to v1's file, while v2's answers with a number of bytes: compare what is read, not what was
written.]],
  },
  {
    id = "names",
    title = "The names of a limit in both dialects",
    text = [[
Say in which files a limit of memory and a quota of processor time are written, on v1 and on v2.]],
    answers = ANSWERS,
    action = function(t)
      t:answer(right())
    end,
    checks = { { "the four files are named", named } },
    hints = HINTS,
    decoys = {
      {
        "v1's words for both",
        function(t)
          t:answer(with { memory_v2 = "memory.limit_in_bytes" })
        end,
        says = "the file for memory on v2",
      },
      {
        "the unit is forgotten",
        function(t)
          t:answer(with { cpu_v1 = "cpu.cfs_quota" })
        end,
        says = "the file for cpu on v1",
      },
    },
    lesson = "v1 says the unit in the name; v2 has one word, max, and one file a resource.",
  },
}
