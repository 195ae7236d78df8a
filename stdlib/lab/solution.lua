--- How the course itself does a task: the text of its action, as it stands in its file.
---
--- ```lua
--- local solution = require "lab.solution"
---
--- local dir <close> = temp_dir()
--- local path = dir.path .. "/one.lua"
--- write_file(path, "return {\n  action = function(t)\n    mkdir(t.dir)\n  end,\n}\n")
--- local step = load(read_file(path), "@" .. path)()
--- local lines = solution.lines { id = "one.a", step = step }
--- assert(lines[2] == "action = function(t)" and lines[3] == "  mkdir(t.dir)")
--- ```
local text = require "lab.text"

local M = {}

-- How the chunk of a module is called.
local MODULE = "^stdlib/(.+)%.lua$"

--- The text of the file that a function was written in; nil where it cannot be read any more.
---@param file? string
---@return string?
local function text_of(file)
  local module = file and file:match(MODULE)
  if module then
    return (require("reference").source(module:gsub("/", ".")))
  end
  return file and try(read_file, file) or nil
end

--- The lines of a task's action, with where they stand.
---@param task { id: string, step: table }
---@return string[]
function M.lines(task)
  if task.step.solution then
    local shown = {}
    for line in (text.plain(task.step.solution) .. "\n"):gmatch "(.-)\n" do
      shown[#shown + 1] = line
    end
    return shown
  end
  if not task.step.action then
    return { task.id .. " has no solution of its own" }
  end
  local info = function_info(task.step.action)
  local whole = text_of(info.file)
  if not whole then
    return { ("the solution of %s stands in %s, which cannot be read"):format(task.id, info.file) }
  end
  local lines, number = {}, 0
  for line in (whole .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if number >= info.line and number <= info.last_line then
      lines[#lines + 1] = line
    end
  end
  local shown = { ("-- %s:%d"):format(info.file, info.line) }
  for line in (text.plain(table.concat(lines, "\n")) .. "\n"):gmatch "(.-)\n" do
    shown[#shown + 1] = line
  end
  return shown
end

return M
