--- Judges what there is: each check in a probe of its own that has a deadline, tried again until
--- then, and a pass must hold twice.
---
--- Only the first check that fails is told: they stand in the order in which the thing is taught. A
--- probe that never ends is ended with all that it has started.
---
--- ```lua
--- local stage = require "scenario.stage"
---
--- local place = stage.open {
---   id = "one",
---   checks = { { "one is two", function(t) t:eq(1, 2, "one", "echo $((1))") end } },
--- }
--- local verdict = place:judge({}, { patience = "100ms" })
--- assert(not verdict.passed and verdict.check == "one is two" and verdict.expected == "2")
--- place:close()
--- ```
local facts = require "scenario.facts"
local needs = require "needs"
local options = require "options"
local warden = require "scenario.warden"

local M = {}

-- How long a check is tried, what passes between two tries, and before a pass is looked at again.
local DEADLINE, FIRST_PAUSE, LONGEST_PAUSE, AGAIN = 10, 0.02, 0.25, 0.1

---@class scenario.Verdict
---@field passed boolean
---@field skipped? string why it could not be judged here
---@field index? integer which check failed
---@field check? string its sentence
---@field what? string the fact that differs
---@field expected? string
---@field found? string
---@field see? string the command that shows it
---@field error? string the check itself is wrong: it stopped with an error, or never ended
---@field where? { file: string, line: integer } of that error

---@class scenario.JudgeOptions
---@field patience? string|number how long a check that fails is tried again: at most its deadline
---@field wanted? fun(verdict: scenario.Verdict): boolean whether this is the failure that has to
--- come: it is told as soon as it holds when it is looked at again, as a pass is
---@field needs? string[] instead of the step's

--- Seconds from "250ms", "30s", "2m" or a number.
---@param op string
---@param name string
---@param value string|number
---@return number
function M.seconds(op, name, value)
  if type(value) == "number" and value > 0 then
    return value
  end
  local units = { us = 1e-6, ms = 1e-3, s = 1, m = 60, h = 3600 }
  local number, unit = tostring(value):match("^(%d+%.?%d*)(%l+)$")
  if not number or not units[unit] or tonumber(number) == 0 then
    options.fail(op, ('%s: expected a time such as "30s", got %s'):format(name, tostring(value)))
  end
  return tonumber(number) * units[unit]
end

--- Where a function of the scenario stands.
local function place_of(body)
  local info = function_info(body)
  return info.file and { file = info.file, line = info.line } or nil
end

--- The place of an error with the whole name of its file: Lua cuts long ones off in front.
---@param where? { file: string, line: integer }
---@param file? string of the function that has failed
---@return { file: string, line: integer }?
function M.whole(where, file)
  local rest = where and where.file:match("^%.%.%.(.+)$")
  if where and rest and file and file:sub(-#rest) == rest then
    return { file = file, line = where.line }
  end
  return where
end

--- Ends a probe that is out of time, with all that it has started: below it first, because what
--- has lost its parent would be somebody else's.
local function end_probe(probe)
  for _ = 1, 200 do
    local list = warden.descendants(probe.pid)
    for _, how in ipairs { "stop", "kill" } do
      for _, pid in ipairs(list) do
        try(kill, pid, how)
      end
    end
    local living = false
    for _, pid in ipairs(warden.descendants(probe.pid)) do
      local found = try(proc_stat, pid)
      living = living or found and found.state ~= "Z"
    end
    if not living then
      break
    end
    poll({}, { timeout = "2ms" })
  end
  probe:kill("kill")
  probe:wait()
end

--- What a check says: nothing where it passes.
local function verdict_of(body, err)
  if err == nil then
    return nil
  end
  local fact = facts.failure(err)
  if fact then
    return { fact = fact }
  end
  local object = type(err) == "table" and err or { message = tostring(err) }
  local where = M.whole(object.where, function_info(body).file)
  return { error = tostring(object.message), where = where or place_of(body) }
end

--- Runs a check once. Answers nil where it passes.
local function once(check, place, seconds)
  local body = check[2]
  local p = pipe()
  local probe = spawn({ name = "probe", die_with_parent = true, process_group = true }, function()
    close_fds { p.write }
    child_subreaper(true)
    local _, err = try(function()
      body(facts.new(place))
      return true
    end)
    p.write:write(json_encode(verdict_of(body, err) or { passed = true }))
    warden.end_below()
  end)
  p.write:close()
  local ended = poll({ probe }, { timeout = ("%dms"):format(math.ceil(seconds * 1000)) })
  if #ended == 0 then
    end_probe(probe)
    p.read:close()
    return {
      error = ("the check has not come to an end within %g s"):format(seconds),
      where = place_of(body),
      endless = true,
    }
  end
  local text = p.read:read()
  p.read:close()
  local result = try(probe.wait, probe)
  local said = try(json_decode, text)
  if not said then
    local how = result and result.signal and "signal " .. result.signal or "no word"
    return { error = "the check's process has ended with " .. how, where = place_of(body) }
  end
  return not said.passed and said or nil
end

local function told(index, check, said)
  local fact = said.fact or {}
  return {
    passed = false,
    index = index,
    check = check[1],
    what = fact.what,
    expected = fact.expected,
    found = fact.found,
    see = fact.see,
    error = said.error,
    where = said.where,
  }
end

--- Answers that are still to be given.
local function missing(step, answers)
  for _, name in ipairs(options.keys(step.answers or {})) do
    if answers[name] == nil then
      return {
        passed = false,
        check = "the answers are given",
        what = ("there is no answer '%s' yet: %s"):format(name, step.answers[name]),
        expected = ("answer %s=…"):format(name),
        found = "nothing",
      }
    end
  end
end

--- Judges a stage.
---@param stage scenario.Stage
---@param answers table<string, any>
---@param how? scenario.JudgeOptions
---@return scenario.Verdict
function M.judge(stage, answers, how)
  how = options.check("judge", how, {
    patience = { "string", "number" },
    wanted = "function",
    needs = "list",
  })
  local step = stage.step
  local reasons = needs.all(how.needs or step.needs)
  if #reasons > 0 then
    return { passed = false, skipped = table.concat(reasons, "; ") }
  end
  local lacking = missing(step, answers)
  if lacking then
    return lacking
  end
  local patience = how.patience and M.seconds("judge", "patience", how.patience)
  local place = {
    answers = answers,
    given = stage.given,
    dir = stage.dir,
    token = stage.token,
    prefix = stage.prefix,
    own = stage.own,
  }
  local ends, held = {}, 0
  while held < 2 do
    local firm = true
    for index, check in ipairs(step.checks) do
      local limit = M.seconds("judge", "deadline", (check[3] or {}).deadline or DEADLINE)
      ends[index] = ends[index] or clock("monotonic") + math.min(patience or limit, limit)
      local pause, since, tries = how.wanted and AGAIN or FIRST_PAUSE, nil, 0
      while true do
        local begun = clock "monotonic"
        local said = once(check, place, limit)
        if not said then
          break
        end
        tries = tries + 1
        local verdict = told(index, check, said)
        local fits = how.wanted ~= nil and how.wanted(verdict)
        since = fits and (since or begun) or nil
        -- A check that measures for a while has seen enough by itself.
        local firmly = since ~= nil and clock "monotonic" - since >= AGAIN
        -- One look that has taken all the time may have come upon a busy moment of the machine.
        local over = tries > 1 and clock "monotonic" + pause > ends[index]
        if firmly or said.endless or over then
          return verdict
        end
        -- What did not hold when it was looked at again has not held at all.
        firm = firm and held == 0
        poll({}, { timeout = ("%dms"):format(math.ceil(pause * 1000)) })
        pause = math.min(pause * 2, LONGEST_PAUSE)
      end
    end
    held = firm and held + 1 or 0
    if held < 2 then
      poll({}, { timeout = ("%dms"):format(math.ceil(AGAIN * 1000)) })
    end
  end
  return { passed = true }
end

--- A verdict in a sentence or a few lines.
---@param verdict scenario.Verdict
---@return string[]
function M.lines(verdict)
  if verdict.passed then
    return { "passed" }
  elseif verdict.skipped then
    return { "skipped: " .. verdict.skipped }
  elseif verdict.error then
    local where = verdict.where
    local place = where and ("%s:%s: "):format(where.file, where.line) or ""
    return { verdict.check, place .. verdict.error }
  end
  local list = { verdict.check, verdict.what }
  list[#list + 1] = verdict.expected and "expected " .. verdict.expected or nil
  list[#list + 1] = verdict.found and "found    " .. verdict.found or nil
  list[#list + 1] = verdict.see and "see      " .. verdict.see or nil
  return list
end

return M
