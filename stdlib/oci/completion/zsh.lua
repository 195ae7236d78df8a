--- Completion for zsh, out of the definitions of `oci.commands`: specifications for `_arguments`.
---
--- ```lua
--- local zsh = require "oci.completion.zsh"
---
--- assert(zsh():find("^#compdef crun%-lua\n"))
--- ```
local commands = require "oci.commands"

--- A text inside of single quotes and of a specification's brackets.
local function escaped(text)
  return (text:gsub("[%[%]:\\]", "\\%0"):gsub("'", "'\\''"))
end

--- What completes a value: the part of a specification after the message.
local function action(value, choices)
  if choices then
    return "(" .. table.concat(choices, " ") .. ")"
  elseif value == "DIR" then
    return "_directories"
  elseif value == "FILE" then
    return "_files"
  end
  return " "
end

--- The specification of an option: '(-b --bundle)'{-b,--bundle=}'[about]:DIR:_directories'.
local function option_spec(option)
  local about = ("[%s]"):format(escaped(option.about))
  local value = option.value
    and (":%s:%s"):format(escaped(option.value), action(option.value, option.choices))
  local long = "--" .. option.name .. (value and "=" or "")
  local tail = about .. (value or "")
  if not option.letter then
    return ("'%s%s%s'"):format(option.list and "*" or "", long, tail)
  end
  local short = "-" .. option.letter .. (value and "+" or "")
  local others = ("(-%s --%s)"):format(option.letter, option.name)
  return ("'%s'{%s,%s}'%s'"):format(option.list and "*" or others, short, long, tail)
end

--- The specifications of a command's operands.
local function operand_specs(operands)
  if operands:find("^ID %[COMMAND") or operands:find("^ID %[PS") then
    return { "':ID:_crun_lua_ids'", "'*:: :_normal'" }
  elseif operands:find("^ID %[SIGNAL") then
    return { "':ID:_crun_lua_ids'", "':SIGNAL:_signals -s'" }
  elseif operands:find("^ID") then
    return { "':ID:_crun_lua_ids'" }
  elseif operands == "NAME" then
    return { "'*:NAME:_crun_lua_names'" }
  elseif operands == "FILE" then
    return { "'*:FILE:_files -g *.lua'" }
  elseif operands == "DIR" then
    return { "':DIR:_directories'" }
  elseif operands:find("|", 1, true) then
    return { ("':shell:(%s)'"):format(operands:gsub("|", " ")) }
  end
  return {}
end

local function arguments(indent, specs)
  local space = "\n" .. (" "):rep(indent + 2)
  return (" "):rep(indent) .. "_arguments -s -S \\" .. space .. table.concat(specs, " \\" .. space)
end

local function specs_of(options, more)
  local specs = {}
  for _, option in ipairs(options) do
    specs[#specs + 1] = option_spec(option)
  end
  return table.move(more, 1, #more, #specs + 1, specs)
end

local function describe(out)
  out[#out + 1] = "_crun_lua_commands() {\n  local -a names=("
  local own = commands.OWN.commands
  for _, name in ipairs(commands.names()) do
    local summary = commands.get(name).summary
    out[#out + 1] = ("    '%s:%s'"):format(name, escaped(summary))
  end
  for _, name in ipairs(require("options").keys(own)) do
    -- ps is in both lists.
    if not commands.get(name) then
      out[#out + 1] = ("    '%s:%s'"):format(name, escaped(own[name]))
    end
  end
  out[#out + 1] = "  )\n  _describe -t commands command names\n  _files -g '*.lua'\n}\n"
end

local IDS = [[
_crun_lua_ids() {
  local root=${opt_args[--root]}
  local -a ids=(${(f)"$(crun-lua ${root:+--root $root} list --quiet 2>/dev/null)"})
  compadd -a ids
}

_crun_lua_names() {
  local -a names=(${(f)"$(crun-lua help --names 2>/dev/null)"})
  compadd -a names
}
]]

---@return string
return function()
  local out = { "#compdef crun-lua", "# made by `crun-lua completion zsh`", "", IDS }
  describe(out)
  local before = commands.options(commands.OWN.options .. select(2, commands.global()))
  out[#out + 1] = "_crun_lua() {\n  local curcontext=$curcontext state line\n  typeset -A opt_args"
  local first = { "'1:command:_crun_lua_commands'", "'*:: :->operands'" }
  out[#out + 1] = arguments(2, specs_of(before, first)) .. " && return"
  out[#out + 1] = "  case $words[1] in"
  for _, name in ipairs(commands.names()) do
    local command = commands.get(name)
    out[#out + 1] = ("    %s)"):format(name)
    out[#out + 1] = arguments(6, specs_of(command.options, operand_specs(command.operands)))
    out[#out + 1] = "      ;;"
  end
  for _, name in ipairs(require("options").keys(commands.OWN.words)) do
    local word = commands.OWN.words[name]
    out[#out + 1] = ("    %s)"):format(name)
    out[#out + 1] =
      arguments(6, specs_of(commands.options(word.text), operand_specs(word.operands)))
    out[#out + 1] = "      ;;"
  end
  out[#out + 1] = '    *) _files ;;\n  esac\n}\n\n_crun_lua "$@"\n'
  return table.concat(out, "\n")
end
