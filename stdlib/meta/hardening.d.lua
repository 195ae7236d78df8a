---@meta hardening
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- A profile that is checked and whole: plain, so it can be kept as JSON.
---@class hardening.Profile
---@field name string "strict", "strict+web", "strict*" where something was changed
---@field summary string
---@field caps string[] the capabilities that are left
---@field seccomp table|false see `hardening.seccomp`
---@field masked string[] paths that are hidden
---@field readonly_paths string[] paths that cannot be written
---@field readonly_root boolean
---@field pinned? string[] directories that become mount points, which cannot be renamed
---@field present? table<string, string> paths made where they are missing: "directory" or "file"
---@field tmpfs table<string, table> path to mount data
---@field user? string "uid:gid"
---@field no_new_privs boolean
---@field landlock table|false rules, by paths of the new root
---@field limits table of the control group
---@field rlimits table
---@field env { keep: string[], set: table<string, string> }
---@field volumes { source: string, target: string, readonly: boolean? }[]
---@field network? any mode, or what `network.parse` takes
---@field secrets string[] see `hardening.secrets`
---@field secrets_limit? integer how many names are looked at
---@field unsearched? string[] directories that are not gone into for secrets
---@field requires string[] layers without which nothing is started
---@field oom_score? integer
---@field apparmor? string
---@field selinux? string
local hardening_Profile = {}

--- What crosses into the child.
---@class hardening.Prepared
---@field profile table
---@field filter? any a compiled seccomp filter
---@field notify? { filter: any, handlers: table?, names: string[] } see `hardening.notify`
---@field landlock? table rules, with what is writable added
---@field masked string[] paths in the root
---@field secrets string[] paths in the root
---@field required table<string, boolean>
---@field userns? boolean whether the container is in a user namespace of its own
---@field user? string
---@field after_user? function
local hardening_Prepared = {}

--- Profiles: what a container may do, as tables that can be read, composed and read back.
---
--- A profile is a file below `hardening/profiles/`. `resolve` composes and checks, `prepare` does
--- in the parent what is slow or can fail, `mounts` and `confine` act in the child, before and
--- after the pivot. `hardening.compose` says for each key what a change of it means.
---
--- ```lua
--- local hardening = require "hardening"
---
--- local profile = hardening.resolve { "strict", caps = { "+net_bind_service" } }
--- local prepared = hardening.prepare(profile, { userns = true, root = false })
--- local rootfs = require "rootfs"
--- local root_of = rootfs.prepare(rootfs.parse("host"), { name = "box", root = true })
---
--- local kinds = { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" }
--- local child <close> = spawn({ unshare = kinds }, function()
---   local root = rootfs.mount(root_of)
---   root:proc()
---   root:dev()
---   hardening.furnish(prepared, root)
---   hardening.mounts(prepared, root)
---   root:pivot()
---   hardening.confine(prepared)
---   assert(caps_get().bounding[1] == "net_bind_service" and seccomp_status().mode == "filter")
---   exec { "/bin/true" }
--- end)
--- assert(child:wait().code == 0)
--- ```
local M = {}

--- The profiles there are.
---
--- ```lua
--- local hardening = require "hardening"
---
--- assert(hardening.names()[1] == "minimal")
--- ```
---@return string[]
function M.names() end

--- Profiles and changes as one profile, checked.
---
--- ```lua
--- local hardening = require "hardening"
---
--- assert(hardening.resolve().name == "default")
--- assert(#hardening.resolve { "strict", caps = { "+kill" } }.caps == 1)
--- assert(hardening.resolve { "build", "strict" }.readonly_root)
--- local _, err = try(hardening.resolve, { "strict", caps = { "+net_bnd_service" } })
--- assert(err.hint:find("net_bind_service"))
--- ```
---@param value? string|table a name; the file of a learnt profile, with a slash (see `learn`); `{ name, name, key = change }`, where a name after the first adds its own changes; or a whole profile, which has a `summary`
---@return hardening.Profile
function M.resolve(value) end

--- What a profile says, in lines.
---
--- ```lua
--- local hardening = require "hardening"
---
--- print(table.concat(hardening.describe { "strict", readonly_root = false }, "\n"))
--- ```
---@param profile string|table
---@return string[]
function M.describe(profile) end

--- A seccomp profile in Docker's form or that of OCI, for a profile's `seccomp`. Its conditions on
--- capabilities, architecture and kernel are judged with the capabilities of the profile.
---
--- ```lua
--- local hardening = require "hardening"
---
--- local text = [[{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
---   { "names": ["read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW" } ] }]]
--- local profile = hardening.resolve { "strict", seccomp = hardening.import_seccomp(text) }
--- assert(profile.seccomp)
--- ```
---@param from string a path, or JSON
---@return table
function M.import_seccomp(from) end

--- Does what is slow, and refuses what cannot be kept.
---@param profile table
---@param context? { root: boolean?, userns: boolean?, name: string?, volumes: table[]?, tmpfs: table?, after_user: function? } root: made by root without a user namespace; volumes and tmpfs: the container's own beside the profile's
---@return hardening.Prepared
function M.prepare(profile, context) end

--- Mounts the profile's own tmpfs and volumes. Before `mounts`; a container that mounts them itself
--- leaves this out.
---@param prepared hardening.Prepared
---@param root any a rootfs handle
function M.furnish(prepared, root) end

--- Hides and write-protects, when all else is mounted.
---@param prepared hardening.Prepared
---@param root any a rootfs handle
function M.mounts(prepared, root) end

--- Gives up every right that the profile does not grant. Last before exec, in the new root.
---@param prepared hardening.Prepared
---@param how? { user: string?, groups: any[]?, rlimits: table?, oom_score: integer?, before_seccomp: function?, after_user: function?, root: boolean?, answers: any? } rlimits and oom_score go before the profile's; after_user is called when the user has changed, which disarms die_with_parent; answers: a socket to whoever answers the calls that the profile notifies (see `supervise.desk`)
function M.confine(prepared, how) end

return M
