--- A bar: how much of a limit is taken, in eighths of a character.
---
--- ```lua
--- local bar = require "view.bar"
---
--- assert(bar.render(0.5, { width = 8 }) == "████░░░░")
--- assert(bar.render(0.5, { width = 8, ascii = true }) == "####....")
--- ```
local colour = require "view.colour"
local options = require "options"

local M = {}

local EIGHTHS = { "▏", "▎", "▍", "▌", "▋", "▊", "▉" }

--- The colour of a share of a limit: green, yellow from 75 %, red from 90 %.
---@param share number?
---@return string?
function M.shade(share)
  if not share then
    return nil
  end
  return share >= 0.9 and "red" or share >= 0.75 and "yellow" or "green"
end

---@class view.BarOptions
---@field width? integer characters; 20
---@field ascii? boolean only ASCII
---@field colours? boolean

--- The bar; a share that is not known is an empty one, one above 1 a full one.
---@param share number?
---@param given? view.BarOptions
---@return string
function M.render(share, given)
  given = options.check(
    "view.bar.render",
    given,
    { width = "integer", ascii = "boolean", colours = "boolean" }
  )
  local width = given.width or 20
  local eighths = math.floor(math.min(math.max(share or 0, 0), 1) * width * 8 + 0.5)
  local full, rest = eighths // 8, eighths % 8
  if given.ascii then
    full = (eighths + 4) // 8
    return ("#"):rep(full) .. ("."):rep(width - full)
  end
  local part = EIGHTHS[rest] or ""
  local empty = width - full - (part == "" and 0 or 1)
  local filled = colour.paint(("█"):rep(full) .. part, M.shade(share), given.colours)
  return filled .. colour.paint(("░"):rep(empty), "dim", given.colours)
end

return M
