-- Runs a program of the host's at a moment of every container's life: here one that is told of the
-- network once the namespace is there. A container asks for its own by an annotation.
local tools = require "oci.policy.tools"

local HOOK =
  { path = "/usr/local/bin/tell-network", args = { "tell-network", "--from-hook" }, timeout = 5 }

return {
  mutate = function(spec, ctx)
    if tools.has_namespace(spec, "network") and ctx.annotations["org.example.tell"] ~= "no" then
      tools.add_hook(spec, "createRuntime", HOOK)
    end
  end,
}
