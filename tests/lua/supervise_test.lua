-- System calls that functions answer: what is refused before a command starts, what a failing
-- function lets through (nothing), what a program sees, and what is left when the script is killed.

local desk = require "supervise.desk"
local supervise = require "supervise"
local test = require "test"

-- What a case lets happen happens in here, and goes with it: each case is a process of its own.
local place = temp_dir()
local DIR = place.path

local needs = { "program:python3" }

-- Runs a piece of Python; its exit status.
local function python(given, code)
  return supervise.run(given, { "python3", "-S", "-c", "import os, sys\n" .. code })
end

-- Python that makes a directory and exits with the error's number.
local function make(path)
  return ([[
try:
    os.mkdir(%q)
except OSError as error:
    sys.exit(error.errno)
]]):format(path)
end

local function quiet() end

test.case("a misspelt call, option or answer is refused on the line that wrote it", function(t)
  local function run(given)
    return pcall(supervise.start, given, { "true" })
  end
  t.fails('did you mean "mkdir"?', supervise.start, { notify = { mkdirr = quiet } }, { "true" })
  t.fails("did you mean 'notify'?", supervise.start, { notfy = {} }, { "true" })
  t.fails("names no call", supervise.start, { notify = {} }, { "true" })
  t.fails("expected function", supervise.start, { notify = { mkdir = "EPERM" } }, { "true" })
  t.fails("hands over the filter's listener", supervise.start, { notify = { sendmsg = quiet } }, {})
  t.fails("the calls come from `notify`", supervise.start, {
    notify = { mkdir = quiet },
    filter = { notify = { "rmdir" } },
  }, { "true" })
  t.eq((run { notify = { mkdir = quiet }, filter = { default = "alow" } }), false)
end)

test.case("a command that does not exist is that error, and no process stays", function(t)
  local err = t.fails(
    "ENOENT",
    supervise.run,
    { notify = { mkdir = quiet } },
    { "/no/such/command" }
  )
  t.eq(err.errno, "ENOENT")
end)

test.case("a function that raises lets nothing through", needs, function(t)
  local path, told = DIR .. "/made", nil
  local result = python({
    notify = {
      mkdir = function()
        error("broken")
      end,
    },
    on_error = function(err, req)
      told = req.name .. ": " .. err.message
    end,
  }, make(path))
  t.eq(result.code, 1)
  t.eq(result.failures, 1)
  t.eq(told, "mkdir: broken")
  t.eq(try(stat, path), nil)
end)

test.case("a function that answers nothing lets nothing through", needs, function(t)
  local path = DIR .. "/made"
  local given = { notify = { mkdir = quiet }, on_error = quiet, failure = "EIO" }
  t.eq(python(given, make(path)).code, 5)
  t.eq(try(stat, path), nil)
end)

test.case(
  "a function that loops, also through pcall, ends with its processor time",
  needs,
  function(t)
    local path = DIR .. "/made"
    local result = python({
      notify = {
        mkdir = function()
          while true do
            pcall(error)
          end
        end,
      },
      time = "30ms",
      on_error = quiet,
    }, make(path))
    t.eq(result.code, 1)
    t.eq(try(stat, path), nil)
  end
)

test.case(
  "of two answers to one call the first holds, and the second is the function's error",
  needs,
  function(t)
    local path, told = DIR .. "/made", nil
    local result = python({
      notify = {
        mkdir = function(req)
          req:errno("EIO")
          req:allow()
        end,
      },
      on_error = function(err)
        told = err.message
      end,
    }, make(path))
    t.eq(result.code, 5)
    t.eq(told:find("is answered already", 1, true) ~= nil, true)
    t.eq(try(stat, path), nil)
  end
)

test.case(
  "the kernel makes an allowed call, answers a value or an error for others",
  needs,
  function(t)
    local dir = DIR
    local answers = {
      a = function(req)
        req:allow()
      end,
      b = function(req)
        req:value(0)
      end,
      c = function(req)
        req:errno("EROFS")
      end,
    }
    local given = {
      notify = {
        mkdir = function(req)
          answers[req.args.pathname:match("[^/]+$")](req)
        end,
      },
    }
    t.eq(python(given, make(dir .. "/a")).code, 0)
    t.eq(python(given, make(dir .. "/b")).code, 0)
    t.eq(python(given, make(dir .. "/c")).code, 30)
    t.eq(stat(dir .. "/a").type, "directory")
    t.eq(try(stat, dir .. "/b"), nil)
    t.eq(try(stat, dir .. "/c"), nil)
  end
)

test.case(
  "arguments are told by place and by name: paths, modes, addresses of sockets",
  needs,
  function(t)
    local seen = {}
    python(
      {
        notify = {
          mkdir = function(req)
            seen.mkdir = { req.args[1], req.args.mode, #req.args, req.raw[2] }
            req:errno("EROFS")
          end,
          connect = function(req)
            local address = req.args.addr
            if address.path and address.path:find "nscd" then
              -- The C library of a Python without HOME asks for the user's.
              return req:errno("ENOENT")
            end
            seen[#seen + 1] = address.family .. " " .. (address.path or address.address)
            seen[#seen] = seen[#seen] .. " " .. tostring(address.port)
            req:errno("ECONNREFUSED")
          end,
          socket = function(req)
            seen.socket = { req.args.domain, req.args.type }
            req:allow()
          end,
        },
      },
      [[
import socket
try: os.mkdir("/a/b", 0o750)
except OSError: pass
for family, address in ((socket.AF_INET, ("10.1.2.3", 8080)),
                        (socket.AF_INET6, ("fd00::1:0:0:2", 443)),
                        (socket.AF_UNIX, "/tmp/some.socket")):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        try: s.connect(address)
        except OSError: pass
]]
    )
    t.eq(table.concat(seen.mkdir, " "), "/a/b 0750 2 " .. tostring(tonumber("750", 8)))
    t.eq(seen[1], "inet 10.1.2.3 8080")
    t.eq(seen[2], "inet6 fd00::1:0:0:2 443")
    t.eq(seen[3], "unix /tmp/some.socket nil")
    t.eq(table.concat(seen.socket, " "), "unix stream")
  end
)

test.case(
  "an address of the caller that leads nowhere is an error to the function",
  needs,
  function(t)
    local told
    local result = python(
      {
        notify = {
          mkdir = function(req)
            local _, err = try(function()
              return req.args.pathname
            end)
            told = err.errno
            req:errno("EFAULT")
          end,
        },
      },
      "import ctypes\nsys.exit(ctypes.CDLL(None, use_errno=True).mkdir(ctypes.c_void_p(8), 0) + 2)"
    )
    t.eq(told, "EFAULT")
    t.eq(result.code, 1)
  end
)

test.case("of three who ask at the same moment each is answered, again and again", function(t)
  local dir <close> = temp_dir()
  local path, asked = dir.path .. "/answers", 0
  local answers <close> = desk.open(path, {
    mkdir = function(req)
      asked = asked + 1
      if asked == 1 then
        -- Meanwhile the others come.
        poll({}, { timeout = "300ms" })
      end
      req:errno "EROFS"
    end,
  })
  local children = {}
  for index = 1, 3 do
    local line <close> = socket_connect(path)
    children[index] = spawn(function()
      seccomp({ default = "allow", notify = { "mkdir" } }, { listener_to = line })
      for turn = 1, 5 do
        local _, err = try(mkdir, dir.path .. "/made")
        if not err or err.errno ~= "EROFS" then
          return turn
        end
      end
    end)
  end
  for _, child in ipairs(children) do
    local ended = child:wait { timeout = "20s" }
    t.ok(ended, "nobody has answered")
    t.eq(ended.code, 0)
  end
end)

test.case("a held-back answer comes late, and others are served meanwhile", needs, function(t)
  local order = {}
  local result = python(
    {
      notify = {
        mkdir = function(req)
          order[#order + 1] = req.args.pathname
          if req.args.pathname == "/slow" then
            req:delay("200ms"):errno("EROFS")
          else
            req:errno("EIO")
          end
        end,
      },
    },
    [[
import time
def make(path):
    try: os.mkdir(path)
    except OSError as error: return error.errno
pid = os.fork()
if pid == 0:
    sys.exit(make("/slow"))
time.sleep(0.05)
start = time.monotonic()
fast = make("/fast")
took = time.monotonic() - start
slow = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(0 if fast == 5 and took < 0.15 and slow == 30 else 1)
]]
  )
  t.eq(table.concat(order, " "), "/slow /fast")
  t.eq(result.code, 0)
end)

test.case("a delay without an answer allows the call then", needs, function(t)
  local path = DIR .. "/made"
  local given = {
    notify = {
      mkdir = function(req)
        req:delay("10ms")
      end,
    },
  }
  t.eq(python(given, make(path)).code, 0)
  t.eq(stat(path).type, "directory")
end)

test.case("a descriptor of the supervisor's becomes the result of the call", needs, function(t)
  local result = python(
    {
      notify = {
        memfd_create = function(req)
          local p = pipe()
          p.write:write("from outside")
          p.write:close()
          req:fd(p.read, { cloexec = true })
        end,
      },
    },
    [[
fd = os.memfd_create("x")
sys.exit(os.read(fd, 20) != b"from outside" or os.get_inheritable(fd))
]]
  )
  t.eq(result.code, 0)
end)

test.case("a descriptor of the caller's can be looked at", needs, function(t)
  local link
  python({
    notify = {
      mkdir = function(req)
        local fd <close> = req:take_fd(7)
        link = readlink("/proc/self/fd/" .. fd.number)
        req:errno("EROFS")
      end,
    },
  }, "fd = os.open('/etc/passwd', os.O_RDONLY)\nos.dup2(fd, 7)\n" .. make("/x"))
  t.eq(link, "/etc/passwd")
end)

test.case("calls of every process that the command starts are answered", needs, function(t)
  local pids, count = {}, 0
  local result = python(
    {
      notify = {
        mkdir = function(req)
          count = count + (pids[req.pid] and 0 or 1)
          pids[req.pid] = true
          req:errno("EROFS")
        end,
      },
    },
    [[
for n in range(5):
    if os.fork() == 0:
        try: os.mkdir("/x")
        except OSError as error: os._exit(error.errno)
sys.exit(sum(os.waitstatus_to_exitcode(os.wait()[1]) for n in range(5)))
]]
  )
  t.eq(result.code, 150)
  t.eq(count, 5)
end)

test.case("a caller that is killed while it waits is nobody's error", needs, function(t)
  local failures = 0
  local result = python({
    notify = {
      mkdir = function(req)
        kill(req.pid, "kill")
        while req:waits() do
        end
        req:errno("EROFS")
      end,
    },
    on_error = function()
      failures = failures + 1
    end,
  }, "if os.fork() == 0: os.mkdir('/x')\nsys.exit(os.waitstatus_to_exitcode(os.wait()[1]) + 20)")
  t.eq(result.code, 11)
  t.eq(failures, 0)
end)

test.case("what the program does before the command begins is not judged", needs, function(t)
  local names = {}
  local function count(req)
    names[#names + 1] = req.name
    req:allow()
  end
  local result = supervise.run({ notify = { execve = count, close = count } }, { "/bin/true" })
  t.eq(result.code, 0)
  for _, name in ipairs(names) do
    t.eq(name, "close")
  end
end)

test.case(
  "when the supervisor is gone, a supervised call fails and never happens",
  needs,
  function(t)
    local path = DIR .. "/made"
    local status = DIR .. "/status"
    local child <close> = spawn(function()
      local session = supervise.start({
        notify = {
          mkdir = function()
            kill(tonumber(readlink "/proc/self"), "kill")
          end,
        },
      }, {
        "python3",
        "-S",
        "-c",
        ([[
import os
try: os.mkdir(%q)
except OSError as error: open(%q, "w").write(str(error.errno))
]]):format(path, status),
      })
      session.process:keep()
      session:serve()
    end)
    t.eq(child:wait().signal, "kill")
    local deadline = clock "monotonic" + 10
    while read_file(status) ~= "38" do
      t.ok(clock "monotonic" < deadline, "the call failed with ENOSYS")
      poll({}, { timeout = "10ms" })
    end
    t.eq(try(stat, path), nil)
  end
)

-- How many listeners a process has, as the kernel shows them.
local function listeners_of(pid)
  local count = 0
  for _, open in ipairs(proc_fds(pid)) do
    count = count + (open.target:find("seccomp notify", 1, true) and 1 or 0)
  end
  return count
end

test.case(
  "no listener is left when its session is closed, nor does a child ever have one",
  needs,
  function(t)
    local kept, in_child = {}, nil
    local session <close> = supervise.start({
      notify = {
        mkdir = function(req)
          -- What the function has kept of the call keeps nothing open.
          kept[#kept + 1] = req.bare
          local child <close> = spawn(function()
            return listeners_of()
          end)
          in_child = child:wait().code
          req:errno("EROFS")
        end,
      },
    }, { "python3", "-S", "-c", "import os, sys\n" .. make("/x") })
    t.eq(listeners_of(), 1)
    session:serve()
    t.eq(session.process:wait().code, 30)
    t.eq(in_child, 0)
    session:close()
    t.eq(listeners_of(), 0)
    t.eq(#kept, 1)
    local child <close> = spawn(function()
      return listeners_of()
    end)
    t.eq(child:wait().code, 0)
  end
)

test.case(
  "a signal ends a script that waits for calls, at whatever moment it comes",
  needs,
  function(t)
    for _ = 1, 5 do
      local child <close> = spawn(function()
        local session <close> = supervise.start({
          notify = {
            getppid = function(req)
              req:allow()
            end,
          },
        }, { "python3", "-S", "-c", "import os\nwhile True: os.getppid()" })
        session:serve()
      end)
      local deadline = clock "monotonic" + 30
      while listeners_of(child.pid) == 0 and clock "monotonic" < deadline do
        poll({}, { timeout = "5ms" })
      end
      poll({}, { timeout = "20ms" })
      kill(child.pid, "term")
      t.eq(child:wait({ timeout = "30s" }).code, 143)
    end
  end
)

test.case("faults: every third call fails, and only that", needs, function(t)
  local result = python(
    {
      notify = supervise.faults { mkdir = { every = 3, errno = "ENOSPC" } },
    },
    ([[
bits = 0
for n in range(7):
    try: os.mkdir(%q + str(n))
    except OSError as error: bits |= (error.errno == 28) << n
sys.exit(bits)
]]):format(DIR .. "/")
  )
  t.eq(result.code, 1 << 2 | 1 << 5)
end)

test.case("faults: what contradicts itself is refused", function(t)
  t.fails("exclude each other", supervise.faults, { read = { every = 2, at = 1, errno = "EIO" } })
  t.fails("neither an `errno` nor a `delay`", supervise.faults, { read = { every = 2 } })
  t.fails("did you mean 'every'?", supervise.faults, { read = { evry = 2 } })
  t.fails("from 0 to 1", supervise.faults, { read = { chance = 2, errno = "EIO" } })
end)

test.case("faults: a seed gives the same faults again", needs, function(t)
  local function bits()
    return python(
      {
        notify = supervise.faults { mkdir = { chance = 0.5, seed = 7, errno = "EIO" } },
      },
      [[
bits = 0
for n in range(8):
    try: os.mkdir("/proc/x")
    except OSError as e: bits |= (e.errno == 5) << n
sys.exit(bits)
]]
    ).code
  end
  local first = bits()
  t.eq(bits(), first)
  t.eq(first ~= 0 and first ~= 255, true)
end)

test.case("audit: a line of JSON a call, whatever bytes a path has", needs, function(t)
  local log = DIR .. "/log"
  local result = python({
    notify = supervise.audit { calls = { "rmdir" }, to = log },
  }, "for path in (b'/not/there', b'/\\xff\\n'):\n  try: os.rmdir(path)\n  except OSError: pass")
  t.eq(result.code, 0)
  local paths = {}
  for line in io.lines(log) do
    local entry = json_decode(line)
    t.eq(entry.call, "rmdir")
    paths[#paths + 1] = entry.args.pathname
  end
  t.eq(paths[1], "/not/there")
  t.eq(paths[2], "/\\xff\n")
  t.eq(#paths, 2)
end)

test.case("uname: the words that are given, and the kernel's others", needs, function(t)
  local result = python({
    notify = supervise.uname { release = "2.4.37" },
  }, "u = os.uname()\nsys.exit(u.release != '2.4.37' or u.sysname != 'Linux')")
  t.eq(result.code, 0)
  t.fails("at most 64 bytes", supervise.uname, { release = ("x"):rep(65) })
end)

test.case("all: sets of functions are joined, and the first answer holds", needs, function(t)
  local seen = 0
  local notify = supervise.all({
    mkdir = function()
      seen = seen + 1
    end,
  }, supervise.faults { mkdir = { errno = "EDQUOT" } })
  t.eq(python({ notify = notify }, make("/x")).code, 122)
  t.eq(seen, 1)
end)

-- Python that listens on a port of the loopback and greets whoever comes; the port's number.
local function server()
  local out = pipe()
  local child = spawn({ stdout = out.write }, function()
    exec {
      "python3",
      "-S",
      "-c",
      [[
import socket, sys
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    c.sendall(b"hello")
    c.close()
]],
    }
  end)
  out.write:close()
  local told = ""
  while not told:find("\n", 1, true) do
    told = told .. out.read:read(16)
  end
  return child, math.tointeger(tonumber(told))
end

-- Runs Python in a network namespace of its own that reaches `allow`.
local function apart(allow, code)
  local refused = {}
  local egress = supervise.egress {
    allow = allow,
    timeout = "2s",
    on_refusal = function(address, port)
      refused[#refused + 1] = address .. ":" .. port
    end,
  }
  local result = python({
    notify = egress.notify,
    filter = egress.filter,
    spawn = { unshare = { "net" } },
  }, "import errno, socket, threading\n" .. code)
  return result, refused
end

local root = { "root", "program:python3" }

test.case(
  "egress: what the list says is reached from a namespace without a network",
  root,
  function(t)
    local greeter <close>, port = server()
    local result, refused = apart(
      { ("127.0.0.0/8:%d"):format(port) },
      ([[
assert open("/proc/self/net/dev").read().count(":") == 1
with socket.socket() as s:
    s.connect(("127.0.0.1", %d))
    assert s.recv(5) == b"hello" and not os.get_inheritable(s.fileno())
with socket.socket(socket.AF_INET6) as s:
    s.connect(("::ffff:127.0.0.1", %d))
    assert s.recv(5) == b"hello"
]]):format(port, port)
    )
    t.eq(result.code, 0)
    t.eq(refused, {})
  end
)

test.case("egress: all else is EACCES, also another port of an allowed address", root, function(t)
  local greeter <close>, port = server()
  local result, refused = apart(
    { ("127.0.0.2:%d"):format(port), "127.0.0.1:1" },
    ([[
for family, address in ((socket.AF_INET, ("127.0.0.1", %d)), (socket.AF_INET, ("127.0.0.1", 2)),
                        (socket.AF_INET6, ("::1", 1))):
    with socket.socket(family) as s:
        assert s.connect_ex(address) == errno.EACCES, address
]]):format(port)
  )
  t.eq(result.code, 0)
  t.eq(#refused, 3)
end)

test.case(
  "egress: a socket that was given cannot be connected anew, nor can another way be found",
  root,
  function(t)
    local greeter <close>, port = server()
    local result = apart(
      { ("127.0.0.1:%d"):format(port) },
      ([[
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
s = socket.socket()
s.connect(("127.0.0.1", %d))
# AF_UNSPEC takes a connection off a socket.
assert libc.connect(s.fileno(), (2).to_bytes(2, "little") * 0 + bytes(16), 16) == -1
assert ctypes.get_errno() == errno.EACCES
assert s.connect_ex(("127.0.0.1", 2)) == errno.EACCES
# io_uring_setup, and an address with the first bytes sent (MSG_FASTOPEN).
assert libc.syscall(425, 8, bytes(120)) == -1 and ctypes.get_errno() == errno.EPERM
try: s.sendto(b"x", 0x20000000, ("127.0.0.1", 2)); sys.exit(9)
except OSError as error: assert error.errno == errno.EOPNOTSUPP, error
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
assert u.connect_ex(("127.0.0.1", %d)) == errno.EACCES
]]):format(port, port)
    )
    t.eq(result.code, 0)
  end
)

test.case(
  "egress: a socket that the other side resets is never unconnected again",
  { "program:python3" },
  function(t)
    -- No filter here: the socket itself must not be connectable by a first piece of data.
    local out = pipe()
    local other <close> = spawn({ stdout = out.write }, function()
      exec {
        "python3",
        "-S",
        "-c",
        [[
import socket, struct, sys, time
s = socket.create_server(("127.0.0.1", 0))
sys.stdout.write("%d\n" % s.getsockname()[1])
sys.stdout.flush()
c, _ = s.accept()
c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
time.sleep(0.3)
c.close()
s.settimeout(2)
try: s.accept()
except OSError: sys.exit(0)
sys.exit(1)
]],
      }
    end)
    out.write:close()
    local port = math.tointeger(tonumber(out.read:read(16)))
    local fd = tcp_connect("127.0.0.1", port)
    local holder <close> = spawn({ stdin = fd }, function()
      exec {
        "python3",
        "-S",
        "-c",
        [[
import socket, sys, time
s = socket.socket(fileno=0)
time.sleep(0.8)
for n in range(3):
    try: s.sendto(b"x", 0x20000000, ("127.0.0.1", int(sys.argv[1])))
    except OSError: pass
]],
        tostring(port),
      }
    end)
    t.eq(holder:wait().code, 0)
    t.eq(other:wait().code, 0, "nobody came a second time")
  end
)

test.case("egress: an address that changes while it is judged leads nowhere else", root, function(t)
  local greeter <close>, port = server()
  local secret <close>, other = server()
  -- A second thread writes the other port into the address all the time.
  local result = apart(
    { ("127.0.0.1:%d"):format(port) },
    ([[
import ctypes
libc = ctypes.CDLL(None)
good = (2).to_bytes(2, "little") + (%d).to_bytes(2, "big") + bytes((127, 0, 0, 1)) + bytes(8)
bad = (2).to_bytes(2, "little") + (%d).to_bytes(2, "big") + bytes((127, 0, 0, 1)) + bytes(8)
memory = ctypes.create_string_buffer(good, 16)
stop = False
def flip():
    while not stop:
        ctypes.memmove(memory, bad, 16)
        ctypes.memmove(memory, good, 16)
thread = threading.Thread(target=flip)
thread.start()
reached = 0
for n in range(200):
    with socket.socket() as s:
        libc.connect(s.fileno(), memory, 16)
        try: name = s.getpeername()
        except OSError: continue
        reached += 1
        assert name[1] == %d, name
stop = True
thread.join()
assert reached
]]):format(port, other, port)
  )
  t.eq(result.code, 0)
end)

test.case("egress: unix sockets of the program's own root go on working", root, function(t)
  local result = apart(
    { "127.0.0.1:1" },
    ([[
os.chdir(%q)
for name in ("own.sock", %q + "/own2.sock", "\0abstract"):
    s = socket.socket(socket.AF_UNIX)
    s.bind(name)
    s.listen()
    c = socket.socket(socket.AF_UNIX)
    c.connect(name)
    c.sendall(b"x")
    assert s.accept()[0].recv(1) == b"x"
c = socket.socket(socket.AF_UNIX)
assert c.connect_ex("not-there.sock") == errno.ENOENT
]]):format(DIR, DIR)
  )
  t.eq(result.code, 0)
end)

test.case("egress: nobody gets at a unix socket by the rights of the script", root, function(t)
  local path = DIR .. "/root.sock"
  local listener <close> = socket_listen(path)
  chmod(path, "0600")
  chmod(DIR, "0755")
  local egress = supervise.egress { allow = { "127.0.0.1:1" } }
  local code = ([[
import errno, socket
s = socket.socket(socket.AF_UNIX)
sys.exit(s.connect_ex(%q) != errno.EACCES)
]]):format(path)
  local given = {
    notify = egress.notify,
    filter = egress.filter,
    setup = function()
      setuser "65534:65534"
    end,
  }
  local result = python(given, code)
  t.eq(result.code, 0)
end)

test.case("egress: what is no address, port or name is refused", function(t)
  for _, wrong in ipairs {
    "127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.1:9-8",
    "127.0.0.1:70000",
    "10.0.0.0/33:1",
    "fd00::/129:1",
    "10.0.0/8:1",
    "[::1:80",
  } do
    t.fails(wrong, supervise.egress, { allow = { wrong } })
  end
  t.fails("stands for no address", supervise.egress, { allow = { "no-such-host.invalid:1" } })
end)

test.case("an ordinary user supervises his own programs", { "user", "program:python3" }, function(t)
  local given = {
    notify = {
      mkdir = function(req)
        t.eq(req.args.pathname, "/x")
        req:errno("EROFS")
      end,
    },
  }
  t.eq(python(given, make("/x")).code, 30)
end)

return test.run()
