-- Hooks of OCI containers: when and where each runs, what it is given, and what its failure does.

local oci = require "test.oci"
local test = require "test"

local NEEDS = { "root", "program:busybox" }

local function has(t, text, part)
  t.ok(tostring(text):find(part, 1, true), ("%q is not in %q"):format(part, tostring(text)))
end

-- A hook that writes down its name, where it stands, and what it is given.
local function noting(bench, kind)
  local line = '"%s $(readlink /proc/self/ns/uts) $PWD $(hostname) $s"'
  local script = ("read -r s; echo " .. line .. " >> %s/log"):format(kind, bench)
  return { path = "/bin/sh", args = { "sh", "-c", script }, env = { "PATH=/bin:/usr/bin" } }
end

local ORDER =
  { "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop" }

test.case("each hook runs at its time and in its namespaces, with the state", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "sleep", "100" }
  spec.root.readonly = false
  spec.annotations = { ["org.example.a"] = "b" }
  spec.hooks = {}
  for _, kind in ipairs(ORDER) do
    spec.hooks[kind] = { noting(bench.path, kind) }
  end
  -- In the container's root, by its path there.
  spec.hooks.startContainer = { noting("/tmp", "startContainer") }
  bench:write(spec)
  local function lines()
    local list = {}
    for kind, uts, cwd, rest in
      (read_file(bench.path .. "/log") or ""):gmatch("(%S+) uts:%[(%d+)%] (%S+) ([^\n]+)")
    do
      list[#list + 1] = { kind = kind, uts = tonumber(uts), cwd = cwd, rest = rest }
    end
    return list
  end
  local code, said = bench:detached { "create", "--bundle", bench.path, "box" }
  t.eq(code, 0, said)
  local pid = bench:status("box").pid
  local mine, theirs = proc_ns().uts, proc_ns(pid).uts
  local seen = lines()
  t.eq(
    { #seen, seen[1].kind, seen[2].kind, seen[3].kind },
    { 3, "prestart", "createRuntime", "createContainer" }
  )
  t.eq({ seen[1].uts, seen[2].uts, seen[3].uts }, { mine, mine, theirs })
  for _, line in ipairs(seen) do
    t.eq(line.cwd, "/")
    local state = json_decode(line.rest:match("{.*}"))
    local status = line.kind == "prestart" and "created" or "creating"
    t.eq({ state.id, state.status, state.pid, state.bundle }, { "box", status, pid, bench.path })
    t.eq(state.annotations, { ["org.example.a"] = "b" })
  end
  t.eq(bench:call({ "start", "box" }).code, 0)
  seen = lines()
  t.eq({ #seen, seen[4].kind, seen[4].uts }, { 4, "poststart", mine })
  t.eq(json_decode(seen[4].rest:match("{.*}")).status, "running")
  local inner = read_file(bench.rootfs .. "/tmp/log")
  has(t, inner, ("startContainer uts:[%d] / box {"):format(theirs))
  has(t, inner, '"status":"created"')
  bench:call { "delete", "--force", "box" }
  seen = lines()
  t.eq({ #seen, seen[5].kind, seen[5].uts }, { 5, "poststop", mine })
  t.eq(json_decode(seen[5].rest:match("{.*}")).status, "stopped")
end)

test.case(
  "CVE-2025-23266: a hook has the environment of its entry and nothing else",
  NEEDS,
  function(t)
    local bench <close> = oci.bench()
    local spec = oci.spec { "true" }
    local out = bench.path .. "/env"
    spec.process.env = { "LD_PRELOAD=./evil.so", "PATH=/bin" }
    spec.hooks = {
      createContainer = {
        {
          path = "/bin/sh",
          args = { "sh", "-c", "cat /proc/self/environ > " .. out },
          env = { "A=b" },
        },
      },
    }
    bench:write(spec)
    t.eq(bench:call({ "run", "--bundle", bench.path, "box" }).code, 0)
    local text = read_file(out)
    has(t, text, "A=b\0")
    t.ok(not text:find("LD_PRELOAD", 1, true))
    t.ok(not text:find("HOME", 1, true))
  end
)

test.case("a hook that hangs is killed with all that it has started", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "true" }
  local hook = { path = "/bin/sh", args = { "sh", "-c", "sleep 4242 & sleep 4242" }, timeout = 1 }
  spec.hooks = { createRuntime = { hook } }
  bench:write(spec)
  local result = bench:call { "run", "--bundle", bench.path, "box" }
  t.eq(result.code, 1)
  has(t, result.stderr, "timeout")
  t.eq(bench:status "box", nil)
  for _, pid in ipairs(pids()) do
    local line = read_file(("/proc/%d/cmdline"):format(pid)) or ""
    t.ok(line ~= "sleep\0004242\0", "a process of the hook is left")
  end
end)

-- Waits until nothing runs whose command line is this.
local function gone(line)
  for _ = 1, 100 do
    local found = false
    for _, pid in ipairs(pids()) do
      found = found or (read_file(("/proc/%d/cmdline"):format(pid)) or "") == line
    end
    if not found then
      return true
    end
    poll({}, { timeout = "50ms" })
  end
end

test.case("nor does a session of its own outlive a hook that is out of time", NEEDS, function(t)
  for _, kind in ipairs { "createRuntime", "poststart" } do
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    spec.ociVersion = "1.3.0"
    -- Twice orphaned: of no group, session or parent of the hook's.
    local script = "setsid sh -c 'sleep 4343 & sleep 4343 & exit' & sleep 4343"
    local hook = { path = "/bin/sh", args = { "sh", "-c", script }, timeout = 1 }
    spec.hooks = { [kind] = { hook } }
    bench:write(spec)
    local result = bench:call { "run", "--bundle", bench.path, "box" }
    t.eq(result.code, 1)
    has(t, result.stderr, "ran longer than its timeout of 1 s")
    t.ok(gone "sleep\0004343\0", kind .. ": a process of the hook is left")
  end
end)

test.case("a hook ends with a runtime that is killed, with all its processes", NEEDS, function(t)
  for _, kind in ipairs { "createRuntime", "createContainer" } do
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    local script = ("setsid sleep 4444 & sleep 4444 & echo >%s/began; sleep 4444"):format(
      bench.path
    )
    spec.hooks = { [kind] = { { path = "/bin/sh", args = { "sh", "-c", script } } } }
    bench:write(spec)
    local maker <close> = spawn({ stdin = "null", stdout = "null", stderr = "null" }, function()
      exec(bench:words { "create", "--bundle", bench.path, "box" })
    end)
    for _ = 1, 200 do
      if stat(bench.path .. "/began") then
        break
      end
      poll({}, { timeout = "50ms" })
    end
    t.ok(stat(bench.path .. "/began"))
    maker:kill "kill"
    maker:wait()
    t.ok(gone "sleep\0004444\0", kind .. ": a process of the hook is left")
  end
end)

test.case("what a hook leaves running on purpose goes on", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "true" }
  local script = ("sleep 4545 </dev/null >/dev/null 2>&1 & echo $! >%s/left"):format(bench.path)
  spec.hooks =
    { createRuntime = { { path = "/bin/sh", args = { "sh", "-c", script }, timeout = 9 } } }
  bench:write(spec)
  t.eq(bench:call({ "run", "--bundle", bench.path, "box" }).code, 0)
  local pid = math.tointeger(tonumber(read_file(bench.path .. "/left")))
  t.eq(read_file(("/proc/%d/cmdline"):format(pid)), "sleep\0004545\0")
  kill(pid, "kill")
end)

test.case("a hook may print megabytes, and the last of its complaint is told", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "true" }
  local script = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero | tr '\\0' x >&2; exit "
  spec.hooks =
    { createRuntime = { { path = "/bin/sh", args = { "sh", "-c", script .. 0 }, timeout = 20 } } }
  bench:write(spec)
  t.eq(bench:call({ "run", "--bundle", bench.path, "box" }).code, 0)
  spec.hooks.createRuntime[1].args[3] = script:gsub("exit ", "echo the end >&2; exit 3")
  bench:write(spec)
  local result = bench:call { "run", "--bundle", bench.path, "box" }
  t.eq(result.code, 1)
  has(t, result.stderr, "exit status 3")
  has(t, result.stderr, "the end")
  t.ok(#result.stderr < 5000)
end)

test.case("a failure of poststart and of startContainer stops the container", NEEDS, function(t)
  for _, kind in ipairs { "poststart", "startContainer" } do
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    spec.hooks = { [kind] = { { path = "/bin/false" } } }
    spec.ociVersion = "1.3.0"
    bench:write(spec)
    local code, said = bench:detached { "create", "--bundle", bench.path, "box" }
    t.eq(code, 0, said)
    local result = bench:call { "start", "box" }
    t.eq(result.code, 1, kind)
    has(t, result.stderr, kind .. " hook #0")
    t.eq(bench:status("box").status, "stopped")
    result = bench:call { "run", "--bundle", bench.path, "other" }
    t.eq(result.code, 1, kind)
    t.eq(bench:status "other", nil)
  end
end)

test.case("before version 1.3 a failure of poststart is a warning", NEEDS, function(t)
  for _, version in ipairs { "1.0.2-dev", "1.2.1" } do
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    spec.ociVersion = version
    spec.hooks = { poststart = { { path = "/bin/false" }, noting(bench.path, "second") } }
    bench:write(spec)
    local code, said = bench:detached { "create", "--bundle", bench.path, "box" }
    t.eq(code, 0, said)
    local result = bench:call { "start", "box" }
    t.eq(result.code, 0, version)
    has(t, result.stderr, "poststart hook #0")
    has(t, read_file(bench.path .. "/log"), "second")
    t.eq(bench:status("box").status, "running")
  end
end)

test.case("a failure of poststop is a warning", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "true" }
  spec.hooks = { poststop = { { path = "/bin/false" }, noting(bench.path, "second") } }
  bench:write(spec)
  local result = bench:call { "run", "--bundle", bench.path, "box" }
  t.eq(result.code, 0)
  has(t, result.stderr, "poststop hook #0")
  has(t, read_file(bench.path .. "/log"), "second")
  t.eq(bench:status "box", nil)
end)

return test.run()
