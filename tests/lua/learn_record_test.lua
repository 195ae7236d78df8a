-- Recording: what a run does is in its profile, and what it did not do is not; profiles as files,
-- merged, and read back from hostile hands.

local learn = require "learn"
local file_of = require "learn.file"
local grants = require "learn.grants"
local profiles = require "learn.profile"
local test = require "test"

-- What a case lets happen happens in here, and goes with it: each case is a process of its own.
local place = temp_dir()
local DIR = place.path

local python = { "program:python3" }

-- A shim of a version manager makes thousands of calls before Python begins.
local PYTHON = stat "/usr/bin/python3" and "/usr/bin/python3" or "python3"

local case = test.case

--- Records a piece of Python.
local function record(code, given)
  given = given or {}
  given.spawn = given.spawn or { stdout = "null", stderr = "null" }
  return learn.record({ PYTHON, "-S", "-E", "-c", code }, given)
end

local function has(list, wanted)
  for _, item in ipairs(list or {}) do
    if item == wanted then
      return true
    end
  end
  return false
end

local function file(text)
  local path = DIR .. "/profile.lua"
  write_file(path, text)
  return path
end

case("a file that is no profile is refused, and says why", function(t)
  t.fails("no such file", learn.load, "/no/such/profile.lua")
  t.fails("this is no learnt profile", learn.load, file "return { 5 }")
  t.fails("did you mean 'calls'?", learn.load, file "return { format = 1, cals = {} }")
  t.fails(
    "expected whole paths",
    learn.load,
    file "return { format = 1, files = { ro = { 'etc' } } }"
  )
  t.fails(
    "are no conditions",
    learn.load,
    file "return { format = 1, arguments = { socket = { '0=0x2' } } }"
  )
  t.fails("profile.lua", learn.load, file "return {")
end)

case("a profile's file can call nothing, and cannot go on for ever", function(t)
  t.fails("a nil value", learn.load, file "return { summary = tostring(5) }")
  t.fails("a nil value", learn.load, file "return os.getenv 'HOME'")
  t.fails("it does not end", learn.load, file "while true do end")
end)

case("a command that does not exist is that error, and no profile", function(t)
  t.eq(t.fails("ENOENT", learn.record, { "/no/such/command" }).errno, "ENOENT")
end)

case("what was written reads back as it was", function(t)
  local made = learn.record({ "true" }, { spawn = { stdout = "null" } })
  learn.save(made, DIR .. "/true.lua")
  t.eq(json_encode(learn.load(DIR .. "/true.lua")), json_encode(made))
end)

case("a path with quotes and line ends reads back as it was", function(t)
  local made = profiles.empty { "x" }
  made.files.ro = { '/a\n"b"\\c' }
  file_of.save(made, DIR .. "/odd.lua")
  t.eq(learn.load(DIR .. "/odd.lua").files.ro, made.files.ro)
end)

case("files are told apart by what is done with them", python, function(t)
  write_file(DIR .. "/read", "x")
  write_file(DIR .. "/written", "x")
  mkdir(DIR .. "/listed")
  mkdir(DIR .. "/made")
  local made, result = record(([[
import os
D = %q
open(D + "/read").read()
os.close(os.open(D + "/written", os.O_WRONLY))
os.listdir(D + "/listed")
os.mkdir(D + "/made/new")
try: open(D + "/missing")
except OSError: pass
os.stat(D + "/looked-at") if os.path.exists(D + "/looked-at") else 0
]]):format(DIR))
  t.eq(result.code, 0)
  t.ok(has(made.files.ro, DIR .. "/read"), "read")
  t.ok(has(made.files.rw, DIR .. "/written"), "written")
  t.ok(has(made.files.list, DIR .. "/listed"), "listed")
  t.ok(has(made.files.rw, DIR .. "/made"), "made")
  for _, list in pairs(made.files) do
    t.ok(not has(list, DIR .. "/missing"), "what is not there is not granted")
    t.ok(not has(list, DIR), "the directory above is not granted")
  end
  t.ok(has(made.calls, "openat") and not has(made.calls, "rmdir"))
end)

case("links are followed to the file, and to interpreters that nobody has opened", {
  "program:sh",
}, function(t)
  write_file(DIR .. "/script", "#!/bin/sh\nexit 7\n")
  chmod(DIR .. "/script", "0755")
  symlink("script", DIR .. "/link")
  local made, result = learn.record { DIR .. "/link" }
  t.eq(result.code, 7)
  t.ok(has(made.files.exec, DIR .. "/script"))
  t.ok(not has(made.files.exec, DIR .. "/link"))
  -- The shell, and its loader, which the kernel opens by itself.
  t.ok(#made.files.exec >= 3, table.concat(made.files.exec, " "))
end)

case("the arguments that matter are in the profile, the others are not", python, function(t)
  local made = record [[
import socket, fcntl
socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
]]
  t.eq(made.arguments.socket, { "0=0x2,1=0x1&0xf,2=0x0" })
  t.ok(not has(made.calls, "socket"), "not whatever its arguments are")
  local filter = seccomp_compile(grants.filter(made))
  t.eq(filter:decide("socket", { args = { 2, 0x80001, 0 } }).action, "allow")
  t.eq(filter:decide("socket", { args = { 10, 1, 0 } }).errno, "EPERM")
  t.eq(filter:decide("socket", { args = { 2, 3, 0 } }).errno, "EPERM")
  t.eq(filter:decide("mount").errno, "EPERM")
  t.eq(filter:decide("clone3").errno, "ENOSYS")
  t.eq(filter:decide("io_uring_setup").errno, "ENOSYS")
end)

case("sendmsg is seen like any other call", python, function(t)
  local made, result = record [[
import socket
a, b = socket.socketpair()
a.sendmsg([b"x"])
assert b.recv(1) == b"x"
]]
  t.eq(result.code, 0)
  t.ok(has(made.calls, "sendmsg"))
end)

case("ports are told apart by bind and connect", python, function(t)
  local made, result = record [[
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 0))
socket.socket().connect_ex(("127.0.0.1", 9))
]]
  t.eq(result.code, 0)
  t.eq(made.ports.bind, { 0 })
  t.eq(made.ports.connect, { 9 })
end)

case("what children do counts, and so does what a signal handler does", python, function(t)
  local made, result = record [[
import os, signal
signal.signal(signal.SIGUSR1, lambda *a: os.access("/", 0))
os.kill(os.getpid(), signal.SIGUSR1)
if os.fork() == 0:
    os.mkfifo("/nowhere/at/all") if False else os._exit(3)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 3
]]
  t.eq(result.code, 0)
  t.ok(has(made.calls, "kill") and has(made.calls, "rt_sigreturn"))
  -- It has signalled itself only.
  t.ok(has(made.scope, "signal"))
  t.eq(made.arguments.clone, { "0=0x0&0x7e020000" })
end)

case("capabilities are inferred from what was done with which files", {
  "root",
  "program:python3",
}, function(t)
  write_file(DIR .. "/mine", "x")
  write_file(DIR .. "/closed", "x")
  -- Whoever reads the second is neither its owner nor in its group.
  chown(DIR .. "/closed", { uid = 65534, gid = 65534 })
  chmod(DIR .. "/closed", "0600")
  local made, result = record(([[
import os
os.chown(%q, 1, 1)
open(%q).read()
os.setgid(0)
]]):format(DIR .. "/mine", DIR .. "/closed"))
  t.eq(result.code, 0)
  t.eq(made.caps, { "chown", "dac_read_search" })
  t.eq(made.caps_by, "inference")
  t.eq(record("pass").caps, {})
end)

case("bisection keeps what the command fails without, and drops the rest", {
  "root",
  "program:python3",
}, function(t)
  local made, result = record(
    [[
import os
os.chroot("/")
os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
]],
    { bisect = true }
  )
  t.eq(made.caps, { "sys_chroot" })
  t.eq(made.caps_by, "bisection")
  t.ok(result.runs > 1)
end)

case("an ordinary user records as root does, and holds no capability", {
  "user",
  "program:python3",
}, function(t)
  write_file(DIR .. "/read", "x")
  local made, result = record(("open(%q).read()"):format(DIR .. "/read"))
  t.eq(result.code, 0)
  t.ok(has(made.files.ro, DIR .. "/read"))
  t.eq(made.caps, {})
  t.eq(made.caps_by, "none")
end)

case("merged profiles grant what any of them does, and no more", python, function(t)
  mkdir(DIR .. "/a")
  write_file(DIR .. "/a/b", "x")
  local first = record(("open(%q).read()"):format(DIR .. "/a/b"))
  local second = record(
    ("import os, socket; os.mkdir(%q); socket.socket(socket.AF_UNIX)"):format(DIR .. "/a/new")
  )
  local both = learn.merge { first, second }
  t.eq(both.runs, 2)
  t.eq(#both.commands, 2)
  t.ok(has(both.files.rw, DIR .. "/a"))
  t.ok(not has(both.files.ro, DIR .. "/a/b"), "the directory grants it already")
  t.eq(both.arguments.socket, { "0=0x1,1=0x1&0xf,2=0x0" })
  for _, name in ipairs(both.calls) do
    t.ok(has(first.calls, name) or has(second.calls, name), name)
  end
  t.eq(json_encode(learn.merge { second, first }), json_encode(both), "in any order")
end)

case("a container with a root of its own is recorded by its own paths", {
  "root",
}, function(t)
  local made, result = learn.record({ "sh", "-c", "cat /proc/self/status" }, {
    rootfs = "host",
    spawn = { stdout = "null" },
  })
  t.eq(result.code, 0)
  t.ok(has(made.files.ro, "/proc"), "numbers of processes are others in each run")
  t.ok(#made.files.exec >= 2 and made.files.exec[1]:sub(1, 1) == "/")
end)

return test.run()
