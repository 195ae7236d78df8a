---@meta hardening.apparmor
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

---@class hardening.Loaded
---@field name string what a profile's `apparmor`, or OCI's `apparmorProfile`, is to be
local hardening_Loaded = {}

--- A hardening profile as a profile of AppArmor's: written, loaded for a while, removed.
---
--- A container's mounts hide and protect paths for as long as the mounts are right. AppArmor
--- refuses the same paths by name, in the kernel, whatever is mounted and whoever asks, and it goes
--- on with every program that the container starts. What the profile says is taken over:
--- capabilities, masked and read-only paths, a read-only root with what is writable in it. What it
--- says nothing about stays allowed; mounts, and looking into processes of others, never are.
---
--- `secrets` are found by looking at volumes when a container starts, and are no names that could
--- stand here: their mounts protect them alone.
---
--- ```lua
--- local apparmor = require "hardening.apparmor"
---
--- local text = apparmor.text({ "strict", masked = { "/srv/private" } }, { name = "box" })
--- assert(text:find('deny "/srv/private/**" mrwklx,', 1, true))
---
--- local active = table.concat(lsm_status().active, " "):find("apparmor")
--- if active and try(capture, { "apparmor_parser", "--version" }) then
---   local loaded <close> = apparmor.load("strict")
---   print("profile = { 'strict', apparmor = '" .. loaded.name .. "' }")
--- end
--- ```
local M = {}

--- The text, as `apparmor_parser` reads it.
---
--- ```lua
--- local apparmor = require "hardening.apparmor"
---
--- print(apparmor.text("web", { name = "web", writable = { "/srv/uploads" } }))
--- ```
---@param profile? string|table as `hardening.resolve` takes it
---@param how? { name?: string, writable?: string[] } writable: what the container mounts writable beside the profile's own volumes, where the root is read-only
---@return string
function M.text(profile, how) end

--- Writes the profile and loads it, enforcing, until the answer is closed. `crun-lua gc` removes
--- what a program that was killed has left.
---
--- ```lua
--- local apparmor = require "hardening.apparmor"
---
--- local _, err = try(apparmor.load, "strict", { name = "*" })
--- assert(err.message:find "cannot be the name")
--- ```
---@param profile? string|table as `hardening.resolve` takes it
---@param how? { name?: string, writable?: string[] } as `text` takes it
---@return hardening.Loaded # loaded to be closed; its `name` is what a container is given
function M.load(profile, how) end

--- Removes the profiles of programs that do not run any more.
---
--- ```lua
--- local apparmor = require "hardening.apparmor"
---
--- assert(type(apparmor.gc()) == "table")
--- ```
---@return string[] # what was removed
function M.gc() end

return M
