-- The host: what scripts see, how errors look, what closes when.

local test = require "test"

test.case("what could break out of the machine is absent", function(t)
  for _, name in ipairs { "debug", "dofile", "loadfile", "package" } do
    t.fails("is not declared", function()
      return _G[name]
    end)
  end
  t.eq(os.execute, nil)
  t.eq(io.popen, nil)
  local _, reason = try(function()
    ---@diagnostic disable-next-line: unknown-field
    os.execute("true")
  end)
  t.ok(reason.hint:find("capture", 1, true), "the error says what to use instead")
  t.eq(string.dump, nil)
end)

test.case("bytecode is not loaded", function(t)
  local chunk, reason = load("\27Lua")
  t.eq(chunk, nil)
  t.match(reason, "attempt to load a binary chunk")
end)

test.case("a loaded text runs in the environment of scripts", function(t)
  t.fails("cannot be set", assert(load("leaked = 1")))
  t.eq(assert(load("return type(spawn)"))(), "function")
end)

test.case("a misspelt global names the nearest right one", function(t)
  t.fails("did you mean 'spawn'", function()
    return _G.spwan
  end)
end)

test.case("globals and the table of primitives cannot be set", function(t)
  t.fails("globals cannot be set", function()
    _G.spawn = nil
  end)
  t.fails("read-only", function()
    _G.sys.spawn = nil
  end)
  t.fails("no primitive is called 'spwan'; did you mean 'spawn'?", function()
    return sys.spwan
  end)
end)

test.case("the set of globals is the one that is meant", function(t)
  local lua = {
    "_G",
    "_VERSION",
    "arg",
    "assert",
    "collectgarbage",
    "coroutine",
    "error",
    "getmetatable",
    "io",
    "ipairs",
    "load",
    "math",
    "next",
    "os",
    "pairs",
    "pcall",
    "print",
    "rawequal",
    "rawget",
    "rawlen",
    "rawset",
    "require",
    "select",
    "setmetatable",
    "string",
    "sys",
    "table",
    "tonumber",
    "tostring",
    "try",
    "type",
    "utf8",
    "xpcall",
  }
  local expected = {}
  for _, name in ipairs(lua) do
    expected[name] = true
  end
  for name in pairs(sys) do
    expected[name] = true
  end
  for name in pairs(_G) do
    t.ok(expected[name], name .. " is global by accident")
  end
end)

test.case("require finds the stdlib and nothing else", function(t)
  local file <close> = assert(io.open(os.getenv "TMPDIR" .. "/planted.lua", "w"))
  file:write("return 1")
  t.fails("has no module 'planted'", require, "planted")
  t.fails("has no module", require, "../planted")
  t.fails("has no module", require, os.getenv "TMPDIR" .. "/planted")
  t.fails("did you mean 'test'", require, "tset")
  os.remove(os.getenv "TMPDIR" .. "/planted.lua")
end)

test.case("an argument error names the key, what was expected, and the nearest name", function(t)
  local err =
    t.fails('unknown option "unshar"; did you mean "unshare"?', spawn, { unshar = {} }, print)
  t.eq(err.op, "spawn")
  t.eq(err.errno, nil)
  t.ok(err.where.file:find("host_test.lua", 1, true), "the script's own file")
  t.fails('options.unshare[2]: "pidd" is not one of', spawn, { unshare = { "pid", "pidd" } }, print)
  t.fails("options.unshare: expected list of", spawn, { unshare = 3 }, print)
  t.fails("body: expected function, got nothing", spawn, {})
  t.fails("too many arguments", sethostname, "a", {}, 3)
  t.fails("must not contain a NUL byte", sethostname, "a\0b")
  t.fails("an empty path names nothing", mkdir, "")
end)

test.case("an options table that contains itself is refused, not followed", function(t)
  local loop = {}
  loop.unshare = loop
  t.fails("expected a list, found the key", spawn, loop, print)
end)

test.case("a kernel error has errno, code, call, place and hint", function(t)
  local err = t.fails("EEXIST", mkdir, "/tmp")
  t.eq(err.code, 17)
  t.eq(err.op, "mkdir")
  t.match(err.call, '^mkdir%("/tmp", 0755%)$')
  t.match(tostring(err), "host_test.lua:%d+: mkdir.* = %-1 EEXIST %(File exists%)")
end)

test.case("try answers nil and the error, and passes values through", function(t)
  local value, err = try(mkdir, "/tmp")
  t.eq(value, nil)
  t.eq(err.errno, "EEXIST")
  t.eq(
    select(
      "#",
      try(function()
        return nil, 2, nil
      end)
    ),
    3
  )
end)

test.case("pcall keeps a script's own error values", function(t)
  local mine = {}
  local _, found = pcall(error, mine)
  t.ok(rawequal(found, mine))
  t.eq(select(2, pcall(error, "text", 0)), "text")
end)

test.case("a child's error reaches wait with the child's file and line", function(t)
  local child <close> = spawn(function()
    mkdir("/tmp")
  end)
  local err = t.fails("EEXIST", child.wait, child)
  t.match(err.where.file, "host_test.lua", true)
  t.match(err.traceback, "stack traceback")
end)

test.case("a child's error of any type reaches wait", function(t)
  for _, value in ipairs { "text", 7, true } do
    local child <close> = spawn(function()
      error(value, 0)
    end)
    t.fails(tostring(value), child.wait, child)
  end
end)

test.case("closing twice is fine, and a closed handle says so", function(t)
  local child = spawn(function()
    return 0
  end)
  child:close()
  child:close()
  t.ok(child.closed)
  t.fails("is closed", child.wait, child)
end)

test.case("a method called with a dot says how to call it", function(t)
  local child <close> = spawn(function() end)
  t.fails("with a colon", child.wait)
  t.fails("with a colon", child.wait, 3)
  child:wait()
end)

test.case("a handle inherited by a child does nothing there", function(t)
  local sleeper = spawn(function()
    while true do
    end
  end)
  local child <close> = spawn(function()
    sleeper:close()
    return 5
  end)
  t.eq(child:wait().code, 5)
  local file = io.open(("/proc/%d/stat"):format(sleeper.pid))
  t.ok(file, "the sleeper still runs")
  file:close()
  sleeper:close()
  t.eq(io.open(("/proc/%d/stat"):format(sleeper.pid)), nil)
end)

test.case("an unknown field names the nearest", function(t)
  local child <close> = spawn(function() end)
  t.fails('did you mean "pid"', function()
    return child.pjd
  end)
end)

test.case(
  "descriptors do not grow with the number of children that have been waited for",
  function(t)
    local function descriptors()
      local count = 0
      for number = 0, 4096 do
        local file = io.open("/proc/self/fdinfo/" .. number)
        if file then
          count = count + 1
          file:close()
        end
      end
      return count
    end
    local before = descriptors()
    for _ = 1, 1000 do
      spawn(function() end):wait()
    end
    collectgarbage()
    collectgarbage()
    -- The ledger lets go of what has ended when it has doubled, not at once.
    t.ok(descriptors() < before + 150, ("%d before, %d after"):format(before, descriptors()))
  end
)

test.case(
  "the journal of a child in a new pid namespace carries the number that gc knows it by",
  { "root", "cgroup:pids" },
  function(t)
    local ready, exit_now = pipe(), pipe()
    local child <close> = spawn({ unshare = { "pid" } }, function()
      exit_now.write:close()
      local _ <close> = cgroup_set("host-journal", { pids = 5 })
      ready.write:write("made")
      exit_now.read:read(1)
    end)
    t.eq(ready.read:read(4), "made")
    local names = list_dir(os.getenv("CRUN_LUA_STATE") .. "/journal")
    t.eq(#names, 1)
    t.eq(names[1]:match("^%d+"), tostring(child.pid))
    -- The child closes its group before it ends.
    exit_now.write:close()
    child:wait()
  end
)

-- Variables that are closed

local function closer(body)
  return setmetatable({}, { __close = body })
end

test.case("an error in a closing variable takes the place of the one that unwinds", function(t)
  local seen
  local outer = false
  local value, err = try(function()
    local _ <close> = closer(function()
      outer = true
    end)
    local inner <close> = closer(function(_, first)
      seen = first
      error("second")
    end)
    t.ok(inner)
    mkdir("/tmp")
  end)
  t.eq(value, nil)
  t.match(err.message, "second", true)
  t.match(err.where.file, "host_test.lua", true)
  t.eq(seen.errno, "EEXIST")
  t.ok(outer, "the outer variable is closed")
end)

test.case("handles are closed in turn when one of them fails, and the error goes on", function(t)
  local pid
  local _, err = try(function()
    local child <close> = spawn(function()
      while true do
      end
    end)
    pid = child.pid
    local _ <close> = closer(function()
      error("in between")
    end)
    error("first")
  end)
  t.match(err.message, "in between", true)
  t.eq(io.open(("/proc/%d/stat"):format(pid)), nil)
end)

-- Plans

local PLANNED = [[
local function assert_known(fine, text)
  if not fine then error(text, 2) end
end
local unknown = spawn(function() end):wait().code
local function fails(body, place)
  local _, err = try(body)
  assert_known(err and err.message:find("known after", 1, true), "another error: " .. tostring(err))
  assert_known(not place or err.where.file:find("plan.lua", 1, true), tostring(err))
end
]]

-- Runs text as a plan, in which `unknown` is a value that only the kernel would know.
local function plan(text)
  local path = os.getenv("TMPDIR") .. "/plan.lua"
  write_file(path, PLANNED .. text)
  local result = capture { "/proc/self/exe", "--dry-run", path }
  remove(path)
  return result
end

test.case(
  "a plan refuses to compute with, to compare and to walk over what it does not know",
  function(t)
    for _, text in ipairs {
      "unknown + 1",
      "1 - unknown",
      "unknown * 2",
      "unknown / 2",
      "unknown // 2",
      "unknown % 2",
      "unknown ^ 2",
      "-unknown",
      "unknown & 1",
      "unknown | 1",
      "unknown ~ 1",
      "~unknown",
      "unknown << 1",
      "unknown >> 1",
      "#unknown",
      "unknown < 1",
      "unknown <= 1",
      "1 > unknown",
      "unknown()",
      "unknown:match('x')",
      "next(unknown)",
      "rawlen(unknown)",
      "pairs(unknown)",
      "ipairs(unknown)",
      "table.concat(unknown)",
      "table.unpack(unknown)",
      "tonumber(unknown) + 1",
    } do
      local result = plan(("fails(function() local x = %s return x end, true)"):format(text))
      t.eq(result.code, 0, text .. ": " .. result.stderr)
    end
    for _, text in ipairs {
      "for _ in pairs(unknown) do end",
      "for _ in ipairs(unknown) do end",
      "for _ in unknown do end",
      "unknown.x = 1",
      "table.insert(unknown, 1)",
    } do
      local result = plan(("fails(function() %s end, true)"):format(text))
      t.eq(result.code, 0, text .. ": " .. result.stderr)
    end
  end
)

test.case("a reader that fails in a plan answers what is not known", function(t)
  local result = plan([[
    mkdir("/no-such-directory")
    for _, body in ipairs {
      function() return read_file("/") end,
      function() return stat("/no-such-directory/file") end,
      function() return ns_list(unknown) end,
      function() return sysctl_get(unknown) end,
    } do
      assert_known(tostring(body()) == "(known after apply)", tostring(body()))
    end
    fails(function() return read_file("/") + 1 end)
  ]])
  t.eq(result.code, 0, result.stdout .. result.stderr)
  -- Arguments are judged all the same.
  result = plan("read_file(7, {}, {})")
  t.eq(result.code, 1)
end)

test.case("a child whose name is empty has one in a plan, which would not end else", function(t)
  local result = plan [[spawn({ name = "" }, function() mkdir "/never" end):wait()]]
  t.eq(result.code, 0, result.stderr)
  t.match(result.stdout, "/never", true)
end)

return test.run()
