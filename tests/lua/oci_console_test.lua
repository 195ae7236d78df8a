-- Terminals of OCI containers: over a socket to an engine, and joined to the caller's own.

local oci = require "test.oci"
local test = require "test"

local NEEDS = { "root", "program:busybox" }

local function has(t, text, part)
  t.ok(tostring(text):find(part, 1, true), ("%q is not in %q"):format(part, tostring(text)))
end

local function with_terminal(args)
  local spec = oci.spec(args)
  spec.process.terminal = true
  return spec
end

-- Takes the master that a runtime sends.
local function take(t, listener)
  local connection <close> = listener:accept { timeout = "5s" }
  local got = connection:receive { timeout = "5s" }
  t.eq(#got.fds, 1)
  t.ok(is_tty(got.fds[1]))
  return got.fds[1]
end

local function read_until(fd, text)
  local said = ""
  while not said:find(text, 1, true) do
    local more = fd:read(4096, { timeout = "5s" })
    if not more then
      break
    end
    said = said .. more
  end
  return said
end

test.case("a terminal and a socket for it go together", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(with_terminal { "true" })
  local result = bench:call { "create", "--bundle", bench.path, "box" }
  t.eq(result.code, 1)
  has(t, result.stderr, "--console-socket")
  result = bench:call { "create", "--bundle", bench.path, "--console-socket", "/no/such", "box" }
  t.eq(result.code, 1)
  has(t, result.stderr, "console socket /no/such")
  bench:write(oci.spec { "true" })
  result = bench:call { "create", "--bundle", bench.path, "--console-socket", "/no/such", "box" }
  t.eq(result.code, 1)
  has(t, result.stderr, "process.terminal is not set")
  t.eq(bench:status "box", nil)
end)

test.case(
  "create sends the master over the socket, and the program has the other side",
  NEEDS,
  function(t)
    local bench <close> = oci.bench()
    local spec =
      with_terminal { "sh", "-c", "tty; stty size; ls -l /dev/console; id -u; read x; echo got $x" }
    spec.process.consoleSize = { height = 30, width = 90 }
    spec.process.user = { uid = 1000, gid = 5 }
    bench:write(spec)
    local path = bench.path .. "/console"
    local listener <close> = socket_listen(path)
    local code, said = bench:detached {
      "create",
      "--bundle",
      bench.path,
      "--console-socket",
      path,
      "box",
    }
    t.eq(code, 0, said)
    local master <close> = take(t, listener)
    t.eq(bench:call({ "start", "box" }).code, 0)
    said = read_until(master, "1000\r\n")
    has(t, said, "/dev/pts/0\r\n30 90\r\n")
    t.match(said, "crw[^\n]* 1000 +%d+ +136, +0 ")
    master:write "word\n"
    has(t, read_until(master, "got word"), "got word")
  end
)

test.case("exec sends a terminal over a socket", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "sleep", "100" })
  local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
  t.eq(code, 0, said)
  local path = bench.path .. "/console"
  local listener <close> = socket_listen(path)
  code, said = bench:detached {
    "exec",
    "-d",
    "-t",
    "--console-socket",
    path,
    "box",
    "sh",
    "-c",
    "tty; sleep 5",
  }
  t.eq(code, 0, said)
  local master <close> = take(t, listener)
  has(t, read_until(master, "\n"), "/dev/pts/0")
end)

test.case(
  "run and exec join the caller's terminal to the program's, and its size",
  NEEDS,
  function(t)
    local bench <close> = oci.bench()
    bench:write(with_terminal { "sh", "-c", "stty size; read x; echo got $x; exit 5" })
    local terminal <close> = pty { rows = 33, columns = 101 }
    local child <close> = spawn(function()
      terminal_attach(terminal)
      exec(bench:words { "run", "--bundle", bench.path, "box" })
    end)
    has(t, read_until(terminal.master, "33 101"), "33 101")
    terminal.master:write "word\r"
    has(t, read_until(terminal.master, "got word"), "got word")
    t.eq(child:wait().code, 5)
    t.eq(bench:status "box", nil)
  end
)

return test.run()
