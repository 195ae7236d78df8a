--- OCI image layouts: from `index.json` by descriptors to a manifest, a configuration and layers.
---
--- Every step goes by digest and size, and both are verified before a byte is believed. What this
--- file does not know (a media type, a digest's algorithm) is an error, never skipped: a skipped
--- layer is a root that somebody else did not mean.
---
--- ```lua
--- local layout = require "image.layout"
--- assert(layout.is_layer("application/vnd.oci.image.layer.v1.tar+gzip"))
--- assert(not layout.is_layer("application/vnd.in-toto+json"))
--- ```
local options = require "options"

local M = {}

--- What an index, a manifest or a configuration may weigh; registries allow 4 MiB.
local LIMIT = 4 << 20
--- How many layers an image may have; other tools stop at 127, and kernels mount 500.
M.LAYERS = 500
local NESTED = 4

local INDEX = {
  ["application/vnd.oci.image.index.v1+json"] = true,
  ["application/vnd.docker.distribution.manifest.list.v2+json"] = true,
}
local MANIFEST = {
  ["application/vnd.oci.image.manifest.v1+json"] = true,
  ["application/vnd.docker.distribution.manifest.v2+json"] = true,
}
local CONFIG = {
  ["application/vnd.oci.image.config.v1+json"] = true,
  ["application/vnd.docker.container.image.v1+json"] = true,
}
local LAYER = {
  ["application/vnd.oci.image.layer.v1.tar"] = true,
  ["application/vnd.oci.image.layer.v1.tar+gzip"] = true,
  ["application/vnd.oci.image.layer.v1.tar+zstd"] = true,
  ["application/vnd.oci.image.layer.nondistributable.v1.tar"] = true,
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"] = true,
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"] = true,
  ["application/vnd.docker.image.rootfs.diff.tar"] = true,
  ["application/vnd.docker.image.rootfs.diff.tar.gzip"] = true,
  ["application/vnd.docker.image.rootfs.diff.tar.zstd"] = true,
}

--- OCI's words for this program's processor, by the machine number of its ELF header.
local MACHINES = {
  [3] = "386",
  [21] = "ppc64le",
  [22] = "s390x",
  [40] = "arm",
  [62] = "amd64",
  [183] = "arm64",
  [243] = "riscv64",
  [258] = "loong64",
}

--- Whether a media type is that of a layer that can be unpacked.
---@param media_type string
---@return boolean
function M.is_layer(media_type)
  return LAYER[media_type] == true
end

--- This machine's processor, as images name it.
---@return string
function M.architecture()
  local file <close> = assert(io.open("/proc/self/exe", "rb"))
  local head = file:read(20)
  return MACHINES[string.unpack(head:byte(6) == 2 and ">I2" or "<I2", head, 19)] or "unknown"
end

local function fail(source, message, hint, cause)
  options.fail(source.op, ("%s: %s"):format(source.path, message), hint, cause)
end

--- Reads a JSON text that must be an object.
---@param source image.Source
---@param text string
---@param what string what it is, for errors
---@return table
function M.decode(source, text, what)
  local value, err = try(json_decode, text)
  if err then
    fail(source, ("%s is %s"):format(what, err.message), nil, err)
  elseif type(value) ~= "table" then
    fail(source, what .. " is no JSON object")
  end
  return value
end

--- The name of the file that a descriptor means, after the descriptor was checked.
function M.blob(source, descriptor, what)
  local digest = type(descriptor) == "table" and descriptor.digest
  local hex = type(digest) == "string" and digest:match("^sha256:(%x+)$")
  if not hex or #hex ~= 64 or hex:find("%u") then
    local shown = type(digest) == "string" and ("%q"):format(digest) or "nothing"
    fail(source, ("%s: its digest must be sha256 and 64 digits, found %s"):format(what, shown))
  elseif math.type(descriptor.size) ~= "integer" or descriptor.size < 0 then
    fail(source, ("%s (%s): its size is no whole number"):format(what, digest))
  end
  local name = "blobs/sha256/" .. hex
  local size = source:size(name)
  if not size then
    local hint = "the image is not complete; was it copied whole?"
    fail(source, ("%s: the blob %s is missing"):format(what, digest), hint)
  elseif size ~= descriptor.size then
    local message = "%s: the blob %s has %d bytes, and its descriptor says %d"
    fail(source, message:format(what, digest, size, descriptor.size))
  end
  return name
end

--- A blob as JSON, verified.
local function document(source, descriptor, what)
  local name = M.blob(source, descriptor, what)
  local text = source:read(name, LIMIT)
  local found = "sha256:" .. sha256(text)
  if found ~= descriptor.digest then
    fail(
      source,
      ("%s: the digest of its blob is %s, not %s"):format(what, found, descriptor.digest)
    )
  end
  return M.decode(source, text, what)
end

--- The names that a descriptor goes by.
local function names(descriptor)
  local annotations = type(descriptor.annotations) == "table" and descriptor.annotations or {}
  return annotations["org.opencontainers.image.ref.name"], annotations["io.containerd.image.name"]
end

--- Whether a descriptor is what `ref` asks for: its name, or the end of its full name.
local function is_named(descriptor, ref)
  local short, full = names(descriptor)
  return ref == short or ref == full or full and full:sub(-#ref - 1) == "/" .. ref
end

local function named(source, list, ref)
  local matching, known = {}, {}
  for _, descriptor in ipairs(list) do
    if is_named(descriptor, ref) then
      matching[#matching + 1] = descriptor
    end
    known[#known + 1] = names(descriptor)
  end
  if #matching == 0 then
    local near = options.nearest(ref, known)
    local hint = near and ("did you mean %q?"):format(near)
      or "its names are: " .. (#known > 0 and table.concat(known, ", ") or "none")
    fail(source, ("no image in it is called %q"):format(ref), hint)
  end
  return matching
end

--- Of several manifests the one for this platform.
local function for_platform(source, list, platform)
  local fitting, known = {}, {}
  for _, descriptor in ipairs(list) do
    local of = type(descriptor.platform) == "table" and descriptor.platform or {}
    local text = ("%s/%s"):format(of.os or "linux", of.architecture or platform)
    known[#known + 1] = text .. (of.variant and "/" .. tostring(of.variant) or "")
    if text == "linux/" .. platform then
      fitting[#fitting + 1] = descriptor
    end
  end
  if #fitting == 0 then
    local hint = "it has: " .. table.concat(known, ", ")
    fail(source, ("it has no image for linux/%s"):format(platform), hint)
  end
  return fitting
end

local function choose(source, list, given, platform)
  for _, descriptor in ipairs(list) do
    if type(descriptor) ~= "table" then
      fail(source, "its index lists something that is no descriptor")
    end
  end
  if given then
    list = named(source, list, given)
  end
  if #list == 0 then
    fail(source, "its index lists no manifest")
  elseif #list > 1 then
    list = for_platform(source, list, platform)
  end
  if #list > 1 then
    local known = {}
    for _, descriptor in ipairs(list) do
      known[#known + 1] = names(descriptor) or descriptor.digest
    end
    local hint = "choose one with ref = NAME: "
      .. table.concat(known, ", ", 1, math.min(#known, 20))
    fail(source, ("%d of its images fit"):format(#list), hint)
  end
  return list[1]
end

--- Follows indexes down to a manifest; answers its descriptor.
local function find(source, index, given, platform)
  for _ = 1, NESTED do
    if type(index.manifests) ~= "table" then
      fail(source, "its index has no list 'manifests'")
    end
    local descriptor = choose(source, index.manifests, given, platform)
    if MANIFEST[descriptor.mediaType] then
      return descriptor
    elseif not INDEX[descriptor.mediaType] then
      local message = "the media type %q is neither an index nor an image manifest"
      fail(source, message:format(tostring(descriptor.mediaType)))
    end
    index, given = document(source, descriptor, "the index " .. tostring(descriptor.digest)), nil
  end
  fail(source, ("indexes nest deeper than %d"):format(NESTED))
end

local function layers(source, manifest)
  local list = manifest.layers
  if type(list) ~= "table" then
    fail(source, "the manifest has no list 'layers'")
  elseif #list > M.LAYERS then
    fail(source, ("the manifest lists %d layers; at most %d are taken"):format(#list, M.LAYERS))
  end
  local found = {}
  for index, descriptor in ipairs(list) do
    local what = ("layer %d of %d"):format(index, #list)
    local media_type = type(descriptor) == "table" and descriptor.mediaType
    if not LAYER[media_type] then
      local message = "%s: the media type %q is no layer that can be unpacked"
      fail(source, message:format(what, tostring(media_type)))
    end
    local name = M.blob(source, descriptor, what)
    found[index] = { name = name, digest = descriptor.digest, size = descriptor.size }
  end
  return found
end

--- Finds an image in a layout.
---@param source image.Source
---@param ref? string a name in the index
---@param platform? string the processor; this machine's
---@return table found { digest, raw, layers }
function M.find(source, ref, platform)
  local text = source:read("index.json", LIMIT)
  local index = M.decode(source, text, "index.json")
  local descriptor = find(source, index, ref, platform or M.architecture())
  local manifest = document(source, descriptor, "the manifest " .. tostring(descriptor.digest))
  if manifest.schemaVersion ~= 2 then
    fail(source, ("the manifest %s is not of schema version 2"):format(descriptor.digest))
  end
  local config = type(manifest.config) == "table" and manifest.config or {}
  if not CONFIG[config.mediaType] then
    local message = "the manifest's configuration has the media type %q, which is not an image's"
    fail(source, message:format(tostring(config.mediaType)))
  end
  return {
    digest = descriptor.digest,
    raw = document(source, config, "the configuration " .. tostring(config.digest)),
    layers = layers(source, manifest),
  }
end

return M
