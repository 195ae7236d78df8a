-- Limits for containers that came without: what they have asked for themselves is left as it is.
local tools = require "oci.policy.tools"

local MEMORY, PROCESSES, FILES = 512 << 20, 1024, 4096

return {
  mutate = function(spec)
    tools.default(tools.at(spec, "linux", "resources", "memory"), { limit = MEMORY })
    tools.default(tools.at(spec, "linux", "resources", "pids"), { limit = PROCESSES })
    local rlimits = tools.at(spec, "process", "rlimits")
    for _, limit in ipairs(rlimits) do
      if limit.type == "RLIMIT_NOFILE" then
        return
      end
    end
    table.insert(rlimits, { type = "RLIMIT_NOFILE", soft = FILES, hard = FILES })
  end,
}
