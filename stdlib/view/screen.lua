--- A full screen with a keyboard: the terminal's other buffer, no cursor, keys without Enter.
---
--- The terminal is given back as it was when the screen closes, which is at the latest when the
--- script ends: at its end, by an error, or by a signal. Keys come from the controlling terminal
--- (tty(4)), so that standard input may be something else.
---
--- ```lua
--- local screen = require "view.screen"
---
--- if screen.possible() then
---   local shown <close> = screen.open()
---   shown:draw { "any key ends this" }
---   shown:key("10s")
--- end
--- ```
local M = {}

local ENTER = "\27[?1049h\27[?25l"
local LEAVE = "\27[?25h\27[?1049l"

---@class view.Screen
local Screen = {}
Screen.__index = Screen

--- Whether standard output is a terminal that can move its cursor.
---@return boolean
function M.possible()
  return is_tty(1) and os.getenv("TERM") ~= "dumb"
end

--- The controlling terminal, in raw mode; nil where there is none.
local function keyboard()
  local dev <close> = rootfs_open("/dev")
  local terminal = try(dev.open, dev, "/tty", { special = true })
  local raw = terminal and try(raw_mode, terminal)
  if terminal and not raw then
    terminal:close()
  end
  return raw and terminal, raw
end

--- Takes the terminal.
---@return view.Screen
function M.open()
  local self = setmetatable({}, Screen)
  self.terminal, self.raw = keyboard()
  -- The buffer goes back before the modes, and both whatever ends the script.
  self.back = defer(function()
    io.stdout:write(LEAVE)
    io.stdout:flush()
  end)
  io.stdout:write(ENTER)
  io.stdout:flush()
  return self
end

--- Columns and rows; a terminal that does not tell has 80 and 24.
---@return integer columns
---@return integer rows
function Screen:size()
  local size = window_size(1)
  return size.columns > 0 and size.columns or 80, size.rows > 0 and size.rows or 24
end

--- Shows the lines from the top on, as many as fit; each must fit into the width.
---@param lines string[]
function Screen:draw(lines)
  local _, rows = self:size()
  local out = { "\27[H" }
  for index = 1, math.min(#lines, rows) do
    -- A raw terminal adds no carriage return, and after the last row a line's end would scroll.
    out[#out + 1] = (index > 1 and "\r\n" or "") .. lines[index] .. "\27[0m\27[K"
  end
  out[#out + 1] = "\27[J"
  io.stdout:write(table.concat(out))
  io.stdout:flush()
end

--- The next key, or what came together with it: "q", "\3" for Ctrl-C, "\27[A" for an arrow.
---@param timeout string how long to wait: "1s"
---@return string? key nil where none came in time; "" where the terminal is gone
function Screen:key(timeout)
  local source = self.terminal
  if not source then
    -- Without a keyboard the time is all that comes.
    self.never = self.never or pipe()
    source = self.never.read
  end
  local key, err = try(source.read, source, 64, { timeout = timeout })
  if err and err.errno == "ETIMEDOUT" then
    return nil
  end
  return key or ""
end

--- Gives the terminal back; the second time it does nothing.
function Screen:close()
  self.back:close()
  if self.raw then
    self.raw:close()
    self.terminal:close()
  end
  if self.never then
    self.never.read:close()
    self.never.write:close()
  end
end

Screen.__close = Screen.close

return M
