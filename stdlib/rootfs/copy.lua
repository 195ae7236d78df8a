--- A root of programs of the host, with the libraries they need, and nothing else.
---
--- ```lua
--- local copy = require "rootfs.copy"
---
--- local prepared = copy.prepare { kind = "copy", programs = { "sh" } }
--- assert(#prepared.list > 1)
--- ```
local options = require "options"

local M = {}

---@param source rootfs.Source
---@return rootfs.Prepared
function M.prepare(source)
  local list, err = try(program_files, source.programs, { root = source.root })
  if not list then
    options.fail("rootfs.copy", err.message or tostring(err), err.hint, err)
  end
  local plain = {}
  for index, file in ipairs(list) do
    plain[index] = { path = file.path, source = file.source, target = file.target }
  end
  return {
    kind = "copy",
    list = plain,
    files = source.files or {},
    copy = source.copy,
    size = source.size or (source.copy and "1G" or "64M"),
  }
end

--- Writes a file, with the directories above it.
---@param root any a rootfs handle
---@param path string
---@param text string
function M.write(root, path, text)
  local parent = path:match("^(.+)/")
  if parent then
    root:mkdir(parent, { parents = true })
  end
  root:write(path, text)
end

--- Puts one program or library in its place.
local function place(root, file, copied)
  local parent = file.path:match("^(.+)/")
  if parent then
    root:mkdir(parent, { parents = true })
  end
  if file.target then
    root:symlink(file.target, file.path)
  elseif copied then
    -- The longest file that a program is copied from; past it the bind is the better way anyway.
    root:write(file.path, read_file(file.source, { limit = "512M" }), { mode = "0755" })
  else
    root:bind(file.source, file.path, { readonly = true, nosuid = true, nodev = true })
  end
end

---@param prepared rootfs.Prepared
---@return any root
function M.mount(prepared)
  local root = rootfs_new { size = prepared.size }
  for _, file in ipairs(prepared.list) do
    place(root, file, prepared.copy)
  end
  if not root:exists("/bin") then
    root:symlink("usr/bin", "/bin")
  end
  for path, text in pairs(prepared.files) do
    M.write(root, path, text)
  end
  if not root:exists("/tmp") then
    root:mkdir("/tmp", { mode = "1777" })
  end
  return root
end

return M
