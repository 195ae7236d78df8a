-- Values as the prompt shows them: what a value does when it is looked at, odd texts, large tables.

local leaves = require "repl.leaves"
local show = require "repl.print"
local test = require "test"
local text = require "view.text"

local function bomb()
  error("a metamethod was called")
end

test.case("no metamethod of a table is called, and a failing __tostring is passed over", function(t)
  local value = setmetatable({ 1, a = 2 }, {
    __index = bomb,
    __pairs = bomb,
    __len = bomb,
    __name = "x",
    __tostring = bomb,
    __eq = bomb,
    __lt = bomb,
  })
  t.eq(show.value(value), "{ 1, a = 2 }")
  t.eq(show.value { inner = value }, "{ inner = { 1, a = 2 } }")
  t.eq(show.value { [value] = 1 }, "{ [a table] = 1 }")
  t.eq(
    show.value(setmetatable({}, {
      __tostring = function()
        return "I \27[2J am"
      end,
    })),
    "I \\27[2J am"
  )
  t.eq(
    show.value(setmetatable({ 1 }, {
      __tostring = function()
        return 5
      end,
    })),
    "{ 1 }"
  )
  t.eq(show.value(setmetatable({ 1 }, { __metatable = "hidden" })), "{ 1 }")
end)

test.case("no control character of a value reaches the terminal", function(t)
  local hostile = "a\27[2J\7\r\n\0\x9b" .. "1 \u{202e}"
  local records = { { a = hostile }, { a = 1 } }
  for _, value in ipairs { hostile, { hostile }, { [hostile] = 1 }, records } do
    local shown = show.value(value)
    t.ok(not shown:find("[%z\1-\9\11-\31\127]"), shown)
    t.ok(not shown:find("\u{202e}", 1, true), shown)
  end
  t.eq(show.value("a\0001"), [["a\0001"]])
end)

test.case("a string is shown as Lua reads it back", function(t)
  for _, value in ipairs {
    'a"b\\',
    "\27" .. "1",
    "\1" .. "23",
    "tab\tend",
    "\xff\xfe",
    "日本",
    "",
  } do
    local quoted = leaves.quote(value)
    t.eq(load("return " .. quoted)(), value, quoted)
  end
end)

test.case("a text of several lines is shown as lines, and its end is told", function(t)
  t.eq(show.value("a\nb\n"), "[[\na\nb\n]]")
  t.eq(show.value("a ]] b\nc"), "[=[\na ]] b\nc]=]")
  t.eq(show.value("one line\n"), [["one line\n"]])
  t.match(show.value(("x\n"):rep(100), { rows = 3 }), "… 97 more lines\n]]", true)
  t.eq(load("return " .. show.value("a\n\tb\nc"))(), "a\n\tb\nc")
end)

test.case("a table that holds itself ends", function(t)
  local value = { name = "x" }
  value.self, value.list = value, { value }
  t.eq(show.value(value), '{ list = { (cycle) }, name = "x", self = (cycle) }')
  local twice = {}
  t.eq(show.value { twice, twice }, "{ {}, {} }")
end)

test.case("depth and rows are cut, and say so", function(t)
  t.eq(
    show.value { a = { b = { c = { d = { e = 1 } } } } },
    "{ a = { b = { c = { d = { … } } } } }"
  )
  t.eq(show.value({ a = { b = 1 } }, { depth = 1 }), "{ a = { … } }")
  local many = {}
  for index = 1, 100 do
    many["key" .. index] = index
  end
  t.match(
    show.value(many, { rows = 3 }),
    "\n  key1 = 1,\n  key10 = 10,\n  key100 = 100,\n  … 97 more\n",
    true
  )
end)

test.case("tables of 100000 entries are shown at once", function(t)
  local list, map = {}, {}
  for index = 1, 100000 do
    list[index], map["k" .. index] = index, index
  end
  local started = os.clock()
  t.match(show.value(list, { rows = 2 }), "… %d+ more")
  t.match(show.value(map, { rows = 2 }), "  k1 = 1,\n  k10 = 10,\n  … 99998 more", true)
  -- The bound is far off what it takes: it tells a walk from a sort of everything.
  t.ok(os.clock() - started < 20)
end)

test.case("keys are sorted: numbers, texts, the rest", function(t)
  local value = { z = 1, a = 2, [10] = 3, [1.5] = 4, [true] = 5, [false] = 6, "first" }
  t.eq(show.value(value), '{ "first", [1.5] = 4, [10] = 3, a = 2, z = 1, [false] = 6, [true] = 5 }')
  t.eq(show.value { ["a b"] = 1, ["end"] = 2 }, '{ ["a b"] = 1, ["end"] = 2 }')
end)

test.case("records of one kind are columns, aligned by what characters take", function(t)
  t.eq(
    show.value {
      { pid = 7, name = "日本" },
      { pid = 1234, name = "sh" },
      { pid = 1, name = "x", up = true },
    },
    "#  NAME   PID  UP\n1  日本     7  –\n2  sh    1234  –\n3  x        1  true"
  )
  t.eq(show.value { web = { pid = 1 }, db = { pid = 20 } }, "#    PID\ndb    20\nweb    1")
  t.match(show.value { { a = 1 }, { b = 1 } }, "^{ ")
  t.match(show.value { { a = 1 }, { 1 } }, "^{ ")
  t.eq(show.value { { a = 1 } }, "{ { a = 1 } }")
  t.match(show.value({ { a = 1 }, { a = 2 }, { a = 3 } }, { rows = 2 }), "… 1 more", true)
end)

test.case("no line is wider than the window", function(t)
  local value = {
    [("long key "):rep(12)] = ("value "):rep(40),
    list = { ("日本"):rep(60), "short" },
    deep = { { { { ("x"):rep(200) } } } },
    names = {},
  }
  for index = 1, 60 do
    value.names[index] = "name_" .. index
  end
  for _, width in ipairs { 20, 40, 80 } do
    for line in show.value(value, { width = width }):gmatch("[^\n]+") do
      t.ok(text.width(line) <= width or line:find('^  %["long'), ("%d: %s"):format(width, line))
    end
  end
  local rows = {}
  for index = 1, 3 do
    rows[index] = { a = ("日"):rep(50), b = index, c = ("x"):rep(100) }
  end
  for line in show.value(rows, { width = 50 }):gmatch("[^\n]+") do
    t.ok(text.width(line) <= 50, line)
  end
end)

test.case("what is cut keeps both ends", function(t)
  t.eq(leaves.middle("abcdefghijklmnop", 10), "abcde…mnop")
  t.eq(leaves.middle("short", 10), "short")
  t.ok(text.width(leaves.middle(("日本"):rep(20), 15)) <= 15)
end)

test.case("numbers are plain, and a float does not look like an integer", function(t)
  t.eq(show.value(4026531838), "4026531838")
  t.eq(show.value(3.0), "3.0")
  t.eq(show.value(math.mininteger), "-9223372036854775808")
  t.eq(
    { show.value(0 / 0), show.value(math.huge), show.value(-math.huge) },
    { "nan", "inf", "-inf" }
  )
end)

test.case("functions have a name or a place", function(t)
  t.eq(show.value(print), "function print")
  t.eq(show.value(mount), "function mount")
  t.eq(show.value(string.format), "function string.format")
  t.match(show.value(bomb), "function .*repl_print_test.lua:%d+$")
  t.match(show.value(require("container").new), "function stdlib/container.lua:%d+$")
  t.eq(show.value(load("return function() end", "=[3]")()), "function [3]:1")
end)

test.case("a handle is what the kernel calls it, with its state", function(t)
  local child = spawn(function()
    return 0
  end)
  t.eq(show.value { child }, ("{ process %d }"):format(child.pid))
  local name = show.value(child)
  child:close()
  t.eq(show.value(child), name .. " (closed)")
  t.eq(show.value(child:keep()), name .. " (closed)")
  t.match(show.value(io.stdout), "^file %(")
  t.eq(show.value(coroutine.create(print)), "coroutine (suspended)")
end)

test.case("an error is one line, also within a table", function(t)
  local _, err = try(mount, "x", "/proc/nothing/there", { type = "tmpfs", typ = 1 })
  t.match(show.value(err), '^error mount: options: unknown option "typ"')
  t.ok(not show.value(err):find("\n", 1, true))
  t.match(show.value { cause = err }, "cause = error mount: ")
  t.match(show.value { op = "box.new", message = "two\nlines" }, "^error box.new: two$")
end)

test.case("what a call answered is in one line where it fits", function(t)
  t.eq(show.values(table.pack(nil, "x", { 1 })), 'nil  "x"  { 1 }')
  t.eq(show.values(table.pack()), "")
  t.eq(show.values(table.pack(nil)), "nil")
  t.eq(show.values(table.pack("a\nb", 1)), "[[\na\nb]]\n1")
end)

test.case("colours are only where they were asked for, and change no width", function(t)
  local value = { 1, "two", { three = true }, print, nil, bomb }
  local plain, coloured = show.value(value), show.value(value, { colour = true })
  t.ok(not plain:find("\27", 1, true))
  t.eq((coloured:gsub("\27%[[%d;]*m", "")), plain)
  t.match(coloured, '\27[32m"two"\27[0m', true)
end)

test.case("p refuses an option that it does not have", function(t)
  t.fails("did you mean 'depth'", show.printer(), 1, { dept = 3 })
  t.fails("width: expected integer", show.value, 1, { width = "x" })
end)

test.case("handle_info and function_info tell what a value is, and change nothing", function(t)
  t.eq(handle_info("text"), nil)
  t.eq(handle_info(io.stdout), nil)
  local child <close> = spawn(function()
    return 0
  end)
  local info = handle_info(child)
  t.eq({ info.kind, info.closed, info.kept }, { "process", false, false })
  t.eq(info.fields, { "pid", "stdin", "stdout", "stderr" })
  t.eq(function_info(print).file, nil)
  t.fails("body: expected function", function_info, 1)
end)

return test.run()
