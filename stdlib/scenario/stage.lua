--- The disposable place of a step: a directory, a prefix for names, the process that prepares, and
--- the learner's; all of it ends and goes together.
---
--- A stage's first warden is its keeper: it outlives the program for as long as it takes to end the
--- processes and to sweep what carries the prefix. So a program that is killed leaves nothing.
--- Where the keeper is killed as well, `crun-lua gc` finds the stage by its record.
---
--- ```lua
--- local stage = require "scenario.stage"
---
--- local place = stage.open { id = "name", answers = { pid = "a process" } }
--- place:act(function(t)
---   local child = spawn(function() exec { "sleep", "100" } end)
---   t:answer { pid = child.pid }
--- end)
--- assert(math.type(place.answers.pid) == "integer" and stat(place.dir))
--- assert(#place:close() == 0 and not stat(place.dir))
--- ```
local judge = require "scenario.judge"
local options = require "options"
local remains = require "scenario.remains"
local warden = require "scenario.warden"

local M = {}

-- How long setup and an action may take.
local DEADLINE = "60s"

local LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"

--- A word that nobody guesses and that is none of another stage's.
local function random_word(length)
  local source <close> = assert(io.open("/dev/urandom", "rb"))
  local word = source:read(length):gsub(".", function(byte)
    local at = byte:byte() % #LETTERS + 1
    return LETTERS:sub(at, at)
  end)
  return word
end

--- What setup, action and decoys are given.
---@class scenario.Hand
---@field dir string a directory of the stage's own
---@field token string a word that only this stage has
---@field prefix string what names of links, groups and containers start with
---@field answers table<string, string|integer>
---@field given table<string, any>
local Hand = {}
Hand.__index = Hand

local function plain(op, key, value)
  if type(value) == "userdata" then
    local pid = try(function()
      return value.pid
    end)
    value = pid or value
  end
  local kind = math.type(value) or type(value)
  if kind ~= "integer" and kind ~= "string" then
    options.fail(op, ("%s: expected a whole number or a word, got %s"):format(key, kind))
  end
  return value
end

--- Hands over what was asked for: whole numbers, words, or processes (their numbers are taken).
---@param list table<string, any>
function Hand:answer(list)
  local message = {}
  options.expect("t:answer", "answers", list, "table")
  for name, value in pairs(list) do
    if not (self.asked or {})[name] then
      local near = options.nearest(tostring(name), options.keys(self.asked or {}))
      local hint = near and ("did you mean '%s'?"):format(near) or "the step's `answers` names them"
      options.fail("t:answer", ("no answer is called '%s'"):format(tostring(name)), hint)
    end
    message[name] = plain("t:answer", name, value)
    self.answers[name] = message[name]
  end
  self.say { answer = message }
end

--- Tells the learner something that was prepared; checks find it in `t.given`.
---
--- ```lua
--- local place <close> = require("scenario").stage {
---   id = "given",
---   checks = {},
---   setup = function(t)
---     t:give { word = t.token }
---   end,
--- }
--- place:setup()
--- assert(place.given.word == place.token)
--- ```
---@param list table<string, any>
function Hand:give(list)
  local message = {}
  options.expect("t:give", "given", list, "table")
  for name, value in pairs(list) do
    if type(name) ~= "string" then
      options.fail("t:give", "given: expected names, got " .. tostring(name))
    end
    message[name] = type(value) == "boolean" and value or plain("t:give", name, value)
    self.given[name] = message[name]
  end
  self.say { give = message }
end

--- The place where a step is played: its directory, its processes and what was handed over.
---@class scenario.Stage
---@field step table
---@field dir string
---@field token string
---@field prefix string
---@field answers table<string, string|integer> what was handed over
---@field given table<string, any> what setup has prepared
---@field learner? integer the learner's process, while there is one
---@field own integer[] processes that are the stage's and no answer
local Stage = {}
Stage.__index = Stage

--- Reads what a process says until it has done its part.
---@package
function Stage:attend(kept, what, body)
  local deadline = judge.seconds("scenario", "deadline", self.step.deadline or DEADLINE)
  local until_ = clock("monotonic") + deadline
  while true do
    local left = until_ - clock("monotonic")
    local message = left > 0 and kept:listen(("%dms"):format(math.ceil(left * 1000)))
    if not message then
      local hint =
        "what runs on belongs into a child of its own: spawn(function() exec { … } end)"
      options.fail(
        "scenario",
        ("%s has not come to its end within %g s"):format(what, deadline),
        hint
      )
    elseif message.pid then
      kept.child = message.pid
    elseif message.error then
      error({
        op = "scenario",
        message = what .. " stopped with an error: " .. message.error,
        hint = message.hint,
        where = judge.whole(message.where, function_info(body).file),
      }, 0)
    elseif message.ended then
      local how = message.ended.signal and "signal " .. message.ended.signal
        or "status " .. tostring(message.ended.code)
      options.fail("scenario", ("%s has ended (%s) before it was through"):format(what, how))
    end
    for name, value in pairs(message.answer or {}) do
      self.answers[name] = value
    end
    for name, value in pairs(message.give or {}) do
      self.given[name] = value
    end
    if message.done then
      return
    end
  end
end

--- What a function of the step is given in its process.
---@package
function Stage:hand(say)
  return setmetatable({
    dir = self.dir,
    token = self.token,
    prefix = self.prefix,
    answers = self.answers,
    given = self.given,
    asked = self.step.answers,
    say = say,
  }, Hand)
end

--- Prepares what the learner finds. The process lives as long as the stage.
---
--- ```lua
--- local place <close> = require("scenario").stage { id = "bare", checks = {} }
--- place:setup()
--- ```
function Stage:setup()
  if self.step.setup and not self.prepared then
    self.prepared = true
    self.go:write("\n")
    self:attend(self.keeper, ("setup of %q"):format(self.step.id), self.step.setup)
  end
end

--- Runs an action, or anything else that a learner might do, in the learner's process. The process
--- of a former one ends before.
---@param body fun(t: scenario.Hand) `step.action`, a decoy's function
---@param how? { narrate?: boolean, quiet?: boolean, output?: string, errors?: string } whether its
--- calls are told, and where goes what it writes
function Stage:act(body, how)
  self:rest()
  how = how or {}
  local quiet = self.quiet
  if how.quiet ~= nil then
    quiet = how.quiet
  end
  self.acting = warden.start(function(say)
    body(self:hand(say))
  end, {
    name = "learner",
    quiet = quiet,
    output = how.output,
    errors = how.errors,
    narrate = how.narrate,
    known = function(pid)
      self.record.sessions[#self.record.sessions + 1] = remains.mark(pid)
      remains.write(self.record)
    end,
  })
  self.own[#self.own + 1] = self.acting.pid
  self:attend(self.acting, ("the action of %q"):format(self.step.id), body)
  self.learner = self.acting.child
end

--- Ends the learner's process and all that came from it; what setup has made stays.
---
--- ```lua
--- local place <close> = require("scenario").stage { id = "rest", checks = {} }
--- place:act(function() end)
--- local learner = place.learner
--- assert(proc_stat(learner) and #place:rest() == 0 and not proc_stat(learner))
--- ```
---@return string[] problems
function Stage:rest()
  local problems = self.acting and self.acting:close() or {}
  self.acting, self.learner = nil, nil
  return problems
end

--- Judges what there is now.
---
--- ```lua
--- local place <close> = require("scenario").stage {
---   id = "judge",
---   checks = { { "one is two", function(t) t:eq(1, 2, "one") end } },
--- }
--- local verdict = place:judge({}, { patience = "100ms" })
--- assert(verdict.what == "one" and verdict.expected == "2" and verdict.found == "1")
--- ```
---@param answers? table<string, any> instead of those that were handed over
---@param how? scenario.JudgeOptions
---@return scenario.Verdict
function Stage:judge(answers, how)
  return judge.judge(self, answers or self.answers, how)
end

--- Ends everything. May be called again.
---@return string[] problems what could not be ended or removed
function Stage:close()
  if self.closed then
    return {}
  end
  self.closed = true
  local problems = self:rest()
  for _, text in ipairs(self.keeper:close()) do
    problems[#problems + 1] = text
  end
  try(self.go.close, self.go)
  self.guard:close()
  return problems
end

Stage.__close = Stage.close

---@class scenario.StageOptions
---@field quiet? boolean what the step's functions write goes nowhere

--- Opens a stage. Nothing of the step has run then.
---@param step table a step of a scenario
---@param how? scenario.StageOptions
---@return scenario.Stage
function M.open(step, how)
  how = how or {}
  warden.refuse_plan()
  local word = random_word(16)
  local self = setmetatable({
    step = step,
    token = word,
    -- A link's name has 15 characters at most: this leaves nine.
    prefix = "s" .. word:sub(1, 5),
    answers = {},
    given = {},
    own = { proc_stat().pid },
    quiet = how.quiet,
  }, Stage)
  local dir = temp_dir()
  self.dir = dir.path
  self.record = remains.new(self)
  local go = pipe()
  self.go = go.write
  self.keeper = warden.start(function(say)
    -- Nothing is prepared before it is asked for; the end of the pipe is the program's.
    if go.read:read(1) then
      step.setup(self:hand(say))
    end
  end, {
    name = "stage",
    quiet = how.quiet,
    input = go.read,
    first = function()
      remains.thaw(self.record.prefix)
    end,
    after = function()
      return remains.sweep(self.record)
    end,
    known = function(pid)
      self.record.keeper = remains.mark(pid)
      self.record.sessions[#self.record.sessions + 1] = self.record.keeper
      remains.write(self.record)
    end,
  })
  go.read:close()
  dir:keep()
  self.own[#self.own + 1] = self.keeper.pid
  -- Whoever ends in order waits for the end of it; whoever is killed leaves it to the keeper.
  self.guard = defer(function()
    self:close()
  end)
  return self
end

return M
