-- The program's directories, and locks.

local test = require "test"

--- The program reads its environment when it is asked, so a script with another one is a child.
local function run(script, env)
  return capture({ "/proc/self/exe", "-" }, { stdin = script, env = env })
end

test.case(
  "CVE-2019-12439: a state directory that others may write is refused, and one that is a link",
  function(t)
    local dir <close> = temp_dir()
    mkdir(dir.path .. "/open")
    chmod(dir.path .. "/open", "0777")
    symlink(dir.path, dir.path .. "/link")
    write_file(dir.path .. "/file", "")
    for _, name in ipairs { "open", "link", "file" } do
      local primitives = { CRUN_LUA_STATE = "state_dir", CRUN_LUA_DATA = "data_dir" }
      for variable, primitive in pairs(primitives) do
        local script = "local ok, err = pcall(" .. primitive .. ")\nassert(not ok)\n"
        local checks = "assert(err.errno == 'EPERM' and err.hint:find('CRUN_LUA_', 1, true))"
        local got = run(script .. checks, { [variable] = dir.path .. "/" .. name })
        t.eq(got.code, 0, got.stderr)
      end
    end
  end
)

test.case(
  "a directory that is missing is made for this user alone, with what is missing before it",
  function(t)
    local dir <close> = temp_dir()
    for variable, primitive in pairs { CRUN_LUA_STATE = "state_dir", CRUN_LUA_DATA = "data_dir" } do
      local path = dir.path .. "/" .. variable .. "/deep"
      local got = run(
        ("assert(%s() == %q and %s() == %q)"):format(primitive, path, primitive, path),
        { [variable] = path }
      )
      t.eq(got.code, 0, got.stderr)
      t.eq(stat(path).mode, 448)
      t.eq(stat(dir.path .. "/" .. variable).mode, 448)
    end
  end
)

test.case("a lock is refused on what is not a regular file", function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/file", "")
  symlink(dir.path .. "/file", dir.path .. "/link")
  t.match(t.fails("ELOOP", file_lock, dir.path .. "/link").hint, "symlink", true)
  t.fails("EISDIR", file_lock, dir.path)
  t.fails("EINVAL", file_lock, "/dev/null")
  t.fails("ENOENT", file_lock, dir.path .. "/no/lock")
  t.fails("wait", file_lock, dir.path .. "/file", { wait = "soon" })
end)

test.case("a lock that is taken is nil when nobody waits, or not long enough", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/lock"
  local first <close> = file_lock(path)
  t.eq(stat(path).mode, 384)
  t.eq(file_lock(path, { wait = false }), nil)
  t.eq(file_lock(path, { wait = "30ms" }), nil)
  t.eq(file_lock(path, { wait = false, shared = true }), nil)
  first:close()
  local again <close> = file_lock(path, { wait = false })
  t.ok(again)
end)

test.case("shared locks go together and keep out the one that shares with nobody", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/lock"
  local one <close> = file_lock(path, { shared = true })
  local two <close> = file_lock(path, { shared = true, wait = false })
  t.ok(two)
  t.eq(file_lock(path, { wait = false }), nil)
  one:close()
  t.eq(file_lock(path, { wait = false }), nil)
  two:close()
  local alone <close> = file_lock(path, { wait = false })
  t.ok(alone)
end)

test.case("a forked child neither holds its parent's lock nor gives it back", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/lock"
  local lock = file_lock(path)
  local ready, go = pipe(), pipe()
  local child <close> = fork(function()
    go.write:close()
    lock:close()
    ready.write:write("x")
    go.read:read(1)
  end)
  t.eq(ready.read:read(1), "x")
  t.eq(file_lock(path, { wait = false }), nil, "the child's close has released the parent's lock")
  lock:close()
  t.ok(child:alive())
  local again <close> = file_lock(path, { wait = false })
  t.ok(again, "the child still holds the lock")
  go.write:close()
  child:wait()
end)

test.case("a lock ends with its owner, though a child of the owner's lives on", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/lock"
  local alive, go = pipe(), pipe()
  local owner <close> = fork(function()
    local lock = file_lock(path)
    fork(function()
      go.write:close()
      alive.write:write(lock.path == path and "x" or "")
      go.read:read(1)
      alive.write:write("y")
    end):keep()
    go.read:read(1)
  end)
  alive.write:close()
  t.eq(alive.read:read(1), "x")
  t.eq(file_lock(path, { wait = false }), nil)
  owner:kill("kill")
  owner:wait()
  local lock <close> = file_lock(path, { wait = "5s" })
  t.ok(lock, "the dead owner's child holds the lock")
  go.write:close()
  t.eq(alive.read:read(1), "y")
end)

test.case("a lock is had as soon as its owner gives it back", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/lock"
  for _, wait in ipairs { true, "20s" } do
    local lock = file_lock(path)
    local ready = pipe()
    local child <close> = fork(function()
      ready.write:write("x")
      local mine <close> = file_lock(path, { wait = wait })
      return mine and 7 or 1
    end)
    t.eq(ready.read:read(1), "x")
    lock:close()
    t.eq(child:wait().code, 7)
  end
end)

return test.run()
