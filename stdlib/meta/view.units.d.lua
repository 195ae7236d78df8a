---@meta view.units
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- Amounts as people read and write them.
---
--- ```lua
--- local units = require "view.units"
---
--- assert(units.size(134217728) == "128M" and units.size(1536) == "1.5K")
--- assert(units.bytes("64M") == 64 << 20)
--- assert(units.percent(0.5) == "50%")
--- assert(units.time(90) == "1m30s")
--- ```
local M = {}

--- Bytes in four or five characters: `12.5M`; powers of 1024. "max" and nil stay what they are.
---@param bytes number|string|nil
---@return string?
function M.size(bytes) end

--- The bytes that a text such as "64M" says, as the primitives read it; "max" is `math.huge`.
---@param value string|integer
---@return number? # bytes nil where it is no size
function M.bytes(value) end

--- A share as a percentage: 0.5 is 50%.
---@param share? number
---@param digits? integer after the point; 0
---@return string?
function M.percent(share, digits) end

--- Seconds: `250ms`, `4.2s`, `1m30s`, `3h05m`, `2d4h`.
---@param seconds? number
---@return string?
function M.time(seconds) end

--- The seconds that a text such as "250ms" says, as the primitives read it; a number is seconds.
---
--- ```lua
--- local units = require "view.units"
---
--- assert(units.seconds("250ms") == 0.25 and units.seconds("soon") == nil)
--- ```
---@param value string|number
---@return number? # seconds nil where it is no time
function M.seconds(value) end

return M
