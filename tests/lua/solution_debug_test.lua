--- The course's fifth solution, mended: scripts/solutions/5_debug.lua passes its own check, and the
--- course's script, as it stands in the course, fails it where the comments say.
local net = require "test.network"
local test = require "test"

local SCRIPT = "scripts/solutions/5_debug.lua"

local function check(...)
  return capture(net.program(SCRIPT, "--check", ...), { timeout = "55s" })
end

test.case("the course's debugging script fails the check of solution 5 where it is wrong", {
  "root",
  "cgroup:memory",
  "program:bash",
}, function(t)
  local result = check("bash", "tests/fixtures/lab/debug_container.sh")
  t.eq(result.code, 1, result.stderr)
  for _, defect in ipairs {
    "it ends with another status on a process that is gone",
    "it tells apart which namespaces are its own and which the host's",
    "it tells the number that the process has inside",
    "it names capabilities",
    "it says in a word that calls are filtered",
    "it sees that /proc belongs to other processes",
    "it sees that SIGTERM is not handled",
    "it tells the memory limit that counts",
  } do
    t.match(result.stdout, "✗ " .. defect, true)
  end
end)

test.case("a tool that says nothing fails the check of solution 5", { "userns" }, function(t)
  local result = check("true")
  t.eq(result.code, 1)
  t.match(result.stdout, "✗ it names capabilities", true)
end)

test.case("solution 5 tells all that is wrong with its patient", {
  "root",
  "cgroup:memory",
}, function(t)
  local result = check()
  t.eq(result.code, 0, result.stdout .. result.stderr)
  t.match(result.stdout, "13 of 13", true)
end)

test.case("solution 5 tells an ordinary user what that user may see", {
  "user",
  "userns",
}, function(t)
  local result = check()
  t.eq(result.code, 0, result.stdout .. result.stderr)
end)

test.case("solution 5 says that a process has ended, and how it is called", function(t)
  local child <close> = fork(function() end)
  child:wait()
  local result = capture(net.program(SCRIPT, tostring(child.pid)))
  t.eq(result.code, 1)
  t.match(result.stderr, "there is no process " .. child.pid, true)
  t.eq(capture(net.program(SCRIPT)).code, 2)
  t.eq(capture(net.program(SCRIPT, "patient")).code, 2)
end)

return test.run()
