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
local colour = require "view.colour"
local grid = require "view.table"
local options = require "options"
local text = require "view.text"

local M = {}

M.TOPICS = {
  "kernel",
  "namespaces",
  "filesystems",
  "cgroups",
  "security",
  "network",
  "programs",
  "state",
  "lab",
}

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

local ROW = {
  name = "string",
  ok = "boolean",
  required = "boolean",
  found = "string",
  meaning = "string",
  reason = "string",
  remedy = "string",
}

--- Tries everything, or the topics that are named.
---@param topics? string[]
---@return doctor.Row[]
function M.check(topics)
  local rows = json_array {}
  for index, topic in ipairs(topics or M.TOPICS) do
    local known = "=" .. table.concat(M.TOPICS, "|")
    options.expect("doctor.check", ("topics[%d]"):format(index), topic, known)
    require("doctor." .. topic)(function(row)
      options.check("doctor: " .. topic, row, ROW)
      row.topic = topic
      rows[#rows + 1] = row
    end)
  end
  return rows
end

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
function M.missing(rows)
  local list = json_array {}
  for _, row in ipairs(rows) do
    if row.required and not row.ok then
      list[#list + 1] = row
    end
  end
  return list
end

local function mark(row)
  if row.ok then
    return { text = "✓", colour = "green" }
  end
  return { text = row.required and "✗" or "–", colour = row.required and "red" or "yellow" }
end

--- What a row says after its name: what there is, or the reason and the remedy.
local function words(row)
  if row.ok then
    return row.found and ("%s · %s"):format(row.found, row.meaning) or row.meaning
  end
  return ("%s · %s"):format(row.reason or "not there", row.meaning)
end

--- The rows as lines for people.
---@param rows doctor.Row[]
---@param given? { width?: integer, colours?: boolean }
---@return string[]
function M.report(rows, given)
  given = options.check("doctor.report", given, { width = "integer", colours = "boolean" })
  local lines, topic, drawn = {}, nil, {}
  local function flush()
    local columns = { { key = "mark" }, { key = "name" }, { key = "words" } }
    local shown = grid.render(drawn, {
      columns = columns,
      header = false,
      indent = 2,
      colours = given.colours or false,
      width = given.width,
    })
    local at, said = 0, nil
    for line in shown:gmatch("[^\n]+") do
      at = at + 1
      lines[#lines + 1] = line
      local remedy = not drawn[at].row.ok and drawn[at].row.remedy or nil
      -- What helps several rows is said once, below the first.
      if remedy and remedy ~= said then
        lines[#lines + 1] = "      → " .. text.clean(remedy)
      end
      said = remedy
    end
    drawn = {}
  end
  for _, row in ipairs(rows) do
    if row.topic ~= topic then
      flush()
      topic = row.topic
      lines[#lines + 1] = colour.paint(topic, "bold", given.colours)
    end
    drawn[#drawn + 1] = { mark = mark(row), name = row.name, words = words(row), row = row }
  end
  flush()
  local missing = M.missing(rows)
  local verdict = "everything that is required is there"
  if #missing > 0 then
    local names = {}
    for index, row in ipairs(missing) do
      names[index] = row.name
    end
    verdict = "required and missing: " .. table.concat(names, ", ")
  end
  lines[#lines + 1] = colour.paint(verdict, #missing > 0 and "red" or "green", given.colours)
  return lines
end

return M
