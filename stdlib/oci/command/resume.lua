--- `resume`: lets a paused container go on.
local function resume(call)
  local id = call.operands[1]
  local record = require("oci.state").get(call.global.root, id)
  local group = require("oci.cgroup").open(record.cgroup)
  if record.status == "stopped" or not group:frozen() then
    local message = "container not paused: %q is %s"
    require("options").fail("resume", message:format(id, record.status))
  end
  group:thaw()
  return 0
end

return resume
