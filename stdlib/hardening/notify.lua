--- The calls of a profile that functions answer: `seccomp = { notify = { mkdirat = function(req) …
--- end } }`.
---
--- They are asked by a filter of their own beside the profile's: of two filters the stricter answer
--- holds (seccomp(2)), so what the profile refuses stays refused, with every condition, and of what
--- it allows these calls are asked about. A call that the profile refuses as a whole is opened, for
--- else nobody would ever be asked: then the function alone decides.
---
--- Functions cannot be written down. In a profile that comes from a file a list of names stands in
--- their place; with it a process can be put under the same filters where somebody else answers
--- (see `container.answers`), and nothing can be started anew.
---
--- ```lua
--- local hardening = require "hardening"
--- local notify = require "hardening.notify"
---
--- local profile = hardening.resolve {
---   "strict",
---   seccomp = { notify = { mount = function(req) req:errno("EACCES") end } },
--- }
--- local prepared = hardening.prepare(profile, { root = true })
--- assert(prepared.notify.filter:decide("mount").action == "notify")
--- assert(prepared.filter:decide("mount").action == "allow")
--- assert(notify.written(profile).seccomp.notify[1] == "mount")
--- ```
local filters = require "supervise.filter"
local options = require "options"

local M = {}

--- Whether only names are left: the functions went with the script that had them.
---@param notify table
---@return boolean
function M.is_lost(notify)
  return #notify > 0
end

--- Fails where nobody could answer.
---@param op string
---@param notify table
function M.demand(op, notify)
  if M.is_lost(notify) then
    local names = table.concat(notify, ", ")
    options.fail(
      op,
      ("seccomp.notify: %s: names, and no functions that answer"):format(names),
      "a function cannot be written down: give notify = { "
        .. tostring(notify[1])
        .. " = function(req) … end } in the script that starts this"
    )
  end
end

--- The functions by the call's name.
local function handlers(op, notify)
  if notify["*"] then
    options.fail(
      op,
      'seccomp.notify["*"]: every call would be asked about before anybody could answer',
      "name the calls, or groups such as @file-system"
    )
  end
  return filters.handlers(op, notify)
end

-- The one joined to the other: lists of calls, and rules.
local function join(op, base, wanted)
  options.check(op .. ": seccomp.filter", wanted, {
    errno = "list",
    errno_ret = { "string", "integer" },
    kill = "list",
    kill_process = "list",
    kill_thread = "list",
    log = "list",
    trap = "list",
    rules = "list",
  })
  local made = options.copy(base or {})
  for key, value in pairs(wanted) do
    if type(value) == "table" then
      made[key] = table.move(value, 1, #value, #(made[key] or {}) + 1, made[key] or {})
    else
      made[key] = value
    end
  end
  return made
end

--- Lays what was written over what the profile has; checked as far as it can be.
---@param op string
---@param spec table the profile's `seccomp`: its `notify` and `filter` are set
---@param wanted table
---@param known fun(op: string, place: string, name: string) fails for a call that there is not
function M.change(op, spec, wanted, known)
  local notify, filter = wanted.notify, wanted.filter
  if notify and type(notify.notify) == "table" then
    -- As `supervise.egress` answers it: functions, and a filter without which they are not enough.
    filter = filter and join(op, notify.filter, filter) or notify.filter
    notify = notify.notify
  end
  if notify then
    M.demand(op, notify)
    for _, name in ipairs(options.keys(handlers(op, notify))) do
      known(op, "seccomp.notify", name)
    end
    local made = {}
    for _, source in ipairs { spec.notify or {}, notify } do
      for name, handler in pairs(source) do
        made[name] = handler
      end
    end
    spec.notify = made
  end
  if filter then
    spec.filter = join(op, spec.filter, filter)
  end
end

--- The calls that are asked about.
---@param op string
---@param notify table
---@return string[]
function M.names(op, notify)
  return M.is_lost(notify) and notify or options.keys(handlers(op, notify))
end

--- What is asked, and who answers it.
---@param op string
---@param spec table a profile's `seccomp`
---@param architectures string[] those of the profile's own filter
---@return { filter: any, handlers: table?, names: string[] } notify without `handlers` where they
--- are lost
function M.prepare(op, spec, architectures)
  local names = spec.notify and M.names(op, spec.notify) or {}
  local asked = {}
  for _, name in ipairs(names) do
    asked[name] = true
  end
  local filter = options.copy(spec.filter or {})
  filter.architectures = architectures
  if #names == 0 then
    filter.default = "allow"
    return { filter = seccomp_compile(filter), names = names }
  end
  return {
    filter = filters.compile(op, filter, asked, true),
    handlers = not M.is_lost(spec.notify) and handlers(op, spec.notify) or nil,
    names = names,
  }
end

--- A profile as it can be written down.
---@param profile table
---@return table
function M.written(profile)
  local spec = profile.seccomp
  if not spec or not spec.notify then
    return profile
  end
  local made, seccomp = {}, {}
  for key, value in pairs(profile) do
    made[key] = value
  end
  for key, value in pairs(spec) do
    seccomp[key] = value
  end
  seccomp.notify = M.names("hardening.resolve", spec.notify)
  made.seccomp = seccomp
  return made
end

return M
