--- Paths that a user names as a root: made absolute, and told apart by what they hold.
---
--- ```lua
--- local paths = require "rootfs.paths"
---
--- assert(paths.absolute("example", "/usr/../usr") == "/usr/../usr")
--- assert(paths.kind("/usr") == "directory")
--- ```
local options = require "options"

local M = {}

local BLOCK = 512

--- The path from the root of the host; what is not there is an error.
---@param op string who asks
---@param path string
---@return string
function M.absolute(op, path)
  options.expect(op, "path", path, "string")
  local whole = path
  if path:sub(1, 1) ~= "/" then
    whole = readlink("/proc/self/cwd") .. "/" .. path
  end
  local known, err = try(stat, whole)
  if err then
    options.fail(op, path .. ": " .. (err.message or err.errno), nil, err)
  end
  if not known then
    local hint = path ~= whole and "a relative path begins here: " .. whole or nil
    options.fail(op, path .. ": no such file or directory", hint)
  end
  return whole
end

--- A number of a header: octal, with blanks before it.
local function octal(text)
  local digits = text:match("^ *([0-7]+)")
  return digits and tonumber(digits, 8)
end

--- Whether 512 bytes are the header of a tar member: the sum of its bytes is in it (tar(5)).
local function is_header(block)
  local written = #block == BLOCK and octal(block:sub(149, 156))
  if not written then
    return false
  end
  local sum = 8 * 32
  for _, part in ipairs { block:sub(1, 148), block:sub(157) } do
    for index = 1, #part do
      sum = sum + part:byte(index)
    end
  end
  return sum == written
end

--- Whether a tar file is an image's: it has its index at the top. A root has other names there.
local function holds_image(file)
  local at = 0
  for _ = 1, 4096 do
    file:seek("set", at)
    local block = file:read(BLOCK) or ""
    local name = block:match("^%.?/?([^%z]*)")
    if name == "manifest.json" or name == "oci-layout" then
      return true
    end
    local size = octal(block:sub(125, 136))
    if not size or name:match("^usr/") or name:match("^etc/") or name:match("^bin/") then
      return false
    end
    at = at + BLOCK + (size + BLOCK - 1) // BLOCK * BLOCK
  end
  return false
end

--- What a file is, by its first bytes.
local function kind_of_file(path)
  local file <close>, reason = io.open(path, "rb")
  if not file then
    options.fail("rootfs", tostring(reason))
  end
  local head = file:read(BLOCK) or ""
  if head:sub(1, 2) == "\x1f\x8b" or head:sub(1, 4) == "\x28\xb5\x2f\xfd" then
    return "tar"
  elseif is_header(head) then
    return holds_image(file) and "image" or "tar"
  end
  local packed = head:sub(1, 3) == "BZh" or head:sub(1, 6) == "\xfd7zXZ\0"
  local hint = packed and "unpack it, or pack it with gzip or zstd"
    or "a root is a directory, a tar file (plain, gzip, zstd) or an image"
  options.fail("rootfs", path .. ": not a tar file or an image", hint)
end

--- Which kind of root a path is: "directory", "tar" or "image".
---@param path string
---@return string
function M.kind(path)
  path = M.absolute("rootfs", path)
  local found = stat(path)
  if found.type == "directory" then
    return stat(path .. "/oci-layout") and "image" or "directory"
  elseif found.type ~= "file" and found.type ~= "regular" then
    options.fail("rootfs", ("%s: a %s is no root"):format(path, found.type))
  end
  return kind_of_file(path)
end

--- Whether two paths are one file.
---@param one string
---@param other string
---@return boolean
function M.same(one, other)
  local a, b = stat(one), stat(other)
  return a ~= nil and b ~= nil and a.ino == b.ino and a.dev == b.dev
end

return M
