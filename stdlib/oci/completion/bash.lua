--- Completion for bash, out of the definitions of `oci.commands`. It needs nothing but bash.
---
--- ```lua
--- local bash = require "oci.completion.bash"
---
--- assert(bash():find("complete -F _crun_lua crun-lua", 1, true))
--- ```
local commands = require "oci.commands"

-- What is the same for every command: which word is completed, and after which option.
local HEAD = [=[
# bash completion of crun-lua; made by `crun-lua completion bash`

_crun_lua_ids() {
  COMPREPLY=($(compgen -W "$(crun-lua ${root:+--root "$root"} list --quiet 2>/dev/null)" -- "$cur"))
}

_crun_lua() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at=0 command= root= i word
  # bash parts --name=VALUE at the "=".
  if [[ $cur == "=" ]]; then
    cur=
  elif [[ $prev == "=" ]]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
      %s)
        [[ ${COMP_WORDS[i+1]} == "=" ]] && ((i++))
        ((i++))
        [[ $word == --root ]] && root=${COMP_WORDS[i]}
        ;;
      -*) ;;
      *)
        command=$word at=$i
        break
        ;;
    esac
  done
  COMPREPLY=()
  case $command in
]=]

local TAIL = [[
    *) compopt -o default 2>/dev/null ;;
  esac
}

complete -F _crun_lua crun-lua
]]

--- How an option is written, with its letter: "-b|--bundle".
local function pattern(option)
  return (option.letter and "-" .. option.letter .. "|" or "") .. "--" .. option.name
end

--- What completes the value of an option; nothing where it can be any text.
local function values(option)
  if option.choices then
    return ('compgen -W "%s" -- "$cur"'):format(table.concat(option.choices, " "))
  elseif option.value == "DIR" then
    return 'compgen -d -- "$cur"'
  elseif option.value == "FILE" then
    return 'compgen -f -- "$cur"'
  end
  return "true"
end

--- The branches for what may stand after an option.
local function after(options, out)
  out[#out + 1] = "      case $prev in"
  for _, option in ipairs(options) do
    if option.value then
      local line = "        %s) COMPREPLY=($(%s)); return ;;"
      out[#out + 1] = line:format(pattern(option), values(option))
    end
  end
  out[#out + 1] = "      esac"
end

local function names(options)
  local list = {}
  for _, option in ipairs(options) do
    list[#list + 1] = "--" .. option.name
    list[#list + 1] = option.letter and "-" .. option.letter or nil
  end
  return table.concat(list, " ")
end

--- What completes a word that is no option.
local function operand(operands)
  if operands:find("^ID") then
    return "_crun_lua_ids"
  elseif operands == "NAME" then
    return 'COMPREPLY=($(compgen -W "$(crun-lua help --names 2>/dev/null)" -- "$cur"))'
  elseif operands == "FILE" then
    return 'COMPREPLY=($(compgen -f -- "$cur"))'
  elseif operands == "DIR" then
    return 'COMPREPLY=($(compgen -d -- "$cur"))'
  elseif operands:find("|", 1, true) then
    return ('COMPREPLY=($(compgen -W "%s" -- "$cur"))'):format(operands:gsub("|", " "))
  end
  return "true"
end

local function branch(label, options, words, out)
  out[#out + 1] = ("    %s)"):format(label)
  after(options, out)
  local offer =
    '      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "%s" -- "$cur")); else %s; fi'
  out[#out + 1] = offer:format(names(options), words)
  out[#out + 1] = "      ;;"
end

--- The options with values that may stand before a command.
local function with_values(options)
  local list = {}
  for _, option in ipairs(options) do
    list[#list + 1] = option.value and "--" .. option.name or nil
  end
  return table.concat(list, "|")
end

---@return string
return function()
  local before = commands.options(commands.OWN.options .. select(2, commands.global()))
  local out = { (HEAD:gsub("%%s", with_values(before)):gsub("\n$", "")) }
  local first = table.concat(commands.names(), " ")
  local own = table.concat(require("options").keys(commands.OWN.commands), " ")
  local words = ('COMPREPLY=($(compgen -W "%s %s" -f -- "$cur"))'):format(first, own)
  branch('""', before, words, out)
  for _, name in ipairs(commands.names()) do
    local command = commands.get(name)
    branch(name, command.options, operand(command.operands), out)
  end
  for _, name in ipairs(require("options").keys(commands.OWN.words)) do
    local word = commands.OWN.words[name]
    branch(name, commands.options(word.text), operand(word.operands), out)
  end
  return table.concat(out, "\n") .. "\n" .. TAIL
end
