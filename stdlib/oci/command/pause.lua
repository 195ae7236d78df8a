--- `pause`: stops all processes of a container, through the freezer of its control group.
local function pause(call)
  local id = call.operands[1]
  local record = require("oci.state").get(call.global.root, id)
  if record.status ~= "running" and record.status ~= "created" then
    local message = "container not running: %q is %s"
    require("options").fail("pause", message:format(id, record.status))
  end
  require("oci.cgroup").open(record.cgroup):freeze()
  return 0
end

return pause
