-- Files of a hostile root that are none: where something is to be read there may be a pipe, which
-- waits for ever, a device, which opening alone can set to work, a socket, a directory, or a file
-- of a terabyte. Each read answers with a clear error, soon, and takes little memory.

local image = require "image"
local images = require "test.images"
local tar = require "test.tar"
local test = require "test"
local variants = require "test.hostile.variants"

-- What can lie there, with the error of who reads it.
local KINDS = {
  pipe = {
    errno = "ENXIO",
    make = function(path)
      mkfifo(path)
    end,
  },
  socket = {
    errno = "ENXIO",
    make = function(path)
      socket_listen(path):close()
    end,
  },
  directory = {
    errno = "EISDIR",
    make = function(path)
      mkdir(path)
    end,
  },
  terabyte = {
    errno = "EFBIG",
    make = function(path)
      variants.sparse(path, "1T")
    end,
  },
}

-- /dev/zero, which never ends; only root can make it.
if proc_status().uid.effective == 0 then
  KINDS.device = {
    errno = "ENXIO",
    make = function(path)
      local dir <close> = rootfs_open((path:match "^(.*)/"))
      dir:mknod(path:match "[^/]+$", { type = "c", major = 1, minor = 5 })
    end,
  }
end

--- The most memory that this process ever had, in KiB.
local function peak()
  return tonumber(read_file("/proc/self/status"):match("VmHWM:%s*(%d+)"))
end

--- Calls `body` with a directory, what to make in it and the kind's name, for each kind. The memory
--- may not grow by what would be a part of such a file.
local function each(t, body)
  local before = peak()
  for name, kind in pairs(KINDS) do
    local dir <close> = temp_dir()
    chmod(dir.path, "0755")
    body(dir.path, kind, name)
  end
  t.ok(peak() - before < 64 << 10, ("it has taken %d KiB"):format(peak() - before))
end

test.case("a handle reads regular files alone, and opens them and directories", function(t)
  each(t, function(dir, kind, name)
    kind.make(dir .. "/file")
    symlink("file", dir .. "/link")
    local root <close> = rootfs_open(dir)
    for _, path in ipairs { "/file", "/link" } do
      t.fails(kind.errno, root.read, root, path)
    end
    t.fails(kind.errno, root.read, root, "file", { limit = 9 })
    if name == "terabyte" then
      local file <close> = root:open("/file")
      t.eq(file:read(3), "\0\0\0")
      return
    end
    t.fails(kind.errno, root.write, root, "/file", "x")
    for _, how in ipairs { { write = true }, { append = true }, { write = true, create = true } } do
      t.fails(kind.errno, root.open, root, "/file", how)
    end
    if name == "directory" then
      root:open("/file"):close()
    else
      local err = t.fails("ENXIO", root.open, root, "/file")
      t.match(err.hint, "special = true", true)
      t.fails("ENOTDIR", root.open, root, "/file", { directory = true })
    end
    root:open("/file", { path_only = true }):close()
    t.eq(stat(dir .. "/file").type, name == "device" and "char" or root:stat("/file").type)
  end)
end)

test.case("a handle opens a pipe where that is said", function(t)
  local dir <close> = temp_dir()
  mkfifo(dir.path .. "/pipe")
  local root <close> = rootfs_open(dir.path)
  local file <close> = root:open("/pipe", { write = true, special = true })
  file:write("x")
  t.eq(file:read(1), "x")
end)

test.case("a file is made where there is none, and never where a link leads", function(t)
  local dir <close> = temp_dir()
  mkdir(dir.path .. "/root")
  local root <close> = rootfs_open(dir.path .. "/root")
  local how = { write = true, create = true, mode = "0640" }
  local file <close> = root:open("/new", how)
  file:write("one")
  root:open("/new", { append = true, create = true }):write("two")
  t.eq(root:read("/new"), "onetwo")
  t.fails("EEXIST", root.open, root, "/new", { write = true, create = true, exclusive = true })
  root:symlink("../../made", "/dangling")
  t.fails("ENOENT", root.open, root, "/dangling", how)
  root:symlink("new", "/link")
  t.fails("ELOOP", root.open, root, "/link", { nofollow = true })
  root:open("/link", how):close()
  t.eq(list_dir(dir.path), { "root" })
  t.eq(root:list("/"), { "dangling", "link", "new" })
  -- What a program is given behaves as a file does.
  local flags = read_file(("/proc/self/fdinfo/%d"):format(file.number)):match("flags:%s*(%d+)")
  t.eq(tonumber(flags, 8) & tonumber("4000", 8), 0, "O_NONBLOCK")
end)

-- A container that holds a lease on a file makes others wait for it, 45 seconds by default.
test.case("nobody waits for a lease that a container has", { "program:python3" }, function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/file", "text")
  local out = pipe()
  local script = "import fcntl, sys\nf = open(sys.argv[1], 'r+')\n"
    .. "fcntl.fcntl(f, fcntl.F_SETSIG, 28)\n"
    .. "fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)\nprint('held', flush=True)\n"
    .. "sys.stdin.read()"
  local hold = pipe()
  local child <close> = spawn(
    { stdin = hold.read, stdout = out.write, die_with_parent = true },
    function()
      exec { "python3", "-c", script, dir.path .. "/file" }
    end
  )
  out.write:close()
  t.match(out.read:read(5), "^held")
  local root <close> = rootfs_open(dir.path)
  t.match(t.fails("EAGAIN", root.open, root, "/file").hint, "lease", true)
  t.fails("EAGAIN", root.read, root, "/file")
  child:kill("kill")
  child:wait()
  t.eq(root:read("/file"), "text")
end)

test.case("a name is looked up in a root's regular files alone", function(t)
  each(t, function(dir, kind)
    mkdir(dir .. "/etc")
    kind.make(dir .. "/etc/passwd")
    local root <close> = rootfs_open(dir)
    for _, where in ipairs { dir, root } do
      t.fails(kind.errno, user_lookup, "web", { root = where })
    end
    remove(dir .. "/etc/passwd", { recursive = kind.errno == "EISDIR" })
    write_file(dir .. "/etc/passwd", "web:x:7:8::/:/bin/sh\n")
    t.eq(user_lookup("web:9", { root = dir }).uid, 7)
    kind.make(dir .. "/etc/group")
    t.fails(kind.errno, user_lookup, "web:staff", { root = dir })
    t.fails(kind.errno, user_lookup, "web", { root = root })
  end)
end)

test.case(
  "a container whose /etc/passwd is no file is refused",
  { "root", "program:busybox" },
  function(t)
    local container = require "container"
    each(t, function(dir, kind, name)
      images.write("directory", dir .. "/root")
      remove(dir .. "/root/etc/passwd")
      kind.make(dir .. "/root/etc/passwd")
      local how = { rootfs = dir .. "/root", user = "web" }
      local err = t.fails(kind.errno, container.run, how, { "true" }, { timeout = "60s" })
      t.match(tostring(err), "etc/passwd", true)
      t.eq(#container.list(), 0, name)
    end)
  end
)

test.case("programs are looked for among a root's regular files alone", function(t)
  each(t, function(dir, kind, name)
    mkdir(dir .. "/bin")
    mkdir(dir .. "/etc")
    kind.make(dir .. "/bin/tool")
    if name ~= "terabyte" then
      t.fails("/bin/tool", program_files, { "/bin/tool" }, { root = dir })
      remove(dir .. "/bin/tool", { recursive = name == "directory" })
    end
    -- What the loader goes by.
    copy_file("/bin/sh", dir .. "/bin/sh")
    kind.make(dir .. "/etc/ld.so.conf")
    kind.make(dir .. "/etc/ld.so.cache")
    try(program_files, { "/bin/sh" }, { root = dir })
  end)
end)

test.case("an image whose files are none is refused, and nothing is stored", function(t)
  local base = tar.archive { { name = "a", data = "text" } }
  each(t, function(dir, kind, name)
    local function put(path)
      remove(path, { missing = true })
      kind.make(path)
    end
    local made = tar.layout(dir .. "/image", { { tar = base } })
    local blobs = dir .. "/image/blobs/sha256/"
    for _, path in ipairs {
      dir .. "/image/index.json",
      blobs .. made.digest:match("%x+$"),
      blobs .. made.manifest.config.digest:match("%x+$"),
      blobs .. made.manifest.layers[1].digest:match("%x+$"),
    } do
      remove(dir .. "/image", { recursive = true, missing = true })
      tar.layout(dir .. "/image", { { tar = base } })
      put(path)
      local _, err = try(image.store, dir .. "/image", { dir = dir .. "/store" })
      t.ok(err and err.op, ("%s at %s: %s"):format(name, path, tostring(err)))
      t.ok(not stat(dir .. "/store") or #list_dir(dir .. "/store") == 0, "nothing is stored")
    end
  end)
end)

test.case("a layer is put over what is no file without opening it", function(t)
  each(t, function(dir, kind, name)
    mkdir(dir .. "/root")
    kind.make(dir .. "/root/file")
    write_file(dir .. "/layer.tar", tar.archive { { name = "file", data = "text" } })
    local root <close> = rootfs_open(dir .. "/root")
    -- A directory with nothing in it gives way, or stays: either is said.
    local _, err = try(root.unpack, root, dir .. "/layer.tar", { whiteouts = true })
    t.ok(not err or err.op, tostring(err))
    if not err then
      t.eq(root:read("/file"), "text", name)
    end
  end)
end)

test.case("no link leads to a setting of the kernel that is written", { "root" }, function(t)
  local dir <close> = temp_dir()
  mkdir(dir.path .. "/proc")
  symlink("/proc/sys/kernel", dir.path .. "/etc")
  symlink("/proc/sys/kernel/core_pattern", dir.path .. "/hostname")
  local before = read_file "/proc/sys/kernel/core_pattern"
  local after <close> = defer(function()
    write_file("/proc/sys/kernel/core_pattern", before)
  end)
  local child <close> = spawn({ unshare = { "mnt", "pid" } }, function()
    local root <close> = rootfs_open(dir.path, { bind = true })
    root:proc()
    t.fails("ENXIO", root.write, root, "/etc/core_pattern", "harm")
    t.fails("ENXIO", root.write, root, "/etc/core_pattern", "harm", { append = true })
    for _, path in ipairs { "/etc/core_pattern", "/hostname" } do
      local err = t.fails("ENXIO", root.open, root, path, { write = true, create = true })
      t.match(err.hint, "setting of the kernel's", true)
      t.eq(root:read(path), before)
    end
    -- Who means it says so.
    root:open("/hostname", { write = true, special = true }):close()
  end)
  t.eq(child:wait().code, 0)
  t.eq(read_file "/proc/sys/kernel/core_pattern", before)
end)

return test.run()
