-- What must never be loaded: code that lies where an image, a bundle or a neighbour can put it, or
-- that the environment of a container names. Each planted file writes a canary when it is loaded.

local attacks = require "test.attacks"
local oci = require "test.oci"
local test = require "test"

local NEEDS = attacks.NEEDS

-- Names under which programs look for code or settings beside what they work on.
local NAMES = {
  "crun-lua.lua",
  ".crun-lua.lua",
  "crun-lua/init.lua",
  "init.lua",
  ".luarc",
  ".luarc.lua",
  "policy.lua",
  "policy.d/00.lua",
  "etc/crun-lua/policy.d/00.lua",
  "stdlib/oci/main.lua",
  "oci/main.lua",
  "oci.lua",
  "options.lua",
  "container.lua",
  "container/init.lua",
  "planted.lua",
  "repl.lua",
  "profile.lua",
}

local function plant(dir, canary)
  for _, name in ipairs(NAMES) do
    local path = dir .. "/" .. name
    mkdir(path:match("^(.*)/"), { parents = true })
    local text = ("local f = io.open(%q, 'a') f:write(%q) f:close() return {}"):format(canary, path)
    write_file(path, text)
  end
end

test.case("CVE-2026-40226: nothing that lies about is loaded", NEEDS, function(t)
  local bench <close> = oci.bench()
  local canary = bench.path .. "/canary"
  local dirs = { bench.path, bench.rootfs, bench.path .. "/home", bench.path .. "/home/.lua" }
  for _, dir in ipairs(dirs) do
    plant(dir, canary)
  end
  bench:write(oci.spec { "true" })
  local mine = [[
    assert(not pcall(require, "planted"))
    require "container"
    for _, name in ipairs { "planted", "profile", "policy" } do
      assert(not pcall(require("hardening").resolve, name))
    end]]
  write_file(bench.path .. "/mine.lua", mine)
  local path = bench.path .. "/?.lua;./?.lua;" .. bench.path .. "/?/init.lua"
  local env = {
    "HOME=" .. bench.path .. "/home",
    "LUA_PATH=" .. path,
    "LUA_PATH_5_4=" .. path,
    "LUA_CPATH=" .. bench.path .. "/?.so",
    "LUA_CPATH_5_4=" .. bench.path .. "/?.so",
    "LUA_INIT=@" .. bench.path .. "/init.lua",
    "LUA_INIT_5_4=@" .. bench.path .. "/init.lua",
    "LD_PRELOAD=" .. bench.path .. "/planted.so",
    "LD_LIBRARY_PATH=" .. bench.path,
  }
  local program = os.getenv("CRUN_LUA_TEST_PROGRAM")
  local function call(words)
    local line = { "env", table.unpack(env) }
    table.move(words, 1, #words, #line + 1, line)
    local script = 'cd "$1"; shift; exec "$@"'
    return capture { "sh", "-c", script, "sh", bench.path, table.unpack(line) }
  end
  for _, words in ipairs {
    { program, bench.path .. "/mine.lua" },
    { program, "mine.lua" },
    { program, "audit", "config.json" },
    { program, "check", "mine.lua" },
    bench:words { "run", "--bundle", bench.path, "box" },
    bench:words { "run", "box" },
    bench:words { "features" },
  } do
    local result = call(words)
    t.eq(result.code, 0, table.concat(words, " ") .. ": " .. result.stderr)
    t.eq(stat(canary), nil, table.concat(words, " "))
  end
end)

-- A hook's program is the host's: what the image has under its name is not run.
test.case("CVE-2024-0132, CVE-2025-23267: no hook is a file of the root", NEEDS, function(t)
  local bench <close> = oci.bench()
  local canary = bench.path .. "/canary"
  write_file(bench.rootfs .. "/bin/planted", "#!/bin/sh\necho run >> " .. canary .. "\n")
  chmod(bench.rootfs .. "/bin/planted", "755")
  for _, kind in ipairs { "prestart", "createRuntime", "createContainer", "poststop" } do
    for _, path in ipairs { "/bin/planted", "rootfs/bin/planted", "planted" } do
      local spec = oci.spec { "true" }
      spec.hooks = { [kind] = { { path = path, env = { "PATH=" .. bench.rootfs .. "/bin" } } } }
      bench:write(spec)
      local script = 'cd "$1"; shift; exec "$@"'
      local line = bench:words { "run", "--bundle", bench.path, "box" }
      local result = capture { "sh", "-c", script, "sh", bench.path, table.unpack(line) }
      t.ok(result.code == 1 or kind == "poststop", kind .. " " .. path)
      t.eq(stat(canary), nil, kind .. " " .. path)
    end
  end
end)

local function environment_of_hook(needs)
  local bench <close>, spec = attacks.bench(needs, { "true" })
  spec.process.env = { "LD_PRELOAD=./planted.so", "PATH=/bin" }
  local script = "(cat /proc/self/environ; pwd) > " .. bench.path .. "/seen"
  spec.hooks = { createContainer = { { path = "/bin/sh", args = { "sh", "-c", script } } } }
  bench:write(spec)
  bench:call { "run", "--bundle", bench.path, "box" }
  local seen = read_file(bench.path .. "/seen")
  return seen:find("LD_PRELOAD", 1, true) ~= nil, seen:find("/rootfs\n", 1, true) ~= nil
end

test.case("CVE-2025-23266: no hook loads what a container's environment names", NEEDS, function(t)
  t.eq({ environment_of_hook(NEEDS) }, { false, false })
end)

test.case(
  "CVE-2025-23266: runc gives a hook the container's environment and directory",
  attacks.RUNC,
  function(t)
    t.eq({ environment_of_hook(attacks.RUNC) }, { true, true })
  end
)

-- A copy with rights of its owner's would run any script with them.
local function refuses(t, give)
  local dir <close> = temp_dir()
  chmod(dir.path, "0755")
  local copy = dir.path .. "/copy"
  copy_file(os.getenv("CRUN_LUA_TEST_PROGRAM"), copy)
  chmod(copy, "0755")
  mkdir(dir.path .. "/open")
  chmod(dir.path .. "/open", "1777")
  local function run(words)
    local said = dir.path .. "/open/said"
    local child <close> = spawn({ stdin = "null" }, function()
      setuser("65534:65534", { groups = {} })
      -- Variables that lead this program's own files to where the caller likes.
      local line = { "env" }
      for _, name in ipairs { "STATE", "DATA", "TRACE", "EXPLAIN" } do
        line[#line + 1] = ("CRUN_LUA_%s=%s/open/%s"):format(name, dir.path, name)
      end
      local rest = { "sh", "-c", 'exec "$@" >' .. said .. " 2>&1", "sh", copy }
      table.move(rest, 1, #rest, #line + 1, line)
      exec(table.move(words, 1, #words, #line + 1, line))
    end)
    local code = child:wait().code
    local text = read_file(said)
    remove(said)
    return code, text
  end
  write_file(dir.path .. "/script.lua", ("io.open(%q, 'w')"):format(dir.path .. "/open/canary"))
  t.eq(run { dir.path .. "/script.lua" }, 0)
  t.ok(stat(dir.path .. "/open/canary"), "without those rights the script runs")
  local made = 'write_file(state_dir() .. "/x", "")'
  write_file(dir.path .. "/state.lua", "mkdir(state_dir(), { parents = true }) " .. made)
  t.eq(run { dir.path .. "/state.lua" }, 0)
  t.ok(stat(dir.path .. "/open/STATE/x"), "and its variables are obeyed")
  for _, name in ipairs(list_dir(dir.path .. "/open")) do
    local path = dir.path .. "/open/" .. name
    remove(path, { recursive = stat(path).type == "directory" })
  end
  give(copy)
  for _, words in ipairs {
    { dir.path .. "/script.lua" },
    { dir.path .. "/state.lua" },
    { "--version" },
    { "list" },
  } do
    local code, said = run(words)
    t.eq(code, 1, said)
    t.match(said, "refuses to run setuid or with file capabilities", true)
    t.eq(list_dir(dir.path .. "/open"), {})
  end
end

test.case(
  "CVE-2016-8659, CVE-2026-41163, CVE-2020-5291: a copy that is setuid runs nothing",
  { "root" },
  function(t)
    refuses(t, function(copy)
      chmod(copy, "4755")
    end)
  end
)

test.case("CVE-2026-39402: nor does one that is setgid", { "root" }, function(t)
  refuses(t, function(copy)
    chmod(copy, "2755")
  end)
end)

test.case(
  "CVE-2026-41163: nor does one with file capabilities",
  { "root", "program:setcap" },
  function(t)
    refuses(t, function(copy)
      t.eq(capture({ "setcap", "cap_sys_admin+ep", copy }).code, 0)
    end)
  end
)

return test.run()
