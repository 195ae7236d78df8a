--- `tmpcopyup`: a tmpfs starts with what the image has at its place.
---
--- Everything goes from one directory handle to another, so no link of the image's leads anywhere.
---
--- ```lua
--- local copyup = require "oci.mounts.copyup"
---
--- local child <close> = spawn({ unshare = { "mnt" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mkdir("/new")
---   root:mkdir("/old")
---   root:write("/old/x", "1")
---   local old <close>, new <close> = root:subdir("/old"), root:subdir("/new")
---   copyup.copy(old, new)
---   assert(root:read("/new/x") == "1")
--- end)
--- assert(child:wait().code == 0)
--- ```
local M = {}

local CHUNK = 1 << 16

local function copy_file(from, to, name, found)
  local source <close> = from:open(name, { nofollow = true })
  to:write(name, "", { mode = found.mode, exclusive = true, uid = found.uid, gid = found.gid })
  local target <close> = to:open(name, { write = true, nofollow = true })
  while true do
    local part = source:read(CHUNK)
    if not part then
      break
    end
    target:write(part)
  end
  -- A write takes the bits for other users' ids away.
  to:chmod(name, found.mode)
end

local copy_entry = {
  file = copy_file,
  directory = function(from, to, name, found)
    to:mkdir(name, { mode = found.mode, uid = found.uid, gid = found.gid })
    local below <close> = from:subdir(name)
    local made <close> = to:subdir(name)
    M.copy(below, made)
  end,
  symlink = function(from, to, name, found)
    to:symlink(from:readlink(name), name)
    to:chown(name, { uid = found.uid, gid = found.gid, nofollow = true })
  end,
  fifo = function(_, to, name, found)
    to:mknod(name, { type = "p", mode = found.mode, uid = found.uid, gid = found.gid })
  end,
}

--- Copies what is in one directory into another one.
---@param from any a rootfs handle
---@param to any a rootfs handle
function M.copy(from, to)
  for _, name in ipairs(from:list("/")) do
    local found = from:stat(name, { nofollow = true })
    local copy = found and copy_entry[found.type]
    if copy then
      copy(from, to, name, found)
    end
  end
end

return M
