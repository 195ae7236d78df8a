--- `state ID`: prints a container's state as JSON.
---@param call oci.Call
---@return integer status
return function(call)
  local state = require "oci.state"
  local record = state.get(call.global.root, call.operands[1])
  io.write(json_encode(require("oci.show").full(record), { pretty = true }))
  return 0
end
