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

local ACCESS = { "r", "w", "m" }

local function letters(set)
  local text = ""
  for _, letter in ipairs(ACCESS) do
    text = text .. (set[letter] and letter or "")
  end
  return text
end

--- What `devices.list` of v1 has, and what it would have after some rules: accesses by device. Nil
--- where the list is one of exceptions to "everything", which the file does not show.
local function listed(text)
  local there = {}
  for line in text:gmatch "[^\n]+" do
    local device, access = line:match "^([bc] %S+) (%a+)$"
    if not device then
      return nil
    end
    there[device] = {}
    for letter in access:gmatch "." do
      there[device][letter] = true
    end
  end
  return there
end

--- Whether two rules are about a device in common, and not about the same ones.
local function overlap(a, b)
  local function meet(key)
    return not a[key] or not b[key] or a[key] == b[key]
  end
  return a.type == b.type
    and meet "major"
    and meet "minor"
    and not (a.major == b.major and a.minor == b.minor)
end

local function wanted(rules)
  local made, allowed = {}, {}
  for _, one in ipairs(rules) do
    if one.type == "a" then
      if one.allow then
        return nil
      end
      made, allowed = {}, {}
    else
      local kind = one.type == "u" and "c" or one.type
      local device = ("%s %s:%s"):format(kind, one.major or "*", one.minor or "*")
      local set = made[device] or {}
      for letter in (one.access or "rwm"):gmatch "[rwm]" do
        set[letter] = one.allow or nil
      end
      made[device] = set
      for _, other in ipairs(one.allow and {} or allowed) do
        if overlap(one, other) then
          -- v1 cannot say this; who writes the whole list says so.
          return nil
        end
      end
      allowed[#allowed + 1] = one.allow and one or nil
    end
  end
  return made
end

--- The writes by which v1's list becomes that of the rules, so that what both allow stays allowed
--- at every moment: first what is new, then what goes. Nil where only the whole list does it,
--- because one of the two allows everything but exceptions.
---@param text string `devices.list`
---@param rules table[] as `rules` answers them
---@return { file: string, value: string }[]?
function M.difference(text, rules)
  local before, after = listed(text), wanted(rules)
  if not before or not after then
    return nil
  end
  local writes = {}
  local function add(file, one, other)
    for _, device in ipairs(options.keys(one)) do
      local set = {}
      for letter in pairs(one[device]) do
        set[letter] = not (other[device] and other[device][letter]) or nil
      end
      if next(set) then
        writes[#writes + 1] = { file = file, value = device .. " " .. letters(set) }
      end
    end
  end
  add("devices.allow", after, before)
  add("devices.deny", before, after)
  return writes
end

--- Changes the rules of a group in which a program may be opening a device right now. v2's program
--- is replaced in one step; v1's list is changed line by line, or else nobody runs meanwhile.
---@param group oci.cgroup.Group
---@param given table[] `linux.resources.devices`
function M.change(group, given)
  local rules, handle = M.rules(given), group.opened
  local dir = handle.paths.devices
  local text = dir and dir ~= handle.paths.unified and read_file(dir .. "/devices.list")
  local writes = text and M.difference(text, rules)
  if writes then
    if #writes > 0 then
      handle:set { writes = writes, host = true }
    end
    return
  end
  local standing <close> = text and not group:frozen() and defer(function()
    group:thaw()
  end) or nil
  if standing then
    group:freeze()
  end
  handle:set { devices = rules, host = true }
end

return M
