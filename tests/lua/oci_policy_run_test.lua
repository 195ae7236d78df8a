-- Policies as callers of the OCI runtime meet them: on the command line, in the log, at exec.
local oci = require "test.oci"
local test = require "test"

local NEEDS = { "root", "program:busybox" }

-- A bench with a policy of this text, and the command line that names it.
local function bench_with(text, args)
  local bench = oci.bench()
  bench:write(oci.spec(args or { "sh", "-c", "echo $GREETING" }))
  local file = bench.path .. "/policy.lua"
  write_file(file, text)
  return bench, file
end

local function nothing_left(t, bench, id)
  t.eq(bench:status(id), nil)
  t.eq(stat(bench.state) and list_dir(bench.state) or {}, {})
end

local REFUSES = [[return { validate = function(spec, ctx)
  return false, ("%s of %s: no"):format(ctx.operation, ctx.id)
end }]]

test.case("a refusal is one line of the log, and nothing is left", NEEDS, function(t)
  local bench <close>, file = bench_with(REFUSES)
  local log = bench.path .. "/log"
  for _, command in ipairs { "create", "run" } do
    local head = { "--policy", file, "--log", log, "--log-format", "json" }
    table.move({ command, "--bundle", bench.path, "web" }, 1, 4, #head + 1, head)
    local result = bench:call(head)
    local said = ("%s:1: refused: create of web: no"):format(file)
    t.eq({ result.code, result.stdout, result.stderr }, { 1, "", ("crun-lua: %s\n"):format(said) })
    local entry = json_decode(read_file(log))
    t.eq({ entry.level, entry.msg }, { "error", said })
    remove(log)
    nothing_left(t, bench, "web")
  end
end)

test.case("a policy that others may write stops a run", NEEDS, function(t)
  local bench <close>, file = bench_with "return { validate = function() end }"
  chmod(file, "0666")
  local result = bench:call { "--policy", file, "run", "--bundle", bench.path, "web" }
  t.eq(result.code, 1)
  t.match(result.stderr, "others may write it (mode 0666)", true)
  nothing_left(t, bench, "web")
end)

test.case(
  "CVE-2026-40226: a policy beside the bundle, or in its root, is not loaded",
  NEEDS,
  function(t)
    local bench <close> = bench_with(REFUSES, { "true" })
    mkdir(bench.rootfs .. "/etc/crun-lua/policy.d", { parents = true })
    write_file(bench.rootfs .. "/etc/crun-lua/policy.d/a.lua", REFUSES)
    local result = bench:call { "run", "--bundle", bench.path, "web" }
    t.eq({ result.code, result.stderr }, { 0, "" })
  end
)

test.case("what a mutator changes is what runs", NEEDS, function(t)
  local bench <close>, file = bench_with [[local tools = require "oci.policy.tools"
  return { mutate = function(spec, ctx)
    tools.add_env(spec, "GREETING", "hello from " .. ctx.id)
    ctx.warn "changed"
  end }]]
  local result = bench:call { "--policy", file, "run", "--bundle", bench.path, "web" }
  t.eq({ result.code, result.stdout }, { 0, "hello from web\n" })
  t.match(result.stderr, "changed", true)
  nothing_left(t, bench, "web")
end)

test.case("at exec a policy may refuse with 255, or change what is started", NEEDS, function(t)
  local bench <close>, file = bench_with(
    [[return { mutate = function(spec, ctx)
      if ctx.operation == "exec" then
        if ctx.process.args[1] == "id" then ctx.refuse "no id" end
        ctx.process.env[#ctx.process.env + 1] = "GREETING=hi"
      end
    end }]],
    { "sleep", "100" }
  )
  local code, said = bench:detached { "--policy", file, "run", "-d", "--bundle", bench.path, "web" }
  t.eq(code, 0, said)
  local result = bench:call { "--policy", file, "exec", "web", "id" }
  t.eq({ result.code, result.stdout }, { 255, "" })
  t.match(result.stderr, "policy.lua:3: refused: no id", true)
  result = bench:call { "--policy", file, "exec", "web", "sh", "-c", "echo $GREETING" }
  t.eq({ result.code, result.stdout }, { 0, "hi\n" })
  t.eq(bench:call({ "delete", "--force", "web" }).code, 0)
  nothing_left(t, bench, "web")
end)

return test.run()
