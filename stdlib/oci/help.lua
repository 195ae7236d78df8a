--- What `--help` prints, and what follows a wrong option: from the definitions of `oci.commands`.
---
--- ```lua
--- local help = require "oci.help"
---
--- assert(help.command("kill"):find("^usage: crun%-lua kill %[OPTION%]… ID %[SIGNAL%]\n"))
--- ```
local commands = require "oci.commands"

local M = {}

--- "usage: crun-lua kill [OPTION]… ID [SIGNAL]"
---@param name string
---@return string
function M.usage(name)
  local operands = commands.get(name).operands
  return ("crun-lua [GLOBAL-OPTION]… %s [OPTION]… %s"):format(name, operands):gsub(" $", "")
end

--- The help of a command.
---@param name string
---@return string
function M.command(name)
  local command = commands.get(name)
  local parts = { ("usage: crun-lua %s [OPTION]… %s\n"):format(name, command.operands) }
  parts[#parts + 1] = command.summary:gsub("^%l", string.upper) .. "."
  if command.about then
    parts[#parts + 1] = command.about
  end
  parts[#parts + 1] = "\n" .. command.text
  if command.example then
    parts[#parts + 1] = "example: " .. command.example .. "\n"
  end
  return table.concat(parts, "\n")
end

--- The help of the program as an OCI runtime.
---@return string
function M.program()
  local _, text = commands.global()
  local parts = { "usage: crun-lua [GLOBAL-OPTION]… COMMAND [OPTION]… [ID] …\n" }
  for _, name in ipairs(commands.names()) do
    parts[#parts + 1] = ("  %-12s %s"):format(name, commands.get(name).summary)
  end
  parts[#parts + 1] = "\n" .. text
  parts[#parts + 1] = "crun-lua COMMAND --help tells more. Scripts: crun-lua --help.\n"
  return table.concat(parts, "\n")
end

return M
