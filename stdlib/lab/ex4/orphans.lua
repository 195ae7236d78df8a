--- Level 4: process 1 and its duties.
---
--- ```lua
--- assert(require("lab.ex4.orphans").id == "orphans")
--- ```
local level = require "lab.ex4.level"

-- Each is left by its parent while it sleeps, and ends as somebody else's child.
local LEAVE = "for i in 1 2 3; do (sleep 0.2 &); done; "

--- Names of the box's processes that have ended and were never waited for.
local function zombies(t)
  return level.on_host(t, function(place)
    local run = place:run { "/bin/sh", "-c", LEAVE .. "echo ready; exec sleep 3", t.token }
    if not run:hear("ready", 8) then
      return { ready = false }
    end
    -- Until only the command itself sleeps; then those that have ended may still be waited for.
    local count
    local over = clock("monotonic") + 2
    repeat
      poll({}, { timeout = "50ms" })
      local asleep = 0
      count = 0
      for _, pid in ipairs(pids()) do
        local stat = try(proc_stat, pid)
        if stat and stat.comm == "sleep" then
          count = count + (stat.state == "Z" and 1 or 0)
          asleep = asleep + (stat.state ~= "Z" and 1 or 0)
        end
      end
    until asleep <= 1 and count == 0 and clock("monotonic") > over - 1.4
      or clock("monotonic") > over
    return { ready = true, count = count, runs = run.process:alive() }
  end)
end

local function ended_by(t, script, act)
  return level.on_host(t, function(place)
    local run = place:run { "/bin/sh", "-c", script, t.token }
    if act then
      run:hear("ready", 8)
      act(run)
    end
    local ended = run:wait(3)
    return { status = ended and ended.code or "it still runs" }
  end).status
end

return level.step {
  id = "orphans",
  title = "The duties of process 1",
  after = { "status" },
  text = [[
In a pid namespace, process 1 becomes the parent of every process that has lost its own, and the
kernel gives it no signal that it has no handler for. A `sleep` or a web server knows nothing of
that. Put a process of yours before it: it starts the command, hands signals on, collects every
child that ends, and ends with the command's status.]],
  checks = {
    {
      "orphans that have ended are collected",
      function(t)
        local found = zombies(t)
        if not found.ready then
          t:fail { what = "the command runs", found = level.complaint(t), see = "RUNTIME run …" }
        end
        t:eq(found.count, 0, "zombies in the box", "ps -o pid,ppid,state,comm --ppid PID")
        t:eq(found.runs, true, "the command still runs when its orphans have ended", "ps")
      end,
    },
    {
      "TERM reaches a command through process 1, with a handler for it and without",
      function(t)
        local waiting = "trap 'exit 43' TERM; echo ready; while :; do sleep 0.1; done"
        local handled = ended_by(t, waiting, function(run)
          run.process:kill("term")
        end)
        t:eq(
          handled,
          43,
          "a command that answers TERM with `exit 43`",
          "kill -TERM RUNTIME; echo $?"
        )
        local status = ended_by(t, "echo ready; exec sleep 30", function(run)
          poll({}, { timeout = "100ms" })
          run.process:kill("term")
        end)
        t:eq(
          status,
          143,
          "the status of `sleep` after TERM for the runtime",
          "kill -TERM RUNTIME; echo $?"
        )
      end,
    },
    {
      "a command can end itself by a signal",
      function(t)
        t:eq(
          ended_by(t, "kill -KILL $$; exit 5"),
          137,
          "the status of `kill -KILL $$`",
          "RUNTIME run …; echo $?"
        )
      end,
    },
    {
      "when the command ends, all others of the box do",
      function(t)
        local found = level.on_host(t, function(place)
          local run = place:run { "/bin/sh", "-c", "sleep 30 & exit 6", t.token }
          local ended = run:wait(3)
          local left = 0
          for _, pid in ipairs(pids()) do
            local stat = try(proc_stat, pid)
            left = left + (stat and stat.state ~= "Z" and stat.comm == "sleep" and 1 or 0)
          end
          return { status = ended and ended.code or "it still runs", left = left }
        end)
        t:eq(found.status, 6, "the status of `sleep 30 & exit 6`", "RUNTIME run …; echo $?")
        t:eq(found.left, 0, "processes that outlive the command", "ps")
      end,
    },
  },
  hints = {
    "Whose child does a process become when its parent ends? Look at PPid in its status.",
    "A loop around wait(2) for any child, until the one that matters has ended; signals "
      .. "interrupt it.",
    "In first_process: spawn the command there, and use process:reap, which takes `forward` "
      .. "as wait does; answer its code.",
  },
  decoys = {
    {
      "the course's own: the command is process 1",
      level.without("orphans"),
      says = "zombies in the box",
      course = true,
    },
    {
      "it waits for the command alone",
      level.instead("return program:reap(SIGNALS).code", "return program:wait(SIGNALS).code"),
      says = "zombies in the box",
    },
    {
      "it collects, and keeps signals to itself",
      level.instead("return program:reap(SIGNALS).code", "return program:reap().code"),
      says = "answers TERM with `exit 43`",
    },
  },
  lesson = [[
This is what docker's --init and Kubernetes' pause container do. The kernel ends every process
of the namespace when process 1 ends, and sends process 1 only what it has a handler for: that
protects the machine's own init, and surprises everybody else.]],
}
