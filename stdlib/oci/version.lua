--- The versions that the OCI runtime answers with: its own, and the specification's.
---
--- ```lua
--- local version = require "oci.version"
---
--- assert(version.spec:find("^1%."))
--- assert(version.before("1.0.2-dev", 1) and not version.before("1.3.0", 3))
--- ```
local M = {
  -- That of Cargo.toml; a test compares them.
  program = "0.1.0",
  -- What is in this version of the specification is understood.
  spec = "1.3.0",
}

--- Whether a configuration is of a version before 1.MINOR: where the specification has changed its
--- mind, a bundle is run by the text that it was written for.
---@param given? string ociVersion
---@param minor integer
---@return boolean
function M.before(given, minor)
  local major, own = (given or ""):match("^(%d+)%.(%d+)")
  return major ~= nil and (tonumber(major) < 1 or tonumber(major) == 1 and tonumber(own) < minor)
end

return M
