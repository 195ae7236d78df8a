--- The terminal of a container: made inside, in its own devpts, and handed out over a socket.
---
--- Whoever has a terminal for the container, an engine with `--console-socket` or the runtime
--- itself in the foreground, gets the master as a descriptor. The other side comes from the master
--- and from no path (CVE-2025-52565), becomes the streams of the program, and is shown at
--- /dev/console.
---
--- ```lua
--- local console = require "oci.console"
---
--- local pair <close> = console.pair()
--- local child <close> = spawn(function()
---   pair.theirs:send("terminal", { fds = { pty() } })
--- end)
--- assert(is_tty(pair:terminal()))
--- ```
local options = require "options"

local M = {}

local Pair = {}
Pair.__index = Pair

--- Connects to the socket of `--console-socket`.
---@param path string
---@return any fd
function M.connect(path)
  local socket, err = try(socket_connect, path)
  if err then
    options.fail("oci", ("console socket %s: %s"):format(path, err.message), err.hint)
  end
  return socket
end

--- Two ends of a connection of this process's own; the child sends over `theirs`.
function M.pair()
  local dir <close> = temp_dir()
  local listener <close> = socket_listen(dir.path .. "/s")
  local theirs = socket_connect(dir.path .. "/s")
  return setmetatable({ theirs = theirs, ours = listener:accept() }, Pair)
end

--- The terminal that the child has sent; nil where it ended before.
---@return any? pty
function Pair:terminal()
  self.theirs:close()
  local master = self.ours:receive().fds[1]
  self.ours:close()
  if not master then
    return nil
  end
  local window = is_tty(0) and try(window_size, 0) or {}
  return pty { ptmx = master, rows = window.rows, columns = window.columns }
end

function Pair:close()
  self.theirs:close()
  self.ours:close()
end

Pair.__close = Pair.close

--- Makes the terminal and hands it out; in the child, in the container's root.
---@param socket any
---@param size? { height: integer, width: integer }
---@return any pty
function M.open(socket, size)
  local terminal, err = try(pty, {
    ptmx = "/dev/pts/ptmx",
    rows = size and size.height or nil,
    columns = size and size.width or nil,
  })
  if err then
    options.fail("oci", "a terminal cannot be made: " .. err.message, "mount devpts at /dev/pts")
  end
  socket:send(terminal.path, { fds = { terminal } })
  socket:close()
  return terminal
end

--- Shows the terminal at /dev/console; in the child, before it gives its rights up. Somebody else
--- may have the root as well and put a link there meanwhile (CVE-2025-52565): that is an error.
---@param terminal any
function M.show(terminal)
  local dev <close> = rootfs_open("/dev")
  dev:bind(terminal.slave, "console", { no_symlinks = true })
end

--- Makes the terminal this process's own, and its user's.
---@param terminal any
---@param uid integer
function M.attach(terminal, uid)
  terminal_attach(terminal)
  if uid ~= 0 then
    try(chown, "/proc/self/fd/0", { uid = uid })
  end
  terminal:close()
end

return M
