-- The devices of an OCI container: what is made, with which owner, and what is refused.

local devices = require "oci.devices"
local rootfs = require "oci.rootfs"
local test = require "test"

local PROC = { destination = "/proc", type = "proc", source = "proc" }
local DEV = { destination = "/dev", type = "tmpfs", source = "tmpfs", options = { "mode=755" } }

local function within(t, list, made, body, how)
  how = how or {}
  local bundle <close> = temp_dir()
  mkdir(bundle.path .. "/rootfs")
  chmod(bundle.path, "755")
  if how.before then
    how.before(bundle.path .. "/rootfs")
  end
  local spec = { root = { path = "rootfs" }, mounts = list, linux = { devices = made } }
  local ctx = { bundle = bundle.path, id = "x", userns = how.userns, terminal = how.terminal }
  local plan = rootfs.prepare(spec, ctx)
  local child <close> = spawn({
    unshare = how.unshare or { "mnt", "pid" },
    propagation = plan.propagation,
  }, function()
    if how.inside then
      how.inside()
    end
    rootfs.enter(plan, rootfs.furnish(plan))
    body()
  end)
  t.eq(child:wait().code, 0, "the child's status")
end

local function node(path)
  local found = stat(path, { nofollow = true })
  return found
    and { found.type, found.major, found.minor, ("%o"):format(found.mode), found.uid, found.gid }
end

local function fuse(path)
  return { path = path, type = "c", major = 10, minor = 229, fileMode = 420, uid = 3, gid = 4 }
end

test.case(
  "another file in a device's place is an error, the same device is not",
  { "root" },
  function(t)
    local function refused(before)
      local err = t.fails("another file is there", within, t, { PROC }, { fuse "/dev/x" }, nil, {
        before = function(root)
          mkdir(root .. "/dev")
          before(root .. "/dev/x", root)
        end,
      })
      t.match(err.message, "/dev/x cannot be made", true)
    end
    refused(function(path)
      write_file(path, "")
    end)
    refused(function(path)
      mkdir(path)
    end)
    refused(function(path)
      symlink("/dev/null", path)
    end)
    refused(function(path, root)
      local dir <close> = rootfs_open(root)
      t.ok(path)
      dir:mknod("/dev/x", { type = "c", major = 1, minor = 3 })
    end)
    within(t, { PROC }, { fuse "/dev/x" }, function()
      t.eq(node("/dev/x"), { "char", 10, 229, "600", 0, 0 })
    end, {
      before = function(root)
        mkdir(root .. "/dev")
        local dir <close> = rootfs_open(root)
        dir:mknod("/dev/x", { type = "c", major = 10, minor = 229, mode = "600" })
      end,
    })
  end
)

test.case("a device without its numbers is refused in the parent", {}, function(t)
  local spec = { linux = { devices = { { path = "/dev/x", type = "b" } } } }
  t.fails("needs major and minor", devices.plan, spec)
end)

test.case("every container has the default devices and links", { "root" }, function(t)
  within(t, { PROC, DEV }, nil, function()
    local numbers = { null = 3, zero = 5, full = 7, random = 8, urandom = 9 }
    for name, number in pairs(numbers) do
      t.eq(node("/dev/" .. name), { "char", 1, number, "666", 0, 0 })
    end
    t.eq(node("/dev/tty"), { "char", 5, 0, "666", 0, 0 })
    local links = { fd = "/proc/self/fd", ptmx = "pts/ptmx" }
    for index, name in ipairs { "stdin", "stdout", "stderr" } do
      links[name] = "/proc/self/fd/" .. index - 1
    end
    for name, text in pairs(links) do
      t.eq(readlink("/dev/" .. name), text)
    end
    t.eq(#list_dir("/dev"), 11)
  end)
  -- Without /proc the links would lead nowhere.
  within(t, { DEV }, nil, function()
    t.eq(list_dir("/dev"), { "full", "null", "ptmx", "random", "tty", "urandom", "zero" })
  end)
end)

test.case("devices of each type get their mode and owner, anywhere", { "root" }, function(t)
  within(t, { PROC, DEV }, {
    fuse "/dev/fuse",
    { path = "/dev/block", type = "b", major = 7, minor = 0, fileMode = 33200 },
    { path = "/dev/raw", type = "u", major = 5, minor = 1 },
    { path = "/dev/pipe", type = "p", fileMode = 384, uid = 5 },
    { path = "/dev/net/deep/tun", type = "c", major = 10, minor = 200 },
    { path = "/srv/else/null", type = "c", major = 1, minor = 3, uid = 9 },
    { path = "/dev/null", type = "c", major = 1, minor = 3, fileMode = 384 },
  }, function()
    t.eq(node("/dev/fuse"), { "char", 10, 229, "644", 3, 4 })
    t.eq(node("/dev/block"), { "block", 7, 0, "660", 0, 0 })
    t.eq(node("/dev/raw"), { "char", 5, 1, "666", 0, 0 })
    local pipe_node = stat("/dev/pipe")
    t.eq({ pipe_node.type, pipe_node.mode, pipe_node.uid }, { "fifo", 384, 5 })
    t.eq(node("/dev/net/deep/tun"), { "char", 10, 200, "666", 0, 0 })
    t.eq(node("/srv/else/null"), { "char", 1, 3, "666", 9, 0 })
    t.eq(node("/dev/null"), { "char", 1, 3, "600", 0, 0 })
  end)
end)

test.case("an image's ptmx is replaced, its other links stay", { "root" }, function(t)
  within(t, { PROC }, nil, function()
    t.eq(readlink("/dev/ptmx"), "pts/ptmx")
    t.eq(readlink("/dev/fd"), "/elsewhere")
  end, {
    before = function(root)
      mkdir(root .. "/dev")
      symlink("/etc/passwd", root .. "/dev/ptmx")
      symlink("/elsewhere", root .. "/dev/fd")
    end,
  })
  t.ok(stat("/etc/passwd"))
end)

test.case(
  "CVE-2025-52565: a terminal has a file as its place, and no image's link",
  { "root" },
  function(t)
    within(t, { PROC, DEV }, nil, function()
      local found = stat("/dev/console", { nofollow = true })
      t.eq({ found.type, found.size, found.mode }, { "file", 0, 384 })
    end, { terminal = true })
    within(t, { PROC }, nil, function()
      t.eq(stat("/dev/console", { nofollow = true }).type, "file")
      t.eq(read_file("/victim"), "x")
    end, {
      terminal = true,
      before = function(root)
        mkdir(root .. "/dev")
        write_file(root .. "/victim", "x")
        symlink("/victim", root .. "/dev/console")
      end,
    })
  end
)

test.case("in the host's /dev nothing is made", { "root" }, function(t)
  local dir <close> = temp_dir()
  t.inside({ "mnt" }, function()
    mount("tmpfs", dir.path, { type = "tmpfs" })
    within(t, { PROC, { destination = "/dev", source = dir.path, options = { "rbind" } } }, {
      fuse "/dev/fuse",
    }, function()
      t.eq(list_dir("/dev"), {})
    end)
    t.eq(list_dir(dir.path), {})
  end)
end)

test.case(
  "a bound file in a default device's place stays where it is that device",
  { "root" },
  function(t)
    local bind = { destination = "/dev/null", source = "/dev/null", options = { "bind" } }
    within(t, { PROC, DEV, bind }, nil, function()
      t.eq({ node("/dev/null")[2], node("/dev/null")[3] }, { 1, 3 })
    end)
    bind.source = "/etc/passwd"
    t.fails("another file is there", within, t, { PROC, DEV, bind }, nil)
  end
)

test.case("where nodes cannot be made the host's are shown, and only those", { "root" }, function(t)
  local without = {
    inside = function()
      caps_set { effective = { "sys_admin", "sys_chroot", "dac_override" } }
    end,
  }
  within(t, { PROC, DEV }, { { path = "/dev/kmsg", type = "c", major = 1, minor = 11 } }, function()
    t.eq({ node("/dev/kmsg")[2], node("/dev/kmsg")[3] }, { 1, 11 })
    local shown = 0
    for _, mount in ipairs(mountinfo()) do
      shown = shown + (mount.mount_point == "/dev/kmsg" and mount.fs_type == "devtmpfs" and 1 or 0)
    end
    t.eq(shown, 1)
  end, without)
  local other = { { path = "/dev/kmsg", type = "c", major = 1, minor = 3 } }
  t.fails("ENXIO (", within, t, { PROC, DEV }, other, nil, without)
  local missing = { { path = "/dev/crun-lua-none", type = "c", major = 1, minor = 3 } }
  t.fails("ENOENT (", within, t, { PROC, DEV }, missing, nil, without)
end)

return test.run()
