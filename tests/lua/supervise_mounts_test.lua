-- Mounts for a container that may not mount: what is made, by the kernel's own list, and what is
-- refused.

local supervise = require "supervise"
local test = require "test"

local place = temp_dir()
local DIR = place.path
for _, name in ipairs { "in", "in/a", "in/b", "out" } do
  mkdir(DIR .. "/" .. name)
end
write_file(DIR .. "/in/a/file", "own")
write_file(DIR .. "/out/file", "other")
symlink("../out", DIR .. "/in/link")

local NEEDS = { "userns", "program:python3" }

local PYTHON = [[
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
D = %q
def b(text): return text.encode() if text is not None else None
def mount(source, target, kind, flags=0, data=None):
    if libc.mount(b(source), b(target), b(kind), ctypes.c_ulong(flags), b(data)) == 0: return 0
    return ctypes.get_errno()
def umount(target, flags=0):
    return 0 if libc.umount2(b(target), flags) == 0 else ctypes.get_errno()
def lines(target):
    rows = [l.split() for l in open("/proc/self/mountinfo")]
    return [r for r in rows if r[4] == target]
]]

-- Runs Python in a user and mount namespace of its own, without any capability.
local function boxed(given, code, unshare)
  given.below = given.below or { DIR .. "/in" }
  return supervise.run({
    notify = require("supervise.mounts").notify(given),
    spawn = { unshare = unshare or { "user", "mnt" } },
    setup = function()
      drop_caps { keep = {} }
      no_new_privs()
    end,
  }, {
    "python3",
    "-S",
    "-c",
    PYTHON:format(DIR) .. code,
  })
end

test.case("a directory that everybody reads, and kinds that are not safe, are refused", function(t)
  local mounts = require "supervise.mounts"
  t.fails("no plain directory", mounts.notify, { below = { "/" } })
  t.fails("no plain directory", mounts.notify, { below = { "/a/.." } })
  t.fails("none that is safe", mounts.notify, { below = { "/a" }, kinds = { "ext4" } })
  t.fails("expected list", mounts.notify, {})
end)

test.case(
  "a tmpfs is mounted in the container's own namespace, and nowhere else",
  NEEDS,
  function(t)
    local result = boxed(
      { size = "1M" },
      [[
T = D + "/in/b"
assert mount("x", T, "tmpfs", 0, "size=9G,mode=700") == 0, "mount"
(row,) = lines(T)
assert "tmpfs" in row and "nosuid" in row[5] and "nodev" in row[5], row
assert os.statvfs(T).f_blocks * os.statvfs(T).f_frsize == 1 << 20
assert umount(T) == 0 and not lines(T)
]]
    )
    t.eq(result.code, 0)
    t.eq(result.failures, 0)
    t.eq(read_file("/proc/self/mountinfo"):find(DIR .. "/in/b", 1, true), nil)
  end
)

test.case("a directory of the container is bound to another, as it was asked", NEEDS, function(t)
  local result = boxed(
    {},
    [[
T = D + "/in/b"
assert mount(D + "/in/a", T, None, 0x1000 | 1) == 0, "bind"
assert open(T + "/file").read() == "own"
(row,) = lines(T)
assert "ro" in row[5].split(",") and "nosuid" in row[5], row
]]
  )
  t.eq(result.code, 0)
  t.eq(result.failures, 0)
end)

test.case("all else is refused as the kernel would", NEEDS, function(t)
  local result = boxed(
    {},
    [[
EPERM = 1
T = D + "/in/b"
before = open("/proc/self/mountinfo").read()
for number, args in enumerate([
    ("x", "/etc", "tmpfs"), ("x", D + "/in/../out", "tmpfs"), ("x", D + "/in", "tmpfs"),
    ("x", "in/b", "tmpfs"), ("x", T, "proc"), ("x", T, "ext4"), ("x", T, "tmpfs", 0x20),
    ("x", T, "tmpfs", 0, "uid=0"), ("x", T, "sysfs"),
    ("x", T, "overlay", 0, "lowerdir=%s/in/a:%s/in/b" % (D, D)),
    (D + "/out", T, None, 0x1000), ("/etc", T, None, 0x1000),
    (None, T, None, 1 << 18), (T, D + "/in/a", None, 0x2000),
]):
    assert mount(*args) == EPERM, (number, args)
assert mount("x", D + "/in/none", "tmpfs") == 2 and not os.path.exists(D + "/in/none")
assert umount("/proc") == EPERM and umount(T) == EPERM and umount(T, 1) == EPERM
assert open("/proc/self/mountinfo").read() == before
]]
  )
  t.eq(result.code, 0)
end)

test.case("no symbolic link leads out of the directories that are allowed", NEEDS, function(t)
  local result = boxed(
    {},
    [[
def outside(): return open("/proc/self/mountinfo").read().count(" " + D + "/out")
# In the root of what is allowed the link means a path that is not there.
assert mount("x", D + "/in/link", "tmpfs") != 0 and not outside()
assert mount(D + "/in/link", D + "/in/b", None, 0x1000) != 0 and not lines(D + "/in/b")
os.mkdir(D + "/in/swap"); os.symlink("../out", D + "/in/swap.link")
pid = os.fork()
if pid == 0:
    # RENAME_EXCHANGE, all the time
    while True: libc.renameat2(-100, b(D + "/in/swap"), -100, b(D + "/in/swap.link"), 2)
for n in range(12):
    mount("x", D + "/in/swap", "tmpfs")
    assert not outside()
os.kill(pid, 9)
]]
  )
  t.eq(result.code, 0)
end)

test.case(
  "a caller in the script's own namespaces gets nothing mounted",
  { "program:python3" },
  function(t)
    local result = supervise.run({
      notify = require("supervise.mounts").notify { below = { DIR .. "/in" } },
    }, {
      "python3",
      "-S",
      "-c",
      ([[
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.mount(b'x', %q.encode(), b'tmpfs', 0, None)
exit(ctypes.get_errno())
]]):format(DIR .. "/in/b"),
    })
    t.eq(result.code, 1)
    t.eq(read_file("/proc/self/mountinfo"):find(DIR .. "/in/b", 1, true), nil)
  end
)

test.case("a caller that has changed its root gets nothing mounted", NEEDS, function(t)
  mkdir(DIR .. "/jail")
  mkdir(DIR .. "/jail/" .. DIR .. "/in/b", { parents = true })
  -- Its paths mean other places than those of its namespace's root, below which all would be made.
  local result = supervise.run({
    notify = require("supervise.mounts").notify { below = { DIR .. "/in" } },
    spawn = { unshare = { "user", "mnt" } },
  }, {
    "python3",
    "-S",
    "-c",
    ([[
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
held = open("/proc/self/mountinfo")
os.chroot(%q)
libc.mount(b"x", %q.encode(), b"tmpfs", 0, None)
os._exit(ctypes.get_errno() + (%q in held.read()) * 100)
]]):format(DIR .. "/jail", DIR .. "/in/b", DIR .. "/in/b"),
  })
  t.eq(result.code, 1)
end)

-- What a container has of its own /proc and /sys, by the kernel's list: from paths below it to
-- whether they are read-only, and of which kind.
local SHOWN = [[
def shown(top):
    found = {}
    for row in lines_below(top):
        found[row[4][len(top):] or "/"] = ("ro" in row[5].split(","), row[row.index("-") + 1])
    return found
def lines_below(top):
    rows = [l.split() for l in open("/proc/self/mountinfo")]
    return [r for r in rows if r[4] == top or r[4].startswith(top + "/")]
os.makedirs(D + "/in/p", exist_ok=True)
T = D + "/in/p"
]]

test.case("proc and sysfs are the container's own, with what is masked in them", NEEDS, function(t)
  local container = require "container"
  local code = SHOWN
    .. [[
assert mount("proc", T, "proc") == 0, "proc"
own, made = shown("/proc"), shown(T)
assert made == own and len(own) > 5, (own, made)
assert os.stat(T).st_dev == os.stat("/proc").st_dev
for name in ("/sys/kernel/hostname", "/sysrq-trigger"):
    try: open(T + name, "w"); assert False, name
    except OSError: pass
for row in lines_below(T):
    assert {"nosuid", "nodev", "noexec"} <= set(row[5].split(",")), row
assert umount(T) == 0
assert mount("x", T, "proc", 0, "hidepid=0") == 1
if os.path.exists("/sys/kernel"):
    assert mount("sysfs", T, "sysfs") == 0, "sysfs"
    own, made = shown("/sys"), shown(T)
    assert own.keys() == made.keys() and all(row[0] for row in made.values()), made
]]
  local box <close> = container.new {
    rootfs = "host",
    userns = true,
    volumes = { { source = DIR, target = DIR, readonly = false } },
    seccomp = {
      notify = supervise.mounts { below = { DIR .. "/in" }, kinds = { "proc", "sysfs" } },
    },
  }
  local result = box:run({ "python3", "-S", "-c", PYTHON:format(DIR) .. code }, { capture = true })
  t.eq(result.code, 0, result.stderr)
end)

test.case(
  "a pid namespace without a /proc of its own gets one of processes alone",
  NEEDS,
  function(t)
    local result = boxed({ kinds = { "proc" } }, SHOWN .. [[
# The /proc here is of the script's namespace, where this is not the first process.
assert os.getpid() == 1 and os.readlink("/proc/self") != "1"
assert mount("proc", T, "proc") == 0, "proc"
assert os.readlink(T + "/self") == "1" and os.listdir(T + "/1/task") == ["1"]
assert not os.path.exists(T + "/sys") and not os.path.exists(T + "/kcore")
assert sorted(n for n in os.listdir(T) if n.isdigit()) == ["1"]
]], { "user", "mnt", "pid" })
    t.eq(result.code, 0)
  end
)

return test.run()
