--- `run ID`: creates and starts a container, waits for its end, and removes it.
local create = require "oci.create"
local signals = require "oci.signals"

--- Lets the program run, and what follows its start.
local function release(made)
  create.release(made)
  made.lock:close()
  if made.record.poststart then
    require("oci.start").poststart(made.call.global.root, made.record, made.spec)
  end
end

local function finish(made)
  if not made.call.options.keep then
    require("oci.delete").whole(made.call.global.root, made.record)
  end
end

--- Waits in the foreground; what comes in the meantime as a signal goes on to the program.
local function follow(made)
  if made.terminal then
    made.terminal:relay { process = made.process, forward = signals }
  end
  local result = made.process:wait { forward = signals }
  -- Its number is nobody's any more, or another's.
  made.record.pid = nil
  return result.code
end

---@param call oci.Call
---@return integer status
return function(call)
  local detach = call.options.detach
  -- Signals that come from here on wait for who passes them on.
  if not detach then
    poll({}, { signals = signals, timeout = 0 })
    if not call.options.no_subreaper then
      child_subreaper(true)
    end
  end
  local made = create.make(call, { at_once = true, detach = detach })
  local guard = defer(function()
    finish(made)
  end)
  if made.pair then
    made.terminal = made.pair:terminal()
  end
  release(made)
  if detach then
    guard:keep()
    made.process:keep()
    return 0
  end
  local status = follow(made)
  guard:close()
  return status
end
