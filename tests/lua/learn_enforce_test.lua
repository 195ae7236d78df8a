-- Enforcing: the same run passes; a changed program is refused, by the kernel, and the refused
-- call is named.

local command = require "commands.learn"
local learn = require "learn"
local oci = require "test.oci"
local test = require "test"

-- What a case lets happen happens in here, and goes with it: each case is a process of its own.
local place = temp_dir()
local DIR = place.path

local quiet = { stdout = "null", stderr = "null" }
local python = { "program:python3" }

-- A shim of a version manager makes thousands of calls before Python begins.
local PYTHON = stat "/usr/bin/python3" and "/usr/bin/python3" or "python3"

local case = test.case

local function words(code)
  return { PYTHON, "-S", "-E", "-c", code }
end

local function record(code, given)
  return (learn.record(words(code), given or { spawn = quiet }))
end

local function enforce(profile, code, given)
  return learn.enforce(profile, words(code), given or { spawn = quiet })
end

-- What both the recorded program and the changed one are made of: the change is what follows.
local BASE = [[
import os, socket, sys
def attempt(f):
    try: f()
    except OSError as error: sys.exit(error.errno)
socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
]]

--- The base passes under its own profile; with the change it ends with this error's number, and the
--- call is named.
local function refused(t, change, errno, call, why)
  local profile = record(BASE)
  local same = enforce(profile, BASE)
  t.eq(same.code, 0)
  t.eq(same.refused, {})
  local result = enforce(profile, BASE .. change)
  t.eq(result.code, errno)
  for _, one in ipairs(result.refused) do
    if one.call == call and one.why == why then
      return one
    end
  end
  error(("%s: %s is not among %s"):format(call, why, json_encode(result.refused)))
end

local EPERM, EACCES = 1, 13

case("a call that was not learnt is refused, and named with its arguments", python, function(t)
  local path = DIR .. "/new"
  local one = refused(
    t,
    ("attempt(lambda: os.mkdir(%q))"):format(path),
    EPERM,
    "mkdir",
    "mkdir is not in calls"
  )
  t.eq(one.text, ('mkdir("%s", "0777")'):format(path))
  t.eq(stat(path), nil, "it was not made")
end)

case("a learnt call with other arguments is refused", python, function(t)
  local one = refused(
    t,
    "attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))",
    EPERM,
    "socket",
    "not with these arguments"
  )
  t.match(one.text, '^socket%("inet", "dgram"')
end)

case("a file that was not read is refused, by its name", python, function(t)
  write_file(DIR .. "/secret", "x")
  refused(
    t,
    ("attempt(lambda: open(%q))"):format(DIR .. "/secret"),
    EACCES,
    "openat",
    DIR .. "/secret is not in files.ro"
  )
end)

case("a file that was read is not written", python, function(t)
  write_file(DIR .. "/given", "x")
  local reads = ("open(%q).read()"):format(DIR .. "/given")
  local profile = record(reads)
  t.eq(enforce(profile, reads).code, 0)
  local result = enforce(profile, ("open(%q, 'r+').write('y')"):format(DIR .. "/given"))
  t.ne(result.code, 0)
  t.eq(read_file(DIR .. "/given"), "x")
end)

case(
  "another way to the same file is refused as well: a link, a path with dots",
  python,
  function(t)
    write_file(DIR .. "/secret", "x")
    symlink("secret", DIR .. "/link")
    for _, path in ipairs { DIR .. "/link", DIR .. "/../" .. DIR:match "[^/]+$" .. "/secret" } do
      refused(
        t,
        ("attempt(lambda: open(%q))"):format(path),
        EACCES,
        "openat",
        DIR .. "/secret is not in files.ro"
      )
    end
  end
)

case("a race for the path ends at Landlock, which the answer does not depend on", {
  "lsm:landlock",
  "program:python3",
}, function(t)
  write_file(DIR .. "/given", "given")
  write_file(DIR .. "/secret", "secret")
  -- A link that leads to one and the other by turns, changed while the call is looked at.
  local body = [[
import os, sys, threading
D = %q
stop = False
def turn():
    n = 0
    while not stop:
        try:
            os.symlink(D + ("/given" if n %% 2 else "/secret"), D + "/w/next")
            os.rename(D + "/w/next", D + "/w/link")
        except OSError: pass
        n += 1
t = threading.Thread(target=turn); t.start()
for _ in range(%d):
    try:
        if open(D + "/w/link").read() == "secret": sys.stdout.write("GOT IT"); os._exit(99)
    except OSError: pass
stop = True; t.join()
]]
  mkdir(DIR .. "/w")
  symlink(DIR .. "/given", DIR .. "/w/link")
  local profile = record(body:format(DIR, 20))
  -- The record has seen both: the secret is taken out by hand.
  local kept = {}
  for _, path in ipairs(profile.files.ro) do
    kept[#kept + 1] = path ~= DIR .. "/secret" and path or nil
  end
  profile.files.ro = kept
  t.eq(enforce(profile, body:format(DIR, 300)).code, 0)
end)

case("a port that was not learnt is refused", { "program:python3" }, function(t)
  local function connects(port)
    return BASE .. ("socket.socket().connect_ex(('127.0.0.1', %d))"):format(port)
  end
  local profile = record(connects(9))
  t.eq(enforce(profile, connects(9)).refused, {})
  local result = enforce(profile, connects(10))
  t.eq(#result.refused, 1)
  t.eq(result.refused[1].why, "the port 10 is not in ports.connect")
  t.match(result.refused[1].text, "127.0.0.1:10", true)
end)

case("another program is refused before it runs", function(t)
  local profile = learn.record({ "true" }, { spawn = quiet })
  local result = learn.enforce(profile, { "mkdir", DIR .. "/made" }, { spawn = quiet })
  t.eq(result.code, 126)
  t.eq(result.refused[1].call, "execve")
  t.match(result.refused[1].why, "is not in files.exec", true)
  t.ok(not result.refused[1].text:find("PATH=", 1, true), "the environment is not told")
  t.eq(stat(DIR .. "/made"), nil)
end)

case("a capability that was not used is gone", { "root", "program:python3" }, function(t)
  local profile = record "open('/proc/self/status').read()"
  t.eq(profile.caps, {})
  local result = enforce(
    profile,
    [[
text = open('/proc/self/status').read()
assert "CapBnd:\t0000000000000000" in text and "CapEff:\t0000000000000000" in text
assert "NoNewPrivs:\t1" in text
]]
  )
  t.eq(result.code, 0)
  t.eq(result.refused, {})
end)

case("a directory that was not listed is refused, by its name", python, function(t)
  local result = enforce(record "pass", ("import os; os.listdir(%q)"):format(DIR))
  local named = false
  for _, one in ipairs(result.refused) do
    named = named or one.why == DIR .. " is not in files.list"
  end
  t.ok(named, json_encode(result.refused))
end)

case("an ordinary user enforces as root does", { "user", "program:python3" }, function(t)
  local profile = record(BASE)
  t.eq(enforce(profile, BASE).refused, {})
  t.eq(enforce(profile, BASE .. "attempt(lambda: os.mkdir('/tmp/x'))").code, EPERM)
end)

--- Runs the command; the status and what it said on both streams.
local function say(...)
  local list, path = { ... }, DIR .. "/said"
  local child <close> = spawn({ stdout = path, stderr = path }, function()
    return command(list)
  end)
  local code = child:wait().code
  return code, read_file(path)
end

case("the command names what was refused, and answers 126 where the program did not", {
  "program:sh",
}, function(t)
  local file = DIR .. "/profile.lua"
  t.eq(say("-o", file, "--", "sh", "-c", "echo hello"), 0)
  local code, said = say("--enforce", file, "--", "sh", "-c", "echo hello")
  t.eq(code, 0)
  t.eq(said, "hello\n")
  -- The shell goes on after what it may not do.
  code, said = say("--profile", file, "--", "sh", "-c", "echo hello >/etc/hosts; echo hello")
  t.ok(code ~= 0)
  t.match(said, "refused: openat", true)
  t.match(said, "/etc/hosts is not in files.rw", true)
  code, said = say("--enforce", file, "--", "sh", "-c", "umask 077; echo hello")
  t.eq(code, 126)
  t.match(said, "refused: umask", true)
end)

case("wrong words are status 2, what cannot be done is 1", function(t)
  for _, list in ipairs {
    {},
    { "--output" },
    { "--otput", "x", "--", "true" },
    { "--merge" },
    { "--merge", "a.lua", "--", "true" },
    { "--enforce", "a.lua", "-o", "b.lua", "--", "true" },
  } do
    t.eq(say(table.unpack(list)), 2, table.concat(list, " "))
  end
  t.eq(say("--enforce", "/no/such/profile.lua", "--", "true"), 1)
  t.eq(say("--merge", "/no/such/profile.lua", "-o", DIR .. "/x.lua"), 1)
  t.eq(stat(DIR .. "/x.lua"), nil)
end)

case("merging by the command lets either run pass", { "program:sh" }, function(t)
  t.eq(say("-o", DIR .. "/a.lua", "--", "sh", "-c", "echo"), 0)
  t.eq(say("-o", DIR .. "/b.lua", "--", "sh", "-c", "umask 077"), 0)
  t.eq(say("--enforce", DIR .. "/a.lua", "--", "sh", "-c", "umask 077"), 126)
  t.eq(say("--merge", DIR .. "/a.lua", DIR .. "/b.lua", "-o", DIR .. "/c.lua"), 0)
  t.eq(say("--enforce", DIR .. "/c.lua", "--", "sh", "-c", "umask 077"), 0)
  t.eq(say("--enforce", DIR .. "/c.lua", "--", "sh", "-c", "echo"), 0)
end)

case("--explain shows the answer to the refused call", { "program:sh" }, function(t)
  local file = DIR .. "/profile.lua"
  t.eq(say("-o", file, "--", "sh", "-c", "echo"), 0)
  local line = { os.getenv "CRUN_LUA_TEST_PROGRAM" or "/proc/self/exe" }
  local stdlib = os.getenv "CRUN_LUA_TEST_STDLIB"
  table.move(stdlib and { "--stdlib", stdlib } or {}, 1, 2, 2, line)
  for _, word in ipairs { "--explain", "learn", "--enforce", file, "--", "sh", "-c", "umask 7" } do
    line[#line + 1] = word
  end
  local result = capture(line, { timeout = "60s" })
  t.eq(result.code, 126)
  t.match(result.stderr, "{error=-EPERM}", true)
  t.match(result.stderr, "/%*%s+umask%s+%*/")
end)

case("a container by a learnt profile does what was learnt, and no more", {
  "root",
}, function(t)
  local container = require "container"
  local file = DIR .. "/profile.lua"
  local how = { rootfs = "host", spawn = { stdout = "null" } }
  learn.save((learn.record({ "cat", "/etc/os-release" }, how)), file)
  local function code(...)
    local box <close> = container.new { name = "learn-box", rootfs = "host", profile = file }
    return box:run({ ... }, { stdout = "null", stderr = "null" }).code
  end
  t.eq(code("cat", "/etc/os-release"), 0)
  t.eq(code("cat", "/etc/passwd"), 1)
end)

case("the filter as OCI's holds a container of this runtime and of runc", {
  "root",
  "program:busybox",
}, function(t)
  local bench <close> = oci.bench()
  local profile = learn.record({ bench.rootfs .. "/bin/ls", "/" }, { spawn = quiet })
  for _, args in ipairs { { "ls", "/" }, { "mkdir", "/tmp/x" } } do
    local spec = oci.spec(args)
    spec.ociVersion = "1.0.2"
    spec.linux.seccomp = learn.oci(profile)
    bench:write(spec)
    local result = bench:call { "run", "--bundle", bench.path, "learnt-" .. args[1] }
    t.eq(result.code, args[1] == "ls" and 0 or 1, result.stderr)
    if try(program_files, { "runc" }) then
      local line = { "runc", "--root", bench.path .. "/runc", "run", "--bundle", bench.path }
      line[#line + 1] = "learnt-runc-" .. bench.group:lower()
      result = capture(line, { timeout = "60s" })
      t.eq(result.code, args[1] == "ls" and 0 or 1, result.stderr)
    end
  end
end)

return test.run()
