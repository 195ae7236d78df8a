--- How pictures call the processes of a snapshot: `7 sh`.
---
--- ```lua
--- local names = require "inspect.names"
---
--- local known = names.of { processes = { { pid = 7, name = "sh" } } }
--- assert(names.one(7, known) == "7 sh" and names.one(8, known) == "8")
--- assert(table.concat(names.list({ 7, 8, 9 }, known, 2), ", ") == "7 sh, 8, and 1 more")
--- ```
local M = {}

--- The names of a snapshot's processes by their numbers.
---@param snapshot table
---@return table<integer, string>
function M.of(snapshot)
  local found = {}
  for _, row in ipairs(snapshot.processes or {}) do
    found[row.pid] = row.name
  end
  return found
end

--- A process by its number and name.
---@param pid integer
---@param names table<integer, string> what `of` answered
---@return string
function M.one(pid, names)
  return names[pid] and ("%d %s"):format(pid, names[pid]) or tostring(pid)
end

--- Processes as a list of words; where there are more than `most` the last says how many more.
---@param pids integer[]
---@param names table<integer, string>
---@param most integer
---@return string[]
function M.list(pids, names, most)
  local out = {}
  for index, pid in ipairs(pids) do
    if index > most then
      out[#out + 1] = ("and %d more"):format(#pids - most)
      break
    end
    out[index] = M.one(pid, names)
  end
  return out
end

--- Whose a namespace is: the host's, or that of a process.
---@param space { host?: boolean, pid?: integer }
---@param names table<integer, string>
---@return string
function M.whose(space, names)
  return space.host and "the host's" or space.pid and M.one(space.pid, names) or ""
end

return M
