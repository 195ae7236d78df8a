--- `delete ID`: removes a container that has stopped, or one that was never started; with `--force`
--- any, after its processes are killed.
local options = require "options"
local state = require "oci.state"

local function delete_one(call, id)
  local root, force = call.global.root, call.options.force
  if force and not state.find(root, id) then
    -- Who made it may have been killed before it had its name.
    state.sweep(root)
    return 0
  end
  local lock <close> = force and require("oci.delete").take(root, id) or state.lock(root, id)
  local record = state.find(root, id)
  if not record then
    -- Another delete was faster.
    return 0
  end
  local may = record.status == "stopped" or record.status == "created"
  if not may and not force then
    local text = "cannot delete container %q that is not stopped: %s"
    options.fail("oci", text:format(id, record.status), "kill it first, or use --force")
  end
  require("oci.delete").whole(root, record)
  return 0
end

---@param call oci.Call
---@return integer status
return function(call)
  if call.options.regex then
    return require("oci.several").each(call, delete_one)
  end
  return delete_one(call, call.operands[1])
end
