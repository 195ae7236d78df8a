-- `crun-lua check`: each seeded mistake is found where it stands, and nothing else is.

local check = require "check"
local test = require "test"

local PROGRAM = os.getenv("CRUN_LUA_TEST_PROGRAM") or "/proc/self/exe"

local function program(words, input)
  return capture({ PROGRAM, "check", table.unpack(words) }, { stdin = input, timeout = "60s" })
end

-- The only finding in a text: its code, what the caret stands under, and the message.
local function only(t, source)
  local found = check.text(source, "x.lua")
  t.eq(#found, 1, source .. "\n" .. (found[1] and found[1].message or "nothing was found"))
  local one = found[1]
  return one.code, one.text:sub(one.column, one.last), one.message
end

local function finds(t, source, code, marked, part)
  local found, text, message = only(t, source)
  t.eq({ found, text }, { code, marked }, source)
  if part then
    t.ok(message:find(part, 1, true), message)
  end
end

local function is_clean(t, source)
  local found = check.text(source, "x.lua")
  t.eq(found[1] and found[1].message, nil, source)
end

-- What a seeded mistake looks like, in groups.

test.case("what is no Lua is told with its line and place", {}, function(t)
  finds(t, "local x = 1\nif x then", "syntax-error", "if x then", "'end' expected")
  finds(t, "print(1))", "syntax-error", ")", "near ')'")
  finds(t, "goto nowhere", "syntax-error", "nowhere")
end)

test.case("a word that is not in a set gets the nearest", {}, function(t)
  finds(t, 'unshare { "pid", "nett" }', "unknown-word", '"nett"', 'did you mean "net"?')
  finds(
    t,
    'drop_caps { keep = { "net_bind_servce" } }',
    "unknown-word",
    '"net_bind_servce"',
    "did you mean"
  )
  finds(t, 'seccomp { default = "erno" }', "unknown-word", '"erno"', "did you mean")
  finds(t, 'spawn({ unshare = { "nett" } }, function() end)', "unknown-word", '"nett"')
end)

test.case("an option that is not known gets the nearest", {}, function(t)
  finds(
    t,
    'mount("proc", "/proc", { typ = "proc" })',
    "unknown-option",
    "typ",
    'did you mean "type"?'
  )
  finds(t, 'cgroup_set("x", { memori = "1M" })', "unknown-option", "memori", "memory")
  finds(t, 'require("container").new { memroy = "1M" }', "unknown-option", "memroy", "memory")
end)

test.case("a literal of another type is told with what was expected", {}, function(t)
  finds(t, "sethostname(5)", "wrong-type", "5", "expected string, got 5")
  finds(t, 'unshare "pid"', "wrong-type", '"pid"', "a list is written")
  finds(t, 'mount("a", "/b", { readonly = "yes" })', "wrong-type", '"yes"', "options.readonly")
  finds(t, "exec { 5 }", "wrong-type", "5", "command[1]")
  finds(t, 'require("container").new { name = 5 }', "wrong-type", "5", "given.name")
  finds(t, "local name = 5\nsethostname(name)", "wrong-type", "name", "got 5")
  finds(t, 'sethostname("a" == "b")', "wrong-type", '"a" == "b"', "got boolean")
end)

test.case("a unit that does not parse and a number out of its bounds are told", {}, function(t)
  finds(t, 'cgroup_set("x", { memory = "64Q" })', "wrong-value", '"64Q"', "64M")
  finds(t, 'poll({}, { timeout = "5 bananas" })', "wrong-value", '"5 bananas"')
  finds(t, "kill(1, 99)", "wrong-value", "99")
  finds(t, 'mkdir("/a", { mode = "999" })', "wrong-value", '"999"')
end)

test.case("calls with too few or too many values are told", {}, function(t)
  finds(t, 'mount("proc")', "missing-argument", '("proc")', "target is missing")
  finds(t, "sethostname()", "missing-argument", "()", "name is missing")
  finds(t, 'sethostname("a", {}, 3)', "too-many-arguments", "3", "it takes sethostname")
  finds(t, "exec {}", "missing-argument", "{}", "the argument list is empty")
  finds(t, 'require("rootfs").directory()', "missing-argument", "()", "path is missing")
  finds(t, 'require("container").list(1)', "too-many-arguments", "1")
end)

test.case("a primitive, a module, a field or a method that does not exist is told", {}, function(t)
  finds(t, 'sys.mout("a")', "unknown-primitive", "mout", "did you mean 'mount'?")
  finds(t, 'require "contaner"', "unknown-module", '"contaner"', "container")
  finds(t, 'require("container").nwe {}', "unknown-field", "nwe", "did you mean 'new'?")
  finds(t, 'string.fromat("%d", 1)', "unknown-field", "fromat", "did you mean 'format'?")
  finds(t, 'os.execute("ls")', "unknown-field", "execute")
  local handle = "local child = spawn(function() end)\nchild:wiat()"
  finds(t, handle, "unknown-method", "wiat", "did you mean 'wait'?")
  local box = 'local box = require("container").new {}\nbox:rnu { "sh" }'
  finds(t, box, "unknown-method", "rnu", "did you mean 'run'?")
end)

test.case("the values of methods are judged as well", {}, function(t)
  local child = "local child = spawn(function() end)\n"
  finds(t, child .. 'child:wait { timeot = "1s" }', "unknown-option", "timeot")
  finds(t, child .. 'child:kill("temr")', "unknown-word", '"temr"', 'did you mean "term"?')
  finds(t, child .. 'child:kill("term", 2)', "too-many-arguments", "2")
  local box = 'local box = require("container").new {}\n'
  finds(t, box .. 'box:stop { timeot = "1s" }', "unknown-option", "timeot")
end)

test.case("globals that nobody declared, and globals that are set, are told", {}, function(t)
  finds(t, "local name = 1\nprint(nmae, name)", "undeclared-global", "nmae", "did you mean 'name'?")
  finds(t, "count = 1", "assigned-global", "count", "write 'local count = …'")
  finds(t, "function helper() end", "assigned-global", "helper")
  finds(t, "dofile('x')", "undeclared-global", "dofile")
  finds(t, "if arg[1] then local x = 1; print(x) end\nprint(x)", "undeclared-global", "x")
end)

test.case("a variable that nobody reads is told", {}, function(t)
  finds(t, "local left = 5", "unused-local", "left")
  finds(t, "local function left() end", "unused-local", "left")
end)

test.case("what follows a call that never returns is told, once", {}, function(t)
  finds(t, 'exec { "sh" }\nprint(1)\nprint(2)', "unreachable", "print(1)", "exec does not return")
  finds(t, 'spawn(function()\n  exec { "sh" }\n  print(1)\nend)', "unreachable", "print(1)")
  finds(t, "os.exit(1)\nprint(1)", "unreachable", "print(1)")
  is_clean(t, 'try(exec, { "sh" })\nprint(1)')
  is_clean(t, 'if arg[1] then\n  exec { "sh" }\nend\nprint(1)')
end)

test.case("a right that was given away above is told where it is missed", {}, function(t)
  finds(t, 'drop_caps { keep = {} }\nsetuser("1000")', "lost-right", '("1000")', "CAP_SETUID")
  is_clean(t, 'setuser("1000")\ndrop_caps { keep = {} }')
  is_clean(t, 'drop_caps { keep = { "setuid", "setgid" } }\nsetuser("1000")')
  is_clean(t, 'drop_caps { "chown" }\nsetuser("1000")')
  is_clean(t, 'local kept = table.pack(...)\ndrop_caps { keep = kept }\nsetuser("1000")')
  is_clean(t, 'drop_caps { keep = {} }\nunshare { "user" }\nsethostname("box")')
end)

test.case("what is only known when the script runs fits everywhere", {}, function(t)
  is_clean(t, "mount(table.unpack(arg))")
  is_clean(t, "local options = load('return {}')()\nmount(arg[1], arg[2], options)")
  is_clean(t, "local body = arg[1]\nspawn(body)")
  is_clean(t, 'local options = {}\noptions.type = "proc"\nmount("a", "/b", options)')
  is_clean(t, 'local kinds = { "pid" }\ntable.insert(kinds, "net")\nunshare(kinds)')
  is_clean(t, 'exec { "sh", table.unpack(arg) }')
  is_clean(t, 'local name = "a"\nname = 5\nprint(name)\nsethostname(name)')
  is_clean(t, "local sethostname = print\nsethostname(1, 2, 3, 4)")
  is_clean(t, "local _ENV = { print = print }\nprint(whatever)")
  is_clean(t, 'if os.execute then print "?" end')
  is_clean(t, 'mount("a", "/b", nil or { type = "proc" })')
  is_clean(t, "#!/usr/bin/env crun-lua\nprint(1)")
end)

test.case("a table with a name that is used once is judged as it was written", {}, function(t)
  local source = 'local options = { typ = "proc" }\nmount("proc", "/proc", options)'
  finds(t, source, "unknown-option", "typ")
end)

test.case("a comment keeps a finding back, and only the one that it names", {}, function(t)
  is_clean(t, '---@diagnostic disable-next-line: unknown-word\nunshare { "nett" }')
  is_clean(t, 'unshare { "nett" } ---@diagnostic disable-line')
  is_clean(t, '---@diagnostic disable: unknown-word\nprint(1)\nunshare { "nett" }')
  finds(
    t,
    '---@diagnostic disable-next-line: unreachable\nunshare { "nett" }',
    "unknown-word",
    '"nett"'
  )
end)

test.case("a function that is handed to fails is expected to fail", {}, function(t)
  is_clean(t, 'local t = arg[1]\nt.fails("x", function() unshare { "nett" } end)')
end)

test.case("names, tabs and wide letters do not move the caret", {}, function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/wide.lua"
  write_file(path, '\tprint("日本", nmae)\n')
  local result = program { path }
  t.eq(result.code, 1)
  local shown = result.stdout:match "|([^\n]*)\n[^\n]*%^"
  local caret = result.stdout:match "\n%s+|([^\n]*%^+)\n"
  local width = require("view.text").width
  local before = shown:match "^(.-)nmae"
  t.eq(caret:match "^ (\t)", "\t")
  t.eq(width((caret:gsub("%^+$", ""):gsub("\t", ""))), width((before:gsub("\t", ""))))
  t.eq(#caret:match "%^+$", 4)
end)

test.case("a sum of thirty thousand terms is walked, not descended", {}, function(t)
  is_clean(t, "print(" .. ("1 + "):rep(30000) .. "1)")
end)

test.case("the script is not run", {}, function(t)
  local dir <close> = temp_dir()
  local mark = dir.path .. "/mark"
  local path = dir.path .. "/script.lua"
  write_file(path, ('write_file(%q, "x")\nerror("ran")\n'):format(mark))
  t.eq(program({ path }).code, 0)
  t.eq(stat(mark), nil)
end)

test.case("the status says what happened, and JSON has every field", {}, function(t)
  local dir <close> = temp_dir()
  local good, bad = dir.path .. "/good.lua", dir.path .. "/bad.lua"
  write_file(good, "print(1)\n")
  write_file(bad, 'print(1)\nunshare { "nett" }\n')
  t.eq(program({ good }).stdout, "nothing found in 1 file\n")
  local result = program { good, bad }
  t.eq(result.code, 1)
  t.ok(result.stdout:find(bad .. ":2:11: ", 1, true), result.stdout)
  t.match(result.stdout, "\n1 finding in 2 files\n$")
  local rows = json_decode(program({ "--json", good, bad }).stdout)
  t.eq(#rows, 1)
  local row = rows[1]
  t.eq({ row.file, row.line, row.column, row.last }, { bad, 2, 11, 16 })
  t.eq(row.code, "unknown-word")
  t.eq(program({ "--json", good }).stdout, "[]\n")
  t.eq(program({ "-" }, "count = 1\n").code, 1)
end)

test.case("a file that cannot be read is status 2 and does not stop the others", {}, function(t)
  local dir <close> = temp_dir()
  local bad = dir.path .. "/bad.lua"
  write_file(bad, "count = 1\n")
  local result = program { dir.path .. "/none.lua", bad }
  t.eq(result.code, 2)
  t.ok(result.stderr:find("none.lua", 1, true), result.stderr)
  t.ok(result.stdout:find("count", 1, true))
  t.eq(program({}).code, 2)
  t.eq(program({ "--jsn", bad }).code, 2)
end)

-- No false alarm.

local function lua_files(dir, into)
  for _, name in ipairs(list_dir(dir)) do
    local path = dir .. "/" .. name
    if stat(path).type == "directory" then
      lua_files(path, into)
    elseif name:find "%.lua$" and not name:find "%.d%.lua$" then
      into[#into + 1] = path
    end
  end
  return into
end

for _, dir in ipairs { "scripts", "stdlib", "tests/lua" } do
  test.case("nothing is found in " .. dir, { "minutes:3" }, function(t)
    for _, path in ipairs(lua_files(dir, {})) do
      local found = check.text(read_file(path), path)
      t.eq(found[1] and ("%s:%d: %s"):format(path, found[1].line, found[1].message), nil)
    end
  end)
end

test.case(
  "nothing is found in the examples of primitives, of the stdlib and of the documentation",
  {},
  function(t)
    local reference = require "reference"
    local function judge(name, code)
      -- What an example shows may be a mistake.
      local found = check.text(code, name)
      t.eq(found[1] and ("%s:%d: %s"):format(name, found[1].line, found[1].message), nil)
    end
    for _, entry in ipairs(reference.primitives()) do
      for _, example in ipairs(entry.examples) do
        judge(entry.name, example.code)
      end
    end
    for _, module in ipairs(reference.modules()) do
      for _, code in ipairs(module.examples) do
        judge(module.module, code)
      end
      for _, entry in ipairs(module.functions) do
        for _, code in ipairs(entry.own) do
          judge(entry.name, code)
        end
      end
    end
    local readme = read_file "README.md"
    for place, block in readme:gmatch "()\n```lua\n(.-)\n```" do
      -- Some show what is refused.
      if not readme:sub(1, place - 1):find "<!%-%- fails: [^\n]+ %-%->$" then
        judge("README.md", block)
      end
    end
  end
)

return test.run()
