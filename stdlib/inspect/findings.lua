--- Judges the facts of a process: what looks wrong, what follows from it, and what to do. Each
--- fault has an id that stays the same, so that a script can ask for it.
---
--- ```lua
--- local findings = require "inspect.findings"
---
--- local list = findings.find { limits = { nofile = { soft = 64 } }, fds = { count = 3 } }
--- assert(list[1].id == "low-nofile" and list[1].level == "warning")
--- ```
local options = require "options"
local part = require "inspect.part"

local M = {}

local TOPICS = { "process", "namespaces", "mounts", "network", "cgroup", "security" }
local ORDER = { error = 1, warning = 2, note = 3 }

--- A rule: one fault, and how it is seen.
---@class inspect.Rule
---@field id string
---@field level "error"|"warning"|"note"
---@field needs string[] the sections that must have been read
---@field find fun(facts: table): string|inspect.Verdict|inspect.Verdict[]|nil what is so, or nil
---@field why string
---@field remedy string
---@field see string

--- What a rule found, where it is more than a sentence.
---@class inspect.Verdict
---@field what string
---@field level? string
---@field remedy? string
---@field why? string

local function can_judge(rule, facts)
  for _, section in ipairs(rule.needs) do
    if type(facts[section]) ~= "table" or not part.known(facts[section]) then
      return false
    end
  end
  return true
end

local function add(list, rule, verdict)
  verdict = type(verdict) == "string" and { what = verdict } or verdict
  list[#list + 1] = {
    id = rule.id,
    level = verdict.level or rule.level,
    what = verdict.what,
    why = verdict.why or rule.why,
    remedy = verdict.remedy or rule.remedy,
    see = rule.see,
  }
end

--- The sections, and the parts of them, that could not be read.
local function unread(facts, list)
  local names, hint = {}, nil
  local function look(name, value)
    if type(value) == "table" and value.unreadable then
      names[#names + 1] = ("%s (%s)"):format(name, value.unreadable)
      hint = hint or value.hint
    end
  end
  for section, value in pairs(facts) do
    look(section, value)
    for name, inner in pairs(type(value) == "table" and not value.unreadable and value or {}) do
      look(type(name) == "string" and section .. "." .. name or section, inner)
    end
  end
  table.sort(names)
  if #names > 0 then
    list[#list + 1] = {
      id = "unreadable",
      level = "note",
      what = "not everything could be read: " .. table.concat(names, ", "),
      why = "faults in these parts are not found",
      remedy = hint,
      see = "ptrace(2)",
    }
  end
end

--- The findings, errors first; see `inspect.findings`.
---@param facts table
---@return inspect.Finding[]
function M.find(facts)
  options.expect("inspect.findings", "facts", facts, "table")
  local list = json_array {}
  for _, topic in ipairs(TOPICS) do
    for _, rule in ipairs(require("inspect.findings." .. topic)) do
      local verdict = can_judge(rule, facts) and rule.find(facts) or nil
      if type(verdict) == "table" and not verdict.what then
        for _, one in ipairs(verdict) do
          add(list, rule, one)
        end
      elseif verdict then
        add(list, rule, verdict)
      end
    end
  end
  unread(facts, list)
  -- Sorted by level alone; within a level the order of the rules stays.
  for index, finding in ipairs(list) do
    list[finding] = index
  end
  table.sort(list, function(a, b)
    if ORDER[a.level] ~= ORDER[b.level] then
      return ORDER[a.level] < ORDER[b.level]
    end
    return list[a] < list[b]
  end)
  for _, finding in ipairs(list) do
    list[finding] = nil
  end
  return list
end

return M
