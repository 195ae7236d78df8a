--- `exec ID COMMAND…`: runs one more program in a container; the status is the program's.
local signals = require "oci.signals"

---@param call oci.Call
---@return integer status
return function(call)
  local given = call.options
  if not given.detach then
    -- Signals that come from here on wait for the program.
    poll({}, { signals = signals, timeout = 0 })
  end
  local run = require("oci.exec").start(call)
  require("oci.announce").process(given, run.child)
  if given.detach then
    run.child:keep()
    return 0
  end
  if run.terminal then
    run.terminal:relay { process = run.child, forward = signals }
  end
  return run.child:wait({ forward = signals }).code
end
