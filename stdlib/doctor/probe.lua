--- Trying things without a trace: in a child that ends with what it has made.
---
--- ```lua
--- local probe = require "doctor.probe"
---
--- assert(probe.attempt({}, function() end))
--- local ok, why = probe.attempt({}, function() mkdir("/no/such/place") end)
--- assert(not ok and why:find("ENOENT"))
--- ```
local M = {}

--- An error object in a few words.
---@param err any
---@return string
function M.reason(err)
  if type(err) ~= "table" then
    return tostring(err)
  end
  local call = err.call and err.call:match("^[%w_]+") or err.op
  if err.errno then
    return ("%s answers %s"):format(call or "the kernel", err.errno)
  end
  return (tostring(err.message):gsub("\n.*", ""))
end

--- Runs `body` in a child: true, or false and why it failed.
---@param spawned table options of `spawn`
---@param body function
---@return boolean ok
---@return string? reason
---@return table? err
function M.attempt(spawned, body)
  local given = { stdin = "null", stdout = "null", stderr = "null", die_with_parent = true }
  for key, value in pairs(spawned) do
    given[key] = value
  end
  local result, err = try(function()
    local child <close> = spawn(given, body)
    local ended = child:wait { timeout = "10s" }
    return ended or "timeout"
  end)
  if result == "timeout" then
    return false, "it did not end within 10 seconds"
  elseif not result then
    return false, M.reason(err), err
  elseif result.signal then
    return false, ("the child was killed by %s"):format(result.signal)
  end
  return result.code == 0, result.code ~= 0 and ("status %d"):format(result.code) or nil
end

local base

--- What must be unshared together with other kinds: nothing for who has the rights, "user" for
--- others; nil where neither is allowed.
---@return string[]?
function M.base()
  if base == nil then
    base = M.attempt({ unshare = { "uts" } }, function() end) and {}
      or M.attempt({ unshare = { "user", "uts" } }, function() end) and { "user" }
      or false
  end
  return base or nil
end

--- The kinds, with "user" before them where this user needs it.
---@param ... string
---@return string[]
function M.kinds(...)
  local list = table.move(M.base() or {}, 1, 1, 1, {})
  for _, kind in ipairs { ... } do
    list[#list + 1] = kind
  end
  return list
end

--- As `attempt`, in new namespaces of these kinds; without any where none can be made.
---@param kinds string[]
---@param body function
---@return boolean ok
---@return string? reason
function M.inside(kinds, body)
  if not M.base() then
    return false, "this user may make no namespaces"
  end
  local ok, reason = M.attempt({ unshare = M.kinds(table.unpack(kinds)) }, body)
  return ok, reason
end

local function read(path)
  return (try(read_file, path))
end

--- Where a part of the kernel is: "loaded", "built in", "module" (a file that the kernel would
--- load), or nil where nothing is known: containers often do not see /lib/modules.
---@param name string
---@return "loaded"|"built in"|"module"|nil
function M.module(name)
  if try(stat, "/sys/module/" .. name) then
    return "loaded"
  end
  local dir = "/lib/modules/" .. (sysctl_get("kernel.osrelease") or "") .. "/"
  local pattern = "/" .. name:gsub("_", "[-_]") .. "%.ko"
  if (read(dir .. "modules.builtin") or ""):find(pattern) then
    return "built in"
  elseif (read(dir .. "modules.dep") or ""):find(pattern) then
    return "module"
  end
end

--- As `inside`, unless it would make the kernel load one of these modules: that would change the
--- host. Then the answer is true, and where the module is.
---@param modules string[]
---@param kinds string[]
---@param body function
---@return boolean ok
---@return string? reason
---@return string? found
function M.gently(modules, kinds, body)
  for _, name in ipairs(modules) do
    if M.module(name) == "module" then
      return true, nil, "as a module, loaded when it is first used"
    end
  end
  return M.inside(kinds, body)
end

--- Whether the kernel is at least this version.
---@param version string "5.12"
---@return boolean
function M.kernel(version)
  local function number(words)
    local major, minor = words:match("^(%d+)%.(%d+)")
    return (tonumber(major) or 0) * 1000 + (tonumber(minor) or 0)
  end
  return number(sysctl_get("kernel.osrelease") or "") >= number(version)
end

--- Where a program is; the directories of root are looked into as well.
---@param name string
---@return string?
function M.program(name)
  local path = (os.getenv("PATH") or "") .. ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
  for dir in path:gmatch("[^:]+") do
    local file = try(stat, dir .. "/" .. name)
    if file and file.type == "file" and file.mode & 73 ~= 0 then
      return dir .. "/" .. name
    end
  end
end

--- Whether this process has the rights of root.
---@return boolean
function M.is_root()
  return proc_status().uid.effective == 0
end

return M
