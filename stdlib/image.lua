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
local reader = require "image.reader"
local store = require "image.store"

local M = {
  open = reader.open,
  is_image = reader.is_image,
  store = store.store,
  get = store.get,
  list = store.list,
  remove = store.remove,
  use = store.use,
  release = store.release,
}

return M
