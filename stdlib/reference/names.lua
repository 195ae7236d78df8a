--- All the names that there are: listed, fitted to a pattern, and found by words.
---
--- ```lua
--- local names = require "reference.names"
---
--- assert(names.find("umoun?")[1] == "umount")
--- ```
local reference = require "reference"

local M = {}

--- Every name that help knows, with its first line: topics, primitives, modules, functions,
--- commands, guides.
---@return { name: string, kind: string, summary: string }[]
function M.all()
  local list, seen = {}, {}
  local function add(name, kind, summary)
    -- A class is met by every module that uses it; only topics and commands share names with
    -- others.
    if kind == "class" or kind == "method" then
      if seen[name] then
        return
      end
      seen[name] = true
    end
    list[#list + 1] = { name = name, kind = kind, summary = summary }
  end
  for _, topic in ipairs(reference.topics()) do
    add(topic.name, "topic", topic.summary)
    for _, entry in ipairs(topic.primitives) do
      add(entry.name, entry.kind and "method" or "primitive", entry.summary)
    end
  end
  for _, module in ipairs(reference.modules()) do
    add(module.module, "module", module.summary)
    for _, entry in ipairs(module.functions) do
      if entry.name ~= module.module then
        add(entry.name, "function", entry.summary)
      end
    end
    for _, class in ipairs(module.classes) do
      add(class.name, "class", class.summary)
      for _, entry in ipairs(class.methods) do
        add(entry.name, "method", entry.summary)
      end
    end
  end
  for _, command in ipairs(M.commands()) do
    add(command.name, "command", command.summary)
  end
  for _, guide in ipairs(require("reference.guides").all()) do
    add(guide.name, "guide", guide.summary)
  end
  return list
end

--- The program's commands: its own, and those of the OCI runtime.
---@return { name: string, summary: string, oci: boolean }[]
function M.commands()
  local commands, list = require "oci.commands", {}
  for name, summary in pairs(commands.OWN.commands) do
    list[#list + 1] = { name = name, summary = summary, oci = false }
  end
  for _, name in ipairs(commands.names()) do
    if not commands.OWN.commands[name] then
      list[#list + 1] = { name = name, summary = commands.get(name).summary, oci = true }
    end
  end
  table.sort(list, function(a, b)
    return a.name < b.name
  end)
  return list
end

--- The names that fit a pattern, sorted: `*` stands for any signs, `?` for one.
---@param pattern string
---@return string[]
function M.find(pattern)
  local lua = "^" .. pattern:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".")
  local names, seen = {}, {}
  for _, entry in ipairs(M.all()) do
    if entry.name:find(lua .. "$") and not seen[entry.name] then
      seen[entry.name] = true
      names[#names + 1] = entry.name
    end
  end
  table.sort(names)
  return names
end

--- The names and descriptions of parameters, and of their options.
local function words_of(params, into)
  for _, param in ipairs(params or {}) do
    into[#into + 1] = param.name
    into[#into + 1] = param.doc
    if #into < 500 then
      words_of(param.options, into)
    end
  end
end

--- All that is said of a name.
local function all_words(entry)
  local words = { entry.name, entry.summary }
  if entry.kind == "guide" then
    words[#words + 1] = require("reference.guides").get(entry.name).text
  end
  local more = reference.primitive(entry.name)
    or (entry.kind ~= "command" and reference.describe(entry.name))
  if more then
    words[#words + 1] = more.doc
    words_of(more.params, words)
  end
  return table.concat(words, " ")
end

--- What has all of these words in its name, its summary or its description.
---@param words string blanks between them
---@return { name: string, summary: string }[]
function M.apropos(words)
  local found = {}
  local function is_about(text)
    for word in words:lower():gmatch("%S+") do
      if not text:find(word, 1, true) then
        return false
      end
    end
    return true
  end
  for _, entry in ipairs(M.all()) do
    if is_about(all_words(entry):lower()) then
      found[#found + 1] = entry
    end
  end
  return found
end

return M
