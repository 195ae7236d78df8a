--- Mounts for tests: a list of an OCI configuration's, made in the root of a new bundle, and looked
--- at from inside by what the kernel says of each.
---
--- ```lua
--- local mounting = require "test.mounts"
---
--- local spec = mounting.spec_of { { destination = "/tmp", type = "tmpfs", source = "tmpfs" } }
--- assert(spec.mounts[1].destination == "/proc" and spec.mounts[2].destination == "/tmp")
--- ```
local rootfs = require "oci.rootfs"

local M = {}

M.PROC = { destination = "/proc", type = "proc", source = "proc" }

--- A configuration with these mounts, after /proc.
function M.spec_of(list, linux)
  linux = linux or {}
  linux.namespaces = linux.namespaces or { { type = "mount" }, { type = "pid" } }
  local all = { M.PROC }
  table.move(list, 1, #list, 2, all)
  return { root = { path = "rootfs" }, mounts = all, linux = linux }
end

--- Mounts a list in the root of a new bundle, goes in, and calls `body` there.
function M.within(t, list, body, how)
  how = how or {}
  local bundle <close> = temp_dir()
  mkdir(bundle.path .. "/rootfs")
  if how.before then
    how.before(bundle.path .. "/rootfs", bundle.path)
  end
  local plan = rootfs.prepare(M.spec_of(list, how.linux), {
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

--- What mountinfo says of the uppermost mount at a path: "rw,nosuid" with a comma around each.
function M.flags_at(path)
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

--- That a mount has options, and has not those with a `!` before them.
function M.has(t, path, ...)
  local flags, rest = M.flags_at(path)
  t.ok(flags, "a mount at " .. path)
  local super = "," .. rest:match("%S+$") .. ","
  for _, word in ipairs { ... } do
    local bare = word:match("^!(.*)") or word
    local there = flags:find("," .. bare .. ",", 1, true) or super:find("," .. bare .. ",", 1, true)
    t.eq(there ~= nil, bare == word, ("%s at %s: %s %s"):format(bare, path, flags, super))
  end
end

--- A directory of the host with a mount in it, in a mount namespace of its own.
function M.on_host(t, body)
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

return M
