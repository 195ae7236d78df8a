--- Waiting for a program in the foreground: signals that come to the script go on to it.
---
--- The first process of a pid namespace gets no signal that it has no handler for
--- (pid_namespaces(7)): Ctrl-C would do nothing to a container that runs `sleep`. So what would be
--- dropped, and is meant to end a program, becomes SIGKILL.
---
--- ```lua
--- local foreground = require "container.foreground"
---
--- local child <close> = spawn({ unshare = { "user", "pid" } }, function()
---   exec { "sleep", "60" }
--- end)
--- child:started()
--- foreground.pass(child, "int")
--- assert(foreground.wait(child).signal == "kill")
--- ```
local units = require "view.units"

local M = {}

--- The signals that go on where nothing else is said.
M.SIGNALS = { "hup", "int", "quit", "term", "usr1", "usr2", "cont", "winch" }

-- Those that end a program, with their numbers (signal(7)).
local ENDING = { hup = 1, int = 2, quit = 3, term = 15, usr1 = 10, usr2 = 12 }

--- Whether the kernel would drop a signal: the process is the first of its namespace, and neither
--- catches it nor holds it back to read it from a signalfd.
local function is_dropped(process, signal)
  local number = math.tointeger(signal) or ENDING[signal]
  local status = number and try(proc_status, process.pid)
  if not status or not status.ns_pid or status.ns_pid[#status.ns_pid] ~= 1 then
    return false
  end
  local heard = tonumber(status.sig_cgt, 16) | tonumber(status.sig_blk, 16)
  return heard & (1 << (number - 1)) == 0
end

--- Sends a signal on; one that would be dropped kills.
---@param process any
---@param signal string|integer
function M.pass(process, signal)
  local _, err = try(process.kill, process, is_dropped(process, signal) and "kill" or signal)
  if err and err.errno ~= "ESRCH" then
    -- No such signal, or no right to send it: who waits for an end must know.
    error(err, 0)
  end
end

--- Starts a program. Signals that come from here on wait for `wait`, and go on to the program: it
--- may be heard of before its start is over here.
---@param start function
---@param forward? string[]
---@return any what `start` answers
function M.start(start, forward)
  poll({}, { signals = forward or M.SIGNALS, timeout = 0 })
  local ok, answer = pcall(start)
  if not ok then
    -- What has come meanwhile ends the script as ever.
    poll({}, { timeout = 0 })
    error(answer, 0)
  end
  return answer
end

--- Waits until a program has ended.
---@param process any
---@param given? { timeout: any, forward: string[]? }
---@return table? result of process:wait; nil after the timeout
function M.wait(process, given)
  local timeout = given and given.timeout
  local deadline = timeout and clock("monotonic") + units.seconds(timeout)
  local how = { signals = given and given.forward or M.SIGNALS }
  while true do
    if deadline then
      local left = math.max(0, deadline - clock("monotonic"))
      how.timeout = ("%dms"):format(math.ceil(left * 1000))
    end
    local rows = poll({ process }, how)
    if #rows == 0 then
      return nil
    end
    for _, row in ipairs(rows) do
      if row.signal then
        M.pass(process, row.signal)
      else
        -- From here on a signal ends the script again.
        poll({}, { timeout = 0 })
        return process:wait()
      end
    end
  end
end

return M
