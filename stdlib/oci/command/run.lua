--- `run ID`: creates and starts a container, waits for its end, and removes it.
local console = require "oci.console"
local create = require "oci.create"

--- Lets the program run, and what follows its start.
local function release(made)
  create.release(made)
  made.lock:close()
  local root = made.call.global.root
  require("oci.start").poststart(root, made.record, made.spec)
end

local function finish(made)
  if not made.call.options.keep then
    require("oci.delete").whole(made.call.global.root, made.record)
  end
end

--- Waits in the foreground; what comes in the meantime as a signal goes on to the program.
local function follow(made)
  if made.terminal then
    made.terminal:relay { process = made.process, forward = console.SIGNALS }
  end
  local result = made.process:wait { forward = console.SIGNALS }
  return result.code
end

---@param call oci.Call
---@return integer status
return function(call)
  local detach = call.options.detach
  -- Signals that come from here on wait for who passes them on.
  if not detach then
    poll({}, { signals = console.SIGNALS, timeout = 0 })
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
