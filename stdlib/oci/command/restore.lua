--- `restore ID`: makes a container of what `checkpoint` has saved.
---
--- criu(8) builds the processes with their namespaces and mounts. What is done here is what lies
--- around them: the policies, the id, the control group, the root as a mount that criu finds, in a
--- mount namespace of criu's own, and the mounts and descriptors that came from outside.
local criu = require "oci.criu"
local options = require "options"
local signals = require "oci.signals"
local state = require "oci.state"
local undo_list = require "container.undo"

local function append(words, ...)
  return table.move({ ... }, 1, select("#", ...), #words + 1, words)
end

--- The streams that were pipes or sockets are this command's own ones now.
local function streams(words, images)
  local saved = try(json_decode, read_file(images .. "/descriptors.json") or "[]") or {}
  for index, link in ipairs(saved) do
    if type(link) == "string" and link:find("^%l+:%[%d+%]$") then
      append(words, "--inherit-fd", ("fd[%d]:%s"):format(index - 1, link))
    end
  end
end

--- Where the control groups that were saved come to be: in the one that was made for the container,
--- whatever its name was before.
local function cgroup_roots(words, group)
  local paths = group.handle and group.handle.paths or {}
  for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
    local is_v1, where = hierarchy.version == "v1", hierarchy.mount
    local path = paths[hierarchy.controllers[1] or hierarchy.name] or not is_v1 and paths.unified
    if path and path:sub(1, #where + 1) == where .. "/" then
      local names = hierarchy.name and "name=" .. hierarchy.name
      names = names or table.concat(hierarchy.controllers, ",")
      append(words, "--cgroup-root", (is_v1 and names .. ":" or "") .. path:sub(#where + 1))
    end
  end
end

--- criu's command line.
local function command(made)
  local given, spec = made.call.options, made.spec
  local words = { criu.program(made.call.global), "restore" }
  append(words, "--images-dir", made.images, "--work-dir", made.work)
  append(words, "--log-file", "restore.log", "-v4", "--root", made.record.rootfs)
  append(words, "--restore-detached", "--restore-sibling", "--pidfile", made.pidfile)
  append(words, "--evasive-devices")
  for _, mount in ipairs(criu.externals(spec, made.record.bundle)) do
    append(words, "--external", ("mnt[%s]:%s"):format(mount.destination, mount.source))
  end
  for _, path in ipairs(spec.linux and spec.linux.maskedPaths or {}) do
    append(words, "--external", ("mnt[%s]:/dev/null"):format(path))
  end
  streams(words, made.images)
  cgroup_roots(words, made.group)
  append(words, table.unpack(criu.options(given)))
  for _, name in ipairs { "lsm-profile", "lsm-mount-context" } do
    local value = given[name:gsub("-", "_")]
    if value then
      append(words, "--" .. name, value)
    end
  end
  if made.network then
    words.preserve_fds, words.listen_fds = { made.network }, 0
    append(words, "--inherit-fd", "fd[3]:crun-lua-network")
  end
  return words
end

local function first_record(call, id, bundle, spec)
  local root = spec.root.path
  return {
    id = id,
    bundle = bundle,
    rootfs = root:sub(1, 1) == "/" and root or bundle .. "/" .. root,
    status = "creating",
    created = os.date("!%Y-%m-%dT%H:%M:%SZ"),
    ociVersion = spec.ociVersion or "1.0.2",
    annotations = spec.annotations,
    owner = proc_status(nil, { fields = { "uid" } }).uid.effective,
    poststop = require("oci.hooks").has(spec, "poststop") or nil,
    join = require("oci.namespaces").plan(spec).kinds,
  },
    call.global.root
end

--- Runs criu in the container's control group, with the root as a mount point.
local function rebuild(made)
  local words = command(made)
  local rootfs = made.record.rootfs
  local result = criu.run(function()
    local child <close> = spawn({
      unshare = { "mnt" },
      cgroup = made.group.handle,
      stderr = "inherit",
    }, function()
      mount(rootfs, rootfs, { bind = true, recursive = true })
      exec(words)
    end)
    return child:wait()
  end)
  if result.code ~= 0 then
    criu.failed("restore", result, made.work .. "/restore.log")
  end
  local pid = math.tointeger(tonumber(read_file(made.pidfile)))
  if not pid then
    options.fail("restore", ("criu has not written %s"):format(made.pidfile))
  end
  made.record.pid, made.record.starttime = pid, proc_stat(pid).starttime
  made.process = process_open(pid)
  made.undo:push("process", function()
    try(made.process.kill, made.process, "kill")
  end)
end

local function build(made)
  local call, spec = made.call, made.spec
  local lock = state.create(made.root, made.record.id, made.record, json_encode(spec))
  made.lock = lock
  made.undo:push("state", function()
    state.forget(made.root, made.record.id)
    lock:close()
  end)
  made.group = require("oci.cgroup").make(spec, {
    id = made.record.id,
    manager = call.global.cgroup_manager,
    rootless = call.global.rootless,
    undo = made.undo,
  })
  made.record.cgroup = made.group.record
  made.group:apply(spec.linux and spec.linux.resources)
  rebuild(made)
  made.record.status, made.record.maker = "running", nil
  state.save(made.root, made.record)
  made.group:keep()
  require("oci.announce").process({ pid_file = call.options.pid_file }, made.process)
end

--- The configuration, as policies leave it: what create would refuse cannot come by a restore.
local function configuration(call, id, bundle)
  local spec = require("oci.config").load(bundle, { debug = call.global.debug })
  local files = call.global.policy or {}
  if #files > 0 or stat("/etc/crun-lua/policy.d") then
    local context = { operation = "create", id = id, bundle = bundle, files = files }
    spec = require("oci.policy").apply(spec, context)
  end
  return spec
end

--- What is refused before anything is made.
local function prepare(call)
  local given, id = call.options, call.operands[1]
  state.check_id(id)
  local here = readlink("/proc/self/cwd")
  local bundle = given.bundle or here
  bundle = bundle:sub(1, 1) == "/" and bundle or here .. "/" .. bundle
  local spec = configuration(call, id, bundle)
  if spec.process and spec.process.terminal then
    options.fail("restore", "a container with a terminal cannot be restored here")
  elseif given.console_socket then
    options.fail("restore", "--console-socket is given, but process.terminal is not set")
  end
  local images, work = criu.places(given)
  if not stat(images) then
    options.fail("restore", ("open %s: no such file or directory"):format(images))
  end
  criu.program(call.global)
  local network = criu.network(spec)
  local record, root = first_record(call, id, bundle, spec)
  return {
    call = call,
    root = root,
    spec = spec,
    record = record,
    images = images,
    work = work,
    pidfile = work .. "/restored.pid",
    network = network and open(network) or nil,
    undo = undo_list.new(),
  }
end

---@param call oci.Call
---@return integer status
return function(call)
  local made = prepare(call)
  mkdir(made.work, { parents = true, mode = "0700" })
  if not call.options.detach and not call.options.no_subreaper then
    child_subreaper(true)
  end
  undo_list.attempt(function()
    build(made)
  end, function()
    made.undo:run()
  end)
  made.lock:close()
  if call.options.detach then
    made.process:keep()
    return 0
  end
  local result = made.process:wait { forward = signals }
  require("oci.delete").whole(made.root, made.record)
  return result.code
end
