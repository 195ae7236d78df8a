-- Gives a container the devices that it names by annotations `org.example.device/ANY`, with a CDI
-- name such as "acme.com/gpu=0". What a device consists of is in its vendor's file below /etc/cdi.
local tools = require "oci.policy.tools"

return {
  needs = { "read_file", "stat" },
  mutate = function(spec, ctx)
    for key, name in pairs(ctx.annotations) do
      if key:find "^org%.example%.device/" then
        local vendor, class = name:match "^([%w.-]+)/([%w_-]+)=[%w_.:-]+$"
        if not vendor then
          ctx.refuse(("%q is no device's name"):format(name))
        end
        local file = read_file(("/etc/cdi/%s-%s.json"):format(vendor, class))
        tools.add_cdi(spec, file, name, stat)
      end
    end
  end,
}
