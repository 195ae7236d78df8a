--- The walk through a script: which name is declared where, what each call is a call of, what is
--- never reached. What a call's values are is judged when all is seen, because a later line may
--- change a variable.
---
--- ```lua
--- local check = require "check"
---
--- local found = check.text("local name = 'box'\nprint(nmae)\n", "box.lua")
--- assert(found[1].message == "'nmae' is not declared; did you mean 'name'?")
--- ```
local flow = require "check.flow"
local reference = require "reference"

local M = {}

-- The state of a walk: one at a time.
local scope, report, calls, fields, declared, is_failing

local block, expression, expressions

--- A new scope inside the one that there is.
local function inside(body)
  scope = { outer = scope, names = {} }
  body()
  scope = scope.outer
end

local function declare(node, initial)
  local variable = { node = node, value = initial, uses = 0 }
  scope.names[node.name] = variable
  declared[#declared + 1] = variable
  return variable
end

local function find(name)
  local at = scope
  while at do
    if at.names[name] then
      return at.names[name]
    end
    at = at.outer
  end
end

local known_globals

local function globals()
  if not known_globals then
    known_globals = {}
    for name in pairs(_G) do
      known_globals[name] = true
    end
    -- What Lua has and scripts have not is an error like any other name.
    known_globals._ENV = true
  end
  return known_globals
end

--- The names that can be read here, for the nearest.
local function names_here()
  local names = require("options").keys(globals())
  local at = scope
  while at do
    for name in pairs(at.names) do
      names[#names + 1] = name
    end
    at = at.outer
  end
  return names
end

local ABSENT = {
  dofile = "scripts have no other files: require finds the stdlib",
  loadfile = "scripts have no other files: load takes a text",
  package = "require finds the stdlib and nothing else",
  debug = "it is not there for scripts",
}

local function undeclared(node)
  local near = reference.nearest(node.name, names_here())
  local hint = near and ("; did you mean '%s'?"):format(near) or ""
  report(
    node,
    "undeclared-global",
    ("'%s' is not declared%s"):format(node.name, hint),
    ABSENT[node.name]
  )
end

local function name(node)
  local variable = find(node.name)
  if variable then
    node.variable = variable
    variable.uses = variable.uses + 1
  elseif not globals()[node.name] and not find "_ENV" then
    undeclared(node)
  end
end

--- A name that is written to.
local function assigned(node)
  local variable = find(node.name)
  if variable then
    node.variable = variable
    variable.is_changed = true
  elseif not find "_ENV" then
    local what = "'%s' is global and globals cannot be set; write 'local %s = …'"
    report(node, "assigned-global", what:format(node.name, node.name))
  end
end

local function call(node)
  node.callee.is_used = true
  expression(node.callee)
  expressions(node.arguments)
  if not is_failing then
    calls[#calls + 1] = node
  end
end

--- What is handed to a function called `fails` is expected to fail.
local function is_expected_to_fail(node)
  local callee = node.callee
  local said = node.method and node.method.value
    or (callee.kind == "index" and callee.key.value)
    or callee.name
  return said == "fails"
end

local function with_function(node)
  inside(function()
    if node.is_method then
      declare({ kind = "name", name = "self", at = node.at, to = node.at }).is_given = true
    end
    for _, parameter in ipairs(node.names) do
      declare(parameter).is_given = true
    end
    block(node.block)
  end)
end

local EXPRESSIONS = {
  name = name,
  call = function(node)
    local before, tell = is_failing, report
    if is_expected_to_fail(node) then
      is_failing, report = true, function() end
    end
    call(node)
    is_failing, report = before, tell
  end,
  ["function"] = with_function,
  index = function(node)
    node.object.is_used = true
    expression(node.object)
    if node.key.kind ~= "string" or node.key.raw then
      expression(node.key)
    end
    if not is_failing then
      fields[#fields + 1] = node
    end
  end,
  table = function(node)
    for _, field in ipairs(node.fields) do
      if field.key then
        expression(field.key)
      end
      expression(field.value)
    end
  end,
  binary = function(node)
    -- A long sum is a long spine to the left.
    local spine = {}
    while node.kind == "binary" do
      spine[#spine + 1] = node.right
      node = node.left
    end
    expression(node)
    for index = #spine, 1, -1 do
      expression(spine[index])
    end
  end,
  unary = function(node)
    expression(node.value)
  end,
  parentheses = function(node)
    expression(node.value)
  end,
}

function expression(node)
  local visit = EXPRESSIONS[node.kind]
  if visit then
    visit(node)
  end
end

function expressions(list)
  for _, node in ipairs(list) do
    expression(node)
  end
end

local function nested(list)
  inside(function()
    block(list)
  end)
end

local STATEMENTS = {
  ["local"] = function(node)
    expressions(node.values)
    for index, one in ipairs(node.names) do
      local initial = node.values[index]
      -- A call may answer several values; only the first is known.
      if not initial and (node.values[#node.values] or {}).kind == "call" then
        initial = nil
      elseif not initial and #node.values > 0 then
        initial = nil
      end
      local variable = declare(one, initial)
      variable.closes = one.attribute == "close"
      variable.is_empty = #node.values == 0
      -- Without a value it gets one later.
      variable.is_changed = initial == nil
    end
  end,
  ["local function"] = function(node)
    declare(node.name, node.value)
    expression(node.value)
  end,
  assign = function(node)
    expressions(node.values)
    for _, target in ipairs(node.targets) do
      if target.kind == "name" then
        assigned(target)
      elseif target.kind == "index" then
        expression(target.object)
        if target.key.raw or target.key.kind ~= "string" then
          expression(target.key)
        end
        -- Its table is no longer what it was made as.
        if target.object.variable then
          target.object.variable.uses = target.object.variable.uses + 1
        end
      end
    end
  end,
  statement = function(node)
    expression(node.value)
  end,
  ["return"] = function(node)
    expressions(node.values)
  end,
  ["do"] = function(node)
    nested(node.block)
  end,
  ["while"] = function(node)
    expression(node.condition)
    nested(node.block)
  end,
  ["repeat"] = function(node)
    inside(function()
      block(node.block)
      expression(node.condition)
    end)
  end,
  ["for"] = function(node)
    expressions(node.values)
    inside(function()
      for _, one in ipairs(node.names) do
        declare(one).is_given = true
      end
      block(node.block)
    end)
  end,
  ["if"] = function(node)
    for _, clause in ipairs(node.clauses) do
      expression(clause.condition)
      nested(clause.block)
    end
    if node.otherwise then
      nested(node.otherwise)
    end
  end,
}

function block(list)
  for _, statement in ipairs(list) do
    local visit = STATEMENTS[statement.kind]
    if visit then
      visit(statement)
    end
  end
  flow.block(list, report)
end

--- Walks through a script.
---@param list table the block
---@param tell fun(node: table, code: string, message: string, hint: string?)
function M.block(list, tell)
  scope, report, calls, fields, declared = nil, tell, {}, {}, {}
  inside(function()
    block(list)
  end)
  require("check.judge").all(fields, calls, declared, report)
end

return M
