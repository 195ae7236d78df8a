--- Cases that assert kernel state, each run in a process of its own.
---
--- ```lua
--- local test = require "test"
---
--- test.case("a name set in a new uts namespace stays there", { "root" }, function(t)
---   local before = sysctl_get("kernel.hostname")
---   local child <close> = spawn({ unshare = { "uts" } }, function()
---     sethostname("inside")
---   end)
---   t.eq(child:wait().code, 0)
---   t.eq(sysctl_get("kernel.hostname"), before)
--- end)
---
--- return test.run()
--- ```
---
--- The file answers `--list` (a line a case: name, tab, why it must be skipped) and
--- `--case NAME`. A case ends with status 0, or with its failure on standard error.
local wanted = require "needs"

local M = {}

local cases = {}

local function read(path)
  local file <close> = io.open(path)
  return file and file:read("a")
end

--- Declares a need of a file's own: the probe answers nil, or why the machine does not have it.
---
--- ```lua
--- local test = require "test"
---
--- test.need("hour", function(hour)
---   return os.date("%H") ~= hour and "it is another hour" or nil
--- end)
--- ```
---@param name string
---@param probe fun(argument: string): string? what stands behind the colon of "name:argument"
function M.need(name, probe)
  wanted.add(name, probe)
end

--- Why a need is not met here, or nil.
---
--- ```lua
--- local test = require "test"
---
--- print(test.unmet("program:tc") or "tc is there")
--- ```
---@param need string "root", "cgroup:memory"
---@return string? reason
function M.unmet(need)
  return wanted.unmet(need)
end

--- Declares a case: a sentence that must hold, what it needs, and the proof.
---@param name string
---@param needs string[]|function what it needs; the body, where that is nothing
---@param body? fun(t: table) the proof
function M.case(name, needs, body)
  if type(needs) == "function" then
    needs, body = {}, needs
  end
  cases[#cases + 1] = { name = name, needs = needs, body = body }
end

local function show(value)
  if type(value) == "string" then
    return ("%q"):format(value)
  end
  if type(value) == "table" and not getmetatable(value) then
    local parts = {}
    for key, item in pairs(value) do
      parts[#parts + 1] = ("%s=%s"):format(tostring(key), show(item))
    end
    table.sort(parts)
    return "{" .. table.concat(parts, ", ") .. "}"
  end
  return tostring(value)
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

--- What a case's function is given.
local T = {}

--- Tables are compared by content.
function T.eq(found, expected, what)
  if not same(found, expected) then
    error(("%s: expected %s, found %s"):format(what or "value", show(expected), show(found)), 2)
  end
end

function T.ne(found, unwanted, what)
  if same(found, unwanted) then
    error(("%s: must not be %s"):format(what or "value", show(unwanted)), 2)
  end
end

function T.ok(value, what)
  if not value then
    error(("%s: expected something true, found %s"):format(what or "value", show(value)), 2)
  end
end

--- A Lua pattern, or a plain text with `plain`.
function T.match(text, pattern, plain)
  if not tostring(text):find(pattern, 1, plain) then
    error(("expected a text with %q, found %s"):format(pattern, show(text)), 2)
  end
end

--- The call must fail: with this errno, or with this text in its message. Answers the error.
function T.fails(expected, body, ...)
  local ok, err = pcall(body, ...)
  if ok then
    error(("expected a failure with %q, but it succeeded"):format(expected), 2)
  end
  local is_errno = expected:match("^E[A-Z0-9]+$")
  local shown = tostring(err)
  if type(err) == "table" and not getmetatable(err) then
    -- What the stdlib raises is a plain table until it has left the script.
    shown = ("%s: %s (%s)"):format(err.op, err.message, err.hint)
  end
  local found = is_errno and type(err) == "table" and err.errno or shown
  if is_errno and found ~= expected or not is_errno and not found:find(expected, 1, true) then
    error(("expected a failure with %q, found: %s"):format(expected, shown), 2)
  end
  return err
end

--- Waits until a probe answers something true, half a minute at most. Answers that.
function T.eventually(what, probe)
  local deadline = clock "monotonic" + 30
  while true do
    local found = probe()
    if found then
      return found
    elseif clock "monotonic" > deadline then
      error(what .. ": expected within half a minute", 2)
    end
    poll({}, { timeout = "10ms" })
  end
end

--- Runs `body` in a child with the namespaces `unshare`; its failure is this case's failure.
function T.inside(unshare, body)
  local child <close> = spawn({ unshare = unshare }, body)
  T.eq(child:wait().code, 0, "the child's status")
end

T.read = read
T.show = show

--- Lists or runs the cases of the file, as `arg` says.
function M.run()
  if arg[1] == "--list" then
    -- Some needs start a program to find out: each is asked once.
    local answers = setmetatable({}, {
      __index = function(known, need)
        known[need] = M.unmet(need) or false
        return known[need]
      end,
    })
    for _, case in ipairs(cases) do
      local reason, user, minutes
      for _, need in ipairs(case.needs) do
        user = user or need == "user"
        minutes = minutes or need:match("^minutes:(%d+)$")
        reason = reason or answers[need] or nil
      end
      print(table.concat({ case.name, reason or "", user and "user" or "", minutes or "1" }, "\t"))
    end
    return 0
  end
  for _, case in ipairs(cases) do
    if arg[1] == nil or arg[2] == case.name then
      case.body(T)
    end
  end
  return 0
end

return M
