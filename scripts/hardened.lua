#!/usr/bin/env crun-lua
-- Runs a command in a hardened box, or proves the box.
--
-- The box has its own namespaces, an unprivileged user, no capability, a seccomp filter, a
-- read-only root with a private /tmp, no network, masked and read-only parts of /proc, Landlock,
-- and limits on memory, processor and processes. Its root is made of the host's programs, only
-- those that are named, or is a directory or a tar file. It needs no rights: an ordinary user gets
-- the same box inside a user namespace, with those limits that the host lets this user set.

local check = require "hardening.check"

local USAGE = [[
usage: crun-lua scripts/hardened.lua [OPTIONS] [-- COMMAND ARGUMENTS…]

Without a command the box proves itself: one row a property, wanted and found.

  --rootfs DIR|TAR   the root of the box; the host's programs without it
  --program NAME     a program of the host that the box gets as well; may be repeated
  --memory SIZE      "128M"
  --cpu SHARE        of one processor: "50%"
  --pids NUMBER      "64"
]]

local NAME, UID, GID = "hardened", 65534, 65534
local KINDS = { "cgroup", "ipc", "mnt", "net", "pid", "uts" }

-- What Docker hides and write-protects.
local MASKED = {
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
}
local READONLY = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" }

local function usage_error(text)
  io.stderr:write("hardened.lua: ", text, "\n\n", USAGE)
  os.exit(2)
end

--- The command line as a table.
local function parse()
  local options = { programs = { "sh" }, limits = { memory = "128M", cpu = "50%", pids = 64 } }
  local index = 1
  while arg[index] do
    local name, value = arg[index], arg[index + 1]
    if name == "--" then
      options.command = table.move(arg, index + 1, #arg, 1, {})
      if #options.command == 0 then
        usage_error("a command is expected after --")
      end
      table.insert(options.programs, options.command[1])
      return options
    elseif name == "--help" then
      io.write(USAGE)
      os.exit(0)
    elseif not value then
      usage_error(name .. ": not an option, or its value is missing")
    elseif name == "--rootfs" then
      options.rootfs = value
    elseif name == "--program" then
      table.insert(options.programs, value)
    elseif name == "--memory" or name == "--cpu" then
      options.limits[name:sub(3)] = value
    elseif name == "--pids" then
      options.limits.pids = math.tointeger(value) or usage_error("--pids: not a whole number")
    else
      usage_error(name .. ": not an option")
    end
    index = index + 2
  end
  return options
end

--- The cgroup with those limits that this user may set, and which these are.
local function limit(limits)
  local allowed, wanted = {}, {}
  for _, name in ipairs(cgroup_may()) do
    allowed[name] = true
  end
  for name, value in pairs(limits) do
    wanted[name] = allowed[name] and value or nil
  end
  if not next(wanted) then
    return nil, allowed
  end
  local name = ("%s-%d"):format(NAME, proc_stat().pid)
  local group, err = try(cgroup_set, name, wanted)
  if err and err.errno == "EBUSY" then
    -- On cgroup v2 a group with processes shares out nothing: this one goes to a group below.
    cgroup_set(name .. "-main", {}):enter()
    group = cgroup_set(name, wanted)
  elseif err then
    error(err, 0)
  end
  return group, allowed
end

--- A root with the host's programs in it, read-only, and each at its own place.
local function from_host(programs)
  local root = rootfs_new { size = "4M" }
  for _, file in ipairs(program_files(programs)) do
    local parent = file.path:match("^(.+)/")
    if parent then
      root:mkdir(parent, { parents = true })
    end
    if file.target then
      root:symlink(file.target, file.path)
    else
      root:bind(file.source, file.path, { readonly = true, nosuid = true, nodev = true })
    end
  end
  if not root:exists("/bin") then
    root:symlink("usr/bin", "/bin")
  end
  root:mkdir("/etc")
  root:write("/etc/passwd", ("box:x:%d:%d::/tmp:/bin/sh\n"):format(UID, GID))
  root:write("/etc/group", ("box:x:%d:\n"):format(GID))
  return root
end

--- The root that was asked for.
local function make_root(options, is_root)
  if not options.rootfs then
    return from_host(options.programs)
  end
  if stat(options.rootfs).type == "directory" then
    return rootfs_open(options.rootfs, { bind = true, nosuid = true, nodev = true })
  end
  local root = rootfs_new { size = "1G" }
  root:unpack(options.rootfs, {
    owner = is_root and "keep" or "own",
    setuid = "strip",
    file_caps = "strip",
    limits = { size = "900M" },
  })
  return root
end

--- Mounts what every root gets, then takes the right to write from all but /tmp and /dev.
local function furnish(root)
  root:proc()
  root:dev { shm_size = "1M" }
  root:mount("tmpfs", "/tmp", {
    type = "tmpfs",
    data = { size = "16M", mode = "1777" },
    nosuid = true,
    nodev = true,
    noexec = true,
  })
  for _, path in ipairs(MASKED) do
    root:mask(path)
  end
  for _, path in ipairs(READONLY) do
    root:readonly(path)
  end
  root:readonly("/")
end

--- Gives up every right, in the order in which each step can still be made.
local function confine(is_root)
  rlimit { core = 0, nofile = 512 }
  if is_root then
    -- The bounding set needs CAP_SETPCAP, the ids need CAP_SETUID: the other sets come last.
    caps_set { bounding = {} }
    setuser(("%d:%d"):format(UID, GID), { groups = {} })
  end
  drop_caps { keep = {} }
  no_new_privs()
  landlock {
    exec = { "/" },
    rw = { "/tmp", "/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/shm", "/dev/pts" },
    net = { bind = {}, connect = {} },
    scope = { "abstract_unix_socket", "signal" },
  }
  seccomp { default = "errno", allow = { "@default" } }
end

local options = parse()
if options.rootfs and not stat(options.rootfs) then
  usage_error(options.rootfs .. ": no such directory or file")
end
local is_root = proc_status().uid.effective == 0
local group, allowed = limit(options.limits)
local wanted = { name = NAME, uid = UID, gid = GID, limits = options.limits, allowed = allowed }
-- From the box to this process: what it found, and what it could start; the other way: go on.
local found, started, go_on = pipe(), pipe(), pipe()

--- The box's whole life, as the first process in its namespaces.
local function box()
  sethostname(NAME)
  local root = make_root(options, is_root)
  furnish(root)
  root:pivot()
  -- Alone: the terminals and the shared memory below stay writable.
  mount_setattr("/dev", { readonly = true })
  setsid()
  confine(is_root)
  if options.command then
    local command = table.move(options.command, 1, #options.command, 1, {})
    command.env = { PATH = "/usr/local/bin:/usr/bin:/bin", HOME = "/tmp", TERM = os.getenv("TERM") }
    exec(command)
  end
  go_on.write:close()
  found.write:write(check.encode(check.inside(wanted)))
  found.write:close()
  go_on.read:read()
  started.write:write(tostring(check.strain(wanted)))
  started.write:close()
  if wanted.allowed.cpu then
    check.burn()
  end
end

local kinds = table.move(KINDS, 1, #KINDS, 1, {})
if not is_root then
  table.insert(kinds, "user")
end
local child <close> = spawn({
  name = "box",
  unshare = kinds,
  id_map = not is_root and { uid = UID, gid = GID } or nil,
  cgroup = group,
}, box)

for _, stream in ipairs { found.write, started.write, go_on.read } do
  stream:close()
end

if options.command then
  os.exit(child:wait({ forward = { "hup", "int", "quit", "term", "usr1", "usr2" } }).code)
end

-- A box that fails before it has spoken closes its end, and wait raises its error.
local rows = {}
check.decode(found.read:read(), rows)
if #rows > 0 then
  table.move(check.outside(child.pid, group, wanted), 1, 64, #rows + 1, rows)
  go_on.write:close()
  local count = tonumber(started.read:read()) or child:wait()
  table.move(check.counted(child, count, group, wanted), 1, 64, #rows + 1, rows)
else
  go_on.write:close()
  child:wait()
end
os.exit(check.print(rows) == 0)
