--- Roots out of archives: a tar file is unpacked into a tmpfs of the container's own, so nothing
--- stays on the host; an image is unpacked once for all its containers and lies below an overlay.
---
--- ```lua
--- local archive = require "rootfs.archive"
---
--- local _, err = try(archive.prepare, { kind = "tar", path = "/nowhere.tar" })
--- assert(err.message:find("no such file", 1, true))
--- ```
local options = require "options"
local paths = require "rootfs.paths"

local M = {}

---@param source rootfs.Source
---@return rootfs.Prepared
function M.prepare(source)
  local path = paths.absolute("rootfs." .. source.kind, source.path)
  if source.kind == "tar" then
    if paths.kind(path) == "directory" then
      options.fail(
        "rootfs.tar",
        path .. " is a directory",
        "rootfs.directory(path) takes it as it is"
      )
    end
    return { kind = "tar", path = path, size = source.size or "1G" }
  end
  local stored = require("image").store(path, { ref = source.ref })
  return {
    kind = "image",
    lower = { { path = stored.dir } },
    digest = stored.digest,
    config = stored.config,
    size = source.size,
  }
end

--- Unpacks a tar file into a root. A file of the archive cannot give rights that its user has not:
--- set-user-ID bits and file capabilities are left out.
---@param root any a rootfs handle
---@param path string
function M.unpack(root, path)
  local map = uid_map() or {}
  local whole = #map > 0 and map[1].count == 4294967295
  root:unpack(path, {
    owner = whole and "keep" or "own",
    setuid = "strip",
    file_caps = "strip",
  })
end

---@param prepared rootfs.Prepared
---@return any root
function M.mount(prepared)
  if prepared.kind == "image" then
    return require("rootfs.overlay").mount(prepared)
  end
  local root = rootfs_new { size = prepared.size }
  local _, err = try(M.unpack, root, prepared.path)
  if err then
    if err.errno == "ENOSPC" then
      local message = "%s; the root holds %s and the archive has %d bytes: raise size"
      err.hint = message:format(err.hint, prepared.size, stat(prepared.path).size)
    end
    error(err, 0)
  end
  return root
end

return M
