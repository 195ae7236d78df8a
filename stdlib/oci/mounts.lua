--- `mounts` of a configuration: what is decided of each in the parent, and how the child mounts it.
---
--- The parent reads the options, opens what only it can open, and refuses what must not be; the
--- child mounts in the order of the list, from descriptor to descriptor, so that no link of the
--- image's leads a mount out of it (CVE-2021-30465).
---
--- ```lua
--- local mounts = require "oci.mounts"
---
--- local spec = { mounts = { { destination = "/tmp", type = "tmpfs", options = { "nosuid" } } } }
--- local list = mounts.plan(spec, { bundle = "/", own = {} })
--- assert(list[1].target == "/tmp" and list[1].flags.nosuid)
--- ```
local options = require "options"
local words = require "oci.mounts.options"

local M = {}

--- A mount as the child makes it.
---@class oci.Mount
---@field kind string "new", "bind", "cgroup", "tree" or "remount"
---@field target string normal and absolute, in the root
---@field source? string
---@field flags table what the primitive is told
---@field late? boolean read-only only when all else is mounted
---@field copy_up? boolean
---@field again? table[] propagations that follow
---@field tree? any a mount that the parent has opened

-- What a user namespace may not mount anew is shown as the host has it.
local OF_HOST = { sysfs = "/sys", proc = "/proc", mqueue = "/dev/mqueue" }

-- File systems that SELinux does not label by an option of the mount.
local UNLABELLED = { proc = true, sysfs = true, mqueue = true, cgroup2 = true }

-- Below /proc only these may be covered: what a mount elsewhere there would hide or fake is what
-- the runtime itself and the container's tools rely on (CVE-2019-16884).
local IN_PROC = {
  ["/proc/cpuinfo"] = true,
  ["/proc/diskstats"] = true,
  ["/proc/meminfo"] = true,
  ["/proc/stat"] = true,
  ["/proc/swaps"] = true,
  ["/proc/uptime"] = true,
  ["/proc/loadavg"] = true,
  ["/proc/slabinfo"] = true,
  ["/proc/net/dev"] = true,
  ["/proc/sys/kernel/ns_last_pid"] = true,
  ["/proc/sys/crypto/fips_enabled"] = true,
}

--- A destination without doubled slashes and dots; one that is relative starts at the root.
---@param path string
---@return string
function M.normal(path)
  if not path:find("//", 1, true) and not path:find("/.", 1, true) and path:match("^/.*[^/]$") then
    return path
  end
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return "/" .. table.concat(parts, "/")
end

--- Whether a path of the host lies on procfs.
local function is_procfs(path)
  for _, mount in ipairs(mountinfo()) do
    if mount.fs_type == "proc" and mount.mount_point == path then
      return true
    end
  end
  return false
end

--- Fails where a mount would take the place of procfs or of a part of it.
local function check_proc(mount, entry)
  local target = entry.target
  if target == "/proc" then
    local good = entry.kind == "new" and mount.type == "proc"
      or entry.kind ~= "new" and is_procfs(M.normal(entry.source or "/proc"))
    if not good then
      local hint = "only a mount of type proc, or the host's /proc as a bind, goes there"
      options.fail("mount", "/proc cannot be covered by another file system", hint)
    end
  elseif target:sub(1, 6) == "/proc/" and not IN_PROC[target] and mount.type ~= "proc" then
    local message = ("%q cannot be mounted because it is inside /proc"):format(target)
    options.fail("mount", message)
  end
end

--- A mount has its propagation before it is attached, unless there are several; and below a shared
--- mount it becomes shared itself, and is changed once more.
local function propagate(ctx, entry, parsed, flags, all)
  local list = parsed.propagation
  for _, one in ipairs(list) do
    ctx.shared = ctx.shared or one.word == "shared"
  end
  local only = list[1]
  if #list == 1 and (only.word == "shared" or not ctx.shared) then
    local holder = only.recursive and all or flags
    holder.propagation = only.word
  elseif only then
    entry.again = list
  end
end

--- The source of a bind, from the bundle on.
local function source_of(mount, ctx)
  local source = mount.source
  if not source or source == "" then
    options.fail("mount", ("%s: a bind mount needs a source"):format(mount.destination))
  end
  return source:sub(1, 1) == "/" and source or ctx.bundle .. "/" .. source
end

--- Where in the container's own root a source lies: there an image's link would lead to the host
--- (CVE-2024-1753), so it is followed as the container will follow it.
local function in_root(entry, ctx)
  local source = M.normal(entry.source)
  local root = ctx.root and M.normal(ctx.root)
  if root and root ~= "/" and source:sub(1, #root + 1) == root .. "/" then
    entry.inside = { root = root, path = source:sub(#root + 1) }
  end
end

--- Calls a function with the source of a bind: its path, or a descriptor where it lies in the root.
---@param entry oci.Mount
---@param body fun(source: string|any): any
---@return any # what the function answers
function M.from_source(entry, body)
  if not entry.inside then
    return body(entry.source)
  end
  local root <close> = rootfs_open(entry.inside.root)
  local place <close> = root:open(entry.inside.path, { path_only = true })
  return body(place)
end

--- Opens a bind mount's tree in the parent: it is the host's own peer, or id-mapped, or lies where
--- the container's root may not go.
local function open_source(entry, namespace, recursive_map)
  local tree, err = try(M.from_source, entry, function(source)
    local path = type(source) == "string" and source or "/proc/self/fd/" .. source.number
    return open_tree(path, { recursive = entry.flags.recursive })
  end)
  if err and not namespace and not err.errno then
    -- Before Linux 5.12: the child binds it, and is a slave of the host's at most.
    return nil
  elseif err then
    local text = err.message or tostring(err)
    options.fail(
      "mount",
      ("mounting %s to %s: %s"):format(entry.source, entry.target, text),
      err.hint
    )
  end
  local top, all = {}, entry.flags.all
  for name, value in pairs(entry.flags) do
    if name ~= "all" and name ~= "recursive" then
      top[name] = value
    end
  end
  if namespace and recursive_map then
    all.id_map = namespace
  elseif namespace then
    top.id_map = namespace
  end
  if next(top) then
    tree:setattr(top)
  end
  if next(all) then
    all.recursive = true
    tree:setattr(all)
    all.recursive, all.id_map = nil, nil
  end
  return tree
end

--- Whether a volume is to be a peer of the host's mount, so that mounts in it reach the host. It is
--- where the root is shared too, which every engine says when it means that; else it has a peer
--- group of the container's own, as under runc and crun.
local function shared_with_host(parsed, ctx)
  local root = ctx.linux and ctx.linux.rootfsPropagation
  if root ~= "shared" and root ~= "rshared" then
    return false
  end
  for _, one in ipairs(parsed.propagation) do
    if one.word == "shared" then
      return true
    end
  end
  return false
end

local function plan_bind(mount, parsed, entry, ctx, namespace)
  if parsed.data then
    -- A bind has no file system of its own that could be told them; the kernel ignores them too.
    local text = "%s: a bind mount has no use for the options %q"
    require("oci.log").debug(text:format(entry.target, parsed.data))
  end
  entry.kind = "bind"
  entry.source = source_of(mount, ctx)
  in_root(entry, ctx)
  entry.flags = words.of_mount(parsed)
  entry.flags.recursive = parsed.recursive or false
  entry.flags.all = parsed.all
  propagate(ctx, entry, parsed, entry.flags, entry.flags.all)
  if namespace or shared_with_host(parsed, ctx) then
    entry.tree = open_source(entry, namespace, parsed.id_map == "ridmap")
    entry.kind = entry.tree and "tree" or "bind"
  elseif ctx.userns then
    -- Only for where the child is not let through; an ordinary user cannot, and need not.
    entry.tree = try(open_source, entry)
  end
end

--- The options of devpts without a group that the user namespace does not map: a user without
--- subordinate ids has no group of terminals, and engines ask for it all the same.
local function mapped_group(data, mappings)
  local gid = data and math.tointeger(tonumber(("," .. data):match(",gid=(%d+)")))
  for _, map in ipairs(mappings or {}) do
    if not gid or gid >= map.containerID and gid < map.containerID + map.size then
      return data
    end
  end
  return gid and mappings and ("," .. data):gsub(",gid=%d+", ""):sub(2) or data
end

local function plan_new(mount, parsed, entry, ctx, namespace)
  if not mount.type or mount.type == "" or mount.type == "none" then
    local hint = 'a type, or "bind" or "rbind" among the options'
    options.fail("mount", ("%s: neither a file system nor a bind mount"):format(entry.target), hint)
  end
  local flags = words.turned_on(parsed)
  flags.type = mount.type
  flags.data = parsed.data
  if ctx.userns and mount.type == "devpts" then
    flags.data = mapped_group(parsed.data, ctx.linux and ctx.linux.gidMappings)
  end
  entry.kind = "new"
  entry.source = mount.source ~= "" and mount.source or mount.type
  entry.flags = flags
  entry.copy_up = parsed.copy_up
  entry.host = ctx.userns and OF_HOST[mount.type] or nil
  propagate(ctx, entry, parsed, flags, flags)
  if mount.type == "tmpfs" and flags.readonly then
    -- What comes after may need places in it; so may devices.
    entry.late, flags.readonly = true, nil
  end
  if ctx.label and not UNLABELLED[mount.type] then
    local context = ("%s=%q"):format(ctx.label_word or "context", ctx.label)
    flags.data = flags.data and flags.data .. "," .. context or context
  end
  entry.id_map = namespace
end

--- One mount of the list.
local function plan_one(mount, ctx)
  local parsed = words.parse(mount.options)
  local entry = { target = M.normal(mount.destination) }
  local namespace
  if parsed.id_map or mount.uidMappings or mount.gidMappings then
    local idmap = require "oci.mounts.idmap"
    namespace = idmap.wanted(mount, parsed, ctx.linux or {}, ctx.id_maps)
  end
  if parsed.remount then
    entry.kind, entry.flags = "remount", parsed.bind and words.of_mount(parsed) or parsed.flags
    entry.flags.superblock = not parsed.bind or nil
    entry.flags.data = not parsed.bind and parsed.data or nil
  elseif parsed.bind or mount.type == "bind" then
    plan_bind(mount, parsed, entry, ctx, namespace)
  elseif mount.type == "cgroup" or mount.type == "cgroup2" then
    require("oci.mounts.cgroup").plan(entry, parsed, ctx)
  else
    plan_new(mount, parsed, entry, ctx, namespace)
  end
  if entry.target:sub(1, 5) == "/proc" and entry.kind ~= "remount" then
    check_proc(mount, entry)
  end
  return entry
end

--- Reads the list, in the parent; fails where a mount must not be.
---@param spec table
---@param ctx table { bundle, root, own: the namespaces that it has by type, userns, cgroup, label }
---@return oci.Mount[] list with `id_maps`: what was opened for them
function M.plan(spec, ctx)
  local list = {}
  ctx.linux, ctx.id_maps = spec.linux, {}
  for index, mount in ipairs(spec.mounts or {}) do
    list[index] = plan_one(mount, ctx)
  end
  list.id_maps = ctx.id_maps
  return list
end

return M
