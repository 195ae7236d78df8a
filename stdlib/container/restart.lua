--- When a program that has ended is started again, and after how long.
---
--- ```lua
--- local restart = require "container.restart"
---
--- local record = { restarts = 0 }
--- local policy = { policy = "on-failure", retries = 1, delay = "100ms" }
--- assert(restart.again(policy, record, { code = 0 }) == nil)
--- assert(restart.again(policy, record, { code = 1 }) == "100ms")
--- assert(restart.again(policy, record, { code = 1 }) == nil)
--- ```
local M = {}

local LONGEST = 60000

--- The pause in milliseconds: twice as long each time, a minute at most, so that a program that
--- fails at once does not keep the machine busy.
local function pause(delay, restarts)
  local number, unit = delay:match("^(%d+)(%a+)$")
  local scale = ({ ms = 1, s = 1000, m = 60000 })[unit] or 1
  local first = (math.tointeger(tonumber(number)) or 100) * scale
  return ("%dms"):format(math.min(LONGEST, first << math.min(restarts, 10)))
end

--- Judges an end. Where the answer is to start again, the restart is counted.
---@param policy { policy: string, retries: integer?, delay: string }
---@param record { restarts: integer }
---@param result { code: integer }
---@param stopping? boolean somebody has asked for the end
---@return string? delay a duration; nil for no restart
function M.again(policy, record, result, stopping)
  local wanted = policy.policy == "always"
    or policy.policy == "unless-stopped"
    or (policy.policy == "on-failure" and result.code ~= 0)
  if not wanted or stopping then
    return nil
  end
  if policy.retries and record.restarts >= policy.retries then
    return nil
  end
  local delay = pause(policy.delay, record.restarts)
  record.restarts = record.restarts + 1
  return delay
end

return M
