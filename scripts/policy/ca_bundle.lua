-- Shows every container this host's certificates, read-only, and tells its programs where they are.
local tools = require "oci.policy.tools"

local BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

return {
  needs = { "stat" },
  mutate = function(spec, ctx)
    if not stat(BUNDLE) then
      return ctx.warn(BUNDLE .. " is missing: containers keep their own certificates")
    end
    tools.add_mount(spec, {
      source = BUNDLE,
      destination = BUNDLE,
      options = { "bind", "ro", "nosuid", "nodev", "noexec" },
    })
    tools.add_env(spec, "SSL_CERT_FILE", BUNDLE)
  end,
}
