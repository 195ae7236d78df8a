--- What a learner reads: a task, a verdict, the list of tasks, where they stand.
---
--- The same words are a line of the REPL (`:check`) and a command of the shell (`crun-lua lab
--- check`); only what stands before them differs.
---
--- ```lua
--- local text = require "lab.text"
---
--- local words = text.words(true)
--- assert(words.check == ":check" and text.words(false).check == "crun-lua lab check")
--- local lines = text.verdict({ passed = false, check = "it is another", what = "uts",
---   expected = "not 1", found = "1", see = "readlink /proc/1/ns/uts" }, {})
--- assert(lines[2] == "  uts: expected not 1, found 1 · see: readlink /proc/1/ns/uts")
--- ```
local catalogue = require "lab.catalogue"
local colour = require "view.colour"
local grid = require "view.table"
local options = require "options"
local safe = require "view.text"

local M = {}

-- The REPL has a command of its own of that name.
local TAKEN = { reset = true, list = true }
local MARKS = {
  passed = { "✓", "green" },
  earlier = { "✓", "yellow" },
  skipped = { "–", "yellow" },
  impossible = { "–", "dim" },
  open = { " ", nil },
}

--- How each verb is written where the learner is.
---@param session boolean in the REPL
---@return table<string, string>
function M.words(session)
  return setmetatable({}, {
    __index = function(_, verb)
      if not session then
        return "crun-lua lab " .. verb
      end
      return (TAKEN[verb] and ":lab " or ":") .. verb
    end,
  })
end

--- A text without the indentation that it has in its file, and without blank edges.
---@param text string
---@return string
function M.plain(text)
  text = text:gsub("^%s*\n", ""):gsub("%s+$", "")
  local least
  for indent, rest in (text .. "\n"):gmatch "([ ]*)([^\n]*)\n" do
    if rest ~= "" then
      least = math.min(least or #indent, #indent)
    end
  end
  local lines = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    lines[#lines + 1] = line:sub((least or 0) + 1)
  end
  return table.concat(lines, "\n")
end

local function named(list)
  local parts = {}
  for _, name in ipairs(options.keys(list)) do
    parts[#parts + 1] = ("%s = %s"):format(name, safe.clean(tostring(list[name])))
  end
  return table.concat(parts, ", ")
end

local function place_of(task)
  for index, other in ipairs(task.exercise.tasks) do
    if other == task then
      return ("%d of %d in %s"):format(index, #task.exercise.tasks, task.exercise.name)
    end
  end
end

--- Commands to look with: what a name stands for is filled in where it is known.
local function observed(step, known)
  local lines = {}
  for index, command in ipairs(step.observe or {}) do
    lines[index] = "  "
      .. command:gsub("%$([%w_]+)", function(name)
        return known[name] and tostring(known[name])
      end)
  end
  return lines
end

--- What is told with a task.
---@class lab.Told
---@field state string
---@field reason? string
---@field kept? table what its keeper has answered
---@field words table<string, string>
---@field colours? boolean

--- A task, as it is read before anything is done.
---@param task lab.Task
---@param told lab.Told
---@return string[]
function M.task(task, told)
  local step, words = task.step, told.words
  local head = colour.paint(("%s · %s"):format(task.id, step.title), "bold", told.colours)
  local lines = { ("%s  (%s, %s)"):format(head, place_of(task), told.state), "" }
  lines[#lines + 1] = M.plain(step.text)
  lines[#lines + 1] = ""
  local kept, known = told.kept, {}
  if kept then
    known = { token = kept.token, prefix = kept.prefix, dir = kept.dir }
    for name, value in pairs(kept.given) do
      known[name] = value
    end
    lines[#lines + 1] = "given: " .. named(known)
    for name, value in pairs(kept.answers or {}) do
      known[name] = value
    end
  end
  local asked, example = {}, {}
  for _, name in ipairs(options.keys(step.answers or {})) do
    asked[#asked + 1] = ("  %s: %s"):format(name, step.answers[name])
    example[#example + 1] = (" %s=…"):format(name)
  end
  if #asked > 0 then
    lines[#lines + 1] = "to be handed over:"
    table.move(asked, 1, #asked, #lines + 1, lines)
  end
  local look = observed(step, known)
  if #look > 0 then
    lines[#lines + 1] = "to look:"
    table.move(look, 1, #look, #lines + 1, lines)
  end
  local check = words.check .. table.concat(example)
  lines[#lines + 1] = ("%s · %s · %s"):format(check, words.hint, words.skip)
  return lines
end

--- What the checks have said. The first line says whether it is passed.
---@param verdict table of `scenario`
---@param told { colours: boolean? }
---@return string[]
function M.verdict(verdict, told)
  local function clean(text)
    return safe.clean(tostring(text))
  end
  if verdict.passed then
    return { colour.paint("✓ passed", "green", told.colours) }
  elseif verdict.skipped then
    return { "– it cannot be judged here: " .. clean(verdict.skipped) }
  end
  local lines = { colour.paint("✗ " .. clean(verdict.check or "?"), "red", told.colours) }
  if verdict.error then
    local where = verdict.where and ("%s:%s: "):format(verdict.where.file, verdict.where.line) or ""
    lines[2] = "  " .. where .. clean(verdict.error)
    lines[3] =
      "  the check itself is wrong, not what you did; reset and try again, or skip the task"
    return lines
  end
  local fact = clean(verdict.what or "it is not so")
  if verdict.expected then
    fact = ("%s: expected %s, found %s"):format(
      fact,
      clean(verdict.expected),
      clean(verdict.found or "nothing")
    )
  end
  lines[2] = "  " .. fact .. (verdict.see and " · see: " .. clean(verdict.see) or "")
  return lines
end

--- The exercises with their tasks and where the learner stands.
---@param course lab.Course
---@param record lab.Record
---@param told { colours: boolean?, current: string?, width: integer? }
---@return string
function M.list(course, record, told)
  local lines, passed, count = {}, 0, 0
  for _, name in ipairs(course.names) do
    local exercise = course:exercise(name)
    local rows = {}
    for index, task in ipairs(exercise.tasks) do
      local state, reason = catalogue.state(task, record)
      local other = state == "impossible" and catalogue.alternative(task)
      local why = state == "earlier" and "passed, and changed since"
        or other and ("%s; instead: %s"):format(reason, other.id)
        or reason
        or ""
      count = count + 1
      passed = passed + ((state == "passed" or state == "earlier") and 1 or 0)
      rows[index] = {
        mark = { text = MARKS[state][1], colour = MARKS[state][2] },
        id = task.id,
        title = task.step.title,
        state = task.id == told.current and "← now" or state == "open" and "" or state,
        why = why,
      }
    end
    lines[#lines + 1] =
      colour.paint(("%s · %s"):format(name, exercise.title), "bold", told.colours)
    lines[#lines + 1] = grid
      .render(rows, {
        columns = {
          { key = "mark" },
          { key = "id" },
          { key = "title" },
          { key = "state" },
          { key = "why" },
        },
        header = false,
        indent = 2,
        colours = told.colours or false,
        width = told.width,
      })
      :gsub("%s+$", "")
  end
  lines[#lines + 1] = ("%s: %d of %d tasks passed"):format(course.title, passed, count)
  return table.concat(lines, "\n")
end

return M
