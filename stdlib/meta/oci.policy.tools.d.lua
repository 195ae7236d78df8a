---@meta oci.policy.tools
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

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
local M = {}

--- The table at a path of names; made where it is missing.
---@param spec table
---@param ... string "linux", "resources"
---@return table
function M.at(spec, ...) end

--- Sets a variable of the program's environment.
---@param spec table
---@param name string
---@param value string
function M.add_env(spec, name, value) end

--- The value of a variable of the program's environment, or nil.
---@param spec table
---@param name string
---@return string?
function M.get_env(spec, name) end

--- The mount at a place, or nil.
---@param spec table
---@param destination string
---@return table?
function M.find_mount(spec, destination) end

--- Adds a mount, or replaces the one at its place. Without a type it is a bind mount.
---@param spec table
---@param mount { source: string, destination: string, type?: string, options?: string[] }
function M.add_mount(spec, mount) end

--- Adds a hook; one with the same path and arguments is there already.
---@param spec table
---@param stage "prestart"|"createRuntime"|"createContainer"|"startContainer"|"poststart"|"poststop"
---@param hook { path: string, args?: string[], env?: string[], timeout?: integer }
function M.add_hook(spec, stage, hook) end

--- Takes a capability out of every set.
---@param spec table
---@param name string "sys_admin" or "CAP_SYS_ADMIN"
function M.drop_capability(spec, name) end

--- Whether the program can have a capability: whether it is in any of its sets.
---@param spec table
---@param name string "sys_admin" or "CAP_SYS_ADMIN"
---@return boolean
function M.has_capability(spec, name) end

--- Whether the container has a namespace of this kind that is not the host's: a new one, or one
--- that it joins. Any path can lead to the host's: only a policy that hands over the primitive
--- `stat` learns which it is; without it the two well-known paths are told.
---@param spec table
---@param kind "pid"|"network"|"mount"|"ipc"|"uts"|"user"|"cgroup"|"time"
---@param facts? fun(path: string): table the primitive `stat`
---@return boolean
function M.has_namespace(spec, kind, facts) end

--- Whether the container can do what `--privileged` is known for: administer the host's kernel
--- (CAP_SYS_ADMIN), or read or write every device.
---@param spec table
---@return boolean
function M.is_privileged(spec) end

--- Lets the program have a supplementary group.
---@param spec table
---@param gid integer
function M.add_group(spec, gid) end

--- Adds a device node, and the rule that lets the container use it.
---@param spec table
---@param device table path, type ("c", "b", "p"), major, minor, fileMode, uid, gid
---@param access? string "rwm"
function M.add_device(spec, device, access) end

--- Applies a device of a CDI file (Container Device Interface): nodes, mounts, hooks, variables.
---@param spec table
---@param text string the file, JSON
---@param name string "vendor.com/class=name"
---@param node? fun(path: string): table the primitive `stat`, where the file leaves numbers out
function M.add_cdi(spec, text, name, node) end

--- Sets a default: only what is missing is set.
---@param map table such as `tools.at(spec, "linux", "resources", "pids")`
---@param defaults table<string, any>
function M.default(map, defaults) end

return M
