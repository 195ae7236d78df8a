---@meta oci.policy
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

---@class oci.policy.Context
---@field operation "create"|"exec"
---@field id string
---@field bundle? string
---@field files? string[] policies beside those of the directory, in order
---@field process? table with "exec": the program that is started; else it is the spec's
---@field warn? fun(text: string) where warnings go; `oci.log`
---@field check? fun(spec: table, source: string) how a spec is checked; `oci.config`
local oci_policy_Context = {}

--- Policies: Lua that changes a container before it is made, or refuses it.
---
--- The files of `/etc/crun-lua/policy.d` in the order of their names, then those of `--policy`,
--- each return a table: `mutate`, `validate`, `needs`. All mutators run, then all validators, over
--- the spec as a table; `docs/policies.md` tells the rest. They run in a child: what they leave
--- behind, a loop that nothing else ends, memory that grows where Lua does not count, dies with it,
--- and what comes back is JSON.
---
--- ```lua
--- local policy = require "oci.policy"
---
--- local dir <close> = temp_dir()
--- mkdir(dir.path .. "/mine")
--- local file = dir.path .. "/mine/no-root.lua"
--- write_file(file, [[return { validate = function(spec)
---   return spec.process.user.uid ~= 0, "root is not for containers"
--- end }]])
---
--- local spec = { process = { user = { uid = 0 } } }
--- local _, err = try(policy.apply, spec, { operation = "create", id = "web", files = { file } })
--- assert(err.message:find("refused: root is not for containers", 1, true))
--- ```
local M = {}

--- What is in the way of everything else: a library function that does not come back, a program
--- that a policy waits for. Processor seconds, seconds, and bytes.
M.PROCESSOR = nil ---@type any

M.PATIENCE = nil ---@type any

--- Applies every policy to a spec. Answers what is to be made of it; raises where one refuses.
---
--- For "exec" the spec is that of the container, its `process` the program that is to be started in
--- it; only `process` can change.
---@param spec table as `oci.config.load` answers it
---@param ctx oci.policy.Context
---@return table # spec
function M.apply(spec, ctx) end

return M
