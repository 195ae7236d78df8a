-- Errors as the prompt shows them: every kind of value that can be raised, where the caret stands,
-- what is left out.

local excerpt = require "repl.excerpt"
local test = require "test"
local text = require "view.text"

--- Runs a chunk as the prompt would, and answers how its error is shown, and the error.
local function shown(source, given)
  given = given or {}
  given.chunks = { ["[1]"] = source }
  local chunk, reason = load(source, "@[1]")
  if not chunk then
    return excerpt.of(reason, given)
  end
  local _, err = try(chunk)
  return excerpt.of(err, given), err
end

--- What of the source is marked.
local function marked(source)
  local out = shown(source)
  local line, carets = out:match("│ ([^\n]*)\n +│ ( *%^+)")
  if not carets then
    return nil
  end
  local first = carets:find("^", 1, true)
  return line:sub(first, #carets)
end

test.case("whatever is raised is shown, in one way", function(t)
  t.match(shown "error('plain')", "^✗ plain +%[1%]:1\n")
  t.match(shown "error({ 1, 2 })", "^✗ an error that is no text: { 1, 2 }")
  t.match(shown "error()", "^✗ an error without a message")
  t.match(shown "error(setmetatable({}, { __tostring = function() return 'me' end }))", "^✗ .*me")
  t.match(shown "error(setmetatable({}, { __tostring = error, __index = error }))", "^✗ ")
  t.match(excerpt.of(nil), "^✗ an error without a message")
  t.match(excerpt.of("no place"), "^✗ no place$")
  t.match(excerpt.of({ message = { 1 } }), "no text: { 1 }")
  t.match(excerpt.of(print), "no text: function print")
end)

test.case("an error of a primitive says the call, what it needs and what to do", function(t)
  local out = excerpt.of {
    op = "mount",
    call = 'mount("proc", "/proc", "proc", 0, NULL)',
    message = 'mount("proc", "/proc", "proc", 0, NULL) = -1 EPERM (Operation not permitted)',
    errno = "EPERM",
    hint = 'unshare { "user", "mnt" } first, or run as root',
    have = "CapEff 0000000000000000",
    where = { file = "[2]", line = 9 },
  }
  t.match(out, "^✗ mount: EPERM %(Operation not permitted%) +%[2%]:9\n")
  t.match(out, '\n    syscall  mount("proc", "/proc", "proc", 0, NULL) = -1 EPERM', true)
  t.match(out, "\n    have     CapEff 0000000000000000\n", true)
  t.match(out, "\n    needs    CAP_SYS_ADMIN over the mount namespace\n", true)
  t.match(out, '\n    try      unshare { "user", "mnt" } first, or run as root\n', true)
  t.match(out, "\n    see      ?mount · man 2 mount", true)
end)

test.case("a refused call tells what this process has instead", { "userns" }, function(t)
  t.inside({ "user", "uts" }, function()
    drop_caps { keep = {} }
    local out = shown 'sethostname("x")'
    t.match(out, "EPERM")
    t.match(out, "\n    have     no capability\n", true)
  end)
  local out = excerpt.of { op = "mount", message = "m", errno = "EPERM", have = "given" }
  t.eq(select(2, out:gsub("\n    have", "")), 1)
end)

test.case("the mark is under what the message names", function(t)
  t.eq(marked "print(foo.bar)", "foo")
  t.eq(marked "local t = {} print(t.x.y)", "x")
  t.eq(marked "local x = { x = 1 } x.y.x = 1", "y")
  t.eq(marked "local t = {} t.go()", "go")
  t.eq(marked "local t = {} t:go()", "go")
  t.eq(marked "string.format('%d', 'x')", "format")
  t.eq(marked "local c = spawn(function() end) c:wiat()", "wiat")
  t.eq(marked "require 'contaner'", "'contaner'")
  t.match(shown "local 日本 = 1", "│ local 日本 = 1\n     │       ^^$")
end)

test.case("the mark of an option is under the option, on whatever line it stands", function(t)
  t.eq(marked 'mount("a", "/b", { typ = "proc" })', "typ")
  t.eq(marked 'unshare { "pid", "ust" }', '"ust"')
  t.eq(marked 'require("container").new { name = "x", memoryy = 3 }', "memoryy")
  local out = shown 'mount("a", "/b", {\n  readonly = true,\n\n  typ = "proc",\n})'
  t.match(out, '\n   4 │   typ = "proc",\n     │   ^^^', true)
end)

test.case("the mark of a call that failed is under the call", function(t)
  local out = shown 'local x = "mkdir"\nreturn x, mkdir("/nowhere/at/all")'
  t.match(out, "^✗ mkdir: ENOENT")
  t.match(out, '\n   2 │ return x, mkdir("/nowhere/at/all")\n     │           ^^^^^', true)
end)

test.case("a syntax error is marked where the text goes wrong or ends", function(t)
  t.eq(marked "x = = 1", "=")
  t.eq(marked "f(1))", ")")
  t.match(shown "f(1\nc = function() end", "│ c = function() end\n     │ ^", true)
  t.match(
    shown "for i = 1, 2 do\n  print(i)\n\n",
    "\n   2 │   print(i)\n     │           ^",
    true
  )
  t.match(shown "x = 'abc", "unfinished string")
end)

test.case("the mark stands right below wide characters and tabs", function(t)
  local out = shown '\tlocal s = "日本e\u{301}" .. foo'
  local line, carets = out:match("│ ([^\n]*)\n +│ ( *%^+)")
  t.eq(text.width(line:sub(1, line:find("foo", 1, true) - 1)), carets:find("^", 1, true) - 1)
end)

test.case("a line that is too long keeps what is marked in sight", function(t)
  for _, before in ipairs { ("x = 1 "):rep(40), ("日 = '日' "):gsub("日 =", "x ="):rep(30) } do
    for _, width in ipairs { 40, 80 } do
      local out = shown("local x " .. before .. "print(foo.bar) " .. before, { width = width })
      local line, carets = out:match("│ ([^\n]*)\n +│ ( *%^+)")
      t.match(line, "foo", true)
      t.eq(text.width(line:sub(1, line:find("foo", 1, true) - 1)), #carets - 3)
      for one in out:gmatch("[^\n]+") do
        t.ok(text.width(one) <= width, one)
      end
    end
  end
end)

test.case("frames of the program's own modules are hidden, the user's are kept", function(t)
  local out = shown(table.concat({
    "local function inner() require('container').new { nam = 1 } end",
    "local function outer()",
    "  inner()",
    "end",
    "outer()",
  }, "\n"))
  t.ok(not out:find("stdlib/", 1, true), out)
  t.ok(not out:find("[C]", 1, true), out)
  t.match(out, "\n    from     [1]:3 inner()\n    from     [1]:5 outer()", true)
  t.match(out, "^✗ container.new: no option is called 'nam'; did you mean 'name'%? +%[1%]:1\n")
end)

test.case("endless recursion and a chain of causes that bites itself end", function(t)
  local out = shown "local function f() return 1 + f() end f()"
  t.match(out, "stack overflow")
  t.ok(select(2, out:gsub("\n", "")) < 40, out)
  local err = { op = "a", message = "first" }
  err.cause = { op = "b", message = "second", hint = "do it", cause = err }
  out = excerpt.of(err)
  t.match(out, "\n    because  b: second\n    try      do it\n    because  a: first", true)
  t.eq(select(2, out:gsub("because", "")), 2)
end)

test.case("no control character of an error or of the source reaches the terminal", function(t)
  local out = excerpt.of(
    { op = "x", message = "a\27[2J", hint = "b\7", where = { file = "[1]", line = 1 } },
    {
      chunks = { ["[1]"] = "y = '\27[31m' x()" },
    }
  )
  t.ok(not out:find("[%z\1-\9\11-\31\127]"), out)
end)

test.case("colours are only where they were asked for", function(t)
  local plain, coloured = shown "print(foo.bar)", shown("print(foo.bar)", { colour = true })
  t.ok(not plain:find("\27", 1, true))
  t.match(coloured, "\27[31m✗\27[0m", true)
  t.eq((coloured:gsub("\27%[%d+m", "")), plain)
end)

return test.run()
