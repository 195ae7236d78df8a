--- What there is to know of every primitive, module, function and command, as data: help, the pages
--- under `docs/`, the manual, the editor's definitions, completion and `crun-lua check` are made
--- from it.
---
--- Primitives come from the one table in the host. The stdlib speaks for itself: its comments are
--- read out of its text, which lies in the program beside the compiled modules
--- (`reference.annotations`).
---
--- ```lua
--- local reference = require "reference"
---
--- assert(reference.primitive("mount").topic == "mounts")
--- assert(reference.describe("container.new").params[1].options)
--- assert(reference.find("net*")[1] == "netem")
--- print(reference.page("unshare"))
--- ```
local _, host = ...

local annotations = require "reference.annotations"
local types = require "reference.types"

local M = {}

--- The modules that users `require`; each other one is a part of these, or of the program, and may
--- change with every version.
M.PUBLIC = {
  "cgroup",
  "cgroup.strain",
  "container",
  "doctor",
  "gc",
  "hardening",
  "hardening.check",
  "image",
  "inspect",
  "inspect.report",
  "inspect.views",
  "network",
  "oci.policy",
  "oci.policy.tools",
  "options",
  "report",
  "rootfs",
  "supervise",
  "test",
  "view.table",
  "view.text",
  "view.units",
}

---@class reference.Param
---@field name string
---@field type string in words: "size", "list of string"
---@field required boolean
---@field doc string what it means, its unit and its default
---@field words? string[] what it, or an element of it, may be
---@field options? reference.Param[] the fields of the table that it is
---@field shape? table of a primitive: the type as a tree

---@class reference.Primitive
---@field name string "mount", "process:wait"
---@field topic string
---@field signature string "mount(source, target, options?)"
---@field summary string
---@field params reference.Param[]
---@field returns string in words
---@field syscalls string[]
---@field shell string the nearest command, and how it differs
---@field needs string capabilities, kernel versions, controllers
---@field scope "reads"|"caller"|"children"|"object" whom it changes
---@field reversible boolean
---@field examples { code: string, needs: string[] }[]
---@field see string[]
---@field kind? string of a method: the handle's kind
---@field method? string its name without the kind

---@class reference.Function
---@field name string "container.new", "container.Box:run"
---@field short string "new"
---@field module string
---@field class? string of a method
---@field signature string "container.new(given?)"
---@field summary string its first sentence
---@field doc string the comment without its examples
---@field text string the comment as it is written
---@field own string[] the examples in its comment
---@field examples string[] these, or where there are none those of its module that call it
---@field params reference.Param[]
---@field arguments string[] the names of its parameters
---@field returns string in words
---@field results { type: string, doc: string }[]
---@field file string
---@field line integer

---@class reference.Class
---@field name string
---@field parent? string
---@field summary string
---@field doc string
---@field fields reference.Param[]
---@field methods reference.Function[]
---@field hidden table<string, boolean> the names of further functions, which are the stdlib's own

---@class reference.Module
---@field module string
---@field summary string
---@field doc string
---@field text string
---@field examples string[]
---@field functions reference.Function[]
---@field classes reference.Class[] what its functions take and answer
---@field values { name: string, text: string, type: string?, line: integer }[] fields that are no
--- functions
---@field is_function boolean the module's value is a function itself

-- Primitives.

local primitives, by_name

--- Every primitive, in the order of the topics.
---@return reference.Primitive[]
function M.primitives()
  if not primitives then
    primitives, by_name = host.primitives(), {}
    for _, entry in ipairs(primitives) do
      by_name[entry.name] = entry
    end
  end
  return primitives
end

--- One primitive or method; nil where none is called so.
---@param name string
---@return reference.Primitive?
function M.primitive(name)
  M.primitives()
  return by_name[name]
end

--- The topics in their order, each with its primitives.
---@return { name: string, summary: string, primitives: reference.Primitive[] }[]
function M.topics()
  local list, last = {}, nil
  local summaries = require "reference.topics"
  for _, entry in ipairs(M.primitives()) do
    if not last or last.name ~= entry.topic then
      last = { name = entry.topic, summary = summaries[entry.topic], primitives = {} }
      list[#list + 1] = last
    end
    last.primitives[#last.primitives + 1] = entry
  end
  return list
end

-- The stdlib.

local read = {}

--- What a module's text says; nil where there is no such module.
---@param module string
---@return reference.Read?
local function annotated(module)
  if read[module] == nil then
    local text = host.source(module)
    read[module] = text and annotations.read(text, module) or false
  end
  return read[module] or nil
end

--- The text without its examples, and these.
local function without_examples(text)
  local examples = {}
  local rest = ("\n" .. text):gsub("\n```lua\n(.-)\n```", function(code)
    examples[#examples + 1] = code
    return ""
  end)
  return (rest:gsub("^%s+", ""):gsub("\n\n\n+", "\n\n")), examples
end

local function first_sentence(text)
  local paragraph = (text .. "\n\n"):match("^(.-)\n\n"):gsub("\n", " ")
  return paragraph:match("^(.-[%.!?])%s+[%u`]") or paragraph
end

-- Where classes stand, by topic: the first part of a class's name is that of its modules.
local placed = {}

local function classes_of(topic)
  if not placed[topic] then
    local found = {}
    for _, module in ipairs(host.modules()) do
      if module == topic or module:sub(1, #topic + 1) == topic .. "." then
        for name, class in pairs((annotated(module) or { classes = {} }).classes) do
          found[name] = found[name] or {}
          table.insert(found[name], { class = class, module = module })
        end
      end
    end
    placed[topic] = found
  end
  return placed[topic]
end

--- The parts of a class, which may be declared in several modules; nil where there is none.
local function class_parts(name)
  local topic = name:match("^([%w_]+)%.")
  return topic and classes_of(topic)[name]
end

local params_of

--- What a type says of a value's fields and words.
local function widen(param, text)
  local parsed = types.parse(text)
  local function walk(kind)
    if not kind then
      return
    end
    local parts = kind.kind == "name" and class_parts(kind.name)
    if kind.kind == "record" then
      param.options = {}
      for index, field in ipairs(kind.fields) do
        param.options[index] = { name = field.name, type = "", doc = "" }
        param.options[index].required = not field.type.optional
      end
    elseif parts then
      param.class = kind.name
      param.options = params_of(parts[1].class.fields, kind.name)
    elseif kind.kind == "literal" and type(kind.value) == "string" then
      param.words = param.words or {}
      table.insert(param.words, kind.value)
    end
    walk(kind.item)
    for _, one in ipairs(kind.kinds or {}) do
      walk(one)
    end
  end
  walk(parsed)
end

-- A class may be a field of its own.
local open = {}

function params_of(list, class)
  local made = {}
  if open[class] then
    return nil
  end
  open[class or ""] = class and true or nil
  for index, given in ipairs(list) do
    local param =
      { name = given.name, type = given.type, required = given.required, doc = given.doc }
    widen(param, given.type)
    made[index] = param
  end
  open[class or ""] = nil
  return made
end

local function results_in_words(returns)
  local parts = {}
  for index, result in ipairs(returns) do
    parts[index] = result.doc == "" and result.type or result.type .. ": " .. result.doc
  end
  return #parts > 0 and table.concat(parts, "; ") or "nothing"
end

--- The examples in other comments that call a function.
local function examples_with(pattern, ...)
  for _, text in ipairs { ... } do
    local _, examples = without_examples(text)
    for _, code in ipairs(examples) do
      if code:find(pattern) then
        return { code }
      end
    end
  end
  return {}
end

local function function_entry(given, module, name, called)
  local doc, own = without_examples(given.text)
  local examples = own
  if #examples == 0 and given.name ~= "" then
    -- Where its own comment has none, that of its module, or of its class, may show it.
    local pattern = (given.is_method and ":" or "%.") .. given.name .. "[^%w_]"
    local public = annotated(name:match("^(.+)%.[%w_]+$") or module) or annotated(module)
    examples = examples_with(pattern, annotated(module).text, public.text)
  elseif #examples == 0 then
    examples = examples_with("", annotated(module).text)
  end
  local params = params_of(given.params)
  local optional, shown = {}, {}
  for _, param in ipairs(params) do
    optional[param.name] = not param.required
  end
  for index, argument in ipairs(given.arguments) do
    shown[index] = argument .. (optional[argument] and "?" or "")
  end
  return {
    name = name,
    short = given.name,
    module = module,
    signature = ("%s(%s)"):format(called or name, table.concat(shown, ", ")),
    summary = first_sentence(doc),
    doc = doc,
    text = given.text,
    own = own,
    examples = examples,
    params = params,
    arguments = given.arguments,
    returns = results_in_words(given.returns),
    results = given.returns,
    file = "stdlib/" .. module:gsub("%.", "/") .. ".lua",
    line = given.line,
  }
end

local function find_function(list, name)
  for _, one in ipairs(list) do
    if one.name == name then
      return one
    end
  end
end

--- The functions of a module's table, also those that it has from a part of it, and other fields.
local function fields_of(found)
  local list, values = {}, table.move(found.values, 1, #found.values, 1, {})
  for _, given in ipairs(found.functions) do
    if not given.hidden then
      local name = given.name == "" and found.module or found.module .. "." .. given.name
      list[#list + 1] = function_entry(given, found.module, name)
    end
  end
  for _, shared in ipairs(found.shared) do
    local module = found.requires[shared.variable]
    local from = module and annotated(module)
    local given = from and find_function(from.functions, shared.field)
    if given and not given.hidden then
      list[#list + 1] = function_entry(given, module, found.module .. "." .. shared.name)
      list[#list].short = shared.name
    elseif not given then
      values[#values + 1] = { name = shared.name, text = shared.text, line = shared.line }
    end
  end
  return list, values
end

local function class_entry(name, parts)
  local first = parts[1].class
  local doc = without_examples(first.text)
  local class = {
    name = name,
    parent = first.parent,
    summary = first_sentence(doc),
    doc = doc,
    text = first.text,
    fields = params_of(first.fields, name),
    methods = {},
    hidden = {},
    file = "stdlib/" .. parts[1].module:gsub("%.", "/") .. ".lua",
    line = first.line,
  }
  for _, part in ipairs(parts) do
    for _, given in ipairs(part.class.methods) do
      if given.hidden or not given.is_method then
        class.hidden[given.name] = true
      else
        local short = name:match("[%w_]+$")
        local full = ("%s:%s"):format(name, given.name)
        local entry = function_entry(given, part.module, full, short .. ":" .. given.name)
        entry.class = name
        class.methods[#class.methods + 1] = entry
      end
    end
  end
  return class
end

--- The classes that functions take and answer, and those that these are made of.
local function reachable(functions)
  local list, seen = {}, {}
  local visit
  local function visit_type(text)
    for name in text:gmatch("[%a_][%w_%.]*") do
      visit(name)
    end
  end
  local function visit_function(entry)
    for _, param in ipairs(entry.params) do
      visit_type(param.type)
    end
    for _, result in ipairs(entry.results) do
      visit_type(result.type)
    end
  end
  function visit(name)
    local parts = not seen[name] and class_parts(name)
    if parts then
      seen[name] = true
      local class = class_entry(name, parts)
      list[#list + 1] = class
      visit(class.parent or "")
      for _, field in ipairs(class.fields) do
        visit_type(field.type)
      end
      for _, method in ipairs(class.methods) do
        visit_function(method)
      end
    end
  end
  for _, entry in ipairs(functions) do
    visit_function(entry)
  end
  return list
end

local modules = {}

--- What is known of a module, also of one that is not public; nil where there is none.
---@param name string
---@return reference.Module?
function M.module(name)
  if not modules[name] then
    local found = annotated(name)
    if not found then
      return nil
    end
    local doc, examples = without_examples(found.text)
    local functions, values = fields_of(found)
    modules[name] = {
      module = name,
      summary = first_sentence(doc),
      doc = doc,
      text = found.text,
      examples = examples,
      functions = functions,
      classes = reachable(functions),
      values = values,
      is_function = found.is_function,
    }
  end
  return modules[name]
end

--- The modules that users `require`.
---@return reference.Module[]
function M.modules()
  local list = {}
  for index, name in ipairs(M.PUBLIC) do
    list[index] = M.module(name)
  end
  return list
end

--- A function or method of the stdlib by its full name: `container.new`, `container.Box:run`.
---@param name string
---@return reference.Function?
function M.describe(name)
  local module = name:match("^(.+)%.[%w_]+$") or name
  local class, method = name:match("^(.+):([%w_]+)$")
  if method then
    local parts = class_parts(class)
    for _, entry in ipairs(parts and class_entry(class, parts).methods or {}) do
      if entry.short == method then
        return entry
      end
    end
    return nil
  end
  for _, candidate in ipairs { module, name } do
    for _, entry in ipairs((M.module(candidate) or { functions = {} }).functions) do
      if entry.name == name then
        return entry
      end
    end
  end
end

--- A class by its name; nil where there is none.
---@param name string
---@return reference.Class?
function M.class(name)
  local parts = class_parts(name)
  return parts and class_entry(name, parts)
end

--- The text of a module, or of one function with its comment.
---@param module string
---@param name? string the function: `new`
---@return string? text nil where there is none
---@return string? file
---@return integer? line
function M.source(module, name)
  local text = host.source(module)
  if not text or not name then
    return text, text and "stdlib/" .. module:gsub("%.", "/") .. ".lua", text and 1
  end
  local entry = M.describe(module .. "." .. name) or M.describe(module .. ":" .. name)
  if not entry then
    return nil
  end
  local lines = {}
  for line in (host.source(entry.module) .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  local first, last = entry.line, entry.line
  while (lines[first - 1] or ""):find("^%-%-%-") do
    first = first - 1
  end
  while lines[last] and not (lines[last]:find("^end") or lines[last]:find(" end$")) do
    last = last + 1
  end
  return table.concat(lines, "\n", first, math.min(last, #lines)) .. "\n", entry.file, first
end

-- Names: see `reference.names`.

--- Every name that help knows, with its first line: topics, primitives, modules, functions,
--- classes, commands.
---@return { name: string, kind: string, summary: string }[]
function M.all()
  return require("reference.names").all()
end

--- The program's commands: its own, and those of the OCI runtime.
---@return { name: string, summary: string, oci: boolean }[]
function M.commands()
  return require("reference.names").commands()
end

--- The names that fit a pattern, sorted: `*` stands for any signs, `?` for one.
---@param pattern string
---@return string[]
function M.find(pattern)
  return require("reference.names").find(pattern)
end

--- What has all of these words in its name, its summary or its description.
---@param words string blanks between them
---@return { name: string, summary: string }[]
function M.apropos(words)
  return require("reference.names").apropos(words)
end

--- The name that was meant by one which is none.
---@param wrong string
---@param names string[]
---@return string?
function M.nearest(wrong, names)
  return host.nearest(wrong, names)
end

--- Judges a value as a primitive's argument is judged; nil where it is fine.
---@param primitive string
---@param path integer[] the way from its parameters down: places from 1; 0 for an element of a list
---@param value string|number|boolean
---@param shown string what the message calls the place
---@return string? message
function M.judge(primitive, path, value, shown)
  return host.judge(primitive, path, value, shown)
end

--- The help on a name, for a terminal.
---@param name string a primitive, a method, a topic, a module, a function, a command or a pattern
---@param look? { width: integer? }
---@return string? text
---@return string? err why there is none, with the nearest name
function M.page(name, look)
  return require("reference.page").of(name, look)
end

return M
