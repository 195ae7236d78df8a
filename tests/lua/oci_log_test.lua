-- What the OCI runtime tells its caller: one line an error, and the log in runc's forms.

local failure = require "oci.failure"
local log = require "oci.log"
local main = require "oci.main"
local test = require "test"

local PROGRAM = os.getenv("CRUN_LUA_TEST_PROGRAM") or "/proc/self/exe"
local TIME = "%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ"

-- Runs a command line whose command is `body`, in a child.
local function run(words, body)
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe" }, function()
    return main(words, function()
      return body
    end)
  end)
  return child:output()
end

local function failing()
  error({ op = "state", message = 'container "box" does not exist' }, 0)
end

test.case("a log that cannot be opened is told on standard error, and is status 1", {}, function(t)
  local result = run({ "--log", "/nowhere/log", "state", "box" }, failing)
  t.eq(result.code, 1)
  t.match(result.stderr, '^crun%-lua: open%("/nowhere/log", [^\n]*: no such file or directory\n$')
  if not stat "/dev/log" then
    result = run({ "--log", "syslog:box", "state", "box" }, failing)
    t.match(
      result.stderr,
      "^crun%-lua: %-%-log: syslog does not listen at /dev/log: [^\n]*%(name a file%)\n$"
    )
  end
end)

test.case(
  "journald and syslog get each line, in their own forms",
  { "root", "program:python3" },
  function(t)
    t.inside({ "mnt" }, function()
      mount("tmpfs", "/run", { type = "tmpfs" })
      mkdir("/run/systemd/journal", { parents = true })
      local script = [[
import os, socket, sys
for path in sys.argv[1:]:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(path)
    globals()[path] = server
os.write(1, b"ready\n")
for path in sys.argv[1:]:
    sys.stdout.buffer.write(globals()[path].recv(4096) + b"\0")
]]
      local paths = { "/run/systemd/journal/socket", "/run/log" }
      local server <close> = spawn({ stdout = "pipe" }, function()
        exec { "python3", "-c", script, table.unpack(paths) }
      end)
      t.eq(server.stdout:read(6), "ready\n")
      local function two_lines()
        error({ op = "state", message = "one\ntwo" }, 0)
      end
      local result = run({ "--log", "journald:box", "state", "box" }, two_lines)
      t.eq(result.code, 1)
      mount("tmpfs", "/dev", { type = "tmpfs" })
      symlink("/run/log", "/dev/log")
      result = run({ "--log", "syslog:box", "state", "box" }, failing)
      t.eq(result.code, 1)
      t.match(result.stderr, 'container "box" does not exist', true)
      local said = server:output().stdout
      local journal, sys_log = said:match "^(MESSAGE.*ID=box\n)%z(<.*)%z$"
      t.ok(journal:find("PRIORITY=3\nSYSLOG_IDENTIFIER=crun-lua\nID=box\n", 1, true), journal)
      t.match(sys_log, '^<27>%a%a%a [ %d]%d %d%d:%d%d:%d%d box: container "box" does not exist$')
    end)
  end
)

test.case("without a log an error is one line on standard error", {}, function(t)
  local result = run({ "state", "box" }, failing)
  t.eq({ result.code, result.stderr }, { 1, 'crun-lua: container "box" does not exist\n' })
  result = run({ "exec", "box", "sh" }, failing)
  t.eq({ result.code, result.stderr }, { 255, 'crun-lua: container "box" does not exist\n' })
end)

test.case("without a log JSON goes to standard error, and nothing else", {}, function(t)
  local result = run({ "--log-format", "json", "state", "box" }, failing)
  local line = json_decode(result.stderr)
  t.eq({ line.level, line.msg }, { "error", 'container "box" does not exist' })
  t.match(line.time, "^" .. TIME .. "$")
end)

test.case(
  "an error is one line in the log, in runc's two forms, and one on standard error",
  {},
  function(t)
    local dir <close> = temp_dir()
    local path = dir.path .. "/log"
    for _, format in ipairs { "text", "json" } do
      write_file(path, "earlier\n")
      local result = run({ "--log", path, "--log-format=" .. format, "state", "box" }, failing)
      t.eq({ result.code, result.stderr }, { 1, 'crun-lua: container "box" does not exist\n' })
      local found = read_file(path):gsub(TIME, "TIME")
      local text = 'time="TIME" level=error msg="container \\"box\\" does not exist"\n'
      local json = '{"level":"error","msg":"container \\"box\\" does not exist","time":"TIME"}\n'
      t.eq(found, "earlier\n" .. (format == "text" and text or json))
    end
  end
)

test.case("a wrong option is told in the log that was named before it", {}, function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/log"
  t.eq(run({ "--log", "file:" .. path, "--log-format", "json", "--bogus" }, failing).code, 1)
  t.eq(json_decode(read_file(path)).msg, "--bogus is no option")
  t.eq(run({ "--log", path, "--log-format", "xml", "state" }, failing).code, 1)
  t.match(read_file(path), 'level=error msg="invalid value \\"xml\\" for', true)
end)

test.case("warnings go to the log, or to standard error where there is none", {}, function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/log"
  local function body()
    log.warn("no room")
    log.debug("a detail")
  end
  local result = run({ "state", "box" }, body)
  t.eq({ result.code, result.stderr }, { 0, "crun-lua: warning: no room\n" })
  result = run({ "--log", path, "state", "box" }, body)
  t.eq({ result.code, result.stderr }, { 0, "" })
  t.eq((read_file(path):gsub(TIME, "TIME")), 'time="TIME" level=warning msg="no room"\n')
end)

test.case("debug lines are written with --debug", {}, function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/log"
  local function body()
    log.debug("a detail")
  end
  local result = run({ "--debug", "--log", path, "--root", "/r", "state", "box" }, body)
  t.eq({ result.code, result.stderr }, { 0, "" })
  local lines = (read_file(path):gsub('time="' .. TIME .. '" ', ""))
  local words = ("crun-lua --debug --log %s --root /r state box"):format(path)
  local line = ('level=debug msg="%s, state in /r"\n'):format(words)
  t.eq(lines, line .. 'level=debug msg="a detail"\n')
end)

test.case("a child in another root writes to the same log", { "root" }, function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/log"
  local result = run({ "--log", path, "state", "box" }, function()
    local child <close> = spawn({ unshare = { "mnt" } }, function()
      chroot("/proc")
      log.warn("from inside")
    end)
    return child:wait().code
  end)
  t.eq({ result.code, result.stderr }, { 0, "" })
  t.match(read_file(path), 'level=warning msg="from inside"', true)
end)

test.case("the log is closed in the program that a container runs", {}, function(t)
  local dir <close> = temp_dir()
  local result = run({ "--log", dir.path .. "/log", "state", "box" }, function()
    local child <close> = spawn({ stdout = "inherit" }, function()
      exec { "ls", "/proc/self/fd" }
    end)
    return child:wait().code
  end)
  t.eq({ result.code, result.stdout }, { 0, "0\n1\n2\n3\n" })
end)

test.case("a log that is full does not hide the error", { "file:/dev/full" }, function(t)
  local result = run({ "--log", "/dev/full", "state", "box" }, failing)
  t.eq({ result.code, result.stderr }, { 1, 'crun-lua: container "box" does not exist\n' })
end)

test.case("bytes that are no UTF-8, quotes and line ends stay one valid line", {}, function(t)
  local odd = 'a\xff"b\\\n\1\xc3'
  local line = log.line("json", "error", odd, 0)
  t.eq(json_decode(line).msg, 'a?"b\\\n\1?')
  t.eq(select(2, line:gsub("\n", "")), 1)
  local text = log.line("text", "error", odd, 0)
  t.eq(text, 'time="1970-01-01T00:00:00Z" level=error msg="a\xff\\"b\\\\\\n\\x01\xc3"\n')
  t.match(log.line("text", "error", "word", 0), "msg=word\n", true)
end)

test.case("an error of the kernel's is one line in the words that engines look for", {}, function(t)
  local _, err = try(mkdir, "/nowhere/box", {})
  t.match(failure.line(err), 'mkdir("/nowhere/box", 0755): no such file or directory (', true)
  t.eq(select(2, failure.line(err):gsub("\n", "")), 0)
  local cause =
    { op = "exec", message = 'execve("/x") = -1 EACCES (Permission denied)', hint = "try" }
  local outer = { op = "start", message = "cannot start", cause = cause }
  t.eq(failure.line(outer), 'cannot start: execve("/x"): permission denied (try)')
  t.eq(failure.line { message = "a\n  b", cause = { message = "a\n  b" } }, "a; b")
  t.eq(failure.line "text", "text")
  t.eq(failure.line { message = "x = -1 EREMOTEIO (RPC is bad)" }, "x: RPC is bad")
end)

test.case("a defect in a module is told with its place", {}, function(t)
  local result = run({ "state", "box" }, function()
    return ({}).nothing.field
  end)
  t.eq(result.code, 1)
  t.match(result.stderr, "^crun%-lua: tests/lua/oci_log_test.lua:%d+: attempt to index a nil value")
end)

test.case("a command that is missing from the stdlib says so in one line", {}, function(t)
  local result = capture { PROGRAM, "--stdlib", "/nowhere", "state", "box" }
  t.eq({ result.code, result.stderr }, { 2, "crun-lua: --stdlib /nowhere: no such directory\n" })
end)

return test.run()
