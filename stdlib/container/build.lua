--- The owner's side of a container's start: it prepares what is slow, reserves the name, and starts
--- one child with all namespaces; what it made it undoes, in the opposite order, when the container
--- has ended or when a step fails.
---
--- The order makes every moment safe to be killed in. The name is taken first, then each resource
--- writes itself down before it is made. The child waits until its number stands in the state, and
--- dies with its owner; so `crun-lua gc` finds whatever is left. Until then it sets up what is its
--- own alone and goes with it, so that both sides work at once.
---
--- ```lua
--- local build = require "container.build"
---
--- local order = {}
--- local undo = build.undo_list()
--- undo:push("first", function() order[#order + 1] = "first" end)
--- undo:push("last", function() order[#order + 1] = "last" end)
--- undo:run()
--- assert(table.concat(order, " ") == "last first")
--- ```
local files = require "container.files"
local inside = require "container.inside"
local options = require "options"
local root = require "container.root"
local state = require "container.state"

local M = {}

local Undo = {}
Undo.__index = Undo

--- Steps to take back. Each is taken back once, also where another one fails.
function M.undo_list()
  return setmetatable({ steps = {} }, Undo)
end

---@param what string for the message where it fails
---@param call function
function Undo:push(what, call)
  self.steps[#self.steps + 1] = { what = what, call = call }
end

--- Takes everything back, the last step first; answers the first error.
function Undo:run()
  local first
  while #self.steps > 0 do
    local step = table.remove(self.steps)
    local _, err = try(step.call)
    first = first or err
  end
  return first
end

--- The limits that are set: those of the user, who must get them, and those of the profile, where
--- this user may set them.
local function limits_of(config)
  local wanted, skipped = {}, {}
  local profile = config.profile.limits or {}
  if next(profile) then
    local may = {}
    for _, controller in ipairs(cgroup_may()) do
      may[controller] = true
    end
    for key, value in pairs(profile) do
      local controller = key:match("^%a+")
      if may[controller == "swap" and "memory" or controller] then
        wanted[key] = value
      else
        skipped[#skipped + 1] = key
      end
    end
  end
  for key, value in pairs(config.limits) do
    wanted[key] = value
  end
  return wanted, skipped
end

local function group_name(config)
  return type(config.cgroup) == "string" and config.cgroup or "crun-lua-" .. config.name
end

--- The control group; nil where nothing asks for one.
local function limit(config, run, undo)
  local wanted, skipped = limits_of(config)
  if not next(wanted) and not config.cgroup then
    return nil
  end
  if config.cgroup then
    -- A group that was asked for can be watched and changed later in every way that there is.
    for _, controller in ipairs(cgroup_may()) do
      if controller == "memory" or controller == "cpu" or controller == "pids" then
        wanted[controller] = wanted[controller] or "max"
      end
    end
  end
  local name = group_name(config)
  local group, err = try(cgroup_set, name, wanted)
  if err and err.errno == "EBUSY" and not config.userns then
    -- On cgroup v2 a group with processes shares out nothing; the root's own group may.
    name = "/" .. name
    group = cgroup_set(name, wanted)
  elseif err then
    error(err, 0)
  end
  run.name = name
  undo:push("cgroup", function()
    group:close()
  end)
  return group, wanted, skipped
end

local function open_volumes(config)
  for _, volume in ipairs(config.volumes) do
    if volume.create then
      mkdir(volume.source, { parents = true })
    end
  end
end

--- What a container's record says at first.
local function first_record(config, command)
  local self = state.self()
  return {
    name = config.name,
    status = "created",
    owner = { pid = self.pid, starttime = self.starttime },
    created = clock("realtime"),
    command = command,
    rootfs = config.rootfs.path or config.rootfs.suite or config.rootfs.kind,
    profile = config.profile.name or "custom",
    -- Before there is one: the next user of the name removes it where its maker was killed. Not one
    -- of a name that may be somebody else's.
    cgroup = type(config.cgroup) ~= "string" and group_name(config) or nil,
    namespaces = config.namespaces,
    restarts = 0,
    labels = config.labels,
    detached = config.detach,
    remove = config.remove,
  }
end

--- The profile as the child applies it. Done anew for each start where it looks for secrets: the
--- program may have made some.
function M.harden(made)
  local config = made.config
  made.hardened = require("container.profiles").prepare(config)
end

--- Reserves the name and makes everything that outlives a single run of the program.
---@param config table see `container.spec`
---@return table made { config, record, undo, root, hardened, running }
function M.reserve(config)
  local undo = M.undo_list()
  local made = { config = config, undo = undo }
  local ok, err = pcall(function()
    root.prepare(made)
    M.harden(made)
    config.image = made.root.config
    made.record = first_record(config, config.command)
    root.note(made)
    made.running = state.create(made.record, config)
    root.hold(made)
  end)
  if not ok then
    undo:run()
    if made.running then
      state.forget(config.name)
      made.running:close()
    end
    error(err, 0)
  end
  return made
end

--- Takes a container up again that has ended: its name, its log and its rules are there.
---@param config table
---@return table made as `reserve` answers it
function M.resume(config)
  local undo = M.undo_list()
  local made = { config = config, undo = undo }
  local ok, err = pcall(function()
    made.running = state.take_over(config.name)
    root.prepare(made)
    M.harden(made)
    local self = state.self()
    made.record = state.get(config.name)
    made.record.owner = { pid = self.pid, starttime = self.starttime }
    made.record.status, made.record.error = "created", nil
    root.note(made)
    state.save(made.record)
    root.hold(made)
  end)
  if not ok then
    undo:run()
    if made.record then
      made.record.status, made.record.image, made.record.release = "stopped", nil, nil
      try(state.save, made.record)
    end
    if made.running then
      made.running:close()
    end
    error(err, 0)
  end
  return made
end

--- Opens what another owner would find there: nothing but a descriptor crosses into the child.
local function gate(config)
  local dir <close> = rootfs_open(state.dir(config.name))
  try(dir.unlink, dir, "/go")
  dir:mknod("/go", { type = "p", mode = "0600" })
  -- For reading and writing, which no one has to wait for (fifo(7)).
  return dir:open("/go", { write = true })
end

--- Starts the first process. It waits for `go` where `parked` is set, else it runs at once.
---@param made table what `reserve` answered
---@param command string[]
---@param how { parked: boolean?, stdin: any, stdout: any, stderr: any, terminal: any }
---@return table run { process, group, attachment, undo, skipped }
function M.start(made, command, how)
  local config, record = made.config, made.record
  local undo = M.undo_list()
  local run = { undo = undo }
  local ok, err = pcall(function()
    open_volumes(config)
    if #(config.profile.secrets or {}) > 0 then
      M.harden(made)
    end
    local limits
    run.group, limits, run.skipped = limit(config, run, undo)
    -- Only a group that limits memory has the kernel's word when somebody is killed for it.
    run.watched = limits and limits.memory ~= nil
    local network = require "network"
    run.attachment = network.plan(config.network, { name = config.name, root = not config.userns })
    undo:push("network", function()
      network.release(run.attachment)
    end)
    record.cgroup = run.group and run.name
    record.network = run.attachment and run.attachment.record
    record.command = command
    record.exit, record.finished = nil, nil
    M.launch(made, run, command, how)
  end)
  if not ok then
    undo:run()
    error(err, 0)
  end
  return run
end

--- Writes down who the container's first process is.
local function write_down(record, run, parked)
  local pid = run.process.pid
  record.network = run.attachment.record
  record.pid, record.starttime = pid, proc_stat(pid).starttime
  if not parked then
    record.status, record.started = "running", clock("realtime")
  end
  state.save(record)
end

--- The clone, and what both sides need of each other.
function M.launch(made, run, command, how)
  local config = made.config
  local network = require "network"
  local bond = require("container.bond").new()
  local begun = (how.begun or config.init) and pipe()
  local parts = {
    root = made.root,
    hardened = made.hardened,
    attachment = run.attachment,
    files = files.plan(config, made.root, run.attachment),
    begun = begun and begun.write or nil,
    bond = bond,
    session = how.session,
    forward = require("container.foreground").SIGNALS,
  }
  local ready
  if how.parked then
    ready, parts.go = pipe(), gate(config)
    parts.ready = ready.write
  end
  run.process = spawn({
    name = config.name,
    unshare = config.namespaces,
    join = { net = network.join(config.network) },
    id_map = config.userns and config.id_map or nil,
    cgroup = run.group,
    stdin = how.stdin,
    stdout = how.stdout,
    stderr = how.stderr,
    parent = network.connects(run.attachment) and function(process)
      network.connect(run.attachment, process)
    end or nil,
  }, function()
    bond:enter()
    return inside.live(config, parts, command)
  end)
  if begun then
    begun.write:close()
    run.begun = begun.read
    run.undo:push("pipe", function()
      begun.read:close()
    end)
  end
  run.undo:push("process", function()
    run.process:close()
    bond:close()
  end)
  write_down(made.record, run, how.parked)
  bond:admit()
  files.close(parts.files)
  if how.parked then
    M.await(run, ready, parts.go)
  end
end

--- Waits until the container stands ready, or raises what it failed with.
function M.await(run, ready, go)
  ready.write:close()
  go:close()
  local word = ready.read:read(1)
  ready.read:close()
  if word ~= "r" then
    run.process:wait()
    options.fail("container.create", "the container ended before it was ready")
  end
end

--- Waits until the program runs, or raises why it does not. A first process that only starts the
--- program never calls exec, and says so itself.
---@param run table
---@param config table
function M.started(run, config)
  if not config.init then
    return run.process:started()
  end
  local word = run.begun:read(1)
  run.begun:close()
  run.begun = nil
  if not word then
    run.process:wait()
    options.fail("container.start", config.name .. " ended before its program was started")
  end
end

--- Lets a container that waits go on: from any process.
---@param name string
function M.go(name)
  local _, err = try(function()
    local dir <close> = rootfs_open(state.dir(name))
    local go <close> = dir:open("/go", { write = true })
    go:write("g")
  end)
  if err then
    options.fail("container.start", ("%s does not wait to be started"):format(name), nil, err)
  end
end

return M
