--- Where an image's files are: a directory, or a tar file that stays packed. Both answer the same
--- questions, so that what reads a layout does not know which of them it has.
---
--- A directory is opened as a root: a blob that is a symlink to `/etc/shadow` leads to the layout's
--- own `etc/shadow`. In a tar file symlinks and hard links lead to members, as `docker save` writes
--- them for a layer that comes twice.
---
--- ```lua
--- local source = require "image.source"
--- local dir <close> = temp_dir()
--- write_file(dir.path .. "/index.json", "{}")
--- local layout <close> = source.open(dir.path, "example")
--- assert(layout:read("index.json", 100) == "{}" and not layout:has("manifest.json"))
--- ```
local options = require "options"

local M = {}

--- How many links lead from one name to another at most.
local HOPS = 8

---@class image.Source
---@field path string what the user wrote
local Source = {}
Source.__index = Source

function Source:__close()
  self:close()
end

--- Closes the directory, where there is one.
function Source:close()
  if self.root then
    self.root:close()
  end
end

--- The name that `link` means in the member `name`, without dots; nil where it leaves the archive.
local function resolve(name, link)
  local parts = {}
  for part in (link:sub(1, 1) == "/" and link or name:gsub("[^/]*$", "") .. link):gmatch("[^/]+") do
    if part == ".." then
      if #parts == 0 then
        return nil
      end
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return table.concat(parts, "/")
end

--- The member that holds a name's content.
function Source:member(name)
  for _ = 1, HOPS do
    local member = self.members[name]
    if not member or member.type == "file" then
      return member
    elseif member.type == "symbolic link" then
      name = resolve(name, member.link)
    elseif member.type == "hard link" then
      name = resolve("", member.link)
    else
      return nil
    end
    if not name then
      return nil
    end
  end
end

--- Whether there is a file of this name.
---@param name string
---@return boolean
function Source:has(name)
  return self:size(name) ~= nil
end

--- How large a file is; nil where there is none.
---@param name string
---@return integer?
function Source:size(name)
  if self.members then
    local member = self:member(name)
    return member and member.size
  end
  local found = self.root:stat("/" .. name)
  return found and found.type == "file" and found.size or nil
end

--- A small file, whole; nil where there is none.
---@param name string
---@param limit integer bytes; a longer file fails
---@return string?
function Source:read(name, limit)
  local size = self:size(name)
  if not size then
    return nil
  elseif size > limit then
    local message = ("%s: '%s' has %d bytes; at most %d are read"):format(
      self.path,
      name,
      size,
      limit
    )
    options.fail(self.op, message)
  end
  if self.members then
    return tar_read(self.path, self:member(name).name, { limit = limit })
  end
  return self.root:read("/" .. name, { limit = limit })
end

--- Unpacks a file, which is an archive, into a root; options as those of `rootfs:unpack`.
---@param name string
---@param root rootfs
---@param how table
---@return table summary
function Source:unpack(name, root, how)
  if self.members then
    how.member = self:member(name).name
    return root:unpack(self.path, how)
  end
  local file <close> = self.root:open("/" .. name)
  return root:unpack(file.number, how)
end

--- Opens a directory or a tar file (plain, gzip, zstd).
---@param path string
---@param op string the function that is called, for errors
---@return image.Source
function M.open(path, op)
  local self = setmetatable({ path = path, op = op }, Source)
  local found = stat(path)
  if not found then
    options.fail(op, ("%s: there is no such file or directory"):format(path))
  elseif found.type == "directory" then
    self.root = rootfs_open(path)
    return self
  elseif found.type ~= "file" then
    options.fail(op, ("%s: a %s is neither a directory nor a tar file"):format(path, found.type))
  end
  local list, err = try(tar_list, path)
  if not list then
    options.fail(op, ("%s: %s"):format(path, err.hint or err.message), nil, err)
  end
  self.members = {}
  for _, member in ipairs(list) do
    self.members[member.name] = member
  end
  return self
end

return M
