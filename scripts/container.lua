#!/usr/bin/env crun-lua
-- Shows a container from scratch: every step is a primitive, in the order in which it can be made.
--
-- Its root holds the programs that are named here and their libraries; it has namespaces of its
-- own, limits where this user may set them, and as root a wire to the host. Try it with --explain.
--
--   crun-lua scripts/container.lua                  a shell in the container
--   crun-lua scripts/container.lua -- ls -l /bin    a command

local NAME = "from-scratch"
local PROGRAMS = { "sh", "ls", "cat", "id", "uname", "mount", "sleep" }
local HOST, CONTAINER = "10.87.0.1", "10.87.0.2"

local command = { "/bin/sh" }
if arg[1] == "--" and arg[2] then
  command = table.move(arg, 2, #arg, 1, {})
end
local is_root = proc_status().uid.effective == 0

-- 1. What it may use: a control group, with those limits that this user may set.
local wanted, limits = { memory = "128M", cpu = "50%", pids = 64 }, {}
for _, controller in ipairs(cgroup_may()) do
  limits[controller] = wanted[controller]
end
local group = next(limits) and cgroup_set(("%s-%d"):format(NAME, proc_stat().pid), limits)

-- 2. What it sees as its files: a root on a tmpfs, with the host's programs bound read-only.
local function make_root()
  local root = rootfs_new { size = "16M" }
  for _, file in ipairs(program_files(PROGRAMS)) do
    root:mkdir(file.path:match("^(.+)/") or "/", { parents = true })
    if file.target then
      root:symlink(file.target, file.path)
    else
      root:bind(file.source, file.path, { readonly = true, nosuid = true, nodev = true })
    end
  end
  if not root:exists("/bin") then
    root:symlink("usr/bin", "/bin")
  end
  root:mkdir("/tmp", { mode = "1777" })
  root:proc()
  root:dev()
  return root
end

-- 3. A wire: one end here, the other in the child's namespace before the child goes on.
local function connect(child)
  if is_root then
    veth("scratch0", "eth0", {
      address = HOST .. "/30",
      peer_ns = child,
      peer_address = CONTAINER .. "/30",
      up = true,
      host = true,
    })
  end
end

-- 4. The container: one clone with all namespaces, and what its first process does until exec.
local kinds = { "cgroup", "ipc", "mnt", "net", "pid", "uts", not is_root and "user" or nil }
local child <close> = spawn(
  { name = NAME, unshare = kinds, cgroup = group, parent = connect },
  function()
    sethostname(NAME)
    loopback_up()
    if is_root then
      route_add("default", { via = HOST })
    end
    make_root():pivot()
    drop_caps { keep = { "net_bind_service" } }
    no_new_privs()
    seccomp { default = "errno", allow = { "@default" } }
    command.env = { PATH = "/bin:/usr/bin:/sbin:/usr/sbin", HOME = "/", TERM = os.getenv("TERM") }
    exec(command)
  end
)
os.exit(child:wait({ forward = { "int", "term", "hup" } }).code)
