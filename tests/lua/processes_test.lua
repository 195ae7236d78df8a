-- Processes: exec, wait, signals, handles of processes, streams, captured output, groups.

local test = require "test"

-- The descriptors that a program finds open; without a directory opened for the listing.
local LIST_FDS = "i=0; while [ $i -lt 64 ]; do [ -e /proc/$$/fd/$i ] && echo $i; i=$((i+1)); done"

local function sh(text, options)
  return capture({ "/bin/sh", "-c", text }, options)
end

local function read(path)
  local file <close> = io.open(path)
  return file and file:read("a") or ""
end

local function field(pid, name)
  return (read(("/proc/%s/status"):format(pid))):match(name .. ":%s*([^\n]*)")
end

test.case("exec of a shell's line fails, and the hint says that it is a list", function(t)
  local child <close> = spawn(function()
    exec { "ls -l /" }
  end)
  local err = t.fails("ENOENT", child.wait, child)
  t.match(err.hint, "list of arguments", true)
end)

test.case("exec names what is wrong with a file", function(t)
  local dir = os.getenv("TMPDIR")
  local path = dir .. "/not-a-program"
  local file = assert(io.open(path, "w"))
  file:write("just text\n")
  file:close()
  local function attempt(command)
    local child <close> = spawn(function()
      exec(command)
    end)
    return child:wait()
  end
  t.match(t.fails("EACCES", attempt, { path }).hint, "not executable", true)
  t.match(t.fails("EACCES", attempt, { "not-a-program", env = { PATH = dir } }).call, path, true)
  t.fails("EACCES", attempt, { dir })
  t.fails("ENOENT", attempt, { "no-such-program-anywhere" })
  t.eq(capture({ "chmod", "+x", path }).code, 0)
  t.match(t.fails("ENOEXEC", attempt, { path }).hint, "#!", true)
  os.remove(path)
end)

test.case(
  "CVE-2020-17368: exec refuses what cannot be a program or an environment, before any call",
  function(t)
    t.fails("an empty name", exec, { "" })
    t.fails("the argument list is empty", exec, {})
    t.fails("cannot be a variable's name", exec, { "true", env = { ["A=B"] = "x" } })
    t.fails('unknown option "enf"', exec, { "true", enf = {} })
    t.fails("preserve_fds", exec, { "true", preserve_fds = { "3" } })
    t.fails("has not left descriptor", exec, { "true", preserve_fds = 40 })
  end
)

test.case("a working directory that is not there is the error, and nothing was run", function(t)
  local child <close> = spawn(function()
    exec { "true", cwd = "/no/such/directory" }
  end)
  t.match(t.fails("ENOENT", child.wait, child).call, "chdir", true)
end)

test.case("a failed exec leaves the descriptors as they were", function(t)
  local child <close> = spawn(function()
    local p = pipe()
    p.write:write("still here")
    p.write:close()
    t.fails("ENOENT", exec, { "/no/such/file", preserve_fds = { p.read, p.read, p.read } })
    t.eq(p.read:read(), "still here")
  end)
  t.eq(child:wait().code, 0)
end)

test.case("a program finds 0, 1 and 2 open and nothing else", function(t)
  local file <close> = assert(io.open("/etc/passwd"))
  local p = pipe()
  t.eq(sh(LIST_FDS).stdout, "0\n1\n2\n")
  t.ok(file and p)
end)

test.case("preserved descriptors stand at 3 and on, and LISTEN_FDS counts them", function(t)
  local one, two = pipe(), pipe()
  one.write:write("one")
  two.write:write("two")
  one.write:close()
  two.write:close()
  local child <close> = spawn({ stdout = "pipe" }, function()
    local script = "cat <&4; cat <&3; echo $LISTEN_FDS; test $LISTEN_PID = $$ && " .. LIST_FDS
    exec { "sh", "-c", script, preserve_fds = { one.read, two.read } }
  end)
  t.eq(child:output().stdout, "twoone2\n0\n1\n2\n3\n4\n")
end)

test.case("the environment is exactly what was given, and PATH is searched in it", function(t)
  local child <close> = spawn({ stdout = "pipe" }, function()
    exec { "env", env = { PATH = "/usr/bin:/bin", A = "1 2" } }
  end)
  t.eq(child:output().stdout, "A=1 2\nPATH=/usr/bin:/bin\n")
end)

test.case("argv0 and cwd are what the program sees", function(t)
  local child <close> = spawn({ stdout = "pipe" }, function()
    exec { "/bin/sh", "-c", "pwd -P; head -zn1 /proc/$$/cmdline", argv0 = "-login", cwd = "/proc" }
  end)
  t.eq(child:output().stdout, "/proc\n-login\0")
end)

test.case("a wrong signal, a wrong pid and a closed handle are refused", function(t)
  t.fails("no signal is called", kill, 1, "trem")
  t.fails('did you mean "term"', kill, 1, "trem")
  t.fails("ESRCH", process_open, 0x7ffffff0)
  t.fails("integer from 1", process_open, 0)
  local child = spawn(function() end)
  t.fails("cannot be caught", child.wait, child, { forward = { "kill" } })
  child:close()
  t.fails("is closed", child.kill, child)
end)

test.case("signalling every process is refused", { "root" }, function(t)
  t.fails("would change the host", kill, -1, 0)
end)

test.case("only a child can be waited for, and the error says so", function(t)
  local init <close> = process_open(1)
  t.ok(init:alive())
  t.match(t.fails("ECHILD", init.wait, init).hint, "alive", true)
end)

test.case("a process of another user cannot be signalled", { "user" }, function(t)
  local init <close> = process_open(1)
  -- Not SIGCONT: a member of its session may send that to anybody, kill(2).
  t.match(t.fails("EPERM", init.kill, init, "urg").hint, "CAP_KILL", true)
  t.fails("EPERM", kill, 1, 0)
end)

test.case("closing the handle of a foreign process ends nothing", function(t)
  local child <close> = spawn(function()
    exec { "sleep", "100" }
  end)
  local other = process_open(child.pid)
  other:close()
  t.ok(child:alive())
end)

test.case("a process that a signal has ended has code 128+n and the signal's name", function(t)
  local child <close> = spawn(function()
    exec { "sleep", "100" }
  end)
  child:started()
  child:kill("usr1")
  local result = child:wait()
  t.eq({ result.code, result.signal, result.core }, { 138, "usr1", false })
  t.ok(not child:alive())
  t.eq(child:wait().code, 138, "the second wait")
end)

test.case("a timeout answers nil and the child runs on", function(t)
  local child <close> = spawn(function()
    exec { "sleep", "100" }
  end)
  t.eq(child:wait { timeout = "10ms" }, nil)
  t.ok(child:alive())
end)

test.case("what a child has used is in its result", function(t)
  local usage = sh("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done").rusage
  t.ok(usage.max_rss > 100000, "max_rss")
  t.ok(usage.user + usage.system > 0, "time")
end)

test.case("wait_any answers the processes in the order of their ends", function(t)
  local children = {}
  for index = 1, 3 do
    children[index] = spawn(function()
      exec { "sleep", "100" }
    end)
  end
  t.eq(wait_any(children, { timeout = 0 }), nil)
  local waiting = table.move(children, 1, 3, 1, {})
  for _, index in ipairs { 2, 3, 1 } do
    children[index]:kill("term")
    local first = wait_any(waiting)
    t.ok(first.process == children[index], "the process that has ended")
    t.eq(first.result.signal, "term")
    for place, process in ipairs(waiting) do
      if process == first.process then
        table.remove(waiting, place)
      end
    end
  end
end)

test.case("wait_any wants children, and at least one", function(t)
  t.fails("the list is empty", wait_any, {})
  t.fails("expected process", wait_any, { 5 })
end)

test.case("a forwarded signal reaches the child and not the script", function(t)
  local ready = pipe()
  local parent <close> = fork(function()
    ready.read:close()
    local child <close> = spawn({ stdout = ready.write }, function()
      exec { "sh", "-c", "trap 'exit 42' TERM; echo up; for i in $(seq 500); do sleep 0.02; done" }
    end)
    ready.write:close()
    return child:wait({ forward = { "term", "int" } }).code
  end)
  ready.write:close()
  t.eq(ready.read:read(3), "up\n")
  -- It waits by now, or the signal ends its script: both would be 143 without forwarding.
  while not field(parent.pid, "SigBlk"):find("4002$") do
    capture { "true" }
  end
  parent:kill("term")
  t.eq(parent:wait().code, 42)
end)

test.case(
  "a signal that is not forwarded ends the waiting script, and its child with it",
  function(t)
    local ready = pipe()
    local parent <close> = fork(function()
      local child <close> = spawn({ stdout = ready.write }, function()
        exec { "sh", "-c", "echo $$; exec sleep 100" }
      end)
      child:wait()
    end)
    ready.write:close()
    local grandchild = process_open(tonumber((ready.read:read("1K"):gsub("\n", ""))))
    parent:kill("term")
    t.eq(parent:wait().code, 143)
    t.ok(not grandchild:alive())
  end
)

test.case("streams that cannot be are refused before the child exists", function(t)
  local function nothing() end
  t.fails("with a slash", spawn, { stdout = "pip" }, nothing)
  t.fails('did you mean "pipe"', spawn, { stdout = "pip" }, nothing)
  t.fails("ENOENT", spawn, { stdin = "/no/such/file" }, nothing)
  t.fails("expected", spawn, { stdin = "stdout" }, nothing)
  local p = pipe()
  p.read:close()
  t.fails("is closed", spawn, { stdin = p.read }, nothing)
end)

test.case("streams: null, a file, an fd, one output for both", function(t)
  local path = os.getenv("TMPDIR") .. "/stream"
  local options = { stdin = "null", stdout = path, stderr = "stdout" }
  local child <close> = spawn(options, function()
    exec { "sh", "-c", "cat; echo out; echo err >&2; readlink /proc/self/fd/0" }
  end)
  t.eq(child:wait().code, 0)
  t.eq(t.read(path), "out\nerr\n/dev/null\n")
  t.eq(child.stdout, nil)
  os.remove(path)
end)

test.case("a child's pipes are fds in the parent", function(t)
  local child <close> = spawn({ stdin = "pipe", stdout = "pipe" }, function()
    exec { "cat" }
  end)
  child.stdin:write("hello")
  t.eq(child.stdout:read(5), "hello")
  child.stdin:write(" again")
  child.stdin:close()
  t.eq(child.stdout:read(), " again")
  t.eq(child:wait().code, 0)
end)

test.case("an error in a child with captured streams still reaches the parent", function(t)
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe" }, function()
    exec { "/no/such/program" }
  end)
  t.fails("ENOENT", child.output, child)
end)

test.case("captured output is complete when both streams are large", function(t)
  local count = 300000
  local result = sh(
    ("head -c %d /dev/zero | tr '\\0' a; head -c %d /dev/zero | tr '\\0' b >&2"):format(
      count,
      count
    )
  )
  t.eq(#result.stdout, count)
  t.eq(result.stderr, ("b"):rep(count))
  t.eq(result.code, 0)
end)

test.case("input that is larger than a pipe comes back whole", function(t)
  local text = ("0123456789abcdef"):rep(20000)
  t.eq(capture({ "cat" }, { stdin = text }).stdout, text)
  t.eq(capture({ "true" }, { stdin = text }).code, 0, "a command that does not read")
end)

test.case("captured output past the limit is cut and the command killed", function(t)
  local result = capture({ "cat", "/dev/zero" }, { max = "100K" })
  t.eq({ #result.stdout, result.truncated, result.signal }, { 102400, true, "kill" })
end)

test.case("a captured command that takes too long is killed", function(t)
  local result = sh("echo early; exec sleep 100", { timeout = "200ms" })
  t.eq({ result.stdout, result.timed_out, result.signal }, { "early\n", true, "kill" })
  local closed = sh("exec >&- 2>&-; exec sleep 100", { timeout = "200ms" })
  t.eq({ closed.timed_out, closed.code }, { true, 137 })
end)

test.case("a command that leaves a process behind does not hold up its capture", function(t)
  local result = sh("sleep 3 & echo done")
  t.eq({ result.stdout, result.code }, { "done\n", 0 })
  sh("sleep 3.2")
end)

test.case("a command that cannot be started is an error on the caller's line", function(t)
  local err = t.fails("ENOENT", capture, { "/no/such/program" })
  t.ok(err.where and err.where.line, "where")
  t.match(tostring(err), "execve", true)
end)

test.case("a descriptor is closed once and for all", function(t)
  local p = pipe()
  p.write:close()
  p.write:close()
  t.fails("is closed", p.write.write, p.write, "x")
  t.eq(p.read:read(5), nil)
  local q = pipe()
  t.fails("ETIMEDOUT", q.read.read, q.read, 1, { timeout = "1ms" })
  q.read:close()
  t.fails("EPIPE", q.write.write, q.write, "x")
end)

test.case("a group's leader cannot start a session, a child can", function(t)
  local child <close> = fork(function()
    setpgid()
    t.match(t.fails("EPERM", setsid).hint, "child", true)
    local inner <close> = fork(function()
      setsid()
      local stat = t.read("/proc/self/stat"):gsub("^.*%) ", "")
      local group, session = stat:match("^%S+ %S+ (%S+) (%S+)")
      t.eq(group, session)
      t.eq(group, field("self", "Pid"))
    end)
    t.eq(inner:wait().code, 0)
  end)
  t.eq(child:wait().code, 0)
end)

test.case(
  "process_group puts the child into a group of its own, for both sides at once",
  function(t)
    local child <close> = spawn({ process_group = true }, function()
      exec { "sleep", "100" }
    end)
    local stat = t.read(("/proc/%d/stat"):format(child.pid)):gsub("^.*%) ", "")
    t.eq(tonumber(stat:match("^%S+ %S+ (%S+)")), child.pid)
    kill(-child.pid, "kill")
    t.eq(child:wait().signal, "kill")
  end
)

-- A working directory and descriptors that a container must not get

test.case(
  "no program starts in a directory outside of its root, by a descriptor that was left open",
  { "root" },
  function(t)
    -- CVE-2024-21626: /proc/self/fd/N of a host's directory as the working directory.
    local dir <close> = temp_dir()
    for _, name in ipairs { "/proc", "/inner", "/dev" } do
      mkdir(dir.path .. name)
    end
    -- What stands for /dev/null, which `capture` opens as the command's input.
    touch(dir.path .. "/dev/null")
    t.inside({ "mnt", "pid" }, function()
      mount("proc", dir.path .. "/proc", { type = "proc" })
      local host = assert(io.open("/etc"), "a directory of the host's")
      local number
      for fd = 3, 63 do
        number = number or readlink("/proc/self/fd/" .. fd) == "/etc" and fd
      end
      chroot(dir.path)
      local way = "/proc/self/fd/" .. number
      -- The kernel itself would let it through.
      t.ok(stat(way .. "/passwd"), "the way out is there")
      for _, cwd in ipairs { way, way .. "/.", way .. "/.." } do
        local err = t.fails("EXDEV", exec, { "/true", cwd = cwd })
        t.match(err.call, "chdir", true)
        t.fails("EXDEV", capture, { "/true" }, { cwd = cwd })
        t.eq(readlink("/proc/self/cwd"), "/")
      end
      -- Inside of the root only the program is missing.
      t.fails("ENOENT", exec, { "/true", cwd = "/inner" })
      t.eq(readlink("/proc/self/cwd"), "/inner")
      host:close()
    end)
  end
)

-- The descriptors from 0 on that a program finds open. It asks for each, so none is its own.
local ASK = [[
  n=0
  while test $n -lt 64; do
    test -e /proc/self/fd/$n && echo $n
    n=$((n + 1))
  done
]]

test.case(
  "a program finds 0, 1 and 2 open where a filter does not know close_range",
  { "root" },
  function(t)
    for _, errno in ipairs { "ENOSYS", "EPERM" } do
      local child <close> = spawn({ stdout = "pipe" }, function()
        local held = { io.open("/etc/passwd"), io.open("/etc"), pipe() }
        seccomp { default = "allow", errno = { "close_range" }, errno_ret = errno }
        t.eq(#held, 3)
        exec { "sh", "-c", ASK }
      end)
      t.eq(child:output().stdout, "0\n1\n2\n", errno)
    end
  end
)

return test.run()
