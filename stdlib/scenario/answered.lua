--- The process that a learner has answered with: a number, alive, and none of the lab's own.
---
--- ```lua
--- local answered = require "scenario.answered"
--- local facts = require "scenario.facts"
---
--- local parent = proc_stat().ppid
--- assert(answered(facts.new { answers = { pid = tostring(parent) }, own = {} }, "pid") == parent)
---
--- local t = facts.new { answers = { pid = parent }, own = { parent } }
--- local _, err = try(answered, t, "pid")
--- assert(facts.failure(err).expected == "a process of yours")
--- ```

---@param facts scenario.Facts
---@param name string the answer's name
---@return integer pid
return function(facts, name)
  local pid = facts.answers[name]
  if type(pid) == "string" then
    pid = math.tointeger(tonumber(pid)) or pid
  end
  if pid == nil then
    facts:fail { what = ("there is no answer '%s' yet"):format(name), expected = "a process" }
  elseif math.type(pid) ~= "integer" or pid <= 0 then
    facts:fail {
      what = ("the answer '%s'"):format(name),
      expected = "a process's number",
      found = pid,
    }
  end
  for _, own in ipairs(facts.own) do
    if own == pid then
      facts:fail {
        what = ("the answer '%s' is a process of the lab itself"):format(name),
        expected = "a process of yours",
        found = pid,
      }
    end
  end
  local found = proc_stat(pid)
  if not found then
    local see = "ps -p " .. pid
    facts:fail {
      what = ("the process %d"):format(pid),
      expected = "one that runs",
      found = "none",
      see = see,
    }
  elseif found.state == "Z" or found.state == "X" then
    local see = "grep State /proc/" .. pid .. "/status"
    facts:fail {
      what = ("the process %d"):format(pid),
      expected = "one that runs",
      found = "it has ended",
      see = see,
    }
  end
  return pid
end
