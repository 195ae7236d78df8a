-- Every container has this host's seccomp profile, whatever it came with: a file in OCI's format
-- (`linux.seccomp` of config.json). Without the file nothing is started.
local PROFILE = "/etc/crun-lua/seccomp.json"

return {
  needs = { "read_file", "json_decode" },
  mutate = function(spec, ctx)
    local text = read_file(PROFILE) or ctx.refuse(PROFILE .. " is missing")
    spec.linux = spec.linux or {}
    spec.linux.seccomp = json_decode(text)
  end,
  validate = function(spec)
    return spec.linux.seccomp ~= nil, "a later policy has removed the seccomp profile"
  end,
}
