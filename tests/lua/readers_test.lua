-- Readers of /proc: recorded trees with expected answers, and this very process.

local test = require "test"

local TREES = "tests/fixtures/proc/"
local CONTAINER = { root = TREES .. "container" }
local SHELL = { root = TREES .. "shell" }
local USERNS = { root = TREES .. "userns" }

test.case("a process that does not exist is nil", function(t)
  for _, reader in ipairs {
    proc_status,
    proc_stat,
    proc_ns,
    mountinfo,
    proc_limits,
    uid_map,
    gid_map,
    proc_cgroup,
    proc_fds,
    proc_children,
  } do
    t.eq(reader(2147483647), nil)
    t.eq(reader(2, CONTAINER), nil)
  end
  t.eq(proc_net(2147483647, "tcp"), nil)
end)

test.case("a root that does not exist is an error", function(t)
  t.fails("ENOENT", proc_status, 1, { root = "/nowhere" })
  t.fails("ENOENT", pids, { root = "/nowhere" })
  t.match(
    t.fails("ENOENT", proc_net, "tcp", { root = "/nowhere" }).hint,
    "is not mounted here",
    true
  )
end)

test.case("a wrong argument is refused before anything is read", function(t)
  t.fails("pid: expected", proc_status, 0)
  t.fails('did you mean "tcp"', proc_net, 1, "tpc")
  t.fails("unknown option", proc_status, 1, { roof = "/" })
  t.fails("table: expected", proc_net, 1)
end)

test.case("a file that is no file of /proc is EBADMSG and says so", function(t)
  local dir = os.getenv("TMPDIR") .. "/tree"
  mkdir(dir)
  mkdir(dir .. "/7")
  local file = assert(io.open(dir .. "/7/mountinfo", "w"))
  file:write("1 2 0:3 / / rw - proc proc rw\nbroken\n")
  file:close()
  local err = t.fails("EBADMSG", mountinfo, 7, { root = dir })
  t.match(err.hint, "is it a tree of /proc?", true)
  t.fails("ENOENT", proc_limits, 7, { root = dir })
  os.remove(dir .. "/7/mountinfo")
  os.remove(dir .. "/7")
  os.remove(dir)
end)

test.case("a hostile name changes nothing else", function(t)
  local name = "a) S 1 (\n\\\xff"
  local status = proc_status(1, CONTAINER)
  t.eq(status.name, name)
  t.eq(status.pid, 1)
  t.eq(status.state, "S")
  t.eq(status.state_name, "sleeping")
  t.eq(status.no_new_privs, 1)
  t.eq(status.uid, { real = 0, effective = 0, saved = 0, fs = 0 })
  local stat = proc_stat(1, CONTAINER)
  t.eq(stat.comm, name)
  t.eq(stat.state, "S")
  t.eq(stat.ppid, 0)
  t.eq(stat.exit_code, 0)
end)

test.case("mount points with spaces, line ends and other bytes are whole", function(t)
  local mounts = mountinfo(1, CONTAINER)
  local last = mounts[#mounts]
  t.eq(last.mount_point, "/tmp/fx/space and\nline\\end \xff")
  t.eq(last.source, "")
  t.eq(last.fs_type, "tmpfs")
  t.eq(last.super_options, "rw")
  t.eq(last.parent_id, mounts[#mounts - 1].mount_id)
  t.eq(mounts[#mounts - 2].source, "a b")
  t.eq(mounts[#mounts - 2].mount_options, { "rw", "nosuid", "relatime" })
end)

test.case("sockets of a container have addresses, states and whole paths", function(t)
  local tcp = proc_net(1, "tcp", CONTAINER)
  t.eq(#tcp, 3)
  t.eq(tcp[1].local_address .. ":" .. tcp[1].local_port, "127.0.0.1:8080")
  t.eq(tcp[1].st, "listen")
  t.eq(tcp[2].st, "established")
  t.eq(tcp[2].rem_port, 8080)
  local tcp6 = proc_net(1, "tcp6", CONTAINER)
  t.eq(tcp6[1].local_address, "::1")
  local unix = proc_net(1, "unix", CONTAINER)
  t.eq(#unix, 2)
  t.eq(unix[1].path, "/tmp/fx/sock et\nx: y")
  t.eq(unix[2].path, "@abstract")
  t.eq(unix[2].type, "seqpacket")
  local sockets = {}
  for _, open in ipairs(proc_fds(1, CONTAINER)) do
    sockets[open.target] = true
  end
  t.ok(sockets[("socket:[%d]"):format(tcp[1].inode)], "the listening socket among the descriptors")
end)

test.case("routes and devices of a container are read", function(t)
  local route = proc_net(1, "route", CONTAINER)
  t.eq({ route[1].iface, route[1].gateway, route[2].mask }, { "v0", "10.1.0.2", "255.255.255.0" })
  local names = {}
  for _, device in ipairs(proc_net(1, "dev", CONTAINER)) do
    names[#names + 1] = device.interface
  end
  table.sort(names)
  t.eq(names, { "lo", "v0", "v1" })
end)

test.case("an unprivileged user's namespace shows its maps and no capability outside", function(t)
  local pid = pids(USERNS)[1]
  t.eq(uid_map(pid, USERNS), { { inside = 0, outside = 65534, count = 1 } })
  t.eq(gid_map(pid, USERNS), { { inside = 0, outside = 65534, count = 1 } })
  local inside, outside = proc_ns(pid, USERNS), proc_ns(pids(SHELL)[1], SHELL)
  t.ne(inside.user, outside.user)
  t.ne(inside.net, outside.net)
  t.eq(inside.mnt, outside.mnt)
  local status = proc_status(pid, USERNS)
  t.eq(status.uid.real, 65534)
  t.eq(status.cap_inh, "0000000000000000")
  t.eq(status.cap_inh_names, {})
end)

test.case("limits, cgroups and children of a recorded shell are read", function(t)
  local pid = pids(SHELL)[1]
  local limits = proc_limits(pid, SHELL)
  t.eq(limits.cpu, { soft = "unlimited", hard = "unlimited", units = "seconds" })
  t.eq(limits.nofile, { soft = 20000, hard = 20000, units = "files" })
  t.eq(limits.nice, { soft = 0, hard = 0 })
  local groups = proc_cgroup(pid, SHELL)
  t.eq(groups[6], { hierarchy_id = 4, controllers = { "memory" }, path = "/session" })
  t.eq(groups[#groups], { hierarchy_id = 0, controllers = {}, path = "/" })
  t.eq(#proc_children(pid, SHELL), 1)
  t.eq(proc_status(pid, SHELL).umask, "0022")
end)

test.case("this process reads itself the same way by number and by name", function(t)
  local stat = proc_stat()
  t.eq(proc_stat(stat.pid).starttime, stat.starttime)
  t.eq(proc_ns(stat.pid), proc_ns())
  t.eq(proc_status().pid, stat.pid)
  t.ok(#mountinfo() > 0)
end)

test.case("a child is asked for by its handle, dead or alive", function(t)
  local child <close> = spawn(function()
    exec { "sleep", "100" }
  end)
  child:started()
  t.eq(proc_status(child).name, "sleep")
  t.eq(proc_stat(child).ppid, proc_stat().pid)
  t.eq(proc_children(), { child.pid })
  t.eq(proc_fds(child)[1].fd, 0)
  for _, open in ipairs(proc_fds(child)) do
    t.ok(open.fd <= 2, ("descriptor %d (%s) was not closed by exec"):format(open.fd, open.target))
  end
  child:close()
  t.eq(proc_status(child), nil)
end)

test.case("a child in namespaces of its own has other numbers", { "root" }, function(t)
  local child <close> = spawn({ unshare = { "uts", "net" } }, function()
    exec { "sleep", "100" }
  end)
  child:started()
  local mine, its = proc_ns(), proc_ns(child)
  t.ne(its.uts, mine.uts)
  t.ne(its.net, mine.net)
  t.eq(its.mnt, mine.mnt)
  t.eq(#proc_net(child, "dev"), #proc_net(child, "dev"))
  t.eq(proc_net(child, "unix"), {})
end)

test.case("another user's descriptors are closed to an unprivileged reader", { "user" }, function(t)
  local err = t.fails("EACCES", proc_fds, 1)
  t.match(err.hint, "CAP_SYS_PTRACE", true)
  t.ok(proc_status(1).name)
end)

return test.run()
