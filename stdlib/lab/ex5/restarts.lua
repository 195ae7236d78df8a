--- A limit too small: a program that is killed for memory as soon as it works, and started again.
--- It cannot log its own SIGKILL; only the group's counter tells.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"

local MB = 1 << 20

-- What the program keeps, in MiB; the limit that it is given, and the bounds of a good one.
local TAKES, LIMIT, LEAST, MOST = 40, 24, 56, 128

--- The directory of a group in which its limit stands, whatever the version is.
local function memory_dir(group)
  return group.paths.memory or group.paths.unified
end

--- The limit in bytes; nil where there is none.
local function limit_of(t)
  local dir = t.given.group
  local text = t:read(dir .. "/memory.limit_in_bytes") or t:read(dir .. "/memory.max")
  return math.tointeger(tonumber(text)), dir
end

--- What `echo 96M > …` does, by the name that the file has here.
local function set_limit(t, v1, v2)
  local dir = t.given.group
  if stat(dir .. "/memory.max") then
    write_file(dir .. "/memory.max", v2 or v1)
  else
    write_file(dir .. "/memory.limit_in_bytes", v1)
  end
end

return fault {
  id = "restarts",
  title = "It starts, and starts, and starts",
  symptom = [[
A service manager (given.manager) starts a program in the group given.group and starts it again
whenever it ends, which it does within a second. Its log, $dir/log, knows no more than the status.
The program is right: it needs 40 MiB. It shall stay, with a limit of at most 128 MiB, and its
manager with it.]],
  cause = "memory-limit",
  choices = {
    { "memory-limit", "its group may not take as much memory as it needs" },
    {
      "crash",
      "the program has a fault and crashes",
      why = "a crash is SIGSEGV or SIGABRT (139, 134); 137 is 128 + 9, and nothing does that "
        .. "to itself",
    },
    {
      "machine-full",
      "the machine has no memory left",
      why = "/proc/meminfo has plenty; the group's own counter of kills goes up, the machine's "
        .. "does not",
    },
    {
      "manager",
      "its manager kills it",
      why = "the manager waits for its end and sends nothing: strace -p shows it",
    },
  },
  needs = { "root", "cgroup:memory" },
  alternative = "restarts-user",
  setup = function(t)
    local group = cgroup_set(t.prefix .. "-service", { memory = LIMIT .. "M" })
    local manager = boxes.restarter(t.dir .. "/log", function()
      return spawn({ cgroup = group, die_with_parent = true }, function()
        local kept = {}
        for index = 1, TAKES do
          kept[index] = ("x"):rep(MB) .. index
        end
        poll({}, { timeout = "24h" })
        return #kept
      end)
    end)
    t:give { manager = manager, group = memory_dir(group) }
    -- The handle stays with this process, which is the stage's: the group goes with it.
    group:keep()
  end,
  repair = function(t)
    set_limit(t, "96M")
  end,
  observe = {
    "tail -4 $dir/log",
    "cat $group/memory.oom_control $group/memory.events 2>/dev/null",
    "cat $group/memory.limit_in_bytes $group/memory.max 2>/dev/null",
    "crun-lua inspect --section cgroup $manager",
  },
  checks = {
    boxes.manager_lives(),
    {
      "the group has a limit that is neither too small nor none",
      function(t)
        local limit, dir = limit_of(t)
        local see = "cat " .. dir .. "/memory.*max* " .. dir .. "/memory.limit_in_bytes"
        t:le(limit or math.maxinteger, MOST * MB, "the group's limit of memory, in bytes", see)
        t:ge(limit, LEAST * MB, "the group's limit of memory, in bytes", see)
      end,
    },
    {
      "the program stays",
      function(t)
        local worker = boxes.settled(t, t.given.manager, 1.5)
        t:ok(worker, "the program has not lived for 1.5 s yet", ("tail -3 %s/log"):format(t.dir))
        t:eq(t:cgroup(worker, "memory").path, t.given.group, "the group that the program is in")
      end,
    },
  },
  hints = {
    "What does a shell's status above 128 mean, and who may have sent that?",
    "Each group counts whom the kernel has killed in it: memory.events, or memory.oom_control.",
    "Write a larger limit into the file of the group that has it: above 40 MiB, with room for "
      .. "the rest.",
  },
  decoys = {
    {
      "the limit is raised by a little",
      function(t)
        set_limit(t, "32M")
      end,
      says = "at least",
    },
    {
      "the limit is taken away",
      function(t)
        set_limit(t, "-1", "max")
      end,
      says = "at most",
    },
    {
      "the manager is ended, and the program with it",
      function(t)
        kill(t.given.manager, "kill")
      end,
      says = "the manager, which must go on",
    },
  },
  lesson = [[
137 is SIGKILL. That it was the memory limit stands in one place: the group's oom_kill counter.
The course looks at memory.stat and at `docker stats`, which show how much is used, and never that
somebody was killed.]],
}
