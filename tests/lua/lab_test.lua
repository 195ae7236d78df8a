-- The lab as commands: what is refused first, then a course from its first task to its checklist,
-- and that whatever happens to its processes, nothing stays.

local test = require "test"

local COURSE = "tests/fixtures/lab"

--- Places of a learner's own, and the command in them.
local function learner(dir)
  local env = {
    PATH = os.getenv "PATH",
    HOME = dir.path,
    CRUN_LUA_STATE = dir.path .. "/state",
    CRUN_LUA_DATA = dir.path .. "/data",
    TMPDIR = dir.path,
  }
  mkdir(env.CRUN_LUA_STATE, { mode = "0700" })
  local self = { env = env, state = env.CRUN_LUA_STATE .. "/lab" }
  self.progress = dir.path .. "/.local/state/crun-lua/lab.json"
  function self.run(words, stdin)
    local code = 'return require("commands.lab")(arg)'
    local command = { "/proc/self/exe", "--stdlib", "stdlib", "-", "--course", COURSE }
    if stdin then
      -- Standard input is the quiz's: the program comes from a file.
      write_file(dir.path .. "/lab.lua", code)
      command[4] = dir.path .. "/lab.lua"
    end
    table.move(words, 1, #words, #command + 1, command)
    return capture(command, { stdin = stdin or code, env = env, timeout = "100s" })
  end
  --- The command has to answer this status and, somewhere, this text.
  function self.says(t, status, text, words, stdin)
    local result = self.run(words, stdin)
    local all = result.stdout .. result.stderr
    t.eq(result.code, status, table.concat(words, " ") .. ": " .. all)
    t.match(all, text, true)
    return all
  end
  function self.keeper()
    local record = read_file(self.state .. "/keeper.json")
    return record and json_decode(record)
  end
  return self
end

local function alive(pid)
  local found = try(proc_stat, pid)
  return found ~= nil and found.state ~= "Z"
end

local function gone(pid)
  for _ = 1, 500 do
    if not alive(pid) then
      return true
    end
    poll({}, { timeout = "20ms" })
  end
  return false
end

local function dir_of(said)
  return said:match "dir = ([^,\n]+)"
end

test.case("a wrong word, option, task, answer or number is refused", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  lab.says(t, 2, "did you mean crun-lua lab check?", { "chekc" })
  lab.says(t, 2, "did you mean --course?", { "--curse", "x" })
  lab.says(t, 2, "--junit belongs to selfcheck", { "task", "--junit", "x" })
  lab.says(t, 2, "--seed abc: expected a whole number", { "quiz", "--seed", "abc" })
  lab.says(t, 2, '"7" is no question: there are 1 to 1', { "quiz", "7" })
  lab.says(t, 1, "did you mean 'first'?", { "task", "frist" })
  lab.says(t, 1, "did you mean 'first.word'?", { "task", "first.wrd" })
  lab.says(t, 1, "no task has begun", { "check" })
  lab.says(t, 1, "no task has begun", { "hint" })
  lab.says(t, 1, "no task has begun", { "reset" })
  lab.says(t, 1, "no task has begun", { "answer", "pid=1" })
  lab.says(t, 1, "first.name asks for no answer 'pdi'", { "check", "first.name", "pdi=1" })
  lab.says(t, 1, "the program 'no-such-program' is not installed", { "task", "first.moon" })
  lab.says(t, 1, "lab task first.earth can be done instead", { "task", "first.moon" })
  lab.says(t, 1, "start opens a session, which needs a terminal", { "start" })
  lab.says(t, 1, "there is no such file", { "--watch", dir.path .. "/none" })
  t.eq(lab.keeper(), nil, "nothing was begun")
end)

test.case("a course that is none is told with its file", function(t)
  local dir <close> = temp_dir()
  local catalogue = require "lab.catalogue"
  local function fails(text, message)
    write_file(dir.path .. "/course.lua", text)
    local err = t.fails(message, catalogue.open, dir.path)
    t.match(err.message, dir.path .. "/course.lua", true)
  end
  t.fails("there is no such file", catalogue.open, dir.path .. "/none")
  fails("return 1", "expected a table")
  fails("return {", "unexpected symbol")
  fails('return { id = "x", title = "x" }', "exercises: is missing")
  fails('return { id = "x y", title = "x", exercises = {} }', "is no name of letters and digits")
  fails('return { id = "x", titel = "x", exercises = {} }', "did you mean 'title'?")
  local twice = 'return { id = "x", title = "x", exercises = { "a.lua", "a.lua" } }'
  write_file(dir.path .. "/course.lua", twice)
  t.fails("is there twice", catalogue.open, dir.path)
end)

test.case("an exercise with a missing field is told with its file and line", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  write_file(dir.path .. "/course.lua", 'return { id = "x", title = "x", exercises = { "a.lua" } }')
  local wrong =
    'return require "scenario" {\n  title = "x",\n  steps = { {\n    id = "one" } },\n}\n'
  write_file(dir.path .. "/a.lua", wrong)
  lab.says(t, 1, dir.path .. "/a.lua:", { "list", "--course", dir.path })
end)

test.case("a damaged file of progress is told, and only moved aside when asked for", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  mkdir(lab.progress:match "^(.*)/", { parents = true })
  write_file(lab.progress, "{ no")
  for _, words in ipairs { { "list" }, { "task" }, { "next" }, { "status" }, { "skip" } } do
    lab.says(t, 1, lab.progress .. ": it is damaged", words)
  end
  t.eq(lab.keeper(), nil, "no task was begun")
  t.eq(read_file(lab.progress), "{ no")
  lab.says(t, 0, "the progress is now in " .. lab.progress .. ".old-1", { "status", "--forget" })
  lab.says(t, 0, "0 of 4 tasks passed", { "list" })
end)

test.case("a task goes from its text to a pass, and on", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  local said = lab.says(t, 0, "Write the token into the file", { "task" })
  local place, token = dir_of(said), said:match "token = ([^,\n]+)"
  t.ok(stat(place), "its directory is there")
  t.match(said, "  ls -l " .. place .. "/word", true)
  -- The same task again, by name or without.
  t.eq(dir_of(lab.says(t, 0, "Write the token", { "task" })), place)
  lab.says(t, 1, "✗ there is a file", { "check" })
  lab.says(t, 1, "the solution is shown when it is passed or skipped", { "solution" })
  lab.says(t, 1, "first.word is still open", { "next" })
  local hint = lab.says(t, 0, "hint 1 of 3: Where is the directory?", { "hint" })
  t.match(hint, "^✗ there is a file")
  lab.says(t, 0, "hint 2 of 3", { "hint" })
  write_file(place .. "/word", "another")
  lab.says(t, 1, "✗ the token is in it", { "check" })
  local third = lab.says(t, 1, "3 times not yet: crun-lua lab hint", { "check" })
  t.match(third, "expected " .. token .. ", found another", true)
  write_file(place .. "/word", token)
  local keeper = lab.keeper()
  said = lab.says(t, 0, "✓ passed: first.word", { "check" })
  t.match(said, "lab next goes on with first.name", true)
  t.ok(not stat(place), "what was prepared is removed")
  t.ok(gone(keeper.pid), "its keeper has ended")
  lab.says(t, 0, 'write_file(t.dir .. "/word"', { "solution" })
  local record = json_decode(read_file(lab.progress)).courses.fixture.tasks["first.word"]
  t.eq({ record.hints, record.failures, #record.hash }, { 2, 3, 16 })
  lab.says(t, 0, "[x] Leave a word", { "status" })
  said = lab.says(t, 0, "A host name of its own", { "next" })
  lab.says(t, 0, "lab task first.name begins it anew", { "reset" })
  t.ok(not stat(dir_of(said)) and not stat(lab.state), "nothing is left of it")
end)

test.case("who reaches the state by another tool passes", { "root", "program:unshare" }, function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  local other <close> = spawn(function()
    exec { "unshare", "--uts", "sleep", "100" }
  end)
  other:started()
  lab.says(t, 1, "first.name begins only now", { "check", "first.name", "pid=" .. other.pid })
  lab.says(t, 1, "there is no answer 'pid' yet", { "check" })
  lab.says(t, 0, "pid = " .. other.pid, { "answer", "pid=" .. other.pid })
  lab.says(t, 0, "✓ passed: first.name", { "check" })
end)

test.case("a second lab is refused, and says who has the first", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  lab.says(t, 0, "first.word", { "task" })
  local keeper = lab.keeper()
  local refused = "the task first.word is being done already, begun by crun-lua lab task"
  local said = lab.says(t, 1, refused, { "task", "first.earth" })
  t.match(said, "lab reset ends it", true)
  lab.says(t, 1, "is being done already", { "check", "first.earth" })
  t.eq(lab.keeper().pid, keeper.pid)
  -- A pass makes room.
  write_file(dir_of(lab.says(t, 0, "first.word", { "task" })) .. "/word", "x")
  lab.says(t, 0, "first.word is skipped", { "skip" })
  lab.says(t, 0, "first.earth", { "task", "first.earth" })
  lab.says(t, 0, "begins it anew", { "reset" })
end)

test.case("of eight that begin at once one has the task, and the others say so", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  local children = {}
  for number = 1, 8 do
    children[number] = fork(function()
      local result = lab.run { "task", number % 2 == 0 and "first.word" or "first.earth" }
      return result.code
    end)
  end
  local refused = 0
  for _, child in ipairs(children) do
    refused = refused + child:wait().code
  end
  -- Those that mean the same task see it.
  t.ok(refused >= 1 and refused <= 7, ("%d were refused"):format(refused))
  local keeper = lab.keeper()
  t.ok(alive(keeper.pid), "its keeper lives")
  lab.says(t, 0, "begins it anew", { "reset" })
  t.ok(gone(keeper.pid))
end)

test.case("a keeper that is killed leaves nothing, and the next command begins anew", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  local said = lab.says(t, 0, "given:", { "task", "first.name" })
  local place = dir_of(said)
  local other = math.tointeger(tonumber(said:match "other = (%d+)"))
  local keeper = lab.keeper()
  t.ok(alive(other), "what was prepared is there")
  kill(keeper.pid, "kill")
  t.ok(gone(keeper.pid) and gone(other), "what was prepared has ended with it")
  lab.says(t, 1, "no task has begun", { "check" })
  t.ok(not stat(lab.state), "nothing names it any more")
  said = lab.says(t, 0, "given:", { "task", "first.name" })
  t.ok(dir_of(said) ~= place and not stat(place))
  lab.says(t, 0, "begins it anew", { "reset" })
end)

test.case("a task ends with the process that holds it, also when that is killed", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  write_file(dir.path .. "/work.sh", "#!/bin/sh\nexit 0\n", { mode = "0755" })
  local code = 'return require("commands.lab")(arg)'
  write_file(dir.path .. "/lab.lua", code)
  local watch = spawn({ stdin = "null", stdout = "null" }, function()
    exec {
      "/proc/self/exe",
      "--stdlib",
      "stdlib",
      dir.path .. "/lab.lua",
      "--course",
      COURSE,
      "--watch",
      dir.path .. "/work.sh",
      env = lab.env,
    }
  end)
  for _ = 1, 500 do
    if lab.keeper() then
      break
    end
    poll({}, { timeout = "20ms" })
  end
  local keeper = lab.keeper()
  t.eq({ keeper.kind, keeper.owner.pid }, { "watch", watch.pid })
  local said = lab.run({ "task", "first.earth" }).stderr
  t.match(said, ("end that first: it is process %d"):format(watch.pid), true)
  watch:kill "kill"
  watch:wait()
  t.ok(gone(keeper.pid), "the keeper has ended")
  t.ok(not stat(lab.state), "and nothing names it")
end)

test.case("a task ends with the terminal in which a command has begun it", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  local terminal <close> = pty()
  local begun = dir.path .. "/begun"
  -- Nobody's child: the terminal that the tests themselves may have is no ancestor.
  local between = spawn(function()
    local shell = fork(function()
      terminal_attach(terminal)
      lab.run { "task", "first.name" }
      write_file(begun, tostring(proc_stat().pid), { atomic = true })
      poll({}, { timeout = "100s" })
    end)
    shell:keep()
  end)
  between:wait()
  for _ = 1, 1000 do
    if stat(begun) then
      break
    end
    poll({}, { timeout = "20ms" })
  end
  local shell = math.tointeger(tonumber(read_file(begun)))
  local keeper = lab.keeper()
  t.eq({ keeper.kind, keeper.owner.pid }, { "commands", shell })
  kill(shell, "kill")
  t.ok(gone(keeper.pid), "the keeper has ended")
  t.ok(not stat(lab.state), "and nothing names it")
end)

test.case("a file that is watched is run when it is saved, until it passes", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  local file = dir.path .. "/work.lua"
  write_file(file, "error 'not yet'\n")
  write_file(dir.path .. "/lab.lua", 'return require("commands.lab")(arg)')
  local out = dir.path .. "/out"
  local watch <close> = spawn({ stdin = "null", stdout = out, stderr = "stdout" }, function()
    exec {
      "/proc/self/exe",
      "--stdlib",
      "stdlib",
      dir.path .. "/lab.lua",
      "--course",
      COURSE,
      "--watch",
      file,
      "first.name",
      env = lab.env,
    }
  end)
  local function wait_for(text)
    for _ = 1, 1500 do
      if (read_file(out) or ""):find(text, 1, true) then
        return
      end
      poll({}, { timeout = "20ms" })
    end
    error(("%q does not come: %s"):format(text, read_file(out) or ""), 2)
  end
  wait_for "there is no answer 'pid' yet"
  write_file(
    file,
    'local child = spawn({ unshare = { "user", "uts" } }, function() exec { "sleep", "100" } end)\n'
      .. 'child:keep()\nprint("token: " .. os.getenv "LAB_TOKEN")\nprint("pid=" .. child.pid)\n'
  )
  wait_for "✓ passed: first.name"
  t.eq(watch:wait().code, 0)
  t.match(read_file(out), "| token: ", true)
  t.ok(not stat(lab.state), "nothing is left")
end)

test.case("a selfcheck counts what it has proved, and a task that is wrong fails it", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  local junit = dir.path .. "/junit.xml"
  local said = lab.says(t, 0, "3 tasks, 4 checks, 3 decoys; 1 skipped; 0 not as they should be", {
    "selfcheck",
    "--junit",
    junit,
  })
  t.match(said, "skipped: 1 because the program 'no-such-program' is not installed", true)
  t.match(read_file(junit), 'name="fixture.first.word"', true)
  lab.says(t, 0, "1 tasks, 2 checks, 1 decoys", { "selfcheck", "first.word" })
  -- The checks of this one hold whatever is done.
  write_file(dir.path .. "/course.lua", 'return { id = "x", title = "x", exercises = { "a.lua" } }')
  write_file(
    dir.path .. "/a.lua",
    [[
return require "scenario" {
  title = "Nothing to do",
  steps = { { id = "one", title = "One", text = "Do it.", action = function() end,
    checks = { { "always", function() end } } } },
}
]]
  )
  said = lab.says(t, 1, "1 not as they should be", { "selfcheck", "--course", dir.path })
  t.match(said, "✗ fails untouched", true)
end)

test.case("a scenario of one's own counts when it holds and sees through a decoy", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  lab.says(t, 2, "contribute FILE: which one?", { "contribute" })
  lab.says(t, 1, "is the course's own", { "contribute", COURSE .. "/first.lua" })
  local own = read_file(COURSE .. "/first.lua"):gsub("First steps", "My steps")
  write_file(dir.path .. "/own.lua", own)
  lab.says(t, 0, "[ ] Give something back", { "status" })
  lab.says(t, 0, "holds: 4 steps, 3 decoys", { "contribute", dir.path .. "/own.lua" })
  lab.says(t, 0, "[x] Give something back", { "status" })
end)

test.case("the quiz is answered from a pipe, and a right answer is kept", function(t)
  local dir <close> = temp_dir()
  local lab = learner(dir)
  local said = lab.says(t, 1, "that is what a virtual machine has", { "quiz" }, "own\n")
  t.match(said, "see for yourself: crun-lua lab task first.name", true)
  lab.says(t, 1, "1 passed over", { "quiz" }, "\n")
  lab.says(t, 1, "is none of a to c", { "quiz" }, "hots\n")
  local shown = lab.says(t, 0, "✓ right", { "quiz", "--seed", "3" }, "!echo looked\nhost\n")
  t.match(shown, "looked", true)
  lab.says(t, 0, "[x] Answer everything", { "status" })
  lab.says(t, 0, "every question is answered rightly", { "quiz" }, "")
end)

return test.run()
