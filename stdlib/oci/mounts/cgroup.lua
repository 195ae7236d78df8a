--- `/sys/fs/cgroup` of a container: its own groups and nobody else's.
---
--- On cgroup v1 a small tmpfs has a directory for each hierarchy, as systemd lays it out on a host;
--- on v2 there is one. In a cgroup namespace of its own the container gets the hierarchies
--- themselves, whose root it sees is its group; else its groups are bound from the host.
---
--- ```lua
--- local cgroup = require "oci.mounts.cgroup"
---
--- local dirs = { "/sys/fs/cgroup/cpu,cpuacct/box", "/sys/fs/cgroup/unified/box" }
--- local entry = cgroup.layout(dirs, true)
--- assert(entry.mounts["cpu,cpuacct"] == "cpu,cpuacct" and entry.links.cpu == "cpu,cpuacct")
--- assert(entry.unified == "unified")
--- ```
local words = require "oci.mounts.options"

local M = {}

local MOUNT = "/sys/fs/cgroup"

local NAMES = "cpu cpuacct cpuset memory devices freezer blkio pids net_cls net_prio perf_event "
  .. "hugetlb rdma misc"

local CONTROLLERS = {}
for name in NAMES:gmatch("%S+") do
  CONTROLLERS[name] = true
end

--- The parts of a name that are controllers; nil where one is not: then it is a hierarchy's name.
local function controllers(name)
  local list = {}
  for part in name:gmatch("[^,]+") do
    if not CONTROLLERS[part] then
      return nil
    end
    list[#list + 1] = part
  end
  return list
end

--- What `rootfs:cgroups` is told, from the directories of a group.
---@param dirs string[] one for each hierarchy
---@param namespaced boolean whether the cgroup namespace is the container's own
---@return table
function M.layout(dirs, namespaced)
  local entry = { groups = {}, mounts = {}, links = {} }
  for _, dir in ipairs(dirs) do
    local name = dir:match("^" .. MOUNT .. "/([^/]+)") or dir:match("([^/]+)")
    local parts = controllers(name)
    if not namespaced then
      entry.groups[name] = dir
    elseif name == "unified" then
      entry.unified = name
    else
      entry.mounts[name] = parts and name or "none,name=" .. name
    end
    for _, part in ipairs(parts and #parts > 1 and parts or {}) do
      entry.links[part] = name
    end
  end
  return entry
end

local function join(mount, own)
  return own == "/" and mount or mount .. own
end

--- The group's directories, and whether it is cgroup v2 alone.
local function directories(ctx)
  local handle = ctx.cgroup and ctx.cgroup.handle
  if handle then
    if handle.version == "v2" then
      return { handle.path }, true
    end
    return handle.dirs, false
  end
  local layout = cgroup_layout()
  local dirs = {}
  for _, hierarchy in ipairs(layout.hierarchies) do
    if hierarchy.own then
      dirs[#dirs + 1] = join(hierarchy.mount, hierarchy.own)
    end
  end
  return dirs, layout.kind == "v2"
end

--- What is to be mounted, decided in the parent.
---@param entry table of `oci.mounts`
---@param parsed oci.MountWords
---@param ctx table { cgroup, userns, namespaces }
function M.plan(entry, parsed, ctx)
  local dirs, unified = directories(ctx)
  entry.kind = "cgroup"
  entry.namespaced = ctx.own.cgroup or false
  entry.flags = words.turned_on(parsed)
  entry.context = ctx.label and ("%s=%q"):format(ctx.label_word or "context", ctx.label) or nil
  if ctx.userns and not entry.namespaced then
    -- Groups of the user's own, which a container could change for all others (CVE-2023-25809).
    entry.flags.readonly = true
  end
  if unified then
    entry.directory = dirs[1]
  else
    entry.v1 = M.layout(dirs, entry.namespaced)
  end
end

local function bind(root, entry)
  root:bind(entry.directory, entry.target, {
    recursive = true,
    readonly = entry.flags.readonly,
    nosuid = entry.flags.nosuid,
    nodev = entry.flags.nodev,
    noexec = entry.flags.noexec,
  })
end

local function mount_unified(root, entry)
  if not entry.namespaced then
    return bind(root, entry)
  end
  local flags = { type = "cgroup2" }
  for name, value in pairs(entry.flags) do
    flags[name] = value
  end
  local _, err = try(root.mount, root, "cgroup", entry.target, flags)
  if err and (err.errno == "EPERM" or err.errno == "EBUSY") then
    bind(root, entry)
  elseif err then
    error(err, 0)
  end
end

--- Mounts it, in the child.
---@param root any
---@param entry table
function M.mount(root, entry)
  if not entry.v1 then
    return mount_unified(root, entry)
  end
  local given = entry.v1
  for name, value in pairs(entry.flags) do
    given[name] = value
  end
  given.data = entry.context
  root:cgroups(entry.target, given)
end

return M
