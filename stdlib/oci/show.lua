--- Containers as their users see them: the fields of runc's `state` and `list`.
---
--- ```lua
--- local show = require "oci.show"
---
--- local record = { id = "web", status = "stopped", bundle = "/b", rootfs = "/b/rootfs", owner = 0,
---   created = "2026-01-01T00:00:00Z", ociVersion = "1.2.0", pid = 7 }
--- assert(show.full(record).pid == nil and show.full(record).owner == "root")
--- ```
local M = {}

local function owner(record)
  local found = try(user_lookup, tostring(record.owner))
  return found and found.name or tostring(record.owner)
end

--- The specification's fields and runc's own. A container that has stopped has no pid.
---@param record oci.Record
---@return table
function M.full(record)
  local shown = require("oci.state").public(record)
  shown.rootfs = record.rootfs
  shown.created = record.created
  shown.owner = owner(record)
  return shown
end

return M
