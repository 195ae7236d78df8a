--- The pages under `docs/reference/`: an index, a page a topic of primitives, a page a module.
---
--- ```lua
--- local markdown = require "reference.markdown"
---
--- local files = markdown.files()
--- assert(files["primitives/mounts.md"]:find("## `mount(source, target, options?)`", 1, true))
--- assert(files["stdlib/container.md"]:find("## `container.new(given?)`", 1, true))
--- ```
local luacats = require "reference.luacats"
local reference = require "reference"

local M = {}

local MADE = "<!-- Generated (`BLESS=1 cargo test --test suite -- tree:`); do not edit. -->\n"

local function file_of(topic)
  return topic:gsub(" ", "-") .. ".md"
end

--- The place that a heading gets, as GitHub and mdBook name it.
local function anchor(heading)
  return (heading:lower():gsub("[^%w%-_ ]", ""):gsub(" ", "-"))
end

--- Parameters as nested lists: what they are called, what they may be, what they mean.
local function params_list(out, params, depth, seen)
  for _, param in ipairs(params) do
    local kind = param.type ~= "" and " (" .. param.type:gsub("|", "\\|") .. ")" or ""
    if not param.shape then
      kind = param.type ~= "" and (" (`%s`)"):format(param.type) or ""
    end
    local optional = param.required and "" or ", optional"
    local about = param.doc ~= "" and ": " .. param.doc or ""
    local margin = ("  "):rep(depth)
    out[#out + 1] = ("%s- `%s`%s%s%s"):format(margin, param.name, kind, optional, about)
    local key = param.class or param
    if param.options and not seen[key] then
      seen[key] = true
      params_list(out, param.options, depth + 1, seen)
      seen[key] = nil
    end
  end
end

local function row(out, name, text)
  if text and text ~= "" then
    out[#out + 1] = ("- *%s*: %s"):format(name, text)
  end
end

local function code(out, source)
  out[#out + 1] = ("\n```lua\n%s\n```"):format((source:gsub("%s+$", "")))
end

--- Words that name a primitive lead to it.
local function linked(words)
  local out = {}
  for index, word in ipairs(words) do
    local entry = reference.primitive(word)
    local place = entry and file_of(entry.topic) .. "#" .. anchor(entry.signature)
    out[index] = entry and ("[`%s`](%s)"):format(word, place) or word
  end
  return table.concat(out, " · ")
end

local function primitive(out, entry)
  out[#out + 1] = ("\n## `%s`\n\n%s\n"):format(entry.signature, entry.summary)
  params_list(out, entry.params, 0, {})
  row(out, "answers", entry.returns)
  row(out, "calls", table.concat(entry.syscalls, ", "))
  -- Not a tag of HTML.
  row(out, "shell", entry.shell and entry.shell:gsub("<", "\\<"))
  row(out, "needs", entry.needs)
  row(out, "undo", entry.reversible and "" or "irreversible")
  row(out, "see", linked(entry.see))
  for _, example in ipairs(entry.examples) do
    code(out, example.code)
  end
end

local function topic_page(topic)
  local title = topic.name:gsub("^%l", string.upper)
  local out = { MADE, ("# %s\n\n%s"):format(title, topic.summary) }
  for _, entry in ipairs(topic.primitives) do
    primitive(out, entry)
  end
  return table.concat(out, "\n") .. "\n"
end

--- A comment without what stands in it as an example: that follows the parameters.
local function function_part(out, entry, level)
  out[#out + 1] = ("\n%s `%s`\n\n%s\n"):format(level, entry.signature, entry.doc)
  params_list(out, entry.params, 0, {})
  row(out, "answers", entry.returns:gsub("|", "\\|"))
  for _, example in ipairs(entry.own) do
    code(out, example)
  end
end

--- Where the page of a class is.
local function class_link(class)
  local owner = luacats.owner_of(class.name)
  return ("[`%s`](%s.md#%s)"):format(class.name, owner, anchor(class.name))
end

local function class_part(out, class)
  out[#out + 1] = ("\n## `%s`\n"):format(class.name)
  if class.doc ~= "" then
    out[#out + 1] = class.doc .. "\n"
  end
  params_list(out, class.fields, 0, {})
  for _, method in ipairs(class.methods) do
    function_part(out, method, "###")
  end
end

local function module_page(module)
  local out = { MADE, ("# %s\n\n%s"):format(module.module, module.text) }
  for _, entry in ipairs(module.functions) do
    function_part(out, entry, "##")
  end
  local elsewhere = {}
  for _, class in ipairs(module.classes) do
    if luacats.owner_of(class.name) == module.module then
      class_part(out, class)
    else
      elsewhere[#elsewhere + 1] = class_link(class)
    end
  end
  if #elsewhere > 0 then
    out[#out + 1] = "\nSee also " .. table.concat(elsewhere, ", ") .. "."
  end
  return table.concat(out, "\n") .. "\n"
end

local function index_page()
  local out = { MADE, "# Reference\n\n`crun-lua help NAME` tells the same in a terminal.\n" }
  out[#out + 1] = "## Primitives\n\nGlobals in scripts, and fields of the table `sys`.\n"
  for _, topic in ipairs(reference.topics()) do
    local names = {}
    for index, entry in ipairs(topic.primitives) do
      names[index] = ("`%s`"):format(entry.name)
    end
    local file = "primitives/" .. file_of(topic.name)
    local list = table.concat(names, ", ")
    out[#out + 1] = ("- [%s](%s): %s %s"):format(topic.name, file, topic.summary, list)
  end
  out[#out + 1] = '\n## Modules of the stdlib\n\nReached by `require "NAME"`.\n'
  for _, module in ipairs(reference.modules()) do
    local name = module.module
    out[#out + 1] = ("- [%s](stdlib/%s.md): %s"):format(name, name, module.summary)
  end
  return table.concat(out, "\n") .. "\n"
end

--- Every page by the name of its file, from `docs/reference` on.
---@return table<string, string>
function M.files()
  local files = { ["README.md"] = index_page() }
  for _, topic in ipairs(reference.topics()) do
    files["primitives/" .. file_of(topic.name)] = topic_page(topic)
  end
  for _, module in ipairs(reference.modules()) do
    files["stdlib/" .. module.module .. ".md"] = module_page(module)
  end
  return files
end

return M
