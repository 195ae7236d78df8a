-- System call filters: what is refused and how, what is compiled, what /proc shows.

local test = require "test"

local function status(t, name)
  return t.read("/proc/self/status"):match("\n" .. name .. ":%s*(%S+)")
end

-- Loads a filter in a child, which then runs the program. Answers how it ended.
local function run(spec, ...)
  local command = { ... }
  local child <close> = spawn(function()
    no_new_privs()
    seccomp(spec)
    exec(command)
  end)
  return child:wait()
end

local function make_directory(errno)
  return ([[
import os, sys
try:
    os.mkdir("/nonexistent/directory")
except OSError as error:
    sys.exit(0 if error.errno == %d else error.errno)
]]):format(errno)
end

test.case("a misspelt call or group is refused, and the right name is said", function(t)
  t.fails('did you mean "mkdir"?', seccomp, { default = "errno", allow = { "mkdirr" } })
  t.fails('did you mean "@default"?', seccomp, { default = "errno", allow = { "@defalt" } })
  t.fails('did you mean "EPERM"?', seccomp, { default = { errno = "EPERN" } })
  t.fails('did you mean "default"?', seccomp, { defualt = "errno" })
  t.fails('"default"', seccomp, {})
  t.eq(status(t, "Seccomp"), "0")
end)

test.case("what contradicts itself is refused before any call", function(t)
  local function fails(text, spec)
    spec.default = spec.default or "allow"
    t.fails(text, seccomp_compile, spec)
  end
  local function rule(fields)
    fields.names = { "socket" }
    fields.action = fields.action or "errno"
    return { rules = { fields } }
  end
  fails("is in errno already", { errno = { "mkdir" }, kill = { "mkdir" } })
  fails("errno_ret", { errno_ret = "ENOSYS" })
  fails("takes none", rule { action = "kill_process", errno = "EPERM" })
  fails("takes none", rule { trace = 1 })
  local twice = { { index = 0, op = "gt", value = 1 }, { index = 0, op = "lt", value = 9 } }
  fails("compared already", rule { args = twice })
  fails("masked_eq needs one", rule { args = { { index = 0, op = "masked_eq", value = 1 } } })
  fails("takes one", rule { args = { { index = 0, op = "eq", value = 1, mask = 1 } } })
  fails("never be equal", rule { args = { { index = 0, op = "masked_eq", value = 2, mask = 1 } } })
  fails("from 0 to 5", rule { args = { { index = 6, op = "eq", value = 1 } } })
  fails("profiles that notify", { flags = { "wait_killable_recv" } })
  fails('cannot say "otherwise"', {
    default = "errno",
    allow = { "@file-system" },
    rules = {
      {
        names = { "openat" },
        action = "kill_process",
        args = { { index = 2, op = "eq", value = 1 } },
      },
    },
  })
end)

test.case(
  "without rights a filter needs no_new_privs, and the hint says so",
  { "user" },
  function(t)
    local filter = { default = "allow", errno = { "mkdir" } }
    local err = t.fails("EACCES", seccomp, filter, { no_new_privs = false })
    t.match(err.hint, "no_new_privs", true)
    t.eq(status(t, "Seccomp"), "0")
  end
)

test.case("anybody can filter, and gives up new privileges by it", { "user" }, function(t)
  seccomp { default = "allow", errno = { "mkdir", "mkdirat" } }
  t.eq({ status(t, "Seccomp"), status(t, "Seccomp_filters") }, { "2", "1" })
  t.eq(status(t, "NoNewPrivs"), "1")
  t.fails("EPERM", mkdir, "/tmp/nonexistent")
end)

test.case("with CAP_SYS_ADMIN no_new_privs is not needed", { "root" }, function(t)
  seccomp({ default = "allow", errno = { "mkdir" } }, { no_new_privs = false })
  t.eq({ status(t, "Seccomp"), status(t, "NoNewPrivs") }, { "2", "0" })
end)

test.case("the course's profile of four calls makes exec fail with EPERM", function(t)
  local filter = seccomp_load_json [[{
    "defaultAction": "SCMP_ACT_ERRNO",
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [
      { "names": ["read", "write", "exit", "exit_group"], "action": "SCMP_ACT_ALLOW" }
    ]
  }]]
  t.eq(filter:decide("execve"), { action = "errno", errno = "EPERM" })
  t.eq(filter:decide("read"), { action = "allow" })
end)

test.case("without execve exec fails with the filter's error", function(t)
  local child <close> = spawn(function()
    no_new_privs()
    seccomp { default = "allow", errno = { "execve", "execveat" } }
    exec { "true" }
  end)
  t.match(t.fails("EPERM", child.wait, child).call, "execve", true)
end)

test.case("a call that kills ends the process with SIGSYS", { "program:busybox" }, function(t)
  local kill = { "mkdir", "mkdirat" }
  local killed = run({ default = "allow", kill = kill }, "busybox", "mkdir", "/x")
  t.eq({ killed.code, killed.signal }, { 128 + 31, "sys" })
  killed = run({ default = "allow", trap = kill }, "busybox", "mkdir", "/x")
  t.eq({ killed.code, killed.signal }, { 128 + 31, "sys" })
  killed = run({ default = "allow", kill_thread = kill }, "busybox", "mkdir", "/x")
  t.eq(killed.signal, "sys")
end)

test.case("each error of the profile reaches the program", { "program:python3" }, function(t)
  local both = { "mkdir", "mkdirat" }
  local function code(spec, errno)
    spec.default = "allow"
    return run(spec, "/usr/bin/env", "python3", "-c", make_directory(errno)).code
  end
  t.eq(code({ errno = both }, 1), 0)
  t.eq(code({ errno = both, errno_ret = "EROFS" }, 30), 0)
  t.eq(code({ rules = { { names = both, action = "errno", errno = 95 } } }, 95), 0)
  t.eq(code({ log = both }, 2), 0)
  t.eq(code({ trace = both }, 38), 0)
end)

test.case("the default profile runs a shell and refuses what administers", function(t)
  t.eq(run({ default = "errno", allow = { "@default" } }, "/bin/sh", "-c", "echo | cat").code, 0)
  local filter = seccomp_compile { default = "errno", allow = { "@default" } }
  for _, name in ipairs {
    "mount",
    "unshare",
    "setns",
    "bpf",
    "keyctl",
    "add_key",
    "init_module",
    "kexec_load",
    "reboot",
    "swapon",
    "io_uring_setup",
    "perf_event_open",
    "open_by_handle_at",
    "userfaultfd",
  } do
    t.eq(filter:decide(name), { action = "errno", errno = "EPERM" }, name)
  end
  t.eq(filter:decide("clone3"), { action = "errno", errno = "ENOSYS" })
end)

test.case("the default profile keeps namespaces out of clone", function(t)
  local filter = seccomp_compile { default = "errno", allow = { "@default" } }
  t.eq(filter:decide("clone", { args = { 0x1200011 } }).action, "allow")
  for _, flag in ipairs {
    0x20000,
    0x2000000,
    0x4000000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
  } do
    t.eq(filter:decide("clone", { args = { flag | 17 } }).action, "errno", ("%x"):format(flag))
  end
end)

test.case(
  "CVE-2026-31431: AF_ALG and AF_VSOCK are refused, also behind high bits and socketcall",
  function(t)
    local filter = seccomp_compile {
      default = "errno",
      allow = { "@default" },
      architectures = { "x86_64", "x86", "x32" },
    }
    for family = 0, 45 do
      local wanted = (family == 38 or family == 40) and "errno" or "allow"
      for _, architecture in ipairs(filter.architectures) do
        local found = filter:decide("socket", { args = { family }, architecture = architecture })
        t.eq(found.action, wanted, family)
      end
      local high = filter:decide("socket", { args = { family | 1 << 32 } })
      t.eq(high.action, "errno")
    end
    for call = 1, 20 do
      local found = filter:decide("socketcall", { args = { call }, architecture = "x86" })
      t.eq(found, { action = "errno", errno = "ENOSYS" })
    end
  end
)

test.case("a condition on an argument holds in the kernel", { "program:python3" }, function(t)
  local spec = {
    default = "allow",
    rules = {
      {
        names = { "socket" },
        action = "errno",
        errno = "EAFNOSUPPORT",
        args = { { index = 0, op = "eq", value = 16 } },
      },
    },
  }
  local code = [[
import socket
socket.socket(socket.AF_UNIX)
try:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
except OSError as error:
    assert error.errno == 97
else:
    assert False
]]
  t.eq(run(spec, "/usr/bin/env", "python3", "-c", code).code, 0)
end)

test.case("a name wins over groups, and between groups the strictest wins", function(t)
  local filter = seccomp_compile {
    default = "errno",
    allow = { "@system-service", "keyctl" },
    kill = { "@keyring" },
  }
  t.eq(filter:decide("keyctl").action, "allow")
  t.eq(filter:decide("add_key").action, "kill_process")
  t.eq(filter:decide("read").action, "allow")
end)

test.case("calls of an architecture that the profile does not name are killed", function(t)
  local filter = seccomp_compile { default = "allow" }
  for _, architecture in ipairs { "x86_64", "x86", "aarch64" } do
    local native = filter.architectures[1]
    local wanted = architecture == native and "allow" or "kill_process"
    t.eq(filter:decide("read", { architecture = architecture }).action, wanted)
  end
end)

test.case("a compiled filter is loaded in a child, and filters add up", function(t)
  local filter = seccomp_compile { default = "allow", errno = { "mkdir", "mkdirat" } }
  t.inside({}, function()
    no_new_privs()
    seccomp(filter)
    seccomp { default = "allow", kill = { "reboot" }, flags = { "log", "spec_allow" } }
    t.eq(status(t, "Seccomp_filters"), "2")
    t.eq(seccomp_status(), { mode = "filter", filters = 2, no_new_privs = true })
    t.fails("EPERM", mkdir, "/tmp/nonexistent")
  end)
  t.eq(seccomp_status().filters, 0)
end)

test.case("tsync is accepted by this process of one thread", function(t)
  no_new_privs()
  seccomp { default = "allow", errno = { "mkdir" }, flags = { "tsync" } }
  t.eq(status(t, "Seccomp_filters"), "1")
end)

local NOTIFY = { default = "allow", notify = { "sethostname" }, flags = { "tsync" } }

-- Tries to set the host's name in a program, and leaves the result in its status.
local SET = [[
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
sys.exit(ctypes.get_errno() if libc.sethostname(b"x", 1) else 0)
]]

test.case(
  "a notified call waits for the listener, and answers ENOSYS when it closes",
  { "root", "kernel:5.7", "program:python3" },
  function(t)
    no_new_privs()
    local listener = seccomp(NOTIFY)
    t.ok(listener.fd > 2)
    t.match(tostring(listener), "seccomp listener", true)
    local child <close> = spawn({ unshare = { "uts" } }, function()
      exec { "/usr/bin/env", "python3", "-c", SET }
    end)
    child:started()
    t.eq(child:wait { timeout = "700ms" }, nil)
    listener:close()
    t.eq(child:wait().code, 38)
  end
)

test.case("there is one listener a process, and the hint says so", { "kernel:5.7" }, function(t)
  no_new_privs()
  local listener <close> = seccomp(NOTIFY)
  t.match(t.fails("EBUSY", seccomp, NOTIFY).hint, "there can be one", true)
  t.ok(listener.fd)
end)

test.case("profiles in JSON: errors name the place, warnings what was passed over", function(t)
  t.fails("no JSON", seccomp_load_json, "{")
  t.fails("defaultAction", seccomp_load_json, { syscalls = {} })
  t.fails("errnoRet", seccomp_load_json, {
    defaultAction = "SCMP_ACT_ALLOW",
    syscalls = { { names = { "mkdir" }, action = "SCMP_ACT_KILL", errnoRet = 1 } },
  })
  local filter = seccomp_load_json {
    defaultAction = "SCMP_ACT_ERRNO",
    defaultErrnoRet = 38,
    syscalls = { { names = { "read", "no_such_call" }, action = "SCMP_ACT_ALLOW" } },
  }
  t.match(filter.warnings[1], "no_such_call", true)
  t.eq(filter:decide("write"), { action = "errno", errno = "ENOSYS" })
end)

test.case("Docker's conditions follow the capabilities that are given", function(t)
  local profile = {
    defaultAction = "SCMP_ACT_ERRNO",
    syscalls = {
      { names = { "read" }, action = "SCMP_ACT_ALLOW" },
      {
        names = { "mount" },
        action = "SCMP_ACT_ALLOW",
        includes = { caps = { "CAP_SYS_ADMIN" } },
      },
      { names = { "ptrace" }, action = "SCMP_ACT_ALLOW", includes = { minKernel = "4.8" } },
    },
  }
  local function action(name, options)
    return seccomp_load_json(profile, options):decide(name).action
  end
  t.eq(action("mount"), "errno")
  t.eq(action("mount", { caps = { "sys_admin" } }), "allow")
  t.eq(action("ptrace", { kernel = "4.7" }), "errno")
  t.eq(action("ptrace", { kernel = "6.1.0-56" }), "allow")
end)

-- The files in the cache of this run.
local function cached()
  local files = {}
  local dir = os.getenv("CRUN_LUA_STATE") .. "/seccomp-cache"
  local child <close> = spawn(function()
    exec { "/bin/sh", "-c", 'stat -c "%a %u %n" "$1"/* > "$1.list"', "sh", dir }
  end)
  child:wait()
  for line in io.lines(dir .. ".list") do
    files[#files + 1] = line
  end
  os.remove(dir .. ".list")
  return files
end

test.case("a compiled filter is kept with mode 0600 and used again", function(t)
  local spec = { default = "allow", errno = { "mkdir" } }
  local first = seccomp_compile(spec).bytes
  local files = cached()
  t.eq(#files, 1)
  t.match(files[1], "^600 ")
  t.eq(seccomp_compile(spec).bytes, first)
  t.eq(#cached(), 1)
end)

test.case("a cached filter that others could have written is not used", { "root" }, function(t)
  local spec = { default = "allow", errno = { "mkdir" } }
  local first = seccomp_compile(spec).bytes
  local path = cached()[1]:match("%S+ %S+ (.*)")
  local function spoil(mode)
    local file <close> = io.open(path, "r+b")
    file:seek("end", -8)
    file:write(("\0"):rep(8))
    file:close()
    local child <close> = spawn(function()
      exec { "chmod", mode, path }
    end)
    child:wait()
  end
  spoil("0600")
  t.ne(seccomp_compile(spec).bytes, first)
  spoil("0620")
  t.eq(seccomp_compile(spec).bytes, first)
end)

test.case("the status of no process is ESRCH", function(t)
  t.fails("ESRCH", seccomp_status, 2147483647)
end)

test.case("groups are listed, and a name without @ is no group", function(t)
  t.fails("starts with @", seccomp_groups, "read")
  t.eq(seccomp_groups("@module"), { "delete_module", "finit_module", "init_module" })
end)

test.case("a call that is tried says whether the filter or the kernel refuses it", function(t)
  t.fails('did you mean "chdir"', syscall_try, "cdir")
  t.eq(syscall_try("chdir").errno, "EFAULT")
  t.eq(syscall_try("close").errno, "EBADF")
  t.ok(syscall_try("getppid").value > 0)
  for _, name in ipairs { "exit_group", "fork", "kill", "pause", "rt_sigreturn", "vhangup" } do
    t.ok(syscall_try(name).skipped, name)
  end
  t.inside({}, function()
    seccomp { default = "allow", errno = { "chdir" }, errno_ret = "EXDEV" }
    t.eq(syscall_try("chdir").errno, "EXDEV")
    t.eq(syscall_try("close").errno, "EBADF")
  end)
end)

test.case("a child that cannot say what its filter refuses has said it ahead", function(t)
  local function ends(allow, command)
    local child <close> = spawn(function()
      seccomp { default = "errno", allow = allow }
      exec(command or { "true" })
    end)
    return t.fails("", child.wait, child)
  end
  local err = ends { "execve", "exit_group" }
  t.match(err.message, "refuses close_range, which exec needs; and sendmsg and write", true)
  t.match(err.hint, 'allow "close_range", "write" as well', true)
  -- Where it still can, it says it itself.
  for _, way in ipairs { "sendmsg", "write" } do
    err = ends { "execve", "exit_group", way }
    t.match(err.message, "close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) = -1 EPERM", true)
    t.match(err.hint, 'Allow "close_range"', true)
  end
  t.match(ends({ "exit_group", "close_range", "write" }).hint, "refuses execve(2)", true)
  -- A program that ends with the same status has been started.
  local child <close> = spawn(function()
    seccomp { default = "errno", allow = { "@default" } }
    exec { "sh", "-c", "exit 127" }
  end)
  t.eq(child:wait().code, 127)
end)

return test.run()
