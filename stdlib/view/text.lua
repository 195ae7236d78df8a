--- Text for a terminal: how many columns it takes, made to fit, and safe to print.
---
--- A process chooses its own name, and a container its arguments: what is shown of them must not
--- move the cursor, change colours or hide a row. So control characters, and bytes that are not
--- UTF-8, are written as escapes before anything is measured.
---
--- ```lua
--- local text = require "view.text"
---
--- assert(text.width("日本") == 4 and text.width("e\u{301}") == 1)
--- assert(text.fit("container", 6) == "conta…")
--- assert(text.middle("/var/lib/container", 9) == "/va…ainer")
--- assert(text.clean("a\27[31mb") == "a\\27[31mb")
--- ```
local M = {}

-- Characters of two columns (Unicode's East Asian Width W and F), and of none, as ranges. Emoji are
-- here by their blocks; terminals differ on single ones.
local WIDE = {
  { 0x1100, 0x115F },
  { 0x2E80, 0x303E },
  { 0x3041, 0xA4CF },
  { 0xA960, 0xA97C },
  { 0xAC00, 0xD7A3 },
  { 0xF900, 0xFAFF },
  { 0xFE30, 0xFE6F },
  { 0xFF00, 0xFF60 },
  { 0xFFE0, 0xFFE6 },
  { 0x1F300, 0x1F64F },
  { 0x1F680, 0x1F6FF },
  { 0x1F900, 0x1F9FF },
  { 0x20000, 0x3FFFD },
}
local NONE = {
  { 0x0300, 0x036F },
  { 0x0483, 0x0489 },
  { 0x0591, 0x05BD },
  { 0x064B, 0x065F },
  { 0x1AB0, 0x1AFF },
  { 0x1DC0, 0x1DFF },
  { 0x200B, 0x200F },
  { 0x202A, 0x202E },
  { 0x2060, 0x206F },
  { 0x20D0, 0x20FF },
  { 0xFE00, 0xFE0F },
  { 0xFE20, 0xFE2F },
  { 0xFEFF, 0xFEFF },
}

local function within(ranges, code)
  for _, range in ipairs(ranges) do
    if code <= range[2] then
      return code >= range[1]
    end
  end
  return false
end

local function columns_of(code)
  if code < 0x300 then
    return 1
  end
  return within(WIDE, code) and 2 or within(NONE, code) and 0 or 1
end

local function escape(bytes)
  return (bytes:gsub(".", function(byte)
    return ("\\%d"):format(byte:byte())
  end))
end

--- The text without anything that a terminal would obey: control characters, characters that
--- change the direction, and broken UTF-8 become `\27`, as Lua would write them.
---@param value any
---@return string
function M.clean(value)
  local text = tostring(value)
  if not text:find("[^\32-\126]") then
    return text
  end
  local out, at = {}, 1
  while at <= #text do
    local length = utf8.len(text, at, at) and (utf8.offset(text, 2, at) or #text + 1) - at
    local piece = text:sub(at, at + (length or 1) - 1)
    local code = length and utf8.codepoint(piece)
    local hostile = not code
      or code < 32
      or (code >= 0x7F and code < 0xA0)
      or (code >= 0x200E and code <= 0x200F)
      or (code >= 0x2028 and code <= 0x202E)
      or (code >= 0x2066 and code <= 0x2069)
      -- No character, and not allowed in XML.
      or (code >= 0xFFFE and code <= 0xFFFF)
    out[#out + 1] = hostile and escape(piece) or piece
    at = at + #piece
  end
  return table.concat(out)
end

--- How many columns a text takes; it must be clean.
---@param text string
---@return integer
function M.width(text)
  if not text:find("[\128-\255]") then
    return #text
  end
  local columns = 0
  for _, code in utf8.codes(text) do
    columns = columns + columns_of(code)
  end
  return columns
end

--- The text in exactly this many columns: cut with an ellipsis, or filled with blanks.
---
--- ```lua
--- local text = require "view.text"
---
--- assert(text.pad("日本", 6) == "日本  " and text.pad("7", 3, "right") == "  7")
--- ```
---@param text string
---@param columns integer
---@param align? "left"|"right" where the text stands; left
---@return string
function M.pad(text, columns, align)
  local fitted = M.fit(text, columns)
  local blanks = (" "):rep(columns - M.width(fitted))
  return align == "right" and blanks .. fitted or fitted .. blanks
end

--- The text, cut with an ellipsis where it takes more columns.
---@param text string
---@param columns integer
---@return string
function M.fit(text, columns)
  if M.width(text) <= columns then
    return text
  elseif columns <= 0 then
    return ""
  end
  local taken, last = 0, 0
  for at, code in utf8.codes(text) do
    taken = taken + columns_of(code)
    if taken > columns - 1 then
      last = at - 1
      break
    end
  end
  return text:sub(1, last) .. "…"
end

--- The text, with an ellipsis in its middle where it takes more columns: of a path both ends tell
--- something.
---@param text string
---@param columns integer
---@return string
function M.middle(text, columns)
  if M.width(text) <= columns then
    return text
  elseif columns < 3 then
    return M.fit(text, columns)
  end
  local left, room = M.fit(text, columns // 2), columns - columns // 2
  local at, taken = #text + 1, 0
  while true do
    local before = utf8.offset(text, -1, at)
    taken = taken + columns_of(utf8.codepoint(text, before))
    if taken > room then
      return left .. text:sub(at)
    end
    at = before
  end
end

return M
