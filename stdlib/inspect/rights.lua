--- Capabilities as a grid: every capability that the kernel has, the five sets of a process, and
--- what containers have by default (`hardening`'s profile "default", which is Docker's set).
---
--- ```lua
--- local rights = require "inspect.rights"
---
--- local words = rights.words()
--- local rows = rights.grid(words, { effective = "0000000000000401" })
--- assert(rows[1].name == "chown" and rows[1].effective and rows[1].default)
--- assert(rows[11].name == "net_bind_service" and rows[11].effective and not rows[2].effective)
--- ```
local M = {}

--- The sets in the order of the grid, each with its three letters.
M.SETS = {
  { name = "bounding", short = "bnd" },
  { name = "effective", short = "eff" },
  { name = "permitted", short = "prm" },
  { name = "inheritable", short = "inh" },
  { name = "ambient", short = "amb" },
}

--- `{ names, default }`: the capabilities of this kernel by their bits, and those by default.
---@return table
function M.words()
  local names = json_array {}
  local last = tonumber(sysctl_get("kernel.cap_last_cap") or "40")
  for bit = 0, last do
    names[bit + 1] = caps_decode(("%016x"):format(1 << bit))[1] or ("cap_%d"):format(bit)
  end
  return { names = names, default = json_array(require("hardening.profiles.default").caps) }
end

--- A row a capability: `{ name, default, bounding, effective, permitted, inheritable, ambient }`.
---@param words table what `words` answered
---@param sets table<string, string> masks by the set's name
---@return table[]
function M.grid(words, sets)
  local by_default, rows = {}, {}
  for _, name in ipairs(words.default) do
    by_default[name] = true
  end
  for index, name in ipairs(words.names) do
    local row = { name = name, default = by_default[name] or false }
    for _, set in ipairs(M.SETS) do
      local mask = tonumber(sets[set.name] or "0", 16) or 0
      row[set.name] = mask & (1 << (index - 1)) ~= 0
    end
    rows[index] = row
  end
  return rows
end

--- How many capabilities a mask has.
---@param mask string?
---@return integer
function M.count(mask)
  local bits, count = tonumber(mask or "0", 16) or 0, 0
  while bits ~= 0 do
    bits, count = bits & (bits - 1), count + 1
  end
  return count
end

--- Which processes have the same rights: `{ pids, sets }` each, in the order of the processes.
---@param processes table[] of a snapshot
---@return table[]
function M.distinct(processes)
  local list, by_key = {}, {}
  for _, row in ipairs(processes) do
    local key = {}
    for index, set in ipairs(M.SETS) do
      key[index] = row.capabilities[set.name] or ""
    end
    key = table.concat(key, " ")
    if not by_key[key] and not row.zombie then
      by_key[key] = { pids = {}, sets = row.capabilities }
      list[#list + 1] = by_key[key]
    end
    if by_key[key] then
      table.insert(by_key[key].pids, row.pid)
    end
  end
  return list
end

return M
