--- What a profile does to the root, before the pivot: it shows, hides and write-protects.
---
--- Each path is resolved inside of the root, so nothing in a project can lead out of it.
---
--- ```lua
--- local mounts = require "hardening.mounts"
---
--- local profile = { volumes = {}, tmpfs = { ["/tmp"] = { size = "1M" } }, readonly_root = true }
--- local prepared = { profile = profile, masked = {}, secrets = { "/secret" } }
--- local child <close> = spawn({ unshare = { "user", "mnt" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:write("/secret", "x")
---   mounts.furnish(prepared, root)
---   mounts.mounts(prepared, root)
---   assert(root:stat("/secret").major == 1 and root:stat("/secret").minor == 3)
---   local _, err = try(root.write, root, "/new", "")
---   assert(err.errno == "EROFS")
--- end)
--- assert(child:wait().code == 0)
--- ```
local options = require "options"

local M = {}

--- Mounts the profile's own tmpfs and volumes. Before `mounts`; a container that mounts them itself
--- leaves this out.
---@param prepared hardening.Prepared
---@param root any a rootfs handle
function M.furnish(prepared, root)
  local tmpfs = prepared.profile.tmpfs or {}
  -- What lies above comes first, or it would cover what lies in it.
  for _, path in ipairs(options.keys(tmpfs)) do
    local data = tmpfs[path]
    root:mount("tmpfs", path, { type = "tmpfs", data = data, nosuid = true, nodev = true })
  end
  for _, volume in ipairs(prepared.profile.volumes or {}) do
    root:bind(volume.source, volume.target, {
      readonly = volume.readonly,
      noexec = volume.exec == false or nil,
      nosuid = true,
      nodev = true,
    })
  end
end

--- Makes what must be there, as its directory's owner would: else the program could make it.
local function make(root, path, kind)
  if root:readlink(path) then
    -- A mount would lie where the link leads, and the link could be exchanged.
    options.fail("hardening.mounts", path .. ": is a link, and cannot be protected")
  elseif root:exists(path) then
    return
  end
  local above = path:match("^(.*)/[^/]*$")
  root:mkdir(above, { parents = true })
  local dir = root:stat(above)
  if kind == "directory" then
    root:mkdir(path, { uid = dir.uid, gid = dir.gid })
  else
    root:write(path, "", { exclusive = true, uid = dir.uid, gid = dir.gid })
  end
end

--- Hides and write-protects, when all else is mounted.
---@param prepared hardening.Prepared
---@param root any a rootfs handle
function M.mounts(prepared, root)
  local present = prepared.profile.present or {}
  for _, path in ipairs(options.keys(present)) do
    make(root, path, present[path])
  end
  for _, path in ipairs(prepared.profile.pinned or {}) do
    if root:exists(path) then
      local itself <close> = root:open(path, { nofollow = true, directory = true })
      root:bind(itself, path)
    end
  end
  for _, path in ipairs(prepared.masked) do
    root:mask(path)
  end
  for _, path in ipairs(prepared.secrets) do
    root:mask(path)
  end
  -- A copy of the tree below, with the masks in it, is what becomes read-only.
  for _, path in ipairs(prepared.profile.readonly_paths or {}) do
    root:readonly(path)
  end
  if prepared.profile.readonly_root then
    root:readonly("/")
  end
end

return M
