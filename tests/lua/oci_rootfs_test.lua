-- The root of an OCI container: hostile images, what is hidden and protected, and the way in.

local rootfs = require "oci.rootfs"
local test = require "test"

-- These hold with openat2 and mount_setattr and without: see the last cases.
local everywhere = {}

local function case(name, needs, body)
  everywhere[#everywhere + 1] = name
  test.case(name, needs, body)
end

-- A bundle with a root, and beside the root a canary that nothing may reach.
local function in_bundle(t, body)
  local dir <close> = temp_dir()
  local canary = dir.path .. "/canary"
  mkdir(canary)
  mkdir(dir.path .. "/rootfs")
  write_file(canary .. "/passwd", "canary")
  body(dir.path, dir.path .. "/rootfs", canary)
  t.eq(list_dir(canary), { "passwd" }, "the canary's directory")
  t.eq(read_file(canary .. "/passwd"), "canary")
  t.ok(not read_file("/proc/self/mountinfo"):find(dir.path, 1, true), "nothing is mounted there")
end

local function spec_of(mounts, linux, root)
  linux = linux or {}
  linux.namespaces = linux.namespaces or { { type = "mount" }, { type = "pid" } }
  return { root = root or { path = "rootfs" }, mounts = mounts or {}, linux = linux }
end

local PROC = { destination = "/proc", type = "proc", source = "proc" }
local DEV = { destination = "/dev", type = "tmpfs", source = "tmpfs", options = { "mode=755" } }
local SYS = { destination = "/sys", type = "sysfs", source = "sysfs", options = { "ro" } }

-- Goes into a root and calls `body` there; what fails in it fails here.
local function within(t, bundle, spec, body, how)
  how = how or {}
  local plan = rootfs.prepare(spec, {
    bundle = bundle,
    id = "test",
    userns = how.userns,
    no_pivot = how.no_pivot,
  })
  local child <close> = spawn({
    unshare = how.unshare or { "mnt", "pid", "net", "ipc" },
    propagation = plan.propagation,
    id_map = how.id_map,
  }, function()
    if how.id_map then
      setuser("0:0")
    end
    local root = rootfs.furnish(plan)
    if how.between then
      how.between(root)
    end
    rootfs.enter(plan, root)
    return body and body(root)
  end)
  t.eq(child:wait().code, 0, "the child's status")
end

-- The uppermost mount at a path.
local function mounted(path)
  local found
  for _, mount in ipairs(mountinfo()) do
    found = mount.mount_point == path and mount or found
  end
  return found
end

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

test.case("a root that is not there or no directory is refused by its name", {}, function(t)
  in_bundle(t, function(bundle)
    local ctx = { bundle = bundle, id = "x" }
    local function refused(text, root)
      t.fails(text, rootfs.prepare, spec_of(nil, nil, root), ctx)
    end
    refused("root.path is missing", {})
    refused("/nothing: no such file or directory", { path = "nothing" })
    refused("is not a directory", { path = "canary/passwd" })
    refused("the host's own root", { path = "/" })
    refused("the host's own root", { path = "//./" })
    local odd = spec_of(nil, { rootfsPropagation = "odd" })
    t.fails('no propagation is called "odd"', rootfs.prepare, odd, ctx)
  end)
end)

case(
  "a link at /proc, /sys or /dev is refused and nothing happens where it leads",
  { "root" },
  function(t)
    in_bundle(t, function(bundle, root, canary)
      for _, trap in ipairs(traps(canary)) do
        symlink("loop", root .. "/loop")
        for name, mount in pairs { proc = PROC, sys = SYS, dev = DEV } do
          symlink(trap, root .. "/" .. name)
          local err = t.fails("mounts[0]", within, t, bundle, spec_of { mount })
          t.match(err.message, "ELOOP")
          t.eq(readlink(root .. "/" .. name), trap)
          remove(root .. "/" .. name)
        end
        -- Without a mount there, devices would be made in it.
        symlink(trap, root .. "/dev")
        t.fails("/dev of the root is a symlink", within, t, bundle, spec_of {})
        remove(root .. "/dev")
        remove(root .. "/loop")
      end
    end)
  end
)

case("a file at /proc, /sys or /dev is refused", { "root" }, function(t)
  in_bundle(t, function(bundle, root)
    for name, mount in pairs { proc = PROC, sys = SYS, dev = DEV } do
      write_file(root .. "/" .. name, "")
      t.fails("mounts[0]", within, t, bundle, spec_of { mount })
      remove(root .. "/" .. name)
    end
    mkfifo(root .. "/dev")
    t.fails("/dev of the root is a fifo", within, t, bundle, spec_of {})
  end)
end)

case("an image's null device masks nothing, whatever it is", { "root" }, function(t)
  in_bundle(t, function(bundle, root)
    mkdir(root .. "/dev")
    symlink("/proc/sys/kernel/core_pattern", root .. "/dev/null")
    local plain = spec_of({ PROC }, { maskedPaths = { "/secret" } })
    t.fails("/dev/null cannot be made", within, t, bundle, plain)
    write_file(root .. "/secret", "secret")
    local covered = spec_of({ PROC, DEV }, { maskedPaths = { "/secret" } })
    within(t, bundle, covered, function()
      local found = stat("/secret")
      t.eq({ found.type, found.major, found.minor }, { "char", 1, 3 })
      t.eq(read_file("/secret"), "")
    end)
  end)
end)

case("a directory that becomes a link leads no mount out of the root", { "root" }, function(t)
  in_bundle(t, function(bundle, root, canary)
    mkdir(root .. "/vol")
    symlink(canary, root .. "/trap")
    local racer <close> = spawn({ die_with_parent = true }, function()
      while true do
        rename(root .. "/vol", root .. "/trap", { exchange = true })
      end
    end)
    local spec = spec_of({
      { destination = "/vol/a/b", type = "tmpfs", source = "tmpfs" },
      { destination = "/vol/etc", type = "bind", source = "/etc", options = { "rbind" } },
      { destination = "/vol/f", source = "/etc/passwd", options = { "bind" } },
    }, { maskedPaths = { "/vol/passwd" }, readonlyPaths = { "/vol" } })
    local plan = rootfs.prepare(spec, { bundle = bundle, id = "x" })
    local done = 0
    for _ = 1, 150 do
      local child <close> = spawn(
        { unshare = { "mnt" }, propagation = plan.propagation },
        function()
          local made, err = try(rootfs.furnish, plan)
          t.ok(not read_file("/proc/self/mountinfo"):find(" " .. canary, 1, true), "at the canary")
          if not err then
            rootfs.enter(plan, made)
          end
          return err and 3 or 0
        end
      )
      local ended, err = try(child.wait, child)
      t.ok(ended or tostring(err):find("E%u+"), tostring(err))
      done = done + (ended and ended.code == 0 and 1 or 0)
    end
    racer:kill("kill")
    racer:wait()
    t.ok(done > 0, "some of them are made")
  end)
end)

-- Places where the runtime works, and what an image may have there.
local PLACES = {
  "proc",
  "sys",
  "dev",
  "dev/null",
  "dev/pts",
  "dev/shm",
  "dev/console",
  "dev/ptmx",
  "dev/fd",
  "etc",
  "etc/hosts",
  "tmp",
  "run",
  "sys/fs",
}

local function lay(root, place, kind, canary)
  local dir <close> = rootfs_open(root)
  if place:find("/") then
    dir:mkdir(place:match("^(.*)/"), { parents = true })
  end
  if kind == "file" then
    dir:write(place, "x")
  elseif kind == "fifo" then
    dir:mknod(place, { type = "p" })
  elseif kind == "device" then
    dir:mknod(place, { type = "c", major = 1, minor = 5 })
  else
    dir:symlink((kind:gsub("CANARY", canary)), place)
  end
end

local HOSTILE = { "root", "minutes:3" }

test.case("whatever an image has where the runtime works, the host stays", HOSTILE, function(t)
  local kinds = { "CANARY", "../canary", "../../../../../../..CANARY", "nowhere", "file", "fifo" }
  local spec = spec_of({
    PROC,
    { destination = "/etc/hosts", source = "/etc/hostname", options = { "bind", "ro" } },
    { destination = "/tmp", type = "tmpfs", source = "tmpfs", options = { "tmpcopyup" } },
    { destination = "/run/a", source = "/usr", options = { "rbind" } },
    { destination = "/sys/fs/x", type = "tmpfs", source = "tmpfs" },
    { destination = "/dev/shm", type = "tmpfs", source = "shm" },
  }, { maskedPaths = { "/etc/hosts", "/dev/pts" }, readonlyPaths = { "/etc", "/sys/fs" } })
  local tried, made = 0, 0
  for _, place in ipairs(PLACES) do
    for _, kind in ipairs(kinds) do
      in_bundle(t, function(bundle, root, canary)
        lay(root, place, kind, canary)
        local plan = rootfs.prepare(spec, { bundle = bundle, id = "x", terminal = true })
        local how = { unshare = { "mnt", "pid" }, propagation = plan.propagation }
        local child <close> = spawn(how, function()
          local ok, err = try(rootfs.furnish, plan)
          local mounts = read_file("/proc/self/mountinfo")
          t.ok(not mounts:find(" " .. canary, 1, true), place .. " " .. kind .. ": at the canary")
          if err then
            return 3
          end
          _, err = try(rootfs.enter, plan, ok)
          return err and 3 or 0
        end)
        local code = child:wait().code
        t.ok(code == 0 or code == 3, ("%s %s: %d"):format(place, kind, code))
        tried, made = tried + 1, made + (code == 0 and 1 or 0)
      end)
    end
  end
  t.ok(made > 10 and made < tried, ("%d of %d"):format(made, tried))
end)

case("a link in the way of a mask or of protection stays in the root", { "root" }, function(t)
  in_bundle(t, function(bundle, root, canary)
    symlink(canary, root .. "/mask")
    symlink(canary .. "/passwd", root .. "/file")
    symlink("/proc/self/root", root .. "/magic")
    mkdir(root .. canary, { parents = true })
    write_file(root .. canary .. "/x", "inside")
    local spec = spec_of({ PROC, DEV }, {
      maskedPaths = { "/mask", "/file" },
      readonlyPaths = { "/nothing/at/all", canary },
    })
    within(t, bundle, spec, function()
      t.eq(list_dir(canary), {})
    end)
    t.eq(read_file(root .. canary .. "/x"), "inside")
    local magic = spec_of({ PROC, DEV }, { maskedPaths = { "/magic/etc" } })
    t.fails("ELOOP", within, t, bundle, magic)
  end)
end)

test.case("masked directories are one empty directory, read-only", { "root" }, function(t)
  in_bundle(t, function(bundle, root)
    for _, name in ipairs { "one", "two" } do
      mkdir(root .. "/" .. name)
      write_file(root .. "/" .. name .. "/key", "secret")
    end
    write_file(root .. "/file", "secret")
    local masked = { "/one", "/two", "/file", "/not/there" }
    within(t, bundle, spec_of({ PROC, DEV }, { maskedPaths = masked }), function()
      t.eq({ list_dir("/one"), list_dir("/two"), read_file("/file") }, { {}, {}, "" })
      t.eq(stat("/one").dev, stat("/two").dev)
      t.fails("EROFS", write_file, "/one/x", "")
      t.fails("EROFS", write_file, "/two/x", "")
      t.eq(mounted("/one").fs_type, "tmpfs")
    end)
  end)
end)

case("read-only paths are so with all that is mounted below", { "root" }, function(t)
  in_bundle(t, function(bundle, root)
    mkdir(root .. "/a/b", { parents = true })
    local tmpfs = { destination = "/a/b", type = "tmpfs", source = "tmpfs" }
    local spec = spec_of({ PROC, DEV, tmpfs }, { readonlyPaths = { "/a", "/proc/sys" } })
    within(t, bundle, spec, function()
      t.fails("EROFS", write_file, "/a/x", "")
      t.fails("EROFS", write_file, "/a/b/x", "")
      t.fails("EROFS", write_file, "/proc/sys/kernel/hostname", "x")
      write_file("/x", "")
    end)
  end)
end)

case("a read-only root has writable file systems in it", { "root" }, function(t)
  in_bundle(t, function(bundle)
    local tmp = { destination = "/tmp", type = "tmpfs", source = "tmpfs" }
    local spec = spec_of({ PROC, DEV, tmp }, nil, { path = "rootfs", readonly = true })
    within(t, bundle, spec, function()
      t.fails("EROFS", mkdir, "/x")
      mkdir("/tmp/x")
      t.match(mounted("/").mount_options[1] or mounted("/").mount_options, "ro")
    end)
  end)
end)

case("the host's root is out of reach", { "root" }, function(t)
  in_bundle(t, function(bundle)
    within(t, bundle, spec_of { PROC, DEV }, function()
      local points = {}
      for _, mount in ipairs(mountinfo()) do
        points[#points + 1] = mount.mount_point
      end
      t.eq(points, { "/", "/proc", "/dev" })
      t.eq(list_dir("/"), { "dev", "proc" })
      t.eq(list_dir("/proc/1/cwd"), { "dev", "proc" })
    end)
  end)
end)

test.case(
  "without a pivot the root is as small, and the host's /proc is gone",
  { "root" },
  function(t)
    in_bundle(t, function(bundle)
      within(t, bundle, spec_of { PROC, DEV }, function()
        t.eq(list_dir("/"), { "dev", "proc" })
        t.ok(not stat("/etc/passwd"))
        t.eq(list_dir("/.."), { "dev", "proc" })
      end, { no_pivot = true })
    end)
  end
)

test.case("what hooks mount between the halves is in the root", { "root" }, function(t)
  in_bundle(t, function(bundle, root)
    within(t, bundle, spec_of { PROC, DEV }, function()
      t.eq(mounted("/hook").fs_type, "tmpfs")
    end, {
      between = function()
        mkdir(root .. "/hook")
        mount("tmpfs", root .. "/hook", { type = "tmpfs" })
      end,
    })
  end)
end)

-- A namespace that stands for the host, whose mounts are shared.
local function as_host(t, body)
  t.inside({ "mnt" }, function()
    mount(nil, "/", { private = true, recursive = true })
    mount(nil, "/", { shared = true, recursive = true })
    body()
  end)
end

-- What a word propagates: of a mount on the host into the root, and of one in the root to the host.
local function propagated(t, word, expected)
  in_bundle(t, function(bundle, root)
    mkdir(root .. "/in")
    mkdir(root .. "/out")
    as_host(t, function()
      local spec = spec_of({ PROC, DEV }, { rootfsPropagation = word })
      local plan = rootfs.prepare(spec, { bundle = bundle, id = "x" })
      local ready, go, said = pipe(), pipe(), pipe()
      local before = #mountinfo()
      local child <close> = spawn(
        { unshare = { "mnt", "pid" }, propagation = plan.propagation },
        function()
          rootfs.enter(plan, rootfs.furnish(plan))
          mount("tmpfs", "/out", { type = "tmpfs" })
          ready.write:write("r")
          go.read:read(1)
          local top = mounted("/")
          local tags = (top.shared and "shared " or "") .. (top.master and "master " or "")
          tags = tags .. (top.unbindable and "unbindable " or "")
          said.write:write(tags .. (mounted("/in") and "in" or ""))
        end
      )
      ready.read:read(1)
      t.eq(#mountinfo(), before, "mounts on the host")
      mount("tmpfs", root .. "/in", { type = "tmpfs" })
      go.write:write("g")
      t.eq(child:wait().code, 0)
      said.write:close()
      t.eq(said.read:read(), expected, word)
      umount(root .. "/in", { detach = true })
    end)
  end)
end

test.case("no propagation of the root brings its mounts to the host", { "root" }, function(t)
  propagated(t, nil, "")
  propagated(t, "private", "")
  propagated(t, "slave", "master in")
  propagated(t, "rslave", "master in")
  propagated(t, "shared", "shared ")
  propagated(t, "unbindable", "unbindable ")
end)

test.case("an unbindable root cannot be bound", { "root" }, function(t)
  in_bundle(t, function(bundle)
    local spec = spec_of({ PROC, DEV }, { rootfsPropagation = "unbindable" })
    within(t, bundle, spec, function()
      mkdir("/x")
      t.fails("EINVAL", mount, "/", "/x", { bind = true })
    end)
  end)
end)

local USERNS = {
  namespaces = { { type = "user" }, { type = "mount" }, { type = "pid" } },
  maskedPaths = { "/proc/keys", "/sys/firmware" },
  readonlyPaths = { "/proc/sys" },
}

local function in_userns(t, id_map)
  in_bundle(t, function(bundle, root)
    chmod(bundle, "755")
    if id_map then
      chown(root, { uid = 100000, gid = 100000 })
    end
    local spec = spec_of({ PROC, DEV, SYS }, USERNS, { path = "rootfs", readonly = true })
    within(t, bundle, spec, function()
      for name, number in pairs { null = 3, zero = 5, full = 7, random = 8, urandom = 9 } do
        local found = stat("/dev/" .. name)
        t.eq({ found.type, found.major, found.minor }, { "char", 1, number }, name)
        t.eq(mounted("/dev/" .. name).fs_type, "devtmpfs")
      end
      write_file("/dev/null", "x", {})
      t.eq(mounted("/proc").fs_type, "proc")
      t.eq(mounted("/sys").fs_type, "sysfs")
      t.fails("EROFS", write_file, "/x", "")
      t.fails("EROFS", mkdir, "/sys/fs/cgroup/x")
    end, { userns = true, unshare = { "user", "mnt", "pid" }, id_map = id_map })
  end)
end

test.case("in a user namespace nodes and sysfs are the host's", { "root", "userns" }, function(t)
  in_userns(t, {
    uid = { { inside = 0, outside = 100000, count = 65536 } },
    gid = { { inside = 0, outside = 100000, count = 65536 } },
  })
end)

test.case("an ordinary user has such a root as well", { "user", "userns" }, function(t)
  in_userns(t, nil)
end)

test.case("a joined mount namespace keeps its mounts from its peers", { "root" }, function(t)
  in_bundle(t, function(bundle)
    as_host(t, function()
      local other <close> = spawn({ unshare = { "mnt" }, propagation = "unchanged" }, function()
        exec { "sleep", "60" }
      end)
      other:started()
      local path = ("/proc/%d/ns/mnt"):format(other.pid)
      local linux = { namespaces = { { type = "mount", path = path }, { type = "pid" } } }
      local spec = spec_of({ PROC, DEV }, linux)
      local plan = rootfs.prepare(spec, { bundle = bundle, id = "x" })
      local before = #mountinfo()
      local child <close> = spawn({ unshare = { "pid" }, join = { mnt = path } }, function()
        rootfs.enter(plan, rootfs.furnish(plan))
        t.eq(list_dir("/"), { "dev", "proc" })
      end)
      t.eq(child:wait().code, 0)
      t.eq(#mountinfo(), before, "mounts on the host")
      other:kill("kill")
    end)
  end)
end)

test.case(
  "the default bundle's mounts take 140 system calls",
  { "root", "program:strace" },
  function(t)
    local dir <close> = temp_dir()
    mkdir(dir.path .. "/rootfs")
    local log = dir.path .. "/log"
    local child <close> = spawn(function()
      exec {
        "strace",
        "-fqq",
        "-o",
        log,
        os.getenv("CRUN_LUA_TEST_PROGRAM"),
        "--stdlib",
        "stdlib",
        "tests/fixtures/oci/default_root.lua",
        dir.path,
      }
    end)
    t.eq(child:wait().code, 0)
    local text = read_file(log)
    local pid = text:match("(%d+) +umask%(0")
    local first, last = text:find('umask%(0.*/the%-end"')
    local count = 0
    for line in text:sub(first, last):gmatch("[^\n]+") do
      -- A debug build looks at each descriptor before it closes it.
      local other = line:find("F_GETFD", 1, true) or line:find("resumed>", 1, true)
      count = count + (not other and line:match("^%d+") == pid and 1 or 0)
    end
    t.ok(count > 60 and count <= 140, ("calls: %d"):format(count))
  end
)

-- The same on a kernel that lacks a call, or below a filter that does not know it.
local function without(call)
  return function(t)
    for _, name in ipairs(everywhere) do
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
          "--stdlib",
          "stdlib",
          "tests/lua/oci_rootfs_test.lua",
          "--case",
          name,
        }
      end)
      t.eq(child:wait().code, 0, name)
    end
  end
end

test.case(
  "an image is as harmless without openat2",
  { "root", "program:strace" },
  without "openat2"
)
test.case(
  "an image is as harmless without mount_setattr",
  { "root", "program:strace" },
  without "mount_setattr"
)

return test.run()
