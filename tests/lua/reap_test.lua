-- What the first process of a pid namespace owes: every orphan is reaped while it waits.

local test = require "test"

--- The children of a process that have ended and were not reaped.
local function zombies()
  local found = {}
  for _, name in ipairs(list_dir("/proc")) do
    local stat = tonumber(name) and read_file("/proc/" .. name .. "/stat") or ""
    local state = stat:match("^%d+ .*%) (%a)")
    if state == "Z" then
      found[#found + 1] = name
    end
  end
  return found
end

--- Runs `body` as the first process of a pid namespace, with a /proc that shows it.
local function as_first(t, body)
  t.inside({ "pid", "mnt" }, function()
    mount("proc", "/proc", { type = "proc" })
    t.eq(readlink("/proc/self"), "1")
    body()
  end)
end

test.case("a process of somebody else is not waited for in vain", function(t)
  local err = t.fails("ECHILD", process_open(1).reap, process_open(1))
  t.match(err.hint, "only the parent", true)
end)

test.case("SIGCHLD cannot be forwarded: it is what tells of the others", function(t)
  local child <close> = fork(function() end)
  t.fails("forward", child.reap, child, { forward = { "chld" } })
  t.eq(child:reap().code, 0)
end)

test.case("orphans are collected while the main process runs", { "root" }, function(t)
  as_first(t, function()
    -- Forty processes whose parent ends at once: theirs is process 1 from then on.
    local program = [[
      for i in 1 2 3 4 5 6 7 8 9 10; do (true & true & true & true &); done
      read line
      exit 5
    ]]
    local main <close> = spawn({ stdin = "pipe" }, function()
      exec { "sh", "-c", program }
    end)
    main:started()
    local left
    repeat
      t.eq(main:reap { timeout = "20ms" }, nil)
      left = {}
      for _, name in ipairs(list_dir("/proc")) do
        left[#left + 1] = tonumber(name)
      end
    until #left == 2
    t.eq(zombies(), {})
    main.stdin:close()
    t.eq(main:reap().code, 5)
    t.eq(zombies(), {})
  end)
end)

test.case("what a plain wait leaves, a later reap collects", { "root" }, function(t)
  as_first(t, function()
    local first <close> = spawn(function()
      exec { "sh", "-c", "(sleep 0.05 &)" }
    end)
    first:wait()
    poll({}, { timeout = "200ms" })
    t.eq(#zombies(), 1)
    local second <close> = spawn(function() end)
    second:reap()
    t.eq(zombies(), {})
  end)
end)

test.case("the status passes on, of an exit and of a signal", function(t)
  local exits <close> = fork(function()
    return 7
  end)
  t.eq(exits:reap().code, 7)
  -- A second time it is only told.
  t.eq(exits:reap().code, 7)
  t.ok(exits:wait().rusage.max_rss > 0, "rusage")
  local dies <close> = spawn(function()
    exec { "sh", "-c", "kill -9 $$" }
  end)
  t.eq({ dies:reap().signal, dies:wait().code }, { "kill", 137 })
end)

test.case(
  "a child with a handle of its own keeps its status when it is reaped meanwhile",
  function(t)
    local quick <close> = fork(function()
      return 4
    end)
    local slow <close> = spawn(function()
      exec { "sleep", "0.2" }
    end)
    t.eq(slow:reap().code, 0)
    t.eq({ quick:alive(), quick:wait().code }, { false, 4 })
    -- Also where the wait came to nothing.
    local other <close> = fork(function()
      return 6
    end)
    local sleeper <close> = spawn(function()
      exec { "sleep", "1000" }
    end)
    t.eq(sleeper:reap { timeout = "100ms" }, nil)
    t.eq(other:wait().code, 6)
  end
)

test.case("an error in the child before its exec is raised by reap", function(t)
  local child <close> = fork(function()
    error("boo")
  end)
  t.fails("boo", child.reap, child)
end)

test.case("a forwarded signal arrives, and the script goes on", { "root" }, function(t)
  local out = pipe()
  local box <close> = spawn({ unshare = { "pid" }, stdout = out.write }, function()
    local main <close> = spawn(function()
      exec { "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done" }
    end)
    return main:reap({ forward = { "term" } }).code
  end)
  out.write:close()
  t.eq(out.read:read(100), "ready\n")
  box:kill("term")
  t.eq(box:wait().code, 9)
end)

test.case("what has come before the wait is forwarded with it", function(t)
  for _, wait in ipairs { "reap", "wait" } do
    local box <close> = fork(function()
      poll({}, { signals = { "term" }, timeout = 0 })
      local main <close> = spawn({ stdout = "pipe" }, function()
        exec { "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done" }
      end)
      t.eq(main.stdout:read(100), "ready\n")
      kill(proc_stat().pid, "term")
      return main[wait](main, { forward = { "term" } }).code
    end)
    t.eq(box:wait().code, 9)
  end
end)

test.case("a signal that is not forwarded ends the script as in a wait", function(t)
  local own = tonumber(readlink("/proc/self"))
  local box <close> = fork(function()
    local self = tonumber(readlink("/proc/self"))
    t.ne(self, own)
    local main <close> = spawn(function()
      exec { "sleep", "1000" }
    end)
    local killer <close> = fork(function()
      kill(self, "term")
    end)
    main:reap()
  end)
  t.eq(box:wait().code, 143)
end)

test.case("the signal mask is what it was", function(t)
  local function mask()
    return t.read("/proc/self/status"):match("SigBlk:%s*(%S+)")
  end
  local before = mask()
  local child <close> = fork(function() end)
  child:reap { forward = { "term", "usr1" } }
  t.eq(mask(), before)
end)

return test.run()
