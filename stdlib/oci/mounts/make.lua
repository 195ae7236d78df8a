--- The child's side of `mounts`: each entry is put in its place in the root, in order.
---
--- ```lua
--- local make = require "oci.mounts.make"
---
--- local child <close> = spawn({ unshare = { "mnt" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   local tmp = { kind = "new", target = "/tmp", source = "tmpfs", flags = { type = "tmpfs" } }
---   make.make(root, { tmp })
---   assert(root:exists("/tmp"))
--- end)
--- assert(child:wait().code == 0)
--- ```
local mounts = require "oci.mounts"
local options = require "options"

local M = {}

--- Where a path leads in the root when its last links dangle: an image's /etc/resolv.conf may say
--- something that only a running system has. Links start at the root, as the container sees them.
local function settled(root, path)
  local done, left = "", mounts.normal(path):sub(2)
  for _ = 1, 255 do
    local name, rest = left:match("^([^/]+)/?(.*)$")
    if not name then
      return done
    end
    local link = root:readlink(done .. "/" .. name)
    if not link then
      done, left = done .. "/" .. name, rest
    else
      local base = link:sub(1, 1) == "/" and link or done .. "/" .. link
      done, left = "", mounts.normal(base .. "/" .. rest):sub(2)
    end
  end
  return path
end

--- Calls a method of the root at a target; again at the place that dangling links name.
local function at_target(root, method, source, entry, flags)
  local dir = entry.dir or root
  if entry.fresh then
    -- Two calls, unless something has the name already.
    flags.new = true
    local _, err = try(dir.mount, dir, source, entry.name, flags)
    flags.new = nil
    if not err then
      return
    elseif not (err.errno == "EEXIST" or err.errno == "EXDEV") then
      error(err, 0)
    end
  end
  local _, err = try(dir[method], dir, source, entry.name or entry.target, flags)
  if err and (err.errno == "ENOENT" or err.errno == "EEXIST") then
    local other = settled(root, entry.target)
    if other ~= mounts.normal(entry.target) then
      _, err = try(root[method], root, source, other, flags)
    end
  end
  if err then
    error(err, 0)
  end
end

local make = {}

--- What a user namespace may not mount anew; read-only, because it is the host's.
local function show_host(root, entry)
  local flags = { recursive = true, all = { readonly = true } }
  for _, name in ipairs { "nosuid", "nodev", "noexec" } do
    flags[name] = entry.flags[name]
  end
  root:bind(entry.host, entry.target, flags)
end

function make.new(root, entry)
  local flags = entry.flags
  if entry.id_map then
    local made = mount_new {
      type = flags.type,
      source = entry.source,
      data = flags.data,
    }
    made:setattr { id_map = entry.id_map }
    flags.type, flags.data = nil, nil
    return at_target(root, "mount", made, entry, flags)
  end
  local old = entry.copy_up and root:exists(entry.target) and root:subdir(entry.target)
  local _, err = try(at_target, root, "mount", entry.source, entry, flags)
  if err and err.errno == "EPERM" and entry.host then
    return show_host(root, entry)
  elseif err then
    error(err, 0)
  end
  if old then
    local new <close> = root:subdir(entry.target)
    require("oci.mounts.copyup").copy(old, new)
    old:close()
  end
end

local function bind(root, entry)
  mounts.from_source(entry, function(source)
    at_target(root, "bind", source, entry, entry.flags)
  end)
end

function make.bind(root, entry)
  if not entry.tree then
    return bind(root, entry)
  end
  local _, err = try(bind, root, entry)
  if err and err.errno == "EACCES" then
    make.tree(root, entry)
  elseif err then
    error(err, 0)
  end
end

function make.tree(root, entry)
  at_target(root, "mount", entry.tree, entry, {})
end

function make.remount(root, entry)
  root:remount(entry.target, entry.flags)
end

function make.cgroup(root, entry)
  require("oci.mounts.cgroup").mount(root, entry)
end

local function make_one(root, index, entry)
  local _, err = try(make[entry.kind], root, entry)
  if err then
    local what = entry.kind == "bind" and entry.source .. " to " .. entry.target or entry.target
    local message = ("mounts[%d]: mounting %s: %s"):format(index - 1, what, err.message or err)
    options.fail("mount", message, err.hint)
  end
  for _, one in ipairs(entry.again or {}) do
    root:remount(entry.target, { propagation = one.word, recursive = one.recursive })
  end
end

--- Whether an entry is a new file system with nothing special about it.
local function is_simple(entry)
  local flags = entry.flags
  return entry.kind == "new"
    and not (entry.id_map or entry.copy_up or flags.readonly or flags.propagation)
end

--- Makes the mounts, in the child, in their order.
---@param root any a rootfs handle
---@param list oci.Mount[]
---@return any dev the /dev that was mounted, opened once for all that comes into it; or nil
function M.make(root, list)
  local dev, own
  for index, entry in ipairs(list) do
    entry.name = dev and entry.target:match("^/dev/([^/]+)$")
    entry.dir = entry.name and dev
    entry.fresh = own and entry.name and is_simple(entry)
    make_one(root, index, entry)
    if entry.target == "/dev" then
      dev = root:subdir("/dev")
      own = entry.kind == "new" and entry.flags.type == "tmpfs" and not entry.copy_up
    end
  end
  return dev
end

return M
