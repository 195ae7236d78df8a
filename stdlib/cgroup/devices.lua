--- Device rules as lines of cgroup v1, or why v1 cannot say them.
---
--- A list starts from "nothing is allowed", and of the rules that fit an access the last decides.
--- v2 hands that to a program. v1 keeps a list of exceptions and takes one back only by its own
--- name, so that a rule which denies a part of what an earlier one has allowed cannot be said.
---
--- ```lua
--- local devices = require "cgroup.devices"
---
--- local null = { allow = true, type = "c", major = 1, minor = 3, access = "rw" }
--- local lines = devices.lines { null }
--- assert(lines[1].file == "devices.deny" and lines[1].text == "a")
--- assert(lines[2].file == "devices.allow" and lines[2].text == "c 1:3 rw")
--- ```
local options = require "options"

local M = {}

local KNOWN = {
  allow = "boolean",
  type = "=a|b|c|u",
  major = "integer",
  minor = "integer",
  access = "string",
}

--- One rule as `cgroup_set` takes it; what is left out means all.
---@class cgroup.DeviceRule
---@field allow boolean
---@field type? "a"|"b"|"c"|"u"
---@field major? integer
---@field minor? integer
---@field access? string some of r, w and m

local function rule(given)
  options.check("cgroup.dialects: devices", given, KNOWN)
  local kind = given.type or "a"
  return {
    allow = given.allow == true,
    -- u is mknod's word for an unbuffered character device.
    kind = kind == "u" and "c" or kind,
    major = given.major,
    minor = given.minor,
    access = given.access or "rwm",
  }
end

local function is_all(one)
  local every = one.access:find("r") and one.access:find("w") and one.access:find("m")
  return one.kind == "a" and not one.major and not one.minor and every ~= nil
end

local function line(one, kind)
  local major, minor = one.major or "*", one.minor or "*"
  return ("%s %s:%s %s"):format(kind or one.kind, major, minor, one.access)
end

--- Whether two rules have a device in common.
local function overlap(a, b)
  local function meet(x, y)
    return not x or not y or x == y
  end
  local kinds = a.kind == "a" or b.kind == "a" or a.kind == b.kind
  return kinds and meet(a.major, b.major) and meet(a.minor, b.minor)
end

local function same_devices(a, b)
  return a.kind == b.kind and a.major == b.major and a.minor == b.minor
end

--- The earlier exception of which this rule would take back a part.
local function in_the_way(rules, index, open)
  local one = rules[index]
  for before = 1, one.allow == open and index - 1 or 0 do
    local other = rules[before]
    local takes_back = not is_all(other) and other.allow ~= one.allow and overlap(other, one)
    if takes_back then
      return not same_devices(other, one) and other or nil
    end
  end
end

--- What is written to `devices.allow` and `devices.deny`, in order.
---@param list cgroup.DeviceRule[]
---@return { file: string, text: string }[]? lines nil where v1 cannot say it
---@return string? reason
function M.lines(list)
  local rules = {}
  for _, given in ipairs(list) do
    local one = rule(given)
    -- Rules before the last one about everything have no effect.
    rules = is_all(one) and {} or rules
    rules[#rules + 1] = one
  end
  local open = rules[1] ~= nil and is_all(rules[1]) and rules[1].allow
  local out = { { file = open and "devices.allow" or "devices.deny", text = "a" } }
  for index, one in ipairs(rules) do
    local other = not is_all(one) and in_the_way(rules, index, open)
    if other then
      local verb, before = "deny", "allow"
      if one.allow then
        verb, before = before, verb
      end
      return nil, ("it cannot %s %s after %s %s"):format(verb, line(one), before, line(other))
    end
    local file = one.allow and "devices.allow" or "devices.deny"
    for kind in (is_all(one) and "" or one.kind == "a" and "bc" or one.kind):gmatch(".") do
      out[#out + 1] = { file = file, text = line(one, kind) }
    end
  end
  return out
end

return M
