--- The filter of supervised calls: which of them functions judge, and what happens to the others.
---
--- ```lua
--- local filters = require "supervise.filter"
---
--- local by_name = filters.handlers("example", { ["@reboot"] = function() end })
--- local filter = filters.compile("example", { errno = { "mkdir" } }, by_name)
--- assert(filter:decide("reboot").action == "notify")
--- assert(filter:decide("mkdir").action == "errno")
--- assert(filter:decide("rmdir").action == "allow")
--- ```
local options = require "options"

local M = {}

--- Every call by its name: a name wins over the groups that hold it.
---@param op string the function that was called
---@param notify table<string, fun(req: supervise.Request)>
---@return table<string, fun(req: supervise.Request)>
function M.handlers(op, notify)
  local by_name, named = {}, {}
  for key, handler in pairs(notify) do
    options.expect(op, "notify." .. tostring(key), handler, "function")
    if type(key) == "string" and key:sub(1, 1) == "@" then
      for _, name in ipairs(seccomp_groups(key)) do
        by_name[name] = named[name] and by_name[name] or handler
      end
    else
      by_name[key], named[key] = handler, true
    end
  end
  if next(by_name) == nil then
    options.fail(op, "notify names no call", "give a function by call: notify = { mkdir = … }")
  end
  if by_name["*"] then
    return by_name
  elseif named.sendmsg then
    options.fail(
      op,
      "notify.sendmsg: this call hands over the filter's listener, before anybody could answer",
      "supervise connect, sendto or socket instead"
    )
  end
  by_name.sendmsg = nil
  return by_name
end

--- The filter: what is to be judged is notified, all else is as `filter` says, or allowed.
---@param op string
---@param given? table `supervise.Options.filter`
---@param by_name table what `handlers` has answered
---@param begun? boolean nobody has to be told where the command begins
---@return any filter compiled
function M.compile(op, given, by_name, begun)
  local filter = { default = "allow" }
  for key, value in pairs(given or {}) do
    filter[key] = value
  end
  if filter.notify then
    options.fail(op, "filter.notify: the calls come from `notify`")
  end
  filter.notify = options.keys(by_name)
  if by_name["*"] then
    -- Also what was named alone: the listener is the same.
    filter.default, filter.notify = "notify", nil
    local allow = {}
    for _, name in ipairs(filter.allow or {}) do
      -- Where the command begins.
      allow[#allow + 1] = name ~= "execve" and name or nil
    end
    filter.allow = allow
    return seccomp_compile(filter)
  end
  -- Where the command begins.
  if not by_name.execve and not begun then
    filter.notify[#filter.notify + 1] = "execve"
  end
  return seccomp_compile(filter)
end

return M
