-- Archives unpacked through a rootfs handle. What hostile archives do is in tests/suite.

local test = require "test"

local DIR = os.getenv "TMPDIR" or "/tmp"

-- One entry of a tar file: a ustar header with its checksum, and data.
local function entry(name, options)
  options = options or {}
  local data = options.data or ""
  local function header(sum)
    return (
      ("%s%07o\0%07o\0%07o\0%011o\0%011o\0%s%s%s%s%s%s%07o\0%07o\0"):format(
        name .. ("\0"):rep(100 - #name),
        options.mode or 420,
        options.uid or 0,
        options.gid or 0,
        #data,
        1000000000,
        sum,
        options.type or "0",
        (options.link or "") .. ("\0"):rep(100 - #(options.link or "")),
        "ustar\0" .. "00",
        ("\0"):rep(32),
        ("\0"):rep(32),
        options.major or 0,
        options.minor or 0
      ) .. ("\0"):rep(167)
    )
  end
  local sum = 0
  for _, byte in ipairs { header((" "):rep(8)):byte(1, -1) } do
    sum = sum + byte
  end
  return header(("%06o\0 "):format(sum)) .. data .. ("\0"):rep(-#data % 512)
end

local function archive(...)
  local path = DIR .. "/test.tar"
  local file <close> = assert(io.open(path, "w"))
  file:write(table.concat { ... }, ("\0"):rep(1024))
  return path
end

-- A new root in a file system of its own, for as long as `body` runs.
local function inside(t, body)
  t.inside({ "mnt", "ipc" }, function()
    local root <close> = rootfs_new { size = "4M" }
    body(root)
  end)
end

local function in_directory(body)
  local dir = DIR .. "/root"
  mkdir(dir)
  do
    local root <close> = rootfs_open(dir)
    body(root)
  end
  os.remove(dir .. "/file")
  os.remove(dir .. "/tool")
  os.remove(DIR .. "/test.tar")
  assert(os.remove(dir))
end

test.case("a name that leaves the root is refused by name, and nothing stays", function(t)
  in_directory(function(root)
    local path = archive(entry("file", { data = "x" }), entry "../evil")
    local err = t.fails("EXDEV", root.unpack, root, path)
    t.match(err.hint, 'the entry "../evil": a path with ".." in it', true)
    t.match(err.call, "/root>, ", true)
    t.eq(io.open(DIR .. "/root/file"), nil)
    t.eq(io.open(DIR .. "/evil"), nil)
  end)
end)

test.case("an archive that is not there, is a directory or is no tar is refused", function(t)
  in_directory(function(root)
    t.fails("ENOENT", root.unpack, root, DIR .. "/none.tar")
    t.fails("EISDIR", root.unpack, root, DIR)
    t.fails("EBADMSG", root.unpack, root, "/proc/self/status")
    t.fails("EBADF", root.unpack, root, 999)
  end)
end)

test.case("wrong options are refused before anything is opened", function(t)
  in_directory(function(root)
    local none = "/none.tar"
    t.fails('unknown option "whiteout"; did you mean', root.unpack, root, none, { whiteout = true })
    t.fails('"no" is not one of refuse, strip, keep', root.unpack, root, none, { setuid = "no" })
    t.fails("expected integer from 0", root.unpack, root, none, { strip = -1 })
    t.fails("unknown option", root.unpack, root, none, { limits = { bytes = 1 } })
    local ids = { { inside = 0, outside = 100000, count = 0 } }
    t.fails("options.owner.uid", root.unpack, root, none, { owner = { uid = ids, gid = ids } })
  end)
end)

test.case("a closed root is refused", function(t)
  local root = rootfs_open(DIR)
  root:close()
  t.fails("is closed", root.unpack, root, "/none.tar")
end)

test.case("limits are obeyed", function(t)
  in_directory(function(root)
    local path = archive(entry("file", { data = ("x"):rep(10000) }), entry "tool")
    t.fails("EFBIG", root.unpack, root, path, { limits = { size = "8K" } })
    t.fails("EFBIG", root.unpack, root, path, { limits = { entries = 1 } })
    t.fails("ENAMETOOLONG", root.unpack, root, path, { limits = { path = 3 } })
    t.eq(root:unpack(path, { limits = { entries = 1e6, size = "1G" } }).entries, 2)
  end)
end)

test.case("a file system that is mounted in the root is not written to", { "root" }, function(t)
  inside(t, function(root)
    root:mkdir "/other"
    root:mount("tmpfs", "/other", { type = "tmpfs" })
    local path = archive(entry("file", { data = "x" }), entry "other/evil")
    local err = t.fails("EXDEV", root.unpack, root, path)
    t.match(err.hint, '"other/evil": it passes "other", where another file system', true)
    t.eq(root:stat("/other/evil"), nil)
    t.eq(root:stat("/file"), nil)
  end)
  os.remove(DIR .. "/test.tar")
end)

test.case("devices are made only when they are asked for", { "root", "cap:mknod" }, function(t)
  inside(t, function(root)
    local path = archive(entry("null", { type = "3", major = 1, minor = 3 }))
    t.match(t.fails("EPERM", root.unpack, root, path).hint, "a character device, 1:3", true)
    t.eq(root:stat("/null"), nil)
    root:unpack(path, { devices = true })
    t.eq(root:stat("/null").type, "char")
  end)
  os.remove(DIR .. "/test.tar")
end)

test.case(
  "root restores the ids, and a user namespace what they are outside",
  { "root" },
  function(t)
    inside(t, function(root)
      local path = archive(entry("file", { uid = 1000, gid = 65534, mode = 416 }))
      root:unpack(path)
      local found = root:stat "/file"
      t.eq({ found.uid, found.gid }, { 1000, 65534 })
      local ids = { { inside = 0, outside = 100000, count = 65536 } }
      root:unpack(path, { owner = { uid = ids, gid = ids } })
      found = root:stat "/file"
      t.eq({ found.uid, found.gid }, { 101000, 165534 })
      root:unpack(path, { owner = "own" })
      t.eq(root:stat("/file").uid, 0)
    end)
    os.remove(DIR .. "/test.tar")
  end
)

test.case("an ordinary user gets files of its own, and no rights with them", { "user" }, function(t)
  in_directory(function(root)
    local path = archive(entry("file", { uid = 0, data = "hello" }), entry("tool", { mode = 2541 }))
    t.match(t.fails("EPERM", root.unpack, root, path).hint, "set-user-ID", true)
    local result = root:unpack(path, { setuid = "strip" })
    t.eq(result.entries, 2)
    t.eq(root:read "/file", "hello")
    t.eq(root:stat("/file").uid, 65534)
    t.eq(root:stat("/tool").mode, 493)
    t.fails("EPERM", root.unpack, root, path, { setuid = "strip", owner = "keep" })
  end)
end)

test.case(
  "what tar has packed comes back for an ordinary user",
  { "user", "program:tar" },
  function(t)
    local from = DIR .. "/from"
    mkdir(from)
    mkdir(from .. "/dir", { mode = "0750" })
    local function run(...)
      local command = { ... }
      local child <close> = spawn(function()
        exec(command)
      end)
      t.eq(child:wait().code, 0, command[1])
    end
    run(
      "sh",
      "-c",
      "cd $0 && echo hello > file && ln file dir/name && ln -s ../file dir/link",
      from
    )
    run("tar", "-czf", DIR .. "/test.tar", "-C", from, ".")
    in_directory(function(root)
      t.eq(root:unpack(DIR .. "/test.tar").entries, 5)
      local found = root:stat "/file"
      t.eq(found.ino, root:stat("/dir/name").ino)
      t.eq(found.nlink, 2)
      t.eq(found.uid, 65534)
      t.eq(root:stat("/dir").mode, 488)
      t.eq(root:readlink "/dir/link", "../file")
      t.eq(root:read "/dir/link", "hello\n")
      run("rm", "-r", DIR .. "/root/dir")
    end)
    run("rm", "-r", from)
  end
)

test.case("whiteouts remove what a lower layer has left", { "root" }, function(t)
  inside(t, function(root)
    root:mkdir "/dir"
    root:write("/dir/lower", "x")
    root:write("/gone", "x")
    local path = archive(
      entry("dir/", { type = "5", mode = 493 }),
      entry "dir/.wh..wh..opq",
      entry "dir/upper",
      entry ".wh.gone"
    )
    t.eq(root:unpack(path, { whiteouts = true }).whiteouts, 2)
    t.eq(root:stat("/dir/lower"), nil)
    t.eq(root:stat("/gone"), nil)
    t.ok(root:stat "/dir/upper")
  end)
  os.remove(DIR .. "/test.tar")
end)

return test.run()
