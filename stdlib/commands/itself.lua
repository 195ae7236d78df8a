--- How a command starts this program once more, for a script: with the options that its user gave
--- to the whole program.
---
--- ```lua
--- local itself = require "commands.itself"
---
--- local command = itself.words("report", { "--dry-run", "a.lua" })
--- assert(command[1] == "/proc/self/exe" and command[#command] == "a.lua")
--- ```
local M = {}

--- The options that stand before the command's name.
local function inherited(name)
  local words, keep = {}, {}
  local text = read_file("/proc/self/cmdline") or ""
  for word in text:gmatch("([^%z]*)%z") do
    words[#words + 1] = word
  end
  for index = 2, #words do
    local word = words[index]
    if word == name then
      break
    elseif word == "--allow-host" or word:find("^%-%-stdlib=") then
      keep[#keep + 1] = word
    elseif word == "--stdlib" then
      table.move(words, index, index + 1, #keep + 1, keep)
    end
  end
  return keep
end

--- What `exec` takes.
---@param name string the command, as it stands on the command line
---@param words string[] further options, the script and its arguments
---@return string[]
function M.words(name, words)
  local command = { "/proc/self/exe", argv0 = "crun-lua" }
  local more = inherited(name)
  table.move(more, 1, #more, #command + 1, command)
  return table.move(words, 1, #words, #command + 1, command)
end

return M
