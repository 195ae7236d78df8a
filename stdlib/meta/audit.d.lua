---@meta audit
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

---@class audit.Result
---@field version integer
---@field subject string
---@field total integer from 0, open, to 100
---@field word string
---@field rows audit.Row[]
---@field unknown integer how many rows could not be judged
---@field doors string[] the rows that make the others pointless
local audit_Result = {}

---@class audit.Row
---@field id string
---@field topic string
---@field name string
---@field answer "yes"|"partly"|"no"|"n/a"|"unknown"
---@field now string
---@field weight integer
---@field lost number how much of the weight is lost
---@field remedy? string where something is lost
---@field cost? string what the remedy takes away or needs
---@field see string
local audit_Row = {}

--- Judges how well something is confined: a row a property with what it means now, what it weighs,
--- what would mend it and what the remedy costs; and a total with a word.
---
--- ```lua
--- local audit = require "audit"
---
--- local child <close> = spawn({ unshare = { "user", "pid", "mnt", "net", "ipc" } }, function()
---   drop_caps { keep = {} }
---   no_new_privs()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local result = audit.process(child.pid)
--- assert(audit.row(result, "no-new-privs").answer == "yes")
--- assert(result.total >= 0 and result.total <= 100 and result.word)
--- print(table.concat(audit.report(result, { width = 100 }), "\n"))
--- ```
---
--- A process is judged by what the kernel shows of it, so it does not matter who started it. What a
--- property cannot mean for it "does not apply", and what could not be read is "unknown": both are
--- kept out of the total, and apart from a "no". The facts are those of `inspect`, and so are most
--- of the judgements: `inspect.findings` and this module never disagree.
local M = {}

M.VERSION = nil ---@type any

--- The rows and the total for facts as `inspect.process` has them; what is judged without being
--- run has some of them only.
---
--- ```lua
--- local audit = require "audit"
---
--- local result = audit.judge { namespaces = { pid = { shared = true } } }
--- assert(audit.row(result, "pid").answer == "no")
--- assert(audit.row(result, "memory").answer == "unknown")
--- ```
---@param facts table
---@param subject? string what is judged, for the report
---@return audit.Result
function M.judge(facts, subject) end

--- The row of a property.
---
--- ```lua
--- local audit = require "audit"
---
--- print(audit.row(audit.process(proc_stat().pid), "filter").now)
--- ```
---@param result audit.Result
---@param id string
---@return audit.Row
function M.row(result, id) end

--- Judges a process by what the kernel shows of it: a container's of any engine, or a plain one.
---
--- ```lua
--- local audit = require "audit"
---
--- assert(#audit.process(proc_stat().pid).rows > 30)
--- ```
---@param process any a number as /proc has it, or the handle of a process
---@param given? { container?: table } the record that the container's state has of it
---@return audit.Result
function M.process(process, given) end

--- Judges a configuration of the OCI specification without running it.
---
--- ```lua
--- local audit = require "audit"
---
--- local result = audit.config {
---   ociVersion = "1.0.2",
---   root = { path = "rootfs", readonly = true },
---   process = { args = { "sh" }, cwd = "/", user = { uid = 0, gid = 0 }, noNewPrivileges = true },
---   linux = { namespaces = { { type = "pid" }, { type = "mount" } } },
--- }
--- assert(audit.row(result, "pid").answer == "yes" and audit.row(result, "net").answer == "no")
--- assert(audit.row(result, "read-only-root").answer == "yes")
--- ```
---@param config string|table a path of a config.json, or what it holds
---@return audit.Result
function M.config(config) end

--- Judges a script by its plan, or by the first program that a run of it starts.
---
--- The plan (`--dry-run`) runs nothing. What it does not tell is unknown; which calls a filter lets
--- through is never told. With `run` the script does all that it does, until a program of its
--- starts: that process is judged by what the kernel shows, and the run is ended.
---
--- ```lua
--- local audit = require "audit"
---
--- local dir <close> = temp_dir()
--- write_file(dir.path .. "/a.lua", [[
---   spawn({ unshare = { "user", "pid" } }, function()
---     no_new_privs()
---     exec { "true" }
---   end):wait()
--- ]])
--- local result = audit.script { dir.path .. "/a.lua" }
--- assert(audit.row(result, "pid").answer == "yes" and audit.row(result, "net").answer == "no")
--- assert(audit.row(result, "no-new-privs").answer == "yes")
--- ```
---@param words string[] the script's path and its arguments
---@param given? { run?: boolean, timeout?: string } how long a run may take to start its program
---@return audit.Result
function M.script(words, given) end

--- A result as lines for people.
---
--- ```lua
--- local audit = require "audit"
---
--- local lines = audit.report(audit.process(proc_stat().pid))
--- assert(lines[#lines]:find("of 100", 1, true))
--- ```
---@param result audit.Result
---@param given? { width?: integer, colours?: boolean, all?: boolean } all: what is kept, too
---@return string[]
function M.report(result, given) end

return M
