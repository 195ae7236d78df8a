--- Level 3: the runtime answers as its command has, and hands on what is sent to it.
---
--- ```lua
--- assert(require("lab.ex4.status").id == "status")
--- ```
local level = require "lab.ex4.level"

--- The status of a run; a text where it has none.
local function status_of(run, seconds)
  local ended = run:wait(seconds or 4)
  return ended and (ended.signal and "SIG" .. ended.signal:upper() or ended.code) or "it still runs"
end

local function after(t, script, act)
  return level.on_host(t, function(place)
    local run = place:run { "/bin/sh", "-c", script, t.token }
    if act then
      run:hear("ready", 8)
      act(place, run)
    end
    return { status = status_of(run), text = run.text }
  end)
end

-- The trap runs between two commands: each of them is short.
local WAITING = "echo ready; while :; do sleep 0.1; done"

return level.step {
  id = "status",
  title = "Status and signals",
  after = { "root" },
  text = [[
Whoever calls the runtime, a service manager or a script, sees only the runtime. It has to
answer with the status of its command (128 and the signal's number, where a signal has ended
that), and what is sent to it (TERM, HUP, INT, USR1 …) has to reach the command.]],
  checks = {
    {
      "it answers with the command's status",
      function(t)
        t:eq(after(t, "exit 42").status, 42, "the status of `exit 42`", "RUNTIME run …; echo $?")
        t:eq(after(t, "exit 0").status, 0, "the status of `exit 0`", "RUNTIME run …; echo $?")
      end,
    },
    {
      "a command that a signal has ended is 128 and the signal's number",
      function(t)
        local found = after(t, WAITING, function(place)
          local pid = place:find(t.token, 2)
          if pid then
            kill(pid, "kill")
          end
        end)
        t:eq(
          found.status,
          137,
          "the status after SIGKILL of the command",
          "kill -KILL PID; echo $?"
        )
      end,
    },
    {
      "TERM for the runtime reaches the command",
      function(t)
        local found = after(t, "trap 'exit 43' TERM; " .. WAITING, function(_, run)
          run.process:kill("term")
        end)
        t:eq(
          found.status,
          43,
          "the status of a command that answers TERM with `exit 43`",
          "kill -TERM RUNTIME"
        )
      end,
    },
    {
      "so do HUP and USR1",
      function(t)
        for _, name in ipairs { "HUP", "USR1" } do
          local found = after(t, ("trap 'exit 44' %s; "):format(name) .. WAITING, function(_, run)
            run.process:kill(name:lower())
          end)
          local what = ("the status of a command that answers %s with `exit 44`"):format(name)
          t:eq(found.status, 44, what, ("kill -%s RUNTIME"):format(name))
        end
      end,
    },
    {
      "a command that does not exist is no success",
      function(t)
        local found = level.on_host(t, function(place)
          return { status = status_of(place:run { "/no/such/program" }) }
        end)
        t:ne(
          found.status,
          0,
          "the status where the command does not exist",
          "RUNTIME run … /no/such/program"
        )
      end,
    },
  },
  hints = {
    "What does wait(2) tell about a child, and who tells it to whoever waits for the runtime?",
    "A process that waits has to answer signals meanwhile: not by ending, but by sending them on.",
    "process:wait takes `forward`, a list of signals, and answers a table whose `code` is 128"
      .. " and n after a signal.",
  },
  decoys = {
    {
      "the course's own: the status is thrown away",
      level.instead("  return child:wait(SIGNALS).code\n", "  child:wait(SIGNALS)\n  return 0\n"),
      says = "the status of `exit 42`",
      course = true,
    },
    {
      "signals end the runtime",
      level.instead("child:wait(SIGNALS).code", "child:wait().code"),
      says = "answers TERM with `exit 43`",
    },
    {
      "TERM only",
      level.instead(
        '{ forward = { "hup", "int", "quit", "term", "usr1", "usr2", "winch" } }',
        '{ forward = { "term" } }'
      ),
      says = "answers HUP with `exit 44`",
    },
  },
  lesson = [[
A runtime is transparent: `docker stop` sends TERM to what it has started, and waits for a
status. The code for a signal is a shell's habit, 128 + n, and callers rely on it: 137 after an
OOM kill.]],
}
