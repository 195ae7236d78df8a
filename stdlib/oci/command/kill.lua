--- `kill ID [SIGNAL]`: sends a signal to a container's first process, or to all of them.
local options = require "options"
local state = require "oci.state"

-- The first of the real-time signals that programs may use: glibc keeps two for itself (signal(7)).
local RTMIN, RTMAX = 34, 64

--- A signal as callers write it: 9, KILL, SIGKILL, kill, RTMIN+3.
local function parse(text)
  local number = math.tointeger(tonumber(text))
  if number then
    if number < 0 or number > RTMAX then
      options.fail("oci", ("unknown signal %q"):format(text))
    end
    return number
  end
  local name = text:upper():gsub("^SIG", "")
  local base, sign, offset = name:match("^(RTM%a%a)([+-]?)(%d*)$")
  local from = ({ RTMIN = RTMIN, RTMAX = RTMAX })[base]
  if from then
    local by = tonumber(offset) or 0
    return math.tointeger(sign == "-" and from - by or from + by)
  end
  return name:lower()
end

local function unknown(text, err)
  if err and not err.errno then
    options.fail("oci", ("unknown signal %q"):format(text), err.hint)
  end
  error(err, 0)
end

local function signal_one(call, id)
  local delete = require "oci.delete"
  local record = state.get(call.global.root, id)
  local text = call.operands[2] or "TERM"
  local signal = parse(text)
  if call.options.all then
    local group = record.cgroup and require("oci.cgroup").open(record.cgroup)
    if group and #group:pids() > 0 then
      local _, err = try(group.kill, group, signal)
      return err and unknown(text, err) or 0
    end
  end
  if record.status == "stopped" then
    if call.options.all then
      return 0
    end
    options.fail("oci", "container not running")
  elseif record.status == "paused" and (signal == "kill" or signal == 9) then
    -- What v1 has frozen does not die.
    require("oci.cgroup").open(record.cgroup):thaw()
  end
  local sent, err = try(delete.signal, record, signal)
  if err then
    unknown(text, err)
  elseif not sent then
    options.fail("oci", "container not running")
  end
  return 0
end

---@param call oci.Call
---@return integer status
return function(call)
  if call.options.regex then
    return require("oci.several").each(call, signal_one)
  end
  return signal_one(call, call.operands[1])
end
