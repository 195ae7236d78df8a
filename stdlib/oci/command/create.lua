--- `create ID`: makes a container that waits for `start`.
---@param call oci.Call
---@return integer status
return function(call)
  local made = require("oci.create").make(call, { detach = true })
  -- Nobody owns it from here on.
  made.process:keep()
  made.lock:close()
  return 0
end
