--- Exercise 5 and the errata: that a wrong cause is told why, that tasks are complete, and that a
--- learner's other ways to the same kernel state pass. Each step's own proof is `lab selfcheck`.
local fault = require "lab.ex5.fault"
local scenario = require "scenario"
local test = require "test"

local function load(name)
  return scenario.load(require("lab." .. name), name)
end

--- Opens a step's stage, lets a function act on it, and judges; what was given is the function's.
local function played(name, id, act)
  local step = scenario.step(load(name), id)
  local stage <close> = scenario.stage(step, { quiet = true })
  stage:setup()
  local answers = act(stage) or {}
  return stage:judge(answers, { patience = "3s" })
end

test.case("a word that is no cause is told, and which words there are", { "userns" }, function(t)
  local verdict = played("ex5", "localhost", function()
    return { cause = "gremlins" }
  end)
  t.eq(verdict.check, "the cause is named")
  t.match(verdict.expected, "lo-down", true)
  t.eq(verdict.found, "gremlins")
end)

test.case("a wrong cause is told what speaks against it, and not which is right", {
  "userns",
}, function(t)
  local verdict = played("ex5", "localhost", function()
    return { cause = "no-listener" }
  end)
  t.match(verdict.what, "Connection refused", true)
  t.ok(not verdict.what:find("lo-down", 1, true), "the right word in the reason")
end)

test.case("the right cause without the repair is not enough", { "userns" }, function(t)
  local verdict = played("ex5", "localhost", function()
    return { cause = "LO-DOWN" }
  end)
  t.eq(verdict.check, "lo is up")
end)

test.case("a fault without a field says which", function(t)
  t.fails("did you mean 'symptom'", fault, { id = "x", synptom = "y" })
end)

test.case(
  "every fault has a right cause among its choices, and a reason against each other",
  function(t)
    for _, step in ipairs(load("ex5").steps) do
      t.ok(step.answers.cause, step.id)
      t.match(step.text, "Which of these is the cause?", true)
      t.ok(#step.checks >= 2 and #step.hints == 3 and #step.observe > 0, step.id)
      t.ok(#step.decoys >= 3, step.id .. " has a wrong repair or two, and a wrong cause")
      t.ok(#step.lesson > 40, step.id)
    end
  end
)

test.case("every erratum's first decoy is the course's own version", function(t)
  local steps = load("errata").steps
  t.eq(#steps, 12)
  for _, step in ipairs(steps) do
    t.ok(step.decoys[1].course, step.id)
    t.ok(#step.decoys >= 2 and #step.hints == 3 and #step.lesson > 40, step.id)
  end
end)

test.case("two who are no peers any more pass, whichever of them was made private", {
  "userns",
  "program:nsenter",
}, function(t)
  local verdict = played("ex5", "leak", function(stage)
    local host, dir = tostring(stage.given.host), stage.dir .. "/srv"
    local enter = { "nsenter", "-t", host, "-U", "-m", "--preserve-credentials" }
    local function there(...)
      local words = table.move({ ... }, 1, select("#", ...), #enter + 1, { table.unpack(enter) })
      t.eq(capture(words).code, 0, table.concat(words, " "))
    end
    there("mount", "--make-private", dir)
    there("umount", dir .. "/data")
    return { cause = "shared" }
  end)
  t.ok(verdict.passed, verdict.what)
end)

test.case("answers that come back by NAT pass as those by a route", {
  "userns",
  "program:nft",
}, function(t)
  local verdict = played("ex5", "oneway", function(stage)
    local router = stage.given.router
    local rules = "add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; "
      .. "add rule ip t c oifname to-server masquerade"
    local words = { "nsenter", "-t", tostring(router), "-U", "-n", "--preserve-credentials", "nft" }
    words[#words + 1] = rules
    t.eq(capture(words).code, 0, "nft")
    return { cause = "no-return-route" }
  end)
  t.ok(verdict.passed, verdict.what)
end)

test.case("a filter that answers another error than EPERM passes", function(t)
  local verdict = played("ex5", "badcall", function(stage)
    local path = stage.dir .. "/filter.json"
    local text = read_file(path):gsub('"SCMP_ACT_KILL_PROCESS"', '"SCMP_ACT_ERRNO", "errnoRet": 30')
    write_file(path, text)
    return { cause = "filter-kills" }
  end)
  t.ok(verdict.passed, verdict.what)
  local refused = played("ex5", "badcall", function(stage)
    write_file(stage.dir .. "/filter.json", "{")
    return { cause = "filter-kills" }
  end)
  t.match(refused.what, "the profile cannot be read", true)
end)

return test.run()
