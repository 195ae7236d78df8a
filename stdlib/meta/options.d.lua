---@meta options
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- Option tables, checked as those of the primitives are: an unknown key or a wrong type fails
--- before anything is done, and says what was meant.
---
--- ```lua
--- local options = require "options"
---
--- local given = options.check("box.new", { name = "web" }, { name = "string", memory = "string" })
--- assert(given.name == "web")
---
--- local _, err = try(options.check, "box.new", { memori = "1G" }, { memory = "string" })
--- assert(err.message:find("did you mean 'memory'?", 1, true))
--- ```
---
--- ```lua
--- local options = require "options"
---
--- assert(options.nearest("memori", { "memory", "cpu" }) == "memory")
--- assert(options.keys({ b = 1, a = 2 })[1] == "a")
--- options.expect("box.new", "memory", "64M", { "string", "integer" })
--- local _, err = try(options.fail, "box.new", "no room", "make some")
--- assert(err.op == "box.new" and err.hint == "make some")
--- ```
local M = {}

--- Raises the error object `{ op, message, hint }`; its place is the script's line.
---@param op string the function that was called, as its user writes it
---@param message string what is wrong, with what
---@param hint? string what to do
---@param cause? any the error that led to this one
function M.fail(op, message, hint, cause) end

--- A value, and where it is a table, a table of its own with all that is below.
---
--- ```lua
--- local options = require "options"
---
--- local given = { volumes = { "/usr:/usr:ro" } }
--- local mine = options.copy(given)
--- mine.volumes[1] = nil
--- assert(given.volumes[1] == "/usr:/usr:ro")
--- ```
---@param value T
---@return T
function M.copy(value) end

--- The word of a list that is most like another, where one is near enough to be meant.
---@param word string what was written
---@param words string[] what there is
---@return string?
function M.nearest(word, words) end

--- The keys of a table, sorted.
---@param map table
---@return string[]
function M.keys(map) end

--- Fails where a value is not what the type words say.
---@param op string the function that was called
---@param name string what the value is called
---@param value any
---@param words string|string[] type words; see `check`
function M.expect(op, name, value, words) end

--- Checks a table of options. A type word is "string", "integer", "number", "boolean", "table",
--- "function", "list", "any", or "=a|b" for one of some words; a list of type words allows each.
---@param op string the function that was called
---@param given? table what its user wrote; nil is an empty table
---@param known table<string, string|string[]> which keys there are, and what their values may be
---@return table # given
function M.check(op, given, known) end

return M
