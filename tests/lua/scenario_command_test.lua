-- `crun-lua scenario`: what it refuses, what each way of using a lesson tells and answers, and that
-- a lesson which is wrong about itself is found out.

local command = require "commands.scenario"
local play = require "scenario.play"
local prove = require "scenario.prove"
local scenario = require "scenario"
local test = require "test"
local words = require "scenario.words"

--- Runs the command in a child: its status, and what it wrote.
local function run(arguments, typed)
  local child <close> = spawn({ stdin = "pipe", stdout = "pipe", stderr = "pipe" }, function()
    return command(arguments)
  end)
  local result = child:output { stdin = typed or "", timeout = "100s", max = "16M" }
  return result.code, result.stdout, result.stderr
end

--- A lesson's file in a directory, with one step of which some fields differ.
local function lesson(dir, fields)
  local path = dir.path .. "/lesson.lua"
  local text = [[
local scenario = require "scenario"
return scenario {
  title = "One",
  steps = {
    {
      id = "one",
      title = "Make a file",
      text = "Make the file `made` in the directory.",
      %s
      checks = {
        { "it is there", function(t)
          t:ok(stat(t.dir .. "/made"), "there is no file", "ls " .. t.dir)
        end },
      },
    },
  },
}
]]
  write_file(path, (text:gsub("%%s", (fields:gsub("%%", "%%%%")))))
  return path
end

local ACTION = 'action = function(t) write_file(t.dir .. "/made", "") end,'

test.case("wrong words are status 2, with what was meant", function(t)
  local cases = {
    { {}, "what is to be done is missing" },
    { { "rnu", "x" }, "rnu: no such command, did you mean run?" },
    { { "test" }, "a file is missing" },
    { { "test", "a", "b" }, '"b" is one word too many' },
    { { "test", "--juint", "x", "a" }, "did you mean --junit?" },
    { { "export", "a" }, "-o OUT.md or -o OUT.html is missing" },
    { { "export", "a", "-o", "x.pdf" }, "x.pdf: a handout ends in .md or .html" },
    { { "new" }, "a name is missing" },
    { { "list", "/no/such/file.lua" }, "/no/such/file.lua cannot be read" },
  }
  for _, one in ipairs(cases) do
    local status, out, errors = run(one[1])
    t.eq(status, 2, one[2])
    t.eq(out, "")
    t.match(errors, one[2], true)
  end
  t.eq(run { "--help" }, 0)
end)

test.case("a file that is no scenario is status 2, with its line, and nothing runs", function(t)
  local dir <close> = temp_dir()
  local path = lesson(dir, 'actoin = function() write_file("' .. dir.path .. '/ran", "") end,')
  for _, name in ipairs { "run", "try", "test", "list" } do
    local status, out, errors = run { name, path }
    t.eq(status, 2, name)
    t.eq(out, "")
    t.match(errors, path .. ":9: ", true)
    t.match(errors, "did you mean 'action'?", true)
  end
  t.eq(stat(dir.path .. "/ran"), nil)
end)

test.case("a step that is not there is status 2, with the nearest", function(t)
  local dir <close> = temp_dir()
  local status, _, errors = run { "test", lesson(dir, ACTION), "--step", "oen" }
  t.eq(status, 2)
  t.match(errors, "did you mean 'one'?", true)
end)

test.case("a demonstration without a terminal wants --auto", function(t)
  local dir <close> = temp_dir()
  local status, _, errors = run { "run", lesson(dir, ACTION) }
  t.eq(status, 2)
  t.match(errors, "--auto", true)
end)

test.case("a plan of a scenario is refused at once: checks read what was made", function(t)
  for _, way in ipairs { { "test" }, { "run", "--auto" }, { "try" } } do
    local command_line = { "/proc/self/exe", "--dry-run", "scenario" }
    table.move(way, 1, #way, 4, command_line)
    table.insert(command_line, "scripts/scenarios/hostname.lua")
    local result = capture(command_line, { timeout = "30s", stdin = "check\n" })
    t.eq(result.timed_out, false, way[1])
    t.match(result.stderr, "a scenario cannot be planned", true)
  end
end)

test.case("what works is proved: TAP, and status 0", function(t)
  local dir <close> = temp_dir()
  local decoy =
    [[decoys = { { "another file", function(t) mkdir(t.dir .. "/mad") end, says = "no file" } },]]
  local status, out = run { "test", lesson(dir, ACTION .. decoy) }
  t.eq(
    out,
    table.concat({
      "TAP version 14",
      "ok 1 - one: fails untouched",
      "ok 2 - one: passes with the action",
      "ok 3 - one: passes with the action again",
      "ok 4 - one: fails with the decoy: another file",
      "ok 5 - one: leaves nothing after a reset",
      "1..5",
      "",
    }, "\n")
  )
  t.eq(status, 0)
end)

--- What is not ok in a lesson with these fields.
local function not_ok(t, fields, wanted)
  local dir <close> = temp_dir()
  local status, out = run { "test", lesson(dir, fields) }
  t.eq(status, 1, out)
  t.match(out, wanted, true)
end

test.case("a step that passes untouched is found out", function(t)
  local setup = 'setup = function(t) write_file(t.dir .. "/made", "") end,'
  not_ok(t, setup .. ACTION, 'not ok 1 - one: fails untouched\n  ---\n  message: "it passes"')
end)

test.case("an action that does not do it is found out", function(t)
  not_ok(t, "action = function() end,", "not ok 2 - one: passes with the action")
end)

test.case("an action that stops is found out, with its line", function(t)
  local dir <close> = temp_dir()
  local path = lesson(dir, 'action = function() error("no") end,')
  local status, out = run { "test", path }
  t.eq(status, 1)
  t.match(out, path .. ":9: ", true)
end)

test.case("a decoy that passes is found out", function(t)
  local decoy =
    'decoys = { { "it", function(t) write_file(t.dir .. "/made", "") end, says = "file" } },'
  not_ok(t, ACTION .. decoy, 'message: "it passes"')
end)

test.case("a decoy that fails with something else is found out", function(t)
  local decoy = 'decoys = { { "none", function() end, says = "the moon" } },'
  not_ok(t, ACTION .. decoy, [[it does not say \"the moon\": it is there; there is no file]])
end)

test.case("a check that stops in place of failing is found out", function(t)
  local dir <close> = temp_dir()
  write_file(
    dir.path .. "/a.lua",
    [[
local scenario = require "scenario"
return scenario { title = "x", steps = { { id = "one", title = "x", text = "x",
  answers = { word = "a word" },
  action = function(t) t:answer { word = "yes" } end,
  checks = { { "it is yes", function(t)
    t:eq(({ yes = { ok = true } })[t.answers.word].ok, true)
  end } },
} } }
]]
  )
  local status, out = run { "test", dir.path .. "/a.lua" }
  t.eq(status, 1)
  t.match(out, "the check stops instead of failing", true)
  t.match(out, "a.lua:6", true)
end)

test.case("what an action leaves behind is found out", { "root" }, function(t)
  local leak = [[action = function(t)
    write_file(t.dir .. "/made", "")
    mount("tmpfs", "/mnt", { type = "tmpfs", host = true }):keep()
  end,]]
  -- In a mount namespace of its own, so that what is left goes with it.
  local child <close> = spawn({ unshare = { "mnt" } }, function()
    not_ok(t, leak, "the mount /mnt (tmpfs)")
  end)
  t.eq(child:wait().code, 0)
end)

test.case("a step that cannot be done here is skipped with the reason, status 0", function(t)
  local dir <close> = temp_dir()
  local path = lesson(dir, ACTION .. 'needs = { "program:no-such-program" },')
  local status, out = run { "test", path }
  t.eq(status, 0)
  t.match(out, "ok 1 - one: all of it # SKIP the program 'no-such-program' is not installed", true)
  status, out = run { "run", "--auto", path }
  t.eq(status, 0)
  t.match(out, "skipped: the program 'no-such-program' is not installed", true)
  status, out = run { "list", path }
  t.eq(status, 0)
  t.match(out, "no-such-program", true)
end)

test.case("JUnit goes to a file beside TAP, or instead of it to standard output", function(t)
  local dir <close> = temp_dir()
  local path = lesson(dir, "action = function() end,")
  local status, out = run { "test", path, "--junit", dir.path .. "/junit.xml" }
  t.eq(status, 1)
  t.match(out, "TAP version 14", true)
  local xml = read_file(dir.path .. "/junit.xml")
  t.match(xml, '<testsuite failures="2" name="lesson.one" skipped="0" tests="4">', true)
  t.match(xml, "there is no file", true)
  status, out = run { "test", path, "--junit", "-" }
  t.eq(status, 1)
  t.eq(out:find("TAP", 1, true), nil)
  t.eq(out:sub(1, 5), "<?xml")
end)

test.case("a name with markup does not end an element of JUnit", function(t)
  local result = {
    step = "a",
    ok = false,
    checks = 0,
    decoys = 0,
    points = { { ok = false, name = "<a>", message = '"]]>&' } },
  }
  local xml = prove.junit("x", { result })
  t.match(xml, 'name="&lt;a&gt;"', true)
  t.match(xml, "&quot;]]&gt;&amp;</failure>", true)
end)

test.case("a demonstration shows source, output and verdict, and tells the calls", function(t)
  local dir <close> = temp_dir()
  local path = lesson(dir, ACTION .. 'observe = { "ls $dir" }, lesson = "So it is.",')
  local status, out, errors = run { "run", "--auto", path }
  t.eq(status, 0)
  t.match(out, 'write_file(t.dir .. "/made", "")', true)
  t.match(out, "\n  made\n", true)
  t.match(out, "✓ it is there", true)
  t.match(out, "So it is.", true)
  t.match(errors, "write(</", true)
  t.match(errors, "lesson.lua:9", true)
  t.eq(errors:find("pidfd_send_signal", 1, true), nil, "the end of the process is not the lesson's")
  local plain, _, silent = run { "run", "--auto", "--plain", path }
  t.eq(plain, 0)
  t.eq(silent, "")
end)

test.case("a demonstration whose check fails says so, and is status 1", function(t)
  local dir <close> = temp_dir()
  local path = lesson(dir, "action = function() end,")
  local status, out = run { "run", "--auto", "--plain", path }
  t.eq(status, 1)
  t.match(out, "✗ it is there", true)
  t.match(out, "there is no file", true)
end)

test.case("an exercise is judged by what the learner has done, not by what was typed", function(t)
  local dir <close> = temp_dir()
  local path = lesson(dir, ACTION .. 'hints = { "first", "second", "third" },')
  local typed =
    "chek\nnext\nsolution\ncheck\ncheck\ncheck\nhint\nhint\nskip\nsolution\nreset\nquit\n"
  local status, out, errors = run({ "try", path }, typed)
  t.eq(status, 0)
  t.eq(errors, "")
  t.match(out, "did you mean check?", true)
  t.match(out, "it is not passed yet", true)
  t.match(out, "it is shown after a pass, or after skip", true)
  t.match(out, "there is no file", true)
  t.match(out, "hint gives a hint", true)
  t.match(out, "hint 2 of 3: second", true)
  t.match(out, 'write_file(t.dir .. "/made", "")', true)
end)

test.case(
  "an exercise passes when somebody else makes it so, and ends with nothing left",
  function(t)
    local dir <close> = temp_dir()
    local path = lesson(dir, ACTION)
    local child <close> = spawn({ stdin = "pipe", stdout = "pipe" }, function()
      return command { "try", path }
    end)
    local out = ""
    local function until_(text)
      while not out:find(text, 1, true) do
        out = out .. assert(child.stdout:read(4096, { timeout = "30s" }), out)
      end
    end
    until_ "one> "
    local place = out:match "files go into (%S+)"
    t.eq(stat(place).type, "directory")
    child.stdin:write "check\n"
    until_ "there is no file"
    write_file(place .. "/made", "by another tool")
    child.stdin:write "check\n"
    until_ "passed\n"
    child.stdin:close()
    t.eq(child:wait().code, 0)
    t.eq(stat(place), nil)
  end
)

test.case("a handout has what was really shown, and what is no text does no harm", function(t)
  local dir <close> = temp_dir()
  local path =
    lesson(dir, ACTION .. [[observe = { "ls $dir", "printf '</pre><script>a\\033[2J'" },]])
  local status = run { "export", path, "-o", dir.path .. "/a.md" }
  t.eq(status, 0)
  local page = read_file(dir.path .. "/a.md")
  t.match(page, "# One\n", true)
  t.match(page, "\nmade\n", true)
  t.match(page, "- ✓ it is there", true)
  t.match(page, "write(</", true)
  t.eq(page:find("\27", 1, true), nil, "an escape")
  t.eq(run { "export", path, "-o", dir.path .. "/a.html" }, 0)
  page = read_file(dir.path .. "/a.html")
  t.match(page, "&lt;/pre&gt;&lt;script&gt;", true)
  t.eq(page:find("<script", 1, true), nil)
  t.match(page, "prefers-color-scheme: dark", true)
  t.eq(run { "export", path, "-o", dir.path .. "/b.md", "--no-run" }, 0)
  page = read_file(dir.path .. "/b.md")
  t.eq(page:find("✓", 1, true), nil)
  t.match(page, "$ ls $dir", true)
end)

test.case(
  "a handout shows the namespaces of the processes that were made",
  { "userns" },
  function(t)
    local dir <close> = temp_dir()
    local path = dir.path .. "/a.html"
    t.eq(run { "export", "scripts/scenarios/hostname.lua", "-o", path }, 0)
    local page = read_file(path)
    t.match(page, "of their own", true)
    t.match(page, "user namespace ", true)
  end
)

test.case("a handout of a step that fails is written, and is status 1", function(t)
  local dir <close> = temp_dir()
  local path = lesson(dir, "action = function() end,")
  local status, _, errors = run { "export", path, "-o", dir.path .. "/a.md" }
  t.eq(status, 1)
  t.match(errors, "step one: it is there; there is no file", true)
  t.match(read_file(dir.path .. "/a.md"), "- ✗ it is there", true)
end)

test.case("a skeleton passes its test, and overwrites nothing", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/mine.lua"
  t.eq(run { "new", dir.path .. "/mine" }, 0)
  local status, out = run { "test", path }
  t.eq(status, 0, out)
  write_file(path, "-- changed")
  local again, _, errors = run { "new", path }
  t.eq(again, 1)
  t.match(errors, "is there already", true)
  t.eq(read_file(path), "-- changed")
end)

for _, name in ipairs { "hostname", "mounts" } do
  for _, need in ipairs { "root", "user" } do
    local title = ("scripts/scenarios/%s.lua is what it says, as %s"):format(name, need)
    test.case(title, { need, "userns" }, function(t)
      local status, out = run { "test", ("scripts/scenarios/%s.lua"):format(name) }
      t.eq(status, 0, out)
      t.eq(out:find("SKIP", 1, true), nil)
    end)
  end
end

test.case("a step's source is what its author wrote, without the margin", function(t)
  local function body()
    local one = 1
    if one then
      return one
    end
  end
  t.eq(play.source(body), "local one = 1\nif one then\n  return one\nend")
  local short = play.source(function()
    return { 1, ")" }
  end)
  t.eq(short, 'return { 1, ")" }')
end)

test.case("texts are filled, lists and blocks stay", function(t)
  local source = [[
    One two three four.

    - an item that is
      long
    - two

        code  stays
  ]]
  t.eq(words.fill(source, 12), {
    "One two",
    "three four.",
    "",
    "- an item",
    "  that is",
    "  long",
    "- two",
    "",
    "    code  stays",
  })
end)

test.case("a lesson in a table can be proved as well", function(t)
  local result = scenario.selftest {
    id = "one",
    checks = { {
      "one is two",
      function(check)
        check:eq(1, 2)
      end,
    } },
  }
  t.eq(result.ok, true)
  t.eq(result.points[2].skipped, "the step has no action")
end)

return test.run()
