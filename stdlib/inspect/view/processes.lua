--- The processes as a tree: the number here and the one inside, and what is not the host's.
---
--- ```lua
--- local views = require "inspect.views"
---
--- local one = { pid = 7, inside = 1, depth = 0, name = "sh", user = { uid = 0 },
---   capabilities = { effective = "0" }, seccomp = { mode = "filter" }, namespaces = { pid = 2 } }
--- local host = { inodes = { pid = 1 } }
--- local lines = views.lines("processes", { processes = { one }, reference = host })
--- assert(lines[1] == "7 ⟶ 1  sh  uid 0, no capability, seccomp filter  ● pid")
--- ```
local namespaces = require "inspect.namespaces"
local rights = require "inspect.rights"

local function facts(row)
  local words = { ("uid %s"):format(row.user.uid) }
  local count = rights.count(row.capabilities.effective)
  words[#words + 1] = count == 0 and "no capability"
    or count == 1 and "1 capability"
    or ("%d capabilities"):format(count)
  if row.seccomp.mode ~= "disabled" then
    words[#words + 1] = "seccomp " .. row.seccomp.mode
  end
  words[#words + 1] = row.no_new_privs and "no_new_privs" or nil
  return table.concat(words, ", ")
end

--- Whether a row has a younger sibling: then its branch goes on below.
local function goes_on(rows, index)
  for later = index + 1, #rows do
    if rows[later].depth <= rows[index].depth then
      return rows[later].depth == rows[index].depth
    end
  end
  return false
end

--- What a process has of its own; nothing is said twice of those that share all with their parent.
local function apart(row, above, reference)
  local own = table.concat(namespaces.own_kinds(row, reference), " ")
  local same = above ~= nil and own ~= ""
  for kind, inode in pairs(same and row.namespaces or {}) do
    same = same and above.namespaces[kind] == inode
  end
  if own == "" then
    return ""
  end
  return same and "  ● its parent's" or "  ● " .. own
end

---@param snapshot table
---@param pen inspect.Pen
return function(snapshot, pen)
  local open, by_pid = {}, {}
  for _, row in ipairs(snapshot.processes) do
    by_pid[row.pid] = row
  end
  for index, row in ipairs(snapshot.processes) do
    local depth, branch = row.depth or 0, {}
    local more = goes_on(snapshot.processes, index)
    for level = 1, math.min(depth - 1, 20) do
      branch[level] = open[level] and "│  " or "   "
    end
    if depth > 0 then
      branch[#branch + 1] = more and "├─ " or "└─ "
    end
    open[depth] = more
    local number = tostring(row.pid)
    if row.inside and row.inside ~= row.pid then
      number = number .. " ⟶ " .. row.inside
    end
    pen:line({
      { table.concat(branch), "dim" },
      number,
      "  ",
      { row.name or "?", "bold" },
      { row.zombie and "  zombie" or "", "yellow" },
      "  ",
      { facts(row), "dim" },
      { apart(row, by_pid[row.ppid], snapshot.reference), "blue" },
    }, 7)
  end
end
