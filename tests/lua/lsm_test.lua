-- Security modules: Landlock in effect, AppArmor and SELinux labels, what is active.

local test = require "test"

local LANDLOCK = { "lsm:landlock" }

local function temporary(name)
  return (os.getenv("TMPDIR") or "/tmp") .. "/" .. name
end

local function write(path)
  local file, reason = io.open(path, "w")
  if file then
    file:close()
  end
  return file and "written" or reason
end

-- Runs a program under rules; answers its status.
local function run(rules, ...)
  local command = { ... }
  local child <close> = spawn(function()
    no_new_privs()
    landlock(rules)
    exec(command)
  end)
  return child:wait().code
end

local PROGRAMS = { "/bin", "/usr", "/lib", "/lib64", "/etc" }

-- Only what this machine has: a path that is missing is an error.
local function programs()
  local found = {}
  for _, path in ipairs(PROGRAMS) do
    if io.open(path) then
      found[#found + 1] = path
    end
  end
  return found
end

test.case("rules that restrict nothing or are misspelt are refused", function(t)
  t.fails("nothing would be restricted", landlock, {})
  t.fails("give bind, connect or both", landlock, { net = {} })
  t.fails('did you mean "signal"?', landlock, { scope = { "signall" } })
  t.fails("from 0 to 65535", landlock, { net = { bind = { 65536 } } })
  t.fails('did you mean "ro"?', landlock, { r = { "/" } })
end)

test.case(
  "without no_new_privs Landlock is EPERM, and the hint says so",
  { "user", LANDLOCK[1] },
  function(t)
    t.match(t.fails("EPERM", landlock, { ro = { "/" } }).hint, "no_new_privs()", true)
    t.eq(write(temporary("free")), "written")
    os.remove(temporary("free"))
  end
)

test.case("a path that does not exist is named, and nothing is restricted", LANDLOCK, function(t)
  no_new_privs()
  local err = t.fails("ENOENT", landlock, { ro = { "/", "/no/such/path" } })
  t.match(err.hint, "/no/such/path", true)
  t.eq(write(temporary("free")), "written")
  os.remove(temporary("free"))
end)

test.case("what is only readable cannot be written, made, or executed", LANDLOCK, function(t)
  no_new_privs()
  local status = landlock { ro = { "/" } }
  t.ne(status.enforced, "not")
  t.eq(status.abi, landlock_abi())
  t.match(write(temporary("refused")), "Permission denied")
  t.fails("EACCES", mkdir, temporary("refused"))
  t.ok(t.read("/proc/self/status"))
  t.fails("EACCES", exec, { "/bin/true" })
end)

test.case("what is not named cannot be read", LANDLOCK, function(t)
  no_new_privs()
  landlock { ro = { "/proc" } }
  t.ok(t.read("/proc/self/status"))
  t.eq(t.read("/etc/passwd"), nil)
end)

test.case("what is writable can be made and removed, and only there", LANDLOCK, function(t)
  local dir = temporary("writable")
  mkdir(dir)
  t.inside({}, function()
    no_new_privs()
    landlock { ro = { "/" }, rw = { dir, "/dev/null" } }
    t.eq(write(dir .. "/file"), "written")
    t.ok(os.remove(dir .. "/file"))
    t.eq(write("/dev/null"), "written")
    t.match(write(temporary("beside")), "Permission denied")
  end)
  os.remove(dir)
end)

test.case("programs run where execution is granted", LANDLOCK, function(t)
  t.eq(
    run({ exec = programs(), ro = { "/proc" } }, "/bin/sh", "-c", "cat /etc/passwd | grep -q root"),
    0
  )
  t.ne(run({ exec = programs() }, "/bin/sh", "-c", "read line < /proc/self/status"), 0)
end)

test.case("restrictions add up, and a child has its parent's", LANDLOCK, function(t)
  no_new_privs()
  landlock { ro = { "/" } }
  landlock { ro = { "/proc" } }
  t.inside({}, function()
    t.eq(t.read("/etc/passwd"), nil)
    t.ok(t.read("/proc/self/status"))
  end)
end)

local BIND = [[
import socket, sys
try:
    socket.socket().bind(("127.0.0.1", int(sys.argv[1])))
except OSError as error:
    sys.exit(error.errno)
]]

test.case(
  "only the ports that are named can be bound",
  { "root", "kernel:6.7", "lsm:landlock", "program:python3" },
  function(t)
    local function bind(port)
      local child <close> = spawn({ unshare = { "net" } }, function()
        no_new_privs()
        t.eq(landlock({ net = { bind = { 80 } }, compat = "hard" }).enforced, "fully")
        exec { "/usr/bin/env", "python3", "-c", BIND, tostring(port) }
      end)
      return child:wait().code
    end
    t.eq(bind(80), 0)
    t.eq(bind(81), 13)
  end
)

test.case("signals end at the scope", { "kernel:6.12", "lsm:landlock" }, function(t)
  local child <close> = spawn(function()
    exec { "sleep", "60" }
  end)
  child:started()
  local code = run({ scope = { "signal" } }, "/bin/sh", "-c", "kill -0 " .. child.pid)
  t.ne(code, 0)
  t.eq(run({ scope = { "abstract_unix_socket" } }, "/bin/sh", "-c", "kill -0 " .. child.pid), 0)
end)

test.case("hard asks for all or nothing, best effort says what it got", LANDLOCK, function(t)
  no_new_privs()
  local abi = landlock_abi()
  if abi < 9 then
    local err = t.fails("EOPNOTSUPP", landlock, { ro = { "/" }, abi = 9, compat = "hard" })
    t.match(err.hint, "has version " .. abi, true)
    t.eq(write(temporary("free")), "written")
    os.remove(temporary("free"))
    t.eq(landlock({ ro = { "/" }, abi = 9 }).enforced, "partially")
  else
    t.eq(landlock({ ro = { "/" }, abi = 9, compat = "hard" }).enforced, "fully")
  end
  t.eq(landlock({ ro = { "/" }, abi = 1, compat = "hard" }).enforced, "fully")
end)

test.case("labels that cannot be are refused before any call", function(t)
  t.fails("one line", apparmor, "")
  t.fails("one line", apparmor, "a\nb")
  t.fails("one line", selinux, "")
end)

test.case("without the module a label is refused, and nothing is written", { "root" }, function(t)
  local active = {}
  for _, name in ipairs(lsm_status().active) do
    active[name] = true
  end
  if not active.apparmor then
    local ok, err = pcall(apparmor, "docker-default")
    t.ok(not ok and err.errno)
  end
  if not active.selinux then
    t.fails("not active", selinux, "system_u:system_r:container_t:s0")
  end
end)

test.case(
  "a label is not written where /proc is no procfs",
  { "root", "program:mount" },
  function(t)
    t.inside({ "mnt" }, function()
      local mount <close> = spawn(function()
        exec { "mount", "-t", "tmpfs", "none", "/proc" }
      end)
      t.eq(mount:wait().code, 0)
      t.match(t.fails("EXDEV", apparmor, "any").hint, "astray", true)
    end)
  end
)

test.case(
  "a label is not written where a mount covers its file",
  { "root", "program:mount" },
  function(t)
    t.inside({ "mnt" }, function()
      local pid = t.read("/proc/self/stat"):match("^%d+")
      local target = ("/proc/%s/task/%s/attr/exec"):format(pid, pid)
      local mount <close> = spawn(function()
        exec { "mount", "--bind", "/proc/sys/kernel/hostname", target }
      end)
      if mount:wait().code == 0 and not lsm_status().apparmor then
        t.fails("EXDEV", apparmor, "any")
      end
    end)
  end
)

test.case(
  "a profile that is not loaded is an error, also one named unconfined_x",
  { "root", "lsm:apparmor" },
  function(t)
    t.match(t.fails("ENOENT", apparmor, "crun-lua-no-such").hint, "apparmor_parser", true)
    t.fails("ENOENT", apparmor, "unconfined_x")
    apparmor("unconfined")
    t.eq(lsm_status().apparmor_exec, "unconfined")
  end
)

local PROFILE = [[
profile crun-lua-test flags=(attach_disconnected) {
  file,
  signal,
  deny /tmp/crun-lua-denied* w,
}
]]

test.case(
  "the program after exec runs under the profile",
  { "root", "lsm:apparmor", "program:apparmor_parser" },
  function(t)
    local path = temporary("profile")
    local file = io.open(path, "w")
    file:write(PROFILE)
    file:close()
    local function parser(option)
      local child <close> = spawn(function()
        exec { "apparmor_parser", option, path }
      end)
      return child:wait().code
    end
    t.eq(parser("-r"), 0)
    local child <close> = spawn(function()
      apparmor("crun-lua-test")
      t.eq(lsm_status().apparmor, "unconfined")
      t.match(lsm_status().apparmor_exec, "^crun%-lua%-test")
      exec { "/bin/sh", "-c", "cat /proc/self/attr/current; exec sleep 60" }
    end)
    child:started()
    t.match(lsm_status(child.pid).apparmor, "^crun%-lua%-test")
    local denied <close> = spawn(function()
      apparmor("crun-lua-test")
      exec { "/bin/sh", "-c", ": > /tmp/crun-lua-denied" }
    end)
    t.ne(denied:wait().code, 0)
    child:close()
    t.eq(parser("-R"), 0)
    os.remove(path)
  end
)

test.case("the labels of no process are ESRCH", function(t)
  t.fails("ESRCH", lsm_status, 2147483647)
end)

return test.run()
