--- Question 12, what namespaces cost: measured here, after the learner has said. The course's
--- answer names costs of use; what a start pays, and what a hundred starts pay, is the making.
local KINDS = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" }

local ROUNDS = 25

--- The least that a body takes, in microseconds: whatever else the machine does only adds to it.
local function least_of(body)
  local least = math.huge
  for _ = 1, ROUNDS do
    local before = clock("monotonic")
    body()
    least = math.min(least, clock("monotonic") - before)
  end
  return least * 1e6
end

--- A child that does nothing, in new namespaces of these kinds.
local function start(kinds)
  return function()
    local child <close> = spawn({ unshare = kinds }, function() end)
    child:wait()
  end
end

return {
  title = "What a namespace costs",
  form = "measure",
  course = "What are the performance implications of different namespace types?",
  text = [[
A process is started and ends, in a new namespace of one kind more than its caller's. What does the
kind add to the time? (Inside of a user namespace, so that everybody may make all of them.)]],
  explain = [[
Two stand out. A network namespace is a whole stack: tables, counters, sysctls, a lo; and it is
taken down later, by one kernel thread, so many at once queue. A user namespace is small, but the
child stands still until its parent has written the maps of ids into three files. The others are
small structures. The costs *in use* that the course names are mostly not there: a process in
another pid, uts or ipc namespace makes its calls as fast as any, and packets take longer because
of veth and bridge, not of the namespace.]],
  erratum = '"mount namespace affects filesystem operations" and "user namespace has mapping '
    .. 'overhead": neither can be measured in ordinary use',
  see = { "ex1.kinds", "ex1.death" },
  needs = { "userns" },
  deadline = "60s",
  rows = KINDS,
  unit = "µs",
  ask = "Which kind costs most to make and to end?",
  right = "max",
  why = "net is a whole network stack, user waits for its maps; the others are small structures",
  run = function()
    local told = pipe()
    local host <close> = spawn({ unshare = { "user" }, die_with_parent = true }, function()
      local bare, found = least_of(start(nil)), {}
      for _, kind in ipairs(KINDS) do
        found[kind] = math.max(0, least_of(start { kind }) - bare)
      end
      told.write:write(json_encode(found))
      told.write:close()
    end)
    told.write:close()
    local text = told.read:read()
    told.read:close()
    host:wait()
    return json_decode(text)
  end,
}
