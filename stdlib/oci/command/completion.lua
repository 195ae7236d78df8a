--- `crun-lua completion SHELL`: prints the completions for bash, zsh or fish.
---
--- ```lua
--- local completion = require "oci.command.completion"
---
--- assert(completion { operands = { "bash" } } == 0)
--- ```

---@param call oci.Call
---@return integer status
return function(call)
  io.write(require("oci.completion." .. call.operands[1])())
  return 0
end
