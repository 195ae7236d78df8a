--- The namespaces of a snapshot as nested boxes: each user namespace inside of its parent, with the
--- namespaces it owns, those with the same members together.
---
--- A user namespace owns what was made in it: whoever has capabilities there has them over those
--- namespaces (user_namespaces(7)).
---
--- ```lua
--- local owners = require "inspect.owners"
---
--- local tree = owners.tree {
---   { kind = "user", inode = 1, host = true, members = { 7 } },
---   { kind = "user", inode = 2, parent = 1, members = { 8 } },
---   { kind = "net", inode = 3, owner = 2, members = { 8 } },
--- }
--- assert(#tree == 1 and tree[1].inner[1].inode == 2)
--- assert(tree[1].inner[1].groups[1].spaces[1].kind == "net")
--- ```
local M = {}

--- The owner's entry; one that no process in sight is in is known by its number alone.
local function user(by_id, list, id, inode)
  local key = id or inode and "user" .. inode or "unknown"
  local box = by_id[key]
  if not box then
    box = { inode = inode, members = {}, inner = {}, groups = {}, by_members = {} }
    by_id[key], list[#list + 1] = box, box
  end
  return box
end

--- Namespaces with the same members stand together: what a container has of its own.
local function group(box, space)
  local key = tostring(space.host) .. " " .. table.concat(space.members, " ")
  local found = box.by_members[key]
  if not found then
    found = { host = space.host, members = space.members, spaces = {} }
    box.by_members[key], box.groups[#box.groups + 1] = found, found
  end
  table.insert(found.spaces, space)
end

--- User namespaces without a parent in sight, each with `inner` user namespaces and `groups` of
--- what it owns: `{ host, members, spaces }`.
---@param spaces table[] of a snapshot
---@return table[]
function M.tree(spaces)
  local by_id, list, tops = {}, {}, {}
  for _, space in ipairs(spaces) do
    if space.kind == "user" then
      local box = user(by_id, list, space.id, space.inode)
      box.space, box.host, box.members = space, space.host, space.members
      box.parent = space.parent_id or space.parent and "user" .. space.parent
    end
  end
  for _, space in ipairs(spaces) do
    if space.kind ~= "user" then
      group(user(by_id, list, space.owner_id, space.owner), space)
    end
  end
  for _, box in ipairs(list) do
    -- What is apart comes before what is the host's.
    table.sort(box.groups, function(a, b)
      if (a.host or false) ~= (b.host or false) then
        return not a.host
      end
      local first, second = a.members[1] or 0, b.members[1] or 0
      return first == second and #a.members < #b.members or first < second
    end)
    local above = box.parent and by_id[box.parent]
    table.insert(above and above ~= box and above.inner or tops, box)
  end
  return tops
end

return M
