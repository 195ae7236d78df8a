-- `crun-lua ps` and `crun-lua top`: arguments, tables, one group, the keyboard, the terminal.

local lines = require "top.lines"
local ps = require "commands.ps"
local rows = require "top.rows"
local screen = require "view.screen"
local target = require "top.target"
local test = require "test"
local text = require "view.text"
local top = require "commands.top"

local MB = 1 << 20

-- Runs a command in a child: its status and what it wrote.
local function run(command, args, list)
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe" }, function()
    return command(args, {
      list = function()
        return list or {}
      end,
      now = 1000,
    })
  end)
  return child:output()
end

local RECORDS = {
  {
    name = "web",
    status = "running",
    pid = 41,
    created = 880,
    started = 910,
    health = "healthy",
    command = { "httpd", "-f", "/a/very/long/path/of/some/configuration" },
    rootfs = "host",
    network = {
      ports = { { proto = "tcp", ip = "::1", host = 8080, container = 80 }, "53:53/udp" },
    },
  },
  { name = "held", status = "paused", pid = 42, created = 890, started = 890, rootfs = "/r" },
  { name = "new", status = "created", created = 895, command = { "true" } },
  {
    name = "old",
    status = "stopped",
    created = 100,
    finished = 940,
    exit = { code = 137, signal = "kill", oom = true },
  },
  { name = "again", status = "restarting", created = 899, restarts = 3 },
}

-- Rows as a sampler answers them, of a machine that was recorded.
local function recorded()
  return {
    {
      name = "web",
      status = "running",
      pid = 4711,
      findings = { { level = "warning", text = "throttled in 95 % of the periods (19 of 20)" } },
      cpu_history = { false, 25.0, 50.0 },
      memory_history = { 16 * MB, 32 * MB, 48 * MB },
      network = { received = 4096, sent = 2048, receive_rate = 1024.0, send_rate = 512.0 },
      usage = {
        memory = { used = 48 * MB, limit = 64 * MB, percent = 75.0 },
        cpu = { percent = 50.0, limit = 50.0, throttled = 0.95 },
        pids = { current = 3, limit = 64, percent = 4.7 },
        io = { read = 4096, written = 0, read_rate = 1024.0, write_rate = 0.0 },
        oom_kills = 2,
      },
    },
    {
      name = "old",
      status = "stopped",
      findings = {},
      cpu_history = { false, false, false },
      memory_history = { false, false, false },
    },
  }
end

test.case("a wrong option ends with 2 and names the one that was meant", function(t)
  local function bad(command, args, expected)
    local result = run(command, args)
    t.eq(result.code, 2, table.concat(args, " "))
    t.match(result.stderr, expected, true)
    t.match(result.stderr, "usage: crun-lua", true)
    t.eq(result.stdout, "")
  end
  bad(ps, { "--al" }, "--al is no option; did you mean --all?")
  bad(ps, { "-x" }, "-x is no option")
  bad(ps, { "--all=yes" }, "--all takes no value")
  bad(ps, { "web" }, '"web" is one word too many')
  bad(ps, { "--json", "-q" }, "do not go together")
  bad(top, { "--interval" }, "--interval needs a value")
  bad(top, { "--interval", "0s" }, '--interval: expected a time such as "1s", got 0s')
  bad(top, { "--interval=soon" }, "got soon")
  bad(top, { "--sort", "cpi" }, "did you mean cpu?")
  bad(top, { "--onec" }, "did you mean --once?")
  bad(top, { "a", "b" }, '"b" is one word too many')
end)

test.case("a name that is nothing is an error with the name that was meant", function(t)
  local err = t.fails('no container, process or control group is called "wep"', top, { "wep" }, {
    list = function()
      return RECORDS
    end,
  })
  t.eq(err.hint, 'did you mean "web"?')
  t.fails('the container "old" is stopped', target.find, "old", RECORDS)
  t.fails("there is no process 2147483647", target.find, "2147483647", {})
  t.match(t.fails("is called", target.find, "nothing-like-it", {}).hint, "crun-lua ps -a", true)
end)

test.case("help is no error", function(t)
  for _, command in ipairs { ps, top } do
    local result = run(command, { "--help" })
    t.eq({ result.code, result.stderr }, { 0, "" })
    t.match(result.stdout, "^usage: crun%-lua")
  end
end)

test.case("without containers both commands work", function(t)
  t.eq(run(ps, {}).stdout, "NAME  STATUS  PID  COMMAND  ROOT  CREATED  PORTS\n")
  t.eq(json_decode(run(ps, { "--json" }).stdout), {})
  t.eq(run(ps, { "-q" }).stdout, "")
  t.eq(run(top, { "--once" }).stdout, "0 containers, 0 running\n")
  t.eq(run(top, { "--once", "--json" }).stdout, "[]\n")
end)

test.case("ps shows those that have a process, and with -a all, by their age", function(t)
  local shown = run(ps, {}, RECORDS).stdout
  local cut = "httpd -f /a/very/long/path/of/s…"
  local ports = "[::1]:8080:80/tcp, 53:53/udp"
  t.eq(
    shown,
    "NAME   STATUS                PID  COMMAND                           ROOT  CREATED    PORTS\n"
      .. ("web    up 1m30s (healthy)     41  %s  host  2m00s ago  %s\n"):format(cut, ports)
      .. "held   up 1m50s (paused)      42  –                                 /r    1m50s ago  –\n"
      .. "again  restarting (3 times)    –  –                                 –     1m41s ago  –\n"
  )
  t.eq(run(ps, { "-aq" }, RECORDS).stdout, "old\nweb\nheld\nnew\nagain\n")
  local all = run(ps, { "--all" }, RECORDS).stdout
  t.match(all, "old +exited %(137, out of memory%) 1m00s ago")
  t.match(all, "new +created")
  t.match(run(ps, { "--no-trunc" }, RECORDS).stdout, "of/some/configuration", true)
end)

test.case("ps --json answers the records themselves", function(t)
  local found = json_decode(run(ps, { "--json" }, RECORDS).stdout)
  t.eq(#found, 3)
  t.eq({ found[1].name, found[1].pid, found[1].network.ports[2] }, { "web", 41, "53:53/udp" })
end)

test.case("top draws its table line for line as it was recorded", function(t)
  t.eq(lines.of(recorded(), { width = 120, sort = "cpu" }), {
    "2 containers, 1 running, sorted by cpu",
    "NAME  STATUS    PID  CPU        MEMORY                 PIDS     RX/TX  READ/WRITTEN  OOM",
    "web   running  4711  50%   ▄█  48M/64M  ██████░░  ▃▆█  3/64  1K/512/s        1K/0/s    2",
    "old   stopped     –    –             –                    –         –             –    –",
    "! web: throttled in 95 % of the periods (19 of 20)",
  })
  local ascii = lines.of(recorded(), { width = 120, ascii = true })[3]
  t.match(ascii, "######..", true)
  t.ok(not ascii:gsub("–", ""):find("[\128-\255]"), ascii)
end)

test.case("a narrow window takes columns away, and no line is wider than it", function(t)
  for _, width in ipairs { 30, 50, 80 } do
    for _, line in ipairs(lines.of(recorded(), { width = width })) do
      t.ok(text.width(line) <= width, ("%d columns: %s"):format(width, line))
    end
  end
  t.match(lines.of(recorded(), { width = 30 })[2], "^NAME +CPU +MEMORY +PIDS +OOM$")
  local coloured = table.concat(lines.of(recorded(), { width = 120, colours = true }), "\n")
  t.match(coloured, "\27[31m50%", true)
  t.match(coloured, "\27[33m48M/64M", true)
end)

test.case("rows are sorted by each key, the unknown last, names by the alphabet", function(t)
  local function order(key, reverse)
    local list = recorded()
    list[3] = { name = "big", usage = { memory = { used = 99 * MB }, cpu = { percent = 1.0 } } }
    local names = {}
    for index, row in ipairs(rows.sort(list, key, reverse)) do
      names[index] = row.name
    end
    return table.concat(names, " ")
  end
  t.eq(order("cpu"), "web big old")
  t.eq(order("memory"), "big web old")
  t.eq(order("memory", true), "web big old")
  t.eq(order("name"), "big old web")
  t.eq(order("name", true), "web old big")
  for _, key in ipairs { "io", "net", "pids" } do
    t.eq(order(key), "web big old", key)
  end
end)

test.case("a container without a group of its own shows its processes", function(t)
  local ready, stay = pipe(), pipe()
  local child <close> = spawn({ die_with_parent = true }, function()
    local grandchild <close> = spawn({ die_with_parent = true }, function()
      ready.write:write("x")
      stay.read:read(1)
    end)
    return grandchild:wait().code
  end)
  ready.read:read(1)
  local sampler <close> = rows.sampler { history = 2 }
  local list = { { name = "box", status = "running", pid = child.pid } }
  local row
  for _ = 1, 3 do
    row = sampler:update(list)[1]
  end
  t.eq(row.usage.pids.current, 2)
  t.ok(row.usage.memory.used > 0, "memory")
  t.eq({ #row.cpu_history, row.network }, { 2, nil })
  t.match(row.usage.missing.io, "no control group of its own", true)
  t.ok(target.find("box", list).group().cpu.usec >= 0, "a chart of its processes")
  -- Gone, and then another of the name: the history begins anew.
  t.eq(sampler:update({}), {})
  list[1].pid = proc_stat().pid
  t.eq(#sampler:update(list)[1].cpu_history, 1)
  stay.write:write("x")
  t.eq(child:wait().code, 0)
end)

test.case("a container's process that is gone is a row without usage", function(t)
  local child <close> = spawn(function()
    return 0
  end)
  child:wait()
  local record = { name = "late", status = "running", pid = child.pid, cgroup = "no-such-group" }
  local sampler <close> = rows.sampler()
  local row = sampler:update({ record })[1]
  t.eq({ row.usage, row.network, row.findings }, { nil, nil, {} })
end)

local GROUPS = { "root", "cgroup:memory", "cgroup:pids" }

test.case("a container's group and network are its own, a stranger's never", GROUPS, function(t)
  local group <close> = cgroup_set("top-own", { memory = "64M", pids = 9 })
  local ready, stay = pipe(), pipe()
  local child <close> = spawn({ cgroup = group, unshare = { "net" } }, function()
    loopback_up()
    ready.write:write("x")
    stay.read:read(1)
  end)
  -- On v1 it enters its group itself.
  ready.read:read(1)
  local record = { name = "own", status = "running", pid = child.pid, cgroup = "top-own" }
  local sampler <close> = rows.sampler()
  local row = sampler:update({ record })[1]
  t.eq({ row.usage.memory.limit, row.usage.pids.limit }, { 64 * MB, 9 })
  t.eq({ row.usage.pids.current, row.network.received }, { 1, 0 })
  -- The name is relative to whoever made the group; where the process is says more.
  local found = target.group { pid = child.pid, cgroup = "/elsewhere/top-own" }
  t.eq(found:get().pids, 9)
  -- A dead process is shown at the root: that is not the container's group.
  child:kill("kill")
  child:wait()
  local late = target.group { pid = child.pid, cgroup = "top-own" }
  t.eq(late:get().pids, 9)
  t.eq(target.group { pid = proc_stat().pid, cgroup = "never-made" }, nil)
end)

test.case("one group is drawn against its limits, or told as JSON", GROUPS, function(t)
  local group <close> = cgroup_set("top-one", { memory = "64M", pids = 9 })
  local drawn = run(top, { "--once", "--interval", "10ms", "top-one", "--ascii" })
  t.eq(drawn.code, 0)
  t.match(drawn.stdout, "^top%-one\nmemory  %.+  0 of 64M, 0 %%")
  t.match(drawn.stdout, "\npids    %.+  0 of 9\n")
  local told = json_decode(run(top, { "--once", "--json", "top-one" }).stdout)
  t.eq({ told.name, told.usage.pids.limit }, { "top-one", 9 })
  t.eq(told.usage.memory.limit, group:get().memory)
end)

test.case("a process's number draws the group that it is in", function(t)
  local result = run(top, { "--once", "--interval", "10ms", tostring(proc_stat().pid) })
  t.eq(result.code, 0)
  t.match(result.stdout, ("^process %d %%("):format(proc_stat().pid))
end)

test.case("into a pipe go plain lines, one look after the other, until nobody reads", function(t)
  local child <close> = spawn({ stdout = "pipe" }, function()
    return top({ "--interval", "10ms", "--json" }, {
      list = function()
        return { { name = "self", status = "running", pid = 1 } }
      end,
    })
  end)
  local seen = ""
  while select(2, seen:gsub("\n", "")) < 3 do
    seen = seen .. (child.stdout:read("64K") or t.ok(false, "it has ended: " .. seen))
  end
  t.ok(not seen:find("\27", 1, true), "no control characters")
  t.eq(json_decode(seen:match("[^\n]+"))[1].name, "self")
  child.stdout:close()
  -- Its next line meets no reader.
  local result = child:wait { timeout = "30s" }
  t.ok(result and (result.code == 0 or result.signal == "pipe"), t.show(result))
end)

-- The screen as its lines, after what a program has drawn on it last.
local function last_page(output)
  local page = output:match(".*\27%[H(.*)\27%[J") or ""
  local list = {}
  for line in (page .. "\r\n"):gmatch("(.-)\r\n") do
    list[#list + 1] = (line:gsub("\27%[[%d;?]*%a", ""))
  end
  return list
end

-- Starts top on a terminal of its own.
local function on_terminal(args, env)
  local terminal = pty { rows = 8, columns = 100 }
  local child = fork(function()
    terminal_attach(terminal)
    return top(args, env or {
      list = function()
        return { { name = "bb", status = "running", pid = 1 }, { name = "aa", status = "created" } }
      end,
    })
  end)
  return terminal, child
end

-- Reads until the text has come; answers all that was read so far.
local function expect(t, terminal, seen, wanted)
  while not seen:find(wanted, 1, true) do
    local part = terminal.master:read("4K", { timeout = "30s" })
    seen = seen .. (part or t.ok(false, "the end came before " .. wanted .. ": " .. seen))
  end
  return seen
end

local function settings(terminal)
  local child <close> = spawn({ stdin = terminal.slave, stdout = "pipe" }, function()
    exec { "stty", "-a" }
  end)
  return child:output().stdout
end

test.case("on a terminal keys sort and q gives the terminal back", function(t)
  local terminal, child = on_terminal { "--interval", "30s", "--sort", "memory" }
  local closing <close> = terminal
  local ending <close> = child
  local seen = expect(t, terminal, "", "q quit")
  t.match(seen, "\27[?1049h\27[?25l", true)
  t.match(settings(terminal), "%-icanon")
  local page = last_page(expect(t, terminal, seen, "\27[J"))
  t.eq(#page, 8)
  t.match(page[1], "2 containers, 1 running, sorted by memory", true)
  t.match(page[3], "^bb ")
  terminal.master:write("n")
  seen = expect(t, terminal, "", "\27[J")
  page = last_page(seen)
  t.match(page[1], "sorted by name", true)
  t.match(page[3], "^aa ")
  terminal.master:write("\27[A") -- An arrow is no key here, and no Escape.
  expect(t, terminal, "", "\27[J")
  terminal.master:write("q")
  seen = expect(t, terminal, "", "\27[?1049l")
  t.match(seen, "\27[?25h\27[?1049l", true)
  t.eq(child:wait().code, 0)
  t.match(settings(terminal), "%sicanon")
end)

test.case("Ctrl-C, a signal and an error give the terminal back as well", function(t)
  local broken = 0
  local ways = {
    {
      130,
      stop = function(terminal)
        terminal.master:write("\3")
      end,
    },
    {
      143,
      stop = function(_, child)
        child:kill("term")
      end,
    },
    {
      1,
      stop = function() end,
      list = function()
        broken = broken + 1
        return broken < 3 and {} or error("the state is broken")
      end,
    },
  }
  for _, way in ipairs(ways) do
    local list = way.list or function()
      return {}
    end
    local terminal, child = on_terminal({ "--interval", "20ms" }, { list = list })
    local closing <close> = terminal
    local ending <close> = child
    expect(t, terminal, "", "q quit")
    way.stop(terminal, child)
    expect(t, terminal, "", "\27[?25h\27[?1049l")
    local ok, result = pcall(child.wait, child)
    t.eq(ok and result.code or 1, way[1])
    t.match(settings(terminal), "%sicanon")
  end
end)

test.case("the screen shows what fits, and what is no terminal has none", function(t)
  t.eq(screen.possible(), false)
  local terminal <close> = pty { rows = 3, columns = 20 }
  local child <close> = fork(function()
    terminal_attach(terminal)
    local shown <close> = screen.open()
    shown:draw { "one", "two", "three", "four" }
    t.eq({ shown:size() }, { 20, 3 })
    t.eq(shown:key("1ms"), nil)
  end)
  local seen = expect(t, terminal, "", "\27[?1049l")
  t.match(seen, "\27[Hone\27[0m\27[K\r\ntwo\27[0m\27[K\r\nthree\27[0m\27[K\27[J", true)
  t.ok(not seen:find("four", 1, true), seen)
  t.eq(child:wait().code, 0)
end)

return test.run()
