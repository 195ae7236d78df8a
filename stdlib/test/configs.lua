--- Configurations for tests: one that is right, and what a change of it is answered with.
---
--- ```lua
--- local configs = require "test.configs"
---
--- local message = configs.message(require("oci.config").check, configs.base(function(spec)
---   spec.process.cwd = "here"
--- end))
--- assert(message:find(".process.cwd", 1, true))
--- ```
local config = require "oci.config"

local M = {}

--- What a function fails with: its message, and the error; "none" where it does not.
function M.message(body, ...)
  local _, err = try(body, ...)
  return err and (err.message or err.errno) or "none", err
end

--- A configuration with all that rules ask for; `change` makes it wrong.
function M.base(change)
  local namespaces = {}
  for _, kind in ipairs { "pid", "network", "ipc", "uts", "mount", "user", "cgroup", "time" } do
    namespaces[#namespaces + 1] = { type = kind }
  end
  local spec = {
    ociVersion = "1.3.0",
    root = { path = "rootfs" },
    process = { cwd = "/", args = { "sh" }, env = { "PATH=/bin" } },
    mounts = { { destination = "/proc", type = "proc", source = "proc" } },
    linux = {
      namespaces = namespaces,
      uidMappings = { { containerID = 0, hostID = 1000, size = 10 } },
      gidMappings = { { containerID = 0, hostID = 1000, size = 10 } },
    },
  }
  if change then
    change(spec, spec.linux, spec.process)
  end
  return spec
end

--- Takes a namespace away.
function M.without(spec, kind)
  for index, namespace in ipairs(spec.linux.namespaces) do
    if namespace.type == kind then
      table.remove(spec.linux.namespaces, index)
    end
  end
end

--- Each row: the beginning of the message behind "config.json: ", and what makes the base wrong.
function M.all_fail(t, rows)
  t.eq(M.message(config.check, M.base()), "none")
  for _, row in ipairs(rows) do
    local found = M.message(config.check, M.base(row[2]))
    t.eq(found:sub(1, #row[1] + 13), "config.json: " .. row[1])
  end
end

--- Each change leaves the base right.
function M.all_pass(t, changes)
  for index, change in ipairs(changes) do
    t.eq(M.message(config.check, M.base(change)), "none", "row " .. index)
  end
end

return M
