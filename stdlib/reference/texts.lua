--- Where the stdlib's texts speak of modules and classes, each text read once.
---
--- Only `reference` is given the host, which has the texts; it leaves it here for its parts.
---
--- ```lua
--- local reference = require "reference"
--- local texts = require "reference.texts"
---
--- assert(reference.module("planned").text == texts.annotated("planned").text)
--- assert(texts.class_parts("container.Box")[1].module == "container.box")
--- assert(texts.annotated("no.such.module") == nil)
--- ```
local annotations = require "reference.annotations"

local M = {}

--- Who has the texts: what the host gives to `reference`.
---@type table
M.host = nil

local read = {}

--- What a module's text says; nil where there is no such module.
---@param module string
---@return reference.Read?
function M.annotated(module)
  if read[module] == nil then
    local text = M.host.source(module)
    read[module] = text and annotations.read(text, module) or false
  end
  return read[module] or nil
end

-- Where classes stand, by topic: the first part of a class's name is that of its modules.
local placed = {}

local function classes_of(topic)
  if not placed[topic] then
    local found = {}
    for _, module in ipairs(M.host.modules()) do
      if module == topic or module:sub(1, #topic + 1) == topic .. "." then
        for name, class in pairs((M.annotated(module) or { classes = {} }).classes) do
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
---@param name string
---@return { class: table, module: string }[]?
function M.class_parts(name)
  local topic = name:match("^([%w_]+)%.")
  return topic and classes_of(topic)[name]
end

return M
