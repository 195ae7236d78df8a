-- Control groups as an OCI container sees them: mounts of the type cgroup.

local mounting = require "test.mounts"
local rootfs = require "oci.rootfs"
local test = require "test"

local spec_of = mounting.spec_of
local within = mounting.within
local flags_at = mounting.flags_at
local has = mounting.has

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

return test.run()
