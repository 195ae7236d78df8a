local test = require "test"

-- Runs a script under --restricted; answers the status and what it has said.
local function run(text, ...)
  local dir <close> = temp_dir()
  local file = dir.path .. "/evil.lua"
  write_file(file, text)
  local command = { "/proc/self/exe", "--restricted", ... }
  command[#command + 1] = file
  local ran = capture(command, { timeout = "60s" })
  return ran.code, ran.stdout .. ran.stderr
end

test.case("what a restricted script was not given is not there", function(t)
  local absent = {
    "io.open",
    "load('')",
    "loadstring",
    "dofile",
    "loadfile",
    "debug",
    "package",
    "collectgarbage",
    "sys",
    "help",
    "os.getenv('PATH')",
    "os.remove",
    "os.execute",
    "string.dump",
    "(('').dump)",
    "getmetatable('')",
    "getmetatable(select(2, try(error, 'x')))",
    "getmetatable(_G).__index",
    "_ENV.io",
    "read_file",
    "mount",
    "exec",
    "json_encode",
    "require('check')",
    "require('reference')",
    "require('options').fail.x",
  }
  local lines = {}
  for _, name in ipairs(absent) do
    local line =
      "do local ok, v = pcall(function() return %s end) assert(not ok or v == nil, %q) end"
    lines[#lines + 1] = line:format(name, name)
  end
  local code, said = run(table.concat(lines, "\n"))
  t.eq(code, 0, said)
  t.eq(run "setmetatable({}, { __gc = function() end })", 1)
  t.eq(run "\27Lua", 1)
end)

test.case("a refused primitive is an error object that names what would permit it", function(t)
  local code, said = run(
    "local _, e = pcall(function() return mount end)\n"
      .. "assert(e.op == 'mount' and e.where.line == 1)\nmount('a', 'b')"
  )
  t.eq(code, 1)
  t.match(said, "evil.lua:3: mount: ", true)
  t.match(said, "--allow mount", true)
  code, said = run("", "--allow", "mont")
  t.eq(code, 2)
  t.match(said, 'did you mean "mount"?', true)
end)

test.case("neither a module, nor a handle, nor a child has more than the script", function(t)
  local code, said = run(
    [[
    local child = spawn(function()
      local ok, err = pcall(function() return mkdir end)
      return not ok and err.op == "mkdir" and 3 or 4
    end)
    local ok, err = pcall(child.kill, child)
    assert(not ok and err.op == "process:kill", tostring(err))
    assert(child:wait().code == 3)
    local fine, why = pcall(require("container").new, { name = "x", rootfs = "host" })
    assert(not fine)
    assert(#require("options").keys { a = 1 } == 1)
    ]],
    "--allow",
    "spawn,process:wait"
  )
  t.eq(code, 0, said)
end)

test.case("what a script does not end by itself is ended by its budget", function(t)
  local endless = {
    "while true do pcall(error) end",
    "while true do try(function() while true do end end) end",
    "coroutine.wrap(function() while true do end end)()",
    "local function nest(d) for _ = 1, 400 do if d > 0 then "
      .. "coroutine.wrap(nest)(d - 1) end end end nest(20)",
    "table.insert(setmetatable({}, { __len = function() return 1 << 50 end }), 1, 'x')",
    "string.gsub(('x'):rep(1000), '.', function() while true do end end)",
  }
  for _, text in ipairs(endless) do
    local code, said = run(text, "--time", "60s", "--instructions", "200000")
    t.eq(code, 124, text)
    t.match(said, "more than 200000 instructions", true)
  end
  local code, said = run("return ('x'):rep(20 << 20)", "--memory", "8M")
  t.eq(code, 1)
  t.match(said, "more than 8 MiB of memory", true)
  code, said = run("while true do print(('x'):rep(1000)) end", "--output", "10K")
  t.eq(code, 1)
  t.ok(#said < 12000, #said)
end)

test.case("what is closed when the time is over is ended by the budget as well", function(t)
  local closing =
    "local x <close> = setmetatable({}, { __close = function() while true do end end })"
  local endless = {
    closing .. " while true do end",
    "pcall(function() " .. closing .. " while true do end end)",
    "coroutine.wrap(function() pcall(function() " .. closing .. " while true do end end) end)()",
  }
  for _, text in ipairs(endless) do
    local code, said = run(text, "--time", "60s", "--instructions", "200000")
    t.eq(code, 124, text)
    t.match(said, "more than 200000 instructions", true)
  end
end)

test.case("what primitives take outside of Lua is bounded by the kernel", {
  "program:head",
}, function(t)
  local dir <close> = temp_dir()
  local file = dir.path .. "/evil.lua"
  -- Lua has no memory for the answer; without a limit of the process the host has it all first.
  write_file(
    file,
    "pcall(capture, { 'head', '-c', '300M', '/dev/zero' }, { max = '1G' })\nprint('survived')"
  )
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe" }, function()
    local words = { "--restricted", "--allow", "capture", "--memory", "8M", "--time", "60s", file }
    exec { "/proc/self/exe", argv0 = "crun-lua", table.unpack(words) }
  end)
  local ran = child:output()
  t.eq(ran.code, 1)
  t.match(ran.stderr, "needs more memory than --memory allows", true)
  t.eq(ran.stdout, "")
  t.ok(ran.rusage.max_rss < 150 << 20, ran.rusage.max_rss)
end)

test.case("what no budget looks at is ended by the alarm", function(t)
  local endless = {
    "(('a'):rep(30000)):find('.-.-.-.-.-b')",
    "local function h() local a <close> = setmetatable({}, { __close = h })"
      .. " local b <close> = setmetatable({}, { __close = h }) while true do end end h()",
  }
  for _, text in ipairs(endless) do
    t.eq(run(text, "--time", "100ms"), 124, text)
  end
  t.eq(run "return ('').rep('', 1 << 60) == '' and 0 or 1", 0)
  t.eq(run "table.move({}, '1', '1000000000000000', '2')", 1)
end)

test.case("signals end a script that no hook looks at, however often they come", function(t)
  local dir <close> = temp_dir()
  local file = dir.path .. "/evil.lua"
  local sign = dir.path .. "/it-runs"
  write_file(file, ("mkdir(%q) ;(('a'):rep(30000)):find('.-.-.-.-.-b')"):format(sign))
  local child <close> = spawn({ stderr = "null" }, function()
    local words = { "--restricted", "--allow", "mkdir", "--time", "1h", file }
    exec { "/proc/self/exe", argv0 = "crun-lua", table.unpack(words) }
  end)
  t.eventually("the script runs", function()
    return (try(stat, sign))
  end)
  -- None of them may put off the end that the first one has brought near.
  local ended, sent
  for number = 1, 40 do
    kill(child.pid, number == 1 and "term" or "int")
    ended, sent = child:wait { timeout = "250ms" }, number
    if ended then
      break
    end
  end
  t.ok(ended, "it goes on after " .. sent .. " signals")
  t.eq(ended.code, 128 + 15)
  t.ok(sent > 1, "nothing was put off: the first signal has ended it")
end)

test.case(
  "its help page names each option that there is, and what it is no boundary against",
  function(t)
    local page = capture({ "/proc/self/exe", "help", "restricted" }).stdout
    local usage = capture({ "/proc/self/exe", "--help" }).stdout
    local count = 0
    for option in ("allow memory time instructions output"):gmatch "%a+" do
      t.match(usage, "--" .. option .. " <", true)
      t.match(page, "    --" .. option .. " ", true)
      count = count + 1
    end
    t.eq(select(2, page:gsub("\n    %-%-%a+ ", "")), count)
    t.match(page, "It is none against these:", true)
  end
)

return test.run()
