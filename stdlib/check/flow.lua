--- The order of calls in a block: what stands behind a call that never returns, and what needs a
--- right that an earlier line has given away.
---
--- Only lines of one block are compared, which follow each other for certain.
---
--- ```lua
--- local check = require "check"
---
--- local found = check.text('drop_caps { keep = {} }\nsetuser("1000")\n', "box.lua")
--- assert(found[1].code == "lost-right" and found[1].line == 2)
--- ```
local value = require "check.value"

local M = {}

--- The name of the global function that a statement calls; nil for everything else.
local function called(statement)
  local call = statement.kind == "statement" and statement.value
  if not call or call.kind ~= "call" or call.method then
    return nil
  end
  local callee = call.callee
  if callee.kind == "name" and not callee.variable then
    return callee.name, call
  elseif callee.kind == "index" and callee.object.kind == "name" and not callee.object.variable then
    local object, key = callee.object.name, callee.key.value
    return (object == "sys" and key) or (object == "os" and key == "exit" and "os.exit") or nil,
      call
  end
end

local ENDS = {
  exec = "exec does not return: the program has taken this one's place, or an error was raised",
  ["os.exit"] = "os.exit does not return",
  error = "error does not return",
}

-- Which capability a call cannot do without, in the user namespace that it is made in.
local NEEDS = {
  setuser = "setuid",
  setgroups = "setgid",
  mount = "sys_admin",
  umount = "sys_admin",
  pivot_root = "sys_admin",
  sethostname = "sys_admin",
  chroot = "sys_chroot",
}

-- After these the process may have other capabilities than before.
local RENEWS = { unshare = true, setns = true }

--- The capabilities that are left after drop_caps, where all of them are written down.
local function kept_by(call)
  local given = call.arguments[1] and value.follow(call.arguments[1])
  if not given or given.kind ~= "table" then
    return nil
  end
  for _, field in ipairs(given.fields) do
    local list = field.key and value.constant(field.key) == "keep" and value.follow(field.value)
    if list and list.kind == "table" then
      local kept = {}
      for _, item in ipairs(list.fields) do
        local word = not item.key and value.constant(item.value)
        if type(word) ~= "string" then
          return nil
        end
        kept[word] = true
      end
      return kept
    end
  end
end

--- A statement from its first word on: a call begins with what is called.
local function whole(statement)
  local first = statement.value
  while statement.kind == "statement" and (first.callee or first.object) do
    first = first.callee or first.object
  end
  return { at = statement.kind == "statement" and first.at or statement.at, to = statement.to }
end

--- Judges a block; what stands in blocks inside it is judged with them.
---@param list table[]
---@param report fun(node: table, code: string, message: string, hint: string?)
function M.block(list, report)
  local kept
  for index, statement in ipairs(list) do
    local name, call = called(statement)
    local following = list[index + 1]
    if ENDS[name] and following and following.kind ~= "label" then
      report(whole(following), "unreachable", "this is never reached: " .. ENDS[name])
      return
    elseif name == "drop_caps" then
      kept = kept_by(call)
    elseif RENEWS[name] then
      kept = nil
    elseif kept and NEEDS[name] and not kept[NEEDS[name]] then
      local what = "%s needs CAP_%s, which drop_caps has given away above"
      local hint = ("call %s first, or keep %q"):format(name, NEEDS[name])
      report(call, "lost-right", what:format(name, NEEDS[name]:upper()), hint)
    end
  end
end

return M
