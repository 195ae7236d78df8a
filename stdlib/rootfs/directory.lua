--- A directory as a root: it is used itself, and what the container changes stays.
---
--- ```lua
--- local directory = require "rootfs.directory"
---
--- local _, err = try(directory.prepare, { kind = "directory", path = "/" })
--- assert(err.hint:find('rootfs = "host"', 1, true))
--- ```
local options = require "options"
local paths = require "rootfs.paths"

local M = {}

--- Where containers keep their state: a container that could write there would be its own host.
local function state()
  local user = proc_status().uid.effective
  local runtime = os.getenv("XDG_RUNTIME_DIR")
  return os.getenv("CRUN_LUA_STATE")
    or (user == 0 and "/run/crun-lua")
    or (runtime and runtime .. "/crun-lua")
    or ("/tmp/crun-lua-%d"):format(user)
end

--- Fails where a directory is the host's own root, or holds the containers' state.
---@param path string
function M.guard(path)
  if stat(path).type ~= "directory" then
    options.fail("rootfs.directory", path .. ": not a directory")
  end
  if paths.same(path, "/") then
    local hint = 'rootfs = "host" shows the host\'s system directories, read-only'
    options.fail("rootfs.directory", path .. " is the host's own root", hint)
  end
  local at = state()
  while at and at ~= "" do
    if paths.same(path, at) then
      local hint = 'name a directory below it, or use rootfs = "host"'
      options.fail("rootfs.directory", path .. " holds the state of the containers", hint)
    end
    at = at:match("^(.*)/[^/]*$")
  end
end

---@param source rootfs.Source
---@return rootfs.Prepared
function M.prepare(source)
  M.guard(source.path)
  return { kind = "directory", path = source.path, readonly = source.readonly }
end

---@param prepared rootfs.Prepared
---@return any root
function M.mount(prepared)
  return rootfs_open(prepared.path, { bind = true, readonly = prepared.readonly, nodev = true })
end

return M
