--- How a property is judged: the five answers, and the way from a finding of `inspect` to a row.
---
--- ```lua
--- local judge = require "audit.judge"
---
--- assert(judge.partly("half of it", 0.5).answer == "partly")
--- local shared = judge.finding("shared-propagation", "no mount is shared")
--- assert(shared({ mounts = { leaks = { "/srv" } } }).answer == "no")
--- assert(shared({ mounts = { leaks = {} } }).answer == "yes")
--- assert(shared({}).answer == "unknown")
--- ```
local part = require "inspect.part"

local M = {}

---@param now string
---@return audit.Judgement
function M.yes(now)
  return { answer = "yes", now = now }
end

---@param now string
---@param remedy? string
---@return audit.Judgement
function M.no(now, remedy)
  return { answer = "no", now = now, share = 1, remedy = remedy }
end

--- Some of the weight is lost; all of it is a "no", none a "yes".
---@param now string
---@param share number
---@param remedy? string
---@return audit.Judgement
function M.partly(now, share, remedy)
  local answer = share <= 0 and "yes" or share >= 1 and "no" or "partly"
  return { answer = answer, now = now, share = math.max(0, math.min(1, share)), remedy = remedy }
end

---@param now string why it means nothing here
---@return audit.Judgement
function M.none(now)
  return { answer = "n/a", now = now }
end

---@param now? string why it could not be read
---@return audit.Judgement
function M.unknown(now)
  return { answer = "unknown", now = now or "it could not be read" }
end

--- A section of the facts, or nil and the judgement that says why there is none.
---@param facts table
---@param name string
---@return table?
---@return audit.Judgement?
function M.section(facts, name)
  local found = facts[name]
  if part.known(found) then
    return found
  end
  local why = found and ("%s could not be read: %s"):format(name, found.unreadable)
  return nil, M.unknown(why or facts.silent and facts.silent[name] or "not known before it runs")
end

-- Warnings and notes are faults that need another one to hurt.
local SHARES = { error = 1, warning = 0.5, note = 0.25 }

local rules

local function rule_of(id)
  if not rules then
    rules = {}
    for _, topic in ipairs { "process", "namespaces", "mounts", "network", "cgroup", "security" } do
      for _, rule in ipairs(require("inspect.findings." .. topic)) do
        rules[rule.id] = rule
      end
    end
  end
  return rules[id]
end

--- A judge that asks a rule of `inspect.findings`: what looks wrong there is a "no" here.
---@param id string the finding
---@param good string what is so where nothing was found
---@param share? number how much a finding costs; what its level says without it
---@return fun(facts: table): audit.Judgement
function M.finding(id, good, share)
  return function(facts)
    local rule = rule_of(id)
    for _, name in ipairs(rule.needs) do
      local _, missing = M.section(facts, name)
      if missing then
        return missing
      end
    end
    local found = rule.find(facts)
    if type(found) == "table" and not found.what then
      found = found[1]
    end
    if not found then
      return M.yes(good)
    end
    found = type(found) == "string" and { what = found } or found
    local lost = share or SHARES[found.level or rule.level]
    return M.partly(found.what, lost, found.remedy or rule.remedy)
  end
end

--- Whether the process has a namespace of this kind for itself; nil where that is not known.
---@param facts table
---@param kind string
---@return boolean?
function M.own(facts, kind)
  local row = (part.known(facts.namespaces) or {})[kind]
  if row and row.shared ~= nil then
    return not row.shared
  end
end

--- The names of a list as a set.
---@param list string[]?
---@return table<string, boolean>
function M.set(list)
  local set = {}
  for _, name in ipairs(list or {}) do
    set[name] = true
  end
  return set
end

return M
