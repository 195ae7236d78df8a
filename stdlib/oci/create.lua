--- The runtime's side of a container's creation: it prepares what can fail, reserves the id, and
--- starts one child with all namespaces; where a step fails, what was made is removed, in
--- the opposite order, and the id is free again.
---
--- Each moment is safe to be killed in. The id is taken first; the child waits until its number
--- stands in the state, and ends with the runtime until the container is there. From then on nobody
--- owns it: it waits for a byte in a pipe that `start` opens.
---
--- ```lua
--- local create = require "oci.create"
---
--- local _, err = try(create.make, { name = "create", operands = { "no/id" }, options = {},
---   global = { root = "/nowhere" } }, {})
--- assert(err.message:find("invalid container id", 1, true))
--- ```
local hooks = require "oci.hooks"
local inside = require "oci.inside"
local options = require "options"
local planned = require "planned"
local state = require "oci.state"
local undo_list = require "container.undo"

local M = {}

local function absolute(path)
  if path:sub(1, 1) == "/" then
    return path
  end
  local here = readlink("/proc/self/cwd")
  return path == "." and here or here .. "/" .. path:gsub("^%./", "")
end

--- The configuration, as policies leave it.
local function configuration(call, id, bundle)
  local spec, text = require("oci.config").load(bundle, {
    debug = call.global.debug,
    file = call.options.config,
  })
  local given = call.global.policy or {}
  if #given > 0 or stat("/etc/crun-lua/policy.d") then
    spec = require("oci.policy").apply(spec, {
      operation = "create",
      id = id,
      bundle = bundle,
      files = given,
    })
    text = nil
  end
  if not spec.process then
    options.fail("oci", "config.json: .process is needed: there is nothing to start")
  elseif not spec.root then
    options.fail("oci", "config.json: .root is needed")
  end
  return spec, text or json_encode(spec)
end

--- RFC 3339. By hand, because os.date reads the time zone's file even for UTC (civil_from_days of
--- https://howardhinnant.github.io/date_algorithms.html).
local function now()
  local seconds = os.time()
  local day = seconds // 86400 + 719468
  local era, of_era = day // 146097, day % 146097
  local year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
  local of_year = of_era - (365 * year + year // 4 - year // 100)
  local month = (5 * of_year + 2) // 153
  local date = of_year - (153 * month + 2) // 5 + 1
  month = month < 10 and month + 3 or month - 9
  year = year + era * 400 + (month <= 2 and 1 or 0)
  local of_day = seconds % 86400
  local clock = { of_day // 3600, of_day // 60 % 60, of_day % 60 }
  return ("%04d-%02d-%02dT%02d:%02d:%02dZ"):format(year, month, date, table.unpack(clock))
end
M.now = now

local function first_record(call, id, bundle, spec, owner)
  local root = spec.root.path
  return {
    id = id,
    bundle = bundle,
    rootfs = root:sub(1, 1) == "/" and root or bundle .. "/" .. root,
    status = "creating",
    created = now(),
    ociVersion = spec.ociVersion or "1.0.2",
    annotations = spec.annotations,
    owner = owner,
    -- Before the group is there: where this process is killed as it makes it, who takes the id next
    -- has to find it.
    group_path = call.global.cgroup_manager == "cgroupfs"
        and (spec.linux and spec.linux.cgroupsPath or "")
      or nil,
    poststart = hooks.has(spec, "poststart") or nil,
    poststop = hooks.has(spec, "poststop") or nil,
  }
end

local function make_group(made)
  local call = made.call
  local group = require("oci.cgroup").make(made.spec, {
    id = made.id,
    manager = call.global.cgroup_manager or "cgroupfs",
    rootless = made.rootless,
    -- By the record's `group_path`.
    noted = true,
    auto = call.global.rootless == nil,
    undo = made.undo,
  })
  made.group, made.record.cgroup = group, group.record
  group:apply(made.spec.linux and made.spec.linux.resources)
end

--- Where the terminal's master goes to.
local function prepare_console(made)
  local process, given = made.spec.process, made.call.options.console_socket
  if not process.terminal then
    if given then
      options.fail("oci", "--console-socket is given, but process.terminal is not set")
    end
    return
  end
  local console = require "oci.console"
  if given then
    made.plan.console = console.connect(given)
  elseif made.how.detach then
    options.fail(
      "oci",
      "cannot allocate a terminal for a detached container without --console-socket"
    )
  else
    made.pair = console.pair()
    made.plan.console = made.pair.theirs
  end
end

--- The pipes by which `start` comes to the child: opened here, for in its root there is no way to
--- them. For reading and writing, which nobody has to wait for (fifo(7)).
local function gate(made)
  local dir = state.dir(made.root, made.id)
  for _, name in ipairs { "go", "answer" } do
    mkfifo(dir .. "/" .. name, "0600")
    local here <close> = rootfs_open(dir)
    made.plan[name] = here:open("/" .. name, { write = true, special = true })
  end
end

--- What the child finds as its root. Without a mount namespace each mount would be the host's:
--- then none is made, and the root is only changed to.
local function prepare_root(made, namespaces, has_users)
  local spec, plan = made.spec, made.plan
  if not namespaces.new.mnt and not namespaces.join.mnt then
    if #(spec.mounts or {}) > 0 then
      require("oci.log").warn("nothing is mounted without a mount namespace in linux.namespaces")
    end
    plan.chroot = made.record.rootfs
    return
  end
  plan.rootfs = require("oci.rootfs").prepare(spec, {
    bundle = made.record.bundle,
    id = made.id,
    userns = has_users,
    rootless = made.rootless,
    cgroup = made.group,
    terminal = spec.process.terminal or false,
    no_pivot = made.call.options.no_pivot or false,
  })
end

local function prepare(made)
  local spec, call = made.spec, made.call
  local namespaces = require("oci.namespaces").plan(spec)
  local has_users = require("oci.namespaces").has_users(namespaces)
  made.plan = {
    spec = spec,
    hooks = hooks,
    namespaces = namespaces,
    sync = require("oci.sync").new(),
    public = state.public(made.record, "creating"),
    -- Its control group must be around it before a namespace or a mount shows that.
    enters_late = made.group.opened ~= nil and made.group.handle == nil,
  }
  made.record.join, made.record.own_pids = namespaces.kinds, namespaces.new.pid
  made.record.callers_keyring = call.options.no_new_keyring or nil
  made.plan.process = require("oci.process").prepare(spec.process, spec, {
    id = made.id,
    userns = has_users,
    preserve_fds = call.options.preserve_fds,
    keyring = not call.options.no_new_keyring,
  })
  prepare_root(made, namespaces, has_users)
  prepare_console(made)
  local devices = spec.linux and spec.linux.netDevices
  made.plan.meets_parent = hooks.has(spec, "prestart")
    or hooks.has(spec, "createRuntime")
    or devices ~= nil and next(devices) ~= nil
  if not made.how.at_once then
    gate(made)
  end
end

--- The clone, the child's number in the state, and the word to go on.
local function launch(made)
  local plan, namespaces = made.plan, made.plan.namespaces
  local process = spawn({
    name = made.id,
    unshare = namespaces.unshare,
    join = namespaces.join,
    id_map = namespaces.id_map,
    time_offsets = namespaces.time_offsets,
    propagation = namespaces.new.mnt and plan.rootfs.propagation or nil,
    cgroup = made.group.handle,
  }, function()
    inside.live(plan)
  end)
  made.process = process
  made.undo:push("process", function()
    process:close()
  end)
  if plan.rootfs then
    require("oci.rootfs").release(plan.rootfs)
  end
  plan.sync:admit()
  made.record.pid, made.record.starttime = process.pid, proc_stat(process.pid).starttime
  state.save(made.root, made.record)
  made.group:joined(process.pid)
  require("oci.process").from_outside(plan.process, process.pid)
  plan.sync:say(process.pid .. "\n")
end

--- What the parent does while the child's namespaces are there and its root is not.
local function meet(made)
  local spec = made.spec
  local devices = spec.linux and spec.linux.netDevices
  if devices and next(devices) then
    require("oci.netdevices").move(devices, made.process)
  end
  -- The older of the two hooks is told what it has always been told (hooks_stdin of runtime-tools).
  hooks.run(spec, "prestart", state.public(made.record, "created"))
  hooks.run(spec, "createRuntime", state.public(made.record, "creating"))
  made.plan.sync:say("h")
end

--- Waits until the container stands ready, or raises what it failed with.
local function await(made)
  local sync = made.plan.sync
  while true do
    local word = sync:listen()
    if planned(word) then
      -- What the child says is foreseen: it stands ready, once it has been met.
      if made.plan.meets_parent then
        meet(made)
      end
      return
    elseif word == "r" then
      return
    elseif word == "h" then
      meet(made)
    else
      local result = made.process:wait()
      options.fail(
        "oci",
        ("the container's first process ended before it was ready: status %d"):format(result.code)
      )
    end
  end
end

local function build(made)
  local call = made.call
  made.lock = state.create(made.root, made.id, made.record, made.text)
  made.undo:push("state", function()
    state.forget(made.root, made.id)
    made.lock:close()
  end)
  make_group(made)
  prepare(made)
  launch(made)
  await(made)
  made.record.group_path = nil
  made.record.status, made.record.maker = made.how.at_once and "running" or "created", nil
  state.save(made.root, made.record)
  made.group:keep()
  local annotations = made.spec.annotations or {}
  require("oci.announce").process({
    pid_file = call.options.pid_file,
    pidfd_socket = call.options.pidfd_socket or annotations["run.oci.pidfd_receiver"],
  }, made.process)
  if not made.how.at_once then
    made.plan.sync:say("k")
  end
end

--- Lets a container that `at_once` was said of go on, and waits until its program runs.
---@param made table
function M.release(made)
  made.plan.sync:say("g")
  made.plan.sync:close()
  made.process:started()
end

--- Makes a container. Where this fails nothing is left of it.
---@param call oci.Call see `oci.main`
---@param how { at_once: boolean?, detach: boolean? } at_once: it waits for `release`, not for start
---@return table made { record, process, spec, undo, lock, pair }
function M.make(call, how)
  local id = call.operands[1]
  state.check_id(id)
  local bundle = absolute(call.options.bundle or ".")
  local spec, text = configuration(call, id, bundle)
  local rootless, euid = call.global.rootless, stat("/proc/self").uid
  if rootless == nil then
    rootless = euid ~= 0
  end
  local made = {
    call = call,
    how = how,
    root = call.global.root,
    id = id,
    spec = spec,
    text = text,
    rootless = rootless,
    record = first_record(call, id, bundle, spec, euid),
    undo = undo_list.new(),
  }
  undo_list.attempt(function()
    build(made)
  end, function()
    made.undo:run()
  end)
  return made
end

return M
