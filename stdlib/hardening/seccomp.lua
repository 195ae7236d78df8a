--- The seccomp part of a profile: how it is changed, imported from Docker, and compiled.
---
--- A spec is what `seccomp_compile` takes, and `with_caps`: calls that are opened together with a
--- capability. Instead, `json` holds a profile in Docker's or OCI's form. A change is a whole spec,
--- which replaces, or lists of "+call" and "-call", which are told from it by having no `default`.
--- `notify` has functions by call, and `filter` what a second filter refuses beside them: see
--- `hardening.notify`.
---
--- ```lua
--- local seccomp = require "hardening.seccomp"
---
--- local base = { default = "errno", allow = { "@default" } }
--- local spec = seccomp.change("profile", base, { allow = { "+mount", "-ptrace" } })
--- local filter = seccomp.compile(spec, {})
--- assert(filter:decide("mount").action == "allow")
--- assert(filter:decide("ptrace").errno == "EPERM")
--- ```
local options = require "options"

local M = {}

local LISTS = {
  "allow",
  "errno",
  "kill",
  "kill_process",
  "kill_thread",
  "log",
  "trace",
  "trap",
}

local KNOWN = {
  default = { "string", "table" },
  json = "string",
  errno_ret = { "string", "integer" },
  rules = "list",
  architectures = "list",
  flags = "list",
  with_caps = "table",
  notify = "table",
  filter = "table",
}
for _, name in ipairs(LISTS) do
  KNOWN[name] = "list"
end

local function index_of(list, item)
  for index, other in ipairs(list or {}) do
    if other == item then
      return index
    end
  end
end

--- The rules without those for one call.
local function without(rules, call)
  local kept = {}
  for _, rule in ipairs(rules) do
    local named = index_of(rule.names, call)
    if named then
      rule = options.copy(rule)
      table.remove(rule.names, named)
    end
    if #rule.names > 0 then
      kept[#kept + 1] = rule
    end
  end
  return kept
end

-- What was asked before: a group has hundreds of names, and an error costs more than a call.
local groups, checked = {}, {}

local function members(group)
  groups[group] = groups[group] or seccomp_groups(group)
  return groups[group]
end

--- The members of the groups of a list, and those that are written out.
local function reach(list)
  local names = {}
  for _, name in ipairs(list or {}) do
    names[#names + 1] = name
    for _, member in ipairs(name:sub(1, 1) == "@" and members(name) or {}) do
      names[#names + 1] = member
    end
  end
  return names
end

--- Fails where the kernel has no call or group of this name; the primitive names the nearest.
local function known(op, place, name)
  if checked[name] then
    return
  end
  local found, err = try(seccomp_groups, name)
  -- A call that exists is refused for not being a group; that is all that is asked here.
  if not found and not err.message:find("starts with @", 1, true) then
    options.fail(op, ("%s: %s"):format(place, err.message))
  end
  checked[name] = true
end

--- A call is in one list alone: with two actions it would have no meaning.
local function add(spec, list, name)
  for _, other in ipairs(LISTS) do
    local index = other ~= list and index_of(spec[other], name)
    if index then
      table.remove(spec[other], index)
    end
  end
  spec[list] = spec[list] or {}
  if not index_of(spec[list], name) then
    table.insert(spec[list], name)
  end
end

--- What a list says no longer: the entry goes, or, where a group brings the call in, the call is
--- written out in the opposite list, which the compiler puts above groups.
local function take(op, spec, list, name, trusted)
  local index = index_of(spec[list], name)
  if index then
    table.remove(spec[list], index)
    return
  elseif not trusted then
    known(op, "seccomp." .. list, name)
  end
  if list == "allow" and (trusted or spec.default == "allow") then
    add(spec, "errno", name)
    return
  end
  local there = reach(spec[list])
  local asked = name:sub(1, 1) == "@" and members(name) or { name }
  local met = false
  for _, one in ipairs(asked) do
    met = met or index_of(there, one) ~= nil
  end
  if not met then
    local near = options.nearest(name, there)
    local hint = near and ("did you mean '-%s'?"):format(near) or nil
    options.fail(op, ("seccomp.%s: '%s' is not in it"):format(list, name), hint)
  end
  if list == "allow" or list == "log" then
    add(spec, "errno", name)
  elseif name:sub(1, 1) == "@" then
    -- Between groups the strictest wins, so an opposite group would change nothing.
    for _, one in ipairs(asked) do
      add(spec, "allow", one)
    end
  else
    add(spec, "allow", name)
  end
end

local function change_list(op, spec, list, items, trusted)
  for _, item in ipairs(items) do
    options.expect(op, "seccomp." .. list, item, "string")
    local sign, name = item:match("^([+-])(.+)$")
    if not sign then
      local hint = ("'+%s' adds it; a whole spec of its own has a `default`"):format(item)
      options.fail(op, ("seccomp.%s: '%s' has no + or -"):format(list, item), hint)
    elseif sign == "+" then
      if not trusted then
        known(op, "seccomp." .. list, name)
      end
      add(spec, list, name)
      -- The whole call, so no longer on a condition.
      spec.rules = spec.rules and without(spec.rules, name)
    else
      take(op, spec, list, name, trusted)
    end
  end
end

-- What stands beside the filter, whatever that is.
local ASKED = { notify = true, filter = true }

--- A spec without what is asked of functions.
local function plain(spec)
  local made = {}
  for key, value in pairs(spec) do
    made[key] = not ASKED[key] and value or nil
  end
  return made
end

--- A whole spec, checked as far as it can be without its capabilities.
local function whole(op, spec, trusted)
  if spec.json then
    for key in pairs(spec) do
      if key ~= "json" and not ASKED[key] then
        local hint = "change the profile before it is imported"
        options.fail(op, ("seccomp.%s: an imported profile has no such key"):format(key), hint)
      end
    end
    return options.copy(spec)
  end
  for _, list in ipairs(LISTS) do
    for _, name in ipairs(spec[list] or {}) do
      options.expect(op, "seccomp." .. list, name, "string")
      if name:find("^[+-]") then
        local hint = "leave `default` out to change the profile's own spec"
        options.fail(op, ("seccomp.%s: '%s' in a spec with a default"):format(list, name), hint)
      end
      if not trusted then
        known(op, "seccomp." .. list, name)
      end
    end
  end
  return options.copy(spec)
end

local function change(op, base, wanted, trusted)
  if wanted.default or wanted.json then
    return whole(op, plain(wanted), trusted)
  elseif next(plain(wanted)) == nil then
    -- Functions alone: of any filter, and of none.
    return options.copy(base or { default = "allow" })
  end
  if not base or base.json then
    local what = base and "this profile was imported and cannot be changed" or "no filter to change"
    options.fail(op, "seccomp: " .. what, 'give a whole spec: seccomp = { default = "errno", … }')
  end
  local spec = options.copy(base)
  for _, list in ipairs(LISTS) do
    change_list(op, spec, list, wanted[list] or {}, trusted)
  end
  for _, rule in ipairs(wanted.rules or {}) do
    spec.rules = spec.rules or {}
    table.insert(spec.rules, options.copy(rule))
  end
  for name, calls in pairs(wanted.with_caps or {}) do
    spec.with_caps = spec.with_caps or {}
    spec.with_caps[name] = options.copy(calls)
  end
  for _, key in ipairs { "errno_ret", "architectures", "flags" } do
    spec[key] = wanted[key] ~= nil and options.copy(wanted[key]) or spec[key]
  end
  return spec
end

--- The spec after a change.
---@param op string who asks, for messages
---@param base table|false what the profile has
---@param wanted table|false what was written
---@param trusted? boolean a profile's file, whose names are right: to look each up costs 0.1 ms
---@return table|false
function M.change(op, base, wanted, trusted)
  if wanted == false then
    return false
  end
  options.check(op .. ": seccomp", wanted, KNOWN)
  local spec = change(op, base, wanted, trusted)
  if wanted.notify or wanted.filter then
    require("hardening.notify").change(op, spec, wanted, known)
  end
  return spec
end

--- A profile in Docker's form or that of the OCI specification, from a file or a text.
---@param from string
---@return table spec for a profile's `seccomp`
function M.import(from)
  local op = "hardening.import_seccomp"
  options.expect(op, "profile", from, "string")
  local text = from
  if not from:find("^%s*{") then
    local read, err = try(read_file, from)
    if not read then
      local why = err and (err.message or err.errno) or "no such file"
      options.fail(op, ("%s: %s"):format(from, why), "a path, or the JSON itself", err)
    end
    text = read
  end
  local _, err = try(seccomp_load_json, text)
  if err then
    options.fail(op, err.message or tostring(err), "see seccomp_load_json", err)
  end
  return { json = text }
end

--- What `seccomp_compile` takes: the calls of these capabilities are written out, which puts them
--- above groups; the conditions under which they were allowed go.
local function opened(spec, caps)
  local made = options.copy(spec)
  made.with_caps = nil
  for _, cap in ipairs(caps) do
    for _, call in ipairs(spec.with_caps and spec.with_caps[cap] or {}) do
      local written = false
      for _, list in ipairs(LISTS) do
        written = written or index_of(made[list], call) and list ~= "allow"
      end
      -- Who has written the call out has decided about it.
      if not written then
        add(made, "allow", call)
        made.rules = made.rules and without(made.rules, call)
      end
    end
  end
  return made
end

-- Compiled filters by what they mean: 3 ms each, and containers of a script mostly have the same.
local compiled = {}

local function filter_of(spec, caps)
  local key = json_encode { spec = spec, caps = json_array(table.move(caps, 1, #caps, 1, {})) }
  if not compiled[key] then
    if spec.json then
      compiled[key] = seccomp_load_json(spec.json, { caps = caps })
    else
      compiled[key] = seccomp_compile(opened(spec, caps))
    end
  end
  return compiled[key]
end

--- Opens what is asked about and would be refused as a whole. A call that a rule names has a
--- condition, which stays.
local function opened_for(spec, caps, names)
  local filter, made = filter_of(spec, caps), nil
  for _, name in ipairs(names) do
    local answer = filter:decide(name)
    local refused = answer and answer.action ~= "allow" and answer.action ~= "log"
    local named = false
    for _, rule in ipairs(spec.rules or {}) do
      named = named or index_of(rule.names, name) ~= nil
    end
    if refused and spec.json then
      local message =
        "seccomp.notify: the imported profile refuses %s, so no function is ever asked"
      options.fail("hardening.prepare", message:format(name), "allow it in that profile")
    elseif refused and not named then
      made = made or options.copy(spec)
      add(made, "allow", name)
    end
  end
  return made and filter_of(made, caps) or filter
end

--- The filter of a spec for a container with these capabilities.
---@param spec table
---@param caps string[]
---@return any filter
---@return { filter: any, handlers: table?, names: string[] }? notify see `hardening.notify`
function M.compile(spec, caps)
  if not (spec.notify or spec.filter) then
    return filter_of(spec, caps)
  end
  local asking, base = require "hardening.notify", plain(spec)
  local names = spec.notify and asking.names("hardening.prepare", spec.notify) or {}
  local filter = opened_for(base, caps, names)
  return filter, asking.prepare("hardening.prepare", spec, filter.architectures)
end

return M
