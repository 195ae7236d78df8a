--- Completion for fish, out of the definitions of `oci.commands`.
---
--- ```lua
--- local fish = require "oci.completion.fish"
---
--- assert(fish():find("complete -c crun-lua", 1, true))
--- ```
local commands = require "oci.commands"

local HEAD = [[
# fish completion of crun-lua; made by `crun-lua completion fish`

function __crun_lua_ids
  set -l words (commandline -opc)
  set -l root
  if set -l at (contains -i -- --root $words)
    set root --root $words[(math $at + 1)]
  end
  crun-lua $root list --quiet 2>/dev/null
end
]]

local function escaped(text)
  return "'" .. text:gsub("[\\']", "\\%0") .. "'"
end

--- What completes a value, as options of fish's `complete`.
local function values(value, choices)
  if choices then
    return " -x -a " .. escaped(table.concat(choices, " "))
  elseif value == "DIR" then
    return " -x -a '(__fish_complete_directories)'"
  elseif value == "FILE" then
    return " -r -F"
  end
  return value and " -x" or ""
end

local function option_line(condition, option)
  return ("complete -c crun-lua -n %s%s -l %s%s -d %s"):format(
    escaped(condition),
    option.letter and " -s " .. option.letter or "",
    option.name,
    values(option.value, option.choices),
    escaped(option.about)
  )
end

--- The line for a command's operands.
local function operand_line(condition, operands)
  local offer
  if operands:find("^ID") then
    offer = "'(__crun_lua_ids)'"
  elseif operands == "NAME" then
    offer = "'(crun-lua help --names 2>/dev/null)'"
  elseif operands == "DIR" then
    offer = "'(__fish_complete_directories)'"
  elseif operands:find("|", 1, true) then
    offer = escaped((operands:gsub("|", " ")))
  end
  return offer and ("complete -c crun-lua -n %s -f -a %s"):format(escaped(condition), offer)
end

local function first_words(out, words)
  local none = "not __fish_seen_subcommand_from " .. words
  for _, option in ipairs(commands.options(commands.OWN.options .. select(2, commands.global()))) do
    out[#out + 1] = option_line(none, option)
  end
  local line = "complete -c crun-lua -n %s -a %s -d %s"
  for _, name in ipairs(commands.names()) do
    out[#out + 1] = line:format(escaped(none), name, escaped(commands.get(name).summary))
  end
  for _, name in ipairs(require("options").keys(commands.OWN.commands)) do
    -- ps is in both lists.
    if not commands.get(name) then
      out[#out + 1] = line:format(escaped(none), name, escaped(commands.OWN.commands[name]))
    end
  end
end

---@return string
return function()
  local out, names = { HEAD }, commands.names()
  local own = require("options").keys(commands.OWN.commands)
  first_words(out, table.concat(names, " ") .. " " .. table.concat(own, " "))
  for _, name in ipairs(names) do
    local command, condition = commands.get(name), "__fish_seen_subcommand_from " .. name
    for _, option in ipairs(command.options) do
      out[#out + 1] = option_line(condition, option)
    end
    out[#out + 1] = operand_line(condition, command.operands)
  end
  for _, name in ipairs(require("options").keys(commands.OWN.words)) do
    local word, condition = commands.OWN.words[name], "__fish_seen_subcommand_from " .. name
    for _, option in ipairs(commands.options(word.text)) do
      out[#out + 1] = option_line(condition, option)
    end
    out[#out + 1] = operand_line(condition, word.operands)
  end
  return table.concat(out, "\n") .. "\n"
end
