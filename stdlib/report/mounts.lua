--- What is mounted where, as a tree that folds: what is read-only, what may not do what, what is
--- masked, and which mounts travel.
---
--- ```lua
--- local mounts = require "report.mounts"
---
--- local shown = mounts.draw { processes = {}, mounts = {
---   { inode = 2, pid = 7, list = require("inspect.mounts").arrange(mountinfo()) },
--- } }
--- assert(tostring(shown):find("<details", 1, true))
--- ```
local arranged = require "inspect.mounts"
local html = require "report.html"
local names = require "inspect.names"
local text = require "view.text"

local M = {}

local h = html.element
-- A page with more rows than these is not read; JSON has them all.
local MOST = 400
local SIGNS = { line = "│ ", gap = "  ", fork = "├ ", last = "└ " }

local function tags(one)
  local out = {}
  local function add(words, class)
    out[#out + 1] = h("span", { class = class and "tag " .. class or "tag" }, words)
  end
  if one.masked then
    add("masked", "own")
  end
  local has_ro = false
  for _, word in ipairs(one.attributes) do
    has_ro = has_ro or word == "ro"
    add(word, word == "ro" and "own" or nil)
  end
  if one.readonly and not has_ro then
    add("ro (file system)", "own")
  end
  if one.propagation ~= "private" then
    add(one.propagation, "warn")
  end
  if one.over then
    add("over another")
  end
  return out
end

local function item(row)
  local one = row.mount
  local point = text.middle(text.clean(one.point), 90)
  local source = one.source ~= "none" and one.source ~= one.type and one.source or nil
  local what = one.type
  if source then
    what = ("%s %s"):format(what, source)
  end
  if one.root ~= "/" then
    what = ("%s [%s]"):format(what, one.root)
  end
  return h(
    "li",
    nil,
    row.depth > 0 and h("span", { class = "branch" }, arranged.branch(row, SIGNS, 8)),
    h(
      "div",
      { class = "what" },
      h("code", nil, h(one.masked and "s" or "strong", nil, point)),
      " ",
      h("span", { class = "soft" }, text.middle(text.clean(what), 80)),
      " ",
      tags(one)
    )
  )
end

local function draw_one(one, known, open)
  local title = ("mnt %d  %s"):format(one.inode, names.whose(one, known))
  if not one.list then
    return h("p", { class = "none" }, title, ": ", one.unreadable or "?", " ", one.hint or "")
  end
  local rows, hidden = arranged.tree(one.list)
  local items, masked = {}, 0
  for index, row in ipairs(rows) do
    masked = masked + (row.mount.masked and 1 or 0)
    if index <= MOST then
      items[#items + 1] = item(row)
    end
  end
  local more = {}
  if #rows > MOST then
    local words = "%d more mounts are left out; --json has them all."
    more[1] = h("p", { class = "none" }, words:format(#rows - MOST))
  end
  if hidden > 0 then
    more[#more + 1] =
      h("p", { class = "none" }, ("%d mounts lie hidden below others."):format(hidden))
  end
  local count = ("%d mounts, %d masked"):format(#rows, masked)
  return h(
    "details",
    { open = open and "open" },
    h("summary", nil, h("code", nil, title), "  ", h("span", { class = "soft" }, count)),
    h("div", nil, h("ul", { class = "tree" }, items), more)
  )
end

---@param snapshot table
---@return report.Piece?
function M.draw(snapshot)
  if #(snapshot.mounts or {}) == 0 then
    return nil
  end
  local known, out = names.of(snapshot), {}
  for index, one in ipairs(snapshot.mounts) do
    out[index] = draw_one(one, known, index == 1)
  end
  return html.join(table.unpack(out))
end

return M
