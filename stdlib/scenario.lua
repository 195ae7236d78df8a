--- Scenarios: lessons that are a demonstration, an exercise, a test and a handout, in one file.
---
--- A scenario has steps; a step has a text, an action in primitives or stdlib, what to observe, and
--- checks that read the kernel. `crun-lua scenario run|try|test|export FILE` makes of it what is
--- wanted; the exercises of `crun-lua lab` are such files. See docs/scenarios.md.
---
--- ```lua
--- local scenario = require "scenario"
---
--- local lesson = scenario {
---   title = "A name of its own",
---   steps = {
---     {
---       id = "name",
---       title = "Give a process another host name",
---       text = "Start a process in a uts namespace of its own.",
---       needs = { "userns" },
---       answers = { pid = "the process" },
---       action = function(t)
---         local child = spawn({ unshare = { "user", "uts" } }, function()
---           exec { "sleep", "60" }
---         end)
---         t:answer { pid = child.pid }
---       end,
---       checks = {
---         { "it is in a uts namespace of its own", function(t)
---           t:ns_differs(t:pid "pid", "uts")
---         end },
---       },
---     },
---   },
--- }
--- local stage <close> = scenario.stage(lesson.steps[1])
--- stage:setup()
--- stage:act(lesson.steps[1].action)
--- assert(stage:judge().passed)
--- ```
local format = require "scenario.format"
local needs = require "needs"
local options = require "options"

local M = {}

---@class scenario.Check
---@field [1] string the sentence
---@field [2] fun(t: scenario.Facts)
---@field [3]? { deadline?: string|number }

---@class scenario.Decoy
---@field [1] string the sentence
---@field [2] fun(t: scenario.Hand)
---@field says string a part of what the failing check tells
---@field course? boolean it is a course's own version
---@field needs? string[]

---@class scenario.Step
---@field id string
---@field title? string in a scenario's file it must be there
---@field text? string in a scenario's file it must be there
---@field needs? string[]
---@field after? string[]
---@field alternative? string
---@field answers? table<string, string>
---@field setup? fun(t: scenario.Hand)
---@field action? fun(t: scenario.Hand)
---@field solution? string what is shown as the solution, where the action's own text is none
---@field observe? string[]
---@field checks scenario.Check[]
---@field hints? string[]
---@field decoys? scenario.Decoy[]
---@field lesson? string
---@field deadline? string|number how long setup and the action may take: "60s"

---@class scenario.Scenario
---@field title string
---@field summary? string
---@field needs? string[]
---@field steps scenario.Step[]
---@field name? string
---@field file? string

local Scenario = { __name = "scenario" }

-- The file that is being loaded: its text knows the lines of what is wrong.
local reading

-- Which scenario a step belongs to.
local owner = setmetatable({}, { __mode = "k" })

--- Makes a scenario: `scenario { title = …, steps = { … } }`.
---@param given table
---@return scenario.Scenario
local function make(given)
  format.check(given, reading and reading.file, reading and reading.text)
  local made = setmetatable(given, Scenario)
  for _, step in ipairs(made.steps) do
    owner[step] = made
  end
  return made
end

--- Loads a scenario from its file, or checks one that is there as a table.
---
--- ```lua
--- local scenario = require "scenario"
---
--- local _, err = try(scenario.load, "/no/such/lesson.lua")
--- assert(err.message:find("cannot be read", 1, true))
--- ```
---@param from string|table a path, or a table as a file returns it
---@param name? string what it is called; the file's name without it
---@return scenario.Scenario
function M.load(from, name)
  local made = from
  if type(from) == "string" then
    local text, reason = try(read_file, from)
    if not text then
      local why = reason and reason.errno or "there is no such file"
      options.fail("scenario", ("%s cannot be read: %s"):format(from, why))
    end
    local chunk, fault = load(text, "@" .. from)
    if not chunk then
      local line, rest = fault:match("^.-:(%d+): (.*)$")
      local where = line and { file = from, line = math.tointeger(tonumber(line)) } or nil
      error({ op = "scenario", message = rest or fault, where = where }, 0)
    end
    reading = { file = from, text = text }
    local found, err = try(function()
      local value = chunk()
      return type(value) == "table" and getmetatable(value) ~= Scenario and make(value) or value
    end)
    reading = nil
    if err then
      err.where = require("scenario.judge").whole(err.where, from)
      error(err, 0)
    elseif getmetatable(found) ~= Scenario then
      local message = ("the file returns %s, not a scenario"):format(
        found == nil and "nothing" or type(found)
      )
      local where = { file = from, line = 1 }
      error({
        op = "scenario",
        message = message,
        hint = "end it with: return scenario { … }",
        where = where,
      }, 0)
    end
    made = found
    made.file = made.file or from
    name = name or from:match("([^/]*)$"):gsub("%.lua$", "")
  elseif getmetatable(from) ~= Scenario then
    options.expect("scenario.load", "scenario", from, "table")
    made = make(from)
  end
  made.name = name or made.name
  return made
end

--- The scenario that a step is one of.
---
--- ```lua
--- local scenario = require "scenario"
---
--- assert(scenario.of { id = "of none", checks = {} } == nil)
--- ```
---@param step scenario.Step
---@return scenario.Scenario?
function M.of(step)
  return owner[step]
end

--- The step of an id; one that is not there is an error with the nearest name.
---
--- ```lua
--- local scenario = require "scenario"
---
--- local lesson = scenario {
---   title = "One",
---   steps = {
---     { id = "one", title = "One", text = "One.", checks = { { "one", function() end } } },
---   },
--- }
--- assert(scenario.step(lesson, "one").title == "One")
--- local _, err = try(scenario.step, lesson, "oen")
--- assert(err.hint == "did you mean 'one'?")
--- ```
---@param lesson scenario.Scenario
---@param id string
---@return scenario.Step
---@return integer index
function M.step(lesson, id)
  local ids = {}
  for index, step in ipairs(lesson.steps) do
    if step.id == id then
      return step, index
    end
    ids[#ids + 1] = step.id
  end
  local near = options.nearest(id, ids)
  local hint = near and ("did you mean '%s'?"):format(near)
    or "there are: " .. table.concat(ids, ", ")
  options.fail("scenario", ("no step is called '%s'"):format(id), hint)
end

--- Why something cannot be done on this machine: needs as a list, a step (with those of its
--- scenario), or a scenario.
---
--- ```lua
--- local scenario = require "scenario"
---
--- assert(#scenario.unmet { "program:no-such-program" } == 1)
--- ```
---@param of string[]|scenario.Step|scenario.Scenario
---@return string[] reasons none where all is there
function M.unmet(of)
  if of[1] or not (of.needs or of.checks or of.steps) then
    return needs.all(of)
  end
  local reasons = owner[of] and needs.all(owner[of].needs) or {}
  for _, reason in ipairs(needs.all(of.needs)) do
    reasons[#reasons + 1] = reason
  end
  return reasons
end

--- Opens a stage for a step: a disposable place. Nothing of the step has run then.
---
--- Its methods: `:setup()`, `:act(fn)`, `:rest()`, `:judge(answers?, { patience = "3s" })`,
--- `:close()`; its fields: `dir`, `token`, `prefix`, `answers`, `given`.
---
--- ```lua
--- local scenario = require "scenario"
---
--- local stage <close> = scenario.stage { id = "x", checks = {} }
--- assert(stat(stage.dir))
--- ```
---@param step scenario.Step
---@param how? scenario.StageOptions
---@return scenario.Stage
function M.stage(step, how)
  return require("scenario.stage").open(step, how)
end

--- Proves a step: it fails untouched, passes with the action twice, each decoy fails with its own
--- message, and a reset leaves nothing.
---
--- ```lua
--- local scenario = require "scenario"
---
--- local result = scenario.selftest {
---   id = "file",
---   action = function(t) write_file(t.dir .. "/made", "") end,
---   checks = { { "it is there", function(t) t:ok(stat(t.dir .. "/made"), "it is missing") end } },
--- }
--- assert(result.ok and #result.points == 4)
--- ```
---@param step scenario.Step
---@param told? fun(point: scenario.Point) is told each point as it is known
---@param how? { brief?: boolean } the action once, and only decoys that are a course's own version
---@return scenario.SelfTest
function M.selftest(step, told, how)
  return require("scenario.selftest").run(step, told, how)
end

--- A verdict in a few lines, as a learner reads it.
---
--- ```lua
--- local scenario = require "scenario"
---
--- assert(scenario.lines({ passed = true })[1] == "passed")
--- local verdict = { passed = false, check = "it runs", what = "the process", found = "none" }
--- assert(scenario.lines(verdict)[3] == "found    none")
--- ```
---@param verdict scenario.Verdict
---@return string[]
function M.lines(verdict)
  return require("scenario.judge").lines(verdict)
end

return setmetatable(M, {
  __call = function(_, given)
    return make(given)
  end,
})
