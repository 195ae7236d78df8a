--- The namespaces and the wiring of a snapshot as a Mermaid flowchart, for a README.
---
--- Mermaid knows no escape but entities of its own (`#quot;`), so a name is reduced to what cannot
--- end a label.
---
--- ```lua
--- local mermaid = require "report.mermaid"
---
--- local drawn = mermaid.text { processes = {}, networks = {}, namespaces = {
---   { kind = "user", inode = 1, members = { 7 } },
--- } }
--- assert(drawn:find('subgraph user1["user 1"]', 1, true))
--- ```
local names = require "inspect.names"
local owners = require "inspect.owners"
local text = require "view.text"
local wiring = require "inspect.wiring"

local M = {}

local function label(value)
  local clean = text.middle(text.clean(value), 60)
  return (
    clean:gsub("[^%w %.,:/%-_@⟶\128-\255]", function(character)
      return ("#%d;"):format(character:byte())
    end)
  )
end

local function spaces(out, box, known, indent)
  local id = (box.space and box.space.id or "user" .. (box.inode or 0)):gsub("%W", "_")
  out[#out + 1] = ('%ssubgraph %s["user %s%s"]'):format(
    indent,
    id,
    box.inode or "not in sight",
    box.host and ", the host's" or ""
  )
  for index, group in ipairs(box.groups) do
    local kinds = {}
    for place, space in ipairs(group.spaces) do
      kinds[place] = ("%s %d"):format(space.kind, space.inode)
    end
    local shown = ("%s<br/>%s"):format(
      label(table.concat(kinds, ", "):sub(1, 200)),
      label(table.concat(names.list(group.members, known, 6), ", "))
    )
    out[#out + 1] = ('%s  %s_%d["%s"]'):format(indent, id, index, shown)
  end
  for _, inner in ipairs(box.inner) do
    spaces(out, inner, known, indent .. "  ")
  end
  if #box.groups == 0 and #box.inner == 0 then
    out[#out + 1] = ('%s  %s_0["owns none in sight"]'):format(indent, id)
  end
  out[#out + 1] = indent .. "end"
end

local function network(out, graph, known)
  local ids = {}
  for number, node in ipairs(graph.nodes) do
    local whose = label(names.whose(node, known))
    out[#out + 1] = ('  subgraph net%d["net %d %s"]'):format(number, node.inode, whose)
    for index, link in ipairs(node.links) do
      local id = ("net%d_%d"):format(number, index)
      ids[node.id .. link.name] = id
      local words = label(link.name)
      for _, address in ipairs(link.addresses) do
        words = words .. "<br/>" .. label(address)
      end
      out[#out + 1] = ('    %s["%s"]'):format(id, words)
    end
    out[#out + 1] = "  end"
    for _, link in ipairs(node.links) do
      local master = link.master and ids[node.id .. link.master]
      if master then
        out[#out + 1] = ("  %s --- %s"):format(ids[node.id .. link.name], master)
      end
    end
  end
  for _, wire in ipairs(graph.wires) do
    local from, to = ids[wire.from.node .. wire.from.link], ids[wire.to.node .. wire.to.link]
    if from and to then
      out[#out + 1] = ("  %s %s %s"):format(from, wire.up == false and "-.-" or "===", to)
    end
  end
end

---@param snapshot table
---@return string
function M.text(snapshot)
  local known, out = names.of(snapshot), { "flowchart TB" }
  for _, box in ipairs(owners.tree(snapshot.namespaces)) do
    spaces(out, box, known, "  ")
  end
  network(out, wiring.of(snapshot), known)
  return table.concat(out, "\n") .. "\n"
end

return M
