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

local entries = require "reference.entries"
local texts = require "reference.texts"

local M = {}

texts.host = host

--- The modules that users `require`; each other one is a part of these, or of the program, and may
--- change with every version.
M.PUBLIC = {
  "audit",
  "cgroup",
  "cgroup.strain",
  "container",
  "doctor",
  "gc",
  "hardening",
  "hardening.apparmor",
  "hardening.check",
  "image",
  "inspect",
  "inspect.report",
  "inspect.views",
  "learn",
  "needs",
  "network",
  "oci.policy",
  "oci.policy.tools",
  "options",
  "report",
  "rootfs",
  "scenario",
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

local modules = {}

--- What is known of a module, also of one that is not public; nil where there is none.
---@param name string
---@return reference.Module?
function M.module(name)
  if not modules[name] then
    local found = texts.annotated(name)
    if not found then
      return nil
    end
    local doc, examples = entries.without_examples(found.text)
    local functions, values = entries.fields(found)
    modules[name] = {
      module = name,
      summary = entries.first_sentence(doc),
      doc = doc,
      text = found.text,
      examples = examples,
      functions = functions,
      classes = entries.reachable(functions),
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
    local parts = texts.class_parts(class)
    for _, entry in ipairs(parts and entries.class(class, parts).methods or {}) do
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
  local parts = texts.class_parts(name)
  return parts and entries.class(name, parts)
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
