--- Elements of a page as text: everything that is no element is escaped.
---
--- What a report shows comes from containers, which choose their names and paths. So a text can
--- only get into the page through here: what would end an attribute or begin an element becomes an
--- entity, and what a terminal or an eye would be misled by an escape (`view.text`). What is
--- written is well-formed XML too, so that a test can read it strictly.
---
--- ```lua
--- local html = require "report.html"
---
--- local page = html.element("p", { title = 'a "b"' }, "1 < 2", html.element("br"))
--- assert(tostring(page) == '<p title="a &quot;b&quot;">1 &lt; 2<br/></p>')
--- ```
local text = require "view.text"

local M = {}

local ENTITIES = {
  ["&"] = "&amp;",
  ["<"] = "&lt;",
  [">"] = "&gt;",
  ['"'] = "&quot;",
  ["'"] = "&#39;",
}

-- Elements that have no end tag in HTML.
local VOID = { br = true, hr = true, input = true, meta = true }

--- A piece of the page that is finished: it is not escaped again.
---@class report.Piece
---@field markup string
local Piece = {}
Piece.__index = Piece

function Piece.__tostring(self)
  return self.markup
end

--- Text that means nothing to a browser.
---@param value any
---@return string
function M.escape(value)
  return (text.clean(value):gsub("[&<>\"']", ENTITIES))
end

--- Markup of this program's own, such as the style.
---@param markup string
---@return report.Piece
function M.raw(markup)
  return setmetatable({ markup = markup }, Piece)
end

local function append(out, child)
  if getmetatable(child) == Piece then
    out[#out + 1] = child.markup
  elseif type(child) == "table" then
    for _, one in ipairs(child) do
      append(out, one)
    end
  elseif child then
    out[#out + 1] = M.escape(child)
  end
end

--- One element. Attributes that are false or nil are left out; children are pieces, texts, and
--- lists of both.
---@param name string
---@param attributes? table<string, any>
---@return report.Piece
function M.element(name, attributes, ...)
  local out, names = { "<", name }, {}
  for key, value in pairs(attributes or {}) do
    names[#names + 1] = value and key or nil
  end
  table.sort(names)
  for _, key in ipairs(names) do
    out[#out + 1] = (' %s="%s"'):format(key, M.escape(attributes[key]))
  end
  local children = select("#", ...)
  if VOID[name] or children == 0 and name ~= "div" and name ~= "span" and name ~= "td" then
    out[#out + 1] = "/>"
    return M.raw(table.concat(out))
  end
  out[#out + 1] = ">"
  for index = 1, children do
    append(out, (select(index, ...)))
  end
  out[#out + 1] = "</" .. name .. ">"
  return M.raw(table.concat(out))
end

--- Pieces and texts in a row, as one piece.
---@return report.Piece
function M.join(...)
  local out = {}
  for index = 1, select("#", ...) do
    append(out, (select(index, ...)))
  end
  return M.raw(table.concat(out))
end

return M
