--- Overlays: directories that are not changed, and one above that takes the changes.
---
--- Without an upper directory the changes go to a tmpfs in the container's own mount namespace, so
--- nothing of them is ever on the host. With one, they stay; its work directory (the kernel's
--- scratch place, which must be on the same file system) is beside it and goes with `release`.
---
--- ```lua
--- local overlay = require "rootfs.overlay"
---
--- local child <close> = spawn({ unshare = { "user", "mnt" } }, function()
---   local root = overlay.on({ "/usr/share" }, { size = "1M" })
---   root:write("/mine", "only here")
---   assert(root:exists("/doc"))
--- end)
--- assert(child:wait().code == 0)
--- ```
local options = require "options"
local paths = require "rootfs.paths"

local M = {}

--- File systems that cannot be an upper directory (overlayfs documentation, "Upper and lower").
local UNFIT = { overlay = true, nfs = true, nfs4 = true, fuse = true, ["9p"] = true, vfat = true }

--- The name of the file system that a path is on: the longest mount point above it, the last of
--- those that are stacked.
local function file_system(path)
  local longest, found = -1, nil
  for _, entry in ipairs(mountinfo()) do
    local point = entry.mount_point
    local above = point == "/" or path == point or path:sub(1, #point + 1) == point .. "/"
    if above and #point >= longest then
      longest, found = #point, entry.fs_type
    end
  end
  return found
end

--- Which process has mounted an upper directory here: the kernel only warns of two.
local function lock_of(upper)
  return upper .. ".used"
end

--- Takes an upper directory for this process. A symlink is made or it is not, and says who did.
local function take(upper)
  local self = proc_stat()
  local mine = ("%d:%d"):format(self.pid, self.starttime)
  for _ = 1, 3 do
    local made, err = try(function()
      symlink(mine, lock_of(upper))
      return true
    end)
    if made then
      return
    elseif err.errno ~= "EEXIST" then
      options.fail("rootfs.overlay", "upper: " .. (err.message or tostring(err)), err.hint, err)
    end
    local pid, start = (try(readlink, lock_of(upper)) or ""):match("^(%d+):(%d+)$")
    local other = pid and try(proc_stat, tonumber(pid))
    if other and other.starttime == tonumber(start) then
      local hint = "a second container on one upper directory would destroy the first one's files"
      options.fail("rootfs.overlay", ("upper: %s is in use by process %s"):format(upper, pid), hint)
    end
    try(remove, lock_of(upper))
  end
  options.fail("rootfs.overlay", ("upper: %s is in use"):format(upper))
end

--- Checks an upper directory that is to be kept.
local function check(upper)
  if stat(upper).type ~= "directory" then
    options.fail("rootfs.overlay", ("upper: %s is not a directory"):format(upper))
  end
  local kind = file_system(upper)
  if UNFIT[kind] or (kind or ""):match("^fuse%.") then
    local message = ("upper: %s is on %s, which cannot take an overlay's changes"):format(
      upper,
      kind
    )
    options.fail("rootfs.overlay", message, "name a directory on ext4, xfs, btrfs or tmpfs")
  end
end

--- Takes the upper directory, and makes its work directory. Whoever may be killed writes down
--- before what there will be to release.
---@param prepared rootfs.Prepared
function M.hold(prepared)
  if prepared.upper then
    take(prepared.upper)
    local _, err = try(mkdir, prepared.upper .. ".work", { parents = true })
    if err then
      M.release(prepared)
      error(err, 0)
    end
  end
end

--- Where the child finds a lower layer: its directory, or nil for a tar file that it unpacks.
local function lower_of(source, context)
  if source.kind == "directory" then
    if stat(source.path).type ~= "directory" then
      options.fail("rootfs.overlay", ("lower: %s is not a directory"):format(source.path))
    elseif paths.same(source.path, "/") then
      options.fail("rootfs.overlay", "lower: / is the host's own root", 'use rootfs = "host"')
    end
    return { path = source.path }
  elseif source.kind == "tar" then
    return { tar = source.path }
  end
  local prepared = require("rootfs").prepare(source, context)
  return { path = prepared.lower[1].path, config = prepared.config }
end

---@param source rootfs.Source
---@param context { root: boolean?, later: boolean? } later: `hold` is called by itself
---@return rootfs.Prepared
function M.prepare(source, context)
  local prepared = { kind = "overlay", lower = {}, size = source.size, upper = source.upper }
  for index, one in ipairs(source.lower) do
    prepared.lower[index] = lower_of(one, context)
    prepared.config = prepared.config or prepared.lower[index].config
  end
  if source.upper then
    check(source.upper)
  end
  if not context.later then
    M.hold(prepared)
  end
  return prepared
end

--- Mounts an overlay as the root, in the child.
---
--- The tmpfs that holds the upper directory is stacked on "/", where "/.." leads to it: so neither
--- a directory of the host nor /proc is needed to name it. It goes before the overlay takes its
--- place, because the overlay has mounts of its own to it: the container never sees it, and a pivot
--- finds one mount on "/" as always.
---@param lower string[] directories, the uppermost first
---@param given { upper: string?, size: string?, unpack: function? } unpack: called with the tmpfs
--- before the overlay is mounted
---@return any root
function M.on(lower, given)
  local holder <close> = rootfs_new { size = given.size or "1G" }
  holder:mkdir("/upper")
  holder:mkdir("/work")
  if given.unpack then
    given.unpack(holder)
  end
  -- Trusted attributes are not to be had inside a user namespace (Linux 5.11).
  local map = uid_map() or {}
  local whole = #map > 0 and map[1].count == 4294967295
  local made, err = try(mount_new, {
    type = "overlay",
    lower = lower,
    upper = given.upper or "/../upper",
    work = given.upper and given.upper .. ".work" or "/../work",
    data = { userxattr = not whole or nil },
    nodev = true,
  })
  if not made then
    local hint = "lower and upper must be on file systems that overlayfs takes (not overlay over "
      .. "overlay, NFS as upper); inside a user namespace it needs Linux 5.11"
    options.fail("rootfs.overlay", err.message or tostring(err), err.hint or hint, err)
  end
  holder:close()
  made:move("/")
  return rootfs_open("/..")
end

---@param prepared rootfs.Prepared
---@return any root
function M.mount(prepared)
  local archive = require "rootfs.archive"
  local lower, tars = {}, {}
  for index, one in ipairs(prepared.lower) do
    lower[index] = one.path or ("/../lower%d"):format(index)
    tars[index] = one.tar
  end
  return M.on(lower, {
    upper = prepared.upper,
    size = prepared.size,
    unpack = function(holder)
      for index, tar in pairs(tars) do
        holder:mkdir(("/lower%d"):format(index))
        local layer <close> = rootfs_open(("/../lower%d"):format(index))
        archive.unpack(layer, tar)
      end
    end,
  })
end

--- Whether the upper directory is another process's, who goes on: what a dead one had of it was
--- given back when that one took it.
local function is_taken(upper)
  local pid, start = (try(readlink, lock_of(upper)) or ""):match("^(%d+):(%d+)$")
  local owner = pid and try(proc_stat, tonumber(pid))
  local self = proc_stat()
  return owner ~= nil and owner.starttime == tonumber(start) and owner.pid ~= self.pid
end

---@param prepared rootfs.Prepared
function M.release(prepared)
  if prepared.upper and not is_taken(prepared.upper) then
    -- The kernel makes its directory in there with mode 0, which stops all but root.
    try(chmod, prepared.upper .. ".work/work", "0700")
    try(remove, prepared.upper .. ".work", { recursive = true })
    try(remove, lock_of(prepared.upper))
  end
end

return M
