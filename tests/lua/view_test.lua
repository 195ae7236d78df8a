-- What is drawn in the terminal, from recorded values: nothing here samples.

local bar = require "view.bar"
local colour = require "view.colour"
local grid = require "view.table"
local spark = require "view.spark"
local test = require "test"
local text = require "view.text"
local units = require "view.units"

local COLUMNS = { { key = "name" }, { key = "memory", align = "right" } }

test.case("a name cannot move the cursor, change colours or turn the line around", function(t)
  t.eq(text.clean("a\27[2Jb\r\n"), "a\\27[2Jb\\13\\10")
  t.eq(text.clean("\u{9b}31m"), "\\194\\15531m")
  t.eq(text.clean("x\u{202e}y"), "x\\226\\128\\174y")
  t.eq(text.clean("broken \xff utf8 \xe2\x82"), "broken \\255 utf8 \\226\\130")
  t.eq(text.clean("größe 日本"), "größe 日本")
  local shown = grid.render({ { name = "\27]0;title\7", memory = 1 } }, { columns = COLUMNS })
  t.ok(not shown:find("[\27\7]"), "no control character")
end)

test.case("an unknown option of a table, a bar or a chart names the right one", function(t)
  t.fails("did you mean 'columns'", grid.render, {}, { colums = {} })
  t.fails("did you mean 'align'", grid.render, {}, { columns = { { aling = "right" } } })
  t.fails("did you mean 'width'", bar.render, 1, { widht = 3 })
  t.fails("did you mean 'height'", spark.chart, {}, { width = 1, heigth = 3 })
  t.fails("width: expected integer", spark.chart, {}, {})
end)

test.case("columns are aligned by what characters take, not by bytes", function(t)
  t.eq(text.width("日本"), 4)
  t.eq(text.width("e\u{301}"), 1)
  t.eq(text.width("😀"), 2)
  t.eq(text.fit("日本語", 5), "日本…")
  t.eq(text.fit("日本語", 4), "日…")
  t.eq(text.pad("日本語", 4), "日… ")
  t.eq(text.fit("abc", 0), "")
  local rows = { { name = "web", memory = 12 }, { name = "日本", memory = 3 }, { name = "x" } }
  t.eq(
    grid.render(rows, { columns = COLUMNS }),
    "NAME  MEMORY\nweb       12\n日本       3\nx          –\n"
  )
end)

test.case("a table that is too wide gives way in its widest text column", function(t)
  local rows = { { name = ("n"):rep(40), memory = 123456 } }
  for _, line in ipairs { 20, 30 } do
    for shown in grid.render(rows, { columns = COLUMNS, width = line }):gmatch("[^\n]+") do
      t.ok(text.width(shown) <= line, shown)
    end
  end
  t.match(grid.render(rows, { columns = COLUMNS, width = 20 }), "…%s+123456")
end)

test.case("colours are only where they were asked for", function(t)
  local rows = { { name = { text = "down", colour = "red" }, memory = 1 } }
  t.ok(not grid.render(rows, { columns = COLUMNS }):find("\27", 1, true))
  t.match(grid.render(rows, { columns = COLUMNS, colours = true }), "\27[31mdown", true)
  t.eq(colour.wanted(pipe().write), false)
  t.eq(grid.render({}, { columns = COLUMNS, empty = "nothing" }), "nothing\n")
end)

test.case("on a terminal colours are wanted, and not with NO_COLOR", function(t)
  local function wanted(env)
    local p <close> = pty()
    local child <close> = spawn({ stdout = p.slave }, function()
      exec { "/proc/self/exe", os.getenv("TMPDIR") .. "/colour.lua", env = env }
    end)
    return child:wait().code
  end
  local script <close> = assert(io.open(os.getenv("TMPDIR") .. "/colour.lua", "w"))
  script:write('os.exit(require("view.colour").wanted() and 10 or 11)')
  script:close()
  t.eq(wanted { TERM = "xterm" }, 10)
  t.eq(wanted { TERM = "xterm", NO_COLOR = "1" }, 11)
  t.eq(wanted { TERM = "dumb" }, 11)
  os.remove(os.getenv("TMPDIR") .. "/colour.lua")
end)

test.case("a bar is as full as the share, in eighths", function(t)
  t.eq(bar.render(0, { width = 4 }), "░░░░")
  t.eq(bar.render(1, { width = 4 }), "████")
  t.eq(bar.render(7, { width = 4 }), "████")
  t.eq(bar.render(nil, { width = 4 }), "░░░░")
  t.eq(bar.render(0.3125, { width = 4 }), "█▎░░")
  t.eq(bar.render(0.5, { width = 8, ascii = true }), "####....")
  t.eq({ bar.shade(0.1), bar.shade(0.8), bar.shade(0.95) }, { "green", "yellow", "red" })
end)

test.case("a line has a character a value, gaps where nothing is known", function(t)
  t.eq(spark.line { 0, 1, 2, 4, 8 }, "▁▁▂▄█")
  t.eq(spark.line { 8, false, 8 }, "█ █")
  t.eq(spark.line({ 1, 2, 3, 4 }, { width = 2, max = 4 }), "▆█")
  t.eq(spark.line({}, {}), "")
  t.eq(spark.line({ 0, 4, 8 }, { ascii = true }), "_=@")
end)

test.case("a chart draws usage below its limit, the newest on the right", function(t)
  t.eq(spark.chart({ 1, 2, 3, 4 }, { height = 2, width = 6, limit = 4 }), {
    "╌╌╌╌▄█",
    "  ▄███",
  })
  t.eq(spark.chart({ 8, 8 }, { height = 4, width = 3, limit = 4 }), {
    " ██",
    " ██",
    "╌██",
    " ██",
  })
  t.eq(spark.chart({ 0, 1 }, { height = 2, width = 2, max = 1000 }), { "", " ▁" })
end)

test.case("braille shows two values in a character", function(t)
  t.eq(
    spark.chart({ 4, 4, 1, 2 }, { height = 1, width = 2, max = 4, style = "braille" }),
    { "⣿⣠" }
  )
  t.eq(spark.chart({ 4 }, { height = 1, width = 1, max = 4, style = "braille" }), { "⢸" })
end)

test.case("marks stand below the values they belong to, also when old ones scroll out", function(t)
  local given = { height = 1, width = 3, max = 1, marks = { [1] = "a", [4] = "!" } }
  t.eq(spark.chart({ 1, 1, 1, 1 }, given), { "███", "  !" })
  t.eq(spark.chart({ 1 }, given), { "  █", "  a" })
  given.style = "braille"
  t.eq(spark.chart({ 1, 1, 1, 1, 1, 1 }, given), { "⣿⣿⣿", "a!" })
end)

test.case("in ASCII everything is ASCII", function(t)
  local given = { height = 2, width = 5, limit = 4, style = "ascii", marks = { "T" } }
  for _, line in ipairs(spark.chart({ 1, 2, 3, 4 }, given)) do
    t.ok(not line:find("[\128-\255]"), line)
  end
end)

test.case("amounts are read as they are written", function(t)
  for _, word in ipairs { "1", "512", "64K", "128M", "3G" } do
    t.eq(units.size(units.bytes(word)), word)
  end
  t.eq({ units.bytes("64MiB"), units.bytes("1kb"), units.bytes("1x") }, { 64 << 20, 1024 })
  t.eq(units.size("max"), "max")
  t.eq({ units.size(1536), units.size(0), units.size(123.4 * 1024) }, { "1.5K", "0", "123K" })
  t.eq({ units.time(0.25), units.time(90), units.time(7500) }, { "250ms", "1m30s", "2h05m" })
  t.eq({ units.seconds("250ms"), units.seconds(2), units.seconds("2x") }, { 0.25, 2 })
end)

return test.run()
