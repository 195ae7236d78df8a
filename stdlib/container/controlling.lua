--- The controlling terminal of whoever starts a container, which nothing in it may have.
---
--- A program can type on its controlling terminal: what it puts there (TIOCSTI) the caller's shell
--- reads as a command when the container has ended (CVE-2017-5226). In a session of its own it
--- would be without the terminal, and without Ctrl-C too; so the process gives up the terminal and
--- stays in its group, which the keys go to.
---
--- ```lua
--- local controlling = require "container.controlling"
---
--- local child <close> = spawn(function()
---   controlling.give_up(controlling.open())
---   assert(proc_stat().tty_nr == 0)
--- end)
--- assert(child:wait().code == 0)
--- ```
local M = {}

--- Opens it: to be called where /dev and /proc are the caller's. Nil where there is none.
---@return any? fd
function M.open()
  if proc_stat().tty_nr == 0 then
    return nil
  end
  return open("/dev/tty", { read = true, write = true })
end

--- Gives it up, and closes it.
---@param terminal any? what `open` has answered
function M.give_up(terminal)
  if terminal then
    terminal_detach(terminal)
    terminal:close()
  end
end

return M
