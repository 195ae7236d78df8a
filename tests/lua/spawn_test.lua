-- spawn: what a child starts in, what passes between it and its parent, and how it fails.

local test = require "test"

local KINDS = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" }

local function words(path)
  local file <close> = io.open(path)
  local list = {}
  for word in (file and file:read("a") or ""):gmatch("%S+") do
    list[#list + 1] = word
  end
  return table.concat(list, " ")
end

local function sleeper(options)
  local child = spawn(options, function()
    exec { "sleep", "60" }
  end)
  child:started()
  return child
end

-- The caller's line.
local function here()
  local _, message = pcall(error, "x", 4)
  return tonumber(message:match(":(%d+):"))
end

-- Refusals

test.case("options that cannot be combined are refused before anything is started", function(t)
  local function body()
    error("must not run")
  end
  t.fails('"user" is not in `unshare`', spawn, { id_map = "auto" }, body)
  t.fails('"time" is not in `unshare`', spawn, { time_offsets = { boottime = 1 } }, body)
  t.fails('"mnt" is not in `unshare`', spawn, { propagation = "slave", unshare = { "uts" } }, body)
  t.fails("in `unshare` as well", spawn, { unshare = { "net" }, join = { net = 1 } }, body)
  t.fails('did you mean "net"', spawn, { join = { ner = 1 } }, body)
  t.fails(
    "time_offsets: expected monotonic",
    spawn,
    { unshare = { "time" }, time_offsets = {} },
    body
  )
end)

test.case("a join of the wrong kind is refused before anything is started", { "root" }, function(t)
  local join = { uts = "/proc/self/ns/net", ipc = "/proc/self/ns/ipc" }
  local err = t.fails('options.join.uts: /proc/self/ns/net is a namespace of kind "net"', spawn, {
    join = join,
  }, function() end)
  t.eq(err.where.file, arg[0])
end)

test.case("without the rights no child is started", { "user" }, function(t)
  t.match(t.fails("EPERM", spawn, { unshare = { "net" } }, function() end).hint, '"user"', true)
end)

test.case(
  "a namespace that may not be joined fails the wait, on the line of the spawn",
  { "user", "userns" },
  function(t)
    local before = here()
    local child <close> = spawn({ join = { uts = "/proc/self/ns/uts" } }, function() end)
    local err = t.fails("EPERM", child.wait, child)
    t.eq(err.where.line, before + 1)
    -- Through the process in between it is the spawn that fails.
    t.fails("EPERM", spawn, { join = { pid = "/proc/self/ns/pid" } }, function() end)
  end
)

-- Errors of the child

test.case("an error in the child has the child's file and line", function(t)
  local line
  local child <close> = spawn(function()
    error("no luck")
  end)
  line = here() - 2
  local err = t.fails("no luck", child.wait, child)
  t.eq(err.where, { file = arg[0], line = line })
  t.match(err.traceback, "spawn_test.lua", true)
end)

test.case("a refused call in the child keeps errno, call and hint", { "root" }, function(t)
  local child <close> = spawn({ unshare = { "uts" } }, function()
    sethostname(("x"):rep(65))
  end)
  local err = t.fails("EINVAL", child.wait, child)
  t.eq({ err.op, err.errno, err.code }, { "sethostname", "EINVAL", 22 })
  t.match(err.call, "^sethostname%(")
  t.match(err.hint, "64 bytes", true)
end)

test.case("an error goes up through two children with its own line", function(t)
  local line = here() + 3
  local child <close> = spawn(function()
    local inner <close> = spawn(function()
      error("deep")
    end)
    inner:wait()
  end)
  local err = t.fails("deep", child.wait, child)
  t.eq(err.where.line, line)
end)

test.case("the cause of an error comes along", function(t)
  local child <close> = spawn(function()
    local _, reason = try(sethostname, "x", { host = 1 })
    error { message = "the container cannot start", cause = reason }
  end)
  local err = t.fails("the container cannot start", child.wait, child)
  t.match(tostring(err.cause), "host", true)
end)

test.case("an error may be any value", function(t)
  for _, value in ipairs { 42, true, "text", false } do
    local child <close> = spawn(function()
      error(value, 0)
    end)
    local err = t.fails(tostring(value), child.wait, child)
    t.eq(err.value, value)
  end
  local child <close> = spawn(function()
    error { status = 7, names = { "a", "b" } }
  end)
  t.eq(t.fails("table", child.wait, child).value, { status = 7, names = { "a", "b" } })
  local object <close> = spawn(function()
    error { message = "an object of the script's own", hint = "do this" }
  end)
  t.eq(t.fails("of the script's own", object.wait, object).hint, "do this")
  local empty <close> = spawn(function()
    error()
  end)
  t.fails("nil", empty.wait, empty)
end)

test.case(
  "an error that is very long, or that goes in circles, comes over all the same",
  function(t)
    local child <close> = spawn(function()
      error("too much " .. ("\1"):rep(1e6), 0)
    end)
    t.fails("too much", child.wait, child)
    local circle <close> = spawn(function()
      local object = { message = "round" }
      object.cause = object
      error(object)
    end)
    t.fails("round", circle.wait, circle)
  end
)

test.case("a failing parent callback kills the child before its function runs", function(t)
  local flag = os.getenv("TMPDIR") .. "/ran"
  local pid
  local err = t.fails("not today", spawn, {
    parent = function(process)
      pid = process.pid
      error("not today")
    end,
  }, function()
    io.open(flag, "w"):close()
  end)
  t.eq(err.where.file, arg[0])
  t.eq(io.open(flag), nil)
  t.eq(io.open(("/proc/%d/status"):format(pid)), nil)
end)

test.case("an error object of the parent's callback arrives as the same object", function(t)
  local inner
  local pid
  local line = here() + 6
  local err = t.fails("EEXIST", spawn, {
    parent = function(process)
      pid = process.pid
      local _
      _, inner = try(function()
        mkdir("/tmp")
      end)
      error(inner)
    end,
  }, function()
    error("must not run")
  end)
  t.ok(rawequal(err, inner), "the same object")
  t.eq(err.where, { file = arg[0], line = line })
  t.eq(io.open(("/proc/%d/stat"):format(pid)), nil)
  local mine = { message = "a table of the script's own" }
  t.ok(rawequal(
    t.fails("script's own", spawn, {
      parent = function()
        error(mine)
      end,
    }, function() end),
    mine
  ))
end)

test.case("an error object comes through two children with its cause and places", function(t)
  local line = here() + 4
  local child <close> = spawn(function()
    local inner <close> = spawn(function()
      local _, reason = try(function()
        mkdir("/tmp")
      end)
      error { message = "the grandchild", hint = "look there", cause = reason }
    end)
    inner:wait()
  end)
  local err = t.fails("the grandchild", child.wait, child)
  t.eq(err.hint, "look there")
  t.eq(err.where, { file = arg[0], line = line + 2 })
  t.eq(err.cause.where, { file = arg[0], line = line })
  t.eq({ err.cause.errno, err.cause.code, err.cause.op }, { "EEXIST", 17, "mkdir" })
  t.match(tostring(err), "cause: .*EEXIST")
end)

test.case("what is too long for one message is cut and stays an error object", function(t)
  local child <close> = spawn(function()
    local inner <close> = spawn(function()
      error(("ä"):rep(50000), 0)
    end)
    inner:wait()
  end)
  local err = t.fails("ä", child.wait, child)
  t.ok(#err.message < 5000, "it is cut")
  t.ok(utf8.len(err.message), "between two characters")
  t.eq(err.message:sub(-3), "…")
  -- Each text fits, and all of them together do not.
  local long <close> = spawn(function()
    local object
    for depth = 1, 5 do
      local text = ("\1"):rep(4000)
      object = { message = depth .. text, hint = text, call = text, cause = object }
      object.value = { text, text, text, { text, text, text } }
    end
    error(object)
  end)
  err = t.fails("5\1", long.wait, long)
  t.match(err.cause.message, "^4\1")
  t.eq(err.where.file, arg[0])
  local wide <close> = spawn(function()
    local value = { name = ("k"):rep(4000) }
    for i = 1, 64 do
      value[("key %d "):format(i) .. ("x"):rep(4000)] = ("\1"):rep(4000)
    end
    error { message = "wide", value = value }
  end)
  t.fails("wide", wide.wait, wide)
end)

test.case("a child is started by clone where a filter does not know clone3", { "root" }, function(t)
  t.inside({}, function()
    seccomp { default = "allow", errno = { "clone3" }, errno_ret = "ENOSYS" }
    local before = ns_list()
    local kinds = { "user", "uts", "pid", "net", "mnt", "ipc", "cgroup" }
    local child <close> = spawn({ unshare = kinds }, function()
      local now = ns_list()
      for _, kind in ipairs(kinds) do
        t.ne(now[kind].inode, before[kind].inode, kind)
      end
      t.match(read_file("/proc/self/status"), "NSpid:%s+%d+%s+1\n")
      return 7
    end)
    t.eq(child:wait().code, 7)
    local joined <close> = spawn(
      { join = { pid = sleeper { unshare = { "pid" } } } },
      function() end
    )
    t.eq(joined:wait().code, 0)
  end)
end)

test.case(
  "what only clone3 can ask for is ENOSYS without it, and nothing is started",
  { "root", "file:/proc/self/ns/time" },
  function(t)
    local flag = os.getenv("TMPDIR") .. "/ran"
    local function body()
      io.open(flag, "w"):close()
    end
    t.inside({}, function()
      seccomp { default = "allow", errno = { "clone3" }, errno_ret = "ENOSYS" }
      t.match(t.fails("ENOSYS", spawn, { unshare = { "time" } }, body).call, "CLONE_NEWTIME", true)
      t.eq(io.open(flag), nil)
      -- With offsets the child makes the namespace itself.
      local child <close> = spawn({
        unshare = { "time" },
        time_offsets = { boottime = "1000h" },
      }, function()
        t.ok(clock("boottime") >= 3.6e6)
      end)
      t.eq(child:wait().code, 0)
    end)
  end
)

test.case("a cgroup is not left out where clone3 is missing", { "root", "cgroup:v2" }, function(t)
  local group <close> = cgroup_set("test-clone", {})
  t.inside({}, function()
    seccomp { default = "allow", errno = { "clone3" }, errno_ret = "ENOSYS" }
    for _, unshare in ipairs { {}, { "pid" }, { "cgroup" } } do
      local child <close> = spawn({ cgroup = group, unshare = unshare }, function()
        exec { "sleep", "60" }
      end)
      child:started()
      local members = {}
      for _, pid in ipairs(group:pids()) do
        members[pid] = true
      end
      t.ok(members[child.pid], table.concat(unshare))
    end
  end)
end)

test.case("a child that is killed before its exec is reported by its signal", function(t)
  local child <close> = spawn(function()
    while true do
    end
  end)
  child:kill("kill")
  child:started()
  local result = child:wait()
  t.eq({ result.code, result.signal }, { 137, "kill" })
end)

test.case("a child that calls os.exit ends with that status and without an error", function(t)
  local child <close> = spawn(function()
    pcall(os.exit, 9)
    error("must not come here")
  end)
  t.eq(child:wait().code, 9)
  local false_ <close> = spawn(function()
    return false
  end)
  t.eq(false_:wait().code, 1)
end)

-- Namespaces of its own

test.case("a child has exactly the namespaces of its own that it is given", { "root" }, function(t)
  local before = ns_list()
  local function check(unshare)
    local wanted = {}
    for _, kind in ipairs(unshare) do
      wanted[kind] = true
    end
    local child <close> = sleeper { unshare = unshare }
    local now = ns_list(child)
    for _, kind in ipairs(KINDS) do
      t.eq(now[kind].inode ~= before[kind].inode, wanted[kind] or false, kind)
    end
  end
  check {}
  for _, kind in ipairs(KINDS) do
    check { kind }
  end
  check(KINDS)
  t.eq(ns_list(), before)
end)

test.case("all eight kinds need no rights together with user", { "user", "userns" }, function(t)
  local before = ns_list()
  local child <close> = sleeper { unshare = KINDS }
  local now = ns_list(child)
  for _, kind in ipairs(KINDS) do
    t.ne(now[kind].inode, before[kind].inode, kind)
  end
  t.eq(words(("/proc/%d/uid_map"):format(child.pid)), "0 65534 1")
  t.eq(words(("/proc/%d/gid_map"):format(child.pid)), "0 65534 1")
  t.eq(words(("/proc/%d/setgroups"):format(child.pid)), "deny")
end)

test.case("the first process of a pid namespace is number 1", { "root" }, function(t)
  local child <close> = sleeper { unshare = { "pid" } }
  t.match(t.read(("/proc/%d/status"):format(child.pid)), "NSpid:%s+%d+%s+1\n")
end)

test.case(
  "root of a new user namespace has every right there, and its ids are mapped",
  { "root", "userns" },
  function(t)
    local ids = { { inside = 0, outside = 100000, count = 65536 } }
    local child <close> = spawn({
      unshare = { "user", "uts" },
      id_map = { uid = ids, gid = ids },
    }, function()
      t.eq(words("/proc/self/uid_map"), "0 100000 65536")
      t.eq(words("/proc/self/gid_map"), "0 100000 65536")
      t.eq(words("/proc/self/setgroups"), "allow")
      sethostname("box")
    end)
    t.eq(child:wait().code, 0)
  end
)

test.case(
  "allotted ids are mapped by newuidmap",
  { "root", "userns", "program:newuidmap", "program:setpriv" },
  function(t)
    -- newuidmap is setuid and reads the machine's own files, so these are replaced in a mount
    -- namespace; the script runs as a user that they know, from the program's open descriptor.
    local dir = os.getenv("TMPDIR")
    local function write(name, content)
      local file <close> = assert(io.open(dir .. "/" .. name, "w"))
      file:write(content)
    end
    write("subuid", "tester:200000:1000\n4242:300000:10\n")
    write("subgid", "4242:200000:1000\n")
    write("passwd", "root:x:0:0::/:/bin/sh\ntester:x:4242:4242::/:/bin/sh\n")
    write(
      "script.lua",
      [[
      local child <close> = spawn({ unshare = { "user" }, id_map = "auto" }, function()
        print((io.open("/proc/self/uid_map"):read("a"):gsub("%s+", " ")))
        print((io.open("/proc/self/gid_map"):read("a"):gsub("%s+", " ")))
        print(io.open("/proc/self/setgroups"):read("a"))
      end)
      assert(child:wait().code == 0)
    ]]
    )
    write(
      "run.sh",
      [[
      cd "$1"
      for name in passwd subuid subgid; do
        test -e "/etc/$name" || : > "/etc/$name"
        mount --bind "$name" "/etc/$name"
      done
      exec 9< "/proc/$PPID/exe"
      exec setpriv --reuid 4242 --regid 4242 --clear-groups \
        /proc/self/fd/9 "$1/script.lua" > out 2> err
    ]]
    )
    local child <close> = spawn({ unshare = { "mnt" } }, function()
      local shell <close> = spawn(function()
        exec { "sh", dir .. "/run.sh", dir }
      end)
      t.eq(shell:wait().code, 0, t.read(dir .. "/err"))
    end)
    child:wait()
    local out = t.read(dir .. "/out")
    for _, name in ipairs { "subuid", "subgid", "passwd", "script.lua", "run.sh", "out", "err" } do
      os.remove(dir .. "/" .. name)
    end
    t.eq(out, " 0 4242 1 1 200000 1000 1001 300000 10 \n 0 4242 1 1 200000 1000 \nallow\n\n")
  end
)

test.case(
  "clocks with offsets are the child's from its first line on",
  { "root", "file:/proc/self/ns/time" },
  function(t)
    local before = ns_list().time.inode
    local child <close> = spawn({
      unshare = { "time", "pid", "user" },
      time_offsets = { boottime = "1000h", monotonic = "2000h" },
    }, function()
      t.ok(clock("boottime") >= 3.6e6)
      t.ok(clock("monotonic") >= 7.2e6)
      t.ne(ns_list().time.inode, before)
      t.fails("EACCES", time_offset, { boottime = 5 })
    end)
    t.eq(child:wait().code, 0)
    t.ok(clock("boottime") < 3.6e6)
  end
)

test.case("what is mounted in the child stays there", { "root" }, function(t)
  local dir = os.getenv("TMPDIR")
  local child <close> = spawn({ unshare = { "mnt" } }, function()
    local mounted <close> = spawn(function()
      exec { "mount", "-t", "tmpfs", "inner", dir }
    end)
    t.eq(mounted:wait().code, 0)
    t.match(t.read("/proc/self/mountinfo"), dir .. " ", true)
    exec { "true" }
  end)
  t.eq(child:wait().code, 0)
  t.ok(not t.read("/proc/self/mountinfo"):find(dir .. " ", 1, true))
end)

-- Namespaces of others

test.case("a child joins by pid, path, namespace and process", { "root" }, function(t)
  local first <close> = sleeper { unshare = { "net", "uts", "ipc", "mnt", "cgroup", "time" } }
  local theirs = ns_list(first)
  local uts <close> = ns_open(first, "uts")
  local second <close> = sleeper {
    join = {
      net = first.pid,
      uts = uts,
      ipc = ("/proc/%d/ns/ipc"):format(first.pid),
      mnt = first,
      cgroup = first,
      time = first,
    },
  }
  t.eq(ns_list(second), theirs)
  local mine = ns_list()
  for _, kind in ipairs { "net", "uts", "ipc", "mnt", "cgroup", "time" } do
    t.ne(mine[kind].inode, theirs[kind].inode)
  end
end)

test.case(
  "a child that joins a pid namespace is in it, and is the caller's own child",
  { "root" },
  function(t)
    local first <close> = sleeper { unshare = { "pid" } }
    local before = ns_list()
    local second <close> = spawn({ join = { pid = first } }, function()
      return 5
    end)
    t.eq(second:wait().code, 5)
    t.eq(ns_list(), before)
    local third <close> = sleeper { join = { pid = first.pid } }
    t.eq(ns_list(third).pid.inode, ns_list(first).pid.inode)
    t.match(
      t.read(("/proc/%d/status"):format(third.pid)),
      "PPid:%s+" .. words("/proc/self/stat"):match("%d+")
    )
    t.match(t.read(("/proc/%d/status"):format(third.pid)), "NSpid:%s+%d+%s+%d+\n")
  end
)

test.case(
  "a child joins a whole container and gets a namespace of its own there",
  { "user", "userns" },
  function(t)
    local first <close> = sleeper { unshare = KINDS }
    local theirs = ns_list(first)
    local second <close> = sleeper {
      unshare = { "uts" },
      join = {
        user = first,
        pid = first,
        net = first,
        mnt = first,
        ipc = first,
        time = first,
        cgroup = first,
      },
    }
    local now = ns_list(second)
    for _, kind in ipairs(KINDS) do
      t.eq(now[kind].inode == theirs[kind].inode, kind ~= "uts", kind)
    end
    t.eq(now.uts.user, theirs.user.inode)
  end
)

test.case(
  "root joins what it owns and a lesser user namespace in one spawn",
  { "root", "userns" },
  function(t)
    local container <close> = sleeper { unshare = { "user", "uts" } }
    local net <close> = sleeper { unshare = { "net" } }
    local guest <close> = sleeper { join = { user = container, net = net, uts = container } }
    local now = ns_list(guest)
    t.eq(now.user.inode, ns_list(container).user.inode)
    t.eq(now.net.inode, ns_list(net).net.inode)
    t.eq(now.net.user, ns_list().user.inode)
  end
)

test.case("a pid namespace whose first process has ended takes no child", { "root" }, function(t)
  local first = sleeper { unshare = { "pid" } }
  local pid <close> = ns_open(first, "pid")
  first:close()
  local err = t.fails("ENOMEM", spawn, { join = { pid = pid } }, function() end)
  t.match(err.hint, "first process", true)
  t.eq(err.where.file, arg[0])
end)

test.case(
  "the guard is down in a child for what it has entered, and up for the rest",
  { "root" },
  function(t)
    local first <close> = sleeper { unshare = { "uts", "net" } }
    local guest <close> = spawn({ join = { uts = first } }, function()
      sethostname("guest")
      t.fails("would change the host", sysctl, "net.ipv4.ip_forward", 1)
    end)
    t.eq(guest:wait().code, 0)
    local native <close> = spawn({ join = { uts = "/proc/self/ns/uts" } }, function()
      t.fails("would change the host", sethostname, "guest")
    end)
    t.eq(native:wait().code, 0)
  end
)

-- Parent and child

test.case(
  "the parent's callback runs between the clone and the child's first line",
  { "root" },
  function(t)
    local seen
    local child <close> = spawn({
      unshare = { "user" },
      id_map = "none",
      parent = function(process)
        seen = words(("/proc/%d/uid_map"):format(process.pid))
        id_map(process, { uid = 7, gid = 8 })
      end,
    }, function()
      t.eq(words("/proc/self/uid_map"), "7 0 1")
      t.eq(words("/proc/self/gid_map"), "8 0 1")
    end)
    t.eq(child:wait().code, 0)
    t.eq(seen, "")
  end
)

test.case("a child that is to die with its parent does, and another does not", function(t)
  for _, bound in ipairs { true, false } do
    local line = pipe()
    local middle <close> = spawn(function()
      local inner = spawn({ die_with_parent = bound }, function()
        exec { "sleep", "60" }
      end)
      inner:started()
      line.write:write(tostring(inner.pid))
      exec { "sleep", "60" }
    end)
    middle:started()
    line.write:close()
    local inner = process_open(tonumber(line.read:read(16)))
    middle:kill("kill")
    middle:wait()
    if bound then
      while inner:alive() do
      end
    else
      t.ok(inner:alive())
      inner:kill("kill")
    end
  end
end)

return test.run()
