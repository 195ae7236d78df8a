--- Containers: made, run, found, entered, stopped and removed, by their owner and by others.
local container = require "container"
local state = require "container.state"
local test = require "test"

local NEEDS = { "userns" }

--- Runs a shell line in a new container and answers its result.
local function sh(given, line, how)
  given.rootfs = given.rootfs or "host"
  local box <close> = container.new(given)
  how = how or { capture = true }
  return box:run({ "/bin/sh", "-c", line }, how)
end

--- Has another process do something with containers; its failure is the case's.
local function elsewhere(body)
  local child <close> = fork(body)
  return child:wait().code
end

-- What is refused.

test.case("an unknown option fails before anything is made and names the nearest", function(t)
  t.fails("did you mean 'memory'?", container.new, { name = "no", memroy = "1G" })
  t.eq(container.get("no"), nil)
end)

test.case("a name that cannot be a directory is refused", function(t)
  for _, name in ipairs { "", "../x", "a/b", "-x", ".x", ("n"):rep(65), "a b" } do
    t.fails("is no container's name", container.new, { name = name })
  end
end)

test.case(
  "a command that is no list of texts is refused before anything is made",
  NEEDS,
  function(t)
    local box <close> = container.new { name = "cmd" }
    t.fails("expected a text without NUL", box.run, box, { "sh", 1 })
    t.fails("no program is named", box.run, box, {})
    t.fails("no command is given", box.run, box)
    t.fails("NUL", box.run, box, { "a\0b" })
  end
)

test.case("a second container of one name is refused and the first is untouched", NEEDS, function(t)
  local one <close> = container.new { name = "twice" }
  one:start { "sleep", "100" }
  local pid = one:status().pid
  local two <close> = container.new { name = "twice" }
  local err = t.fails('a container "twice" is running', two.start, two, { "sleep", "100" })
  t.match(err.hint, "force")
  t.ok(proc_status(pid), "the first one's process")
  one:stop()
end)

test.case("an unknown name is an error that names the nearest", NEEDS, function(t)
  t.eq(container.get("nobody"), nil)
  local box <close> = container.new { name = "somebody" }
  box:start { "sleep", "100" }
  local gone = container.get("somebody")
  local other = require "container.other"
  t.fails('did you mean "somebody"?', other.stop, "somebodi", {})
  t.ok(gone)
  box:stop()
end)

test.case("a program that does not exist is an error of the line that starts it", NEEDS, function(t)
  local box <close> = container.new { name = "noprog" }
  local err = t.fails("ENOENT", box.run, box, { "/no/such/program" })
  t.match(err.call, "/no/such/program", true)
  t.fails("ENOENT", box.start, box, { "/no/such/program" })
  t.eq(box:status().status, "stopped")
end)

test.case("a volume without a source, or to a relative place, is refused", function(t)
  t.fails("no such file or directory", container.new, { volumes = { "/no/such:/x" } })
  t.fails("expected an absolute path", container.new, { volumes = { "/usr:x" } })
  t.fails("expected SOURCE:TARGET", container.new, { volumes = { "/usr" } })
  t.fails("no flag is called", container.new, { volumes = { "/usr:/usr:rx" } })
end)

test.case(
  "a state file that is cut off, or of a newer version, is told and hurts nobody",
  NEEDS,
  function(t)
    local box <close> = container.new { name = "healthy" }
    box:start { "sleep", "100" }
    local base = state.base()
    mkdir(base .. "/torn")
    write_file(base .. "/torn/state.json", '{"version":1,"name":"to')
    mkdir(base .. "/newer")
    write_file(
      base .. "/newer/state.json",
      json_encode {
        version = 99,
        name = "newer",
        status = "running",
        owner = { pid = 1, starttime = 1 },
      }
    )
    local by_name = {}
    for _, record in ipairs(container.list()) do
      by_name[record.name] = record
    end
    t.eq(by_name.healthy.status, "running")
    t.eq(by_name.torn.status, "damaged")
    t.match(by_name.torn.error.message, "damaged", true)
    t.match(by_name.newer.error.message, "version 99", true)
    local torn = container.get("torn")
    t.fails("damaged", torn.stop, torn)
    t.fails("damaged", torn.delete, torn)
    torn:delete { force = true }
    container.get("newer"):delete { force = true }
    t.eq(container.get("torn"), nil)
    t.eq(box:status().status, "running")
    box:stop()
  end
)

-- A container's life.

test.case("a program's status, and the signal that ended it, are passed on", NEEDS, function(t)
  t.eq(sh({}, "exit 7").code, 7)
  local result = sh({ init = true }, "kill -9 $$")
  t.eq(result.code, 137)
  local both = sh({}, "echo out; echo err >&2; cat", { capture = true, stdin = "in" })
  t.eq(both.stdout, "out\nin")
  t.eq(both.stderr, "err\n")
end)

test.case("namespaces are the container's own, and its host name", NEEDS, function(t)
  local box <close> = container.new { name = "own", hostname = "inner" }
  box:start { "sleep", "100" }
  local inside, outside = proc_ns(box:status().pid), proc_ns()
  for _, kind in ipairs { "mnt", "pid", "uts", "ipc", "net", "cgroup" } do
    t.ne(inside[kind], outside[kind], kind)
  end
  t.eq(box:exec({ "uname", "-n" }, { capture = true }).stdout, "inner\n")
  t.ne(sysctl_get("kernel.hostname"), "inner")
  box:stop()
end)

test.case(
  "the host's root shows system directories, read-only, and no one's home",
  NEEDS,
  function(t)
    local result = sh(
      {},
      [[
    ls -A /home /root
    touch /usr/x 2>/dev/null && echo usr written
    touch /tmp/x && echo tmp written
    touch /etc/x && echo etc written
  ]]
    )
    t.eq(result.stdout, "/home:\n\n/root:\ntmp written\netc written\n")
    t.eq(stat("/tmp/x"), nil)
  end
)

test.case("create makes all namespaces, and the program runs at start", NEEDS, function(t)
  local dir <close> = temp_dir()
  local mark = dir.path .. "/mark"
  chmod(dir.path, "0777")
  local box <close> = container.create {
    name = "parked",
    volumes = { dir.path .. ":/mark" },
    command = { "/bin/sh", "-c", "touch /mark/mark; exec sleep 100" },
  }
  t.eq(box:status().status, "created")
  local pid = box:status().pid
  t.ne(proc_ns(pid).mnt, proc_ns().mnt)
  t.eq(stat(mark), nil)
  box:start()
  t.eq(box:status().status, "running")
  t.eventually("the mark", function()
    return stat(mark)
  end)
  t.eq(box:status().pid, pid)
  box:stop()
end)

test.case(
  "another process finds, enters, pauses, stops and deletes it",
  { "root", "cgroup:freezer" },
  function(t)
    local box = container.new { name = "shared", detach = true, cgroup = true }
    box:start { "sleep", "1000" }
    t.eq(
      elsewhere(function()
        local found = container.get("shared")
        assert(found:status().status == "running", found:status().status)
        local pid = found:status().pid
        assert(found:exec({ "cat", "/proc/1/comm" }, { capture = true }).stdout == "sleep\n")
        found:pause()
        assert(found:status().status == "paused")
        found:resume()
        assert(found:status().status == "running")
        found:update { pids = 33 }
        local group <close> = cgroup_open(found:status().cgroup)
        assert(group:get().pids == 33)
        assert(not try(found.delete, found), "a running one is deleted only by force")
        found:stop()
        assert(found:status().status == "stopped")
        assert(not proc_status(pid))
        found:delete()
        assert(container.get("shared") == nil)
      end),
      0
    )
  end
)

test.case("a detached container outlives its script, and its output is kept", NEEDS, function(t)
  t.eq(
    elsewhere(function()
      container
        .new({ name = "stays", detach = true })
        :start { "/bin/sh", "-c", "echo one; echo two >&2; exec sleep 1000" }
    end),
    0
  )
  local box = container.get("stays")
  local rows = t.eventually("two lines", function()
    local rows = box:logs()
    return #rows == 2 and rows
  end)
  -- Which of two streams is read first is anybody's guess.
  local said = { [rows[1].stream] = rows[1].text, [rows[2].stream] = rows[2].text }
  t.eq(said, { stdout = "one", stderr = "two" })
  box:stop()
  t.eq(box:status().exit.signal, "kill")
  -- Its log is there, and goes on when it starts again.
  box:start()
  t.eventually("four lines", function()
    return #box:logs() == 4
  end)
  box:delete { force = true }
  t.eq(container.get("stays"), nil)
end)

test.case("a detached container that cannot start says why", NEEDS, function(t)
  local box = container.new { name = "cannot", detach = true }
  local err = t.fails("/no/such", box.start, box, { "/no/such" })
  t.ok(err.message)
  container.get("cannot"):delete()
end)

test.case("create and start of a detached one are two steps, in two processes", NEEDS, function(t)
  container.create({ name = "steps", detach = true, command = { "/bin/sh", "-c", "exit 3" } })
  t.eq(container.get("steps"):status().status, "created")
  t.eq(
    elsewhere(function()
      container.get("steps"):start()
    end),
    0
  )
  t.eq(container.get("steps"):wait({ timeout = "60s" }).code, 3)
  container.get("steps"):delete()
end)

test.case("a program that fails is started again as often as was said", NEEDS, function(t)
  local box = container.new {
    name = "again",
    detach = true,
    restart = { policy = "on-failure", retries = 2, delay = "1ms" },
  }
  box:start { "/bin/sh", "-c", "echo run; exit 4" }
  t.eq(box:wait({ timeout = "60s" }).code, 4)
  t.eq(box:status().restarts, 2)
  t.eq(#box:logs(), 3)
  box:delete()
end)

test.case("what is not running cannot be entered, paused or signalled", NEEDS, function(t)
  local box <close> = container.new { name = "ended" }
  t.eq(box:run({ "/bin/true" }).code, 0)
  t.fails("is stopped", box.exec, box, { "true" })
  t.fails("is stopped", box.pause, box)
  t.fails("is stopped", box.kill, box)
end)

-- What it may use, and who it is.

test.case(
  "the kernel kills what goes beyond the memory limit, and the result says so",
  { "root", "cgroup:memory" },
  function(t)
    local result = sh({ memory = "16M" }, "head -c 200m /dev/zero | tail")
    t.ok(result.oom, "oom")
  end
)

test.case(
  "the user, its groups and its home are those of the root's own files",
  { "root" },
  function(t)
    local result = sh({ user = "12345:23456", groups = { 77 } }, "id -u; id -g; id -G; echo $HOME")
    t.eq(result.stdout, "12345\n23456\n23456 77\n/\n")
    t.eq(sh({ user = "daemon" }, "id -un").stdout, "daemon\n")
  end
)

test.case("the environment is what was said and nothing of the caller's", NEEDS, function(t)
  local result =
    sh({ env = { A = "x", "LANG" }, workdir = "/usr" }, "echo $A; pwd; env | grep -c SUDO_")
  t.eq(result.stdout, "x\n/usr\n0\n")
end)

test.case("volumes, tmpfs and devices are where they were asked for", { "root" }, function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/file", "text")
  local result = sh(
    {
      volumes = { dir.path .. ":/data:ro", { source = dir.path, target = "/both" } },
      tmpfs = { ["/scratch"] = { size = "1M" } },
      devices = { "/dev/full" },
    },
    [[
    cat /data/file
    touch /data/x 2>/dev/null || echo " ro"
    touch /both/x && echo rw
    stat -f -c %T /scratch
    stat -c %F /dev/full
  ]]
  )
  t.eq(result.stdout, "text ro\nrw\ntmpfs\ncharacter special file\n")
end)

test.case("init collects orphans and passes signals on", NEEDS, function(t)
  local box <close> = container.new { init = true }
  local line = "trap 'exit 5' TERM; (sleep 0.01 &) ; while :; do sleep 0.05; done"
  box:start { "/bin/sh", "-c", line }
  local inner = t.eventually("the program", function()
    return proc_children(box:status().pid)[1]
  end)
  t.ok(inner)
  t.eventually("the shell's trap", function()
    local status = proc_status(inner)
    return status and tonumber(status.sig_cgt, 16) & (1 << 14) ~= 0
  end)
  poll({}, { timeout = "100ms" })
  for _, pid in ipairs(proc_children(box:status().pid)) do
    t.ne(proc_stat(pid).state, "Z")
  end
  t.eq(box:stop({ timeout = "60s" }).code, 5)
end)

test.case("a limit of time ends the container", NEEDS, function(t)
  local box <close> = container.new {}
  local result = box:run({ "sleep", "1000" }, { timeout = "50ms" })
  t.eq(result.signal, "kill")
  t.ok(result.timed_out)
end)

test.case("a program with a terminal of its own has it as its controlling one", NEEDS, function(t)
  local outer <close> = pty()
  local child <close> = fork(function()
    terminal_attach(outer)
    local box <close> = container.new { tty = true }
    return box:run({ "/bin/sh", "-c", "test -t 0 && tty && stty size" }).code
  end)
  set_window_size(outer.master, { rows = 33, columns = 77 })
  local out = ""
  while true do
    local data = try(outer.master.read, outer.master, 4096, { timeout = "60s" })
    if not data then
      break
    end
    out = out .. data
    if out:find("%d+ %d+\r\n") then
      break
    end
  end
  t.eq(child:wait().code, 0)
  t.match(out, "/dev/pts/0", true)
end)

-- Several at once.

test.case("three run at once; ends and output come as events", NEEDS, function(t)
  local group <close> = container.group()
  for index = 1, 3 do
    group:start(
      container.new { name = "n" .. index },
      { "/bin/sh", "-c", "echo line; exit " .. index },
      {
        output = "capture",
      }
    )
  end
  local codes = {}
  for event in group:events { timeout = "60s" } do
    if event.kind == "exit" then
      codes[event.box.name] = { event.result.code, event.result.stdout }
    end
  end
  t.eq(codes, { n1 = { 1, "line\n" }, n2 = { 2, "line\n" }, n3 = { 3, "line\n" } })
end)

test.case("wait_any answers the first and wait_all says when time is over", NEEDS, function(t)
  local group <close> = container.group()
  group:start(container.new { name = "slow" }, { "sleep", "1000" })
  group:start(container.new { name = "fast" }, { "true" })
  local box, result = group:wait_any { timeout = "60s" }
  t.eq({ box.name, result.code }, { "fast", 0 })
  t.eq(group:wait_all { timeout = "50ms" }, nil)
end)

test.case(
  "output is handed on line by line, with a name before it, or as events",
  NEEDS,
  function(t)
    local lines = {}
    local group <close> = container.group()
    group:start(container.new { name = "a" }, { "/bin/sh", "-c", "printf 'x\\ny\\nz'" }, {
      output = function(line, stream)
        lines[#lines + 1] = stream .. ":" .. line
      end,
    })
    group:start(container.new { name = "b" }, { "echo", "hello" }, { output = "events" })
    local seen
    for event in group:events { timeout = "60s" } do
      if event.kind == "output" then
        seen = event.line
      end
    end
    t.eq(lines, { "stdout:x", "stdout:y", "stdout:z" })
    t.eq(seen, "hello")
  end
)

test.case("an OOM kill in one container is an event", { "root", "cgroup:memory" }, function(t)
  local group <close> = container.group()
  group:start(
    container.new { name = "hog", memory = "16M" },
    { "/bin/sh", "-c", "head -c 200m /dev/zero | tail >/dev/null; sleep 0.2" }
  )
  local kinds = {}
  for event in group:events { timeout = "30s" } do
    kinds[event.kind] = event
  end
  t.ok(kinds.oom, "an event")
  t.ok(kinds.exit.result.oom, "in the result")
end)

test.case("a health check that fails makes it unhealthy", NEEDS, function(t)
  local group <close> = container.group()
  local box = container.new {
    health = { command = { "false" }, interval = "10ms", retries = 2 },
  }
  group:start(box, { "sleep", "1000" })
  t.eq(group:next({ timeout = "60s" }).health, "unhealthy")
  t.eq(state.get(box.name).health, "unhealthy")
end)

test.case("a container stops while a check of its health hangs", NEEDS, function(t)
  local group <close> = container.group()
  local box = container.new { health = { command = { "sleep", "1000" }, interval = "10ms" } }
  group:start(box, { "sleep", "1000" })
  t.eq(group:next({ timeout = "300ms" }), nil)
  t.ok(next(box.entered), "the check runs")
  t.eq(box:stop({ timeout = "1s" }).signal, "kill")
end)

-- What is left.

test.case("an owner that is killed leaves nothing after gc", NEEDS, function(t)
  local told = pipe()
  local owner <close> = fork(function()
    local box = container.new { name = "orphan" }
    box:start { "sleep", "1000" }
    told.write:write(tostring(box:status().pid))
    told.write:close()
    poll({}, { timeout = "100s" })
  end)
  told.write:close()
  local pid = tonumber(told.read:read())
  owner:kill("kill")
  owner:wait()
  t.eventually("the container dies with its owner", function()
    return not proc_status(pid)
  end)
  t.eq(container.get("orphan"):status().status, "stopped")
  container.gc()
  t.eq(container.get("orphan"), nil)
end)

test.case("a script that ends without a word leaves nothing", NEEDS, function(t)
  local pid
  do
    local box = container.new { name = "forgotten" }
    box:start { "sleep", "1000" }
    pid = box:status().pid
  end
  t.ok(proc_status(pid))
  -- The suite looks for what is left when this process has ended.
end)

return test.run()
