-- A canary that notices nothing proves nothing: each kind of change is made, and must be told.

local canary = require "test.hostile.canary"
local stage = require "test.hostile.stage"
local test = require "test"

-- What somebody who has got out could do to the tree, and the beginning of what must be said of it.
local CHANGES = {
  ["tree: secret: content, mtime"] = function(path)
    write_file(path .. "/secret", (canary.SECRET:gsub("own", "new")))
  end,
  ["tree: passwd: content, mtime, size"] = function(path)
    write_file(path .. "/passwd", "x", { append = true })
  end,
  ["tree: tool: mode"] = function(path)
    chmod(path .. "/tool", "0755")
  end,
  ["tree: empty: gid, uid"] = function(path)
    chown(path .. "/empty", { uid = 1, gid = 2 })
  end,
  ["tree: pipe: uid"] = function(path)
    chown(path .. "/pipe", { uid = 3 })
  end,
  ["tree: sub/secret: mtime"] = function(path)
    touch(path .. "/sub/secret")
  end,
  ["tree: sub/secret: it is gone"] = function(path)
    remove(path .. "/sub/secret")
  end,
  ["tree: sub/new: it is new"] = function(path)
    mkdir(path .. "/sub/new")
  end,
  ["tree: secret: ino, mtime"] = function(path)
    copy_file(path .. "/secret", path .. "/other")
    rename(path .. "/other", path .. "/secret")
  end,
  ["tree: link: content, ino, mtime"] = function(path)
    remove(path .. "/link")
    symlink("passwd", path .. "/link")
  end,
  ["tree: null: ino"] = function(path)
    remove(path .. "/null")
    local root <close> = rootfs_open(path)
    root:mknod("/null", { type = "c", major = 1, minor = 3 })
  end,
  ["tree: passwd: xattr"] = function(path)
    file_caps_remove(path .. "/passwd")
  end,
  ["tree: secret: xattr"] = function(path)
    file_caps_set(path .. "/secret", { permitted = { "sys_admin" }, effective = true })
  end,
  ["tree: sub: dev, ino"] = function(path)
    mount("tmpfs", path .. "/sub", { type = "tmpfs" })
  end,
  ["tree: null: content, ino, mode, size, type"] = function(path)
    mount(path .. "/secret", path .. "/null", { bind = true })
  end,
  ["tree: .: it is gone"] = function(path)
    rename(path, path .. ".old")
  end,
}

test.case("a canary notices whatever is done to its tree", { "root" }, function(t)
  stage.run(function(at)
    for told, change in pairs(CHANGES) do
      local path = at.path .. "/tree"
      local tree = canary.plant(path, nil, { "tree" })
      t.eq(tree:complaints(), {})
      change(path)
      t.match(table.concat(tree:complaints(), "\n"), told, true)
      try(umount, path .. "/sub")
      try(umount, path .. "/null")
      remove(path, { recursive = true, missing = true })
      remove(path .. ".old", { recursive = true, missing = true })
    end
  end)
end)

test.case("a canary notices settings of the kernel", { "root" }, function(t)
  stage.run(function(at)
    t.eq(at.watch:complaints(), {})
    sethostname("taken")
    sysctl("net.ipv4.ip_default_ttl", "63")
    sysctl("kernel.shmmni", "4095")
    t.eq(at.watch:complaints(), {
      "sysctl: kernel/hostname: content changed",
      "sysctl: kernel/shmmni: content changed",
      "sysctl: net/ipv4/ip_default_ttl: content changed",
    })
  end, { unwatched = true })
end)

test.case("a canary notices mounts wherever they are", { "root" }, function(t)
  stage.run(function(at)
    mount("tmpfs", at.root, { type = "tmpfs" })
    t.match(table.concat(at.watch:complaints(), "\n"), "mounts: .*it is new")
    umount(at.root)
    t.eq(at.watch:complaints(), {})
    mount(nil, at.path, { readonly = true, remount = true, bind = true })
    t.match(table.concat(at.watch:complaints(), "\n"), "mounts: .*it is gone")
  end, { unwatched = true })
end)

test.case("a canary notices that the program's file was written", { "root" }, function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/program", "text", { mode = "0755" })
  local watch = canary.plant(dir.path .. "/canary", dir.path .. "/program", { "program" })
  t.eq(watch:complaints(), {})
  write_file(dir.path .. "/program", "tuxt")
  t.eq(watch:complaints(), { "program: program: content changed" })
end)

test.case("a canary notices a descriptor too many, and one that it was not shown", function(t)
  local function listing(preserve)
    local extra <close> = open("/dev/null")
    local child <close> = spawn({ stdin = "null", stdout = "pipe" }, function()
      -- The shell waits for ls, so its own list is what ls prints.
      local fds = preserve and { extra } or nil
      exec { "sh", "-c", "ls /proc/$$/fd; true", preserve_fds = fds }
    end)
    return child:output().stdout
  end
  t.eq(canary.fd_complaints(listing(false)), {})
  t.eq(canary.fd_complaints(listing(true)), { "fd 3: the program sees it" })
  t.eq(#canary.fd_complaints(""), 3)
end)

test.case("an escape fails the case, whatever the case has found", { "root" }, function(t)
  t.fails("an escape: tree: secret", stage.run, function(at)
    write_file(at.canary .. "/secret", "x")
  end)
end)

return test.run()
