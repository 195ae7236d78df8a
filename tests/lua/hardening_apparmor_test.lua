-- A hardening profile as AppArmor's: what is written, what the kernel then refuses, and that
-- nothing of it stays.

local apparmor = require "hardening.apparmor"
local container = require "container"
local test = require "test"

local ACTIVE = { "root", "program:apparmor_parser", "lsm:apparmor" }
local LOADED = "/sys/kernel/security/apparmor/profiles"

local function has(t, text, part)
  t.ok(text:find(part, 1, true), ("%q is not in %q"):format(part, text))
end

local function is_loaded(name)
  return ("\n" .. read_file(LOADED)):find("\n" .. name .. " (enforce)", 1, true) ~= nil
end

test.case("a name that would be a pattern, or wrong options, make nothing", function(t)
  for _, name in ipairs { "", "*", "a b", "/bin/sh", "a{b}", "-a", ("a"):rep(201) } do
    t.fails("cannot be the name of a profile", apparmor.load, "strict", { name = name })
  end
  t.fails("did you mean 'name'", apparmor.text, "strict", { nam = "x" })
  t.fails('did you mean "strict"', apparmor.text, "strit")
  local odd = { "default", masked = { "/srv/a\nb" } }
  t.fails("control characters", apparmor.text, odd, { name = "box" })
  t.eq(stat(state_dir() .. "/apparmor"), nil)
end)

test.case("a profile's capabilities and paths are the rules, and no others", function(t)
  local text = apparmor.text({
    "strict",
    caps = { "+net_bind_service" },
    masked = { '/srv/a "b" [c]' },
    readonly_paths = { "/data" },
    volumes = { { source = "/tmp", target = "/data/in" } },
  }, { name = "box", writable = { "/srv/up" } })
  local caps = {}
  for name in text:gmatch "capability (%S+)," do
    caps[#caps + 1] = name
  end
  t.eq(caps, { "net_bind_service" })
  has(t, text, 'deny "/srv/a \\"b\\" \\[c\\]/**" mrwklx,')
  has(t, text, 'deny "/proc/kcore" mrwklx,')
  has(t, text, 'deny "/proc/sys/**" wl,')
  has(t, text, '"/srv/up/**" rwkl,')
  has(t, text, "/** mrkix,")
  has(t, text, "deny network raw,")
  -- A denial would win over the volume in it.
  t.ok(not text:find('deny "/data', 1, true), text)
  t.ok(not text:find("mount,", 1, true), text)
  local open = apparmor.text({ "default", caps = { "+sys_admin" } }, { name = "box" })
  has(t, open, "  mount,")
  has(t, open, "  file,")
  t.ok(not open:find("deny network", 1, true), open)
end)

test.case("without AppArmor nothing is loaded, and the error says so", function(t)
  for _, name in ipairs(lsm_status().active) do
    if name == "apparmor" then
      return
    end
  end
  local err = t.fails("AppArmor is not active in this kernel", apparmor.load, "strict")
  has(t, err.hint, "security=apparmor")
  t.eq(stat(state_dir() .. "/apparmor"), nil)
end)

-- Runs a script in a container of the host's programs, whose mounts protect nothing below /srv.
local function run(profile, dir, script)
  return container.run({
    rootfs = "host",
    profile = profile,
    volumes = { { source = dir, target = "/srv" } },
  }, { "/bin/sh", "-c", script })
end

test.case(
  "what it masks is refused inside by the kernel, and to nobody outside",
  ACTIVE,
  function(t)
    local dir <close> = temp_dir()
    mkdir(dir.path .. "/private")
    for _, name in ipairs { "private/key", "open" } do
      write_file(dir.path .. "/" .. name, "content\n")
    end
    local masked = { "default", masked = { "/srv/private" }, readonly_paths = { "/srv/open" } }
    local script = [[
    cat /proc/self/attr/current >/srv/label
    cat /srv/private/key >/srv/key 2>/srv/denied
    cat /srv/open >/srv/read && ! sh -c 'echo more >>/srv/open']]
    local name
    do
      local loaded <close> = apparmor.load(masked)
      name = loaded.name
      t.ok(is_loaded(name), "loaded")
      t.ok(stat(state_dir() .. "/apparmor/" .. name), "written down")
      t.fails("is loaded already", apparmor.load, masked, { name = name })
      t.eq(run({ "default", apparmor = name }, dir.path, script).code, 0)
      t.eq(read_file(dir.path .. "/label"), name .. " (enforce)\n")
      t.eq(read_file(dir.path .. "/key"), "")
      has(t, read_file(dir.path .. "/denied"), "Permission denied")
      t.eq(read_file(dir.path .. "/read"), "content\n")
      t.eq(read_file(dir.path .. "/open"), "content\n")
      t.eq(read_file(dir.path .. "/private/key"), "content\n")
    end
    t.ok(not is_loaded(name), "removed")
    t.eq(stat(state_dir() .. "/apparmor"), nil)
    -- The same without it: so it was AppArmor that refused.
    t.eq(run("default", dir.path, "cat /srv/private/key >/srv/key").code, 0)
    t.eq(read_file(dir.path .. "/key"), "content\n")
    local err = t.fails("apparmor", run, { "default", apparmor = name }, dir.path, "true")
    has(t, tostring(err.message) .. tostring(err.hint), name)
  end
)

test.case("a program lives under strict's profile, and writes only what it may", ACTIVE, function(t)
  local dir <close> = temp_dir()
  chmod(dir.path, "0777")
  local loaded <close> = apparmor.load("strict", { writable = { "/srv/up" } })
  mkdir(dir.path .. "/up")
  chmod(dir.path .. "/up", "0777")
  local result = run(
    { "strict", apparmor = loaded.name, landlock = false },
    dir.path,
    [[ls / >/tmp/list && cat /proc/self/attr/current >/srv/up/label && ! touch /srv/beside]]
  )
  t.eq(result.code, 0)
  t.eq(read_file(dir.path .. "/up/label"), loaded.name .. " (enforce)\n")
  t.eq(stat(dir.path .. "/beside"), nil)
end)

test.case("after kill -9 of the program gc removes its profile, and no other's", ACTIVE, function(t)
  local mine <close> = apparmor.load("default")
  local name = mine.name .. "-other"
  local ready = pipe()
  local child <close> = spawn(function()
    apparmor.load("default", { name = name })
    ready.write:write "loaded"
    poll({}, { timeout = "600s" })
  end)
  ready.write:close()
  t.eq(ready.read:read(6), "loaded")
  t.eq(apparmor.gc(), {})
  child:kill "kill"
  child:wait()
  t.ok(is_loaded(name), "still loaded")
  t.eq(apparmor.gc(), { "AppArmor profile " .. name })
  t.ok(not is_loaded(name), "removed")
  t.ok(is_loaded(mine.name), "the one in use stays")
end)

return test.run()
