--- What a check may ask: facts that the kernel tells, whoever has made them so, and comparisons
--- that say what was expected, what was found, and which command shows it.
---
--- A check reads and never changes. Where reading is not enough it tries the forbidden thing in a
--- child that has entered the other process's namespaces, and compares the error number.
---
--- ```lua
--- local facts = require "scenario.facts"
---
--- local t = facts.new { answers = { pid = proc_stat().ppid }, own = {} }
--- t:eq(t:ns(t:pid "pid", "uts"), proc_ns().uts, "its uts namespace")
--- local _, failure = try(t.eq, t, 1, 2, "the number of boxes", "ls boxes")
--- assert(facts.failure(failure).expected == "2")
--- ```
---
--- All of them, about a process in namespaces of its own:
---
--- ```lua
--- local facts = require "scenario.facts"
---
--- local box <close> = spawn({ unshare = { "user", "uts", "mnt" } }, function()
---   sethostname "inside"
---   mount("tmpfs", "/mnt", { type = "tmpfs" })
---   exec { "sleep", "100" }
--- end)
--- box:started()
--- local t = facts.new { answers = { pid = box.pid }, own = {} }
--- local pid = t:pid "pid"
--- t:ns_differs(pid, "uts")
--- t:ne(t:ns(pid, "uts"), proc_ns().uts, "its uts namespace", "readlink /proc/PID/ns/uts")
--- t:eq(t:mount_at(pid, "/mnt").fs_type, "tmpfs", "what is mounted at /mnt")
--- t:ge(#t:mounts(pid), 2, "how many mounts it sees")
--- t:lt(#t:descendants(pid), 1, "what comes from it")
--- t:le(t:status(pid).threads, 1, "its threads")
--- t:has(t:caps(pid, "effective"), "sys_admin", "what it may do in there")
--- t:ok(t:read(("/proc/%d/comm"):format(pid)) == "sleep", "it is a sleep")
--- t:eq(#t:processes { pid = pid }, 1, "processes of this number")
--- local name = t:inside(pid, { "uts" }, function()
---   return sysctl_get "kernel.hostname"
--- end, { user = true })
--- if name ~= "inside" then
---   t:fail { what = "the name in there", expected = "inside", found = name, see = "hostname" }
--- end
--- t:refused(pid, "ENOENT", "opening what is not there", function()
---   open "/no/such/file"
--- end)
--- if cgroup_layout().kind ~= "none" then
---   print(t:cgroup(pid, "memory").path, t:cgroup(pid, "memory").dialect)
--- end
--- ```
local answered = require "scenario.answered"
local options = require "options"
local values = require "scenario.values"

local M = {}

-- What `t:fail` raises: known by its mark, because it may come through a `try`.
local MARK = "a fact of a scenario differs"

--- What failed, where an error is that of a fact; nil for any other error.
---@param err any
---@return { what: string, expected?: string, found?: string, see?: string }?
function M.failure(err)
  return type(err) == "table" and err.op == MARK and err.fact or nil
end

--- What a check is told of its stage.
---@class scenario.Place
---@field answers table<string, string|integer>
---@field given? table<string, any>
---@field dir? string
---@field token? string
---@field prefix? string
---@field own integer[] processes that are the lab's

--- What a check asks: the machine's facts, and what the learner has handed over.
---@class scenario.Facts
---@field answers table<string, string|integer> what the learner has handed over
---@field given table<string, any> what setup has prepared
---@field dir string the stage's directory
---@field token string
---@field prefix string
---@field own integer[]
local Facts = {}
Facts.__index = Facts

--- Fails: the one way for a check to say no.
---@param fact { what: string, expected?: any, found?: any, see?: string }
function Facts:fail(fact)
  options.check(
    "t:fail",
    fact,
    { what = "string", expected = "any", found = "any", see = "string" }
  )
  options.expect("t:fail", "what", fact.what, "string")
  local told = { what = fact.what, see = fact.see }
  told.expected = fact.expected ~= nil and values.show(fact.expected) or nil
  told.found = fact.found ~= nil and values.show(fact.found) or nil
  error({ op = MARK, message = fact.what, fact = told }, 0)
end

local function compare(self, holds, found, expected, what, see)
  if not holds then
    self:fail {
      what = what or "the value",
      expected = expected,
      found = found == nil and "nothing" or found,
      see = see,
    }
  end
end

--- Equal; tables by content.
---@param found any
---@param expected any
---@param what? string what is compared
---@param see? string the command that shows it
function Facts:eq(found, expected, what, see)
  compare(
    self,
    values.same(found, expected),
    found,
    expected == nil and "nothing" or expected,
    what,
    see
  )
end

--- Not equal.
---@param found any
---@param unwanted any
---@param what? string
---@param see? string
function Facts:ne(found, unwanted, what, see)
  local other = "something else than " .. values.show(unwanted)
  compare(self, not values.same(found, unwanted), found, other, what, see)
end

local function number(self, value, what, see)
  if type(value) ~= "number" then
    compare(self, false, value, "a number", what, see)
  end
  return value
end

--- Less than.
---@param found any
---@param limit number
---@param what? string
---@param see? string
function Facts:lt(found, limit, what, see)
  local holds = number(self, found, what, see) < limit
  compare(self, holds, found, ("less than %s"):format(limit), what, see)
end

--- At most.
---@param found any
---@param limit number
---@param what? string
---@param see? string
function Facts:le(found, limit, what, see)
  local holds = number(self, found, what, see) <= limit
  compare(self, holds, found, ("at most %s"):format(limit), what, see)
end

--- At least.
---@param found any
---@param limit number
---@param what? string
---@param see? string
function Facts:ge(found, limit, what, see)
  local holds = number(self, found, what, see) >= limit
  compare(self, holds, found, ("at least %s"):format(limit), what, see)
end

--- True, or anything but nil and false.
---@param value any
---@param what? string what should be so
---@param see? string
function Facts:ok(value, what, see)
  if not value then
    self:fail { what = what or "it is not so", see = see }
  end
end

--- A list has a value, or a text has a part.
---@param list any[]|string|nil
---@param value any
---@param what? string
---@param see? string
function Facts:has(list, value, what, see)
  local holds = false
  if type(list) == "string" then
    holds = list:find(values.show(value), 1, true) ~= nil
  end
  for _, item in ipairs(type(list) == "table" and list or {}) do
    holds = holds or values.same(item, value)
  end
  compare(self, holds, list, values.show(value) .. " among them", what, see)
end

--- An answered process: alive, and none of the lab's own.
---@param name string the answer's name
---@return integer pid
function Facts:pid(name)
  return answered(self, name)
end

local function gone(self, pid, file)
  local see = ("ls -l /proc/%s/%s"):format(pid, file)
  local what = ("the process %s cannot be looked into"):format(pid)
  self:fail { what = what, expected = "/proc/PID/" .. file, found = "nothing", see = see }
end

--- The fields of /proc/PID/status, as `proc_status` answers them.
---@param pid integer
---@return table
function Facts:status(pid)
  return proc_status(pid) or gone(self, pid, "status")
end

--- The inode of a namespace.
---@param pid integer
---@param kind string "uts"
---@return integer
function Facts:ns(pid, kind)
  local all = proc_ns(pid)
  return all and all[kind] or gone(self, pid, "ns/" .. kind)
end

--- The process is in a namespace of another inode than the program's own.
---@param pid integer
---@param kind string
---@param what? string
function Facts:ns_differs(pid, kind, what)
  local found, own = self:ns(pid, kind), proc_ns()[kind]
  if found == own then
    self:fail {
      what = what or ("it is in the same %s namespace as you"):format(kind),
      expected = ("another %s namespace than %s:[%d]"):format(kind, kind, own),
      found = ("%s:[%d]"):format(kind, found),
      see = ("readlink /proc/self/ns/%s /proc/%d/ns/%s"):format(kind, pid, kind),
    }
  end
end

--- The mounts as the process sees them, as `mountinfo` answers them.
---@param pid integer
---@return table[]
function Facts:mounts(pid)
  return mountinfo(pid) or gone(self, pid, "mountinfo")
end

--- What the process finds mounted at a path: the last of several; nil where nothing is.
---@param pid integer
---@param path string
---@return table?
function Facts:mount_at(pid, path)
  local found
  for _, row in ipairs(self:mounts(pid)) do
    found = row.mount_point == path and row or found
  end
  return found
end

--- The capabilities in one of the five sets.
---@param pid integer
---@param set string "effective", "bounding" …
---@return string[]
function Facts:caps(pid, set)
  local sets = try(caps_get, pid, { sets = { set } })
  return sets and sets[set] or gone(self, pid, "status")
end

--- A file's text without the newline at the end; nil where it cannot be read.
---@param path string
---@return string?
function Facts:read(path)
  local text = try(read_file, path)
  return text and (text:gsub("\n$", ""))
end

---@class scenario.Group
---@field path string the group's directory
---@field dialect "v1"|"v2"
---@field read fun(file: string): string? a file of the group without the newline at the end

--- The control group that a process is in, for a controller.
---@param pid integer
---@param controller string in v2's words: "memory", "io"
---@return scenario.Group
function Facts:cgroup(pid, controller)
  local places = require "cgroup.places"
  local one = places.controllers()[controller]
  if not one then
    local near = options.nearest(controller, places.NAMES)
    local hint = near and ("did you mean '%s'?"):format(near)
    options.fail("t:cgroup", ("no controller is called '%s'"):format(controller), hint)
  end
  local group <close> = try(cgroup_of, pid)
  local v1 = controller == "io" and "blkio" or controller
  local path = group and (one.version == "v1" and group.paths[v1] or group.paths.unified)
  if not path then
    self:fail {
      what = ("the process %d has no group with the controller '%s'"):format(pid, controller),
      found = not one.version and one.reason or nil,
      see = ("cat /proc/%d/cgroup"):format(pid),
    }
  end
  return {
    path = path,
    dialect = one.version or "v2",
    read = function(file)
      return self:read(path .. "/" .. file)
    end,
  }
end

--- All that comes from a process, near ones first.
---@param pid integer
---@return integer[]
function Facts:descendants(pid)
  return require("scenario.warden").descendants(pid)
end

--- Processes, as `proc_stat` answers them.
---@param filter? table<string, any>|fun(process: table): any fields that must be equal, or a test
---@return table[]
function Facts:processes(filter)
  local found = {}
  for _, pid in ipairs(pids()) do
    local one = try(proc_stat, pid)
    local wanted = one ~= nil
    if one and type(filter) == "function" then
      wanted = filter(one)
    elseif one then
      for key, value in pairs(filter or {}) do
        wanted = wanted and one[key] == value
      end
    end
    found[#found + 1] = wanted and one or nil
  end
  return found
end

--- Runs a function in a child that has entered namespaces of a process.
---@param pid integer
---@param kinds string[] which namespaces
---@param body fun(): any what is done there; what it answers has to fit into JSON
---@param given? { user?: boolean, root?: boolean } the user namespace too; the process's root too
---@return any value
function Facts:inside(pid, kinds, body, given)
  return require("scenario.entered").run(self, "t:inside", pid, kinds, body, given)
end

--- A call must be refused to somebody with the process's namespaces, ids and capabilities.
---@param pid integer
---@param errno string|string[] "EPERM", or those that will do
---@param what string what must not be possible
---@param body fun(): any raises, or answers nil and an error
---@param see? string
function Facts:refused(pid, errno, what, body, see)
  return require("scenario.entered").refused(self, pid, errno, what, body, see)
end

--- A table of facts for a check.
---@param place scenario.Place
---@return scenario.Facts
function M.new(place)
  return setmetatable({
    answers = place.answers,
    given = place.given,
    dir = place.dir,
    token = place.token,
    prefix = place.prefix,
    own = place.own,
  }, Facts)
end

--- The names of what checks may call, for whoever writes them.
---@return string[]
function M.names()
  return options.keys(Facts)
end

return M
