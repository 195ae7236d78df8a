--- Tar files and images for tests, written byte by byte: also those that no decent program writes.
---
--- ```lua
--- local tar = require "test.tar"
--- local text = tar.archive { { name = "hello", data = "world" } }
--- assert(#text == 512 + 512 + 1024 and text:sub(1, 5) == "hello")
--- ```
local M = {}

--- What a member's `type` is in a header.
local TYPES = {
  file = "0",
  hardlink = "1",
  symlink = "2",
  char = "3",
  block = "4",
  directory = "5",
  fifo = "6",
}

local function header(member, size)
  local function octal(value, width)
    return ("%0" .. width - 1 .. "o\0"):format(value)
  end
  local kind = TYPES[member.type or "file"]
  local head = string.pack("c100", member.name)
    .. octal(member.mode or 420, 8)
    .. octal(member.uid or 0, 8)
    .. octal(member.gid or 0, 8)
    .. octal(member.size or size, 12)
    .. octal(member.mtime or 1000000000, 12)
    .. "        "
    .. kind
    .. string.pack("c100", member.link or "")
    .. "ustar\00000"
    .. ("\0"):rep(64)
    .. octal(member.major or 0, 8)
    .. octal(member.minor or 0, 8)
  head = head .. ("\0"):rep(512 - #head)
  local sum = 0
  for index = 1, 512 do
    sum = sum + head:byte(index)
  end
  return head:sub(1, 148) .. ("%06o\0 "):format(sum) .. head:sub(157)
end

--- One member of an archive.
---@class test.Member
---@field name string
---@field data? string
---@field type? string "dir", "symlink" and others; a file without it
---@field mode? integer
---@field link? string where a link leads
---@field uid? integer

--- A tar file of these members, with its end mark.
---@param members test.Member[]
---@return string
function M.archive(members)
  local parts = {}
  for _, member in ipairs(members) do
    local data = member.data or ""
    parts[#parts + 1] = header(member, #data)
    parts[#parts + 1] = data .. ("\0"):rep(-#data % 512)
  end
  parts[#parts + 1] = ("\0"):rep(1024)
  return table.concat(parts)
end

--- A text compressed by a program, `gzip` or `zstd`.
---@param text string
---@param program string
---@return string
function M.compressed(text, program)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/in", text)
  return capture({ program, "-c", dir.path .. "/in" }, { max = "64M" }).stdout
end

local function digest(text)
  return "sha256:" .. sha256(text)
end

--- Writes an OCI image layout of layers; answers what is in it, for tests that break it.
---@param dir string an empty directory
---@param layers { tar: string, blob?: string, media_type?: string }[]
---@param change? { config?: table, manifest?: function, index?: function, raw?: function }
---@return table made { digest, manifest, layers }
function M.layout(dir, layers, change)
  change = change or {}
  mkdir(dir .. "/blobs/sha256", { parents = true })
  local function blob(text, media_type)
    write_file(dir .. "/blobs/sha256/" .. sha256(text), text)
    return { mediaType = media_type, digest = digest(text), size = #text }
  end
  local oci = "application/vnd.oci.image."
  local raw = {
    architecture = "amd64",
    os = "linux",
    config = change.config or {},
    rootfs = { type = "layers", diff_ids = json_array {} },
  }
  local manifest = { schemaVersion = 2, layers = json_array {} }
  for index, layer in ipairs(layers) do
    raw.rootfs.diff_ids[index] = digest(layer.tar)
    local media_type = layer.media_type or oci .. "layer.v1.tar"
    manifest.layers[index] = blob(layer.blob or layer.tar, media_type)
  end
  if change.raw then
    change.raw(raw)
  end
  manifest.config = blob(json_encode(raw), oci .. "config.v1+json")
  if change.manifest then
    change.manifest(manifest)
  end
  local descriptor = blob(json_encode(manifest), oci .. "manifest.v1+json")
  descriptor.annotations = { ["org.opencontainers.image.ref.name"] = "latest" }
  local index = { schemaVersion = 2, manifests = { descriptor } }
  if change.index then
    change.index(index, blob)
  end
  write_file(dir .. "/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
  write_file(dir .. "/index.json", json_encode(index))
  return { digest = descriptor.digest, manifest = manifest, raw = raw }
end

return M
