--- The levels of exercise 4 for a runtime that is there: all of them, or some, without a lab.
---
--- ```lua
--- local judge = require "lab.ex4.judge"
---
--- local verdict = judge.level("pid1", "/bin/false", { patience = "100ms" })
--- assert(not verdict.passed)
--- ```
local scenario = require "scenario"

local M = {}

--- Judges one level.
---@param id string "network"
---@param runtime string a file of Lua, or a command line
---@param how? { patience?: string|number } how long a check that fails is tried again
---@return scenario.Verdict
function M.level(id, runtime, how)
  local stage <close> = scenario.stage(scenario.step(require "lab.ex4", id), { quiet = true })
  stage:setup()
  return stage:judge({ runtime = runtime }, how)
end

--- Judges all levels, prints a line for each, and answers the exit status.
---@param runtime string
---@return integer
function M.run(runtime)
  local failed = 0
  for _, step in ipairs(require("lab.ex4").steps) do
    local lacks = scenario.unmet(step)
    local verdict = #lacks == 0 and M.level(step.id, runtime, { patience = "3s" }) or nil
    local mark = not verdict and "–" or verdict.passed and "✓" or "✗"
    print(
      ("%s %-10s %s"):format(mark, step.id, verdict and step.title or table.concat(lacks, ", "))
    )
    if verdict and not verdict.passed then
      failed = failed + 1
      for _, line in ipairs(scenario.lines(verdict)) do
        print("             " .. line)
      end
    end
  end
  return failed == 0 and 0 or 1
end

return M
