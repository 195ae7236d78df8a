-- The rootfs handle: paths that cannot leave it, mounts in it, and the change into it.

local test = require "test"

-- The fields of the uppermost mount at a path, from mountinfo.
local function mounted(target)
  local found
  for line in read_file("/proc/self/mountinfo"):gmatch("[^\n]+") do
    local root, place, flags, fstype = line:match("^%d+ %d+ %S+ (%S+) (%S+) (%S+).* %- (%S+)")
    if place == target then
      found = { root = root, flags = "," .. flags .. ",", fstype = fstype }
    end
  end
  return found
end

local function octal(text)
  return tonumber(text, 8)
end

-- A directory with a root in it, and a canary beside the root that nothing may reach.
local function hostile(t, body)
  local dir <close> = temp_dir()
  local canary, root = dir.path .. "/canary", dir.path .. "/root"
  mkdir(canary)
  mkdir(root)
  write_file(canary .. "/passwd", "canary")
  body(root, canary)
  t.eq(list_dir(canary), { "passwd" }, "the canary's directory")
  t.eq(read_file(canary .. "/passwd"), "canary")
  t.ok(not read_file("/proc/self/mountinfo"):find(canary, 1, true), "nothing is mounted there")
end

-- The ways in which a link leads out of the root, or nowhere.
local function traps(canary)
  return {
    canary,
    "../canary",
    "../../../../../../../../.." .. canary,
    "nowhere",
    "loop",
    "/proc/self/root" .. canary,
  }
end

local function lay(root, trap)
  for _, name in ipairs { "etc", "tmp", "proc", "sys", "dev", "loop" } do
    symlink(name == "loop" and "loop" or trap, root .. "/" .. name)
  end
end

-- These hold with openat2 and mount_setattr and without: see the last cases.
local everywhere = {}

local function case(name, needs, body)
  everywhere[#everywhere + 1] = name
  test.case(name, needs, body)
end

case("what contradicts itself is refused before any call", {}, function(t)
  local dir <close> = temp_dir()
  local root <close> = rootfs_open(dir.path)
  t.fails("exclude each other", root.write, root, "/x", "", { append = true, exclusive = true })
  t.fails("expected write or append", root.open, root, "/x", { create = true })
  t.fails("expected create", root.open, root, "/x", { write = true, exclusive = true })
  t.fails("major and minor", root.mknod, root, "/x", { type = "c", major = 1 })
  t.fails("major and minor", root.mknod, root, "/x", { type = "p", major = 1, minor = 3 })
  t.fails("expected uid, gid", root.chown, root, "/x", {})
  t.fails("say bind = true", rootfs_open, dir.path, { readonly = true })
  t.fails("would change the host", root.mount, root, "x", "/x", { type = "tmpfs" })
  t.fails("would change the host", root.pivot, root)
  t.eq(root:list("/"), {})
  root:close()
  t.fails("is closed", root.list, root, "/")
end)

case("no link leads a file out of the root", {}, function(t)
  hostile(t, function(path, canary)
    for _, trap in ipairs(traps(canary)) do
      local root <close> = rootfs_open(path)
      lay(path, trap)
      for _, name in ipairs { "/etc/x", "/tmp/../etc/x", "etc/passwd", "../etc/x" } do
        local what = trap .. " " .. name
        t.ok(not pcall(root.mkdir, root, name, { parents = true }), what)
        t.ok(not pcall(root.mkdir, root, name), what)
        t.ok(not pcall(root.write, root, name, "evil"), what)
        t.ok(not pcall(root.open, root, name, { write = true, create = true }), what)
        t.ok(not pcall(root.symlink, root, "x", name), what)
        for _, things in ipairs {
          { dirs = { name } },
          { files = { [name] = "evil" } },
          { links = { [name] = "x" } },
        } do
          t.ok(not pcall(root.fill, root, things), what)
        end
        t.ok(not pcall(root.mknod, root, name, { type = "p" }), what)
        t.ok(not pcall(root.unlink, root, name), what)
        t.ok(not pcall(root.chmod, root, name, "0777"), what)
        local ok, content = pcall(root.read, root, name)
        t.ok(not ok or content == nil, what)
      end
      t.fails("ELOOP", root.write, root, "/etc", "evil")
      t.eq(root:readlink("/etc"), trap)
      for _, name in ipairs(list_dir(path)) do
        remove(path .. "/" .. name)
      end
    end
  end)
end)

case("no link leads a mount out of the root", { "root" }, function(t)
  hostile(t, function(path, canary)
    t.inside({ "mnt", "pid", "net", "ipc" }, function()
      local before = read_file("/proc/self/mountinfo")
      for _, trap in ipairs(traps(canary)) do
        local root <close> = rootfs_open(path)
        lay(path, trap)
        for _, name in ipairs { "/etc/x", "tmp/x", "/etc", "/tmp/../../tmp" } do
          local what = trap .. " " .. name
          t.ok(not pcall(root.mount, root, "x", name, { type = "tmpfs" }), what)
          t.ok(not pcall(root.bind, root, "/usr", name), what)
          t.ok(not pcall(root.bind, root, "/etc/passwd", name), what)
        end
        for _, method in ipairs { "proc", "sys", "dev" } do
          local ok, err = pcall(root[method], root)
          t.ok(not ok, method .. " " .. trap)
          t.ok(err.errno == "ELOOP" or err.errno == "ENOTDIR", tostring(err))
          t.match(err.hint, "real directory", true)
        end
        -- What does not exist inside needs no cover.
        for _, name in ipairs { "/etc/passwd", "/tmp" } do
          pcall(root.mask, root, name)
          pcall(root.readonly, root, name)
        end
        t.eq(read_file("/proc/self/mountinfo"), before)
        for _, name in ipairs(list_dir(path)) do
          remove(path .. "/" .. name)
        end
      end
    end)
  end)
end)

case("links inside the root are followed inside the root", {}, function(t)
  hostile(t, function(path)
    local root <close> = rootfs_open(path)
    root:mkdir("/usr/lib", { parents = true })
    root:symlink("usr/lib", "/lib")
    root:symlink("/usr", "/absolute")
    root:symlink("../../../../usr", "/up")
    root:write("/lib/one", "1")
    root:write("/absolute/lib/two", "2")
    root:write("/up/lib/three", "3")
    t.eq(root:list("/usr/lib"), { "one", "three", "two" })
    t.eq(root:read("/../../lib/one"), "1")
    t.eq(root:stat("/lib").type, "directory")
    t.eq(root:stat("/lib", { nofollow = true }).type, "symlink")
    t.eq(root:exists("/lib/one/x"), false)
    t.eq(root:stat("/none"), nil)
    t.eq(root:read("/none"), nil)
    root:mkdir("/absolute/share/doc", { parents = true, mode = "0711" })
    t.eq(root:stat("/usr/share").mode, octal("711"))
  end)
end)

case("many things are made in one call, and what is not understood makes none", {}, function(t)
  hostile(t, function(path)
    local root <close> = rootfs_open(path)
    local before = { dirs = { "/a" }, files = { ["/b"] = 1 } }
    t.fails("things.files.", root.fill, root, before)
    t.fails("directories", root.fill, root, { directories = { "/a" } })
    t.eq(root:list("/"), {})
    root:fill {
      dirs = { "/etc", "/etc/ssl" },
      files = { ["/etc/a"] = "1", ["/etc/ssl/b"] = "2\0", ["/c"] = "" },
      links = { ["/bin"] = "usr/bin", ["/etc/l"] = "/etc/a" },
    }
    t.eq(root:list("/"), { "bin", "c", "etc" })
    t.eq(root:read("/etc/l"), "1")
    t.eq(root:read("/etc/ssl/b"), "2\0")
    t.eq(root:readlink("/bin"), "usr/bin")
    t.eq({ root:stat("/etc/ssl").mode, root:stat("/c").mode }, { octal("755"), octal("644") })
    t.fails("EEXIST", root.fill, root, { dirs = { "/etc" } })
  end)
end)

case("only regular files are read and written", { "root" }, function(t)
  hostile(t, function(path)
    local root <close> = rootfs_open(path)
    root:mknod("/pipe", { type = "p" })
    root:mknod("/zero", { type = "c", major = 1, minor = 5 })
    root:mkdir("/dir")
    for _, name in ipairs { "/pipe", "/zero" } do
      t.fails("ENXIO", root.write, root, name, "x")
      t.fails("ENXIO", root.read, root, name)
    end
    t.fails("EISDIR", root.write, root, "/dir", "x")
    t.fails("EISDIR", root.read, root, "/dir")
    root:write("/big", ("x"):rep(100))
    t.fails("EFBIG", root.read, root, "/big", { limit = 99 })
  end)
end)

case("files have the mode and the owner that was said, whatever the umask", { "root" }, function(t)
  hostile(t, function(path)
    local root <close> = rootfs_open(path)
    root:mkdir("/tmp", { mode = "1777", uid = 1, gid = 2 })
    root:write("/file", "a", { mode = "0666", uid = 3, gid = 4 })
    root:write("/file", "b", { append = true })
    root:mknod("/null", { type = "c", major = 1, minor = 3, mode = "0666", uid = 5 })
    root:mknod("/null", { type = "c", major = 1, minor = 3 })
    t.fails("EEXIST", root.mknod, root, "/null", { type = "c", major = 1, minor = 5 })
    t.fails("EEXIST", root.mknod, root, "/file", { type = "p" })
    local function is(name, mode, uid, gid)
      local found = root:stat(name)
      t.eq({ found.mode, found.uid, found.gid }, { octal(mode), uid, gid }, name)
    end
    is("/tmp", "1777", 1, 2)
    is("/file", "666", 3, 4)
    is("/null", "666", 5, 0)
    t.eq(root:read("/file"), "ab")
    t.fails("EEXIST", root.write, root, "/file", "", { exclusive = true })
    root:chmod("/file", "4755")
    root:chown("/file", { uid = 9 })
    is("/file", "755", 9, 4)
    root:symlink("file", "/link")
    root:chown("/link", { uid = 8, nofollow = true })
    is("/file", "755", 9, 4)
    t.eq(root:stat("/link", { nofollow = true }).uid, 8)
    root:unlink("/link")
    root:rmdir("/tmp")
    t.eq(root:list("/"), { "file", "null" })
  end)
end)

case("bind mounts are read-only to the bottom, and their targets are made", { "root" }, function(t)
  hostile(t, function(path)
    t.inside({ "mnt" }, function()
      mount("tmpfs", "/mnt", { type = "tmpfs" })
      mkdir("/mnt/deep")
      mount("tmpfs", "/mnt/deep", { type = "tmpfs" })
      local root <close> = rootfs_open(path)
      root:bind("/mnt", "/a/b", { readonly = true, nosuid = true })
      root:bind("/etc/passwd", "/a/etc/passwd", { readonly = true })
      t.match(mounted(path .. "/a/b").flags, ",ro,", true)
      t.match(mounted(path .. "/a/b").flags, ",nosuid,", true)
      t.match(mounted(path .. "/a/b/deep").flags, ",ro,", true)
      t.eq(root:read("/a/etc/passwd"), read_file("/etc/passwd"))
      t.fails("EROFS", root.write, root, "/a/b/deep/x", "")
      write_file("/mnt/deep/x", "")
      root:bind("/mnt", "/c", { recursive = false })
      t.eq(mounted(path .. "/c/deep"), nil)
      root:umount("/c")
      t.eq(mounted(path .. "/c"), nil)
      t.fails("ENOENT", root.bind, root, "/no/such/dir", "/d")
      t.eq(root:exists("/d"), false)
    end)
  end)
end)

case("masked files read empty, masked directories are empty", { "root" }, function(t)
  hostile(t, function(path)
    t.inside({ "mnt" }, function()
      local root <close> = rootfs_open(path)
      root:mkdir("/proc/one", { parents = true })
      root:mkdir("/proc/two")
      root:mkdir("/proc/three")
      for _, name in ipairs { "/proc/one/x", "/proc/two/x", "/proc/kcore" } do
        root:write(name, "secret")
      end
      for _, name in ipairs { "/proc/one", "/proc/two", "/proc/three", "/proc/kcore", "/none" } do
        root:mask(name)
      end
      for _, name in ipairs { "/proc/one", "/proc/two", "/proc/three" } do
        t.eq(root:list(name), {})
        t.match(mounted(path .. name).flags, ",ro,", true)
        t.fails("EROFS", root.write, root, name .. "/x", "")
      end
      t.eq(read_file(path .. "/proc/kcore"), "")
      local found = root:stat("/proc/kcore")
      t.eq({ found.type, found.major, found.minor }, { "char", 1, 3 })
    end)
  end)
end)

case("a /dev/null that is none masks nothing", { "root" }, function(t)
  hostile(t, function(path)
    t.inside({ "mnt" }, function()
      write_file(path .. "/evil", "evil")
      mount(path .. "/evil", "/dev/null", { bind = true })
      local root <close> = rootfs_open(path)
      root:write("/secret", "secret")
      t.fails("ENXIO", root.mask, root, "/secret")
      t.eq(mounted(path .. "/secret"), nil)
      umount("/dev/null")
    end)
  end)
end)

case("read-only paths hold what is mounted below", { "root" }, function(t)
  hostile(t, function(path)
    t.inside({ "mnt" }, function()
      local root <close> = rootfs_open(path)
      root:mkdir("/etc")
      root:mount("tmpfs", "/etc/below", { type = "tmpfs" })
      root:readonly("/etc")
      root:readonly("/none")
      t.fails("EROFS", root.write, root, "/etc/x", "")
      t.fails("EROFS", root.write, root, "/etc/below/x", "")
      root:write("/x", "")
    end)
  end)
end)

case("a racing exchange with a link never reaches the canary", { "root" }, function(t)
  hostile(t, function(path, canary)
    local dir, link = path .. "/target", path .. "/link"
    mkdir(dir)
    symlink(canary, link)
    local swapper <close> = spawn(function()
      while true do
        rename(dir, link, { exchange = true })
      end
    end)
    local won, lost = 0, 0
    t.inside({ "mnt" }, function()
      local root <close> = rootfs_open(path)
      local function attempt(...)
        if pcall(...) then
          won = won + 1
        else
          lost = lost + 1
        end
      end
      for round = 1, 400 do
        attempt(root.mkdir, root, "/target/dir" .. round)
        attempt(root.mkdir, root, "/target/a" .. round .. "/b", { parents = true })
        attempt(root.write, root, "/target/file" .. round, "evil")
        attempt(root.mount, root, "x", "/target/mount" .. round % 40, { type = "tmpfs" })
        attempt(root.bind, root, "/usr", "/target/bind" .. round % 40)
      end
      t.eq(won + lost, 2000)
      t.ok(won > 0 and lost > 0, ("both happened: %d and %d"):format(won, lost))
      local info = read_file("/proc/self/mountinfo")
      t.ok(not info:find(canary, 1, true), "nothing is mounted on the canary")
      t.eq(list_dir(canary), { "passwd" })
    end)
    swapper:close()
  end)
end)

-- The whole way into a new root made of the host's programs.
local function whole_way(t, unshare)
  local before = read_file("/proc/self/mountinfo")
  local child <close> = spawn({ unshare = unshare }, function()
    local root <close> = rootfs_new { size = "4M" }
    for _, name in ipairs { "bin", "sbin", "lib", "lib64", "usr" } do
      local found = stat("/" .. name, { nofollow = true })
      if found and found.type == "symlink" then
        root:symlink(readlink("/" .. name), "/" .. name)
      elseif found then
        root:bind("/" .. name, "/" .. name, { readonly = true, nosuid = true })
      end
    end
    root:mkdir("/etc")
    root:write("/etc/hostname", "box\n")
    root:bind("/etc/passwd", "/etc/passwd", { readonly = true })
    root:mount("tmp", "/tmp", { type = "tmpfs", data = "size=1M,mode=1777", nosuid = true })
    root:proc()
    root:sys()
    root:dev { shm_size = "1M" }
    for _, name in ipairs {
      "/proc/kcore",
      "/proc/keys",
      "/proc/timer_list",
      "/proc/scsi",
      "/proc/acpi",
    } do
      root:mask(name)
    end
    for _, name in ipairs { "/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus" } do
      root:readonly(name)
    end
    root:readonly("/")
    root:pivot()
    t.eq(stat("/root"), nil)
    t.eq(stat(".").ino, stat("/").ino)
    t.fails("EROFS", write_file, "/x", "")
    t.fails("EROFS", write_file, "/usr/x", "")
    t.fails("EROFS", write_file, "/etc/passwd", "")
    t.fails("EROFS", write_file, "/proc/sys/kernel/domainname", "x")
    write_file("/tmp/x", "fine")
    write_file("/dev/null", "gone")
    t.eq(#read_file("/proc/keys"), 0)
    for name, number in pairs { null = 3, zero = 5, full = 7, random = 8, urandom = 9 } do
      local found = stat("/dev/" .. name)
      t.eq({ found.type, found.major, found.minor }, { "char", 1, number }, name)
    end
    for place, fstype in pairs {
      ["/"] = "tmpfs",
      ["/proc"] = "proc",
      ["/sys"] = "sysfs",
      ["/dev"] = "tmpfs",
      ["/dev/pts"] = "devpts",
      ["/dev/shm"] = "tmpfs",
      ["/dev/mqueue"] = "mqueue",
      ["/tmp"] = "tmpfs",
    } do
      t.eq(mounted(place) and mounted(place).fstype, fstype, place)
    end
    t.match(mounted("/").flags, ",ro,", true)
    t.match(mounted("/usr").flags, ",ro,", true)
    exec { "/bin/sh", "-c", "test $$ = 1 && test -e /dev/fd/0 && test ! -e /home && exit 7" }
  end)
  t.eq(child:wait().code, 7)
  t.eq(read_file("/proc/self/mountinfo"), before)
end

case("root goes the whole way into a new root, and nothing stays", { "root" }, function(t)
  whole_way(t, { "mnt", "pid", "net", "ipc", "uts", "cgroup" })
end)

case("a user goes the whole way in a user namespace", { "user", "userns" }, function(t)
  whole_way(t, { "user", "mnt", "pid", "net", "ipc", "uts", "cgroup" })
end)

case("root goes the whole way in a user namespace", { "root", "userns" }, function(t)
  whole_way(t, { "user", "mnt", "pid", "net", "ipc", "uts", "cgroup" })
end)

case("a directory of the host is entered as a root of its own", { "root" }, function(t)
  hostile(t, function(path)
    mkdir(path .. "/proc")
    write_file(path .. "/marker", "x")
    for _, no_pivot in ipairs { false, true } do
      t.inside({ "mnt", "pid" }, function()
        local root <close> = rootfs_open(path, { bind = true, private = true })
        root:proc()
        root:pivot { no_pivot = no_pivot }
        t.eq(list_dir("/"), { "marker", "proc" })
        t.eq(read_file("/marker"), "x")
      end)
    end
  end)
end)

case("a directory of the root is a root of its own, which no link leaves", {}, function(t)
  hostile(t, function(path, canary)
    local root <close> = rootfs_open(path)
    root:mkdir("/a/b", { parents = true })
    symlink(canary, path .. "/out")
    symlink("../../x", path .. "/a/up")
    t.fails("ENOENT", root.subdir, root, "/out")
    t.fails("ENOENT", root.subdir, root, "/nothing")
    root:write("/file", "")
    t.fails("ENOTDIR", root.subdir, root, "/file")
    local dir <close> = root:subdir("/a")
    dir:write("../../x", "inside")
    t.eq(root:read("/a/x"), "inside")
    t.eq(dir:read("/up"), "inside")
    t.eq(dir:list("/"), { "b", "up", "x" })
  end)
end)

case("a remount changes one mount, or the file system", { "root" }, function(t)
  t.inside({ "mnt" }, function()
    local root <close> = rootfs_new { size = "1M" }
    t.fails("superblock = true", root.remount, root, "/", { data = "size=1M" })
    t.fails("superblock = true", root.remount, root, "/", { sync = true })
    t.fails("belong to mounts", root.remount, root, "/", { superblock = true, recursive = true })
    root:mkdir("/plain")
    t.fails("EINVAL", root.remount, root, "/plain", { readonly = true })
    root:mount("tmpfs", "/t", { type = "tmpfs", nosuid = true })
    root:remount("/t", { superblock = true, data = "size=8k" })
    root:remount("/t", { readonly = true, propagation = "private" })
    root:mount("proc", "/proc", { type = "proc" })
    root:bind("/proc/self/mountinfo", "/info")
    local flags = root:read("/info"):match(" /t (%S+) ")
    t.match("," .. flags .. ",", ",ro,nosuid,", true)
    t.fails("EROFS", root.mkdir, root, "/t/x")
    root:remount("/t", { readonly = false })
    root:mkdir("/t/x")
    t.fails("ENOSPC", root.write, root, "/t/y", ("x"):rep(20000))
  end)
end)

-- The fallbacks must be as strict as what they stand in for: every case above, on a machine that
-- lacks the call.
local function without(call)
  return function(t)
    for _, name in ipairs(everywhere) do
      if not name:find("^a user") then
        local child <close> = spawn(function()
          exec {
            "strace",
            "-fqq",
            "--seccomp-bpf",
            "-o",
            "/dev/null",
            "-e",
            "trace=" .. call,
            "-e",
            "inject=" .. call .. ":error=ENOSYS",
            os.getenv("CRUN_LUA_TEST_PROGRAM"),
            "tests/lua/rootfs_test.lua",
            "--case",
            name,
          }
        end)
        t.eq(child:wait().code, 0, name)
      end
    end
  end
end

test.case(
  "all of this holds without openat2",
  { "root", "userns", "program:strace" },
  without "openat2"
)
test.case(
  "all of this holds without mount_setattr",
  { "root", "userns", "program:strace" },
  without "mount_setattr"
)

return test.run()
