-- Namespaces: unshare, setns, handles and pins, id maps, time offsets.

local test = require "test"

local KINDS = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" }

local function path_for(name)
  return os.getenv("TMPDIR") .. "/" .. name
end

local function text(path)
  local file <close> = io.open(path)
  return file and file:read("a") or ""
end

local function words(path)
  local list = {}
  for word in text(path):gmatch("%S+") do
    list[#list + 1] = word
  end
  return table.concat(list, " ")
end

-- A process that stands in namespaces of its own until it is closed.
local function sleeper(options)
  local child = spawn(options, function()
    exec { "sleep", "60" }
  end)
  child:started()
  return child
end

test.case("a misspelt kind is refused before anything is unshared", function(t)
  local before = ns_list()
  t.fails('did you mean "uts"', unshare, { "net", "utz" })
  t.fails("expected list of", unshare, "net")
  t.eq(ns_list(), before)
end)

test.case("an option of a kind that is not unshared is refused", function(t)
  t.fails('"mnt" is not in the list', unshare, { "uts" }, { propagation = "slave" })
  t.fails('"user" is not in the list', unshare, { "uts" }, { id_map = "auto" })
end)

test.case(
  "without the rights it is EPERM, and the hint says what is missing",
  { "user" },
  function(t)
    t.match(t.fails("EPERM", unshare, { "net" }).hint, '"user"', true)
    local err = t.fails("EACCES", ns_open, 1, "net")
    t.match(err.hint, "CAP_SYS_PTRACE", true)
  end
)

test.case("a file that is no namespace is refused without being opened", { "root" }, function(t)
  t.match(t.fails("EINVAL", ns_open, "/dev/null").hint, "/proc/PID/ns/KIND", true)
  t.fails("EINVAL", ns_open, "/proc/self/status")
  t.fails("ENOENT", ns_open, "/proc/self/ns/none")
  t.fails("EINVAL", setns, "/proc/self/ns")
end)

test.case("a namespace of another kind is refused before any is entered", { "root" }, function(t)
  local before = ns_list()
  local expected = 'kind "net", expected "uts"'
  t.fails(expected, ns_open, "/proc/self/ns/net", "uts")
  t.fails(expected, setns, "/proc/self/ns/net", { kinds = { "uts" } })
  local child <close> = sleeper { unshare = { "net" } }
  local net <close> = ns_open(child, "net")
  t.fails(expected, setns, net, { kinds = { "uts" } })
  t.fails("one kind", setns, net, { kinds = { "uts", "net" } })
  t.eq(ns_list(), before)
end)

test.case("a process is no answer to which of its namespaces is meant", { "root" }, function(t)
  t.fails("options.kinds", setns, 1)
  t.fails("say which", ns_open, 1)
  t.fails("ESRCH", setns, 2 ^ 22 - 1 | 0, { kinds = { "net" } })
end)

test.case("of several namespaces all are entered or none", { "root" }, function(t)
  local child <close> = sleeper { unshare = { "net", "uts" } }
  local before = ns_list()
  -- The caller's own user namespace cannot be entered again.
  local err = t.fails("EINVAL", setns, child, { kinds = { "net", "user", "uts" } })
  t.match(err.hint, "already", true)
  t.eq(ns_list(), before)
end)

test.case("unshare changes exactly the kinds that it is given", { "root" }, function(t)
  for _, kind in ipairs(KINDS) do
    local before = ns_list()
    local child <close> = spawn(function()
      unshare { kind }
      -- A pid or time namespace is for children; of the time namespace one sees that at once.
      local inner <close> = spawn(function()
        local now = ns_list()
        for _, other in ipairs(KINDS) do
          local changed = now[other].inode ~= before[other].inode
          t.eq(changed, other == kind, kind .. " changes " .. other)
        end
      end)
      t.eq(inner:wait().code, 0)
    end)
    t.eq(child:wait().code, 0)
  end
end)

test.case(
  "the caller's own pid and time namespaces do not change, only its children's",
  { "root" },
  function(t)
    local before = ns_list()
    unshare { "pid", "time" }
    t.eq(ns_list(), before)
    local child <close> = spawn(function()
      t.eq(words("/proc/sys/kernel/ns_last_pid"), "1")
    end)
    t.eq(child:wait().code, 0)
  end
)

test.case(
  "an unprivileged caller becomes root in its own user namespace",
  { "user", "userns" },
  function(t)
    unshare { "user", "uts" }
    sethostname("box")
    t.eq(sysctl_get("kernel.hostname"), "box")
    t.eq(words("/proc/self/uid_map"), "0 65534 1")
    t.eq(words("/proc/self/gid_map"), "0 65534 1")
    t.eq(words("/proc/self/setgroups"), "deny")
  end
)

test.case(
  "root is root of its own user namespace as well, and of nothing else",
  { "root", "userns" },
  function(t)
    unshare { "user", "uts" }
    sethostname("box")
    t.eq(words("/proc/self/uid_map"), "0 0 1")
    t.fails(
      "EPERM",
      unshare,
      { "user" },
      { id_map = { uid = { { inside = 0, outside = 7, count = 1 } } } }
    )
  end
)

test.case(
  "mounts of a new mount namespace are private unless asked otherwise",
  { "root" },
  function(t)
    local function root_is(tag)
      for line in io.lines("/proc/self/mountinfo") do
        if line:match("^%d+ %d+ %S+ %S+ (%S+)") == "/" then
          return line:find(" " .. tag .. ":", 1, true) ~= nil
        end
      end
    end
    t.inside({ "mnt" }, function()
      t.ok(not root_is("shared"))
      unshare({ "mnt" }, { propagation = "shared" })
      t.ok(root_is("shared"))
      local child <close> = spawn({ unshare = { "mnt" }, propagation = "slave" }, function()
        t.ok(root_is("master") and not root_is("shared"))
      end)
      t.eq(child:wait().code, 0)
      unshare({ "mnt" }, { propagation = "unchanged" })
      t.ok(root_is("shared"))
      unshare { "mnt" }
      t.ok(not root_is("shared") and not root_is("master"))
    end)
  end
)

-- The host guard

test.case("back in the host's namespace the guard is up again", { "root" }, function(t)
  local home <close> = ns_open("/proc/self/ns/uts")
  local native <close> = sleeper {}
  unshare { "uts" }
  sethostname("box")
  setns(home)
  t.fails("would change the host", sethostname, "box")
  unshare { "uts" }
  setns(native.pid, { kinds = { "uts" } })
  t.fails("would change the host", sethostname, "box")
end)

test.case("in a process's namespaces the guard is down", { "root" }, function(t)
  local child <close> = sleeper { unshare = { "uts", "net" } }
  t.fails("would change the host", sethostname, "box")
  setns(child, { kinds = { "uts" } })
  sethostname("box")
  t.fails("would change the host", sysctl, "net.ipv4.ip_forward", 1)
end)

test.case("a child of a process that has unshared pid is in that namespace", { "root" }, function(t)
  local outside = ns_list().pid.inode
  unshare { "pid" }
  local child <close> = spawn(function()
    t.ne(ns_list().pid.inode, outside)
  end)
  t.eq(child:wait().code, 0)
  setns("/proc/self/ns/pid")
  local second <close> = spawn(function()
    t.eq(ns_list().pid.inode, outside)
  end)
  t.eq(second:wait().code, 0)
end)

-- setns

test.case(
  "a process's namespaces are entered by pid, by handle, by path and by descriptor",
  { "root" },
  function(t)
    local child <close> = sleeper { unshare = { "net", "uts", "ipc" } }
    local theirs = ns_list(child)
    local net <close> = ns_open(child, "net")
    for _, way in ipairs {
      { child, { kinds = { "net" } } },
      { child.pid, { kinds = { "net" } } },
      { ("/proc/%d/ns/net"):format(child.pid) },
      { net },
    } do
      local guest <close> = spawn(function()
        setns(table.unpack(way))
        t.eq(ns_list().net.inode, theirs.net.inode)
        t.ne(ns_list().uts.inode, theirs.uts.inode)
      end)
      t.eq(guest:wait().code, 0)
    end
    setns(child, { kinds = { "net", "uts", "ipc" } })
    local mine = ns_list()
    for _, kind in ipairs { "net", "uts", "ipc" } do
      t.eq(mine[kind].inode, theirs[kind].inode)
    end
  end
)

test.case(
  "an unprivileged caller enters its own container, user namespace first",
  { "user", "userns" },
  function(t)
    local child <close> = sleeper { unshare = { "user", "uts", "net" } }
    t.fails("EPERM", setns, child, { kinds = { "uts" } })
    setns(child, { kinds = { "uts", "user", "net" } })
    local mine, theirs = ns_list(), ns_list(child)
    for _, kind in ipairs { "user", "uts", "net" } do
      t.eq(mine[kind].inode, theirs[kind].inode)
    end
    sethostname("box")
  end
)

-- Handles and pins

test.case("a closed namespace is not entered", function(t)
  local net = ns_open("/proc/self/ns/net")
  net:close()
  net:close()
  t.ok(net.closed)
  t.fails("is closed", setns, net)
end)

test.case("a pin needs a new file, and a failing one leaves none behind", { "root" }, function(t)
  unshare { "mnt" }
  local path = path_for("taken")
  local file <close> = assert(io.open(path, "w"))
  t.match(t.fails("EEXIST", ns_pin, "net", path).hint, "does not exist", true)
  os.remove(path)
  t.fails("ENOENT", ns_pin, "net", path_for("no/such/directory"))
  -- A mount namespace cannot be pinned inside itself.
  t.fails("EINVAL", ns_pin, "mnt", path)
  t.eq(io.open(path), nil)
end)

test.case(
  "without rights over the mounts nothing is pinned, and no file is left",
  { "user" },
  function(t)
    local path = path_for("pin")
    t.fails("EPERM", ns_pin, "net", path)
    t.eq(io.open(path), nil)
  end
)

test.case("a pin keeps a namespace that has no process, until it is closed", { "root" }, function(t)
  unshare { "mnt" }
  local path = path_for("pin")
  local inode
  do
    local child <close> = sleeper { unshare = { "uts" } }
    inode = ns_list(child).uts.inode
    local uts <close> = ns_open(child, "uts")
    t.eq(uts.inode, inode)
    local pin = uts:pin(path)
    t.eq({ pin.kind, pin.path }, { "uts", path })
  end
  local guest <close> = spawn({ join = { uts = path } }, function()
    t.eq(ns_list().uts.inode, inode)
  end)
  t.eq(guest:wait().code, 0)
end)

test.case("closing a pin removes its mount and its file", { "root" }, function(t)
  unshare { "mnt" }
  local path = path_for("pin")
  local pin = ns_pin("uts", path)
  t.match(t.read("/proc/self/mountinfo"), path .. " ", true)
  pin:close()
  pin:close()
  t.ok(not t.read("/proc/self/mountinfo"):find(path, 1, true))
  t.eq(io.open(path), nil)
end)

test.case("a pin is anywhere that the kernel takes, and gc finds it there", { "root" }, function(t)
  unshare { "mnt" }
  local path = path_for "pin \xff\n"
  local told = pipe()
  local maker = spawn(function()
    ns_pin("uts", path)
    told.write:write "made"
    poll({}, { timeout = "1h" })
  end)
  t.eq(told.read:read(4), "made")
  local starttime = proc_stat(maker.pid).starttime
  maker:kill "kill"
  maker:wait()
  t.eq(stat(path).type, "file")
  t.eq(journal_collect(maker.pid, starttime), 1)
  t.eq(try(stat, path), nil)
end)

test.case("a pin that somebody else has removed closes without an error", { "root" }, function()
  unshare { "mnt" }
  local path = path_for("pin")
  local pin <close> = ns_pin("uts", path)
  local other <close> = spawn(function()
    exec { "umount", path }
  end)
  other:wait()
  os.remove(path)
  local again <close> = ns_pin("uts", path)
end)

test.case("gc removes the pin of a killed script, and only a pin", { "root" }, function(t)
  local path, other = path_for("pin"), path_for("other")
  unshare { "mnt" }
  local child <close> = spawn(function()
    ns_pin("uts", path)
    ns_pin("uts", other):keep()
    ns_pin("net", other .. "2")
    exec { "sleep", "60" }
  end)
  child:started()
  child:kill("kill")
  child:wait()
  t.ok(io.open(path))
  -- What somebody else has put in the pin's place stays.
  local shell <close> = spawn(function()
    exec { "sh", "-c", 'umount "$1"; echo mine > "$1"', "sh", other .. "2" }
  end)
  t.eq(shell:wait().code, 0)
  local gc <close> = spawn(function()
    exec { "/proc/self/exe", "gc" }
  end)
  t.eq(gc:wait().code, 0)
  t.eq(io.open(path), nil)
  t.eq(text(other .. "2"), "mine\n")
  do
    -- An open descriptor would keep the mount busy.
    local kept <close> = ns_open(other)
    t.eq(kept.kind, "uts")
  end
  local clean <close> = spawn(function()
    exec { "sh", "-c", 'umount "$1"; rm "$1" "$2"', "sh", other, other .. "2" }
  end)
  t.eq(clean:wait().code, 0)
end)

test.case(
  "a list tells owner and parents of the namespaces of a process",
  { "root", "userns" },
  function(t)
    local home = ns_list()
    local child <close> = sleeper { unshare = { "user", "pid", "net" } }
    local theirs = ns_list(child.pid)
    t.eq(theirs.user.parent, home.user.inode)
    t.eq(theirs.user.user, home.user.inode)
    t.eq(theirs.user.owner_uid, 0)
    t.eq(theirs.pid.parent, home.pid.inode)
    t.eq(theirs.net.user, theirs.user.inode)
    t.eq(theirs.net.parent, nil)
    t.eq(theirs.uts, home.uts)
    t.fails("ENOENT", ns_list, 2 ^ 22 - 1 | 0)
  end
)

-- Id maps

test.case("a map that the kernel would refuse is refused with the reason", { "userns" }, function(t)
  local function map(...)
    return { id_map = { uid = { ... } } }
  end
  local function range(inside, outside, count)
    return { inside = inside, outside = outside, count = count }
  end
  local before = ns_list()
  t.fails("id_map.uid: the list of ranges is empty", unshare, { "user" }, map())
  t.fails("has no ids", unshare, { "user" }, map(range(0, 0, 0)))
  t.fails("past the last id", unshare, { "user" }, map(range(5, 0, 0xffffffff)))
  t.fails("inside 5 is in both", unshare, { "user" }, map(range(0, 0, 10), range(5, 100, 1)))
  t.fails("outside 9 is in both", unshare, { "user" }, map(range(0, 0, 10), range(10, 9, 1)))
  t.fails('"count"', unshare, { "user" }, { id_map = { gid = { { inside = 0, outside = 0 } } } })
  local many = {}
  for id = 0, 340 do
    many[id + 1] = range(id, id, 1)
  end
  t.fails("at most 340", unshare, { "user" }, map(table.unpack(many)))
  t.eq(ns_list(), before)
end)

test.case(
  "a range that is not the caller's is refused, and no child is left",
  { "user", "userns" },
  function(t)
    local ids = { { inside = 0, outside = 0, count = 10 } }
    local err = t.fails("map", unshare, { "user" }, { id_map = { uid = ids, gid = ids } })
    t.ok(err.errno == "ENOENT" or err.errno == "EPERM", err.errno)
    t.ok(err.hint)
  end
)

test.case(
  "ids that nobody has allotted are an error that names the file",
  { "user", "userns" },
  function(t)
    if text("/etc/subuid"):find("65534:", 1, true) then
      return
    end
    local err = t.fails("/etc/subuid", unshare, { "user" }, { id_map = "auto" })
    t.match(err.hint, "usermod --add-subuids", true)
    t.fails("/etc/subuid", spawn, { unshare = { "user" }, id_map = "auto" }, function() end)
  end
)

test.case("root maps ranges, and setgroups stays allowed", { "root", "userns" }, function(t)
  local ids =
    { { inside = 0, outside = 100000, count = 1000 }, { inside = 1000, outside = 5, count = 1 } }
  unshare({ "user", "uts" }, { id_map = { uid = ids, gid = ids } })
  t.eq(words("/proc/self/uid_map"), "0 100000 1000 1000 5 1")
  t.eq(words("/proc/self/gid_map"), "0 100000 1000 1000 5 1")
  t.eq(words("/proc/self/setgroups"), "allow")
  sethostname("box")
end)

test.case("an id of the caller's choice needs no rights", { "user", "userns" }, function(t)
  unshare({ "user" }, { id_map = { uid = 1000, gid = 100 } })
  t.eq(words("/proc/self/uid_map"), "1000 65534 1")
  t.eq(words("/proc/self/gid_map"), "100 65534 1")
  t.match(t.read("/proc/self/status"), "Uid:%s+1000")
end)

test.case(
  "CVE-2014-8989: setgroups is denied where that is asked for",
  { "root", "userns" },
  function(t)
    local ids = { { inside = 0, outside = 100000, count = 10 } }
    local child <close> = sleeper {
      unshare = { "user" },
      id_map = { uid = ids, gid = ids, setgroups = "deny" },
    }
    t.eq(words(("/proc/%d/setgroups"):format(child.pid)), "deny")
    t.eq(words(("/proc/%d/uid_map"):format(child.pid)), "0 100000 10")
  end
)

test.case("a map is written once", { "root", "userns" }, function(t)
  local child <close> = sleeper { unshare = { "user" } }
  t.match(t.fails("EPERM", id_map, child, "root").hint, "once", true)
  t.fails('"none" is what spawn takes', id_map, child, "none")
end)

test.case(
  "without newuidmap a range is an error that names its package",
  { "user", "userns" },
  function(t)
    local ids = { { inside = 0, outside = 100000, count = 10 } }
    local child <close> = spawn({ unshare = { "user" }, id_map = "none" }, function()
      exec { "sleep", "60" }
    end)
    child:started()
    if test.unmet("program:newuidmap") then
      t.match(t.fails("ENOENT", id_map, child, { uid = ids, gid = ids }).hint, "uidmap", true)
    else
      t.match(t.fails("EPERM", id_map, child, { uid = ids, gid = ids }).hint, "/etc/subuid", true)
    end
    t.eq(words(("/proc/%d/uid_map"):format(child.pid)), "")
    id_map(child, "root")
    t.eq(words(("/proc/%d/uid_map"):format(child.pid)), "0 65534 1")
  end
)

test.case(
  "root's auto map without allotted ids is every id, one to one",
  { "root", "userns" },
  function(t)
    if text("/etc/subuid"):find("root:", 1, true) then
      return
    end
    local child <close> = sleeper { unshare = { "user" }, id_map = "auto" }
    t.eq(words(("/proc/%d/uid_map"):format(child.pid)), "0 0 4294967295")
  end
)

-- Clocks

local TIME = "file:/proc/self/ns/time"

test.case("clocks of the host, or of a namespace in use, are not set", { "root", TIME }, function(t)
  t.match(t.fails("EACCES", time_offset, { boottime = 10 }).hint, 'unshare { "time" } first', true)
  unshare { "time" }
  local child <close> = spawn(function() end)
  child:wait()
  t.fails("EACCES", time_offset, { boottime = 10 })
end)

test.case("an offset is a time, and one clock at least is named", { "root", TIME }, function(t)
  unshare { "time" }
  t.fails("expected monotonic, boottime, or both", time_offset, {})
  t.fails('offsets.boottime: expected a time such as "250ms"', time_offset, { boottime = "soon" })
  t.fails("ERANGE", time_offset, { boottime = "-999999h" })
end)

test.case(
  "children's clocks are ahead by what was set, and the caller's are not",
  { "root", TIME },
  function(t)
    unshare { "time" }
    time_offset { boottime = "1000h", monotonic = "-500ms" }
    t.match(t.read("/proc/self/timens_offsets"), "monotonic%s+%-1%s+500000000")
    t.ok(clock("boottime") < 3.6e6)
    local child <close> = spawn(function()
      t.ok(clock("boottime") >= 3.6e6)
      local uptime = tonumber(t.read("/proc/uptime"):match("%S+"))
      t.ok(uptime >= 3.6e6)
    end)
    t.eq(child:wait().code, 0)
  end
)

return test.run()
