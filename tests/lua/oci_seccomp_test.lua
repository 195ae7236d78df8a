--- `linux.seccomp`: what is compiled of a profile, and what the kernel then does.
local config = require "oci.config"
local seccomp = require "oci.seccomp"
local test = require "test"

test.need("sockets", function()
  local found, primitive = pcall(function()
    return sys.socket_listen
  end)
  if not found or not primitive then
    return "this program has no primitives for sockets"
  end
end)

--- A profile that allows all but what the rules say, checked as a configuration has it.
local function profile(fields, ...)
  local made = fields
  made.defaultAction = made.defaultAction or "SCMP_ACT_ALLOW"
  made.syscalls = { ... }
  local linux = { namespaces = {}, seccomp = made }
  config.check { ociVersion = "1.3.0", root = { path = "r" }, linux = linux }
  return made
end

local function rule(name, action, more)
  local made = more or {}
  made.names, made.action = { name }, action
  return made
end

local function decide(made, name, options)
  return seccomp.compile(made):decide(name, options)
end

test.case("what the compiler does not take is told with its place in config.json", function(t)
  local place = "config.json: .linux.seccomp."
  local made = profile({ architectures = { "SCMP_ARCH_X86_64" } }, rule("mkdir", "SCMP_ACT_KILL"))
  made.architectures = { "SCMP_ARCH_PDP11" }
  t.fails(place .. "architectures: no architecture is called", seccomp.compile, made)
  local flags = { flags = { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" } }
  t.fails(place .. "flags: wait_killable_recv is for profiles that notify", function()
    seccomp.compile(profile(flags, rule("mkdir", "SCMP_ACT_LOG")))
  end)
  t.fails(place .. "syscalls: SCMP_ACT_NOTIFY for sendmsg would stop", function()
    local listener = { listenerPath = "/run/agent" }
    seccomp.compile(profile(listener, rule("sendmsg", "SCMP_ACT_NOTIFY")))
  end)
end)

test.case("every action, with the number that it answers", function(t)
  local made = profile(
    { defaultAction = "SCMP_ACT_ERRNO", defaultErrnoRet = 38 },
    rule("mkdir", "SCMP_ACT_ERRNO", { errnoRet = 30 }),
    rule("rmdir", "SCMP_ACT_ERRNO"),
    rule("read", "SCMP_ACT_ALLOW"),
    rule("write", "SCMP_ACT_LOG"),
    rule("chmod", "SCMP_ACT_KILL"),
    rule("fchmod", "SCMP_ACT_KILL_THREAD"),
    rule("chown", "SCMP_ACT_KILL_PROCESS"),
    rule("link", "SCMP_ACT_TRAP"),
    rule("unlink", "SCMP_ACT_TRACE", { errnoRet = 40000 })
  )
  local wanted = {
    mkdir = { action = "errno", errno = "EROFS" },
    rmdir = { action = "errno", errno = "EPERM" },
    getpid = { action = "errno", errno = "ENOSYS" },
    read = { action = "allow" },
    write = { action = "log" },
    chmod = { action = "kill_thread" },
    fchmod = { action = "kill_thread" },
    chown = { action = "kill_process" },
    link = { action = "trap" },
    unlink = { action = "trace" },
  }
  for name, decision in pairs(wanted) do
    t.eq(decide(made, name), decision, name)
  end
end)

test.case("every comparison, up to 64 bits", function(t)
  local function answers(op, value, second, argument)
    local args = { { index = 0, op = "SCMP_CMP_" .. op, value = value, valueTwo = second } }
    local made = profile({}, rule("close", "SCMP_ACT_ERRNO", { args = args }))
    return decide(made, "close", { args = { argument } }).action == "errno"
  end
  local rows = {
    { "EQ", 5, nil, { [5] = true, [6] = false } },
    { "NE", 5, nil, { [5] = false, [6] = true } },
    { "LT", 5, nil, { [4] = true, [5] = false } },
    { "LE", 5, nil, { [5] = true, [6] = false } },
    { "GT", 5, nil, { [5] = false, [6] = true } },
    { "GE", 5, nil, { [5] = true, [4] = false } },
    { "MASKED_EQ", 6, 4, { [5] = true, [6] = false } },
    -- What a float has become of 2^64-1, and 2^63.
    { "EQ", 0x1p64, nil, { [-1] = true, [math.maxinteger] = false } },
    { "GE", 0x1p63, nil, { [math.mininteger] = true, [math.maxinteger] = false } },
    { "MASKED_EQ", 0x1p64, 0x1p63, { [math.mininteger] = true, [-1] = false } },
  }
  for _, row in ipairs(rows) do
    for argument, wanted in pairs(row[4]) do
      t.eq(answers(row[1], row[2], row[3], argument), wanted, row[1] .. " " .. argument)
    end
  end
end)

test.case("architectures and flags are those of the profile", function(t)
  local made = profile({
    architectures = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64" },
    flags = { "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW" },
  }, rule("mkdir", "SCMP_ACT_ERRNO"))
  local filter = seccomp.compile(made)
  t.eq(filter.architectures, { "x86_64", "x86", "aarch64" })
  t.eq(filter:decide("mkdir", { architecture = "x86" }).action, "errno")
  t.eq(filter.notifies, false)
end)

test.case("every architecture of the specification is taken beside the own", function(t)
  local own = seccomp.compile(profile({}, rule("mkdir", "SCMP_ACT_ERRNO"))).architectures[1]
  for _, name in ipairs(require("oci.schema.seccomp").architecture) do
    local list = { "SCMP_ARCH_" .. own:upper(), name }
    local made = profile({ architectures = list }, rule("mkdir", "SCMP_ACT_ERRNO"))
    t.eq(decide(made, "mkdir").action, "errno", name)
    t.eq(made.architectures[2], name)
  end
end)

test.case("the only architecture of a profile is never dropped", function(t)
  local made = profile({ architectures = { "SCMP_ARCH_SHEB" } }, rule("mkdir", "SCMP_ACT_ERRNO"))
  t.fails('no architecture is called "SCMP_ARCH_SHEB"', seccomp.compile, made)
end)

test.case("a call that nobody knows is passed over and told with debug", function(t)
  local log = require "oci.log"
  local dir <close> = temp_dir()
  log.open { log = dir.path .. "/log", debug = true }
  local made = profile({}, rule("mkdirr", "SCMP_ACT_ERRNO"), rule("mkdir", "SCMP_ACT_ERRNO"))
  t.eq(decide(made, "mkdir").action, "errno")
  t.match(read_file(dir.path .. "/log"), 'no system call is called \\\\?"mkdirr')
end)

test.case("a filter that is loaded holds in the kernel", function(t)
  local made = profile({}, rule("mkdir", "SCMP_ACT_ERRNO", { errnoRet = 30 }))
  local filter = seccomp.compile(made)
  local child <close> = spawn(function()
    seccomp.load(filter, true)
    t.eq(seccomp_status().mode, "filter")
    t.eq(seccomp_status().no_new_privs, true)
    t.fails("EROFS", mkdir, "/tmp/never-made")
  end)
  t.eq(child:wait().code, 0)
end)

test.case("with rights it is loaded without no_new_privs", { "root" }, function(t)
  local filter = seccomp.compile(profile({}, rule("mkdir", "SCMP_ACT_ERRNO")))
  local child <close> = spawn(function()
    seccomp.load(filter, nil)
    t.eq(seccomp_status().no_new_privs, false)
  end)
  t.eq(child:wait().code, 0)
end)

test.case("a profile that is compiled is kept, and read again", function(t)
  -- One that no run before has left in the cache.
  local new = { index = 0, op = "SCMP_CMP_EQ", value = math.random(1 << 50) }
  local made = profile({}, rule("mkdir", "SCMP_ACT_ERRNO", { args = { new } }))
  local dir = state_dir() .. "/seccomp-cache"
  local function files()
    return stat(dir) and #list_dir(dir) or 0
  end
  local before = files()
  local first = seccomp.compile(made)
  t.eq(files(), before + 1)
  t.eq(seccomp.compile(made).bytes, first.bytes)
  t.eq(files(), before + 1)
end)

test.case("the process state is what the specification wants", function(t)
  local made = profile(
    { listenerPath = "/run/agent", listenerMetadata = "note" },
    rule("mkdir", "SCMP_ACT_NOTIFY")
  )
  local state = { ociVersion = "1.3.0", id = "box", status = "creating", pid = 5, bundle = "/b" }
  t.eq(json_decode(seccomp.process_state(made, state, 5)), {
    ociVersion = "1.3.0",
    fds = { "seccompFd" },
    pid = 5,
    metadata = "note",
    state = state,
  })
end)

test.case("an agent that is not there is an error if calls are notified", { "sockets" }, function(t)
  local fields = { listenerPath = "/nowhere/agent" }
  local made = profile(fields, rule("mkdir", "SCMP_ACT_NOTIFY"))
  t.fails(".linux.seccomp.listenerPath", seccomp.connect, seccomp.compile(made), made)
  made = profile({ listenerPath = "/nowhere/agent" }, rule("mkdir", "SCMP_ACT_LOG"))
  t.eq(seccomp.connect(seccomp.compile(made), made), nil)
end)

test.case("the agent gets the listener and the process state", { "sockets" }, function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/agent"
  local agent <close> = socket_listen(path)
  local made = profile({ listenerPath = path }, rule("mkdir", "SCMP_ACT_NOTIFY"))
  local filter = seccomp.compile(made)
  local socket = seccomp.connect(filter, made)
  local child <close> = spawn(function()
    local text = seccomp.process_state(made, { ociVersion = "1.3.0", id = "box" }, 7)
    seccomp.hand_over(socket, seccomp.load(filter, true), text)
    -- Whoever held the listener has gone: the kernel answers.
    t.fails("ENOSYS", mkdir, dir.path .. "/x")
  end)
  local theirs = agent:accept()
  local got = theirs:receive()
  t.eq(#got.fds, 1)
  t.eq(json_decode(got.text).pid, 7)
  got.fds[1]:close()
  t.eq(child:wait().code, 0)
  t.eq(stat(dir.path .. "/x"), nil)
end)

return test.run()
