--- Several containers in one script: ended in order by a signal, waited for, listened to, started
--- again, and many of them.
local container = require "container"
local net = require "test.network"
local test = require "test"

local NEEDS = { "userns" }
local USER = { "userns", "user" }

-- A script with three containers whose traps write down when they were told to end.
local SCRIPT = [[
local container = require "container"
local group <close> = container.group { stop_timeout = "20s" }
for index = 1, 3 do
  local line = "trap 'cut -d\" \" -f1 /proc/uptime >/marks/told-%d; echo bye %d; exit 0' TERM; "
    .. "touch /marks/up-%d; while :; do sleep 0.02; done"
  local box = container.new { name = "ordered-" .. index, volumes = { arg[1] .. ":/marks" } }
  group:start(box, { "/bin/sh", "-c", line:format(index, index, index) }, { output = "prefix" })
end
group:wait_all()
]]

local function ends_in_order(t, signal, status)
  local dir <close> = temp_dir()
  chmod(dir.path, "0777")
  mkdir(dir.path .. "/marks")
  chmod(dir.path .. "/marks", "0777")
  write_file(dir.path .. "/script.lua", SCRIPT)
  local words = net.program(dir.path .. "/script.lua", dir.path .. "/marks")
  local script <close> = spawn({ stdout = "pipe", stdin = "null" }, function()
    exec(words)
  end)
  t.eventually("three traps", function()
    return #list_dir(dir.path .. "/marks") == 3
  end)
  script:kill(signal)
  local result = script:output { timeout = "40s" }
  t.eq(result.code, status, result.stdout)
  local told = {}
  for index = 1, 3 do
    told[index] = tonumber(read_file(dir.path .. "/marks/told-" .. index))
    -- What they say last is heard.
    t.match(result.stdout, ("ordered-%d | bye %d\n"):format(index, index), true)
  end
  t.ok(told[3] <= told[2] and told[2] <= told[1], ("%s %s %s"):format(told[1], told[2], told[3]))
  t.eq(container.list(), {})
end

test.case(
  "Ctrl-C ends all in the opposite order, and their last words are heard",
  NEEDS,
  function(t)
    ends_in_order(t, "int", 130)
  end
)

test.case("SIGTERM does the same, for an ordinary user", USER, function(t)
  ends_in_order(t, "term", 143)
end)

test.case("a container that does not want to end is killed after its time", NEEDS, function(t)
  local group <close> = container.group { stop_timeout = "50ms" }
  local box = container.new {}
  local line = "trap '' TERM; echo up; while :; do sleep 0.02; done"
  group:start(box, { "/bin/sh", "-c", line }, { output = "events" })
  t.eq(group:next({ timeout = "20s" }).line, "up")
  local pid = box:status().pid
  group:stop()
  t.eq(proc_status(pid), nil)
  t.eq(box.result.signal, "kill")
  t.eq(group:next({ timeout = "10s" }).kind, "exit")
  t.eq(group:next({ timeout = "10s" }), nil)
end)

test.case("one that waits at a full pipe is still told, and ends in order", NEEDS, function(t)
  local group <close> = container.group { stop_timeout = "20s" }
  local line = "trap 'head -c 300000 /dev/zero; exit 5' TERM; echo up; while :; do sleep 0.02; done"
  local box = container.new {}
  group:start(box, { "/bin/sh", "-c", line }, { output = "capture" })
  poll({}, { timeout = "300ms" })
  group:stop()
  t.eq(box.result.code, 5)
end)

test.case("wait_any tells one after the other, wait_all tells all", NEEDS, function(t)
  local group <close> = container.group()
  local codes = {}
  for index = 1, 4 do
    group:start(container.new { name = "w" .. index }, { "/bin/sh", "-c", "exit " .. index })
  end
  for _ = 1, 2 do
    local box, result = group:wait_any { timeout = "20s" }
    codes[box.name] = result.code
  end
  for name, result in pairs(group:wait_all { timeout = "20s" }) do
    codes[name] = result.code
  end
  t.eq(codes, { w1 = 1, w2 = 2, w3 = 3, w4 = 4 })
  t.eq(group:wait_any { timeout = "1s" }, nil)
end)

local function output_is_whole(t)
  local group <close> = container.group()
  local got = {}
  local line = "head -c 150000 /dev/zero | tr '\\0' y; echo; printf 'a\\001\\377\\n\\nend'"
  group:start(container.new {}, { "/bin/sh", "-c", line }, {
    output = function(text, _, _, whole)
      got[#got + 1] = text .. (whole and "\n" or "")
    end,
  })
  group:wait_all { timeout = "30s" }
  t.eq(table.concat(got), ("y"):rep(150000) .. "\na\1\255\n\nend")
end

test.case(
  "long, binary, empty and unfinished lines are handed on whole",
  { "root" },
  output_is_whole
)
test.case("they are for an ordinary user", USER, output_is_whole)

test.case("a container of a group starts again by its policy, and says so", NEEDS, function(t)
  local group <close> = container.group()
  local box = container.new { restart = { policy = "on-failure", retries = 2, delay = "1ms" } }
  group:start(box, { "/bin/sh", "-c", "exit 4" })
  local kinds = {}
  for event in group:events { timeout = "30s" } do
    kinds[#kinds + 1] = event.kind .. (event.restarting and " again" or "")
  end
  t.eq(kinds, { "exit again", "restart", "exit again", "restart", "exit" })
end)

test.case("an OOM kill in one leaves the others alone", { "root", "cgroup:memory" }, function(t)
  local group <close> = container.group()
  group:start(container.new { name = "calm" }, { "sleep", "1000" })
  local hog = { "/bin/sh", "-c", "head -c 200m /dev/zero | tail >/dev/null; exit 0" }
  group:start(container.new { name = "hog", memory = "16M" }, hog)
  local box, result = group:wait_any { timeout = "40s" }
  t.eq({ box.name, result.oom }, { "hog", true })
  t.eq(container.get("calm"):status().status, "running")
end)

test.case("a program that does not exist leaves the group as it was", NEEDS, function(t)
  local group <close> = container.group()
  group:start(container.new { name = "fine" }, { "sleep", "1000" })
  t.fails("ENOENT", group.start, group, container.new { name = "bad" }, { "/no/such" })
  t.eq(container.get("fine"):status().status, "running")
  t.fails("monitor of its own", group.start, group, container.new { detach = true }, { "true" })
  t.fails("output", group.start, group, container.new {}, { "true" }, { output = "loud" })
end)

test.case("a hundred at once are told apart, and end", { "userns", "minutes:3" }, function(t)
  local group <close> = container.group()
  for index = 1, 100 do
    local line = ("echo %d; exit %d"):format(index, index % 7)
    group:start(container.new { name = "n" .. index }, { "/bin/sh", "-c", line }, {
      output = "capture",
    })
  end
  local ends = 0
  for event in group:events { timeout = "120s" } do
    if event.kind == "exit" then
      ends = ends + 1
      local index = tonumber(event.box.name:match("%d+"))
      t.eq(event.result.code, index % 7)
      t.eq(event.result.stdout, index .. "\n")
    end
  end
  t.eq(ends, 100)
end)

return test.run()
