--- Containers whose calls functions answer: what is refused before anything is made, what a
--- function that fails, hangs or is killed lets through (nothing), who is asked in which process,
--- and what is left when the container or its owner has ended.
local container = require "container"
local state = require "container.state"
local supervise = require "supervise"
local test = require "test"

local place = temp_dir()
local DIR = place.path
-- The program's user may be another one.
chmod(DIR, "0711")

local NEEDS = { "userns", "program:python3" }
local ROOT = { "root", "program:python3" }

local function quiet() end

-- Python that makes directories on a tmpfs and prints what each says: 0 or the error's number.
local function make(...)
  local lines = {
    "import os",
    "def make(path):",
    "  try: os.mkdir(path)",
    "  except OSError as error: return error.errno",
    "  return 0",
  }
  for _, path in ipairs { ... } do
    lines[#lines + 1] = ("print(make(%q), os.path.isdir(%q))"):format(path, path)
  end
  return { "python3", "-S", "-c", table.concat(lines, "\n") }
end

local function boxed(notify, given)
  given = given or {}
  given.rootfs = given.rootfs or "host"
  given.tmpfs = given.tmpfs or { ["/tmp"] = true }
  given.seccomp = notify.notify and notify or { notify = notify }
  return container.new(given)
end

local function said(box, command)
  return box:run(command, { capture = true }).stdout
end

-- What is refused, and nothing was made.

test.case("functions that could never answer are refused on the line that wrote them", function(t)
  local function refused(reason, seccomp)
    local err = t.fails(reason, container.new, { name = "never", seccomp = seccomp })
    t.eq(state.get "never", nil)
    return err
  end
  refused('did you mean "mkdirat"?', { notify = { mkdiratt = quiet } })
  refused("before anybody could answer", { notify = { ["*"] = quiet } })
  refused("hands over the filter's listener", { notify = { sendmsg = quiet } })
  refused("expected function", { notify = { mkdir = "EPERM" } })
  refused("names no call", { notify = {} })
  local err = refused("mkdir: names, and no functions that answer", { notify = { "mkdir" } })
  t.match(err.hint, "notify = { mkdir = function", true)
  refused("did you mean 'errno'?", { filter = { erno = { "mkdir" } } })
end)

test.case(
  "a call that an imported profile refuses is none that a function is asked about",
  function(t)
    local json = [[{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
    { "names": ["execve", "read"], "action": "SCMP_ACT_ALLOW" } ] }]]
    local box = container.new {
      rootfs = "host",
      name = "imported",
      profile = { "default", seccomp = { json = json } },
      seccomp = { notify = { mkdir = quiet } },
    }
    t.fails("the imported profile refuses mkdir", box.run, box, { "true" })
    t.eq(state.get "imported", nil)
  end
)

test.case("a plan of one makes nothing, and comes to its end", function(t)
  write_file(
    DIR .. "/plan.lua",
    [[
local container = require "container"
for _, detach in ipairs { false, true } do
  local seccomp = { notify = { mkdir = function() error "asked" end } }
  container.new({ name = "planned", detach = detach, seccomp = seccomp }):start { "true" }
end
]]
  )
  local ran = capture({ "/proc/self/exe", "--dry-run", DIR .. "/plan.lua" }, { timeout = "60s" })
  t.ok(not ran.timed_out)
  t.match(ran.stdout, "seccomp filters)", true)
  t.eq(state.get "planned", nil)
end)

-- What fails lets nothing through.

test.case(
  "a function that raises, answers nothing or loops lets nothing through",
  NEEDS,
  function(t)
    local box <close> = boxed {
      mkdir = function(req)
        local name = req.args.pathname:match "[^/]+$"
        if name == "raises" then
          error "broken"
        elseif name == "loops" then
          while true do
            pcall(error)
          end
        elseif name == "fine" then
          req:allow()
        end
      end,
    }
    local words = said(box, make("/tmp/raises", "/tmp/silent", "/tmp/loops", "/tmp/fine"))
    t.eq(words, "1 False\n1 False\n1 False\n0 True\n")
  end
)

test.case(
  "a function that waits for ever stops its caller, and not the container's end",
  NEEDS,
  function(t)
    local box <close> = boxed({
      mkdir = function()
        write_file(DIR .. "/waits", "")
        poll({}, { timeout = "1h" })
      end,
    }, { volumes = { { source = DIR, target = "/mnt", readonly = false } } })
    local command = make "/tmp/a"
    command[4] = command[4] .. "\nopen('/mnt/went-on', 'w')"
    box:start(command)
    t.eventually("the function is asked", function()
      return stat(DIR .. "/waits")
    end)
    local pid = box:status().pid
    t.eq(box:stop({ timeout = "0s" }).signal, "kill")
    t.eq(proc_stat(pid), nil)
    t.eq(stat(DIR .. "/went-on"), nil)
  end
)

test.case(
  "without the process that answers each such call fails, and so does exec",
  NEEDS,
  function(t)
    local box <close> = boxed {
      mkdir = function()
        kill(tonumber(readlink "/proc/self"), "kill")
      end,
    }
    local code = make("/tmp/a", "/tmp/b")
    code[4] = code[4] .. "\nimport time\nprint(flush=True)\ntime.sleep(1000)"
    local p = pipe()
    box:start(code, { stdout = p.write })
    p.write:close()
    local words = ""
    repeat
      words = words .. p.read:read(4096)
    until words:find "\n\n"
    t.eq(words, "38 False\n38 False\n\n")
    local err = t.fails("nobody answers the calls", box.exec, box, { "true" })
    t.match(err.hint, "was killed", true)
    t.eq(box:stop({ timeout = "0s" }).signal, "kill")
  end
)

-- Who is asked, in which process, about what.

test.case(
  "the program and what is run beside it are answered by the same functions",
  NEEDS,
  function(t)
    local count, own = 0, tonumber(readlink "/proc/self")
    local box <close> = boxed {
      mkdir = function(req)
        count = count + 1
        write_file(DIR .. "/who", tostring(proc_stat(tonumber(readlink "/proc/self")).ppid))
        -- The caller's own numbers are others: it is seen from the owner's namespace.
        assert(proc_stat(req.pid) and req.args.mode == "0777")
        req:value(count > 3 and 0 or count)
      end,
    }
    box:start { "sleep", "1000" }
    local function inside()
      return box:exec(make("/tmp/a", "/tmp/b"), { capture = true }).stdout
    end
    -- A positive value is no error: mkdir(2) of the C library passes it on as success.
    t.eq(inside(), "0 False\n0 False\n")
    t.eq(tonumber(read_file(DIR .. "/who")), own)
    local other <close> = fork(function()
      local found = container.get(box.name)
      return found:exec(make "/tmp/c", { capture = true }).stdout == "0 False\n" and 7 or 1
    end)
    t.eq(other:wait().code, 7)
    -- They run in a copy.
    t.eq(count, 0)
    box:stop { timeout = "0s" }
    t.eq(stat(state.dir(box.name) .. "/answers"), nil)
  end
)

for name, given in pairs {
  ["with a first process of its own"] = { init = true },
  ["in a user namespace, without any right"] = { userns = true, profile = "strict" },
  ["whose profile lets programs gain rights"] = {
    profile = { "minimal", no_new_privs = false, requires = { "-no_new_privs" } },
    userns = true,
  },
} do
  test.case("a container " .. name .. " is answered by its arguments", NEEDS, function(t)
    local box <close> = boxed({
      mkdir = function(req)
        if req.args.pathname == "/tmp/yes" then
          req:allow()
        else
          req:errno "EDQUOT"
        end
      end,
    }, given)
    t.eq(said(box, make("/tmp/yes", "/tmp/no")), "0 True\n122 False\n")
    box:start { "sleep", "1000" }
    t.eq(box:exec(make "/tmp/no", { capture = true }).stdout, "122 False\n")
    box:stop { timeout = "0s" }
  end)
end

test.case("what the profile refuses stays refused, with its conditions", NEEDS, function(t)
  local box <close> = boxed {
    socket = function(req)
      req:allow()
    end,
  }
  -- AF_ALG, AF_INET
  local words = said(box, {
    "python3",
    "-S",
    "-c",
    [[
import socket
for family in (38, 2):
    kind = socket.SOCK_SEQPACKET if family == 38 else socket.SOCK_STREAM
    try: socket.socket(family, kind).close()
    except OSError as error: print(error.errno)
    else: print(0)
]],
  })
  -- The profile's own error or that of the call's absence: never a socket.
  t.eq(words:match "^(%d+)\n0\n$" ~= "0", true, words)
  t.match(words, "\n0\n", true)
end)

test.case("a call that the profile refuses as a whole is the function's alone", NEEDS, function(t)
  local command = {
    "python3",
    "-S",
    "-c",
    "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\n"
      .. "print(c.mount(b'x', b'/tmp', b'tmpfs', 0, None), ctypes.get_errno())",
  }
  local plain <close> = container.new { rootfs = "host", profile = "strict" }
  t.eq(said(plain, command), "-1 1\n")
  local box <close> = boxed({
    mount = function(req)
      req:errno(req.args.filesystemtype == "tmpfs" and "EXDEV" or "EIO")
    end,
  }, { profile = "strict", tmpfs = {} })
  t.eq(said(box, command), "-1 18\n")
end)

-- Detached: the monitor's process answers, for as long as the container runs.

test.case("a detached container is answered after its script has ended", NEEDS, function(t)
  local log = DIR .. "/calls"
  local script <close> = fork(function()
    local file = assert(io.open(log, "w"))
    local box = boxed({
      mkdir = function(req)
        if req.args.pathname == "/tmp/bad" then
          error "broken"
        end
        file:write(req.args.pathname, " ", proc_stat(tonumber(readlink "/proc/self")).ppid, "\n")
        file:flush()
        req:errno "EROFS"
      end,
    }, { name = "answered", detach = true })
    box:start { "sleep", "1000" }
  end)
  t.eq(script:wait().code, 0)
  local box = container.get "answered"
  t.eq(box:exec(make("/tmp/a", "/tmp/bad"), { capture = true }).stdout, "30 False\n1 False\n")
  t.eq(read_file(log), ("/tmp/a %d\n"):format(box:status().owner.pid))
  -- Whoever looks for the reason finds it in the container's log.
  local row = t.eventually("the failure is written down", function()
    return box:logs({ stream = "stderr" })[1]
  end)
  t.match(row.text, "broken", true)
  -- What is written of it are names.
  t.eq(state.config("answered").profile.seccomp.notify, { "mkdir" })
  box:stop { timeout = "0s" }
  local err = t.fails("names, and no functions that answer", box.start, box)
  t.match(err.hint, "cannot be written down", true)
  t.eq(container.get("answered"):status().status, "stopped")
  box:delete()
end)

test.case("a container that starts again is answered again", NEEDS, function(t)
  local box = boxed({
    mkdir = function(req)
      write_file(DIR .. "/asked", (read_file(DIR .. "/asked") or "") .. "x")
      req:errno "EROFS"
    end,
  }, {
    name = "again",
    detach = true,
    restart = { policy = "on-failure", retries = 2, delay = "1ms" },
  })
  local command = make "/tmp/a"
  command[4] = command[4] .. "\nos._exit(3)"
  box:start(command)
  t.eq(box:wait({ timeout = "60s" }).code, 3)
  t.eq(read_file(DIR .. "/asked"), "xxx")
  box:delete()
end)

test.case(
  "an owner that is killed takes the functions and the container with it",
  NEEDS,
  function(t)
    local owner = fork(function()
      local box = boxed({
        mkdir = function()
          write_file(DIR .. "/answers", readlink "/proc/self")
          poll({}, { timeout = "1h" })
        end,
      }, { name = "orphan" })
      box:run(make "/tmp/a")
    end)
    local answers = t.eventually("the function is asked", function()
      return tonumber(read_file(DIR .. "/answers"))
    end)
    local pid = state.get("orphan").pid
    owner:kill "kill"
    owner:wait()
    t.eventually("all of it ends", function()
      return not proc_stat(answers) and not proc_stat(pid)
    end)
    require("container.recover").all()
    t.eq(state.get "orphan", nil)
  end
)

-- Profiles without a container, and the ready-made functions in one.

test.case("a process that takes a profile by itself is answered as well", NEEDS, function(t)
  local hardening = require "hardening"
  local prepared = hardening.prepare(
    hardening.resolve {
      "default",
      landlock = { exec = { "/" }, rw = { "/dev" } },
      seccomp = {
        notify = {
          mkdir = function(req)
            req:errno(req.args.pathname == "/x/y" and "EDQUOT" or "EIO")
          end,
        },
      },
    },
    { userns = true }
  )
  local child <close> = spawn({ unshare = { "user", "mnt" } }, function()
    hardening.confine(prepared)
    exec {
      "python3",
      "-S",
      "-c",
      "import os\ntry: os.mkdir('/x/y')\nexcept OSError as e: os._exit(e.errno)",
    }
  end)
  t.eq(child:wait({ timeout = "60s" }).code, 122)
end)

test.case(
  "a container without a network reaches what is allowed, and nothing else",
  ROOT,
  function(t)
    local server <close> = spawn({ stdout = "pipe" }, function()
      exec {
        "python3",
        "-S",
        "-c",
        [[
import socket
with socket.create_server(("127.0.0.1", 0)) as s:
    print(s.getsockname()[1], flush=True)
    s.accept()[0].send(b"hello")
    s.accept()
]],
      }
    end)
    local port = tonumber(server.stdout:read(5):match "%d+")
    local box <close> = boxed(supervise.egress { allow = { "127.0.0.1:" .. port } })
    t.eq(
      said(box, {
        "python3",
        "-S",
        "-c",
        ([[
import socket
with socket.create_connection(("127.0.0.1", %d)) as s: print(s.recv(9))
s = socket.socket()
print(s.connect_ex(("127.0.0.1", 1)))
try: s.sendto(b"x", 0x20000000, ("127.0.0.1", %d))
except OSError as error: print(error.errno)
]]):format(port, port),
      }),
      "b'hello'\n13\n95\n"
    )
    local other <close> = boxed { notify = supervise.egress { allow = { "10.0.0.1:1" } } }
    local code = "import socket\nprint(socket.socket().connect_ex(('127.0.0.1', %d)))"
    t.eq(said(other, { "python3", "-S", "-c", code:format(port) }), "13\n")
  end
)

test.case(
  "a log of calls is written for a detached container, and its faults are counted as one",
  NEEDS,
  function(t)
    local log = DIR .. "/audit"
    local box = boxed(
      supervise.all(
        supervise.audit { calls = { "rmdir" }, to = log },
        supervise.faults { mkdir = { every = 2, errno = "ENOSPC" } }
      ),
      { name = "audited", detach = true }
    )
    box:start { "sleep", "1000" }
    local code = make "/tmp/a"
    code[4] = code[4] .. "\ntry: os.rmdir('/tmp/a')\nexcept OSError as e: print(e.errno)"
    local words = ""
    for _ = 1, 2 do
      words = words .. box:exec(code, { capture = true }).stdout
    end
    t.eq(words, "0 True\n28 False\n2\n")
    local lines = {}
    for line in io.lines(log) do
      lines[#lines + 1] = json_decode(line)
    end
    t.eq(#lines, 2)
    t.eq(lines[1].args.pathname, "/tmp/a")
    box:delete { force = true }
  end
)

test.case("another kernel's name is told, and the container's own host name", NEEDS, function(t)
  local box <close> =
    boxed(supervise.uname { release = "3.10.0" }, { hostname = "named-otherwise" })
  local code = "import os\nu = os.uname()\nprint(u.release, u.nodename)"
  t.eq(said(box, { "python3", "-S", "-c", code }), "3.10.0 named-otherwise\n")
end)

test.case("a container without the right mounts what is harmless", NEEDS, function(t)
  local code = [[
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def mount(source, target, kind, flags=0):
    return 0 if libc.mount(source, target, kind, flags, None) == 0 else ctypes.get_errno()
os.mkdir("/tmp/in"); os.mkdir("/tmp/in/a")
print(mount(b"x", b"/tmp/in/a", b"tmpfs"), mount(b"x", b"/etc", b"tmpfs"))
rows = [line.split() for line in open("/proc/self/mountinfo")]
print([row[5].split(",")[1:3] for row in rows if row[4] == "/tmp/in/a"])
]]
  local box <close> =
    boxed(supervise.mounts { below = { "/tmp/in" } }, { userns = true, profile = "strict" })
  local result = box:run({ "python3", "-S", "-c", code }, { capture = true })
  t.eq(result.stdout, "0 1\n[['nosuid', 'nodev']]\n", result.stderr)
end)

return test.run()
