---@meta image
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- An image that was opened: what it says of itself, and its layers.
---@class image.Image
---@field path string what was opened
---@field digest string `sha256:…` of the manifest; for a docker-archive, of the configuration
---@field config image.Config what it says of the process that is to run
---@field layers { name: string, digest?: string, size?: integer, diff_id: string }[]
local image_Image = {}

--- Closes the directory that the image was opened from.
function image_Image:close() end

--- Unpacks every layer into a root, which should be empty.
---@param root rootfs
---@param how? image.Unpack
---@return { entries: integer, bytes: integer }
function image_Image:unpack(root, how) end

---@class image.Config
---@field entrypoint? string[]
---@field command? string[]
---@field env table<string, string>
---@field user? string
---@field workdir? string
---@field volumes string[]
---@field ports string[]
---@field labels table<string, string>
---@field stop_signal? string
---@field architecture string
---@field os string
local image_Config = {}

--- Options as those of `rootfs:unpack`; the limits are those of all layers together.
---@class image.Unpack
---@field owner? string|table
---@field devices? boolean
---@field setuid? string
---@field file_caps? string
---@field limits? { size?: integer, entries?: integer, ratio?: integer }
local image_Unpack = {}

--- Options as those of `image.open` and `image:unpack`; `dir` is another store than the usual one.
---@class image.StoreOptions
---@field ref? string
---@field platform? string
---@field dir? string
---@field devices? boolean
---@field limits? table
local image_StoreOptions = {}

---@class image.Stored
---@field dir string the root directory
---@field digest string
---@field config image.Config
local image_Stored = {}

---@class image.Listed: image.Stored
---@field users string[] the containers that use it
---@field damaged? string why it cannot be used
local image_Listed = {}

--- Container images without a registry: OCI image layouts (a directory, or a tar file of one) and
--- docker-archives (`docker save`), opened, verified, unpacked, and kept in a store.
---
--- ```lua
--- local image = require "image"
---
--- local function run(path)
---   local box <close> = image.open(path, { ref = "latest" })
---   print(box.digest, box.config.workdir, #box.layers)
---   local kept = image.store(path, { ref = "latest" })
---   print(kept.dir)
--- end
--- assert(not try(run, "/nowhere"))
--- ```
local M = {}

--- Opens an OCI image layout (a directory, or a tar file of one) or a docker-archive.
---@param path string
---@param given? { ref?: string, platform?: string } which of its images; the processor, as "arm64"
---@param op? string the function that was called, for errors
---@return image.Image
function M.open(path, given, op) end

--- Whether a path is an image, of either form; false for a directory or tar file of another kind.
---
--- ```lua
--- local image = require "image"
---
--- assert(not image.is_image("/etc"))
--- ```
---@param path string
---@return boolean
function M.is_image(path) end

--- Stores an image, unless it is stored already.
---@param path string an OCI image layout or a docker-archive
---@param given? image.StoreOptions
---@return image.Stored
function M.store(path, given) end

--- The image of a digest, where it is stored.
---@param digest string
---@param given? { dir?: string } another directory than the store's own
---@return image.Stored?
function M.get(digest, given) end

--- What the store holds, by digest. An image that cannot be used any more hides no other: it has
--- no configuration, and `damaged` says why.
---@param given? { dir?: string }
---@return image.Listed[]
function M.list(given) end

--- Removes an image that no container uses.
---@param digest string
---@param given? { dir?: string }
function M.remove(digest, given) end

--- Says that a container uses an image: it is not removed until `release`.
---@param digest string
---@param name string the container
---@param given? { dir?: string }
function M.use(digest, name, given) end

--- Says that a container does not use an image any more; one that never did is fine.
---@param digest string
---@param name string the container
---@param given? { dir?: string }
function M.release(digest, name, given) end

return M
