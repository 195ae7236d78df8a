-- What could not be removed at once: it stays somebody's, and the next try removes it. And what is
-- closed is let go of: a process that makes containers for days must not grow.

local test = require "test"

--- Runs a script with one of its calls failing, whose number a first run tells.
local function failing(t, source, call, errno)
  local dir <close> = temp_dir()
  local program = os.getenv "CRUN_LUA_TEST_PROGRAM"
  write_file(dir.path .. "/script.lua", source)
  local function run(...)
    local words = { program, ... }
    words[#words + 1] = dir.path .. "/script.lua"
    return capture(words)
  end
  local whole = run("--trace", dir.path .. "/trace")
  t.eq(whole.code, 0, whole.stderr)
  for line in read_file(dir.path .. "/trace"):gmatch "[^\n]+" do
    local event = json_decode(line)
    if event.call and event.call:find(call, 1, true) then
      return run("--fault", ("%d:%s:%s"):format(event.number, errno, event["in"]))
    end
  end
  error("no call is like " .. call, 0)
end

test.case(
  "a group whose removal fails is removed by the next close",
  { "root", "cgroup:pids" },
  function(t)
    local source = [[
    local group = cgroup_set("closing-again", { pids = 5 })
    local dir = group.dirs[1]
    local _, err = try(group.close, group)
    if err then
      assert(err.errno == "EIO" and stat(dir) and not group.closed)
      group:close()
      print "again"
    end
    assert(not stat(dir) and group.closed)
  ]]
    t.eq(failing(t, source, "rmdir(", "EIO").stdout, "again\n")
  end
)

test.case("a process that cannot be killed once is killed by the next close", function(t)
  local source = [[
    local child = spawn(function() exec { "sleep", "1000" } end)
    child:started()
    local pid = child.pid
    local _, err = try(child.close, child)
    if err then
      assert(err.errno == "EPERM" and child:alive())
      child:close()
      print "again"
    end
    assert(not stat("/proc/" .. pid))
  ]]
  t.eq(failing(t, source, "pidfd_send_signal(", "EPERM").stdout, "again\n")
end)

test.case(
  "a detached container that cannot be made says why, and its name is free at the next try",
  { "root" },
  function(t)
    local source = [[
    local container = require "container"
    local dir <close> = temp_dir()
    mkdir(dir.path .. "/volume")
    local box = container.new {
      name = "closing-again",
      rootfs = "host",
      detach = true,
      volumes = { dir.path .. "/volume:/mnt" },
    }
    remove(dir.path .. "/volume", { directory = true })
    print(select(2, try(box.create, box, { "true" })).errno)
    print(#container.list())
  ]]
    local said = failing(t, source, 'containers/closing-again", AT_FDCWD', "EIO").stdout
    t.eq(said, "ENOENT\n0\n")
  end
)

test.case("a lock that cannot be given back is let go of with its descriptor", function(t)
  local source = [[
    local dir <close> = temp_dir()
    local lock = file_lock(dir.path .. "/lock")
    lock:close()
    local again <close> = file_lock(dir.path .. "/lock", { wait = false })
    print(again ~= nil)
  ]]
  t.eq(failing(t, source, "LOCK_UN", "EIO").stdout, "true\n")
end)

test.case("a process that was closed holds no descriptor, and its end is still known", function(t)
  local before = #list_dir "/proc/self/fd"
  for _ = 1, 10 do
    local child = spawn(function()
      return 3
    end)
    t.eq(child:wait().code, 3)
    child:close()
    t.fails("closed", child.alive, child)
  end
  t.eq(#list_dir "/proc/self/fd", before)
end)

test.case("what a deferred function knows is let go of with its call", function(t)
  local function size()
    collectgarbage()
    collectgarbage()
    return collectgarbage "count"
  end
  local function round(how)
    local held = { text = ("x"):rep(10000) .. how }
    held.guard = defer(function()
      held.done = true
    end)
    held.guard[how](held.guard)
  end
  for _, how in ipairs { "close", "keep" } do
    round(how)
    local before = size()
    for _ = 1, 200 do
      round(how)
    end
    t.ok(size() - before < 200, how .. " keeps what it knows: " .. size() - before .. " KiB")
  end
end)

test.case(
  "a step that cannot be undone at first is undone by a second try, and told after it",
  function(t)
    local undo = require("container.undo").new()
    local tries = { once = 0, never = 0 }
    undo:push("never", function()
      tries.never = tries.never + 1
      error("never", 0)
    end)
    undo:push("once", function()
      tries.once = tries.once + 1
      assert(tries.once > 1, "not yet")
    end)
    t.match(tostring(undo:run()), "never")
    t.eq(tries, { once = 2, never = 2 })
    t.eq(undo:run(), nil)
  end
)

test.case(
  "an OCI container is deleted from a file system that has no room for a name",
  { "root" },
  function(t)
    local state = require "oci.state"
    local child <close> = spawn({ unshare = { "mnt" } }, function()
      mount("full", "/mnt", { type = "tmpfs", data = "nr_inodes=40" })
      local lock <close> = state.create("/mnt/oci", "box", {
        id = "box",
        bundle = "/",
        rootfs = "/",
        status = "creating",
        created = "",
        ociVersion = "1.2.0",
        owner = 0,
      }, "{}")
      mkfifo "/mnt/oci/box/go"
      local number = 0
      repeat
        number = number + 1
        local _, full = try(mkdir, "/mnt/" .. number)
      until full
      t.fails("ENOSPC", mkdir, "/mnt/one-more")
      state.forget("/mnt/oci", "box")
      t.eq(list_dir "/mnt/oci", {})
    end)
    t.eq(child:wait().code, 0)
  end
)

return test.run()
