--- The store: each image unpacked once, under the digest of its manifest, for all containers.
---
--- An image is unpacked under a temporary name beside its place, and takes its place by a rename: a
--- program that is killed on the way leaves a directory that nobody takes for an image, and that
--- `crun-lua gc` removes, because its name was written down before it was made. Two programs that
--- store one image at once both unpack it; the second finds the place taken and drops its own.
---
--- ```text
--- images/sha256-HEX/rootfs/      the root directory, a lower layer for containers
--- images/sha256-HEX/image.json   digest and configuration
--- images/sha256-HEX/users/NAME   a container that uses it
--- ```
---
--- ```lua
--- local store = require "image.store"
--- local dir <close> = temp_dir()
--- assert(#store.list({ dir = dir.path }) == 0)
--- ```
---
--- ```lua
--- local image = require "image"
---
--- local digest = "sha256:" .. ("0"):rep(64)
--- assert(image.get(digest) == nil)
--- local function hold(name)
---   image.use(digest, name)
---   image.release(digest, name)
---   image.remove(digest)
--- end
--- assert(not try(hold, "box"))
--- ```
local options = require "options"
local reader = require "image.reader"

local M = {}

---@class image.Stored
---@field dir string the root directory
---@field digest string
---@field config image.Config

---@class image.Listed: image.Stored
---@field users string[] the containers that use it
---@field damaged? string why it cannot be used

--- Options as those of `image.open` and `image:unpack`; `dir` is another store than the usual one.
---@class image.StoreOptions
---@field ref? string
---@field platform? string
---@field dir? string
---@field devices? boolean
---@field limits? table

--- The store's directory: only its owner may enter, because roots hold set-user-ID programs; and
--- one that another user can change would have containers run what that user likes.
local function base(given, op)
  local dir = given.dir or data_dir() .. "/images"
  local found = stat(dir)
  if not found then
    return dir
  end
  local reason
  if found.type ~= "directory" then
    reason = ("is a %s"):format(found.type)
  elseif found.uid ~= proc_status().uid.effective then
    reason = ("belongs to user %d"):format(found.uid)
  elseif found.mode & 18 ~= 0 then
    reason = ("can be written by others (mode %04o)"):format(found.mode)
  end
  if reason then
    local hint = "name a directory of your own: CRUN_LUA_DATA, or dir = PATH"
    options.fail(op, ("the store %s %s"):format(dir, reason), hint)
  end
  return dir
end

local function place(dir, digest, op)
  local hex = type(digest) == "string" and digest:match("^sha256:([0-9a-f]+)$")
  if not hex or #hex ~= 64 then
    options.fail(op, ('digest: expected "sha256:" and 64 digits, got %s'):format(tostring(digest)))
  end
  return dir .. "/sha256-" .. hex
end

--- Why what is at an image's place is none; nil where it is whole.
local function damage(where, found, err)
  if err then
    return "image.json: " .. err.message
  elseif type(found) ~= "table" or type(found.config) ~= "table" then
    return "image.json lacks fields"
  elseif found.digest ~= "sha256:" .. where:match("sha256%-(%x+)$") then
    return "image.json is that of another image"
  end
  return not stat(where .. "/rootfs") and "its root directory is missing" or nil
end

--- What is at an image's place; nil where nothing is.
local function stored(where, op)
  local text = read_file(where .. "/image.json")
  if not text and not stat(where) then
    return nil
  end
  local found, err = try(json_decode, text or "")
  local reason = damage(where, found, err)
  if reason then
    local digest = "sha256:" .. where:match("sha256%-(%x+)$")
    local hint = ('image.remove("%s"), and store the image again'):format(digest)
    options.fail(op, ("the image in %s is damaged: %s"):format(where, reason), hint)
  end
  return { dir = where .. "/rootfs", digest = found.digest, config = found.config }
end

--- The image of a digest, where it is stored.
---@param digest string
---@param given? { dir?: string } another directory than the store's own
---@return image.Stored?
function M.get(digest, given)
  given = options.check("image.get", given, { dir = "string" })
  return stored(place(base(given, "image.get"), digest, "image.get"), "image.get")
end

local function fill(image, where, how)
  mkdir(where .. "/rootfs", { parents = true })
  mkdir(where .. "/users")
  local root <close> = rootfs_open(where .. "/rootfs")
  image:unpack(root, { devices = how.devices, limits = how.limits })
  local text = json_encode({ digest = image.digest, config = image.config }, { pretty = true })
  local done, err = try(write_file, where .. "/image.json", text, { mode = "0600" })
  if err then
    options.fail(
      "image.store",
      ("%s: its configuration cannot be stored"):format(image.path),
      err.hint,
      err
    )
  end
  return done
end

--- Stores an image, unless it is stored already.
---@param path string an OCI image layout or a docker-archive
---@param given? image.StoreOptions
---@return image.Stored
function M.store(path, given)
  local op = "image.store"
  given = options.check(op, given, {
    ref = "string",
    platform = "string",
    dir = "string",
    devices = "boolean",
    limits = "table",
  })
  local image <close> = reader.open(path, { ref = given.ref, platform = given.platform }, op)
  local dir = base(given, op)
  local where = place(dir, image.digest, op)
  local found = stored(where, op)
  if found then
    return found
  end
  mkdir(dir, { parents = true, mode = "0700" })
  local made <close> = temp_dir { parent = dir }
  local fresh = made.path .. "/image"
  fill(image, fresh, given)
  local _, err = try(rename, fresh, where, { noreplace = true })
  if err and err.errno ~= "EEXIST" then
    error(err, 0)
  end
  return stored(where, op)
end

--- The containers that use an image.
local function users(where)
  return stat(where .. "/users") and list_dir(where .. "/users") or {}
end

--- What the store holds, by digest. An image that cannot be used any more hides no other: it has
--- no configuration, and `damaged` says why.
---@param given? { dir?: string }
---@return image.Listed[]
function M.list(given)
  given = options.check("image.list", given, { dir = "string" })
  local dir, list = base(given, "image.list"), {}
  for _, name in ipairs(stat(dir) and list_dir(dir) or {}) do
    local hex = name:match("^sha256%-(%x+)$")
    local where = dir .. "/" .. name
    local found, err
    if hex then
      found, err = try(stored, where, "image.list")
    end
    if err then
      found = { dir = where .. "/rootfs", digest = "sha256:" .. hex, damaged = err.message }
    end
    if found then
      found.users = users(where)
      list[#list + 1] = found
    end
  end
  return list
end

local function refuse_used(where, digest)
  local names = users(where)
  if #names > 0 then
    local message = ("%s is used by %s"):format(digest, table.concat(names, ", "))
    options.fail("image.remove", message, "delete these containers first")
  end
end

--- Removes an image that no container uses.
---@param digest string
---@param given? { dir?: string }
function M.remove(digest, given)
  given = options.check("image.remove", given, { dir = "string" })
  local dir = base(given, "image.remove")
  local where = place(dir, digest, "image.remove")
  if not stat(where) then
    options.fail("image.remove", ("no image %s is stored"):format(digest))
  end
  refuse_used(where, digest)
  local gone <close> = temp_dir { parent = dir }
  rename(where, gone.path .. "/image", { noreplace = true })
  -- Who came meanwhile keeps it; who comes now finds nothing.
  local free, err = try(refuse_used, gone.path .. "/image", digest)
  if err then
    rename(gone.path .. "/image", where, { noreplace = true })
    error(err, 0)
  end
  return free
end

local function user(where, name, op)
  if type(name) ~= "string" or not name:match("^[%w][%w_.-]*$") then
    options.fail(op, ("name: %q is no container's name"):format(tostring(name)))
  end
  return where .. "/users/" .. name
end

--- Says that a container uses an image: it is not removed until `release`.
---@param digest string
---@param name string the container
---@param given? { dir?: string }
function M.use(digest, name, given)
  given = options.check("image.use", given, { dir = "string" })
  local where = place(base(given, "image.use"), digest, "image.use")
  local _, err = try(write_file, user(where, name, "image.use"), "")
  if err then
    options.fail("image.use", ("no image %s is stored"):format(digest), nil, err)
  end
end

--- Says that a container does not use an image any more; one that never did is fine.
---@param digest string
---@param name string the container
---@param given? { dir?: string }
function M.release(digest, name, given)
  given = options.check("image.release", given, { dir = "string" })
  local where = place(base(given, "image.release"), digest, "image.release")
  local _, err = try(remove, user(where, name, "image.release"))
  if err and err.errno ~= "ENOENT" then
    error(err, 0)
  end
end

return M
