--- The proof that a step is what its author says: it fails untouched, passes with the action twice,
--- each decoy fails with its own message, and a reset leaves nothing.
---
--- ```lua
--- local selftest = require "scenario.selftest"
---
--- local result = selftest.run {
---   id = "never",
---   action = function() end,
---   checks = { { "one is two", function(t) t:eq(1, 2) end } },
--- }
--- assert(not result.ok and result.points[2].name == "passes with the action")
--- ```
local judge = require "scenario.judge"
local leaks = require "scenario.leaks"
local stage = require "scenario.stage"
local warden = require "scenario.warden"

local M = {}

-- For how long a failure other than the one that has to come is waited out: on a busy machine what
-- the decoy has started may not have come as far yet.
local PATIENCE = "3s"

---@class scenario.Point
---@field ok boolean
---@field name string "fails untouched"
---@field message? string why it is not so
---@field skipped? string why it was not tried

---@class scenario.SelfTest
---@field step string its id
---@field ok boolean no point is not ok
---@field skipped? string why nothing was tried
---@field points scenario.Point[]
---@field checks integer
---@field decoys integer those that were tried

--- One run of the proof.
local Proof = {}
Proof.__index = Proof

function Proof:add(name, message, skipped)
  local point = { ok = message == nil, name = name, message = message, skipped = skipped }
  self.points[#self.points + 1] = point
  self.ok = self.ok and point.ok
  self.told(point)
end

--- Opens a stage, and closes it whatever happens. Answers what `body` does, or the error.
function Proof:on_stage(body)
  local place = stage.open(self.step, { quiet = true })
  self.stages[#self.stages + 1] = { prefix = place.prefix, token = place.token, dir = place.dir }
  local message, err = try(function()
    place:setup()
    return body(place) or ""
  end)
  local problems = place:close()
  if err then
    return tostring(err)
  elseif message == "" and #problems > 0 then
    return "what is left: " .. table.concat(problems, "; ")
  end
  return message ~= "" and message or nil
end

--- What a learner has who has done nothing and answers something all the same.
local function careless(place)
  local answers = {}
  for name, what in pairs(place.step.answers or {}) do
    local is_process = name:find("pid", 1, true) or what:find("process", 1, true)
    answers[name] = is_process and place.learner or "untouched"
  end
  return answers
end

local function one_line(verdict)
  return table.concat(judge.lines(verdict), "; ")
end

--- Whether a verdict has a text in what it tells.
local function tells(verdict, text)
  for _, key in ipairs { "check", "what", "expected", "found" } do
    if (verdict[key] or ""):find(text, 1, true) then
      return true
    end
  end
  return false
end

--- Judges what has to fail: with this text, or anyhow.
local function judge_failing(place, answers, says)
  return place:judge(answers, {
    patience = PATIENCE,
    wanted = function(verdict)
      return not verdict.error and (not says or tells(verdict, says))
    end,
  })
end

--- Why a verdict is no honest failure, or nil.
local function not_failed(verdict)
  if verdict.passed then
    return "it passes"
  elseif verdict.error then
    return "the check stops instead of failing: " .. one_line(verdict)
  end
end

function Proof:untouched()
  return self:on_stage(function(place)
    local needless = not next(self.step.answers or {})
    if not needless then
      local bare = not_failed(judge_failing(place, {}))
      if bare then
        return bare .. " without any answer"
      end
      place:act(function() end)
    end
    return not_failed(judge_failing(place, careless(place)))
  end)
end

function Proof:solved()
  return self:on_stage(function(place)
    place:act(self.step.action)
    local verdict = place:judge()
    return not verdict.passed and one_line(verdict) or nil
  end)
end

function Proof:decoy(decoy)
  return self:on_stage(function(place)
    place:act(decoy[2])
    local verdict = judge_failing(place, nil, decoy.says)
    local wrong = not_failed(verdict)
    if wrong or tells(verdict, decoy.says) then
      return wrong
    end
    return ("it does not say %q: %s"):format(decoy.says, one_line(verdict))
  end)
end

--- Proves a step.
---@param step scenario.Step
---@param told? fun(point: scenario.Point)
---@param how? { brief?: boolean } the action once, and only decoys that are a course's own version:
--- where somebody else proves the rest
---@return scenario.SelfTest
function M.run(step, told, how)
  local brief = (how or {}).brief
  warden.refuse_plan()
  local self = setmetatable({
    step = step,
    told = told or function() end,
    points = {},
    stages = {},
    ok = true,
  }, Proof)
  local result =
    { step = step.id, ok = true, points = self.points, checks = #step.checks, decoys = 0 }
  local reasons = require("scenario").unmet(step)
  if #reasons > 0 then
    result.skipped = table.concat(reasons, "; ")
    return result
  end
  -- What gets away from its warden comes to this process, and is seen.
  child_subreaper(true)
  local before = leaks.snapshot()
  self:add("fails untouched", self:untouched())
  local actionless = not step.action and "the step has no action" or nil
  local runs = { "passes with the action", not brief and "passes with the action again" or nil }
  for _, name in ipairs(runs) do
    self:add(name, not actionless and self:solved() or nil, actionless)
  end
  for _, decoy in ipairs(step.decoys or {}) do
    local lacking = brief and not decoy.course and { "it is proved elsewhere" }
      or require("needs").all(decoy.needs)
    local name = "fails with the decoy: " .. decoy[1]
    if #lacking > 0 then
      self:add(name, nil, table.concat(lacking, "; "))
    else
      result.decoys = result.decoys + 1
      self:add(name, self:decoy(decoy))
    end
  end
  local left = leaks.left(before, self.stages)
  local text = #left > 0 and table.concat(left, ", ") or nil
  self:add("leaves nothing after a reset", text)
  child_subreaper(false)
  result.ok = self.ok
  return result
end

return M
