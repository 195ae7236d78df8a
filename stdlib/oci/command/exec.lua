--- `exec ID COMMAND…`: runs one more program in a container; the status is the program's.
local console = require "oci.console"

---@param call oci.Call
---@return integer status
return function(call)
  local given = call.options
  if not given.detach then
    -- Signals that come from here on wait for the program.
    poll({}, { signals = console.SIGNALS, timeout = 0 })
  end
  local run = require("oci.exec").start(call)
  local create = require "oci.create"
  create.write_pid(given.pid_file, run.child.pid)
  create.send_pidfd(given.pidfd_socket, run.child)
  if given.detach then
    run.child:keep()
    return 0
  end
  if run.terminal then
    run.terminal:relay { process = run.child, forward = console.SIGNALS }
  end
  return run.child:wait({ forward = console.SIGNALS }).code
end
