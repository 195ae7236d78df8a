--- What a container takes of its root for itself alone: the use of an image, an upper directory.
---
--- Both outlive a process that is killed. So the root is first only looked at; what there will be
--- to give back is written into the record; and after that it is taken. Whoever cleans up goes by
--- the record alone, and one that takes back what was never taken does no harm.
---
--- ```lua
--- local root = require "container.root"
---
--- local made = { root = { kind = "overlay", upper = "/srv/changes" }, record = {} }
--- root.note(made)
--- assert(made.record.release.upper == "/srv/changes" and made.record.image == nil)
--- ```
local rootfs = require "rootfs"

local M = {}

--- Does what is slow and the same for each run. Nothing is taken yet.
---@param made table see `container.build`
function M.prepare(made)
  local config = made.config
  made.root = rootfs.prepare(config.rootfs, {
    root = not config.userns,
    userns = config.userns,
    name = config.name,
    later = true,
  })
end

--- Writes into the record what is to be given back.
---@param made table
function M.note(made)
  made.record.image = made.root.digest
  made.record.release = made.root.upper and made.root or nil
end

--- Takes it. Each step is one to undo before it is made: it may fail halfway.
---@param made table
function M.hold(made)
  local digest = made.root.digest
  rootfs.hold(made.root)
  made.undo:push("root", function()
    rootfs.release(made.root)
  end)
  if digest then
    made.undo:push("image", function()
      require("image").release(digest, made.config.name)
    end)
    require("image").use(digest, made.config.name)
  end
end

return M
