--- Erratum: `grep memory /proc/PID/cgroup | cut -d: -f3` of the course's debugging script. In the
--- one tree of version 2 no line has a controller's name, so that it finds nothing, and says
--- nothing.
local groups = require "lab.ex5.groups"

--- The hierarchy of version 2, and where this process stands in it.
local function unified()
  for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
    if hierarchy.version == "v2" and hierarchy.own then
      return hierarchy.mount .. (hierarchy.own == "/" and "" or hierarchy.own)
    end
  end
end

return {
  id = "grep",
  title = "grep finds the group, says the course",
  text = [[
The course's debugging script looks for a process's group by `grep memory /proc/$pid/cgroup | cut
-d: -f3`. The process given.pid is in a group of version 2. Hand over its directory (`group`), so
that `cat` of a file in there works. Which line of /proc/PID/cgroup is it, and what would the
course's grep have to look for?]],
  needs = { "root", "unified" },
  answers = { group = "the directory of the process's group in the hierarchy of version 2" },
  setup = function(t)
    local dir = unified() .. "/" .. t.prefix .. "-memory"
    mkdir(dir)
    local child = spawn({ die_with_parent = true, stdin = "null" }, function()
      exec { "sleep", "86400" }
    end)
    child:started()
    write_file(dir .. "/cgroup.procs", tostring(child.pid))
    t:give { pid = child:keep().pid }
  end,
  observe = {
    "cat /proc/$pid/cgroup",
    "grep memory /proc/$pid/cgroup | cut -d: -f3",
    "grep cgroup2 /proc/self/mountinfo",
  },
  action = function(t)
    for _, row in ipairs(proc_cgroup(t.given.pid)) do
      for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
        if row.hierarchy_id == 0 and hierarchy.version == "v2" then
          t:answer { group = hierarchy.mount .. row.path }
        end
      end
    end
  end,
  checks = {
    {
      "it is a group of version 2",
      function(t)
        local path = tostring(t.answers.group):gsub("\n.*", "")
        local see = ("ls %s"):format(path)
        -- Every group of version 2 below the root has this file, and none of version 1 has.
        t:ok(
          t:read(path .. "/cgroup.type") or t:read(path .. "/cgroup.controllers"),
          path .. " is no group of version 2",
          see
        )
      end,
    },
    {
      "the process is in it",
      function(t)
        local path = tostring(t.answers.group)
        t:ok(
          groups.has(path, t.given.pid),
          "the process is not in it",
          ("cat %s/cgroup.procs"):format(path)
        )
      end,
    },
  },
  hints = {
    "Look at all lines of /proc/PID/cgroup: three fields, and one of the lines has an empty "
      .. "second field.",
    "The line of version 2 begins with 0:: and its path is relative to where cgroup2 is mounted.",
    "Put the mount point of cgroup2 before the path of that line.",
  },
  decoys = {
    {
      "the course's lines",
      function(t)
        local script = "echo /sys/fs/cgroup/memory$(grep memory /proc/$1/cgroup | cut -d: -f3)"
        local said = capture({ "sh", "-c", script, "sh", tostring(t.given.pid) }).stdout
        t:answer { group = (said:gsub("\n$", "")) }
      end,
      says = "is no group of version 2",
      course = true,
    },
    {
      "the root of the hierarchy",
      function(t)
        for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
          if hierarchy.version == "v2" then
            t:answer { group = hierarchy.mount }
          end
        end
      end,
      says = "the process is not in it",
    },
  },
  lesson = [[
A line of version 1 is `N:controllers:/path`, that of version 2 is `0::/path` for all its
controllers. And grep looks at the path too: a group called "memory-hog" is found on every line.
scripts/solutions/5_debug.lua finds the group on both, and the limit that counts, wherever above
it is set.]],
}
