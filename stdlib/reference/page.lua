--- Help for a terminal: one primitive or function as a page, many as a list of first lines.
---
--- ```lua
--- local page = require "reference.page"
---
--- assert(page.of("umount"):find("umount2(2)", 1, true))
--- assert(page.of("net*"):find("netns_list", 1, true))
--- local _, err = page.of("mkdri")
--- assert(err:find("did you mean mkdir?", 1, true))
--- ```
local lines = require "reference.lines"
local reference = require "reference"
local text = require "view.text"

local M = {}

-- More columns are tiring to read.
local WIDEST = 100

local SCOPE = {
  reads = "nothing: it reads",
  caller = "the calling process",
  children = "children that are started",
  object = "the object that it names",
}

local function of_primitive(entry, columns)
  local kind = entry.kind and "method of " .. entry.kind or "primitive"
  local tail = kind .. (entry.reversible and "" or ", irreversible")
  local head = ("%s → %s"):format(entry.signature, entry.returns)
  local out = {}
  if text.width(head) + 2 + text.width(tail) <= columns then
    out[1] = text.pad(head, columns - text.width(tail)) .. tail
  else
    out[1] = lines.wrapped(head, columns, 4)
    out[2] = "  " .. tail
  end
  out[#out + 1] = "  " .. lines.wrapped(entry.summary, columns, 2)
  if #entry.params > 0 then
    out[#out + 1] = ""
    lines.params(out, entry.params, columns, 1, {})
  end
  out[#out + 1] = ""
  lines.row(out, "topic", entry.topic, columns)
  lines.row(out, "changes", SCOPE[entry.scope], columns)
  lines.row(out, "calls", table.concat(entry.syscalls, ", "), columns)
  lines.row(out, "shell", entry.shell, columns)
  lines.row(out, "needs", entry.needs, columns)
  lines.row(out, "undo", entry.reversible and "" or "none: it cannot be taken back", columns)
  local examples = {}
  for index, example in ipairs(entry.examples) do
    examples[index] = example.code
  end
  lines.examples(out, examples)
  if #entry.see > 0 then
    out[#out + 1] = ""
    lines.row(out, "see", table.concat(entry.see, " · "), columns)
  end
  return out
end

local function of_function(entry, columns)
  local out =
    { lines.wrapped(("%s → %s"):format(entry.signature, entry.returns), columns, 4), "" }
  out[#out + 1] = lines.plain(entry.doc, columns, 2)
  if #entry.params > 0 then
    out[#out + 1] = ""
    lines.params(out, entry.params, columns, 1, {})
  end
  lines.examples(out, entry.examples)
  out[#out + 1] = ""
  lines.row(out, "module", entry.class and entry.module or entry.module, columns)
  lines.row(out, "source", ("%s:%d"):format(entry.file, entry.line), columns)
  return out
end

local function of_module(module, columns)
  local out = { ("%-30s module"):format(module.module) }
  out[#out + 1] = lines.plain(module.doc, columns, 2)
  lines.examples(out, module.examples)
  if #module.functions > 0 then
    out[#out + 1] = "\nfunctions"
    lines.list(out, lines.signatures(module.functions), columns)
  end
  for _, class in ipairs(module.classes) do
    if #class.methods > 0 then
      local said = ("%s: %s"):format(class.name, class.summary)
      out[#out + 1] = "\n" .. lines.wrapped(said, columns, 2)
      lines.list(out, lines.signatures(class.methods), columns)
    end
  end
  return out
end

local function of_class(class, columns)
  local out = { ("%-30s class"):format(class.name) }
  if class.doc ~= "" then
    out[#out + 1] = lines.plain(class.doc, columns, 2)
  end
  if #class.fields > 0 then
    out[#out + 1] = "\nfields"
    lines.params(out, class.fields, columns, 1, {})
  end
  if #class.methods > 0 then
    out[#out + 1] = "\nmethods"
    lines.list(out, lines.signatures(class.methods), columns)
  end
  return out
end

local function of_topic(topic, columns)
  local out =
    { ("%-30s topic"):format(topic.name), "  " .. lines.wrapped(topic.summary, columns, 2), "" }
  lines.list(out, lines.signatures(topic.primitives), columns)
  return out
end

local function of_guide(guide)
  return { ("%-30s guide"):format(guide.name), "", guide.text }
end

local function of_methods(kind, entries, columns)
  local out = { ("%-30s %s"):format(kind, "handle"), "" }
  lines.list(out, lines.signatures(entries), columns)
  return out
end

--- What a name may be, each as a function that makes the lines of its page.
local function pages(name, columns)
  local found = {}
  local function add(make, what)
    if what then
      found[#found + 1] = make(what, columns)
    end
  end
  add(of_primitive, reference.primitive(name))
  local public = {}
  for _, module in ipairs(reference.PUBLIC) do
    public[module] = true
  end
  add(of_module, public[name] and reference.module(name))
  local entry = reference.describe(name)
  add(of_function, entry and entry.name ~= entry.module and entry)
  add(of_class, reference.class(name))
  for _, topic in ipairs(reference.topics()) do
    -- A topic of one primitive has nothing to add to it.
    local is_own = #topic.primitives == 1 and topic.primitives[1].name == name
    add(of_topic, topic.name == name and not is_own and topic)
  end
  add(of_guide, require("reference.guides").get(name))
  local methods = {}
  for _, one in ipairs(reference.primitives()) do
    if one.kind == name then
      methods[#methods + 1] = one
    end
  end
  if #methods > 0 then
    found[#found + 1] = of_methods(name, methods, columns)
  end
  for _, command in ipairs(reference.commands()) do
    if command.name == name then
      local line = ("%-30s command: %s"):format("crun-lua " .. name, command.summary)
      local more = ("  crun-lua %s --help tells more"):format(name)
      found[#found + 1] = { line, more, is_command = true }
    end
  end
  return found
end

--- A name's last part may be enough: `run` for `container.Box:run`, `wait` for `process:wait`.
local function of_part(name, columns)
  local rows = {}
  for _, entry in ipairs(reference.all()) do
    if entry.kind ~= "command" and entry.name:match("[%w_]+$") == name then
      rows[#rows + 1] = entry
    end
  end
  if #rows == 1 then
    return pages(rows[1].name, columns)[1]
  elseif #rows > 1 then
    local out = {}
    lines.list(out, rows, columns)
    return out
  end
end

--- The list of everything: the topics with their primitives, the modules, the commands.
---@param look? { width: integer? }
---@return string
function M.overview(look)
  local columns = math.min(look and look.width or 80, WIDEST)
  local out = {}
  for _, topic in ipairs(reference.topics()) do
    out[#out + 1] = ("%s%s: %s"):format(#out > 0 and "\n" or "", topic.name, topic.summary)
    lines.list(out, lines.signatures(topic.primitives), columns)
  end
  out[#out + 1] = '\nmodules, for require "NAME"'
  local rows = {}
  for index, module in ipairs(reference.modules()) do
    rows[index] = { name = module.module, summary = module.summary }
  end
  lines.list(out, rows, columns)
  out[#out + 1] = "\ncommands"
  rows = {}
  for index, command in ipairs(reference.commands()) do
    rows[index] = { name = command.name, summary = command.summary }
  end
  lines.list(out, rows, columns)
  out[#out + 1] = "\nguides"
  lines.list(out, require("reference.guides").all(), columns)
  out[#out + 1] = [[

crun-lua help NAME           one of these: mount, process:wait, container.new, hardening
crun-lua help 'net*'         what fits a pattern
crun-lua help --search WORD  what tells of something
crun-lua --help              the program's options]]
  return table.concat(out, "\n") .. "\n"
end

--- The help on a name.
---@param name string
---@param look? { width: integer? }
---@return string? text
---@return string? err
function M.of(name, look)
  local columns = math.min(look and look.width or 80, WIDEST)
  if name:find("[%*%?]") then
    local rows, wanted = {}, {}
    for _, found in ipairs(reference.find(name)) do
      wanted[found] = true
    end
    for _, entry in ipairs(reference.all()) do
      if wanted[entry.name] then
        rows[#rows + 1] =
          { name = entry.name, summary = ("(%s) %s"):format(entry.kind, entry.summary) }
      end
    end
    if #rows == 0 then
      return nil, ("nothing fits %q; crun-lua help lists all there is"):format(name)
    end
    local out = {}
    lines.list(out, rows, columns)
    return table.concat(out, "\n") .. "\n"
  end
  local found = pages(name, columns)
  if #found == 0 or (#found == 1 and found[1].is_command) then
    -- `wait` is a command, and what handles do.
    local part = of_part(name, columns)
    found = part and table.move(found, 1, #found, 2, { part }) or found
  end
  if #found == 0 then
    local names = {}
    for index, entry in ipairs(reference.all()) do
      names[index] = entry.name
    end
    local near = reference.nearest(name, names)
    local hint = near and ("did you mean %s?"):format(near)
      or "crun-lua help lists all there is, crun-lua help --search WORD looks for a word"
    return nil, ("nothing is called %q; %s"):format(name, hint)
  end
  for index, one in ipairs(found) do
    found[index] = table.concat(one, "\n") .. "\n"
  end
  return table.concat(found, "\n")
end

--- What `reference.apropos` has found, as lines.
---@param words string
---@param look? { width: integer? }
---@return string? text nil where there is nothing
function M.search(words, look)
  local columns = math.min(look and look.width or 80, WIDEST)
  local rows = {}
  for index, entry in ipairs(reference.apropos(words)) do
    rows[index] = { name = entry.name, summary = ("(%s) %s"):format(entry.kind, entry.summary) }
  end
  if #rows == 0 then
    return nil
  end
  local out = {}
  lines.list(out, rows, columns)
  return table.concat(out, "\n") .. "\n"
end

return M
