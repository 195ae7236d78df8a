--- The processes of a snapshot in the order of a tree.
---
--- ```lua
--- local order = require "inspect.order"
---
--- local rows = order { { pid = 9, ppid = 7 }, { pid = 7, ppid = 1 } }
--- assert(rows[1].pid == 7 and rows[2].pid == 9 and rows[2].depth == 1)
--- ```

--- Processes as a tree: parents before children, by number, with their depth.
---@param rows table[] of a snapshot
---@return table[]
return function(rows)
  local by_pid, children, tops, list = {}, {}, {}, json_array {}
  for _, row in ipairs(rows) do
    by_pid[row.pid] = row
  end
  for _, row in ipairs(rows) do
    local siblings = tops
    if by_pid[row.ppid] and row.ppid ~= row.pid then
      children[row.ppid] = children[row.ppid] or {}
      siblings = children[row.ppid]
    end
    siblings[#siblings + 1] = row
  end
  local function add(row, depth)
    row.depth = depth
    list[#list + 1] = row
    local below = children[row.pid] or {}
    table.sort(below, function(a, b)
      return a.pid < b.pid
    end)
    for _, child in ipairs(below) do
      add(child, depth + 1)
    end
  end
  table.sort(tops, function(a, b)
    return a.pid < b.pid
  end)
  for _, row in ipairs(tops) do
    add(row, 0)
  end
  return list
end
