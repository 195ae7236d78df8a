#!/usr/bin/env crun-lua
-- Shows a container from scratch: every step is a primitive, in the order in which it can be made.
-- Its root holds the programs that are named here and their libraries; it has namespaces of its
-- own, limits where this user may set them, and as root a wire to the host. Without a command it
-- runs a shell; try `-- ls -l /usr/bin`, and --explain.

local NAME = "from-scratch"
local PROGRAMS = { "sh", "ls", "cat", "id", "uname", "mount", "sleep" }

if arg[1] and (arg[1] ~= "--" or not arg[2]) then
  io.stderr:write("usage: crun-lua scripts/container.lua [-- COMMAND ARGUMENTS…]\n")
  os.exit(2)
end
local command = arg[1] and table.move(arg, 2, #arg, 1, {}) or { "/bin/sh" }
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
  try(root.symlink, root, "usr/bin", "/bin")
  root:mkdir("/tmp", { mode = "1777" })
  root:proc()
  root:dev()
  return root
end

-- 3. A wire. A device's name is there once: who gets it has its addresses, so many may run at once.
local function connect(child)
  local slot = -1
  repeat
    slot = slot + 1
    local ends = { peer_ns = child, up = true, host = true }
    ends.address = ("10.87.0.%d/30"):format(slot * 4 + 1)
    ends.peer_address = ("10.87.0.%d/30"):format(slot * 4 + 2)
    local _, err = try(veth, "scratch" .. slot, "eth0", ends)
    if err and err.errno ~= "EEXIST" then
      error(err, 0)
    end
  until not err
end

-- 4. The container: one clone with all namespaces, and what its first process does. That one gives
-- up every right, passes signals on, and collects what others leave behind: who is process 1 must.
local signals = { forward = { "int", "term", "hup" } }
local child <close> = spawn({
  unshare = { "cgroup", "ipc", "mnt", "net", "pid", "uts", not is_root and "user" or nil },
  cgroup = group,
  die_with_parent = true,
  parent = is_root and connect or nil,
}, function()
  sethostname(NAME)
  loopback_up()
  make_root():pivot()
  drop_caps { keep = { "net_bind_service" } }
  no_new_privs()
  seccomp { default = "errno", allow = { "@default" } }
  command.env = { PATH = "/bin:/usr/bin:/sbin:/usr/sbin", HOME = "/", TERM = os.getenv("TERM") }
  local program = spawn(function()
    exec(command)
  end)
  return program:reap(signals).code
end)
os.exit(child:wait(signals).code)
