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

-- Runs Python in a user and mount namespace of its own, without any capability.
local function boxed(given, code)
  given.below = given.below or { DIR .. "/in" }
  return supervise.run({
    notify = require("supervise.mounts").notify(given),
    spawn = { unshare = { "user", "mnt" } },
    setup = function()
      drop_caps { keep = {} }
      no_new_privs()
    end,
  }, {
    "python3",
    "-S",
    "-c",
    ([[
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
]]):format(DIR) .. code,
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
    ("x", T, "tmpfs", 0, "uid=0"), (D + "/out", T, None, 0x1000), ("/etc", T, None, 0x1000),
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

return test.run()
