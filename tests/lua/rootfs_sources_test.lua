-- Where roots come from: the host, directories, tar files, overlays, programs, Debian.

local rootfs = require "rootfs"
local test = require "test"

-- The uppermost mount at a path: its options with commas around them, and its file system.
local function mounted(path)
  local found
  for _, entry in ipairs(mountinfo()) do
    if entry.mount_point == path then
      found = {
        flags = "," .. table.concat(entry.mount_options, ",") .. ",",
        fs_type = entry.fs_type,
        root = entry.root,
      }
    end
  end
  return found
end

local function is_root()
  return proc_status().uid.effective == 0
end

local function kinds()
  return is_root() and { "mnt", "pid" } or { "user", "mnt", "pid" }
end

-- Prepares a root, and runs `body` in it after the pivot, with /proc and /dev.
local function within(t, source, body, meanwhile)
  local prepared = rootfs.prepare(rootfs.parse(source), { name = "test", root = is_root() })
  -- What crosses into the child and into the state is plain.
  prepared = json_decode(json_encode(prepared))
  local undo <close> = defer(function()
    rootfs.release(prepared)
  end)
  local child <close> = spawn({ unshare = kinds() }, function()
    local root = rootfs.mount(prepared)
    root:proc()
    root:dev()
    root:pivot()
    body()
  end)
  if meanwhile then
    meanwhile()
  end
  t.eq(child:wait().code, 0, "the status in the root")
end

-- A directory with a small tree in it, "tree", and a tar file of the same, "tree.tar.gz".
local function with_tree(body)
  local dir <close> = temp_dir()
  local tree = dir.path .. "/tree"
  mkdir(tree .. "/etc", { parents = true })
  mkdir(tree .. "/old")
  write_file(tree .. "/etc/release", "one\n")
  write_file(tree .. "/old/file", "old\n")
  capture { "tar", "-czf", dir.path .. "/tree.tar.gz", "-C", tree, "." }
  body(dir.path, tree)
end

-- Each of these runs as root, and as an ordinary user in a user namespace.
local function case(name, needs, body)
  test.case(name, { "root", table.unpack(needs) }, body)
  test.case(name .. " (as a user)", { "user", "userns", table.unpack(needs) }, body)
end

case("what is no root is refused with what it may be", {}, function(t)
  t.fails('expected "host", a path', rootfs.parse, 7)
  t.fails("no such file or directory", rootfs.parse, "/nowhere/at/all")
  t.fails("without a known kind", rootfs.parse, { kind = "hosts" })
  t.fails("did you mean 'size'?", rootfs.host, { sice = "1M" })
  t.fails("expected string", rootfs.host, { size = 1 })
  t.fails("option 'suite' is missing", rootfs.debootstrap, {})
  t.fails("option 'lower' is missing", rootfs.overlay, {})
  t.fails("no program is named", rootfs.copy, {})
  t.fails("has no directory of its own", rootfs.overlay, { lower = "host" })
  t.fails("/dev/null", rootfs.parse, "/dev/null")
end)

case("a file that is no archive is refused, and one packed otherwise says so", {}, function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/text"
  write_file(path, ("no archive\n"):rep(100))
  t.fails("not a tar file or an image", rootfs.parse, path)
  write_file(path, "")
  t.fails("not a tar file or an image", rootfs.parse, path)
  write_file(path, "\xfd7zXZ\0 and so on")
  t.match(t.fails("not a tar file", rootfs.parse, path).hint, "gzip or zstd", true)
end)

case(
  "CVE-2019-12589: the host's own root is refused, by name, a link, a directory of the state",
  {},
  function(t)
    local dir <close> = temp_dir()
    symlink("/", dir.path .. "/link")
    for _, path in ipairs { "/", "/usr/..", dir.path .. "/link" } do
      local err = t.fails("the host's own root", rootfs.prepare, rootfs.parse(path), {})
      t.match(err.hint, '"host"', true)
    end
    local state = os.getenv("CRUN_LUA_STATE") or (is_root() and "/run/crun-lua")
    local parent = state and state:match("^(.+)/[^/]+$")
    if parent and stat(state) then
      t.fails("holds the state", rootfs.prepare, rootfs.parse(parent), {})
    end
  end
)

case("a program that is missing is named", {}, function(t)
  local source = rootfs.copy { "no-such-program" }
  t.match(t.fails("no-such-program", rootfs.prepare, source, {}).op, "rootfs.copy", true)
end)

case(
  "a truncated tar file is an error of the child that its parent is given",
  { "program:tar" },
  function(t)
    with_tree(function(dir)
      local whole = read_file(dir .. "/tree.tar.gz")
      write_file(dir .. "/cut.tar.gz", whole:sub(1, #whole // 2))
      local prepared = rootfs.prepare(rootfs.parse(dir .. "/cut.tar.gz"), {})
      local child <close> = spawn({ unshare = kinds() }, function()
        rootfs.mount(prepared)
      end)
      local err = t.fails("unpack", child.wait, child)
      t.ok(err.where, "the place of the error")
    end)
  end
)

case("a tar file that does not fit into its root fails with ENOSPC", { "program:tar" }, function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/big", ("x"):rep(2 << 20))
  capture { "tar", "-cf", dir.path .. "/big.tar", "-C", dir.path, "big" }
  local prepared = rootfs.prepare(rootfs.tar(dir.path .. "/big.tar", { size = "1M" }), {})
  local child <close> = spawn({ unshare = kinds() }, function()
    rootfs.mount(prepared)
  end)
  t.fails("ENOSPC", child.wait, child)
end)

case(
  "the host's root is read-only, without its homes, and writable only in its own places",
  {},
  function(t)
    local before = mountinfo()
    local names = table.concat(list_dir("/usr"), " ")
    within(t, "host", function()
      t.eq(list_dir("/home"), {})
      t.eq(list_dir("/root"), {})
      t.eq(list_dir("/tmp"), {})
      t.eq(list_dir("/var/tmp"), {})
      for _, path in ipairs {
        "/srv",
        "/var/lib",
        "/etc/shadow",
        "/etc/machine-id",
        "/etc/ssh",
        "/etc/ssl/private",
      } do
        t.eq(stat(path), nil, path)
      end
      t.eq(table.concat(list_dir("/usr"), " "), names)
      t.fails("EROFS", write_file, "/usr/new", "x")
      write_file("/etc/new", "x")
      t.eq(stat("/tmp").mode, 1023, "/tmp is 1777")
      t.eq(stat("/var/tmp").mode, 1023, "/var/tmp is 1777")
      local usr = mounted("/usr")
      for _, flag in ipairs { ",ro,", ",nosuid,", ",nodev," } do
        t.match(usr.flags, flag, true)
      end
      t.eq(mounted("/").fs_type, "tmpfs")
      for _, entry in ipairs(mountinfo()) do
        local flags = "," .. table.concat(entry.mount_options, ",") .. ","
        local own = entry.mount_point == "/" or entry.mount_point:match("^/proc")
        if not own and not entry.mount_point:match("^/dev") then
          t.match(flags, ",ro,", true)
        end
      end
      t.match(read_file("/etc/passwd"), "^root:x:0:0:")
      t.eq(capture({ "/bin/sh", "-c", "echo $((6 * 7))" }).stdout, "42\n")
    end)
    t.eq(#mountinfo(), #before, "the host's mounts")
    t.eq(stat("/usr/new"), nil)
    t.eq(stat("/etc/new"), nil)
  end
)

case("no account of a person is in the host's root", {}, function(t)
  local prepared = rootfs.prepare(rootfs.host(), {})
  for _, path in ipairs { "/etc/passwd", "/etc/group" } do
    for id in prepared.files[path]:gmatch("[^\n:]+:x:(%d+)") do
      t.ok(tonumber(id) < 1000 or id == "65534", path .. " has the id " .. id)
    end
  end
  t.eq(rootfs.prepare(rootfs.host(), {}), prepared, "read once")
end)

case("a directory is used itself, and what is changed stays", {}, function(t)
  with_tree(function(_, tree)
    within(t, tree, function()
      t.eq(read_file("/etc/release"), "one\n")
      write_file("/etc/new", "two\n")
      t.match(mounted("/").flags, ",nodev,", true)
    end)
    t.eq(read_file(tree .. "/etc/new"), "two\n")
    within(t, rootfs.directory(tree, { readonly = true }), function()
      t.fails("EROFS", write_file, "/etc/other", "x")
    end)
  end)
end)

case(
  "a tar file is unpacked anew for each container, and nothing of it stays",
  { "program:tar" },
  function(t)
    with_tree(function(dir)
      for _ = 1, 2 do
        within(t, dir .. "/tree.tar.gz", function()
          t.eq(read_file("/etc/release"), "one\n")
          t.eq(stat("/etc/new"), nil)
          write_file("/etc/new", "x")
          t.eq(mounted("/").fs_type, "tmpfs")
        end)
      end
      t.eq(list_dir(dir), { "tree", "tree.tar.gz" })
    end)
  end
)

case("an overlay without an upper directory leaves no change", { "fs:overlay" }, function(t)
  with_tree(function(dir, tree)
    within(t, rootfs.overlay { lower = { dir .. "/tree.tar.gz", tree } }, function()
      t.eq(mounted("/").fs_type, "overlay")
      remove("/old/file")
      write_file("/etc/release", "changed\n")
      t.eq(list_dir("/old"), {})
      local count = 0
      for _, entry in ipairs(mountinfo()) do
        count = count + (entry.mount_point == "/" and 1 or 0)
      end
      t.eq(count, 1, "mounts on /")
    end)
    t.eq(read_file(tree .. "/old/file"), "old\n")
    t.eq(read_file(tree .. "/etc/release"), "one\n")
    t.eq(list_dir(dir), { "tree", "tree.tar.gz" })
  end)
end)

case(
  "an overlay's upper directory keeps the changes, and serves one container at a time",
  { "fs:overlay" },
  function(t)
    with_tree(function(dir, tree)
      local upper = dir .. "/upper"
      t.fails("no such file", rootfs.overlay, { lower = tree, upper = upper })
      mkdir(upper)
      local source = rootfs.overlay { lower = tree, upper = upper }
      for count = 1, 2 do
        within(t, source, function()
          t.eq(stat("/kept") ~= nil, count == 2, "what the first container wrote")
          write_file("/kept", "x")
        end, function()
          t.ok(t.fails("is in use by process", rootfs.prepare, source, {}).hint)
        end)
      end
      t.eq(read_file(upper .. "/kept"), "x")
      t.eq(stat(tree .. "/kept"), nil)
      t.eq(list_dir(dir), { "tree", "tree.tar.gz", "upper" })
      -- Of a process that is no more nothing holds.
      symlink("4194304:1", upper .. ".used")
      rootfs.release(rootfs.prepare(source, {}))
    end)
  end
)

case("programs bring their libraries, the files that were given, and nothing else", {}, function(t)
  for _, copied in ipairs { false, true } do
    local source = rootfs.copy { "sh", copy = copied, files = { ["/etc/deep/x"] = "given\n" } }
    within(t, source, function()
      t.eq(read_file("/etc/deep/x"), "given\n")
      t.eq(stat("/home"), nil)
      t.eq(capture({ "/bin/sh", "-c", "read line < /etc/deep/x; echo $line" }).stdout, "given\n")
      local binds = 0
      for _, entry in ipairs(mountinfo()) do
        if entry.mount_point:match("^/usr") or entry.mount_point:match("^/lib") then
          binds = binds + 1
          t.match("," .. table.concat(entry.mount_options, ",") .. ",", ",ro,", true)
        end
      end
      t.eq(binds > 0, not copied, "programs that are mounts")
    end)
  end
end)

case("the options of a Debian are checked, and give each root a name of its own", {}, function(t)
  local debootstrap = require "rootfs.debootstrap"
  t.fails("is no name", debootstrap.prepare, { kind = "debootstrap", suite = "--hook=x" })
  t.fails(
    "is no name",
    debootstrap.prepare,
    { kind = "debootstrap", suite = "a", packages = { "b,c" } }
  )
  t.fails(
    "is no address",
    debootstrap.prepare,
    { kind = "debootstrap", suite = "a", mirror = "-x" }
  )
  local function key(source)
    return debootstrap.key(source)
  end
  t.eq(key { suite = "a", packages = { "x", "y" } }, key { suite = "a", packages = { "y", "x" } })
  t.ne(key { suite = "a", packages = { "x" } }, key { suite = "a" })
  t.ne(key { suite = "a", variant = "buildd" }, key { suite = "a" })
end)

-- Port 9 of this machine: nobody listens there, so no network is needed.
local NO_MIRROR = [[
local rootfs = require "rootfs"
local source = rootfs.debootstrap { suite = "stable", mirror = "http://127.0.0.1:9/debian" }
local _, err = try(rootfs.prepare, source, {})
print(err.op, err.message, err.hint)
]]

local function without_mirror(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/script.lua", NO_MIRROR)
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe" }, function()
    exec {
      "/proc/self/exe",
      dir.path .. "/script.lua",
      env = { PATH = os.getenv("PATH"), CRUN_LUA_DATA = dir.path .. "/data" },
    }
  end)
  local result = child:output()
  t.eq(result.code, 0, result.stderr)
  t.match(result.stdout, "rootfs.debootstrap", true)
  t.match(result.stdout, "ended with status", true)
  t.match(result.stdout, "without a network or a mirror", true)
  -- The program's words are no output of the script.
  t.match(result.stderr, "127.0.0.1:9", true)
  t.eq(list_dir(dir.path .. "/data/debian"), {}, "what a build left")
end

local says = "a Debian without a mirror says why, and leaves nothing"
test.case(says, { "root", "program:debootstrap" }, without_mirror)

return test.run()
