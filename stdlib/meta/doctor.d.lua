---@meta doctor
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- A thing that was tried.
---@class doctor.Row
---@field topic string
---@field name string
---@field ok boolean
---@field required? boolean nothing works without it
---@field found? string what there is, in a few words
---@field meaning string what it is good for
---@field reason? string why it is missing
---@field remedy? string what to do
local doctor_Row = {}

--- What this machine and this user can do, tried out: each row says what a thing is good for, and
--- where it is missing why, and what to do about it.
---
--- Everything is tried in children, in namespaces of their own, which end with them. What would
--- make the kernel load a module is not tried: then the module's file is the answer.
---
--- ```lua
--- local doctor = require "doctor"
---
--- local rows = doctor.check { "namespaces" }
--- assert(rows[1].topic == "namespaces" and type(rows[1].ok) == "boolean")
--- print(table.concat(doctor.report(rows, { width = 80 }), "\n"))
--- ```
local M = {}

M.TOPICS = {}

--- Tries everything, or the topics that are named.
---@param topics? string[]
---@return doctor.Row[]
function M.check(topics) end

--- The rows that are required and missing.
---
--- ```lua
--- local doctor = require "doctor"
---
--- for _, row in ipairs(doctor.missing(doctor.check { "kernel" })) do
---   print(row.name, row.reason, row.remedy)
--- end
--- ```
---@param rows doctor.Row[]
---@return doctor.Row[]
function M.missing(rows) end

--- The rows as lines for people.
---@param rows doctor.Row[]
---@param given? { width?: integer, colours?: boolean }
---@return string[]
function M.report(rows, given) end

return M
