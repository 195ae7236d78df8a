--- Runs policies over a spec: first every mutator, then every validator.
---
--- This is the part of `oci.policy` that runs in a process of its own. It reports as it goes, by
--- messages: where it is, what a policy warns of, the new spec, or why not.
---
--- ```lua
--- local run = require "oci.policy.run"
---
--- local file = { path = "a.lua", source = [[return {
---   mutate = function(spec) spec.hostname = "box" end,
---   validate = function(spec) return spec.hostname == "box", "no box" end,
--- }]] }
--- local answers = {}
--- run.all({ file }, {}, { operation = "create", check = function() end }, function(message)
---   answers[#answers + 1] = message.spec
--- end)
--- assert(answers[1].hostname == "box")
--- ```
local options = require "options"
local sandbox = require "sandbox"
local view = require "oci.policy.view"

local M = {}

--- Processor time of each step of a policy: of its text, its mutator, its validator.
M.TIME = "100ms"
--- Memory of each step.
M.MEMORY = "16M"
--- How much a policy may warn of: this many texts, each of so many bytes.
local WARNINGS, WARNING = 100, 2048

--- The modules that a policy may require.
local MODULES = { ["oci.policy.tools"] = true }
local NEEDED = "; name it in the policy's needs = { %q }, and call it in its functions"

local FIELDS = { mutate = "function", validate = "function", needs = "list" }

---@class oci.policy.Policy
---@field path string
---@field source string
---@field needs string[] primitives
---@field mutate? function
---@field validate? function
---@field refused? string
---@field writes table<table, table<any, integer>> the lines that wrote a table's fields

local function fail(policy, line, reason, hint)
  local place = line and ("%s:%d"):format(policy.path, line) or policy.path
  options.fail("policy", ("%s: %s"):format(place, reason), hint)
end

--- The line of the policy that called us. Lua cuts the front of a long name off.
local function line_now(path)
  for level = 2, 60 do
    local _, place = pcall(error, "", level)
    local file, line = tostring(place):match "^(.-):(%d+): $"
    local rest = file and file:match "^%.%.%.(.*)$"
    if file == path or rest and path:sub(-#rest) == rest then
      return tonumber(line)
    end
  end
end

--- The line that begins a function, for errors that no other line is to blame for.
local function line_of(policy, name)
  local line = 0
  for text in (policy.source .. "\n"):gmatch("(.-)\n") do
    line = line + 1
    if text:find("%f[%w]" .. name .. "%f[%W]") and not text:find("^%s*%-%-") then
      return line
    end
  end
end

--- What an error says, and which line of the policy it blames.
local function parts(policy, err)
  if type(err) ~= "table" then
    return tostring(err)
  end
  local place, reason = err.where, tostring(err.message)
  local is_own = place and (place.file == policy.path or place.file:find "^%.%.%.")
  if err.op and err.op ~= "budget" and reason:sub(1, #err.op) ~= err.op then
    reason = ("%s: %s"):format(err.op, reason)
  end
  return reason, is_own and place.line or nil, err.hint
end

--- A primitive takes plain tables, and a policy has views of the spec in its hands.
local function adapt(primitive)
  return function(...)
    local arguments = table.pack(...)
    for index = 1, arguments.n do
      local value = arguments[index]
      arguments[index] = type(value) == "table" and view.plain(value) or value
    end
    return primitive(table.unpack(arguments, 1, arguments.n))
  end
end

local function missing(name, is_primitive)
  local hint = is_primitive and NEEDED:format(name) or ""
  return ("'%s' is not declared%s"):format(tostring(name), hint)
end

--- What may be called: what the policy has named, and the methods of what that answers.
local function allowed(policy)
  return table.move(policy.needs, 1, #policy.needs, 2, { "*:*" })
end

--- Calls a function of a policy within the budget. Answers its values, packed.
local function call(policy, stage, report, body, ...)
  report { at = policy.path, stage = stage }
  local arguments = table.pack(...)
  local limits = { time = M.TIME, memory = M.MEMORY, only = allowed(policy) }
  local values, err = try(budget, limits, function()
    return table.pack(body(table.unpack(arguments, 1, arguments.n)))
  end)
  if policy.refused then
    fail(policy, policy.refused_at, "refused: " .. policy.refused)
  elseif not values then
    local reason, line, hint = parts(policy, err)
    local is_refusal = stage == "validate" and err.op ~= "budget"
    fail(
      policy,
      line or line_of(policy, stage),
      is_refusal and "refused: " .. reason or reason,
      hint
    )
  end
  return values
end

--- Runs a policy's text and keeps what it returns.
local function load_policy(file, report)
  local policy = { path = file.path, source = file.source, needs = {} }
  local box = sandbox.new {
    missing = missing,
    modules = MODULES,
    adapt = adapt,
    globals = { next = view.next },
  }
  local chunk, reason = box.load(file.source, file.path)
  if not chunk then
    local line, rest = reason:match "^.-:(%d+): (.*)$"
    fail(policy, tonumber(line), rest or reason)
  end
  local given = call(policy, "load", report, chunk)[1]
  if type(given) ~= "table" then
    fail(
      policy,
      nil,
      ("a policy returns a table, not %s"):format(type(given)),
      "see docs/policies.md"
    )
  end
  local fine, err = pcall(options.check, "policy", given, FIELDS)
  if not fine then
    fail(policy, nil, err.message, err.hint)
  elseif not (given.mutate or given.validate) then
    fail(policy, nil, "the table that it returns has neither mutate nor validate")
  end
  fine, err = pcall(box.grant, given.needs or {})
  if not fine then
    fail(policy, line_of(policy, "needs"), "needs: " .. parts(policy, err))
  end
  policy.needs = given.needs or {}
  policy.mutate, policy.validate = given.mutate, given.validate
  return policy
end

--- What a policy's function is told beside the spec.
local function context(policy, spec, ctx, report)
  local warnings = 0
  local function refuse(reason)
    policy.refused = policy.refused or tostring(reason or "no reason was given")
    policy.refused_at = policy.refused_at or line_now(policy.path)
    error(policy.refused, 2)
  end
  return {
    operation = ctx.operation,
    id = ctx.id,
    bundle = ctx.bundle,
    annotations = spec.annotations or {},
    process = ctx.operation == "exec" and spec.process or nil,
    refuse = refuse,
    warn = function(text)
      warnings = warnings + 1
      if warnings <= WARNINGS then
        report { warn = tostring(text):sub(1, WARNING), at = policy.path }
      end
    end,
  }
end

--- The keys of a place as jq writes it: `.mounts[2]["a b"]`.
local function keys_of(path)
  local keys, at = {}, 1
  while at <= #path do
    local index, name = path:match("^%[(%d+)%]", at), path:match("^%.([%w_]+)", at)
    local quoted = path:match('^%["(.-)"%]', at)
    if not (index or name or quoted) then
      break
    end
    keys[#keys + 1] = index and tonumber(index) + 1 or name or quoted
    at = at + #(index or quoted or name) + (name and 1 or quoted and 4 or 2)
  end
  return keys
end

--- The line that wrote what is at a place: itself, or the innermost table around it.
local function line_that_wrote(policy, root, path)
  local found, map = nil, root
  for _, key in ipairs(keys_of(path)) do
    local lines = policy.writes[map]
    found = lines and lines[key] or found
    map = view.raw(map[key])
    if type(map) ~= "table" then
      break
    end
  end
  return found or policy.writes.last
end

--- Checks what a mutator has made. What is wrong is told with the line that wrote it.
local function check(policy, root, spec, ctx)
  local fine, err = pcall(ctx.check or require("oci.config").check, spec, "spec")
  if fine then
    return
  end
  local message = type(err) == "table" and tostring(err.message) or tostring(err)
  message = message:gsub("^spec: ", "")
  local line = line_that_wrote(policy, root, message) or line_of(policy, "mutate")
  fail(policy, line, message, type(err) == "table" and err.hint or nil)
end

--- When a program is started in a container that is there already, only the program can change.
local function only_process(before, after)
  local spec = {}
  for key, value in pairs(before) do
    spec[key] = value
  end
  spec.process = after.process
  return spec
end

local function mutate(policy, spec, ctx, report)
  policy.writes = setmetatable({}, { __mode = "k" })
  local draft = view.plain(spec)
  local seen = view.new(draft, function(raw, key)
    local lines = policy.writes[raw] or {}
    lines[key] = line_now(policy.path)
    policy.writes[raw], policy.writes.last = lines, lines[key]
  end)
  local values = call(policy, "mutate", report, function()
    local returned = policy.mutate(seen, context(policy, seen, ctx, report))
    if returned == nil or type(returned) == "table" then
      return view.plain(returned or seen)
    end
    error(("mutate returns nothing or a spec, not %s"):format(type(returned)), 0)
  end)
  -- Through JSON, so that nothing is left in it that a policy could change later.
  local text, err = try(json_encode, values[1])
  if not text then
    fail(policy, policy.writes.last or line_of(policy, "mutate"), tostring(err.message))
  end
  local made = json_decode(text)
  made = ctx.operation == "exec" and only_process(spec, made) or made
  check(policy, draft, made, ctx)
  return made
end

local function validate(policy, spec, ctx, report)
  local seen = view.new(spec, function(_, key)
    error(("a validator may only refuse: '%s' cannot be set"):format(tostring(key)), 3)
  end)
  local values = call(policy, "validate", report, function()
    return policy.validate(seen, context(policy, seen, ctx, report))
  end)
  if values[1] == false then
    local reason = tostring(values[2] or "no reason was given")
    fail(policy, line_of(policy, "validate"), "refused: " .. reason)
  elseif values[1] ~= nil and values[1] ~= true then
    fail(
      policy,
      line_of(policy, "validate"),
      "validate returns true, nothing, or false and a reason"
    )
  end
end

--- Runs policies over a spec. What a mutator makes is checked before the next one sees it.
---@param files oci.policy.File[]
---@param spec table
---@param ctx oci.policy.Context
---@param report fun(message: table)
function M.all(files, spec, ctx, report)
  local policies, is_changed = {}, false
  for index, file in ipairs(files) do
    policies[index] = load_policy(file, report)
  end
  for _, policy in ipairs(policies) do
    if policy.mutate then
      spec, is_changed = mutate(policy, spec, ctx, report), true
    end
  end
  for _, policy in ipairs(policies) do
    if policy.validate then
      validate(policy, spec, ctx, report)
    end
  end
  if is_changed then
    report { spec = spec }
  end
end

return M
