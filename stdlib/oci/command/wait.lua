--- `wait ID`: returns when a container has ended.
local state = require "oci.state"

---@param call oci.Call
---@return integer status
return function(call)
  local record = state.get(call.global.root, call.operands[1])
  local process <close> = state.process(record)
  if process then
    poll { process }
  end
  return 0
end
