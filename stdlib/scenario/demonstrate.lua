--- `crun-lua scenario run`: a lesson shown step by step, with a key from one to the next.
---
--- ```lua
--- local demonstrate = require "scenario.demonstrate"
---
--- local scenario = require "scenario"
--- local lesson = scenario {
---   title = "One",
---   steps = { {
---     id = "one",
---     title = "One",
---     text = "One is one.",
---     checks = { { "one is one", function(t) t:eq(1, 1) end } },
---   } },
--- }
--- assert(demonstrate.run(lesson, { auto = true }) == 0)
--- ```
local paper = require "scenario.paper"
local play = require "scenario.play"
local scenario = require "scenario"

local M = {}

-- What leaves: q, Ctrl-C, Ctrl-D, Escape.
local LEAVES = { q = true, Q = true, ["\3"] = true, ["\4"] = true, ["\27"] = true }

--- Waits for a key. Answers false where that one leaves, or the terminal is gone.
local function key(out, what)
  out:line(("— %s: any key · leave: q —"):format(what), "dim")
  local terminal <close> = try(open, "/dev/tty", { read = true })
  local raw <close> = terminal and try(raw_mode, terminal)
  if not raw then
    return false
  end
  local pressed = try(terminal.read, terminal, 64)
  return pressed ~= nil and pressed ~= "" and not LEAVES[pressed]
end

local function observed(out, one)
  out:line("$ " .. one.command, "cyan")
  if one.output ~= "" then
    out:block(one.output)
  end
end

--- Shows one step on its stage. Answers "passed", "failed" or "left".
local function on_stage(out, seen, step, given, wait)
  seen:setup()
  for _, name in ipairs(require("options").keys(seen.stage.given)) do
    out:line(("given: %s = %s"):format(name, tostring(seen.stage.given[name])))
  end
  if step.action then
    out:line("")
    local source = play.source(step.action, given.source)
    if source then
      out:lua(source)
    end
    if not wait "do it" then
      return "left"
    end
    seen:act { narrate = not given.plain }
    for _, name in ipairs(require("options").keys(seen.stage.answers)) do
      out:line(("%s = %s"):format(name, tostring(seen.stage.answers[name])))
    end
  end
  if step.observe then
    if not wait "look at it" then
      return "left"
    end
    for _, command in ipairs(step.observe) do
      observed(out, seen:look(command))
    end
  end
  out:line("")
  local checks, verdict = seen:judge()
  for _, check in ipairs(checks) do
    out:mark(check.state, check.sentence)
    if check.state == "failed" then
      out:verdict(verdict)
    end
  end
  if not verdict.passed and not verdict.index then
    out:mark("failed", verdict.check or verdict.skipped or "it could not be judged")
    out:verdict(verdict)
  end
  if step.lesson and verdict.passed then
    out:line("")
    out:text(step.lesson)
  end
  return verdict.passed and "passed" or "failed"
end

local function one(out, step, given, wait)
  local reasons = scenario.unmet(step)
  if #reasons > 0 then
    local other = step.alternative and (" (instead: %s)"):format(step.alternative) or ""
    out:mark("open", "skipped: " .. table.concat(reasons, "; ") .. other)
    return "skipped"
  end
  local seen = play.open(step)
  local state, err = try(on_stage, out, seen, step, given, wait)
  local problems = seen:close()
  for _, text in ipairs(problems) do
    out:mark("failed", "left behind: " .. text)
    state = "failed"
  end
  if err then
    error(err, 0)
  end
  return state
end

---@class scenario.RunOptions
---@field auto? boolean plays it through without a key
---@field plain? boolean does not narrate the calls
---@field step? string only this one
---@field source? string the text of the scenario's file

--- Shows a lesson.
---@param lesson scenario.Scenario
---@param given? scenario.RunOptions
---@return integer status 0, or 1 where a step has failed
function M.run(lesson, given)
  given = given or {}
  local out = paper.new()
  local function wait(what)
    return given.auto or key(out, what)
  end
  if given.step then
    scenario.step(lesson, given.step)
  end
  if given.source and lesson.file then
    require("scenario.narrate").note(lesson.file, given.source)
  end
  out:line(lesson.title, "bold")
  if lesson.summary then
    out:text(lesson.summary)
  end
  local status, shown = 0, 0
  for index, step in ipairs(lesson.steps) do
    if not given.step or given.step == step.id then
      if shown > 0 and not wait "next step" then
        return status
      end
      shown = shown + 1
      out:line("")
      out:line(("%d/%d · %s"):format(index, #lesson.steps, step.title), "bold")
      out:line("")
      out:text(step.text)
      local state = one(out, step, given, wait)
      if state == "left" then
        return status
      end
      status = state == "failed" and 1 or status
    end
  end
  return status
end

return M
