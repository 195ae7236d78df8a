-- A real Debian, made by mmdebstrap from the machine's own mirror: once, and kept where the suite
-- keeps what takes long to make.

local test = require "test"

local KEPT = os.getenv "CRUN_LUA_TEST_KEPT"

-- The mirror is asked for one file with apt's own configuration, unless a Debian is kept already.
test.need("mirror", function()
  if KEPT and stat(KEPT .. "/debian") and #list_dir(KEPT .. "/debian") > 0 then
    return
  end
  local listed = capture { "sh", "-c", "apt-get update --print-uris | grep -m1 InRelease" }
  local address = listed.stdout:match("'([^']+)'")
  if not address then
    return "apt has no mirror here"
  end
  local dir <close> = temp_dir()
  local found = capture({
    "/usr/lib/apt/apt-helper",
    "-o",
    "Acquire::Retries=0",
    "-o",
    "Acquire::http::Timeout=5",
    "download-file",
    address,
    dir.path .. "/InRelease",
  }, { timeout = "20s" })
  if found.code ~= 0 then
    return "apt's mirror cannot be reached"
  end
end)

test.need("subuids", function()
  local name = user_lookup("65534").name or "65534"
  for _, path in ipairs { "/etc/subuid", "/etc/subgid" } do
    local text = "\n" .. (read_file(path) or "")
    if not (text:find(("\n%s:"):format(name), 1, true) or text:find("\n65534:", 1, true)) then
      return path .. " has no line for the tests' user"
    end
  end
end)

-- Makes the Debian where it is missing, and runs one command in a container of its own.
local SCRIPT = [[
local rootfs = require "rootfs"

local is_root = proc_status().uid.effective == 0
local source = rootfs.debootstrap { suite = "bookworm", variant = "essential" }
local prepared = rootfs.prepare(source, { name = "debian", root = is_root })
local kinds = is_root and { "mnt", "pid" } or { "user", "mnt", "pid" }
local child <close> = spawn({ unshare = kinds }, function()
  local root = rootfs.mount(prepared)
  root:proc()
  root:dev()
  root:pivot()
  exec { "/bin/sh", "-ec", arg[1], env = { PATH = "/usr/sbin:/usr/bin:/sbin:/bin" } }
end)
os.exit(child:wait().code)
]]

-- A script in a process of its own, whose data directory is `data`.
local function run(data, script, ...)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/script.lua", script)
  local words = { "/proc/self/exe", dir.path .. "/script.lua", ... }
  words.env = { PATH = os.getenv "PATH", TMPDIR = os.getenv "TMPDIR", CRUN_LUA_DATA = data }
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe" }, function()
    exec(words)
  end)
  return child:output()
end

-- What a package's installation changes: its files, and dpkg's own list of them.
local INSTALL = [[
mkdir -p /tmp/mine/DEBIAN /tmp/mine/usr/bin
cd /tmp/mine
printf 'Package: mine\nVersion: 1\nArchitecture: all\nDescription: x\n' > DEBIAN/control
printf 'Maintainer: x <x@example.org>\n' >> DEBIAN/control
printf '#!/bin/sh\necho it runs\n' > usr/bin/mine
chmod 755 usr/bin/mine
dpkg-deb --root-owner-group --build /tmp/mine /tmp/mine.deb > /dev/null
dpkg --install /tmp/mine.deb > /dev/null
dpkg-query --show mine
mine
rm /etc/os-release
]]

local function uses_a_debian(t)
  local own <close> = not KEPT and temp_dir() or nil
  local data = KEPT or own.path
  local before = stat(data .. "/debian") and #list_dir(data .. "/debian") or 0

  local first = run(data, SCRIPT, ". /etc/os-release; echo $ID $VERSION_ID")
  t.eq(first.code, 0, first.stderr)
  t.eq(first.stdout, "debian 12\n")
  if before == 0 then
    t.match(first.stderr, "making a Debian (bookworm)", true)
    t.match(first.stderr, "I: ", true)
  end
  local name = list_dir(data .. "/debian")[1]
  local inode = stat(data .. "/debian/" .. name).ino

  local changed = run(data, SCRIPT, INSTALL)
  t.eq(changed.stdout, "mine\t1\nit runs\n", changed.stderr)
  t.eq(changed.code, 0)

  local after = run(data, SCRIPT, "test -e /etc/os-release; dpkg --audit; ! dpkg-query --show mine")
  t.eq(after.code, 0, after.stderr)
  t.eq(after.stdout, "")
  t.ok(not changed.stderr:find("making", 1, true), "the second use makes none")
  t.eq(list_dir(data .. "/debian"), { name })
  t.eq(stat(data .. "/debian/" .. name).ino, inode, "the same directory")
  t.eq(stat(data .. "/debian/" .. name .. "/usr/bin/mine"), nil)
end

-- Port 9 of this machine: nobody listens there.
local NO_MIRROR = [[
local rootfs = require "rootfs"
local source = rootfs.debootstrap { suite = "stable", mirror = "http://127.0.0.1:9/debian" }
local _, err = try(rootfs.prepare, source, {})
print(err.op, err.message, err.hint)
]]

local function without_mirror(t)
  local dir <close> = temp_dir()
  local data = dir.path .. "/data"
  -- What a build left that was killed: no process has this number and start.
  mkdir(data .. "/debian/.making-4194304-1/usr", { parents = true })
  chmod(data, "0700")
  local result = run(data, NO_MIRROR)
  t.eq(result.code, 0, result.stderr)
  t.match(result.stdout, "rootfs.debootstrap", true)
  t.match(result.stdout, "ended with status", true)
  t.match(result.stdout, "without a network or a mirror", true)
  -- The program's words are no output of the script.
  t.match(result.stderr, "127.0.0.1:9", true)
  t.eq(list_dir(data .. "/debian"), {}, "what builds left")
end

local unreachable = "a Debian without a mirror says why, and leaves nothing, nor what others left"
test.case(unreachable, { "root", "program:mmdebstrap" }, without_mirror)
test.case(
  unreachable .. " (as a user)",
  { "user", "userns", "program:mmdebstrap", "subuids" },
  without_mirror
)

local once = "a Debian is made once, runs dpkg, and keeps none of its containers' changes"
test.case(
  once,
  { "root", "fs:overlay", "program:mmdebstrap", "mirror", "minutes:4" },
  uses_a_debian
)
test.case(
  once .. " (as a user)",
  { "user", "userns", "fs:overlay", "program:mmdebstrap", "subuids", "mirror", "minutes:4" },
  uses_a_debian
)

return test.run()
