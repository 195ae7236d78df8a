-- What a process carries: limits, scheduling, umask, personality, scores, signals, keyrings.

local test = require "test"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

-- Soft and hard limit as /proc has them.
local function limit(name, pid)
  local line = read(("/proc/%s/limits"):format(pid or "self")):match(name .. "%s+([^\n]+)")
  return { line:match("^(%S+)%s+(%S+)") }
end

-- A field of /proc/self/stat, counted as proc(5) does.
local function stat(number)
  local at = 2
  for word in read("/proc/self/stat"):gsub("^.*%) ", ""):gmatch("%S+") do
    at = at + 1
    if at == number then
      return tonumber(word)
    end
  end
end

test.case("a limit that cannot be is refused before any is set", function(t)
  t.fails('unknown option "nofiles"; did you mean "nofile"', rlimit, { nofiles = 3 })
  t.fails("above the hard limit", rlimit, { core = 0, nofile = { soft = 10, hard = 5 } })
  t.fails("expected a whole number", rlimit, { nofile = -1 })
  t.fails("ESRCH", rlimit, { nofile = 3 }, { pid = 0x7ffffff0 })
  t.ne(limit("Max core file size")[2], "0")
end)

test.case(
  "a hard limit cannot be raised again, and the other limits stay as they were",
  { "user" },
  function(t)
    rlimit { nofile = 64, nproc = { soft = 1000 } }
    local err = t.fails("EPERM", rlimit, { fsize = { soft = "1M" }, nofile = 128 })
    t.match(err.hint, "CAP_SYS_RESOURCE", true)
    t.eq(limit("Max open files"), { "64", "64" })
    t.eq(limit("Max file size")[1], "unlimited")
  end
)

test.case("a soft limit above the hard one is the kernel's EINVAL, with a hint", function(t)
  rlimit { nofile = 64 }
  t.match(t.fails("EINVAL", rlimit, { nofile = { soft = 65 } }).hint, "hard", true)
end)

test.case("limits are what /proc shows: number, pair, unit and max", function(t)
  rlimit {
    nofile = { soft = 50, hard = 100 },
    core = 0,
    stack = { soft = "4M" },
    cpu = { soft = "max" },
  }
  t.eq(limit("Max open files"), { "50", "100" })
  t.eq(limit("Max core file size"), { "0", "0" })
  t.eq(limit("Max stack size")[1], tostring(4 << 20))
  t.eq(limit("Max cpu time")[1], "unlimited")
  t.eq(rlimits().nofile, { soft = 50, hard = 100 })
  t.eq(rlimits().cpu.soft, "max")
end)

test.case(
  "every kind of limit can be set to what it is, and a child's limits from outside",
  function(t)
    local names = {}
    for kind, pair in pairs(rlimits()) do
      rlimit { [kind] = pair }
      names[#names + 1] = kind
    end
    t.eq(#names, 16)
    local child <close> = spawn(function()
      exec { "sleep", "100" }
    end)
    rlimit({ nofile = { soft = 33 } }, { pid = child.pid })
    t.eq(limit("Max open files", child.pid)[1], "33")
    t.eq(rlimits(child.pid).nofile.soft, 33)
  end
)

test.case("umask answers the mask before, and takes permission bits only", function(t)
  t.fails("nine permission bits", umask, "1022")
  umask("027")
  t.match(read("/proc/self/status"), "Umask:%s*0027")
  t.eq(umask("022"), "0027")
end)

test.case("a lower nice value needs a capability", { "user" }, function(t)
  nice(5)
  t.eq(stat(19), 5)
  t.match(t.fails("EACCES", nice, -5).hint, "CAP_SYS_NICE", true)
  t.fails("EPERM", scheduler, { policy = "fifo", priority = 5 })
  t.fails("EPERM", io_priority, { class = "rt" })
  t.eq(stat(19), 5)
end)

test.case("a scheduler's options must fit its policy", function(t)
  t.fails("needs it", scheduler, { policy = "fifo" })
  t.fails("is for fifo, rr", scheduler, { policy = "other", priority = 3 })
  t.fails("is for other, batch", scheduler, { policy = "rr", priority = 3, nice = 1 })
  t.fails("needs it", scheduler, { policy = "deadline", runtime = "1ms" })
  t.fails("is for deadline", scheduler, { policy = "idle", runtime = "1ms" })
  t.fails('did you mean "fifo"', scheduler, { policy = "fif", priority = 3 })
  t.fails('"policy"', scheduler, { priority = 3 })
end)

test.case("the policies are what the kernel reads back", function(t)
  scheduler { policy = "batch", nice = 7, flags = { "reset_on_fork" } }
  local now = scheduler_get()
  t.eq({ now.policy, now.nice, now.flags }, { "batch", 7, { "reset_on_fork" } })
  t.eq({ stat(41), stat(19) }, { 3, 7 })
  scheduler { policy = "idle" }
  t.eq(stat(41), 5)
end)

test.case("real-time policies carry their priority", { "root", "cap:sys_nice" }, function(t)
  local child <close> = fork(function()
    local fine, err = pcall(scheduler, { policy = "rr", priority = 7 })
    -- A cgroup v1 without real-time run time forbids it, whatever the capabilities.
    if not fine then
      t.eq(err.errno, "EPERM")
      return
    end
    t.eq({ stat(40), stat(41) }, { 7, 2 })
    scheduler { policy = "other" }
  end)
  t.eq(child:wait().code, 0)
end)

test.case("a deadline is read back in nanoseconds", { "root", "cap:sys_nice" }, function(t)
  local child <close> = fork(function()
    local fine, err = pcall(scheduler, { policy = "deadline", runtime = "1ms", period = "100ms" })
    if not fine then
      t.ok(err.errno == "EPERM" or err.errno == "EBUSY", tostring(err))
      return
    end
    local now = scheduler_get()
    t.eq({ now.runtime, now.deadline, now.period }, { 1000000, 100000000, 100000000 })
  end)
  t.eq(child:wait().code, 0)
end)

test.case("an I/O priority is read back; idle has no level", function(t)
  t.fails("has none", io_priority, { class = "idle", level = 3 })
  io_priority { class = "be", level = 6 }
  t.eq(scheduler_get().io, { class = "be", level = 6 })
  io_priority { class = "idle" }
  t.eq(scheduler_get().io.class, "idle")
end)

test.case("processors are a list or the kernel's text, and at least one must be there", function(t)
  t.fails("EINVAL", cpu_affinity, { 1000 })
  t.fails("the list is empty", cpu_affinity, {})
  t.fails("expected a list such as", cpu_affinity, "3-1")
  t.fails("expected a list such as", cpu_affinity, "all")
  local first = scheduler_get().cpus[1]
  cpu_affinity { first }
  t.match(read("/proc/self/status"), ("Cpus_allowed_list:%%s*%d\n"):format(first))
  cpu_affinity(("%d-%d"):format(first, first))
  t.eq(scheduler_get().cpus, { first })
end)

test.case(
  "memory nodes must fit the mode, and show in numa_maps",
  { "file:/proc/self/numa_maps" },
  function(t)
    t.fails("takes none", mem_policy, { mode = "local", nodes = { 0 } })
    t.fails("needs at least one", mem_policy, { mode = "bind" })
    t.fails("EINVAL", mem_policy, { mode = "bind", nodes = { 900 } })
    mem_policy { mode = "bind", nodes = "0", flags = { "static_nodes" } }
    t.match(read("/proc/self/numa_maps"), "bind=static:0", true)
    mem_policy { mode = "default" }
  end
)

test.case("linux32 is what uname says in the program", { "program:uname" }, function(t)
  local child <close> = spawn({ stdout = "pipe" }, function()
    personality("linux32", { addr_no_randomize = true })
    t.match(read("/proc/self/personality"), "00040008")
    exec { "uname", "-m" }
  end)
  t.ne(child:output().stdout, capture({ "uname", "-m" }).stdout)
end)

test.case("a score lower than what was set with the capability is refused", { "user" }, function(t)
  oom_score(300)
  t.eq(read("/proc/self/oom_score_adj"), "300\n")
  t.match(t.fails("EACCES", oom_score, -1000).hint, "CAP_SYS_RESOURCE", true)
  t.fails("from -1000 to 1000", oom_score, 1001)
  t.eq(read("/proc/self/oom_score_adj"), "300\n")
end)

test.case("a child that dies with its parent does not outlive it", function(t)
  local ready = pipe()
  local parent <close> = fork(function()
    local child = spawn({ stdout = ready.write }, function()
      die_with_parent()
      exec { "sh", "-c", "echo $$; exec sleep 100" }
    end)
    child:keep()
    child:wait()
  end)
  ready.write:close()
  local grandchild = process_open(tonumber((ready.read:read("1K"):gsub("\n", ""))))
  -- SIGKILL: nothing of the parent's own runs any more.
  parent:kill("kill")
  parent:wait()
  while grandchild:alive() do
    capture { "true" }
  end
  t.eq(ready.read:read(), "")
end)

test.case("what is not dumpable cannot be read by the same user", { "user" }, function(t)
  local gate, ready = pipe(), pipe()
  local child <close> = fork(function()
    gate.write:close()
    dumpable(false)
    ready.write:write("x")
    gate.read:read()
  end)
  ready.read:read(1)
  t.eq(io.open(("/proc/%d/environ"):format(child.pid)), nil)
  gate.write:close()
  t.eq(child:wait().code, 0)
end)

test.case("orphans of a subreaper become its children", function(t)
  local reaper <close> = fork(function()
    child_subreaper(true)
    local middle <close> = fork(function()
      local orphan = spawn(function()
        exec { "sleep", "100" }
      end)
      orphan:keep()
      return 0
    end)
    middle:wait()
    local children =
      read("/proc/self/task/" .. read("/proc/self/stat"):match("^%d+") .. "/children")
    local orphan <close> = process_open(tonumber(children:match("%d+")))
    orphan:kill("kill")
    return orphan:wait().code
  end)
  t.eq(reaper:wait().code, 137)
end)

test.case(
  "a session keyring is another one, by name and serial number",
  { "file:/proc/keys" },
  function(t)
    t.fails("does not start with a dot", session_keyring, ".hidden")
    local before = session_keyring()
    local serial = session_keyring("crun-lua-test")
    t.ne(serial, before)
    t.match(keyring_describe(), "^keyring;%d+;%d+;%x+;crun%-lua%-test$")
    t.match(read("/proc/keys"), ("%x"):format(serial))
    keyring_clear()
  end
)

return test.run()
