--- Device rules of a container: those of its config, in order, and then what every container may
--- use, as runc and crun have it: the devices that the specification always supplies, a terminal,
--- and making nodes (which alone opens nothing).
---
--- Without a rule nothing else is allowed. A list that comes to allow everything is left as it is:
--- what it denies after that it means.
---
--- ```lua
--- local devices = require "oci.cgroup.devices"
---
--- local rules = devices.rules { { allow = false, access = "rwm" } }
--- assert(rules[1].allow == false and rules[2].allow and #rules == 12)
--- ```
local options = require "options"

local M = {}

-- null, zero, full, random, urandom; tty, console, ptmx; the terminals of a devpts.
local NUMBERS = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 }, { 1, 9 }, { 5, 0 }, { 5, 1 }, { 5, 2 } }

local function defaults(rules)
  for _, kind in ipairs { "c", "b" } do
    rules[#rules + 1] = { allow = true, type = kind, access = "m" }
  end
  for _, number in ipairs(NUMBERS) do
    rules[#rules + 1] = { allow = true, type = "c", major = number[1], minor = number[2] }
  end
  rules[#rules + 1] = { allow = true, type = "c", major = 136 }
end

local function number(value)
  -- -1 is how some callers say "all".
  if value ~= nil and value >= 0 then
    return math.tointeger(value)
  end
end

local KINDS = { a = true, b = true, c = true, u = true, p = false }

local function rule(given, index)
  local kind = given.type or "a"
  if not KINDS[kind] then
    local what = ("linux.resources.devices[%d].type"):format(index - 1)
    options.fail(what, ("expected a, b, c or u, got %q"):format(tostring(kind)))
  end
  local all = kind == "a"
  return {
    allow = given.allow == true,
    type = kind,
    -- "a" is about every device, whatever else the rule says (devices.rst of cgroup v1).
    major = not all and number(given.major) or nil,
    minor = not all and number(given.minor) or nil,
    access = not all and given.access and given.access ~= "" and given.access or nil,
  }
end

--- The rules for `cgroup:set`.
---@param given? table[] `linux.resources.devices`
---@return table[]
function M.rules(given)
  local rules, open = {}, false
  for index, one in ipairs(given or {}) do
    local next_rule = rule(one, index)
    rules[#rules + 1] = next_rule
    if next_rule.type == "a" then
      open = next_rule.allow
    end
  end
  if not open then
    defaults(rules)
  end
  return rules
end

return M
