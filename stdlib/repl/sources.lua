--- What the machine has that may be written at a prompt: paths, processes, containers, sysctls,
--- network devices. Each is read when it is asked for, and what cannot be read is not there.
---
--- ```lua
--- local sources = require "repl.sources"
---
--- assert(sources.paths("/proc/sel")[1].text == "/proc/self/")
--- ```
local text = require "view.text"

local M = {}

-- A directory of a hundred thousand files is no list to choose from, and each is looked at.
local MOST = 200

--- A list that a reader answers; empty where it fails, or where a plan cannot know it.
local function list_of(reader, ...)
  local found = try(reader, ...)
  return type(found) == "table" and getmetatable(found) == nil and found or {}
end

--- The paths that begin as a text does. A name that begins with a dot is offered when one is asked
--- for; a directory has a slash at its end.
---@param word string
---@return repl.Candidate[]
function M.paths(word)
  local dir, name = word:match("^(.*/)([^/]*)$")
  dir, name = dir or "", name or word
  local found = {}
  for _, entry in ipairs(list_of(list_dir, dir == "" and "." or dir)) do
    local hidden = entry:sub(1, 1) == "." and name:sub(1, 1) ~= "."
    -- What would end the string that it stands in is not offered.
    if entry:sub(1, #name) == name and not hidden and not entry:find('[%c"\\]') then
      local info = try(stat, dir .. entry)
      local slash = type(info) == "table" and info.type == "directory" and "/" or ""
      found[#found + 1] = {
        text = dir .. entry .. slash,
        display = text.clean(entry .. slash),
        kind = "path",
      }
      if #found >= MOST then
        break
      end
    end
  end
  return found
end

--- The processes, by number; shown with their names.
---@param word string the digits that are written
---@return repl.Candidate[]
function M.pids(word)
  local found = {}
  for _, pid in ipairs(list_of(pids)) do
    local number = ("%d"):format(pid)
    if number:sub(1, #word) == word then
      local status = list_of(proc_status, pid, { fields = { "name" } })
      if status.name then
        found[#found + 1] = {
          text = number,
          display = ("%s  %s"):format(number, text.clean(status.name)),
          kind = "pid",
        }
      end
    end
    if #found >= MOST then
      break
    end
  end
  return found
end

--- The containers of this user, by name; shown with what they do.
---@return repl.Candidate[]
function M.containers()
  local found = {}
  local state = require "container.state"
  for _, record in ipairs(list_of(state.list)) do
    found[#found + 1] = {
      text = record.name,
      display = ("%s  %s"):format(text.clean(record.name), text.clean(record.status or "")),
      kind = "container",
    }
  end
  return found
end

--- The kernel's settings below what is written, with dots.
---@param word string
---@return repl.Candidate[]
function M.sysctls(word)
  local dir, name = word:match("^(.*%.)([^%.]*)$")
  dir, name = dir or "", name or word
  local base, found = "/proc/sys/" .. dir:gsub("%.", "/"), {}
  for _, entry in ipairs(list_of(list_dir, base)) do
    if entry:sub(1, #name) == name and not entry:find(".", 1, true) then
      local info = try(stat, base .. entry)
      local more = type(info) == "table" and info.type == "directory" and "." or ""
      local full = dir .. entry .. more
      found[#found + 1] = { text = full, display = full, kind = "sysctl" }
    end
  end
  return found
end

--- The network devices of this network namespace.
---@return repl.Candidate[]
function M.links()
  local found = {}
  for _, link in ipairs(list_of(links)) do
    local state = link.up and "up" or "down"
    local display = ("%s  %s"):format(text.clean(link.name), state)
    found[#found + 1] = { text = link.name, display = display, kind = "link" }
  end
  return found
end

return M
