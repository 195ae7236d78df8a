local policy = require "oci.policy"
local test = require "test"

local function spec()
  return {
    ociVersion = "1.3.0",
    root = { path = "rootfs" },
    process = nil,
    annotations = { a = "b" },
  }
end

-- Applies policies that are given as texts, in order.
local function apply(...)
  local dir <close> = temp_dir()
  mkdir(dir.path .. "/d")
  local list = {}
  for index, text in ipairs { ... } do
    list[index] = ("%s/d/%d.lua"):format(dir.path, index)
    write_file(list[index], text)
  end
  return policy.apply(spec(), { operation = "create", id = "web", files = list, warn = error })
end

-- A mutator with this body.
local function mutator(body, needs)
  return ("return { needs = { %s }, mutate = function(spec, ctx)\n%s\nend }"):format(
    needs or "",
    body
  )
end

test.case("a policy that loops is ended within its time, with the line it stood in", function(t)
  local loops = {
    "while true do end",
    "while true do pcall(error) end",
    "pcall(function() while true do end end) while true do end",
    "while true do xpcall(error, function() while true do end end) end",
    "while true do try(function() while true do end end) end",
    "coroutine.wrap(function() while true do end end)()",
    "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    "setmetatable(spec.annotations.x or {}, {}) repeat local _ = spec.annotations.a until nil",
    "local x <close> = setmetatable({}, { __close = function() while true do end end }) error()",
    "local f = function() return 1 end for _ in f do end",
    "table.sort({ 1, 2, 3 }, function() while true do end end)",
    "string.gsub(('x'):rep(1000), '.', function() while true do end end)",
  }
  for _, body in ipairs(loops) do
    local err = t.fails("more than 100ms of processor time", apply, mutator(body))
    t.match(err.message, "/1.lua:2: ", true)
  end
  t.fails("1.lua:1: the function needs more than 100ms", apply, "while true do end")
  t.fails(
    "1.lua:1: the function needs more",
    apply,
    "return { validate = function() while true do end end }"
  )
end)

test.case("a library function that does not come back is ended by the kernel", function(t)
  local text = mutator("return (('a'):rep(30000)):find('.-.-.-.-.-b')")
  local err = t.fails("a library function needs too much processor time", apply, text)
  t.match(err.message, "/1.lua: in its mutate: ", true)
  t.match(err.hint, "backtrack")
end)

test.case(
  "a policy that allocates too much is ended, and what it catches does not help it",
  function(t)
    local greedy = {
      "return ('x'):rep(20 << 20)",
      "local list = {} for i = 1, math.huge do list[i] = {} end",
      "local text = 'x' while true do text = text .. text end",
      "spec.annotations.a = ('x'):rep(15 << 20) .. 'y'",
    }
    -- An emulated processor does not get that far in its time.
    local slow = tonumber(os.getenv "CRUN_LUA_TEST_SLOW" or "1") > 1
    for _, body in ipairs(greedy) do
      t.fails(slow and "needs more than" or "more than 16 MiB of memory", apply, mutator(body))
    end
    -- Small as it is written, and large in JSON: which limit it meets first is the machine's.
    t.fails(
      "the function needs more than",
      apply,
      mutator "local t = {} for _ = 1, 40 do t = { t, t } end spec.x = t"
    )
    t.fails(
      "100ms of processor time",
      apply,
      mutator("while true do pcall(string.rep, 'x', 20 << 20) end")
    )
  end
)

test.case("functions of table do not count without end", function(t)
  local endless = {
    "table.move({}, '1', '1000000000000000', '2')",
    "table.move({}, 1, math.maxinteger - 1, 2)",
    "table.move({}, -(1 << 40), 1, 2)",
    "table.unpack({}, 1, 1 << 40)",
  }
  for _, body in ipairs(endless) do
    t.fails("too", apply, mutator(body))
  end
  -- Lists that tell a false length are walked over in Lua.
  for _, call in ipairs { "insert(list, 1, 'x')", "remove(list, 1)" } do
    local list = "local list = setmetatable({}, { __len = function() return 1 << 50 end }) "
    t.fails("more than 100ms", apply, mutator(list .. "table." .. call))
  end
end)

test.case("what a policy has not named in its needs is not there", function(t)
  local absent = {
    "io",
    "load",
    "loadstring",
    "dofile",
    "loadfile",
    "debug",
    "package",
    "collectgarbage",
    "rawset",
    "rawget",
    "rawlen",
    "rawequal",
    "print",
    "sys",
    "arg",
    "os.execute",
    "os.exit",
    "os.remove",
    "os.rename",
    "os.getenv",
    "string.dump",
    "read_file",
    "exec",
    "spawn",
    "json_encode",
    "budget",
    "_G.io",
    "_ENV.debug",
  }
  for _, name in ipairs(absent) do
    local body = "local ok, value = pcall(function() return %s end) assert(not ok or value == nil)"
    apply(mutator(body:format(name)))
  end
  t.fails(
    "'read_file' is not declared; name it in the policy's needs",
    apply,
    mutator "read_file('/etc/passwd')"
  )
  t.fails("'x' is global and globals cannot be set", apply, mutator "x = 1")
  t.fails(
    "there may be had: oci.policy.tools; not 'container'",
    apply,
    mutator "require 'container'"
  )
  t.fails("there is no __gc here", apply, mutator "setmetatable({}, { __gc = function() end })")
  t.fails("attempt to index a nil value", apply, mutator "getmetatable('').__index.rep = nil")
end)

test.case("a policy has the primitives that it names, and only these", function(t)
  local made = apply(
    mutator(
      [[spec.annotations.has = tostring(#read_file("/proc/self/status") > 0)
      spec.annotations.json = json_encode(spec.annotations)
      assert(not pcall(function() return write_file end))]],
      "'read_file', 'json_encode'"
    ),
    mutator "assert(not pcall(function() return read_file end))"
  )
  t.eq(made.annotations.has, "true")
  t.eq(made.annotations.json, '{"a":"b","has":"true"}')
  t.fails("needs", apply, "return { needs = { 5 }, mutate = error }")
  t.fails("needs: expected list", apply, "return { needs = 'stat', mutate = error }")
end)

test.case("one policy changes nothing of another's, nor of the program's", function(t)
  local made = apply(
    [[local tools = require "oci.policy.tools"
    return { mutate = function()
      string.format, math.max, table.insert, os.time = nil, nil, nil, nil
      tools.add_env = nil
    end }]],
    [[local tools = require "oci.policy.tools"
    return { mutate = function(spec)
      table.insert({}, 1)
      spec.annotations.fine = tostring(math.max(1, 2) == 2 and tools.add_env and os.time() > 0)
    end }]]
  )
  t.eq(made.annotations.fine, "true")
  t.eq(string.format("%d", math.max(1, 2)), "2")
end)

test.case("a spec that a policy keeps is not what comes out", function(t)
  local made = apply([[local kept
    return {
      mutate = function(spec) kept = spec end,
      validate = function(spec) kept.hostname = "later"; return spec.hostname == nil, "changed" end,
    }]])
  t.eq(made.hostname, nil)
end)

test.case("a policy that ends its process, or never answers, is told of", function(t)
  local err = t.fails(
    "in its mutate: ended by SIGKILL",
    apply,
    mutator("kill(proc_stat().pid, 'kill')", "'kill', 'proc_stat'")
  )
  t.match(err.message, "/1.lua: ", true)
  t.fails("in its mutate: ended with status 0", apply, mutator("exec { 'echo', 'x' }", "'exec'"))
  local patience = policy.PATIENCE
  policy.PATIENCE = "300ms"
  t.fails("not done after 300ms", apply, mutator("capture { 'sleep', '20' }", "'capture'"))
  policy.PATIENCE = patience
end)

test.case("no program that a policy has started outlives it", function(t)
  local dir <close> = temp_dir()
  local file = dir.path .. "/pid"
  local start = "local p = spawn({ stdout = 'null' }, function() exec { 'sleep', '60' } end)\n"
    .. "p:started() p:keep() write_file('%s', tostring(p.pid)) %s"
  local needs = "'spawn', 'exec', 'write_file'"
  apply(mutator(start:format(file, ""), needs))
  local first = math.tointeger(tonumber(read_file(file)))
  t.fails("more than 100ms", apply, mutator(start:format(file, "while true do end"), needs))
  local second = math.tointeger(tonumber(read_file(file)))
  t.ne(first, second)
  for _, pid in ipairs { first, second } do
    -- A killed process takes a moment, and its new parent may not have collected it yet.
    local deadline = clock "monotonic" + 30
    local ended
    repeat
      local state = proc_stat(pid)
      ended = not state or state.state == "Z" or state.comm ~= "sleep"
    until ended or clock "monotonic" > deadline or not poll({}, { timeout = "10ms" })
    t.ok(ended, "process " .. pid)
  end
end)

return test.run()
