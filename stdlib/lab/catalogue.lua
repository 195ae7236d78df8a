--- What there is to do: the exercises of a course and their tasks, found by name.
---
--- A task is called by its exercise and its step: `ex1.kinds`. An exercise is loaded when something
--- of it is asked for. Teachers may have a course of their own: a directory with a `course.lua`,
--- which returns a table as `lab.course` is one, with names of files in place of modules.
---
--- ```lua
--- local catalogue = require "lab.catalogue"
---
--- local dir <close> = temp_dir()
--- write_file(
---   dir.path .. "/course.lua",
---   'return { id = "own", title = "Mine", exercises = { "first.lua" } }'
--- )
--- local course = catalogue.open(dir.path)
--- assert(course.id == "own" and course.names[1] == "first")
--- local _, err = try(course.find, course, "frist.one")
--- assert(err.message:find("no exercise is called 'frist'") and err.hint:find("first"))
--- ```
local options = require "options"

local M = {}

--- A task as learners see it.
---@class lab.Task
---@field id string "ex1.kinds"
---@field exercise lab.Exercise
---@field step table the scenario's step
---@field hash string of what is asked: it changes when the task does

---@class lab.Exercise
---@field name string "ex1"
---@field title string
---@field summary? string
---@field scenario table
---@field tasks lab.Task[]

---@class lab.Course
---@field id string what progress is kept under
---@field title string
---@field names string[] of the exercises
---@field checklist table[]
---@field dir? string where a course of somebody's own is
local Course = {}
Course.__index = Course

local FIELDS = {
  id = "string",
  title = "string",
  exercises = "list",
  quiz = "list",
  checklist = "list",
}
local NAME = "^[%w_-]+$"

local function fail(message, hint)
  options.fail("lab", message, hint)
end

--- Runs a file of somebody's own that returns a table.
local function run_file(path)
  local text = read_file(path)
  if not text then
    fail(("%s: there is no such file"):format(path))
  end
  local chunk, wrong = load(text, "@" .. path, "t")
  if not chunk then
    -- Lua shortens a long path.
    local line, why = tostring(wrong):match "^.-:(%d+): (.*)$"
    fail(("%s:%s: %s"):format(path, line or "?", why or wrong))
  end
  return chunk()
end

local function short(source)
  return source:match "([^./]+)%.lua$" or source:match "([^.]+)$"
end

local function checked(course, file)
  if type(course) ~= "table" then
    fail(("%s: expected a table { id, title, exercises }"):format(file))
  end
  local _, err = try(options.check, "lab", course, FIELDS)
  if err then
    fail(("%s: %s"):format(file, err.message), err.hint)
  end
  for _, name in ipairs { "id", "title", "exercises" } do
    if course[name] == nil then
      fail(("%s: %s: is missing"):format(file, name))
    end
  end
  if not course.id:find(NAME) then
    fail(("%s: id: %q is no name of letters and digits"):format(file, course.id))
  end
  return course
end

--- The course that is shipped, or the one in a directory.
---@param dir? string
---@return lab.Course
function M.open(dir)
  local found
  if dir then
    local file = dir .. "/course.lua"
    found = checked(run_file(file), file)
  else
    found = require "lab.course"
  end
  local self = setmetatable({
    id = found.id,
    title = found.title,
    checklist = found.checklist or {},
    dir = dir,
    names = {},
    sources = {},
    loaded = {},
    quiz = found.quiz or {},
  }, Course)
  for index, source in ipairs(found.exercises) do
    local name = short(source)
    if not name or self.sources[name] then
      local why = name and "is there twice" or "is no file of Lua"
      fail(("%s: exercises[%d]: %s %s"):format(dir or "the course", index, source, why))
    end
    self.names[index], self.sources[name] = name, source
  end
  return self
end

--- Sixteen digits that stand for what a learner is asked. How it is checked may become better
--- without that a pass is lost.
local function hash_of(step)
  local asked = { step.id, step.title, step.text }
  for _, name in ipairs(options.keys(step.answers or {})) do
    asked[#asked + 1] = name .. "=" .. tostring(step.answers[name])
  end
  for _, check in ipairs(step.checks or {}) do
    asked[#asked + 1] = check[1]
  end
  return sha256(json_encode(json_array(asked))):sub(1, 16)
end

--- An exercise, loaded.
---@param name string
---@return lab.Exercise
function Course:exercise(name)
  if self.loaded[name] then
    return self.loaded[name]
  end
  local source = self.sources[name]
  if not source then
    local near = options.nearest(name, self.names)
    local there = "there are: " .. table.concat(self.names, ", ")
    local hint = near and ("did you mean '%s'? %s"):format(near, there) or there
    fail(("no exercise is called '%s'"):format(name), hint)
  end
  local scenario = self.dir and require("scenario").load(self.dir .. "/" .. source)
    or require(source)
  local exercise = {
    name = name,
    title = scenario.title,
    summary = scenario.summary,
    scenario = scenario,
    tasks = {},
  }
  for index, step in ipairs(scenario.steps) do
    exercise.tasks[index] = {
      id = name .. "." .. step.id,
      exercise = exercise,
      step = step,
      hash = hash_of(step),
    }
  end
  self.loaded[name] = exercise
  return exercise
end

--- A task by its name; an exercise's name alone is its first task.
---@param id string
---@return lab.Task
function Course:find(id)
  local name, step = id:match "^([^.]+)%.?(.*)$"
  local exercise = self:exercise(name or id)
  local names = {}
  for index, task in ipairs(exercise.tasks) do
    if step == "" or task.step.id == step then
      return task
    end
    names[index] = task.id
  end
  local near = options.nearest(id, names)
  local there = "there are: " .. table.concat(names, ", ")
  local hint = near and ("did you mean '%s'?"):format(near) or there
  fail(("%s has no task '%s'"):format(name, step), hint)
  return exercise.tasks[1]
end

--- All tasks, in the course's order.
---@param name? string of one exercise
---@return lab.Task[]
function Course:tasks(name)
  local list = {}
  for _, each in ipairs(name and { name } or self.names) do
    for _, task in ipairs(self:exercise(each).tasks) do
      list[#list + 1] = task
    end
  end
  return list
end

--- The questions: their names are q1, q2, … by their places.
---@return { id: string, number: integer, question: lab.Question, hash: string }[]
function Course:questions()
  if not self.asked then
    self.asked = {}
    for number, source in ipairs(self.quiz) do
      local path = self.dir and self.dir .. "/" .. source or source
      local question = self.dir and run_file(path) or require(source)
      require("lab.quiz").check(question, path)
      local said = json_array { question.form, question.title, question.text }
      self.asked[number] = {
        id = "q" .. number,
        number = number,
        question = question,
        hash = sha256(json_encode(said)):sub(1, 16),
      }
    end
  end
  return self.asked
end

--- What this machine lacks for a task: a reason each.
---@param task lab.Task
---@return string[]
function M.unmet(task)
  local needs = require "needs"
  local reasons = needs.all(task.exercise.scenario.needs)
  for _, reason in ipairs(needs.all(task.step.needs)) do
    reasons[#reasons + 1] = reason
  end
  return reasons
end

--- Where a learner stands with a task: "passed", "earlier" (what is asked has changed since),
--- "skipped", "impossible" (here, with the reason) or "open".
---@param task lab.Task
---@param record lab.Record
---@return "passed"|"earlier"|"skipped"|"impossible"|"open" state
---@return string? reason
function M.state(task, record)
  local done = record.tasks[task.id] or {}
  if done.passed then
    return done.hash == task.hash and "passed" or "earlier"
  elseif done.skipped then
    return "skipped", done.skipped
  end
  local reasons = M.unmet(task)
  if #reasons > 0 then
    return "impossible", table.concat(reasons, "; ")
  end
  return "open"
end

--- Whether somebody who has done a task may go on to what comes after it.
---@param state string
---@return boolean
function M.is_over(state)
  return state ~= "open"
end

--- The task that stands in for one that is impossible here, where its scenario has one.
---@param task lab.Task
---@return lab.Task?
function M.alternative(task)
  for _, other in ipairs(task.exercise.tasks) do
    if other.step.id == task.step.alternative and #M.unmet(other) == 0 then
      return other
    end
  end
end

--- Whether a task is only there for machines on which another is impossible.
local function is_alternative(task, record)
  for _, other in ipairs(task.exercise.tasks) do
    if other.step.alternative == task.step.id and M.state(other, record) ~= "impossible" then
      return true
    end
  end
  return false
end

--- The next open task whose turn it is: after one of them, else from the beginning.
---@param record lab.Record
---@param after? string
---@return lab.Task?
function Course:next(record, after)
  local list, first = self:tasks(), nil
  local reached = after == nil
  for _, task in ipairs(list) do
    local open = M.state(task, record) == "open" and task.id ~= after
    if open and not is_alternative(task, record) then
      if reached then
        return task
      end
      first = first or task
    end
    reached = reached or task.id == after
  end
  return first
end

--- What should be done before a task and is not.
---@param task lab.Task
---@param record lab.Record
---@return string[]
function M.before(task, record)
  local missing = {}
  for _, id in ipairs(task.step.after or {}) do
    for _, other in ipairs(task.exercise.tasks) do
      if other.step.id == id and M.state(other, record) == "open" then
        missing[#missing + 1] = other.id
      end
    end
  end
  return missing
end

return M
