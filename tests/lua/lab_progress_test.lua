-- The file of a learner's progress: what cannot be understood is never written over, and two who
-- write at once lose nothing.

local progress = require "lab.progress"
local test = require "test"

local function book_in(dir, text)
  local path = dir.path .. "/lab.json"
  if text then
    write_file(path, text)
  end
  return progress.open { path = path, course = "c" }, path
end

local function mark(id)
  return function(record)
    progress.task(record, id).passed = 1
  end
end

local BAD = {
  { "text that is no JSON", "{", "it is damaged: " },
  { "an empty file", "", "it is damaged: " },
  { "a list", "[1]", "it is damaged: it is no JSON object" },
  { "a file without a version", "{}", "it has no version; this program knows version 1" },
  { "a newer version", '{"version":2,"courses":{}}', "it has version 2" },
  { "no courses", '{"version":1}', "courses: expected a table" },
  { "a course without tasks", '{"version":1,"courses":{"c":{"quiz":{}}}}', "courses.c: expected" },
  {
    "a task that is a word",
    '{"version":1,"courses":{"c":{"tasks":{"a.b":"x"},"quiz":{}}}}',
    "courses.c.tasks.a.b: expected a table",
  },
  {
    "a time that is a word",
    '{"version":1,"courses":{"c":{"tasks":{"a.b":{"passed":"x"}},"quiz":{}}}}',
    "courses.c.tasks.a.b.passed: expected a number",
  },
}

for _, bad in ipairs(BAD) do
  test.case(bad[1] .. " is told with the file, and stays as it is", function(t)
    local dir <close> = temp_dir()
    local book, path = book_in(dir, bad[2])
    for _, call in ipairs {
      function()
        return book:read()
      end,
      function()
        return book:change(mark "a.b")
      end,
    } do
      local _, err = try(call)
      t.ok(err, "it fails")
      t.match(err.message, path .. ": ", true)
      t.match(err.message, bad[3], true)
      t.match(err.hint, "lab status --forget", true)
    end
    t.eq(read_file(path), bad[2])
  end)
end

test.case("a directory in its place, or one that cannot be made, is told", function(t)
  local dir <close> = temp_dir()
  mkdir(dir.path .. "/lab.json")
  t.fails("EISDIR", function()
    book_in(dir):read()
  end)
  write_file(dir.path .. "/file", "")
  local book = progress.open { path = dir.path .. "/file/below/lab.json", course = "c" }
  t.fails("ENOTDIR", function()
    book:change(mark "a.b")
  end)
end)

test.case("a change that fails in the middle changes nothing", function(t)
  local dir <close> = temp_dir()
  local book = book_in(dir)
  book:change(mark "a.one")
  t.fails("no such luck", function()
    book:change(function(record)
      record.tasks = {}
      error "no such luck"
    end)
  end)
  t.fails("expected a number", function()
    book:change(function(record)
      record.tasks["a.two"] = { passed = "yesterday" }
    end)
  end)
  t.eq(book:read().tasks["a.one"].passed, 1)
  t.eq(book:read().tasks["a.two"], nil)
end)

test.case("what is moved aside is whole, and replaces nothing", function(t)
  local dir <close> = temp_dir()
  local book, path = book_in(dir, "first")
  t.eq(book:forget(), path .. ".old-1")
  write_file(path, "second")
  t.eq(book:forget(), path .. ".old-2")
  t.eq({ read_file(path .. ".old-1"), read_file(path .. ".old-2") }, { "first", "second" })
  t.eq(book:forget(), nil)
  t.eq(book:read(), { tasks = {}, quiz = {} })
end)

test.case("eight who write at once lose nothing", function(t)
  local dir <close> = temp_dir()
  local book, path = book_in(dir)
  local children = {}
  for number = 1, 8 do
    children[number] = fork(function()
      for round = 1, 10 do
        book:change(mark(("a.t%d_%d"):format(number, round)))
      end
    end)
  end
  for _, child in ipairs(children) do
    t.eq(child:wait().code, 0)
  end
  local count = 0
  for _ in pairs(book:read().tasks) do
    count = count + 1
  end
  t.eq(count, 80)
  t.eq(stat(path).mode & 63, 0, "nobody else may read it")
  t.eq(#list_dir(dir.path), 2, "the file and its lock")
end)

test.case("another course's progress stays", function(t)
  local dir <close> = temp_dir()
  local book, path = book_in(dir)
  book:change(mark "a.one")
  local other = progress.open { path = path, course = "d" }
  other:change(mark "b.one")
  t.eq(book:read().tasks, { ["a.one"] = { passed = 1 } })
  t.eq(other:read().tasks, { ["b.one"] = { passed = 1 } })
end)

return test.run()
