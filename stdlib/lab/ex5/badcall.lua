--- A filter that kills, where it should refuse: SIGSYS against EPERM. A program can live with an
--- error; with a kill it cannot even say what happened.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"

local PROFILE = [[
{
  "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [
    { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS" }
  ]
}
]]

return fault {
  id = "badcall",
  title = "Status 159",
  symptom = [[
A service manager (given.manager) starts a program under the seccomp profile $dir/filter.json,
which is read anew at each start. The program tries to make a cache directory, could do without
one, and is ended every time: $dir/log. It shall live, and making directories shall still be
refused to it.]],
  cause = "filter-kills",
  choices = {
    { "filter-kills", "the filter ends whoever makes the call, instead of refusing it" },
    {
      "filter-refuses",
      "the filter refuses the call, and the program gives up",
      why = "a program that gives up has a status of its own; 159 is 128 + 31, a signal",
    },
    {
      "memory-limit",
      "it is killed for memory",
      why = "that is SIGKILL: 128 + 9 = 137",
    },
    {
      "no-write",
      "the directory cannot be written",
      why = "then the call would have answered EACCES or EROFS, and the program could go on",
    },
  },
  setup = function(t)
    write_file(t.dir .. "/filter.json", PROFILE)
    chmod(t.dir .. "/filter.json", "0666")
    local manager = boxes.restarter(t.dir .. "/log", function()
      return spawn({ die_with_parent = true }, function()
        seccomp(seccomp_load_json(read_file(t.dir .. "/filter.json")))
        local _, err = try(mkdir, t.dir .. "/cache")
        write_file(t.dir .. "/told", err and err.errno or "made")
        poll({}, { timeout = "24h" })
      end)
    end)
    t:give { manager = manager }
  end,
  repair = function(t)
    local path = t.dir .. "/filter.json"
    write_file(path, (read_file(path):gsub("SCMP_ACT_KILL_PROCESS", "SCMP_ACT_ERRNO")))
  end,
  observe = {
    "tail -4 $dir/log",
    "kill -l 31",
    "cat $dir/filter.json",
    "dmesg | grep 'type=1326' | tail -1",
  },
  checks = {
    boxes.manager_lives(),
    {
      "the profile answers the call with an error",
      function(t)
        local path = t.dir .. "/filter.json"
        local filter, err = try(seccomp_load_json, t:read(path) or "")
        if not filter then
          t:fail { what = "the profile cannot be read", found = err.message, see = "cat " .. path }
        end
        for _, name in ipairs { "mkdir", "mkdirat" } do
          local said = filter:decide(name)
          if said then
            t:eq(said.action, "errno", "what the profile does to " .. name, "cat " .. path)
          end
        end
      end,
    },
    {
      "the program lives, under a filter",
      function(t)
        local worker = boxes.settled(t, t.given.manager, 1.5)
        t:ok(worker, "the program has not lived for 1.5 s yet", ("tail -3 %s/log"):format(t.dir))
        t:eq(
          t:status(worker).seccomp,
          2,
          "its seccomp mode",
          ("grep Seccomp /proc/%d/status"):format(worker)
        )
      end,
    },
    {
      "making a directory was refused to it",
      function(t)
        local told = t:read(t.dir .. "/told")
        t:ok(
          told and told ~= "made",
          "the directory was made: nothing refused it",
          "cat " .. t.dir .. "/told"
        )
      end,
    },
  },
  hints = {
    "A status above 128 is a signal: which one is number 31, and who sends it?",
    "A filter's action says what happens: an error instead of the call, or the end of the process.",
    "In the profile: the action for these calls must be the one that answers an error number.",
  },
  decoys = {
    {
      "the call is allowed",
      function(t)
        local path = t.dir .. "/filter.json"
        write_file(path, (read_file(path):gsub("SCMP_ACT_KILL_PROCESS", "SCMP_ACT_ALLOW")))
      end,
      says = "allow",
    },
    {
      "only the thread is killed, of a program that has one",
      function(t)
        local path = t.dir .. "/filter.json"
        write_file(path, (read_file(path):gsub("SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD")))
      end,
      says = "kill_thread",
    },
    {
      "the profile is emptied",
      function(t)
        write_file(t.dir .. "/filter.json", "")
      end,
      says = "cannot be read",
    },
  },
  lesson = [[
SIGSYS (159) is a filter that kills; EPERM is one that refuses. Kill what no honest program does,
and answer an error to the rest: programs have a way round a refused call, and none round a
signal.]],
}
