--- `linux.sysctl` of config.json: parameters that belong to a namespace of the container's own. All
--- others are the host's, and one whose name or value means something else to the kernel than to
--- who allowed it would change the host (CVE-2022-0811).
---
--- ```lua
--- local sysctl = require "oci.schema.sysctl"
---
--- assert(sysctl.name "net.ipv4.ip_forward" == "net/ipv4/ip_forward")
--- assert(sysctl.name "net/ipv4/conf/eth0.100/rp_filter" == "net/ipv4/conf/eth0.100/rp_filter")
--- assert(sysctl.name "net.ipv4.conf.eth0/100.rp_filter" == "net/ipv4/conf/eth0.100/rp_filter")
--- assert(sysctl.name "net/../kernel/core_pattern" == nil)
--- ```
local M = {}

-- ipc_namespaces(7), network_namespaces(7), uts_namespaces(7), user_namespaces(7)
local OWNERS = {
  ["kernel/msgmax"] = "ipc",
  ["kernel/msgmnb"] = "ipc",
  ["kernel/msgmni"] = "ipc",
  ["kernel/sem"] = "ipc",
  ["kernel/shmall"] = "ipc",
  ["kernel/shmmax"] = "ipc",
  ["kernel/shmmni"] = "ipc",
  ["kernel/shm_rmid_forced"] = "ipc",
  ["kernel/hostname"] = "uts",
  ["kernel/domainname"] = "uts",
}

--- The path below `/proc/sys`, or nil where the name has none. As in sysctl(8) the first separator
--- is the separator, and the other one stands for a dot in a part.
---@param name string
---@return string?
function M.name(name)
  if name:find "[^%w_.:@/-]" or #name > 255 then
    return nil
  end
  if name:match "[./]" == "." then
    name = name:gsub("[./]", { ["."] = "/", ["/"] = "." })
  end
  for part in (name .. "/"):gmatch "([^/]*)/" do
    if part == "" or part == "." or part == ".." then
      return nil
    end
  end
  return name
end

--- The type of the namespace that a parameter belongs to.
---@param path string as `name` answers it
---@return string?
function M.owner(path)
  if path:find "^net/" then
    return "network"
  elseif path:find "^fs/mqueue/" then
    return "ipc"
  elseif path:find "^user/" then
    return "user"
  end
  return OWNERS[path]
end

local function judge(name, value, own, spec)
  local path = M.name(name)
  if not path then
    return 'expected the name of a parameter, such as "net.ipv4.ip_forward"'
  elseif value:find "%c" or #value > 4095 then
    return "expected a value of one line"
  end
  local owner = M.owner(path)
  if not owner then
    return "belongs to no namespace, so it would be the host's", "set it on the host"
  elseif not own[owner] then
    return ("belongs to the host without a namespace of the type %s"):format(owner)
  end
  local field = path:match "^kernel/(%l+)name$"
  field = field and ({ host = "hostname", domain = "domainname" })[field]
  if field and spec[field] then
    return ("is also given as .%s"):format(field)
  end
end

--- The first parameter that is wrong: its place, why, and a hint.
---@param sysctls table<string, string>
---@param own table<string, table> the namespaces of the container, by type
---@param spec table the configuration
---@return string? path, string? problem, string? hint
function M.check(sysctls, own, spec)
  for name, value in pairs(sysctls) do
    local problem, hint = judge(name, value, own, spec)
    if problem then
      local shown = name:sub(1, 80):gsub('[%c"\\]', "?")
      return ('["%s"]'):format(shown), problem, hint
    end
  end
end

return M
