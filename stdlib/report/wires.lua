--- Networks as a wiring diagram: a box for each network namespace, its devices and addresses in it,
--- and a line for each pair of ends. The lines run on the left, so that it fits a phone.
---
--- ```lua
--- local wires = require "report.wires"
---
--- local shown = wires.draw { processes = {}, networks = {
---   { inode = 2, pid = 7, links = { { name = "lo", up = true, addresses = {} } } },
--- } }
--- assert(tostring(shown):find("<svg", 1, true))
--- ```
local html = require "report.html"
local names = require "inspect.names"
local text = require "view.text"
local wiring = require "inspect.wiring"

local M = {}

local h = html.element
local HEAD, LINE, GAP, PAD = 24, 17, 20, 8
-- What fits a phone's width in the drawing's letters.
local COLUMNS = 38

local function write(out, x, y, words, class)
  local full = text.clean(words)
  out[#out + 1] = h(
    "text",
    { x = x, y = y, class = class },
    text.middle(full, COLUMNS),
    text.width(full) > COLUMNS and h("title", nil, full)
  )
end

local function default_route(node)
  for _, route in ipairs(node.routes or {}) do
    if route.to == "default" then
      return ("default via %s dev %s"):format(route.via or "(on the link)", route.dev or "?")
    end
  end
end

--- The lines of a device: its name and state, then its addresses.
local function device(link)
  local state = link.up == nil and "" or link.up and "  ● up" or "  ○ down"
  local kind = link.kind and "  " .. link.kind or ""
  local lines = { { link.name .. kind .. state, link.up == false and "bad strong" or "strong" } }
  for _, address in ipairs(link.addresses) do
    lines[#lines + 1] = { address, "label" }
  end
  return lines
end

--- Draws a node from `top` on; answers where it ends, and notes where its devices are.
local function draw_node(out, node, top, left, known, places)
  local y, texts = top + HEAD, {}
  local title = ("net %d  %s"):format(node.inode, names.whose(node, known))
  write(texts, left + 10, top + 16, title, "label")
  for _, link in ipairs(node.links) do
    local indent = left + (link.port and 26 or 12)
    places[node.id .. link.name] = { y = y + 9, up = link.up }
    for index, line in ipairs(device(link)) do
      write(texts, index == 1 and indent or indent + 12, y + 13, line[1], line[2])
      y = y + LINE
    end
    y = y + 3
  end
  local route = default_route(node)
  if route then
    write(texts, left + 12, y + 13, route, "label")
    y = y + LINE
  end
  if node.left_out > 0 then
    write(texts, left + 12, y + 13, ("and %d more devices"):format(node.left_out), "label")
    y = y + LINE
  end
  out[#out + 1] = h("rect", {
    class = node.host and "net" or "net own",
    x = left,
    y = top,
    style = ("width:calc(100%% - %dpx)"):format(left + 1),
    width = "90%",
    height = y - top + PAD,
    rx = 6,
  })
  table.move(texts, 1, #texts, #out + 1, out)
  return y + PAD
end

--- Wires that would lie on each other get lanes of their own, the shortest nearest to the boxes.
local function lanes_of(wires, places)
  local drawn, most = {}, 0
  for _, wire in ipairs(wires) do
    local from = places[wire.from.node .. wire.from.link]
    local to = places[wire.to.node .. wire.to.link]
    if from and to then
      local first, last = math.min(from.y, to.y), math.max(from.y, to.y)
      drawn[#drawn + 1] = { first = first, last = last, wire = wire, from = from, to = to }
    end
  end
  table.sort(drawn, function(a, b)
    return a.last - a.first < b.last - b.first
  end)
  for index, one in ipairs(drawn) do
    local taken = {}
    for other = 1, index - 1 do
      local before = drawn[other]
      if before.first <= one.last and one.first <= before.last then
        taken[before.lane] = true
      end
    end
    one.lane = 1
    while taken[one.lane] do
      one.lane = one.lane + 1
    end
    most = math.max(most, one.lane)
  end
  return drawn, most
end

local function draw_wire(out, one, left)
  local x = math.max(left - 2 - 9 * one.lane, 4)
  local class = one.wire.up == false and "wire down" or "wire"
  local path = ("M%d %d H%d V%d H%d"):format(left, one.first, x, one.last, left)
  local from, to = one.wire.from, one.wire.to
  local words = ("%s ⇄ %s"):format(from.link, to.link)
  out[#out + 1] = h("path", { class = class, d = path }, h("title", nil, words))
  for _, stop in ipairs { one.from, one.to } do
    local dot = stop.up == false and "end down" or "end"
    out[#out + 1] = h("circle", { class = dot, cx = left, cy = stop.y, r = 4 })
  end
end

---@param snapshot table
---@return report.Piece?
function M.draw(snapshot)
  local graph = wiring.of(snapshot)
  if #graph.nodes == 0 then
    return nil
  end
  local known = names.of(snapshot)
  -- How wide the wires' side is depends on where the devices are, which does not depend on it.
  local scratch, places, y = {}, {}, 1
  for _, node in ipairs(graph.nodes) do
    y = draw_node(scratch, node, y, 0, known, places) + GAP
  end
  local wires, most = lanes_of(graph.wires, places)
  local left = most == 0 and 1 or math.min(14 + 9 * most, 96)
  local out, bottom = {}, 1
  for _, node in ipairs(graph.nodes) do
    bottom = draw_node(out, node, bottom, left, known, {}) + GAP
  end
  for _, wire in ipairs(wires) do
    draw_wire(out, wire, left)
  end
  local words = ("%d network namespaces, %d wires"):format(#graph.nodes, #graph.wires)
  local legend = h(
    "ul",
    { class = "legend" },
    h("li", nil, h("b", { class = "good" }, "━"), " a pair of ends, up"),
    h("li", nil, h("b", { class = "bad" }, "╍"), " one end is down")
  )
  return html.join(
    h("svg", {
      class = "wiring",
      width = "100%",
      height = bottom - GAP + 2,
      role = "img",
      ["aria-label"] = words,
    }, out),
    #wires > 0 and legend
  )
end

return M
