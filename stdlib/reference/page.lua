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
local reference = require "reference"
local text = require "view.text"

local M = {}

-- More columns are tiring to read.
local WIDEST = 100

--- Words in lines of at most so many columns, each after the first behind `indent` blanks.
local function wrapped(words, columns, indent)
  local lines, line = {}, ""
  for word in words:gmatch("%S+") do
    if line ~= "" and text.width(line) + 1 + text.width(word) > columns - indent then
      lines[#lines + 1] = line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. (" "):rep(indent))
end

--- Markdown as a terminal shows it: no quotes around code; blocks and lists keep their lines.
local function plain(markdown, columns, indent)
  local out, paragraph, code = {}, {}, false
  local margin = (" "):rep(indent)
  local function flush()
    if #paragraph > 0 then
      local words = table.concat(paragraph, " "):gsub("`", "")
      out[#out + 1] = margin .. wrapped(words, columns, indent)
      paragraph = {}
    end
  end
  for line in (markdown .. "\n"):gmatch("(.-)\n") do
    if line:find("^```") then
      flush()
      code = not code
    elseif code then
      out[#out + 1] = margin .. "  " .. line
    elseif line == "" then
      flush()
      out[#out + 1] = ""
    elseif line:find("^[|%-#]") or line:find("^%s") then
      flush()
      out[#out + 1] = margin .. line:gsub("`", "")
    else
      paragraph[#paragraph + 1] = line
    end
  end
  flush()
  return table.concat(out, "\n")
end

--- A list of names, or of words, that may be long.
local function shortened(words, most)
  if #words <= most then
    return table.concat(words, ", ")
  end
  return table.concat(words, ", ", 1, most) .. (", … (%d in all)"):format(#words)
end

--- Parameters and, below each, the options of the table that it is.
local function param_lines(out, params, columns, depth, seen)
  local indent, widest = depth * 2, 0
  for _, param in ipairs(params) do
    widest = math.max(widest, text.width(param.name) + (param.required and 0 or 1))
  end
  for _, param in ipairs(params) do
    local name = param.name .. (param.required and "" or "?")
    local about = param.type or ""
    if param.shape and param.words and #param.words > 0 and not about:find('"', 1, true) then
      about = about .. ": " .. shortened(param.words, 8)
    end
    if param.doc ~= "" then
      about = (about == "" and "" or about .. " – ") .. param.doc:gsub("`", "")
    end
    local column = indent + widest + 2
    out[#out + 1] = (" "):rep(indent)
      .. text.pad(name, widest + 2)
      .. wrapped(about, columns, column)
    local key = param.class or param.name
    if param.options and not seen[key] then
      seen[key] = param.class and true or nil
      param_lines(out, param.options, columns, depth + 1, seen)
      seen[key] = nil
    end
  end
end

local LABEL = 10

--- `label    value`, where there is a value.
local function row(out, label, value, columns)
  if value and value ~= "" then
    out[#out + 1] = "  " .. text.pad(label, LABEL) .. wrapped(value, columns, LABEL + 2)
  end
end

local function example_lines(out, examples)
  for index, code in ipairs(examples) do
    out[#out + 1] = ""
    out[#out + 1] = index == 1 and (#examples > 1 and "  examples" or "  example") or nil
    for line in (code:gsub("%s+$", "") .. "\n"):gmatch("(.-)\n") do
      out[#out + 1] = ("    " .. line):gsub("%s+$", "")
    end
  end
end

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
    out[1] = wrapped(head, columns, 4)
    out[2] = "  " .. tail
  end
  out[#out + 1] = "  " .. wrapped(entry.summary, columns, 2)
  if #entry.params > 0 then
    out[#out + 1] = ""
    param_lines(out, entry.params, columns, 1, {})
  end
  out[#out + 1] = ""
  row(out, "topic", entry.topic, columns)
  row(out, "changes", SCOPE[entry.scope], columns)
  row(out, "calls", table.concat(entry.syscalls, ", "), columns)
  row(out, "shell", entry.shell, columns)
  row(out, "needs", entry.needs, columns)
  row(out, "undo", entry.reversible and "" or "none: it cannot be taken back", columns)
  local examples = {}
  for index, example in ipairs(entry.examples) do
    examples[index] = example.code
  end
  example_lines(out, examples)
  if #entry.see > 0 then
    out[#out + 1] = ""
    row(out, "see", table.concat(entry.see, " · "), columns)
  end
  return out
end

local function of_function(entry, columns)
  local out = { wrapped(("%s → %s"):format(entry.signature, entry.returns), columns, 4), "" }
  out[#out + 1] = plain(entry.doc, columns, 2)
  if #entry.params > 0 then
    out[#out + 1] = ""
    param_lines(out, entry.params, columns, 1, {})
  end
  example_lines(out, entry.examples)
  out[#out + 1] = ""
  row(out, "module", entry.class and entry.module or entry.module, columns)
  row(out, "source", ("%s:%d"):format(entry.file, entry.line), columns)
  return out
end

--- `name   first line`, one a line, as far as it fits.
local function list_lines(out, rows, columns)
  local widest = 0
  for _, entry in ipairs(rows) do
    widest = math.max(widest, text.width(entry.name))
  end
  widest = math.min(widest, 44)
  for _, entry in ipairs(rows) do
    local name = text.pad(entry.name, widest)
    out[#out + 1] = (
      "  "
      .. name
      .. "  "
      .. wrapped(entry.summary:gsub("`", ""), columns, widest + 4)
    )
  end
end

local function signatures(entries)
  local rows = {}
  for index, entry in ipairs(entries) do
    rows[index] = { name = entry.signature, summary = entry.summary }
  end
  return rows
end

local function of_module(module, columns)
  local out = { ("%-30s module"):format(module.module) }
  out[#out + 1] = plain(module.doc, columns, 2)
  example_lines(out, module.examples)
  if #module.functions > 0 then
    out[#out + 1] = "\nfunctions"
    list_lines(out, signatures(module.functions), columns)
  end
  for _, class in ipairs(module.classes) do
    if #class.methods > 0 then
      out[#out + 1] = ("\n%s: %s"):format(class.name, class.summary)
      list_lines(out, signatures(class.methods), columns)
    end
  end
  return out
end

local function of_class(class, columns)
  local out = { ("%-30s class"):format(class.name) }
  if class.doc ~= "" then
    out[#out + 1] = plain(class.doc, columns, 2)
  end
  if #class.fields > 0 then
    out[#out + 1] = "\nfields"
    param_lines(out, class.fields, columns, 1, {})
  end
  if #class.methods > 0 then
    out[#out + 1] = "\nmethods"
    list_lines(out, signatures(class.methods), columns)
  end
  return out
end

local function of_topic(topic, columns)
  local out = { ("%-30s topic"):format(topic.name), "  " .. wrapped(topic.summary, columns, 2), "" }
  list_lines(out, signatures(topic.primitives), columns)
  return out
end

local function of_methods(kind, entries, columns)
  local out = { ("%-30s %s"):format(kind, "handle"), "" }
  list_lines(out, signatures(entries), columns)
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
    list_lines(out, rows, columns)
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
    list_lines(out, signatures(topic.primitives), columns)
  end
  out[#out + 1] = '\nmodules, for require "NAME"'
  local rows = {}
  for index, module in ipairs(reference.modules()) do
    rows[index] = { name = module.module, summary = module.summary }
  end
  list_lines(out, rows, columns)
  out[#out + 1] = "\ncommands"
  rows = {}
  for index, command in ipairs(reference.commands()) do
    rows[index] = { name = command.name, summary = command.summary }
  end
  list_lines(out, rows, columns)
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
    list_lines(out, rows, columns)
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
  for index, lines in ipairs(found) do
    found[index] = table.concat(lines, "\n") .. "\n"
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
  list_lines(out, rows, columns)
  return table.concat(out, "\n") .. "\n"
end

return M
