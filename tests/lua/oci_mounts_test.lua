-- The mounts of an OCI configuration: every option by what the kernel says of it.

local mounts = require "oci.mounts"
local rootfs = require "oci.rootfs"
local test = require "test"
local words = require "oci.mounts.options"

local PROC = { destination = "/proc", type = "proc", source = "proc" }

local MAP = { { containerID = 0, hostID = 100000, size = 1000 } }

local function spec_of(list, linux)
  linux = linux or {}
  linux.namespaces = linux.namespaces or { { type = "mount" }, { type = "pid" } }
  local all = { PROC }
  table.move(list, 1, #list, 2, all)
  return { root = { path = "rootfs" }, mounts = all, linux = linux }
end

-- Mounts a list in the root of a new bundle, goes in, and calls `body` there.
local function within(t, list, body, how)
  how = how or {}
  local bundle <close> = temp_dir()
  mkdir(bundle.path .. "/rootfs")
  if how.before then
    how.before(bundle.path .. "/rootfs", bundle.path)
  end
  local plan = rootfs.prepare(spec_of(list, how.linux), {
    bundle = bundle.path,
    id = "x",
    userns = how.userns,
    cgroup = how.cgroup,
  })
  local child <close> = spawn({
    unshare = how.unshare or { "mnt", "pid", "ipc" },
    propagation = plan.propagation,
    cgroup = how.cgroup and how.cgroup.handle,
  }, function()
    rootfs.enter(plan, rootfs.furnish(plan))
    body(bundle.path)
  end)
  t.eq(child:wait().code, 0, "the child's status")
end

-- What mountinfo says of the uppermost mount at a path: "rw,nosuid" with a comma around each.
local function flags_at(path)
  local found
  for line in read_file("/proc/self/mountinfo"):gmatch("[^\n]+") do
    local place, flags, rest = line:match("^%d+ %d+ %S+ %S+ (%S+) (%S+)(.*)")
    if place == path then
      found = { "," .. flags .. ",", rest }
    end
  end
  if found then
    return found[1], found[2]
  end
end

local function has(t, path, ...)
  local flags, rest = flags_at(path)
  t.ok(flags, "a mount at " .. path)
  local super = "," .. rest:match("%S+$") .. ","
  for _, word in ipairs { ... } do
    local bare = word:match("^!(.*)") or word
    local there = flags:find("," .. bare .. ",", 1, true) or super:find("," .. bare .. ",", 1, true)
    t.eq(there ~= nil, bare == word, ("%s at %s: %s %s"):format(bare, path, flags, super))
  end
end

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

-- A directory of the host with a mount in it, in a mount namespace of its own.
local function on_host(t, body)
  local host <close> = temp_dir()
  t.inside({ "mnt" }, function()
    mount(nil, "/", { private = true, recursive = true })
    mount("tmpfs", host.path, { type = "tmpfs" })
    mkdir(host.path .. "/below")
    mount("tmpfs", host.path .. "/below", { type = "tmpfs" })
    write_file(host.path .. "/file", "of the host")
    write_file(host.path .. "/below/deep", "")
    body(host.path)
  end)
end

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

test.case("propagation is what each word says, also below", { "root" }, function(t)
  on_host(t, function(host)
    mount(nil, host, { shared = true, recursive = true })
    local function bind(...)
      return {
        destination = "/" .. (select("#", ...) > 0 and ... or "none"),
        source = host,
        options = { "rbind", ... },
      }
    end
    within(t, {
      bind("private"),
      bind("rprivate"),
      bind("slave"),
      bind("rslave"),
      bind("shared"),
      bind("rshared"),
      bind("unbindable"),
      bind("runbindable"),
      { destination = "/both", source = host, options = { "rbind", "rslave", "shared" } },
      { destination = "/tmp", type = "tmpfs", options = { "shared" } },
    }, function()
      local function tags(path)
        local _, rest = flags_at(path)
        return rest:match("^(.-) %- "):gsub("%d+", "N"):gsub("propagate_from:N", ""):gsub(" ", "")
      end
      local found = {}
      for _, name in ipairs {
        "private",
        "rprivate",
        "slave",
        "rslave",
        "shared",
        "rshared",
        "unbindable",
        "runbindable",
        "both",
      } do
        found[name] = (tags("/" .. name)) .. " " .. (tags("/" .. name .. "/below"))
      end
      t.eq(found, {
        private = " master:N",
        rprivate = " ",
        slave = "master:N master:N",
        rslave = "master:N master:N",
        shared = "shared:Nmaster:N master:N",
        rshared = "shared:Nmaster:N shared:Nmaster:N",
        unbindable = "unbindable master:N",
        runbindable = "unbindable unbindable",
        both = "shared:Nmaster:N master:N",
      })
      t.eq((tags("/tmp")), "shared:N")
    end)
  end)
end)

test.case(
  "a shared volume carries mounts to the host if the root is shared",
  { "root" },
  function(t)
    on_host(t, function(host)
      mount(nil, host, { shared = true, recursive = true })
      mkdir(host .. "/a")
      mkdir(host .. "/b")
      within(t, {
        { destination = "/shared", source = host, options = { "rbind", "rshared" } },
        { destination = "/private", source = host, options = { "rbind", "rprivate" } },
      }, function()
        mount("tmpfs", "/shared/a", { type = "tmpfs" })
        mount("tmpfs", "/private/b", { type = "tmpfs" })
      end, { linux = { rootfsPropagation = "rshared" } })
      t.ok(flags_at(host .. "/a"), "a mount on the host")
      t.eq(flags_at(host .. "/b"), nil)
      within(
        t,
        { { destination = "/x", source = host, options = { "rbind", "rshared" } } },
        function()
          mount("tmpfs", "/x/b", { type = "tmpfs" })
        end
      )
      t.eq(flags_at(host .. "/b"), nil)
    end)
  end
)

test.case("what the parent has opened is closed by release", { "root" }, function(t)
  local bundle <close> = temp_dir()
  mkdir(bundle.path .. "/rootfs")
  local spec = spec_of {
    { destination = "/v", source = "/usr", options = { "bind", "shared" } },
    { destination = "/t", type = "tmpfs", uidMappings = MAP, gidMappings = MAP },
  }
  spec.linux.rootfsPropagation = "shared"
  -- A child's own descriptor goes with its handle, when that is collected.
  local function count()
    local found = 0
    for _, one in ipairs(proc_fds()) do
      found = found + (one.target:find("pidfd", 1, true) and 0 or 1)
    end
    return found
  end
  local before = count()
  local plan = rootfs.prepare(spec, { bundle = bundle.path, id = "x" })
  t.eq(count(), before + 2)
  rootfs.release(plan)
  t.eq(count(), before)
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

-- tmpfs can be id-mapped from Linux 6.3 on.
local IDMAP = { "root", "userns", "kernel:6.3" }

test.case("an id-mapped mount shows other owners, below only with ridmap", IDMAP, function(t)
  on_host(t, function(host)
    local function bind(destination, ...)
      return {
        destination = destination,
        source = host,
        options = { "rbind", ... },
        uidMappings = MAP,
        gidMappings = MAP,
      }
    end
    within(t, {
      bind("/idmap", "idmap", "ro"),
      bind("/ridmap", "ridmap"),
      bind("/silent"),
      {
        destination = "/tmp",
        type = "tmpfs",
        options = { "idmap", "size=64k" },
        uidMappings = MAP,
        gidMappings = MAP,
      },
    }, function()
      t.eq(stat("/idmap/file").uid, 100000)
      t.eq(stat("/idmap/below/deep").uid, 0)
      has(t, "/idmap", "ro")
      t.eq(stat("/ridmap/file").gid, 100000)
      t.eq(stat("/ridmap/below/deep").uid, 100000)
      t.eq(stat("/silent/file").uid, 100000)
      has(t, "/tmp", "size=64k", "idmapped")
    end)
  end)
end)

test.case("without mappings of its own a mount has those of the user namespace", IDMAP, function(t)
  on_host(t, function(host)
    local linux = { uidMappings = MAP, gidMappings = MAP }
    within(t, {
      { destination = "/a", source = host, options = { "bind", "idmap" } },
    }, function()
      t.eq(stat("/a/file").uid, 100000)
    end, { linux = linux })
  end)
end)

test.case(
  "in a user namespace a volume may lie where its root may not go",
  { "root", "userns" },
  function(t)
    local map = { { inside = 0, outside = 100000, count = 65536 } }
    local bundle <close> = temp_dir()
    local secret <close> = temp_dir()
    chmod(bundle.path, "755")
    mkdir(bundle.path .. "/rootfs")
    chown(bundle.path .. "/rootfs", { uid = 100000, gid = 100000 })
    mkdir(secret.path .. "/volume")
    write_file(secret.path .. "/volume/file", "of the volume")
    local volume =
      { destination = "/v", source = secret.path .. "/volume", options = { "rbind", "ro" } }
    local linux = { namespaces = { { type = "user" }, { type = "mount" }, { type = "pid" } } }
    local ctx = { bundle = bundle.path, id = "x", userns = true }
    local plan = rootfs.prepare(spec_of({ volume }, linux), ctx)
    local child <close> = spawn({
      unshare = { "user", "mnt", "pid" },
      id_map = { uid = map, gid = map },
      propagation = plan.propagation,
    }, function()
      setuser("0:0")
      rootfs.enter(plan, rootfs.furnish(plan))
      t.eq(read_file("/v/file"), "of the volume")
      has(t, "/v", "ro")
    end)
    t.eq(child:wait().code, 0)
  end
)

local CGROUP = {
  destination = "/sys/fs/cgroup",
  type = "cgroup",
  source = "cgroup",
  options = { "nosuid", "noexec", "nodev", "relatime", "ro" },
}

local function group_dirs(name)
  local dirs = {}
  for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
    local own = hierarchy.own == "/" and "" or hierarchy.own
    dirs[#dirs + 1] = hierarchy.mount .. own .. "/" .. name
  end
  return dirs
end

test.case(
  "cgroup v1 shows the container's own groups and no others",
  { "root", "cgroup:v1" },
  function(t)
    local dirs = group_dirs("oci-mounts-test")
    local cleanup <close> = defer(function()
      for _, dir in ipairs(dirs) do
        try(remove, dir, { directory = true })
      end
    end)
    for _, dir in ipairs(dirs) do
      mkdir(dir)
    end
    mkdir(dirs[1] .. "/child")
    local fake = { handle = { version = "v1", dirs = dirs } }
    local list = { { destination = "/sys", type = "sysfs" }, CGROUP }
    local bundle <close> = temp_dir()
    mkdir(bundle.path .. "/rootfs")
    local plan = rootfs.prepare(spec_of(list), { bundle = bundle.path, id = "x", cgroup = fake })
    t.inside({ "mnt", "pid", "net" }, function()
      rootfs.enter(plan, rootfs.furnish(plan))
      for _, dir in ipairs(dirs) do
        local name = dir:match("^/sys/fs/cgroup/([^/]+)")
        local path = "/sys/fs/cgroup/" .. name
        has(t, path, "ro", "nosuid", "nodev", "noexec")
        t.ok(stat(path .. "/cgroup.procs"), path)
        t.ok(not stat(path .. "/oci-mounts-test"), path)
        t.fails("EROFS", mkdir, path .. "/x")
        t.fails("EROFS", write_file, path .. "/cgroup.procs", "1")
      end
      local first = dirs[1]:match("^/sys/fs/cgroup/([^/]+)")
      t.ok(stat("/sys/fs/cgroup/" .. first .. "/child"))
      t.fails("EROFS", mkdir, "/sys/fs/cgroup/x")
    end)
    remove(dirs[1] .. "/child", { directory = true })
    t.ok(cleanup)
  end
)

test.case(
  "in a cgroup namespace the hierarchies are mounted themselves",
  { "root", "cgroup:v1" },
  function(t)
    local cgroup = { destination = "/sys/fs/cgroup", type = "cgroup", options = { "ro" } }
    local linux = { namespaces = { { type = "cgroup" }, { type = "mount" } } }
    within(t, { { destination = "/sys", type = "sysfs" }, cgroup }, function()
      local count = 0
      for _, mount in ipairs(mountinfo()) do
        if mount.mount_point:match("^/sys/fs/cgroup/") then
          count = count + 1
          t.eq(mount.root, "/", mount.mount_point)
          has(t, mount.mount_point, "ro")
        end
      end
      t.ok(count > 1)
    end, { unshare = { "cgroup", "mnt", "pid", "net" }, linux = linux })
  end
)

test.case(
  "cgroup v2 shows the container's own group and no other",
  { "root", "cgroup:v2" },
  function(t)
    local dir = group_dirs("oci-mounts-test")[1]
    mkdir(dir .. "/child", { parents = true })
    local cleanup <close> = defer(function()
      remove(dir .. "/child", { directory = true })
      remove(dir, { directory = true })
    end)
    within(t, { { destination = "/sys", type = "sysfs" }, CGROUP }, function()
      local path = "/sys/fs/cgroup"
      has(t, path, "ro", "nosuid", "nodev", "noexec")
      t.match(select(2, flags_at(path)), "cgroup2")
      t.ok(stat(path .. "/child/cgroup.procs") and not stat(path .. "/oci-mounts-test"))
      t.fails("EROFS", mkdir, path .. "/x")
    end, {
      unshare = { "mnt", "pid", "net" },
      cgroup = { handle = cgroup_open(dir:match("^/sys/fs/cgroup(.*)")) },
    })
    t.ok(cleanup)
  end
)

test.case("in a cgroup namespace v2 is mounted itself", { "root", "cgroup:v2" }, function(t)
  local linux = { namespaces = { { type = "cgroup" }, { type = "mount" } } }
  within(t, { { destination = "/sys", type = "sysfs" }, CGROUP }, function()
    has(t, "/sys/fs/cgroup", "ro", "nosuid", "nodev", "noexec")
    t.match(select(2, flags_at("/sys/fs/cgroup")), "cgroup2")
    t.ok(stat("/sys/fs/cgroup/cgroup.procs"))
    t.fails("EROFS", mkdir, "/sys/fs/cgroup/x")
  end, { unshare = { "cgroup", "mnt", "pid", "net" }, linux = linux })
end)

test.case("controllers that share a hierarchy are links to it", { "root" }, function(t)
  local cgroup = require "oci.mounts.cgroup"
  local entry = cgroup.layout({ "/sys/fs/cgroup/cpu,cpuacct/a", "/sys/fs/cgroup/systemd/a" }, false)
  t.eq(entry.groups, {
    ["cpu,cpuacct"] = "/sys/fs/cgroup/cpu,cpuacct/a",
    systemd = "/sys/fs/cgroup/systemd/a",
  })
  t.eq(entry.links, { cpu = "cpu,cpuacct", cpuacct = "cpu,cpuacct" })
  t.inside({ "mnt" }, function()
    local root <close> = rootfs_new { size = "1M" }
    root:cgroups(
      "/cgroup",
      { groups = { ["cpu,cpuacct"] = "/usr" }, links = entry.links, ro = true }
    )
    t.eq(root:readlink("/cgroup/cpu"), "cpu,cpuacct")
    t.ok(root:exists("/cgroup/cpuacct/bin"))
    t.fails("EROFS", root.mkdir, root, "/cgroup/x")
    t.fails("without a slash", root.cgroups, root, "/c", { groups = { ["a/b"] = "/usr" } })
    t.fails("without a slash", root.cgroups, root, "/c", { links = { [".."] = "x" } })
  end)
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
