-- How a step is judged: checks that stop or never end, facts that differ, what may not pass, and
-- that it does not matter which tool has made what is judged.

local facts = require "scenario.facts"
local judge = require "scenario.judge"
local scenario = require "scenario"
local test = require "test"

--- Judges checks on a stage of their own, with answers.
local function verdict_of(checks, answers, how)
  local asked = {}
  for name in pairs(answers or {}) do
    asked[name] = "it"
  end
  local place <close> = scenario.stage { id = "one", answers = asked, checks = checks }
  return place:judge(answers or {}, how or { patience = "50ms" })
end

--- The fact that a check fails with.
local function fact_of(body, answers)
  return verdict_of({ { "a check", body } }, answers)
end

local function runs(pid)
  local found = proc_stat(pid)
  return found ~= nil and found.state ~= "Z" and found.state ~= "X"
end

local function sleeper(unshare)
  return spawn({ unshare = unshare }, function()
    exec { "sleep", "600" }
  end)
end

test.case(
  "a check that never ends is ended after its deadline, with all that it has started",
  function(t)
    local dir <close> = temp_dir()
    local function endless()
      fork(function()
        setsid()
        write_file(dir.path .. "/pid", tostring(proc_stat().pid), { atomic = true })
        exec { "sleep", "600" }
      end):keep()
      while true do
      end
    end
    local begun = clock("monotonic")
    local verdict = verdict_of { { "it ends", endless, { deadline = "500ms" } } }
    t.ok(clock("monotonic") - begun < 10, "it took long")
    t.eq(verdict.passed, false)
    t.eq(verdict.check, "it ends")
    t.eq(verdict.error, "the check has not come to an end within 0.5 s")
    t.eq(verdict.where.line, function_info(endless).line)
    t.ok(verdict.where.file:find("scenario_judge_test.lua", 1, true))
    t.eq(
      runs(math.tointeger(tonumber(read_file(dir.path .. "/pid")))),
      false,
      "what it has started"
    )
  end
)

test.case("an error in a check names file and line", function(t)
  local function wrong()
    local nothing = ({})[1]
    return nothing.field
  end
  local verdict = fact_of(wrong)
  t.match(verdict.error, "attempt to index a nil value", true)
  t.eq(verdict.where.line, function_info(wrong).line + 2)
  t.ok(verdict.where.file:find("scenario_judge_test.lua", 1, true))
  t.match(table.concat(scenario.lines(verdict), "\n"), "scenario_judge_test.lua:%d+: attempt")
end)

test.case("a check that is killed is no pass", function(t)
  local verdict = fact_of(function()
    kill(proc_stat().pid, "kill")
  end)
  t.eq(verdict.passed, false)
  t.match(verdict.error, "signal", true)
end)

test.case("what is not so at a second look has not passed", function(t)
  local dir <close> = temp_dir()
  local verdict = fact_of(function(check)
    local seen = #list_dir(dir.path)
    write_file(("%s/%d"):format(dir.path, seen), "")
    check:eq(seen, 0, "how often it was looked at")
  end)
  t.eq(verdict.passed, false)
  t.eq(verdict.what, "how often it was looked at")
end)

test.case("what becomes so a little later passes", function(t)
  local dir <close> = temp_dir()
  local child <close> = spawn(function()
    poll({}, { timeout = "400ms" })
    write_file(dir.path .. "/made", "")
  end)
  local verdict = verdict_of({
    {
      "it is made",
      function(check)
        check:ok(stat(dir.path .. "/made"), "it is missing")
      end,
    },
  }, {}, { patience = "10s" })
  t.eq(verdict, { passed = true })
  child:wait()
end)

test.case("only the first check that fails is told", function(t)
  local function say(number)
    return function(check)
      check:eq(number, 1, "number " .. number, "echo " .. number)
    end
  end
  local verdict = verdict_of { { "one", say(1) }, { "two", say(2) }, { "three", say(3) } }
  t.eq(verdict, {
    passed = false,
    index = 2,
    check = "two",
    what = "number 2",
    expected = "1",
    found = "2",
    see = "echo 2",
  })
end)

test.case("an answer that is missing is named, and no check runs", function(t)
  local place <close> = scenario.stage {
    id = "one",
    answers = { pid = "the process" },
    checks = { {
      "never",
      function()
        error "it ran"
      end,
    } },
  }
  local verdict = place:judge {}
  t.eq(verdict.passed, false)
  t.eq(verdict.error, nil)
  t.match(verdict.what, "there is no answer 'pid' yet: the process", true)
end)

test.case("what the machine lacks is a reason, no failure of the learner's", function(t)
  local place <close> = scenario.stage {
    id = "one",
    needs = { "program:no-such-program" },
    checks = { {
      "never",
      function()
        error "it ran"
      end,
    } },
  }
  t.eq(
    place:judge({}),
    { passed = false, skipped = "the program 'no-such-program' is not installed" }
  )
end)

test.case(
  "an answer that is no process, or the lab's own, is no process of the learner's",
  function(t)
    local function pid(check)
      check:pid "pid"
    end
    local zombie <close> = spawn(function() end)
    poll({ zombie }, { timeout = "10s" })
    local gone = spawn(function() end)
    gone:wait()
    local refused = {
      { "nonsense", "a process's number", "nonsense" },
      { -1, "a process's number", "-1" },
      { proc_stat().pid, "a process of yours" },
      { gone.pid, "one that runs", "none" },
      { zombie.pid, "one that runs", "it has ended" },
    }
    for _, one in ipairs(refused) do
      local verdict = fact_of(pid, { pid = one[1] })
      t.eq(verdict.passed, false, tostring(one[1]))
      t.eq(verdict.expected, one[2], tostring(one[1]))
      t.eq(verdict.found, one[3] or tostring(one[1]))
    end
    local place <close> =
      scenario.stage { id = "one", answers = { pid = "it" }, checks = { { "a", pid } } }
    t.eq(
      place:judge({ pid = place.keeper.pid }, { patience = "50ms" }).expected,
      "a process of yours"
    )
  end
)

test.case("each comparison says what was expected and found", function(t)
  local place = { answers = {}, given = {}, dir = "/", token = "x", prefix = "x", own = {} }
  local check = facts.new(place)
  local cases = {
    { "eq", { 1, 2 }, "2", "1" },
    { "eq", { { "a" }, { "b", "c" } }, "b, c", "a" },
    { "eq", { nil, 7 }, "7", "nothing" },
    { "ne", { 1, 1 }, "something else than 1", "1" },
    { "lt", { 2, 2 }, "less than 2", "2" },
    { "le", { 3, 2 }, "at most 2", "3" },
    { "ge", { 1, 2 }, "at least 2", "1" },
    { "ge", { nil, 2 }, "a number", "nothing" },
    { "has", { { "a", "b" }, "c" }, "c among them", "a, b" },
    { "has", { "a text", "word" }, "word among them", "a text" },
  }
  for _, one in ipairs(cases) do
    local _, err = try(check[one[1]], check, one[2][1], one[2][2], "the thing", "look")
    t.eq(
      facts.failure(err),
      { what = "the thing", expected = one[3], found = one[4], see = "look" },
      one[1]
    )
  end
  for name, list in pairs {
    eq = { { 1 }, { 1 } },
    ne = { 1, 2 },
    lt = { 1, 2 },
    le = { 2, 2 },
    ge = { 2, 2 },
    has = { "abc", "b" },
  } do
    check[name](check, list[1], list[2])
  end
  local _, err = try(check.ok, check, false, "it is there")
  t.eq(facts.failure(err), { what = "it is there" })
  _, err = try(check.fail, check, { waht = "x" })
  t.match(err.message, "did you mean 'what'?", true)
end)

test.case(
  "a function runs in a process's namespaces, and its answer comes back",
  { "userns" },
  function(t)
    local box <close> = spawn({ unshare = { "user", "uts" } }, function()
      sethostname("inside")
      exec { "sleep", "600" }
    end)
    box:started()
    local verdict = fact_of(function(check)
      local pid = check:pid "pid"
      local name = check:inside(pid, { "uts" }, function()
        return sysctl_get "kernel.hostname"
      end, { user = true })
      check:eq(name, "inside", "the host name")
      local err = select(
        2,
        pcall(check.inside, check, pid, { "uts" }, function()
          open "/no/such/file"
        end, { user = true })
      )
      check:eq(err.errno, "ENOENT", "the error in there")
      check:ns_differs(pid, "uts")
      check:eq(check:ns(pid, "net"), proc_ns().net, "the network")
    end, { pid = box.pid })
    t.eq(verdict, { passed = true })
  end
)

test.case("a process in your own namespace is told by both inodes", function(t)
  local child <close> = sleeper {}
  child:started()
  local verdict = fact_of(function(check)
    check:ns_differs(check:pid "pid", "uts")
  end, { pid = child.pid })
  local own = proc_ns().uts
  t.eq(verdict.found, ("uts:[%d]"):format(own))
  t.eq(verdict.see, ("readlink /proc/self/ns/uts /proc/%d/ns/uts"):format(child.pid))
end)

test.case("what a process may not do is tried with its rights", { "root" }, function(t)
  local poor <close> = spawn({ unshare = { "uts" } }, function()
    drop_caps { keep = { "net_bind_service" } }
    exec { "sleep", "600" }
  end)
  local rich <close> = sleeper { "uts" }
  poor:started()
  rich:started()
  local function rename(check)
    check:refused(check:pid "pid", "EPERM", "setting the host name", function()
      sethostname "changed"
    end)
  end
  t.eq(fact_of(rename, { pid = poor.pid }), { passed = true })
  local verdict = fact_of(rename, { pid = rich.pid })
  t.eq(verdict.what, "setting the host name")
  t.eq(verdict.expected, "refused with EPERM")
  t.eq(verdict.found, "it was done")
  local before = sysctl_get "kernel.hostname"
  local child <close> = sleeper {}
  child:started()
  verdict = fact_of(rename, { pid = child.pid })
  t.eq(verdict.passed, false, "a process in the host's namespace")
  t.eq(sysctl_get "kernel.hostname", before, "the host's name")
end)

test.case("another errno is no refusal of the expected kind", { "root" }, function(t)
  local child <close> = sleeper { "mnt" }
  child:started()
  local verdict = fact_of(function(check)
    check:refused(check:pid "pid", "EPERM", "opening it", function()
      open "/no/such/file"
    end)
  end, { pid = child.pid })
  t.eq(verdict.found, "refused with ENOENT")
end)

test.case(
  "capabilities, mounts, groups and descendants are the kernel's",
  { "root", "cgroup:pids" },
  function(t)
    local group <close> = cgroup_set("scenario-facts-" .. proc_stat().pid, { pids = 30 })
    local box <close> = spawn({ unshare = { "mnt" }, cgroup = group }, function()
      mount("tmpfs", "/mnt", { type = "tmpfs" })
      drop_caps { keep = { "kill" } }
      exec { "sh", "-c", "sleep 600 & wait" }
    end)
    box:started()
    local verdict = verdict_of({
      {
        "facts",
        function(check)
          local pid = check:pid "pid"
          check:eq(check:caps(pid, "bounding"), { "kill" }, "the bounding set")
          check:eq(check:status(pid).cap_eff_names, { "kill" }, "the effective set")
          check:eq(check:mount_at(pid, "/mnt").fs_type, "tmpfs", "what is mounted at /mnt")
          check:eq(check:mount_at(pid, "/no/such/place"), nil, "what is mounted nowhere")
          local own = check:cgroup(pid, "pids")
          check:eq(own.read "pids.max", "30", "the limit", "cat " .. own.path .. "/pids.max")
          local below = check:descendants(pid)
          check:eq(#below, 1, "what comes from it")
          check:eq(
            check:processes(function(one)
              return one.pid == below[1]
            end)[1].ppid,
            pid,
            "its parent"
          )
          check:eq(check:read "/no/such/file", nil, "a file that is not there")
        end,
      },
    }, { pid = box.pid }, { patience = "5s" })
    t.eq(verdict, { passed = true })
  end
)

test.need("python", function()
  return test.unmet "program:python3" and "the program 'python3' is not installed" or nil
end)

--- The first step of the scenario of the host name, and what somebody else has made of it.
local function judged(command)
  local lesson = scenario.load "scripts/scenarios/hostname.lua"
  local place <close> = scenario.stage(lesson.steps[1])
  place:setup()
  local words = {}
  for index, word in ipairs(command) do
    words[index] = word:gsub("WORD", place.given.word)
  end
  local child <close> = spawn(function()
    exec(words)
  end)
  return place:judge({ pid = child.pid }, { patience = "10s" })
end

test.case(
  "what unshare(1) has made passes",
  { "root", "program:unshare", "program:hostname" },
  function(t)
    t.eq(
      judged { "unshare", "--uts", "sh", "-c", "hostname WORD; exec sleep 600" },
      { passed = true }
    )
  end
)

test.case("what a Python script has made passes", { "root", "python" }, function(t)
  local source = [[
import ctypes, socket, time
assert ctypes.CDLL(None).unshare(0x04000000) == 0
socket.sethostname("WORD")
time.sleep(600)
]]
  t.eq(judged { "python3", "-c", source }, { passed = true })
end)

test.case("a time is a number with a unit", function(t)
  t.eq(judge.seconds("x", "y", "250ms"), 0.25)
  t.eq(judge.seconds("x", "y", 3), 3)
  for _, wrong in ipairs { "", "3", "3 s", "0s", "-1s", "soon", 0, -1 } do
    t.fails("expected a time", judge.seconds, "x", "y", wrong)
  end
end)

return test.run()
