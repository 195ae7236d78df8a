--- `crun-lua scenario try`: a lesson as an exercise. The learner acts in another terminal, with
--- whatever tool; here stand the text, what is given, and what the checks say.
---
--- ```lua
--- local exercise = require "scenario.exercise"
--- local scenario = require "scenario"
---
--- local lesson = scenario {
---   title = "One",
---   steps = { {
---     id = "one",
---     title = "One",
---     text = "Say one.",
---     answers = { number = "one" },
---     checks = { { "it is one", function(t) t:eq(t.answers.number, 1) end } },
---   } },
--- }
--- local typed = { "answer number=1", "check", "quit" }
--- local status = exercise.run(lesson, {
---   read = function() return table.remove(typed, 1) end,
---   write = function() end,
--- })
--- assert(status == 0)
--- ```
local options = require "options"
local paper = require "scenario.paper"
local play = require "scenario.play"
local scenario = require "scenario"

local M = {}

-- How long a learner waits for a verdict, and after how many failures hints are mentioned.
local PATIENCE, REMIND = "2s", 3

local HELP = {
  { "check", "judge what there is now" },
  { "answer NAME=VALUE", "hand over what is asked for" },
  { "look", "run the commands that this step observes with" },
  { "hint", "the next of three" },
  { "task", "the text once more" },
  { "reset", "end what was prepared, and prepare it anew" },
  { "skip", "leave this step unsolved" },
  { "solution", "after a pass or a skip" },
  { "next", "the next step" },
  { "quit", "the end; everything that was prepared goes" },
}

local WORDS = { "help" }
for _, row in ipairs(HELP) do
  WORDS[#WORDS + 1] = row[1]:match("^%l+")
end

--- An exercise that is under way.
local Exercise = {}
Exercise.__index = Exercise

--- Ends the stage, and says what stayed behind.
function Exercise:leave()
  local place = self.place
  self.place = nil
  for _, text in ipairs(place and place:close() or {}) do
    self.out:mark("failed", "left behind: " .. text)
    self.status = 1
  end
end

--- Prepares the step. Without what it needs it is skipped, and the reason told.
function Exercise:prepare()
  self.out:line("")
  local reasons = scenario.unmet(self.step)
  if #reasons > 0 then
    self.out:mark("open", "skipped: " .. table.concat(reasons, "; "))
    local other = self.step.alternative and scenario.step(self.lesson, self.step.alternative)
    if other then
      self.out:line(("  %s can be done instead: %s"):format(other.id, other.title))
    end
    self.state = "skipped"
    return
  end
  self.place = play.open(self.step, { quiet = true })
  local _, err = try(self.place.setup, self.place)
  if err then
    self:leave()
    error(err, 0)
  end
  local stage = self.place.stage
  for _, name in ipairs(options.keys(stage.given)) do
    self.out:line(("given: %s = %s"):format(name, tostring(stage.given[name])))
  end
  self.out:line(("names begin with %s, files go into %s"):format(stage.prefix, stage.dir), "dim")
  for _, name in ipairs(options.keys(self.step.answers or {})) do
    self.out:line(("to answer: %s, %s"):format(name, self.step.answers[name]))
  end
end

function Exercise:show()
  local step = self.step
  self.out:line("")
  self.out:line(("%d/%d · %s"):format(self.index, #self.lesson.steps, step.title), "bold")
  self.out:line("")
  self.out:text(step.text)
end

--- Goes to a step.
function Exercise:enter(index)
  self:leave()
  self.index, self.step = index, self.lesson.steps[index]
  self.state, self.failures, self.hints = "open", 0, 0
  self:show()
  self:prepare()
end

local COMMANDS = {}

function COMMANDS.help(self)
  for _, row in ipairs(HELP) do
    self.out:line(("  %-18s %s"):format(row[1], row[2]))
  end
end

function COMMANDS.task(self)
  self:show()
end

function COMMANDS.check(self)
  if not self.place then
    self.out:line("it is skipped; next goes on", "dim")
    return
  end
  local verdict = self.place.stage:judge(nil, { patience = PATIENCE })
  if verdict.passed then
    self.state = "passed"
    for _, check in ipairs(self.step.checks) do
      self.out:mark("passed", check[1])
    end
    self.out:line("passed", "green")
    if self.step.lesson then
      self.out:line("")
      self.out:text(self.step.lesson)
    end
    self.out:line(
      self.index < #self.lesson.steps and "next goes on" or "that was the last one",
      "dim"
    )
    return
  end
  self.failures = self.failures + 1
  self.out:mark("failed", verdict.check or verdict.skipped or "it could not be judged")
  self.out:verdict(verdict)
  if self.failures >= REMIND and self.step.hints and self.hints < #self.step.hints then
    self.out:line("hint gives a hint", "dim")
  end
end

function COMMANDS.answer(self, rest)
  local any = false
  for name, value in rest:gmatch("([%a_][%w_]*)%s*=%s*(%S+)") do
    any = true
    if not (self.step.answers or {})[name] then
      local names = options.keys(self.step.answers or {})
      local near = options.nearest(name, names)
      local hint = near and ("; did you mean %s?"):format(near)
        or #names > 0 and "; asked for: " .. table.concat(names, ", ")
        or "; this step asks for none"
      self.out:mark("failed", ("no answer is called %s%s"):format(name, hint))
    elseif self.place then
      self.place.stage.answers[name] = math.tointeger(tonumber(value:match("^%d+$"))) or value
    end
  end
  if not any then
    self.out:mark("failed", "write it so: answer pid=4242")
  end
end

function COMMANDS.look(self)
  if not self.place or not self.step.observe then
    self.out:line("this step has nothing to look with", "dim")
    return
  end
  for _, command in ipairs(self.step.observe) do
    local missing = self.place:missing(command)
    if missing then
      self.out:line("$ " .. command, "cyan")
      self.out:line(("  it needs an answer first: answer %s=…"):format(missing), "dim")
    else
      local one = self.place:look(command)
      self.out:line("$ " .. one.command, "cyan")
      self.out:block(one.output)
    end
  end
end

function COMMANDS.hint(self)
  local hints = self.step.hints or {}
  if #hints == 0 then
    self.out:line("this step has no hints", "dim")
    return
  end
  self.hints = math.min(self.hints + 1, #hints)
  self.out:text(("hint %d of %d: %s"):format(self.hints, #hints, hints[self.hints]))
end

function COMMANDS.reset(self)
  self:leave()
  self:prepare()
end

function COMMANDS.skip(self)
  if self.state ~= "passed" then
    self.state = "skipped"
  end
  self.out:line("solution shows how it is done; next goes on", "dim")
end

function COMMANDS.solution(self)
  if self.state == "open" then
    self.out:mark("failed", "it is shown after a pass, or after skip")
    return
  end
  local source = self.step.action and play.source(self.step.action, self.source)
  if source then
    self.out:lua(source)
  else
    self.out:line("this step has no solution to show", "dim")
  end
end

function COMMANDS.next(self)
  if self.state == "open" then
    self.out:mark("failed", "it is not passed yet: check, or skip")
  elseif self.index == #self.lesson.steps then
    self.out:line("that was the last one", "dim")
    return "quit"
  else
    self:enter(self.index + 1)
  end
end

function COMMANDS.quit()
  return "quit"
end

--- Obeys one line. Answers "quit" at the end.
function Exercise:obey(line)
  local word, rest = line:match("^%s*(%S*)%s*(.-)%s*$")
  if word == "" then
    return
  elseif not COMMANDS[word] then
    local near = options.nearest(word, WORDS)
    local hint = near and ("; did you mean %s?"):format(near) or "; help lists the commands"
    self.out:mark("failed", ("%s is no command%s"):format(word, hint))
    return
  end
  return COMMANDS[word](self, rest)
end

--- A line from standard input; nil at its end.
local function typed(prompt)
  io.stdout:write(prompt)
  io.stdout:flush()
  return io.stdin:read "l"
end

---@class scenario.TryOptions
---@field step? string where to begin
---@field source? string the text of the scenario's file
---@field read? fun(prompt: string): string? where commands come from; standard input
---@field write? fun(text: string)

--- Has a lesson tried.
---@param lesson scenario.Scenario
---@param given? scenario.TryOptions
---@return integer status 1 where something was left behind
function M.run(lesson, given)
  given = given or {}
  local self = setmetatable({
    lesson = lesson,
    source = given.source,
    out = paper.new { write = given.write },
    status = 0,
  }, Exercise)
  if not given.write then
    self.out = paper.new()
  end
  local read = given.read or typed
  local first = 1
  if given.step then
    local _, index = scenario.step(lesson, given.step)
    first = index
  end
  self.out:line(lesson.title, "bold")
  if lesson.summary then
    self.out:text(lesson.summary)
  end
  -- However this ends, what was prepared goes.
  local _, err = try(function()
    self:enter(first)
    repeat
      local line = read(("%s> "):format(self.step.id))
    until line == nil or self:obey(line) == "quit"
    return true
  end)
  self:leave()
  if err then
    error(err, 0)
  end
  return self.status
end

return M
