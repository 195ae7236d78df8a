--- The container's side of its creation: from the clone to the exec of its program.
---
--- All of it runs in the child, in the new namespaces. The order is the one in which each step can
--- still be made: names and mounts while the host's root is in reach, the hooks of the host's, the
--- pivot, then what gives rights up, and the wait for `start`. A parent that dies at any moment
--- before its last word takes the child with it (`oci.sync` is how they speak).
-- Here, because in the container's root there are no modules any more where `--stdlib` is given.
local failure = require "oci.failure"
local options = require "options"

local M = {}

--- What belongs to the namespaces and to no root.
local function own_names(plan)
  local spec = plan.spec
  if plan.namespaces.new.user or plan.namespaces.join.user then
    -- Who comes from outside has no id in here, until it takes root's.
    if proc_status(nil, { fields = { "uid" } }).uid.effective ~= 0 then
      setuser("0:0", { groups = "keep" })
    end
  end
  local uts = plan.namespaces.new.uts or plan.namespaces.join.uts
  if spec.hostname and spec.hostname ~= "" then
    if not uts then
      options.fail("oci", "hostname: a uts namespace is needed")
    end
    sethostname(spec.hostname)
  end
  if spec.domainname and spec.domainname ~= "" then
    if not uts then
      options.fail("oci", "domainname: a uts namespace is needed")
    end
    setdomainname(spec.domainname)
  end
  if plan.namespaces.new.net then
    loopback_up()
  end
  for name, value in pairs(spec.linux and spec.linux.sysctl or {}) do
    sysctl(name, value)
  end
end

--- The program's working directory, where the root has none.
local function make_directory(root, cwd)
  if cwd ~= "/" and not root:exists(cwd) then
    -- Where that cannot be, going there says why.
    try(root.mkdir, root, cwd, { parents = true })
  end
end

--- Its own number, as the host counts it, says that it is written down.
local function hear_number(plan, state)
  state.pid = state.pid or math.tointeger(tonumber(plan.sync:hear_line()))
end

--- The hooks of the time before the root is entered. What precedes them is this process's own, and
--- goes with it: only now its parent must have written it down.
local function meet(plan, state)
  hear_number(plan, state)
  if plan.meets_parent then
    -- The network's devices, and hooks in the runtime's namespaces.
    plan.sync:tell("h")
    plan.sync:hear()
  end
  if plan.hooks.has(plan.spec, "createContainer") then
    plan.hooks.run(plan.spec, "createContainer", state)
  end
end

--- The mounts, the hooks around them, and the new root.
local function own_root(plan, state)
  if plan.chroot then
    meet(plan, state)
    chroot(plan.chroot)
    return
  end
  local rootfs = require "oci.rootfs"
  local root = rootfs.furnish(plan.rootfs)
  make_directory(root, plan.process.given.cwd)
  meet(plan, state)
  rootfs.enter(plan.rootfs, root)
end

--- A session of its own, with a terminal where one is wanted.
local function own_session(plan)
  local process = plan.process
  if not plan.console then
    setsid()
    return
  end
  local console = require "oci.console"
  local terminal = console.open(plan.console, process.given.consoleSize)
  console.show(terminal)
  console.attach(terminal, process.user.uid)
end

--- Waits until somebody starts the container: `start`, or the parent that goes on.
local function park(plan)
  local sync = plan.sync
  -- The runtime may end and the container goes on; what follows tells it of an earlier end.
  die_with_parent(0)
  -- Who is in the container already may not look at what this process has open; exec ends that.
  dumpable(false)
  sync:tell("r")
  -- The parent has written down that the container is there; one that could not has closed its end.
  sync:hear()
  if not plan.go then
    return
  end
  local keep = { plan.go, plan.answer }
  keep[#keep + 1] = plan.process.agent
  -- What the parent has open stays open here else, for as long as this process waits.
  close_fds(keep, { preserve = plan.process.preserve })
  plan.go:read(1)
end

--- What becomes of the start is told to who has started it.
local function answered(plan, body)
  local _, err = try(body)
  if plan.answer then
    try(plan.answer.write, plan.answer, failure.line(err))
    os.exit(1)
  end
  error(err, 0)
end

--- The container's life until its program runs.
---@param plan table see `oci.create`
function M.live(plan)
  -- Every object that a collection marks is a page that this process would have to copy first.
  collectgarbage("stop")
  plan.sync:enter()
  local state = plan.public
  if plan.enters_late then
    hear_number(plan, state)
  end
  own_names(plan)
  own_root(plan, state)
  own_session(plan)
  local process = require "oci.process"
  process.settle(plan.process)
  park(plan)
  answered(plan, function()
    if plan.hooks.has(plan.spec, "startContainer") then
      state.status = "created"
      plan.hooks.run(plan.spec, "startContainer", state)
    end
    state.status = "running"
    process.become(plan.process, { pid = state.pid, container = state })
  end)
end

return M
