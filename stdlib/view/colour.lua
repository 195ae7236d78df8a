--- Colours where they are wanted: on a terminal, and not with NO_COLOR (https://no-color.org) or
--- TERM=dumb.
---
--- ```lua
--- local colour = require "view.colour"
---
--- assert(colour.paint("done", "green", false) == "done")
--- assert(colour.paint("done", "green", true) == "\27[32mdone\27[0m")
--- ```
local M = {}

local CODES = {
  bold = "1",
  dim = "2",
  reverse = "7",
  red = "31",
  green = "32",
  yellow = "33",
  blue = "34",
  magenta = "35",
  cyan = "36",
}

--- Whether what is written there should have colours.
---@param terminal? any an fd, a pty, or 0, 1, 2; standard output
---@return boolean
function M.wanted(terminal)
  if (os.getenv("NO_COLOR") or "") ~= "" or os.getenv("TERM") == "dumb" then
    return false
  end
  return is_tty(terminal or 1)
end

--- The text in a colour, or as it is.
---@param text string
---@param name? string "red", "green", "yellow", "blue", "magenta", "cyan", "bold", "dim", "reverse"
---@param on? boolean false leaves the text as it is
---@return string
function M.paint(text, name, on)
  local code = name and CODES[name]
  if not on or not code or text == "" then
    return text
  end
  return ("\27[%sm%s\27[0m"):format(code, text)
end

return M
