--- The container's side of its start: from the clone to the exec of its program.
---
--- All of it runs in the child, in the new namespaces, with the rights of a fresh namespace. The
--- order is the one in which each step can still be made: names and mounts while the host's root is
--- in reach, the pivot, then what gives rights up, and the exec.
---
--- ```lua
--- local inside = require "container.inside"
---
--- local env = inside.environment({ env = { A = "1" } }, { env = { A = "0", B = "2" } })
--- assert(env.A == "1" and env.B == "2" and env.container == "crun-lua")
--- ```
local M = {}

local PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

--- The program's environment: the usual, what the image says, what the user says.
---@param config table see `container.spec`
---@param image? table see `image.Config`
---@return table<string, string>
function M.environment(config, image)
  local env = { PATH = PATH, container = "crun-lua" }
  if config.tty then
    env.TERM = os.getenv("TERM") or "xterm"
  end
  local kept = config.profile and config.profile.env or {}
  for _, source in ipairs { image and image.env or {}, kept.set or {}, config.env } do
    for name, value in pairs(source) do
      env[name] = value
    end
  end
  for _, name in ipairs(kept.keep or {}) do
    env[name] = env[name] or os.getenv(name)
  end
  return env
end

--- Mount flags of a volume: nothing that the volume's own file system would grant comes along
--- unless it was asked for.
local function volume_flags(volume)
  return {
    readonly = volume.readonly,
    nosuid = not volume.suid or nil,
    nodev = not volume.dev or nil,
    noexec = volume.exec == false or nil,
    recursive = volume.recursive ~= false,
  }
end

local function bind_volumes(root, config)
  for _, volume in ipairs(config.profile.volumes or {}) do
    root:bind(volume.source, volume.target, volume_flags(volume))
  end
  for _, volume in ipairs(config.volumes) do
    root:bind(volume.opened or volume.source, volume.target, volume_flags(volume))
  end
end

--- A device node; inside a user namespace nobody may make one, so the host's own is shown.
local function add_device(root, device, config)
  if config.userns then
    root:bind(device.path, device.path)
    return
  end
  root:mknod(device.path, {
    type = device.type,
    major = device.major,
    minor = device.minor,
    mode = device.mode or "0666",
    uid = device.uid,
    gid = device.gid,
  })
end

local function mount_tmpfs(root, config)
  for _, list in ipairs { config.profile.tmpfs or {}, config.tmpfs } do
    -- What lies above comes first, or it would cover what lies in it.
    for _, path in ipairs(require("options").keys(list)) do
      local data = list[path]
      root:mount("tmpfs", path, {
        type = "tmpfs",
        data = type(data) == "table" and data or { mode = "1777" },
        nosuid = true,
        nodev = true,
      })
    end
  end
end

--- Everything that the container sees as its file system.
---@param config table
---@param parts table
---@return any root
function M.furnish(config, parts)
  local root = require("rootfs").mount(parts.root, parts.files)
  local own = {}
  for _, kind in ipairs(config.namespaces) do
    own[kind] = true
  end
  root:proc()
  root:dev()
  if parts.root.kind ~= "host" and parts.root.kind ~= "copy" then
    -- A new sysfs shows the network of whoever mounts it.
    root:sys { bind = not own.net and config.userns or nil }
  end
  mount_tmpfs(root, config)
  -- Before the volumes: what lies at /etc then is the user's, and is not written into.
  require("container.files").put(root, parts.files)
  bind_volumes(root, config)
  for _, device in ipairs(config.devices) do
    add_device(root, device, config)
  end
  require("hardening").mounts(parts.hardened, root)
  if config.readonly then
    root:readonly("/")
  end
  return root
end

--- Who the program runs as: looked up in the container's own files, and only where it must be.
---@return string? user "uid:gid"
---@return integer[]? groups
---@return string? home
function M.identity(config, image)
  local of_image = image and image.user
  if of_image and of_image:match("^0:?%d*$") or of_image == "root" then
    -- An image that says nothing runs as root as well; a profile may know better.
    of_image = config.profile.user or of_image
  end
  local wanted = config.user or of_image or config.profile.user
  if not wanted then
    return nil, config.groups, nil
  end
  if wanted:match("^%d+:%d+$") then
    return wanted, config.groups or {}, nil
  end
  local found = user_lookup(wanted)
  return ("%d:%d"):format(found.uid, found.gid), config.groups or found.groups, found.home
end

--- Fails where a user has no number in the container's user namespace. The profile's own user is
--- another matter: who has one id there has no rights outside, whatever it is called.
local function check_mapped(config, user)
  local uid = math.tointeger(tonumber(user:match("^%d+")))
  for _, range in ipairs(uid_map() or {}) do
    if uid >= range.inside and uid < range.inside + range.count then
      return
    end
  end
  if user ~= config.profile.user then
    local hint = 'user = "0:0" runs as the one id that there is; lines in /etc/subuid and the '
      .. "program newuidmap give more"
    local message = "user %s has no number in the user namespace of the container"
    require("options").fail("container.start", message:format(user), hint)
  end
end

--- Gives rights up and becomes the program. Nothing after it.
---@param config table
---@param parts table
---@param command string[]
function M.become(config, parts, command)
  local image = config.image
  local user, groups, home = M.identity(config, image)
  if user and config.userns then
    check_mapped(config, user)
  end
  local env = M.environment(config, image)
  env.HOME = env.HOME or home or (user and not user:match("^0:") and "/" or "/root")
  env.HOSTNAME = env.HOSTNAME or config.hostname
  local program = table.move(command, 1, #command, 1, {})
  program.env = env
  program.cwd = config.workdir or (image and image.workdir) or "/"
  require("hardening").confine(parts.hardened, {
    user = user,
    groups = groups,
    root = not config.userns,
    rlimits = config.rlimits,
    oom_score = config.oom_score,
    answers = parts.answers,
    after_user = function()
      if parts.bond then
        parts.bond:rearm()
      else
        die_with_parent("kill")
      end
    end,
  })
  exec(program)
end

--- What stays open of that which the owner has given along.
local function still_needed(parts, list)
  list[#list + 1] = parts.begun
  list[#list + 1] = parts.answers
  return list
end

--- The first process of a container with `init`: it starts the program, passes signals on, and
--- collects what is left over; it has no rights that it does not need for that.
local function be_init(config, parts, command)
  dumpable(false)
  close_fds(still_needed(parts, { parts.bond.life.read }))
  -- From here on they are the program's: what comes before `reap` waits for it.
  poll({}, { signals = parts.forward, timeout = 0 })
  local program = spawn({ name = "program", process_group = config.tty }, function()
    if config.tty then
      -- Ctrl-C goes to the group in front: were init in it, it would pass the signal on once more.
      tcsetpgrp()
    end
    M.become(config, parts, command)
  end)
  if parts.answers then
    parts.answers:close()
  end
  program:started()
  collectgarbage("restart")
  parts.begun:write("b")
  parts.begun:close()
  drop_caps { keep = {} }
  no_new_privs()
  local result = program:reap { forward = parts.forward }
  if result.signal then
    return 128 + (result.code - 128)
  end
  return result.code
end

--- The container's whole life, as the first process in its namespaces.
---@param config table
---@param parts table
---@param command string[]
---@return integer? status where it does not end in exec
function M.live(config, parts, command)
  -- Every object that a collection marks is a page that this process would have to copy first.
  collectgarbage("stop")
  if not config.tty and not parts.session then
    -- While /dev is the caller's.
    local controlling = require "container.controlling"
    controlling.give_up(controlling.open())
  end
  sethostname(config.hostname)
  if config.domainname then
    setdomainname(config.domainname)
  end
  for _, name in ipairs(require("options").keys(config.sysctls)) do
    sysctl(name, config.sysctls[name])
  end
  if parts.attachment then
    require("network").inside(parts.attachment)
  end
  local root = M.furnish(config, parts)
  root:pivot()
  parts.bond:admitted()
  if parts.ready then
    -- What the parent had open would stay open as long as this process waits.
    close_fds(still_needed(parts, { parts.ready, parts.go, parts.bond.life.read }))
    parts.ready:write("r")
    parts.ready:close()
    -- Whoever may start the container opens the other end; an owner that dies takes us with it.
    parts.go:read(1)
    parts.go:close()
  end
  if config.tty then
    -- The first terminal of a devpts of its own; the owner has opened the other side.
    local here <close> = rootfs_open("/")
    terminal_attach(here:open("/dev/pts/0", { write = true, special = true }))
  elseif parts.session then
    setsid()
  end
  if config.init then
    return be_init(config, parts, command)
  end
  M.become(config, parts, command)
end

return M
