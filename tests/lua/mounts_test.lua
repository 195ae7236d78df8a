-- Mounts by path, detached mounts, chroot and pivot_root.

local test = require "test"

-- The fields of the uppermost mount at a path, from mountinfo.
local function mounted(target)
  local found
  for line in read_file("/proc/self/mountinfo"):gmatch("[^\n]+") do
    local root, place, flags, rest = line:match("^%d+ %d+ %S+ (%S+) (%S+) (%S+)(.*)$")
    if place == target then
      local shared, fstype, source, data = rest:match("^(.-) %- (%S+) (%S+) (%S+)$")
      found = { root = root, flags = flags, shared = shared, fstype = fstype }
      found.source, found.data = source, data
    end
  end
  return found
end

local function has(flags, word)
  return ("," .. flags .. ","):find("," .. word .. ",", 1, true) ~= nil
end

-- A child in a mount namespace whose mounts are its own.
local function inside(t, body)
  t.inside({ "mnt" }, function()
    mount(nil, "/", { propagation = "private", recursive = true })
    body()
  end)
end

test.case("what contradicts itself is refused before any call", { "root" }, function(t)
  local function wrong(text, options, source)
    t.fails(text, mount, source or "x", "/mnt", options)
  end
  wrong("expected one of type, bind", {})
  wrong("exclude each other", { type = "tmpfs", bind = true })
  wrong("exclude each other", { rbind = true, move = true })
  wrong("say different things", { type = "tmpfs", readonly = true, ro = false })
  wrong("expected one of noatime", { type = "tmpfs", noatime = true, relatime = true })
  wrong("expected one of private", { type = "tmpfs", private = true, slave = true })
  wrong("belongs to a file system", { bind = true, data = "size=1M" })
  wrong("belong to the file system", { bind = true, sync = true })
  wrong('belongs to type = "overlay"', { type = "tmpfs", lower = { "/a" } })
  wrong("upper and work", { type = "overlay", lower = { "/a" }, upper = "/b" })
  wrong("needs lower", { type = "overlay" })
  wrong("a comma cannot be part", { type = "tmpfs", data = { size = "1,M" } })
  wrong('did you mean "nosuid"', { type = "tmpfs", nosuids = true })
  t.fails("source: expected a string", mount, nil, "/mnt", { type = "tmpfs" })
  t.fails("expire excludes", umount, "/mnt", { expire = true, detach = true })
end)

test.case("the host is refused, and the missing unshare is named", { "root" }, function(t)
  for _, call in ipairs {
    function()
      mount("tmpfs", "/mnt", { type = "tmpfs" })
    end,
    function()
      umount("/mnt")
    end,
    function()
      mount_setattr("/mnt", { readonly = true })
    end,
    function()
      pivot_root("/mnt")
    end,
    function()
      rootfs_open("/mnt", { bind = true })
    end,
  } do
    local err = t.fails("would change the host", call)
    t.match(err.hint, 'unshare { "mnt" }', true)
  end
  t.fails("needs a mount namespace", rootfs_new)
  t.eq(mounted("/mnt"), nil)
end)

test.case("an unknown file system is ENODEV, and the hint names the list", { "root" }, function(t)
  inside(t, function()
    local err = t.fails("ENODEV", mount, "x", "/mnt", { type = "nosuchfs" })
    t.match(err.hint, "/proc/filesystems", true)
    err = t.fails("ENODEV", mount_new, { type = "nosuchfs" })
    t.match(err.hint, "/proc/filesystems", true)
  end)
end)

test.case(
  "a wrong option is told in the file system's words",
  { "root", "kernel:5.12" },
  function(t)
    inside(t, function()
      local err = t.fails("EINVAL", mount_new, { type = "tmpfs", data = { size = "many" } })
      t.match(err.hint, "size", true)
    end)
  end
)

test.case("an unprivileged user is told what is missing", { "user" }, function(t)
  local err = t.fails("EPERM", mount, "tmpfs", "/mnt", { type = "tmpfs", host = true })
  t.match(err.hint, "CAP_SYS_ADMIN", true)
  t.eq(mounted("/mnt"), nil)
end)

test.case(
  "a mount that fails in its second step is taken away again",
  { "root", "userns" },
  function(t)
    -- A user namespace may not unlock what came to it locked: the bind goes through and the
    -- remount that would make it writable does not.
    local dir = os.getenv("TMPDIR")
    inside(t, function()
      mount("/usr", dir, { bind = true, readonly = true })
      t.inside({ "user", "mnt" }, function()
        local before = read_file("/proc/self/mountinfo")
        local err = t.fails("EPERM", mount, dir, "/mnt", { bind = true, readonly = false })
        t.match(err.call, "MS_REMOUNT", true)
        t.eq(mounted("/mnt"), nil)
        t.eq(read_file("/proc/self/mountinfo"), before)
        -- The same in one step for the whole tree.
        err = t.fails("EPERM", mount, dir, "/mnt", { rbind = true, readonly = false })
        t.match(err.call, "mount_setattr", true)
        t.eq(read_file("/proc/self/mountinfo"), before)
        mount(dir, "/mnt", { bind = true, readonly = true })
        t.ok(mounted("/mnt"), "what is locked stays so")
      end)
    end)
  end
)

test.case(
  "the attributes of a tree are refused for a namespace that is none",
  { "root" },
  function(t)
    local tree <close> = open_tree("/usr")
    t.fails("ENOENT", tree.setattr, tree, { id_map = "/no/such/namespace" })
  end
)

test.case("flags, data and type are what mountinfo shows", { "root" }, function(t)
  inside(t, function()
    mount("scratch", "/mnt", {
      type = "tmpfs",
      data = { size = "1M", mode = "0700", nr_inodes = 10 },
      readonly = true,
      nosuid = true,
      nodev = true,
      noexec = true,
      noatime = true,
    })
    local found = mounted("/mnt")
    t.eq(found.fstype, "tmpfs")
    t.eq(found.source, "scratch")
    for _, word in ipairs { "ro", "nosuid", "nodev", "noexec", "noatime" } do
      t.ok(has(found.flags, word), word .. " in " .. found.flags)
    end
    t.ok(has(found.data, "size=1024k") and has(found.data, "nr_inodes=10"), found.data)
    t.fails("EROFS", write_file, "/mnt/x", "")
    umount("/mnt")
    t.eq(mounted("/mnt"), nil)
  end)
end)

test.case("a remount keeps the flags that it does not mention", { "root" }, function(t)
  inside(t, function()
    mount("tmpfs", "/mnt", { type = "tmpfs", nosuid = true, nodev = true, noatime = true })
    mount(nil, "/mnt", { remount = true, bind = true, readonly = true })
    local flags = mounted("/mnt").flags
    for _, word in ipairs { "ro", "nosuid", "nodev", "noatime" } do
      t.ok(has(flags, word), word .. " in " .. flags)
    end
    mount(nil, "/mnt", { remount = true, bind = true, readonly = false, nodev = false })
    flags = mounted("/mnt").flags
    t.ok(has(flags, "rw") and has(flags, "nosuid") and not has(flags, "nodev"), flags)
  end)
end)

test.case("a bind mount with attributes has them, and its source has not", { "root" }, function(t)
  inside(t, function()
    mount("tmpfs", "/mnt", { type = "tmpfs" })
    mkdir("/mnt/a")
    mkdir("/mnt/b")
    mount("/mnt/a", "/mnt/b", { bind = true, readonly = true, nosymfollow = true })
    local found = mounted("/mnt/b")
    t.eq(found.root, "/a")
    t.ok(has(found.flags, "ro") and has(found.flags, "nosymfollow"), found.flags)
    t.ok(has(mounted("/mnt").flags, "rw"))
    t.fails("EROFS", write_file, "/mnt/b/x", "")
    write_file("/mnt/a/x", "")
  end)
end)

test.case(
  "rbind with readonly reaches what is mounted below",
  { "root", "kernel:5.12" },
  function(t)
    inside(t, function()
      mount("tmpfs", "/mnt", { type = "tmpfs" })
      mkdir("/mnt/a/deep", { parents = true })
      mkdir("/mnt/b")
      mount("tmpfs", "/mnt/a/deep", { type = "tmpfs" })
      mount("/mnt/a", "/mnt/b", { rbind = true, readonly = true })
      t.ok(has(mounted("/mnt/b/deep").flags, "ro"))
      t.fails("EROFS", write_file, "/mnt/b/deep/x", "")
      write_file("/mnt/a/deep/x", "")
    end)
  end
)

test.case("propagation is what the optional fields say", { "root" }, function(t)
  inside(t, function()
    mount("tmpfs", "/mnt", { type = "tmpfs", shared = true })
    t.match(mounted("/mnt").shared, "shared:", true)
    mkdir("/mnt/a")
    mount("tmpfs", "/mnt/a", { type = "tmpfs", propagation = "unbindable" })
    t.match(mounted("/mnt/a").shared, "unbindable", true)
    mount(nil, "/mnt", { private = true, recursive = true })
    t.eq(mounted("/mnt").shared, "")
    t.eq(mounted("/mnt/a").shared, "")
  end)
end)

test.case("a mount is moved with what is in it", { "root" }, function(t)
  inside(t, function()
    mount("tmpfs", "/mnt", { type = "tmpfs" })
    mkdir("/mnt/a")
    mkdir("/mnt/b")
    mount("tmpfs", "/mnt/a", { type = "tmpfs" })
    write_file("/mnt/a/file", "x")
    mount("/mnt/a", "/mnt/b", { move = true })
    t.eq(mounted("/mnt/a"), nil)
    t.eq(read_file("/mnt/b/file"), "x")
  end)
end)

test.case("an overlay takes names with colons and commas", { "root", "fs:overlay" }, function(t)
  inside(t, function()
    mount("tmpfs", "/mnt", { type = "tmpfs" })
    for _, dir in ipairs { "low:er,1", "lower2", "up,per", "wo,rk", "merged" } do
      mkdir("/mnt/" .. dir)
    end
    write_file("/mnt/low:er,1/a", "first")
    write_file("/mnt/lower2/a", "second")
    write_file("/mnt/lower2/b", "second")
    mount("overlay", "/mnt/merged", {
      type = "overlay",
      lower = { "/mnt/low:er,1", "/mnt/lower2" },
      upper = "/mnt/up,per",
      work = "/mnt/wo,rk",
    })
    t.eq(mounted("/mnt/merged").fstype, "overlay")
    t.eq(read_file("/mnt/merged/a"), "first")
    t.eq(read_file("/mnt/merged/b"), "second")
    write_file("/mnt/merged/b", "new")
    t.eq(read_file("/mnt/up,per/b"), "new")
    t.eq(read_file("/mnt/lower2/b"), "second")
  end)
end)

test.case("proc, sysfs, devpts, mqueue and cgroup2 are one line each", { "root" }, function(t)
  t.inside({ "mnt", "pid", "net", "ipc", "cgroup" }, function()
    mount(nil, "/", { propagation = "private", recursive = true })
    mount("tmpfs", "/mnt", { type = "tmpfs" })
    for _, fstype in ipairs { "proc", "sysfs", "devpts", "mqueue", "cgroup2" } do
      local place = "/mnt/" .. fstype
      mkdir(place)
      mount(fstype, place, { type = fstype, nosuid = true })
      t.eq(mounted(place).fstype, fstype)
    end
  end)
end)

test.case("umount knows busy, detached and nofollow", { "root" }, function(t)
  inside(t, function()
    mount("tmpfs", "/mnt", { type = "tmpfs" })
    mkdir("/mnt/a")
    mount("tmpfs", "/mnt/a", { type = "tmpfs" })
    symlink("a", "/mnt/link")
    local file <close> = io.open("/mnt/a/open", "w")
    t.match(t.fails("EBUSY", umount, "/mnt/a").hint, "detach", true)
    t.fails("EINVAL", umount, "/mnt/link", { nofollow = true })
    umount("/mnt/a", { detach = true })
    t.eq(mounted("/mnt/a"), nil)
    t.ok(file)
    t.match(t.fails("EINVAL", umount, "/mnt/a").hint, "nothing is mounted", true)
  end)
end)

test.case("mount_setattr changes a whole tree at once", { "root", "kernel:5.12" }, function(t)
  inside(t, function()
    mount("tmpfs", "/mnt", { type = "tmpfs", noexec = true })
    mkdir("/mnt/a")
    mount("tmpfs", "/mnt/a", { type = "tmpfs", noexec = true })
    t.fails("expected an attribute", mount_setattr, "/mnt", {})
    mount_setattr("/mnt", { readonly = true, noexec = false, recursive = true, slave = false })
    for _, place in ipairs { "/mnt", "/mnt/a" } do
      local flags = mounted(place).flags
      t.ok(has(flags, "ro") and not has(flags, "noexec"), flags)
    end
    mount_setattr("/mnt/a", { propagation = "shared" })
    t.match(mounted("/mnt/a").shared, "shared:", true)
    t.eq(mounted("/mnt").shared, "")
    t.fails("EINVAL", mount_setattr, "/usr/bin", { readonly = true })
  end)
end)

test.case("a detached mount is nowhere until it is moved", { "root", "kernel:5.12" }, function(t)
  inside(t, function()
    local before = read_file("/proc/self/mountinfo")
    local fresh = mount_new { type = "tmpfs", data = "size=1M", nodev = true, private = true }
    t.eq(read_file("/proc/self/mountinfo"), before)
    t.fails("ENOENT", fresh.move, fresh, "/no/such/place")
    fresh:move("/mnt")
    t.ok(has(mounted("/mnt").flags, "nodev"))
    fresh:close()
    fresh:close()
    t.ok(mounted("/mnt"), "an attached mount outlives its handle")
    t.fails("is closed", fresh.move, fresh, "/mnt")
  end)
end)

test.case("an id-mapped mount shows shifted owners", { "root", "kernel:6.3" }, function(t)
  inside(t, function()
    mount("tmpfs", "/mnt", { type = "tmpfs" })
    mkdir("/mnt/a")
    mkdir("/mnt/b")
    write_file("/mnt/a/zero", "")
    write_file("/mnt/a/seven", "")
    chown("/mnt/a/seven", { uid = 7, gid = 7 })
    local map = { { inside = 0, outside = 100000, count = 1000 } }
    local holder <close> = spawn(
      { unshare = { "user" }, id_map = { uid = map, gid = map } },
      function()
        exec { "sleep", "60" }
      end
    )
    holder:started()
    local tree <close> = open_tree("/mnt/a", { id_map = holder })
    tree:move("/mnt/b")
    t.eq(stat("/mnt/b/zero").uid, 100000)
    t.eq(stat("/mnt/b/seven").gid, 100007)
    t.eq(stat("/mnt/a/seven").uid, 7)
    local again <close> = open_tree("/mnt/a", { id_map = "/proc/" .. holder.pid .. "/ns/user" })
    again:close()
    local third <close> = open_tree("/mnt/a", { id_map = ns_open(holder, "user") })
    third:close()
    t.fails("EINVAL", open_tree, "/mnt/a", { id_map = "/proc/self/ns/mnt" })
  end)
end)

test.case("chroot changes the root and goes there", { "root" }, function(t)
  local child <close> = spawn(function()
    chroot("/usr")
    t.eq(stat("/etc/passwd"), nil)
    t.ok(stat("bin"), "the working directory is inside")
    t.eq(stat(".").ino, stat("/").ino)
  end)
  t.eq(child:wait().code, 0)
end)

test.case("pivot_root leaves nothing of the old root", { "root" }, function(t)
  inside(t, function()
    mount("tmpfs", "/mnt", { type = "tmpfs" })
    for _, dir in ipairs { "proc", "old" } do
      mkdir("/mnt/" .. dir)
    end
    t.fails("EBUSY", pivot_root, "/usr")
    mount("proc", "/mnt/proc", { type = "proc" })
    pivot_root("/mnt")
    t.eq(list_dir("/"), { "old", "proc" })
    local count = 0
    for _ in read_file("/proc/self/mountinfo"):gmatch("\n") do
      count = count + 1
    end
    t.eq(count, 2, "mounts in the new root")
    t.eq(stat(".").ino, stat("/").ino)
  end)
end)

test.case("pivot_root keeps the old root where it is told to", { "root" }, function(t)
  inside(t, function()
    mount("tmpfs", "/mnt", { type = "tmpfs" })
    mkdir("/mnt/old")
    pivot_root("/mnt", { put_old = "old" })
    t.ok(stat("/old/etc/passwd"))
  end)
end)

test.case("without pivot_root no procfs of the host is left behind", { "root" }, function(t)
  inside(t, function()
    mount("tmpfs", "/mnt", { type = "tmpfs" })
    mkdir("/mnt/proc")
    mount("proc", "/mnt/proc", { type = "proc" })
    pivot_root("/mnt", { no_pivot = true })
    t.eq(list_dir("/"), { "proc" })
    local procs = 0
    for line in read_file("/proc/self/mountinfo"):gmatch("[^\n]+") do
      procs = procs + (line:find(" - proc ", 1, true) and 1 or 0)
    end
    t.eq(procs, 1, "procfs mounts")
  end)
end)

test.case("a mount on the host goes with its script, or stays when kept", { "root" }, function(t)
  local dir <close> = temp_dir()
  local held = mount("tmpfs", dir.path, { type = "tmpfs", host = true })
  t.eq(mounted(dir.path).fstype, "tmpfs")
  held:close()
  t.eq(mounted(dir.path), nil)
  local kept = mount("tmpfs", dir.path, { type = "tmpfs", host = true }):keep()
  kept:close()
  t.eq(mounted(dir.path).fstype, "tmpfs")
  umount(dir.path, { host = true })
end)

test.case(
  "flags that were inherited are locked in a user namespace",
  { "root", "userns" },
  function(t)
    inside(t, function()
      mount("tmpfs", "/mnt", { type = "tmpfs", nosuid = true, nodev = true, noexec = true })
      local child <close> = spawn({ unshare = { "user", "mnt" } }, function()
        local err =
          t.fails("EPERM", mount, nil, "/mnt", { remount = true, bind = true, nodev = false })
        t.match(err.hint, "locked", true)
        mount(nil, "/mnt", { remount = true, bind = true, readonly = true })
        local flags = mounted("/mnt").flags
        t.ok(has(flags, "ro") and has(flags, "nodev") and has(flags, "noexec"), flags)
      end)
      t.eq(child:wait().code, 0)
    end)
  end
)

return test.run()
