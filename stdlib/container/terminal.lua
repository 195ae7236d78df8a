--- A container, or a command in one, with a terminal of its own that is joined to the caller's.
---
--- The terminal is made in the container's own devpts, so that its name means the same inside; the
--- caller's goes into raw mode meanwhile and gets its modes back whatever happens.
---
--- ```lua
--- local terminal = require "container.terminal"
---
--- assert(terminal.multiplexer(42) == "/proc/42/root/dev/pts/ptmx")
--- ```
local build = require "container.build"

local M = {}

--- The multiplexer of a container's devpts, as its owner reaches it. The file system there was made
--- by this program, and nothing of the container has run in it yet.
---@param pid integer
function M.multiplexer(pid)
  return ("/proc/%d/root/dev/pts/ptmx"):format(pid)
end

local function size()
  local known = is_tty(0) and try(window_size, 0)
  return known or { rows = 24, columns = 80 }
end

--- Runs a container to its end with a terminal.
---@param box container.Box
---@param command string[]
---@param how table
---@param launch function starts the box, parked
---@return table result of process:wait
function M.run(box, command, how, launch)
  how.session = true
  launch(box, command, how, true)
  local process = box.run_state.process
  local window = size()
  local terminal <close> = pty {
    ptmx = M.multiplexer(process.pid),
    rows = window.rows,
    columns = window.columns,
  }
  build.go(box.name)
  -- The relay closes the slave here: before the program has it open, that were the terminal's end.
  build.started(box.run_state, box.config)
  box:mark_running()
  terminal:relay { process = process }
  return process:wait()
end

--- Runs a command in a container to its end with a terminal.
---@param box container.Box
---@param command string[]
---@param how container.ExecOptions
---@return table result of process:wait
function M.exec(box, command, how)
  local enter = require "container.enter"
  local window = size()
  local record = box:status()
  local inside <close> = record.pid and enter.entrance(record)
  local terminal <close> = pty {
    ptmx = inside and M.multiplexer(inside.pid),
    rows = window.rows,
    columns = window.columns,
  }
  local process <close> = enter.start(box, command, how, terminal)
  process:started()
  terminal:relay { process = process }
  return process:wait()
end

return M
