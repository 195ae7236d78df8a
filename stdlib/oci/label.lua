--- Labels of security modules, as configurations name them: for processes and for mounts.
---
--- Engines send a label that the machine has no use for, and crun goes on as well. Told to a kernel
--- that does not know it, it would be an error of a mount's; that it protects nothing is a warning.
---
--- ```lua
--- local label = require "oci.label"
---
--- assert(label.active("selinux", nil) == nil and label.active("selinux", "") == nil)
--- assert(label.active("no-such-module", "x") == nil)
--- ```
local M = {}

--- The label, where the module that knows it is active.
---@param name string "selinux" or "apparmor"
---@param label? string
---@return string?
function M.active(name, label)
  if not label or label == "" then
    return nil
  end
  for _, active in ipairs(lsm_status().active) do
    if active == name then
      return label
    end
  end
  local text = "%s is not active in this kernel: the label %q confines nothing"
  require("oci.log").warn(text:format(name, label))
end

return M
