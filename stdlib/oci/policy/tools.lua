--- What policies do most, in one line each.
---
--- Every function takes the spec first and changes it in place; what is missing on the way is made.
--- Done twice, each leaves the same: a policy also runs when a program is started in the container.
---
--- ```lua
--- local tools = require "oci.policy.tools"
---
--- local capabilities = { bounding = { "CAP_SYS_ADMIN" } }
--- local spec = { process = { env = { "A=1" }, capabilities = capabilities } }
--- tools.add_env(spec, "A", "2")
--- tools.drop_capability(spec, "sys_admin")
--- tools.add_mount(spec, { source = "/etc/ssl", destination = "/etc/ssl", options = { "ro" } })
--- assert(spec.process.env[1] == "A=2" and #spec.process.capabilities.bounding == 0)
--- assert(tools.find_mount(spec, "/etc/ssl").type == "bind")
--- assert(not tools.has_namespace(spec, "network") and not tools.is_privileged(spec))
--- ```
---
--- ```lua
--- local tools = require "oci.policy.tools"
---
--- local spec = {}
--- tools.default(tools.at(spec, "linux", "resources", "pids"), { limit = 512 })
--- tools.add_env(spec, "LANG", "C.UTF-8")
--- tools.add_group(spec, 44)
--- tools.add_hook(spec, "createRuntime", { path = "/usr/bin/hook", args = { "hook", "add" } })
--- tools.add_device(spec, { path = "/dev/fuse", type = "c", major = 10, minor = 229 }, "rw")
--- tools.add_cdi(spec, [[{ "cdiVersion": "0.6.0", "kind": "vendor.com/card",
---   "devices": [{ "name": "0", "containerEdits": { "env": ["CARD=0"] } }]
--- }]], "vendor.com/card=0")
--- assert(tools.get_env(spec, "LANG") == "C.UTF-8" and tools.get_env(spec, "CARD") == "0")
--- assert(not tools.has_capability(spec, "sys_admin"))
--- ```
local options = require "options"

local M = {}

--- The table at a path of names; made where it is missing.
---@param spec table
---@param ... string "linux", "resources"
---@return table
function M.at(spec, ...)
  local map = spec
  for _, name in ipairs { ... } do
    if map[name] == nil then
      map[name] = {}
    end
    map = map[name]
  end
  return map
end

--- The position of the first element that a function likes.
local function position(list, likes)
  for index, item in ipairs(list or {}) do
    if likes(item) then
      return index
    end
  end
end

--- Replaces the element that a function likes, or adds one at the end.
local function put(list, item, likes)
  list[position(list, likes) or #list + 1] = item
end

--- A value of another table: what is inside of both changes in both, so it is copied.
local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local out = getmetatable(value) == "json array" and json_array {} or {}
  for key, item in pairs(value) do
    out[key] = copy(item)
  end
  return out
end

--- Sets a variable of the program's environment.
---@param spec table
---@param name string
---@param value string
function M.add_env(spec, name, value)
  if type(name) ~= "string" or name == "" or name:find "[=%z]" then
    options.fail("add_env", ("%q is no variable's name"):format(tostring(name)))
  end
  put(M.at(spec, "process", "env"), name .. "=" .. tostring(value), function(item)
    return item:sub(1, #name + 1) == name .. "="
  end)
end

--- The value of a variable of the program's environment, or nil.
---@param spec table
---@param name string
---@return string?
function M.get_env(spec, name)
  local list = spec.process and spec.process.env
  local index = position(list, function(item)
    return item:sub(1, #name + 1) == name .. "="
  end)
  return index and list[index]:sub(#name + 2)
end

--- The mount at a place, or nil.
---@param spec table
---@param destination string
---@return table?
function M.find_mount(spec, destination)
  local index = position(spec.mounts, function(mount)
    return mount.destination == destination
  end)
  return index and spec.mounts[index]
end

--- Adds a mount, or replaces the one at its place. Without a type it is a bind mount.
---@param spec table
---@param mount { source: string, destination: string, type?: string, options?: string[] }
function M.add_mount(spec, mount)
  mount = copy(mount)
  mount.type = mount.type or "bind"
  if mount.type == "bind" then
    mount.options = mount.options or {}
    local is_bind = position(mount.options, function(word)
      return word == "bind" or word == "rbind"
    end)
    table.insert(mount.options, 1, not is_bind and "rbind" or table.remove(mount.options, is_bind))
  end
  put(M.at(spec, "mounts"), mount, function(other)
    return other.destination == mount.destination
  end)
end

--- Adds a hook; one with the same path and arguments is there already.
---@param spec table
---@param stage "prestart"|"createRuntime"|"createContainer"|"startContainer"|"poststart"|"poststop"
---@param hook { path: string, args?: string[], env?: string[], timeout?: integer }
function M.add_hook(spec, stage, hook)
  local function words(item)
    return item.path .. "\0" .. table.concat(item.args or {}, "\0")
  end
  local wanted = words(hook)
  put(M.at(spec, "hooks", stage), copy(hook), function(other)
    return words(other) == wanted
  end)
end

local SETS = { "bounding", "effective", "inheritable", "permitted", "ambient" }

local function capability(name)
  name = name:upper()
  return name:find "^CAP_" and name or "CAP_" .. name
end

--- Takes a capability out of every set.
---@param spec table
---@param name string "sys_admin" or "CAP_SYS_ADMIN"
function M.drop_capability(spec, name)
  local sets = spec.process and spec.process.capabilities or {}
  local word = capability(name)
  for _, set in ipairs(SETS) do
    local index = position(sets[set], function(item)
      return item == word
    end)
    if index then
      table.remove(sets[set], index)
    end
  end
end

--- Whether the program can have a capability: whether it is in any of its sets.
---@param spec table
---@param name string "sys_admin" or "CAP_SYS_ADMIN"
---@return boolean
function M.has_capability(spec, name)
  local sets = spec.process and spec.process.capabilities or {}
  local word = capability(name)
  for _, set in ipairs(SETS) do
    if position(sets[set], function(item)
      return item == word
    end) then
      return true
    end
  end
  return false
end

local FILES = { network = "net", mount = "mnt" }

--- Whether the container has a namespace of this kind that is not the host's: a new one, or one
--- that it joins. Any path can lead to the host's: only a policy that hands over the primitive
--- `stat` learns which it is; without it the two well-known paths are told.
---@param spec table
---@param kind "pid"|"network"|"mount"|"ipc"|"uts"|"user"|"cgroup"|"time"
---@param facts? fun(path: string): table? the primitive `stat`
---@return boolean
function M.has_namespace(spec, kind, facts)
  local list = spec.linux and spec.linux.namespaces
  local index = position(list, function(item)
    return item.type == kind
  end)
  local path = index and list[index].path
  if not path or path == "" then
    return index ~= nil
  elseif not facts then
    return not path:find "^/+proc/+1/+ns/" and not path:find "^/+proc/+self/+ns/"
  end
  local joined, own = facts(path), facts("/proc/self/ns/" .. (FILES[kind] or kind))
  return joined ~= nil and own ~= nil and joined.ino ~= own.ino
end

--- Whether the container can do what `--privileged` is known for: administer the host's kernel
--- (CAP_SYS_ADMIN), or read or write every device.
---@param spec table
---@return boolean
function M.is_privileged(spec)
  if M.has_capability(spec, "sys_admin") then
    return true
  end
  local resources = spec.linux and spec.linux.resources or {}
  return position(resources.devices, function(rule)
    local is_any = not rule.type or rule.type == "a" or not rule.major
    return rule.allow and is_any and (rule.access or "rwm"):find "[rw]" ~= nil
  end) ~= nil
end

--- Lets the program have a supplementary group.
---@param spec table
---@param gid integer
function M.add_group(spec, gid)
  put(M.at(spec, "process", "user", "additionalGids"), gid, function(other)
    return other == gid
  end)
end

--- Adds a device node, and the rule that lets the container use it.
---@param spec table
---@param device table path, type ("c", "b", "p"), major, minor, fileMode, uid, gid
---@param access? string "rwm"
function M.add_device(spec, device, access)
  put(M.at(spec, "linux", "devices"), copy(device), function(other)
    return other.path == device.path
  end)
  local rule = { allow = true, type = device.type, major = device.major, minor = device.minor }
  rule.access = access or "rwm"
  put(M.at(spec, "linux", "resources", "devices"), rule, function(other)
    local same_device = other.major == rule.major and other.minor == rule.minor
    return other.allow and other.type == rule.type and same_device
  end)
end

--- Applies a device of a CDI file (Container Device Interface): nodes, mounts, hooks, variables.
---@param spec table
---@param text string the file, JSON
---@param name string "vendor.com/class=name"
---@param node? fun(path: string): table? the primitive `stat`, where the file leaves numbers out
function M.add_cdi(spec, text, name, node)
  require("oci.policy.cdi").add(M, spec, text, name, node)
end

--- Sets a default: only what is missing is set.
---@param map table such as `tools.at(spec, "linux", "resources", "pids")`
---@param defaults table<string, any>
function M.default(map, defaults)
  for name, value in pairs(defaults) do
    if map[name] == nil then
      map[name] = value
    end
  end
end

return M
