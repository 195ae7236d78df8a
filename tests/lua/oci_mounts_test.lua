-- The mounts of an OCI configuration: every option by what the kernel says of it.

local mounting = require "test.mounts"
local mounts = require "oci.mounts"
local rootfs = require "oci.rootfs"
local test = require "test"
local words = require "oci.mounts.options"

local within = mounting.within
local flags_at = mounting.flags_at
local has = mounting.has
local on_host = mounting.on_host

test.case("what cannot be is refused in the parent", {}, function(t)
  local bundle <close> = temp_dir()
  mkdir(bundle.path .. "/rootfs")
  local function refused(text, mount, linux)
    local spec = { root = { path = "rootfs" }, mounts = { mount }, linux = linux or {} }
    t.fails(text, rootfs.prepare, spec, { bundle = bundle.path, id = "x" })
  end
  local bind = { "bind" }
  refused("needs a source", { destination = "/x", options = bind })
  refused("needs a source", { destination = "/x", source = "", options = bind })
  refused("neither a file system nor", { destination = "/x", source = "/a" })
  refused("without mappings", { destination = "/x", source = "/a", options = { "bind", "idmap" } })
  local half = { destination = "/x", source = "/a", options = bind }
  half.uidMappings = { { containerID = 0, hostID = 1, size = 1 } }
  refused("without mappings", half)
  refused("/proc cannot be covered", { destination = "/proc", type = "tmpfs" })
  refused("/proc cannot be covered", { destination = "/proc/", source = "/etc", options = bind })
  refused("/proc cannot be covered", { destination = "//a/../proc", source = "/", options = bind })
  refused("inside /proc", { destination = "/proc/self/attr", type = "tmpfs" })
  refused("inside /proc", { destination = "/proc/sys/kernel", source = "/etc", options = bind })
end)

test.case("what only a file system could be told is no error of a bind's", { "root" }, function(t)
  local mode = { "mode=755", "size=1k", "noexec" }
  local list = {
    { destination = "/x", source = "/etc", type = "bind", options = mode },
    { destination = "/y", source = "/etc", type = "tmpfs", options = { "rbind", "size=1k", "ro" } },
  }
  within(t, list, function()
    has(t, "/x", "noexec", "!ro")
    has(t, "/y", "ro")
    t.ok(stat("/x/passwd") and stat("/y/passwd"))
  end)
end)

test.case("a label for SELinux is left out where SELinux is not active", { "root" }, function(t)
  for _, active in ipairs(lsm_status().active) do
    if active == "selinux" then
      return
    end
  end
  local list = { { destination = "/x", type = "tmpfs", options = { "size=1M" } } }
  within(t, list, function()
    has(t, "/x", "!ro")
    t.eq(read_file("/proc/self/mountinfo"):find("context=", 1, true), nil)
  end, { linux = { mountLabel = "system_u:object_r:container_file_t:s0:c1,c2" } })
end)

test.case("a source that is not there is named with its destination", { "root" }, function(t)
  local list = { { destination = "/x", source = "/no/such", options = { "bind" } } }
  local err = t.fails("No such file", within, t, list)
  t.match(err.message or tostring(err), "/no/such", true)
  t.match(tostring(err.message), "mounts[1]: mounting /no/such to /x", true)
end)

test.case("a file system that does not know a word says so", { "root" }, function(t)
  local list = { { destination = "/x", type = "tmpfs", options = { "nosuchword" } } }
  local err = t.fails("EINVAL (", within, t, list)
  t.match(tostring(err), "nosuchword", true)
  local kind = { { destination = "/x", type = "nosuchfs", source = "none" } }
  t.match(tostring(t.fails("ENODEV (", within, t, kind)), "nosuchfs", true)
end)

test.case("the last of two words that contradict each other wins", {}, function(t)
  local parsed = words.parse { "ro", "rw", "nosuid", "suid", "noatime", "strictatime" }
  t.eq(parsed.flags, { readonly = false, nosuid = false, strictatime = true })
  t.eq(words.parse({ "strictatime", "noatime" }).flags, { noatime = true })
  t.eq(words.parse({ "noatime", "atime" }).flags, { noatime = false })
  t.eq(words.parse({ "atime", "relatime" }).flags, { relatime = true })
  t.eq(words.parse({ "relatime", "nostrictatime" }).flags, { relatime = true })
  t.eq(words.parse({ "rro", "rrw" }).all, { readonly = false })
  t.eq(words.parse({ "bind", "rbind" }).recursive, true)
  t.eq(words.parse({ "size=1k", "ro", "mode=1777", "x" }).data, "size=1k,mode=1777,x")
end)

test.case("every word that the specification names is known", {}, function(t)
  local list = "async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime "
    .. "nodev nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid private "
    .. "rbind relatime remount ro rprivate rshared rslave runbindable rw shared silent slave "
    .. "strictatime suid sync unbindable nosymfollow symfollow idmap ridmap ratime rdev rdiratime "
    .. "rexec rnoatime rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow "
    .. "rrelatime rro rrw rstrictatime rsuid rsymfollow rnodev mand nomand tmpcopyup"
  local known = {}
  for _, word in ipairs(words.known()) do
    known[word] = true
  end
  for word in list:gmatch("%S+") do
    t.ok(known[word], word)
    t.eq(words.parse({ word }).data, nil, word)
  end
end)

test.case("flags of a new file system are the kernel's", { "root", "kernel:5.10" }, function(t)
  local options = {
    { { "ro" }, "ro" },
    { { "rw", "dev", "suid", "exec", "async", "symfollow", "loud" }, "rw", "!nosuid", "!sync" },
    { { "nosuid", "nodev", "noexec" }, "nosuid", "nodev", "noexec", "relatime" },
    { { "noatime", "nodiratime" }, "noatime", "nodiratime", "!relatime" },
    { { "strictatime" }, "!noatime", "!relatime" },
    { { "relatime" }, "relatime" },
    { { "norelatime" }, "relatime" },
    { { "nosymfollow" }, "nosymfollow" },
    { { "sync", "dirsync" }, "sync", "dirsync" },
    { { "lazytime" }, "lazytime" },
    { { "silent", "mand", "iversion" }, "rw" },
    { { "rro", "rnosuid" }, "ro", "nosuid" },
    { { "size=64k", "mode=700" }, "size=64k", "mode=700" },
  }
  local list = {}
  for index, one in ipairs(options) do
    list[index] = { destination = "/m" .. index, type = "tmpfs", options = one[1] }
  end
  within(t, list, function()
    for index, one in ipairs(options) do
      has(t, "/m" .. index, table.unpack(one, 2))
    end
    t.eq(stat("/m13").mode, 448)
    t.fails("EROFS", mkdir, "/m1/x")
  end)
end)

test.case(
  "a bind's flags are the uppermost mount's, those with r all mounts'",
  { "root" },
  function(t)
    on_host(t, function(host)
      local function bind(destination, ...)
        return { destination = destination, source = host, options = { ... } }
      end
      within(t, {
        bind("/plain", "bind"),
        bind("/all", "rbind"),
        bind("/top", "rbind", "ro", "nosuid", "nodev", "noexec", "noatime"),
        bind("/deep", "rbind", "rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "rnosymfollow"),
        bind("/mixed", "rbind", "rw", "rro"),
      }, function()
        t.eq(list_dir("/plain/below"), {})
        t.eq(list_dir("/all/below"), { "deep" })
        has(t, "/all", "rw", "relatime")
        has(t, "/top", "ro", "nosuid", "nodev", "noexec", "noatime")
        has(t, "/top/below", "rw", "!nosuid", "relatime")
        has(t, "/deep", "ro", "nosuid", "nodev", "noexec", "noatime", "nosymfollow")
        has(t, "/deep/below", "ro", "nosuid", "nodev", "noexec", "noatime", "nosymfollow")
        has(t, "/mixed/below", "ro")
        t.fails("EROFS", write_file, "/deep/below/x", "")
        write_file("/top/below/x", "")
      end)
    end)
  end
)

test.case("words that take flags away do, and leave the others", { "root" }, function(t)
  on_host(t, function(host)
    mount_setattr(host, { nosuid = true, noexec = true, noatime = true, recursive = true })
    within(t, {
      { destination = "/a", source = host, options = { "rbind", "suid", "atime" } },
      { destination = "/b", source = host, options = { "rbind", "rexec", "rstrictatime" } },
    }, function()
      has(t, "/a", "!nosuid", "noexec", "relatime")
      has(t, "/a/below", "nosuid", "noexec", "noatime")
      has(t, "/b", "nosuid", "!noexec", "!noatime", "!relatime")
      has(t, "/b/below", "nosuid", "!noexec", "!noatime", "!relatime")
    end)
  end)
end)

test.case("files get a file as their place, directories a directory", { "root" }, function(t)
  on_host(t, function(host)
    within(t, {
      { destination = "/a/b/file", source = host .. "/file", options = { "bind", "ro" } },
      { destination = "relative/dir/", source = host, type = "bind" },
      { destination = "/own", source = "beside", options = { "bind" } },
    }, function()
      t.eq(read_file("/a/b/file"), "of the host")
      t.fails("EROFS", write_file, "/a/b/file", "")
      t.eq(read_file("/relative/dir/file"), "of the host")
      t.eq(read_file("/own"), "of the bundle")
    end, {
      before = function(_, bundle)
        write_file(bundle .. "/beside", "of the bundle")
      end,
    })
  end)
end)

test.case(
  "a destination that is a dangling link is made where it leads inside",
  { "root" },
  function(t)
    local place = "/run/crun-lua-test-dangling/stub"
    on_host(t, function(host)
      within(t, {
        { destination = "/etc/resolv.conf", source = host .. "/file", options = { "bind" } },
        { destination = "/etc/up", source = host, options = { "bind" } },
        { destination = "/etc/new", type = "tmpfs", source = "tmpfs" },
      }, function()
        t.eq(read_file(place), "of the host")
        t.eq(read_file("/etc/resolv.conf"), "of the host")
        t.eq(read_file("/outside/file"), "of the host")
        has(t, "/deep/er", "rw")
      end, {
        before = function(root)
          mkdir(root .. "/etc")
          symlink(place, root .. "/etc/resolv.conf")
          symlink("../../../../outside", root .. "/etc/up")
          symlink("../deep/er", root .. "/etc/new")
        end,
      })
      t.ok(not stat("/run/crun-lua-test-dangling") and not stat("/outside") and not stat("/deep"))
    end)
  end
)

test.case("links that lead round in a circle are an error", { "root" }, function(t)
  local list = { { destination = "/a", source = "/etc/passwd", options = { "bind" } } }
  t.fails("ELOOP (", within, t, list, nil, {
    before = function(root)
      symlink("b", root .. "/a")
      symlink("a", root .. "/b")
    end,
  })
end)

test.case("a remount changes what is there already", { "root" }, function(t)
  on_host(t, function(host)
    within(t, {
      { destination = "/a", source = host, options = { "rbind" } },
      { destination = "/a", source = host, options = { "bind", "remount", "ro", "nosuid" } },
      { destination = "/t", type = "tmpfs", options = { "nosuid" } },
      { destination = "/t", type = "tmpfs", options = { "remount", "size=64k" } },
    }, function()
      has(t, "/a", "ro", "nosuid")
      has(t, "/a/below", "rw")
      has(t, "/t", "nosuid", "size=64k")
    end)
  end)
end)

test.case(
  "mounts find their places in a tmpfs that is read-only at the end",
  { "root" },
  function(t)
    within(t, {
      { destination = "/run", type = "tmpfs", options = { "ro", "nosuid" } },
      { destination = "/run/secrets", type = "tmpfs" },
      { destination = "/dev", type = "tmpfs", options = { "ro" } },
      { destination = "/dev/shm", type = "tmpfs" },
    }, function()
      has(t, "/run", "ro", "nosuid")
      has(t, "/run/secrets", "rw")
      t.eq(stat("/dev/null").minor, 3)
      t.fails("EROFS", mkdir, "/dev/x")
      mkdir("/dev/shm/x")
    end)
  end
)

test.case("terminals, queues and memory are the container's own", { "root" }, function(t)
  within(t, {
    { destination = "/dev", type = "tmpfs" },
    { destination = "/dev/pts", type = "devpts", options = { "newinstance", "ptmxmode=0666" } },
    { destination = "/dev/mqueue", type = "mqueue", source = "mqueue" },
    { destination = "/sys", type = "sysfs", options = { "nosuid", "ro" } },
  }, function()
    local terminal <close> = pty { ptmx = "/dev/ptmx" }
    t.eq(terminal.path, "/dev/pts/0")
    t.eq(list_dir("/dev/pts"), { "0", "ptmx" })
    local _, rest = flags_at("/dev/mqueue")
    t.match(rest, "mqueue mqueue")
    has(t, "/sys", "ro", "nosuid")
    -- Only this mount of it: the next one of the same namespace may be written.
    t.match(select(2, flags_at("/sys")), "sysfs rw$")
  end, { unshare = { "mnt", "pid", "ipc", "net" } })
end)

test.case("tmpcopyup brings what the image has there", { "root" }, function(t)
  within(t, {
    { destination = "/etc", type = "tmpfs", options = { "tmpcopyup", "size=4M" } },
    { destination = "/none", type = "tmpfs", options = { "tmpcopyup" } },
  }, function()
    has(t, "/etc", "rw", "size=4096k")
    t.eq(list_dir("/etc"), { "big", "dir", "link", "suid" })
    t.eq(readlink("/etc/link"), "/nowhere")
    local found = stat("/etc/dir/file")
    t.eq({ found.uid, found.gid, found.mode }, { 7, 8, 416 })
    t.eq({ stat("/etc/suid").mode, stat("/etc/dir").mode }, { 2541, 456 })
    t.eq(stat("/etc/big").size, 200000)
    write_file("/etc/new", "")
    t.eq(list_dir("/none"), {})
  end, {
    before = function(root)
      mkdir(root .. "/etc/dir", { parents = true })
      write_file(root .. "/etc/dir/file", "x")
      chown(root .. "/etc/dir/file", { uid = 7, gid = 8 })
      chmod(root .. "/etc/dir/file", "640")
      chmod(root .. "/etc/dir", "710")
      write_file(root .. "/etc/suid", "x")
      chmod(root .. "/etc/suid", "4755")
      write_file(root .. "/etc/big", ("x"):rep(200000))
      symlink("/nowhere", root .. "/etc/link")
    end,
  })
end)

test.case("a group of terminals that the user namespace does not map is left out", {}, function(t)
  local words_of = { "newinstance", "gid=5", "mode=0620" }
  local function data(size, userns)
    local map = { { containerID = 0, hostID = 1000, size = size } }
    local spec = {
      mounts = { { destination = "/dev/pts", type = "devpts", options = words_of } },
      linux = { uidMappings = map, gidMappings = map },
    }
    return mounts.plan(spec, { bundle = "/", own = {}, userns = userns })[1].flags.data
  end
  t.eq(data(1, true), "newinstance,mode=0620")
  t.eq(data(5, true), "newinstance,mode=0620")
  t.eq(data(6, true), "newinstance,gid=5,mode=0620")
  t.eq(data(1, false), "newinstance,gid=5,mode=0620")
end)

test.case("a label for SELinux is told to the file systems that take one", {}, function(t)
  local label = "system_u:object_r:container_file_t:s0:c1,c2"
  local list = mounts.plan({
    mounts = {
      { destination = "/a", type = "tmpfs", options = { "size=1M" } },
      { destination = "/b", type = "proc" },
      { destination = "/c", type = "devpts" },
      { destination = "/d", type = "cgroup" },
    },
  }, { bundle = "/", own = {}, label = label })
  t.eq(list[1].flags.data, 'size=1M,context="' .. label .. '"')
  t.eq(list[2].flags.data, nil)
  t.eq(list[3].flags.data, 'context="' .. label .. '"')
  t.eq(list[4].context, 'context="' .. label .. '"')
end)

return test.run()
