#!/usr/bin/env crun-lua
-- The first container: a Lua function in namespaces of its own.
--
-- It needs no rights: an ordinary user gets a user namespace as well, and is root in there. Its
-- files are the host's; scripts/hardened.lua has a root of its own. Change it, and look at what it
-- asks the kernel for: `crun-lua --explain scripts/hello.lua [COMMAND ARGUMENTS…]`.

local command = #arg > 0 and arg or { "sh", "-c", "echo process $$ of $(uname -n), user $(id -u)" }

local kinds = { "pid", "mnt", "uts", "ipc", "net", "cgroup" }
if proc_status().uid.effective ~= 0 then
  table.insert(kinds, "user")
end

-- Root may set them all; a user sets those that somebody has delegated, if any.
local wanted, limits = { memory = "128M", cpu = "50%", pids = 64 }, {}
for _, name in ipairs(cgroup_may()) do
  limits[name] = wanted[name]
end
local group = next(limits) and cgroup_set("hello-" .. proc_stat().pid, limits) or nil

local child <close> = spawn({ unshare = kinds, cgroup = group }, function()
  sethostname("box")
  -- The new process numbers are seen through a /proc of their own.
  mount("proc", "/proc", { type = "proc" })
  drop_caps { keep = { "net_bind_service" } }
  no_new_privs()
  seccomp { default = "errno", allow = { "@default" } }
  exec(table.move(command, 1, #command, 1, {}))
end)
os.exit(child:wait().code)
