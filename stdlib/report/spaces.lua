--- Namespaces as nested boxes: each user namespace with the namespaces it owns and those who are in
--- them, a user namespace below it inside.
---
--- ```lua
--- local spaces = require "report.spaces"
---
--- local shown = spaces.draw { processes = {}, namespaces = {
---   { kind = "user", inode = 1, host = true, members = {} },
---   { kind = "uts", inode = 2, owner = 1, members = {}, hostname = "box" },
--- } }
--- assert(tostring(shown):find("box", 1, true))
--- ```
local html = require "report.html"
local names = require "inspect.names"
local owners = require "inspect.owners"

local M = {}

local h = html.element
local MOST = 12

local function members(list, known)
  local out = {}
  for index, words in ipairs(names.list(list, known, MOST)) do
    out[index] = h("span", { class = "tag" }, words)
  end
  return h("div", { class = "members" }, h("span", { class = "soft" }, "members "), out)
end

local function remark(space)
  if space.hostname then
    return "host name " .. space.hostname
  elseif space.kind == "pid" and space.parent then
    return ("inside of %d"):format(space.parent)
  end
  return nil
end

local function group(one, known)
  local rows = {}
  for index, space in ipairs(one.spaces) do
    local words = remark(space)
    rows[index] = h(
      "tr",
      nil,
      h("td", nil, space.kind),
      h(
        "td",
        nil,
        h("code", nil, tostring(space.inode)),
        words and h("div", { class = "soft" }, words)
      )
    )
  end
  local title = one.host and "the host's" or "of their own"
  return h(
    "div",
    { class = one.host and "group" or "group own" },
    h("div", { class = "soft" }, title),
    h("table", nil, h("tbody", nil, rows)),
    members(one.members, known)
  )
end

local function ids(space)
  local words = {}
  for _, what in ipairs { "uid", "gid" } do
    for _, range in ipairs(space and space.ids and space.ids[what] or {}) do
      local last = range.inside + range.count - 1
      local inside = range.count == 1 and tostring(range.inside) or range.inside .. "–" .. last
      words[#words + 1] = ("%s %s → %d"):format(what, inside, range.outside)
    end
  end
  return table.concat(words, ", ")
end

local function box(one, known)
  local groups, inner = {}, {}
  for index, found in ipairs(one.groups) do
    groups[index] = group(found, known)
  end
  for index, below in ipairs(one.inner) do
    inner[index] = box(below, known)
  end
  local maps = ids(one.space)
  local number = one.inode and tostring(one.inode) or "that cannot be seen from here"
  return h(
    "div",
    { class = one.host == false and "user own" or "user" },
    h(
      "div",
      { class = "head" },
      h("strong", nil, "user namespace "),
      h("code", nil, number),
      one.host and h("span", { class = "soft" }, " the host's"),
      maps ~= "" and h("span", { class = "soft" }, " maps ", maps)
    ),
    #one.members > 0 and members(one.members, known),
    #groups > 0 and h("div", { class = "groups" }, groups),
    inner
  )
end

---@param snapshot table
---@return report.Piece?
function M.draw(snapshot)
  if #(snapshot.namespaces or {}) == 0 then
    return nil
  end
  local known, out = names.of(snapshot), {}
  for index, one in ipairs(owners.tree(snapshot.namespaces)) do
    out[index] = box(one, known)
  end
  return html.join(table.unpack(out))
end

return M
