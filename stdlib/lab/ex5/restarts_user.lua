--- A limit too small, for who may not set control groups: the same loop by a resource limit, which
--- is inherited from the manager and can be changed from outside with prlimit(2).
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"

-- How many files the program opens; the limit that it has, and the least that will do.
local OPENS, LIMIT, LEAST = 48, 32, 56

return fault {
  id = "restarts-user",
  title = "It starts, and starts, and starts (without control groups)",
  symptom = [[
A service manager (given.manager) starts a program and starts it again whenever it ends, which it
does at once. The log, $dir/log, has a status and no reason. The program is right: it opens 48
files. It shall stay, under the same manager, which need not be started anew.]],
  cause = "nofile",
  choices = {
    { "nofile", "it may not have as many descriptors open as it needs" },
    {
      "memory-limit",
      "its group may not take as much memory as it needs",
      why = "that would be SIGKILL, status 137; the program ends by itself",
    },
    {
      "permission",
      "it may not read the file that it opens",
      why = "it is $dir/data, and everybody may read it; the first opens work",
    },
    {
      "pids",
      "it may start no more processes",
      why = "it starts none: it opens files",
    },
  },
  setup = function(t)
    write_file(t.dir .. "/data", t.token)
    local manager = boxes.restarter(t.dir .. "/log", function()
      return spawn({ die_with_parent = true }, function()
        -- This program raises its own soft limit when it starts; what is left is the hard one.
        local soft, kept = rlimits(proc_stat().ppid).nofile.soft, {}
        for index = 1, OPENS do
          if type(soft) == "number" and #list_dir("/proc/self/fd") >= soft then
            return 24
          end
          kept[index] = open(t.dir .. "/data")
        end
        poll({}, { timeout = "24h" })
        return #kept
      end)
    end)
    rlimit({ nofile = { soft = LIMIT } }, { pid = manager })
    t:give { manager = manager }
  end,
  repair = function(t)
    rlimit({ nofile = { soft = 256 } }, { pid = t.given.manager })
  end,
  observe = {
    "tail -4 $dir/log",
    "grep 'open files' /proc/$manager/limits",
    "python3 -c 'import os; print(os.strerror(24))'",
  },
  checks = {
    boxes.manager_lives(),
    {
      "the limit is large enough",
      function(t)
        local pid = t.given.manager
        local soft = rlimits(pid).nofile.soft
        soft = soft == "max" and math.maxinteger or soft
        t:ge(
          soft,
          LEAST,
          "how many files the manager's children may open",
          ("prlimit --nofile --pid %d"):format(pid)
        )
      end,
    },
    {
      "the program stays",
      function(t)
        local worker = boxes.settled(t, t.given.manager, 1.5)
        t:ok(worker, "the program has not lived for 1.5 s yet", ("tail -3 %s/log"):format(t.dir))
      end,
    },
  },
  hints = {
    "The status is an error's number. What does this one say?",
    "Limits of a process are in /proc/PID/limits; a child has its parent's.",
    "prlimit(2) changes the limits of another process: raise the manager's soft limit of nofile.",
  },
  decoys = {
    {
      "the limit of one's own shell is raised",
      function()
        try(rlimit, { nofile = { soft = 256 } })
      end,
      says = "at least 56",
    },
    {
      "raised by a little",
      function(t)
        rlimit({ nofile = { soft = LIMIT + 8 } }, { pid = t.given.manager })
      end,
      says = "at least 56",
    },
    {
      "the manager is ended",
      function(t)
        kill(t.given.manager, "kill")
      end,
      says = "the manager, which must go on",
    },
  },
  lesson = [[
Resource limits are each process's own, and inherited when a child is made: raising the limit in
one's shell changes nobody else. A server that cannot open a descriptor (EMFILE) ends, or refuses
connections.]],
}
