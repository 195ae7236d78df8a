--- One container's control group: limits, members, freezing, killing, removing.
---
--- A group may be none (`handle` is nil): where the manager is disabled, where an unprivileged user
--- may not make one, and after it was removed. Then there are no members, and what needs a group
--- says so.
---
--- ```lua
--- local Group = require "oci.cgroup.group"
---
--- local none = Group.new { manager = "disabled", dirs = {} }
--- assert(#none:pids() == 0 and not none:frozen())
--- none:remove()
--- ```
local options = require "options"

---@class oci.cgroup.Group
---@field handle any? for `spawn { cgroup = … }`; nil also where only systemd may move a process in,
--- which `joined` then asks it for
---@field opened any? the handle of the group itself
---@field record table plain, for the container's state
local Group = {}
Group.__index = Group

---@param record table
---@param handle? any
---@param ctx? oci.cgroup.Context
---@return oci.cgroup.Group
function Group.new(record, handle, ctx)
  return setmetatable({ record = record, ctx = ctx or {} }, Group):use(handle)
end

--- Takes the handle of the group.
function Group:use(handle)
  self.opened, self.handle = handle, handle
  if handle and self.record.user and not require("oci.systemd").may_enter(handle) then
    self.handle = nil
  end
  return self
end

--- The handle, where there must be one.
function Group:need(what)
  if self.opened then
    return self.opened
  end
  local why = self.record.manager == "disabled" and "the cgroup manager is disabled"
    or self.record.manager == "none" and "this user may not make control groups here"
    or "its control group has been removed"
  options.fail("cgroup", ("cannot %s the container: %s"):format(what, why))
end

-- The controllers, in the order in which they are set; fields of `resources` and v2's names.
local TOPICS = {
  { "memory", "memory" },
  { "cpu", "cpu" },
  { "cpuset", "cpuset", "cpu" },
  { "pids", "pids" },
  { "blockIO", "io" },
  { "hugepageLimits", "hugetlb" },
  { "network_class", "net_cls", "network" },
  { "network_priorities", "net_prio", "network" },
  { "rdma", "rdma" },
}

--- Which version a controller is on, and the group's directory there.
local function place_of(handle, controller)
  local paths = handle.paths
  local path = paths[controller == "io" and "blkio" or controller]
  if path and path ~= paths.unified then
    return "v1", path
  elseif handle.layout == "v2" or path then
    return "v2", paths.unified
  end
  return "v1"
end

--- Fails where no hierarchy has a controller. Beside v1, v2 only tracks processes: its root is
--- never told to share out what v1 has not.
local function check_mounted(topic)
  local name = topic[2]
  for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
    for _, controller in ipairs(hierarchy.controllers) do
      if controller == name or name == "io" and controller == "blkio" then
        return
      end
    end
  end
  local hint = ("mount -t cgroup -o %s cgroup DIR, where the kernel has it"):format(name)
  local message = ("no hierarchy with the controller %s is mounted"):format(name)
  options.fail("linux.resources." .. (topic[3] or topic[1]), message, hint)
end

local function set_topic(self, topic, given, update)
  local version, dir = place_of(self.opened, topic[2])
  local context = {
    update = update,
    read = function(file)
      return dir and read_file(dir .. "/" .. file)
    end,
  }
  if topic[1] == "memory" then
    require("oci.cgroup.v1").check_usage(given, function()
      local file = version == "v1" and "memory.usage_in_bytes" or "memory.current"
      return math.tointeger(tonumber(context.read(file))) or 0
    end)
  end
  local writes = require("oci.cgroup." .. version)[topic[1]](given, context)
  if #writes > 0 then
    if not dir then
      check_mounted(topic)
    end
    self.opened:set { writes = writes, host = true }
  end
end

local function set_unified(self, given)
  if self.opened.layout == "v2" then
    for _, write in ipairs(require("oci.cgroup.v2").unified(given)) do
      self.opened:set { writes = { write }, host = true }
    end
  elseif next(given) then
    local hint = "say it in the other fields of linux.resources, which are written on v1 and on v2"
    options.fail("linux.resources.unified", "this machine has cgroup v1", hint)
  end
end

local function set(self, resources, update)
  for _, topic in ipairs(TOPICS) do
    local given = resources[topic[3] or topic[1]]
    if given then
      set_topic(self, topic, given, update)
    end
  end
  if resources.unified then
    set_unified(self, resources.unified)
  end
end

--- In a user namespace that is not the first one nobody may decide over devices.
local function may_rule_devices(self)
  if self.ctx.rootless then
    return false
  end
  return require("oci.namespaces").initial_users()
end

--- Sets the limits of a new container, and which devices it may use.
---@param resources? table `linux.resources`
function Group:apply(resources)
  if not self.opened then
    return
  end
  resources = resources or {}
  if self.record.unit then
    require("oci.systemd").apply(self, resources)
  end
  set(self, resources, false)
  if may_rule_devices(self) then
    local rules = require("oci.cgroup.devices").rules(resources.devices)
    self.opened:set { devices = rules, host = true }
  end
end

--- Changes limits of a container that is there: what is not said stays.
---@param resources table
function Group:set(resources)
  self:need("update")
  if self.record.unit then
    require("oci.systemd").apply(self, resources)
  end
  set(self, resources, true)
  if resources.devices and #resources.devices > 0 then
    require("oci.cgroup.devices").change(self, resources.devices)
  end
  if resources.intelRdt then
    require("oci.cgroup.rdt").set(self.record.rdt, resources.intelRdt)
  end
end

--- Ends the process that holds a scope open until the container's own is in it.
function Group:let_go()
  if self.helper then
    try(self.helper.kill, self.helper, "kill")
    try(self.helper.wait, self.helper)
    self.helper = nil
  end
end

--- To be called as soon as the container's first process is there.
---@param pid integer
function Group:joined(pid)
  if self.record.unit and self.opened and not self.handle then
    require("oci.systemd").attach(self, pid)
  end
  self:let_go()
  if self.record.rdt then
    require("oci.cgroup.rdt").join(self.record.rdt, pid)
  end
end

--- The members, with those of the groups below.
---@return integer[]
function Group:pids()
  local found = self.opened and try(self.opened.pids, self.opened, { nested = true })
  return found or {}
end

---@return boolean
function Group:frozen()
  local events = self.opened and try(self.opened.events, self.opened)
  return events ~= nil and events.frozen == true
end

function Group:freeze()
  self:need("pause"):freeze { host = true }
end

function Group:thaw()
  self:need("resume"):thaw { host = true }
end

--- Sends a signal to every member; "kill", the default, misses none, whatever they fork meanwhile.
---@param signal? string|integer
function Group:kill(signal)
  if not self.opened then
    return
  elseif signal == nil or signal == "kill" or signal == 9 then
    self.opened:kill { host = true }
    return
  end
  for _, pid in ipairs(self:pids()) do
    local _, err = try(kill, pid, signal)
    if err and err.errno ~= "ESRCH" then
      error(err, 0)
    end
  end
end

--- What the group uses, in the words of runc's `events`.
---@return table
function Group:stats()
  return require("oci.cgroup.stats").of(self)
end

--- How often limits were met, as `cgroup:events` answers.
---@return table
function Group:events()
  return self:need("watch"):events()
end

--- The directories of groups below, as `exec --cgroup` names them: "PATH", or on v1
--- "cpu,memory:PATH" for some controllers.
local function places_below(handle, subs)
  local dirs, known = {}, {}
  for index, dir in ipairs(handle.dirs) do
    dirs[index], known[dir] = dir, index
  end
  for _, sub in ipairs(subs) do
    local controllers, path = sub:match("^([%w_,=]+):(.*)$")
    path = (path or sub):match("^/*(.-)/*$")
    local wanted = {}
    if ("/" .. path .. "/"):find("/%.%.?/") then
      options.fail("--cgroup", ("%q leads out of the container's control group"):format(sub))
    end
    local found = path == ""
    for dir in pairs(controllers and {} or known) do
      wanted[dir] = true
    end
    for name in (controllers or ""):gmatch("[^,]+") do
      wanted[handle.paths[name] or handle.paths.unified or ""] = true
    end
    for dir in pairs(path ~= "" and wanted or {}) do
      if known[dir] and stat(dir .. "/" .. path) then
        dirs[known[dir]], found = dir .. "/" .. path, true
      end
    end
    if not found then
      options.fail("--cgroup", ("the container has no control group %q"):format(sub))
    end
  end
  return dirs
end

--- The group that a further process of the container starts in.
---@param sub? string|string[] below the container's own: `exec --cgroup`
---@param first? integer the container's first process
---@return any? handle
function Group:exec_handle(sub, first)
  if not self.handle then
    return nil
  elseif sub and #sub > 0 then
    local subs = type(sub) == "table" and sub or { sub }
    return cgroup_open(places_below(self.opened, subs))
  end
  local unified = self.opened.layout == "v2" and self.opened.paths.unified
  local shared = unified and read_file(unified .. "/cgroup.subtree_control")
  if first and shared and shared:find("%S") then
    -- The container has made groups below its own, which then takes no processes itself.
    return cgroup_of(first)
  end
  return self.opened
end

--- The directories that go with the container: without those that were there before it.
local function own_dirs(record)
  local kept, own = {}, {}
  for _, dir in ipairs(record.kept or {}) do
    kept[dir] = true
  end
  for _, dir in ipairs(record.dirs) do
    if not kept[dir] then
      own[#own + 1] = dir
    end
  end
  return own
end

--- Whether somebody is in the directories that stay, which were there before the container.
local function is_used(record)
  if #(record.kept or {}) == 0 then
    return false
  end
  local all = try(cgroup_open, record.dirs)
  return all ~= nil and #all:pids { nested = true } > 0
end

--- Removes directories that nobody is in. A group whose last member has just died is busy for a
--- moment, which the longer way waits for.
local function remove_empty(dirs)
  for _, dir in ipairs(dirs) do
    local _, err = try(remove, dir, { directory = true, missing = true })
    if err then
      return false
    end
  end
  return true
end

local function remove_with_members(record)
  local all = try(cgroup_open, record.dirs)
  if all then
    if all:events().frozen then
      -- What v1 has frozen does not die.
      all:thaw { host = true }
    end
    all:kill { host = true }
  end
  local own = try(cgroup_open, own_dirs(record))
  if own then
    own:remove { host = true }
  end
end

--- Removes the group, with what is still in it. Twice is fine.
function Group:remove()
  self:let_go()
  local record = self.record
  if record.unit then
    require("oci.systemd").stop(self)
  end
  if not self.gone and (not remove_empty(own_dirs(record)) or is_used(record)) then
    remove_with_members(record)
  end
  self.gone = true
  if self.opened then
    self.opened:keep()
    self.opened, self.handle = nil, nil
  end
  for index = #(record.above or {}), 1, -1 do
    try(remove, record.above[index], { directory = true })
  end
  if record.rdt then
    require("oci.cgroup.rdt").remove(record.rdt)
  end
end

--- Leaves the group as it is when this process ends.
function Group:keep()
  if self.opened then
    self.opened:keep()
  end
end

return Group
