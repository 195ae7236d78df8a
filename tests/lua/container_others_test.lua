--- Containers in the hands of other processes than those that made them: found, watched, changed,
--- started again, waited for, and lost.
local container = require "container"
local state = require "container.state"
local test = require "test"

local NEEDS = { "userns" }
local USER = { "userns", "user" }

--- Has another process do something with containers; its failure is the case's.
local function elsewhere(t, body)
  local child <close> = fork(body)
  t.eq(child:wait().code, 0, "the other process")
end

local function detached(name, command, given)
  given = given or {}
  given.name, given.detach = name, true
  local box = container.new(given)
  box:start(command)
  return box
end

-- What is refused.

test.case("of two processes that create one name exactly one wins", NEEDS, function(t)
  local gate = pipe()
  local racers = {}
  for index = 1, 6 do
    racers[index] = fork(function()
      gate.write:close()
      gate.read:read(1)
      local box = container.new { name = "wanted", detach = true }
      local _, err = try(box.start, box, { "sleep", "1000" })
      if err then
        assert(err.message:find('a container "wanted" is', 1, true), err.message)
        return 7
      end
    end)
  end
  gate.read:close()
  gate.write:close()
  local codes = { [0] = 0, [7] = 0 }
  for _, racer in ipairs(racers) do
    local code = racer:wait().code
    codes[code] = (codes[code] or 0) + 1
  end
  t.eq(codes, { [0] = 1, [7] = 5 })
  container.get("wanted"):delete { force = true }
end)

test.case("what has stopped cannot be entered, paused, updated or signalled", NEEDS, function(t)
  detached("over", { "true" })
  local box = container.get("over")
  box:wait { timeout = "20s" }
  for _, method in ipairs { "pause", "resume", "stats", "kill", "pids" } do
    t.fails("is stopped", box[method], box)
  end
  t.fails("is stopped", box.update, box, { pids = 5 })
  t.fails("is stopped", box.exec, box, { "true" })
  box:delete()
  t.fails("no such container", box.delete, box)
  t.fails("no such container", box.status, box)
end)

test.case("a running one is deleted only by force", NEEDS, function(t)
  detached("alive", { "sleep", "1000" })
  local box = container.get("alive")
  local pid = box:status().pid
  t.match(t.fails("alive is running", box.delete, box).hint, "force", true)
  t.ok(proc_status(pid))
  box:delete { force = true }
  t.eq(proc_status(pid), nil)
  t.eq(container.get("alive"), nil)
end)

-- What others can do.

test.case("one that goes while it is deleted by force is deleted", NEEDS, function(t)
  local other = require "container.other"
  local box <close> = detached("goes-meanwhile", { "sleep", "1000" })
  local stop = other.stop
  -- Somebody else is faster, after the record was read.
  function other.stop(name, given)
    other.stop = stop
    other.delete(name, { force = true })
    return stop(name, given)
  end
  other.delete(box.name, { force = true })
  t.eq(other.stop, stop)
  t.eq(container.get(box.name), nil)
  t.fails("no such container", other.delete, box.name, { force = true })
end)

local function life(t)
  local line = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.02; done"
  detached("served", { "/bin/sh", "-c", line }, { labels = { role = "test" } })
  elsewhere(t, function()
    local box = container.get("served")
    assert(box:status().status == "running" and box:status().labels.role == "test")
    assert(box:wait { timeout = "20ms" } == nil, "it has not ended")
    assert(box:exec({ "/bin/sh", "-c", "exit 6" }, { capture = true }).code == 6)
    assert(#box:pids() >= 1)
    t.eventually("its word", function()
      return #box:logs() == 1
    end)
    assert(box:stop({ timeout = "20s" }).code == 3)
    assert(box:status().exit.code == 3 and box:status().pid == nil)
    assert(box:wait().code == 3)
    local rows = box:logs { tail = 1 }
    assert(#rows == 1 and rows[1].text == "bye" and rows[1].stream == "stdout")
    box:delete()
  end)
end

test.case("another process enters, waits with a timeout, stops and reads", { "root" }, life)
test.case("an ordinary user's other process does the same", USER, life)

test.case("another process changes limits, reads figures and freezes", {
  "root",
  "cgroup:memory",
  "cgroup:pids",
  "cgroup:freezer",
}, function(t)
  detached("limited", { "sleep", "1000" }, { memory = "64M", pids = 20 })
  elsewhere(t, function()
    local box = container.get("limited")
    box:update { memory = "32M", pids = 10 }
    local group <close> = cgroup_of(box:status().pid)
    local limits = group:get()
    assert(limits.memory == 32 << 20 and limits.pids == 10)
    assert(box:stats().memory.usage < 32 << 20)
    box:pause()
    assert(box:status().status == "paused")
    assert(not try(box.exec, box, { "true" }), "nobody enters a frozen one")
    box:resume()
    box:pause()
    -- A frozen one is stopped as well.
    box:stop { timeout = "0s" }
    box:delete()
  end)
end)

test.case("logs are followed until the container has ended", NEEDS, function(t)
  detached("told", { "/bin/sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done" })
  elsewhere(t, function()
    local lines = {}
    container.get("told"):logs {
      follow = true,
      each = function(row)
        lines[#lines + 1] = row.text
      end,
    }
    t.eq(lines, { "1", "2", "3" })
  end)
  local box = container.get("told")
  t.fails("needs a function", box.logs, box, { follow = true })
  t.eq(box:logs({ stream = "stderr" }), {})
  local second = box:logs()[2].time
  t.eq(#box:logs { since = second }, 2)
  box:delete()
end)

test.case("a log that is full is turned over, and the oldest goes", NEEDS, function(t)
  local line =
    "i=0; while [ $i -lt 400 ]; do echo line-$i-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; i=$((i+1)); done"
  detached("much", { "/bin/sh", "-c", line }, { log = { max_size = "8K", max_files = 3 } })
  local box = container.get("much")
  t.eq(box:wait({ timeout = "30s" }).code, 0)
  local dir = state.dir("much")
  for _, name in ipairs { "/log", "/log.1", "/log.2" } do
    t.ok(stat(dir .. name).size <= 8 << 10, name)
  end
  t.eq(stat(dir .. "/log.3"), nil)
  local rows = box:logs()
  t.match(rows[#rows].text, "^line%-399%-")
  for index = 2, #rows do
    local before = tonumber(rows[index - 1].text:match("%d+"))
    t.eq(tonumber(rows[index].text:match("%d+")), before + 1)
  end
  box:delete()
end)

test.case("lines that are long, binary or without an end are kept whole", NEEDS, function(t)
  local line = "head -c 200000 /dev/zero | tr '\\0' x; echo; printf 'a\\001\\377b\\n'; printf end"
  detached("odd", { "/bin/sh", "-c", line })
  local box = container.get("odd")
  box:wait { timeout = "30s" }
  local text = {}
  for _, row in ipairs(box:logs()) do
    text[#text + 1] = row.text .. (row.partial and "" or "\n")
  end
  t.eq(table.concat(text), ("x"):rep(200000) .. "\na\1\255b\nend")
  box:delete()
end)

test.case("the list is right while others come and go", NEEDS, function(t)
  detached("stays", { "sleep", "1000" })
  local busy <close> = fork(function()
    for index = 1, 12 do
      local box <close> = container.new { name = "comes-" .. index }
      box:run { "true" }
    end
  end)
  local looks = 0
  repeat
    looks = looks + 1
    local found = false
    for _, record in ipairs(container.list()) do
      t.ne(record.status, "damaged", record.name)
      found = found or record.name == "stays" and record.status == "running"
    end
    t.ok(found, "the one that stays")
  until #poll({ busy }, { timeout = 0 }) > 0
  t.eq(busy:wait().code, 0)
  t.ok(looks > 1)
  container.get("stays"):delete { force = true }
end)

-- Restarts, health.

test.case("unless-stopped starts again until somebody stops it", NEEDS, function(t)
  detached("again", { "/bin/sh", "-c", "echo run; exit 1" }, {
    restart = { policy = "unless-stopped", delay = "1ms" },
  })
  local box = container.get("again")
  t.eventually("three runs", function()
    return box:status().restarts >= 3
  end)
  box:stop { timeout = "5s" }
  local after = box:status()
  t.eq(after.status, "stopped")
  poll({}, { timeout = "200ms" })
  t.eq(box:status().restarts, after.restarts)
  box:delete()
end)

test.case("always starts again what ended well, on-failure does not", NEEDS, function(t)
  detached("always", { "true" }, { restart = { policy = "always", delay = "1ms" } })
  detached("failure", { "true" }, { restart = { policy = "on-failure", delay = "1ms" } })
  t.eventually("two restarts", function()
    return container.get("always"):status().restarts >= 2
  end)
  t.eq(container.get("failure"):wait({ timeout = "20s" }).code, 0)
  t.eq(container.get("failure"):status().restarts, 0)
  container.get("always"):delete { force = true }
  container.get("failure"):delete()
end)

test.case("a detached container's health is written down, both ways", NEEDS, function(t)
  local dir <close> = temp_dir()
  chmod(dir.path, "0777")
  detached("checked", { "sleep", "1000" }, {
    volumes = { dir.path .. ":/seen" },
    health = { command = { "test", "-e", "/seen/well" }, interval = "20ms", retries = 2 },
  })
  local box = container.get("checked")
  local function becomes(wanted)
    t.eventually(wanted, function()
      return box:status().health == wanted
    end)
  end
  becomes("unhealthy")
  write_file(dir.path .. "/well", "")
  becomes("healthy")
  box:delete { force = true }
end)

test.case("remove = true forgets it when it has ended", NEEDS, function(t)
  detached("gone", { "true" }, { remove = true })
  t.eventually("nothing of it", function()
    return stat(state.dir("gone")) == nil
  end)
end)

-- What is lost.

local function monitor_killed(t)
  detached("widow", { "sleep", "1000" })
  local record = container.get("widow"):status()
  kill(record.owner.pid, "kill")
  t.eventually("the container dies with its monitor", function()
    return proc_status(record.pid) == nil
  end)
  local box = container.get("widow")
  t.eq(box:status().status, "stopped")
  t.fails("its owner was killed", box.wait, box, { timeout = "20s" })
  t.eq(#container.gc(), 1)
  t.eq(container.gc(), {})
  -- Its log and its rules are there, and it starts again.
  t.eq(container.get("widow"):status().status, "stopped")
  box:start()
  t.eq(box:status().status, "running")
  box:delete { force = true }
end

test.case(
  "a monitor that is killed takes its container along, and gc cleans up",
  { "root" },
  monitor_killed
)
test.case("so it is for an ordinary user", USER, monitor_killed)

test.case("a program that was killed from outside has its status written down", NEEDS, function(t)
  detached("shot", { "sleep", "1000" })
  local box = container.get("shot")
  kill(box:status().pid, "kill")
  local result = box:wait { timeout = "20s" }
  t.eq({ result.code, result.signal }, { 137, "kill" })
  t.eq(box:status().status, "stopped")
  box:delete()
end)

test.case("SIGTERM to the monitor stops the container in order", NEEDS, function(t)
  local line = "trap 'echo in order; exit 4' TERM; echo up; while :; do sleep 0.02; done"
  detached("ordered", { "/bin/sh", "-c", line })
  local box = container.get("ordered")
  t.eventually("its trap", function()
    return #box:logs() == 1
  end)
  kill(box:status().owner.pid, "term")
  t.eq(box:wait({ timeout = "20s" }).code, 4)
  t.eq(box:logs()[2].text, "in order")
  box:delete()
end)

return test.run()
