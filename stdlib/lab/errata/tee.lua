--- Erratum: `echo $$ | sudo tee …/cgroup.procs`. It limits the shell that one types into, and
--- that shell is then what the kernel may kill.

local function limit_of(group)
  local text = group.read("memory.limit_in_bytes") or group.read("memory.max")
  return math.tointeger(tonumber(text))
end

--- A process that is born in a group with this limit, while its parent stays outside.
local function born_limited(t, limit)
  local group = cgroup_set(t.prefix .. "-hog", { memory = limit })
  local child = spawn({ cgroup = group }, function()
    exec { "sleep", "3600" }
  end)
  child:started()
  t:answer { pid = child }
  child:keep()
  group:keep()
end

return {
  id = "tee",
  title = "echo $$ | tee cgroup.procs, says the course",
  text = [[
Solution 2 of the course puts its own shell into the group and runs a memory hog from it. Hand
over a process (`pid`) that runs in a group of memory with a limit of 32 MiB, whose directory's
name begins with $prefix, and whose parent, the shell, is not in it.]],
  needs = { "root", "cgroup:memory" },
  answers = { pid = "the process in the group" },
  observe = { "grep memory /proc/$pid/cgroup /proc/self/cgroup", "grep PPid /proc/$pid/status" },
  action = function(t)
    born_limited(t, "32M")
  end,
  checks = {
    {
      "it is in a group of the task's",
      function(t)
        local pid = t:pid "pid"
        local see = ("cat /proc/%d/cgroup"):format(pid)
        t:has(t:cgroup(pid, "memory").path, "/" .. t.prefix, "its group of memory", see)
      end,
    },
    {
      "the group's limit is 32 MiB",
      function(t)
        local group = t:cgroup(t:pid "pid", "memory")
        t:eq(limit_of(group), 32 << 20, "the group's limit of memory", "ls " .. group.path)
      end,
    },
    {
      "the shell is not in it",
      function(t)
        local pid = t:pid "pid"
        local parent = t:status(pid).ppid
        local see = ("cat /proc/%d/cgroup"):format(parent)
        local path = t:cgroup(pid, "memory").path
        t:ne(t:cgroup(parent, "memory").path, path, "the group of its parent", see)
      end,
    },
  },
  hints = {
    "Which process is $$, and what does a child inherit?",
    "A group is inherited by fork: who enters must be the child, before it becomes the program.",
    "Let a subshell write its own number and then exec; or start the child in the group at once.",
  },
  decoys = {
    {
      "the course's way: the shell enters, and starts the program",
      function(t)
        local group = cgroup_set(t.prefix .. "-hog", { memory = "32M" })
        local told = pipe()
        local shell = spawn(function()
          group:enter()
          local program = spawn(function()
            exec { "sleep", "3600" }
          end)
          program:started()
          told.write:write(("%d\n"):format(program.pid))
          program:wait()
        end)
        told.write:close()
        t:answer { pid = math.tointeger(tonumber(told.read:read(16):match("%d+"))) }
        shell:keep()
        group:keep()
      end,
      says = "the group of its parent",
      course = true,
    },
    {
      "a group with another limit",
      function(t)
        born_limited(t, "64M")
      end,
      says = "the group's limit of memory",
    },
  },
  lesson = [[
Your shell in the group is charged for its own memory and is a candidate when the kernel has to
kill; and it stays there when the exercise is over. `sh -c 'echo $$ > …/cgroup.procs; exec
PROGRAM'` limits the program alone.]],
}
