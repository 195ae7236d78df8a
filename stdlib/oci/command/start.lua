--- `start ID`: lets the program of a created container run.
---@param call oci.Call
---@return integer status
return function(call)
  require("oci.start").go(call.global.root, call.operands[1])
  return 0
end
