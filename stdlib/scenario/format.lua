--- The form of a scenario: which fields there are and what each has to be. Every field is looked at
--- when the file is loaded, before anything of it runs.
---
--- ```lua
--- local format = require "scenario.format"
---
--- local text = "return scenario {\n  titel = 'x',\n}"
--- local _, err = try(format.check, { titel = "x", steps = {} }, "a.lua", text)
--- assert(err.where.line == 2 and err.message:find("did you mean 'title'?", 1, true))
--- ```
local judge = require "scenario.judge"
local needs = require "needs"
local options = require "options"

local M = {}

local SCENARIO = {
  title = "string",
  summary = "string",
  needs = "list",
  steps = "list",
}

local STEP = {
  id = "string",
  title = "string",
  text = "string",
  needs = "list",
  after = "list",
  alternative = "string",
  answers = "table",
  setup = "function",
  action = "function",
  solution = "string",
  observe = "list",
  checks = "list",
  hints = "list",
  decoys = "list",
  lesson = "string",
  deadline = { "string", "number" },
}

local DECOY = { says = "string", course = "boolean", needs = "list" }

local CHECK = { deadline = { "string", "number" } }

--- A scenario while it is looked at: where its fields stand.
local Reader = {}
Reader.__index = Reader

local function child(path, key)
  return path == "" and tostring(key) or path .. "." .. tostring(key)
end

--- The line of a field, or of the nearest one around it that has a line.
function Reader:line(path)
  while true do
    if self.lines[path] then
      return self.lines[path]
    elseif path == "" then
      return nil
    end
    path = path:match("^(.*)%.[^.]*$") or ""
  end
end

--- A step may have been written in another file: then a function of it knows which.
local function place_of_functions(step)
  local function of(value)
    local info = type(value) == "function" and function_info(value)
    return info and info.file and { file = info.file, line = info.line } or nil
  end
  local lists = {
    type(step.checks) == "table" and step.checks or {},
    type(step.decoys) == "table" and step.decoys or {},
  }
  local found = of(step.setup) or of(step.action)
  for _, list in ipairs(lists) do
    for _, one in ipairs(list) do
      found = found or type(one) == "table" and of(one[2])
    end
  end
  return found
end

--- Whether a step's own fields stand in the file.
function Reader:is_written_here(step, path)
  for key in pairs(step) do
    if self.lines[child(path, key)] then
      return true
    end
  end
  return false
end

function Reader:fail(path, message, hint)
  local where
  local index = path:match("^steps%.(%d+)")
  local step = index and self.steps[tonumber(index)]
  if type(step) == "table" and not self:is_written_here(step, "steps." .. index) then
    where = place_of_functions(step)
  end
  local line = self:line(path)
  where = where or (self.file and line and { file = self.file, line = line })
  local named = path:gsub("%.(%d+)", "[%1]")
  if step and type(step) == "table" and type(step.id) == "string" then
    named = named:gsub("^steps%[%d+%]", ("step %q"):format(step.id))
  end
  local op = self.file and not where and self.file or "scenario"
  local text = named == "" and message or ("%s: %s"):format(named, message)
  error({ op = op, message = text, hint = hint, where = where or nil }, 0)
end

--- Raises what `options` says of a value, at the place of a field.
function Reader:expect(path, value, words)
  local _, err = try(options.expect, "scenario", "value", value, words)
  if err then
    local got = value == nil and "nothing" or err.message:match("got (.*)$")
    local expected = err.message:match("expected (.*), got ")
    self:fail(path, ("expected %s, got %s"):format(expected, got), err.hint)
  end
end

--- Every key of a table is known and what it has to be; those in `required` are there.
function Reader:fields(path, value, known, required)
  self:expect(path, value, "table")
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    return (self.lines[child(path, a)] or 0) < (self.lines[child(path, b)] or 0)
  end)
  for _, key in ipairs(keys) do
    if not known[key] then
      local near = type(key) == "string" and options.nearest(key, options.keys(known))
      local hint = near and ("; did you mean '%s'?"):format(near)
        or "; there are: " .. table.concat(options.keys(known), ", ")
      self:fail(child(path, key), "there is no such field" .. hint)
    end
    self:expect(child(path, key), value[key], known[key])
  end
  for _, key in ipairs(required) do
    if value[key] == nil then
      local words = known[key]
      self:fail(
        child(path, key),
        ("is missing: expected %s"):format(words == "list" and "a list" or "a " .. words)
      )
    end
  end
end

function Reader:strings(path, list)
  for index, text in ipairs(list or {}) do
    self:expect(child(path, index), text, "string")
  end
end

function Reader:needs(path, list)
  for index, need in ipairs(list or {}) do
    local fault = needs.fault(need)
    if fault then
      self:fail(child(path, index), fault)
    end
  end
end

function Reader:time(path, value)
  local _, err = try(judge.seconds, "scenario", "deadline", value or 1)
  if err then
    self:fail(path, (err.message:gsub("^deadline: ", "")))
  end
end

--- A check or a decoy: a sentence, a function, and what else there may be.
function Reader:proof(path, value, what)
  self:expect(path, value, "table")
  if type(value[1]) ~= "string" then
    self:fail(child(path, 1), ("%s begins with a sentence, got %s"):format(what, type(value[1])))
  elseif type(value[2]) ~= "function" then
    self:fail(
      child(path, 2),
      ("%s has a function after its sentence, got %s"):format(what, type(value[2]))
    )
  end
end

function Reader:checks(path, list)
  for index, check in ipairs(list) do
    local here = child(path, index)
    self:proof(here, check, "a check")
    for key in pairs(check) do
      if key ~= 1 and key ~= 2 and key ~= 3 then
        self:fail(
          child(here, key),
          'there is no such field; a check is { "sentence", function, { deadline = "30s" } }'
        )
      end
    end
    if check[3] ~= nil then
      self:fields(child(here, 3), check[3], CHECK, {})
      self:time(child(here, 3) .. ".deadline", check[3].deadline)
    end
  end
  if #list == 0 then
    self:fail(path, "a step without a check cannot be judged: expected at least one")
  end
end

function Reader:decoys(path, list)
  for index, decoy in ipairs(list or {}) do
    local here = child(path, index)
    self:proof(here, decoy, "a decoy")
    local rest = {}
    for key, value in pairs(decoy) do
      if key ~= 1 and key ~= 2 then
        rest[key] = value
      end
    end
    self:fields(here, rest, DECOY, { "says" })
    self:needs(child(here, "needs"), decoy.needs)
  end
end

function Reader:step(path, step)
  self:fields(path, step, STEP, { "id", "title", "text", "checks" })
  if not step.id:find("^[%w_-]+$") then
    self:fail(child(path, "id"), ("expected letters, digits, - and _, got %q"):format(step.id))
  end
  for _, key in ipairs { "title", "text" } do
    if not step[key]:find("%S") then
      self:fail(child(path, key), "is empty")
    end
  end
  self:needs(child(path, "needs"), step.needs)
  self:time(child(path, "deadline"), step.deadline)
  self:strings(child(path, "after"), step.after)
  self:strings(child(path, "observe"), step.observe)
  self:strings(child(path, "hints"), step.hints)
  if step.hints and #step.hints ~= 3 then
    self:fail(
      child(path, "hints"),
      ("expected three (orient, mechanism, almost the call), got %d"):format(#step.hints)
    )
  end
  for name, what in pairs(step.answers or {}) do
    local here = child(path, "answers")
    if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
      self:fail(
        here,
        ('expected names, as in { pid = "the process" }, got %s'):format(tostring(name))
      )
    end
    self:expect(child(here, name), what, "string")
  end
  for index, command in ipairs(step.observe or {}) do
    for name in command:gmatch("%$([%a_][%w_]*)") do
      local known = step.answers and step.answers[name]
        or name == "dir"
        or name == "prefix"
        or name == "token"
      -- What setup hands over is not known before it runs.
      if not known and not step.setup then
        local near = options.nearest(name, options.keys(step.answers or {}))
        local hint = near and ("; did you mean $%s?"):format(near) or ""
        self:fail(
          child(child(path, "observe"), index),
          ("no answer is called '%s'%s"):format(name, hint)
        )
      end
    end
  end
  self:checks(child(path, "checks"), step.checks)
  self:decoys(child(path, "decoys"), step.decoys)
end

--- What steps say of each other.
function Reader:relations(steps)
  local ids, names = {}, {}
  for index, step in ipairs(steps) do
    if ids[step.id] then
      self:fail(
        ("steps.%d.id"):format(index),
        ("%q is step %d's already"):format(step.id, ids[step.id])
      )
    end
    ids[step.id], names[#names + 1] = index, step.id
  end
  local function known(path, id, own)
    if id == own then
      self:fail(path, "a step cannot name itself")
    elseif not ids[id] then
      local near = options.nearest(id, names)
      local hint = near and ("; did you mean %q?"):format(near) or ""
      self:fail(path, ("no step has the id %q%s"):format(id, hint))
    end
  end
  for index, step in ipairs(steps) do
    local path = "steps." .. index
    for at, id in ipairs(step.after or {}) do
      known(("%s.after.%d"):format(path, at), id, step.id)
      if ids[id] > index then
        self:fail(("%s.after.%d"):format(path, at), ("%q comes later in the file"):format(id))
      end
    end
    if step.alternative then
      known(path .. ".alternative", step.alternative, step.id)
    end
  end
end

--- Looks at a scenario; the first thing that is wrong is raised, with its file and line.
---@param given any what was written
---@param file? string
---@param text? string the file's text
function M.check(given, file, text)
  local reader = setmetatable({
    file = file,
    lines = text and require("scenario.lines").of(text) or {},
    steps = type(given) == "table" and type(given.steps) == "table" and given.steps or {},
  }, Reader)
  reader:fields("", given, SCENARIO, { "title", "steps" })
  if not given.title:find("%S") then
    reader:fail("title", "is empty")
  end
  reader:needs("needs", given.needs)
  if #given.steps == 0 then
    reader:fail("steps", "expected at least one step")
  end
  for index, step in ipairs(given.steps) do
    reader:step("steps." .. index, step)
  end
  reader:relations(given.steps)
end

return M
