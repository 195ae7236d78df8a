-- Id-mapped mounts of an OCI container, and volumes of user namespaces.

local mounting = require "test.mounts"
local rootfs = require "oci.rootfs"
local test = require "test"

local spec_of = mounting.spec_of
local within = mounting.within
local has = mounting.has
local on_host = mounting.on_host

local MAP = { { containerID = 0, hostID = 100000, size = 1000 } }

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

return test.run()
