--- Candidates for what may follow at a prompt: made, sorted, and narrowed to what is written.
---
--- ```lua
--- local candidates = require "repl.candidates"
---
--- local list = { candidates.new("mount", "primitive"), candidates.new("umount", "primitive") }
--- assert(#candidates.matching(list, "mou") == 1 and #candidates.matching(list, "oun") == 2)
--- ```
local M = {}

--- More are no choice.
M.MOST = 300

--- A candidate: what is written, what a list of candidates shows, and what it is.
---@class repl.Candidate
---@field text string
---@field display string
---@field kind string

---@param text string
---@param kind string
---@param display? string the text itself without it
---@return repl.Candidate
function M.new(text, kind, display)
  return { text = text, display = display or text, kind = kind }
end

--- Candidates whose beginning is what is written; where there is none, those that contain it.
function M.matching(list, word)
  local found, inner = {}, {}
  for _, one in ipairs(list) do
    if one.text:sub(1, #word) == word then
      found[#found + 1] = one
    elseif #word > 2 and one.text:find(word, 1, true) then
      inner[#inner + 1] = one
    end
  end
  return #found > 0 and found or inner
end

--- Candidates of equal text once, in order, and not too many.
function M.finished(list)
  local seen, out = {}, {}
  for _, one in ipairs(list) do
    if not seen[one.text] and #out < M.MOST then
      seen[one.text] = true
      out[#out + 1] = one
    end
  end
  return out
end

--- The list itself, by text.
function M.sorted(list)
  table.sort(list, function(a, b)
    return a.text < b.text
  end)
  return list
end

return M
