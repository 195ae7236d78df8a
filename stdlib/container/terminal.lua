--- A container, or a command in one, with a terminal of its own that is joined to the caller's.
---
--- The terminal is made in the container's own devpts, so that its name means the same inside; the
--- caller's goes into raw mode meanwhile and gets its modes back whatever happens.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.new { rootfs = "host" }
--- box:start { "sleep", "100" }
--- local multiplexer = require("container.terminal").multiplexer(box.pid)
--- local terminal <close> = pty { ptmx = multiplexer }
--- assert(is_tty(terminal.slave))
--- box:stop { timeout = "0s" }
--- ```
local build = require "container.build"
local options = require "options"
local planned = require "planned"

local M = {}

local PTMX = "/dev/pts/ptmx"

--- Opens the multiplexer of a container's devpts. The container may have put something else there,
--- or a link, so it is named inside of its root, judged, and then that very file is opened.
---@param pid integer its first process
---@return any fd
function M.multiplexer(pid)
  local root <close> = rootfs_open(("/proc/%s/root"):format(pid))
  if planned(pid) then
    return root:open(PTMX, { write = true, special = true })
  end
  local place <close> = root:open(PTMX, { path_only = true })
  local name = ("/proc/self/fd/%d"):format(place.number)
  local found = stat(name)
  if found.type ~= "char" or found.major ~= 5 or found.minor ~= 2 then
    local what = ("the container's %s is a %s and no multiplexer of terminals"):format(
      PTMX,
      found.type
    )
    options.fail("container", what, "its devpts was taken away: there is no terminal to be had")
  end
  return open(name, { read = true, write = true })
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
