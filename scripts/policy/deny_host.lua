-- Refuses containers that share a namespace with the host, and those that are privileged.
local tools = require "oci.policy.tools"

return {
  needs = { "stat" },
  validate = function(spec, ctx)
    for _, kind in ipairs { "pid", "network", "ipc", "mount" } do
      if not tools.has_namespace(spec, kind, stat) then
        return false, ("%s would share the host's %s namespace"):format(ctx.id, kind)
      end
    end
    return not tools.is_privileged(spec), ctx.id .. " would be privileged"
  end,
}
