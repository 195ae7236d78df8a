--- `crun-lua scenario test`: the proof of each step, as TAP (https://testanything.org) and JUnit.
---
--- ```lua
--- local prove = require "scenario.prove"
---
--- local point = { ok = false, name = "fails untouched", message = "it passes" }
--- local xml = prove.junit("lesson", { { step = "one", ok = false, points = { point } } })
--- assert(xml:find('failures="1"', 1, true) and xml:find("it passes", 1, true))
--- ```
local html = require "report.html"
local scenario = require "scenario"
local text = require "view.text"

local M = {}

local h = html.element

--- A description: `#` would begin a directive.
local function described(value)
  return (text.clean(value):gsub("\\", "\\\\"):gsub("#", "\\#"))
end

--- A point as a line, and what is wrong as a block below it.
local function tap(number, step, point)
  local line = ("%s %d - %s: %s"):format(
    point.ok and "ok" or "not ok",
    number,
    described(step),
    described(point.name)
  )
  if point.skipped then
    line = line .. " # SKIP " .. described(point.skipped)
  end
  local out = { line }
  if point.message then
    out[#out + 1] = "  ---"
    out[#out + 1] = "  message: " .. json_encode(text.clean(point.message))
    out[#out + 1] = "  ..."
  end
  return table.concat(out, "\n") .. "\n"
end

--- What was proved, in JUnit's form.
---@param name string
---@param results scenario.SelfTest[]
---@return string
function M.junit(name, results)
  local suites = {}
  for _, result in ipairs(results) do
    local cases, failures, skipped = {}, 0, 0
    local points = result.points
    if result.skipped then
      points = { { ok = true, name = "all of it", skipped = result.skipped } }
    end
    for _, point in ipairs(points) do
      local inner = point.skipped and h("skipped", { message = point.skipped })
        or not point.ok and h("failure", { message = point.message }, point.message)
      failures = failures + (point.ok and 0 or 1)
      skipped = skipped + (point.skipped and 1 or 0)
      cases[#cases + 1] = h("testcase", {
        classname = name .. "." .. result.step,
        name = point.name,
        time = point.seconds and ("%.3f"):format(point.seconds) or nil,
      }, inner)
    end
    suites[#suites + 1] = h("testsuite", {
      name = name .. "." .. result.step,
      tests = #cases,
      failures = failures,
      skipped = skipped,
    }, cases)
  end
  local root = h("testsuites", { name = name }, suites)
  return '<?xml version="1.0" encoding="UTF-8"?>\n' .. tostring(root) .. "\n"
end

---@class scenario.ProveOptions
---@field step? string only this one
---@field junit? string where JUnit goes; "-" for standard output, which then has no TAP

--- Proves a lesson.
---@param lesson scenario.Scenario
---@param given? scenario.ProveOptions
---@return integer status 0; 1 where a point is not ok
function M.run(lesson, given)
  given = given or {}
  local silent = given.junit == "-"
  local function say(line)
    if not silent then
      io.stdout:write(line)
      io.stdout:flush()
    end
  end
  say "TAP version 14\n"
  local number, results, status = 0, {}, 0
  for _, step in ipairs(lesson.steps) do
    if not given.step or given.step == step.id then
      local begun = clock("monotonic")
      local result = scenario.selftest(step, function(point)
        number = number + 1
        point.seconds = clock("monotonic") - begun
        begun = clock("monotonic")
        say(tap(number, step.id, point))
      end)
      if result.skipped then
        number = number + 1
        say(tap(number, step.id, { ok = true, name = "all of it", skipped = result.skipped }))
      end
      results[#results + 1] = result
      status = result.ok and status or 1
    end
  end
  say(("1..%d\n"):format(number))
  if given.junit then
    local xml = M.junit(lesson.name or "scenario", results)
    if silent then
      io.stdout:write(xml)
    else
      write_file(given.junit, xml, { atomic = true })
    end
  end
  return status
end

return M
