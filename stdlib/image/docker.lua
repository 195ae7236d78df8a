--- docker-archives, what `docker save` writes: `manifest.json` lists images, each with a file of
--- configuration and files of layers. There are no descriptors; the configuration's digest is the
--- image's name, and it lists the digest of each layer's content, verified while it is unpacked.
---
--- ```lua
--- local docker = require "image.docker"
--- assert(docker.digest_of("0123.json", "x") == nil)
--- ```
local layout = require "image.layout"
local options = require "options"

local M = {}

local LIMIT = 4 << 20

local function fail(source, message, hint)
  options.fail(source.op, ("%s: %s"):format(source.path, message), hint)
end

--- The digest in the name of a configuration's file: `HEX.json`, `blobs/sha256/HEX`.
---@param name string
---@return string?
function M.digest_of(name)
  local hex = name:gsub("%.json$", ""):match("([0-9a-f]+)$")
  return hex and #hex == 64 and "sha256:" .. hex or nil
end

local function is_name(value)
  return type(value) == "string" and value ~= "" and not ("/" .. value .. "/"):find("/../", 1, true)
end

local function choose(source, list, ref)
  local known, matching = {}, {}
  for _, image in ipairs(list) do
    if type(image) ~= "table" then
      fail(source, "manifest.json lists something that is no image")
    end
    local tags = type(image.RepoTags) == "table" and image.RepoTags or {}
    local fits = ref == nil or ref == M.digest_of(tostring(image.Config))
    for _, tag in ipairs(tags) do
      known[#known + 1] = tostring(tag)
      fits = fits
        or tag == ref
        or tag == ref .. ":latest"
        or tostring(tag):sub(-#ref - 1) == "/" .. ref
    end
    matching[#matching + 1] = fits and image or nil
  end
  local hint = "its names are: "
    .. (#known > 0 and table.concat(known, ", ", 1, math.min(20, #known)) or "none")
  if #matching == 0 then
    fail(
      source,
      ref and ("no image in it is called %q"):format(ref) or "manifest.json lists no image",
      hint
    )
  elseif #matching > 1 then
    fail(source, ("it holds %d images; choose one with ref = NAME"):format(#matching), hint)
  end
  return matching[1]
end

--- Finds an image in a docker-archive.
---@param source image.Source
---@param ref? string `name:tag`
---@return table found { digest, raw, layers }
function M.find(source, ref)
  local list = layout.decode(source, source:read("manifest.json", LIMIT), "manifest.json")
  local image = choose(source, list, ref)
  if not is_name(image.Config) then
    fail(source, "manifest.json names no configuration")
  end
  local text = source:read(image.Config, LIMIT)
  if not text then
    fail(source, ("the configuration '%s' is missing"):format(image.Config))
  end
  local digest = "sha256:" .. sha256(text)
  if (M.digest_of(image.Config) or digest) ~= digest then
    fail(source, ("the digest of the configuration '%s' is %s"):format(image.Config, digest))
  end
  if type(image.Layers) ~= "table" then
    fail(source, "manifest.json has no list 'Layers'")
  elseif #image.Layers > layout.LAYERS then
    fail(source, ("it lists %d layers; at most %d are taken"):format(#image.Layers, layout.LAYERS))
  end
  local layers = {}
  for index, name in ipairs(image.Layers) do
    if not is_name(name) or not source:has(name) then
      fail(source, ("layer %d of %d: '%s' is missing"):format(index, #image.Layers, tostring(name)))
    end
    layers[index] = { name = name }
  end
  local raw = layout.decode(source, text, "the configuration '" .. image.Config .. "'")
  return { digest = digest, raw = raw, layers = layers }
end

return M
