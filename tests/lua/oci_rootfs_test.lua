-- The root of an OCI container: what is hidden and protected, how it is shared, and the way in.

local rootfs = require "oci.rootfs"
local roots = require "test.roots"
local test = require "test"

local PROC = roots.PROC
local DEV = roots.DEV
local SYS = roots.SYS
local in_bundle = roots.in_bundle
local spec_of = roots.spec_of
local within = roots.within
local mounted = roots.mounted

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

return test.run()
