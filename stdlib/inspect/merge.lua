--- Joins snapshots of the same run: what existed while it ran, each thing as it was last seen.
---
--- ```lua
--- local merge = require "inspect.merge"
---
--- local function of(pid)
---   local found = { processes = { { pid = pid, ppid = 1, start = pid } } }
---   for _, part in ipairs { "namespaces", "mounts", "networks", "cgroups", "seccomp" } do
---     found[part] = {}
---   end
---   return found
--- end
--- assert(#merge(of(7), of(8)).processes == 2 and #merge(of(7), of(7)).processes == 1)
--- ```
local order = require "inspect.order"

--- What tells one thing of a part from another.
local KEYS = {
  processes = function(row)
    return row.pid .. ":" .. row.start
  end,
  namespaces = function(row)
    return row.id
  end,
  mounts = function(row)
    return row.id
  end,
  networks = function(row)
    return row.id
  end,
  cgroups = function(row)
    return row.key
  end,
  seccomp = function(row)
    return row.digest or row.unreadable or table.concat(row.pids, " ")
  end,
}

-- What one dead process no longer has must not replace what it had.
local function says_less(new, old)
  return new.zombie and not old.zombie or new.unreadable and not old.unreadable
end

local function join(members, more)
  local seen = {}
  for _, pid in ipairs(members) do
    seen[pid] = true
  end
  for _, pid in ipairs(more) do
    if not seen[pid] then
      table.insert(members, pid)
    end
  end
  return members
end

--- Gives what is new another name than what has gone: the kernel uses the number of a namespace
--- again. It is the same one where a member of before is still in it, or has started one that is.
local function tell_apart(first, second)
  local before, alive, names = {}, {}, {}
  for _, space in ipairs(first.namespaces) do
    before[space.id] = space
  end
  for _, row in ipairs(first.processes) do
    alive[row.pid] = row.start
  end
  local started = {}
  for _, row in ipairs(second.processes) do
    started[row.pid] = row
  end
  for _, space in ipairs(second.namespaces) do
    local old, id, turn = before[space.id], space.id, 1
    while old do
      local members, same = {}, space.host
      for _, pid in ipairs(old.members) do
        members[pid] = true
      end
      for _, pid in ipairs(space.members) do
        local row = started[pid] or {}
        same = same or members[pid] and alive[pid] == row.start or members[row.ppid]
      end
      if same then
        break
      end
      turn = turn + 1
      id = ("%s~%d"):format(space.id, turn)
      old = before[id]
    end
    names[space.id] = id
  end
  for _, part_name in ipairs { "namespaces", "mounts", "networks" } do
    for _, row in ipairs(second[part_name]) do
      row.id = names[row.id] or row.id
      row.owner_id = names[row.owner_id] or row.owner_id
      row.parent_id = names[row.parent_id] or row.parent_id
    end
  end
end

--- Joins a later snapshot to an earlier one: what was there at either moment, as it was last seen.
---@param first table changed, and answered
---@param second table
---@return table
return function(first, second)
  tell_apart(first, second)
  for name, key in pairs(KEYS) do
    local place = {}
    for index, row in ipairs(first[name]) do
      place[key(row)] = index
    end
    for _, row in ipairs(second[name]) do
      local index = place[key(row)]
      if not index then
        table.insert(first[name], row)
      elseif not says_less(row, first[name][index]) then
        local before = first[name][index]
        for _, who in ipairs { "members", "pids" } do
          if row[who] and before[who] then
            row[who] = join(before[who], row[who])
          end
        end
        first[name][index] = row
      end
    end
  end
  first.processes = order(first.processes)
  first.taken = second.taken
  return first
end
