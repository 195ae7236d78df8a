-- The rig again on a kernel that lacks a call: each way round must be as strict as the main one, or
-- refuse in plain words. A filter answers ENOSYS, as such a kernel does.

local stage = require "test.hostile.stage"
local test = require "test"

local PROGRAM = os.getenv("CRUN_LUA_TEST_PROGRAM") or "/proc/self/exe"
local STDLIB = os.getenv("CRUN_LUA_TEST_STDLIB")

-- All that is younger than Linux 5.0 and has a way round it; the last row is Linux 5.1.
local REFUSED = {
  { "openat2" },
  { "clone3" },
  { "mount_setattr" },
  { "move_mount" },
  { "fsopen" },
  { "open_tree" },
  { "close_range" },
  { "pidfd_open" },
  { "landlock_create_ruleset" },
  { "fchmodat2", "faccessat2", "statmount", "listmount" },
  {
    "openat2",
    "clone3",
    "mount_setattr",
    "move_mount",
    "fsopen",
    "open_tree",
    "close_range",
    "landlock_create_ruleset",
    "fchmodat2",
  },
}

local RIG = {
  { "handle", "no call of a handle leaves a hostile root, or tells of what is outside" },
  { "handle", "no mount of a handle leaves a hostile root, with a procfs in it" },
  { "container", "a container of the stdlib stays in a hostile root" },
  { "container", "a container of the OCI commands stays in a hostile root" },
  { "container", "no layer leaves a hostile root, whatever a lower one has left" },
  { "race", "nothing that is exchanged leads out of a root" },
}

--- Runs a case of the rig in a program that is refused these calls.
local function run(t, calls, part, file, case)
  local child <close> = spawn({ stdout = "pipe", stderr = "stdout" }, function()
    stage.refuse(calls)
    local names = "CRUN_LUA_TEST_RIG_REFUSED=" .. table.concat(calls, ",")
    local command = { "env", "CRUN_LUA_TEST_RIG_PART=" .. part, names, PROGRAM }
    if STDLIB then
      table.move({ "--stdlib", STDLIB }, 1, 2, #command + 1, command)
    end
    local words = { ("tests/hostile/%s_test.lua"):format(file), "--case", case }
    exec(table.move(words, 1, #words, #command + 1, command))
  end)
  local result = child:output()
  print(result.stdout)
  t.eq(result.code, 0, ("%s without %s: %s"):format(case, table.concat(calls, ", "), result.stdout))
end

for index, calls in ipairs(REFUSED) do
  local name = #calls < 4 and calls[1] or calls[1] .. " and all that came later"
  if calls[1] == "fchmodat2" then
    name = "what came after Linux 5.8"
  end
  test.case("an image is as harmless without " .. name, { "root", "minutes:60" }, function(t)
    for number, one in ipairs(RIG) do
      -- In `make test` each of the missing calls has a part of the rig, together all of it.
      if stage.long() then
        run(t, calls, "1/1", one[1], one[2])
      elseif (index + number) % #RIG == 0 or index == #REFUSED and number % 2 == 0 then
        run(t, calls, ("%d/%d"):format(index, #REFUSED), one[1], one[2])
      end
    end
  end)
end

-- Else the whole file would show nothing.
test.case("a call that is refused is not made", { "root" }, function(t)
  local child <close> = spawn(function()
    stage.refuse { "openat2", "close_range" }
    return syscall_try("openat2").errno == "ENOSYS" and 0 or 1
  end)
  t.eq(child:wait().code, 0)
end)

test.case(
  "a container that lives is not told of as stopped, nor forgotten, without pidfd_open",
  { "root", "program:busybox" },
  function(t)
    local oci = require "test.oci"
    local bench <close> = oci.bench()
    bench:write(oci.spec { "sleep", "600" })
    t.eq(bench:detached { "create", "--bundle", bench.path, "box" }, 0)
    local pid = bench:status("box").pid
    local first = { pid = pid, starttime = proc_stat(pid).starttime }
    local child <close> = spawn(function()
      stage.refuse { "pidfd_open" }
      local started = bench:call { "start", "box" }
      t.ne(started.code, 0)
      t.match(started.stderr, "pidfd_open", true)
      t.eq(bench:status("box").status, "created")
      t.eq(bench:call({ "delete", "--force", "box" }).code, 0)
    end)
    t.eq(child:wait().code, 0)
    t.ok(not require("container.owner").alive(first), "its process is gone")
    t.eq(bench:status("box"), nil)
  end
)

--- Calls a body in a process that is refused pidfd_open.
local function without_pidfds(t, body)
  local child <close> = spawn(function()
    stage.refuse { "pidfd_open" }
    t.fails("ENOSYS", process_open, proc_stat().pid)
    body()
  end)
  t.eq(child:wait().code, 0)
end

-- What records name: by number, and by when it was started. It waits for a word that never comes.
local function sleeper(word)
  local child = spawn({ stdin = "pipe", die_with_parent = true }, function()
    exec { "sh", "-c", "read -r line", word or "sleeper" }
  end)
  child:started()
  return child, { pid = child.pid, starttime = proc_stat(child.pid).starttime }
end

test.case("what is to end ends without pidfd_open, and nobody else", function(t)
  local owner = require "container.owner"
  local child <close>, who = sleeper()
  without_pidfds(t, function()
    t.ok(owner.finish { pid = who.pid, starttime = who.starttime + 1 })
    t.ok(owner.finish { pid = who.pid })
    t.ok(owner.finish(nil))
    t.ok(owner.alive(who), "a number that is another's by now is let alone")
    t.ok(owner.finish(who))
  end)
  t.eq(child:wait().signal, "kill")
end)

test.case("a dead owner's container is ended without pidfd_open", { "root" }, function(t)
  local state = require "container.state"
  local box <close> = require("container").new { name = "without-pidfds", rootfs = "host" }
  box:start({ "sleep", "600" }, { stdin = "null", stdout = "null", stderr = "null" })
  local other <close> = sleeper()
  local child <close>, who = sleeper()
  local record = state.get(box.name)
  record.status, record.pid, record.starttime = "running", who.pid, who.starttime
  -- No process has ever started at the first tick.
  record.owner = { pid = other.pid, starttime = 1 }
  state.save(record)
  without_pidfds(t, function()
    require("container.recover").one(state.get(box.name))
  end)
  t.eq(child:wait().signal, "kill")
  t.ok(other:alive())
  other:kill("kill")
end)

test.case("a network's helper is ended without pidfd_open", function(t)
  local state = require "network.state"
  local record = { id = "without-pidfds", scope = stat("/proc/self/ns/net").ino }
  local token = ("%s/attachments/%s.helper"):format(state.dir(record.scope), record.id)
  for _, known in ipairs { true, false } do
    local other <close> = sleeper(token .. "x")
    local child <close>, who = sleeper(token)
    record.helper = known and who or nil
    without_pidfds(t, function()
      require("network.user_mode").release(record)
    end)
    t.eq(child:wait().signal, "kill")
    other:kill("kill")
    other:wait()
  end
end)

return test.run()
