-- One wait for many things: what each source says, signals as answers, and what is refused.

local test = require "test"

local function sleeper()
  return spawn(function()
    exec { "sleep", "1000" }
  end)
end

-- What is wrong

test.case("a wait that nothing can end is refused, and a closed handle too", function(t)
  t.fails("nor a timeout", poll, {})
  t.fails("expected process or fd or pty or cgroup", poll, { "stdin" })
  t.fails('sources: expected a list, found the key "x"', poll, { 0, x = 1 })
  local p = pipe()
  p.write:close()
  t.fails("is closed", poll, { p.write })
  local child = sleeper()
  child:close()
  t.fails("is closed", poll, { child })
  t.fails("EBADF", poll, { 999 }, { timeout = "1ms" })
end)

test.case("a handle that nothing can be asked of is refused by its place in the list", function(t)
  local dir <close> = temp_dir()
  local p = pipe()
  t.fails("sources[2]: expected process or fd", poll, { p.read, dir }, { timeout = "1ms" })
end)

test.case("a signal that cannot be caught is refused", function(t)
  for _, name in ipairs { "kill", "stop", "segv" } do
    t.fails("cannot be waited for", poll, {}, { signals = { name } })
  end
  t.fails('no signal is called "SIGINT"', poll, {}, { signals = { "SIGINT" } })
end)

test.case("the answer is an empty list when the time is over, and not before", function(t)
  local p = pipe()
  local before = clock("monotonic")
  t.eq(poll({ p.read, sleeper() }, { timeout = "60ms" }), {})
  t.ok(clock("monotonic") - before >= 0.06, "waited")
  t.eq(poll({ p.read }, { timeout = "0ms" }), {})
  t.eq(poll({}, { timeout = "1ms" }), {})
end)

-- What each source says

test.case("a process is ready from its end on, reaped or not, and no other is", function(t)
  local living <close> = sleeper()
  local child <close> = fork(function()
    return 7
  end)
  local rows = poll { living, child }
  t.eq(#rows, 1)
  t.eq({ rows[1].index, rows[1].exited, rows[1].readable }, { 2, true })
  t.ok(rows[1].source == child, "the handle itself")
  t.eq(child:wait { timeout = "0ms" }.code, 7)
  t.eq(poll({ child })[1].exited, true)
  -- Also one that somebody else has started.
  local own <close> = process_open(tonumber(readlink("/proc/self")))
  t.eq(poll({ own }, { timeout = "0ms" }), {})
end)

test.case("a pipe is readable while it has bytes, and hung up when nobody writes", function(t)
  local p = pipe()
  p.write:write("x")
  local row = poll({ p.read })[1]
  t.eq({ row.index, row.readable, row.hangup }, { 1, true })
  p.write:close()
  row = poll({ p.read })[1]
  t.eq({ row.readable, row.hangup }, { true, true })
  p.read:read(1)
  row = poll({ p.read })[1]
  t.eq({ row.readable, row.hangup }, { nil, true })
  -- The end that writes says when nobody reads any more.
  local q = pipe()
  t.eq(poll({ q.write }, { timeout = "0ms" }), {})
  q.read:close()
  t.eq(poll({ q.write })[1].hangup, true)
end)

test.case("the master of a pty is readable when the program in it has written", function(t)
  local p <close> = pty()
  t.eq(poll({ p }, { timeout = "0ms" }), {})
  p.slave:write("hello")
  local row = poll({ p })[1]
  t.ok(row.source == p and row.readable, t.show(row))
  t.eq(p.master:read(100), "hello")
end)

test.case("every source that is ready has a row, in the order of the list", function(t)
  local pipes, sources = {}, {}
  for index = 1, 50 do
    pipes[index] = pipe()
    sources[index] = pipes[index].read
  end
  for _, index in ipairs { 40, 3, 17 } do
    pipes[index].write:write("x")
  end
  local places = {}
  for _, row in ipairs(poll(sources)) do
    places[#places + 1] = row.index
    t.ok(row.source == sources[row.index], "its own source")
  end
  t.eq(places, { 3, 17, 40 })
end)

test.case("500 processes and 1000 fds are waited for at once", { "root" }, function(t)
  local sources = {}
  for _ = 1, 500 do
    sources[#sources + 1] = process_open(1)
  end
  local pipes = {}
  for index = 1, 500 do
    pipes[index] = pipe()
    sources[#sources + 1] = pipes[index].read
    sources[#sources + 1] = pipes[index].write
  end
  t.eq(poll(sources, { timeout = "1ms" }), {})
  pipes[500].write:write("x")
  local rows = poll(sources)
  t.eq({ #rows, rows[1].index }, { 1, 1499 })
end)

-- Cgroups

local EATER =
  { "sh", "-c", "x=; while :; do x=$x$x$(head -c 1048576 /dev/zero | tr '\\0' x); done" }

local function eat(group)
  local child <close> = spawn({ cgroup = group, stderr = "null" }, function()
    exec(EATER)
  end)
  child:wait()
end

test.case(
  "an OOM kill is told once, whenever it came since the last was told",
  { "root", "cgroup:memory" },
  function(t)
    local group <close> = cgroup_set("test-poll", { memory = "12M", swap = 0 })
    local quiet <close> = cgroup_set("test-poll-quiet", { memory = "12M" })
    -- Before the group was ever polled.
    eat(group)
    local rows = poll({ quiet, group }, { timeout = "30s" })
    t.eq({ #rows, rows[1].index, rows[1].event }, { 1, 2, "oom_kill" })
    t.ok(rows[1].source == group, "the group itself")
    -- What the slow kill of a shell's children may add has been counted by then.
    while #poll({ group }, { timeout = "200ms" }) > 0 do
    end
    -- While it is waited for.
    local child <close> = spawn({ cgroup = group, stderr = "null" }, function()
      exec(EATER)
    end)
    rows = poll({ group }, { timeout = "30s" })
    t.eq({ #rows, rows[1] and rows[1].event }, { 1, "oom_kill" })
    child:wait()
  end
)

test.case("a group without a memory limit has no OOM kills to be told", {
  "root",
  "cgroup:pids",
  "cgroup:v1",
}, function(t)
  local group <close> = cgroup_set("test-poll-pids", { pids = 5 })
  local err = t.fails("nothing counts the event", poll, { group }, { timeout = "1ms" })
  t.match(err.hint, "memory", true)
end)

test.case(
  "a group that is removed while it is waited for is hung up",
  { "root", "cgroup:memory" },
  function(t)
    local group = cgroup_set("test-poll-gone", { memory = "12M" })
    t.eq(poll({ group }, { timeout = "0ms" }), {})
    local child <close> = fork(function()
      cgroup_open("test-poll-gone"):remove { host = true }
    end)
    local rows = poll({ group }, { timeout = "30s" })
    t.eq({ #rows, rows[1] and rows[1].hangup }, { 1, true })
    t.eq(child:wait().code, 0)
    group:keep()
  end
)

-- Signals

--- This process's own number.
local function self()
  return tonumber(readlink("/proc/self"))
end

test.case("a wanted signal is a row of its own, beside what else is ready", function(t)
  local p = pipe()
  p.write:write("x")
  poll({}, { signals = { "term", "usr1" }, timeout = "0ms" })
  kill(self(), "term")
  local rows = poll({ p.read }, { signals = { "term", "usr1" } })
  t.eq({ #rows, rows[1].signal, rows[1].source, rows[2].readable }, { 2, "term", nil, true })
  -- It was consumed.
  t.eq(poll({}, { signals = { "term" }, timeout = "1ms" }), {})
end)

test.case("a wanted signal ends a wait that is under way", function(t)
  local own = self()
  local child <close> = fork(function()
    poll({}, { timeout = "50ms" })
    kill(own, "int")
  end)
  t.eq(poll({}, { signals = { "int" } }), { { signal = "int" } })
  t.eq(child:wait().code, 0)
end)

test.case(
  "what came between two polls waits for the second, in whatever the script does",
  function(t)
    local wanted = { "int", "term", "hup", "usr1", "usr2", "winch" }
    poll({}, { signals = wanted, timeout = "0ms" })
    for _, name in ipairs(wanted) do
      kill(self(), name)
    end
    -- Neither an instruction nor another call that waits takes notice.
    for _ = 1, 100000 do
    end
    t.eq(capture({ "echo", "x" }).stdout, "x\n")
    local told = {}
    for _, row in ipairs(poll({}, { signals = wanted })) do
      told[row.signal] = true
    end
    for _, name in ipairs(wanted) do
      t.ok(told[name], name)
    end
  end
)

test.case(
  "a child has asked for nothing, and its program gets no signal that was its parent's",
  function(t)
    poll({}, { signals = { "term", "usr1" }, timeout = "0ms" })
    kill(self(), "term")
    kill(self(), "usr1")
    t.eq(capture({ "sh", "-c", "sleep 0.1; echo $?" }).stdout, "0\n")
    local child <close> = fork(function()
      kill(self(), "usr1")
      return 3
    end)
    t.eq(child:wait().signal, "usr1")
    local other <close> = fork(function()
      kill(self(), "term")
      for _ = 1, 1e7 do
      end
      return 3
    end)
    t.eq(other:wait().code, 143)
    t.eq(#poll({}, { signals = { "term", "usr1" } }), 2)
  end
)

test.case("a signal that is not wanted ends the script as ever", function(t)
  local out = pipe()
  local child <close> = spawn({ stdout = out.write }, function()
    print("ready")
    io.stdout:flush()
    poll({}, { signals = { "usr1" }, timeout = "60s" })
    print("went on")
  end)
  out.write:close()
  t.eq(out.read:read(100), "ready\n")
  poll({}, { timeout = "20ms" })
  child:kill("term")
  t.eq(child:wait().code, 143)
  t.eq(out.read:read(), "")
end)

test.case("a second signal before the next poll ends the script", function(t)
  local child <close> = fork(function()
    poll({}, { signals = { "int" }, timeout = "0ms" })
    kill(self(), "int")
    kill(self(), "int")
    for _ = 1, 1e7 do
    end
  end)
  t.eq(child:wait().code, 130)
  -- And so does the first, once it is wanted no more.
  local other <close> = fork(function()
    poll({}, { signals = { "int" }, timeout = "0ms" })
    kill(self(), "int")
    poll({}, { timeout = "1ms" })
  end)
  t.eq(other:wait().code, 130)
end)

test.case("the signal mask is what it was, after a wait and after a failure", function(t)
  local function masks()
    local status = t.read("/proc/self/status")
    return { status:match("SigBlk:%s*(%S+)"), status:match("SigPnd:%s*(%S+)") }
  end
  local before = masks()
  poll({}, { signals = { "int", "usr2" }, timeout = "1ms" })
  t.eq(masks(), before)
  t.fails("EBADF", poll, { 999 }, { signals = { "int" } })
  t.eq(masks(), before)
end)

return test.run()
