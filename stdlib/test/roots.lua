--- Roots of OCI containers for tests: a bundle with a canary beside its root, and a way in.
---
--- ```lua
--- local roots = require "test.roots"
---
--- local spec = roots.spec_of({ roots.PROC }, { maskedPaths = { "/proc/keys" } })
--- assert(spec.root.path == "rootfs" and spec.linux.namespaces[1].type == "mount")
--- ```
local rootfs = require "oci.rootfs"

local M = {}

M.PROC = { destination = "/proc", type = "proc", source = "proc" }
M.DEV = { destination = "/dev", type = "tmpfs", source = "tmpfs", options = { "mode=755" } }
M.SYS = { destination = "/sys", type = "sysfs", source = "sysfs", options = { "ro" } }

--- A bundle with a root, and beside the root a canary that nothing may reach.
function M.in_bundle(t, body)
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

--- A configuration with these mounts.
function M.spec_of(mounts, linux, root)
  linux = linux or {}
  linux.namespaces = linux.namespaces or { { type = "mount" }, { type = "pid" } }
  return { root = root or { path = "rootfs" }, mounts = mounts or {}, linux = linux }
end

--- Goes into a root and calls `body` there; what fails in it fails here.
function M.within(t, bundle, spec, body, how)
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

--- The uppermost mount at a path.
function M.mounted(path)
  local found
  for _, mount in ipairs(mountinfo()) do
    found = mount.mount_point == path and mount or found
  end
  return found
end

return M
