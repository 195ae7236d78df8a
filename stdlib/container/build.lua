--- The owner's side of a container's start: it prepares what is slow, reserves the name, and starts
--- one child with all namespaces; what it made it undoes, in the opposite order, when the container
--- has ended or when a step fails.
---
--- The order makes every moment safe to be killed in. The name is taken first, then each resource
--- writes itself down before it is made. The child waits until its number stands in the state, and
--- dies with its owner; so `crun-lua gc` finds whatever is left. Until then it sets up what is its
--- own alone and goes with it, so that both sides work at once. A container that leaves nothing
--- outside of its namespaces takes its name only then, with the number: there is less to wait for.
---
--- ```lua
--- local build = require "container.build"
---
--- local config = require("container.spec").parse { name = "build-example" }
--- local made = build.reserve(config)
--- assert(require("container.state").get("build-example").status == "created")
--- made.undo:run()
--- build.forget(made)
--- ```
local files = require "container.files"
local inside = require "container.inside"
local limits = require "container.limits"
local options = require "options"
local root = require "container.root"
local state = require "container.state"
local undo_list = require "container.undo"

local M = {}

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
    cgroup = type(config.cgroup) ~= "string" and limits.group_name(config) or nil,
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

local ALONE = { host = true, none = true, private = true }

--- Whether all that a container makes ends with its first process. One with a terminal has a pipe
--- in its directory.
local function leaves_nothing(made)
  local config, kind = made.config, made.root.kind
  return (kind == "host" or kind == "copy")
    and not config.tty
    and not (config.profile.seccomp and config.profile.seccomp.notify)
    and ALONE[config.network.mode]
    and not limits.are_wanted(config)
end

--- Takes the name, and becomes the owner.
local function take_name(made)
  made.running = state.create(made.record, made.config)
end

--- Gives the name back. One that was never taken may be somebody else's.
---@param made table
function M.forget(made)
  if made.running then
    local taken = undo_list.new()
    taken:push("the name", function()
      state.forget(made.config.name)
    end)
    taken:run()
    made.running:close()
    made.running = nil
  end
end

--- Reserves the name and makes everything that outlives a single run of the program.
---@param config table see `container.spec`
---@param how? { late: boolean? } the name may be taken when the first process is there
---@return table made { config, record, undo, root, hardened, running }
function M.reserve(config, how)
  local undo = undo_list.new()
  local made = { config = config, undo = undo }
  undo_list.attempt(function()
    root.prepare(made)
    M.harden(made)
    config.image = made.root.config
    made.record = first_record(config, config.command)
    root.note(made)
    if how and how.late and leaves_nothing(made) then
      state.check_free(config.name)
    else
      take_name(made)
      root.hold(made)
    end
  end, function()
    undo:run()
    M.forget(made)
  end)
  return made
end

--- Takes a container up again that has ended: its name, its log and its rules are there.
---@param config table
---@return table made as `reserve` answers it
function M.resume(config)
  local undo = undo_list.new()
  local made = { config = config, undo = undo }
  undo_list.attempt(function()
    made.running = state.take_over(config.name)
    root.prepare(made)
    M.harden(made)
    if made.hardened.notify then
      require("container.answers").demand(config)
    end
    local self = state.self()
    made.record = state.get(config.name)
    made.record.owner = { pid = self.pid, starttime = self.starttime }
    made.record.status, made.record.error = "created", nil
    root.note(made)
    state.save(made.record)
    root.hold(made)
  end, function()
    undo:run()
    if made.record then
      made.record.status, made.record.image, made.record.release = "stopped", nil, nil
      try(state.save, made.record)
    end
    if made.running then
      made.running:close()
    end
  end)
  return made
end

--- Opens what another owner would find there: nothing but a descriptor crosses into the child.
local function gate(config)
  local dir <close> = rootfs_open(state.dir(config.name))
  try(dir.unlink, dir, "/go")
  dir:mknod("/go", { type = "p", mode = "0600" })
  -- For reading and writing, which no one has to wait for (fifo(7)).
  return dir:open("/go", { write = true, special = true })
end

--- How the first process is started.
---@class container.StartOptions
---@field parked? boolean it waits for `go`
---@field begun? boolean it says when its program runs
---@field session? boolean a session of its own
---@field stdin? any as for `spawn`
---@field stdout? any as for `spawn`
---@field stderr? any as for `spawn`
---@field terminal? any
---@field complaints? any where failures are told of functions that answer calls, as for `spawn`

--- Starts the first process. It waits for `go` where `parked` is set, else it runs at once.
---@param made table what `reserve` answered
---@param command string[]
---@param how container.StartOptions
---@return table run { process, group, attachment, undo, skipped }
function M.start(made, command, how)
  local config, record = made.config, made.record
  local undo = undo_list.new()
  local run = { undo = undo }
  undo_list.attempt(function()
    open_volumes(config)
    if #(config.profile.secrets or {}) > 0 then
      M.harden(made)
    end
    limits.make(config, run)
    local network = require "network"
    run.attachment = network.plan(config.network, { name = config.name, root = not config.userns })
    undo:push("network", function()
      network.release(run.attachment)
    end)
    if made.hardened.notify and #made.hardened.notify.names > 0 then
      require("container.answers").open(made, run, how.complaints)
    end
    record.cgroup = run.group and run.name
    record.network = run.attachment and run.attachment.record
    record.command = command
    record.exit, record.finished = nil, nil
    M.launch(made, run, command, how)
  end, function()
    undo:run()
  end)
  return run
end

--- Writes down who the container's first process is.
local function write_down(made, run, parked)
  local record, pid = made.record, run.process.pid
  record.network = run.attachment.record
  record.pid, record.starttime = pid, proc_stat(pid).starttime
  if not parked then
    record.status, record.started = "running", clock("realtime")
  end
  if made.running then
    state.save(record)
  else
    take_name(made)
  end
end

--- A line to whoever answers calls of the container; nil where nobody has to.
---@param given table with the `hardened` profile and the `config` of a container
function M.line(given)
  local notify = given.hardened.notify
  if notify and #notify.names > 0 then
    return require("container.answers").connect(given.config.name)
  end
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
    answers = M.line(made),
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
  if parts.answers then
    parts.answers:close()
  end
  run.undo:push("process", function()
    run.process:close()
    bond:close()
  end)
  write_down(made, run, how.parked)
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
    local go <close> = dir:open("/go", { write = true, special = true })
    go:write("g")
  end)
  if err then
    options.fail("container.start", ("%s does not wait to be started"):format(name), nil, err)
  end
end

return M
