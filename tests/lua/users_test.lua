-- Users and groups: setuser, user_lookup, setgroups.

local test = require "test"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

local function ids(name)
  local list = {}
  for id in read("/proc/self/status"):match(name .. ":([^\n]*)"):gmatch("%d+") do
    list[#list + 1] = tonumber(id)
  end
  return list
end

-- A root directory with these two files.
local function root(passwd, group)
  local dir = os.getenv("TMPDIR") .. "/root"
  mkdir(dir)
  mkdir(dir .. "/etc")
  for name, text in pairs { passwd = passwd, group = group } do
    local file <close> = assert(io.open(dir .. "/etc/" .. name, "w"))
    file:write(text)
  end
  return dir
end

local function remove(dir)
  for _, path in ipairs { "/etc/passwd", "/etc/group", "/etc", "" } do
    os.remove(dir .. path)
  end
end

test.case("garbage is refused before anything is changed", { "root" }, function(t)
  for _, spec in ipairs { "", ":", "1:", ":1", "-1", "+0", "01", " 0", "0x0", "4294967295" } do
    t.fails("user:", setuser, spec)
    t.fails("user:", user_lookup, spec)
  end
  t.fails("no user is called", setuser, "no-such-user")
  t.fails("no group is called", setuser, "0:no-such-group")
  t.eq(ids("Uid"), { 0, 0, 0, 0 })
end)

test.case("a line with garbage for an id is an error and never root", function(t)
  local dir = root("bad:x:zero:0::/:/bin/sh\nshort:x:5\nminus:x:-1:0::/:\n", "odd:x::\n")
  for _, name in ipairs { "bad", "short", "minus" } do
    t.ok(not pcall(user_lookup, name, { root = dir }), name)
  end
  t.fails("has no number", user_lookup, "5:odd", { root = dir })
  remove(dir)
end)

test.case(
  "CVE-2024-9676: a link in the root cannot lead the lookup to the host's files",
  function(t)
    local dir = root("", "only:x:77:\n")
    os.remove(dir .. "/etc/passwd")
    t.eq(capture({ "ln", "-s", "/../../../../etc/passwd", dir .. "/etc/passwd" }).code, 0)
    t.ok(
      not pcall(user_lookup, "root", { root = dir }),
      "the link points at itself inside of the root"
    )
    os.remove(dir .. "/etc/passwd")
    t.eq(capture({ "mkfifo", dir .. "/etc/passwd" }).code, 0)
    t.fails("ENXIO", user_lookup, "root", { root = dir })
    remove(dir)
  end
)

test.case(
  "an unprivileged process cannot become another, and stays what it was",
  { "user" },
  function(t)
    t.match(t.fails("EPERM", setuser, "0").hint, "keep", true)
    t.match(t.fails("EPERM", setuser, "0:0", { groups = "keep" }).hint, "CAP_SETGID", true)
    t.eq(ids("Uid"), { 65534, 65534, 65534, 65534 })
    t.eq(ids("Gid"), { 65534, 65534, 65534, 65534 })
  end
)

test.case("an id without a mapping is refused, and the groups are put back", { "root" }, function(t)
  local before = ids("Groups")
  local child <close> = spawn({ unshare = { "user" } }, function()
    t.match(t.fails("EINVAL", setuser, "0:4000000", { groups = "keep" }).hint, "uid_map", true)
  end)
  child:wait()
  t.eq(ids("Groups"), before)
end)

test.case("a failure in the middle takes back what was done", { "root" }, function(t)
  local script = os.getenv("TMPDIR") .. "/half.lua"
  local file = assert(io.open(script, "w"))
  file:write([[
    setgroups { 4 }
    local ok, err = pcall(setuser, "1000:1000", { groups = { 5, 6 } })
    assert(not ok and err.errno == "EPERM")
    local status = io.open("/proc/self/status"):read("a")
    assert(status:match("Groups:%s*4 ?\n"), status)
    assert(status:match("Gid:%s*0%s0%s0%s0"), status)
    assert(status:match("Uid:%s*0%s0%s0%s0"), status)
  ]])
  file:close()
  -- Calls: setgroups, setgroups, setresgid, setresuid.
  local result = capture { "/proc/self/exe", "--fault", "4:EPERM", script }
  t.eq({ result.code, result.stderr }, { 0, "" })
  os.remove(script)
end)

test.case(
  "a user and a group by number; all ids are set and the capabilities gone",
  { "root" },
  function(t)
    local child <close> = fork(function()
      local user = setuser("1234:4321", { groups = { 7, 8 } })
      t.eq({ user.uid, user.gid }, { 1234, 4321 })
      t.eq(ids("Uid"), { 1234, 1234, 1234, 1234 })
      t.eq(ids("Gid"), { 4321, 4321, 4321, 4321 })
      t.eq(ids("Groups"), { 7, 8 })
      t.match(read("/proc/self/status"), "CapEff:%s*0+\n")
      t.fails("EPERM", setuser, "0", { groups = "keep" })
    end)
    t.eq(child:wait().code, 0)
  end
)

test.case(
  "names are those of the given root, with the groups that list the user",
  { "root" },
  function(t)
    local dir = root(
      "root:x:5:6::/:/bin/sh\n1:x:9:9::/:\napp:x:1000:100:App:/srv:/bin/false\n",
      "audio:x:29:app,x\nusers:x:100:\n"
    )
    t.eq(user_lookup("app", { root = dir }), {
      uid = 1000,
      gid = 100,
      groups = { 29 },
      name = "app",
      home = "/srv",
      shell = "/bin/false",
    })
    t.eq(user_lookup("root", { root = dir }).uid, 5)
    t.eq(user_lookup("1", { root = dir }).uid, 1)
    t.eq(user_lookup("1", { root = dir }).gid, 0)
    t.eq(user_lookup("app:audio", { root = dir }).gid, 29)
    local child <close> = fork(function()
      setuser("app", { root = dir })
      t.eq(ids("Uid")[2], 1000)
      t.eq(ids("Groups"), { 29 })
    end)
    t.eq(child:wait().code, 0)
    local named <close> = fork(function()
      setuser("app", { root = dir, groups = { "users", 3 } })
      t.eq(ids("Groups"), { 3, 100 })
    end)
    t.eq(named:wait().code, 0)
    remove(dir)
  end
)

test.case("a rootfs handle is a root too", { "root" }, function(t)
  local dir = root("app:x:1000:100::/srv:/bin/false\n", "")
  do
    local tree <close> = rootfs_open(dir)
    t.eq(user_lookup("app", { root = tree }).uid, 1000)
  end
  remove(dir)
end)

test.case("setgroups sets exactly these", { "root" }, function(t)
  setgroups { 20, 4 }
  t.eq(ids("Groups"), { 4, 20 })
  setgroups {}
  t.eq(ids("Groups"), {})
end)

return test.run()
