--- Opens an image, whichever form it has, and unpacks its layers one over the other.
---
--- A layer is read once: its bytes are hashed, decompressed, hashed again and unpacked in one pass,
--- and what it made is removed where a digest is wrong. Nothing is trusted that a layer says: see
--- `rootfs:unpack`. Programs with set-user-ID bits are kept, because an image without them is not
--- the one that was meant; so the directory around a root must let nobody else in, as that of the
--- store does.
---
--- ```lua
--- local reader = require "image.reader"
--- local _, err = try(reader.open, "/nowhere.tar")
--- assert(err.message:find("/nowhere.tar: there is no such file", 1, true))
--- ```
---
--- ```lua
--- local image = require "image"
---
--- local function unpack_into(path, dir)
---   local from = image.open(path, { ref = "latest" })
---   local root <close> = rootfs_open(dir)
---   local size = from:unpack(root)
---   from:close()
---   return size.bytes
--- end
--- assert(not try(unpack_into, "/nowhere", "/tmp"))
--- ```
local config = require "image.config"
local docker = require "image.docker"
local layout = require "image.layout"
local options = require "options"
local source = require "image.source"

local M = {}

--- What all layers together may unpack to.
local SIZE = 32 << 30
local ENTRIES = 4000000

--- An image that was opened: what it says of itself, and its layers.
---@class image.Image
---@field path string what was opened
---@field digest string `sha256:…` of the manifest; for a docker-archive, of the configuration
---@field config image.Config what it says of the process that is to run
---@field layers { name: string, digest?: string, size?: integer, diff_id: string }[]
local Image = {}
Image.__index = Image

function Image:__close()
  self:close()
end

--- Closes the directory that the image was opened from.
function Image:close()
  self.source:close()
end

--- Options as those of `rootfs:unpack`; the limits are those of all layers together.
---@class image.Unpack
---@field owner? string|table
---@field devices? boolean
---@field setuid? string
---@field file_caps? string
---@field limits? { size?: integer, entries?: integer, ratio?: integer }

local UNPACK = {
  owner = { "string", "table" },
  devices = "boolean",
  setuid = "=refuse|strip|keep",
  file_caps = "=refuse|strip|keep",
  limits = "table",
}

--- What to do where the disk is full; nil for another error. How much layers need is not known
--- before they are unpacked, but it is no less than what they have packed.
local function room(image, err)
  if err.errno ~= "ENOSPC" and err.errno ~= "EDQUOT" then
    return nil
  end
  local packed = 0
  for _, layer in ipairs(image.layers) do
    packed = packed + (layer.size or image.source:size(layer.name) or 0)
  end
  local hint = "its layers have %d bytes as they are packed, and need more than that: make room "
    .. "(image.remove), or have it elsewhere (CRUN_LUA_DATA, dir)"
  return hint:format(packed)
end

--- Unpacks every layer into a root, which should be empty.
---@param root rootfs
---@param how? image.Unpack
---@return { entries: integer, bytes: integer }
function Image:unpack(root, how)
  how = options.check("image:unpack", how, UNPACK)
  local limits = options.check("image:unpack", how.limits, {
    size = "integer",
    entries = "integer",
    ratio = "integer",
  })
  local is_root = proc_status().uid.effective == 0
  local left = { bytes = limits.size or SIZE, entries = limits.entries or ENTRIES }
  local sum = { bytes = 0, entries = 0 }
  for index, layer in ipairs(self.layers) do
    local summary, err = try(self.source.unpack, self.source, layer.name, root, {
      whiteouts = true,
      xattrs = true,
      owner = how.owner,
      devices = how.devices,
      setuid = how.setuid or "keep",
      file_caps = how.file_caps or (is_root and "keep" or "strip"),
      digest = layer.digest,
      size = layer.size,
      diff_id = layer.diff_id,
      limits = {
        size = math.max(left.bytes - sum.bytes, 1),
        entries = math.max(left.entries - sum.entries, 1),
        ratio = limits.ratio,
      },
    })
    if not summary then
      local what = ("%s: layer %d of %d (%s)"):format(
        self.path,
        index,
        #self.layers,
        layer.digest or layer.name
      )
      local message = ("%s: %s"):format(what, err.hint or err.message)
      options.fail("image:unpack", message, room(self, err), err)
    end
    -- A plan does not know them.
    if math.type(summary.bytes) == "integer" then
      sum.bytes, sum.entries = sum.bytes + summary.bytes, sum.entries + summary.entries
    end
  end
  return sum
end

local function read(from, given)
  local found
  if from:has("index.json") then
    found = layout.find(from, given.ref, given.platform)
  elseif from:has("manifest.json") then
    found = docker.find(from, given.ref)
  else
    local hint = "an OCI image layout has index.json, a docker-archive manifest.json; "
      .. "a tar file of a root directory is unpacked with rootfs:unpack"
    options.fail(from.op, ("%s: this is no image"):format(from.path), hint)
  end
  local parsed, diff_ids = config.parse(found.raw, from.op, from.path)
  if #diff_ids ~= #found.layers then
    local message = "%s: it has %d layers, and its configuration lists %d (diff_ids)"
    options.fail(from.op, message:format(from.path, #found.layers, #diff_ids))
  end
  for index, layer in ipairs(found.layers) do
    layer.diff_id = diff_ids[index]
    if not (#layer.diff_id == 71 and layer.diff_id:match("^sha256:[0-9a-f]+$")) then
      local message = "%s: layer %d of %d: its diff_id %q is no sha256 digest"
      options.fail(from.op, message:format(from.path, index, #diff_ids, layer.diff_id))
    end
  end
  return setmetatable({
    path = from.path,
    source = from,
    digest = found.digest,
    config = parsed,
    layers = found.layers,
  }, Image)
end

--- Opens an OCI image layout (a directory, or a tar file of one) or a docker-archive.
---@param path string
---@param given? { ref?: string, platform?: string } which of its images; the processor, as "arm64"
---@param op? string the function that was called, for errors
---@return image.Image
function M.open(path, given, op)
  op = op or "image.open"
  given = options.check(op, given, { ref = "string", platform = "string" })
  options.expect(op, "path", path, "string")
  local from = source.open(path, op)
  local image, err = try(read, from, given)
  if not image then
    from:close()
    error(err, 0)
  end
  return image
end

--- Whether a path is an image, of either form; false for a directory or tar file of another kind.
---
--- ```lua
--- local image = require "image"
---
--- assert(not image.is_image("/etc"))
--- ```
---@param path string
---@return boolean
function M.is_image(path)
  local from = try(source.open, path, "image.is_image")
  if not from then
    return false
  end
  local is = from:has("oci-layout") and from:has("index.json") or from:has("manifest.json")
  from:close()
  return is
end

return M
