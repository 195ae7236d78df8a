-- The course that is shipped: what refers to something refers to what is there, and every task is
-- proved, as root and as an ordinary user.

local catalogue = require "lab.catalogue"
local checklist = require "lab.checklist"
local host = require "lab.ex4.host"
local selfcheck = require "lab.selfcheck"
local test = require "test"

local course = catalogue.open()

test.case("an exercise, a task and a question that are named anywhere are there", function(t)
  for _, line in ipairs(course.checklist) do
    for _, word in ipairs(line.from) do
      local number = word:match "^q(%d+)$"
      if number then
        t.ok(course.quiz[math.tointeger(tonumber(number))], word)
      elseif word ~= "quiz" and word ~= "own" then
        t.ok(#(word:find(".", 1, true) and { course:find(word) } or course:tasks(word)) > 0, word)
      end
    end
  end
  for _, each in ipairs(course:questions()) do
    for _, id in ipairs(each.question.see) do
      local task, err = try(course.find, course, id)
      t.eq(task and task.id, id, ("question %d: %s"):format(each.number, err and err.message or ""))
    end
  end
end)

test.case("an id is a task's alone, and its hash stands for what is asked", function(t)
  local seen = {}
  for _, task in ipairs(course:tasks()) do
    t.ok(not seen[task.id], task.id .. " is there twice")
    seen[task.id] = true
    t.match(task.hash, "^%x+$")
    t.eq(#task.hash, 16)
  end
end)

test.case("the checklist has the course's eleven lines, none done at the beginning", function(t)
  local items = checklist.of(course, { tasks = {}, quiz = {} })
  t.eq(#items, 11)
  for _, item in ipairs(items) do
    t.ok(not item.done and item.of > 0, item.text)
  end
end)

test.case("every line of the checklist is done by who has passed everything", function(t)
  local record = { tasks = {}, quiz = {}, given_back = { file = "x", hash = "x", passed = 1 } }
  for _, task in ipairs(course:tasks()) do
    record.tasks[task.id] = { passed = 1, hash = task.hash }
  end
  for _, each in ipairs(course:questions()) do
    record.quiz[each.id] = { passed = 1, hash = each.hash }
  end
  for _, item in ipairs(checklist.of(course, record)) do
    t.ok(item.done, item.text)
  end
end)

test.case("who goes on with next comes by every possible task, and to an end", function(t)
  local record, count = { tasks = {}, quiz = {} }, 0
  local task = course:next(record)
  while task do
    count = count + 1
    t.ok(count <= 200, "there is an end")
    t.eq(catalogue.before(task, record), {}, task.id .. " comes after what it needs")
    record.tasks[task.id] = { passed = 1, hash = task.hash }
    task = course:next(record, task.id)
  end
  for _, each in ipairs(course:tasks()) do
    local state = catalogue.state(each, record)
    local stands_in = false
    for _, other in ipairs(each.exercise.tasks) do
      stands_in = stands_in or other.step.alternative == each.step.id
    end
    t.ok(state ~= "open" or stands_in, each.id .. " was come by")
  end
end)

-- Where root has proved every decoy, an ordinary user shows that each task can be done, and that
-- the course's own version fails: CRUN_LUA_TEST_WHOLE=1 proves all of it once more.
local NOBODY = 65534
local brief = proc_status().uid.effective == NOBODY and not os.getenv "CRUN_LUA_TEST_WHOLE"

-- Each exercise as a case of its own: a failure names it, and none takes all the time.
for _, name in ipairs(course.names) do
  for _, who in ipairs { "root", "user" } do
    local by = who == "root" and "by root" or "by an ordinary user"
    test.case(("each task of %s is proved %s"):format(name, by), { who, "minutes:12" }, function(t)
      t.eq(selfcheck.run(course, { id = name, brief = brief }), 0)
      -- A learner's process that was killed may leave its journal, which the next gc takes back.
      t.eq(capture({ "/proc/self/exe", "gc" }).code, 0)
    end)
  end
end

test.case("a box's command is told from a copy of it that its shell has made", function(t)
  local script = "(while :; do sleep 0.1; done) & echo ready; wait"
  local given = { runtime = "/usr/bin/unshare", rootfs = "/", name = "copy" }
  local found = host.on(given, function(place)
    local words = { "--pid", "--fork", "--kill-child", "/bin/sh", "-c", script, "the-box" }
    local run = place:start(words)
    local ready = run:hear("ready", 8)
    local pid, inside = place:find("the-box", 8)
    kill(pid, "kill")
    return { ready = ready, inside = inside, ended = run:wait(8) ~= nil }
  end)
  t.eq(found, { ready = true, inside = 1, ended = true })
end)

return test.run()
