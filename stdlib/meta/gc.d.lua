---@meta gc
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.


--- Removes what is nobody's any more.
---@return string[] # what was removed
local function M() end

return M
