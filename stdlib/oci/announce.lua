--- Tells who asked for it which process has been started: by its number in a file, and by a
--- descriptor over a socket.
---
--- ```lua
--- local announce = require "oci.announce"
---
--- local child <close> = fork(function() end)
--- local dir <close> = temp_dir()
--- announce.process({ pid_file = dir.path .. "/pid" }, child)
--- assert(read_file(dir.path .. "/pid") == tostring(child.pid))
--- ```
local M = {}

---@param given { pid_file: string?, pidfd_socket: string? } options of a command
---@param process any
function M.process(given, process)
  if given.pid_file then
    -- Whole, whenever it is read.
    write_file(given.pid_file, tostring(process.pid), { mode = "0644", atomic = true })
  end
  if given.pidfd_socket then
    -- As runc does it: the descriptor's name is the text.
    local socket <close> = socket_connect(given.pidfd_socket)
    socket:send("pidfd", { fds = { process } })
  end
end

return M
